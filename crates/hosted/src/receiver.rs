//! The built-in receiver of webhooks: it takes what hooks are told, and shows a browser every delivery and its answer.
//!
//! Both are at one URL, which is the credential (ADR 64): a request that tells of an event is a delivery, any other is somebody who
//! looks. The page has no script, renews itself, and shows the deliveries of the whole platform, wherever they went.

mod page;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use ::explain::Explanation;
use ::explain::timeline::Timeline;
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::routing::get;
use domain::hook::{Delivery, Hook};
use domain::ids::{DeliveryId, HookId};
use domain::platform::{Environment, Platform};
use domain::{PlatformId, RecordKey, Resource};
use edge::receiver::{Came, DELAY_MAX_MS, RECEIVER, Receivers, Reply, STATUSES, value};
use engine::{Clock, Deliveries, DeliveryFilter, Reads, StoreError};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use ledger::Uid;

use crate::explain::{Later, Unavailable};
use crate::page::{Page, escaped, redirect};

/// Deliveries of a page.
const ROWS: u32 = 40;
/// Bytes of a form at most: a button's.
const FORM_MAX_BYTES: usize = 1_024;

/// Knows what is known of an object of a platform.
pub trait Lookout: Send + Sync {
    /// The dialect's name of a delivery's event, and of what it happened to.
    fn names(&self, delivery: &Delivery) -> (&'static str, String);
    /// Why it was refused, or is not done; `None` for what is not known.
    fn why<'a>(&'a self, platform: PlatformId, id: &'a str) -> Later<'a, Result<Option<Explanation>, Unavailable>>;
    /// What happened to it.
    fn timeline<'a>(&'a self, platform: PlatformId, id: &'a str) -> Later<'a, Result<Option<Timeline>, Unavailable>>;
}

/// What the receiver works with.
pub struct Receiver {
    /// What it remembers.
    pub receivers: Receivers,
    /// Knows platforms and hooks.
    pub reads: Arc<dyn Reads>,
    /// Knows deliveries.
    pub deliveries: Arc<dyn Deliveries>,
    /// Tells real time.
    pub clock: Arc<dyn Clock>,
    /// Knows objects.
    pub lookout: Arc<dyn Lookout>,
}

/// The receiver as a service: `/sandbox/receiver/{token}`, and `/{id}` below it for one object.
pub fn router(receiver: Arc<Receiver>) -> Router {
    Router::new()
        .route(&format!("{RECEIVER}{{token}}"), get(take).post(set))
        .route(&format!("{RECEIVER}{{token}}/{{id}}"), get(object))
        .with_state(receiver)
}

type Shared = State<Arc<Receiver>>;

/// A delivery, or somebody who looks.
async fn take(
    State(receiver): Shared,
    token: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response<Body> {
    let token = token.map(|Path(token)| token).unwrap_or_default();
    let query = query.unwrap_or_default();
    let platform = match receiver.sandbox(&token).await {
        Ok(Some(platform)) => platform,
        Ok(None) => return nowhere(),
        Err(_) => return not_now(),
    };
    let now = receiver.clock.now();
    let reply = receiver.reply(platform, &query);
    match Came::read(&query, &headers, now, reply.unwrap_or(Reply { status: 400, delay_ms: 0 })) {
        None => receiver.show(platform, &token, &query).await.unwrap_or_else(|_| not_now()),
        Some(came) => receiver.answer(platform, came, reply).await,
    }
}

/// A button of the page: what is answered from now on.
async fn set(State(receiver): Shared, token: Result<Path<String>, PathRejection>, body: Body) -> Response<Body> {
    let token = token.map(|Path(token)| token).unwrap_or_default();
    let platform = match receiver.sandbox(&token).await {
        Ok(Some(platform)) => platform,
        Ok(None) => return nowhere(),
        Err(_) => return not_now(),
    };
    let form = axum::body::to_bytes(body, FORM_MAX_BYTES).await.unwrap_or_default();
    let form = String::from_utf8_lossy(&form);
    match said(&form).filter(|_| value(&form, "status").is_some()) {
        Some(reply) => receiver.receivers.set(platform, reply.over(Reply::default())),
        None => return Page::notice(StatusCode::BAD_REQUEST, "That is no answer", &within()).respond(),
    }
    redirect(&format!("{RECEIVER}{token}"))
}

/// What happened to one object, and why it is as it is.
async fn object(State(receiver): Shared, parts: Result<Path<(String, String)>, PathRejection>) -> Response<Body> {
    let (token, id) = parts.map(|Path(parts)| parts).unwrap_or_default();
    let platform = match receiver.sandbox(&token).await {
        Ok(Some(platform)) => platform,
        Ok(None) => return nowhere(),
        Err(_) => return not_now(),
    };
    let found = (receiver.lookout.why(platform, &id).await, receiver.lookout.timeline(platform, &id).await);
    let (Ok(why), Ok(timeline)) = found else { return not_now() };
    if why.is_none() && timeline.is_none() {
        return Page::notice(StatusCode::NOT_FOUND, "Nothing is known here", "The platform has no such object.").respond();
    }
    page::object(&token, &id, why.as_ref(), timeline.as_ref())
}

impl Receiver {
    /// The sandbox platform of a token. For real money there is no receiver.
    async fn sandbox(&self, token: &str) -> Result<Option<PlatformId>, StoreError> {
        let Some(platform) = self.receivers.open(token) else { return Ok(None) };
        let key = RecordKey { kind: Platform::KIND, platform, id: platform.0 };
        let body = self.reads.record(key).await?.and_then(|record| record.body::<Platform>());
        let is_there = body.is_some_and(|body| body.environment == Environment::Sandbox && !body.has_ended());
        Ok(is_there.then_some(platform))
    }

    /// What a delivery is answered: what the hook's URL says, or else what was set. `None`: the URL says what is no answer.
    fn reply(&self, platform: PlatformId, query: &str) -> Option<Reply> {
        said(query).map(|said| said.over(self.receivers.reply(platform)))
    }

    async fn answer(&self, platform: PlatformId, came: Came, reply: Option<Reply>) -> Response<Body> {
        self.receivers.note(platform, came);
        let Some(reply) = reply else { return text(400, &within()) };
        if reply.delay_ms > 0 {
            let Some(_held) = self.receivers.hold(platform) else {
                return text(503, "Too many answers of this platform are held up already.");
            };
            tokio::time::sleep(Duration::from_millis(u64::from(reply.delay_ms))).await;
        }
        text(reply.status, "")
    }

    /// The page.
    async fn show(&self, platform: PlatformId, token: &str, query: &str) -> Result<Response<Body>, StoreError> {
        let before = value(query, "before").and_then(|text| Uid::parse(&text)).map(DeliveryId);
        let filter = DeliveryFilter { before, ..DeliveryFilter::default() };
        let listed = self.deliveries.deliveries(platform, filter, ROWS).await?;
        let key = RecordKey { kind: Platform::KIND, platform, id: platform.0 };
        let record = self.reads.record(key).await?.and_then(|record| record.body::<Platform>());
        let (client_id, now) =
            record.map_or_else(Default::default, |body| (body.client_id.clone(), Some(self.clock.now().plus_ms(body.clock_offset_ms))));
        let mut came = self.receivers.came(platform);
        let mut rows = Vec::with_capacity(listed.rows.len());
        for delivery in listed.rows {
            let target = self.target(platform, delivery.hook).await?;
            let id = delivery.id.to_string();
            let (its, others): (Vec<_>, Vec<_>) = came.into_iter().partition(|one| one.delivery() == Some(&*id));
            came = others;
            let (event, subject) = self.lookout.names(&delivery);
            rows.push(page::Row { delivery, event, subject, target, came: its });
        }
        // What no delivery of this page explains: older ones, and whatever else somebody sent here.
        if before.is_some() {
            came.clear();
        } else if listed.next.is_some() {
            came.retain(|one| one.delivery().is_none());
        }
        let shown = page::Shown {
            token,
            url: self.receivers.url(platform),
            client_id,
            now,
            reply: self.receivers.reply(platform),
            rows,
            others: came,
            next: listed.next,
            is_first: before.is_none(),
            is_still: query == "still",
        };
        Ok(shown.respond())
    }

    /// Where a hook leads, without its query, which may have secrets; `None` for one that leads here.
    async fn target(&self, platform: PlatformId, hook: HookId) -> Result<page::Target, StoreError> {
        let record = self.reads.record(RecordKey { kind: Hook::KIND, platform, id: hook.0 }).await?;
        let Some(hook) = record.and_then(|record| record.body::<Hook>()) else { return Ok(page::Target::Gone) };
        let url = hook.url.expose();
        let (whole, query) = url.split_once('?').unwrap_or((url, ""));
        let is_here = whole.strip_prefix(&self.receivers.base()).is_some_and(|token| self.receivers.open(token) == Some(platform));
        Ok(if is_here {
            page::Target::Here(
                said(query).filter(|said| said.status.or(said.delay_ms.map(|_| 0)).is_some()).map(|said| said.over(Reply::default())),
            )
        } else {
            page::Target::Elsewhere(whole.to_owned())
        })
    }
}

/// What a query says of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Said {
    status: Option<u16>,
    delay_ms: Option<u32>,
}

impl Said {
    fn over(self, other: Reply) -> Reply {
        Reply { status: self.status.unwrap_or(other.status), delay_ms: self.delay_ms.unwrap_or(other.delay_ms) }
    }
}

/// `None`: it says what is no answer.
fn said(query: &str) -> Option<Said> {
    let status = value(query, "status").map(|text| text.parse().ok().filter(|status| STATUSES.contains(status)));
    let delay_ms = value(query, "delay_ms").map(|text| text.parse().ok().filter(|ms| *ms <= DELAY_MAX_MS));
    match (status, delay_ms) {
        (Some(None), _) | (_, Some(None)) => None,
        (status, delay_ms) => Some(Said { status: status.flatten(), delay_ms: delay_ms.flatten() }),
    }
}

fn within() -> String {
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ = write!(text, "status has to be from {} to {}, delay_ms from 0 to {DELAY_MAX_MS}.", STATUSES.start(), STATUSES.end());
    text
}

fn text(status: u16, body: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(escaped(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn nowhere() -> Response<Body> {
    Page::notice(StatusCode::NOT_FOUND, "There is no such page", "The address is not one of this server's, or its platform has ended.")
        .respond()
}

fn not_now() -> Response<Body> {
    Page::notice(StatusCode::SERVICE_UNAVAILABLE, "Try again", "The deliveries could not be read just now.").respond()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_what_is_answered_within_bounds() {
        let reply = |query: &str| said(query).map(|said| said.over(Reply { status: 204, delay_ms: 7 }));
        let of = |status, delay_ms| Some(Reply { status, delay_ms });
        assert_eq!(reply("EventType=X"), of(204, 7));
        assert_eq!(reply("status=500&EventType=X"), of(500, 7));
        assert_eq!(reply("delay_ms=10000&status=200"), of(200, 10_000));
        for query in ["status=199", "status=600", "status=", "status=abc", "delay_ms=10001", "delay_ms=-1", "status=200&delay_ms=x"] {
            assert_eq!(reply(query), None, "{query}");
        }
    }
}
