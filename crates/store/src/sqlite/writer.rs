//! The writing half: brings a batch its rows and appends what it decided.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::{Books, Removal, Slot, Wanted};
use engine::{Store, StoreError, Syncer};
use ledger::{Account, AccountId, Uid};
use rusqlite::{Connection, OptionalExtension};
use rustc_hash::FxHashMap;

use super::append::{self, AccountRows};
use super::durable::Log;
use super::lists::Lists;
use super::removal;
use super::resident::{Dirty, Hot, Resident};
use super::rows::{self, MadeKeys, id16};
use super::seal::SqliteSealer;
use super::{deliveries, fault};
use crate::listing::{self, Change};
use crate::vault::Vault;

/// An account's row lags behind its postings for about this long.
///
/// Longer means fewer rows at random places and more postings to replay at start.
const CHECKPOINT_AFTER: Duration = Duration::from_secs(8);
/// Account rows written with one commit at most.
const CHECKPOINT_ROWS: usize = 256;

/// Owns the only connection that writes.
pub struct Writer {
    conn: Connection,
    log: Arc<Log>,
    resident: Arc<Resident>,
    vault: Arc<Vault>,
    lists: Arc<Lists>,
    sealer: Arc<SqliteSealer>,
    /// The newest entry there is: ids have to rise, since the checkpoint and the sealer follow them.
    last_entry: Option<Uid>,
    next_key: i64,
    /// Whether a destroyed key may still stand in the log.
    has_destroyed: bool,
    /// Held as long as the folder is ours.
    _lock: File,
}

impl Writer {
    pub fn new(
        conn: Connection,
        log: Arc<Log>,
        resident: Arc<Resident>,
        vault: Arc<Vault>,
        lists: Arc<Lists>,
        sealer: Arc<SqliteSealer>,
        lock: File,
    ) -> Self {
        Self { conn, log, resident, vault, lists, sealer, last_entry: None, next_key: 0, has_destroyed: false, _lock: lock }
    }

    /// Places in the table of keys are counted here, so that a row's place is known when it is written.
    fn next_key(&mut self) -> Result<i64, StoreError> {
        if self.next_key == 0 {
            let last: Option<i64> = self.conn.query_row("SELECT max(seq) FROM idempotency", [], |row| row.get(0)).map_err(fault)?;
            self.next_key = last.unwrap_or(0);
        }
        self.next_key = self.next_key.saturating_add(1);
        Ok(self.next_key)
    }

    /// Writes the log back and empties it, so that a destroyed key is in no file; later, if a reader is in the way.
    fn empty_log(&mut self) -> Result<(), StoreError> {
        let is_busy: i64 = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(fault)?;
        self.has_destroyed = is_busy != 0;
        Ok(())
    }

