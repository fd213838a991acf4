//! A user as the ledger knows it: who stands behind it, and what it holds. And an account for itself.

use dialect_mangopay::wire::Prefix;
use dialect_mangopay::wire::ids::spell;
use domain::PlatformId;
use ledger::{Account, Uid};
use serde::Serialize;

use super::named::{Accounts, Platforms};
use super::view::{Behind, People, PersonView, shown_as};
use crate::output::{counted, sum};

/// A user with the accounts that it holds.
#[derive(Serialize)]
pub struct UserView {
    user: String,
    platform: String,
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<String>,
    persons: Vec<PersonView>,
    wallets: Vec<AccountView>,
}

/// An account as it stands now.
#[derive(Serialize)]
pub struct AccountView {
    account: String,
    role: &'static str,
    /// The account as the API shows it, where it does.
    wallet: Option<String>,
    client_id: Option<String>,
    /// Minor units, held ones among them.
    balance: i64,
    /// The part that is set aside.
    held: i64,
    currency: String,
    postings: u64,
}

impl UserView {
    /// The user of that id, if there is one.
    pub fn new(platform: PlatformId, user: Uid, accounts: &Accounts, platforms: &Platforms, people: &People) -> Option<Self> {
        let Behind { organisation, persons } = people.behind(platform, user)?.clone();
        let is_held = |account: &&Account| account.tenant == platform.0 && account.holder == Some(user);
        Some(Self {
            user: spell(Prefix::User, user).to_string(),
            platform: platform.0.to_string(),
            client_id: platforms.name(platform).map(str::to_owned),
            organisation,
            persons,
            wallets: accounts.iter().filter(is_held).map(|account| AccountView::new(account, platforms)).collect(),
        })
    }

    /// The same for people.
    pub fn describe(&self) -> String {
        let name = self.organisation.as_ref().map_or_else(String::new, |name| format!(", {name}"));
        let mut text = format!("user {}{name}\n  on platform {}", self.user, self.client_id.as_ref().unwrap_or(&self.platform));
        for person in &self.persons {
            text.push_str(&format!("\n  {}", person.describe()));
        }
        for wallet in &self.wallets {
            text.push_str(&format!("\n  {:>18}  {}", sum(wallet.balance, &wallet.currency), wallet.told()));
        }
        if self.wallets.is_empty() {
            text.push_str("\n  no wallets");
        }
        text
    }
}

impl AccountView {
    pub fn new(account: &Account, platforms: &Platforms) -> Self {
        Self {
            account: account.id.0.to_string(),
            role: account.role.name(),
            wallet: shown_as(account),
            client_id: platforms.name(PlatformId(account.tenant)).map(str::to_owned),
            balance: account.balance,
            held: account.held,
            currency: account.currency.to_string(),
            postings: account.postings,
        }
    }

    /// The same for people.
    pub fn describe(&self) -> String {
        format!("{:>18}  {}", sum(self.balance, &self.currency), self.told())
    }

    fn told(&self) -> String {
        let held = if self.held == 0 { String::new() } else { format!(", {} of it held", sum(self.held, &self.currency)) };
        let id = self.wallet.as_ref().unwrap_or(&self.account);
        format!("{} {id}, {}{held}", self.role, counted(self.postings, "posting"))
    }
}
