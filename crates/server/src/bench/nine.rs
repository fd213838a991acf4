//! What Florin is compared with: a bare handler, and over PostgreSQL the usual way to move money.
//!
//! The usual way is one transaction a request and one statement a round trip, nine in all, prepared, over a pool of
//! sixteen connections. It writes the rows that Florin writes, into the same tables. It is let off easily: it knows no
//! credentials, checks no owner, seals nothing and keeps no lists.

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};
use axum::routing::get;
use bytes::BytesMut;
use dialect_mangopay::wire::Prefix;
use dialect_mangopay::wire::ids::{parse, spell};
use domain::{Ids, Space};
use engine::UuidIds;
use ledger::{AccountId, EntryKind, Role, Uid};
use money::Currency;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};
use tokio_postgres::{Client, NoTls, Statement};

use crate::clock::SystemClock;
use crate::wiring::HEALTH;

/// Connections to the database.
const POOL: usize = 16;

/// What to compare with.
#[derive(clap::Args, Clone, Debug)]
pub struct BaselineArgs {
    /// Where to listen
    #[arg(long)]
    listen: SocketAddr,
}

/// Answers `/health` with a constant; with a database, also moves money the usual way.
pub fn baseline(database: Option<&str>, args: &BaselineArgs) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let health = || async { ([(CONTENT_TYPE, "application/json")], HEALTH) };
        let router = Router::new().route("/health", get(health));
        let router = match database {
            Some(url) => router.fallback_service(Router::new().fallback(move_money).with_state(Arc::new(Usual::connect(url).await?))),
            None => router,
        };
        let listener = tokio::net::TcpListener::bind(args.listen).await?;
        let listener = axum::serve::ListenerExt::tap_io(listener, |stream| drop(stream.set_nodelay(true)));
        axum::serve(listener, router).await?;
        Ok(())
    })
}

/// An id as a parameter or a column.
#[derive(Clone, Copy, Debug)]
struct Id(Uid);

impl ToSql for Id {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.extend_from_slice(&self.0.to_bytes());
        Ok(IsNull::No)
    }

    accepts!(UUID);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Id {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Uid::from_bytes(raw.try_into()?)))
    }

    accepts!(UUID);
}

macro_rules! statements {
    ($($name:ident: $text:literal,)*) => {
        /// A connection and what is prepared on it.
        struct Session { client: Client, $($name: Statement,)* }

        impl Session {
            async fn open(url: &str) -> Result<Self, tokio_postgres::Error> {
                let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
                tokio::spawn(connection);
                $(let $name = client.prepare($text).await?;)*
                Ok(Self { client, $($name,)* })
            }
        }
    };
}

