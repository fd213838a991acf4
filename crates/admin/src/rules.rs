//! What rules a platform has: the fields that give them, the same where a platform is made and where its policy changes, and how
//! they are told.

use domain::platform::{BehaviourDate, CLOCK_AHEAD_MAX_MS, CallLimits, ChangePolicy, LimitsChange, Policy, Settlement};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::answer::Problem;
use crate::clock::UNITS;
use crate::fields::{Fields, Wrong};
use crate::moment::span_ms;

/// Names of windows that limits are given for, shortest first.
const WINDOW_NAMES: [&str; 4] = ["15m", "30m", "60m", "24h"];
/// The first day that a behaviour date may name.
const FIRST_DAY: u32 = 20_000_101;
/// What limits are called that refuse nothing, and those of the server.
const NO_LIMITS: &str = "none";
const SERVERS_LIMITS: &str = "server";

/// A platform's rules, as they hold now: what a rehearsal overrules is told as it is with it.
#[derive(Serialize)]
pub struct PolicyBody {
    /// One more with each change.
    version: u32,
    /// Whether names that look made up are refused.
    refuses_fake_names: bool,
    /// Whether money may reach verified owners only.
    requires_verified_beneficiary: bool,
    /// Whether payouts need a verified author.
    payout_requires_verification: bool,
    /// `instant`, `manual` or `delayed`: how banks and acquirers take their time.
    settlement: &'static str,
    /// Whether everything is as on production that can be.
    rehearsal: bool,
    /// From which day on dated behaviours of the vendor hold.
    behaviour_date: String,
    /// `"none"`, `"server"`, or calls by window.
    limits: Value,
}

impl PolicyBody {
    /// What is told of a policy.
    pub fn of(policy: &Policy) -> Self {
        Self {
            version: policy.version,
            refuses_fake_names: policy.refuses_fake_names(),
            requires_verified_beneficiary: policy.requires_verified_beneficiary(),
            payout_requires_verification: policy.payout_requires_verification(),
            settlement: policy.settlement().word(),
            rehearsal: policy.is_rehearsal,
            behaviour_date: day_text(policy.behaviour_date),
            limits: limits_told(policy.limits()),
        }
    }
}

/// Reads the fields of a policy, all optional: `refuses_fake_names`, `requires_verified_beneficiary`, `payout_requires_verification`,
/// `rehearsal` (true or false), `settlement` (`instant`, `manual`, `delayed`), `behaviour_date` (`2026-11-21`) and `limits` (`"none"`,
/// `"server"`, or calls by window). What is absent stays.
pub fn read(fields: &mut Fields) -> ChangePolicy {
    ChangePolicy {
        refuses_fake_names: fields.flag("refuses_fake_names"),
        requires_verified_beneficiary: fields.flag("requires_verified_beneficiary"),
        payout_requires_verification: fields.flag("payout_requires_verification"),
        settlement: settlement(fields),
        is_rehearsal: fields.flag("rehearsal"),
        behaviour_date: behaviour_date(fields),
        limits: limits(fields),
    }
}

/// What a platform begins with beside its name, its key and its data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// Its rules.
    pub policy: Policy,
    /// How far its clock is ahead, milliseconds.
    pub clock_ahead_ms: i64,
}

impl Beginning {
    /// What the fields say that `POST /platforms` takes for it, on top of what every new platform has.
    ///
    /// Errors: what is wrong with each field that is.
    pub fn read(values: &Map<String, Value>) -> Result<Self, Wrong> {
        let mut fields = Fields::of(values.clone());
        let policy = read(&mut fields).applied_to(&Policy::mangopay());
        let clock_ahead_ms = clock_ahead_ms(&mut fields);
        fields.finish().map_err(Problem::into_fields)?;
        Ok(Self { policy, clock_ahead_ms })
    }
}

fn settlement(fields: &mut Fields) -> Option<Settlement> {
    let word = fields.text("settlement")?;
    let found = Settlement::ALL.into_iter().find(|settlement| settlement.word() == word);
    if found.is_none() {
        fields.note("settlement", "has to be instant, manual or delayed");
    }
    found
}

/// A day as it is told: `2026-11-21`.
pub fn day_text(BehaviourDate(day): BehaviourDate) -> String {
    format!("{:04}-{:02}-{:02}", day.div_euclid(10_000), day.div_euclid(100).rem_euclid(100), day.rem_euclid(100))
}

fn limits_told(limits: Option<CallLimits>) -> Value {
    match limits {
        None => SERVERS_LIMITS.into(),
        Some(CallLimits::Unlimited) => NO_LIMITS.into(),
        Some(CallLimits::Calls(calls)) => {
            WINDOW_NAMES.iter().zip(calls).filter_map(|(name, calls)| Some(((*name).to_owned(), Value::from(calls?)))).collect()
        }
    }
}

/// `2026-11-21`, from the year 2000 on.
fn behaviour_date(fields: &mut Fields) -> Option<BehaviourDate> {
    let text = fields.text("behaviour_date")?;
    let parts: Vec<u32> =
        text.split('-').map_while(|part| part.parse().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()))).collect();
    let day = match parts.as_slice() {
        [year @ 2000..=9999, month @ 1..=12, day] if text.len() == 10 && (1..=days_of(*year, *month)).contains(day) => {
            year.checked_mul(10_000).zip(month.checked_mul(100)).and_then(|(year, month)| year.checked_add(month)?.checked_add(*day))
        }
        _ => None,
    };
    let day = day.filter(|day| *day >= FIRST_DAY);
    if day.is_none() {
        fields.note("behaviour_date", "has to be a day, as 2026-11-21");
    }
    day.map(BehaviourDate)
}

