//! What listeners are told: how it is written, and what whoever sends it reads.

use std::sync::Arc;

use domain::hook::Delivery;
use domain::ids::{DeliveryId, HookId};
use domain::{Books, PlatformId, Slot, Timestamp};
use engine::deliveries::LOOKED_THROUGH_MAX;
use engine::{Deliveries, DeliveryFilter, DeliveryPage, DueHook, ReadFuture, StoreError};
use ledger::Uid;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::append::{Lazy, NewRows, id, number, optional_number};
use super::durable::Log;
use super::fault;
use super::pool::Pool;
use super::rows::{self, id16};
use crate::codec::{self, DeliveryColumns};

const COLUMNS: &str = "platform, id, hook, type, subject, at, state, attempts, due_at, tried_at, told, took_ms";

/// Writes the deliveries that were made or changed.
pub fn write(conn: &Connection, books: &Books) -> Result<(), StoreError> {
    let mut new = NewRows::of("delivery", COLUMNS);
    let mut update =
        Lazy::new(conn, "UPDATE delivery SET state = ?2, attempts = ?3, due_at = ?4, tried_at = ?5, told = ?6, took_ms = ?7 WHERE id = ?1");
    for slot in books.deliveries.touched() {
        match slot {
            Slot::New(it) => new.add([
                id(it.platform.0),
                id(it.id.0),
                id(it.hook.0),
                number(it.event.number()),
                id(it.subject),
                number(it.at.ms()),
                number(it.state.number()),
                number(it.attempts),
                optional_number(it.due_at.map(Timestamp::ms)),
                optional_number(it.tried_at.map(Timestamp::ms)),
                optional_number(it.told.map(domain::hook::Told::number)),
                optional_number(it.took_ms),
            ]),
            Slot::Changed(it) => {
                let (due_at, tried_at) = (it.due_at.map(Timestamp::ms), it.tried_at.map(Timestamp::ms));
                let told = it.told.map(domain::hook::Told::number);
                let columns = rusqlite::params![id16(it.id.0), it.state.number(), it.attempts, due_at, tried_at, told, it.took_ms];
                update.change(columns, "delivery", it.id)?;
            }
            Slot::Clean(_) | Slot::Absent => {}
        }
    }
    new.insert(conn)
}

/// One delivery.
pub fn find(conn: &Connection, platform: PlatformId, delivery: DeliveryId) -> Result<Option<Delivery>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM delivery WHERE id = ?1 AND platform = ?2");
    let mut select = conn.prepare_cached(&sql).map_err(fault)?;
    let mut cursor = select.query((id16(delivery.0), id16(platform.0))).map_err(fault)?;
    cursor.next().map_err(fault)?.map(decode).transpose()
}

fn decode(row: &Row<'_>) -> Result<Delivery, StoreError> {
    let columns = || {
        Ok::<_, rusqlite::Error>(DeliveryColumns {
            platform: rows::uid(row, 0)?,
            id: rows::uid(row, 1)?,
            hook: rows::uid(row, 2)?,
            event: row.get(3)?,
            subject: rows::uid(row, 4)?,
            at: row.get(5)?,
            state: row.get(6)?,
            attempts: row.get(7)?,
            due_at: row.get(8)?,
            tried_at: row.get(9)?,
            told: row.get(10)?,
            took_ms: row.get(11)?,
        })
    };
    codec::delivery(columns().map_err(fault)?)
}

/// Deliveries of a data folder. One process owns it: it is always its turn.
pub struct SqliteDeliveries {
    readers: Arc<Pool>,
    log: Arc<Log>,
}

impl SqliteDeliveries {
    pub const fn new(readers: Arc<Pool>, log: Arc<Log>) -> Self {
        Self { readers, log }
    }

    /// Runs what may take a while on a thread that may wait.
    fn aside<T: Send + 'static>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static) -> ReadFuture<'_, T> {
        let pool = Arc::clone(&self.readers);
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || pool.with(work)).await;
            let read = done.unwrap_or_else(|error| Err(StoreError::Fault(error.to_string())))?;
            self.log.settled().await.map(|()| read)
        })
    }
}

