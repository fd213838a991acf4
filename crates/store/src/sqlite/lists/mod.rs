//! Lists: which payment or event stands at which place of which list.
//!
//! The newest rows are in memory ([`tail`]): the writer adds them after its commit and before it answers,
//! so a list is never behind what a caller knows. A thread moves them, many at a time and sorted, into
//! runs in a file of their own ([`mod@file`]), which therefore only appends. After a death the tail is made
//! anew from the outbox, whose place the file keeps; without the file, everything is.

mod file;
mod read;
mod tail;
#[cfg(test)]
mod tests;

pub use file::ListFile;
pub use read::{Narrowed, page_of, whole};
pub use tail::{Change, Family, Row, Tail};

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use domain::payment::Payment;
use domain::{Event, EventId, EventType, PlatformId, Timestamp};
use engine::StoreError;
use ledger::Uid;
use rusqlite::Connection;

use super::pool::Pool;
use super::rows::{self, id16};
use super::{OpenError, fault};
use crate::codec;
use crate::vault::Vault;

/// Rows in memory from which on they are moved to the file.
const FULL: usize = 200_000;
/// Rows in memory at which the writer waits for the file.
const TOO_MANY: usize = 1_000_000;
/// A reader that was overtaken by two runs begins again, this often.
const READ_ATTEMPTS: u32 = 8;
/// Events read at once when the tail is made anew.
const CHUNK: i64 = 8_192;

/// The lists of a data folder: what is in memory, what is in the file, and the thread between them.
pub struct Lists {
    tail: Arc<Shared>,
    readers: Pool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    tail: Tail,
    is_closed: bool,
}

impl Lists {
    /// Opens the lists: makes the tail anew from the outbox in `main`, and starts the thread that moves it to the file.
    pub fn open(mut file: ListFile, main: &Connection, vault: &Vault, readers: Pool) -> Result<Self, OpenError> {
        if !knows_event(main, file.place()?)? {
            tracing::warn!("the list file is ahead of the data, which was put back: lists are made anew");
            file.clear()?;
        }
        let mut tail = Tail::new(file.runs()?);
        let mut place = file.place()?;
        loop {
            let changes = read_chunk(main, vault, place)?;
            let Some(last) = changes.last() else { break };
            place = last.event.id.0;
            changes.iter().for_each(|change| tail.add(change));
            if tail.active_rows() >= FULL {
                tail.freeze();
                file.write(&mut tail)?;
            }
        }
        let shared = Arc::new(Shared { state: Mutex::new(State { tail, is_closed: false }), changed: Condvar::new() });
        let for_thread = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("florin-lists".to_owned())
            .spawn(move || for_thread.move_rows(&mut file))
            .map_err(|error| StoreError::Fault(error.to_string()))?;
        Ok(Self { tail: shared, readers })
    }

    /// Adds what a commit has changed. Waits when the file cannot follow.
    pub fn add(&self, changes: &[Change]) {
        let mut state = self.tail.lock();
        while state.tail.active_rows() >= TOO_MANY && state.tail.is_frozen() {
            state = self.tail.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        changes.iter().for_each(|change| state.tail.add(change));
        if state.tail.active_rows() >= FULL {
            self.tail.changed.notify_all();
        }
    }

    /// Runs `read` over the file, with what is in memory of one list.
    ///
    /// Errors: those of `read`; `Behind` when runs are written faster than a reader gets its turn.
    pub fn with<T>(
        &self,
        family: Family,
        list: Uid,
        read: impl Fn(&Connection, &tail::Recent) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        for _ in 0..READ_ATTEMPTS {
            let recent = self.tail.lock().tail.recent(family, list);
            let result = self.readers.with(|conn| {
                conn.execute_batch("BEGIN").map_err(fault)?;
                // Totals are told of the newest run and the one before it: memory must not be older than that.
                let is_recent = file::newest_run(conn).map(|newest| newest <= recent.runs.saturating_add(1));
                let result = match is_recent {
                    Ok(true) => read(conn, &recent).map(Some),
                    Ok(false) => Ok(None),
                    Err(error) => Err(error),
                };
                drop(conn.execute_batch("COMMIT"));
                result
            })?;
            if let Some(result) = result {
                return Ok(result);
            }
        }
        Err(StoreError::Behind)
    }

    /// Ends the thread.
    pub fn close(&self) {
        self.tail.lock().is_closed = true;
        self.tail.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves rows to the file whenever there are many, until closed.
    fn move_rows(&self, file: &mut ListFile) {
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return;
            }
            if !state.tail.is_frozen() && state.tail.active_rows() < FULL {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.tail.freeze();
            let frozen = state.tail.frozen();
            drop(state);
            let written = file.write_frozen(&frozen);
            state = self.lock();
            match written {
                Ok(run) => state.tail.forget_frozen(run),
                Err(error) => {
                    tracing::error!(%error, "the lists could not be written; they stay in memory");
                    state = self.changed.wait_timeout(state, Duration::from_secs(1)).unwrap_or_else(PoisonError::into_inner).0;
                }
            }
            self.changed.notify_all();
        }
    }
}

impl Drop for Lists {
    fn drop(&mut self) {
        self.close();
    }
}

/// Whether the main file has the event that the list file says it has come to; the very first place is no event.
fn knows_event(main: &Connection, place: Uid) -> Result<bool, StoreError> {
    if place == Uid::default() {
        return Ok(true);
    }
    main.query_row("SELECT count(*) FROM event WHERE id = ?1", [id16(place)], |row| row.get::<_, i64>(0))
        .map(|count| count > 0)
        .map_err(fault)
}

/// The events after `place`, with the payments they tell of.
fn read_chunk(conn: &Connection, vault: &Vault, place: Uid) -> Result<Vec<Change>, StoreError> {
    let sql = "SELECT id, platform, type, subject, at FROM event WHERE id > ?1 ORDER BY id LIMIT ?2";
    let mut select = conn.prepare_cached(sql).map_err(fault)?;
    let mut cursor = select.query((id16(place), CHUNK)).map_err(fault)?;
    let mut changes = Vec::new();
    while let Some(row) = cursor.next().map_err(fault)? {
        let event = event(row)?;
        let payment = if event.event.is_of_payment() {
            let payment = rows::find_payment(conn, vault, event.platform.0, event.subject)?;
            Some(payment.ok_or_else(|| codec::broken("event", event.id, "its payment is not there"))?)
        } else {
            None
        };
        changes.push(Change::of(event, payment.as_ref()));
    }
    Ok(changes)
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

/// What a batch's events mean for the lists.
pub fn changes<'a>(events: &[Event], find: impl Fn(PlatformId, Uid) -> Option<&'a Payment>) -> Vec<Change> {
    events
        .iter()
        .map(|event| Change::of(*event, if event.event.is_of_payment() { find(event.platform, event.subject) } else { None }))
        .collect()
}
