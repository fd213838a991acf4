//! The reading half: point look-ups inline, lists on threads of their own.

use std::sync::{Arc, Mutex, PoisonError};

use domain::payment::{Payment, Status};
use domain::{
    DirectoryKey, DirectoryRow, Event, IdempotencyKey, Job, JobId, JobKind, KeyRow, Kind, PaymentId, PlatformId, Record, RecordKey,
    Timestamp,
};
use engine::{EventFilter, Listed, Listing, OfPayments, Page, PaymentFilter, ReadFuture, Reads, StoreError};
use ledger::{Account, AccountId, Role, Uid};
use money::Currency;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use rustc_hash::FxHashMap;

use super::fault;
use super::pool::Pool;
use super::projector::{self, Progress};
use super::resident::Resident;
use super::rows::{self, id16};
use crate::codec;
use crate::vault::Vault;

/// Reads over the data folder.
pub struct SqliteReads(Arc<Inner>);

struct Inner {
    main: Arc<Pool>,
    lists: Arc<Pool>,
    resident: Arc<Resident>,
    vault: Arc<Vault>,
    progress: Arc<Progress>,
    /// Jobs that were handed out, until when. One process owns the folder, so nobody else has to know.
    leases: Mutex<FxHashMap<Uid, i64>>,
}

impl SqliteReads {
    pub fn new(main: Arc<Pool>, lists: Arc<Pool>, resident: Arc<Resident>, vault: Arc<Vault>, progress: Arc<Progress>) -> Self {
        Self(Arc::new(Inner { main, lists, resident, vault, progress, leases: Mutex::default() }))
    }

    /// Runs a list on a thread that may wait.
    fn aside<T: Send + 'static>(&self, work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static) -> ReadFuture<'_, T> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || work(&inner)).await;
            done.unwrap_or_else(|error| Err(StoreError::Fault(error.to_string())))
        })
    }
}

fn ready<T: Send + 'static>(result: Result<T, StoreError>) -> ReadFuture<'static, T> {
    Box::pin(std::future::ready(result))
}

impl Drop for SqliteReads {
    fn drop(&mut self) {
        self.0.progress.close();
    }
}

impl Reads for SqliteReads {
    fn account(&self, platform: PlatformId, id: AccountId) -> ReadFuture<'_, Option<Account>> {
        ready(self.0.account(platform, id))
    }

    fn accounts(&self, platform: PlatformId, roles: Vec<Role>) -> ReadFuture<'_, Vec<Account>> {
        self.aside(move |inner| inner.accounts(platform, &roles))
    }

    fn payment(&self, platform: PlatformId, id: PaymentId) -> ReadFuture<'_, Option<Payment>> {
        let inner = &self.0;
        ready(inner.main.with(|conn| rows::find_payment(conn, &inner.vault, platform.0, id.0)))
    }

    fn record(&self, key: RecordKey) -> ReadFuture<'_, Option<Record>> {
        let inner = &self.0;
        if let Some(record) = inner.resident.records().peek(&key) {
            return ready(Ok(Some(record)));
        }
        ready(inner.main.with(|conn| rows::find_record(conn, &inner.vault, &key)))
    }

    fn key(&self, key: IdempotencyKey) -> ReadFuture<'_, Option<KeyRow>> {
        let inner = &self.0;
        let places: Vec<i64> = inner.resident.hots().keys.candidates(&key).collect();
        ready(inner.main.with(|conn| {
            for seq in places {
                if let Some(row) = rows::find_key_row(conn, &inner.vault, seq, &key)? {
                    return Ok(Some(row));
                }
            }
            Ok(None)
        }))
    }

    fn directory(&self, key: DirectoryKey) -> ReadFuture<'_, Option<DirectoryRow>> {
        ready(self.0.main.with(|conn| rows::find_directory(conn, &key)))
    }

    fn payments(&self, platform: PlatformId, of: OfPayments, filter: PaymentFilter, page: Page) -> ReadFuture<'_, Listed<Payment>> {
        self.aside(move |inner| inner.payments(platform, of, &filter, page))
    }

    fn events(&self, platform: PlatformId, filter: EventFilter, page: Page) -> ReadFuture<'_, Listed<Event>> {
        self.aside(move |inner| inner.events(platform, &filter, page))
    }

    fn records(&self, platform: PlatformId, kind: &'static Kind, listing: Listing, page: Page) -> ReadFuture<'_, Listed<Record>> {
        self.aside(move |inner| inner.records(platform, kind, &listing, page))
    }

    fn turnover(&self, platform: PlatformId, user: Uid, currency: Currency, from: Timestamp, to: Timestamp) -> ReadFuture<'_, (i64, i64)> {
        self.aside(move |inner| inner.turnover(platform, user, currency, from, to))
    }

    fn claim_jobs(&self, now: Timestamp, lease_ms: i64, limit: u32) -> ReadFuture<'_, Vec<Job>> {
        self.aside(move |inner| inner.claim_jobs(now, lease_ms, limit))
    }
}

