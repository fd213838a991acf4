//! A request's way from its path to its answer.
//!
//! Route, credentials, client id, scope, rate limit, body, idempotency key, handler: the first that
//! refuses answers, in this order. What comes before the credentials has no rate-limit headers.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::routing::{any, get};
use bytes::Bytes;
use domain::ids::RequestId;
use domain::payment::ReceivingAccount;
use domain::platform::{Environment, Platform, Scopes};
use domain::{Actor, Ctx, Given, Ids, Named, PlatformId, RecordKey, Resource, Timestamp};
use edge::explain::FLORIN_EXPLAIN;
use edge::key::{IDEMPOTENCY_KEY, Space, keyed};
use edge::log::RequestLog;
use edge::{BodyError, Cut};
use engine::rail::Rails;
use engine::{Acquirer, CallFault, Chance, Clock, Engine, Faults, Keyed, OWNERS_KEYS, ReadTrail, Reads, Refused, SystemChance};
use http::header::{ALLOW, AUTHORIZATION};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use ledger::Uid;

use crate::audit;
use crate::auth::{AuthError, Authenticator, Caller, Credentials};
use crate::call::{Call, View, WireResponse, error_response, refusal};
use crate::endpoints::clients::logo;
use crate::endpoints::{oauth, tokenizer};
use crate::rate::{RateConfig, RateLimits, RateState};
use crate::router::{Found, Matched, Router, Verb};
use crate::routes::{Access, Endpoint, ROUTES};
use crate::wire::Spelling;
use crate::wire::error::WireError;
use crate::witness::{Known, Seen, Witness};

/// This dialect's name space of idempotency keys.
pub const DIALECT: u8 = 1;

/// A body at most, where no file is sent.
pub const BODY_MAX_BYTES: usize = 256 * 1_024;

/// A body at most where one is: 10 MB in base64, and the JSON around it. Source: reference, people part, 6.4.
pub const UPLOAD_MAX_BYTES: usize = 11 * 1_024 * 1_024;

/// Characters of an idempotency key. Source: reference, people part, 1.7.
const KEY_MIN: usize = 16;
const KEY_MAX: usize = 36;

/// What an operator chooses.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients reach this server, without a slash at its end; absolute URLs begin with it.
    pub public_url: String,
    /// How many calls a platform may make.
    pub rate: RateConfig,
    /// How long a token lasts. The vendor's sandbox has 20 minutes.
    pub token_lifetime_ms: i64,
    /// The account that payers of bank wires are told to pay to.
    pub receiving_account: ReceivingAccount,
    /// The outside, where a request has to ask it.
    pub rails: Rails,
    /// Key of the hash that the audit trail keeps of callers' addresses.
    pub origin_key: [u8; 32],
    /// What goes wrong by order of sandbox platforms.
    pub faults: Arc<Faults>,
    /// What tokens and the secrets of pages are drawn from.
    pub chance: Arc<dyn Chance>,
    /// Remembers the requests of sandbox platforms.
    pub log: Arc<RequestLog>,
    /// Key of the links to explanations of errors.
    pub explain_key: [u8; 32],
}

impl Config {
    /// The defaults of a server reached at `public_url`: the vendor's limits and token lifetime, and a receiving
    /// account that no bank has.
    #[must_use]
    pub fn new(public_url: &str) -> Self {
        Self {
            public_url: public_url.trim_end_matches('/').to_owned(),
            rate: RateConfig::default(),
            token_lifetime_ms: 1_200_000,
            receiving_account: ReceivingAccount {
                owner_name: "FLORIN SANDBOX".to_owned(),
                address_line1: "2 Avenue Amélie".to_owned(),
                city: "Luxembourg".to_owned(),
                postal_code: "L-1125".to_owned(),
                country: "LU".to_owned(),
                iban: "FR7699999000010000000000115".to_owned(),
                bic: "FLRNFRP0XXX".to_owned(),
            },
            rails: Rails::default(),
            origin_key: [0; 32],
            faults: Arc::default(),
            chance: Arc::new(SystemChance),
            log: Arc::default(),
            explain_key: [0; 32],
        }
    }
}

