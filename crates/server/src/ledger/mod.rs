//! `florin ledger`: verify, export, balance and explain.

mod hledger;
mod look;
mod view;

pub use look::{BalanceArgs, ExplainArgs, balance, explain};

use std::error::Error;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use ledger::{Entry, Posting, Verifier};
use serde::Serialize;
use store::Scan;

use crate::installation::Location;
use crate::output::{self, thousands};
use crate::progress::Progress;
use view::{Accounts, EntryView, People};

/// Formats that the ledger can be written in.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Format {
    /// A journal for hledger.
    Hledger,
}

#[derive(Serialize)]
struct Verified {
    holds: bool,
    accounts: u64,
    entries: u64,
    postings: u64,
    findings: Vec<String>,
    findings_in_all: u64,
}

/// `florin ledger verify`.
pub fn verify(location: &Location, json: bool) -> Result<ExitCode, Box<dyn Error>> {
    let scan = location.open_scan()?;
    let mut verifier = Verifier::new();
    let mut progress = Progress::counting("entries", json);
    scan.ledger(&mut |part| match part {
        store::Part::Account(account) => verifier.account(account),
        store::Part::Entry(entry, postings) => {
            progress.step();
            verifier.entry(&entry, &postings);
        }
    })?;
    drop(progress);
    let report = verifier.finish();
    let verified = Verified {
        holds: report.holds(),
        accounts: report.accounts,
        entries: report.entries,
        postings: report.postings,
        findings: report.findings.iter().map(ToString::to_string).collect(),
        findings_in_all: report.findings_in_all,
    };
    output::print(json, &verified, || describe(&verified));
    Ok(if verified.holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn describe(verified: &Verified) -> String {
    let seen = format!(
        "{} accounts, {} entries, {} postings",
        thousands(verified.accounts),
        thousands(verified.entries),
        thousands(verified.postings)
    );
    if verified.holds {
        return format!("The ledger holds: {seen}.");
    }
    let mut text = format!("The ledger does NOT hold: {seen}, {} findings.", thousands(verified.findings_in_all));
    for finding in &verified.findings {
        text.push_str("\n  ");
        text.push_str(finding);
    }
    text
}

/// `florin ledger export`. As JSON it is an object an entry, a line each, whatever the format.
pub fn export(location: &Location, format: Format, json: bool) -> Result<(), Box<dyn Error>> {
    let scan = location.open_scan()?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    // A line about progress would be within the journal where both go to one terminal.
    let mut progress = Progress::counting("entries", json || std::io::stdout().is_terminal());
    match format {
        _ if json => lines(scan.as_ref(), &mut out),
        Format::Hledger => hledger::write(scan.as_ref(), &mut out, &mut progress),
    }
}

fn lines(scan: &dyn Scan, out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let (mut accounts, people) = (Accounts::new(), People::default());
    let mut result = Ok(());
    let line = |out: &mut dyn Write, accounts: &Accounts, entry: &Entry, postings: &[Posting]| -> Result<(), Box<dyn Error>> {
        serde_json::to_writer(&mut *out, &EntryView::new(entry, postings, accounts, &people)?)?;
        out.write_all(b"\n")?;
        Ok(())
    };
    scan.ledger(&mut |part| match part {
        store::Part::Account(account) => drop(accounts.insert(account.id, account)),
        store::Part::Entry(entry, postings) => {
            if result.is_ok() {
                result = line(out, &accounts, &entry, &postings);
            }
        }
    })?;
    result?;
    Ok(out.flush()?)
}
