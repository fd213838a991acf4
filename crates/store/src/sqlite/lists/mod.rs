//! Lists: which payment or event stands at which place of which list.
//!
//! The newest rows are in memory ([`tail`]): the writer adds them after its commit and before it answers,
//! so a list is never behind what a caller knows. A thread moves them, many at a time and sorted, into
//! runs in a file of their own ([`mod@file`]), which therefore only appends. After a death the tail is made
//! anew from the outbox, whose place the file keeps; without the file, everything is.
//!
//! While the file cannot be written for long, the rows in memory would grow without bound. Then they are let go:
//! lists are refused as behind, money goes on, and once the file can be written again the tail is made anew.

mod file;
mod read;
mod tail;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trouble;

pub use file::ListFile;
pub use read::{Narrowed, page_of, whole};
pub use tail::{Family, Tail};

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use domain::{Event, EventId, EventType, PlatformId, Timestamp};
use engine::StoreError;
use ledger::Uid;
use rusqlite::Connection;

use super::pool::Pool;
use super::rows::{self, id16};
use super::{OpenError, fault};
use crate::codec;
use crate::listing::Change;
use crate::vault::Vault;

/// A reader that was overtaken by two runs begins again, this often.
const READ_ATTEMPTS: u32 = 8;
/// Events read at once when the tail is made anew.
const CHUNK: i64 = 8_192;
/// A tail that is made anew while the writer goes on takes over when so few events were new.
const FEW: usize = 512;
/// Between two attempts at a file that cannot be written.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How many rows may be in memory.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From so many on they are moved to the file.
    pub full: usize,
    /// At so many, behind others that are being moved, they are let go.
    pub too_many: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { full: 200_000, too_many: 1_000_000 }
    }
}

/// Where the tail is made anew from: the main file, by a connection that reads.
pub struct Outbox {
    pub main: Connection,
    pub vault: Arc<Vault>,
}

/// The lists of a data folder: what is in memory, what is in the file, and the thread between them.
pub struct Lists {
    tail: Arc<Shared>,
    readers: Pool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    limits: Limits,
}

struct State {
    tail: Tail,
    /// The newest event in the tail or before it.
    place: Uid,
    /// Rows were let go: the tail is to be made anew, and until then no list is whole.
    is_lost: bool,
    is_closed: bool,
}

impl Lists {
    /// Opens the lists: makes the tail anew from the outbox, and starts the thread that moves it to the file.
    pub fn open(mut file: ListFile, outbox: Outbox, readers: Pool, limits: Limits) -> Result<Self, OpenError> {
        if !knows_event(&outbox.main, file.place()?)? {
            tracing::warn!("the list file is ahead of the data, which was put back: lists are made anew");
            file.clear()?;
        }
        let mut tail = Tail::new(file.runs()?);
        let mut place = file.place()?;
        while outbox.read_on(&mut tail, &mut place, &mut file, limits)? > 0 {}
        let state = State { tail, place, is_lost: false, is_closed: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new(), limits });
        let for_thread = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("florin-lists".to_owned())
            .spawn(move || for_thread.move_rows(&mut file, &outbox))
            .map_err(|error| StoreError::Fault(error.to_string()))?;
        Ok(Self { tail: shared, readers })
    }

    /// Adds what a commit has changed. When the file cannot follow, rows are let go rather than waited with.
    pub fn add(&self, changes: &[Change]) {
        let mut state = self.tail.lock();
        if state.is_lost {
            return;
        }
        let Limits { full, too_many } = self.tail.limits;
        if state.tail.active_rows() >= too_many && state.tail.is_frozen() {
            tracing::error!("the lists cannot be written: they are refused until they can, and money goes on");
            state.tail.let_go();
            state.is_lost = true;
            return;
        }
        state.add(changes);
        if state.tail.active_rows() >= full {
            self.tail.changed.notify_all();
        }
    }

    /// Runs `read` over the file, with what is in memory of one list.
    ///
    /// Errors: those of `read`; `Behind` while rows are missing, or when runs are written faster than a reader gets its turn.
    pub fn with<T>(
        &self,
        family: Family,
        list: Uid,
        read: impl Fn(&Connection, &tail::Recent) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        for _ in 0..READ_ATTEMPTS {
            let state = self.tail.lock();
            if state.is_lost {
                return Err(StoreError::Behind);
            }
            let recent = state.tail.recent(family, list);
            drop(state);
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

    /// Moves rows to the file whenever there are many, until closed; makes the tail anew when rows were let go.
    fn move_rows(&self, file: &mut ListFile, outbox: &Outbox) {
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return;
            }
            let is_full = state.tail.is_frozen() || state.tail.active_rows() >= self.limits.full;
            let done = if is_full {
                state.tail.freeze();
                let frozen = state.tail.frozen();
                drop(state);
                let written = file.write_frozen(&frozen);
                state = self.lock();
                written.map(|run| state.tail.forget_frozen(run))
            } else if state.is_lost {
                drop(state);
                let made = self.make_anew(file, outbox);
                state = self.lock();
                made
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if let Err(error) = done {
                tracing::error!(%error, "the lists could not be written");
                let rest = self.changed.wait_timeout_while(state, RETRY_AFTER, |state| !state.is_closed);
                state = rest.unwrap_or_else(PoisonError::into_inner).0;
            }
            self.changed.notify_all();
        }
    }

    /// Makes the tail anew behind what the file has, while the writer goes on, and takes up with it at the end.
    fn make_anew(&self, file: &mut ListFile, outbox: &Outbox) -> Result<(), StoreError> {
        let mut tail = Tail::new(file.runs()?);
        let mut place = file.place()?;
        while outbox.read_on(&mut tail, &mut place, file, self.limits)? > FEW {
            if self.lock().is_closed {
                return Ok(());
            }
        }
        // With the state held nothing is added. What is committed and not added yet is read here, and skipped there.
        let mut state = self.lock();
        while outbox.read_on(&mut tail, &mut place, file, self.limits)? > 0 {}
        (state.tail, state.place, state.is_lost) = (tail, place, false);
        tracing::warn!("the lists were made anew");
        Ok(())
    }
}

impl State {
    fn add(&mut self, changes: &[Change]) {
        for change in changes.iter().filter(|change| change.event.id.0 > self.place) {
            self.tail.add(change);
        }
        self.place = changes.last().map_or(self.place, |last| self.place.max(last.event.id.0));
    }
}

impl Outbox {
    /// Takes the next events into `tail`, and moves it to the file when it is full. Gives how many there were.
    fn read_on(&self, tail: &mut Tail, place: &mut Uid, file: &mut ListFile, limits: Limits) -> Result<usize, StoreError> {
        let changes = read_chunk(&self.main, &self.vault, *place)?;
        changes.iter().for_each(|change| tail.add(change));
        *place = changes.last().map_or(*place, |last| last.event.id.0);
        if tail.active_rows() >= limits.full {
            tail.freeze();
            file.write(tail)?;
        }
        Ok(changes.len())
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
            // One whose author was erased is not listed any more.
            rows::find_payment(conn, vault, event.platform.0, event.subject)?
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
