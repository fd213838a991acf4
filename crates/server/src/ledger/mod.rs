//! `florin ledger`: verify, export, balance and explain.

mod hledger;
mod look;

pub use look::{BalanceArgs, ExplainArgs, balance, explain};

use std::error::Error;
use std::process::ExitCode;

use ledger::Verifier;
use serde::Serialize;

use crate::installation::Location;
use crate::output::{self, thousands};

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
    scan.ledger(&mut |part| match part {
        store::Part::Account(account) => verifier.account(account),
        store::Part::Entry(entry, postings) => verifier.entry(&entry, &postings),
    })?;
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

/// `florin ledger export`.
pub fn export(location: &Location, format: Format) -> Result<(), Box<dyn Error>> {
    let scan = location.open_scan()?;
    match format {
        Format::Hledger => hledger::write(scan.as_ref(), &mut std::io::BufWriter::new(std::io::stdout().lock())),
    }
}