/// Marks a request that the owner of the data makes, in the process: it needs no credentials, is not
/// counted, and may name the id of what it makes. Put among the request's extensions, where no client can.
#[derive(Clone, Copy, Debug)]
pub struct Local {
    /// The id of the object to be made.
    pub given_id: Option<Given>,
}

/// The Mangopay dialect over an engine and the reading half of its store.
pub struct Dialect {
    pub(crate) engine: Engine,
    pub(crate) reads: Arc<dyn Reads>,
    trail: Arc<ReadTrail>,
    pub(crate) config: Config,
    pub(crate) acquirer: Acquirer,
    clock: Arc<dyn Clock>,
    ids: Mutex<Box<dyn Ids>>,
    authenticator: Authenticator,
    rates: RateLimits,
    router: Router<Endpoint>,
    witness: Witness,
}

impl Dialect {
    /// A dialect; `ids` names its requests.
    #[must_use]
    pub fn new(engine: Engine, reads: Arc<dyn Reads>, clock: Arc<dyn Clock>, ids: Box<dyn Ids>, config: Config) -> Arc<Self> {
        Arc::new(Self {
            trail: ReadTrail::new(engine.clone()),
            engine,
            authenticator: Authenticator::new(Arc::clone(&reads), Arc::clone(&clock)),
            acquirer: Acquirer::of(&config.rails).heeding(Arc::clone(&reads)),
            reads,
            rates: RateLimits::new(config.rate),
            witness: Witness::new(&config),
            config,
            clock,
            ids: Mutex::new(ids),
            router: Router::new(ROUTES),
        })
    }

    /// Answers a request.
    pub async fn handle(self: &Arc<Self>, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let mut seen = Seen::begin(self.clock.now());
        let mut response = match self.router.find(&parts.method, parts.uri.path()) {
            Found::Route(matched) => self.enter(&parts, body, &matched, &mut seen).await,
            Found::OtherMethods(verbs) => other_methods(&self.received(NOBODY, &mut seen), &parts, &verbs),
            Found::Nothing => self.received(NOBODY, &mut seen).error(&WireError::no_such_path()),
        };
        match seen.caller {
            Some(caller) => self.witness.note(&caller, &seen, &parts, self.clock.now(), &mut response),
            None => self.note_unknown(seen, &parts, &mut response).await,
        }
        response.map(Body::from)
    }

    async fn enter(self: &Arc<Self>, parts: &Parts, body: Body, matched: &Matched<Endpoint>, seen: &mut Seen) -> WireResponse {
        let access = matched.route.target.access;
        let is_local = parts.extensions.get::<Local>().is_some();
        let caller = if is_local {
            self.authenticator.local(&matched.params.get(parts.uri.path(), "ClientId")).await
        } else {
            self.authenticate(access, &parts.headers).await
        };
        let caller = match caller {
            Ok(caller) => caller,
            Err(AuthError::Denied) => return denied(&self.received(NOBODY, seen), access),
            Err(AuthError::Store(error)) => {
                let received = self.received(NOBODY, seen);
                tracing::error!(%error, request = %received.request, "credentials could not be checked");
                return received.error(&WireError::fault());
            }
        };
        let received = self.received(caller.platform, seen);
        let path = parts.uri.path();
        if matched.params.has("ClientId") && matched.params.get(path, "ClientId") != *caller.client_id {
            return denied(&received, access);
        }
        seen.found(&caller, matched);
        if is_local {
            return self.answer(received, parts, body, matched, caller, seen).await;
        }
        let rate = self.counted(&caller, received.at.seconds()).await;
        let mut response = match may_go_on(&caller, needed(access, matched.route.verb), &rate) {
            Ok(()) => self.answer_or_fail(received, parts, body, matched, caller, seen).await,
            Err(NotAdmitted::Forbidden) => {
                received.error(&WireError::forbidden_ressource("This endpoint is not available for your account"))
            }
            Err(NotAdmitted::TooMany) => received.error(&WireError::rate_limit()),
        };
        rate.write_headers(response.headers_mut());
        response
    }

