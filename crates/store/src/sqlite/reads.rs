//! The reading half: point look-ups inline, lists on threads of their own.

use std::sync::{Arc, Mutex, PoisonError};

use domain::payment::{Payment, Status};
use domain::{
    DirectoryKey, DirectoryRow, Event, IdempotencyKey, Job, JobId, JobKind, KeyRow, Kind, PaymentId, PlatformId, Record, RecordKey,
    Timestamp,
};
use engine::{
    AGENDA_MAX, Agenda, Claim, EventFilter, Listed, Listing, OfPayments, Page, PaymentFilter, ReadFuture, Reads, Sought, StoreError, Story,
};
use ledger::{Account, AccountId, Role, Uid};
use money::Currency;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use rustc_hash::FxHashMap;

use super::durable::Log;
use super::lists::{self, Family, Lists, Narrowed};
use super::pool::Pool;
use super::resident::Resident;
use super::rows::{self, id16};
use super::{fault, story};
use crate::codec;
use crate::vault::Vault;

/// Reads over the data folder.
pub struct SqliteReads {
    quick: Pool,
    inner: Arc<Inner>,
    log: Arc<Log>,
}

struct Inner {
    main: Arc<Pool>,
    lists: Arc<Lists>,
    resident: Arc<Resident>,
    vault: Arc<Vault>,
    /// Jobs that were handed out, until when. One process owns the folder, so nobody else has to know.
    leases: Mutex<FxHashMap<Uid, Lease>>,
}

/// A job that was handed out, as it was then.
struct Lease {
    until: i64,
    attempts: u32,
    due_at: Timestamp,
}

impl SqliteReads {
    /// `quick` is for look-ups alone, which wait for nothing that takes a while.
    pub fn new(quick: Pool, main: Arc<Pool>, lists: Arc<Lists>, resident: Arc<Resident>, vault: Arc<Vault>, log: Arc<Log>) -> Self {
        Self { quick, inner: Arc::new(Inner { main, lists, resident, vault, leases: Mutex::default() }), log }
    }

    /// Runs a list on a thread that may wait.
    fn aside<T: Send + 'static>(&self, work: impl FnOnce(&Inner) -> Result<T, StoreError> + Send + 'static) -> ReadFuture<'_, T> {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || work(&inner)).await;
            let read = done.unwrap_or_else(|error| Err(StoreError::Fault(error.to_string())))?;
            self.log.settled().await.map(|()| read)
        })
    }

    /// What was read at once, as soon as it is durable.
    fn ready<T: Send + 'static>(&self, result: Result<T, StoreError>) -> ReadFuture<'_, T> {
        Box::pin(async move {
            let read = result?;
            self.log.settled().await.map(|()| read)
        })
    }
}