    /// Runs a statement without columns, prepared once for all batches.
    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.conn.prepare_cached(sql)?.execute([]).map(drop)
    }

    /// Commits what was written; it is durable after the next sync of the log.
    fn commit(&self) -> rusqlite::Result<()> {
        self.log.begin();
        let committed = self.execute("COMMIT");
        self.log.end();
        if committed.is_err() {
            // Whoever has looked meanwhile waits for a sync that no batch asks for. Should it fail, the log says so to all from now on.
            drop(self.log.sync());
        }
        committed
    }

    fn write(&mut self, books: &Books) -> Result<Written, StoreError> {
        let mut written = Written::default();
        for slot in books.keys.touched() {
            match slot {
                Slot::New(row) => {
                    let seq = self.next_key()?;
                    written.keys.push((row.key.clone(), seq));
                }
                Slot::Changed(_) | Slot::Clean(_) | Slot::Absent => {}
            }
        }
        let mut keys = MadeKeys { conn: &self.conn, vault: &self.vault, fresh: Vec::new() };
        append::records(&self.conn, books, &mut keys)?;
        append::payments(&self.conn, books, &mut keys)?;
        append::keys(&self.conn, books, &written.keys, &self.resident, &mut keys)?;
        self.last_entry = Some(rising(&self.conn, books, self.last_entry)?);
        append::entries(&self.conn, books, &mut keys)?;
        written.sealed = self.sealer.write_ready(&self.conn)?;
        append::events(&self.conn, books)?;
        append::audit(&self.conn, books)?;
        append::directory(&self.conn, books)?;
        append::jobs(&self.conn, books)?;
        deliveries::write(&self.conn, books)?;
        written.fresh_keys = keys.fresh;
        written.removed = removal::remove(&self.conn, &books.removals, &self.resident)?;
        written.changes = listing::changes(books).collect::<Result<_, _>>()?;
        self.write_accounts(books, &mut written)?;
        Ok(written)
    }

    /// Writes the rows of new accounts and of those whose hold changed at once; the others stay dirty until
    /// their time has come. The checkpoint's place is the oldest dirty posting, less one.
    fn write_accounts(&self, books: &Books, written: &mut Written) -> Result<(), StoreError> {
        let hots = self.resident.hots();
        let mut rows = AccountRows::new(&self.conn);
        // All that a batch makes dirty is dirty since its first entry, so that the queue is in order.
        let first_of_batch = books.entries.first().map(|entry| entry.id.0);
        let mut places: FxHashMap<AccountId, usize> = FxHashMap::default();
        for slot in books.accounts.touched() {
            let (account, is_new) = match slot {
                Slot::New(account) => (account, true),
                Slot::Changed(account) => (account, false),
                Slot::Clean(_) | Slot::Absent => continue,
            };
            let hot = hots.accounts.get(&account.id);
            let hold_changed = hot.is_none_or(|hot| hot.account.held != account.held);
            if is_new || hold_changed {
                rows.write(account)?;
                written.accounts.push((*account, None));
            } else {
                let since = hot.and_then(|hot| hot.dirty_since).or(first_of_batch);
                places.insert(account.id, written.accounts.len());
                written.accounts.push((*account, since));
            }
        }
        // An account whose hold changed was written just now, and its place in the queue no longer counts.
        let written_now: rustc_hash::FxHashSet<AccountId> =
            written.accounts.iter().filter(|(_, since)| since.is_none()).map(|(account, _)| account.id).collect();
        let due = hots.dirty.iter().take(CHECKPOINT_ROWS).take_while(|dirty| dirty.at.elapsed() >= CHECKPOINT_AFTER);
        for dirty in due {
            let Some(hot) = hots.accounts.get(&dirty.id) else { continue };
            written.checkpointed = written.checkpointed.saturating_add(1);
            if hot.dirty_since != Some(dirty.since) || written_now.contains(&dirty.id) {
                continue;
            }
            match places.get(&dirty.id).and_then(|place| written.accounts.get_mut(*place)) {
                Some((account, since)) => {
                    rows.write(account)?;
                    *since = None;
                }
                None => {
                    rows.write(&hot.account)?;
                    written.cleaned.push(dirty.id);
                }
            }
        }
        if written.checkpointed > 0 {
            let oldest_left = hots.dirty.get(written.checkpointed).map(|dirty| dirty.since);
            let next = oldest_left.or(first_of_batch);
            let place = match next {
                Some(next) => Uid::from_bits(next.bits().saturating_sub(1)),
                None => last_entry(&self.conn)?,
            };
            let mut update = self.conn.prepare_cached("UPDATE meta SET value = ?1 WHERE name = 'account_place'").map_err(fault)?;
            update.execute([id16(place)]).map_err(fault)?;
        }
        Ok(())
    }

    fn make_resident(&self, books: &Books, written: Written) {
        self.vault.keep(written.fresh_keys);
        self.sealer.wrote(written.sealed);
        let now = Instant::now();
        let mut hots = self.resident.hots_mut();
        for _ in 0..written.checkpointed {
            hots.dirty.pop_front();
        }
        for id in written.cleaned {
            if let Some(hot) = hots.accounts.get_mut(&id) {
                hot.dirty_since = None;
            }
        }
        for (account, since) in written.accounts {
            let before = hots.accounts.insert(account.id, Hot { account, dirty_since: since });
            if let Some(since) = since
                && before.and_then(|hot| hot.dirty_since) != Some(since)
            {
                hots.dirty.push_back(Dirty { id: account.id, since, at: now });
            }
        }
        for (key, seq) in &written.removed {
            hots.keys.remove(key, *seq);
        }
        for (key, seq) in written.keys {
            hots.keys.add(key.platform.0, key.dialect, &key.key, seq);
        }
        hots.trim();
        drop(hots);
        let mut records = self.resident.records_mut();
        for slot in books.records.touched() {
            if let Some(record) = slot.row() {
                records.put(record.clone());
            }
        }
        removal::forget(&books.removals, &mut records, &self.vault);
        drop(records);
        self.lists.add(&written.changes);
    }
}

