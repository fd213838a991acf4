//! Pages of lists, whole or narrowed.

use std::time::{Duration, Instant};

use domain::Timestamp;
use domain::payment::{Refusal, Status};
use engine::{Page, StoreError};
use ledger::Uid;
use rusqlite::Connection;

use super::file;
use super::tail::{Family, Recent};
use crate::listing::Row;

/// Going along a list to narrow it takes no longer than this.
const DEADLINE: Duration = Duration::from_secs(2);
/// Rows taken from the file at once when a list is narrowed.
const STRIDE: i64 = 20_000;

/// What a list is narrowed to; empty lists narrow nothing.
#[derive(Clone, Debug, Default)]
pub struct Narrowed {
    pub kinds: Vec<u16>,
    pub natures: Vec<u8>,
    pub statuses: Vec<u8>,
    pub results: Vec<Option<Refusal>>,
    pub before: Option<Timestamp>,
    pub after: Option<Timestamp>,
    /// The list is cut where rows of this time end.
    pub hidden_until: Option<Timestamp>,
}

impl Narrowed {
    fn is_whole(&self) -> bool {
        self.kinds.is_empty()
            && self.natures.is_empty()
            && self.statuses.is_empty()
            && self.results.is_empty()
            && self.before.is_none()
            && self.after.is_none()
    }

    fn admits(&self, row: &Row) -> bool {
        let is_result = |result: &Option<Refusal>| match result {
            Some(refusal) => row.refusal == refusal.number(),
            None => row.status == Status::Succeeded.number(),
        };
        (self.kinds.is_empty() || self.kinds.contains(&row.kind))
            && (self.natures.is_empty() || self.natures.contains(&row.nature))
            && (self.statuses.is_empty() || self.statuses.contains(&row.status))
            && (self.results.is_empty() || self.results.iter().any(is_result))
            && self.before.is_none_or(|before| row.at < before.ms())
            && self.after.is_none_or(|after| row.at > after.ms())
    }
}

/// The items of a page and the length of the narrowed list.
///
/// A page of a whole list is a range of numbers. A list that is narrowed otherwise is gone along from what is not hidden. Errors:
/// `TooWide` past a deadline; a narrower window helps.
pub fn page_of(
    conn: &Connection,
    recent: &Recent,
    family: Family,
    list: Uid,
    narrowed: &Narrowed,
    page: Page,
) -> Result<(Vec<Uid>, u64), StoreError> {
    if narrowed.is_whole() {
        let hidden = count_hidden(conn, recent, family, list, narrowed)?;
        return page_of_whole(conn, recent, family, list, hidden, page);
    }
    let mut all = whole(conn, recent, family, list, narrowed)?;
    let total = all.len();
    if page.newest_first {
        all.reverse();
    }
    let skipped = usize::try_from(page.number.saturating_sub(1).saturating_mul(u64::from(page.size))).unwrap_or(usize::MAX);
    let items = all.into_iter().skip(skipped).take(usize::try_from(page.size).unwrap_or(0)).collect();
    Ok((items, u64::try_from(total).unwrap_or(u64::MAX)))
}

/// How many rows are cut off at the older end, by halving: times rise along a list, but for a clock that was set back.
fn count_hidden(conn: &Connection, recent: &Recent, family: Family, list: Uid, narrowed: &Narrowed) -> Result<i64, StoreError> {
    let Some(until) = narrowed.hidden_until else { return Ok(0) };
    let base = file::total(conn, recent.runs, family, list)?;
    let (mut hidden, mut shown) = (0, base.saturating_add(1));
    while shown.saturating_sub(hidden) > 1 {
        let middle = hidden.midpoint(shown);
        let row = file::range(conn, recent.runs, family, list, middle.saturating_sub(1), middle)?;
        match row.first() {
            Some((_, row)) if row.at <= until.ms() => hidden = middle,
            _ => shown = middle,
        }
    }
    if hidden < base {
        return Ok(hidden);
    }
    let in_memory = recent.rows.partition_point(|row| row.at <= until.ms());
    Ok(base.saturating_add(i64::try_from(in_memory).unwrap_or(i64::MAX)))
}

/// A page of a list without its first `hidden` rows.
fn page_of_whole(
    conn: &Connection,
    recent: &Recent,
    family: Family,
    list: Uid,
    hidden: i64,
    page: Page,
) -> Result<(Vec<Uid>, u64), StoreError> {
    let base = file::total(conn, recent.runs, family, list)?;
    let total = base.saturating_add(i64::try_from(recent.rows.len()).unwrap_or(i64::MAX));
    let size = i64::from(page.size);
    let skipped = i64::try_from(page.number.saturating_sub(1)).unwrap_or(i64::MAX).saturating_mul(size);
    let (low, high) = if page.newest_first {
        let high = total.saturating_sub(skipped);
        (high.saturating_sub(size).max(hidden), high)
    } else {
        let low = hidden.saturating_add(skipped);
        (low, low.saturating_add(size).min(total))
    };
    let mut items = Vec::new();
    if low < base {
        let in_file = file::range(conn, recent.runs, family, list, low, high.min(base))?;
        items.extend(in_file.into_iter().map(|(_, row)| row.item));
    }
    let from = usize::try_from(low.saturating_sub(base).max(0)).unwrap_or(usize::MAX);
    let to = usize::try_from(high.saturating_sub(base).max(0)).unwrap_or(0);
    items.extend(recent.rows.iter().take(to).skip(from).map(|row| row.item));
    if page.newest_first {
        items.reverse();
    }
    Ok((items, u64::try_from(total.saturating_sub(hidden)).unwrap_or(0)))
}

/// Every item that a narrowed list has, oldest first.
pub fn whole(conn: &Connection, recent: &Recent, family: Family, list: Uid, narrowed: &Narrowed) -> Result<Vec<Uid>, StoreError> {
    let begun = Instant::now();
    let base = file::total(conn, recent.runs, family, list)?;
    let mut items = Vec::new();
    let hidden = count_hidden(conn, recent, family, list, narrowed)?;
    let mut low = hidden;
    while low < base {
        let high = low.saturating_add(STRIDE).min(base);
        for (_, row) in file::range(conn, recent.runs, family, list, low, high)? {
            let row = recent.patches.get(&row.item).unwrap_or(&row);
            if narrowed.admits(row) {
                items.push(row.item);
            }
        }
        if begun.elapsed() > DEADLINE {
            return Err(StoreError::TooWide);
        }
        low = high;
    }
    let in_memory = usize::try_from(hidden.saturating_sub(base)).unwrap_or(0);
    items.extend(recent.rows.iter().skip(in_memory).filter(|row| narrowed.admits(row)).map(|row| row.item));
    Ok(items)
}
