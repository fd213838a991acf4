//! Holding the rows of a database against their seals, a block at a time.

use engine::StoreError;
use tokio_postgres::{Client, Row};

use super::rows::{Id, get, uid};
use super::seal::{add, named_rows};
use super::{error, seal_strays};
use crate::seal::block::Block;
use crate::seal::report::{Chains, Finding, Places};
use crate::seal::section::Builder;
use crate::seal::{Head, Of, Report};
use crate::vault::Vault;
use ledger::Uid;

const BLOCK: &str = "platform, number, of, form, first, last, digests, marks, names, previous, head, mac";
/// Blocks read at once.
const PAGE: i64 = 64;

/// Goes along all chains, and looks the rows of each block up; then along all rows, to see that each is in one block.
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
    for of in Of::ALL {
        seal_strays::find(client, of, &mut report).await?;
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
        names: get(row, 8)?,
        previous: get(row, 9)?,
        head: get(row, 10)?,
        mac: get(row, 11)?,
    })
}

/// Holds the rows that a block names against it. Names that do not read were told of with the chain.
async fn rows_of(client: &Client, block: &Block, report: &mut Report) -> Result<(), StoreError> {
    let (Some(of), Some(named)) = (Of::from_number(block.of), block.names()) else { return Ok(()) };
    for (place, table) in of.tables().iter().enumerate() {
        let mut found = Builder::of(table);
        named_rows(client, table, block.platform, &named).await?.iter().try_for_each(|row| add(&mut found, table, row))?;
        report.compare(block, of, place, found);
    }
    let sealed = block.sections().and_then(|sections| sections.first().map(|counted| counted.rows));
    if sealed.is_some_and(|sealed| sealed < named.len()) {
        let why = "rows that seal.names has were gone before they were sealed";
        report.find(Finding::Seal { block: block.number, platform: block.platform, why });
    }
    Ok(())
}
