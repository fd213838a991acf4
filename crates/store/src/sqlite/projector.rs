//! Fills the lists behind the acknowledgement, from the outbox.
//!
//! The outbox of this store is in commit order, because there is one writer; so the projector follows
//! its ids. Its place is in the same transaction as the rows it wrote: it can stop anywhere.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use domain::payment::{Payment, Status};
use domain::{Event, EventId, EventType, PlatformId, Timestamp};
use engine::StoreError;
use ledger::Uid;
use rusqlite::{Connection, OptionalExtension};
use rustc_hash::{FxHashMap, FxHashSet};

use super::fault;
use super::pool::Pool;
use super::rows::{self, Id16, id16};
use crate::codec;
use crate::vault::Vault;

/// Events taken at once.
const CHUNK: i64 = 4_096;
/// Without anybody waiting, the projector looks this often.
const PAUSE: Duration = Duration::from_millis(20);
/// A list is waited for no longer than this.
pub const PATIENCE: Duration = Duration::from_secs(1);
/// Lengths of lists kept in memory at most.
const MAX_TOTALS: usize = 262_144;

/// How far the writer has committed and the projector has followed.
pub struct Progress {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    committed: Uid,
    projected: Uid,
    waiting: usize,
    closed: bool,
}

impl Progress {
    /// The progress of a store whose newest event is `committed`.
    pub fn at(committed: Uid) -> Self {
        let state = State { committed, projected: Uid::default(), waiting: 0, closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Notes the newest event of a commit.
    pub fn committed(&self, last: Uid) {
        let mut state = self.lock();
        state.committed = state.committed.max(last);
        if state.waiting > 0 {
            self.changed.notify_all();
        }
    }

    /// Waits until everything committed by now is in the lists. Errors: `Behind` after [`PATIENCE`].
    pub fn catch_up(&self) -> Result<(), StoreError> {
        let mut state = self.lock();
        let target = state.committed;
        if state.projected >= target {
            return Ok(());
        }
        let deadline = Instant::now() + PATIENCE;
        state.waiting += 1;
        self.changed.notify_all();
        let result = loop {
            if state.projected >= target {
                break Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.closed {
                break Err(StoreError::Behind);
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        };
        state.waiting -= 1;
        result
    }

    /// Ends the projector.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn projected(&self, place: Uid) {
        self.lock().projected = place;
        self.changed.notify_all();
    }

    /// Sleeps until there is something to do. `false` once closed.
    fn sleep(&self) -> bool {
        let mut state = self.lock();
        loop {
            if state.closed {
                return false;
            }
            if state.waiting > 0 && state.projected < state.committed {
                return true;
            }
            let (woken, timeout) = self.changed.wait_timeout(state, PAUSE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            if timeout.timed_out() && state.projected < state.committed {
                return !state.closed;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread that follows the outbox of `source` into the lists of `index`.
pub fn start(index: Connection, source: Pool, progress: Arc<Progress>, vault: Arc<Vault>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("florin-projector".to_owned()).spawn(move || {
        let mut projector = Projector { index, source, vault, totals: FxHashMap::default() };
        let mut place = None;
        loop {
            match projector.step(place) {
                Ok((reached, more)) => {
                    place = Some(reached);
                    progress.projected(reached);
                    if more {
                        continue;
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the lists could not be filled");
                    projector.totals.clear();
                    place = None;
                }
            }
            if !progress.sleep() {
                return;
            }
        }
    })
}

struct Projector {
    index: Connection,
    source: Pool,
    vault: Arc<Vault>,
    totals: FxHashMap<Uid, i64>,
}

impl Projector {
    /// Takes the next events. Gives the place reached and whether there may be more.
    fn step(&mut self, place: Option<Uid>) -> Result<(Uid, bool), StoreError> {
        let place = match place {
            Some(place) => place,
            None => self.index.query_row("SELECT value FROM place WHERE name = 'event'", [], |row| rows::uid(row, 0)).map_err(fault)?,
        };
        let vault = &self.vault;
        let (events, payments) = self.source.with(|conn| read_chunk(conn, vault, place))?;
        let Some(last) = events.last() else { return Ok((place, false)) };
        let reached = last.id.0;
        let more = i64::try_from(events.len()).unwrap_or(CHUNK) >= CHUNK;
        if self.totals.len() > MAX_TOTALS {
            self.totals.clear();
        }
        self.index.execute_batch("BEGIN IMMEDIATE").map_err(fault)?;
        let written = write_chunk(&self.index, &mut self.totals, &events, &payments, reached);
        match written.and_then(|()| self.index.execute_batch("COMMIT").map_err(fault)) {
            Ok(()) => Ok((reached, more)),
            Err(error) => {
                drop(self.index.execute_batch("ROLLBACK"));
                Err(error)
            }
        }
    }
}

type Payments = FxHashMap<Uid, Payment>;

/// The events after `place`, and the payments they tell of, in one view of the store.
fn read_chunk(conn: &Connection, vault: &Vault, place: Uid) -> Result<(Vec<Event>, Payments), StoreError> {
    conn.execute_batch("BEGIN").map_err(fault)?;
    let read = || {
        let sql = "SELECT id, platform, type, subject, at FROM event WHERE id > ?1 ORDER BY id LIMIT ?2";
        let mut select = conn.prepare_cached(sql).map_err(fault)?;
        let mut cursor = select.query((id16(place), CHUNK)).map_err(fault)?;
        let mut events = Vec::new();
        let mut payments = Payments::default();
        while let Some(row) = cursor.next().map_err(fault)? {
            let event = event(row)?;
            if event.event.is_of_payment() && !payments.contains_key(&event.subject) {
                let payment = rows::find_payment(conn, vault, event.platform.0, event.subject)?
                    .ok_or_else(|| codec::broken("event", event.id, "its payment is not there"))?;
                payments.insert(event.subject, payment);
            }
            events.push(event);
        }
        Ok((events, payments))
    };
    let result = read();
    drop(conn.execute_batch("COMMIT"));
    result
}

/// An event of the columns id, platform, type, subject, at.
pub fn event(row: &rusqlite::Row<'_>) -> Result<Event, StoreError> {
    let id = rows::uid(row, 0).map_err(fault)?;
    let number: u16 = row.get(2).map_err(fault)?;
    Ok(Event {
        id: EventId(id),
        platform: PlatformId(rows::uid(row, 1).map_err(fault)?),
        event: EventType::from_number(number).ok_or_else(|| codec::broken("event", id, "type"))?,
        subject: rows::uid(row, 3).map_err(fault)?,
        at: Timestamp::from_ms(row.get(4).map_err(fault)?),
    })
}

fn write_chunk(
    index: &Connection,
    totals: &mut FxHashMap<Uid, i64>,
    events: &[Event],
    payments: &Payments,
    reached: Uid,
) -> Result<(), StoreError> {
    let mut grown: FxHashSet<Uid> = FxHashSet::default();
    let mut listed: FxHashSet<Uid> = FxHashSet::default();
    // Rows are written in the order of their keys: neighbours share a page.
    let mut event_rows = Vec::with_capacity(events.len());
    let mut payment_rows = Vec::with_capacity(events.len().saturating_mul(2));
    for event in events {
        let list = event.platform.0;
        event_rows.push((list, next_number(index, totals, &mut grown, list)?, event));
        let Some(payment) = payments.get(&event.subject).filter(|_| event.event.is_of_payment()) else { continue };
        if event.event.is_creation() {
            listed.insert(event.subject);
            for list in payment.lists() {
                payment_rows.push((list, next_number(index, totals, &mut grown, list)?, payment));
            }
        } else if !listed.contains(&event.subject) {
            update_place(index, payment)?;
        }
    }
    event_rows.sort_unstable_by_key(|(list, number, _)| (*list, *number));
    payment_rows.sort_unstable_by_key(|(list, number, _)| (*list, *number));
    let mut insert = index
        .prepare_cached("INSERT INTO event_list (list, number, event, type, subject, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
        .map_err(fault)?;
    for (list, number, event) in event_rows {
        insert.execute((id16(list), number, id16(event.id.0), event.event.number(), id16(event.subject), event.at.ms())).map_err(fault)?;
    }
    insert_payments(index, &payment_rows)?;
    let mut grown: Vec<_> = grown.into_iter().collect();
    grown.sort_unstable();
    let mut write = index
        .prepare_cached("INSERT INTO list_total (list, total) VALUES (?1, ?2) ON CONFLICT (list) DO UPDATE SET total = excluded.total")
        .map_err(fault)?;
    for list in grown {
        write.execute((id16(list), totals.get(&list).copied().unwrap_or(0))).map_err(fault)?;
    }
    index.execute("UPDATE place SET value = ?1 WHERE name = 'event'", [id16(reached)]).map_err(fault)?;
    Ok(())
}

fn insert_payments(index: &Connection, payment_rows: &[(Uid, i64, &Payment)]) -> Result<(), StoreError> {
    let mut insert = index
        .prepare_cached(
            "INSERT INTO payment_list (list, number, payment, kind, nature, status, refusal, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )
        .map_err(fault)?;
    let mut place = index.prepare_cached("INSERT INTO payment_place (payment, list, number) VALUES (?1, ?2, ?3)").map_err(fault)?;
    for (list, number, payment) in payment_rows {
        insert
            .execute((
                id16(*list),
                number,
                id16(payment.id.0),
                payment.kind.number(),
                payment.nature.number(),
                payment.status.number(),
                refusal_number(payment),
                payment.created_at.ms(),
            ))
            .map_err(fault)?;
        if payment.status == Status::Created {
            place.execute((id16(payment.id.0), id16(*list), number)).map_err(fault)?;
        }
    }
    Ok(())
}

/// How a payment's refusal stands in the lists: zero for none.
fn refusal_number(payment: &Payment) -> u16 {
    payment.refusal.map_or(0, |refusal| refusal.number())
}

/// Brings a listed payment up to date. One that had ended when it was listed has no place and nothing to change.
fn update_place(index: &Connection, payment: &Payment) -> Result<(), StoreError> {
    let mut places = index.prepare_cached("SELECT list, number FROM payment_place WHERE payment = ?1").map_err(fault)?;
    let places: Vec<(Id16, i64)> =
        places.query_map([id16(payment.id.0)], |row| Ok((row.get(0)?, row.get(1)?))).and_then(Iterator::collect).map_err(fault)?;
    let mut update =
        index.prepare_cached("UPDATE payment_list SET status = ?3, refusal = ?4 WHERE list = ?1 AND number = ?2").map_err(fault)?;
    for (list, number) in &places {
        update.execute((list, number, payment.status.number(), refusal_number(payment))).map_err(fault)?;
    }
    if payment.status != Status::Created && !places.is_empty() {
        let mut delete = index.prepare_cached("DELETE FROM payment_place WHERE payment = ?1").map_err(fault)?;
        delete.execute([id16(payment.id.0)]).map_err(fault)?;
    }
    Ok(())
}

fn next_number(index: &Connection, totals: &mut FxHashMap<Uid, i64>, grown: &mut FxHashSet<Uid>, list: Uid) -> Result<i64, StoreError> {
    if !totals.contains_key(&list) {
        let mut select = index.prepare_cached("SELECT total FROM list_total WHERE list = ?1").map_err(fault)?;
        let total = select.query_row([id16(list)], |row| row.get(0)).optional().map_err(fault)?;
        totals.insert(list, total.unwrap_or(0));
    }
    grown.insert(list);
    let total = totals.entry(list).or_insert(0);
    *total = total.saturating_add(1);
    Ok(*total)
}
