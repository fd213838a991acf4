//! Platforms for tests: made with all that they are to begin with, listed, and ended.

use axum::body::Body;
use domain::platform::{
    API_KEY_MAX, API_KEY_MIN, BehaviourDate, CLIENT_ID_MAX, CLOCK_AHEAD_MAX_MS, CallLimits, CreatePlatform, CreateSeeded,
    CreateSubPlatform, CreateSubPlatformError, DataSet, EndSubPlatform, EndSubPlatformError, Environment, NamedObject, Policy,
    SUB_PLATFORMS_MAX, Seeded, SubPlatform, is_api_key, is_client_id,
};
use domain::{ObjectKind, PlatformId, Resource, Secret};
use engine::{Listing, Page};
use http::Response;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

use crate::answer::{Problem, bytes, json};
use crate::call::{Call, read_failed};
use crate::clock::UNITS;
use crate::fields::Fields;
use crate::ids;

/// Platforms of a page unless it is said otherwise, and at most.
const PAGE_SIZE: i64 = 25;
const PAGE_SIZE_MAX: i64 = 100;
/// Names of windows that limits are given for, shortest first.
const WINDOW_NAMES: [&str; 4] = ["15m", "30m", "60m", "24h"];
/// The first day that a behaviour date may name.
const FIRST_DAY: u32 = 20_000_101;

/// Draws what a platform is known by that nobody names. Lent by the server, which may be told to draw reproducibly.
pub trait Draws: Send + Sync {
    /// A client id that no platform has. `None`: the system has no randomness to give; so below.
    fn client_id(&self) -> Option<String>;
    /// The id of the platform of that client id.
    fn platform_id(&self, client_id: &str) -> Option<PlatformId>;
    /// An API key of 256 random bits.
    fn api_key(&self, client_id: &str) -> Option<Secret<String>>;
}

#[derive(Serialize)]
struct MadeBody {
    /// The platform's id.
    id: String,
    client_id: String,
    /// Shown only now.
    api_key: String,
    /// What clients put before each path.
    base_url: String,
    paths: Paths,
    /// Where the platform's built-in receiver of webhooks is, and its page.
    receiver: String,
    /// Business time at its beginning, unix seconds.
    now: i64,
    behaviour_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_set: Option<&'static str>,
    /// What the data set has, by name.
    objects: BTreeMap<&'static str, ObjectBody>,
}

#[derive(Serialize)]
struct Paths {
    mangopay: String,
    token: &'static str,
    sandbox: &'static str,
}

#[derive(Serialize)]
struct ObjectBody {
    kind: &'static str,
    id: String,
    /// The same id as the Mangopay wire spells it.
    mangopay_id: String,
}

#[derive(Serialize)]
struct SubBody {
    id: String,
    client_id: String,
    /// `alive` or `ended`.
    status: &'static str,
    /// Real time, unix seconds.
    made_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<i64>,
}

#[derive(Serialize)]
struct ListBody {
    platforms: Vec<SubBody>,
    page: u64,
    page_size: u32,
    total: u64,
}

/// `POST /platforms`: makes a platform for tests. Fields, all optional: `client_id`, `api_key`, `data_set`, `behaviour_date`
/// (`2026-11-21`), `limits` (`"none"`, or calls by window), `clock` (how far ahead it begins, by unit).
pub async fn create(call: Call) -> Result<Response<Body>, Problem> {
    let mut fields = call.fields()?;
    let client_id = checked(&mut fields, "client_id", is_client_id, || {
        format!("has to have 1 to {CLIENT_ID_MAX} letters, digits, dashes, dots and underscores")
    });
    let api_key = checked(&mut fields, "api_key", is_api_key, || format!("has to have {API_KEY_MIN} to {API_KEY_MAX} visible characters"));
    let data_set = data_set(&mut fields);
    let behaviour_date = behaviour_date(&mut fields);
    let limits = limits(&mut fields);
    let clock_ahead_ms = clock_ahead_ms(&mut fields);
    fields.finish()?;

    let draws = &call.sandbox.draws;
    let client_id = client_id.or_else(|| draws.client_id()).ok_or_else(Problem::fault)?;
    let id = draws.platform_id(&client_id).ok_or_else(Problem::fault)?;
    let api_key = api_key.map(Secret::new).or_else(|| draws.api_key(&client_id)).ok_or_else(Problem::fault)?;
    let mut policy = Policy::mangopay();
    policy.behaviour_date = behaviour_date.unwrap_or(policy.behaviour_date);
    policy.limits = limits;
    let made = Made {
        id,
        client_id: client_id.clone(),
        receiver: call.sandbox.receivers.url(id),
        base_url: call.sandbox.public_url.clone(),
        day: policy.behaviour_date,
        data_set,
        now: call.sandbox.clock.now().plus_ms(clock_ahead_ms).seconds(),
    };
    let create = CreatePlatform {
        client_id,
        environment: Environment::Sandbox,
        policy,
        key_digest: Sha256::digest(api_key.expose().as_bytes()).into(),
    };
    let account = call.sandbox.receiving_account.clone();
    let seeded = CreateSeeded { create, parent: Some(call.ctx.platform), clock_ahead_ms, data_set, account };
    call.submit(CreateSubPlatform { id, seeded }, move |result| match result {
        Ok(seeded) => Ok(made.rendered(&api_key, seeded)),
        Err(CreateSubPlatformError::NotARoot) => {
            Err(Problem::conflict("A platform that was made here makes none: ask with a key of the platform that made it."))
        }
        Err(CreateSubPlatformError::NotASandbox) => Err(Problem::nowhere()),
        Err(CreateSubPlatformError::TooMany) => {
            Err(Problem::conflict(format!("This platform has {SUB_PLATFORMS_MAX} others that are alive, and may have no more: end some.")))
        }
        Err(CreateSubPlatformError::Exists) => {
            Err(Problem::conflict("There is a platform of this client_id, or there was: a name is given once."))
        }
    })
    .await
}