impl Inner {
    fn account(&self, platform: PlatformId, id: AccountId) -> Result<Option<Account>, StoreError> {
        if let Some(hot) = self.resident.hots().accounts.get(&id) {
            return Ok(Some(hot.account).filter(|account| account.tenant == platform.0));
        }
        self.main.with(|conn| rows::find_account(conn, platform.0, id.0))
    }

    fn accounts(&self, platform: PlatformId, roles: &[Role]) -> Result<Vec<Account>, StoreError> {
        let sql = format!("SELECT {} FROM account WHERE platform = ?1 AND role = ?2 ORDER BY currency, id", rows::ACCOUNT);
        let mut accounts = self.main.with(|conn| {
            let mut select = conn.prepare_cached(&sql).map_err(fault)?;
            let mut found = Vec::new();
            for role in roles {
                let mut cursor = select.query((id16(platform.0), role.number())).map_err(fault)?;
                while let Some(row) = cursor.next().map_err(fault)? {
                    found.push(codec::account(rows::account(row).map_err(fault)?)?);
                }
            }
            Ok::<_, StoreError>(found)
        })?;
        let hots = self.resident.hots();
        for account in &mut accounts {
            if let Some(hot) = hots.accounts.get(&account.id) {
                *account = hot.account;
            }
        }
        Ok(accounts)
    }

    fn payments(&self, platform: PlatformId, of: OfPayments, filter: &PaymentFilter, page: Page) -> Result<Listed<Payment>, StoreError> {
        self.progress.catch_up()?;
        let list = list_of(of);
        let (ids, total) = self.lists.with(|index| {
            in_one_view(index, || {
                let mut narrowed = Narrowed::of(list);
                narrowed.any("status", filter.statuses.iter().map(|it| i64::from(it.number())));
                narrowed.any("kind", filter.kinds.iter().map(|it| i64::from(it.number())));
                narrowed.any("nature", filter.natures.iter().map(|it| i64::from(it.number())));
                if !filter.results.is_empty() {
                    // A success shows as no refusal, and so does what is under way: only the state tells them apart.
                    narrowed.results(&filter.results);
                }
                narrowed.window("created_at", filter.before, filter.after);
                page_of(index, "payment_list", "payment", &narrowed, page)
            })
        })?;
        let rows = self.main.with(|conn| {
            in_one_view(conn, || {
                ids.iter()
                    .filter_map(|id| rows::find_payment(conn, &self.vault, platform.0, *id).transpose())
                    .collect::<Result<Vec<_>, _>>()
            })
        })?;
        Ok(Listed { rows, total })
    }

    fn events(&self, platform: PlatformId, filter: &EventFilter, page: Page) -> Result<Listed<Event>, StoreError> {
        self.progress.catch_up()?;
        let (ids, total) = self.lists.with(|index| {
            in_one_view(index, || {
                let mut narrowed = Narrowed::of(platform.0);
                narrowed.any("type", filter.types.iter().map(|it| i64::from(it.number())));
                narrowed.window("at", filter.before, filter.after);
                page_of(index, "event_list", "event", &narrowed, page)
            })
        })?;
        let rows = self.main.with(|conn| {
            let mut select =
                conn.prepare_cached("SELECT id, platform, type, subject, at FROM event WHERE id = ?1 AND platform = ?2").map_err(fault)?;
            let mut found = Vec::with_capacity(ids.len());
            for id in ids {
                let mut cursor = select.query((id16(id), id16(platform.0))).map_err(fault)?;
                if let Some(row) = cursor.next().map_err(fault)? {
                    found.push(projector::event(row)?);
                }
            }
            Ok::<_, StoreError>(found)
        })?;
        Ok(Listed { rows, total })
    }

