//! How the rows of a batch are written: a table at a time, each statement prepared once a batch.

use domain::payment::Payment;
use domain::{Books, IdempotencyKey, KeyRow, Record, Slot};
use engine::StoreError;
use ledger::Account;
use rusqlite::{CachedStatement, Connection, ToSql};

use super::fault;
use super::resident::Resident;
use super::rows::{MadeKeys, id16};
use crate::codec;

/// A statement prepared when it is first needed, for as long as a batch is written.
struct Lazy<'c> {
    conn: &'c Connection,
    sql: &'static str,
    statement: Option<CachedStatement<'c>>,
}

impl<'c> Lazy<'c> {
    const fn new(conn: &'c Connection, sql: &'static str) -> Self {
        Self { conn, sql, statement: None }
    }

    /// Runs it with these columns, and gives how many rows it changed.
    fn execute(&mut self, columns: &[&dyn ToSql]) -> Result<usize, StoreError> {
        let statement = match &mut self.statement {
            Some(statement) => statement,
            none => none.insert(self.conn.prepare_cached(self.sql).map_err(fault)?),
        };
        statement.execute(columns).map_err(fault)
    }

    /// Runs it, and holds that it changes the one row that was read.
    fn change(&mut self, columns: &[&dyn ToSql], table: &'static str, row: impl std::fmt::Display) -> Result<(), StoreError> {
        match self.execute(columns)? {
            1 => Ok(()),
            _ => Err(codec::broken(table, row, "it is not at the version that was read")),
        }
    }
}

/// Writes the records that were made or changed.
pub fn records(conn: &Connection, books: &Books, keys: &mut MadeKeys<'_>) -> Result<(), StoreError> {
    books.records.touched().try_for_each(|slot| record(conn, slot, keys))
}

fn record(conn: &Connection, slot: &Slot<Record>, keys: &mut MadeKeys<'_>) -> Result<(), StoreError> {
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
    match changed.map_err(fault)? {
        1 => Ok(()),
        _ => Err(codec::broken(kind.table, lead.id, "it is not at the version that was read")),
    }
}

/// Writes the payments that were made or changed.
pub fn payments(conn: &Connection, books: &Books, keys: &mut MadeKeys<'_>) -> Result<(), StoreError> {
    let mut insert = Lazy::new(
        conn,
        "INSERT INTO payment (platform, id, kind, nature, author, credited_user, debited, debited_currency, credited, credited_currency, \
         fees, debited_wallet, credited_wallet, initial, status, refusal, created_at, executed_at, policy_version, tag, form, detail, \
         version) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23)",
    );
    let mut update = Lazy::new(
        conn,
        "UPDATE payment SET debited = ?3, credited = ?4, fees = ?5, status = ?6, refusal = ?7, executed_at = ?8, tag = ?9, \
         form = ?10, detail = ?11, version = ?12 WHERE id = ?2 AND platform = ?1 AND version < ?12",
    );
    for slot in books.payments.touched() {
        match slot {
            Slot::New(payment) => insert_payment(&mut insert, payment, keys)?,
            Slot::Changed(payment) => update_payment(&mut update, payment, keys)?,
            Slot::Clean(_) | Slot::Absent => {}
        }
    }
    Ok(())
}

fn insert_payment(insert: &mut Lazy<'_>, payment: &Payment, keys: &mut MadeKeys<'_>) -> Result<(), StoreError> {
    let (tag, detail) = codec::seal_payment(payment, keys)?;
    let columns = rusqlite::params![
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
        payment.refusal.map(|refusal| refusal.number()),
        payment.created_at.ms(),
        payment.executed_at.map(domain::Timestamp::ms),
        payment.policy_version,
        tag,
        codec::DETAIL_FORM,
        detail,
        payment.version,
    ];
    insert.execute(columns).map(drop)
}