/// What an answer tells that the decision does not.
struct Made {
    id: PlatformId,
    receiver: String,
    client_id: String,
    base_url: String,
    day: BehaviourDate,
    data_set: Option<DataSet>,
    now: i64,
}

impl Made {
    fn rendered(&self, api_key: &Secret<String>, seeded: &Seeded) -> Vec<u8> {
        let day = self.day.0;
        bytes(&MadeBody {
            id: self.id.to_string(),
            client_id: self.client_id.clone(),
            api_key: api_key.expose().clone(),
            base_url: self.base_url.clone(),
            paths: Paths { mangopay: format!("/v2.01/{}", self.client_id), token: "/v2.01/oauth/token", sandbox: "/sandbox/v1" },
            receiver: self.receiver.clone(),
            now: self.now,
            behaviour_date: format!("{:04}-{:02}-{:02}", day.div_euclid(10_000), day.div_euclid(100).rem_euclid(100), day.rem_euclid(100)),
            data_set: self.data_set.map(DataSet::name),
            objects: seeded.objects.iter().map(|object| (object.name, object_body(object))).collect(),
        })
    }
}

/// The id of an object of a data set, as the Mangopay wire spells it.
#[must_use]
pub fn spelled(object: &NamedObject) -> String {
    ids::spell(spelling(object.kind).1, object.id)
}

/// What a kind is called, and what its ids begin with on the Mangopay wire.
const fn spelling(kind: ObjectKind) -> (&'static str, &'static str) {
    match kind {
        ObjectKind::User => ("user", "user_m_"),
        ObjectKind::Wallet => ("wallet", "wlt_m_"),
        ObjectKind::PayIn => ("pay_in", "payin_m_"),
        ObjectKind::Transfer => ("transfer", "xfer_m_"),
        ObjectKind::Payout => ("payout", "po_m_"),
        ObjectKind::BankAccount => ("bank_account", "bankacc_m_"),
        // No data set makes another.
        _ => ("object", ""),
    }
}

fn object_body(object: &NamedObject) -> ObjectBody {
    ObjectBody { kind: spelling(object.kind).0, id: object.id.to_string(), mangopay_id: spelled(object) }
}

/// `GET /platforms`: those that this platform made, oldest first. Fields, optional: `status` (`alive` unless given, `ended`, `all`),
/// `page`, `page_size`.
pub async fn list(call: Call) -> Result<Response<Body>, Problem> {
    let mut fields = call.fields()?;
    let statuses = match fields.text("status").as_deref() {
        None | Some("alive") => vec!["alive".to_owned()],
        Some("ended") => vec!["ended".to_owned()],
        Some("all") => Vec::new(),
        Some(_) => {
            fields.note("status", "has to be alive, ended or all");
            Vec::new()
        }
    };
    let number = within(&mut fields, "page", 1, i64::from(u32::MAX));
    let size = within(&mut fields, "page_size", PAGE_SIZE, PAGE_SIZE_MAX);
    fields.finish()?;
    let page = Page { number: number.into(), size, newest_first: false };
    let listing = Listing { statuses, ..Listing::default() };
    let listed = call.sandbox.reads.records(call.ctx.platform, SubPlatform::KIND, listing, page).await;
    let listed = listed.map_err(|error| read_failed(&call.ctx, &error))?;
    let platforms = listed.rows.iter().filter_map(|record| Some(sub_body(PlatformId(record.lead.id), &*record.body::<SubPlatform>()?)));
    let body = ListBody { platforms: platforms.collect(), page: page.number, page_size: size, total: listed.total };
    Ok(json(200, bytes(&body)))
}

