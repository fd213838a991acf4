//! The built-in receiver of webhooks: where it is, what came to it, and what it is to answer.

use axum::body::Body;
use edge::receiver::{Came, DELAY_MAX_MS, KEPT_MAX, Reply, STATUSES};
use http::Response;
use serde::Serialize;
use std::collections::BTreeMap;

use crate::answer::{Problem, bytes, json};
use crate::call::Call;

/// Requests of a page, unless it is said.
const PAGE: i64 = 20;

#[derive(Serialize)]
struct ReceiverBody {
    /// What hooks name, and a browser opens. Whoever has it sees the page.
    url: String,
    /// What it answers where the URL of the hook does not say.
    answer: ReplyBody,
    /// What came, newest first.
    received: Vec<CameBody>,
}

#[derive(Serialize)]
struct ReplyBody {
    status: u16,
    delay_ms: u32,
}

#[derive(Serialize)]
struct CameBody {
    /// Real time, milliseconds.
    at_ms: i64,
    event: String,
    /// `RessourceId` of the query.
    subject: String,
    query: String,
    /// The delivery, as `/deliveries/{id}` has it; null for a request that nobody here sent.
    delivery: Option<String>,
    headers: BTreeMap<&'static str, String>,
    answered: ReplyBody,
}

impl From<Reply> for ReplyBody {
    fn from(Reply { status, delay_ms }: Reply) -> Self {
        Self { status, delay_ms }
    }
}

impl From<&Came> for CameBody {
    fn from(came: &Came) -> Self {
        Self {
            at_ms: came.at.ms(),
            event: came.event.clone(),
            subject: came.subject.clone(),
            query: came.query.clone(),
            delivery: came.delivery().map(str::to_owned),
            headers: came.headers.iter().cloned().collect(),
            answered: came.reply.into(),
        }
    }
}

/// `GET /receiver`. Query, optional: `limit`, the requests that are shown.
pub async fn view(call: Call) -> Result<Response<Body>, Problem> {
    let mut fields = call.fields()?;
    let limit = fields.integer("limit").unwrap_or(PAGE);
    let size = usize::try_from(limit).ok().filter(|size| (1..=KEPT_MAX).contains(size));
    if size.is_none() {
        fields.note("limit", format!("has to be from 1 to {KEPT_MAX}"));
    }
    fields.finish()?;
    Ok(json(200, shown(&call, size.unwrap_or(0))))
}

/// `POST /receiver`: what it answers from now on. Fields, optional: `status` (200 unless given), `delay_ms` (0 unless given).
pub async fn set(call: Call) -> Result<Response<Body>, Problem> {
    let mut fields = call.fields()?;
    let status = fields.integer("status").map_or(Some(Reply::default().status), |status| u16::try_from(status).ok());
    let status = status.filter(|status| STATUSES.contains(status));
    if status.is_none() {
        fields.note("status", format!("has to be from {} to {}", STATUSES.start(), STATUSES.end()));
    }
    let delay_ms = u32::try_from(fields.integer("delay_ms").unwrap_or(0)).ok().filter(|delay_ms| *delay_ms <= DELAY_MAX_MS);
    if delay_ms.is_none() {
        fields.note("delay_ms", format!("has to be from 0 to {DELAY_MAX_MS} milliseconds"));
    }
    fields.finish()?;
    if let (Some(status), Some(delay_ms)) = (status, delay_ms) {
        call.sandbox.receivers.set(call.ctx.platform, Reply { status, delay_ms });
    }
    Ok(json(200, shown(&call, 0)))
}

/// `DELETE /receiver`: what came is forgotten, and it answers 200 at once again.
pub async fn clear(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    call.sandbox.receivers.forget(call.ctx.platform);
    Ok(json(200, shown(&call, 0)))
}

fn shown(call: &Call, size: usize) -> Vec<u8> {
    let (receivers, platform) = (&call.sandbox.receivers, call.ctx.platform);
    let received = receivers.came(platform).iter().take(size).map(|came| CameBody::from(&**came)).collect();
    bytes(&ReceiverBody { url: receivers.url(platform), answer: receivers.reply(platform).into(), received })
}
