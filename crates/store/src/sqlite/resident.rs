//! What is kept in memory because it is hot: accounts, the places of idempotency keys, decoded records.
//!
//! It changes only after the commit that made the change durable and before the caller is answered,
//! so a failed commit leaves nothing to undo, and whoever was answered reads their own write.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use domain::{IdempotencyKey, Record, RecordKey};
use engine::StoreError;
use ledger::{Account, AccountId, Uid};
use rusqlite::Connection;
use rustc_hash::FxHashMap;

use super::{fault, rows};
use crate::codec;

/// Clean accounts beyond this many are dropped.
const MAX_ACCOUNTS: usize = 262_144;
/// Decoded records kept in each of two generations.
const RECORD_GENERATION: usize = 32_768;

/// An account in memory.
#[derive(Clone, Copy)]
pub struct Hot {
    pub account: Account,
    /// The first posting that the account's row does not hold.
    pub dirty_since: Option<Uid>,
}

/// An account whose row lags behind, and since when.
pub struct Dirty {
    pub id: AccountId,
    pub since: Uid,
    pub at: Instant,
}

/// Accounts and the places of keys.
#[derive(Default)]
pub struct Hots {
    pub accounts: FxHashMap<AccountId, Hot>,
    /// Dirty accounts, the longest dirty first.
    pub dirty: VecDeque<Dirty>,
    pub keys: KeyPlaces,
}

impl Hots {
    /// Brings in an account as its row has it, unless it is known.
    pub fn learn(&mut self, account: Account) {
        self.accounts.entry(account.id).or_insert(Hot { account, dirty_since: None });
    }

    /// Drops clean accounts when there are too many.
    pub fn trim(&mut self) {
        if self.accounts.len() > MAX_ACCOUNTS {
            self.accounts.retain(|_, hot| hot.dirty_since.is_some());
        }
    }
}

/// Where in its table the first use of each key stands, by a hash of the key; whoever finds a place compares the row.
#[derive(Default)]
pub struct KeyPlaces {
    /// Clients choose their keys: whoever could foresee the hashes could have them all meet at one.
    hasher: RandomState,
    places: FxHashMap<u64, i64>,
    /// Further places of hashes that more than one key has.
    further: FxHashMap<u64, Vec<i64>>,
}

impl KeyPlaces {
    fn hash(&self, platform: Uid, dialect: u8, key: &str) -> u64 {
        self.hasher.hash_one((platform, dialect, key))
    }

    /// Adds the place of a key.
    pub fn add(&mut self, platform: Uid, dialect: u8, key: &str, seq: i64) {
        let hash = self.hash(platform, dialect, key);
        if let Some(first) = self.places.get(&hash) {
            if *first != seq {
                self.further.entry(hash).or_default().push(seq);
            }
        } else {
            self.places.insert(hash, seq);
        }
    }

    /// Takes the place of a key away.
    pub fn remove(&mut self, key: &IdempotencyKey, seq: i64) {
        let hash = self.hash(key.platform.0, key.dialect, &key.key);
        if let Some(further) = self.further.get_mut(&hash) {
            further.retain(|place| *place != seq);
        }
        if self.places.get(&hash) == Some(&seq) {
            let next = self.further.get_mut(&hash).and_then(Vec::pop);
            match next {
                Some(next) => self.places.insert(hash, next),
                None => self.places.remove(&hash),
            };
        }
        if self.further.get(&hash).is_some_and(Vec::is_empty) {
            self.further.remove(&hash);
        }
    }

    /// The places at which a key may stand.
    pub fn candidates(&self, key: &IdempotencyKey) -> impl Iterator<Item = i64> {
        let hash = self.hash(key.platform.0, key.dialect, &key.key);
        let first = self.places.get(&hash).copied();
        let further = if self.further.is_empty() { None } else { self.further.get(&hash) };
        first.into_iter().chain(further.into_iter().flatten().copied()).collect::<smallvec::SmallVec<[i64; 2]>>().into_iter()
    }
}

/// Decoded records in two generations: when the young one is full, the old one goes.
#[derive(Default)]
pub struct Decoded {
    young: FxHashMap<RecordKey, Record>,
    old: FxHashMap<RecordKey, Record>,
}

impl Decoded {
    pub fn get(&mut self, key: &RecordKey) -> Option<Record> {
        if let Some(record) = self.young.get(key) {
            return Some(record.clone());
        }
        let record = self.old.remove(key)?;
        self.put(record.clone());
        Some(record)
    }

    pub fn peek(&self, key: &RecordKey) -> Option<Record> {
        self.young.get(key).or_else(|| self.old.get(key)).cloned()
    }

