//! Platforms for tests: made with all that they are to begin with, listed, and ended.

use axum::body::Body;
use domain::platform::{
    API_KEY_MAX, API_KEY_MIN, CLIENT_ID_MAX, CreatePlatform, CreateSeeded, CreateSubPlatform, CreateSubPlatformError, DataSet,
    EndSubPlatform, EndSubPlatformError, Environment, NamedObject, Policy, SUB_PLATFORMS_MAX, Seeded, SubPlatform, is_api_key,
    is_client_id,
};
use domain::{ObjectKind, PlatformId, Resource, Secret};
use engine::{Listing, Page};
use http::Response;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

use crate::answer::{Problem, bytes, json};
use crate::call::{Call, read_failed};
use crate::fields::Fields;
use crate::ids;
use crate::rules::{self, PolicyBody};

/// Platforms of a page unless it is said otherwise, and at most.
const PAGE_SIZE: i64 = 25;
const PAGE_SIZE_MAX: i64 = 100;

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
    /// The whole policy, as `POST /policy` answers it.
    policy: PolicyBody,
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

/// `POST /platforms`: makes a platform for tests. Fields, all optional: `client_id`, `api_key`, `data_set`, `clock` (how far ahead
/// it begins, by unit), and those of the policy ([`rules`]).
pub async fn create(call: Call) -> Result<Response<Body>, Problem> {
    let mut fields = call.fields()?;
    let client_id = checked(&mut fields, "client_id", is_client_id, || {
        format!("has to have 1 to {CLIENT_ID_MAX} letters, digits, dashes, dots and underscores")
    });
    let api_key = checked(&mut fields, "api_key", is_api_key, || format!("has to have {API_KEY_MIN} to {API_KEY_MAX} visible characters"));
    let data_set = data_set(&mut fields);
    let policy = rules::read(&mut fields).applied_to(&Policy::mangopay());
    let clock_ahead_ms = rules::clock_ahead_ms(&mut fields);
    fields.finish()?;

    let draws = &call.sandbox.draws;
    let client_id = client_id.or_else(|| draws.client_id()).ok_or_else(Problem::fault)?;
    let id = draws.platform_id(&client_id).ok_or_else(Problem::fault)?;
    let api_key = api_key.map(Secret::new).or_else(|| draws.api_key(&client_id)).ok_or_else(Problem::fault)?;
    let made = Made {
        id,
        client_id: client_id.clone(),
        receiver: call.sandbox.receivers.url(id),
        base_url: call.sandbox.public_url.clone(),
        policy: policy.clone(),
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
    policy: Policy,
    data_set: Option<DataSet>,
    now: i64,
}

impl Made {
    fn rendered(&self, api_key: &Secret<String>, seeded: &Seeded) -> Vec<u8> {
        bytes(&MadeBody {
            id: self.id.to_string(),
            client_id: self.client_id.clone(),
            api_key: api_key.expose().clone(),
            base_url: self.base_url.clone(),
            paths: Paths { mangopay: format!("/v2.01/{}", self.client_id), token: "/v2.01/oauth/token", sandbox: "/sandbox/v1" },
            receiver: self.receiver.clone(),
            now: self.now,
            behaviour_date: rules::day_text(self.policy.behaviour_date),
            policy: PolicyBody::of(&self.policy),
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
