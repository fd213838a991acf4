//! The file of runs.

use engine::StoreError;
use ledger::Uid;
use rusqlite::{Connection, OptionalExtension};
use rustc_hash::FxHashMap;

use super::tail::{Family, Rows, Tail};
use crate::codec::broken;
use crate::listing::{ROW_BYTES, Row};
use crate::sqlite::fault;
use crate::sqlite::rows::{self, Id16, id16};

/// The one writer of the list file.
pub struct ListFile(Connection);

/// Rows of a list that are kept together.
const CHUNK_ROWS: usize = 256;

/// What is written of a list in one run.
type Placed<'a> = (Family, Uid, i64, &'a Row);

impl ListFile {
    /// The file over a connection that may write.
    pub const fn new(conn: Connection) -> Self {
        Self(conn)
    }

    /// The newest run.
    pub fn runs(&self) -> Result<i64, StoreError> {
        newest_run(&self.0)
    }

    /// The newest event whose rows are in the runs.
    pub fn place(&self) -> Result<Uid, StoreError> {
        self.0.query_row("SELECT value FROM place WHERE name = 'event'", [], |row| rows::uid(row, 0)).map_err(fault)
    }

    /// Forgets every run: the lists are to be made anew.
    pub fn clear(&mut self) -> Result<(), StoreError> {
        let sql = "BEGIN IMMEDIATE; DELETE FROM chunk; DELETE FROM run; DELETE FROM list_total; DELETE FROM open_item; \
                   UPDATE place SET value = zeroblob(16) WHERE name = 'event'; COMMIT;";
        self.0.execute_batch(sql).map_err(fault)
    }

    /// Writes the frozen rows of `tail`, and has it forget them.
    pub fn write(&mut self, tail: &mut Tail) -> Result<(), StoreError> {
        let run = self.write_frozen(&tail.frozen())?;
        tail.forget_frozen(run);
        Ok(())
    }

    /// Writes rows as one run in one transaction, and gives its number.
    pub fn write_frozen(&mut self, rows: &Rows) -> Result<i64, StoreError> {
        self.0.execute_batch("BEGIN IMMEDIATE").map_err(fault)?;
        let written = write_run(&self.0, rows).and_then(|run| self.0.execute_batch("COMMIT").map_err(fault).map(|()| run));
        if written.is_err() {
            drop(self.0.execute_batch("ROLLBACK"));
        }
        written
    }
}

fn write_run(conn: &Connection, rows: &Rows) -> Result<i64, StoreError> {
    let run = newest_run(conn)?.saturating_add(1);
    let patches = patched(conn, rows)?;
    let mut placed = place_all(conn, rows, run)?;
    placed.extend(patches.iter().map(|(list, number, row)| (Family::Payments, *list, *number, *row)));
    placed.sort_unstable_by_key(|(family, list, number, _)| (*family, *list, *number));
    let mut insert =
        conn.prepare_cached("INSERT INTO chunk (run, family, list, first, rows) VALUES (?1, ?2, ?3, ?4, ?5)").map_err(fault)?;
    let mut packed = Vec::with_capacity(CHUNK_ROWS * ROW_BYTES);
    let follow = |(family, list, number, _): &Placed<'_>, (next_family, next_list, next, _): &Placed<'_>| {
        family == next_family && list == next_list && number.saturating_add(1) == *next
    };
    for chunk in placed.chunk_by(follow).flat_map(|rows| rows.chunks(CHUNK_ROWS)) {
        let Some((family, list, first, _)) = chunk.first() else { continue };
        packed.clear();
        chunk.iter().for_each(|(_, _, _, row)| row.pack(&mut packed));
        insert.execute((run, family.number(), id16(*list), first, &packed)).map_err(fault)?;
    }
    let mut open = conn.prepare_cached("INSERT OR REPLACE INTO open_item (item, list, number) VALUES (?1, ?2, ?3)").map_err(fault)?;
    for (_, list, number, row) in placed.iter().filter(|(_, _, _, row)| row.is_open()) {
        open.execute((id16(row.item), id16(*list), number)).map_err(fault)?;
    }
    let size = i64::try_from(placed.len()).unwrap_or(i64::MAX);
    conn.execute("INSERT INTO run (id, size) VALUES (?1, ?2)", (run, size)).map_err(fault)?;
    conn.execute("UPDATE place SET value = ?1 WHERE name = 'event'", [id16(rows.place)]).map_err(fault)?;
    Ok(run)
}

