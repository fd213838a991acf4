//! A whole server without a socket, over SQLite in a folder of its own: what a test asks goes the way a request
//! goes, and what it finds out was stored.
//!
//! Shared by the tests of this folder: `#[path = "../harness/mod.rs"] mod harness;`.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod coverage;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use base64::Engine as _;
use dialect_mangopay::wire::ids::{Prefix, parse};
use dialect_mangopay::{Config, Dialect, digest_of};
use domain::ids::RequestId;
use domain::payment::ReceiveBankWire;
use domain::platform::{CreatePlatform, Environment, Policy};
use domain::{Command, Ctx, DirectoryKey, Ids, PaymentId, PlatformId, Space, Timestamp, UserId};
use engine::{Clock, Engine, EngineConfig, Reads, UuidIds};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use money::{Currency, Money};
use serde_json::{Value, json};
use store::vault::Vault;
use tempfile::TempDir;

use coverage::Proof;

/// When every world begins: 2023-11-14T22:13:20Z.
pub const NOW_MS: i64 = 1_700_000_000_000;
/// The same in seconds.
pub const NOW_S: i64 = NOW_MS / 1_000;

struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }
}

/// A server with the platforms `me` and `other`, each with the API key `key-of-ID`.
pub struct World {
    pub dialect: Arc<Dialect>,
    pub engine: Engine,
    pub reads: Arc<dyn Reads>,
    clock: Arc<Hand>,
    ids: Mutex<UuidIds>,
    _folder: TempDir,
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
        let ids = |seed| UuidIds::new(Arc::clone(&clock) as Arc<dyn Clock>, seed);
        let engine = Engine::start(opened.store, Arc::clone(&clock) as _, Box::new(ids(1)), EngineConfig::default()).unwrap();
        let mut config = Config::new("http://localhost:8080/");
        change(&mut config);
        let reads = opened.reads;
        let dialect = Dialect::new(engine.clone(), Arc::clone(&reads), Arc::clone(&clock) as _, Box::new(ids(2)), config);
        let world = Self { dialect, engine, reads, ids: Mutex::new(ids(3)), clock, _folder: folder };
        for client_id in ["me", "other"] {
            world.create_platform(client_id).await;
        }
        world
    }

    async fn create_platform(&self, client_id: &str) {
        self.create_platform_for(client_id, Environment::Sandbox).await;
    }

    /// One more platform.
    pub async fn create_platform_for(&self, client_id: &str, environment: Environment) {
        let command = CreatePlatform {
            client_id: client_id.to_owned(),
            environment,
            policy: Policy::mangopay(),
            key_digest: digest_of(&format!("key-of-{client_id}")),
        };
        let ctx = Ctx::system(PlatformId(self.fresh()), RequestId(self.fresh()));
        self.engine.run(ctx, command).await.unwrap().unwrap();
    }

    fn fresh(&self) -> ledger::Uid {
        self.ids.lock().unwrap().fresh()
    }

    /// The clock of everything in it.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock) as Arc<dyn Clock>
    }

    /// A generator of ids for somebody else at work in it.
    pub fn more_ids(&self) -> Box<dyn Ids> {
        Box::new(UuidIds::new(self.clock(), 4))
    }

    pub fn now_s(&self) -> i64 {
        self.clock.now().seconds()
    }

    pub fn advance_ms(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    pub async fn platform(&self, client_id: &str) -> PlatformId {
        let name = DirectoryKey { space: Space::ClientId, text: client_id.into() };
        self.reads.directory(name).await.unwrap().unwrap().platform
    }

    /// Has a command decided for a platform, as Florin itself.
    pub async fn run<C: Command>(&self, client_id: &str, command: C) -> Result<C::Outcome, C::Error> {
        let ctx = Ctx::system(self.platform(client_id).await, RequestId(self.fresh()));
        self.engine.run(ctx, command).await.unwrap()
    }

    /// A client of a platform, with a fresh token.
    pub async fn client(&self, client_id: &str) -> Client<'_> {
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{client_id}:key-of-{client_id}"));
        let request = Request::post("/v2.01/oauth/token").header("Authorization", format!("Basic {basic}"));
        let token = self.send(request.body("grant_type=client_credentials".into()).unwrap()).await.get("access_token");
        assert!(!token.is_empty(), "a token");
        Client { world: self, client_id: client_id.to_owned(), version: "v2.01", token }
    }

    /// A client of the platform `me`.
    pub async fn me(&self) -> Client<'_> {
        self.client("me").await
    }

    pub async fn send(&self, request: Request<Body>) -> Seen {
        let mut router = dialect_mangopay::router(Arc::clone(&self.dialect));
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = tower_service::Service::call(&mut router, request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let seen = Seen { status: parts.status.as_u16(), headers: parts.headers, text, bytes };
        coverage::record_done(&method, &path, &seen);
        seen
    }
}

