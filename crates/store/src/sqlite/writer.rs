//! The writing half: brings a batch its rows and appends what it decided.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::payment::Payment;
use domain::{Books, KeyRow, Record, Slot, Wanted};
use engine::{Store, StoreError};
use ledger::{Account, AccountId, Uid};
use rusqlite::{Connection, OptionalExtension};
use rustc_hash::FxHashMap;

use super::fault;
use super::lists::{self, Lists};
use super::removal;
use super::resident::{Dirty, Hot, Resident};
use super::rows::{self, MadeKeys, id16};
use super::seal::SqliteSealer;
use crate::codec;
use crate::vault::Vault;

/// An account's row lags behind its postings for about this long.
const CHECKPOINT_AFTER: Duration = Duration::from_millis(1_500);
/// Account rows written with one commit at most.
const CHECKPOINT_ROWS: usize = 256;

/// Owns the only connection that writes.
pub struct Writer {
    conn: Connection,
    resident: Arc<Resident>,
    vault: Arc<Vault>,
    lists: Arc<Lists>,
    sealer: Arc<SqliteSealer>,
    /// The newest entry there is: ids have to rise, since the checkpoint and the sealer follow them.
    last_entry: Option<Uid>,
    next_key: i64,
    /// Held as long as the folder is ours.
    _lock: File,
}

impl Writer {
    pub fn new(
        conn: Connection,
        resident: Arc<Resident>,
        vault: Arc<Vault>,
        lists: Arc<Lists>,
        sealer: Arc<SqliteSealer>,
        lock: File,
    ) -> Self {
        Self { conn, resident, vault, lists, sealer, last_entry: None, next_key: 0, _lock: lock }
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
        for slot in books.records.touched() {
            write_record(&self.conn, slot, &mut keys)?;
        }
        for slot in books.payments.touched() {
            write_payment(&self.conn, slot, &mut keys)?;
        }
        let mut new_keys = written.keys.iter();
        for slot in books.keys.touched() {
            match slot {
                Slot::New(row) => insert_key(&self.conn, row, new_keys.next().map_or(0, |(_, seq)| *seq), &mut keys)?,
                Slot::Changed(row) => update_key(&self.conn, row, &self.resident, &mut keys)?,
                Slot::Clean(_) | Slot::Absent => {}
            }
        }
        self.last_entry = Some(rising(&self.conn, books, self.last_entry)?);
        append_entries(&self.conn, books, &mut keys)?;
        written.sealed = self.sealer.write_ready(&self.conn)?;
        append_events(&self.conn, books)?;
        append_audit(&self.conn, books)?;
        write_directory(&self.conn, books)?;
        write_jobs(&self.conn, books)?;
        written.fresh_keys = keys.fresh;
        written.removed = removal::remove(&self.conn, &books.removals, &self.resident)?;
        self.write_accounts(books, &mut written)?;
        Ok(written)
    }

    /// Writes the rows of new accounts and of those whose hold changed at once; the others stay dirty until
    /// their time has come. The checkpoint's place is the oldest dirty posting, less one.
    fn write_accounts(&self, books: &Books, written: &mut Written) -> Result<(), StoreError> {
        let hots = self.resident.hots();
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
                write_account(&self.conn, account)?;
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
                    write_account(&self.conn, account)?;
                    *since = None;
                }
                None => {
                    write_account(&self.conn, &hot.account)?;
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
        let payment = |platform, id| books.payments.get(&(platform, domain::PaymentId(id))).and_then(Slot::row);
        self.lists.add(&lists::changes(&books.events, payment));
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
        Ok(())
    }

