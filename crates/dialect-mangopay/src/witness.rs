//! Tells the request log what was asked and answered, and adds the header that leads to an explanation.
//!
//! It is on the way of every request: what is noted of one is copied once, nothing is parsed, and of platforms for real money
//! nothing is noted at all.

use std::sync::Arc;

use bytes::Bytes;
use domain::ids::{ApiKeyId, RequestId};
use domain::platform::Environment;
use domain::{PlatformId, Timestamp};
use edge::explain::{FLORIN_EXPLAIN, Links};
use edge::key::IDEMPOTENCY_KEY;
use edge::log::{Answered, By, Habit, RequestLog, Shown, Stranger};
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use memchr::memmem::Finder;
use smallvec::SmallVec;

use crate::auth::{Caller, Credentials};
use crate::call::WireResponse;
use crate::router::{Matched, Route, Verb, Version};
use crate::routes::{Access, Endpoint};
use crate::service::{BODY_MAX_BYTES, Config, Local};

/// Who is behind a request, as far as the log needs it.
#[derive(Clone, Copy)]
pub struct Known {
    platform: PlatformId,
    key: ApiKeyId,
    environment: Environment,
}

impl Known {
    /// What the log needs of a caller.
    pub const fn of(caller: &Caller) -> Self {
        Self { platform: caller.platform, key: caller.key, environment: caller.environment }
    }
}

/// What has been seen of a request so far.
pub struct Seen {
    /// Its id, once it has one.
    pub request: RequestId,
    /// When it came, real time.
    pub at: Timestamp,
    /// Who is behind it, once that is known.
    pub caller: Option<Known>,
    route: Option<&'static Route<Endpoint>>,
    version: Option<Version>,
    body: Option<Bytes>,
}

impl Seen {
    /// Nothing but that it came.
    pub fn begin(at: Timestamp) -> Self {
        Self { request: RequestId(ledger::Uid::default()), at, caller: None, route: None, version: None, body: None }
    }

    /// Its caller is known, and where it leads.
    pub fn found(&mut self, caller: &Caller, matched: &Matched<Endpoint>) {
        self.caller = Some(Known::of(caller));
        self.route = Some(matched.route);
        self.version = Some(matched.version);
    }

    /// Its body has come. What holds secrets or files is not taken.
    pub fn body(&mut self, body: &Bytes, route: &Route<Endpoint>) {
        let is_taken = route.target.access != Access::ApiKey && route.target.body_max <= BODY_MAX_BYTES;
        self.body = is_taken.then(|| body.clone());
    }
}

/// Notes what is asked and answered.
pub struct Witness {
    log: Arc<RequestLog>,
    links: Links,
    /// Finds where an answer tells the state of its object.
    status: Finder<'static>,
}