/// Somebody who calls a platform's API in one version of it.
#[derive(Clone)]
pub struct Client<'w> {
    pub world: &'w World,
    client_id: String,
    version: &'static str,
    token: String,
}

impl Client<'_> {
    /// The same client in the oldest version.
    pub fn v2(&self) -> Self {
        Self { version: "v2", ..self.clone() }
    }

    pub async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Seen {
        let uri = format!("/{}/{}{path}", self.version, self.client_id);
        let mut request = Request::builder().method(method).uri(uri).header("Content-Type", "application/json");
        request = request.header("Authorization", format!("bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.world.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    pub async fn get(&self, path: &str) -> Seen {
        self.call("GET", path, &[], "").await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Seen {
        self.call("POST", path, &[], &body.to_string()).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Seen {
        self.call("PUT", path, &[], &body.to_string()).await
    }

    pub async fn delete(&self, path: &str) -> Seen {
        self.call("DELETE", path, &[], "").await
    }

    /// Makes the request of another platform, or one for a sibling, and writes down that it was in vain as `see` has it.
    pub async fn in_vain(&self, proof: Proof, (method, path, body): (&str, &str, &str), see: impl FnOnce(&Seen)) {
        see(&self.call(method, path, &[], body).await);
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        coverage::record(proof, &method.parse().unwrap(), &format!("/{}/{}{path}", self.version, self.client_id));
    }

    /// A natural owner; gives the id.
    pub async fn owner(&self) -> String {
        self.made("/users/natural", &natural_owner()).await
    }

    /// A natural payer; gives the id.
    pub async fn payer(&self) -> String {
        self.made("/users/natural", &natural_payer()).await
    }

    /// A wallet of a user; gives the id.
    pub async fn wallet(&self, owner: &str, currency: &str) -> String {
        self.made("/wallets", &json!({"Owners": [owner], "Description": "wallet", "Currency": currency})).await
    }

    /// What was made by a POST; gives its id.
    pub async fn made(&self, path: &str, body: &Value) -> String {
        let seen = self.post(path, body).await;
        assert_eq!(seen.status, 200, "{path}: {}", seen.text);
        seen.get("Id")
    }

    /// Announces a bank wire into a wallet; gives the pay-in's id.
    pub async fn declare_wire(&self, author: &str, wallet: &str, amount: i64, fees: i64) -> String {
        let currency = self.get(&format!("/wallets/{wallet}")).await.get("Currency");
        let funds = |amount| json!({"Currency": currency, "Amount": amount});
        let body = json!({
            "AuthorId": author,
            "CreditedWalletId": wallet,
            "DeclaredDebitedFunds": funds(amount),
            "DeclaredFees": funds(fees),
        });
        self.made("/payins/bankwire/direct", &body).await
    }

    /// Has the money of an announced wire arrive.
    pub async fn receive_wire(&self, pay_in: &str, received: i64, currency: Currency) {
        let received = Money::new(received, currency).unwrap();
        let pay_in = PaymentId(parse(&[Prefix::PayIn], pay_in).unwrap());
        let booked_at = Timestamp::from_seconds(self.world.now_s());
        let receive = ReceiveBankWire { pay_in, to: None, received, booked_at, bank_reference: None, debtor: None };
        self.world.run(&self.client_id, receive).await.unwrap();
    }

    /// Money in a wallet, by a wire; gives the pay-in's id.
    pub async fn fund(&self, author: &str, wallet: &str, amount: i64, fees: i64) -> String {
        let pay_in = self.declare_wire(author, wallet, amount, fees).await;
        let currency = self.get(&format!("/wallets/{wallet}")).await.get("Currency").parse().unwrap();
        self.receive_wire(&pay_in, amount, currency).await;
        pay_in
    }
}

/// The user of an id's text.
pub fn user_id(text: &str) -> UserId {
    UserId(parse(&[Prefix::User], text).unwrap())
}

/// A natural user who says everything that an owner has to.
pub fn natural_owner() -> Value {
    json!({
        "FirstName": "Sophia",
        "LastName": "Garnier",
        "Email": "sophia@example.com",
        "Birthday": 652_117_514,
        "Nationality": "FR",
        "CountryOfResidence": "FR",
        "TermsAndConditionsAccepted": true,
        "UserCategory": "OWNER",
    })
}

/// A natural user who says what a payer has to.
pub fn natural_payer() -> Value {
    json!({
        "FirstName": "Hugo",
        "LastName": "Garnier",
        "Email": "hugo@example.com",
        "TermsAndConditionsAccepted": false,
        "UserCategory": "PAYER",
    })
}

/// An address with everything in it.
pub fn address(country: &str) -> Value {
    json!({
        "AddressLine1": "3 rue des Plantes",
        "AddressLine2": "Appartement 7",
        "City": "Paris",
        "Region": "Ile-de-France",
        "PostalCode": "75001",
        "Country": country,
    })
}

/// A company that says everything that an owner has to.
pub fn legal_owner() -> Value {
    json!({
        "Name": "Best Business",
        "LegalPersonType": "BUSINESS",
        "Email": "business@example.com",
        "HeadquartersAddress": address("FR"),
        "CompanyNumber": "123456789",
        "LegalRepresentativeFirstName": "Cedrick",
        "LegalRepresentativeLastName": "Dickinson",
        "LegalRepresentativeEmail": "cedrick@example.com",
        "LegalRepresentativeBirthday": 652_117_514,
        "LegalRepresentativeNationality": "FR",
        "LegalRepresentativeCountryOfResidence": "FR",
        "TermsAndConditionsAccepted": true,
        "UserCategory": "OWNER",
    })
}

/// A company that says what a payer has to.
pub fn legal_payer() -> Value {
    json!({
        "Name": "Best Business",
        "LegalPersonType": "BUSINESS",
        "Email": "business@example.com",
        "LegalRepresentativeFirstName": "Richard",
        "LegalRepresentativeLastName": "Moulin",
        "TermsAndConditionsAccepted": true,
        "UserCategory": "PAYER",
    })
}

/// A body with some members changed; a null takes one away.
pub fn with(body: &Value, changes: Value) -> Value {
    let mut body = body.clone();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(body.as_object_mut().unwrap().remove(name)),
            value => body[name] = value.clone(),
        }
    }
    body
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Seen {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    pub bytes: Vec<u8>,
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

    /// The members of that name of each item of a list, as text.
    pub fn each(&self, name: &str) -> Vec<String> {
        self.json().as_array().unwrap().iter().map(|item| item[name].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The names of the body's members, in order.
    pub fn names(&self) -> Vec<String> {
        names_of(&self.text)
    }

    /// The text for a wrong field.
    pub fn field_error(&self, field: &str) -> String {
        self.json()["errors"][field].as_str().unwrap_or_default().to_owned()
    }

    /// The names of all wrong fields, in the order of the alphabet.
    pub fn wrong_fields(&self) -> Vec<String> {
        let mut names: Vec<String> = self.json()["errors"].as_object().map(|it| it.keys().cloned().collect()).unwrap_or_default();
        names.sort_unstable();
        names
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// Asserts an error of this status and type.
    #[track_caller]
    pub fn is_error(&self, status: u16, kind: &str) {
        assert_eq!((self.status, &*self.get("Type")), (status, kind), "{}", self.text);
    }

    /// Asserts that something of a path is not there, in the vendor's words.
    #[track_caller]
    pub fn is_not_found(&self, resource: &str, id: &str) {
        self.is_error(404, "ressource_not_found");
        assert_eq!(self.field_error("RessourceNotFound"), format!("Cannot found the ressource {resource} with the id={id} "));
    }
}

/// The names of an object's members, in the order they were written.
pub fn names_of(text: &str) -> Vec<String> {
    struct Names(Vec<String>);
    impl<'de> serde::Deserialize<'de> for Names {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            struct Visit;
            impl<'de> serde::de::Visitor<'de> for Visit {
                type Value = Names;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                    let mut names = Vec::new();
                    while let Some((name, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                        names.push(name);
                    }
                    Ok(Names(names))
                }
            }
            from.deserialize_map(Visit)
        }
    }
    serde_json::from_str::<Names>(text).unwrap().0
}

/// What every list says of its length.
#[track_caller]
pub fn is_list_of(seen: &Seen, items: u64, pages: u64) {
    assert_eq!(seen.status, StatusCode::OK.as_u16(), "{}", seen.text);
    let headers = (seen.header("x-number-of-items"), seen.header("x-number-of-pages"));
    assert_eq!(headers, (&*items.to_string(), &*pages.to_string()), "{}", seen.text);
    assert!(seen.header("link").contains("rel=\"first\""));
}