    fn records(&self, platform: PlatformId, kind: &'static Kind, listing: &Listing, page: Page) -> Result<Listed<Record>, StoreError> {
        self.main.with(|conn| {
            in_one_view(conn, || {
                let mut sql = String::from("platform = ?");
                let mut values = vec![Value::Blob(platform.0.to_bytes().to_vec())];
                if let Some(owner) = listing.owner {
                    sql.push_str(" AND owner = ?");
                    values.push(Value::Blob(owner.to_bytes().to_vec()));
                }
                if let Some(label) = &listing.label {
                    sql.push_str(" AND id IN (SELECT id FROM label WHERE platform = ? AND kind = ? AND label = ?)");
                    values.push(Value::Blob(platform.0.to_bytes().to_vec()));
                    values.push(Value::Integer(i64::from(kind.number)));
                    values.push(Value::Text(label.clone()));
                }
                if !listing.statuses.is_empty() {
                    sql.push_str(&format!(" AND status IN ({})", vec!["?"; listing.statuses.len()].join(", ")));
                    values.extend(listing.statuses.iter().cloned().map(Value::Text));
                }
                for (bound, operator) in [(listing.before, "<"), (listing.after, ">")] {
                    if let Some(bound) = bound {
                        sql.push_str(&format!(" AND created_at {operator} ?"));
                        values.push(Value::Integer(bound.ms()));
                    }
                }
                let count = format!("SELECT count(*) FROM {} WHERE {sql}", kind.table);
                let total: i64 = conn
                    .prepare_cached(&count)
                    .and_then(|mut count| count.query_row(params_from_iter(&values), |row| row.get(0)))
                    .map_err(fault)?;
                let direction = if page.newest_first { "DESC" } else { "ASC" };
                let select = format!(
                    "SELECT {} FROM {} WHERE {sql} ORDER BY created_at {direction}, id {direction} LIMIT ? OFFSET ?",
                    rows::RECORD,
                    kind.table
                );
                values.push(Value::Integer(i64::from(page.size)));
                values.push(Value::Integer(offset(page)));
                let mut select = conn.prepare_cached(&select).map_err(fault)?;
                let mut cursor = select.query(params_from_iter(&values)).map_err(fault)?;
                let mut found = Vec::new();
                while let Some(row) = cursor.next().map_err(fault)? {
                    let columns = rows::record(row).map_err(fault)?;
                    found.push(codec::record(kind, columns, &mut rows::StoredKeys { conn, vault: &self.vault })?);
                }
                Ok(Listed { rows: found, total: u64::try_from(total).unwrap_or(0) })
            })
        })
    }

