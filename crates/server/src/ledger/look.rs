//! `florin ledger balance` and `florin ledger explain`: one account at one moment, one entry with all its parts.

use std::error::Error;

use dialect_mangopay::wire::ids;
use domain::{GivenForm, Named, PaymentId, WalletId};
use ledger::{Account, Entry, Posting, Uid};
use serde::Serialize;
use store::Part;

use super::view::{Accounts, EntryView, Naming, People};
use crate::installation::Location;
use crate::output;
use crate::progress::Progress;

/// Which account, and when.
#[derive(clap::Args, Clone, Debug)]
pub struct BalanceArgs {
    /// A wallet or account, in either spelling of its id
    pub id: String,
    /// The moment, as 2026-11-21T12:00:00Z; now unless given
    #[arg(long, value_name = "TIME")]
    pub at: Option<jiff::Timestamp>,
}

/// What is to be explained.
#[derive(clap::Args, Clone, Debug)]
pub struct ExplainArgs {
    /// An entry, a payment, or an account, in either spelling of its id
    pub id: String,
    /// Shows the names of people and organisations too, not only their ids
    #[arg(long)]
    pub names: bool,
}

#[derive(Serialize)]
struct Shown {
    account: String,
    currency: String,
    balance: i64,
    postings: u64,
}

/// `florin ledger balance`.
pub fn balance(location: &Location, args: &BalanceArgs, json: bool) -> Result<(), Box<dyn Error>> {
    let ids = named(&args.id)?;
    let until_ms = args.at.map_or(i64::MAX, jiff::Timestamp::as_millisecond);
    let mut found: Option<Account> = None;
    let (mut balance, mut count) = (0_i64, 0_u64);
    let mut progress = Progress::counting("entries", json);
    location.open_scan()?.ledger(&mut |part| match part {
        Part::Account(account) if ids.contains(&account.id.0) => found = Some(account),
        Part::Entry(entry, postings) if entry.booked_at_ms <= until_ms => {
            progress.step();
            for posting in postings.iter().filter(|posting| ids.contains(&posting.account.0)) {
                balance += posting.amount;
                count += 1;
            }
        }
        Part::Account(_) | Part::Entry(..) => {}
    })?;
    drop(progress);
    let account = found.ok_or_else(|| format!("there is no account {}", args.id))?;
    let shown = Shown { account: account.id.0.to_string(), currency: account.currency.to_string(), balance, postings: count };
    output::print(json, &shown, || format!("{} after {count} postings", money::Balance::new(balance, account.currency)));
    Ok(())
}

/// `florin ledger explain`: every entry that is, belongs to, or touches what was named.
pub fn explain(location: &Location, args: &ExplainArgs, json: bool) -> Result<(), Box<dyn Error>> {
    let ids = named(&args.id)?;
    let scan = location.open_scan()?;
    let mut accounts = Accounts::new();
    let mut found = Vec::new();
    let mut progress = Progress::counting("entries", json);
    scan.ledger(&mut |part| match part {
        Part::Account(account) => drop(accounts.insert(account.id, account)),
        Part::Entry(entry, postings) => {
            progress.step();
            if concerns(&ids, &entry, &postings) {
                found.push((entry, postings));
            }
        }
    })?;
    drop(progress);
    if found.is_empty() {
        return Err(format!("no entry is, belongs to, or touches {}", args.id).into());
    }
    let naming = if args.names { Naming::Names } else { Naming::Ids };
    let postings: Vec<&Posting> = found.iter().flat_map(|(_, postings)| postings).collect();
    let people = People::of(scan.as_ref(), &accounts, &postings, naming)?;
    for (entry, postings) in &found {
        let view = EntryView::new(entry, postings, &accounts, &people)?;
        output::print(json, &view, || view.describe());
    }
    Ok(())
}

fn concerns(ids: &[Uid], entry: &Entry, postings: &[Posting]) -> bool {
    ids.contains(&entry.id.0) || ids.contains(&entry.operation) || postings.iter().any(|posting| ids.contains(&posting.account.0))
}

/// What a text may name in the ledger: one id in either spelling; a text that a fixture gave may be a wallet's or a payment's.
fn named(text: &str) -> Result<Vec<Uid>, Box<dyn Error>> {
    match ids::given(text).map(|given| given.form) {
        Some(GivenForm::Id(id)) => Ok(vec![id]),
        Some(GivenForm::Text(given)) => Ok(vec![given.id(WalletId::SPACE), given.id(PaymentId::SPACE)]),
        None => Err(format!("{text} is not the form of an id").into()),
    }
}