    /// Lets a request in that is served beside this dialect, under the same credentials, scopes and rate limits.
    ///
    /// Errors: only those of the credentials. Whether a known caller may go on is in [`Admission::verdict`].
    pub async fn admit(&self, headers: &HeaderMap, needed: Option<Scopes>) -> Result<Admission, AuthError> {
        let caller = self.caller(headers).await?;
        let rate = self.counted(&caller, self.clock.now().seconds()).await;
        let verdict = may_go_on(&caller, needed, &rate);
        Ok(Admission { caller, rate, verdict })
    }

    /// Where a request came from, as the audit trail keeps it.
    #[must_use]
    pub fn origin(&self, parts: &Parts) -> [u8; 16] {
        edge::origin(&self.config.origin_key, parts)
    }

    /// Counts a call. Where limits are only counted, they hold all the same for a platform that rehearses.
    async fn counted(&self, caller: &Caller, now_s: i64) -> RateState {
        let rate = self.rates.count(caller.platform, caller.limits, now_s);
        if rate.is_refused || !rate.is_over {
            return rate;
        }
        let key = RecordKey { kind: Platform::KIND, platform: caller.platform, id: caller.platform.0 };
        let platform = self.reads.record(key).await.ok().flatten().and_then(|record| record.body::<Platform>());
        RateState { is_refused: platform.is_some_and(|platform| platform.policy.is_rehearsal), ..rate }
    }

    /// What a known caller is answered, or what goes wrong with the call by the platform's own order.
    async fn answer_or_fail(
        self: &Arc<Self>,
        received: Received,
        parts: &Parts,
        body: Body,
        matched: &Matched<Endpoint>,
        caller: Caller,
        seen: &mut Seen,
    ) -> WireResponse {
        let faults = &self.config.faults;
        match faults.of_call(caller.platform, matched.route.verb.name(), matched.route.pattern) {
            None => self.answer(received, parts, body, matched, caller, seen).await,
            Some(CallFault::TooMany) => received.error(&WireError::rate_limit()),
            Some(CallFault::Broken) => received.error(&WireError::fault()),
            Some(CallFault::Busy) => received.error(&WireError::overloaded()),
            Some(CallFault::DropBeforeCommit) => cut(received.error(&WireError::fault())),
            Some(CallFault::DropAfterCommit) => cut(self.answer(received, parts, body, matched, caller, seen).await),
            Some(CallFault::Latency(wait)) => {
                if !faults.hold(caller.platform, wait).await {
                    return received.error(&WireError::overloaded());
                }
                // Credentials may have ended meanwhile.
                match self.authenticate(matched.route.target.access, &parts.headers).await {
                    Ok(caller) => self.answer(received, parts, body, matched, caller, seen).await,
                    Err(_) => denied(&received, matched.route.target.access),
                }
            }
        }
    }

    /// What a known caller is answered.
    async fn answer(
        self: &Arc<Self>,
        received: Received,
        parts: &Parts,
        body: Body,
        matched: &Matched<Endpoint>,
        caller: Caller,
        seen: &mut Seen,
    ) -> WireResponse {
        let route = matched.route;
        let body = match edge::body::read(parts, body, route.target.body_max, caller.platform).await {
            Ok(body) => body,
            Err(error) => return received.error(&of_body(error)),
        };
        seen.body(&body, route);
        let is_local = parts.extensions.get::<Local>().is_some();
        // A client's PUT is the same when it comes twice; what the owner of the data has done by a file is done once.
        let takes_key = (route.verb == Verb::Post || is_local) && route.target.access != Access::ApiKey;
        let space = Space { platform: caller.platform, dialect: if is_local { OWNERS_KEYS } else { DIALECT } };
        let keyed = match takes_key.then(|| keyed(space, parts, &body, is_idempotency_key)).transpose() {
            Ok(keyed) => keyed.flatten(),
            Err(_) => return received.error(&wrong_idempotency_key()),
        };
        let call = self.call(received, parts, body, matched, caller, keyed);
        let response = match (route.target.handler)(&call).await {
            Ok(response) => response,
            Err(error) => call.reject(error).await,
        };
        match self.note_read(&call, matched, &response).await {
            Ok(()) => response,
            Err(refused) => call.error(&refusal(refused)),
        }
    }

