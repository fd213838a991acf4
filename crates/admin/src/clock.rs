//! Time passes, and what is due is done.

use std::sync::Arc;

use axum::body::Body;
use domain::platform::{
    AdvanceClock, AdvanceClockError, AimClock, CLOCK_AHEAD_MAX_MS, ClockAim, InSandbox, InSandboxError, Platform, StepClock,
};
use domain::{RecordKey, Resource, Timestamp};
use engine::Backlog;
use http::Response;
use serde::Serialize;
use tokio::time::Instant;

use crate::answer::{Problem, bytes, json};
use crate::call::{Call, read_failed, refused};
use crate::moment::{MOMENT_FORM, SPAN_FORM, moment, span_ms, text_of};
use crate::settle::{self, Awaited, Settled};

/// Who says nothing else has a jump take this long at most.
const TURN_WITHIN_MS: i64 = 60_000;

/// Units that time may be given in, and their milliseconds.
pub const UNITS: &[(&str, i64)] =
    &[("milliseconds", 1), ("seconds", 1_000), ("minutes", 60_000), ("hours", 3_600_000), ("days", 86_400_000)];

#[derive(Serialize)]
struct ClockBody {
    /// Business time as it is now, unix seconds.
    now: i64,
}

#[derive(Serialize)]
struct DoneBody {
    /// How many jobs were done.
    done: usize,
    /// How many are due and were not done in time.
    waiting: usize,
}

/// `POST /clock/advance`: turns the platform's clock forward at one stroke, and does nothing of what that makes due; [`turn`]
/// does. Fields, at least one: `days`, `hours`, `minutes`, `seconds`,
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
        Err(error) => Err(not_turned(error)),
    })
    .await
}

/// `POST /jobs/run`: does every job of the platform that is due, now. Whatever that makes due is done too.
pub async fn run_jobs(call: Call) -> Result<Response<Body>, Problem> {
    let mut fields = call.fields()?;
    let until = settle::until(&mut fields, settle::WAIT_MS);
    fields.finish()?;
    let place = settle::enter(&call)?;
    call.once(move |call, _| async move {
        let _place = place;
        let drained = call.sandbox.jobs.drain(call.ctx.platform, until).await;
        let drained = drained.map_err(|error| read_failed(&call.ctx, &error))?;
        Ok(bytes(&DoneBody { done: drained.done, waiting: drained.waiting }))
    })
    .await
}

/// What time it is, and what comes next.
#[derive(Serialize)]
struct TimeBody {
    /// Business time, unix seconds.
    now: i64,
    /// The same, to the millisecond.
    now_text: String,
    /// How far the clock is ahead of real time, milliseconds.
    ahead_ms: i64,
    /// Where the clock is being turned to, if it is not there yet, unix seconds.
    goal: Option<i64>,
    /// What is due next, soonest first: a line for each kind of work.
    next: Vec<NextBody>,
}

#[derive(Serialize)]
struct NextBody {
    /// `jobs`, `webhooks`.
    what: &'static str,
    /// Business time at which it is due, unix seconds, rounded up: at this second it is.
    at: i64,
    /// The same, to the millisecond.
    at_text: String,
}

/// `GET /clock`: what time it is for the platform, and what is due next.
pub async fn tell(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    let (platform, now) = now(&call).await?;
    let next = next(&call, now).await?.into_iter().map(|(at, what)| NextBody { what, at: rounded_up(at), at_text: text_of(at) });
    Ok(json(200, bytes(&time_body(&platform, now, next.collect()))))
}

fn time_body(platform: &Platform, now: Timestamp, next: Vec<NextBody>) -> TimeBody {
    let goal = platform.clock_goal.filter(|goal| *goal > now).map(rounded_up);
    TimeBody { now: now.seconds(), now_text: text_of(now), ahead_ms: platform.clock_offset_ms, goal, next }
}

/// The first second that is not before a moment.
fn rounded_up(moment: Timestamp) -> i64 {
    moment.plus_ms(999).seconds()
}

