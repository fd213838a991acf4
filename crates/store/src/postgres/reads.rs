//! The reading half: look-ups over shared connections, lists over one's own, in one view.

use std::sync::Arc;
use std::time::Instant;

use domain::payment::{Payment, Status};
use domain::{DirectoryKey, DirectoryRow, Event, IdempotencyKey, Job, KeyRow, Kind, PaymentId, PlatformId, Record, RecordKey, Timestamp};
use engine::{
    AGENDA_MAX, Agenda, Claim, EventFilter, Listed, Listing, OfPayments, Page, PaymentFilter, ReadFuture, Reads, Sought, StoreError, Story,
};
use ledger::{Account, AccountId, Role, Uid};
use money::Currency;
use tokio_postgres::types::Type;
use tokio_postgres::{Row, Statement};

use super::backstage::{self, Backstage, Lent, ReadSession};
use super::keys::{Ring, decode_all};
use super::lists::{self, Narrowed, PageTexts, Typed};
use super::outbox;
use super::projector::{PATIENCE, Progress};
use super::rows::{self, Id, get, uid};
use super::trip::{Params, Trip};
use super::{load, sql};
use crate::codec;
use crate::vault::Vault;

/// Reads over a database.
pub struct PostgresReads {
    backstage: Arc<Backstage>,
    progress: Arc<Progress>,
    vault: Arc<Vault>,
}

impl PostgresReads {
    pub fn new(backstage: Arc<Backstage>, progress: Arc<Progress>, vault: Arc<Vault>) -> Self {
        Self { backstage, progress, vault }
    }

    /// One statement over a shared connection.
    async fn look_up(
        &self,
        statement: impl Fn(&ReadSession) -> Result<&Statement, StoreError>,
        params: Params<'_>,
    ) -> Result<(Arc<ReadSession>, Vec<Row>), StoreError> {
        let session = self.backstage.look_up().await?;
        let rows = {
            let mut trip = Trip::over(&session.client);
            let ticket = trip.ask(statement(&session)?, params);
            trip.done().await?.rows(ticket)
        };
        Ok((session, rows))
    }

    /// One statement over a shared connection that is planned each time.
    pub(super) async fn look_up_once(&self, text: &str, params: Typed) -> Result<Vec<Row>, StoreError> {
        let session = self.backstage.look_up().await?;
        let mut trip = Trip::over(&session.client);
        let ticket = trip.ask_once(text, &params);
        Ok(trip.done().await?.rows(ticket))
    }

    async fn decode<T>(
        &self,
        session: &ReadSession,
        rows: &[Row],
        decode: impl FnMut(&Row, &mut Ring<'_>) -> Result<Option<T>, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut ring = Ring::new(&self.vault);
        decode_all(rows, &mut ring, &session.client, &session.statements.data_keys, decode).await
    }

    /// A page of a list that the projector fills. Waits for the projector until what the platform has in the outbox is listed.
    async fn listed(&self, platform: PlatformId, texts: &PageTexts) -> Result<(Lent, Vec<Row>, u64), StoreError> {
        let deadline = Instant::now() + PATIENCE;
        let mut awaited = None;
        loop {
            let lent = self.backstage.list().await?;
            let (waiting, rows, total) = page(lent.session()?, platform, texts).await?;
            if waiting.is_listed(&mut awaited) {
                return Ok((lent, rows, total));
            }
            // Others may use the connection meanwhile.
            drop(lent);
            self.cycle(deadline).await?;
        }
    }

    async fn cycle(&self, deadline: Instant) -> Result<(), StoreError> {
        let progress = Arc::clone(&self.progress);
        let waited = self.backstage.spawn(async move { progress.cycle(deadline).await }).await;
        waited.unwrap_or(Err(StoreError::Behind))
    }

    async fn list_payments(
        &self,
        platform: PlatformId,
        of: OfPayments,
        filter: PaymentFilter,
        page: Page,
    ) -> Result<Listed<Payment>, StoreError> {
        let list = list_of(of);
        let narrowed = || {
            let mut narrowed = Narrowed::list(platform.0, list);
            narrowed.any("l.status", filter.statuses.iter().map(|it| i64::from(it.number())));
            narrowed.any("l.kind", filter.kinds.iter().map(|it| i64::from(it.number())));
            narrowed.any("l.nature", filter.natures.iter().map(|it| i64::from(it.number())));
            narrowed.results(&filter.results);
            narrowed.window("l.created_at", filter.before, filter.after.max(filter.hidden_until));
            narrowed
        };
        let joined = "CROSS JOIN LATERAL (SELECT * FROM payment p WHERE p.platform = l.platform AND p.id = l.payment OFFSET 0) AS t";
        let texts = lists::numbered(sql::PAYMENT_LIST.name, &payment_or_erased(), joined, narrowed, list, page);
        let (lent, rows, total) = self.listed(platform, &texts).await?;
        let decode = |row: &Row, ring: &mut Ring<'_>| match get(row, sql::PAYMENT.columns.len())? {
            true => Ok(None),
            false => codec::payment(rows::payment(row)?, ring),
        };
        Ok(Listed { rows: self.decode(lent.session()?, &rows, decode).await?, total })
    }

