//! `florin ledger explain`: entries with all their parts, and users with what they hold.

use std::collections::BTreeSet;
use std::error::Error;

use domain::PlatformId;
use ledger::{Account, Entry, Posting, Uid};
use store::{Part, Scan};

use super::holder::{AccountView, UserView};
use super::named::{Accounts, Named, Platforms, on};
use super::payment::Sought;
use super::view::{EntryView, Naming, People};
use crate::failure::{Code, Failure};
use crate::installation::Location;
use crate::progress::Progress;
use crate::{control, output};

/// What is to be explained.
#[derive(clap::Args, Clone, Debug)]
pub struct ExplainArgs {
    /// An entry, a payment, a wallet, an account, or a user: its id in either spelling, or a platform's own account as FEES_EUR
    pub id: String,
    /// Shows only what is of this platform
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// Shows the names of people and organisations too, not only their ids
    #[arg(long)]
    pub names: bool,
}

/// What the books say of what was named.
#[derive(Default)]
struct Found {
    accounts: Accounts,
    entries: Vec<(Entry, Vec<Posting>)>,
    platforms: Platforms,
    all: BTreeSet<PlatformId>,
}

impl Found {
    fn read(scan: &dyn Scan, named: &Named, client_id: Option<&str>, progress: &mut Progress) -> Result<Self, Box<dyn Error>> {
        let mut found = Self::default();
        scan.ledger(&mut |part| match part {
            Part::Account(account) => found.accounts.add(account),
            Part::Entry(entry, postings) => {
                progress.step();
                let touches = |posting: &Posting| found.accounts.of(&entry, posting).is_some_and(|account| named.is(account));
                if named.is_cause_of(&entry) || postings.iter().any(touches) {
                    found.entries.push((entry, postings));
                }
            }
        })?;
        // A platform without a single account may have users, and is known by its seals.
        let sealed = scan.heads()?.into_iter().filter_map(|head| Some(PlatformId(Uid::parse(&head.platform)?)));
        found.all = found.accounts.platforms().into_iter().chain(sealed).collect();
        found.platforms = Platforms::of(scan, found.all.iter().copied())?;
        let platforms = &found.platforms;
        found.entries.retain(|(entry, _)| platforms.is_asked(PlatformId(entry.tenant), client_id));
        Ok(found)
    }

    /// The platforms among which something may be.
    fn asked(&self, client_id: Option<&str>) -> BTreeSet<PlatformId> {
        self.all.iter().copied().filter(|platform| self.platforms.is_asked(*platform, client_id)).collect()
    }
}

/// `florin ledger explain`: every entry that is, belongs to, or touches what was named; a user with its wallets; an account
/// that nothing was posted to; a payment for which nothing was posted.
pub fn explain(location: &Location, args: &ExplainArgs, json: bool) -> Result<(), Box<dyn Error>> {
    let named = Named::parse(&args.id)?;
    let client_id = args.client_id.as_deref();
    let scan = location.open_scan()?;
    let naming = if args.names { Naming::Names } else { Naming::Ids };
    let mut progress = Progress::counting("entries", json);
    let found = Found::read(scan.as_ref(), &named, client_id, &mut progress)?;
    drop(progress);

    let asked = found.asked(client_id);
    let may_be_user = |platform: &PlatformId| named.ids().iter().map(move |id| (*platform, *id)).collect::<Vec<_>>();
    let mut holders: Vec<(PlatformId, Uid)> = asked.iter().flat_map(may_be_user).collect();
    let accounts = &found.accounts;
    let of_postings = found.entries.iter().flat_map(|(entry, postings)| postings.iter().filter_map(|posting| accounts.of(entry, posting)));
    let of_name = accounts.iter().filter(|account| named.is(account));
    holders.extend(of_postings.chain(of_name).filter_map(holder));
    let people = People::of(scan.as_ref(), holders, naming)?;

    let mut told = 0_usize;
    for (platform, user) in asked.iter().flat_map(may_be_user) {
        if let Some(view) = UserView::new(platform, user, accounts, &found.platforms, &people) {
            output::print(json, &view, || view.describe());
            told += 1;
        }
    }
    for account in
        accounts.iter().filter(|account| named.is(account) && account.postings == 0 && asked.contains(&PlatformId(account.tenant)))
    {
        let view = AccountView::new(account, &found.platforms);
        output::print(json, &view, || view.describe());
        told += 1;
    }
    for (entry, postings) in &found.entries {
        let view = EntryView::new(entry, postings, accounts, &people)?.on(&found.platforms, entry);
        output::print(json, &view, || view.describe());
        told += 1;
    }
    if told == 0 { without_entry(location, args, &named, &found, &asked, json) } else { Ok(()) }
}

/// Tells of payments for which nothing was posted. The server that owns the data knows them. Errors: there is none either.
fn without_entry(
    location: &Location,
    args: &ExplainArgs,
    named: &Named,
    found: &Found,
    asked: &BTreeSet<PlatformId>,
    json: bool,
) -> Result<(), Box<dyn Error>> {
    let sought = Sought::new(asked.iter().copied(), named.ids());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let payments = runtime.block_on(control::find_payments(location, &sought))?;
    let hint = match payments {
        None => "; a payment that has failed or is under way has no entry, and is told of while a server runs on this folder",
        Some(_) => "",
    };
    let payments = payments.unwrap_or_default();
    if payments.is_empty() {
        let text = format!("nothing in the ledger is, belongs to, or touches {}{}{hint}", args.id, on(args.client_id.as_deref()));
        return Err(Failure::new(Code::NotFound, text).into());
    }
    for payment in payments {
        let view = payment.on(&found.platforms);
        output::print(json, &view, || view.describe());
    }
    Ok(())
}

/// Who holds an account.
fn holder(account: &Account) -> Option<(PlatformId, Uid)> {
    Some((PlatformId(account.tenant), account.holder?))
}
