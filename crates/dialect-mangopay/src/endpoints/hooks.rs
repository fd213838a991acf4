//! Hooks: where a platform has itself told of its events. Source: reference, people part, 10.1 and 2.4; ADR 26.

use domain::hook::{CreateHook, CreateHookError, Hook, HookStatus, TargetError, URL_MAX_CHARS, UpdateHook, UpdateHookError, Validity};
use domain::ids::HookId;
use domain::{EventType, Record, Secret};
use serde::Serialize;

use crate::call::{Call, View, WireResponse, json, json_bytes};
use crate::events;
use crate::wire::error::WireError;
use crate::wire::fields::invalid_value;
use crate::wire::{Fields, IdText, Prefix};

/// Characters of an event's name that are looked at.
const NAME_MAX: usize = 255;

const STATUSES: &[(&str, HookStatus)] = &[("ENABLED", HookStatus::Enabled), ("DISABLED", HookStatus::Disabled)];
/// What may be said of a hook's validity. `UNKNOWN` is the SDKs' own word, and says nothing.
const VALIDITIES: &[(&str, Option<Validity>)] =
    &[("VALID", Some(Validity::Valid)), ("INVALID", Some(Validity::Invalid)), ("UNKNOWN", None)];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct HookBody<'a> {
    url: &'a str,
    status: &'static str,
    validity: &'static str,
    event_type: &'static str,
    email: Option<&'a str>,
    id: IdText,
    tag: Option<&'a str>,
    creation_date: i64,
}

/// `POST /hooks`: `Url` and `EventType`; `Status`, `Email`, `Tag` may be left out.
pub async fn create(call: &Call) -> Result<WireResponse, WireError> {
    let create = read_creation(call.fields()?)?;
    call.submit(create, |view, result| match result {
        Ok(record) => {
            let hook = record.body::<Hook>().ok_or_else(WireError::fault)?;
            Ok(json_bytes(&body(view, record, &hook)))
        }
        Err(CreateHookError::Target(why)) => Err(wrong_target(*why)),
        Err(CreateHookError::NotForHooks) => Err(WireError::wrong_field("EventType", "The EventType field is not valid")),
        Err(CreateHookError::Registered) => {
            Err(WireError::wrong_field("EventType", "A hook has already been registered for this EventType"))
        }
    })
    .await
}

/// `GET /hooks/{HookId}`.
pub async fn view(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("HookId");
    let not_found = || WireError::not_found("Hook", &text);
    let id: HookId = call.spelling().parse(&[Prefix::Hook], &text).ok_or_else(not_found)?;
    let record = call.record::<Hook>(id).await?.ok_or_else(not_found)?;
    let hook = record.body::<Hook>().ok_or_else(WireError::fault)?;
    Ok(json(&body(call.view(), &record, &hook)))
}

/// `PUT /hooks/{HookId}`: `Url`, `Status`, `Validity`, `Email`, `Tag`; what is left out or null stays. The type of event never
/// changes: one that is sent is ignored.
///
/// `Validity` VALID forgets the failures there were, and so does ENABLED without a `Validity`.
pub async fn update(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("HookId").into_owned();
    let hook: HookId = call.spelling().parse(&[Prefix::Hook], &text).ok_or_else(|| WireError::not_found("Hook", &text))?;
    let mut fields = call.fields()?;
    let url = fields.url("Url", URL_MAX_CHARS).optional().map(Secret::new);
    let status = fields.one_of("Status", STATUSES).optional();
    let validity = fields.one_of("Validity", VALIDITIES).optional().flatten();
    let email = fields.email("Email").optional();
    let tag = fields.tag();
    fields.finish()?;
    call.submit(UpdateHook { hook, url, status, validity, email, tag }, move |view, result| match result {
        Ok(record) => {
            let hook = record.body::<Hook>().ok_or_else(WireError::fault)?;
            Ok(json_bytes(&body(view, record, &hook)))
        }
        Err(UpdateHookError::NotFound) => Err(WireError::not_found("Hook", &text)),
        Err(UpdateHookError::Target(why)) => Err(wrong_target(*why)),
    })
    .await
}

/// `GET /hooks`: filters `EventType`, `BeforeDate`, `AfterDate`.
pub async fn list(call: &Call) -> Result<WireResponse, WireError> {
    let mut query = call.query();
    let page = query.page("CreationDate");
    let mut listing = query.listing(None);
    let event = query.get("EventType").map(|name| (events::of_name(name), invalid_value(name)));
    match event {
        Some((Some(event), _)) => listing.label = Some(event.number().to_string()),
        Some((None, wrong)) => query.note_wrong("EventType", wrong),
        None => {}
    }
    query.finish()?;
    let listed = call.records::<Hook>(listing, page).await?;
    let hooks: Vec<_> = listed.rows.iter().filter_map(|record| record.body::<Hook>().map(|hook| (record, hook))).collect();
    let rows: Vec<_> = hooks.iter().map(|(record, hook)| body(call.view(), record, hook)).collect();
    Ok(call.page(&query, page, &rows, listed.total))
}

fn read_creation(mut fields: Fields<'_>) -> Result<CreateHook, WireError> {
    let event = read_event(&mut fields);
    let url = fields.url("Url", URL_MAX_CHARS).required().map(Secret::new);
    let status = fields.one_of("Status", STATUSES).optional().unwrap_or(HookStatus::Enabled);
    let email = fields.email("Email").optional();
    let tag = fields.tag();
    let (Some(event), Some(url)) = (event, url) else { return Err(fields.into_error()) };
    fields.finish()?;
    Ok(CreateHook { event, url, status, email, tag })
}

/// Any type of event that the vendor has will do, whether anything here causes it or not.
fn read_event(fields: &mut Fields<'_>) -> Option<EventType> {
    let name = fields.text("EventType", NAME_MAX).required()?;
    let event = events::of_name(&name).filter(|event| event.is_for_hooks());
    if event.is_none() {
        fields.note("EventType", invalid_value(&name));
    }
    event
}

fn wrong_target(why: TargetError) -> WireError {
    WireError::wrong_field(
        "Url",
        match why {
            TargetError::NotAUrl => "The Url field is not a valid fully-qualified http, https, or ftp URL.",
            TargetError::TooLong => "The field Url must be a string with a maximum length of 255.",
            TargetError::NotEncrypted => "The Url field must be an https URL.",
            TargetError::NotPublic => "The Url field must lead to a public address.",
        },
    )
}

fn body<'a>(view: &View, record: &Record, hook: &'a Hook) -> HookBody<'a> {
    HookBody {
        url: hook.url.expose(),
        status: match hook.status {
            HookStatus::Enabled => "ENABLED",
            HookStatus::Disabled => "DISABLED",
        },
        validity: match hook.validity {
            Validity::Valid => "VALID",
            Validity::Invalid => "INVALID",
        },
        event_type: events::name(hook.event),
        email: hook.email.as_ref().map(|email| email.expose().as_str()),
        id: view.spelling.spell(Prefix::Hook, record.lead.id),
        tag: hook.tag.as_ref().map(|tag| tag.expose().as_str()),
        creation_date: record.lead.created_at.seconds(),
    }
}
