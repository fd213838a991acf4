//! Holding the rows of a data folder against their seals, in one pass over each table.

use engine::StoreError;
use ledger::Uid;
use rusqlite::{Connection, OptionalExtension, Row};
use rustc_hash::FxHashMap;

use super::fault;
use super::rows::{self, id16};
use super::seal::{add, name};
use crate::seal::block::Block;
use crate::seal::report::{Chains, Places};
use crate::seal::section::{Builder, RowKey};
use crate::seal::{Head, Of, Report, Sealed};
use crate::vault::Vault;

const BLOCK: &str = "platform, number, of, form, first, last, digests, marks, previous, head, mac";

/// Goes along all chains, and then along all rows.
pub fn check(conn: &Connection, vault: &Vault, anchor: &[Head]) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let mut chains = Chains::new(vault, anchor, &mut report);
    each_block(conn, |block| chains.block(&block, Places::Rise, &mut report))?;
    chains.finish(&mut report);
    for of in Of::ALL {
        for (place, table) in of.tables().iter().enumerate() {
            Pass { conn, of, place, table, cursors: FxHashMap::default(), report: &mut report }.run()?;
        }
    }
    Ok(report)
}

/// The last head of each chain.
pub fn heads(conn: &Connection) -> Result<Vec<Head>, StoreError> {
    let sql = "SELECT platform, max(number), head, mac FROM seal GROUP BY platform ORDER BY platform";
    let mut select = conn.prepare(sql).map_err(fault)?;
    let mut cursor = select.query([]).map_err(fault)?;
    let mut heads = Vec::new();
    while let Some(row) = cursor.next().map_err(fault)? {
        let (head, mac): (Vec<u8>, Vec<u8>) = (row.get(2).map_err(fault)?, row.get(3).map_err(fault)?);
        heads.push(Head::of(rows::uid(row, 0).map_err(fault)?, row.get(1).map_err(fault)?, &head, &mac));
    }
    Ok(heads)
}

fn each_block(conn: &Connection, mut each: impl FnMut(Block)) -> Result<(), StoreError> {
    let mut select = conn.prepare(&format!("SELECT {BLOCK} FROM seal ORDER BY platform, number")).map_err(fault)?;
    let mut cursor = select.query([]).map_err(fault)?;
    while let Some(row) = cursor.next().map_err(fault)? {
        each(block(row).map_err(fault)?);
    }
    Ok(())
}

fn block(row: &Row<'_>) -> rusqlite::Result<Block> {
    Ok(Block {
        platform: rows::uid(row, 0)?,
        number: row.get(1)?,
        of: row.get(2)?,
        form: row.get(3)?,
        first: rows::uid(row, 4)?,
        last: rows::uid(row, 5)?,
        digests: row.get(6)?,
        marks: row.get(7)?,
        names: Vec::new(),
        previous: row.get(8)?,
        head: row.get(9)?,
        mac: row.get(10)?,
    })
}

/// One pass over a table. Rows come in the order of their places; each platform is in one block at a time.
struct Pass<'a> {
    conn: &'a Connection,
    of: Of,
    place: usize,
    table: &'static Sealed,
    cursors: FxHashMap<Uid, Cursor>,
    report: &'a mut Report,
}

/// The block that a platform's next row may be in; absent behind the last.
struct Cursor(Option<(Block, Builder)>);

impl Pass<'_> {
    fn run(mut self) -> Result<(), StoreError> {
        // Also a chain whose rows are all gone is gone through.
        let mut platforms = self.conn.prepare_cached("SELECT DISTINCT platform FROM seal ORDER BY platform").map_err(fault)?;
        let platforms = platforms.query_map([], |row| rows::uid(row, 0)).map_err(fault)?;
        for platform in platforms {
            let platform = platform.map_err(fault)?;
            let first = self.next(platform, 0)?;
            self.cursors.insert(platform, first);
        }
        let order = match (self.of, self.place) {
            (Of::Ledger, 0) => "id",
            (Of::Ledger, _) => "entry, line",
            (Of::Audit, _) => "seq",
        };
        let sql = format!("SELECT {} FROM {} ORDER BY {order}", self.table.columns.join(", "), self.table.table);
        let mut select = self.conn.prepare_cached(&sql).map_err(fault)?;
        let mut cursor = select.query([]).map_err(fault)?;
        while let Some(row) = cursor.next().map_err(fault)? {
            let (platform, key) = name(row, self.of, self.place)?;
            self.row(platform, key, row)?;
        }
        let mut left: Vec<Uid> = self.cursors.keys().copied().collect();
        left.sort_unstable();
        for platform in left {
            while let Some((block, found)) = self.take(platform) {
                self.end(platform, &block, found)?;
            }
        }
        Ok(())
    }

    fn row(&mut self, platform: Uid, key: RowKey, row: &Row<'_>) -> Result<(), StoreError> {
        while let Some((block, mut found)) = self.take(platform) {
            if key.place <= block.last {
                add(&mut found, key, row)?;
                self.cursors.insert(platform, Cursor(Some((block, found))));
                return Ok(());
            }
            self.end(platform, &block, found)?;
        }
        self.report.unsealed(self.table, 1);
        Ok(())
    }

    fn take(&mut self, platform: Uid) -> Option<(Block, Builder)> {
        self.cursors.get_mut(&platform).and_then(|cursor| cursor.0.take())
    }

    /// Holds the rows found against a block, and goes on to the next.
    fn end(&mut self, platform: Uid, block: &Block, found: Builder) -> Result<(), StoreError> {
        self.report.compare(block, self.of, self.place, found);
        let next = self.next(platform, block.number)?;
        self.cursors.insert(platform, next);
        Ok(())
    }

    fn next(&self, platform: Uid, after: i64) -> Result<Cursor, StoreError> {
        let sql = format!("SELECT {BLOCK} FROM seal WHERE platform = ?1 AND number > ?2 AND of = ?3 ORDER BY number LIMIT 1");
        let mut select = self.conn.prepare_cached(&sql).map_err(fault)?;
        let found = select.query_row((id16(platform), after, self.of.number()), block).optional().map_err(fault)?;
        Ok(Cursor(found.map(|block| (block, Builder::of(self.table)))))
    }
}
