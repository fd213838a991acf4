//! What is stored of one object's life, from its making on.

use domain::{Event, Job, Timestamp};
use engine::{AuditRow, EntryRow, PostingRow, STORY_ROWS_MAX, Sought, StoreError, Story};
use ledger::{AccountId, EntryId, EntryKind, Uid};
use money::Balance;
use rusqlite::{Connection, OptionalExtension, Row};

use super::rows::{self, id16};
use super::{fault, lists, reads};
use crate::codec;

/// The story of an object of a platform, in one view of the database.
pub fn story(conn: &Connection, platform: Uid, sought: Sought) -> Result<Story, StoreError> {
    let look = Look { conn, platform, sought, first: first_id(sought.since) };
    let mut story = Story {
        audit: look.audit()?,
        entries: look.entries()?,
        events: look.of::<Event>("event", "subject", "id, platform, type, subject, at", lists::event)?,
        jobs: look.of::<Job>("job", "subject", "id, platform, kind, subject, due_at, attempts, done_at", reads::job)?,
        gaps: Vec::new(),
    };
    for (name, table) in [("events", "event"), ("entries", "entry"), ("jobs", "job")] {
        if look.is_cut(&format!("SELECT 1 FROM {table} WHERE id >= ?1 ORDER BY id LIMIT 1 OFFSET ?2"), id16(look.first))? {
            story.gaps.push(name);
        }
    }
    let first = look.first_seq()?;
    if look.is_cut("SELECT 1 FROM audit WHERE seq >= ?1 ORDER BY seq LIMIT 1 OFFSET ?2", first)? {
        story.gaps.push("audit lines");
    }
    Ok(story)
}

/// The least id that something made at a moment may have: ids begin with their time.
fn first_id(since: Timestamp) -> Uid {
    Uid::from_bits(u128::try_from(since.ms()).unwrap_or(0) << 80)
}

struct Look<'a> {
    conn: &'a Connection,
    platform: Uid,
    sought: Sought,
    first: Uid,
}

impl Look<'_> {
    /// Rows of a table whose ids grow with time.
    fn of<T>(&self, table: &str, object: &str, columns: &str, read: fn(&Row<'_>) -> Result<T, StoreError>) -> Result<Vec<T>, StoreError> {
        let sql = format!(
            "SELECT {columns} FROM (SELECT * FROM {table} WHERE id >= ?1 ORDER BY id LIMIT ?2) \
             WHERE platform = ?3 AND {object} = ?4 ORDER BY id LIMIT ?5"
        );
        let mut select = self.conn.prepare_cached(&sql).map_err(fault)?;
        let params = (id16(self.first), self.sought.rows_max, id16(self.platform), id16(self.sought.object), STORY_ROWS_MAX);
        let mut cursor = select.query(params).map_err(fault)?;
        let mut found = Vec::new();
        while let Some(row) = cursor.next().map_err(fault)? {
            found.push(read(row)?);
        }
        Ok(found)
    }

    fn entries(&self) -> Result<Vec<EntryRow>, StoreError> {
        let mut entries = self.of("entry", "operation", "id, kind, booked_at", entry)?;
        let sql = "SELECT account, amount, currency, balance_after FROM posting WHERE entry = ?1 AND platform = ?2 ORDER BY line";
        let mut select = self.conn.prepare_cached(sql).map_err(fault)?;
        for entry in &mut entries {
            let mut cursor = select.query((id16(entry.id.0), id16(self.platform))).map_err(fault)?;
            while let Some(row) = cursor.next().map_err(fault)? {
                entry.postings.push(posting(row, entry.id.0)?);
            }
        }
        Ok(entries)
    }

    fn audit(&self) -> Result<Vec<AuditRow>, StoreError> {
        let sql = "SELECT request, actor_kind, actor, action, outcome, at FROM (SELECT * FROM audit WHERE seq >= ?1 ORDER BY seq LIMIT ?2) \
                   WHERE platform = ?3 AND object = ?4 ORDER BY seq LIMIT ?5";
        let mut select = self.conn.prepare_cached(sql).map_err(fault)?;
        let params = (self.first_seq()?, self.sought.rows_max, id16(self.platform), id16(self.sought.object), STORY_ROWS_MAX);
        let lines = select.query_map(params, |row| {
            Ok(AuditRow {
                request: rows::uid(row, 0)?,
                actor_kind: row.get(1)?,
                actor: rows::optional_uid(row, 2)?,
                action: row.get(3)?,
                outcome: row.get(4)?,
                at: Timestamp::from_ms(row.get(5)?),
            })
        });
        lines.map_err(fault)?.collect::<Result<_, _>>().map_err(fault)
    }

    /// The first line of the audit trail from the moment on: lines are in order of time, so halves are looked at.
    fn first_seq(&self) -> Result<i64, StoreError> {
        let last: Option<i64> = self.conn.query_row("SELECT max(seq) FROM audit", [], |row| row.get(0)).map_err(fault)?;
        let sql = "SELECT seq, at FROM audit WHERE seq >= ?1 ORDER BY seq LIMIT 1";
        let mut select = self.conn.prepare_cached(sql).map_err(fault)?;
        let (mut from, mut to) = (0_i64, last.unwrap_or(0).saturating_add(1));
        while from < to {
            let middle = from.midpoint(to);
            let found: Option<(i64, i64)> = select.query_row([middle], |row| Ok((row.get(0)?, row.get(1)?))).optional().map_err(fault)?;
            match found {
                Some((seq, at)) if at < self.sought.since.ms() => from = seq.saturating_add(1),
                Some(_) | None => to = middle,
            }
        }
        Ok(from)
    }

    fn is_cut(&self, sql: &str, from: impl rusqlite::ToSql) -> Result<bool, StoreError> {
        let mut select = self.conn.prepare_cached(sql).map_err(fault)?;
        select.exists((from, self.sought.rows_max)).map_err(fault)
    }
}

fn entry(row: &Row<'_>) -> Result<EntryRow, StoreError> {
    let id = rows::uid(row, 0).map_err(fault)?;
    let number: u8 = row.get(1).map_err(fault)?;
    let kind = EntryKind::from_number(number).ok_or_else(|| codec::broken("entry", id, "kind"))?;
    Ok(EntryRow { id: EntryId(id), kind, booked_at: Timestamp::from_ms(row.get(2).map_err(fault)?), postings: Vec::new() })
}

fn posting(row: &Row<'_>, entry: Uid) -> Result<PostingRow, StoreError> {
    let currency: String = row.get(2).map_err(fault)?;
    let currency = currency.parse().map_err(|_| codec::broken("posting", entry, "currency"))?;
    Ok(PostingRow {
        account: AccountId(rows::uid(row, 0).map_err(fault)?),
        amount: Balance::new(row.get(1).map_err(fault)?, currency),
        balance_after: Balance::new(row.get(3).map_err(fault)?, currency),
    })
}
