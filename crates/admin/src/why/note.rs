//! Notes what was asked of the sandbox's own API, and adds the header that leads to an explanation.

use axum::body::Body;
use bytes::Bytes;
use domain::ids::{ApiKeyId, RequestId};
use domain::{Actor, PlatformId, Timestamp};
use edge::explain::FLORIN_EXPLAIN;
use edge::key::IDEMPOTENCY_KEY;
use edge::log::{ANSWER_KEPT_BYTES, Answered, By, Habit};
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;

use super::Why;
use crate::routes::ROUTES;

/// Paths whose bodies may hold a key, or are of no use: they are not kept.
const NEVER_KEPT: &[&str] = &["/sandbox/v1/platforms", "/sandbox/v1/requests", "/sandbox/v1/snapshots", "/sandbox/v1/restore"];

/// A request to be noted.
pub struct Asked {
    method: Method,
    path: String,
    pattern: &'static str,
    idempotency_key: Option<HeaderValue>,
    by: By,
    at: Timestamp,
}

impl Asked {
    /// What is known of a request when it comes.
    pub fn begin(why: &Why, parts: &Parts) -> Self {
        let scheme = parts.headers.get(AUTHORIZATION).and_then(|header| header.as_bytes().trim_ascii_start().first_chunk::<5>());
        let is_basic = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"basic"));
        Self {
            method: parts.method.clone(),
            path: parts.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            pattern: pattern_of(parts.uri.path()),
            idempotency_key: parts.headers.get(IDEMPOTENCY_KEY).cloned(),
            by: if is_basic { By::Basic } else { By::Bearer },
            at: why.clock.now(),
        }
    }

    /// Notes it once it is answered. What the owner of the data asks, who is none of the platform's programs, is not noted.
    pub async fn end(
        self,
        why: &Why,
        caller: (PlatformId, Actor),
        request: RequestId,
        body: Option<Bytes>,
        response: Response<Body>,
    ) -> Response<Body> {
        let (platform, actor) = caller;
        let Actor::ApiKey(key) = actor else { return response };
        let (mut response, answer) = told(response).await;
        let status = response.status();
        if !status.is_success()
            && let Some(link) = why.links.header(platform, request)
        {
            response.headers_mut().insert(FLORIN_EXPLAIN, link);
        }
        self.note(why, platform, key, request, body, status, answer);
        response
    }

    #[expect(clippy::too_many_arguments, reason = "a record of what was asked and answered, made in one place")]
    fn note(
        self,
        why: &Why,
        platform: PlatformId,
        key: ApiKeyId,
        request: RequestId,
        body: Option<Bytes>,
        status: StatusCode,
        answer: Option<Bytes>,
    ) {
        let may_be_kept = !NEVER_KEPT.iter().any(|path| self.path.starts_with(path));
        let mut habits = vec![Habit::Call];
        // Looking back is nothing that production would do otherwise.
        if self.method != Method::GET {
            habits.push(Habit::SandboxCall);
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            habits.push(Habit::TooMany);
        }
        let answered = Answered {
            request,
            platform,
            key,
            by: self.by,
            at: self.at,
            took_ms: u32::try_from(why.clock.now().ms().saturating_sub(self.at.ms())).unwrap_or(0),
            method: &self.method,
            pattern: self.pattern,
            path: &self.path,
            idempotency_key: self.idempotency_key.as_ref(),
            body: body.as_deref().filter(|_| may_be_kept),
            status: status.as_u16(),
            // Successes may show a key once.
            answer: answer.filter(|_| !status.is_success()),
        };
        why.log.note(answered, &habits);
    }
}

/// An answer, and its bytes if they are here already and few. One that is still to come is left alone.
async fn told(response: Response<Body>) -> (Response<Body>, Option<Bytes>) {
    let is_here = response.body().size_hint().exact().is_some_and(|bytes| bytes <= ANSWER_KEPT_BYTES as u64);
    if response.status().is_success() || !is_here {
        return (response, None);
    }
    let (parts, body) = response.into_parts();
    match body.collect().await {
        Ok(whole) => {
            let bytes = whole.to_bytes();
            (Response::from_parts(parts, Body::from(bytes.clone())), Some(bytes))
        }
        Err(_) => (Response::from_parts(parts, Body::empty()), None),
    }
}

/// The pattern that a path is of; empty where there is none.
fn pattern_of(path: &str) -> &'static str {
    let path = path.trim_end_matches('/');
    let fits = |pattern: &str| {
        let (mut fixed, mut given) = (pattern.split('/'), path.split('/'));
        loop {
            match (fixed.next(), given.next()) {
                (None, None) => return true,
                (Some(fixed), Some(given)) if fixed == given || fixed == "{id}" => {}
                _ => return false,
            }
        }
    };
    ROUTES.iter().map(|route| route.path).find(|pattern| fits(pattern)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_its_pattern() {
        for (path, pattern) in [
            ("/sandbox/v1/payins/7/receive", "/sandbox/v1/payins/{id}/receive"),
            ("/sandbox/v1/wires/", "/sandbox/v1/wires"),
            ("/sandbox/v1/payins/7/x", ""),
            ("/sandbox/v1", ""),
        ] {
            assert_eq!(pattern_of(path), pattern);
        }
    }
}
