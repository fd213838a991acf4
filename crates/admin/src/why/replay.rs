//! Sending a request again, as a new one.

use axum::body::Body;
use edge::key::IDEMPOTENCY_KEY;
use edge::log::Entry;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::BodyExt;
use serde::Serialize;
use serde_json::Value;

use super::{Why, request_id};
use crate::answer::{Problem, bytes};
use crate::call::{Call, Told};

/// An answer that is longer is not told.
const ANSWER_MAX_BYTES: usize = 256 * 1_024;

#[derive(Serialize)]
struct Replayed {
    /// The request that was sent again.
    of: String,
    status: u16,
    /// What it was answered this time, as its caller is.
    answer: Value,
    /// Where its explanation is, if it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<String>,
}

/// Whether all of a request is here, and it is one of the platform's API.
pub fn can_be(entry: &Entry) -> bool {
    entry.is_whole() && !entry.pattern.is_empty() && entry.path().starts_with("/v")
}

/// `POST /requests/{id}/replay`: sends a request again as a new one, under the credentials of this call and a fresh idempotency
/// key. What its caller may not do is refused as ever.
pub async fn replay(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    let why = call.sandbox.why.clone();
    let entry =
        request_id(&call.id).and_then(|id| why.log.find(call.ctx.platform, id)).ok_or_else(|| Problem::not_found("request any more"))?;
    if !can_be(&entry) {
        return Err(Problem::conflict("The request cannot be sent again: it is not one of the platform's API, or not all of it was kept."));
    }
    let Some(authorization) = call.authorization.clone() else {
        return Err(Problem::conflict("Only a platform itself can send its requests again."));
    };
    call.once(move |call, _: Told| async move {
        let request = again(&entry, authorization, &call.ctx.request.to_string()).ok_or_else(Problem::fault)?;
        told(&why, &entry, request).await
    })
    .await
}

fn again(entry: &Entry, authorization: HeaderValue, key: &str) -> Option<Request<Body>> {
    let mut request = Request::builder().method(entry.method.clone()).uri(entry.path()).header(AUTHORIZATION, authorization);
    if entry.method == Method::POST {
        request = request.header(IDEMPOTENCY_KEY, key);
    }
    if entry.method != Method::GET {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    request.body(Body::from(entry.body()?.to_vec())).ok()
}

async fn told(why: &Why, entry: &Entry, request: Request<Body>) -> Result<Vec<u8>, Problem> {
    let (parts, body) = (why.resend)(request).await.into_parts();
    let answer = body.collect().await.map_err(|_| Problem::unavailable())?.to_bytes();
    let answer = match answer.len() {
        0..=ANSWER_MAX_BYTES => serde_json::from_slice(&answer).unwrap_or_default(),
        length => Value::String(format!("…({length} bytes)")),
    };
    let explain = parts.headers.get(edge::explain::FLORIN_EXPLAIN).and_then(|link| link.to_str().ok()).map(str::to_owned);
    Ok(bytes(&Replayed { of: entry.request.to_string(), status: parts.status.as_u16(), answer, explain }))
}