impl Reads for SqliteReads {
    fn account(&self, platform: PlatformId, id: AccountId) -> ReadFuture<'_, Option<Account>> {
        self.ready(self.inner.account(&self.quick, platform, id))
    }

    fn accounts(&self, platform: PlatformId, roles: Vec<Role>) -> ReadFuture<'_, Vec<Account>> {
        self.aside(move |inner| inner.accounts(platform, &roles))
    }

    fn payment(&self, platform: PlatformId, id: PaymentId) -> ReadFuture<'_, Option<Payment>> {
        let inner = &self.inner;
        self.ready(self.quick.with(|conn| rows::find_payment(conn, &inner.vault, platform.0, id.0)))
    }

    fn record(&self, key: RecordKey) -> ReadFuture<'_, Option<Record>> {
        let inner = &self.inner;
        if let Some(record) = inner.resident.records().peek(&key) {
            return self.ready(Ok(Some(record)));
        }
        self.ready(self.quick.with(|conn| rows::find_record(conn, &inner.vault, &key)))
    }

    fn key(&self, key: IdempotencyKey) -> ReadFuture<'_, Option<KeyRow>> {
        let inner = &self.inner;
        let places: Vec<i64> = inner.resident.hots().keys.candidates(&key).collect();
        self.ready(self.quick.with(|conn| {
            for seq in places {
                if let Some(row) = rows::find_key_row(conn, &inner.vault, seq, &key)? {
                    return Ok(Some(row));
                }
            }
            Ok(None)
        }))
    }

    fn directory(&self, key: DirectoryKey) -> ReadFuture<'_, Option<DirectoryRow>> {
        self.ready(self.quick.with(|conn| rows::find_directory(conn, &key)))
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

    fn platforms(&self, after: Option<PlatformId>, limit: u32) -> ReadFuture<'_, Vec<PlatformId>> {
        self.aside(move |inner| inner.platforms(after.map_or(Uid::default(), |after| after.0), limit))
    }

    fn old_keys(&self, of: Option<PlatformId>, until: Timestamp, limit: u32) -> ReadFuture<'_, Vec<IdempotencyKey>> {
        self.aside(move |inner| inner.old_keys(of, until, limit))
    }

    fn story(&self, platform: PlatformId, sought: Sought) -> ReadFuture<'_, Story> {
        self.aside(move |inner| inner.main.with(|conn| in_one_view(conn, || story::story(conn, platform.0, sought))))
    }

    fn claim_jobs(&self, claim: Claim) -> ReadFuture<'_, Vec<Job>> {
        self.aside(move |inner| inner.claim_jobs(&claim))
    }

    fn renew_job(&self, job: Job, now: Timestamp, lease_ms: i64) -> ReadFuture<'_, ()> {
        self.inner.renew_job(&job, now.plus_ms(lease_ms));
        self.ready(Ok(()))
    }

    fn agenda(&self, platform: PlatformId, now: Timestamp) -> ReadFuture<'_, Agenda> {
        self.aside(move |inner| inner.agenda(platform, now))
    }
}

impl Inner {
    fn account(&self, pool: &Pool, platform: PlatformId, id: AccountId) -> Result<Option<Account>, StoreError> {
        if let Some(hot) = self.resident.hots().accounts.get(&id) {
            return Ok(Some(hot.account).filter(|account| account.tenant == platform.0));
        }
        pool.with(|conn| rows::find_account(conn, platform.0, id.0))
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
        let narrowed = Narrowed {
            kinds: filter.kinds.iter().map(|kind| u16::from(kind.number())).collect(),
            natures: filter.natures.iter().map(|nature| nature.number()).collect(),
            statuses: filter.statuses.iter().map(|status| status.number()).collect(),
            results: filter.results.clone(),
            before: filter.before,
            after: filter.after,
            hidden_until: filter.hidden_until,
        };
        let list = list_of(of);
        let (ids, total) = self
            .lists
            .with(Family::Payments, list, |file, recent| lists::page_of(file, recent, Family::Payments, list, &narrowed, page))?;
        let rows: Vec<Payment> = self.main.with(|conn| {
            in_one_view(conn, || {
                ids.iter().filter_map(|id| rows::find_payment(conn, &self.vault, platform.0, *id).transpose()).collect::<Result<_, _>>()
            })
        })?;
        if rows.is_empty() && total > 0 && !self.is_list_of(platform, list)? {
            // Not even how long another tenant's list is may be told.
            return Ok(Listed { rows, total: 0 });
        }
        Ok(Listed { rows, total })
    }

    /// Whether a list is the tenant's: whether its first payment is.
    fn is_list_of(&self, platform: PlatformId, list: Uid) -> Result<bool, StoreError> {
        let first = Page { number: 1, size: 1, newest_first: false };
        let whole = Narrowed::default();
        let (ids, _) =
            self.lists.with(Family::Payments, list, |file, recent| lists::page_of(file, recent, Family::Payments, list, &whole, first))?;
        match ids.first() {
            Some(id) => self.main.with(|conn| rows::find_payment(conn, &self.vault, platform.0, *id)).map(|found| found.is_some()),
            None => Ok(false),
        }
    }

