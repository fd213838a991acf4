//! Holding the rows of a database against their seals, a block at a time.

use engine::StoreError;
use tokio_postgres::{Client, Row};

use super::error;
use super::rows::{Id, get, uid};
use super::seal::{add, key_of};
use crate::seal::block::Block;
use crate::seal::report::{Chains, Finding, Places};
use crate::seal::section::{Builder, RowKey, place_of_seq};
use crate::seal::{AUDIT, ENTRY, Head, Of, POSTING, Report, Sealed};
use crate::vault::Vault;
use ledger::Uid;

const BLOCK: &str = "platform, number, of, form, first, last, digests, marks, previous, head, mac";
/// Blocks read at once.
const PAGE: i64 = 64;
/// Rows that say they are in blocks that do not have them, told one by one up to this many a table.
const MAX_STRAYS: i64 = 20;

/// Goes along all chains, and looks the rows of each block up.
pub async fn check(client: &Client, vault: &Vault, anchor: &[Head]) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let mut chains = Chains::new(vault, anchor, &mut report);
    let text = format!("SELECT {BLOCK} FROM seal WHERE (platform, number) > ($1, $2) ORDER BY platform, number LIMIT {PAGE}");
    let (mut platform, mut number) = (Uid::default(), 0_i64);
    loop {
        let rows = client.query(&text, &[&Id(platform), &number]).await.map_err(error::of)?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            let block = block(row)?;
            (platform, number) = (block.platform, block.number);
            chains.block(&block, Places::Overlap, &mut report);
            rows_of(client, &block, &mut report).await?;
        }
    }
    chains.finish(&mut report);
    for table in [&ENTRY, &AUDIT] {
        strays(client, table, &mut report).await?;
        let unsealed = format!("SELECT count(*) FROM {} WHERE sealed IS NULL", table.table);
        let unsealed: i64 = get(&client.query_one(&unsealed, &[]).await.map_err(error::of)?, 0)?;
        report.unsealed(table, u64::try_from(unsealed).unwrap_or(0));
    }
    Ok(report)
}

/// The last head of each chain.
pub async fn heads(client: &Client) -> Result<Vec<Head>, StoreError> {
    let text = "SELECT DISTINCT ON (platform) platform, number, head, mac FROM seal ORDER BY platform, number DESC";
    let rows = client.query(text, &[]).await.map_err(error::of)?;
    rows.iter().map(|row| Ok(Head::of(uid(row, 0)?, get(row, 1)?, get(row, 2)?, get(row, 3)?))).collect()
}

fn block(row: &Row) -> Result<Block, StoreError> {
    Ok(Block {
        platform: uid(row, 0)?,
        number: get(row, 1)?,
        of: get(row, 2)?,
        form: get(row, 3)?,
        first: uid(row, 4)?,
        last: uid(row, 5)?,
        digests: get(row, 6)?,
        marks: get(row, 7)?,
        previous: get(row, 8)?,
        head: get(row, 9)?,
        mac: get(row, 10)?,
    })
}

/// Holds the rows that say they are in a block against it. Those outside of its places are found as strays.
async fn rows_of(client: &Client, block: &Block, report: &mut Report) -> Result<(), StoreError> {
    let Some(of) = Of::from_number(block.of) else { return Ok(()) };
    for (place, table) in of.tables().iter().enumerate() {
        let columns = table.columns.iter().map(|column| format!("t.{column}")).collect::<Vec<_>>().join(", ");
        let rows = if *table == AUDIT {
            let text =
                format!("SELECT {columns} FROM audit t WHERE t.platform = $1 AND t.sealed = $2 AND t.seq BETWEEN $3 AND $4 ORDER BY t.seq");
            let seq = |place: Uid| i64::try_from(place.bits()).unwrap_or(i64::MAX);
            client.query(&text, &[&Id(block.platform), &block.number, &seq(block.first), &seq(block.last)]).await
        } else {
            let text = if *table == POSTING {
                format!(
                    "SELECT {columns} FROM entry e CROSS JOIN LATERAL (SELECT p.* FROM posting p WHERE p.platform = e.platform AND p.entry = e.id \
                     OFFSET 0) AS t WHERE e.platform = $1 AND e.sealed = $2 AND e.id BETWEEN $3 AND $4 ORDER BY t.entry, t.line"
                )
            } else {
                format!("SELECT {columns} FROM entry t WHERE t.platform = $1 AND t.sealed = $2 AND t.id BETWEEN $3 AND $4 ORDER BY t.id")
            };
            client.query(&text, &[&Id(block.platform), &block.number, &Id(block.first), &Id(block.last)]).await
        };
        let mut found = Builder::of(table);
        rows.map_err(error::of)?.iter().try_for_each(|row| add(&mut found, table, row))?;
        report.compare(block, of, place, Places::Overlap, found);
    }
    Ok(())
}

/// Rows whose mark names a block that is not there, is of something else, or does not reach to them.
async fn strays(client: &Client, table: &Sealed, report: &mut Report) -> Result<(), StoreError> {
    let key = key_of(table);
    let (of, first, last) = if *table == AUDIT {
        // Places are numbers of 128 bits; a seq is the lower half of one.
        let seq = |column| format!("CAST(CAST('x' || right(replace(CAST(s.{column} AS TEXT), '-', ''), 16) AS BIT(64)) AS BIGINT)");
        (Of::Audit, seq("first"), seq("last"))
    } else {
        (Of::Ledger, "s.first".to_owned(), "s.last".to_owned())
    };
    let text = format!(
        "SELECT t.platform, t.{key}, t.sealed FROM {} t WHERE t.sealed IS NOT NULL AND NOT EXISTS (SELECT 1 FROM seal s \
         WHERE s.platform = t.platform AND s.number = t.sealed AND s.of = {} AND t.{key} BETWEEN {first} AND {last}) LIMIT {MAX_STRAYS}",
        table.table,
        of.number()
    );
    for row in client.query(&text, &[]).await.map_err(error::of)? {
        let place = if *table == AUDIT { place_of_seq(get(&row, 1)?) } else { uid(&row, 1)? };
        let name = RowKey { place, line: 0 }.name(table);
        report.find(Finding::Stray { table: table.table, row: name, block: get(&row, 2)?, platform: uid(&row, 0)? });
    }
    Ok(())
}