/// Numbers the rows of every list on from what the runs have of it, and keeps the new totals.
fn place_all<'a>(conn: &Connection, rows: &'a Rows, run: i64) -> Result<Vec<Placed<'a>>, StoreError> {
    let mut lists: Vec<_> = rows.lists.iter().collect();
    // In the order of the table of totals, so that each of its pages is met once.
    lists.sort_unstable_by_key(|(key, _)| **key);
    let sql = "INSERT INTO list_total (family, list, run, before, total) VALUES (?1, ?2, ?3, ?4, ?5) \
               ON CONFLICT (family, list) DO UPDATE SET run = excluded.run, before = excluded.before, total = excluded.total";
    let mut keep = conn.prepare_cached(sql).map_err(fault)?;
    let mut placed = Vec::with_capacity(rows.count);
    for ((family, list), list_rows) in lists {
        let before = total(conn, run, *family, *list)?;
        placed.extend(list_rows.iter().zip(before.saturating_add(1)..).map(|(row, number)| (*family, *list, number, row)));
        let total = before.saturating_add(i64::try_from(list_rows.len()).unwrap_or(i64::MAX));
        keep.execute((family.number(), id16(*list), run, before, total)).map_err(fault)?;
    }
    Ok(placed)
}

/// The rows of earlier runs that have changed: they are written again, under their old numbers.
fn patched<'a>(conn: &Connection, rows: &'a Rows) -> Result<Vec<(Uid, i64, &'a Row)>, StoreError> {
    let mut patched = Vec::new();
    let mut places = conn.prepare_cached("SELECT list, number FROM open_item WHERE item = ?1").map_err(fault)?;
    let mut close = conn.prepare_cached("DELETE FROM open_item WHERE item = ?1").map_err(fault)?;
    for (item, (row, _)) in &rows.patches {
        let found: Vec<(Id16, i64)> =
            places.query_map([id16(*item)], |row| Ok((row.get(0)?, row.get(1)?))).and_then(Iterator::collect).map_err(fault)?;
        patched.extend(found.iter().map(|(list, number)| (Uid::from_bytes(list.0), *number, row)));
        close.execute([id16(*item)]).map_err(fault)?;
    }
    Ok(patched)
}

/// How many rows the runs up to `runs` have of a list. At most one run may be newer than `runs`.
pub fn total(conn: &Connection, runs: i64, family: Family, list: Uid) -> Result<i64, StoreError> {
    let sql = "SELECT iif(run <= ?1, total, before) FROM list_total WHERE family = ?2 AND list = ?3";
    let mut select = conn.prepare_cached(sql).map_err(fault)?;
    let total = select.query_row((runs, family.number(), id16(list)), |row| row.get(0)).optional().map_err(fault)?;
    Ok(total.unwrap_or(0))
}

/// The newest run that a connection sees.
pub fn newest_run(conn: &Connection) -> Result<i64, StoreError> {
    let mut select = conn.prepare_cached("SELECT COALESCE(max(id), 0) FROM run").map_err(fault)?;
    select.query_row([], |row| row.get(0)).map_err(fault)
}

/// The rows of a list in the runs with numbers from `low` (exclusive) to `high`, as the newest run has each.
pub fn range(conn: &Connection, runs: i64, family: Family, list: Uid, low: i64, high: i64) -> Result<Vec<(i64, Row)>, StoreError> {
    let sql = "SELECT first, rows FROM chunk \
               WHERE run IN (SELECT id FROM run WHERE id <= ?1) AND family = ?2 AND list = ?3 AND first > ?4 AND first <= ?5 ORDER BY run";
    let mut select = conn.prepare_cached(sql).map_err(fault)?;
    // A chunk that begins before the range may reach into it.
    let from = low.saturating_sub(i64::try_from(CHUNK_ROWS).unwrap_or(0));
    let mut cursor = select.query((runs, family.number(), id16(list), from, high)).map_err(fault)?;
    let mut newest: FxHashMap<i64, Row> = FxHashMap::default();
    while let Some(chunk) = cursor.next().map_err(fault)? {
        let first: i64 = chunk.get(0).map_err(fault)?;
        let packed = chunk.get_ref(1).map_err(fault)?.as_blob().map_err(|_| broken("chunk", list, "rows"))?;
        for (bytes, number) in packed.chunks(ROW_BYTES).zip(first..) {
            if number > low && number <= high {
                newest.insert(number, Row::unpack(bytes).ok_or_else(|| broken("chunk", list, "a row"))?);
            }
        }
    }
    let mut found: Vec<(i64, Row)> = newest.into_iter().collect();
    found.sort_unstable_by_key(|(number, _)| *number);
    Ok(found)
}