impl Deliveries for SqliteDeliveries {
    fn delivery(&self, platform: PlatformId, id: DeliveryId) -> ReadFuture<'_, Option<Delivery>> {
        self.aside(move |conn| find(conn, platform, id))
    }

    fn deliveries(&self, platform: PlatformId, filter: DeliveryFilter, size: u32) -> ReadFuture<'_, DeliveryPage> {
        self.aside(move |conn| page(conn, platform, filter, size))
    }

    fn next_due(&self, platform: PlatformId, after: Timestamp) -> ReadFuture<'_, Option<Timestamp>> {
        self.aside(move |conn| next_due(conn, platform, after))
    }

    fn due_hooks(&self, now: Timestamp, after: Option<(PlatformId, HookId)>, limit: u32) -> ReadFuture<'_, Vec<DueHook>> {
        self.aside(move |conn| due_hooks(conn, now, after, limit))
    }

    fn due_hooks_of(&self, platform: PlatformId, until: Timestamp, after: Option<HookId>, limit: u32) -> ReadFuture<'_, Vec<DueHook>> {
        self.aside(move |conn| {
            let mut place = after.unwrap_or(HookId(Uid::default()));
            let mut due = Vec::new();
            while u32::try_from(due.len()).unwrap_or(u32::MAX) < limit {
                let Some(next) = next_hook(conn, platform, place)?.filter(|next| next.platform == platform) else { break };
                place = next.hook;
                due.extend(Some(DueHook { until, ..next }).filter(|next| next.due_at <= until));
            }
            Ok(due)
        })
    }

    fn due(&self, platform: PlatformId, hook: HookId, until: Timestamp, limit: u32) -> ReadFuture<'_, Vec<Delivery>> {
        self.aside(move |conn| {
            let sql = format!(
                "SELECT {COLUMNS} FROM delivery WHERE platform = ?1 AND hook = ?2 AND due_at IS NOT NULL AND due_at <= ?3 ORDER BY due_at LIMIT ?4"
            );
            let mut select = conn.prepare_cached(&sql).map_err(fault)?;
            let mut cursor = select.query((id16(platform.0), id16(hook.0), until.ms(), limit)).map_err(fault)?;
            let mut due = Vec::new();
            while let Some(row) = cursor.next().map_err(fault)? {
                due.push(decode(row)?);
            }
            Ok(due)
        })
    }

    fn take_turns(&self, _: Uid, platforms: Vec<PlatformId>, _: Timestamp, _: i64) -> ReadFuture<'_, Vec<PlatformId>> {
        Box::pin(std::future::ready(Ok(platforms)))
    }

    fn give_turns_back(&self, _: Uid) -> ReadFuture<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// The hook behind another one that has something pending, and since when what is due first is due.
fn next_hook(conn: &Connection, platform: PlatformId, hook: HookId) -> Result<Option<DueHook>, StoreError> {
    let sql = "SELECT platform, hook, due_at FROM delivery WHERE due_at IS NOT NULL AND (platform, hook) > (?1, ?2) \
               ORDER BY platform, hook, due_at LIMIT 1";
    let mut select = conn.prepare_cached(sql).map_err(fault)?;
    let found = select.query_row((id16(platform.0), id16(hook.0)), |row| {
        let (platform, hook) = (PlatformId(rows::uid(row, 0)?), HookId(rows::uid(row, 1)?));
        let due_at = Timestamp::from_ms(row.get(2)?);
        Ok(DueHook { platform, hook, due_at, until: due_at })
    });
    found.optional().map_err(fault)
}

/// How far a platform's clock is ahead; `None` for one that is not there or has ended.
fn ahead(conn: &Connection, platform: PlatformId) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT json_extract(CAST(body AS TEXT), '$.clock_offset_ms') FROM platform WHERE id = ?1 AND status <> 'ended'";
    let mut select = conn.prepare_cached(sql).map_err(fault)?;
    select.query_row([id16(platform.0)], |row| row.get(0)).optional().map_err(fault)
}