    /// Forgets a record that was taken away.
    pub fn forget(&mut self, key: &RecordKey) {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Forgets whatever is an owner's, and the owner.
    pub fn forget_of(&mut self, platform: Uid, owner: Uid) {
        let is_theirs =
            |key: &RecordKey, record: &Record| key.platform.0 == platform && (key.id == owner || record.lead.owner == Some(owner));
        self.young.retain(|key, record| !is_theirs(key, record));
        self.old.retain(|key, record| !is_theirs(key, record));
    }

    pub fn put(&mut self, record: Record) {
        if self.young.len() >= RECORD_GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        let key = record.key();
        self.old.remove(&key);
        self.young.insert(key, record);
    }
}

/// Everything resident, shared between the writer and the reads.
pub struct Resident {
    hots: RwLock<Hots>,
    records: RwLock<Decoded>,
}

impl Resident {
    /// What has to be in memory at start: accounts that postings after the checkpoint touched, and the keys there are.
    pub fn fill(conn: &Connection) -> Result<Self, StoreError> {
        let mut hots = Hots::default();
        complete_accounts(conn, &mut hots)?;
        place_keys(conn, &mut hots.keys)?;
        Ok(Self { hots: RwLock::new(hots), records: RwLock::default() })
    }

    pub fn hots(&self) -> RwLockReadGuard<'_, Hots> {
        self.hots.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn hots_mut(&self) -> RwLockWriteGuard<'_, Hots> {
        self.hots.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn records(&self) -> RwLockReadGuard<'_, Decoded> {
        self.records.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn records_mut(&self) -> RwLockWriteGuard<'_, Decoded> {
        self.records.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Replays the postings that account rows do not hold yet.
fn complete_accounts(conn: &Connection, hots: &mut Hots) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT {}, platform FROM posting WHERE entry > (SELECT value FROM meta WHERE name = 'account_place') ORDER BY entry, line",
        rows::POSTING
    );
    let mut select = conn.prepare(&sql).map_err(fault)?;
    let mut cursor = select.query([]).map_err(fault)?;
    while let Some(row) = cursor.next().map_err(fault)? {
        let posting = codec::posting(&rows::posting(row).map_err(fault)?)?;
        let platform = rows::uid(row, 7).map_err(fault)?;
        if !hots.accounts.contains_key(&posting.account) {
            let account = rows::find_account(conn, platform, posting.account.0)?
                .ok_or_else(|| codec::broken("posting", posting.entry.0, "its account is not there"))?;
            hots.learn(account);
        }
        let Some(hot) = hots.accounts.get_mut(&posting.account) else { continue };
        if posting.number <= hot.account.postings {
            continue;
        }
        let follows = Some(posting.number) == hot.account.postings.checked_add(1)
            && Some(posting.balance_after) == hot.account.balance.checked_add(posting.amount);
        if !follows {
            return Err(codec::broken("posting", posting.entry.0, "it does not follow the account's last one"));
        }
        hot.account.postings = posting.number;
        hot.account.balance = posting.balance_after;
        if hot.dirty_since.is_none() {
            hot.dirty_since = Some(posting.entry.0);
            hots.dirty.push_back(Dirty { id: posting.account, since: posting.entry.0, at: Instant::now() });
        }
    }
    Ok(())
}

/// Every key there is: those that are too old are taken away while a server runs, so no clock decides here.
fn place_keys(conn: &Connection, keys: &mut KeyPlaces) -> Result<(), StoreError> {
    let mut select = conn.prepare("SELECT seq, platform, dialect, key FROM idempotency").map_err(fault)?;
    let mut cursor = select.query([]).map_err(fault)?;
    while let Some(row) = cursor.next().map_err(fault)? {
        let key = row.get_ref(3).map_err(fault)?.as_str().map_err(|_| codec::broken("idempotency", "?", "key"))?;
        keys.add(rows::uid(row, 1).map_err(fault)?, row.get(2).map_err(fault)?, key, row.get(0).map_err(fault)?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_places_until_they_are_taken_away() {
        let key = IdempotencyKey { platform: domain::PlatformId(Uid::from_bits(1)), dialect: 1, key: "k".into() };
        let mut places = KeyPlaces::default();
        let seqs = [1, 2, 3];
        seqs.iter().for_each(|seq| places.add(key.platform.0, 1, "k", *seq));
        let standing = |places: &KeyPlaces| {
            let mut all: Vec<i64> = places.candidates(&key).collect();
            all.sort_unstable();
            all
        };
        assert_eq!(standing(&places), seqs);
        places.remove(&key, 1);
        assert_eq!(standing(&places), [2, 3]);
        places.remove(&key, 9);
        places.remove(&key, 3);
        places.remove(&key, 2);
        assert_eq!(standing(&places), [] as [i64; 0]);
        assert!(places.places.is_empty() && places.further.is_empty());
    }
}