#[derive(Serialize)]
struct TurnedBody {
    /// Whether the clock came to its goal.
    reached: bool,
    /// Where it was to be turned to, unix seconds; nothing where nothing is due next.
    target: Option<i64>,
    /// How often it stopped on its way, for something that was due.
    stops: usize,
    /// How many pieces of work were done.
    done: usize,
    /// Whether everything is done that is due by now.
    settled: bool,
    /// What is due and was not done in time.
    waiting_for: Vec<Awaited>,
    #[serde(flatten)]
    time: TimeBody,
}

/// `POST /clock`: turns the platform's clock forward, stopping wherever something is due, and does that at its own time. One
/// of the fields: `advance` (a span: `3d4h`), `to` (a moment), `to_next` (true: where the next thing is due). Optional:
/// `timeout_ms`; a jump that it cuts short stands where it came to, and its goal is kept for the next one.
pub async fn turn(call: Call) -> Result<Response<Body>, Problem> {
    let mut fields = call.fields()?;
    let (advance, to, to_next) = (fields.text("advance"), fields.text("to"), fields.flag("to_next"));
    let aim = match (advance, to, to_next) {
        (Some(span), None, None) => span_ms(&span).map(Aim::By).ok_or(("advance", SPAN_FORM)),
        (None, Some(to), None) => moment(&to).map(Aim::To).ok_or(("to", MOMENT_FORM)),
        (None, None, Some(true)) => Ok(Aim::Next),
        (None, None, Some(false)) => Err(("to_next", "has to be true, or absent")),
        _ => Err(("advance", "one of advance, to and to_next has to be given, and no other")),
    };
    if aim == Ok(Aim::By(0)) {
        fields.note("advance", "has to be more than nothing");
    }
    let until = settle::until(&mut fields, TURN_WITHIN_MS);
    let aim = aim.unwrap_or_else(|(field, form)| {
        fields.note(field, form);
        Aim::By(0)
    });
    fields.finish()?;
    let place = settle::enter(&call)?;
    // One at a time: what is next is not known while somebody else turns it.
    let turn = tokio::time::timeout_at(until, place.clock()).await.map_err(|_| Problem::unavailable())?;
    let aim = match aim {
        Aim::By(by_ms) => ClockAim::By(by_ms),
        Aim::To(to) => ClockAim::To(to),
        Aim::Next => {
            let (_, now) = now(&call).await?;
            // Where nothing is due, it stays.
            next(&call, now).await?.first().map_or(ClockAim::By(0), |(at, _)| ClockAim::To(*at))
        }
    };
    if aim == ClockAim::By(0) {
        return stay(call, until).await;
    }
    call.once_behind(AimClock(aim), not_turned, move |call, goal| async move {
        let _held = (place, turn);
        travel(&call, goal, until).await
    })
    .await
}

/// What a body asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aim {
    By(i64),
    To(Timestamp),
    Next,
}

/// Nothing is due next: what is due now is done, and the clock stays.
async fn stay(call: Call, until: Instant) -> Result<Response<Body>, Problem> {
    call.once(move |call, _| async move {
        let settled = settled(&call, settle::all(&call.sandbox), until).await?;
        let (platform, now) = now(&call).await?;
        let time = time_body(&platform, now, Vec::new());
        let is_settled = settled.waiting_for.is_empty();
        let body = TurnedBody {
            reached: is_settled,
            target: None,
            stops: 0,
            done: settled.done,
            settled: is_settled,
            waiting_for: settled.waiting_for,
            time,
        };
        Ok(bytes(&body))
    })
    .await
}