    /// Stores what the audit trail of reads still gathers. For a server that ends. Errors: those lines are lost.
    pub async fn note_last_reads(&self) -> Result<(), Refused> {
        self.trail.flush().await
    }

    /// Notes a read in the audit trail; one of personal data is durably noted on return. Reads that failed tell nothing.
    async fn note_read(&self, call: &Call, matched: &Matched<Endpoint>, response: &WireResponse) -> Result<(), Refused> {
        let route = matched.route;
        if route.verb != Verb::Get || response.status().is_server_error() {
            return Ok(());
        }
        let line = audit::line(route, &call.ctx, call.uri.path(), response.status(), call.received_at);
        match audit::is_personal(route) {
            true => self.trail.personal(line).await.map_err(|_| Refused::Overloaded),
            false => self.trail.other(line),
        }
    }

    fn call(
        self: &Arc<Self>,
        received: Received,
        parts: &Parts,
        body: Bytes,
        matched: &Matched<Endpoint>,
        caller: Caller,
        keyed: Option<Keyed>,
    ) -> Call {
        let local = parts.extensions.get::<Local>();
        let ctx = Ctx {
            platform: caller.platform,
            actor: if local.is_some() { Actor::System } else { Actor::ApiKey(caller.key) },
            request: received.request,
            origin: self.origin(parts),
            given_id: local.and_then(|local| local.given_id),
        };
        let view = View {
            spelling: Spelling::new(caller.platform),
            platform: caller.platform,
            client_id: Arc::clone(&caller.client_id),
            version: matched.version,
        };
        Call {
            dialect: Arc::clone(self),
            caller,
            ctx,
            view,
            uri: parts.uri.clone(),
            params: matched.params.clone(),
            body,
            keyed,
            received_at: received.at,
        }
    }

    async fn caller(&self, headers: &HeaderMap) -> Result<Caller, AuthError> {
        let header = headers.get(AUTHORIZATION).and_then(|header| header.to_str().ok()).unwrap_or("");
        let now = self.clock.now();
        match Credentials::parse(header) {
            Some(Credentials::Bearer(token)) => self.authenticator.bearer(&token, now).await,
            Some(Credentials::Basic { client_id, key }) => self.authenticator.basic_on_call(&client_id, &key, now).await,
            None => Err(AuthError::Denied),
        }
    }

    /// Lets nobody in any more for a platform that was ended, at once.
    pub fn end(&self, platform: PlatformId) {
        self.authenticator.end(platform);
    }

    /// Looks again who calls for a platform: how often it may has changed.
    pub fn recheck(&self, platform: PlatformId) {
        self.authenticator.forget_callers_of(platform);
    }

    /// The platform of a client id, for requests of the owner of the data ([`Local`]).
    pub async fn local_caller(&self, client_id: &str) -> Result<Caller, AuthError> {
        self.authenticator.local(client_id).await
    }

    async fn authenticate(&self, access: Access, headers: &HeaderMap) -> Result<Caller, AuthError> {
        let header = headers.get(AUTHORIZATION).and_then(|header| header.to_str().ok()).unwrap_or("");
        match (access, Credentials::parse(header)) {
            (Access::Token(_), _) => self.caller(headers).await,
            (Access::ApiKey, Some(Credentials::Basic { client_id, key })) => self.authenticator.basic(&client_id, &key).await,
            _ => Err(AuthError::Denied),
        }
    }

    /// Notes a request whose caller no route has found out. Whoever has valid credentials and a wrong path is known all the same;
    /// otherwise it is the platform that the request names, if there is one, that may look at it.
    async fn note_unknown(&self, seen: Seen, parts: &Parts, response: &mut WireResponse) {
        if response.status() != StatusCode::UNAUTHORIZED
            && let Ok(caller) = self.caller(&parts.headers).await
        {
            return self.witness.note(&Known::of(&caller), &seen, parts, self.clock.now(), response);
        }
        let header = self.note_denied(parts, seen.request, response.status()).await;
        if let Some(header) = header {
            response.headers_mut().insert(FLORIN_EXPLAIN, header);
        }
    }

