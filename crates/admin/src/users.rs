//! A user's identity is found good; a user is blocked, or not any more.

use axum::body::Body;
use domain::user::{BlockReason, BlockUser, BlockUserError, Blocks, UnblockUser, User, Verification, VerifyUser, VerifyUserError};
use domain::{Record, UserId};
use http::Response;
use serde::Serialize;

use crate::answer::{Problem, bytes};
use crate::call::Call;
use crate::fields::Fields;
use crate::ids;

#[derive(Serialize)]
struct UserBody {
    id: String,
    /// `light` or `regular`.
    verification: &'static str,
    inflows_blocked: bool,
    outflows_blocked: bool,
    /// Why, in one word, if somebody said so.
    block_reason: Option<&'static str>,
}

/// `POST /users/{id}/verify`: every required proof is found good. The real transition, with its events.
pub async fn verify(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    let verify = VerifyUser { user: user(&call)? };
    call.submit(verify, |result| match result {
        Ok(record) => rendered(record),
        Err(VerifyUserError::NotFound) => Err(Problem::not_found("user")),
        Err(VerifyUserError::Closed) => Err(Problem::conflict("The user is closed.")),
        Err(VerifyUserError::Payer) => Err(Problem::conflict("A payer is not verified.")),
        Err(VerifyUserError::Underage) => Err(Problem::conflict("The person is not eighteen, or has no birthday.")),
        Err(VerifyUserError::CompanyNumber) => {
            Err(Problem::conflict("The company number is missing, or has not the form that its country knows."))
        }
    })
    .await
}

/// `POST /users/{id}/block`. Fields, optional: `inflows`, `outflows`; without any, both; `code`, a reason's word or a dialect's code.
pub async fn block(call: Call) -> Result<Response<Body>, Problem> {
    let mut fields = call.fields()?;
    let code = fields.text("code");
    let by_word = |code: &str| BlockReason::ALL.iter().copied().find(|reason| reason.word().eq_ignore_ascii_case(code));
    let reason = code.as_deref().and_then(|code| by_word(code).or_else(|| (call.sandbox.block_reason_of_code)(code)));
    if code.is_some() && reason.is_none() {
        let words: Vec<&str> = BlockReason::ALL.iter().map(|reason| reason.word()).collect();
        fields.note("code", format!("has to be a code that a user is blocked by, or one of: {}", words.join(", ")));
    }
    let block = BlockUser { user: user(&call)?, flows: flows(fields)?, reason };
    call.submit(block, blocked).await
}

/// `POST /users/{id}/unblock`. Fields, optional: `inflows`, `outflows`; without any, both.
pub async fn unblock(call: Call) -> Result<Response<Body>, Problem> {
    let unblock = UnblockUser { user: user(&call)?, flows: flows(call.fields()?)? };
    call.submit(unblock, blocked).await
}

fn user(call: &Call) -> Result<UserId, Problem> {
    ids::parse("user_m_", &call.id).ok_or_else(|| Problem::not_found("user"))
}

fn flows(mut fields: Fields) -> Result<Blocks, Problem> {
    let (inflows, outflows) = (fields.flag("inflows"), fields.flag("outflows"));
    fields.finish()?;
    let is_silent = inflows.is_none() && outflows.is_none();
    Ok(Blocks { inflows: inflows.unwrap_or(is_silent), outflows: outflows.unwrap_or(is_silent) })
}

fn blocked(result: Result<&Record, &BlockUserError>) -> Result<Vec<u8>, Problem> {
    match result {
        Ok(record) => rendered(record),
        Err(BlockUserError::NotFound) => Err(Problem::not_found("user")),
        Err(BlockUserError::Closed) => Err(Problem::conflict("The user is closed.")),
    }
}

fn rendered(record: &Record) -> Result<Vec<u8>, Problem> {
    let user = record.body::<User>().ok_or_else(Problem::fault)?;
    let verification = match user.verification {
        Verification::Light => "light",
        Verification::Regular => "regular",
    };
    Ok(bytes(&UserBody {
        id: record.lead.id.to_string(),
        verification,
        inflows_blocked: user.blocks.inflows,
        outflows_blocked: user.blocks.outflows,
        block_reason: user.block_reason.map(BlockReason::word),
    }))
}
