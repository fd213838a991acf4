//! The sandbox's API over a whole server without a socket: the dialect, the simulated bank, the worker and a real store.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use admin::{Admission, Authenticate, AuthenticateError, Caller, Chores, Later, Power, Sandbox, UnderWay};
use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use dialect_mangopay::auth::AuthError;
use dialect_mangopay::scopes::Scope;
use dialect_mangopay::{Config, Dialect, NotAdmitted, digest_of, results};
use domain::bank_account::BankDetails;
use domain::ids::{ApiKeyId, RequestId};
use domain::payment::{InstantReach, ReceivingAccount};
use domain::platform::{ApiKey, CreatePlatform, Environment, Policy, Scopes};
use domain::{Actor, Books, Command, Ctx, Desk, Ids, PaymentId, PlatformId, Timestamp, Wanted};
use engine::rail::bank::{BankRail, CreditTransfer, TransferState};
use engine::rail::{Credits, RailError, RailFuture, Rails};
use engine::{Acquirer, Begun, Checkout, Clock, Engine, EngineConfig, Keyed, Reads, Store, StoreError, UuidIds};
use http::request::Parts;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use ledger::{AccountId, EntryKind, Role};
use money::Currency;
use rails::acquirer::SimulatedAcquirer;
use rails::bank::{PayoutDesk, PayoutDeskError, SimulatedBank, Steering};
use rails::cards::CardJobs;
use rails::worker::{Worker, WorkerBuilder};
use serde_json::{Value, json};
use store::vault::Vault;
use tempfile::TempDir;

const NOW_MS: i64 = 1_700_000_000_000;
const FRENCH: &str = "FR7630004000031234567890143";
const NEVER_INSTANT: &str = "FR541558929750ZZZZZZAC01915";
const WAITS: &str = "FR699999900001WAITS00000172";

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
            });
            let mut headers = HeaderMap::new();
            let caller = match self.0.admit(&parts.headers, needed).await {
                Ok(admission) => {
                    admission.rate.write_headers(&mut headers);
                    let platform = admission.caller.platform;
                    let actor = Actor::ApiKey(admission.caller.key);
                    let caller = Caller { platform, actor, origin: self.0.origin(parts), given_id: None };
                    admission.verdict.map(|()| caller).map_err(|why| match why {
                        NotAdmitted::Forbidden => AuthenticateError::Forbidden,
                        NotAdmitted::TooMany => AuthenticateError::TooMany,
                    })
                }
                Err(AuthError::Denied) => Err(AuthenticateError::Denied),
                Err(AuthError::Store(_)) => Err(AuthenticateError::Unavailable),
            };
            Admission { caller, headers }
        })
    }
}

struct Work(Worker);

impl Chores for Work {
    fn run_due(&self) -> Later<'_, usize> {
        Box::pin(self.0.run_due())
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

/// A bank that takes every call and never answers.
struct Silent;

fn never<T: Send + 'static>() -> RailFuture<'static, T> {
    Box::pin(std::future::pending())
}

impl BankRail for Silent {
    fn send(&self, _: CreditTransfer) -> RailFuture<'_, TransferState> {
        never()
    }