    /// Notes the request of somebody who is not known, and gives the header that leads to its explanation. `None` where no sandbox
    /// platform is named by it.
    pub async fn note_denied(&self, parts: &Parts, request: RequestId, status: StatusCode) -> Option<HeaderValue> {
        let stranger = self.witness.stranger(parts, request, self.clock.now(), status, self.origin(parts));
        let named = stranger.named_by_path.as_deref().or(stranger.named_by_credentials.as_deref())?.to_owned();
        let platform = self.authenticator.local(&named).await.ok().filter(|caller| caller.environment == Environment::Sandbox)?;
        self.witness.note_stranger(stranger);
        self.witness.header(platform.platform, request)
    }

    /// What a request is answered that nobody has time to look at.
    pub fn overloaded(&self) -> Response<Body> {
        self.received(NOBODY, &mut Seen::begin(self.clock.now())).error(&WireError::overloaded()).map(Body::from)
    }

    /// Now, real time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A request of a platform, or of [`NOBODY`], with an id of its own.
    fn received(&self, platform: PlatformId, seen: &mut Seen) -> Received {
        let id = self.ids.lock().unwrap_or_else(PoisonError::into_inner).fresh_of(platform, RequestId::SPACE);
        seen.request = RequestId(id);
        Received { request: seen.request, at: seen.at }
    }
}

/// Whose requests are whose sender is not known.
const NOBODY: PlatformId = PlatformId(Uid::from_bits(0));

/// What is known of a request before it is read: who asks, and when it came.
#[derive(Clone, Copy)]
struct Received {
    request: RequestId,
    at: Timestamp,
}

impl Received {
    fn error(&self, error: &WireError) -> WireResponse {
        error_response(error, self.request, self.at)
    }
}

/// The connection is cut in place of this answer.
fn cut(mut response: WireResponse) -> WireResponse {
    response.extensions_mut().insert(Cut);
    response
}

/// The route that a method and a path stand for: the path as the table has it, whatever its placeholders are called, or
/// without version and client.
#[must_use]
pub fn route_of_text(method: &str, path: &str) -> Option<(&'static str, &'static str)> {
    let same = |asked: &str, known: &str| {
        let (mut asked, mut known) = (asked.trim_matches('/').split('/'), known.trim_matches('/').split('/'));
        loop {
            match (asked.next(), known.next()) {
                (None, None) => return true,
                (Some(asked), Some(known)) if known.starts_with('{') && asked.starts_with('{') => {}
                (Some(asked), Some(known)) if asked.eq_ignore_ascii_case(known) => {}
                _ => return false,
            }
        }
    };
    let short = |pattern: &'static str| pattern.strip_prefix("/v2.01/{ClientId}").unwrap_or(pattern);
    let found = ROUTES.iter().find(|route| route.verb.name() == method && (same(path, route.pattern) || same(path, short(route.pattern))));
    found.map(|route| (route.verb.name(), route.pattern))
}

fn denied(received: &Received, access: Access) -> WireResponse {
    match access {
        Access::ApiKey => oauth::invalid_client(),
        Access::Token(_) => received.error(&WireError::invalid_credentials()),
    }
}

fn other_methods(received: &Received, parts: &Parts, verbs: &[Verb]) -> WireResponse {
    let mut response = received.error(&WireError::method_not_allowed(&parts.method));
    let allowed = verbs.iter().map(|verb| verb.name()).collect::<Vec<_>>().join(", ");
    if let Ok(allowed) = HeaderValue::try_from(allowed) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

/// What an endpoint needs a key to be allowed; `None` where any key will do.
fn needed(access: Access, verb: Verb) -> Option<Scopes> {
    match (access, verb) {
        (Access::ApiKey, _) => None,
        (Access::Token(scope), Verb::Get) => Some(scope.read()),
        (Access::Token(scope), Verb::Post | Verb::Put | Verb::Delete) => Some(scope.write()),
    }
}

/// A caller who is known, and whether it may go on.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Who calls.
    pub caller: Caller,
    /// What the answer tells of its rate.
    pub rate: RateState,
    /// Whether it may go on.
    pub verdict: Result<(), NotAdmitted>,
}

