//! The sealer: a thread that reads what was committed, and makes blocks of it for the writer to store.
//!
//! There is one writer, entries rise by id with every commit (the writer refuses others) and audit lines by seq, so
//! whoever reads on from a place misses nothing and the rows stay untouched. Blocks are stored by the writer, with its
//! next commit or when it has nothing else to do: a second connection that writes would make it wait.
//!
//! Every platform has open blocks, which are closed when they are full, or when they have waited long enough.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use engine::StoreError;
use ledger::Uid;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension};
use rustc_hash::FxHashMap;

use super::fault;
use super::rows::{self, id16};
use crate::codec::broken;
use crate::seal::block::{Block, Tip};
use crate::seal::section::{Builder, RowKey, Value, place_of_seq};
use crate::seal::{BLOCK_ROWS, Of, Sealed, Sealer};
use crate::vault::Vault;

/// A block that does not fill is closed after this long.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the thread looks when there was nothing left.
const PAUSE: Duration = Duration::from_millis(500);
/// After a piece of work the thread rests so many times as long as it took: nobody else shall notice.
const REST: u32 = 3;
/// Rows of a table read at once.
const CHUNK: usize = BLOCK_ROWS;
/// Open blocks kept in memory; past it they are closed as they are.
const MAX_OPEN: usize = 2_048;
/// Batches of blocks that wait for the writer at most.
const MAX_WAITING: usize = 8;

/// Blocks to be stored together with how far they reach.
struct Batch {
    blocks: Vec<Block>,
    entry_place: Uid,
    audit_place: Uid,
    /// Everything up to the call of this number is in it or before it.
    call: u64,
}

#[derive(Default)]
struct State {
    /// What the writer is to store, in this order.
    waiting: Vec<Batch>,
    /// What waited could not be stored and was dropped: the thread has to begin anew.
    is_broken: bool,
    /// Calls of [`Sealer::seal_up`] so far, and those that are done.
    calls: u64,
    done: u64,
    is_closed: bool,
}

impl State {
    /// The call up to which all is done once the writer has stored what waits.
    fn reached(&self) -> u64 {
        self.waiting.last().map_or(self.done, |last| last.call)
    }
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread, and what is between it and the writer. Ends when dropped.
pub struct SqliteSealer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl SqliteSealer {
    /// Starts the thread over a connection that reads.
    pub fn start(conn: Connection, vault: Arc<Vault>) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("florin-sealer".to_owned()).spawn(move || run(&for_thread, &conn, &vault));
        Ok(Self { shared, thread: Some(thread.map_err(|error| StoreError::Fault(error.to_string()))?) })
    }

    /// Whether there is something to write.
    pub fn is_waiting(&self) -> bool {
        !self.shared.lock().waiting.is_empty()
    }

    /// Writes the batches that are ready, in the writer's open transaction. Gives how many were written, for [`SqliteSealer::wrote`].
    ///
    /// A batch that cannot be written (somebody else has put rows there) is dropped: it must not stop money.
    pub fn write_ready(&self, conn: &Connection) -> Result<usize, StoreError> {
        let mut state = self.shared.lock();
        if state.waiting.is_empty() {
            return Ok(0);
        }
        conn.execute_batch("SAVEPOINT seal").map_err(fault)?;
        let written = state.waiting.iter().try_for_each(|batch| write(conn, batch));
        if written.is_err() {
            conn.execute_batch("ROLLBACK TO seal").map_err(fault)?;
        }
        conn.execute_batch("RELEASE seal").map_err(fault)?;
        match written {
            Ok(()) => Ok(state.waiting.len()),
            Err(error) => {
                tracing::error!(%error, "seals could not be stored; they are made anew");
                state.waiting.clear();
                state.is_broken = true;
                Ok(0)
            }
        }
    }

    /// What was written is durable.
    pub fn wrote(&self, batches: usize) {
        if batches == 0 {
            return;
        }
        let mut state = self.shared.lock();
        let batches = batches.min(state.waiting.len());
        let last = state.waiting.drain(..batches).next_back();
        state.done = last.map_or(state.done, |batch| batch.call);
        drop(state);
        self.shared.changed.notify_all();
    }
}

