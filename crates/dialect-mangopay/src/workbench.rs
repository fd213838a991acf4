//! A server in memory for the tests of endpoints: the real engine over maps, one platform, a clock that
//! is turned by hand.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use domain::ids::PersonId;
use domain::ids::{ApiKeyId, JobId, RequestId};
use domain::payment::Payment;
use domain::platform::{ApiKey, CreatePlatform, Environment, Platform, Policy, Scopes};
use domain::user::{Blocks, Category, Identity, User, UserStatus, Verification};
use domain::wallet::Wallet;
use domain::{
    AuditLine, Books, Ctx, DirectoryKey, DirectoryRow, Event, IdempotencyKey, Ids, Job, KeyRow, Kind, PaymentId, PlatformId, Record,
    RecordKey, Resource, Secret, Slot, Timestamp, UserId, WalletId, Wanted,
};
use engine::{
    Agenda, Claim, Clock, Engine, EngineConfig, EventFilter, Listed, Listing, OfPayments, Page, PaymentFilter, ReadFuture, Reads, Store,
    StoreError, Syncer, UuidIds,
};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use ledger::{Account, AccountId, Role, Uid};
use money::Currency;
use serde_json::Value;

use crate::wire::ids::{Prefix, spell};
use crate::{Config, Dialect, digest_of};

#[derive(Default)]
struct Rows {
    accounts: HashMap<AccountId, Account>,
    payments: HashMap<PaymentId, Payment>,
    records: BTreeMap<RecordKey, Record>,
    keys: HashMap<IdempotencyKey, KeyRow>,
    directory: HashMap<DirectoryKey, DirectoryRow>,
    jobs: HashMap<JobId, Job>,
    /// Reads of records so far.
    looked_up: usize,
    is_broken: bool,
    /// Nothing can be written.
    is_full: bool,
    audit: Vec<AuditLine>,
}

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Rows>>);

impl Store for Memory {
    fn load(&mut self, wanted: &Wanted, books: &mut Books) -> Result<(), StoreError> {
        let rows = self.0.lock().unwrap();
        for (platform, id) in wanted.accounts.iter().chain(&wanted.holders) {
            books.accounts.bring((*platform, *id), rows.accounts.get(id).filter(|row| row.tenant == platform.0).copied());
        }
        for (platform, id) in &wanted.payments {
            books.payments.bring((*platform, *id), rows.payments.get(id).filter(|row| row.platform == *platform).cloned());
        }
        for key in &wanted.records {
            books.records.bring(*key, rows.records.get(key).cloned());
        }
        for key in &wanted.keys {
            books.keys.bring(key.clone(), rows.keys.get(key).cloned());
        }
        for key in &wanted.directory {
            books.directory.bring(key.clone(), rows.directory.get(key).copied());
        }
        for key in &wanted.owned {
            books.owned.bring(*key, Some(Arc::from([])));
        }
        for (platform, id) in &wanted.jobs {
            books.jobs.bring((*platform, *id), rows.jobs.get(id).filter(|row| row.platform == *platform).cloned());
        }
        Ok(())
    }

    fn flush(&mut self, books: &Books) -> Result<(), StoreError> {
        let mut rows = self.0.lock().unwrap();
        if rows.is_broken || rows.is_full {
            return Err(StoreError::Fault("broken by the test".to_owned()));
        }
        rows.audit.extend(books.audit.iter().copied());
        rows.accounts.extend(books.accounts.touched().filter_map(Slot::row).map(|row| (row.id, *row)));
        rows.payments.extend(books.payments.touched().filter_map(Slot::row).map(|row| (row.id, row.clone())));
        rows.records.extend(books.records.touched().filter_map(Slot::row).map(|row| (row.key(), row.clone())));
        rows.keys.extend(books.keys.touched().filter_map(Slot::row).map(|row| (row.key.clone(), row.clone())));
        rows.directory.extend(books.directory.touched_keys().filter_map(|(key, slot)| Some((key.clone(), *slot.row()?))));
        rows.jobs.extend(books.jobs.touched().filter_map(Slot::row).map(|row| (row.id, row.clone())));
        Ok(())
    }