    async fn list_events(&self, platform: PlatformId, filter: EventFilter, page: Page) -> Result<Listed<Event>, StoreError> {
        let narrowed = || {
            let mut narrowed = Narrowed::platform(platform.0);
            narrowed.any("l.type", filter.types.iter().map(|it| i64::from(it.number())));
            narrowed.window("l.at", filter.before, filter.after.max(filter.hidden_until));
            narrowed
        };
        let texts = lists::numbered(sql::EVENT.name, &sql::names(sql::EVENT.columns, "l."), "", narrowed, platform.0, page);
        let (_, rows, total) = self.listed(platform, &texts).await?;
        Ok(Listed { rows: rows.iter().map(rows::event).collect::<Result<_, _>>()?, total })
    }

    async fn list_records(
        &self,
        platform: PlatformId,
        kind: &'static Kind,
        listing: Listing,
        page: Page,
    ) -> Result<Listed<Record>, StoreError> {
        let narrowed = || {
            let mut narrowed = Narrowed::platform(platform.0);
            if let Some(owner) = listing.owner {
                narrowed.and("l.owner =", Id(owner), Type::UUID);
            }
            if let Some(label) = &listing.label {
                let labelled = format!(
                    "EXISTS (SELECT 1 FROM label b WHERE b.platform = l.platform AND b.kind = {} AND b.id = l.id AND b.label =",
                    kind.number
                );
                narrowed.and_within(&labelled, rows::sought(label).map(str::to_owned), Type::TEXT);
            }
            if !listing.statuses.is_empty() {
                narrowed.and_within("l.status = ANY(", listing.statuses.clone(), Type::TEXT_ARRAY);
            }
            narrowed.window("l.created_at", listing.before, listing.after);
            narrowed
        };
        let texts = lists::records(kind, narrowed, page);
        let lent = self.backstage.list().await?;
        // Records are listed by their own table, which lags behind nothing.
        let (_, rows, total) = self::page(lent.session()?, platform, &texts).await?;
        let decode = |row: &Row, ring: &mut Ring<'_>| match get(row, sql::RECORD_READ.len())? {
            true => Ok(None),
            false => codec::record(kind, rows::record(row)?, ring),
        };
        Ok(Listed { rows: self.decode(lent.session()?, &rows, decode).await?, total })
    }

    /// Sums what succeeded payments of the user's list brought to and took from wallets the user holds.
    async fn sum_turnover(
        &self,
        platform: PlatformId,
        user: Uid,
        currency: Currency,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<(i64, i64), StoreError> {
        // By the lists of the user's wallets: a refund that takes money out of one may be somebody else's order.
        let text = "SELECT CAST(COALESCE(SUM(t.credited) FILTER (WHERE t.credited_wallet = a.id), 0) AS BIGINT), \
                    CAST(COALESCE(SUM(t.debited) FILTER (WHERE t.debited_wallet = a.id), 0) AS BIGINT) \
             FROM account a JOIN payment_list l ON l.platform = a.platform AND l.list = a.id \
             JOIN payment t ON t.platform = l.platform AND t.id = l.payment \
             WHERE a.platform = $1 AND a.holder = $2 AND a.currency = $3 AND l.status = $4 AND l.created_at >= $5 AND l.created_at < $6";
        let params: Typed = vec![
            (Box::new(Id(platform.0)), Type::UUID),
            (Box::new(Id(user)), Type::UUID),
            (Box::new(currency.code().to_owned()), Type::TEXT),
            (Box::new(i64::from(Status::Succeeded.number())), Type::INT8),
            (Box::new(from.ms()), Type::INT8),
            (Box::new(to.ms()), Type::INT8),
        ];
        self.catch_up(platform).await?;
        let lent = self.backstage.list().await?;
        let mut trip = Trip::over(&lent.session()?.client);
        let sums = trip.ask_once(text, &params);
        match trip.done().await?.rows(sums).first() {
            Some(row) => Ok((get(row, 0)?, get(row, 1)?)),
            None => Ok((0, 0)),
        }
    }

    async fn catch_up(&self, platform: PlatformId) -> Result<(), StoreError> {
        let deadline = Instant::now() + PATIENCE;
        let mut awaited = None;
        while !Waiting::of(&self.look_up_once(outbox::SPAN, of_platform(platform)).await?)?.is_listed(&mut awaited) {
            self.cycle(deadline).await?;
        }
        Ok(())
    }
}