/// Goes from hook to hook along the index, whatever lies between.
fn due_hooks(conn: &Connection, now: Timestamp, after: Option<(PlatformId, HookId)>, limit: u32) -> Result<Vec<DueHook>, StoreError> {
    /// Behind every hook of a platform.
    const LAST: HookId = HookId(Uid::from_bits(u128::MAX));
    let (mut platform, mut hook) = after.unwrap_or((PlatformId(Uid::default()), HookId(Uid::default())));
    let mut clock: Option<(PlatformId, Option<i64>)> = None;
    let mut due = Vec::new();
    while u32::try_from(due.len()).unwrap_or(u32::MAX) < limit {
        let Some(next) = next_hook(conn, platform, hook)? else { break };
        (platform, hook) = (next.platform, next.hook);
        let ahead_ms = match clock {
            Some((known, ahead)) if known == platform => ahead,
            _ => ahead(conn, platform)?,
        };
        clock = Some((platform, ahead_ms));
        match ahead_ms {
            Some(ahead_ms) if next.due_at <= now.plus_ms(ahead_ms) => due.push(DueHook { until: now.plus_ms(ahead_ms), ..next }),
            Some(_) => {}
            None => hook = LAST,
        }
    }
    Ok(due)
}

fn next_due(conn: &Connection, platform: PlatformId, after: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let sql = "SELECT min(due_at) FROM delivery WHERE platform = ?1 AND hook = ?2 AND due_at > ?3";
    let mut earliest: Option<i64> = None;
    let mut place = HookId(Uid::default());
    while let Some(next) = next_hook(conn, platform, place)?.filter(|next| next.platform == platform) {
        place = next.hook;
        let mut select = conn.prepare_cached(sql).map_err(fault)?;
        let of_hook: Option<i64> = select.query_row((id16(platform.0), id16(place.0), after.ms()), |row| row.get(0)).map_err(fault)?;
        earliest = earliest.into_iter().chain(of_hook).min();
    }
    Ok(earliest.map(Timestamp::from_ms))
}

/// A page is looked for among so many of the newest, so that a filter which lets little through has an end.
fn page(conn: &Connection, platform: PlatformId, filter: DeliveryFilter, size: u32) -> Result<DeliveryPage, StoreError> {
    let blob = |id: Uid| Value::Blob(id.to_bytes().to_vec());
    let mut inner = String::from("platform = ?");
    let mut values = vec![blob(platform.0)];
    if let Some(subject) = filter.subject {
        inner.push_str(" AND subject = ?");
        values.push(blob(subject));
    }
    if let Some(before) = filter.before {
        inner.push_str(" AND id < ?");
        values.push(blob(before.0));
    }
    let looked_through = format!("SELECT {COLUMNS} FROM delivery WHERE {inner} ORDER BY id DESC LIMIT {LOOKED_THROUGH_MAX}");
    let end = format!("SELECT id FROM delivery WHERE {inner} ORDER BY id DESC LIMIT 1 OFFSET {}", LOOKED_THROUGH_MAX.saturating_sub(1));
    let end: Option<Uid> = conn
        .prepare_cached(&end)
        .and_then(|mut select| select.query_row(params_from_iter(&values), |row| rows::uid(row, 0)).optional())
        .map_err(fault)?;
    let mut outer = String::from("1");
    if let Some(state) = filter.state {
        outer.push_str(" AND state = ?");
        values.push(Value::Integer(i64::from(state.number())));
    }
    if let Some(hook) = filter.hook {
        outer.push_str(" AND hook = ?");
        values.push(blob(hook.0));
    }
    values.push(Value::Integer(i64::from(size)));
    let sql = format!("SELECT {COLUMNS} FROM ({looked_through}) WHERE {outer} ORDER BY id DESC LIMIT ?");
    let mut select = conn.prepare_cached(&sql).map_err(fault)?;
    let mut cursor = select.query(params_from_iter(&values)).map_err(fault)?;
    let mut rows = Vec::new();
    while let Some(row) = cursor.next().map_err(fault)? {
        rows.push(decode(row)?);
    }
    Ok(codec::delivery_page(rows, size, end))
}