    /// Sums what succeeded payments of the user's list brought to and took from wallets the user holds.
    fn turnover(
        &self,
        platform: PlatformId,
        user: Uid,
        currency: Currency,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<(i64, i64), StoreError> {
        self.progress.catch_up()?;
        let mut narrowed = Narrowed::of(user);
        narrowed.any("status", [i64::from(Status::Succeeded.number())].into_iter());
        narrowed.window("created_at", Some(to), Some(from.plus_ms(-1)));
        let ids = self.lists.with(|index| all_of(index, "payment_list", "payment", &narrowed))?;
        let holds = |account: Option<AccountId>| match account {
            Some(id) => Ok::<_, StoreError>(self.account(platform, id)?.is_some_and(|account| account.holder == Some(user))),
            None => Ok(false),
        };
        let (mut credited, mut debited): (i64, i64) = (0, 0);
        for id in ids {
            let payment = self.main.with(|conn| rows::find_payment(conn, &self.vault, platform.0, id))?;
            let Some(payment) = payment.filter(|payment| payment.debited.currency() == currency) else { continue };
            if holds(payment.credited_wallet)? {
                credited = credited.saturating_add(payment.credited.minor());
            }
            if holds(payment.debited_wallet)? {
                debited = debited.saturating_add(payment.debited.minor());
            }
        }
        Ok((credited, debited))
    }
}

/// Jobs due at their platform's own time. The index bounds the search by the clock that is furthest ahead.
const DUE_JOBS: &str = "
    WITH clock AS (SELECT id AS platform, json_extract(CAST(body AS TEXT), '$.clock_offset_ms') AS ahead FROM platform)
    SELECT j.id, j.platform, j.kind, j.subject, j.due_at, j.attempts, j.done_at
    FROM job j JOIN clock ON clock.platform = j.platform
    WHERE j.done_at IS NULL AND j.due_at <= ?1 + (SELECT COALESCE(max(ahead), 0) FROM clock) AND j.due_at <= ?1 + clock.ahead
    ORDER BY j.due_at LIMIT ?2";

impl Inner {
    fn claim_jobs(&self, now: Timestamp, lease_ms: i64, limit: u32) -> Result<Vec<Job>, StoreError> {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        leases.retain(|_, until| *until > now.ms());
        let wanted = i64::from(limit).saturating_add(i64::try_from(leases.len()).unwrap_or(i64::MAX));
        let due = self.main.with(|conn| {
            let mut select = conn.prepare_cached(DUE_JOBS).map_err(fault)?;
            let mut cursor = select.query((now.ms(), wanted)).map_err(fault)?;
            let mut due = Vec::new();
            while let Some(row) = cursor.next().map_err(fault)? {
                due.push(job(row)?);
            }
            Ok::<_, StoreError>(due)
        })?;
        let free: Vec<Job> = due.into_iter().filter(|job| !leases.contains_key(&job.id.0)).take(limit as usize).collect();
        for job in &free {
            leases.insert(job.id.0, now.plus_ms(lease_ms).ms());
        }
        Ok(free)
    }
}

const fn list_of(of: OfPayments) -> Uid {
    match of {
        OfPayments::Account(id) => id.0,
        OfPayments::User(id) | OfPayments::Instrument(id) => id,
        OfPayments::RefundsOf(id) => id.0,
    }
}

fn offset(page: Page) -> i64 {
    let skipped = page.number.saturating_sub(1).saturating_mul(u64::from(page.size));
    i64::try_from(skipped).unwrap_or(i64::MAX)
}

/// Runs several selects in one view of the database.
fn in_one_view<T>(conn: &Connection, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    conn.execute_batch("BEGIN").map_err(fault)?;
    let result = work();
    drop(conn.execute_batch("COMMIT"));
    result
}

/// A list and what it is narrowed to, as SQL.
struct Narrowed {
    sql: String,
    values: Vec<Value>,
    list: Uid,
}

impl Narrowed {
    fn of(list: Uid) -> Self {
        Self { sql: String::new(), values: vec![Value::Blob(list.to_bytes().to_vec())], list }
    }

    fn any(&mut self, column: &str, numbers: impl Iterator<Item = i64>) {
        let before = self.values.len();
        self.values.extend(numbers.map(Value::Integer));
        let added = self.values.len() - before;
        if added > 0 {
            self.sql.push_str(&format!(" AND {column} IN ({})", vec!["?"; added].join(", ")));
        }
    }

    fn results(&mut self, results: &[Option<domain::payment::Refusal>]) {
        let succeeded = i64::from(Status::Succeeded.number());
        let of = results.iter().map(|result| match result {
            Some(refusal) => format!("refusal = {}", refusal.number()),
            None => format!("status = {succeeded}"),
        });
        self.sql.push_str(&format!(" AND ({})", of.collect::<Vec<_>>().join(" OR ")));
    }

