//! `florin ledger balance`: one account at one moment.

use std::collections::BTreeMap;
use std::error::Error;

use domain::PlatformId;
use ledger::{Account, AccountId, Uid};
use serde::Serialize;
use store::Part;

use super::moment::Moment;
use super::named::{Named, Platforms, on};
use super::view::shown_as;
use crate::failure::{Code, Failure};
use crate::installation::Location;
use crate::output::{self, counted, sum};
use crate::progress::Progress;

/// Which account, and when.
#[derive(clap::Args, Clone, Debug)]
pub struct BalanceArgs {
    /// A wallet or account: its id in either spelling, or a platform's own as FEES_EUR or CREDIT_EUR
    pub id: String,
    /// The platform it is on; needed only where several have one of that name
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// The moment, as 2026-11-21T12:00:00Z, or a date, which stands for its end in UTC; now unless given
    #[arg(long, value_name = "TIME")]
    pub at: Option<Moment>,
}

#[derive(Serialize)]
struct Shown {
    account: String,
    /// The account as the API shows it, where it does.
    wallet: Option<String>,
    client_id: Option<String>,
    currency: String,
    /// Minor units.
    balance: i64,
    postings: u64,
}

/// What was posted to an account until then.
#[derive(Default)]
struct Tally {
    balance: i64,
    postings: u64,
}

/// `florin ledger balance`.
pub fn balance(location: &Location, args: &BalanceArgs, json: bool) -> Result<(), Box<dyn Error>> {
    let named = Named::parse(&args.id)?;
    let until_ms = args.at.map_or(i64::MAX, Moment::ms);
    let scan = location.open_scan()?;
    let mut found: BTreeMap<(Uid, AccountId), (Account, Tally)> = BTreeMap::new();
    let mut is_too_much = false;
    let mut progress = Progress::counting("entries", json);
    scan.ledger(&mut |part| match part {
        Part::Account(account) if named.is(&account) => {
            found.insert((account.tenant, account.id), (account, Tally::default()));
        }
        Part::Entry(entry, postings) if entry.booked_at_ms <= until_ms => {
            progress.step();
            for posting in postings {
                let Some((_, tally)) = found.get_mut(&(entry.tenant, posting.account)) else { continue };
                match tally.balance.checked_add(posting.amount) {
                    Some(balance) => *tally = Tally { balance, postings: tally.postings.saturating_add(1) },
                    None => is_too_much = true,
                }
            }
        }
        Part::Account(_) | Part::Entry(..) => {}
    })?;
    drop(progress);
    if is_too_much {
        return Err(format!("the postings of {} sum to more than an account can hold", args.id).into());
    }
    let platforms = Platforms::of(scan.as_ref(), found.keys().map(|(tenant, _)| PlatformId(*tenant)))?;
    let client_id = args.client_id.as_deref();
    let mut found: Vec<(Account, Tally)> = found.into_values().collect();
    found.retain(|(account, _)| platforms.is_asked(PlatformId(account.tenant), client_id));
    match found.as_slice() {
        [] => Err(Failure::new(Code::NotFound, format!("there is no account {}{}", args.id, on(client_id))).into()),
        [(account, tally)] => {
            show(account, tally, platforms.name(PlatformId(account.tenant)), json);
            Ok(())
        }
        several => Err(platforms.ambiguous(&args.id, several.iter().map(|(account, _)| PlatformId(account.tenant))).into()),
    }
}

fn show(account: &Account, tally: &Tally, client_id: Option<&str>, json: bool) {
    let shown = Shown {
        account: account.id.0.to_string(),
        wallet: shown_as(account),
        client_id: client_id.map(str::to_owned),
        currency: account.currency.to_string(),
        balance: tally.balance,
        postings: tally.postings,
    };
    output::print(json, &shown, || format!("{} after {}", sum(shown.balance, &shown.currency), counted(shown.postings, "posting")));
}
