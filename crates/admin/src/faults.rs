//! Faults on request: what goes wrong with the platform's next calls and webhooks.

use std::time::Duration;

use axum::body::Body;
use domain::EventType;
use engine::{CallFault, FAULTS_MAX, Fault, FaultRoute, Trouble, WebhookFault};
use http::Response;
use serde::Serialize;

use crate::answer::{Problem, bytes, json};
use crate::call::Call;
use crate::fields::Fields;

/// Calls or webhooks that one fault is about, at most.
const COUNT_MAX: i64 = 100_000;
/// A call is held up no longer.
const LATENCY_MAX_MS: i64 = 60_000;
/// A webhook is late no longer: 30 days of business time.
const LATE_MAX_MS: i64 = 30 * 86_400_000;

/// Words for what may go wrong.
const KINDS: &[&str] = &[
    "latency",
    "429",
    "500",
    "503",
    "drop_before_commit",
    "drop_after_commit",
    "webhook_lost",
    "webhook_doubled",
    "webhook_late",
    "webhook_out_of_order",
];

#[derive(Serialize)]
struct FaultBody {
    id: String,
    kind: &'static str,
    /// Of calls: the method and pattern, or `*`.
    route: Option<String>,
    /// Of webhooks: the type of event, or `*`.
    event: Option<&'static str>,
    /// How long a call is held up, or a webhook is late.
    ms: Option<i64>,
    /// So many are left alone first.
    after: u32,
    /// So many are left to go wrong.
    count: u32,
}

#[derive(Serialize)]
struct FaultsBody {
    faults: Vec<FaultBody>,
}

#[derive(Serialize)]
struct RemovedBody {
    removed: usize,
}

/// `POST /faults`: has the next calls or webhooks go wrong. Fields: `kind` (one of [`KINDS`]); of calls `route`, of webhooks `event`,
/// `*` unless given; `ms` for what takes time; optional: `count` (1 unless given), `after` (0 unless given).
///
/// Faults are in memory, so no idempotency key is taken: it would be remembered for longer than they are.
pub async fn add(call: Call) -> Result<Response<Body>, Problem> {
    if call.has_key() {
        return Err(Problem::wrong_key("is not taken here: faults are in memory, and a key would outlast them".to_owned()));
    }
    let mut fields = call.fields()?;
    let trouble = trouble(&call, &mut fields);
    let mut whole = |name, unless_given: i64, min: i64| {
        let number = fields.integer(name).unwrap_or(unless_given);
        if !(min..=COUNT_MAX).contains(&number) {
            fields.note(name, format!("has to be from {min} to {COUNT_MAX}"));
        }
        u32::try_from(number).unwrap_or(0)
    };
    let (count, after) = (whole("count", 1, 1), whole("after", 0, 0));
    fields.finish()?;
    let Some(trouble) = trouble else { return Err(Problem::fault()) };
    match call.sandbox.faults.add(call.ctx.platform, trouble, after, count) {
        Ok(fault) => Ok(json(200, bytes(&body(&call, &fault)))),
        Err(_) => Err(Problem::conflict(format!("The platform has {FAULTS_MAX} faults, and no room for more. DELETE some."))),
    }
}

/// `GET /faults`: those that are not used up, and how much is left of each.
pub async fn list(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    let faults = call.sandbox.faults.of(call.ctx.platform).iter().map(|fault| body(&call, fault)).collect();
    Ok(json(200, bytes(&FaultsBody { faults })))
}

/// `DELETE /faults`: takes all of them away; calls that are held up go on.
pub async fn clear(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    Ok(json(200, bytes(&RemovedBody { removed: call.sandbox.faults.remove(call.ctx.platform, None) })))
}

/// `DELETE /faults/{id}`: takes one away.
pub async fn remove(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    let number: u64 = call.id.parse().map_err(|_| Problem::not_found("fault"))?;
    match call.sandbox.faults.remove(call.ctx.platform, Some(number)) {
        0 => Err(Problem::not_found("fault")),
        removed => Ok(json(200, bytes(&RemovedBody { removed }))),
    }
}