    fn window(&mut self, column: &str, before: Option<Timestamp>, after: Option<Timestamp>) {
        for (bound, operator) in [(before, "<"), (after, ">")] {
            if let Some(bound) = bound {
                self.sql.push_str(&format!(" AND {column} {operator} ?"));
                self.values.push(Value::Integer(bound.ms()));
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.sql.is_empty()
    }
}

/// The ids of a page and the length of the narrowed list.
///
/// A page of a whole list is a range of numbers; that of a narrowed one is found by going along it.
fn page_of(index: &Connection, table: &str, id: &str, narrowed: &Narrowed, page: Page) -> Result<(Vec<Uid>, u64), StoreError> {
    let direction = if page.newest_first { "DESC" } else { "ASC" };
    if narrowed.is_whole() {
        let (list, size) = (narrowed.list, i64::from(page.size));
        let total: i64 = index
            .prepare_cached(&format!("SELECT COALESCE(max(number), 0) FROM {table} WHERE list = ?1"))
            .and_then(|mut select| select.query_row([id16(list)], |row| row.get(0)))
            .map_err(fault)?;
        let skipped = offset(page);
        let (low, high) = if page.newest_first {
            let high = total.saturating_sub(skipped);
            (high.saturating_sub(size), high)
        } else {
            (skipped, skipped.saturating_add(size))
        };
        let sql = format!("SELECT {id} FROM {table} WHERE list = ?1 AND number > ?2 AND number <= ?3 ORDER BY number {direction}");
        let ids = index
            .prepare_cached(&sql)
            .and_then(|mut select| select.query_map((id16(list), low, high), |row| rows::uid(row, 0))?.collect())
            .map_err(fault)?;
        return Ok((ids, u64::try_from(total).unwrap_or(0)));
    }
    let total: i64 = index
        .prepare_cached(&format!("SELECT count(*) FROM {table} WHERE list = ? {}", narrowed.sql))
        .and_then(|mut select| select.query_row(params_from_iter(&narrowed.values), |row| row.get(0)))
        .map_err(fault)?;
    let sql = format!("SELECT {id} FROM {table} WHERE list = ? {} ORDER BY number {direction} LIMIT ? OFFSET ?", narrowed.sql);
    let mut values = narrowed.values.clone();
    values.push(Value::Integer(i64::from(page.size)));
    values.push(Value::Integer(offset(page)));
    let ids = index
        .prepare_cached(&sql)
        .and_then(|mut select| select.query_map(params_from_iter(&values), |row| rows::uid(row, 0))?.collect())
        .map_err(fault)?;
    Ok((ids, u64::try_from(total).unwrap_or(0)))
}

fn all_of(index: &Connection, table: &str, id: &str, narrowed: &Narrowed) -> Result<Vec<Uid>, StoreError> {
    let sql = format!("SELECT {id} FROM {table} WHERE list = ? {} ORDER BY number", narrowed.sql);
    index
        .prepare_cached(&sql)
        .and_then(|mut select| select.query_map(params_from_iter(&narrowed.values), |row| rows::uid(row, 0))?.collect())
        .map_err(fault)
}

/// One job.
pub fn find_job(conn: &Connection, platform: Uid, id: Uid) -> Result<Option<Job>, StoreError> {
    let sql = "SELECT id, platform, kind, subject, due_at, attempts, done_at FROM job WHERE id = ?1 AND platform = ?2";
    let mut select = conn.prepare_cached(sql).map_err(fault)?;
    let mut cursor = select.query((id16(id), id16(platform))).map_err(fault)?;
    cursor.next().map_err(fault)?.map(job).transpose()
}

fn job(row: &rusqlite::Row<'_>) -> Result<Job, StoreError> {
    let id = rows::uid(row, 0).map_err(fault)?;
    let kind: u16 = row.get(2).map_err(fault)?;
    Ok(Job {
        id: JobId(id),
        platform: PlatformId(rows::uid(row, 1).map_err(fault)?),
        kind: JobKind::from_number(kind).ok_or_else(|| codec::broken("job", id, "kind"))?,
        subject: rows::uid(row, 3).map_err(fault)?,
        due_at: Timestamp::from_ms(row.get(4).map_err(fault)?),
        attempts: row.get(5).map_err(fault)?,
        done_at: row.get::<_, Option<i64>>(6).map_err(fault)?.map(Timestamp::from_ms),
    })
}