impl Sealer for SqliteSealer {
    fn seal_up(&self, within: Duration) -> Result<(), StoreError> {
        let mut state = self.shared.lock();
        state.calls = state.calls.saturating_add(1);
        let call = state.calls;
        self.shared.changed.notify_all();
        let is_open = |state: &mut State| state.done < call && !state.is_closed;
        let (state, _) = self.shared.changed.wait_timeout_while(state, within, is_open).unwrap_or_else(PoisonError::into_inner);
        if state.done >= call { Ok(()) } else { Err(StoreError::Behind) }
    }
}

impl Drop for SqliteSealer {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn write(conn: &Connection, batch: &Batch) -> Result<(), StoreError> {
    let mut insert = conn
        .prepare_cached(
            "INSERT INTO seal (platform, number, of, form, first, last, digests, marks, previous, head, mac) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )
        .map_err(fault)?;
    for block in &batch.blocks {
        insert
            .execute(rusqlite::params![
                id16(block.platform),
                block.number,
                block.of,
                block.form,
                id16(block.first),
                id16(block.last),
                block.digests,
                block.marks,
                block.previous,
                block.head,
                block.mac,
            ])
            .map_err(fault)?;
    }
    let mut place = conn.prepare_cached("UPDATE meta SET value = ?1 WHERE name = ?2").map_err(fault)?;
    for (name, value) in [("seal_entry_place", batch.entry_place), ("seal_audit_place", batch.audit_place)] {
        place.execute((id16(value), name)).map_err(fault)?;
    }
    Ok(())
}

fn run(shared: &Shared, conn: &Connection, vault: &Vault) {
    let mut work: Option<Work> = None;
    let mut call = 0;
    let mut pause = Duration::ZERO;
    loop {
        let is_at_rest = |state: &mut State| !state.is_closed && (state.waiting.len() >= MAX_WAITING || state.calls == call);
        let waited = shared.changed.wait_timeout_while(shared.lock(), pause, is_at_rest);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if state.is_closed {
            return;
        }
        if std::mem::take(&mut state.is_broken) {
            work = None;
        }
        // Without a state of its own the thread takes up the chains as they are stored, and so waits until they are.
        if state.waiting.len() >= MAX_WAITING || (work.is_none() && !state.waiting.is_empty()) {
            pause = PAUSE;
            continue;
        }
        call = state.calls;
        let is_called = state.calls > state.reached();
        drop(state);
        let begun = Instant::now();
        match step(&mut work, conn, vault, if is_called { Duration::ZERO } else { PATIENCE }) {
            Ok(Step { batch, is_at_end }) => {
                pause = match (is_at_end, is_called) {
                    (true, _) => PAUSE,
                    (false, true) => Duration::ZERO,
                    (false, false) => begun.elapsed().saturating_mul(REST),
                };
                let mut state = shared.lock();
                let reached = if is_at_end && is_called { call } else { state.reached() };
                if !batch.blocks.is_empty() {
                    state.waiting.push(Batch { call: reached, ..batch });
                } else if let Some(last) = state.waiting.last_mut() {
                    last.call = reached;
                } else {
                    state.done = reached;
                    shared.changed.notify_all();
                }
            }
            Err(error) => {
                tracing::error!(%error, "the rows could not be sealed");
                work = None;
                pause = PAUSE;
            }
        }
    }
}

/// What one step has come to.
struct Step {
    batch: Batch,
    is_at_end: bool,
}

/// Reads on, in one view, and closes the blocks that are full or have waited for `patience`.
fn step(work: &mut Option<Work>, conn: &Connection, vault: &Vault, patience: Duration) -> Result<Step, StoreError> {
    let work = match work {
        Some(work) => work,
        None => work.insert(Work::begin(conn)?),
    };
    conn.execute_batch("BEGIN").map_err(fault)?;
    let read = work.read(conn);
    drop(conn.execute_batch("COMMIT"));
    let is_at_end = read?;
    // Whoever calls for everything wants no block closed early while there is more to fill it with.
    let blocks = work.close(vault, if is_at_end { patience } else { PATIENCE });
    let [entry_place, audit_place] = work.safe_places();
    Ok(Step { batch: Batch { blocks, entry_place, audit_place, call: 0 }, is_at_end })
}

/// Blocks that are being filled, and the chains they will go to.
struct Work {
    /// The last places read: of entries, and of audit lines.
    read_to: [Uid; 2],
    chains: FxHashMap<Uid, Chain>,
}

struct Chain {
    tip: Tip,
    /// The last places that are in blocks.
    sealed_to: [Uid; 2],
    open: [Option<Open>; 2],
}

struct Open {
    builders: Vec<Builder>,
    since: Instant,
}

impl Work {
    fn begin(conn: &Connection) -> Result<Self, StoreError> {
        let place = |name| conn.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| rows::uid(row, 0)).map_err(fault);
        Ok(Self { read_to: [place("seal_entry_place")?, place("seal_audit_place")?], chains: FxHashMap::default() })
    }

