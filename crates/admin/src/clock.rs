//! Time passes, and what is due is done.

use axum::body::Body;
use domain::platform::{AdvanceClock, AdvanceClockError, CLOCK_AHEAD_MAX_MS};
use http::Response;
use serde::Serialize;

use crate::answer::{Problem, bytes};
use crate::call::Call;

/// Units that time may be given in, and their milliseconds.
const UNITS: &[(&str, i64)] = &[("milliseconds", 1), ("seconds", 1_000), ("minutes", 60_000), ("hours", 3_600_000), ("days", 86_400_000)];

#[derive(Serialize)]
struct ClockBody {
    /// Business time as it is now, unix seconds.
    now: i64,
}

#[derive(Serialize)]
struct DoneBody {
    /// How many jobs were done.
    done: usize,
}

/// `POST /clock/advance`: turns the platform's clock forward. Fields, at least one: `days`, `hours`, `minutes`, `seconds`,
/// `milliseconds`; they are added up.
pub async fn advance(call: Call) -> Result<Response<Body>, Problem> {
    let mut fields = call.fields()?;
    let mut by_ms: i64 = 0;
    for (unit, ms) in UNITS {
        match fields.integer(unit) {
            Some(count) if count < 0 => fields.note(unit, "has to be zero or more: a clock goes forward only"),
            Some(count) => by_ms = by_ms.saturating_add(count.saturating_mul(*ms)),
            None => {}
        }
    }
    if by_ms == 0 && fields.are_right() {
        for (unit, _) in UNITS {
            fields.note(unit, "is missing: one of the units has to be more than zero");
        }
    }
    fields.finish()?;
    call.submit(AdvanceClock { by_ms }, |result| match result {
        Ok(now) => Ok(bytes(&ClockBody { now: now.seconds() })),
        Err(AdvanceClockError::NotASandbox) => Err(Problem::nowhere()),
        Err(AdvanceClockError::NotForward) => Err(Problem::conflict("A clock goes forward only.")),
        Err(AdvanceClockError::TooFar) => {
            let days = CLOCK_AHEAD_MAX_MS.div_euclid(86_400_000);
            Err(Problem::conflict(format!("The clock would be more than {days} days ahead.")))
        }
        Err(AdvanceClockError::Fault) => Err(Problem::fault()),
    })
    .await
}

/// `POST /jobs/run`: does everything that is due, now. Whatever that makes due is done too.
pub async fn run_jobs(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    call.once(|call, _| async move { Ok(bytes(&DoneBody { done: call.sandbox.chores.run_due().await })) }).await
}