impl Witness {
    /// A witness as configured.
    pub fn new(config: &Config) -> Self {
        let links = Links::new(&config.public_url, config.explain_key);
        Self { log: Arc::clone(&config.log), links, status: Finder::new(r#""Status":""#) }
    }

    /// Notes a request whose caller is known, answered at `now`, real time; an answer that tells of an error gets its link.
    pub fn note(&self, caller: &Known, seen: &Seen, parts: &Parts, now: Timestamp, response: &mut WireResponse) {
        if caller.environment != Environment::Sandbox {
            return;
        }
        let verb = seen.route.map(|route| route.verb);
        let is_success = response.status().is_success();
        let is_failure = if is_success { verb != Some(Verb::Get) && self.tells_failure(response.body()) } else { true };
        if is_failure && let Some(link) = self.header(caller.platform, seen.request) {
            response.headers_mut().insert(FLORIN_EXPLAIN, link);
        }
        let idempotency_key = parts.headers.get(IDEMPOTENCY_KEY);
        let by = by(parts);
        let habits = habits(seen, by, idempotency_key.is_some(), response.status());
        // What a read shows of people is not kept; nor is a token.
        let keeps_answer = !is_success || (verb != Some(Verb::Get) && !is_token_call(seen));
        let answered = Answered {
            request: seen.request,
            platform: caller.platform,
            key: caller.key,
            by,
            at: seen.at,
            took_ms: u32::try_from(now.ms().saturating_sub(seen.at.ms())).unwrap_or(0),
            method: &parts.method,
            pattern: seen.route.map_or("", |route| route.pattern),
            path: parts.uri.path_and_query().map_or("", |path| path.as_str()),
            idempotency_key,
            body: seen.body.as_deref(),
            status: response.status().as_u16(),
            answer: keeps_answer.then(|| response.body().clone()),
        };
        self.log.note(answered, &habits);
    }

    /// Whether a success tells that what was asked for did not come about: the first state in it says so.
    fn tells_failure(&self, answer: &[u8]) -> bool {
        let state = self.status.find(answer).and_then(|place| answer.get(place.saturating_add(self.status.needle().len())..));
        state.is_some_and(|state| state.starts_with(b"FAILED\"") || state.starts_with(b"ERROR\""))
    }

    /// The header's value for a request of a platform.
    pub fn header(&self, platform: PlatformId, request: RequestId) -> Option<HeaderValue> {
        self.links.header(platform, request)
    }

    /// What can be noted of a request of somebody who is not known.
    pub fn stranger(&self, parts: &Parts, request: RequestId, at: Timestamp, status: StatusCode, origin: [u8; 16]) -> Stranger {
        let credentials = parts.headers.get(AUTHORIZATION).map(|header| header.to_str().ok().and_then(Credentials::parse));
        let shown = match &credentials {
            None => Shown::Nothing,
            Some(None) => Shown::Malformed,
            Some(Some(Credentials::Basic { .. })) => Shown::Basic,
            Some(Some(Credentials::Bearer(_))) => Shown::Bearer,
        };
        let by_credentials = match &credentials {
            Some(Some(Credentials::Basic { client_id, .. })) => Some(client_id.as_str()),
            _ => None,
        };
        let mut segments = parts.uri.path().split('/').skip(1);
        let by_path = segments.next().filter(|first| Version::ALL.iter().any(|version| version.segment().eq_ignore_ascii_case(first)));
        let by_path = by_path.and_then(|_| segments.next()).filter(|name| !name.eq_ignore_ascii_case("oauth"));
        let path = parts.uri.path_and_query().map_or("", |path| path.as_str());
        Stranger::new(request, at, parts.method.clone(), path, status.as_u16(), shown, [by_path, by_credentials], origin)
    }

    /// Notes a request of somebody who is not known.
    pub fn note_stranger(&self, stranger: Stranger) {
        self.log.note_stranger(stranger);
    }
}

fn is_token_call(seen: &Seen) -> bool {
    seen.route.is_some_and(|route| route.target.access == Access::ApiKey)
}

/// How a caller has shown who it is.
pub fn by(parts: &Parts) -> By {
    if parts.extensions.get::<Local>().is_some() { By::Owner } else { shown_by(&parts.headers) }
}

/// By what headers show who calls.
#[must_use]
pub fn shown_by(headers: &HeaderMap) -> By {
    let scheme = headers.get(AUTHORIZATION).and_then(|header| header.as_bytes().trim_ascii_start().first_chunk::<5>());
    if scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic")) { By::Basic } else { By::Bearer }
}

fn habits(seen: &Seen, by: By, has_key: bool, status: StatusCode) -> SmallVec<[Habit; 6]> {
    let mut habits: SmallVec<[Habit; 6]> = SmallVec::new();
    habits.push(Habit::Call);
    if !is_token_call(seen) {
        match by {
            By::Basic => habits.push(Habit::BasicOnCall),
            By::Bearer => habits.push(Habit::TokenOnCall),
            By::Owner => {}
        }
        if !has_key && seen.route.is_some_and(|route| route.verb == Verb::Post) {
            habits.push(Habit::PostWithoutKey);
        }
    }
    if seen.version == Some(Version::V2) {
        habits.push(Habit::OldVersion);
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        habits.push(Habit::TooMany);
    }
    if status.is_server_error() {
        habits.push(Habit::ServerError);
    }
    habits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workbench::World;

    fn witness() -> Witness {
        Witness::new(&Config::new("http://localhost:8080"))
    }

    #[test]
    fn a_failure_is_told_by_the_first_state_of_an_answer() {
        let witness = witness();
        for (answer, is_failure) in [
            (r#"{"Id":"xfer_m_1","Status":"FAILED","ResultCode":"001001"}"#, true),
            (r#"{"Id":"cardreg_m_1","Status":"ERROR"}"#, true),
            (r#"{"Id":"xfer_m_1","Status":"SUCCEEDED","Tag":"\"Status\":\"FAILED\""}"#, false),
            (r#"{"Id":"xfer_m_1"}"#, false),
            ("", false),
        ] {
            assert_eq!(witness.tells_failure(answer.as_bytes()), is_failure, "{answer}");
        }
    }

    #[tokio::test]
    async fn an_error_has_a_link_and_a_success_has_none() {
        let world = World::new().await;
        let seen = world.get("/wallets/1").await;
        assert_eq!(seen.status, 404);
        let link = seen.headers["florin-explain"].to_str().unwrap().to_owned();
        let links = Links::new("", [0; 32]);
        let (platform, request) = links.open(link.rsplit('/').next().unwrap()).unwrap();
        assert_eq!((platform, request.to_string()), (world.platform("me"), seen.get("Id")));
        let entry = world.log().find(platform, request).unwrap();
        assert_eq!((entry.status, entry.pattern, entry.path()), (404, "/v2.01/{ClientId}/wallets/{WalletId}", "/v2.01/me/wallets/1"));

        let found = world.get("/clients").await;
        assert_eq!((found.status.as_u16(), found.headers.get("florin-explain")), (200, None));
    }

    #[tokio::test]
    async fn who_is_not_known_is_noted_for_the_platform_that_is_named() {
        let world = World::new().await;
        let refused = world.call("GET", "/wallets/1", &[("Authorization", "Bearer x")], "").await;
        assert_eq!(refused.status, 401);
        assert!(refused.headers.contains_key("florin-explain"));
        let strangers = world.log().strangers("me");
        assert_eq!((strangers.len(), strangers[0].shown, strangers[0].status), (1, Shown::Bearer, 401));
        assert!(world.log().strangers("other").is_empty());
        assert!(world.log().find(world.platform("me"), strangers[0].request).is_none(), "it is none of the platform's own requests");

        let nowhere = http::Request::get("/v2.01/nobody/wallets/1").body(axum::body::Body::empty()).unwrap();
        let nowhere = world.send(nowhere).await;
        assert_eq!((nowhere.status.as_u16(), nowhere.headers.get("florin-explain")), (401, None));
    }

    #[tokio::test]
    async fn who_has_a_wrong_path_and_valid_credentials_is_known() {
        let world = World::new().await;
        let seen = world.get("/walets/1").await;
        assert_eq!(seen.status, 404);
        let (entries, total) = world.log().list(world.platform("me"), 0, 1, |entry| entry.status == 404);
        assert_eq!((entries[0].request.to_string(), entries[0].pattern, total), (seen.get("Id"), "", 1));
    }

    #[tokio::test]
    async fn tokens_and_what_reads_show_are_not_kept() {
        let world = World::new().await;
        world.get("/users").await;
        let (entries, _) = world.log().list(world.platform("me"), 0, 10, |_| true);
        assert!(entries.iter().all(|entry| entry.answer.is_none()), "a token and a list of users");
        assert!(entries.iter().any(|entry| entry.pattern.ends_with("/oauth/token") && entry.body().is_none()));
    }

    #[tokio::test]
    async fn habits_are_counted_as_they_are_seen() {
        let world = World::new().await;
        world.post("/wallets", &serde_json::json!({})).await;
        world.call("POST", "/wallets", &[("Idempotency-Key", "0123456789abcdef"), ("Authorization", "Basic bWU6a2V5LW9mLW1l")], "{}").await;
        let tally = world.log().tally(world.platform("me")).unwrap();
        let of = |habit| tally.of(habit);
        assert_eq!((of(Habit::PostWithoutKey), of(Habit::BasicOnCall), of(Habit::OldVersion)), (1, 1, 0));
    }

    #[tokio::test]
    async fn platforms_for_real_money_leave_no_trace_and_have_no_link() {
        let world = World::new().await;
        world.make_live("me").await;
        let seen = world.get("/wallets/1").await;
        assert_eq!((seen.status.as_u16(), seen.headers.get("florin-explain")), (404, None));
        let refused = world.call("GET", "/wallets/1", &[("Authorization", "Bearer x")], "").await;
        assert_eq!((refused.status.as_u16(), refused.headers.get("florin-explain")), (401, None));
        let logged = world.log().list(world.platform("me"), 0, 10, |entry| entry.status == 404).1;
        assert_eq!((logged, world.log().strangers("me").len()), (0, 0));
    }
}
