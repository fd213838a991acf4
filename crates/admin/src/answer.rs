//! Answers and errors, as JSON.

use axum::body::Body;
use domain::ids::RequestId;
use edge::key::IDEMPOTENCY_KEY;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::fields::Wrong;

/// Seconds a client is asked to wait when too much is asked at once.
const RETRY_AFTER_S: u64 = 1;

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: u16,
    error: &'static str,
    message: String,
    fields: Wrong,
    /// The methods that a path has, where another one was asked for.
    allow: String,
}

#[derive(Serialize)]
struct ProblemBody<'a> {
    /// A word for programs.
    error: &'a str,
    /// A sentence for people.
    message: &'a str,
    /// What is wrong with each field, if anything is.
    #[serde(skip_serializing_if = "Wrong::is_empty")]
    fields: &'a Wrong,
    /// Leads to the log.
    request: String,
}

impl Problem {
    fn new(status: u16, error: &'static str, message: impl Into<String>) -> Self {
        Self { status, error, message: message.into(), fields: Wrong::new(), allow: String::new() }
    }

    /// Fields that are missing or wrong, all of them.
    pub fn invalid(fields: Wrong) -> Self {
        Self { fields, ..Self::new(400, "invalid_request", "One or several fields are missing or wrong.") }
    }

    /// A body that is not a JSON object.
    pub fn malformed() -> Self {
        Self::new(400, "invalid_request", "The body is not a JSON object.")
    }

    /// Something in the path that is not there.
    pub fn not_found(what: &str) -> Self {
        Self::new(404, "not_found", format!("There is no such {what}."))
    }

    /// A path that leads nowhere; on production platforms all of them.
    pub fn nowhere() -> Self {
        Self::new(404, "not_found", "There is nothing here.")
    }

    /// A path that is there, by other methods: `allow` names them.
    pub fn method(allow: String) -> Self {
        Self { allow: allow.clone(), ..Self::new(405, "method_not_allowed", format!("This is asked for by {allow}.")) }
    }

    /// Credentials that are missing or wrong.
    pub fn denied() -> Self {
        Self::new(401, "unauthorized", "Call with an API key (Basic) or a token (Bearer) of a sandbox platform.")
    }

    /// A key that is not allowed this.
    pub fn forbidden() -> Self {
        Self::new(403, "forbidden", "The API key is not allowed this.")
    }

    /// Too many calls.
    pub fn too_many() -> Self {
        Self::new(429, "too_many_requests", "The platform has called too often; the X-RateLimit headers say when it may again.")
    }

    /// An idempotency key that is none.
    pub fn wrong_key(text: String) -> Self {
        Self::invalid(Wrong::from([(IDEMPOTENCY_KEY.into(), text)]))
    }

    /// A body that did not come in time.
    pub fn timed_out() -> Self {
        Self::new(408, "timed_out", "The body did not come in time.")
    }

    /// What cannot happen in the present state.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, "conflict", message)
    }

    /// A body beyond the limit.
    pub fn too_large() -> Self {
        Self::new(413, "too_large", "The body is too large.")
    }

    /// Too much is asked at once, or something outside does not answer.
    pub fn unavailable() -> Self {
        Self::new(503, "unavailable", "It did not work out; try again.")
    }

    /// Florin is at fault.
    pub fn fault() -> Self {
        Self::new(500, "fault", "Florin is at fault; it is in the log.")
    }

    /// What is wrong with each field that is.
    #[cfg(test)]
    pub const fn fields(&self) -> &Wrong {
        &self.fields
    }

    /// The same, alone.
    pub fn into_fields(self) -> Wrong {
        self.fields
    }

    /// Its status.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Whether a request with a key that gets this answer has used it up: what may be asked again as it is has not.
    pub const fn burns_key(&self) -> bool {
        !matches!(self.status, 401 | 403 | 429 | 500..)
    }

    /// Its JSON.
    pub fn body(&self, request: RequestId) -> Vec<u8> {
        let body = ProblemBody { error: self.error, message: &self.message, fields: &self.fields, request: request.to_string() };
        serde_json::to_vec(&body).unwrap_or_default()
    }

    /// Itself as an answer.
    pub fn answer(&self, request: RequestId) -> Response<Body> {
        let mut response = json(self.status, self.body(request));
        if let (StatusCode::METHOD_NOT_ALLOWED, Ok(allow)) = (response.status(), HeaderValue::try_from(&self.allow)) {
            response.headers_mut().insert(ALLOW, allow);
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
        }
        response
    }
}

/// What a request is answered that nobody has time to look at.
#[must_use]
pub fn unavailable(request: RequestId) -> Response<Body> {
    Problem::unavailable().answer(request)
}

/// JSON with a status.
pub fn json(status: u16, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The JSON of an answer.
pub fn bytes<T: Serialize>(body: &T) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}