/// What a flush has written, for the resident state to take over once it is durable.
#[derive(Default)]
struct Written {
    /// Accounts touched, and the first posting their row does not hold, if any.
    accounts: Vec<(Account, Option<Uid>)>,
    /// Entries of the dirty queue that were dealt with.
    checkpointed: usize,
    /// Accounts not touched by the batch whose rows were brought up to date.
    cleaned: Vec<AccountId>,
    keys: Vec<(domain::IdempotencyKey, i64)>,
    /// Places of idempotency keys that were taken away.
    removed: Vec<(domain::IdempotencyKey, i64)>,
    /// What was taken over from the sealer.
    sealed: usize,
    fresh_keys: Vec<crate::vault::FreshKey>,
    /// What it means for the lists.
    changes: Vec<Change>,
}

impl Store for Writer {
    fn load(&mut self, wanted: &Wanted, books: &mut Books) -> Result<(), StoreError> {
        load_accounts(&self.conn, &self.resident, wanted, books)?;
        load_records(&self.conn, &self.resident, &self.vault, wanted, books)?;
        for (platform, id) in &wanted.payments {
            books.payments.bring((*platform, *id), rows::find_payment(&self.conn, &self.vault, platform.0, id.0)?);
        }
        for key in &wanted.keys {
            let places: smallvec::SmallVec<[i64; 2]> = self.resident.hots().keys.candidates(key).collect();
            let mut found = None;
            for seq in places {
                found = found.or(rows::find_key_row(&self.conn, &self.vault, seq, key)?);
            }
            books.keys.bring(key.clone(), found);
        }
        for key in &wanted.directory {
            books.directory.bring(key.clone(), rows::find_directory(&self.conn, key)?);
        }
        for key in &wanted.owned {
            let sql = format!("SELECT id FROM {} WHERE platform = ?1 AND owner = ?2 ORDER BY created_at, id", key.owner.kind.table);
            let mut select = self.conn.prepare_cached(&sql).map_err(fault)?;
            let ids = select.query_map((id16(key.owner.platform.0), id16(key.owner.id)), |row| rows::uid(row, 0)).map_err(fault)?;
            books.owned.bring(*key, Some(ids.collect::<Result<Vec<_>, _>>().map_err(fault)?.into()));
        }
        for (platform, id) in &wanted.jobs {
            books.jobs.bring((*platform, *id), super::reads::find_job(&self.conn, platform.0, id.0)?);
        }
        for (platform, id) in &wanted.deliveries {
            books.deliveries.bring((*platform, *id), deliveries::find(&self.conn, *platform, *id)?);
        }
        for id in &wanted.holders_of_ids {
            books.holders_of_ids.bring(*id, rows::holder_of_id(&self.conn, *id)?);
        }
        Ok(())
    }

    fn flush(&mut self, books: &Books) -> Result<(), StoreError> {
        if books.is_unchanged() {
            return Ok(());
        }
        self.execute("BEGIN IMMEDIATE").map_err(fault)?;
        let written = self.write(books).and_then(|written| self.commit().map_err(unsure).map(|()| written));
        match written {
            Ok(written) => {
                self.make_resident(books, written);
                self.has_destroyed |= books.removals.iter().any(|removal| matches!(removal, Removal::DataKey { .. }));
                Ok(())
            }
            Err(error) => {
                self.abandon();
                Err(error)
            }
        }
    }