/// What a body asks for; `None` for what it says wrong, which is noted.
fn trouble(call: &Call, fields: &mut Fields) -> Option<Trouble> {
    let kind = fields.text("kind").unwrap_or_default();
    let (route, event) = (fields.text("route"), fields.text("event"));
    let ms = fields.integer("ms");
    let Some(kind) = KINDS.iter().copied().find(|known| *known == kind) else {
        fields.note("kind", format!("has to be one of: {}", KINDS.join(", ")));
        return None;
    };
    let takes = |fields: &mut Fields, max: i64| {
        let ms = ms.filter(|ms| (1..=max).contains(ms));
        if ms.is_none() {
            fields.note("ms", format!("has to be from 1 to {max} milliseconds"));
        }
        ms
    };
    let of_webhook = match kind {
        "webhook_lost" => Some(WebhookFault::Lost),
        "webhook_doubled" => Some(WebhookFault::Doubled),
        "webhook_out_of_order" => Some(WebhookFault::OutOfOrder),
        "webhook_late" => Some(WebhookFault::Late(takes(fields, LATE_MAX_MS).unwrap_or(0))),
        _ => None,
    };
    if let Some(fault) = of_webhook {
        if route.is_some() {
            fields.note("route", "is for calls; webhooks are named by event");
        }
        if ms.is_some() && kind != "webhook_late" {
            fields.note("ms", "is for what takes time");
        }
        return event_of(call, fields, event.as_deref()).map(|event| Trouble::Webhook(event, fault));
    }
    let fault = match kind {
        "429" => CallFault::TooMany,
        "500" => CallFault::Broken,
        "503" => CallFault::Busy,
        "drop_before_commit" => CallFault::DropBeforeCommit,
        "drop_after_commit" => CallFault::DropAfterCommit,
        _ => CallFault::Latency(Duration::from_millis(u64::try_from(takes(fields, LATENCY_MAX_MS).unwrap_or(0)).unwrap_or(0))),
    };
    if event.is_some() {
        fields.note("event", "is for webhooks; calls are named by route");
    }
    if ms.is_some() && kind != "latency" {
        fields.note("ms", "is for what takes time");
    }
    route_of(call, fields, route.as_deref()).map(|route| Trouble::Call(route, fault))
}

fn event_of(call: &Call, fields: &mut Fields, name: Option<&str>) -> Option<Option<EventType>> {
    match name {
        None | Some("*") => Some(None),
        Some(name) => {
            let event = (call.sandbox.event_of_name)(name);
            if event.is_none() {
                fields.note("event", "has to be a type of event, as PAYIN_NORMAL_SUCCEEDED, or *");
            }
            event.map(Some)
        }
    }
}

fn route_of(call: &Call, fields: &mut Fields, text: Option<&str>) -> Option<FaultRoute> {
    let route = match text {
        None | Some("*") => Some(FaultRoute::Any),
        Some(text) => text.split_once(' ').and_then(|(method, path)| {
            let found = (call.sandbox.route_of_text)(&method.to_ascii_uppercase(), path.trim());
            found.map(|(method, pattern)| FaultRoute::One(method, pattern))
        }),
    };
    if route.is_none() {
        fields.note("route", "has to be a method and a path of the API, as POST /v2.01/{ClientId}/transfers, or *");
    }
    route
}

fn body(call: &Call, fault: &Fault) -> FaultBody {
    let ms = |wait: Duration| i64::try_from(wait.as_millis()).ok();
    let (kind, route, event, ms) = match fault.trouble {
        Trouble::Call(route, fault) => {
            let route = match route {
                FaultRoute::Any => "*".to_owned(),
                FaultRoute::One(method, pattern) => format!("{method} {pattern}"),
            };
            let (kind, ms) = match fault {
                CallFault::Latency(wait) => ("latency", ms(wait)),
                CallFault::TooMany => ("429", None),
                CallFault::Broken => ("500", None),
                CallFault::Busy => ("503", None),
                CallFault::DropBeforeCommit => ("drop_before_commit", None),
                CallFault::DropAfterCommit => ("drop_after_commit", None),
            };
            (kind, Some(route), None, ms)
        }
        Trouble::Webhook(event, fault) => {
            let (kind, ms) = match fault {
                WebhookFault::Lost => ("webhook_lost", None),
                WebhookFault::Doubled => ("webhook_doubled", None),
                WebhookFault::Late(by_ms) => ("webhook_late", Some(by_ms)),
                WebhookFault::OutOfOrder => ("webhook_out_of_order", None),
            };
            (kind, None, Some(event.map_or("*", call.sandbox.name_of_event)), ms)
        }
    };
    FaultBody { id: fault.number.to_string(), kind, route, event, ms, after: fault.after, count: fault.count }
}