/// Why a known caller may not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAdmitted {
    /// Its key is not allowed this.
    Forbidden,
    /// It has called too often.
    TooMany,
}

fn may_go_on(caller: &Caller, needed: Option<Scopes>, rate: &RateState) -> Result<(), NotAdmitted> {
    if needed.is_some_and(|needed| !caller.scopes.allow(needed)) {
        Err(NotAdmitted::Forbidden)
    } else if rate.is_refused {
        Err(NotAdmitted::TooMany)
    } else {
        Ok(())
    }
}

fn of_body(error: BodyError) -> WireError {
    match error {
        BodyError::TooLarge => WireError::body_too_large(),
        BodyError::Overloaded => WireError::overloaded(),
        BodyError::TimedOut => WireError::body_timed_out(),
        BodyError::Broken => WireError::malformed_body(),
    }
}

/// Whether a text has the form of an idempotency key: 16 to 36 letters, digits and dashes.
pub(crate) fn is_idempotency_key(text: &str) -> bool {
    (KEY_MIN..=KEY_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

pub(crate) fn wrong_idempotency_key() -> WireError {
    WireError::wrong_field(IDEMPOTENCY_KEY, "The Idempotency-Key must contain between 16 and 36 alphanumeric characters or dashes (-).")
}

/// The dialect as a service of axum: everything that reaches it is this wire's, also what leads nowhere.
pub fn router(dialect: Arc<Dialect>) -> axum::Router {
    let logos = Arc::clone(&dialect);
    // A path that is no text names no platform.
    let show_logo = move |path: Result<Path<String>, PathRejection>| async move {
        logo::serve(logos, &path.map(|Path(platform)| platform).unwrap_or_default()).await
    };
    let vault = Arc::clone(&dialect);
    let tokenize = move |request: Request<Body>| async move { tokenizer::serve(vault, request).await };
    axum::Router::new().route(logo::PATH, get(show_logo)).route(tokenizer::PATH, any(tokenize)).fallback(move |request: Request<Body>| {
        let dialect = Arc::clone(&dialect);
        async move { dialect.handle(request).await }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::scopes::Scope;
    use crate::workbench::{Seen, World, user_text};

    async fn token_call(world: &World, path: &str, basic: &str, body: &str) -> Seen {
        let request = Request::post(path).header("Authorization", format!("Basic {basic}"));
        world.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// `me:key-of-me`.
    const BASIC: &str = "bWU6a2V5LW9mLW1l";

    #[tokio::test]
    async fn tokens_are_issued_to_whoever_has_a_key() {
        let world = World::new().await;
        let mut tokens = Vec::new();
        for (path, body) in [
            ("/v2.01/oauth/token", "grant_type=client_credentials"),
            ("/v2.01/oauth/token/", r#"{"grant_type":"client_credentials"}"#),
            ("/V2.01/OAuth/Token", "grant_type=client_credentials"),
            ("/v2/oauth/token", "grant_type=client_credentials"),
        ] {
            let seen = token_call(&world, path, BASIC, body).await;
            assert_eq!(seen.status, 200, "{path}");
            let json = seen.json();
            assert_eq!((&json["token_type"], &json["expires_in"]), (&json!("bearer"), &json!(1199)));
            assert_eq!(seen.headers["cache-control"], "no-store");
            tokens.push(seen.get("access_token"));
        }
        for token in &tokens {
            assert_eq!(tokens.iter().filter(|other| *other == token).count(), 1, "each call gives a new one");
            let seen = world.call("GET", "/wallets/1", &[("Authorization", &format!("bearer {token}"))], "").await;
            assert_eq!(seen.status, 404, "and all of them are good");
        }
    }

    #[tokio::test]
    async fn wrong_keys_get_no_token() {
        let world = World::new().await;
        // me:wrong, nobody:key-of-me, other:key-of-me, an empty client, no Basic at all.
        for basic in ["bWU6d3Jvbmc=", "bm9ib2R5OmtleS1vZi1tZQ==", "b3RoZXI6a2V5LW9mLW1l", "OmtleS1vZi1tZQ==", "%%%"] {
            let seen = token_call(&world, "/v2.01/oauth/token", basic, "grant_type=client_credentials").await;
            assert_eq!((seen.status.as_u16(), &*seen.text), (401, r#"{"error":"invalid_client"}"#), "{basic}");
        }
        let seen = token_call(&world, "/v2.01/oauth/token", BASIC, "grant_type=password").await;
        assert_eq!((seen.status.as_u16(), &*seen.text), (400, r#"{"error":"unsupported_grant_type"}"#));
        let seen = token_call(&world, "/v2.01/oauth/token", BASIC, "").await;
        assert_eq!((seen.status.as_u16(), &*seen.text), (400, r#"{"error":"invalid_request"}"#));
        world.revoke_keys("me");
        let seen = token_call(&world, "/v2.01/oauth/token", BASIC, "grant_type=client_credentials").await;
        assert_eq!(seen.status, 401);
    }

    #[tokio::test]
    async fn whoever_is_not_known_gets_one_answer() {
        let world = World::new().await;
        let other = format!("Bearer {}", world.issue_token("other").await);
        let made_up = format!("Bearer {}", crate::fresh_secret(&SystemChance, world.platform("me")).unwrap().expose());
        for header in ["", "Bearer", "Bearer x", "Basic bWU6d3Jvbmc=", &made_up, &other] {
            let seen = world.call("GET", "/wallets/1", &[("Authorization", header)], "").await;
            assert_eq!(seen.status, 401, "{header}");
            assert_eq!(seen.get("Type"), "invalid_credentials");
            assert!(seen.headers.get("x-ratelimit").is_none());
        }
        let seen = world.send(Request::get("/v2.01/ME/wallets/1").header("Authorization", "x").body(Body::empty()).unwrap()).await;
        assert_eq!(seen.status, 401, "ids are case-sensitive");
    }

    #[tokio::test]
    async fn a_key_may_come_with_every_call() {
        let world = World::new().await;
        let basic = format!("Basic {BASIC}");
        for _ in 0..2 {
            assert_eq!(world.call("GET", "/wallets/1", &[("Authorization", &basic)], "").await.status, 404);
        }
        world.revoke_keys("me");
        world.advance_ms(5_001);
        assert_eq!(world.call("GET", "/wallets/1", &[("Authorization", &basic)], "").await.status, 401);
    }

    #[tokio::test]
    async fn a_token_is_remembered_and_held_against_the_store_again() {
        let world = World::new().await;
        world.get("/wallets/1").await;
        let before = world.looked_up();
        for _ in 0..10 {
            assert_eq!(world.get("/wallets/1").await.status, 404);
        }
        assert_eq!(world.looked_up(), before, "nothing is looked up for a token just seen");
        world.revoke_keys("me");
        world.advance_ms(2_999);
        assert_eq!(world.get("/wallets/1").await.status, 404);
        world.advance_ms(2_001);
        assert_eq!(world.get("/wallets/1").await.status, 401, "a revocation shows within five seconds");
    }

    #[tokio::test]
    async fn a_token_ends() {
        let world = World::new().await;
        world.advance_ms(1_199_999);
        assert_eq!(world.get("/wallets/1").await.status, 404);
        world.advance_ms(1);
        assert_eq!(world.get("/wallets/1").await.status, 401);
    }

    #[tokio::test]
    async fn a_key_may_do_what_its_scopes_say() {
        let world = World::new().await;
        world.narrow_keys("me", Scope::WalletDetails.read());
        let token = format!("Bearer {}", world.issue_token("me").await);
        let header = ("Authorization", &*token);
        assert_eq!(world.call("GET", "/wallets/1", &[header], "").await.status, 404);
        let body = json!({"Owners": [user_text(world.user("me"))], "Description": "x", "Currency": "EUR"}).to_string();
        let key = ("Idempotency-Key", "0123456789abcdef");
        let seen = world.call("POST", "/wallets", &[header, key], &body).await;
        assert_eq!((seen.status.as_u16(), &*seen.get("Type")), (403, "forbidden_ressource"));
        assert_eq!(world.call("GET", "/transfers/1", &[header], "").await.status, 403);
        assert_eq!(world.call("POST", "/wallets", &[key], &body).await.status, 200, "what was not allowed has not burnt its key");
    }

    #[tokio::test]
    async fn rate_limits_are_told_on_every_answer_and_enforced() {
        let world = World::with(|config| config.rate.limits = [3, 9, 9, 9]).await;
        // One call went into the token.
        for made in ["2", "3"] {
            let seen = world.get("/wallets/1").await;
            assert_eq!(seen.status, 404);
            let lines: Vec<_> = seen.headers.get_all("x-ratelimit").iter().collect();
            assert_eq!(lines, [made; 4]);
            assert_eq!(seen.headers.get_all("x-ratelimit-remaining").iter().count(), 4);
            assert_eq!(seen.headers.get_all("x-ratelimit-reset").iter().count(), 4);
            assert!(seen.headers.get("x-number-of-pages").is_none() && seen.headers.get("x-number-of-items").is_none());
        }
        let seen = world.get("/wallets/1").await;
        assert_eq!((seen.status.as_u16(), &*seen.get("Type")), (429, "rate_limit"));
        assert_eq!(seen.headers["x-ratelimit-remaining"], "0");
    }

    #[tokio::test]
    async fn paths_and_methods_that_are_not_there_are_told() {
        let world = World::new().await;
        let seen = world.get("/nothing").await;
        assert_eq!((seen.status.as_u16(), &*seen.get("Type"), seen.json()["errors"].is_null()), (404, "ressource_not_found", true));
        let seen = world.call("PATCH", "/wallets/1", &[], "").await;
        assert_eq!((seen.status.as_u16(), &seen.headers["allow"]), (405, &HeaderValue::from_static("GET, PUT")));
        assert_eq!(seen.get("Message"), "The requested resource does not support http method 'PATCH'.");
    }

    #[test]
    fn a_route_is_named_with_or_without_its_client() {
        let transfers = Some(("POST", "/v2.01/{ClientId}/transfers"));
        for path in ["/v2.01/{ClientId}/transfers", "/V2.01/{client}/transfers/", "/transfers", "transfers"] {
            assert_eq!(route_of_text("POST", path), transfers, "{path}");
        }
        for (method, path) in [("PATCH", "/transfers"), ("POST", "/transfers/{x}/y/z"), ("POST", ""), ("POST", "/{x}")] {
            assert_eq!(route_of_text(method, path), None, "{method} {path}");
        }
        assert!(route_of_text("GET", "/transfers/{Id}").is_some());
    }

    #[tokio::test]
    async fn a_body_beyond_the_limit_of_its_route_is_refused() {
        let world = World::new().await;
        let seen = world.call("POST", "/wallets", &[("Content-Length", "99999999")], "{}").await;
        assert_eq!(seen.status, 413, "by what it says");
        for (method, path, max) in [("POST", "/wallets", BODY_MAX_BYTES), ("PUT", "/clients/logo", UPLOAD_MAX_BYTES)] {
            let seen = world.call(method, path, &[], &" ".repeat(max)).await;
            assert_eq!((seen.status.as_u16(), &*seen.get("Type")), (400, "param_error"), "{path}: it is read");
            let seen = world.call(method, path, &[], &" ".repeat(max + 1)).await;
            assert_eq!((seen.status.as_u16(), &*seen.get("Type")), (413, "other"), "{path}: by what it is");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for() {
        let world = World::new().await;
        let token = format!("Bearer {}", world.issue_token("me").await);
        let (_sender, body) = http_body_util::channel::Channel::<Bytes, std::convert::Infallible>::new(1);
        let request = Request::post("/v2.01/me/wallets").header("Authorization", token).header("Content-Length", "10");
        let seen = world.send(request.body(Body::new(body)).unwrap()).await;
        assert_eq!((seen.status.as_u16(), &*seen.get("Type")), (408, "other"));
    }

    #[tokio::test]
    async fn who_is_not_looked_at_is_told_in_this_wires_words() {
        let world = World::new().await;
        let (parts, body) = world.dialect.overloaded().into_parts();
        let body = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((parts.status.as_u16(), &parts.headers["retry-after"], &body["Type"]), (503, &HeaderValue::from(1), &json!("other")));
    }
}
