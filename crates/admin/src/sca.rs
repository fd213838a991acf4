//! A user completes a session of strong customer authentication, or does not.

use axum::body::Body;
use domain::ids::ScaSessionId;
use domain::sca::{CompleteScaSession, CompleteScaSessionError, EndScaSession, EndScaSessionError, ScaEnd, ScaSession, magic};
use domain::user::User;
use domain::{Record, RecordKey, Resource, Secret, UserId};
use engine::{Listing, Page};
use http::Response;
use serde::Serialize;

use crate::answer::{Problem, bytes};
use crate::call::{Call, read_failed};
use crate::ids;

#[derive(Serialize)]
struct SessionBody {
    /// The session's.
    id: String,
    /// `pending`, `succeeded`, `failed` or `expired`.
    status: &'static str,
}

/// `POST /users/{id}/sca/complete`: the user shows who they are in the session that is open.
pub async fn complete(call: Call) -> Result<Response<Body>, Problem> {
    let session = open(&call).await?;
    let complete = CompleteScaSession { session, code: Secret::new(magic::CODE.to_owned()) };
    call.submit(complete, |result| match result {
        Ok(record) => rendered(record),
        Err(CompleteScaSessionError::NotFound) => Err(nothing_open()),
        Err(CompleteScaSessionError::NotASandbox) => Err(Problem::nowhere()),
        Err(CompleteScaSessionError::UserClosed) => Err(Problem::conflict("The user is closed.")),
    })
    .await
}

/// `POST /users/{id}/sca/fail`: the user types wrong codes until the session ends.
pub async fn fail(call: Call) -> Result<Response<Body>, Problem> {
    end(call, ScaEnd::Failed).await
}

/// `POST /users/{id}/sca/abandon`: the user lets the session's time pass.
pub async fn abandon(call: Call) -> Result<Response<Body>, Problem> {
    end(call, ScaEnd::Expired).await
}

async fn end(call: Call, end: ScaEnd) -> Result<Response<Body>, Problem> {
    let session = open(&call).await?;
    call.submit(EndScaSession { session, end }, |result| match result {
        Ok(record) => rendered(record),
        Err(EndScaSessionError::NotFound | EndScaSessionError::Over) => Err(nothing_open()),
    })
    .await
}

/// The newest session of the user that is open. Errors: the user has none.
async fn open(call: &Call) -> Result<ScaSessionId, Problem> {
    call.fields()?.finish()?;
    let user: UserId = ids::parse("user_m_", &call.id).ok_or_else(|| Problem::not_found("user"))?;
    let key = RecordKey { kind: User::KIND, platform: call.ctx.platform, id: user.0 };
    let found = call.sandbox.reads.record(key).await.map_err(|error| read_failed(&call.ctx, &error))?;
    found.ok_or_else(|| Problem::not_found("user"))?;
    let listing = Listing { owner: Some(user.0), statuses: vec!["pending".to_owned()], ..Listing::default() };
    let page = Page { number: 1, size: 1, newest_first: true };
    let listed = call.sandbox.reads.records(call.ctx.platform, ScaSession::KIND, listing, page).await;
    let listed = listed.map_err(|error| read_failed(&call.ctx, &error))?;
    listed.rows.first().map(|record| ScaSessionId(record.lead.id)).ok_or_else(nothing_open)
}

fn nothing_open() -> Problem {
    Problem::conflict("No session of the user is open.")
}

fn rendered(record: &Record) -> Result<Vec<u8>, Problem> {
    let session = record.body::<ScaSession>().ok_or_else(Problem::fault)?;
    Ok(bytes(&SessionBody { id: record.lead.id.to_string(), status: session.status() }))
}
