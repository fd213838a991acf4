//! A payer authenticates, or does not.

use axum::body::Body;
use domain::PaymentId;
use domain::card::Verdict;
use domain::payment::{Payment, Status};
use engine::CheckoutError;
use http::Response;
use serde::Serialize;

use crate::answer::{Problem, bytes};
use crate::call::{Call, Told};
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
    call.fields()?.finish()?;
    let id: PaymentId = ids::parse("payin_m_", &call.id).ok_or_else(not_found)?;
    call.once(move |call, told| async move {
        match call.sandbox.checkout.play(call.ctx, id, verdict).await {
            Ok(payment) => Ok(body(&payment)),
            Err(CheckoutError::NotFound) => Err(not_found()),
            Err(CheckoutError::Over | CheckoutError::Card(_)) => past(&call, id, verdict, told).await,
            Err(CheckoutError::Unavailable) => Err(Problem::unavailable()),
        }
    })
    .await
}

/// What is answered when nothing waits for the payer: a step that may have been taken before was, if it ended like this.
async fn past(call: &Call, id: PaymentId, verdict: Verdict, told: Told) -> Result<Vec<u8>, Problem> {
    let ended = if verdict == Verdict::Passed { Status::Succeeded } else { Status::Failed };
    let payment = call.payment(id).await?.filter(|payment| told == Told::Again && payment.status == ended);
    payment.map(|payment| body(&payment)).ok_or_else(|| Problem::conflict("The payer is not asked to authenticate."))
}

fn not_found() -> Problem {
    Problem::not_found("card pay-in")
}

fn body(payment: &Payment) -> Vec<u8> {
    bytes(&PayInBody { id: payment.id.to_string(), status: status_word(payment.status) })
}
