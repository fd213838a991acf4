//! What whoever sends to listeners reads, and whose turn it is to send: several servers may share a database.

use std::sync::Arc;

use domain::hook::Delivery;
use domain::ids::{DeliveryId, HookId};
use domain::{PlatformId, Timestamp};
use engine::deliveries::LOOKED_THROUGH_MAX;
use engine::{Deliveries, DeliveryFilter, DeliveryPage, DueHook, ReadFuture, StoreError};
use ledger::Uid;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::backstage::Backstage;
use super::lists::Typed;
use super::rows::{self, Id, get, uid};
use super::sql;
use super::trip::Trip;
use crate::codec;

/// Goes from hook to hook that has something pending along the index, whatever lies between. Parameters: platform and hook to
/// begin behind. Each comes with when what is due first is due.
const PENDING_HOOKS: &str = "WITH RECURSIVE pending(platform, hook, due_at) AS (
    (SELECT d.platform, d.hook, d.due_at FROM delivery d WHERE d.due_at IS NOT NULL AND (d.platform, d.hook) > ($1, $2)
     ORDER BY d.platform, d.hook, d.due_at LIMIT 1)
    UNION ALL
    SELECT n.platform, n.hook, n.due_at FROM pending p CROSS JOIN LATERAL
    (SELECT d.platform, d.hook, d.due_at FROM delivery d WHERE d.due_at IS NOT NULL AND (d.platform, d.hook) > (p.platform, p.hook)
     ORDER BY d.platform, d.hook, d.due_at LIMIT 1) AS n
)";

/// Those of any platform that are due at its own time. Parameters behind those of [`PENDING_HOOKS`]: real time, hooks at most.
const DUE_HOOKS: &str = "SELECT h.platform, h.hook, h.due_at, c.until FROM pending h
    JOIN platform p ON p.platform = h.platform AND p.id = h.platform
    CROSS JOIN LATERAL (SELECT $3 + CAST(CAST(convert_from(p.body, 'UTF8') AS JSON) ->> 'clock_offset_ms' AS BIGINT) AS until) AS c
    WHERE p.status <> 'ended' AND h.due_at <= c.until LIMIT $4";

/// The same walk within one platform.
const PENDING_HOOKS_OF: &str = "WITH RECURSIVE pending(hook, due_at) AS (
    (SELECT d.hook, d.due_at FROM delivery d WHERE d.due_at IS NOT NULL AND d.platform = $1 AND d.hook > $2
     ORDER BY d.hook, d.due_at LIMIT 1)
    UNION ALL
    SELECT n.hook, n.due_at FROM pending p CROSS JOIN LATERAL
    (SELECT d.hook, d.due_at FROM delivery d WHERE d.due_at IS NOT NULL AND d.platform = $1 AND d.hook > p.hook
     ORDER BY d.hook, d.due_at LIMIT 1) AS n
)";

/// Takes the turns of those of `$1` that `$2` has already, or that nobody has at `$3`, until `$4`. Rows go in in the order of
/// their keys, as every server writes them.
const TAKE_TURNS: &str = "INSERT INTO delivery_turn AS t (platform, holder, until)
    SELECT n.platform, $2, $4 FROM (SELECT DISTINCT u.platform FROM UNNEST($1::UUID[]) AS u(platform) ORDER BY u.platform) AS n
    ON CONFLICT (platform) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE t.holder = excluded.holder OR t.until <= $3
    RETURNING t.platform";

const GIVE_TURNS_BACK: &str = "DELETE FROM delivery_turn WHERE holder = $1";

/// Deliveries of a database.
pub struct PostgresDeliveries(Arc<Backstage>);

impl PostgresDeliveries {
    pub const fn new(backstage: Arc<Backstage>) -> Self {
        Self(backstage)
    }

    /// One statement over a shared connection, planned each time: which index is the right one depends on the tables.
    async fn ask(&self, text: &str, params: Typed) -> Result<Vec<Row>, StoreError> {
        let session = self.0.look_up().await?;
        let mut trip = Trip::over(&session.client);
        let ticket = trip.ask_once(text, &params);
        Ok(trip.done().await?.rows(ticket))
    }

    async fn rows(&self, condition: &str, params: Typed) -> Result<Vec<Delivery>, StoreError> {
        let text = format!("SELECT {} FROM delivery t WHERE {condition}", columns());
        self.ask(&text, params).await?.iter().map(delivery).collect()
    }

    async fn page(&self, platform: PlatformId, filter: DeliveryFilter, size: u32) -> Result<DeliveryPage, StoreError> {
        let mut inner = String::from("platform = $1");
        let mut params = vec![id(platform.0)];
        let mut narrow = |text: &mut String, column: &str, operator: &str, param| {
            params.push(param);
            text.push_str(&format!(" AND {column} {operator} ${}", params.len()));
        };
        if let Some(subject) = filter.subject {
            narrow(&mut inner, "subject", "=", id(subject));
        }
        if let Some(before) = filter.before {
            narrow(&mut inner, "id", "<", id(before.0));
        }
        let mut outer = String::from("TRUE");
        if let Some(state) = filter.state {
            narrow(&mut outer, "t.state", "=", number(i64::from(state.number())));
        }
        if let Some(hook) = filter.hook {
            narrow(&mut outer, "t.hook", "=", id(hook.0));
        }
        let looked = format!("SELECT * FROM delivery WHERE {inner} ORDER BY id DESC LIMIT {LOOKED_THROUGH_MAX}");
        let last = LOOKED_THROUGH_MAX.saturating_sub(1);
        let text = format!(
            "WITH looked AS ({looked}), last AS (SELECT id FROM looked ORDER BY id DESC LIMIT 1 OFFSET {last}) \
             SELECT {}, (SELECT id FROM last) FROM (SELECT 1) AS one LEFT JOIN looked t ON {outer} ORDER BY t.id DESC LIMIT {size}",
            columns()
        );
        let rows = self.ask(&text, params).await?;
        let end = rows.first().map(|row| rows::optional_uid(row, sql::DELIVERY.columns.len())).transpose()?.flatten();
        let is_there = |row: &&Row| rows::optional_uid(row, 0).is_ok_and(|platform| platform.is_some());
        let found = rows.iter().filter(is_there).map(delivery).collect::<Result<Vec<_>, _>>()?;
        Ok(codec::delivery_page(found, size, end))
    }
}

