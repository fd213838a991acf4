//! The paths of the sandbox that look back.

use axum::body::Body;
use domain::platform::Platform;
use edge::mask::hidden;
use http::Response;
use serde::Serialize;
use std::sync::Arc;

pub use super::replay::replay;
use super::request_id;
use super::requests::{Shown, ShownStranger, Wanted};
use crate::answer::{Problem, bytes, json};
use crate::call::{Call, read_failed};

/// Requests of a page unless it is said otherwise, and at most.
const PAGE_DEFAULT: i64 = 20;
const PAGE_MAX: i64 = 100;

#[derive(Serialize)]
struct Requests {
    /// How many there are that the filters take.
    total: usize,
    requests: Vec<Shown>,
    /// Those of callers who are not known and named this platform; only where they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    strangers: Option<Vec<ShownStranger>>,
}

/// `GET /requests`: the platform's newest requests, newest first. Query, optional: `method`, `status`, `failed`, `path` (a part of
/// it), `object` (an id in it), `idempotency_key`, `after` and `before` (milliseconds), `strangers`, `page`, `per_page`.
pub async fn requests(call: Call) -> Result<Response<Body>, Problem> {
    let platform = platform(&call).await?;
    let why = &call.sandbox.why;
    let mut fields = call.fields()?;
    let mut flag = |name: &'static str| match fields.text(name).as_deref() {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => {
            fields.note(name, "has to be true or false");
            None
        }
    };
    let (is_failed, with_strangers) = (flag("failed"), flag("strangers").unwrap_or(false));
    let status = fields.integer("status");
    let wanted = Wanted {
        method: fields.text("method"),
        status: status.map(|status| u16::try_from(status).unwrap_or(0)),
        is_failed,
        path: fields.text("path"),
        object: fields.text("object"),
        idempotency_hash: fields.text("idempotency_key").map(|key| why.log.hash_of(&key)),
        after_ms: fields.integer("after"),
        before_ms: fields.integer("before"),
    };
    let page = fields.integer("page").unwrap_or(1);
    let size = fields.integer("per_page").unwrap_or(PAGE_DEFAULT);
    if page < 1 {
        fields.note("page", "has to be 1 or more");
    }
    if !(1..=PAGE_MAX).contains(&size) {
        fields.note("per_page", format!("has to be from 1 to {PAGE_MAX}"));
    }
    fields.finish()?;
    let limit = usize::try_from(size).unwrap_or(0);
    let skipped = usize::try_from(page.saturating_sub(1)).unwrap_or(usize::MAX).saturating_mul(limit);
    let (requests, total) = why.page(call.ctx.platform, &platform, &wanted, skipped, limit);
    let strangers = with_strangers.then(|| {
        let known = why.log.strangers(&platform.client_id);
        known.iter().map(|stranger| why.shown_stranger(stranger, &platform.client_id)).collect()
    });
    Ok(json(200, bytes(&Requests { total, requests, strangers })))
}

/// `GET /requests/{id}`: one request, without what it says of people.
pub async fn request(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    let platform = platform(&call).await?;
    let why = &call.sandbox.why;
    let id = request_id(&call.id);
    if let Some(entry) = id.and_then(|id| why.log.find(call.ctx.platform, id)) {
        return Ok(json(200, bytes(&why.shown(&entry, &platform.client_id))));
    }
    let stranger =
        id.and_then(|id| why.log.find_stranger(&platform.client_id, id)).ok_or_else(|| Problem::not_found("request any more"))?;
    Ok(json(200, bytes(&why.shown_stranger(&stranger, &platform.client_id))))
}

/// `GET /why/{id}`: why something was refused, or is not done yet: a request, an object, a code.
pub async fn why(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    let explanation = call.sandbox.why.explain(call.ctx.platform, &call.id).await.map_err(|error| read_failed(&call.ctx, &error))?;
    match explanation {
        Some(explanation) => Ok(json(200, bytes(&explanation))),
        None => Err(Problem::not_found("request, object or code; requests are remembered for a while only")),
    }
}

/// `GET /timeline/{id}`: what happened to one object, in order of time.
pub async fn timeline(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    let timeline = call.sandbox.why.timeline(call.ctx.platform, &call.id).await.map_err(|error| read_failed(&call.ctx, &error))?;
    match timeline {
        Some(timeline) => Ok(json(200, bytes(&timeline))),
        None => Err(Problem::not_found(&format!("object: {}", hidden(&call.id)))),
    }
}

/// `GET /golive`: what the platform uses that production does not have.
pub async fn golive(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    let platform = platform(&call).await?;
    let report = call.sandbox.why.golive(call.ctx.platform, &platform).await.map_err(|error| read_failed(&call.ctx, &error))?;
    Ok(json(200, bytes(&report)))
}

async fn platform(call: &Call) -> Result<Arc<Platform>, Problem> {
    let found = call.sandbox.why.sandbox_platform(call.ctx.platform).await.map_err(|error| read_failed(&call.ctx, &error))?;
    found.ok_or_else(Problem::nowhere)
}
