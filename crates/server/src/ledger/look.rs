//! `florin ledger balance` and `florin ledger explain`: one account at one moment, one entry with all its parts.

use std::error::Error;

use dialect_mangopay::wire::ids;
use domain::{Given, Named, PaymentId, WalletId};
use ledger::{Account, AccountId, Entry, Posting, Uid};
use serde::Serialize;
use store::Part;

use crate::installation::Location;
use crate::output;

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
    location.open_scan()?.ledger(&mut |part| match part {
        Part::Account(account) if ids.contains(&account.id.0) => found = Some(account),
        Part::Entry(entry, postings) if entry.booked_at_ms <= until_ms => {
            for posting in postings.iter().filter(|posting| ids.contains(&posting.account.0)) {
                balance += posting.amount;
                count += 1;
            }
        }
        Part::Account(_) | Part::Entry(..) => {}
    })?;
    let account = found.ok_or_else(|| format!("there is no account {}", args.id))?;
    let shown = Shown { account: account.id.0.to_string(), currency: account.currency.to_string(), balance, postings: count };
    output::print(json, &shown, || format!("{} after {count} postings", money::Balance::new(balance, account.currency)));
    Ok(())
}

#[derive(Serialize)]
struct Explained {
    entry: String,
    kind: &'static str,
    operation: String,
    platform: String,
    booked_at: String,
    corrects: Option<String>,
    postings: Vec<ExplainedPosting>,
}

#[derive(Serialize)]
struct ExplainedPosting {
    account: String,
    role: &'static str,
    user: Option<String>,
    number: u64,
    amount: i64,
    currency: String,
    balance_after: i64,
}

/// `florin ledger explain`: every entry that is, belongs to, or touches what was named.
pub fn explain(location: &Location, args: &ExplainArgs, json: bool) -> Result<(), Box<dyn Error>> {
    let ids = named(&args.id)?;
    let mut accounts = std::collections::BTreeMap::new();
    let mut found = Vec::new();
    location.open_scan()?.ledger(&mut |part| match part {
        Part::Account(account) => drop(accounts.insert(account.id, account)),
        Part::Entry(entry, postings) => {
            if concerns(&ids, &entry, &postings) {
                found.push((entry, postings));
            }
        }
    })?;
    if found.is_empty() {
        return Err(format!("no entry is, belongs to, or touches {}", args.id).into());
    }
    for (entry, postings) in found {
        let explained = explained(&entry, &postings, &accounts)?;
        output::print(json, &explained, || describe(&explained));
    }
    Ok(())
}

fn concerns(ids: &[Uid], entry: &Entry, postings: &[Posting]) -> bool {
    ids.contains(&entry.id.0) || ids.contains(&entry.operation) || postings.iter().any(|posting| ids.contains(&posting.account.0))
}

/// What a text may name in the ledger: one id in either spelling; a text that a fixture gave may be a wallet's or a payment's.
fn named(text: &str) -> Result<Vec<Uid>, Box<dyn Error>> {
    match ids::given(text) {
        Some(Given::Id(id)) => Ok(vec![id]),
        Some(Given::Text(given)) => Ok(vec![given.id(WalletId::SPACE), given.id(PaymentId::SPACE)]),
        None => Err(format!("{text} is not the form of an id").into()),
    }
}

fn explained(
    entry: &Entry,
    postings: &[Posting],
    accounts: &std::collections::BTreeMap<AccountId, Account>,
) -> Result<Explained, Box<dyn Error>> {
    let of = |posting: &Posting| {
        let account = accounts.get(&posting.account);
        ExplainedPosting {
            account: posting.account.0.to_string(),
            role: account.map_or("not there", |account| account.role.name()),
            user: account.and_then(|account| account.holder).map(|holder| holder.to_string()),
            number: posting.number,
            amount: posting.amount,
            currency: posting.currency.to_string(),
            balance_after: posting.balance_after,
        }
    };
    Ok(Explained {
        entry: entry.id.0.to_string(),
        kind: entry.kind.name(),
        operation: entry.operation.to_string(),
        platform: entry.tenant.to_string(),
        booked_at: jiff::Timestamp::from_millisecond(entry.booked_at_ms)?.to_string(),
        corrects: entry.corrects.map(|corrected| corrected.0.to_string()),
        postings: postings.iter().map(of).collect(),
    })
}

fn describe(explained: &Explained) -> String {
    let mut text = format!(
        "{} {} of {}\n  entry {} on platform {}",
        explained.booked_at, explained.kind, explained.operation, explained.entry, explained.platform
    );
    for posting in &explained.postings {
        let user = posting.user.as_ref().map_or_else(String::new, |user| format!(" of user {user}"));
        text.push_str(&format!(
            "\n  {:>14} {}  {} {}{user}, its posting {}, then {}",
            posting.amount, posting.currency, posting.role, posting.account, posting.number, posting.balance_after
        ));
    }
    text
}
