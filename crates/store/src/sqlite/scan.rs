//! Going through the whole ledger in one view of the file.

use std::sync::Arc;

use domain::{Kind, PlatformId, Record, RecordKey};
use engine::StoreError;
use ledger::{Posting, Uid};
use rusqlite::Connection;

use super::fault;
use super::pool::Pool;
use super::rows::{self, StoredKeys};
use super::seal_check;
use crate::seal::{Head, Report};
use crate::vault::Vault;
use crate::{GROWING, Part, Scan, codec};

/// A scan over the main file; a server may go on writing meanwhile.
pub struct SqliteScan {
    readers: Arc<Pool>,
    vault: Arc<Vault>,
}

impl SqliteScan {
    pub fn new(readers: Arc<Pool>, vault: Arc<Vault>) -> Self {
        Self { readers, vault }
    }
}

impl Scan for SqliteScan {
    fn ledger(&self, each: &mut dyn FnMut(Part)) -> Result<(), StoreError> {
        self.in_one_view(|conn| accounts(conn, each).and_then(|()| self.entries(conn, each)))
    }

    fn seals(&self, anchor: &[Head]) -> Result<Report, StoreError> {
        self.in_one_view(|conn| seal_check::check(conn, &self.vault, anchor))
    }

    fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.in_one_view(seal_check::heads)
    }

    fn counts(&self) -> Result<[u64; GROWING.len()], StoreError> {
        self.readers.with(|conn| {
            let mut counts = [0; GROWING.len()];
            for (count, table) in counts.iter_mut().zip(GROWING) {
                let rows: i64 = conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).map_err(fault)?;
                *count = u64::try_from(rows).unwrap_or(0);
            }
            Ok(counts)
        })
    }

    fn records(&self, kind: &'static Kind, named: &[(PlatformId, Uid)]) -> Result<Vec<Record>, StoreError> {
        self.readers.with(|conn| {
            let find = |(platform, id): &(PlatformId, Uid)| {
                let key = RecordKey { kind, platform: *platform, id: *id };
                rows::find_record(conn, &self.vault, &key).transpose()
            };
            named.iter().filter_map(find).collect()
        })
    }
}

/// Accounts with the postings that their rows do not hold yet.
fn accounts(conn: &Connection, each: &mut dyn FnMut(Part)) -> Result<(), StoreError> {
    let sql = format!("SELECT {} FROM account_now ORDER BY id", rows::ACCOUNT);
    let mut select = conn.prepare_cached(&sql).map_err(fault)?;
    let mut cursor = select.query([]).map_err(fault)?;
    while let Some(row) = cursor.next().map_err(fault)? {
        each(Part::Account(codec::account(rows::account(row).map_err(fault)?)?));
    }
    Ok(())
}

impl SqliteScan {
    fn in_one_view<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.readers.with(|conn| {
            conn.execute_batch("BEGIN").map_err(fault)?;
            let result = read(conn);
            drop(conn.execute_batch("COMMIT"));
            result
        })
    }

    fn entries(&self, conn: &Connection, each: &mut dyn FnMut(Part)) -> Result<(), StoreError> {
        let mut select = conn.prepare_cached(&format!("SELECT {} FROM entry ORDER BY id", rows::ENTRY)).map_err(fault)?;
        let mut postings = conn.prepare_cached(&format!("SELECT {} FROM posting ORDER BY entry, line", rows::POSTING)).map_err(fault)?;
        let mut entries = select.query([]).map_err(fault)?;
        let mut postings = postings.query([]).map_err(fault)?;
        let mut next = next_posting(&mut postings)?;
        while let Some(row) = entries.next().map_err(fault)? {
            let entry = codec::entry(rows::entry(row).map_err(fault)?, &mut StoredKeys { conn, vault: &self.vault })?;
            let mut own = Vec::with_capacity(3);
            while let Some(posting) = next.take_if(|posting| posting.entry <= entry.id) {
                own.push(posting);
                next = next_posting(&mut postings)?;
            }
            each(Part::Entry(entry, own));
        }
        match next {
            None => Ok(()),
            Some(stray) => Err(codec::broken("posting", stray.entry.0, "it has no entry")),
        }
    }
}

fn next_posting(rows: &mut rusqlite::Rows<'_>) -> Result<Option<Posting>, StoreError> {
    match rows.next().map_err(fault)? {
        Some(row) => codec::posting(&rows::posting(row).map_err(fault)?).map(Some),
        None => Ok(None),
    }
}
