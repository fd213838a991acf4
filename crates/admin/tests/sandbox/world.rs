//! A whole server without a socket: the dialect, the simulated bank, the worker and a real store.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use admin::why::{Settings, Why, Words};
use admin::{Admission, Authenticate, AuthenticateError, Caller, Draws, Later, Power, Sandbox, UnderWay, Waiting};
use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use dialect_mangopay::auth::AuthError;
use dialect_mangopay::scopes::Scope;
use dialect_mangopay::{Config, Dialect, NotAdmitted, digest_of, results};
use domain::ids::{ApiKeyId, RequestId};
use domain::platform::{ApiKey, CreatePlatform, Environment, Policy, Scopes};
use domain::{Actor, Books, Command, Ctx, Desk, Ids, PlatformId, Secret, Timestamp, Wanted};
use edge::explain::Links;
use edge::receiver::Receivers;
use engine::rail::bank::BankRail;
use engine::rail::{Credits, Rails};
use engine::{Acquirer, Checkout, Clock, Engine, EngineConfig, Reads, Retention, Store, StoreError, Syncer, UuidIds};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::BodyExt;
use ledger::{AccountId, EntryKind, Role};
use money::Currency;
use rails::acquirer::SimulatedAcquirer;
use rails::bank::{PayoutDesk, SimulatedBank, Steering};
use rails::cards::CardJobs;
use rails::worker::WorkerBuilder;
use serde_json::{Value, json};
use store::vault::Vault;
use tempfile::TempDir;

pub const NOW_MS: i64 = 1_700_000_000_000;
pub const FRENCH: &str = "FR7630004000031234567890143";
pub const NEVER_INSTANT: &str = "FR541558929750ZZZZZZAC01915";
pub const WAITS: &str = "FR699999900001WAITS00000172";

struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }
}

struct Lent(Arc<Dialect>);

impl Authenticate for Lent {
    fn admit<'a>(&'a self, parts: &'a Parts, power: Option<Power>) -> Later<'a, Admission> {
        Box::pin(async move {
            let needed = power.map(|power| match power {
                Power::PayIns => Scope::Payins.write(),
                Power::Payouts => Scope::Payouts.write(),
                Power::Users => Scope::UsersDetails.write(),
                Power::Verification => Scope::UsersVerification.write(),
                Power::Platform => Scope::ClientDevelopers.write(),
                Power::Look => Scope::ClientDevelopers.read(),
            });
            let mut headers = HeaderMap::new();
            let mut known = None;
            let caller = match self.0.admit(&parts.headers, needed).await {
                Ok(admission) => {
                    admission.rate.write_headers(&mut headers);
                    let platform = admission.caller.platform;
                    let actor = Actor::ApiKey(admission.caller.key);
                    known = (admission.caller.environment == Environment::Sandbox).then_some((platform, actor));
                    let caller = Caller { platform, actor, origin: self.0.origin(parts) };
                    admission.verdict.map(|()| caller).map_err(|why| match why {
                        NotAdmitted::Forbidden => AuthenticateError::Forbidden,
                        NotAdmitted::TooMany => AuthenticateError::TooMany,
                    })
                }
                Err(AuthError::Denied) => Err(AuthenticateError::Denied),
                Err(AuthError::Store(_)) => Err(AuthenticateError::Unavailable),
            };
            Admission { caller, known, headers }
        })
    }

    fn denied<'a>(&'a self, parts: &'a Parts, request: RequestId) -> Later<'a, Option<HeaderValue>> {
        Box::pin(self.0.note_denied(parts, request, StatusCode::UNAUTHORIZED))
    }
}

/// Draws ids one after another, and makes names and keys of them.
struct Counted(Mutex<Box<dyn Ids>>);

impl Draws for Counted {
    fn client_id(&self) -> Option<String> {
        Some(format!("test-{}", self.platform_id("")?))
    }

    fn platform_id(&self, _: &str) -> Option<PlatformId> {
        Some(PlatformId(self.0.lock().unwrap().fresh()))
    }

    fn api_key(&self, client_id: &str) -> Option<Secret<String>> {
        Some(Secret::new(format!("key-of-{client_id}")))
    }
}

/// A store that may die just as it is to book money that a bank sent back.
struct Mortal {
    inner: Box<dyn Store>,
    is_dying: Arc<AtomicBool>,
}

impl Store for Mortal {
    fn load(&mut self, wanted: &Wanted, books: &mut Books) -> Result<(), StoreError> {
        self.inner.load(wanted, books)
    }

    fn flush(&mut self, books: &Books) -> Result<(), StoreError> {
        let books_a_return = books.entries.iter().any(|entry| entry.kind == EntryKind::PayoutReturn);
        if books_a_return && self.is_dying.load(Ordering::SeqCst) {
            return Err(StoreError::Fault("it died".to_owned()));
        }
        self.inner.flush(books)
    }