    fn flush(&mut self, books: &Books) -> Result<(), StoreError> {
        if books.is_unchanged() {
            return Ok(());
        }
        self.conn.execute_batch("BEGIN IMMEDIATE").map_err(fault)?;
        let written = self.write(books).and_then(|written| self.conn.execute_batch("COMMIT").map_err(unsure).map(|()| written));
        match written {
            Ok(written) => {
                self.make_resident(books, written);
                Ok(())
            }
            Err(error) => {
                self.abandon();
                Err(error)
            }
        }
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
        if self.resident.hots().dirty.is_empty() && !self.sealer.is_waiting() {
            return Ok(());
        }
        let books = Books::default();
        self.conn.execute_batch("BEGIN IMMEDIATE").map_err(fault)?;
        let mut written = Written::default();
        let sealed = self.sealer.write_ready(&self.conn);
        let done = sealed.map(|sealed| written.sealed = sealed);
        let done = done.and_then(|()| self.write_accounts(&books, &mut written));
        let done = done.and_then(|()| self.conn.execute_batch("COMMIT").map_err(fault));
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

fn write_record(conn: &Connection, slot: &Slot<Record>, keys: &mut MadeKeys<'_>) -> Result<(), StoreError> {
    let (record, is_new) = match slot {
        Slot::New(record) => (record, true),
        Slot::Changed(record) => (record, false),
        Slot::Clean(_) | Slot::Absent => return Ok(()),
    };
    let body = codec::seal_body(record, keys)?;
    let (kind, lead) = (record.kind, &record.lead);
    let changed = if is_new {
        let sql = format!(
            "INSERT INTO {} (platform, id, owner, status, created_at, version, form, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            kind.table
        );
        let row =
            (id16(lead.platform.0), id16(lead.id), lead.owner.map(id16), lead.status, lead.created_at.ms(), lead.version, kind.form, body);
        conn.prepare_cached(&sql).and_then(|mut insert| insert.execute(row))
    } else {
        let sql = format!(
            "UPDATE {} SET owner = ?3, status = ?4, version = ?5, form = ?6, body = ?7 WHERE id = ?2 AND platform = ?1 AND version < ?5",
            kind.table
        );
        let row = (id16(lead.platform.0), id16(lead.id), lead.owner.map(id16), lead.status, lead.version, kind.form, body);
        conn.prepare_cached(&sql).and_then(|mut update| update.execute(row))
    };
    one_row(changed, kind.table, lead.id)
}

fn write_payment(conn: &Connection, slot: &Slot<Payment>, keys: &mut MadeKeys<'_>) -> Result<(), StoreError> {
    let (payment, is_new) = match slot {
        Slot::New(payment) => (payment, true),
        Slot::Changed(payment) => (payment, false),
        Slot::Clean(_) | Slot::Absent => return Ok(()),
    };
    let (tag, detail) = codec::seal_payment(payment, keys)?;
    let refusal = payment.refusal.map(|refusal| refusal.number());
    let executed_at = payment.executed_at.map(domain::Timestamp::ms);
    let changed = if is_new {
        let mut insert = conn
            .prepare_cached(&format!(
                "INSERT INTO payment ({}) VALUES \
                 (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23)",
                rows::PAYMENT
            ))
            .map_err(fault)?;
        insert.execute(rusqlite::params![
            id16(payment.platform.0),
            id16(payment.id.0),
            payment.kind.number(),
            payment.nature.number(),
            id16(payment.author),
            payment.credited_user.map(|user| id16(user.0)),
            payment.debited.minor(),
            payment.debited.currency().code(),
            payment.credited.minor(),
            payment.credited.currency().code(),
            payment.fees.minor(),
            payment.debited_wallet.map(|account| id16(account.0)),
            payment.credited_wallet.map(|account| id16(account.0)),
            payment.initial.map(|initial| id16(initial.0)),
            payment.status.number(),
            refusal,
            payment.created_at.ms(),
            executed_at,
            payment.policy_version,
            tag,
            codec::DETAIL_FORM,
            detail,
            payment.version,
        ])
    } else {
        let mut update = conn
            .prepare_cached(
                "UPDATE payment SET debited = ?3, credited = ?4, fees = ?5, status = ?6, refusal = ?7, executed_at = ?8, tag = ?9, \
                 form = ?10, detail = ?11, version = ?12 WHERE id = ?2 AND platform = ?1 AND version < ?12",
            )
            .map_err(fault)?;
        update.execute(rusqlite::params![
            id16(payment.platform.0),
            id16(payment.id.0),
            payment.debited.minor(),
            payment.credited.minor(),
            payment.fees.minor(),
            payment.status.number(),
            refusal,
            executed_at,
            tag,
            codec::DETAIL_FORM,
            detail,
            payment.version,
        ])
    };
    one_row(changed, "payment", payment.id)
}

fn insert_key(conn: &Connection, row: &KeyRow, seq: i64, keys: &mut MadeKeys<'_>) -> Result<(), StoreError> {
    let answer = codec::seal_answer(row, keys)?;
    let (status, answer) = answer.map_or((None, None), |(status, answer)| (Some(status), Some(answer)));
    let sql = format!("INSERT INTO idempotency (seq, {}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", rows::KEY);
    let mut insert = conn.prepare_cached(&sql).map_err(fault)?;
    let columns = rusqlite::params![
        seq,
        id16(row.key.platform.0),
        row.key.dialect,
        &*row.key.key,
        row.fingerprint.as_slice(),
        &*row.path,
        status,
        answer,
        row.at.ms(),
    ];
    insert.execute(columns).map(drop).map_err(fault)
}

fn update_key(conn: &Connection, row: &KeyRow, resident: &Resident, keys: &mut MadeKeys<'_>) -> Result<(), StoreError> {
    let Some((status, answer)) = codec::seal_answer(row, keys)? else { return Ok(()) };
    let mut update = conn
        .prepare_cached("UPDATE idempotency SET status = ?1, answer = ?2 WHERE seq = ?3 AND platform = ?4 AND dialect = ?5 AND key = ?6")
        .map_err(fault)?;
    for seq in resident.hots().keys.candidates(&row.key) {
        let columns = (status, &answer, seq, id16(row.key.platform.0), row.key.dialect, &*row.key.key);
        update.execute(columns).map_err(fault)?;
    }
    Ok(())
}

fn append_entries(conn: &Connection, books: &Books, keys: &mut MadeKeys<'_>) -> Result<(), StoreError> {
    let sql = format!("INSERT INTO entry ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)", rows::ENTRY);
    let mut insert = conn.prepare_cached(&sql).map_err(fault)?;
    let mut postings = books.postings.iter().peekable();
    let mut insert_posting = conn
        .prepare_cached(&format!("INSERT INTO posting (platform, {}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", rows::POSTING))
        .map_err(fault)?;
    for entry in &books.entries {
        let (bank_reference, end_to_end_id) = codec::seal_external(entry, keys)?;
        let external = entry.external.as_ref();
        insert
            .execute(rusqlite::params![
                id16(entry.tenant),
                id16(entry.id.0),
                entry.kind.number(),
                id16(entry.operation),
                entry.corrects.map(|corrected| id16(corrected.0)),
                entry.booked_at_ms,
                external.map(|external| external.booking_day),
                external.map(|external| external.value_day),
                bank_reference,
                end_to_end_id,
                external.map(|external| external.match_state.number()),
            ])
            .map_err(fault)?;
        let mut sum: i128 = 0;
        while let Some(posting) = postings.next_if(|posting| posting.entry == entry.id) {
            sum = sum.saturating_add(i128::from(posting.amount));
            insert_posting
                .execute(rusqlite::params![
                    id16(entry.tenant),
                    id16(posting.entry.0),
                    posting.line,
                    id16(posting.account.0),
                    signed(posting.number)?,
                    posting.amount,
                    posting.currency.code(),
                    posting.balance_after,
                ])
                .map_err(fault)?;
        }
        if sum != 0 {
            return Err(StoreError::Fault(format!("entry {} does not sum to zero", entry.id.0)));
        }
    }
    match postings.next() {
        None => Ok(()),
        Some(stray) => Err(StoreError::Fault(format!("a posting of {} has no entry", stray.entry.0))),
    }
}

/// The newest entry, once it is seen that those of the books rise on from the newest before.
fn rising(conn: &Connection, books: &Books, newest: Option<Uid>) -> Result<Uid, StoreError> {
    let before = newest.map_or_else(|| last_entry(conn), Ok)?;
    books.entries.iter().try_fold(before, |last, entry| match entry.id.0 > last {
        true => Ok(entry.id.0),
        false => Err(StoreError::Fault(format!("entry {} does not rise on from {last}", entry.id.0))),
    })
}

fn append_events(conn: &Connection, books: &Books) -> Result<(), StoreError> {
    let mut insert =
        conn.prepare_cached("INSERT INTO event (platform, id, type, subject, at) VALUES (?1, ?2, ?3, ?4, ?5)").map_err(fault)?;
    for event in &books.events {
        insert
            .execute((id16(event.platform.0), id16(event.id.0), event.event.number(), id16(event.subject), event.at.ms()))
            .map_err(fault)?;
    }
    Ok(())
}

fn append_audit(conn: &Connection, books: &Books) -> Result<(), StoreError> {
    let mut insert = conn
        .prepare_cached(
            "INSERT INTO audit (platform, actor_kind, actor, request, origin, action, object, outcome, at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )
        .map_err(fault)?;
    for line in &books.audit {
        let (actor_kind, actor) = line.actor.parts();
        insert
            .execute(rusqlite::params![
                id16(line.platform.0),
                actor_kind,
                actor.map(id16),
                id16(line.request.0),
                line.origin.as_slice(),
                line.action,
                line.object.map(id16),
                line.outcome,
                line.at.ms(),
            ])
            .map_err(fault)?;
    }
    Ok(())
}

fn write_directory(conn: &Connection, books: &Books) -> Result<(), StoreError> {
    let mut insert = conn.prepare_cached("INSERT INTO directory (space, text, platform, id) VALUES (?1, ?2, ?3, ?4)").map_err(fault)?;
    for slot in books.directory.touched_keys() {
        if let (key, Slot::New(row)) = slot {
            insert.execute((key.space.number(), &*key.text, id16(row.platform.0), id16(row.id))).map_err(fault)?;
        }
    }
    let mut insert = conn.prepare_cached("INSERT INTO label (platform, kind, label, id) VALUES (?1, ?2, ?3, ?4)").map_err(fault)?;
    for label in &books.labels {
        insert.execute((id16(label.record.platform.0), label.record.kind.number, &*label.label, id16(label.record.id))).map_err(fault)?;
    }
    Ok(())
}

fn write_jobs(conn: &Connection, books: &Books) -> Result<(), StoreError> {
    let mut write = conn
        .prepare_cached(
            "INSERT INTO job (platform, id, kind, subject, due_at, attempts, done_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
             ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at, attempts = excluded.attempts, done_at = excluded.done_at, lease_until = 0",
        )
        .map_err(fault)?;
    for slot in books.jobs.touched() {
        let Some(job) = slot.row() else { continue };
        write
            .execute(rusqlite::params![
                id16(job.platform.0),
                id16(job.id.0),
                job.kind.number(),
                id16(job.subject),
                job.due_at.ms(),
                job.attempts,
                job.done_at.map(domain::Timestamp::ms),
            ])
            .map_err(fault)?;
    }
    Ok(())
}

fn write_account(conn: &Connection, account: &Account) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO account ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO UPDATE SET \
         balance = excluded.balance, held = excluded.held, postings = excluded.postings WHERE excluded.postings >= account.postings",
        rows::ACCOUNT
    );
    let mut write = conn.prepare_cached(&sql).map_err(fault)?;
    let changed = write.execute(rusqlite::params![
        id16(account.tenant),
        id16(account.id.0),
        account.role.number(),
        account.holder.map(id16),
        account.currency.code(),
        account.balance,
        account.held,
        signed(account.postings)?,
        account.opened_at_ms,
    ]);
    one_row(changed, "account", account.id.0)
}

fn last_entry(conn: &Connection) -> Result<Uid, StoreError> {
    let last = conn.query_row("SELECT max(id) FROM entry", [], |row| rows::optional_uid(row, 0)).optional().map_err(fault)?;
    Ok(last.flatten().unwrap_or_default())
}

fn one_row(changed: rusqlite::Result<usize>, table: &'static str, row: impl std::fmt::Display) -> Result<(), StoreError> {
    match changed.map_err(fault)? {
        1 => Ok(()),
        _ => Err(codec::broken(table, row, "it is not at the version that was read")),
    }
}

fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Fault("a count does not fit".to_owned()))
}
