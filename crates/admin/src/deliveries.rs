//! What listeners were told, what they answered, and telling them once more.

use axum::body::Body;
use domain::hook::{Delivery, DeliveryState, Redeliver, RedeliverError};
use domain::ids::{DeliveryId, HookId};
use domain::{GivenText, PaymentId, UserId, WalletId};
use engine::DeliveryFilter;
use http::Response;
use ledger::Uid;
use serde::Serialize;

use crate::Sandbox;
use crate::answer::{Problem, bytes, json};
use crate::call::{Call, read_failed};
use crate::ids;

/// Deliveries of a page, unless it is said.
const PAGE: i64 = 20;
/// Deliveries of a page at most.
const PAGE_MAX: i64 = 100;
/// What ids of the wire begin with that a subject may have.
const PREFIXES: &[&str] =
    &["user_m_", "wlt_m_", "payin_m_", "xfer_m_", "po_m_", "refund_m_", "repud_m_", "card_m_", "cardreg_m_", "cardval_m_", "bankacc_m_"];

/// A delivery, as it is shown.
#[derive(Serialize)]
pub struct DeliveryBody {
    /// The event's id, and the delivery's: the header `webhook-id` of every attempt.
    id: String,
    hook: String,
    /// The dialect's name of what happened.
    event: &'static str,
    subject: String,
    /// When it happened, business time, unix seconds.
    at: i64,
    /// `pending`, `delivered`, `failed`, `stopped` or `lost`.
    state: &'static str,
    attempts: u32,
    /// When it is sent next, business time, unix seconds.
    next_at: Option<i64>,
    /// The last attempt, if there was one.
    last: Option<AttemptBody>,
}

#[derive(Serialize)]
struct AttemptBody {
    /// Business time, unix seconds.
    at: i64,
    /// The status of the answer.
    status: Option<u16>,
    /// Why there was none: `timed_out`, `unresolved`, `not_allowed`, `unreachable`, `untrusted` or `broken`.
    error: Option<&'static str>,
    took_ms: Option<u32>,
}

#[derive(Serialize)]
struct PageBody {
    deliveries: Vec<DeliveryBody>,
    /// `before` of the next page; null at the end.
    next: Option<String>,
}

/// `GET /deliveries`: newest first. Fields, optional: `event_id`, `subject`, `state`, `hook`, `limit`, and `before`, which is `next` of the
/// page before.
pub async fn list(call: Call) -> Result<Response<Body>, Problem> {
    let mut fields = call.fields()?;
    let event = fields.text("event_id").map(|text| Uid::parse(&text).map(DeliveryId));
    let subject = fields.text("subject").map(|text| any_id(&text));
    let state = fields.text("state").map(|word| DeliveryState::ALL.iter().copied().find(|state| state.word() == word));
    let hook = fields.text("hook").map(|text| ids::parse::<HookId>("hook_m_", &text));
    let before = fields.text("before").map(|text| Uid::parse(&text).map(DeliveryId));
    let limit = fields.integer("limit").unwrap_or(PAGE);
    for (name, is_wrong) in [
        ("event_id", matches!(event, Some(None))),
        ("subject", matches!(subject, Some(None))),
        ("hook", matches!(hook, Some(None))),
        ("before", matches!(before, Some(None))),
    ] {
        if is_wrong {
            fields.note(name, "is not an id");
        }
    }
    if matches!(state, Some(None)) {
        let words: Vec<&str> = DeliveryState::ALL.iter().map(|state| state.word()).collect();
        fields.note("state", format!("has to be one of {}", words.join(", ")));
    }
    if !(1..=PAGE_MAX).contains(&limit) {
        fields.note("limit", format!("has to be from 1 to {PAGE_MAX}"));
    }
    fields.finish()?;
    let filter = DeliveryFilter { subject: subject.flatten(), state: state.flatten(), hook: hook.flatten(), before: before.flatten() };
    let Call { sandbox, ctx, .. } = &call;
    let (rows, next) = match event.flatten() {
        Some(id) => {
            let found = sandbox.deliveries.delivery(ctx.platform, id).await.map_err(|error| read_failed(ctx, &error))?;
            (found.into_iter().filter(|it| comes_through(filter, it)).collect(), None)
        }
        None => {
            let size = u32::try_from(limit).unwrap_or(1);
            let page = sandbox.deliveries.deliveries(ctx.platform, filter, size).await.map_err(|error| read_failed(ctx, &error))?;
            (page.rows, page.next)
        }
    };
    let deliveries = rows.iter().map(|delivery| body(sandbox, delivery)).collect();
    Ok(json(200, bytes(&PageBody { deliveries, next: next.map(|next| next.to_string()) })))
}