    fn ask(&self, _: &str) -> RailFuture<'_, TransferState> {
        never()
    }

    fn recall(&self, _: &str) -> RailFuture<'_, TransferState> {
        never()
    }

    fn takes_instant(&self, _: &BankDetails) -> RailFuture<'_, InstantReach> {
        never()
    }

    fn receiving_account(&self) -> ReceivingAccount {
        rails::bank::receiving_account()
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

struct World {
    router: Router,
    engine: Engine,
    reads: Arc<dyn Reads>,
    clock: Arc<Hand>,
    platforms: Vec<(&'static str, PlatformId)>,
    /// Whether the store dies over money that a bank sent back.
    is_dying: Arc<AtomicBool>,
    keys: Vec<ApiKeyId>,
    _folder: TempDir,
}

impl World {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A world whose configuration was changed.
    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = TempDir::new().unwrap();
        let opened = store::sqlite::open(folder.path(), Arc::new(Vault::new(&[7; 32]))).unwrap();
        let clock = Arc::new(Hand(AtomicI64::new(NOW_MS)));
        let ids = |seed| -> Box<dyn Ids> { Box::new(UuidIds::new(Arc::clone(&clock) as Arc<dyn Clock>, seed)) };
        let is_dying = Arc::new(AtomicBool::new(false));
        let store = Box::new(Mortal { inner: opened.store, is_dying: Arc::clone(&is_dying) });
        let engine = Engine::start(store, Arc::clone(&clock) as _, ids(1), EngineConfig::default()).unwrap();
        let reads = opened.reads;
        let bank = SimulatedBank::open(folder.path()).unwrap();
        let cards = SimulatedAcquirer::open(folder.path(), &[7; 32]).unwrap();
        let rails = Rails { bank: Some(Arc::new(bank.clone())), cards: Some(Arc::new(cards)) };
        let checkout = Checkout::new(engine.clone(), Arc::clone(&reads), Arc::clone(&clock) as _, Acquirer::of(&rails));
        let mut config = Config::new("http://localhost:8080/");
        config.rails = rails;
        change(&mut config);
        let dialect = Dialect::new(engine.clone(), Arc::clone(&reads), Arc::clone(&clock) as _, ids(2), config);
        let desk = PayoutDesk::new(engine.clone(), Arc::clone(&reads), Arc::new(bank.clone()));
        let builder = WorkerBuilder::new(engine.clone(), Arc::clone(&reads), Arc::clone(&clock) as _, ids(3));
        let jobs = CardJobs::new(engine.clone(), Arc::clone(&reads), checkout.clone(), Vec::new());
        let worker = jobs.join(Arc::clone(&desk).join(builder)).build();
        let sandbox = Sandbox {
            engine: engine.clone(),
            reads: Arc::clone(&reads),
            authenticate: Arc::new(Lent(Arc::clone(&dialect))),
            receiving_iban: bank.receiving_account().iban,
            credits: Credits::new([7; 32]),
            payouts: Arc::new(Steering::new(desk, bank)),
            checkout,
            chores: Arc::new(Work(worker)),
            refusals_of_code: results::of_code,
            ids: Mutex::new(ids(4)),
            under_way: UnderWay::default(),
        };
        let router = admin::router(sandbox).merge(dialect_mangopay::router(dialect));
        let mut fresh = ids(5);
        let mut world = Self { router, engine, reads, clock, platforms: Vec::new(), is_dying, keys: Vec::new(), _folder: folder };
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

    async fn send(&self, client: &str, method: &str, path: &str, key: Option<&str>, body: &str) -> (u16, Value) {
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{client}:key-of-{client}"));
        let mut request = Request::builder().method(method).uri(path).header("Authorization", format!("Basic {basic}"));
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        self.ask(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    async fn ask(&self, request: Request<Body>) -> (u16, Value) {
        let (parts, answer) = self.ask_whole(request).await;
        (parts.status.as_u16(), answer)
    }

    async fn ask_whole(&self, request: Request<Body>) -> (http::response::Parts, Value) {
        let response = tower_service::Service::call(&mut self.router.clone(), request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// Has the key of `me` be allowed these and nothing else.
    async fn allow(&self, scopes: Scopes) {
        let ctx = Ctx::system(self.platforms[0].1, RequestId(ledger::Uid::from_bits(9)));
        self.engine.run(ctx, Allow(self.keys[0], scopes)).await.unwrap().unwrap();
        // What is remembered of a credential is asked for again after a while.
        self.advance_ms(6_000);
    }

    /// Asks the sandbox of `me`.
    async fn sandbox(&self, path: &str, body: Value) -> (u16, Value) {
        self.send("me", "POST", &format!("/sandbox/v1{path}"), None, &body.to_string()).await
    }

    /// Asks the sandbox of `me` for what has to work.
    async fn done(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.sandbox(path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn made(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.send("me", "POST", &format!("/v2.01/me{path}"), None, &body.to_string()).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn get(&self, path: &str) -> Value {
        self.send("me", "GET", &format!("/v2.01/me{path}"), None, "").await.1
    }

    fn advance_ms(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    async fn run_jobs(&self) {
        self.done("/jobs/run", json!({})).await;
    }

    async fn chart(&self, role: Role) -> i64 {
        let platform = self.platforms[0].1;
        let id = AccountId::of_chart(platform.0, role, Currency::EUR);
        self.reads.account(platform, id).await.unwrap().map_or(0, |account| account.balance)
    }
}

fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}")).to_owned()
}

fn eur(amount: i64) -> Value {
    json!({"Currency": "EUR", "Amount": amount})
}

/// A user of `me` with a wallet.
struct Party {
    user: String,
    wallet: String,
}

impl World {
    async fn party(&self) -> Party {
        let user = json!({
            "FirstName": "Sophia", "LastName": "Garnier", "Email": "sophia@example.com", "Birthday": 652_117_514,
            "Nationality": "FR", "CountryOfResidence": "FR", "TermsAndConditionsAccepted": true, "UserCategory": "OWNER",
        });
        let user = text(&self.made("/users/natural", user).await, "Id");
        let wallet = self.made("/wallets", json!({"Owners": [user], "Description": "w", "Currency": "EUR"})).await;
        Party { user, wallet: text(&wallet, "Id") }
    }

    async fn declare(&self, party: &Party, amount: i64, fees: i64) -> Value {
        let body = json!({
            "AuthorId": party.user, "CreditedWalletId": party.wallet,
            "DeclaredDebitedFunds": eur(amount), "DeclaredFees": eur(fees),
        });
        self.made("/payins/bankwire/direct", body).await
    }

    async fn fund(&self, party: &Party, amount: i64) {
        let pay_in = text(&self.declare(party, amount, 0).await, "Id");
        self.done(&format!("/payins/{pay_in}/receive"), json!({})).await;
    }

    async fn balance(&self, party: &Party) -> i64 {
        self.get(&format!("/wallets/{}", party.wallet)).await["Balance"]["Amount"].as_i64().unwrap()
    }

    async fn bank_account(&self, party: &Party, iban: &str) -> String {
        let address = json!({"AddressLine1": "1", "City": "Paris", "PostalCode": "75001", "Country": "FR"});
        let body = json!({"OwnerName": "Sophia Garnier", "OwnerAddress": address, "IBAN": iban});
        text(&self.made(&format!("/users/{}/bankaccounts/iban", party.user), body).await, "Id")
    }

    async fn pay_out(&self, party: &Party, account: &str, mode: Option<&str>) -> String {
        let body = json!({
            "AuthorId": party.user, "DebitedWalletId": party.wallet, "BankAccountId": account,
            "DebitedFunds": eur(300), "Fees": eur(20), "PayoutModeRequested": mode,
        });
        text(&self.made("/payouts/bankwire", body).await, "Id")
    }

    /// A verified party with ten euros and a payout under way to an account of this IBAN.
    async fn paid_out(&self, iban: &str, mode: Option<&str>) -> (Party, String) {
        let party = self.party().await;
        self.done(&format!("/users/{}/verify", party.user), json!({})).await;
        self.fund(&party, 1_000).await;
        let account = self.bank_account(&party, iban).await;
        let payout = self.pay_out(&party, &account, mode).await;
        (party, payout)
    }

    async fn payout(&self, id: &str) -> Value {
        self.get(&format!("/payouts/bankwire/{id}")).await
    }
}

#[tokio::test]
async fn a_wire_arrives_as_declared_or_otherwise() {
    let world = World::new().await;
    let party = world.party().await;
    for (body, received, credited) in [(json!({}), 1_000, 900), (json!({"amount": 1_200}), 1_200, 1_100), (json!({"amount": "40"}), 40, 0)]
    {
        let before = world.balance(&party).await;
        let pay_in = text(&world.declare(&party, 1_000, 100).await, "Id");
        let answer = world.done(&format!("/payins/{pay_in}/receive"), body).await;
        assert_eq!((&answer["outcome"], &answer["amount"], &answer["currency"]), (&json!("credited"), &json!(received), &json!("EUR")));
        assert_eq!(world.balance(&party).await, before + credited);
        let seen = world.get(&format!("/payins/{pay_in}")).await;
        assert_eq!((&seen["Status"], &seen["DebitedFunds"]), (&json!("SUCCEEDED"), &eur(received)));
        // The same in the other spelling: it has ended, so the money is nobody's yet.
        let again = world.done(&format!("/payins/{}/receive", text(&answer, "pay_in")), json!({})).await;
        assert_eq!((&again["outcome"], &again["reason"]), (&json!("unplaced"), &json!("pay_in_ended")));
    }
    assert_eq!(world.chart(Role::UnidentifiedReceipts).await, 3_000);
}

#[tokio::test]
async fn a_wire_finds_its_pay_in_by_what_the_payer_wrote() {
    let world = World::new().await;
    let party = world.party().await;
    let declared = world.declare(&party, 1_000, 0).await;
    let iban = text(&declared["BankAccount"], "IBAN");
    let reference = format!("rent {} thanks", text(&declared, "WireReference").to_lowercase());
    let wire =
        json!({"amount": 1_000, "currency": "EUR", "reference": reference, "iban": iban, "debtor_name": "Hugo", "debtor_iban": FRENCH});
    let answer = world.done("/wires", wire).await;
    assert_eq!((&answer["outcome"], world.balance(&party).await), (&json!("credited"), 1_000));
    let answer = world.done("/wires", json!({"amount": 77, "currency": "EUR"})).await;
    assert_eq!((&answer["outcome"], &answer["reason"], &answer["pay_in"]), (&json!("unplaced"), &json!("unknown_reference"), &json!(null)));
    assert!(answer["receipt"].is_string());
    assert_eq!(world.chart(Role::UnidentifiedReceipts).await, 77);
}

#[tokio::test]
async fn a_credit_that_the_bank_reports_twice_arrives_once() {
    let world = World::new().await;
    let party = world.party().await;
    let declared = world.declare(&party, 1_000, 0).await;
    let wire = |amount: i64| json!({"amount": amount, "currency": "EUR", "reference": text(&declared, "WireReference"), "bank_reference": "2026-11-21/7"});
    let first = world.done("/wires", wire(1_000)).await;
    assert_eq!((&first["outcome"], &first["bank_reference"]), (&json!("credited"), &json!("2026-11-21/7")));
    assert_eq!(world.done("/wires", wire(1_000)).await, first);
    let path = format!("/payins/{}/receive", text(&declared, "Id"));
    assert_eq!(world.done(&path, json!({"bank_reference": "2026-11-21/7"})).await, first, "it is the same account");
    assert_eq!((world.balance(&party).await, world.chart(Role::UnidentifiedReceipts).await), (1_000, 0));
    assert_eq!(world.sandbox("/wires", wire(999)).await.0, 409);
    // Another platform's bank counts for itself.
    let theirs = json!({"amount": 5, "currency": "EUR", "bank_reference": "2026-11-21/7"}).to_string();
    let (status, answer) = world.send("other", "POST", "/sandbox/v1/wires", None, &theirs).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("unplaced")));
    // Without a reference each is a credit of its own.
    let answers = [
        world.done("/wires", json!({"amount": 5, "currency": "EUR"})).await,
        world.done("/wires", json!({"amount": 5, "currency": "EUR"})).await,
    ];
    assert_ne!(answers[0]["bank_reference"], answers[1]["bank_reference"]);
    assert_eq!(world.chart(Role::UnidentifiedReceipts).await, 10);
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let world = World::new().await;
    let party = world.party().await;
    let pay_in = text(&world.declare(&party, 1_000, 0).await, "Id");
    let (_, payout) = world.paid_out(WAITS, None).await;
    for (path, body, fields) in [
        ("/wires".to_owned(), json!({"iban": FRENCH, "debtor_iban": "x"}), vec!["amount", "currency", "debtor_iban", "iban"]),
        (format!("/payins/{pay_in}/receive"), json!({"amount": 0, "currency": "XXX"}), vec!["currency"]),
        (format!("/payins/{pay_in}/receive"), json!({"amount": 0}), vec!["amount"]),
        (format!("/payouts/{payout}/fail"), json!({"code": "001001"}), vec!["code"]),
        (format!("/payouts/{payout}/return"), json!({"code": "XX99"}), vec!["code"]),
        ("/clock/advance".to_owned(), json!({"days": -1, "hours": "x"}), vec!["days", "hours"]),
        ("/clock/advance".to_owned(), json!({}), vec!["days", "hours", "milliseconds", "minutes", "seconds"]),
        (format!("/users/{}/block", party.user), json!({"inflows": 1, "outflows": "no"}), vec!["inflows", "outflows"]),
    ] {
        let (status, answer) = world.sandbox(&path, body).await;
        let named: Vec<&String> = answer["fields"].as_object().map(|fields| fields.keys().collect()).unwrap_or_default();
        assert_eq!(
            (status, &answer["error"], named),
            (400, &json!("invalid_request"), fields.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>().iter().collect()),
            "{path}"
        );
    }
    let (status, _) = world.send("me", "POST", "/sandbox/v1/wires", None, "[").await;
    assert_eq!(status, 400);
    let (status, _) = world.send("me", "POST", "/sandbox/v1/wires", None, &" ".repeat(70_000)).await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn a_payout_succeeds_by_itself_within_two_seconds() {
    let world = World::new().await;
    let (party, payout) = world.paid_out(FRENCH, None).await;
    world.run_jobs().await;
    assert_eq!(world.payout(&payout).await["Status"], json!("CREATED"));
    world.advance_ms(1_500);
    world.run_jobs().await;
    let seen = world.payout(&payout).await;
    assert_eq!((&seen["Status"], &seen["ResultCode"], &seen["ModeApplied"]), (&json!("SUCCEEDED"), &json!("000000"), &json!("STANDARD")));
    assert_eq!((world.balance(&party).await, world.chart(Role::Fees).await, world.chart(Role::Safeguarding).await), (700, 20, -720));
}

#[tokio::test]
async fn a_payout_without_funds_fails_by_itself_within_two_seconds() {
    let world = World::new().await;
    let party = world.party().await;
    world.done(&format!("/users/{}/verify", party.user), json!({})).await;
    let account = world.bank_account(&party, FRENCH).await;
    let payout = world.pay_out(&party, &account, Some("STANDARD")).await;
    assert_eq!(world.payout(&payout).await["Status"], json!("CREATED"));
    world.run_jobs().await;
    let seen = world.payout(&payout).await;
    assert_eq!((&seen["Status"], &seen["ResultCode"], &seen["ExecutionDate"]), (&json!("FAILED"), &json!("001001"), &json!(null)));
}

#[tokio::test]
async fn an_instant_payout_is_instant_or_falls_back() {
    let world = World::new().await;
    let (_, payout) = world.paid_out(FRENCH, Some("INSTANT_PAYMENT")).await;
    world.run_jobs().await;
    let seen = world.payout(&payout).await;
    assert_eq!((&seen["Status"], &seen["ModeApplied"]), (&json!("SUCCEEDED"), &json!("INSTANT_PAYMENT")));
    let (_, payout) = world.paid_out(NEVER_INSTANT, Some("INSTANT_PAYMENT")).await;
    world.run_jobs().await;
    world.advance_ms(1_500);
    world.run_jobs().await;
    let seen = world.payout(&payout).await;
    let reason = json!({"Code": "001999", "Message": "Generic Operation error"});
    let shown = (&seen["Status"], &seen["ModeRequested"], &seen["ModeApplied"], &seen["FallbackReason"]);
    assert_eq!(shown, (&json!("SUCCEEDED"), &json!("INSTANT_PAYMENT"), &json!("STANDARD"), &reason));
    let (party, payout) = world.paid_out(NEVER_INSTANT, Some("INSTANT_PAYMENT_ONLY")).await;
    world.run_jobs().await;
    let seen = world.payout(&payout).await;
    assert_eq!((&seen["Status"], &seen["ModeApplied"], &seen["ResultCode"]), (&json!("FAILED"), &json!("NONE"), &json!("001999")));
    assert_eq!(world.balance(&party).await, 1_000);
}

#[tokio::test]
async fn each_outcome_of_a_payout_can_be_had_at_once_before_or_after_it_is_sent() {
    let world = World::new().await;
    for is_sent_before in [false, true] {
        let ready = async || {
            let (party, payout) = world.paid_out(WAITS, None).await;
            if is_sent_before {
                world.run_jobs().await;
            }
            (party, payout)
        };
        let (party, payout) = ready().await;
        let answer = world.done(&format!("/payouts/{payout}/succeed"), json!({})).await;
        assert_eq!((&answer["status"], &answer["refund"]), (&json!("succeeded"), &json!(null)));
        assert_eq!((&world.payout(&payout).await["Status"], world.balance(&party).await), (&json!("SUCCEEDED"), 700));
        let (status, _) = world.sandbox(&format!("/payouts/{payout}/fail"), json!({})).await;
        assert_eq!(status, 409, "what was sent stays so");
        let answer = world.done(&format!("/payouts/{payout}/return"), json!({"code": "ac04"})).await;
        assert!(answer["refund"].is_string());
        assert_eq!(world.balance(&party).await, 980);
        let again = world.done(&format!("/payouts/{payout}/return"), json!({})).await;
        assert_eq!((again, world.balance(&party).await), (answer, 980), "it comes back once");

        let (party, payout) = ready().await;
        let answer = world.done(&format!("/payouts/{payout}/fail"), json!({"code": "121010"})).await;
        assert_eq!(answer["status"], json!("failed"));
        assert_eq!((&world.payout(&payout).await["ResultCode"], world.balance(&party).await), (&json!("121010"), 1_000));

        let (party, payout) = ready().await;
        world.done(&format!("/payouts/{payout}/return"), json!({})).await;
        assert_eq!((&world.payout(&payout).await["Status"], world.balance(&party).await), (&json!("SUCCEEDED"), 980));
        let refunds = world.get(&format!("/payouts/{payout}/refunds")).await;
        assert_eq!((refunds.as_array().unwrap().len(), &refunds[0]["Nature"]), (1, &json!("REFUND")));
    }
    assert_eq!(world.chart(Role::PayoutsInTransit).await, 0);
}

#[tokio::test]
async fn a_payout_nobody_answers_for_ends_after_a_week() {
    let world = World::new().await;
    let (party, payout) = world.paid_out(WAITS, None).await;
    world.run_jobs().await;
    world.done("/clock/advance", json!({"days": 6, "hours": 23})).await;
    world.run_jobs().await;
    assert_eq!(world.payout(&payout).await["Status"], json!("CREATED"));
    world.done("/clock/advance", json!({"hours": 2})).await;
    world.run_jobs().await;
    let seen = world.payout(&payout).await;
    assert_eq!((&seen["Status"], &seen["ResultCode"]), (&json!("FAILED"), &json!("121009")));
    assert_eq!(world.balance(&party).await, 1_000);
    let (status, _) = world.sandbox(&format!("/payouts/{payout}/succeed"), json!({})).await;
    assert_eq!(status, 409, "the bank was told not to send it any more");
}

#[tokio::test]
async fn a_wire_that_nobody_sends_ends_after_a_month() {
    let world = World::new().await;
    let party = world.party().await;
    let pay_in = text(&world.declare(&party, 1_000, 0).await, "Id");
    let now = world.done("/clock/advance", json!({"days": 30, "seconds": 1})).await["now"].as_i64().unwrap();
    assert_eq!(now, NOW_MS / 1_000 + 30 * 86_400 + 1);
    world.run_jobs().await;
    let seen = world.get(&format!("/payins/{pay_in}")).await;
    assert_eq!((&seen["Status"], &seen["ResultCode"]), (&json!("FAILED"), &json!("101109")));
}

#[tokio::test]
async fn a_user_is_verified_and_blocked() {
    let world = World::new().await;
    let party = world.party().await;
    let path = |what: &str| format!("/users/{}/{what}", party.user);
    let answer = world.done(&path("verify"), json!({})).await;
    assert_eq!(answer["verification"], json!("regular"));
    assert_eq!(world.get(&format!("/users/{}", party.user)).await["KYCLevel"], json!("REGULAR"));
    let answer = world.done(&path("block"), json!({"outflows": true})).await;
    assert_eq!((&answer["inflows_blocked"], &answer["outflows_blocked"]), (&json!(false), &json!(true)));
    world.fund(&party, 1_000).await;
    let account = world.bank_account(&party, FRENCH).await;
    let payout = world.pay_out(&party, &account, None).await;
    world.run_jobs().await;
    assert_eq!(world.payout(&payout).await["ResultCode"], json!("008700"));
    world.done(&path("block"), json!({})).await;
    let answer = world.done(&path("unblock"), json!({})).await;
    assert_eq!((&answer["inflows_blocked"], &answer["outflows_blocked"]), (&json!(false), &json!(false)));
    let payer = json!({"FirstName": "Hugo", "LastName": "G", "Email": "h@example.com", "UserCategory": "PAYER"});
    let payer = text(&world.made("/users/natural", payer).await, "Id");
    assert_eq!(world.sandbox(&format!("/users/{payer}/verify"), json!({})).await.0, 409);
}

/// Every path, with something of `me` in it.
async fn paths(world: &World) -> Vec<String> {
    let (party, payout) = world.paid_out(WAITS, None).await;
    let pay_in = text(&world.declare(&party, 1_000, 0).await, "Id");
    let named = |path: &str| {
        let id = match path.split('/').nth(3) {
            Some("payins") => &pay_in,
            Some("payouts") => &payout,
            _ => &party.user,
        };
        path.replace("{id}", id)
    };
    admin::routes::ROUTES.iter().map(|(path, _)| named(path)).collect()
}

#[tokio::test]
async fn nobody_reaches_it_without_credentials_and_no_one_elses_things() {
    let world = World::new().await;
    for path in paths(&world).await {
        let (status, answer) = world.ask(Request::post(&path).body(Body::empty()).unwrap()).await;
        assert_eq!((status, &answer["error"]), (401, &json!("unauthorized")), "{path}");
        let names_something = path.contains("_m_");
        let (status, answer) = world.send("other", "POST", &path, None, "{}").await;
        if names_something {
            assert_eq!((status, &answer["error"]), (404, &json!("not_found")), "{path}");
        }
        let wrong_id = path.split('/').map(|part| if part.contains("_m_") { "10" } else { part }).collect::<Vec<_>>().join("/");
        if names_something {
            assert_eq!(world.send("me", "POST", &wrong_id, None, "{}").await.0, 404, "{wrong_id}");
        }
    }
    assert_eq!(world.sandbox("/nothing/here", json!({})).await.0, 404);
}

#[tokio::test]
async fn on_production_there_is_none_of_it() {
    let world = World::new().await;
    for path in paths(&world).await {
        let (status, answer) = world.send("live", "POST", &path, None, r#"{"amount":5,"currency":"EUR","days":1}"#).await;
        assert_eq!((status, &answer["message"]), (404, &json!("There is nothing here.")), "{path}");
    }
}

impl World {
    /// A card pay-in whose payer is asked to authenticate.
    async fn asked(&self, party: &Party) -> Value {
        let registration = json!({"UserId": party.user, "Currency": "EUR", "CardType": "CB_VISA_MASTERCARD"});
        let registration = self.made("/cardregistrations", registration).await;
        let url = text(&registration, "CardRegistrationURL").replace("http://localhost:8080", "");
        let form = format!(
            "data={}&accessKeyRef={}&cardNumber=4970105181818183&cardExpirationDate=1229&cardCvx=123",
            text(&registration, "PreregistrationData"),
            text(&registration, "AccessKey")
        );
        let request = Request::post(url).header("Content-Type", "application/x-www-form-urlencoded").body(Body::from(form)).unwrap();
        let response = tower_service::Service::call(&mut self.router.clone(), request).await.unwrap();
        let data = response.into_body().collect().await.unwrap().to_bytes();
        let body = json!({"RegistrationData": String::from_utf8(data.to_vec()).unwrap()}).to_string();
        let path = format!("/v2.01/me/cardregistrations/{}", text(&registration, "Id"));
        let (_, registration) = self.send("me", "PUT", &path, None, &body).await;
        let pay_in = json!({
            "AuthorId": party.user, "CreditedWalletId": party.wallet, "CardId": text(&registration, "CardId"),
            "DebitedFunds": eur(1_000), "Fees": eur(0), "SecureMode": "FORCE", "SecureModeReturnURL": "https://example.com/paid",
            "IpAddress": "192.0.2.1",
            "BrowserInfo": {
                "AcceptHeader": "text/html", "JavaEnabled": false, "Language": "FR", "ColorDepth": 24, "ScreenHeight": 900,
                "ScreenWidth": 1600, "JavascriptEnabled": true, "TimeZoneOffset": "-60", "UserAgent": "Mozilla/5.0",
            },
        });
        self.made("/payins/card/direct", pay_in).await
    }
}

#[tokio::test]
async fn a_payer_authenticates_or_does_not() {
    let world = World::new().await;
    for (verdict, status, wire, code) in [("pass", "succeeded", "SUCCEEDED", "000000"), ("fail", "failed", "FAILED", "101301")] {
        let party = world.party().await;
        let pay_in = world.asked(&party).await;
        assert_eq!(pay_in["Status"], json!("CREATED"), "{pay_in}");
        let id = text(&pay_in, "Id");
        let answer = world.done(&format!("/payins/{id}/3ds/{verdict}"), json!({})).await;
        assert_eq!(answer["status"], json!(status));
        let seen = world.get(&format!("/payins/{id}")).await;
        assert_eq!((&seen["Status"], &seen["ResultCode"]), (&json!(wire), &json!(code)));
        assert_eq!(world.sandbox(&format!("/payins/{id}/3ds/pass"), json!({})).await.0, 409, "once");
    }
}

#[tokio::test]
async fn a_card_pay_in_that_waits_for_nobody_is_not_authenticated() {
    let world = World::new().await;
    let party = world.party().await;
    let wire = text(&world.declare(&party, 1_000, 0).await, "Id");
    for verdict in ["pass", "fail"] {
        assert_eq!(world.sandbox(&format!("/payins/{wire}/3ds/{verdict}"), json!({})).await.0, 404);
    }
}

#[tokio::test]
async fn the_same_key_does_it_once() {
    let world = World::new().await;
    let wire = json!({"amount": 5, "currency": "EUR"}).to_string();
    let key = Some("fixture-1");
    let (status, first) = world.send("me", "POST", "/sandbox/v1/wires", key, &wire).await;
    assert_eq!(status, 200);
    assert_eq!(world.send("me", "POST", "/sandbox/v1/wires", key, &wire).await, (200, first));
    assert_eq!(world.chart(Role::UnidentifiedReceipts).await, 5);
    let other = json!({"amount": 6, "currency": "EUR"}).to_string();
    assert_eq!(world.send("me", "POST", "/sandbox/v1/wires", key, &other).await.0, 409);
}

/// The answer of the bank was never recorded: the next look asks it by the same reference, and it is recorded once.
#[tokio::test]
async fn a_payout_that_was_cut_short_after_the_bank_took_it_goes_on() {
    let world = World::new().await;
    let (party, payout) = world.paid_out(FRENCH, Some("INSTANT_PAYMENT")).await;
    let bank = SimulatedBank::open(world._folder.path()).unwrap();
    let id = dialect_mangopay::wire::ids::parse(&[dialect_mangopay::wire::ids::Prefix::Payout], &payout).map(domain::PaymentId).unwrap();
    let prepare = domain::payment::PreparePayout { payout: id };
    let ctx = Ctx::system(world.platforms[0].1, RequestId(ledger::Uid::from_bits(1)));
    let prepared = world.engine.run(ctx, prepare).await.unwrap().unwrap();
    let domain::payment::Prepared::Send { payment, destination, mode } = prepared else { panic!("it ended") };
    let order = engine::rail::bank::CreditTransfer {
        reference: domain::payment::end_to_end_id(id),
        amount: payment.credited,
        mode,
        fall_back: engine::rail::bank::FallBack::Allowed,
        to: engine::rail::bank::Beneficiary { name: destination.holder_name.clone(), account: destination.details.clone() },
        statement_text: None,
    };
    bank.send(order).await.unwrap();
    // Here the process died. The jobs find both sides as they are.
    world.advance_ms(2_000);
    world.run_jobs().await;
    let seen = world.payout(&payout).await;
    assert_eq!((&seen["Status"], &seen["ModeApplied"]), (&json!("SUCCEEDED"), &json!("INSTANT_PAYMENT")));
    assert_eq!((world.balance(&party).await, world.chart(Role::Safeguarding).await), (700, -720));
}

/// The bank had sent it back, and whoever was to book that died: the job that was left behind asks the bank, and it is
/// booked, once.
#[tokio::test]
async fn a_return_that_was_cut_short_is_booked_by_a_job() {
    let world = World::new().await;
    for has_succeeded in [true, false] {
        let (party, payout) = world.paid_out(WAITS, None).await;
        if has_succeeded {
            world.done(&format!("/payouts/{payout}/succeed"), json!({})).await;
            // Whatever was to be done about the payout itself is done.
            world.advance_ms(2_000);
            world.run_jobs().await;
        }
        world.is_dying.store(true, Ordering::SeqCst);
        assert_eq!(world.sandbox(&format!("/payouts/{payout}/return"), json!({"code": "AC04"})).await.0, 503);
        world.is_dying.store(false, Ordering::SeqCst);
        assert_eq!((world.balance(&party).await, world.get(&format!("/payouts/{payout}/refunds")).await), (700, json!([])));
        for _ in 0..2 {
            world.advance_ms(domain::payment::ASK_FOR_RETURN_AFTER_MS);
            world.run_jobs().await;
            let refunds = world.get(&format!("/payouts/{payout}/refunds")).await;
            assert_eq!((world.balance(&party).await, refunds.as_array().unwrap().len()), (980, 1), "{has_succeeded}");
        }
    }
}

/// The payout is neither sent nor failed as long as nobody knows, and goes on once the bank can be heard.
#[tokio::test]
async fn a_bank_that_never_answers_is_given_up_and_asked_again() {
    let world = World::new().await;
    let (party, payout) = world.paid_out(FRENCH, None).await;
    let id = dialect_mangopay::wire::ids::parse(&[dialect_mangopay::wire::ids::Prefix::Payout], &payout).map(PaymentId).unwrap();
    let ctx = Ctx::system(world.platforms[0].1, RequestId(ledger::Uid::from_bits(1)));
    let desk = PayoutDesk::new(world.engine.clone(), Arc::clone(&world.reads), Arc::new(Silent));
    // The clock of the runtime runs ahead to the next timer, so that nobody waits.
    tokio::time::pause();
    for _ in 0..2 {
        let unheard = desk.ask(ctx, id).await;
        assert!(matches!(unheard, Err(PayoutDeskError::Rail(RailError::Unavailable(_)))), "{unheard:?}");
    }
    tokio::time::resume();
    assert_eq!((&world.payout(&payout).await["Status"], world.balance(&party).await), (&json!("CREATED"), 700));
    world.advance_ms(2_000);
    world.run_jobs().await;
    assert_eq!(world.payout(&payout).await["Status"], json!("SUCCEEDED"));
}

#[tokio::test]
async fn a_key_may_do_here_what_it_may_do_there() {
    let world = World::new().await;
    let paths = paths(&world).await;
    let everything = [Scope::Payins, Scope::Payouts, Scope::UsersDetails, Scope::UsersVerification, Scope::ClientDevelopers];
    for (number, (path, (_, power))) in paths.iter().zip(admin::routes::POWERS).enumerate() {
        let own = match power {
            Power::PayIns => Scope::Payins,
            Power::Payouts => Scope::Payouts,
            Power::Users => Scope::UsersDetails,
            Power::Verification => Scope::UsersVerification,
            Power::Platform => Scope::ClientDevelopers,
        };
        let key = format!("key-{number}");
        for other in everything.iter().filter(|scope| **scope != own).map(|scope| scope.write()).chain([own.read()]) {
            world.allow(other).await;
            let (status, answer) = world.send("me", "POST", path, Some(&key), "{}").await;
            assert_eq!((status, &answer["error"]), (403, &json!("forbidden")), "{path}");
        }
        world.allow(own.write()).await;
        let (status, answer) = world.send("me", "POST", path, Some(&key), "{}").await;
        let was_used = answer["message"] == json!("The Idempotency-Key was used for something else.");
        assert!(status != 403 && !was_used, "{path}: {answer}");
    }
    world.allow(Scope::Payins.write()).await;
    assert_eq!(world.sandbox("/nothing/here", json!({})).await.0, 404, "whatever a key is allowed");
}

#[tokio::test]
async fn calls_are_counted_with_the_other_calls() {
    let world = World::with(|config| config.rate.limits = [3, 9, 9, 9]).await;
    let ask = async |body: &str| {
        let basic = base64::engine::general_purpose::STANDARD.encode("me:key-of-me");
        let request = Request::post("/sandbox/v1/wires").header("Authorization", format!("Basic {basic}"));
        world.ask_whole(request.header("Idempotency-Key", "k").body(Body::from(body.to_owned())).unwrap()).await
    };
    world.get("/wallets/1").await;
    for left in ["1", "0"] {
        let (parts, _) = ask(r#"{"amount":5,"currency":"EUR"}"#).await;
        assert_eq!((parts.status.as_u16(), parts.headers["x-ratelimit-remaining"].to_str().unwrap()), (200, left));
        assert_eq!(parts.headers.get_all("x-ratelimit").iter().count(), 4);
    }
    let (parts, answer) = ask(r#"{"amount":5,"currency":"EUR"}"#).await;
    assert_eq!((parts.status.as_u16(), &answer["error"]), (429, &json!("too_many_requests")));
    assert_eq!(world.send("me", "GET", "/v2.01/me/wallets/1", None, "").await.0, 429, "there too");
}

#[tokio::test]
async fn a_key_that_is_none_is_said_to_be() {
    let world = World::new().await;
    for path in paths(&world).await {
        for key in ["", &"k".repeat(65), "\u{e9}"] {
            let (status, answer) = world.send("me", "POST", &path, Some(key), "{}").await;
            assert_eq!((status, answer["fields"]["Idempotency-Key"].is_string()), (400, true), "{path} {key}");
        }
    }
}

#[tokio::test]
async fn a_step_with_a_key_is_taken_once() {
    let world = World::new().await;
    let (party, _) = world.paid_out(WAITS, None).await;
    let (_, sent) = world.paid_out(WAITS, None).await;
    let (_, refused) = world.paid_out(WAITS, None).await;
    let (_, returned) = world.paid_out(WAITS, None).await;
    let passed = text(&world.asked(&party).await, "Id");
    let failed = text(&world.asked(&party).await, "Id");
    for (number, (path, body)) in [
        (format!("/payouts/{sent}/succeed"), "{}"),
        (format!("/payouts/{refused}/fail"), r#"{"code":"121010"}"#),
        (format!("/payouts/{returned}/return"), r#"{"code":"AC04"}"#),
        (format!("/payins/{passed}/3ds/pass"), "{}"),
        (format!("/payins/{failed}/3ds/fail"), "{}"),
        ("/jobs/run".to_owned(), "{}"),
    ]
    .into_iter()
    .enumerate()
    {
        let (path, key) = (format!("/sandbox/v1{path}"), format!("step-{number}"));
        let (status, first) = world.send("me", "POST", &path, Some(&key), body).await;
        assert_eq!(status, 200, "{path}: {first}");
        assert_eq!(world.send("me", "POST", &path, Some(&key), body).await, (200, first), "{path}");
        let (status, other) = world.send("me", "POST", &path, Some(&key), r#"{"x":1}"#).await;
        assert_eq!((status, &other["error"]), (409, &json!("conflict")), "{path}: with another body");
        // One that was claimed by a request that was cut short takes the step again, and finds it done.
        let cut = format!("cut-{number}");
        claim(&world, &path, &cut, body).await;
        let (status, again) = world.send("me", "POST", &path, Some(&cut), body).await;
        assert_eq!(status, 200, "{path}: {again}");
        assert_eq!(world.send("me", "POST", &path, Some(&cut), body).await, (200, again), "{path}: and answers its key");
        if !path.ends_with("/jobs/run") && !path.ends_with("/return") {
            assert_eq!(world.send("me", "POST", &path, None, body).await.0, 409, "{path}: without a key it is past");
        }
    }
    let (_, other) = world.paid_out(WAITS, None).await;
    let path = format!("/sandbox/v1/payouts/{other}/succeed");
    claim(&world, &path, "cut-other", "{}").await;
    assert_eq!(world.send("me", "POST", &path, Some("cut-other"), r#"{"x":1}"#).await.0, 409, "another input takes no step");
    assert_eq!(world.payout(&other).await["Status"], json!("CREATED"));
}

/// Leaves a key behind as a process does that dies between claiming it and answering it.
async fn claim(world: &World, path: &str, key: &str, body: &str) {
    let parts = Request::post(path).header("Idempotency-Key", key).body(()).unwrap().into_parts().0;
    let space = edge::key::Space { platform: world.platforms[0].1, dialect: 200 };
    let body = bytes::Bytes::copy_from_slice(body.as_bytes());
    let keyed: Keyed = edge::key::keyed(space, &parts, &body, |_| true).unwrap().unwrap();
    let ctx = Ctx::system(world.platforms[0].1, RequestId(ledger::Uid::from_bits(8)));
    let render = |_: &Ctx, (): &()| unreachable!("it does not fail");
    let begun = world.engine.begin(ctx, Nothing, Some(keyed), render).await.unwrap();
    assert!(matches!(begun, Begun::Started(())));
}

struct Nothing;

impl Command for Nothing {
    type Outcome = ();
    type Error = ();
    const NAME: &'static str = "test.nothing";

    fn decide(&self, _: &mut Desk<'_>) -> Result<(), ()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_mistake_uses_its_key_up() {
    let world = World::new().await;
    let wire = |amount: i64| json!({"amount": amount, "currency": "EUR"}).to_string();
    let (status, first) = world.send("me", "POST", "/sandbox/v1/wires", Some("wrong"), &wire(-1)).await;
    assert_eq!(status, 400);
    assert_eq!(world.send("me", "POST", "/sandbox/v1/wires", Some("wrong"), &wire(-1)).await, (400, first), "with its first answer");
    assert_eq!(world.send("me", "POST", "/sandbox/v1/wires", Some("wrong"), &wire(1)).await.0, 409);
    let path = format!("/sandbox/v1/payouts/{}/succeed", ledger::Uid::from_bits(5));
    let (status, first) = world.send("me", "POST", &path, Some("nowhere"), "{}").await;
    assert_eq!(status, 404);
    assert_eq!(world.send("me", "POST", &path, Some("nowhere"), "{}").await, (404, first));
}
