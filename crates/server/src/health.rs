//! `florin health`: whether a server answers. For health checks of containers, whose image has no other client.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use axum::body::Bytes;
use clap::Args;
use serde::Serialize;
use serde_json::Value;

use crate::output;
use crate::remote::{Remote, ServerArgs};

/// Seconds that are waited for an answer unless it is said otherwise: less than a container's own health check waits.
const TIMEOUT_S: u64 = 3;
/// Who waits longer is not checking health.
const TIMEOUT_MAX_S: u64 = 600;
/// Looked, and found it unhealthy: a container's health check knows 0 and 1 only.
const UNHEALTHY: u8 = 1;

/// Which server is asked, and how long.
#[derive(Args, Clone, Debug)]
pub struct HealthArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// How long an answer may take
    #[arg(long, value_name = "SECONDS", default_value_t = TIMEOUT_S, value_parser = clap::value_parser!(u64).range(1..=TIMEOUT_MAX_S))]
    timeout: u64,
}

/// What was found.
#[derive(Serialize)]
struct Health {
    is_healthy: bool,
    url: String,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// `florin health`: exit status 0 if the server answers that it is well, 1 if it does not answer so.
pub fn run(args: &HealthArgs, json: bool) -> Result<ExitCode, Box<dyn Error>> {
    let remote = args.server.remote()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let reason = runtime.block_on(ask(&remote, Duration::from_secs(args.timeout))).err();
    let code = if reason.is_none() { ExitCode::SUCCESS } else { ExitCode::from(UNHEALTHY) };
    let health = Health { is_healthy: reason.is_none(), url: remote.url().to_owned(), reason };
    output::print(json, &health, || match &health.reason {
        None => format!("{} is healthy", health.url),
        Some(reason) => format!("{} is not healthy: {reason}", health.url),
    });
    Ok(code)
}

/// Errors: why the server is not healthy.
async fn ask(remote: &Remote, within: Duration) -> Result<(), String> {
    let request = remote.request("GET", "/health").body(Bytes::new()).map_err(|error| error.to_string())?;
    let answer = remote.send(request, within).await.map_err(|error| error.to_string())?;
    // Whatever else listens there may answer 200 as well.
    let status = serde_json::from_slice::<Value>(answer.body()).ok();
    let is_ok = status.as_ref().and_then(|body| body.get("status")).and_then(Value::as_str) == Some("ok");
    match answer.status() {
        status if status.is_success() && is_ok => Ok(()),
        status if status.is_success() => Err(format!("it answered {status}, and not as Florin does")),
        status => Err(format!("it answered {status}")),
    }
}
