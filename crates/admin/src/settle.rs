//! Waiting until everything that follows from what was done is done: jobs, lists, and whatever else there is.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use domain::PlatformId;
use engine::{Backlog, Drained, Lists, StoreError};
use http::Response;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::answer::{Problem, bytes};
use crate::call::{Call, read_failed};
use crate::fields::Fields;
use crate::{Sandbox, waiting};

/// Who says nothing else waits this long at most.
pub const WAIT_MS: i64 = 30_000;
/// Nobody waits longer.
const WAIT_MAX_MS: i64 = 300_000;
/// What is not ready yet is looked at again after this long.
const AGAIN: Duration = Duration::from_millis(20);

/// What is waited for.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Awaited {
    /// `jobs`, `lists`, `webhooks`.
    what: &'static str,
    /// How many pieces of it.
    count: usize,
}

#[derive(Serialize)]
struct SettledBody {
    /// Whether nothing is due any more.
    settled: bool,
    /// How many pieces of work were done.
    done: usize,
    /// What is due and was not done in time.
    waiting_for: Vec<Awaited>,
}

/// How far everything was worked off.
#[derive(Debug, Default)]
pub struct Settled {
    /// Pieces of work that were done.
    pub done: usize,
    /// What is due and was not done in time; nothing once all is.
    pub waiting_for: Vec<Awaited>,
}

/// `POST /settle`: does whatever is due, waits for what is under way, and for what that makes due; answers once nothing is, or
/// the time is over, and says so. Field, optional: `timeout_ms`.
pub async fn settle(call: Call) -> Result<Response<Body>, Problem> {
    let mut fields = call.fields()?;
    let until = until(&mut fields, WAIT_MS);
    fields.finish()?;
    let place = enter(&call)?;
    call.once(move |call, _| async move {
        let _place = place;
        let backlogs = all(&call.sandbox);
        let settled = drain(&backlogs, call.ctx.platform, until).await.map_err(|error| read_failed(&call.ctx, &error))?;
        Ok(bytes(&SettledBody { settled: settled.waiting_for.is_empty(), done: settled.done, waiting_for: settled.waiting_for }))
    })
    .await
}

/// The end of the time that a request gives itself, by `timeout_ms`.
pub fn until(fields: &mut Fields, unless_set_ms: i64) -> Instant {
    let ms = fields.integer("timeout_ms").unwrap_or(unless_set_ms);
    if !(1..=WAIT_MAX_MS).contains(&ms) {
        fields.note("timeout_ms", format!("has to be from 1 to {WAIT_MAX_MS} milliseconds"));
    }
    let wait = Duration::from_millis(u64::try_from(ms.min(WAIT_MAX_MS)).unwrap_or(0));
    Instant::now().checked_add(wait).unwrap_or_else(Instant::now)
}

/// A place among those who wait. Errors: `unavailable` where there is none.
pub fn enter(call: &Call) -> Result<waiting::Place, Problem> {
    call.sandbox.waiting.enter(call.ctx.platform).ok_or_else(Problem::unavailable)
}

/// What is worked off under a clock: all but the lists.
pub fn timed(sandbox: &Sandbox) -> Vec<Arc<dyn Backlog>> {
    std::iter::once(Arc::clone(&sandbox.jobs)).chain(sandbox.backlogs.iter().cloned()).collect()
}

/// Everything that follows the commits.
pub fn all(sandbox: &Sandbox) -> Vec<Arc<dyn Backlog>> {
    let lists: Arc<dyn Backlog> = Arc::new(Lists::new(Arc::clone(&sandbox.reads)));
    timed(sandbox).into_iter().chain([lists]).collect()
}

/// Works off what is due of a platform, round after round until a round finds nothing, no longer than `until`.
pub async fn drain(backlogs: &[Arc<dyn Backlog>], platform: PlatformId, until: Instant) -> Result<Settled, StoreError> {
    let mut all_done = 0_usize;
    loop {
        let (mut done, mut waiting_for) = (0_usize, Vec::new());
        for backlog in backlogs {
            let Drained { done: did, waiting } = backlog.drain(platform, until).await?;
            done = done.saturating_add(did);
            if waiting > 0 {
                waiting_for.push(Awaited { what: backlog.name(), count: waiting });
            }
        }
        all_done = all_done.saturating_add(done);
        if done == 0 && waiting_for.is_empty() {
            return Ok(Settled { done: all_done, waiting_for });
        }
        if Instant::now() >= until {
            // The last round did something; what it made due was not looked at.
            if waiting_for.is_empty() {
                waiting_for.push(Awaited { what: "another_look", count: 1 });
            }
            return Ok(Settled { done: all_done, waiting_for });
        }
        if done == 0 {
            sleep(AGAIN).await;
        }
    }
}