    fn events(&self, platform: PlatformId, filter: &EventFilter, page: Page) -> Result<Listed<Event>, StoreError> {
        let narrowed = Narrowed {
            kinds: filter.types.iter().map(|event| event.number()).collect(),
            before: filter.before,
            after: filter.after,
            hidden_until: filter.hidden_until,
            ..Narrowed::default()
        };
        let list = platform.0;
        let (ids, total) =
            self.lists.with(Family::Events, list, |file, recent| lists::page_of(file, recent, Family::Events, list, &narrowed, page))?;
        let rows = self.main.with(|conn| in_one_view(conn, || ids.iter().map(|id| find_event(conn, platform.0, *id)).collect()))?;
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
                    found.extend(codec::record(kind, columns, &mut rows::StoredKeys { conn, vault: &self.vault })?);
                }
                Ok(Listed { rows: found, total: u64::try_from(total).unwrap_or(0) })
            })
        })
    }

    /// Sums what succeeded payments brought to and took from the user's wallets, by the lists of those: a refund that takes money out of
    /// one may be somebody else's order.
    fn turnover(
        &self,
        platform: PlatformId,
        user: Uid,
        currency: Currency,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<(i64, i64), StoreError> {
        let narrowed =
            Narrowed { statuses: vec![Status::Succeeded.number()], before: Some(to), after: Some(from.plus_ms(-1)), ..Narrowed::default() };
        let wallets: Vec<Uid> = self.main.with(|conn| {
            let sql = "SELECT id FROM account WHERE platform = ?1 AND holder = ?2 AND currency = ?3";
            let mut select = conn.prepare_cached(sql).map_err(fault)?;
            let ids = select.query_map((id16(platform.0), id16(user), currency.code()), |row| rows::uid(row, 0)).map_err(fault)?;
            ids.collect::<Result<_, _>>().map_err(fault)
        })?;
        let (mut credited, mut debited): (i64, i64) = (0, 0);
        for wallet in wallets {
            let ids = self
                .lists
                .with(Family::Payments, wallet, |file, recent| lists::whole(file, recent, Family::Payments, wallet, &narrowed))?;
            for id in ids {
                let payment = self.main.with(|conn| rows::find_payment(conn, &self.vault, platform.0, id))?;
                let Some(payment) = payment else { continue };
                if payment.credited_wallet == Some(AccountId(wallet)) {
                    credited = credited.saturating_add(payment.credited.minor());
                }
                if payment.debited_wallet == Some(AccountId(wallet)) {
                    debited = debited.saturating_add(payment.debited.minor());
                }
            }
        }
        Ok((credited, debited))
    }
}

impl Inner {
    fn platforms(&self, after: Uid, limit: u32) -> Result<Vec<PlatformId>, StoreError> {
        self.main.with(|conn| {
            let mut select = conn.prepare_cached("SELECT id FROM platform WHERE id > ?1 ORDER BY id LIMIT ?2").map_err(fault)?;
            let ids = select.query_map((id16(after), limit), |row| rows::uid(row, 0).map(PlatformId)).map_err(fault)?;
            ids.collect::<Result<_, _>>().map_err(fault)
        })
    }

