//! The rows that a batch of commands reads and writes, in memory, with exact roll-back.

use std::hash::Hash;
use std::sync::Arc;

use ledger::{Account, AccountId, Entry, Posting, Uid};
use rustc_hash::FxHashMap;

use super::directory::{DirectoryKey, DirectoryRow};
use super::idempotency::{IdempotencyKey, KeyRow};
use super::ids::{DeliveryId, JobId, PaymentId, PlatformId};
use super::{AuditLine, Event, IdHolder, Job, Record, RecordKey, Removal};
use crate::hook::Delivery;
use crate::payment::Payment;

/// A row in a [`Table`] and how it stands to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Slot<V> {
    /// Asked for, and not there.
    Absent,
    /// As stored.
    Clean(V),
    /// Made by this batch.
    New(V),
    /// Stored, and changed by this batch.
    Changed(V),
}

impl<V> Slot<V> {
    /// The row, if there is one.
    pub const fn row(&self) -> Option<&V> {
        match self {
            Self::Absent => None,
            Self::Clean(row) | Self::New(row) | Self::Changed(row) => Some(row),
        }
    }
}

/// Rows of one kind by key, with an undo list.
#[derive(Debug)]
pub struct Table<K, V> {
    slots: FxHashMap<K, Slot<V>>,
    touched: Vec<K>,
    undo: Vec<Undo<K, V>>,
}

#[derive(Debug)]
struct Undo<K, V> {
    key: K,
    /// `None`: the key was not known before.
    before: Option<Slot<V>>,
    first_touch: bool,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { slots: FxHashMap::default(), touched: Vec::new(), undo: Vec::new() }
    }
}

impl<K: Eq + Hash + Clone, V> Table<K, V> {
    /// What is known of `key`; `None` when nobody has loaded it.
    pub fn get(&self, key: &K) -> Option<&Slot<V>> {
        self.slots.get(key)
    }

    /// Brings in what the store has under `key`: a row, or the knowledge that there is none.
    ///
    /// A key that is known already keeps what it has, which may be newer.
    pub fn bring(&mut self, key: K, row: Option<V>) {
        self.slots.entry(key).or_insert_with(|| row.map_or(Slot::Absent, Slot::Clean));
    }

    /// Writes a row: new if the store has none of that key, else changed.
    pub fn put(&mut self, key: K, row: V) {
        let (slot, first_touch) = match self.slots.get(&key) {
            None | Some(Slot::Absent) => (Slot::New(row), true),
            Some(Slot::Clean(_)) => (Slot::Changed(row), true),
            Some(Slot::New(_)) => (Slot::New(row), false),
            Some(Slot::Changed(_)) => (Slot::Changed(row), false),
        };
        if first_touch {
            self.touched.push(key.clone());
        }
        let before = self.slots.insert(key.clone(), slot);
        self.undo.push(Undo { key, before, first_touch });
    }

    /// The rows made or changed, in the order of their first touch.
    pub fn touched(&self) -> impl Iterator<Item = &Slot<V>> {
        self.touched.iter().filter_map(|key| self.slots.get(key))
    }

    /// The rows made or changed with their keys, in the order of their first touch.
    pub fn touched_keys(&self) -> impl Iterator<Item = (&K, &Slot<V>)> {
        self.touched.iter().filter_map(|key| self.slots.get(key).map(|slot| (key, slot)))
    }

    /// Every key known, in no particular order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.slots.keys()
    }

    /// The rows that were read and not written, in no particular order.
    pub fn untouched(&self) -> impl Iterator<Item = &V> {
        self.slots.values().filter_map(|slot| match slot {
            Slot::Clean(row) => Some(row),
            _ => None,
        })
    }

    fn mark(&self) -> usize {
        self.undo.len()
    }

    fn roll_back(&mut self, mark: usize) {
        while self.undo.len() > mark {
            let Some(Undo { key, before, first_touch }) = self.undo.pop() else { return };
            if first_touch {
                self.touched.pop();
            }
            match before {
                Some(slot) => self.slots.insert(key, slot),
                None => self.slots.remove(&key),
            };
        }
    }

    fn clear(&mut self) {
        self.slots.clear();
        self.touched.clear();
        self.undo.clear();
    }

    fn is_untouched(&self) -> bool {
        self.touched.is_empty()
    }
}

