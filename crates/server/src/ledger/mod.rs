//! `florin ledger`: verify, anchor, export, balance and explain.

mod anchor;
mod balance;
mod explain;
mod hledger;
mod holder;
mod moment;
mod named;
mod payment;
mod view;

pub use anchor::anchor;
pub use balance::{BalanceArgs, balance};
pub use explain::{ExplainArgs, explain};
pub use payment::{PaymentView, Sought};

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use engine::StoreError;
use ledger::{Entry, Posting, Verifier};
use serde::Serialize;
use store::Scan;
use store::seal::Head;

use crate::installation::Location;
use crate::output::{self, counted, thousands};
use crate::progress::Progress;
use named::Accounts;
use view::{EntryView, People};

/// Formats that the ledger can be written in.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Format {
    /// A journal for hledger.
    Hledger,
}

/// What a ledger is held against.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct VerifyArgs {
    /// Heads that `florin ledger anchor` gave earlier, as text or JSON; the chains must still lead through them
    #[arg(long, value_name = "FILE")]
    pub anchor: Option<PathBuf>,
}

/// What a look through the whole ledger has found.
#[derive(Serialize)]
pub struct Verified {
    holds: bool,
    accounts: u64,
    pub entries: u64,
    postings: u64,
    sealed_blocks: u64,
    anchored_heads: usize,
    entries_not_sealed_yet: u64,
    audit_lines_not_sealed_yet: u64,
    pub findings: Vec<String>,
    findings_in_all: u64,
}

/// `florin ledger verify`: the books' own invariants, and every sealed row against its seal.
pub fn verify(location: &Location, args: &VerifyArgs, json: bool) -> Result<ExitCode, Box<dyn Error>> {
    let heads = args.anchor.as_deref().map_or_else(|| Ok(Vec::new()), anchor::read)?;
    let verified = examine(&*location.open_scan()?, &heads, json)?;
    output::print(json, &verified, || describe(&verified));
    Ok(if verified.holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Holds a whole ledger against its invariants, its seals and earlier heads.
pub fn examine(scan: &dyn Scan, heads: &[Head], json: bool) -> Result<Verified, StoreError> {
    let seals = scan.seals(heads)?;
    let mut findings: Vec<String> = seals.findings.iter().map(ToString::to_string).collect();
    let mut verifier = Verifier::new();
    let mut progress = Progress::counting("entries", json);
    let read = scan.ledger(&mut |part| match part {
        store::Part::Account(account) => verifier.account(account),
        store::Part::Entry(entry, postings) => {
            progress.step();
            verifier.entry(&entry, &postings);
        }
    });
    drop(progress);
    let report = verifier.finish();
    findings.extend(report.findings.iter().map(ToString::to_string));
    let mut findings_in_all = seals.findings_in_all.saturating_add(report.findings_in_all);
    if let Err(error) = read {
        // A row that does not decode ends the reading; what the seals say of it has been told.
        findings.push(format!("the ledger could not be read to its end: {error}"));
        findings_in_all = findings_in_all.saturating_add(1);
    }
    Ok(Verified {
        holds: findings_in_all == 0,
        accounts: report.accounts,
        entries: report.entries,
        postings: report.postings,
        sealed_blocks: seals.blocks,
        anchored_heads: heads.len(),
        entries_not_sealed_yet: seals.unsealed_entries,
        audit_lines_not_sealed_yet: seals.unsealed_audit,
        findings,
        findings_in_all,
    })
}

fn describe(verified: &Verified) -> String {
    let mut seen = format!(
        "{}, {}, {}, {}",
        counted(verified.accounts, "account"),
        entries(verified.entries),
        counted(verified.postings, "posting"),
        counted(verified.sealed_blocks, "sealed block")
    );
    if verified.anchored_heads > 0 {
        seen.push_str(&format!(", {}", counted(verified.anchored_heads as u64, "anchored head")));
    }
    let mut text = if verified.holds {
        format!("The ledger holds: {seen}.")
    } else {
        format!("The ledger does NOT hold: {seen}, {}.", counted(verified.findings_in_all, "finding"))
    };
    for finding in &verified.findings {
        text.push_str("\n  ");
        text.push_str(finding);
    }
    if verified.entries_not_sealed_yet > 0 || verified.audit_lines_not_sealed_yet > 0 {
        text.push_str(&format!(
            "\nNot sealed yet: {}, {}.",
            entries(verified.entries_not_sealed_yet),
            counted(verified.audit_lines_not_sealed_yet, "audit line")
        ));
    }
    text
}

fn entries(number: u64) -> String {
    format!("{} {}", thousands(number), if number == 1 { "entry" } else { "entries" })
}

/// `florin ledger export`. As JSON it is an object an entry, a line each, whatever the format.
pub fn export(location: &Location, format: Format, json: bool) -> Result<(), Box<dyn Error>> {
    let scan = location.open_scan()?;
    let mut out = output::Long::new();
    // A line about progress would be within the journal where both go to one terminal.
    let mut progress = Progress::counting("entries", json || std::io::stdout().is_terminal());
    let written = match format {
        _ if json => lines(scan.as_ref(), &mut out),
        Format::Hledger => hledger::write(scan.as_ref(), &mut out, &mut progress),
    };
    out.end(written)
}

fn lines(scan: &dyn Scan, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let (mut accounts, people) = (Accounts::default(), People::default());
    let mut result = Ok(());
    let line = |out: &mut dyn Write, accounts: &Accounts, entry: &Entry, postings: &[Posting]| -> Result<(), Box<dyn Error>> {
        serde_json::to_writer(&mut *out, &EntryView::new(entry, postings, accounts, &people)?)?;
        out.write_all(b"\n")?;
        Ok(())
    };
    scan.ledger(&mut |part| match part {
        store::Part::Account(account) => accounts.add(account),
        store::Part::Entry(entry, postings) => {
            if result.is_ok() {
                result = line(out, &accounts, &entry, &postings);
            }
        }
    })?;
    result?;
    Ok(out.flush()?)
}