    /// Keys stand in the order of their first uses, whatever their platforms: the old ones are at the front. One of a moment when the
    /// clock was astray ends nothing; so many young ones in a row do.
    fn old_keys(&self, of: Option<PlatformId>, until: Timestamp, limit: u32) -> Result<Vec<IdempotencyKey>, StoreError> {
        let sql = "SELECT seq, platform, dialect, key, status IS NOT NULL, at FROM idempotency WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (mut found, mut place) = (Vec::new(), 0_i64);
        loop {
            // One chunk a view, so that the log can be written back meanwhile.
            let (mut has_old, mut count) = (false, 0_i64);
            self.main.with(|conn| {
                let mut select = conn.prepare_cached(sql).map_err(fault)?;
                let mut cursor = select.query((place, KEYS_AT_ONCE)).map_err(fault)?;
                while let Some(row) = cursor.next().map_err(fault)? {
                    place = row.get(0).map_err(fault)?;
                    count = count.saturating_add(1);
                    if row.get::<_, i64>(5).map_err(fault)? > until.ms() {
                        continue;
                    }
                    has_old = true;
                    let platform = PlatformId(rows::uid(row, 1).map_err(fault)?);
                    if found.len() < limit && row.get(4).map_err(fault)? && of.is_none_or(|of| of == platform) {
                        let key: String = row.get(3).map_err(fault)?;
                        found.push(IdempotencyKey { platform, dialect: row.get(2).map_err(fault)?, key: key.into() });
                    }
                }
                Ok::<_, StoreError>(())
            })?;
            if !has_old || count < KEYS_AT_ONCE || found.len() >= limit {
                return Ok(found);
            }
        }
    }
}

/// Keys looked at in one view.
const KEYS_AT_ONCE: i64 = 4_096;

/// Jobs due at their platform's own time: those that are due by real time, which no clock is behind, and those of platforms
/// whose clock is ahead. So a clock that is far ahead has nobody look at what others wait for.
const DUE_JOBS: &str = "
    SELECT id, platform, kind, subject, due_at, attempts, done_at FROM (
        SELECT * FROM (
            SELECT id, platform, kind, subject, due_at, attempts, done_at FROM job INDEXED BY job_due
            WHERE done_at IS NULL AND due_at <= ?1 AND kind IN (SELECT value FROM json_each(?3))
            ORDER BY due_at, id LIMIT ?2
        )
        UNION ALL
        SELECT * FROM (
            SELECT j.id, j.platform, j.kind, j.subject, j.due_at, j.attempts, j.done_at
            FROM (SELECT id AS platform, json_extract(CAST(body AS TEXT), '$.clock_offset_ms') AS ahead FROM platform) AS clock
            CROSS JOIN job j INDEXED BY job_of_platform
            WHERE clock.ahead > 0 AND j.platform = clock.platform AND j.done_at IS NULL
              AND j.due_at > ?1 AND j.due_at <= ?1 + clock.ahead AND j.kind IN (SELECT value FROM json_each(?3))
            ORDER BY j.due_at, j.id LIMIT ?2
        )
    ) ORDER BY due_at, id LIMIT ?2";

/// The same of one platform.
const DUE_JOBS_OF: &str = "
    SELECT id, platform, kind, subject, due_at, attempts, done_at FROM job INDEXED BY job_of_platform
    WHERE platform = ?4 AND done_at IS NULL AND kind IN (SELECT value FROM json_each(?3))
      AND due_at <= ?1 + (SELECT json_extract(CAST(body AS TEXT), '$.clock_offset_ms') FROM platform WHERE id = ?4)
    ORDER BY due_at, id LIMIT ?2";

/// How many jobs of a platform are due, up to a bound, and when the next one is.
const AGENDA: &str = "
    WITH clock AS (SELECT ?2 + json_extract(CAST(body AS TEXT), '$.clock_offset_ms') AS now FROM platform WHERE id = ?1)
    SELECT (SELECT count(*) FROM (
               SELECT 1 FROM job INDEXED BY job_of_platform
               WHERE platform = ?1 AND done_at IS NULL AND due_at <= (SELECT now FROM clock) LIMIT ?3)),
           (SELECT due_at FROM job INDEXED BY job_of_platform
            WHERE platform = ?1 AND done_at IS NULL AND due_at > (SELECT now FROM clock) ORDER BY due_at LIMIT 1)";