/// `GET /deliveries/{id}`.
pub async fn view(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    let Call { sandbox, ctx, .. } = &call;
    let found = sandbox.deliveries.delivery(ctx.platform, named(&call)?).await.map_err(|error| read_failed(ctx, &error))?;
    let delivery = found.ok_or_else(|| Problem::not_found("delivery"))?;
    Ok(json(200, bytes(&body(sandbox, &delivery))))
}

/// `POST /deliveries/{id}/again`: it is sent once more, now, however it ended.
pub async fn again(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    let (delivery, sandbox) = (named(&call)?, std::sync::Arc::clone(&call.sandbox));
    let name = sandbox.name_of_event;
    let answered = call.submit(Redeliver { delivery }, move |result| match result {
        Ok(delivery) => Ok(bytes(&of(name, delivery))),
        Err(RedeliverError::NotFound) => Err(Problem::not_found("delivery")),
        Err(RedeliverError::NotListening) => Err(Problem::conflict("The hook is disabled or invalid: nothing is sent to it.")),
    });
    let answered = answered.await;
    sandbox.engine.fresh().wake();
    answered
}

fn named(call: &Call) -> Result<DeliveryId, Problem> {
    Uid::parse(&call.id).map(DeliveryId).ok_or_else(|| Problem::not_found("delivery"))
}

/// An id of whatever kind.
fn any_id(text: &str) -> Option<Uid> {
    let of_wire = PREFIXES.iter().filter(|prefix| text.starts_with(**prefix)).find_map(|prefix| match *prefix {
        "user_m_" => ids::parse::<UserId>(prefix, text).map(|id| id.0),
        "wlt_m_" => ids::parse::<WalletId>(prefix, text).map(|id| id.0),
        _ => ids::parse::<PaymentId>(prefix, text).map(|id| id.0),
    });
    of_wire.or_else(|| Uid::parse(text)).or_else(|| GivenText::number(text).map(|given| given.id(<PaymentId as domain::Named>::SPACE)))
}

fn comes_through(filter: DeliveryFilter, delivery: &Delivery) -> bool {
    filter.subject.is_none_or(|subject| subject == delivery.subject)
        && filter.state.is_none_or(|state| state == delivery.state)
        && filter.hook.is_none_or(|hook| hook == delivery.hook)
        && filter.before.is_none_or(|before| delivery.id < before)
}

fn body(sandbox: &Sandbox, delivery: &Delivery) -> DeliveryBody {
    of(sandbox.name_of_event, delivery)
}

fn of(name: fn(domain::EventType) -> &'static str, delivery: &Delivery) -> DeliveryBody {
    let last = delivery.tried_at.zip(delivery.told).map(|(at, told)| AttemptBody {
        at: at.seconds(),
        status: match told {
            domain::hook::Told::Status(status) => Some(status),
            _ => None,
        },
        error: told.trouble(),
        took_ms: delivery.took_ms,
    });
    DeliveryBody {
        id: delivery.id.to_string(),
        hook: delivery.hook.to_string(),
        event: name(delivery.event),
        subject: delivery.subject.to_string(),
        at: delivery.at.seconds(),
        state: delivery.state.word(),
        attempts: delivery.attempts,
        next_at: delivery.due_at.map(domain::Timestamp::seconds),
        last,
    }
}