/// Declares the books: each kind of row stands here once, and marks, roll-back, clearing and the
/// question whether anything changed follow from it.
macro_rules! books {
    (
        tables { $($(#[$tdoc:meta])* $table:ident: $key:ty => $row:ty,)* }
        logs { $($(#[$ldoc:meta])* $log:ident: $line:ty,)* }
    ) => {
        /// Everything one batch has loaded and wants written.
        #[derive(Debug, Default)]
        pub struct Books {
            $($(#[$tdoc])* pub $table: Table<$key, $row>,)*
            $($(#[$ldoc])* pub $log: Vec<$line>,)*
        }

        /// A point that the books can be rolled back to.
        #[derive(Clone, Copy, Debug)]
        pub struct Mark { $($table: usize,)* $($log: usize,)* }

        impl Books {
            /// The present point.
            #[must_use]
            pub fn mark(&self) -> Mark {
                Mark { $($table: self.$table.mark(),)* $($log: self.$log.len(),)* }
            }

            /// Takes back every write since `mark`. What was brought in stays.
            pub fn roll_back(&mut self, mark: Mark) {
                $(self.$table.roll_back(mark.$table);)*
                $(self.$log.truncate(mark.$log);)*
            }

            /// Forgets everything, and keeps the memory for the next batch.
            pub fn clear(&mut self) {
                $(self.$table.clear();)*
                $(self.$log.clear();)*
            }

            /// Whether there is nothing to write.
            #[must_use]
            pub fn is_unchanged(&self) -> bool {
                $(self.$table.is_untouched())&&* $(&& self.$log.is_empty())*
            }
        }
    };
}

books! {
    tables {
        /// Ledger accounts. Like payments and jobs they are known by tenant and id, so that what one tenant asks for in
        /// vain never hides what another one has.
        accounts: (PlatformId, AccountId) => Account,
        /// Payments of every kind.
        payments: (PlatformId, PaymentId) => Payment,
        /// Objects of the generic kinds.
        records: RecordKey => Record,
        /// Idempotency keys.
        keys: IdempotencyKey => KeyRow,
        /// Texts that lead to a platform: the one table that is not led by one.
        directory: DirectoryKey => DirectoryRow,
        /// Which records of a kind an owner has; never written itself, kept in step with new records.
        owned: OwnedKey => Arc<[Uid]>,
        /// Work to be done later.
        jobs: (PlatformId, JobId) => Job,
        /// What listeners are told of events.
        deliveries: (PlatformId, DeliveryId) => Delivery,
        /// What has an id that somebody gives, on whichever platform; never written.
        holders_of_ids: Uid => IdHolder,
    }
    logs {
        /// Entries to append.
        entries: Entry,
        /// Postings to append, those of an entry together.
        postings: Posting,
        /// Events to append to the outbox.
        events: Event,
        /// Audit lines to append.
        audit: AuditLine,
        /// Labels to append.
        labels: Label,
        /// What is to be taken away, behind everything that is written.
        removals: Removal,
    }
}

/// What a batch wants to have loaded: keys, each with its tenant, without repetition once [`Wanted::tidy`] ran.
#[derive(Debug, Default)]
pub struct Wanted {
    /// Accounts by id. On PostgreSQL they are locked, in this order.
    pub accounts: Vec<(PlatformId, AccountId)>,
    /// Accounts whose holders' user records are wanted as well; saves a round where the holder is not known beforehand.
    pub holders: Vec<(PlatformId, AccountId)>,
    /// Payments by id.
    pub payments: Vec<(PlatformId, PaymentId)>,
    /// Records by kind and id.
    pub records: Vec<RecordKey>,
    /// Idempotency keys.
    pub keys: Vec<IdempotencyKey>,
    /// Directory texts.
    pub directory: Vec<DirectoryKey>,
    /// Everything of a kind that an owner has.
    pub owned: Vec<OwnedKey>,
    /// Jobs by id.
    pub jobs: Vec<(PlatformId, JobId)>,
    /// Deliveries by id.
    pub deliveries: Vec<(PlatformId, DeliveryId)>,
    /// Ids of which is asked what has them, on whichever platform: on SQLite ids are the keys of all platforms together.
    pub holders_of_ids: Vec<Uid>,
}

/// Names all records of one kind that one owner has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnedKey {
    /// The kind and the tenant, and the owner in the place of the id.
    pub owner: RecordKey,
}

/// A second name of a record, by which lists are asked for: a card's fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The record.
    pub record: RecordKey,
    /// The label, unique for its purpose; a keyed hash where the plain text would be personal.
    pub label: Arc<str>,
}

impl Wanted {
    /// Sorts each list and drops repetitions, so that every store asks, and locks, in key order.
    pub fn tidy(&mut self) {
        fn tidy<T: Ord>(list: &mut Vec<T>) {
            list.sort_unstable();
            list.dedup();
        }
        tidy(&mut self.accounts);
        tidy(&mut self.holders);
        tidy(&mut self.payments);
        tidy(&mut self.records);
        tidy(&mut self.keys);
        tidy(&mut self.directory);
        tidy(&mut self.owned);
        tidy(&mut self.jobs);
        tidy(&mut self.deliveries);
        tidy(&mut self.holders_of_ids);
    }

    /// Adds everything that `other` wants, and leaves it empty.
    pub fn take_from(&mut self, other: &mut Self) {
        self.accounts.append(&mut other.accounts);
        self.holders.append(&mut other.holders);
        self.payments.append(&mut other.payments);
        self.records.append(&mut other.records);
        self.keys.append(&mut other.keys);
        self.directory.append(&mut other.directory);
        self.owned.append(&mut other.owned);
        self.jobs.append(&mut other.jobs);
        self.deliveries.append(&mut other.deliveries);
        self.holders_of_ids.append(&mut other.holders_of_ids);
    }

    /// Whether nothing is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
            && self.holders.is_empty()
            && self.payments.is_empty()
            && self.records.is_empty()
            && self.keys.is_empty()
            && self.directory.is_empty()
            && self.owned.is_empty()
            && self.jobs.is_empty()
            && self.deliveries.is_empty()
            && self.holders_of_ids.is_empty()
    }

    /// Forgets everything, and keeps the memory.
    pub fn clear(&mut self) {
        self.accounts.clear();
        self.holders.clear();
        self.payments.clear();
        self.records.clear();
        self.keys.clear();
        self.directory.clear();
        self.owned.clear();
        self.jobs.clear();
        self.deliveries.clear();
        self.holders_of_ids.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_row_that_is_known_is_not_overwritten_by_a_later_load() {
        let mut table = Table::default();
        table.bring(1, Some(10));
        table.put(1, 11);
        table.bring(1, Some(10));
        assert_eq!(table.get(&1), Some(&Slot::Changed(11)));
    }

    #[test]
    fn what_is_not_there_becomes_new_when_it_is_written() {
        let mut table: Table<i32, i32> = Table::default();
        table.bring(1, None);
        assert_eq!(table.get(&1), Some(&Slot::Absent));
        table.put(1, 5);
        table.put(1, 6);
        assert_eq!(table.touched().collect::<Vec<_>>(), [&Slot::New(6)]);
    }

    proptest! {
        /// Writes after a mark, rolled back, leave exactly what was there, the touched list included.
        #[test]
        fn rolling_back_is_exact(
            stored in prop::collection::btree_map(0_u8..8, 0_i32..100, 0..8),
            before in prop::collection::vec((0_u8..8, 0_i32..100), 0..10),
            after in prop::collection::vec((0_u8..8, 0_i32..100), 0..10),
        ) {
            let mut table = Table::default();
            for (key, row) in stored {
                table.bring(key, Some(row));
            }
            for (key, row) in before {
                table.put(key, row);
            }
            let (slots, touched) = (table.slots.clone(), table.touched.clone());
            let mark = table.mark();
            for (key, row) in after {
                table.put(key, row);
            }
            table.roll_back(mark);
            prop_assert_eq!(table.slots, slots);
            prop_assert_eq!(table.touched, touched);
        }
    }
}