fn update_payment(update: &mut Lazy<'_>, payment: &Payment, keys: &mut MadeKeys<'_>) -> Result<(), StoreError> {
    let (tag, detail) = codec::seal_payment(payment, keys)?;
    let columns = rusqlite::params![
        id16(payment.platform.0),
        id16(payment.id.0),
        payment.debited.minor(),
        payment.credited.minor(),
        payment.fees.minor(),
        payment.status.number(),
        payment.refusal.map(|refusal| refusal.number()),
        payment.executed_at.map(domain::Timestamp::ms),
        tag,
        codec::DETAIL_FORM,
        detail,
        payment.version,
    ];
    update.change(columns, "payment", payment.id)
}

/// Writes the idempotency keys that were used first, at the `places` given to them, and the answers to those claimed before.
pub fn keys(
    conn: &Connection,
    books: &Books,
    places: &[(IdempotencyKey, i64)],
    resident: &Resident,
    keys: &mut MadeKeys<'_>,
) -> Result<(), StoreError> {
    let mut insert = Lazy::new(
        conn,
        "INSERT INTO idempotency (seq, platform, dialect, key, fingerprint, path, status, answer, at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    );
    let mut update =
        Lazy::new(conn, "UPDATE idempotency SET status = ?1, answer = ?2 WHERE seq = ?3 AND platform = ?4 AND dialect = ?5 AND key = ?6");
    let mut places = places.iter();
    for slot in books.keys.touched() {
        match slot {
            Slot::New(row) => insert_key(&mut insert, row, places.next().map_or(0, |(_, seq)| *seq), keys)?,
            Slot::Changed(row) => update_key(&mut update, row, resident, keys)?,
            Slot::Clean(_) | Slot::Absent => {}
        }
    }
    Ok(())
}

fn insert_key(insert: &mut Lazy<'_>, row: &KeyRow, seq: i64, keys: &mut MadeKeys<'_>) -> Result<(), StoreError> {
    let answer = codec::seal_answer(row, keys)?;
    let (status, answer) = answer.map_or((None, None), |(status, answer)| (Some(status), Some(answer)));
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
    insert.execute(columns).map(drop)
}

fn update_key(update: &mut Lazy<'_>, row: &KeyRow, resident: &Resident, keys: &mut MadeKeys<'_>) -> Result<(), StoreError> {
    let Some((status, answer)) = codec::seal_answer(row, keys)? else { return Ok(()) };
    for seq in resident.hots().keys.candidates(&row.key) {
        let columns = rusqlite::params![status, &answer, seq, id16(row.key.platform.0), row.key.dialect, &*row.key.key];
        update.execute(columns)?;
    }
    Ok(())
}

/// Appends entries, each with its postings. Errors: `Fault` for one that does not sum to zero, before it is durable.
pub fn entries(conn: &Connection, books: &Books, keys: &mut MadeKeys<'_>) -> Result<(), StoreError> {
    let mut insert = Lazy::new(
        conn,
        "INSERT INTO entry (platform, id, kind, operation, corrects, booked_at, booking_day, value_day, bank_reference, end_to_end_id, \
         match_state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    );
    let mut insert_posting = Lazy::new(
        conn,
        "INSERT INTO posting (platform, entry, line, account, number, amount, currency, balance_after) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    );
    let mut postings = books.postings.iter().peekable();
    for entry in &books.entries {
        let (bank_reference, end_to_end_id) = codec::seal_external(entry, keys)?;
        let external = entry.external.as_ref();
        insert.execute(rusqlite::params![
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
        ])?;
        let mut sum: i128 = 0;
        while let Some(posting) = postings.next_if(|posting| posting.entry == entry.id) {
            sum = sum.saturating_add(i128::from(posting.amount));
            insert_posting.execute(rusqlite::params![
                id16(entry.tenant),
                id16(posting.entry.0),
                posting.line,
                id16(posting.account.0),
                signed(posting.number)?,
                posting.amount,
                posting.currency.code(),
                posting.balance_after,
            ])?;
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

/// Appends events to the outbox.
pub fn events(conn: &Connection, books: &Books) -> Result<(), StoreError> {
    let mut insert = Lazy::new(conn, "INSERT INTO event (platform, id, type, subject, at) VALUES (?1, ?2, ?3, ?4, ?5)");
    for event in &books.events {
        let columns = rusqlite::params![id16(event.platform.0), id16(event.id.0), event.event.number(), id16(event.subject), event.at.ms()];
        insert.execute(columns)?;
    }
    Ok(())
}

/// Appends audit lines.
pub fn audit(conn: &Connection, books: &Books) -> Result<(), StoreError> {
    let mut insert = Lazy::new(
        conn,
        "INSERT INTO audit (platform, actor_kind, actor, request, origin, action, object, outcome, at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    );
    for line in &books.audit {
        let (actor_kind, actor) = line.actor.parts();
        insert.execute(rusqlite::params![
            id16(line.platform.0),
            actor_kind,
            actor.map(id16),
            id16(line.request.0),
            line.origin.as_slice(),
            line.action,
            line.object.map(id16),
            line.outcome,
            line.at.ms(),
        ])?;
    }
    Ok(())
}

/// Writes new directory texts and labels.
pub fn directory(conn: &Connection, books: &Books) -> Result<(), StoreError> {
    let mut insert = Lazy::new(conn, "INSERT INTO directory (space, text, platform, id) VALUES (?1, ?2, ?3, ?4)");
    for slot in books.directory.touched_keys() {
        if let (key, Slot::New(row)) = slot {
            insert.execute(rusqlite::params![key.space.number(), &*key.text, id16(row.platform.0), id16(row.id)])?;
        }
    }
    let mut insert = Lazy::new(conn, "INSERT INTO label (platform, kind, label, id) VALUES (?1, ?2, ?3, ?4)");
    for label in &books.labels {
        let record = &label.record;
        insert.execute(rusqlite::params![id16(record.platform.0), record.kind.number, &*label.label, id16(record.id)])?;
    }
    Ok(())
}

/// Writes the jobs that were made or changed.
pub fn jobs(conn: &Connection, books: &Books) -> Result<(), StoreError> {
    let mut write = Lazy::new(
        conn,
        "INSERT INTO job (platform, id, kind, subject, due_at, attempts, done_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
         ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at, attempts = excluded.attempts, done_at = excluded.done_at, lease_until = 0",
    );
    for job in books.jobs.touched().filter_map(Slot::row) {
        write.execute(rusqlite::params![
            id16(job.platform.0),
            id16(job.id.0),
            job.kind.number(),
            id16(job.subject),
            job.due_at.ms(),
            job.attempts,
            job.done_at.map(domain::Timestamp::ms),
        ])?;
    }
    Ok(())
}

/// Writes rows of accounts as they are in memory.
pub struct AccountRows<'c>(Lazy<'c>);

impl<'c> AccountRows<'c> {
    /// Nothing written yet.
    pub const fn new(conn: &'c Connection) -> Self {
        Self(Lazy::new(
            conn,
            "INSERT INTO account (platform, id, role, holder, currency, balance, held, postings, opened_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO UPDATE SET \
             balance = excluded.balance, held = excluded.held, postings = excluded.postings WHERE excluded.postings >= account.postings",
        ))
    }

    /// Writes one, which may not be older than its row.
    pub fn write(&mut self, account: &Account) -> Result<(), StoreError> {
        let columns = rusqlite::params![
            id16(account.tenant),
            id16(account.id.0),
            account.role.number(),
            account.holder.map(id16),
            account.currency.code(),
            account.balance,
            account.held,
            signed(account.postings)?,
            account.opened_at_ms,
        ];
        self.0.change(columns, "account", account.id.0)
    }
}

fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Fault("a count does not fit".to_owned()))
}