    fn syncer(&self) -> Option<Arc<dyn Syncer>> {
        None
    }

    fn doubt(&mut self) -> bool {
        false
    }

    fn abandon(&mut self) {}

    fn idle(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Memory {
    fn read<T: Send + 'static>(&self, read: impl FnOnce(&mut Rows) -> T) -> ReadFuture<'_, T> {
        let mut rows = self.0.lock().unwrap();
        let answer = if rows.is_broken { Err(StoreError::Fault("broken by the test".to_owned())) } else { Ok(read(&mut rows)) };
        Box::pin(async move { answer })
    }
}

impl Reads for Memory {
    fn account(&self, platform: PlatformId, id: AccountId) -> ReadFuture<'_, Option<Account>> {
        self.read(|rows| rows.accounts.get(&id).filter(|row| row.tenant == platform.0).copied())
    }

    fn accounts(&self, _: PlatformId, _: Vec<Role>) -> ReadFuture<'_, Vec<Account>> {
        panic!("no test here reads this")
    }

    fn payment(&self, platform: PlatformId, id: PaymentId) -> ReadFuture<'_, Option<Payment>> {
        self.read(|rows| rows.payments.get(&id).filter(|row| row.platform == platform).cloned())
    }

    fn record(&self, key: RecordKey) -> ReadFuture<'_, Option<Record>> {
        self.read(|rows| {
            rows.looked_up += 1;
            rows.records.get(&key).cloned()
        })
    }

    fn key(&self, key: IdempotencyKey) -> ReadFuture<'_, Option<KeyRow>> {
        self.read(|rows| rows.keys.get(&key).cloned())
    }

    fn directory(&self, key: DirectoryKey) -> ReadFuture<'_, Option<DirectoryRow>> {
        self.read(|rows| rows.directory.get(&key).copied())
    }

    fn payments(&self, _: PlatformId, _: OfPayments, _: PaymentFilter, _: Page) -> ReadFuture<'_, Listed<Payment>> {
        panic!("no test here reads this")
    }

    fn events(&self, _: PlatformId, _: EventFilter, _: Page) -> ReadFuture<'_, Listed<Event>> {
        panic!("no test here reads this")
    }

    fn records(&self, platform: PlatformId, kind: &'static Kind, listing: Listing, page: Page) -> ReadFuture<'_, Listed<Record>> {
        self.read(|rows| {
            let is_wanted = |record: &&Record| {
                record.kind.number == kind.number
                    && record.lead.platform == platform
                    && (listing.statuses.is_empty() || listing.statuses.iter().any(|status| status == record.lead.status))
            };
            let all: Vec<Record> = rows.records.values().rev().filter(is_wanted).cloned().collect();
            let total = all.len() as u64;
            let size = page.size as usize;
            Listed { rows: all.into_iter().skip((page.number as usize - 1) * size).take(size).collect(), total }
        })
    }

    fn turnover(&self, _: PlatformId, _: Uid, _: Currency, _: Timestamp, _: Timestamp) -> ReadFuture<'_, (i64, i64)> {
        panic!("no test here reads this")
    }

    fn platforms(&self, _: Option<PlatformId>, _: u32) -> ReadFuture<'_, Vec<PlatformId>> {
        panic!("no test here reads this")
    }

    fn old_keys(&self, _: Option<PlatformId>, _: Timestamp, _: u32) -> ReadFuture<'_, Vec<IdempotencyKey>> {
        panic!("no test here reads this")
    }

    fn claim_jobs(&self, _: Claim) -> ReadFuture<'_, Vec<Job>> {
        panic!("no test here reads this")
    }

    fn renew_job(&self, _: Job, _: Timestamp, _: i64) -> ReadFuture<'_, ()> {
        panic!("no test here reads this")
    }

    fn agenda(&self, _: PlatformId, _: Timestamp) -> ReadFuture<'_, Agenda> {
        panic!("no test here reads this")
    }
}

struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }
}

