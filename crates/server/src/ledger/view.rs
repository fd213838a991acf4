//! An entry as it is shown: with its postings, the accounts they are of, and who stands behind those.

use std::collections::BTreeMap;
use std::error::Error;

use domain::user::{Identity, Person, User};
use domain::{PlatformId, Resource};
use ledger::{Account, AccountId, Entry, Posting, Role, Uid};
use money::Balance;
use serde::Serialize;
use store::Scan;

/// The accounts of a ledger, as a scan gives them before its entries.
pub type Accounts = BTreeMap<AccountId, Account>;

/// Whether people are called by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// By their ids only.
    Ids,
    /// By their names too: first and last names, and those of organisations. Nothing else of a person is ever shown.
    Names,
}

/// An entry with its postings.
#[derive(Serialize)]
pub struct EntryView {
    entry: String,
    kind: &'static str,
    operation: String,
    platform: String,
    booked_at: String,
    corrects: Option<String>,
    postings: Vec<PostingView>,
}

#[derive(Serialize)]
struct PostingView {
    account: String,
    role: &'static str,
    /// The account again, where it is a user's wallet.
    wallet: Option<String>,
    /// The user it belongs to; none for the platform's and the institution's own.
    user: Option<String>,
    /// What an organisation is called, where names are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<String>,
    /// The people behind the user.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    persons: Vec<PersonView>,
    number: u64,
    amount: i64,
    currency: String,
    balance_after: i64,
}

#[derive(Clone, Serialize)]
struct PersonView {
    person: String,
    /// `holder`: the user is this person. `representative`: the person acts for the organisation that the user is.
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// Who stands behind users.
#[derive(Default)]
pub struct People(BTreeMap<(PlatformId, Uid), Behind>);

#[derive(Clone, Default)]
struct Behind {
    organisation: Option<String>,
    persons: Vec<PersonView>,
}

impl People {
    /// Reads who stands behind the holders of the accounts that these postings are of.
    pub fn of(scan: &dyn Scan, accounts: &Accounts, postings: &[&Posting], naming: Naming) -> Result<Self, Box<dyn Error>> {
        let holder = |posting: &&Posting| {
            let account = accounts.get(&posting.account)?;
            Some((PlatformId(account.tenant), account.holder?))
        };
        let mut holders: Vec<(PlatformId, Uid)> = postings.iter().filter_map(holder).collect();
        holders.sort_unstable();
        holders.dedup();
        let mut behind = BTreeMap::new();
        let mut persons = Vec::new();
        for record in scan.records(User::KIND, &holders)? {
            let Some(user) = record.body::<User>() else { continue };
            let (role, organisation) = match &user.identity {
                Identity::Natural { .. } => ("holder", None),
                Identity::Legal { name, .. } => ("representative", Some(name.expose().clone())),
            };
            let person = PersonView { person: user.person().to_string(), role, name: None };
            persons.push((record.lead.platform, user.person().0));
            let organisation = organisation.filter(|_| naming == Naming::Names);
            behind.insert((record.lead.platform, record.lead.id), Behind { organisation, persons: vec![person] });
        }
        if naming == Naming::Names {
            let mut names = BTreeMap::new();
            for record in scan.records(Person::KIND, &persons)? {
                if let Some(person) = record.body::<Person>() {
                    names.insert(record.lead.id.to_string(), format!("{} {}", person.first_name.expose(), person.last_name.expose()));
                }
            }
            for person in behind.values_mut().flat_map(|behind| &mut behind.persons) {
                person.name = names.get(&person.person).cloned();
            }
        }
        Ok(Self(behind))
    }
}

impl EntryView {
    /// An entry as it is shown.
    pub fn new(entry: &Entry, postings: &[Posting], accounts: &Accounts, people: &People) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            entry: entry.id.0.to_string(),
            kind: entry.kind.name(),
            operation: entry.operation.to_string(),
            platform: entry.tenant.to_string(),
            booked_at: jiff::Timestamp::from_millisecond(entry.booked_at_ms)?.to_string(),
            corrects: entry.corrects.map(|corrected| corrected.0.to_string()),
            postings: postings.iter().map(|posting| PostingView::new(posting, accounts.get(&posting.account), people)).collect(),
        })
    }

    /// The same for people.
    pub fn describe(&self) -> String {
        let mut text =
            format!("{} {} of {}\n  entry {} on platform {}", self.booked_at, self.kind, self.operation, self.entry, self.platform);
        for posting in &self.postings {
            text.push_str(&format!(
                "\n  {:>18}  {} {}, its posting {}, then {}",
                sum(posting.amount, &posting.currency),
                posting.role,
                posting.account,
                posting.number,
                sum(posting.balance_after, &posting.currency)
            ));
            if let Some(user) = &posting.user {
                let name = posting.organisation.as_ref().map_or_else(String::new, |name| format!(", {name}"));
                text.push_str(&format!("\n{:22}of user {user}{name}", ""));
            }
            for PersonView { person, role, name } in &posting.persons {
                let name = name.as_ref().map_or_else(String::new, |name| format!(", {name}"));
                text.push_str(&format!("\n{:22}person {person}, {role}{name}", ""));
            }
        }
        text
    }
}

/// A sum as people write it.
fn sum(minor: i64, currency: &str) -> String {
    currency.parse().map_or_else(|_| format!("{minor} {currency}"), |currency| Balance::new(minor, currency).to_string())
}

impl PostingView {
    fn new(posting: &Posting, account: Option<&Account>, people: &People) -> Self {
        let holder = account.and_then(|account| Some((PlatformId(account.tenant), account.holder?)));
        let Behind { organisation, persons } = holder.and_then(|holder| people.0.get(&holder).cloned()).unwrap_or_default();
        let is_wallet = account.is_some_and(|account| account.role == Role::Wallet);
        Self {
            account: posting.account.0.to_string(),
            role: account.map_or("not there", |account| account.role.name()),
            wallet: is_wallet.then(|| posting.account.0.to_string()),
            user: holder.map(|(_, user)| user.to_string()),
            organisation,
            persons,
            number: posting.number,
            amount: posting.amount,
            currency: posting.currency.to_string(),
            balance_after: posting.balance_after,
        }
    }
}
