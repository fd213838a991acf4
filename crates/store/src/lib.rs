//! The stores behind the engine's port: SQLite in a data folder, and PostgreSQL.
//!
//! Both keep the same tables (`migrations/`), seal the same columns ([`vault`]) and pass the same
//! contract tests. How they get their speed differs and is each one's own affair: SQLite appends and
//! keeps hot rows in memory ([`sqlite`]), PostgreSQL takes a batch in two round trips ([`postgres`]).

pub mod codec;
mod listing;
mod migrate;
#[cfg(test)]
mod parity;
pub mod postgres;
pub mod seal;
pub mod seeding;
pub mod snapshot;
pub mod sqlite;
pub mod vault;

use std::sync::Arc;

use domain::bank_account::BankAccount;
use domain::card::{Card, CardRegistration, CardValidation};
use domain::hook::{Hook, Listeners, SigningKey};
use domain::payment::{Receipt, RefundTally};
use domain::platform::{AccessToken, ApiKey, ClientLogo, ClientProfile, Platform, SubPlatform, SubPlatformTally};
use domain::sca::ScaSession;
use domain::user::{Person, User};
use domain::wallet::Wallet;
use domain::{Kind, PlatformId, Record, Resource};
use engine::{Deliveries, Reads, Store};
use ledger::Uid;

/// Every kind of record, each with its own table.
pub const KINDS: &[&Kind] = &[
    Platform::KIND,
    ApiKey::KIND,
    AccessToken::KIND,
    User::KIND,
    Person::KIND,
    Wallet::KIND,
    ClientProfile::KIND,
    ClientLogo::KIND,
    BankAccount::KIND,
    Receipt::KIND,
    Card::KIND,
    CardRegistration::KIND,
    CardValidation::KIND,
    RefundTally::KIND,
    ScaSession::KIND,
    Hook::KIND,
    Listeners::KIND,
    SigningKey::KIND,
    SubPlatform::KIND,
    SubPlatformTally::KIND,
];

/// An open store: its one writing half, and its shared reading half.
pub struct Opened {
    /// For the engine.
    pub store: Box<dyn Store>,
    /// For everybody.
    pub reads: Arc<dyn Reads>,
    /// For whoever sends what listeners are to be told.
    pub deliveries: Arc<dyn Deliveries>,
    /// For whoever goes through the whole ledger: verification and export.
    pub scan: Arc<dyn Scan>,
    /// Seals what was written, behind the acknowledgement.
    pub sealer: Arc<dyn seal::Sealer>,
    /// Whether somebody worked on the data who drew its secrets or its times in advance.
    pub seeding: Arc<dyn seeding::Seeding>,
    /// The greatest id given so far; fresh ones have to be greater.
    pub last_id: Uid,
}

/// A piece of the ledger, as a scan hands it over.
#[derive(Clone, Debug)]
pub enum Part {
    /// An account, with the balance its row and postings give.
    Account(ledger::Account),
    /// An entry with its postings.
    Entry(ledger::Entry, Vec<ledger::Posting>),
}

/// Goes through the whole ledger of an installation.
pub trait Scan: Send + Sync {
    /// Hands over every account, then every entry, a platform's in the order of their ids, all in one consistent view.
    fn ledger(&self, each: &mut dyn FnMut(Part)) -> Result<(), engine::StoreError>;

    /// Counts the rows of each of [`GROWING`], in their order.
    fn counts(&self) -> Result<[u64; GROWING.len()], engine::StoreError>;

    /// Those of a kind's records that are there, each named by its platform and its id; in any order.
    fn records(&self, kind: &'static Kind, named: &[(PlatformId, Uid)]) -> Result<Vec<Record>, engine::StoreError>;

    /// Holds every sealed row against its seal, every chain against its signatures, and the chains against earlier heads.
    fn seals(&self, anchor: &[seal::Head]) -> Result<seal::Report, engine::StoreError>;

    /// The head of each platform's chain. A platform of which nothing is sealed has none.
    fn heads(&self) -> Result<Vec<seal::Head>, engine::StoreError>;
}

/// The tables that grow with every payment.
pub const GROWING: [&str; 6] = ["payment", "entry", "posting", "event", "audit", "idempotency"];

#[cfg(test)]
mod tests {
    use super::KINDS;

    #[test]
    fn no_two_kinds_share_a_number_or_a_table() {
        for (place, kind) in KINDS.iter().enumerate() {
            for other in KINDS.iter().skip(place + 1) {
                assert!(kind.number != other.number && kind.table != other.table, "{} and {}", kind.table, other.table);
            }
        }
    }
}
