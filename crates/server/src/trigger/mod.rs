//! `florin trigger`: makes an event happen for real. What it needs is made by ordinary requests, and what only the outside can
//! do by the sandbox's API; then the list of events has to have it.

mod scene;

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::caller::{Caller, CallerArgs, text};
use crate::failure::{Code, Failure};
use crate::output;
use scene::{Scene, play};

/// An event that has not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at the list.
const PAUSE: Duration = Duration::from_millis(100);

/// What is to happen, and for whom.
#[derive(Args, Clone, Debug)]
pub struct TriggerArgs {
    /// The event's name, as PAYIN_NORMAL_SUCCEEDED; without one, which there are
    event: Option<String>,
    #[command(flatten)]
    caller: CallerArgs,
}

/// What has happened.
#[derive(Serialize)]
struct Happened {
    event: &'static str,
    /// What it is about.
    subject: String,
    /// Unix seconds of the platform's clock.
    date: i64,
    /// Everything that was made on the way, by what it is.
    made: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct Names {
    events: Vec<&'static str>,
    /// Those of the vendor's that do not happen here, with why.
    refused: BTreeMap<&'static str, &'static str>,
}

/// `florin trigger`.
pub fn run(args: &TriggerArgs, json: bool) -> Result<(), Box<dyn Error>> {
    let Some(asked) = &args.event else {
        let names =
            Names { events: scene::SCENES.iter().map(|(name, _)| *name).collect(), refused: scene::REFUSED.iter().copied().collect() };
        output::print(json, &names, || names.events.join("\n"));
        return Ok(());
    };
    let (event, scene) = named(asked)?;
    let caller = args.caller.caller()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let happened = runtime.block_on(happen(&caller, event, scene))?;
    output::print(json, &happened, || {
        let made: String = happened.made.iter().map(|(what, id)| format!("\n  {what:<12} {id}")).collect();
        format!("{} {}{made}", happened.event, happened.subject)
    });
    Ok(())
}

/// The scene of an event, whatever the name's case. Errors: it does not happen here, or there is none of that name.
fn named(asked: &str) -> Result<(&'static str, Scene), Failure> {
    if let Some((name, scene)) = scene::SCENES.iter().find(|(name, _)| name.eq_ignore_ascii_case(asked)) {
        return Ok((*name, *scene));
    }
    if let Some((name, why)) = scene::REFUSED.iter().find(|(name, _)| name.eq_ignore_ascii_case(asked)) {
        return Err(Failure::new(Code::Invalid, format!("{name} does not happen here: {why}")));
    }
    if dialect_mangopay::events::of_name(asked).is_some() {
        let message =
            format!("{} does not happen here yet: Florin has not what it tells of (docs/compat/mangopay.md)", asked.to_uppercase());
        return Err(Failure::new(Code::Invalid, message));
    }
    Err(Failure::new(Code::NotFound, format!("there is no event {asked}; `florin trigger` alone tells which there are")))
}

/// Plays a scene, and waits until the list of events has what it is for.
async fn happen(caller: &Caller, event: &'static str, scene: Scene) -> Result<Happened, Failure> {
    let made = play(caller, scene).await?;
    let begun = Instant::now();
    loop {
        let newest = caller.wire("GET", &format!("/events?EventType={event}&Sort=Date:DESC&Per_Page=100"), &Value::Null).await?;
        for told in newest.body.as_array().into_iter().flatten() {
            let subject = text(told, "ResourceId")?;
            // Whoever else uses the platform makes such events too.
            if made.values().any(|id| id == subject) {
                let date = told.get("Date").and_then(Value::as_i64).unwrap_or_default();
                return Ok(Happened { event, subject: subject.to_owned(), date, made });
            }
        }
        if begun.elapsed() > PATIENCE {
            let made: String = made.iter().map(|(what, id)| format!(" {what} {id}")).collect();
            return Err(Failure::new(Code::Failed, format!("everything was done that makes {event} happen, and it did not:{made}")));
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_a_scene_or_a_reason_and_never_both() {
        let mut names: Vec<&str> = scene::SCENES.iter().map(|(name, _)| *name).collect();
        names.extend(scene::REFUSED.iter().map(|(name, _)| *name));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "a name is twice there");
        for name in &names {
            assert!(dialect_mangopay::events::of_name(name).is_some(), "{name} is no event of the vendor's");
        }
    }

    #[test]
    fn what_does_not_happen_is_refused_by_name() {
        let why = |name: &str| named(name).map(|_| ()).unwrap_err().to_string();
        assert!(why("dispute_created").starts_with("DISPUTE_CREATED does not happen here yet"));
        assert!(why("PAYOUT_REFUND_FAILED").contains("does not happen here: "));
        assert!(why("LUNCH_SERVED").contains("there is no event LUNCH_SERVED"));
        assert_eq!(named("payin_normal_failed").unwrap().0, "PAYIN_NORMAL_FAILED");
    }
}