    /// Takes in the next rows. Gives whether there are no more.
    fn read(&mut self, conn: &Connection) -> Result<bool, StoreError> {
        let [entry, posting, audit] =
            &STATEMENTS.map(|(table, which)| format!("SELECT {} FROM {} {which}", table.columns.join(", "), table.table));
        let limit = i64::try_from(CHUNK).unwrap_or(i64::MAX);
        let [entries_from, lines_from] = self.read_to;
        let entries = self.take(conn, entry, (id16(entries_from), limit), Of::Ledger, 0)?;
        let [entries_to, _] = self.read_to;
        self.take(conn, posting, (id16(entries_from), id16(entries_to)), Of::Ledger, 1)?;
        let lines = self.take(conn, audit, (seq(lines_from), limit), Of::Audit, 0)?;
        Ok(entries < CHUNK && lines < CHUNK)
    }

    /// Takes in the rows of a statement into section `place` of blocks. Gives how many.
    fn take(&mut self, conn: &Connection, sql: &str, params: impl rusqlite::Params, of: Of, place: usize) -> Result<usize, StoreError> {
        let mut select = conn.prepare_cached(sql).map_err(fault)?;
        let mut cursor = select.query(params).map_err(fault)?;
        let mut count: usize = 0;
        let which = index(of);
        while let Some(row) = cursor.next().map_err(fault)? {
            count = count.saturating_add(1);
            let (platform, key) = name(row, of, place)?;
            if place == 0
                && let Some(read_to) = self.read_to.get_mut(which)
            {
                *read_to = key.place;
            }
            let chain = match self.chains.entry(platform) {
                std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::hash_map::Entry::Vacant(new) => new.insert(Chain::find(conn, platform)?),
            };
            let (Some(sealed_to), Some(open)) = (chain.sealed_to.get(which), chain.open.get_mut(which)) else { continue };
            if key.place <= *sealed_to {
                continue;
            }
            let open = open.get_or_insert_with(|| Open::of(of));
            if let Some(builder) = open.builders.get_mut(place) {
                add(builder, key, row)?;
            }
        }
        Ok(count)
    }

    /// Closes the blocks that are full or have waited for `patience`, and all if there are too many.
    fn close(&mut self, vault: &Vault, patience: Duration) -> Vec<Block> {
        let open: usize = self.chains.values().map(|chain| chain.open.iter().flatten().count()).sum();
        let patience = if open > MAX_OPEN { Duration::ZERO } else { patience };
        let mut blocks = Vec::new();
        for (platform, chain) in &mut self.chains {
            for of in Of::ALL {
                let which = index(of);
                let (Some(open), Some(sealed_to)) = (chain.open.get_mut(which), chain.sealed_to.get_mut(which)) else { continue };
                let rows = open.as_ref().and_then(|open| open.builders.first()).map_or(0, Builder::rows);
                let is_due = open.as_ref().is_some_and(|open| rows >= BLOCK_ROWS || open.since.elapsed() >= patience);
                if rows == 0 || !is_due {
                    continue;
                }
                let block = open.take().and_then(|open| chain.tip.seal(vault, *platform, of, open.builders));
                blocks.extend(block.inspect(|block| *sealed_to = block.last));
            }
        }
        blocks
    }

