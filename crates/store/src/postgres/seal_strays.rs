//! Each row is in one block, or it waits for one: all rows in the order of their names, against the names that blocks
//! have, in the order of their first ones.
//!
//! Blocks overlap, but hardly: what was written together is sealed together. So few of them are open at a time.

use std::collections::BTreeSet;

use engine::StoreError;
use ledger::Uid;
use rustc_hash::FxHashSet;
use tokio_postgres::{Client, Row};

use super::rows::{get, uid};
use super::seal::key_of;
use super::{error, seal, to_seal};
use crate::seal::report::Finding;
use crate::seal::section::{RowKey, place_of_seq};
use crate::seal::{AUDIT, Of, Report, Sealed, names};

/// Rows read at once.
const PAGE: usize = 4_096;
/// Blocks, or rows that have many names, read at once.
const WIDE_PAGE: usize = 64;

/// A row: its platform and its name there.
type Named = (Uid, Uid);

/// Reports the rows that are in no block and wait for none, those that are in more than one, and those that wait and are gone;
/// and counts those that wait.
pub async fn find(client: &Client, of: Of, report: &mut Report) -> Result<(), StoreError> {
    let Some(table) = of.tables().first() else { return Ok(()) };
    let mut waiting = Waiting::read(client, of, report).await?.0;
    let key = key_of(table);
    let rows = format!("SELECT platform, {key} FROM {} ORDER BY platform, {key}", table.table);
    let blocks = format!("SELECT platform, first, names FROM seal WHERE of = {} ORDER BY platform, first, number", of.number());
    let (mut rows, mut blocks) =
        (Cursor::open(client, "rows", &rows, PAGE).await?, Cursor::open(client, "blocks", &blocks, WIDE_PAGE).await?);
    let mut next_block = blocks.next(client).await?;
    let mut open: BTreeSet<Named> = BTreeSet::new();
    let mut unsealed: u64 = 0;
    while let Some(row) = rows.next(client).await? {
        let platform = uid(&row, 0)?;
        let name = if *table == AUDIT { place_of_seq(get(&row, 1)?) } else { uid(&row, 1)? };
        let row = (platform, name);
        while let Some(block) = next_block.take() {
            if (uid(&block, 0)?, uid(&block, 1)?) > row {
                next_block = Some(block);
                break;
            }
            // Names that do not read were told of with the chain.
            for name in names::unpack(get(&block, 2)?).unwrap_or_default() {
                if !open.insert((uid(&block, 0)?, name)) {
                    report.find(twice(table, (uid(&block, 0)?, name)));
                }
            }
            next_block = blocks.next(client).await?;
        }
        // Rows that blocks name and that are gone were told of with their blocks.
        while open.first().is_some_and(|first| *first < row) {
            open.pop_first();
        }
        match (open.remove(&row), waiting.remove(&row)) {
            (true, false) => {}
            (true, true) => report.find(twice(table, row)),
            (false, true) => unsealed = unsealed.saturating_add(1),
            (false, false) => report.find(Finding::Stray { table: table.table, row: named(table, row), platform }),
        }
    }
    rows.close(client).await?;
    blocks.close(client).await?;
    report.unsealed(table, unsealed);
    let mut gone: Vec<Named> = waiting.into_iter().collect();
    gone.sort_unstable();
    for row in gone {
        report.find(Finding::Gone { table: table.table, found_by: table.found_by(), row: named(table, row), platform: row.0 });
    }
    Ok(())
}

fn twice(table: &Sealed, row: Named) -> Finding {
    Finding::Twice { table: table.table, row: named(table, row), platform: row.0 }
}

fn named(table: &Sealed, row: Named) -> String {
    RowKey { place: row.1, line: 0 }.name(table)
}

/// Rows that are said to wait for a block.
struct Waiting(FxHashSet<Named>);

impl Waiting {
    async fn read(client: &Client, of: Of, report: &mut Report) -> Result<Self, StoreError> {
        let mut all = FxHashSet::default();
        let mut cursor = Cursor::open(client, "to_seal", "SELECT platform, seq, form, names FROM to_seal", WIDE_PAGE).await?;
        while let Some(row) = cursor.next(client).await? {
            match to_seal::read(get(&row, 2)?, get(&row, 3)?) {
                Some(platforms) => {
                    for (platform, kinds) in platforms {
                        let names = Of::ALL.into_iter().zip(kinds).filter(|(kind, _)| *kind == of).flat_map(|(_, names)| names);
                        all.extend(names.map(|name| (platform, name)));
                    }
                }
                // Told once, not for each kind.
                None if of == Of::Ledger => {
                    report.find(Finding::Unread { table: "to_seal", row: get(&row, 1)?, platform: uid(&row, 0)? });
                }
                None => {}
            }
        }
        cursor.close(client).await?;
        let text = format!("SELECT platform, seq, form, names FROM unsealed WHERE of = {}", of.number());
        let mut cursor = Cursor::open(client, "unsealed", &text, WIDE_PAGE).await?;
        while let Some(row) = cursor.next(client).await? {
            let platform = uid(&row, 0)?;
            match seal::read(get(&row, 2)?, get(&row, 3)?) {
                Some(names) => all.extend(names.into_iter().map(|name| (platform, name))),
                None => report.find(Finding::Unread { table: "unsealed", row: get(&row, 1)?, platform }),
            }
        }
        cursor.close(client).await?;
        Ok(Self(all))
    }
}

/// A query whose rows are fetched in pages, in the transaction that is open.
struct Cursor {
    name: &'static str,
    fetch: String,
    page: std::vec::IntoIter<Row>,
}

impl Cursor {
    async fn open(client: &Client, name: &'static str, query: &str, page: usize) -> Result<Self, StoreError> {
        client.batch_execute(&format!("DECLARE florin_{name} NO SCROLL CURSOR FOR {query}")).await.map_err(error::of)?;
        Ok(Self { name, fetch: format!("FETCH {page} FROM florin_{name}"), page: Vec::new().into_iter() })
    }

    async fn next(&mut self, client: &Client) -> Result<Option<Row>, StoreError> {
        if let Some(row) = self.page.next() {
            return Ok(Some(row));
        }
        self.page = client.query(&self.fetch, &[]).await.map_err(error::of)?.into_iter();
        Ok(self.page.next())
    }

    async fn close(self, client: &Client) -> Result<(), StoreError> {
        client.batch_execute(&format!("CLOSE florin_{}", self.name)).await.map_err(error::of)
    }
}
