//! Records decoded before, so that a row that has not changed is neither opened nor parsed again.
//!
//! The row itself is always read: its version says whether what is here still holds.

use domain::{Record, RecordKey};
use rustc_hash::FxHashMap;

/// Records kept in each of two generations.
const GENERATION: usize = 32_768;

/// Decoded records in two generations: when the young one is full, the old one goes.
#[derive(Default)]
pub struct Decoded {
    young: FxHashMap<RecordKey, Record>,
    old: FxHashMap<RecordKey, Record>,
}

impl Decoded {
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