/// Turns the clock to `goal`, or to where it was being turned when somebody was cut short, from due to due.
async fn travel(call: &Call, goal: Option<Timestamp>, until: Instant) -> Result<Vec<u8>, Problem> {
    let timed = settle::timed(&call.sandbox);
    let (mut stops, mut done, mut day) = (0_usize, 0_usize, None);
    let (mut platform, mut at) = now(call).await?;
    let goal = goal.or(platform.clock_goal).unwrap_or(at);
    let waiting_for = loop {
        let settled = settled(call, timed.clone(), until).await?;
        done = done.saturating_add(settled.done);
        if !settled.waiting_for.is_empty() {
            break settled.waiting_for;
        }
        (platform, at) = now(call).await?;
        if day != Some(at.day()) {
            day = Some(at.day());
            let swept = call.sandbox.retention.sweep_of(call.ctx.platform).await.map_err(|error| read_failed(&call.ctx, &error))?;
            done = done.saturating_add(swept);
        }
        if at >= goal || Instant::now() >= until {
            break Vec::new();
        }
        let next = next(call, at).await?.first().map(|(at, _)| *at);
        let stop = next.unwrap_or(goal).min(goal);
        let stepped = call.sandbox.engine.run(call.ctx, InSandbox(StepClock { to: stop })).await.map_err(refused)?;
        stepped.map_err(|error| match error {
            InSandboxError::Command(error) => not_turned(&error),
            InSandboxError::NotASandbox => Problem::nowhere(),
        })?;
        stops = stops.saturating_add(usize::from(next.is_some_and(|next| next <= goal)));
    };
    let last = settled(call, settle::all(&call.sandbox), until).await?;
    done = done.saturating_add(last.done);
    let waiting_for = if waiting_for.is_empty() { last.waiting_for } else { waiting_for };
    if at >= goal && platform.clock_goal.is_some() {
        // The note of a goal that real time has passed.
        drop(call.sandbox.engine.run(call.ctx, InSandbox(StepClock { to: at })).await);
    }
    let (platform, at) = now(call).await?;
    let following = next(call, at).await?.into_iter().map(|(at, what)| NextBody { what, at: rounded_up(at), at_text: text_of(at) });
    let time = time_body(&platform, at, following.collect());
    let settled = waiting_for.is_empty();
    Ok(bytes(&TurnedBody { reached: at >= goal, target: Some(rounded_up(goal)), stops, done, settled, waiting_for, time }))
}

async fn settled(call: &Call, backlogs: Vec<Arc<dyn Backlog>>, until: Instant) -> Result<Settled, Problem> {
    settle::drain(&backlogs, call.ctx.platform, until).await.map_err(|error| read_failed(&call.ctx, &error))
}

/// The platform, and its business time.
async fn now(call: &Call) -> Result<(Arc<Platform>, Timestamp), Problem> {
    let platform = call.ctx.platform;
    let record = call.sandbox.reads.record(RecordKey { kind: Platform::KIND, platform, id: platform.0 }).await;
    let record = record.map_err(|error| read_failed(&call.ctx, &error))?;
    let body = record.and_then(|record| record.body::<Platform>()).ok_or_else(Problem::nowhere)?;
    let now = call.sandbox.clock.now().plus_ms(body.clock_offset_ms);
    Ok((body, now))
}

/// What becomes due after `now`, soonest first.
async fn next(call: &Call, now: Timestamp) -> Result<Vec<(Timestamp, &'static str)>, Problem> {
    let mut all = Vec::new();
    for backlog in settle::timed(&call.sandbox) {
        let at = backlog.next_due(call.ctx.platform).await.map_err(|error| read_failed(&call.ctx, &error))?;
        all.extend(at.filter(|at| *at > now).map(|at| (at, backlog.name())));
    }
    all.sort();
    Ok(all)
}

fn not_turned(error: &AdvanceClockError) -> Problem {
    match error {
        AdvanceClockError::NotASandbox => Problem::nowhere(),
        AdvanceClockError::NotForward => Problem::conflict("A clock goes forward only."),
        AdvanceClockError::TooFar => {
            let days = CLOCK_AHEAD_MAX_MS.div_euclid(86_400_000);
            Problem::conflict(format!("The clock would be more than {days} days ahead."))
        }
        AdvanceClockError::Fault => Problem::fault(),
    }
}