/// The columns of a payment, and whether it is one that nobody can read any more: it keeps its place on its page.
fn payment_or_erased() -> String {
    format!("{}, {}", sql::names(sql::PAYMENT.columns, "t."), sql::payment_is_erased("t"))
}

/// The rows that a platform has in the outbox: the oldest and the newest.
#[derive(Clone, Copy)]
struct Waiting(Option<(i64, i64)>);

impl Waiting {
    /// Of what [`outbox::SPAN`] gives.
    fn of(rows: &[Row]) -> Result<Self, StoreError> {
        let Some(row) = rows.first() else { return Ok(Self(None)) };
        let (oldest, newest): (Option<i64>, Option<i64>) = (get(row, 0)?, get(row, 1)?);
        Ok(Self(oldest.zip(newest)))
    }

    /// Whether everything is listed that was there when this was asked first with `awaited`, which was `None` then.
    fn is_listed(self, awaited: &mut Option<i64>) -> bool {
        self.0.is_none_or(|(oldest, newest)| oldest > *awaited.get_or_insert(newest))
    }
}

/// A page and the length of its list in one view, and what of the platform is not listed in it.
async fn page(session: &ReadSession, platform: PlatformId, texts: &PageTexts) -> Result<(Waiting, Vec<Row>, u64), StoreError> {
    let asked_for = of_platform(platform);
    let mut trip = Trip::over(&session.client);
    trip.say("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    let waiting = trip.ask_once(outbox::SPAN, &asked_for);
    let total = trip.ask_once(&texts.total, &texts.params);
    let rows = trip.ask_once(&texts.rows, &texts.page_params);
    trip.say("COMMIT");
    let mut answers = trip.done().await?;
    let waiting = Waiting::of(&answers.rows(waiting))?;
    let total = answers.rows(total).first().map(|row| get::<i64>(row, 0)).transpose()?.unwrap_or(0);
    Ok((waiting, answers.rows(rows), u64::try_from(total).unwrap_or(0)))
}

fn of_platform(platform: PlatformId) -> Typed {
    vec![(Box::new(Id(platform.0)), Type::UUID)]
}

const fn list_of(of: OfPayments) -> Uid {
    match of {
        OfPayments::Account(id) => id.0,
        OfPayments::User(id) | OfPayments::Instrument(id) => id,
        OfPayments::RefundsOf(id) => id.0,
    }
}

fn by_id(platform: PlatformId, id: Uid) -> Params<'static> {
    vec![Box::new(vec![Id(platform.0)]), Box::new(vec![Id(id)])]
}

