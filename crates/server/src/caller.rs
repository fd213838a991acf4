//! A platform's own side of a command that speaks to a running server: its credentials, and calls as any client makes them.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use serde_json::Value;

use crate::failure::{Code, Failure, Told};
use crate::remote::{Remote, ServerArgs};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is told of an answer that was no success, in bytes.
const TOLD_MAX: usize = 1_000;

/// Which platform speaks, and to which server.
#[derive(Args, Clone, Debug)]
pub struct CallerArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The platform's name
    #[arg(long, value_name = "ID", default_value = "sandbox", env = "FLORIN_CLIENT_ID")]
    client_id: String,
    /// Its API key
    #[arg(long, value_name = "KEY", env = "FLORIN_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
}

/// Speaks for one platform.
pub struct Caller {
    remote: Remote,
    client_id: String,
    basic: String,
}

/// A success.
pub struct Answer {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its JSON; null where it has none.
    pub body: Value,
}

impl CallerArgs {
    /// Errors: no key, or a URL that is not plain http.
    pub fn caller(&self) -> Result<Caller, Failure> {
        let key = self.api_key.as_deref().ok_or_else(|| {
            Failure::new(
                Code::Usage,
                "--api-key or FLORIN_API_KEY has to be given: what the first start of the server or `platform create` showed",
            )
        })?;
        let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{key}", self.client_id)));
        Ok(Caller { remote: self.server.remote()?, client_id: self.client_id.clone(), basic })
    }
}

impl Caller {
    /// The server's URL.
    pub fn url(&self) -> &str {
        self.remote.url()
    }

    /// Asks the wire, below `/v2.01/{ClientId}`. Errors: any answer that is no success.
    pub async fn wire(&self, method: &str, below: &str, body: &Value) -> Result<Answer, Failure> {
        self.ask(method, &format!("/v2.01/{}{below}", self.client_id), body).await
    }

    /// Asks the sandbox, below `/sandbox/v1`. Errors: any answer that is no success.
    pub async fn sandbox(&self, method: &str, below: &str, body: &Value) -> Result<Answer, Failure> {
        self.ask(method, &format!("/sandbox/v1{below}"), body).await
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Answer, Failure> {
        let request = self.remote.request(method, path).header("Authorization", &self.basic).header("Content-Type", "application/json");
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let request = request.body(Bytes::from(text)).map_err(|error| Failure::new(Code::Invalid, error.to_string()))?;
        let answer = self.remote.send(request, PATIENCE).await.map_err(|error| not_reached(&error))?;
        if !answer.status().is_success() {
            return Err(no_success(method, path, answer.status(), answer.body()));
        }
        let (parts, body) = answer.into_parts();
        let not_json = |error| Failure::new(Code::Failed, format!("{method} {path} answered what is no JSON: {error}"));
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).map_err(not_json)? };
        Ok(Answer { headers: parts.headers, body })
    }

    /// Posts a form without credentials to a link of an answer, as a browser does, and gives the text of what comes back. Errors:
    /// an answer of 400 or more.
    pub async fn form(&self, link: &str, form: &str) -> Result<String, Failure> {
        // Links begin with what others reach the server by; they lead to this one.
        let path = link.split_once("://").and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..))).unwrap_or("/");
        let request = self.remote.request("POST", path).header("Content-Type", "application/x-www-form-urlencoded");
        let request = request.body(Bytes::from(form.to_owned())).map_err(|error| Failure::new(Code::Invalid, error.to_string()))?;
        let answer = self.remote.send(request, PATIENCE).await.map_err(|error| not_reached(&error))?;
        if answer.status().as_u16() >= 400 {
            return Err(no_success("POST", path.split('?').next().unwrap_or(path), answer.status(), answer.body()));
        }
        Ok(String::from_utf8_lossy(answer.body()).into_owned())
    }
}

fn not_reached(error: &crate::remote::RemoteError) -> Failure {
    Failure::new(Code::Failed, Told::of(error).text(false).trim_start_matches("florin: ").replace("\n  because ", ": "))
}

fn no_success(method: &str, path: &str, status: StatusCode, body: &[u8]) -> Failure {
    let text = String::from_utf8_lossy(body.get(..body.len().min(TOLD_MAX)).unwrap_or_default()).into_owned();
    let code = match status {
        StatusCode::NOT_FOUND => Code::NotFound,
        // Later it is answered.
        StatusCode::TOO_MANY_REQUESTS => Code::Failed,
        status if status.is_client_error() => Code::Invalid,
        _ => Code::Failed,
    };
    Failure::new(code, format!("{method} {path} answered {status}: {text}"))
}

/// A text of an answer. Errors: it has none of that name.
pub fn text<'a>(answer: &'a Value, field: &str) -> Result<&'a str, Failure> {
    answer.get(field).and_then(Value::as_str).ok_or_else(|| Failure::new(Code::Failed, format!("the answer has no {field}: {answer}")))
}