    fn syncer(&self) -> Option<Arc<dyn Syncer>> {
        Some(Arc::<Log>::clone(&self.log))
    }

    /// There is one writer, and its memory changes with its commits.
    fn doubt(&mut self) -> bool {
        false
    }

    fn abandon(&mut self) {
        self.next_key = 0;
        self.last_entry = None;
        if !self.conn.is_autocommit() {
            drop(self.conn.execute_batch("ROLLBACK"));
        }
    }

    /// Brings account rows up to date, so that a start after a pause has nothing to replay, and stores seals.
    fn idle(&mut self) -> Result<(), StoreError> {
        if self.has_destroyed {
            self.empty_log()?;
        }
        if self.resident.hots().dirty.is_empty() && !self.sealer.is_waiting() {
            return Ok(());
        }
        let books = Books::default();
        self.execute("BEGIN IMMEDIATE").map_err(fault)?;
        let mut written = Written::default();
        let sealed = self.sealer.write_ready(&self.conn);
        let done = sealed.map(|sealed| written.sealed = sealed);
        let done = done.and_then(|()| self.write_accounts(&books, &mut written));
        let done = done.and_then(|()| self.commit().map_err(fault)).and_then(|()| self.log.sync());
        match done {
            Ok(()) => self.make_resident(&books, written),
            Err(_) => self.abandon(),
        }
        done
    }
}

/// A commit that fails may still be found whole by the next start: nobody may take it for undone and do it again.
fn unsure(error: rusqlite::Error) -> StoreError {
    StoreError::Unknown(error.to_string())
}

fn load_accounts(conn: &Connection, resident: &Resident, wanted: &Wanted, books: &mut Books) -> Result<(), StoreError> {
    let mut cold = Vec::new();
    {
        let hots = resident.hots();
        for (platform, id) in &wanted.accounts {
            match hots.accounts.get(id) {
                Some(hot) => books.accounts.bring((*platform, *id), Some(hot.account).filter(|account| account.tenant == platform.0)),
                None => cold.push((*platform, *id)),
            }
        }
    }
    for (platform, id) in cold {
        let account = rows::find_account(conn, platform.0, id.0)?;
        if let Some(account) = account {
            resident.hots_mut().learn(account);
        }
        books.accounts.bring((platform, id), account);
    }
    Ok(())
}

fn load_records(conn: &Connection, resident: &Resident, vault: &Vault, wanted: &Wanted, books: &mut Books) -> Result<(), StoreError> {
    use domain::Resource;
    let holders = wanted.holders.iter().filter_map(|(platform, id)| {
        let holder = books.accounts.get(&(*platform, *id)).and_then(|slot| slot.row())?.holder?;
        Some(domain::RecordKey { kind: domain::user::User::KIND, platform: *platform, id: holder })
    });
    let holders: Vec<_> = holders.collect();
    let mut records = resident.records_mut();
    for key in wanted.records.iter().chain(&holders) {
        if books.records.get(key).is_some() {
            continue;
        }
        let record = match records.get(key) {
            Some(record) => Some(record),
            None => {
                let found = rows::find_record(conn, vault, key)?;
                if let Some(record) = &found {
                    records.put(record.clone());
                }
                found
            }
        };
        books.records.bring(*key, record);
    }
    Ok(())
}

/// The newest entry, once it is seen that those of the books rise on from the newest before.
fn rising(conn: &Connection, books: &Books, newest: Option<Uid>) -> Result<Uid, StoreError> {
    let before = newest.map_or_else(|| last_entry(conn), Ok)?;
    books.entries.iter().try_fold(before, |last, entry| match entry.id.0 > last {
        true => Ok(entry.id.0),
        false => Err(StoreError::Fault(format!("entry {} does not rise on from {last}", entry.id.0))),
    })
}

fn last_entry(conn: &Connection) -> Result<Uid, StoreError> {
    let last = conn.query_row("SELECT max(id) FROM entry", [], |row| rows::optional_uid(row, 0)).optional().map_err(fault)?;
    Ok(last.flatten().unwrap_or_default())
}
