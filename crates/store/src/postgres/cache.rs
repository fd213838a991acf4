//! Records decoded before, so that a row that has not changed is neither read nor parsed again.
//!
//! What is here may be older than the row. Every batch holds the records it relied on at the version it knew when it is
//! written ([`super::flush`]), so a stale one costs a second attempt, in which nothing is taken from here unread.

use domain::{PlatformId, Record, RecordKey};
use ledger::{AccountId, Uid};
use rustc_hash::{FxHashMap, FxHashSet};

/// Records kept in each of two generations.
const GENERATION: usize = 32_768;
/// Holders of accounts kept; past it all are forgotten.
const HOLDERS: usize = 131_072;

/// Decoded records in two generations: when the young one is full, the old one goes. Beside them, who holds which account,
/// which never changes.
#[derive(Default)]
pub struct Decoded {
    young: FxHashMap<RecordKey, Record>,
    old: FxHashMap<RecordKey, Record>,
    holders: FxHashMap<(PlatformId, AccountId), Uid>,
}

impl Decoded {
    /// The record as it was last seen.
    pub fn last_seen(&mut self, key: &RecordKey) -> Option<Record> {
        if let Some(record) = self.young.get(key) {
            return Some(record.clone());
        }
        let record = self.old.remove(key)?;
        self.put(record.clone());
        Some(record)
    }

    /// Forgets a record.
    pub fn forget(&mut self, key: &RecordKey) {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Forgets whatever is one of these owners', and the owners.
    pub fn forget_of(&mut self, owners: &FxHashSet<(PlatformId, Uid)>) {
        let is_theirs = |key: &RecordKey, record: &Record| {
            let is_one = |id| owners.contains(&(key.platform, id));
            is_one(key.id) || record.lead.owner.is_some_and(is_one)
        };
        self.young.retain(|key, record| !is_theirs(key, record));
        self.old.retain(|key, record| !is_theirs(key, record));
    }

    /// Who holds an account, if it was seen.
    pub fn holder(&self, account: &(PlatformId, AccountId)) -> Option<Uid> {
        self.holders.get(account).copied()
    }

    /// Remembers who holds an account.
    pub fn learn_holder(&mut self, account: (PlatformId, AccountId), holder: Uid) {
        if self.holders.len() >= HOLDERS {
            self.holders.clear();
        }
        self.holders.insert(account, holder);
    }

    /// The record at exactly this version.
    pub fn at(&mut self, key: &RecordKey, version: i64) -> Option<Record> {
        if let Some(record) = self.young.get(key) {
            return Some(record).filter(|record| record.lead.version == version).cloned();
        }
        let record = self.old.remove(key).filter(|record| record.lead.version == version)?;
        self.put(record.clone());
        Some(record)
    }

    /// Keeps a record that is durably stored.
    pub fn put(&mut self, record: Record) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        let key = record.key();
        self.old.remove(&key);
        self.young.insert(key, record);
    }
}
