//! One thing after the other: what a server does whose runs are to be the same (`--seed`, `--clock`).
//!
//! What a request made due is done before it is answered, one job at a time. So whatever is asked next finds it done, and
//! nothing that is seen depends on who was faster. Its answer is what it was before.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::DATE;
use axum::http::{HeaderValue, Method};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use domain::Timestamp;
use rails::worker::Worker;

/// What every answer waits for, and tells.
#[derive(Clone)]
struct Turn {
    worker: Worker,
    /// When it was given, where the time of day stands still.
    date: Option<HeaderValue>,
}

/// A router whose answers wait for what is due, and tell the time that stands still.
pub fn in_turn(router: Router, worker: Worker, standing: Option<Timestamp>) -> Router {
    let date = standing.and_then(http_date);
    router.layer(from_fn_with_state(Turn { worker, date }, wait))
}

async fn wait(State(turn): State<Turn>, request: Request, next: Next) -> Response {
    let may_change = !matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = next.run(request).await;
    if may_change {
        // On a task of its own: a client that goes away takes no job with it.
        let worker = turn.worker.clone();
        if let Err(error) = tokio::spawn(async move { worker.run_due().await }).await {
            tracing::error!(%error, "what is due could not be done");
        }
    }
    if let Some(date) = turn.date {
        response.headers_mut().insert(DATE, date);
    }
    response
}

/// A time as HTTP writes it: Thu, 01 Jan 2026 00:00:00 GMT.
fn http_date(at: Timestamp) -> Option<HeaderValue> {
    let at = jiff::Timestamp::from_millisecond(at.ms()).ok()?;
    HeaderValue::try_from(at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_http_has_them() {
        assert_eq!(http_date(Timestamp::from_ms(1_767_225_600_123)).unwrap(), "Thu, 01 Jan 2026 00:00:00 GMT");
    }
}
