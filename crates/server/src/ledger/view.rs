//! An entry as it is shown: with its postings, the accounts they are of, and who stands behind those.

use std::collections::BTreeMap;
use std::error::Error;

use dialect_mangopay::wire::Prefix;
use dialect_mangopay::wire::ids::{Spelling, spell};
use domain::user::{Identity, Person, User};
use domain::{PlatformId, Resource};
use ledger::{Account, Entry, EntryKind, Posting, Role, Uid};
use serde::Serialize;
use store::Scan;

use super::named::{Accounts, Platforms};
use crate::output::sum;

/// Whether people are called by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// By their ids only.
    Ids,
    /// By their names too: first and last names, and those of organisations. Nothing else of a person is ever shown.
    Names,
}

/// An entry with its postings. Ids of the books are UUIDs; `payment`, `wallet` and `user` are spelled as the API shows them.
#[derive(Serialize)]
pub struct EntryView {
    entry: String,
    kind: &'static str,
    operation: String,
    /// The operation as the API shows it, where it does.
    payment: Option<String>,
    platform: String,
    /// What the platform calls itself, where that was looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    booked_at: String,
    corrects: Option<String>,
    postings: Vec<PostingView>,
}

#[derive(Serialize)]
struct PostingView {
    account: String,
    role: &'static str,
    /// The account as the API shows it, where it does: a user's wallet, or one of the platform's own.
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

/// A person behind a user.
#[derive(Clone, Serialize)]
pub struct PersonView {
    person: String,
    /// `holder`: the user is this person. `representative`: the person acts for the organisation that the user is.
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// Who stands behind users.
#[derive(Default)]
pub struct People(BTreeMap<(PlatformId, Uid), Behind>);

/// Who stands behind one user.
#[derive(Clone, Default)]
pub struct Behind {
    /// What an organisation is called, where names are asked for.
    pub organisation: Option<String>,
    /// Its people.
    pub persons: Vec<PersonView>,
}

impl PersonView {
    /// The same for people.
    pub fn describe(&self) -> String {
        let name = self.name.as_ref().map_or_else(String::new, |name| format!(", {name}"));
        format!("person {}, {}{name}", self.person, self.role)
    }
}

/// An account as the API shows it: a user's wallet by its id, a platform's own as `FEES_EUR`. None for those of the books alone.
pub fn shown_as(account: &Account) -> Option<String> {
    let is_shown = matches!(account.role, Role::Wallet | Role::Fees | Role::Credit);
    is_shown.then(|| Spelling::new(PlatformId(account.tenant)).spell_account(account.id, account.currency).to_string())
}

/// The payment behind an entry as the API shows it.
fn payment_of(entry: &Entry) -> Option<String> {
    let prefix = match entry.kind {
        EntryKind::PayIn => Prefix::PayIn,
        EntryKind::Transfer => Prefix::Transfer,
        EntryKind::Payout => Prefix::Payout,
        EntryKind::PayInRefund | EntryKind::TransferRefund | EntryKind::PayoutReturn => Prefix::Refund,
        EntryKind::Receipt | EntryKind::Correction => return None,
    };
    Some(spell(prefix, entry.operation).to_string())
}

impl People {
    /// Reads who stands behind those of these holders that are users.
    pub fn of(scan: &dyn Scan, mut holders: Vec<(PlatformId, Uid)>, naming: Naming) -> Result<Self, Box<dyn Error>> {
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

    /// Who stands behind a user, if there is one of that id.
    pub fn behind(&self, platform: PlatformId, user: Uid) -> Option<&Behind> {
        self.0.get(&(platform, user))
    }
}

impl EntryView {
    /// An entry as it is shown.
    pub fn new(entry: &Entry, postings: &[Posting], accounts: &Accounts, people: &People) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            entry: entry.id.0.to_string(),
            kind: entry.kind.name(),
            operation: entry.operation.to_string(),
            payment: payment_of(entry),
            platform: entry.tenant.to_string(),
            client_id: None,
            booked_at: jiff::Timestamp::from_millisecond(entry.booked_at_ms)?.to_string(),
            corrects: entry.corrects.map(|corrected| corrected.0.to_string()),
            postings: postings.iter().map(|posting| PostingView::new(posting, accounts.of(entry, posting), people)).collect(),
        })
    }

    /// The same with what its platform calls itself.
    pub fn on(self, platforms: &Platforms, entry: &Entry) -> Self {
        Self { client_id: platforms.name(PlatformId(entry.tenant)).map(str::to_owned), ..self }
    }

    /// The same for people.
    pub fn describe(&self) -> String {
        let (operation, platform) = (self.payment.as_ref().unwrap_or(&self.operation), self.client_id.as_ref().unwrap_or(&self.platform));
        let mut text = format!("{} {} {operation}\n  entry {} on platform {platform}", self.booked_at, self.kind, self.entry);
        for posting in &self.postings {
            text.push_str(&format!(
                "\n  {:>18}  {} {}, its posting {}, then {}",
                sum(posting.amount, &posting.currency),
                posting.role,
                posting.wallet.as_ref().unwrap_or(&posting.account),
                posting.number,
                sum(posting.balance_after, &posting.currency)
            ));
            if let Some(user) = &posting.user {
                let name = posting.organisation.as_ref().map_or_else(String::new, |name| format!(", {name}"));
                text.push_str(&format!("\n{:22}of user {user}{name}", ""));
            }
            for person in &posting.persons {
                text.push_str(&format!("\n{:22}{}", "", person.describe()));
            }
        }
        text
    }
}

impl PostingView {
    fn new(posting: &Posting, account: Option<&Account>, people: &People) -> Self {
        let holder = account.and_then(|account| Some((PlatformId(account.tenant), account.holder?)));
        let Behind { organisation, persons } = holder.and_then(|holder| people.0.get(&holder).cloned()).unwrap_or_default();
        Self {
            account: posting.account.0.to_string(),
            role: account.map_or("not there", |account| account.role.name()),
            wallet: account.and_then(shown_as),
            user: holder.map(|(_, user)| spell(Prefix::User, user).to_string()),
            organisation,
            persons,
            number: posting.number,
            amount: posting.amount,
            currency: posting.currency.to_string(),
            balance_after: posting.balance_after,
        }
    }
}
