//! Users, natural and legal, by the classic endpoints. Source: reference, people part, 4.
//!
//! What differs in the oldest version (no categories, terms by contract, addresses in one line) is in
//! [`v2`]; everything else serves both.

mod body;
mod read;
pub mod sca;
mod sca_body;
mod v2;

use std::borrow::Cow;
use std::sync::Arc;

use domain::user::{CloseUser, CloseUserError, Person, PersonKind, RegisterUserError, UpdateUserError, User, WrongField};
use domain::{Record, UserId};

use crate::call::{Call, View, WireResponse, respond};
use crate::router::Version;
use crate::wire::Prefix;
use crate::wire::error::WireError;

/// `POST /users/natural`.
pub async fn create_natural(call: &Call) -> Result<WireResponse, WireError> {
    create(call, PersonKind::Natural).await
}

/// `POST /users/legal`.
pub async fn create_legal(call: &Call) -> Result<WireResponse, WireError> {
    create(call, PersonKind::Legal).await
}

/// `PUT /users/natural/{UserId}`.
pub async fn update_natural(call: &Call) -> Result<WireResponse, WireError> {
    update(call, PersonKind::Natural).await
}

/// `PUT /users/legal/{UserId}`.
pub async fn update_legal(call: &Call) -> Result<WireResponse, WireError> {
    update(call, PersonKind::Legal).await
}

/// `DELETE /users/natural/{UserId}`.
pub async fn close_natural(call: &Call) -> Result<WireResponse, WireError> {
    close(call, PersonKind::Natural).await
}

/// `DELETE /users/legal/{UserId}`.
pub async fn close_legal(call: &Call) -> Result<WireResponse, WireError> {
    close(call, PersonKind::Legal).await
}

/// What lists show of a user.
pub(crate) fn summary<'a>(view: &View, record: &Record, user: &'a User) -> impl serde::Serialize + use<'a> {
    body::SummaryBody::of(view, record, user)
}

/// `GET /users/{UserId}`: of either kind.
pub async fn view(call: &Call) -> Result<WireResponse, WireError> {
    view_if(call, |_| true).await
}

/// `GET /users/natural/{UserId}`: a legal user is not there.
pub async fn view_natural(call: &Call) -> Result<WireResponse, WireError> {
    view_if(call, |kind| kind == PersonKind::Natural).await
}

/// `GET /users/legal/{UserId}`: a natural user is not there.
pub async fn view_legal(call: &Call) -> Result<WireResponse, WireError> {
    view_if(call, |kind| kind == PersonKind::Legal).await
}

/// `GET /users`: a summary of each, closed ones included.
pub async fn list(call: &Call) -> Result<WireResponse, WireError> {
    let mut query = call.query();
    let page = query.page("CreationDate");
    let listing = query.listing(None);
    query.finish()?;
    let listed = call.records::<User>(listing, page).await?;
    let users: Vec<_> = listed.rows.iter().map(|record| Ok((record, body_of::<User>(record)?))).collect::<Result<_, WireError>>()?;
    match call.view().version {
        Version::V2 => {
            let rows: Vec<_> = users.iter().map(|(record, user)| v2::SummaryBody::of(call.view(), record, user)).collect();
            Ok(call.page(&query, page, &rows, listed.total))
        }
        Version::V2_01 | Version::V3 => {
            let rows: Vec<_> = users.iter().map(|(record, user)| body::SummaryBody::of(call.view(), record, user)).collect();
            Ok(call.page(&query, page, &rows, listed.total))
        }
    }
}

/// What is asked of users by this call.
async fn rules(call: &Call) -> Result<read::Rules, WireError> {
    Ok(read::Rules { version: call.view().version, now: call.now().await? })
}

async fn create(call: &Call, kind: PersonKind) -> Result<WireResponse, WireError> {
    let register = read::registration(call.fields()?, kind, rules(call).await?)?;
    call.submit(register, move |view, result| match result {
        Ok(made) => shown(view, &made.user, &made.person),
        Err(error) => Err(registration_error(error, |wrong| read::wrong_fields(wrong, kind))),
    })
    .await
}