fn columns() -> String {
    sql::names(sql::DELIVERY.columns, "t.")
}

fn delivery(row: &Row) -> Result<Delivery, StoreError> {
    codec::delivery(rows::delivery(row)?)
}

type Param = (Box<dyn tokio_postgres::types::ToSql + Sync + Send>, Type);

fn id(id: Uid) -> Param {
    (Box::new(Id(id)), Type::UUID)
}

fn number(number: i64) -> Param {
    (Box::new(number), Type::INT8)
}

impl Deliveries for PostgresDeliveries {
    fn delivery(&self, platform: PlatformId, delivery: DeliveryId) -> ReadFuture<'_, Option<Delivery>> {
        Box::pin(async move {
            let params = vec![id(platform.0), id(delivery.0)];
            Ok(self.rows("t.platform = $1 AND t.id = $2", params).await?.pop())
        })
    }

    fn deliveries(&self, platform: PlatformId, filter: DeliveryFilter, size: u32) -> ReadFuture<'_, DeliveryPage> {
        Box::pin(self.page(platform, filter, size))
    }

    fn next_due(&self, platform: PlatformId, after: Timestamp) -> ReadFuture<'_, Option<Timestamp>> {
        Box::pin(async move {
            let text = format!(
                "{PENDING_HOOKS_OF} SELECT min((SELECT min(d.due_at) FROM delivery d \
                 WHERE d.platform = $1 AND d.hook = h.hook AND d.due_at > $3)) FROM pending h"
            );
            let rows = self.ask(&text, vec![id(platform.0), id(Uid::default()), number(after.ms())]).await?;
            let due_at: Option<i64> = rows.first().map(|row| get(row, 0)).transpose()?.flatten();
            Ok(due_at.map(Timestamp::from_ms))
        })
    }

    fn due_hooks(&self, now: Timestamp, after: Option<(PlatformId, HookId)>, limit: u32) -> ReadFuture<'_, Vec<DueHook>> {
        Box::pin(async move {
            let (platform, hook) = after.unwrap_or((PlatformId(Uid::default()), HookId(Uid::default())));
            let params = vec![id(platform.0), id(hook.0), number(now.ms()), number(i64::from(limit))];
            let rows = self.ask(&format!("{PENDING_HOOKS} {DUE_HOOKS}"), params).await?;
            let due = |row: &Row| {
                let (platform, hook) = (PlatformId(uid(row, 0)?), HookId(uid(row, 1)?));
                let (due_at, until) = (Timestamp::from_ms(get(row, 2)?), Timestamp::from_ms(get(row, 3)?));
                Ok(DueHook { platform, hook, due_at, until })
            };
            rows.iter().map(due).collect()
        })
    }

    fn due_hooks_of(&self, platform: PlatformId, until: Timestamp, after: Option<HookId>, limit: u32) -> ReadFuture<'_, Vec<DueHook>> {
        Box::pin(async move {
            let after = after.unwrap_or(HookId(Uid::default()));
            let params = vec![id(platform.0), id(after.0), number(until.ms()), number(i64::from(limit))];
            let text = format!("{PENDING_HOOKS_OF} SELECT h.hook, h.due_at FROM pending h WHERE h.due_at <= $3 LIMIT $4");
            let rows = self.ask(&text, params).await?;
            let due = |row: &Row| Ok(DueHook { platform, hook: HookId(uid(row, 0)?), due_at: Timestamp::from_ms(get(row, 1)?), until });
            rows.iter().map(due).collect()
        })
    }

    fn due(&self, platform: PlatformId, hook: HookId, until: Timestamp, limit: u32) -> ReadFuture<'_, Vec<Delivery>> {
        Box::pin(async move {
            let params = vec![id(platform.0), id(hook.0), number(until.ms()), number(i64::from(limit))];
            let condition = "t.platform = $1 AND t.hook = $2 AND t.due_at IS NOT NULL AND t.due_at <= $3 ORDER BY t.due_at LIMIT $4";
            self.rows(condition, params).await
        })
    }

    fn take_turns(&self, holder: Uid, platforms: Vec<PlatformId>, now: Timestamp, lease_ms: i64) -> ReadFuture<'_, Vec<PlatformId>> {
        Box::pin(async move {
            if platforms.is_empty() {
                return Ok(Vec::new());
            }
            let platforms: Vec<Id> = platforms.iter().map(|platform| Id(platform.0)).collect();
            let until = now.plus_ms(lease_ms);
            let params = vec![(Box::new(platforms) as _, Type::UUID_ARRAY), id(holder), number(now.ms()), number(until.ms())];
            let rows = self.ask(TAKE_TURNS, params).await?;
            rows.iter().map(|row| uid(row, 0).map(PlatformId)).collect()
        })
    }

    fn give_turns_back(&self, holder: Uid) -> ReadFuture<'_, ()> {
        Box::pin(async move { self.ask(GIVE_TURNS_BACK, vec![id(holder)]).await.map(drop) })
    }
}