impl Reads for PostgresReads {
    fn account(&self, platform: PlatformId, id: AccountId) -> ReadFuture<'_, Option<Account>> {
        Box::pin(async move {
            let (_, rows) = self.look_up(|session| Ok(&session.statements.account), by_id(platform, id.0)).await?;
            rows.first().map(|row| codec::account(rows::account(row)?)).transpose()
        })
    }

    fn accounts(&self, platform: PlatformId, roles: Vec<Role>) -> ReadFuture<'_, Vec<Account>> {
        Box::pin(async move {
            let roles: Vec<i64> = roles.iter().map(|role| i64::from(role.number())).collect();
            let params: Typed = vec![(Box::new(Id(platform.0)), Type::UUID), (Box::new(roles), Type::INT8_ARRAY)];
            let rows = self.look_up_once(backstage::ACCOUNTS, params).await?;
            rows.iter().map(|row| codec::account(rows::account(row)?)).collect()
        })
    }

    fn payment(&self, platform: PlatformId, id: PaymentId) -> ReadFuture<'_, Option<Payment>> {
        Box::pin(async move {
            let (session, rows) = self.look_up(|session| Ok(&session.statements.payment), by_id(platform, id.0)).await?;
            let decode = |row: &Row, ring: &mut Ring<'_>| codec::payment(rows::payment(row)?, ring);
            Ok(self.decode(&session, &rows, decode).await?.pop())
        })
    }

    fn record(&self, key: RecordKey) -> ReadFuture<'_, Option<Record>> {
        Box::pin(async move {
            let (session, rows) =
                self.look_up(|session| session.kinds.of(key.kind).map(|kind| &kind.find), by_id(key.platform, key.id)).await?;
            let decode = |row: &Row, ring: &mut Ring<'_>| codec::record(key.kind, rows::record(row)?, ring);
            Ok(self.decode(&session, &rows, decode).await?.pop())
        })
    }

    fn key(&self, key: IdempotencyKey) -> ReadFuture<'_, Option<KeyRow>> {
        Box::pin(async move {
            let params: Params<'_> = vec![
                Box::new(vec![Id(key.platform.0)]),
                Box::new(vec![i64::from(key.dialect)]),
                Box::new(vec![rows::sought(&key.key).map(str::to_owned)]),
            ];
            let (session, rows) = self.look_up(|session| Ok(&session.statements.key), params).await?;
            let decode = |row: &Row, ring: &mut Ring<'_>| codec::key_row(rows::key(row)?, ring).map(Some);
            Ok(self.decode(&session, &rows, decode).await?.pop())
        })
    }

    fn directory(&self, key: DirectoryKey) -> ReadFuture<'_, Option<DirectoryRow>> {
        Box::pin(async move {
            let params: Params<'_> =
                vec![Box::new(vec![i64::from(key.space.number())]), Box::new(vec![rows::sought(&key.text).map(str::to_owned)])];
            let (_, rows) = self.look_up(|session| Ok(&session.statements.directory), params).await?;
            let decode = |row: &Row| Ok(DirectoryRow { platform: PlatformId(uid(row, 2)?), id: uid(row, 3)? });
            rows.first().map(decode).transpose()
        })
    }

    fn payments(&self, platform: PlatformId, of: OfPayments, filter: PaymentFilter, page: Page) -> ReadFuture<'_, Listed<Payment>> {
        Box::pin(self.list_payments(platform, of, filter, page))
    }

    fn events(&self, platform: PlatformId, filter: EventFilter, page: Page) -> ReadFuture<'_, Listed<Event>> {
        Box::pin(self.list_events(platform, filter, page))
    }

    fn records(&self, platform: PlatformId, kind: &'static Kind, listing: Listing, page: Page) -> ReadFuture<'_, Listed<Record>> {
        Box::pin(self.list_records(platform, kind, listing, page))
    }

    fn turnover(&self, platform: PlatformId, user: Uid, currency: Currency, from: Timestamp, to: Timestamp) -> ReadFuture<'_, (i64, i64)> {
        Box::pin(self.sum_turnover(platform, user, currency, from, to))
    }

    fn platforms(&self, after: Option<PlatformId>, limit: u32) -> ReadFuture<'_, Vec<PlatformId>> {
        Box::pin(async move {
            let after = Id(after.map_or(Uid::default(), |after| after.0));
            let params: Typed = vec![(Box::new(after), Type::UUID), (Box::new(i64::from(limit)), Type::INT8)];
            let text = "SELECT platform FROM platform WHERE platform > $1 ORDER BY platform LIMIT $2";
            let rows = self.look_up_once(text, params).await?;
            rows.iter().map(|row| uid(row, 0).map(PlatformId)).collect()
        })
    }

    fn old_keys(&self, of: Option<PlatformId>, until: Timestamp, limit: u32) -> ReadFuture<'_, Vec<IdempotencyKey>> {
        Box::pin(async move {
            // Of each platform by the index of its own keys; whoever asks for all comes again until there are none.
            let text = "SELECT k.platform, k.dialect, k.key FROM platform p CROSS JOIN LATERAL \
                        (SELECT platform, dialect, key FROM idempotency WHERE platform = p.platform AND at <= $2 AND status IS NOT NULL \
                        ORDER BY at LIMIT $3) k WHERE $1::uuid IS NULL OR p.platform = $1 LIMIT $3";
            let of = of.map(|platform| Id(platform.0));
            let params: Typed =
                vec![(Box::new(of), Type::UUID), (Box::new(until.ms()), Type::INT8), (Box::new(i64::from(limit)), Type::INT8)];
            let rows = self.look_up_once(text, params).await?;
            rows.iter()
                .map(|row| {
                    let platform = PlatformId(uid(row, 0)?);
                    let dialect: i64 = rows::get(row, 1)?;
                    let dialect = u8::try_from(dialect).map_err(|_| codec::broken("idempotency", platform, "dialect"))?;
                    Ok(IdempotencyKey { platform, dialect, key: rows::get::<String>(row, 2)?.into() })
                })
                .collect()
        })
    }

    fn story(&self, platform: PlatformId, sought: Sought) -> ReadFuture<'_, Story> {
        Box::pin(async move {
            // A list waits for everything that was acknowledged, so what is read behind it has that too.
            self.events(platform, EventFilter::default(), Page { number: 1, size: 1, newest_first: true }).await?;
            self.find_story(platform, sought).await
        })
    }

    fn claim_jobs(&self, claim: Claim) -> ReadFuture<'_, Vec<Job>> {
        Box::pin(async move {
            let Claim { kinds, of, now, passing, lease_ms, limit } = claim;
            let numbers = [now.ms(), lease_ms, i64::from(limit)];
            let mut params: Typed = numbers.into_iter().map(|number| (Box::new(number) as _, Type::INT8)).collect();
            let kinds: Vec<i64> = kinds.iter().map(|kind| i64::from(kind.number())).collect();
            params.push((Box::new(kinds) as _, Type::INT8_ARRAY));
            params.push((Box::new(Id(of.map_or(Uid::default(), |of| of.0))) as _, Type::UUID));
            params.push((Box::new(passing.ms()) as _, Type::INT8));
            let rows = self.look_up_once(backstage::CLAIM_JOBS, params).await?;
            rows.iter().map(load::job).collect()
        })
    }

    fn renew_job(&self, job: Job, now: Timestamp, lease_ms: i64) -> ReadFuture<'_, ()> {
        Box::pin(async move {
            let mut params: Typed = vec![(Box::new(Id(job.platform.0)), Type::UUID), (Box::new(Id(job.id.0)), Type::UUID)];
            let numbers = [i64::from(job.attempts), job.due_at.ms(), now.plus_ms(lease_ms).ms()];
            params.extend(numbers.into_iter().map(|number| (Box::new(number) as _, Type::INT8)));
            self.look_up_once(backstage::RENEW_JOB, params).await.map(|_| ())
        })
    }

    fn agenda(&self, platform: PlatformId, now: Timestamp) -> ReadFuture<'_, Agenda> {
        Box::pin(async move {
            let limit = i64::try_from(AGENDA_MAX).unwrap_or(i64::MAX);
            let params: Typed =
                vec![(Box::new(Id(platform.0)), Type::UUID), (Box::new(now.ms()), Type::INT8), (Box::new(limit), Type::INT8)];
            let rows = self.look_up_once(backstage::AGENDA, params).await?;
            let Some(row) = rows.first() else { return Ok(Agenda::default()) };
            let due = u64::try_from(rows::get::<i64>(row, 0)?).unwrap_or(0);
            Ok(Agenda { due, next_at: rows::get::<Option<i64>>(row, 1)?.map(Timestamp::from_ms) })
        })
    }
}
