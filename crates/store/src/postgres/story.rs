//! What is stored of one object's life: among the newest rows of its platform, or those from its making on.

use domain::{Event, EventId, EventType, PlatformId, Timestamp};
use engine::{AuditRow, EntryRow, PostingRow, STORY_ROWS_MAX, Sought, StoreError, Story};
use ledger::{AccountId, EntryId, EntryKind, Uid};
use money::Balance;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::lists::Typed;
use super::load;
use super::reads::PostgresReads;
use super::rows::{Id, get, optional_uid, uid};
use crate::codec;

const EVENTS: &str = "SELECT id, type, subject, at, platform FROM event WHERE platform = $1 AND subject = $2 \
    AND number > (SELECT COALESCE(max(number), 0) FROM event WHERE platform = $1) - $3 ORDER BY number LIMIT $4";
const AUDIT: &str = "SELECT request, actor_kind, actor, action, outcome, at FROM audit WHERE platform = $1 AND object = $2 \
    AND seq > (SELECT COALESCE(max(seq), 0) FROM audit WHERE platform = $1) - $3 ORDER BY seq LIMIT $4";
const ENTRIES: &str = "SELECT id, kind, booked_at FROM (SELECT id, kind, booked_at, operation FROM entry WHERE platform = $1 AND id >= $5 \
    ORDER BY id LIMIT $3) e WHERE operation = $2 ORDER BY id LIMIT $4";
const JOBS: &str = "SELECT platform, id, kind, subject, due_at, attempts, done_at FROM (SELECT * FROM job WHERE platform = $1 AND id >= $5 \
    ORDER BY id LIMIT $3) j WHERE subject = $2 ORDER BY id LIMIT $4";
const POSTINGS: &str = "SELECT entry, account, amount, currency, balance_after FROM posting WHERE platform = $1 AND entry = ANY($2) \
    ORDER BY entry, line";
/// Which of the tables have more rows than are looked at, by the order of the names given below.
const CUT: &str = "SELECT (SELECT COALESCE(max(number), 0) > $2 FROM event WHERE platform = $1), \
    (SELECT COALESCE(max(seq) - min(seq), 0) >= $2 FROM audit WHERE platform = $1), \
    EXISTS (SELECT FROM entry WHERE platform = $1 AND id >= $3 ORDER BY id LIMIT 1 OFFSET $2), \
    EXISTS (SELECT FROM job WHERE platform = $1 AND id >= $3 ORDER BY id LIMIT 1 OFFSET $2)";

impl PostgresReads {
    /// The story of an object of a platform. Not one view of the database: what happens meanwhile may be in a part of it.
    pub async fn find_story(&self, platform: PlatformId, sought: Sought) -> Result<Story, StoreError> {
        let first = Uid::from_bits(u128::try_from(sought.since.ms()).unwrap_or(0) << 80);
        let params = |with_first: bool| {
            let mut params: Typed = vec![
                (Box::new(Id(platform.0)), Type::UUID),
                (Box::new(Id(sought.object)), Type::UUID),
                (Box::new(i64::from(sought.rows_max)), Type::INT8),
                (Box::new(i64::from(STORY_ROWS_MAX)), Type::INT8),
            ];
            if with_first {
                params.push((Box::new(Id(first)), Type::UUID));
            }
            params
        };
        let mut story = Story::default();
        for row in self.look_up_once(EVENTS, params(false)).await? {
            story.events.push(event(&row)?);
        }
        for row in self.look_up_once(AUDIT, params(false)).await? {
            story.audit.push(audit(&row)?);
        }
        for row in self.look_up_once(JOBS, params(true)).await? {
            story.jobs.push(load::job(&row)?);
        }
        for row in self.look_up_once(ENTRIES, params(true)).await? {
            story.entries.push(entry(&row)?);
        }
        let entries: Vec<Id> = story.entries.iter().map(|entry| Id(entry.id.0)).collect();
        let of_entries: Typed = vec![(Box::new(Id(platform.0)), Type::UUID), (Box::new(entries), Type::UUID_ARRAY)];
        for row in self.look_up_once(POSTINGS, of_entries).await? {
            let of = EntryId(uid(&row, 0)?);
            if let Some(entry) = story.entries.iter_mut().find(|entry| entry.id == of) {
                entry.postings.push(posting(&row, of.0)?);
            }
        }
        let bounds: Typed = vec![
            (Box::new(Id(platform.0)), Type::UUID),
            (Box::new(i64::from(sought.rows_max)), Type::INT8),
            (Box::new(Id(first)), Type::UUID),
        ];
        for row in self.look_up_once(CUT, bounds).await? {
            for (column, name) in ["events", "audit lines", "entries", "jobs"].into_iter().enumerate() {
                if get::<Option<bool>>(&row, column)?.unwrap_or(false) {
                    story.gaps.push(name);
                }
            }
        }
        Ok(story)
    }
}

fn small(row: &Row, column: usize) -> Result<Option<u8>, StoreError> {
    Ok(u8::try_from(get::<i64>(row, column)?).ok())
}

fn event(row: &Row) -> Result<Event, StoreError> {
    let id = uid(row, 0)?;
    let number: i64 = get(row, 1)?;
    let event = u16::try_from(number).ok().and_then(EventType::from_number);
    Ok(Event {
        id: EventId(id),
        platform: PlatformId(uid(row, 4)?),
        event: event.ok_or_else(|| codec::broken("event", id, "type"))?,
        subject: uid(row, 2)?,
        at: Timestamp::from_ms(get(row, 3)?),
    })
}

fn audit(row: &Row) -> Result<AuditRow, StoreError> {
    let request = uid(row, 0)?;
    Ok(AuditRow {
        request,
        actor_kind: small(row, 1)?.ok_or_else(|| codec::broken("audit", request, "actor_kind"))?,
        actor: optional_uid(row, 2)?,
        action: get(row, 3)?,
        outcome: get(row, 4)?,
        at: Timestamp::from_ms(get(row, 5)?),
    })
}

fn entry(row: &Row) -> Result<EntryRow, StoreError> {
    let id = uid(row, 0)?;
    let kind = small(row, 1)?.and_then(EntryKind::from_number).ok_or_else(|| codec::broken("entry", id, "kind"))?;
    Ok(EntryRow { id: EntryId(id), kind, booked_at: Timestamp::from_ms(get(row, 2)?), postings: Vec::new() })
}

fn posting(row: &Row, entry: Uid) -> Result<PostingRow, StoreError> {
    let currency: &str = get(row, 3)?;
    let currency = currency.parse().map_err(|_| codec::broken("posting", entry, "currency"))?;
    Ok(PostingRow {
        account: AccountId(uid(row, 1)?),
        amount: Balance::new(get(row, 2)?, currency),
        balance_after: Balance::new(get(row, 4)?, currency),
    })
}