/// What is answered to a user who was not taken up; `wrong_fields` knows what fields are called.
fn registration_error(error: &RegisterUserError, wrong_fields: impl FnOnce(&[WrongField]) -> WireError) -> WireError {
    match error {
        RegisterUserError::Wrong(wrong) => wrong_fields(wrong),
        RegisterUserError::TermsNotAccepted => WireError::user_hasnt_accepted_terms_and_conditions(),
        RegisterUserError::FakeName => WireError::fraud_policy(),
    }
}

async fn update(call: &Call, kind: PersonKind) -> Result<WireResponse, WireError> {
    let (text, user) = named(call)?;
    let mut change = read::change(call.fields()?, user, kind, rules(call).await?);
    if change.is_wrong()
        && let Some((user, person)) = as_it_is(call, user).await?
    {
        change.hold_against(&user, &person);
    }
    let update = change.finish()?;
    let text = text.into_owned();
    call.submit(update, move |view, result| match result {
        Ok(changed) => shown(view, &changed.user, &changed.person),
        Err(error) => Err(match error {
            UpdateUserError::NotFound => WireError::not_found("User", &text),
            UpdateUserError::Closed => WireError::user_closed(),
            UpdateUserError::Wrong(wrong) => read::wrong_fields(wrong, kind),
            UpdateUserError::TermsRevoked => WireError::invalid_action("The user cannot revoke the terms and conditions acceptance"),
            UpdateUserError::TermsNotAccepted => WireError::user_hasnt_accepted_terms_and_conditions(),
            UpdateUserError::FakeName => WireError::fraud_policy(),
        }),
    })
    .await
}

/// A user and the person behind it, if it is there.
async fn as_it_is(call: &Call, id: UserId) -> Result<Option<(Arc<User>, Arc<Person>)>, WireError> {
    let Some(record) = call.record::<User>(id).await? else { return Ok(None) };
    let user = body_of::<User>(&record)?;
    let person = call.record::<Person>(user.person()).await?.ok_or_else(WireError::fault)?;
    Ok(Some((user, body_of::<Person>(&person)?)))
}

async fn close(call: &Call, kind: PersonKind) -> Result<WireResponse, WireError> {
    let (text, user) = named(call)?;
    let text = text.into_owned();
    call.submit(CloseUser { user, kind }, move |_, result| match result {
        Ok(_) => Ok(Vec::new()),
        Err(CloseUserError::NotFound) => Err(WireError::not_found("User", &text)),
        Err(CloseUserError::Closed) => Err(WireError::user_closed()),
        Err(CloseUserError::WalletNotEmpty) => Err(WireError::user_closure_not_possible()),
    })
    .await
}

async fn view_if(call: &Call, is_wanted: impl Fn(PersonKind) -> bool) -> Result<WireResponse, WireError> {
    let found = find(call).await?;
    let user = body_of::<User>(&found.record)?;
    if !is_wanted(user.kind()) {
        return Err(WireError::not_found("User", &call.param("UserId")));
    }
    let person = call.record::<Person>(user.person()).await?.ok_or_else(WireError::fault)?;
    let body = shown(call.view(), &found.record, &person)?;
    Ok(respond(http::StatusCode::OK, body.into()))
}

/// A user that a path names.
pub(crate) struct Found {
    pub(crate) id: UserId,
    pub(crate) record: Record,
}

/// The user that `{UserId}` names. Errors: not found.
pub(crate) async fn find(call: &Call) -> Result<Found, WireError> {
    let (text, id) = named(call)?;
    let record = call.record::<User>(id).await?.ok_or_else(|| WireError::not_found("User", &text))?;
    Ok(Found { id, record })
}

fn named(call: &Call) -> Result<(Cow<'_, str>, UserId), WireError> {
    let text = call.param("UserId");
    let id = call.spelling().parse(&[Prefix::User], &text).ok_or_else(|| WireError::not_found("User", &text))?;
    Ok((text, id))
}

/// The JSON of a user in the version asked for.
fn shown(view: &View, user: &Record, person: &Record) -> Result<Vec<u8>, WireError> {
    let (user_body, person_body) = (body_of::<User>(user)?, body_of::<Person>(person)?);
    Ok(match view.version {
        Version::V2 => v2::user(view, user, &user_body, &person_body),
        Version::V2_01 | Version::V3 => body::user(view, user, &user_body, &person_body),
    })
}

fn body_of<R: domain::Resource>(record: &Record) -> Result<Arc<R>, WireError> {
    record.body::<R>().ok_or_else(WireError::fault)
}