/// `DELETE /platforms/{client_id}`: ends a platform that this one made.
pub async fn end(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    let command = EndSubPlatform { client_id: call.id.clone() };
    let answered = call
        .submit(command, |result| match result {
            Ok(ended) => Ok(bytes(&sub_body(ended.id, &ended.sub))),
            Err(EndSubPlatformError::NotFound) => Err(Problem::not_found("platform")),
        })
        .await?;
    // Also where the key was used before: whoever asks again may be asking another server.
    if answered.status().is_success()
        && let Some(id) = call.platform_of(&call.id).await?
    {
        call.sandbox.on_end.iter().for_each(|forget| forget(id));
    }
    Ok(answered)
}

fn sub_body(id: PlatformId, sub: &SubPlatform) -> SubBody {
    SubBody {
        id: id.to_string(),
        client_id: sub.client_id.clone(),
        status: sub.status(),
        made_at: sub.made_at.seconds(),
        ended_at: sub.ended_at.map(|at| at.seconds()),
    }
}

fn checked(fields: &mut Fields, name: &'static str, is_right: fn(&str) -> bool, told: impl Fn() -> String) -> Option<String> {
    let text = fields.text(name)?;
    if is_right(&text) {
        return Some(text);
    }
    fields.note(name, told());
    None
}

fn within(fields: &mut Fields, name: &'static str, default: i64, max: i64) -> u32 {
    let number = fields.integer(name).unwrap_or(default);
    match u32::try_from(number).ok().filter(|_| (1..=max).contains(&number)) {
        Some(number) => number,
        None => {
            fields.note(name, format!("has to be from 1 to {max}"));
            1
        }
    }
}

fn data_set(fields: &mut Fields) -> Option<DataSet> {
    let name = fields.text("data_set")?;
    let set = DataSet::named(&name);
    if set.is_none() {
        fields.note("data_set", format!("has to be one of {}", DataSet::ALL.map(DataSet::name).join(", ")));
    }
    set
}

/// `2026-11-21`, from the year 2000 on.
pub fn behaviour_date(fields: &mut Fields) -> Option<BehaviourDate> {
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

/// `"none"`, or calls by window: `{"15m": 100}`.
pub fn limits(fields: &mut Fields) -> Option<CallLimits> {
    let windows = WINDOW_NAMES.join(", ");
    let wrong = || format!("has to be \"none\", or an object of calls, from 1 to {}, by window: {windows}", u32::MAX);
    let found = match fields.raw("limits")? {
        Value::String(text) if text == "none" => Some(CallLimits::Unlimited),
        Value::Object(named) => calls_of(&named),
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

/// How far ahead the clock begins: an object of counts by unit, as `clock/advance` takes them.
fn clock_ahead_ms(fields: &mut Fields) -> i64 {
    let Some(value) = fields.raw("clock") else { return 0 };
    let ahead = value.as_object().and_then(|units| {
        units.iter().try_fold(0_i64, |sum, (name, count)| {
            let (_, ms) = UNITS.iter().find(|(unit, _)| unit == name)?;
            let count = count.as_i64().filter(|count| *count >= 0)?;
            sum.checked_add(count.checked_mul(*ms)?).filter(|sum| *sum <= CLOCK_AHEAD_MAX_MS)
        })
    });
    if ahead.is_none() {
        let units: Vec<&str> = UNITS.iter().map(|(unit, _)| *unit).collect();
        let days = CLOCK_AHEAD_MAX_MS.div_euclid(86_400_000);
        let text =
            format!("has to be an object of whole numbers, none of them negative, by unit ({}), of {days} days at most", units.join(", "));
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
        assert_eq!(limits(r#""none""#), Ok(Some(CallLimits::Unlimited)));
        assert_eq!(limits(r#"{"24h":7,"15m":5}"#), Ok(Some(CallLimits::Calls([Some(5), None, None, Some(7)]))));
        for text in ["{}", "5", r#""all""#, r#"{"15m":0}"#, r#"{"15m":-1}"#, r#"{"15m":1.5}"#, r#"{"1h":5}"#, r#"{"15m":4294967296}"#] {
            assert_eq!(limits(text), Err(vec!["limits".to_owned()]), "{text}");
        }
    }

    #[test]
    fn a_clock_begins_ahead_and_never_behind() {
        let clock = |text: &str| read(&format!(r#"{{"clock":{text}}}"#), clock_ahead_ms);
        assert_eq!(clock("{}"), Ok(0));
        assert_eq!(clock(r#"{"days":1,"seconds":2}"#), Ok(86_402_000));
        for text in ["5", r#"{"days":-1}"#, r#"{"years":1}"#, r#"{"days":1.5}"#, r#"{"days":36501}"#, r#"{"days":9223372036854775807}"#] {
            assert_eq!(clock(text), Err(vec!["clock".to_owned()]), "{text}");
        }
    }
}
