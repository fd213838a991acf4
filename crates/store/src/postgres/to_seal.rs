//! What transactions leave for the sealer: the names of the rows they wrote, and how they are sorted by platform.
//!
//! Entries and audit lines are written once. Which of them are in no block yet is said by rows of `to_seal`, one a
//! transaction. One sealer at a time moves what these name to `unsealed`, where it waits, platform by platform, until it
//! fills a block.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use domain::Books;
use engine::StoreError;
use ledger::Uid;
use tokio_postgres::{Client, Row};

use super::error;
use super::rows::{Id, get, uid};
use super::sql;
use super::trip::{Set, Trip};
use crate::seal::Of;
use crate::seal::names::{self, ByKind};
use crate::seal::section::place_of_seq;

/// Rows of `to_seal` sorted in one transaction.
const PAGE: usize = 256;
/// Names in a row of `unsealed` at most: a block is cut between two rows.
const NAMES: usize = 256;
/// What does not read is told this often.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// The names of what `books` has written, if there is any; `seqs` are those of its audit lines. With the platform that the
/// row is kept with.
pub fn of_books(books: &Books, seqs: &[i64]) -> Option<(Uid, Vec<u8>)> {
    let mut platforms: BTreeMap<Uid, ByKind> = BTreeMap::new();
    for entry in &books.entries {
        let [entries, _] = platforms.entry(entry.tenant).or_default();
        entries.push(entry.id.0);
    }
    for (line, seq) in books.audit.iter().zip(seqs) {
        let [_, lines] = platforms.entry(line.platform.0).or_default();
        lines.push(place_of_seq(*seq));
    }
    platforms.values_mut().flatten().for_each(|names| names.sort_unstable());
    let first = *platforms.keys().next()?;
    Some((first, names::pack_platforms(&platforms)))
}

/// What a row of `to_seal` names; `None` if it does not read.
pub fn read(form: i64, packed: &[u8]) -> Option<Vec<(Uid, ByKind)>> {
    names::unpack_platforms(packed).filter(|_| form == names::FORM)
}

/// The last row there is now: whatever was acknowledged before is not behind it.
pub async fn last(client: &Client) -> Result<i64, StoreError> {
    get(&client.query_one("SELECT COALESCE(max(seq), 0) FROM to_seal", &[]).await.map_err(error::of)?, 0)
}

/// Whether to wait for another server that sorts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    Wait,
    LeaveIt,
}

/// Sorts rows of `to_seal`.
#[derive(Default)]
pub struct Sorter {
    /// When it was last told that a row does not read. Such a row stays, and `verify` names what it stood for.
    told: Option<Instant>,
}

/// What one transaction has sorted.
struct Page {
    /// The last row looked at; absent when there were no more.
    after: Option<(Uid, i64)>,
}

impl Sorter {
    /// Moves the rows up to the one of this number, in as many transactions as it takes.
    pub async fn sort(&mut self, client: &Client, up_to: i64, patience: Patience) -> Result<(), StoreError> {
        let mut after = (Uid::default(), 0);
        loop {
            client.batch_execute("BEGIN").await.map_err(error::of)?;
            let page = self.page(client, after, up_to, patience).await;
            let end = if page.is_ok() { "COMMIT" } else { "ROLLBACK" };
            let ended = client.batch_execute(end).await.map_err(error::of);
            let page = page?;
            ended?;
            match page.after {
                Some(last) => after = last,
                None => return Ok(()),
            }
        }
    }

    async fn page(&mut self, client: &Client, after: (Uid, i64), up_to: i64, patience: Patience) -> Result<Page, StoreError> {
        let skip = if patience == Patience::Wait { "" } else { " SKIP LOCKED" };
        let lock = format!("SELECT 1 FROM meta WHERE name = 'sealer' FOR UPDATE{skip}");
        if client.query_opt(&lock, &[]).await.map_err(error::of)?.is_none() {
            return Ok(Page { after: None });
        }
        // A statement of its own behind the lock: only so does it see what the lock was waited for.
        let text = format!(
            "SELECT t.platform, t.seq, t.form, t.names FROM to_seal t WHERE (t.platform, t.seq) > ($1, $2) AND t.seq <= $3 \
             ORDER BY t.platform, t.seq LIMIT {PAGE}"
        );
        let rows = client.query(&text, &[&Id(after.0), &after.1, &up_to]).await.map_err(error::of)?;
        let mut sorted: BTreeMap<Uid, ByKind> = BTreeMap::new();
        let mut taken = Vec::with_capacity(rows.len());
        for row in &rows {
            let place = place(row)?;
            let Some(platforms) = read(get(row, 2)?, get(row, 3)?) else {
                self.tell(place);
                continue;
            };
            taken.push(place);
            for (platform, kinds) in platforms {
                let sorted = sorted.entry(platform).or_default();
                sorted.iter_mut().zip(kinds).for_each(|(all, names)| all.extend(names));
            }
        }
        write(client, sorted, &taken).await?;
        Ok(Page { after: rows.last().filter(|_| rows.len() >= PAGE).map(place).transpose()? })
    }

    fn tell(&mut self, (platform, seq): (Uid, i64)) {
        if self.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
            self.told = Some(Instant::now());
            tracing::error!(%platform, seq, "a row of to_seal does not read: what it names is not sealed");
        }
    }
}

fn place(row: &Row) -> Result<(Uid, i64), StoreError> {
    Ok((uid(row, 0)?, get(row, 1)?))
}

/// Adds what was sorted to `unsealed`, and takes away the rows it came from.
async fn write(client: &Client, sorted: BTreeMap<Uid, ByKind>, taken: &[(Uid, i64)]) -> Result<(), StoreError> {
    if taken.is_empty() {
        return Ok(());
    }
    let mut rows: Vec<(Uid, Of, i64, Vec<u8>)> = Vec::new();
    for (platform, kinds) in sorted {
        for (of, mut names) in Of::ALL.into_iter().zip(kinds) {
            names.sort_unstable();
            names.dedup();
            for some in names.chunks(NAMES) {
                rows.push((platform, of, i64::try_from(some.len()).unwrap_or(i64::MAX), names::pack(some)));
            }
        }
    }
    let insert = client.prepare(&sql::insert(sql::UNSEALED.name, sql::UNSEALED.columns)).await.map_err(error::of)?;
    let delete = client.prepare(&sql::delete_guarded("to_seal", &[("platform", "UUID"), ("seq", "BIGINT")])).await.map_err(error::of)?;
    let mut trip = Trip::over(client);
    let set = Set::of(&rows).column(|it| Id(it.0)).column(|it| it.1.number()).column(|_| names::FORM);
    trip.ask(&insert, set.column(|it| it.2).column(|it| it.3.as_slice()).params());
    trip.ask(&delete, Set::of(taken).column(|it| Id(it.0)).column(|it| it.1).count().params());
    trip.done().await.map(drop)
}