    /// The places up to which every row is in a block, once those closed so far are stored.
    fn safe_places(&self) -> [Uid; 2] {
        let mut places = self.read_to;
        for chain in self.chains.values() {
            for (place, open) in places.iter_mut().zip(&chain.open) {
                let first = open.as_ref().and_then(|open| open.builders.first()).and_then(Builder::first);
                if let Some(first) = first {
                    *place = (*place).min(Uid::from_bits(first.place.bits().saturating_sub(1)));
                }
            }
        }
        places
    }
}

impl Chain {
    fn find(conn: &Connection, platform: Uid) -> Result<Self, StoreError> {
        let tip = conn
            .prepare_cached("SELECT number, head FROM seal WHERE platform = ?1 ORDER BY number DESC LIMIT 1")
            .and_then(|mut select| select.query_row([id16(platform)], |row| Ok(Tip { number: row.get(0)?, head: row.get(1)? })).optional())
            .map_err(fault)?;
        let mut last =
            conn.prepare_cached("SELECT last FROM seal WHERE platform = ?1 AND of = ?2 ORDER BY number DESC LIMIT 1").map_err(fault)?;
        let mut sealed_to = [Uid::default(); 2];
        for (place, of) in sealed_to.iter_mut().zip(Of::ALL) {
            let found = last.query_row((id16(platform), of.number()), |row| rows::uid(row, 0)).optional().map_err(fault)?;
            *place = found.unwrap_or_default();
        }
        Ok(Self { tip: tip.unwrap_or_default(), sealed_to, open: [None, None] })
    }
}

impl Open {
    fn of(of: Of) -> Self {
        Self { builders: of.tables().iter().map(Builder::of).collect(), since: Instant::now() }
    }
}

/// How each table is read on: from a place, or, for postings, the range of the entries just read.
const STATEMENTS: [(&Sealed, &str); 3] = [
    (&crate::seal::ENTRY, "WHERE id > ?1 ORDER BY id LIMIT ?2"),
    (&crate::seal::POSTING, "WHERE entry > ?1 AND entry <= ?2 ORDER BY entry, line"),
    (&crate::seal::AUDIT, "WHERE seq > ?1 ORDER BY seq LIMIT ?2"),
];

/// The place of a kind among both.
pub const fn index(of: Of) -> usize {
    match of {
        Of::Ledger => 0,
        Of::Audit => 1,
    }
}

/// The seq that a place of an audit line stands for.
pub fn seq(place: Uid) -> i64 {
    i64::try_from(place.bits()).unwrap_or(i64::MAX)
}

/// The platform and the key of a row of all columns of a sealed table.
pub fn name(row: &rusqlite::Row<'_>, of: Of, place: usize) -> Result<(Uid, RowKey), StoreError> {
    let platform = rows::uid(row, 0).map_err(fault)?;
    let key = match (of, place) {
        (Of::Ledger, 0) => RowKey { place: rows::uid(row, 1).map_err(fault)?, line: 0 },
        (Of::Ledger, _) => RowKey { place: rows::uid(row, 1).map_err(fault)?, line: row.get(2).map_err(fault)? },
        (Of::Audit, _) => RowKey { place: place_of_seq(row.get(1).map_err(fault)?), line: 0 },
    };
    Ok((platform, key))
}

/// Adds a row of all columns of a sealed table.
pub fn add(builder: &mut Builder, key: RowKey, row: &rusqlite::Row<'_>) -> Result<(), StoreError> {
    let count = row.as_ref().column_count();
    let mut values: smallvec::SmallVec<[Value<'_>; 12]> = smallvec::SmallVec::with_capacity(count);
    for column in 0..count {
        values.push(match row.get_ref(column).map_err(fault)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(number) => Value::Integer(number),
            ValueRef::Text(text) => Value::Text(text),
            ValueRef::Blob(bytes) => Value::Bytes(bytes),
            ValueRef::Real(_) => return Err(broken("sealed rows", key.place, "a column holds a fraction")),
        });
    }
    builder.add(key, values);
    Ok(())
}