    fn syncer(&self) -> Option<Arc<dyn Syncer>> {
        self.inner.syncer()
    }

    fn doubt(&mut self) -> bool {
        self.inner.doubt()
    }

    fn abandon(&mut self) {
        self.inner.abandon();
    }

    fn idle(&mut self) -> Result<(), StoreError> {
        self.inner.idle()
    }
}

/// Changes what a key is allowed.
struct Allow(ApiKeyId, Scopes);

impl Command for Allow {
    type Outcome = ();
    type Error = ();
    const NAME: &'static str = "test.allow";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), ()> {
        let found = desk.find_record::<ApiKey>(self.0).ok_or(())?;
        let key = found.body::<ApiKey>().ok_or(())?;
        desk.update(&found, ApiKey { scopes: self.1, ..ApiKey::clone(&key) });
        Ok(())
    }
}

pub struct World {
    pub router: Router,
    pub engine: Engine,
    pub reads: Arc<dyn Reads>,
    clock: Arc<Hand>,
    pub platforms: Vec<(&'static str, PlatformId)>,
    /// Whether the store dies over money that a bank sent back.
    pub is_dying: Arc<AtomicBool>,
    pub keys: Vec<ApiKeyId>,
    pub why: Why,
    pub folder: TempDir,
}

impl World {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A world whose configuration was changed.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = TempDir::new().unwrap();
        let opened = store::sqlite::open(folder.path(), Arc::new(Vault::new(&[7; 32]))).unwrap();
        let clock = Arc::new(Hand(AtomicI64::new(NOW_MS)));
        let ids = |seed| -> Box<dyn Ids> { Box::new(UuidIds::new(Arc::clone(&clock) as Arc<dyn Clock>, seed)) };
        let is_dying = Arc::new(AtomicBool::new(false));
        let store = Box::new(Mortal { inner: opened.store, is_dying: Arc::clone(&is_dying) });
        let engine = Engine::start(store, Arc::clone(&clock) as _, ids(1), EngineConfig::default()).unwrap();
        let (reads, deliveries) = (opened.reads, opened.deliveries);
        let bank = SimulatedBank::open(folder.path()).unwrap();
        let cards = SimulatedAcquirer::open(folder.path(), &[7; 32]).unwrap();
        let rails = Rails { bank: Some(Arc::new(bank.clone())), cards: Some(Arc::new(cards)) };
        let checkout =
            Checkout::new(engine.clone(), Arc::clone(&reads), Arc::clone(&clock) as _, Acquirer::of(&rails).heeding(Arc::clone(&reads)));
        let mut config = Config::new("http://localhost:8080/");
        config.rails = rails;
        change(&mut config);
        config.explain_key = [9; 32];
        let log = Arc::clone(&config.log);
        let faults = Arc::clone(&config.faults);
        let dialect = Dialect::new(engine.clone(), Arc::clone(&reads), Arc::clone(&clock) as _, ids(2), config);
        let desk = PayoutDesk::new(engine.clone(), Arc::clone(&reads), Arc::new(bank.clone()));
        let builder = WorkerBuilder::new(engine.clone(), Arc::clone(&reads), Arc::clone(&clock) as _, ids(3));
        let jobs = CardJobs::new(engine.clone(), Arc::clone(&reads), checkout.clone(), Vec::new());
        let worker = jobs.join(Arc::clone(&desk).join(builder)).build();
        let asked_again = Arc::clone(&dialect);
        let why = Why {
            reads: Arc::clone(&reads),
            deliveries: Arc::clone(&deliveries),
            clock: Arc::clone(&clock) as _,
            log,
            words: Words {
                masker: dialect_mangopay::why::MASKER,
                met: dialect_mangopay::why::met,
                code: dialect_mangopay::why::code,
                stranger: dialect_mangopay::why::stranger,
                named: dialect_mangopay::why::named,
                spelled: dialect_mangopay::why::spelled,
                event: dialect_mangopay::events::name,
                code_of: |refusal| results::of_refusal(refusal).code,
            },
            links: Links::new("http://localhost:8080", [9; 32]),
            resend: Arc::new(move |request| {
                let dialect = Arc::clone(&asked_again);
                Box::pin(async move { dialect.handle(request).await })
            }),
            settings: Settings::default(),
        };
        let sandbox = Sandbox {
            engine: engine.clone(),
            reads: Arc::clone(&reads),
            deliveries,
            chance: Arc::new(engine::SystemChance),
            name_of_event: dialect_mangopay::events::name,
            authenticate: Arc::new(Lent(Arc::clone(&dialect))),
            receiving_account: bank.receiving_account(),
            clock: Arc::clone(&clock) as _,
            public_url: "http://localhost:8080".to_owned(),
            draws: Arc::new(Counted(Mutex::new(ids(6)))),
            on_end: vec![{
                let dialect = Arc::clone(&dialect);
                Arc::new(move |platform| dialect.end(platform))
            }],
            on_limits: vec![{
                let dialect = Arc::clone(&dialect);
                Arc::new(move |platform| dialect.recheck(platform))
            }],
            credits: Credits::new([7; 32]),
            payouts: Arc::new(Steering::new(desk, bank)),
            checkout,
            jobs: Arc::new(worker),
            backlogs: Vec::new(),
            retention: Arc::new(Retention::new(engine.clone(), Arc::clone(&reads), Arc::clone(&clock) as _, ids(6))),
            refusals_of_code: results::of_code,
            faults,
            route_of_text: dialect_mangopay::route_of_text,
            event_of_name: dialect_mangopay::events::of_name,
            code_of_refusal: |why| dialect_mangopay::results::of_refusal(why).code,
            block_reason_of_code: dialect_mangopay::block_codes::block_reason_of,
            code_of_block_reason: dialect_mangopay::block_codes::of_block_reason,
            ids: Mutex::new(ids(4)),
            under_way: UnderWay::default(),
            waiting: Waiting::default(),
            receivers: Receivers::new("http://localhost:8080", [8; 32]),
            why: why.clone(),
        };
        let router = admin::router(sandbox).merge(dialect_mangopay::router(dialect));
        let mut fresh = ids(5);
        let mut world = Self { router, engine, reads, clock, platforms: Vec::new(), is_dying, keys: Vec::new(), why, folder };
        for (name, environment) in [("me", Environment::Sandbox), ("other", Environment::Sandbox), ("live", Environment::Production)] {
            let platform = PlatformId(fresh.fresh());
            let command = CreatePlatform {
                client_id: name.to_owned(),
                environment,
                policy: Policy::mangopay(),
                key_digest: digest_of(&format!("key-of-{name}")),
            };
            let key = world.engine.run(Ctx::system(platform, RequestId(fresh.fresh())), command).await.unwrap().unwrap();
            world.platforms.push((name, platform));
            world.keys.push(key);
        }
        world
    }

