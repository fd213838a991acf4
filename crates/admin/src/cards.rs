//! A payer authenticates, or does not.

use axum::body::Body;
use domain::PaymentId;
use domain::card::Verdict;
use engine::CheckoutError;
use http::Response;
use serde::Serialize;

use crate::answer::{Problem, bytes, json};
use crate::call::Call;
use crate::ids;
use crate::payouts::status_word;

#[derive(Serialize)]
struct PayInBody {
    id: String,
    status: &'static str,
}

/// `POST /payins/{id}/3ds/pass`.
pub async fn pass(call: Call) -> Result<Response<Body>, Problem> {
    authenticate(call, Verdict::Passed).await
}

/// `POST /payins/{id}/3ds/fail`.
pub async fn fail(call: Call) -> Result<Response<Body>, Problem> {
    authenticate(call, Verdict::Failed).await
}

async fn authenticate(call: Call, verdict: Verdict) -> Result<Response<Body>, Problem> {
    let not_found = || Problem::not_found("card pay-in");
    call.fields()?.finish()?;
    let id: PaymentId = ids::parse("payin_m_", &call.id).ok_or_else(not_found)?;
    match call.sandbox.checkout.play(call.ctx, id, verdict).await {
        Ok(payment) => Ok(json(200, bytes(&PayInBody { id: payment.id.to_string(), status: status_word(payment.status) }))),
        Err(CheckoutError::NotFound) => Err(not_found()),
        Err(CheckoutError::Over | CheckoutError::Card(_)) => Err(Problem::conflict("The payer is not asked to authenticate.")),
        Err(CheckoutError::Unavailable) => Err(Problem::unavailable()),
    }
}