statements! {
    begin: "BEGIN",
    accounts: "SELECT id, role, holder, balance, postings FROM account WHERE platform = $1 AND id = ANY($2) ORDER BY id FOR UPDATE",
    key: "INSERT INTO idempotency (platform, dialect, key, fingerprint, path, status, answer, at) VALUES ($1, 1, $2, $3, $4, 200, $5, $6)",
    payment: "INSERT INTO payment (platform, id, kind, nature, author, credited_user, debited, debited_currency, credited, \
              credited_currency, fees, debited_wallet, credited_wallet, status, created_at, executed_at, policy_version, form, version) \
              VALUES ($1, $2, 2, 1, $3, $4, $5, 'EUR', $6, 'EUR', $7, $8, $9, 2, $10, $10, 1, 1, 1)",
    entry: "INSERT INTO entry (platform, id, kind, operation, booked_at) VALUES ($1, $2, $3, $4, $5)",
    postings: "INSERT INTO posting (platform, entry, line, account, number, amount, currency, balance_after) \
               SELECT $1, $2, n.line, n.account, n.number, n.amount, 'EUR', n.balance_after \
               FROM UNNEST($3::BIGINT[], $4::UUID[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[]) AS n(line, account, number, amount, balance_after)",
    change: "UPDATE account SET balance = n.balance, postings = n.postings \
             FROM UNNEST($2::UUID[], $3::BIGINT[], $4::BIGINT[]) AS n(id, balance, postings) \
             WHERE account.platform = $1 AND account.id = n.id",
    told: "WITH told AS (INSERT INTO event (platform, number, id, type, subject, at) VALUES ($1, $8, $2, 4, $4, $5), ($1, $8 - 1, $3, 5, $4, $5)) \
           INSERT INTO audit (platform, actor_kind, actor, request, origin, action, object, outcome, at) \
           VALUES ($1, 2, $1, $6, $7, 'transfer.create', $4, 'done', $5)",
    commit: "COMMIT",
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Funds {
    amount: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    #[serde(borrow)]
    author_id: &'a str,
    debited_funds: Funds,
    fees: Funds,
    debited_wallet_id: &'a str,
    credited_wallet_id: &'a str,
}

/// What the handler works with.
struct Usual {
    sessions: Mutex<Vec<Session>>,
    free: Semaphore,
    platforms: HashMap<String, Uid>,
    ids: Mutex<UuidIds>,
    /// Places of events told so far; they count down from zero, out of the way of those that the projector gives.
    told: AtomicI64,
}

impl Usual {
    async fn connect(url: &str) -> Result<Self, Box<dyn Error>> {
        let mut sessions = Vec::new();
        for _ in 0..POOL {
            sessions.push(Session::open(url).await?);
        }
        let named = "SELECT text, platform FROM directory WHERE space = $1";
        let mut platforms = HashMap::new();
        for row in sessions.first().ok_or("no session")?.client.query(named, &[&i64::from(Space::ClientId.number())]).await? {
            platforms.insert(row.try_get(0)?, row.try_get::<_, Id>(1)?.0);
        }
        let ids = UuidIds::new(Arc::new(SystemClock), crate::installation::random_seed()?);
        Ok(Self { sessions: Mutex::new(sessions), free: Semaphore::new(POOL), platforms, ids: Mutex::new(ids), told: AtomicI64::new(0) })
    }

    fn fresh<const N: usize>(&self) -> [Id; N] {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        std::array::from_fn(|_| Id(ids.fresh()))
    }

    /// Moves money in nine round trips, and gives the answer; `None` when it may not be moved.
    async fn move_money(&self, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Result<Option<String>, Box<dyn Error + Send + Sync>> {
        let _turn = self.free.acquire().await?;
        let session = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).pop().ok_or("no session is free")?;
        let moved = self.move_with(&session, uri, headers, body).await;
        if !matches!(moved, Ok(Some(_))) {
            session.client.batch_execute("ROLLBACK").await?;
        }
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        moved
    }

    async fn move_with(
        &self,
        session: &Session,
        uri: &Uri,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Option<String>, Box<dyn Error + Send + Sync>> {
        let client_id = uri.path().split('/').nth(2).ok_or("no client id")?;
        let platform = Id(*self.platforms.get(client_id).ok_or("no such platform")?);
        let path = uri.path_and_query().map_or("", |path| path.as_str());
        let key = headers.get("Idempotency-Key").ok_or("no key")?.to_str()?;
        let mut fingerprint = Sha256::new();
        fingerprint.update(path.as_bytes());
        fingerprint.update(body);
        let fingerprint: [u8; 32] = fingerprint.finalize().into();
        let asked: Body<'_> = serde_json::from_slice(body)?;
        let wallet = |text| parse(&[Prefix::Wallet], text).ok_or("no wallet");
        let (from, to) = (wallet(asked.debited_wallet_id)?, wallet(asked.credited_wallet_id)?);
        let author = parse(&[Prefix::User], asked.author_id).ok_or("no user")?;
        let (debited, fees) = (asked.debited_funds.amount, asked.fees.amount);
        let credited = debited.checked_sub(fees).ok_or("fees")?;
        let mut legs = vec![(from, -debited), (to, credited)];
        if fees > 0 {
            legs.push((AccountId::of_chart(platform.0, Role::Fees, Currency::EUR).0, fees));
        }
        let [payment, entry, created, succeeded, request] = self.fresh();
        let now = engine::Clock::now(&SystemClock).ms();

        session.client.execute(&session.begin, &[]).await?;
        let named: Vec<Id> = legs.iter().map(|(account, _)| Id(*account)).collect();
        let rows = session.client.query(&session.accounts, &[&platform, &named]).await?;
        let (mut lines, mut accounts, mut numbers, mut amounts, mut balances) = (vec![], vec![], vec![], vec![], vec![]);
        let mut payee = None;
        for (line, (account, amount)) in (1_i64..).zip(&legs) {
            let row = rows.iter().find(|row| row.try_get::<_, Id>(0).is_ok_and(|id| id.0 == *account)).ok_or("no such account")?;
            let balance = row.try_get::<_, i64>(3)?.checked_add(*amount).ok_or("overflow")?;
            if balance < 0 {
                return Ok(None);
            }
            if *account == to {
                payee = row.try_get::<_, Option<Id>>(2)?;
            }
            lines.push(line);
            accounts.push(Id(*account));
            numbers.push(row.try_get::<_, i64>(4)?.saturating_add(1));
            amounts.push(*amount);
            balances.push(balance);
        }
        let answer = render(payment.0, author, payee.map_or(author, |payee| payee.0), &asked, credited, now);
        let fingerprint = fingerprint.get(..16).unwrap_or_default();
        session.client.execute(&session.key, &[&platform, &key, &fingerprint, &path, &answer.as_bytes(), &now]).await?;
        let columns: [&(dyn ToSql + Sync); 10] =
            [&platform, &payment, &Id(author), &payee, &debited, &credited, &fees, &Id(from), &Id(to), &now];
        session.client.execute(&session.payment, &columns).await?;
        let kind = i64::from(EntryKind::Transfer.number());
        session.client.execute(&session.entry, &[&platform, &entry, &kind, &payment, &now]).await?;
        session.client.execute(&session.postings, &[&platform, &entry, &lines, &accounts, &numbers, &amounts, &balances]).await?;
        session.client.execute(&session.change, &[&platform, &accounts, &balances, &numbers]).await?;
        let origin = [0_u8; 16].as_slice();
        let told = self.told.fetch_sub(2, Ordering::Relaxed).saturating_sub(1);
        session.client.execute(&session.told, &[&platform, &created, &succeeded, &payment, &now, &request, &origin, &told]).await?;
        session.client.execute(&session.commit, &[]).await?;
        Ok(Some(answer))
    }
}

fn render(payment: Uid, author: Uid, payee: Uid, asked: &Body<'_>, credited: i64, now_ms: i64) -> String {
    let (id, author, payee) = (spell(Prefix::Transfer, payment), spell(Prefix::User, author), spell(Prefix::User, payee));
    let (debited, fees, now) = (asked.debited_funds.amount, asked.fees.amount, now_ms / 1_000);
    format!(
        "{{\"Id\":\"{}\",\"Tag\":null,\"CreationDate\":{now},\"AuthorId\":\"{}\",\"CreditedUserId\":\"{}\",\
         \"DebitedFunds\":{{\"Currency\":\"EUR\",\"Amount\":{debited}}},\"CreditedFunds\":{{\"Currency\":\"EUR\",\"Amount\":{credited}}},\
         \"Fees\":{{\"Currency\":\"EUR\",\"Amount\":{fees}}},\"Status\":\"SUCCEEDED\",\"ResultCode\":\"000000\",\"ResultMessage\":\"Success\",\
         \"ExecutionDate\":{now},\"Type\":\"TRANSFER\",\"Nature\":\"REGULAR\",\"DebitedWalletId\":\"{}\",\"CreditedWalletId\":\"{}\",\
         \"ScaContext\":null,\"PendingUserAction\":null}}",
        id.as_str(),
        author.as_str(),
        payee.as_str(),
        asked.debited_wallet_id,
        asked.credited_wallet_id
    )
}

async fn move_money(State(usual): State<Arc<Usual>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response<String> {
    let (status, text) = match usual.move_money(&uri, &headers, &body).await {
        Ok(Some(answer)) => (StatusCode::OK, answer),
        Ok(None) => (StatusCode::PAYMENT_REQUIRED, String::new()),
        Err(error) => {
            tracing::error!(%error, "the baseline failed");
            (StatusCode::INTERNAL_SERVER_ERROR, String::new())
        }
    };
    let mut response = Response::new(text);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