const fn days_of(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

/// `"none"`, `"server"`, or calls by window: `{"15m": 100}`.
fn limits(fields: &mut Fields) -> Option<LimitsChange> {
    let windows = WINDOW_NAMES.join(", ");
    let wrong = || format!("has to be \"none\", \"server\", or an object of calls, from 1 to {}, by window: {windows}", u32::MAX);
    let found = match fields.raw("limits")? {
        Value::String(text) if text == NO_LIMITS => Some(LimitsChange::Own(CallLimits::Unlimited)),
        Value::String(text) if text == SERVERS_LIMITS => Some(LimitsChange::Servers),
        Value::Object(named) => calls_of(&named).map(LimitsChange::Own),
        _ => None,
    };
    if found.is_none() {
        fields.note("limits", wrong());
    }
    found
}

fn calls_of(named: &serde_json::Map<String, Value>) -> Option<CallLimits> {
    let mut calls = [None; WINDOW_NAMES.len()];
    for (name, value) in named {
        let (_, slot) = WINDOW_NAMES.iter().zip(&mut calls).find(|(window, _)| *window == name)?;
        *slot = Some(u32::try_from(value.as_u64()?).ok().filter(|calls| *calls > 0)?);
    }
    (!named.is_empty()).then_some(CallLimits::Calls(calls))
}

/// How far ahead the clock begins: a span, as `clock` takes it, or an object of counts by unit, as `clock/advance` does.
pub fn clock_ahead_ms(fields: &mut Fields) -> i64 {
    let Some(value) = fields.raw("clock") else { return 0 };
    let ahead = match &value {
        Value::String(span) => span_ms(span),
        Value::Object(units) => units.iter().try_fold(0_i64, |sum, (name, count)| {
            let (_, ms) = UNITS.iter().find(|(unit, _)| unit == name)?;
            let count = count.as_i64().filter(|count| *count >= 0)?;
            sum.checked_add(count.checked_mul(*ms)?)
        }),
        _ => None,
    };
    let ahead = ahead.filter(|ahead| *ahead <= CLOCK_AHEAD_MAX_MS);
    if ahead.is_none() {
        let units: Vec<&str> = UNITS.iter().map(|(unit, _)| *unit).collect();
        let days = CLOCK_AHEAD_MAX_MS.div_euclid(86_400_000);
        let text = format!(
            "has to be a span such as 30d, or an object of whole numbers, none of them negative, by unit ({}), of {days} days at most",
            units.join(", ")
        );
        fields.note("clock", text);
    }
    ahead.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T>(body: &str, read: impl Fn(&mut Fields) -> T) -> Result<T, Vec<String>> {
        let mut fields = Fields::parse(body.as_bytes()).unwrap();
        let value = read(&mut fields);
        let wrong = fields.finish().err().map(|problem| problem.fields().keys().map(ToString::to_string).collect());
        wrong.map_or(Ok(value), Err)
    }

    #[test]
    fn a_behaviour_date_is_a_day() {
        let day = |text: &str| read(&format!(r#"{{"behaviour_date":"{text}"}}"#), behaviour_date);
        assert_eq!(day("2026-11-21"), Ok(Some(BehaviourDate(20_261_121))));
        assert_eq!(day("2024-02-29"), Ok(Some(BehaviourDate(20_240_229))));
        for text in ["2026-11-31", "2025-02-29", "2026-13-01", "2026-00-01", "2026-1-1", "1999-12-31", "20261121", "+026-11-21", "x"] {
            assert_eq!(day(text), Err(vec!["behaviour_date".to_owned()]), "{text}");
        }
    }

    #[test]
    fn limits_are_none_or_calls_by_window() {
        let limits = |text: &str| read(&format!(r#"{{"limits":{text}}}"#), limits);
        assert_eq!(limits("null"), Ok(None));
        assert_eq!(limits(r#""none""#), Ok(Some(LimitsChange::Own(CallLimits::Unlimited))));
        assert_eq!(limits(r#"{"24h":7,"15m":5}"#), Ok(Some(LimitsChange::Own(CallLimits::Calls([Some(5), None, None, Some(7)])))));
        assert_eq!(limits(r#""server""#), Ok(Some(LimitsChange::Servers)));
        assert_eq!(limits_told(Some(CallLimits::Calls([Some(5), None, None, Some(7)]))), serde_json::json!({"15m": 5, "24h": 7}));
        for text in ["{}", "5", r#""all""#, r#"{"15m":0}"#, r#"{"15m":-1}"#, r#"{"15m":1.5}"#, r#"{"1h":5}"#, r#"{"15m":4294967296}"#] {
            assert_eq!(limits(text), Err(vec!["limits".to_owned()]), "{text}");
        }
    }

    #[test]
    fn a_clock_begins_ahead_and_never_behind() {
        let clock = |text: &str| read(&format!(r#"{{"clock":{text}}}"#), clock_ahead_ms);
        assert_eq!(clock("{}"), Ok(0));
        assert_eq!(clock(r#"{"days":1,"seconds":2}"#), Ok(86_402_000));
        assert_eq!(clock(r#""1d2s""#), Ok(86_402_000));
        for text in [
            "5",
            "[]",
            "true",
            r#""""#,
            r#""-1d""#,
            r#""36501d""#,
            r#""1x""#,
            r#"{"days":-1}"#,
            r#"{"years":1}"#,
            r#"{"days":1.5}"#,
            r#"{"days":36501}"#,
            r#"{"days":9223372036854775807}"#,
        ] {
            assert_eq!(clock(text), Err(vec!["clock".to_owned()]), "{text}");
        }
    }
}