    pub async fn send(&self, client: &str, method: &str, path: &str, key: Option<&str>, body: &str) -> (u16, Value) {
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{client}:key-of-{client}"));
        let mut request = Request::builder().method(method).uri(path).header("Authorization", format!("Basic {basic}"));
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        self.ask(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// What `me` is answered, later, whatever becomes of this world's borrowers.
    pub fn asking(&self, method: &str, path: &str, body: &str) -> impl Future<Output = (u16, Value)> + Send + 'static {
        let basic = base64::engine::general_purpose::STANDARD.encode("me:key-of-me");
        let request = Request::builder().method(method).uri(path).header("Authorization", format!("Basic {basic}"));
        let (request, mut router) = (request.body(Body::from(body.to_owned())).unwrap(), self.router.clone());
        async move {
            let (parts, body) = tower_service::Service::call(&mut router, request).await.unwrap().into_parts();
            let bytes = body.collect().await.unwrap().to_bytes();
            (parts.status.as_u16(), serde_json::from_slice(&bytes).unwrap_or(Value::Null))
        }
    }

    pub async fn ask(&self, request: Request<Body>) -> (u16, Value) {
        let (parts, answer) = self.ask_whole(request).await;
        (parts.status.as_u16(), answer)
    }

    pub async fn ask_whole(&self, request: Request<Body>) -> (http::response::Parts, Value) {
        let response = tower_service::Service::call(&mut self.router.clone(), request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// Has the key of `me` be allowed these and nothing else.
    pub async fn allow(&self, scopes: Scopes) {
        let ctx = Ctx::system(self.platforms[0].1, RequestId(ledger::Uid::from_bits(9)));
        self.engine.run(ctx, Allow(self.keys[0], scopes)).await.unwrap().unwrap();
        // What is remembered of a credential is asked for again after a while.
        self.advance_ms(6_000);
    }

    /// Asks the sandbox of `me`.
    pub async fn sandbox(&self, path: &str, body: Value) -> (u16, Value) {
        self.send("me", "POST", &format!("/sandbox/v1{path}"), None, &body.to_string()).await
    }

    /// Asks the sandbox of `me` for what has to work.
    pub async fn done(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.sandbox(path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub async fn made(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.send("me", "POST", &format!("/v2.01/me{path}"), None, &body.to_string()).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    pub async fn get(&self, path: &str) -> Value {
        self.send("me", "GET", &format!("/v2.01/me{path}"), None, "").await.1
    }

    pub fn advance_ms(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    pub async fn run_jobs(&self) {
        self.done("/jobs/run", json!({})).await;
    }

    pub async fn chart(&self, role: Role) -> i64 {
        let platform = self.platforms[0].1;
        let id = AccountId::of_chart(platform.0, role, Currency::EUR);
        self.reads.account(platform, id).await.unwrap().map_or(0, |account| account.balance)
    }
}