/// An answer, taken apart.
pub struct Seen {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Seen {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// A member of the body, as text.
    pub fn get(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_default().to_owned()
    }

    /// The text for a wrong field.
    pub fn field_error(&self, field: &str) -> String {
        self.json()["errors"][field].as_str().unwrap_or_default().to_owned()
    }
}

/// A server with the platforms `me` and `other`, each with the API key `key-of-ID`.
pub struct World {
    pub dialect: Arc<Dialect>,
    memory: Memory,
    clock: Arc<Hand>,
    ids: Mutex<UuidIds>,
    engine: Engine,
    token: String,
}

pub const NOW_MS: i64 = 1_700_000_000_000;

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A world whose configuration was changed.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let memory = Memory::default();
        let clock = Arc::new(Hand(AtomicI64::new(NOW_MS)));
        let ids = |seed| UuidIds::new(Arc::clone(&clock) as Arc<dyn Clock>, seed);
        let engine = Engine::start(Box::new(memory.clone()), Arc::clone(&clock) as _, Box::new(ids(1)), EngineConfig::default()).unwrap();
        let mut config = Config::new("http://localhost:8080/");
        change(&mut config);
        let reads = Arc::new(memory.clone());
        let dialect = Dialect::new(engine.clone(), reads, Arc::clone(&clock) as _, Box::new(ids(2)), config);
        let mut world = Self { dialect, memory, ids: Mutex::new(ids(3)), clock, engine, token: String::new() };
        for client_id in ["me", "other"] {
            world.create_platform(client_id).await;
        }
        world.token = world.issue_token("me").await;
        world
    }

    async fn create_platform(&self, client_id: &str) {
        let command = CreatePlatform {
            client_id: client_id.to_owned(),
            environment: Environment::Sandbox,
            policy: Policy::mangopay(),
            key_digest: digest_of(&format!("key-of-{client_id}")),
        };
        let ctx = Ctx::system(PlatformId(self.fresh()), RequestId(self.fresh()));
        self.engine.run(ctx, command).await.unwrap().unwrap();
    }

    /// A token of a platform, got as a client gets it.
    pub async fn issue_token(&self, client_id: &str) -> String {
        use base64::Engine as _;
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{client_id}:key-of-{client_id}"));
        let request = Request::post("/v2.01/oauth/token").header("Authorization", format!("Basic {basic}"));
        self.send(request.body("grant_type=client_credentials".into()).unwrap()).await.get("access_token")
    }

    pub async fn send(&self, request: Request<Body>) -> Seen {
        let (parts, body) = self.dialect.handle(request).await.into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Seen { status: parts.status, headers: parts.headers, text }
    }

    /// A call of `me`, with its token, a path within `/v2.01/me`, headers and a body.
    pub async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Seen {
        let mut request = Request::builder().method(method).uri(format!("/v2.01/me{path}"));
        if !headers.iter().any(|(name, _)| *name == "Authorization") {
            request = request.header("Authorization", format!("Bearer {}", self.token));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Seen {
        self.call("GET", path, &[], "").await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Seen {
        self.call("POST", path, &[], &body.to_string()).await
    }

    pub async fn post_keyed(&self, path: &str, key: &str, body: &Value) -> Seen {
        self.call("POST", path, &[("Idempotency-Key", key)], &body.to_string()).await
    }

    pub fn platform(&self, client_id: &str) -> PlatformId {
        let name = DirectoryKey { space: domain::Space::ClientId, text: client_id.into() };
        self.memory.0.lock().unwrap().directory[&name].platform
    }

    pub fn advance_ms(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// Has every write fail from now on.
    pub fn fill_store(&self) {
        self.memory.0.lock().unwrap().is_full = true;
    }

    /// Ends what [`World::fill_store`] began.
    pub fn make_room(&self) {
        self.memory.0.lock().unwrap().is_full = false;
    }

    /// The audit lines of an action so far.
    pub fn noted(&self, action: &str) -> Vec<AuditLine> {
        self.memory.0.lock().unwrap().audit.iter().filter(|line| line.action == action).copied().collect()
    }

    /// The audit lines of an action, once there are so many.
    pub async fn audited(&self, action: &str, count: usize) -> Vec<AuditLine> {
        let found = async {
            loop {
                let lines = self.noted(action);
                if lines.len() >= count {
                    return lines;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), found).await.expect("the lines are written")
    }

    /// What is remembered of requests.
    pub fn log(&self) -> &edge::log::RequestLog {
        &self.dialect.config.log
    }

    /// Makes a platform one for real money, and waits until that is seen.
    pub async fn make_live(&self, client_id: &str) {
        let id = self.platform(client_id);
        let key = RecordKey { kind: Platform::KIND, platform: id, id: id.0 };
        let platform = self.memory.0.lock().unwrap().records[&key].body::<Platform>().unwrap();
        self.bring(client_id, id, Platform { environment: Environment::Production, ..Platform::clone(&platform) });
        self.advance_ms(6_000);
    }

    pub fn break_store(&self) {
        self.memory.0.lock().unwrap().is_broken = true;
    }

    /// Reads of records so far.
    pub fn looked_up(&self) -> usize {
        self.memory.0.lock().unwrap().looked_up
    }

    pub fn user(&self, client_id: &str) -> UserId {
        let id = UserId(self.fresh());
        let user = User {
            identity: Identity::Natural { person: PersonId(self.fresh()) },
            category: Category::Owner,
            status: UserStatus::Active,
            verification: Verification::Light,
            blocks: Blocks::default(),
            block_reason: None,
            email: Secret::default(),
            has_accepted_terms: true,
            terms_accepted_at: None,
            tag: None,
            is_held: false,
        };
        self.bring(client_id, id, user);
        id
    }

    pub fn close_user(&self, client_id: &str, id: UserId) {
        let key = RecordKey { kind: User::KIND, platform: self.platform(client_id), id: id.0 };
        let user = self.memory.0.lock().unwrap().records[&key].body::<User>().unwrap();
        self.bring(client_id, id, User { status: UserStatus::Closed, ..User::clone(&user) });
    }

    pub fn wallet(&self, client_id: &str, owner: UserId, currency: Currency, balance: i64) -> WalletId {
        let id = WalletId(self.fresh());
        self.bring(client_id, id, Wallet { owner, currency, description: Secret::default(), tag: None });
        let account = Account::open(id.account(), self.platform(client_id).0, Role::Wallet, Some(owner.0), currency, NOW_MS);
        self.memory.0.lock().unwrap().accounts.insert(account.id, Account { balance, ..account });
        id
    }

    /// Changes the API keys of a platform.
    pub fn change_keys(&self, client_id: &str, change: impl Fn(&mut ApiKey)) {
        let platform = self.platform(client_id);
        let mut rows = self.memory.0.lock().unwrap();
        for record in rows.records.values_mut().filter(|record| record.lead.platform == platform) {
            if let Some(key) = record.body::<ApiKey>() {
                let mut key = ApiKey::clone(&key);
                change(&mut key);
                *record = Record::of(platform, ApiKeyId(record.lead.id), record.lead.created_at, 2, key);
            }
        }
    }

    pub fn revoke_keys(&self, client_id: &str) {
        self.change_keys(client_id, |key| key.revoked_at = Some(Timestamp::from_ms(NOW_MS)));
    }

    pub fn narrow_keys(&self, client_id: &str, scopes: Scopes) {
        self.change_keys(client_id, |key| key.scopes = scopes);
    }

    fn bring<R: Resource>(&self, client_id: &str, id: R::Id, body: R) {
        let record = Record::of(self.platform(client_id), id, Timestamp::from_ms(NOW_MS), 1, body);
        self.memory.0.lock().unwrap().records.insert(record.key(), record);
    }

    fn fresh(&self) -> Uid {
        self.ids.lock().unwrap().fresh()
    }
}

pub fn user_text(id: UserId) -> String {
    spell(Prefix::User, id.0).to_string()
}

pub fn wallet_text(id: WalletId) -> String {
    spell(Prefix::Wallet, id.0).to_string()
}
