//! How the rows of a batch are written: a table at a time, many rows a statement, each statement prepared once a batch.

use domain::payment::Payment;
use domain::{Books, IdempotencyKey, KeyRow, Record, Slot};
use engine::StoreError;
use ledger::{Account, Uid};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql, params_from_iter};

use super::fault;
use super::resident::Resident;
use super::rows::{self, MadeKeys, id16};
use crate::codec;

/// A statement prepared when it is first needed, for as long as a batch is written.
pub struct Lazy<'c> {
    conn: &'c Connection,
    sql: &'static str,
    statement: Option<CachedStatement<'c>>,
}

impl<'c> Lazy<'c> {
    pub const fn new(conn: &'c Connection, sql: &'static str) -> Self {
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
    pub fn change(&mut self, columns: &[&dyn ToSql], table: &'static str, row: impl std::fmt::Display) -> Result<(), StoreError> {
        match self.execute(columns)? {
            1 => Ok(()),
            _ => Err(codec::broken(table, row, "it is not at the version that was read")),
        }
    }
}

/// How many rows one statement inserts, the most first: what a batch has is put together from these.
const ROWS_AT_ONCE: [usize; 3] = [32, 8, 1];

/// A value to be stored.
pub enum Cell<'a> {
    Null,
    Number(i64),
    Id([u8; 16]),
    Text(&'a str),
    Bytes(&'a [u8]),
    Sealed(Vec<u8>),
}

pub fn id<'a>(id: Uid) -> Cell<'a> {
    Cell::Id(id.to_bytes())
}

fn optional_id<'a>(maybe: Option<Uid>) -> Cell<'a> {
    maybe.map_or(Cell::Null, id)
}

pub fn number<'a>(number: impl Into<i64>) -> Cell<'a> {
    Cell::Number(number.into())
}

pub fn optional_number<'a>(maybe: Option<impl Into<i64>>) -> Cell<'a> {
    maybe.map_or(Cell::Null, number)
}

fn sealed<'a>(maybe: Option<Vec<u8>>) -> Cell<'a> {
    maybe.map_or(Cell::Null, Cell::Sealed)
}

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Number(number) => ValueRef::Integer(*number),
            Self::Id(bytes) => ValueRef::Blob(bytes),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
            Self::Sealed(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// New rows of one table.
pub struct NewRows<'a, const COLUMNS: usize> {
    table: &'static str,
    columns: &'static str,
    cells: Vec<[Cell<'a>; COLUMNS]>,
}

impl<'a, const COLUMNS: usize> NewRows<'a, COLUMNS> {
    pub const fn of(table: &'static str, columns: &'static str) -> Self {
        Self { table, columns, cells: Vec::new() }
    }

    pub fn add(&mut self, row: [Cell<'a>; COLUMNS]) {
        self.cells.push(row);
    }

    /// Inserts them all, in their order.
    pub fn insert(&self, conn: &Connection) -> Result<(), StoreError> {
        let mut rest = self.cells.as_slice();
        for at_once in ROWS_AT_ONCE {
            if rest.len() < at_once {
                continue;
            }
            let mut insert = conn.prepare_cached(&self.text(at_once)).map_err(fault)?;
            while let Some((rows, others)) = rest.split_at_checked(at_once) {
                insert.execute(params_from_iter(rows.iter().flatten())).map_err(fault)?;
                rest = others;
            }
        }
        Ok(())
    }

    /// What fails takes the whole transaction back, as the writer would have to: so SQLite keeps no journal of the statement, which
    /// is otherwise a copy of every page that it touches.
    fn text(&self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; COLUMNS].join(","));
        format!("INSERT OR ROLLBACK INTO {} ({}) VALUES {}", self.table, self.columns, vec![row; rows].join(","))
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
    let mut new = NewRows::of("payment", rows::PAYMENT);
    let mut update = Lazy::new(
        conn,
        "UPDATE payment SET debited = ?3, credited = ?4, fees = ?5, status = ?6, refusal = ?7, executed_at = ?8, tag = ?9, \
         form = ?10, detail = ?11, version = ?12 WHERE id = ?2 AND platform = ?1 AND version < ?12",
    );
    for slot in books.payments.touched() {
        match slot {
            Slot::New(payment) => new.add(payment_row(payment, keys)?),
            Slot::Changed(payment) => update_payment(&mut update, payment, keys)?,
            Slot::Clean(_) | Slot::Absent => {}
        }
    }
    new.insert(conn)
}

/// The columns of [`rows::PAYMENT`].
fn payment_row<'a>(payment: &Payment, keys: &mut MadeKeys<'_>) -> Result<[Cell<'a>; 23], StoreError> {
    let (tag, detail) = codec::seal_payment(payment, keys)?;
    Ok([
        id(payment.platform.0),
        id(payment.id.0),
        number(payment.kind.number()),
        number(payment.nature.number()),
        id(payment.author),
        optional_id(payment.credited_user.map(|user| user.0)),
        number(payment.debited.minor()),
        Cell::Text(payment.debited.currency().code()),
        number(payment.credited.minor()),
        Cell::Text(payment.credited.currency().code()),
        number(payment.fees.minor()),
        optional_id(payment.debited_wallet.map(|account| account.0)),
        optional_id(payment.credited_wallet.map(|account| account.0)),
        optional_id(payment.initial.map(|initial| initial.0)),
        number(payment.status.number()),
        optional_number(payment.refusal.map(|refusal| refusal.number())),
        number(payment.created_at.ms()),
        optional_number(payment.executed_at.map(domain::Timestamp::ms)),
        number(payment.policy_version),
        sealed(tag),
        number(codec::DETAIL_FORM),
        sealed(detail),
        number(payment.version),
    ])
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
    let mut new = NewRows::of("idempotency", "seq, platform, dialect, key, fingerprint, path, status, answer, at");
    let mut update =
        Lazy::new(conn, "UPDATE idempotency SET status = ?1, answer = ?2 WHERE seq = ?3 AND platform = ?4 AND dialect = ?5 AND key = ?6");
    let mut places = places.iter();
    for slot in books.keys.touched() {
        match slot {
            Slot::New(row) => {
                let seq = places.next().map_or(0, |(_, seq)| *seq);
                let answer = codec::seal_answer(row, keys)?;
                let (status, answer) = answer.map_or((None, None), |(status, answer)| (Some(status), Some(answer)));
                new.add([
                    number(seq),
                    id(row.key.platform.0),
                    number(row.key.dialect),
                    Cell::Text(&row.key.key),
                    Cell::Bytes(&row.fingerprint),
                    Cell::Text(&row.path),
                    optional_number(status),
                    sealed(answer),
                    number(row.at.ms()),
                ]);
            }
            Slot::Changed(row) => update_key(&mut update, row, resident, keys)?,
            Slot::Clean(_) | Slot::Absent => {}
        }
    }
    new.insert(conn)
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
    let mut new = NewRows::of("entry", rows::ENTRY);
    let mut new_postings = NewRows::of("posting", "platform, entry, line, account, number, amount, currency, balance_after");
    let mut postings = books.postings.iter().peekable();
    for entry in &books.entries {
        let (bank_reference, end_to_end_id) = codec::seal_external(entry, keys)?;
        let external = entry.external.as_ref();
        new.add([
            id(entry.tenant),
            id(entry.id.0),
            number(entry.kind.number()),
            id(entry.operation),
            optional_id(entry.corrects.map(|corrected| corrected.0)),
            number(entry.booked_at_ms),
            optional_number(external.map(|external| external.booking_day)),
            optional_number(external.map(|external| external.value_day)),
            sealed(bank_reference),
            sealed(end_to_end_id),
            optional_number(external.map(|external| external.match_state.number())),
        ]);
        let mut sum: i128 = 0;
        while let Some(posting) = postings.next_if(|posting| posting.entry == entry.id) {
            sum = sum.saturating_add(i128::from(posting.amount));
            new_postings.add([
                id(entry.tenant),
                id(posting.entry.0),
                number(posting.line),
                id(posting.account.0),
                number(signed(posting.number)?),
                number(posting.amount),
                Cell::Text(posting.currency.code()),
                number(posting.balance_after),
            ]);
        }
        if sum != 0 {
            return Err(StoreError::Fault(format!("entry {} does not sum to zero", entry.id.0)));
        }
    }
    if let Some(stray) = postings.next() {
        return Err(StoreError::Fault(format!("a posting of {} has no entry", stray.entry.0)));
    }
    new.insert(conn)?;
    new_postings.insert(conn)
}

/// Appends events to the outbox.
pub fn events(conn: &Connection, books: &Books) -> Result<(), StoreError> {
    let mut new = NewRows::of("event", "platform, id, type, subject, at");
    for event in &books.events {
        new.add([id(event.platform.0), id(event.id.0), number(event.event.number()), id(event.subject), number(event.at.ms())]);
    }
    new.insert(conn)
}

/// Appends audit lines.
pub fn audit(conn: &Connection, books: &Books) -> Result<(), StoreError> {
    let mut new = NewRows::of("audit", "platform, actor_kind, actor, request, origin, action, object, outcome, at");
    for line in &books.audit {
        let (actor_kind, actor) = line.actor.parts();
        new.add([
            id(line.platform.0),
            number(actor_kind),
            optional_id(actor),
            id(line.request.0),
            Cell::Bytes(&line.origin),
            Cell::Text(line.action),
            optional_id(line.object),
            Cell::Text(line.outcome),
            number(line.at.ms()),
        ]);
    }
    new.insert(conn)
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