impl Inner {
    fn claim_jobs(&self, claim: &Claim) -> Result<Vec<Job>, StoreError> {
        let Claim { kinds, of, now, passing, lease_ms, limit } = *claim;
        let numbers: Vec<String> = kinds.iter().map(|kind| kind.number().to_string()).collect();
        let kinds = format!("[{}]", numbers.join(","));
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        leases.retain(|_, lease| lease.until > passing.ms());
        let wanted = i64::from(limit).saturating_add(i64::try_from(leases.len()).unwrap_or(i64::MAX));
        let due = self.main.with(|conn| {
            let mut due = Vec::new();
            let mut read = |mut cursor: rusqlite::Rows<'_>| {
                while let Some(row) = cursor.next().map_err(fault)? {
                    due.push(job(row)?);
                }
                Ok::<_, StoreError>(())
            };
            match of {
                Some(of) => {
                    let mut select = conn.prepare_cached(DUE_JOBS_OF).map_err(fault)?;
                    read(select.query((now.ms(), wanted, &kinds, id16(of.0))).map_err(fault)?)?;
                }
                None => {
                    let mut select = conn.prepare_cached(DUE_JOBS).map_err(fault)?;
                    read(select.query((now.ms(), wanted, &kinds)).map_err(fault)?)?;
                }
            }
            Ok::<_, StoreError>(due)
        })?;
        let free: Vec<Job> = due.into_iter().filter(|job| !has_lease(&leases, job)).take(limit as usize).collect();
        for job in &free {
            leases.insert(job.id.0, Lease { until: passing.plus_ms(lease_ms).ms(), attempts: job.attempts, due_at: job.due_at });
        }
        Ok(free)
    }

    fn renew_job(&self, job: &Job, until: Timestamp) {
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        if has_lease(&leases, job) {
            leases.insert(job.id.0, Lease { until: until.ms(), attempts: job.attempts, due_at: job.due_at });
        }
    }

    fn agenda(&self, platform: PlatformId, now: Timestamp) -> Result<Agenda, StoreError> {
        let limit = i64::try_from(AGENDA_MAX).unwrap_or(i64::MAX);
        self.main.with(|conn| {
            let mut select = conn.prepare_cached(AGENDA).map_err(fault)?;
            let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?));
            let (due, next_at) = select.query_row((id16(platform.0), now.ms(), limit), read).map_err(fault)?;
            Ok(Agenda { due: u64::try_from(due).unwrap_or(0), next_at: next_at.map(Timestamp::from_ms) })
        })
    }
}

/// Whether somebody has a job. One that was put off since it was claimed is no longer under its lease.
fn has_lease(leases: &FxHashMap<Uid, Lease>, job: &Job) -> bool {
    leases.get(&job.id.0).is_some_and(|lease| (lease.attempts, lease.due_at) == (job.attempts, job.due_at))
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

/// One event that a list has.
fn find_event(conn: &Connection, platform: Uid, id: Uid) -> Result<Event, StoreError> {
    let sql = "SELECT id, platform, type, subject, at FROM event WHERE id = ?1 AND platform = ?2";
    let mut select = conn.prepare_cached(sql).map_err(fault)?;
    let mut cursor = select.query((id16(id), id16(platform))).map_err(fault)?;
    let row = cursor.next().map_err(fault)?.ok_or_else(|| codec::broken("event", id, "it is listed and not there"))?;
    lists::event(row)
}

/// One job.
pub fn find_job(conn: &Connection, platform: Uid, id: Uid) -> Result<Option<Job>, StoreError> {
    let sql = "SELECT id, platform, kind, subject, due_at, attempts, done_at FROM job WHERE id = ?1 AND platform = ?2";
    let mut select = conn.prepare_cached(sql).map_err(fault)?;
    let mut cursor = select.query((id16(id), id16(platform))).map_err(fault)?;
    cursor.next().map_err(fault)?.map(job).transpose()
}

pub fn job(row: &rusqlite::Row<'_>) -> Result<Job, StoreError> {
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
