//! A payer authenticates, or does not.

use axum::body::Body;
use domain::PaymentId;
use domain::card::Verdict;
use domain::payment::{Payment, Refusal, Status};
use engine::CheckoutError;
use engine::rail::CardOrder;
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

/// `POST /payins/{id}/complete`: whatever a card pay-in still waits for happens, and it succeeds: the payer types the test card,
/// authenticates, and the issuer accepts.
pub async fn complete(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    order(call, CardOrder::Accept).await
}

/// `POST /payins/{id}/fail`: a card pay-in is refused. Field, optional: `code`, a dialect's code of a reason that an acquirer,
/// an issuer or the authentication has; the authentication fails unless it is given.
pub async fn refuse(call: Call) -> Result<Response<Body>, Problem> {
    let why = code(&call, Refusal::AuthenticationFailed)?;
    order(call, CardOrder::Refuse(why)).await
}

/// `POST /payins/{id}/abandon`: the payer of a card pay-in goes away.
pub async fn abandon(call: Call) -> Result<Response<Body>, Problem> {
    authenticate(call, Verdict::Abandoned).await
}

/// `POST /refunds/{id}/succeed`: the acquirer gives a refund of a card pay-in back.
pub async fn give_back(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    order_refund(call, CardOrder::Accept).await
}

/// `POST /refunds/{id}/fail`: the acquirer refuses a refund of a card pay-in. Field, optional: `code`.
pub async fn keep(call: Call) -> Result<Response<Body>, Problem> {
    let why = code(&call, Refusal::CardRefused)?;
    order_refund(call, CardOrder::Refuse(why)).await
}

/// Reasons that an acquirer, an issuer or an authentication has.
pub const REFUSALS: &[Refusal] = &[
    Refusal::DoNotHonor,
    Refusal::CardAmountLimit,
    Refusal::RefusedByTerminal,
    Refusal::CardLimitReached,
    Refusal::CardExpired,
    Refusal::CardInactive,
    Refusal::TooManyAttempts,
    Refusal::DebitLimitExceeded,
    Refusal::InvalidAmount,
    Refusal::InvalidCardNumber,
    Refusal::InvalidPin,
    Refusal::LostCard,
    Refusal::StolenCard,
    Refusal::SecurityViolation,
    Refusal::FraudSuspectedByBank,
    Refusal::RailConfiguration,
    Refusal::RailTechnical,
    Refusal::BankTechnical,
    Refusal::TechnicalError,
    Refusal::AuthenticationFailed,
    Refusal::AuthenticationExpired,
    Refusal::CardRefused,
];

/// The reason of a body.
fn code(call: &Call, unless_given: Refusal) -> Result<Refusal, Problem> {
    let mut fields = call.fields()?;
    let why = match fields.text("code") {
        None => Some(unless_given),
        Some(code) => (call.sandbox.refusals_of_code)(&code).into_iter().flatten().find(|why| REFUSALS.contains(why)),
    };
    if why.is_none() {
        fields.note("code", "has to be a code that an acquirer or an issuer can give; GET outcomes lists them");
    }
    fields.finish()?;
    Ok(why.unwrap_or(unless_given))
}

async fn order(call: Call, order: CardOrder) -> Result<Response<Body>, Problem> {
    let id: PaymentId = ids::parse("payin_m_", &call.id).ok_or_else(not_found)?;
    call.once(move |call, told| async move {
        match call.sandbox.checkout.order(call.ctx, id, order).await {
            Ok(payment) => Ok(body(&payment)),
            Err(CheckoutError::NotFound) => Err(not_found()),
            Err(CheckoutError::Over | CheckoutError::Card(_)) => ordered(&call, id, order, told).await,
            Err(CheckoutError::Unavailable) => Err(Problem::unavailable()),
        }
    })
    .await
}

async fn order_refund(call: Call, order: CardOrder) -> Result<Response<Body>, Problem> {
    let not_found = || Problem::not_found("refund of a card pay-in");
    let id: PaymentId = ids::parse("refund_m_", &call.id).ok_or_else(not_found)?;
    call.once(move |call, told| async move {
        match call.sandbox.checkout.order_refund(call.ctx, id, order).await {
            Ok(payment) => Ok(body(&payment)),
            Err(CheckoutError::NotFound) => Err(not_found()),
            Err(CheckoutError::Over | CheckoutError::Card(_)) => ordered(&call, id, order, told).await,
            Err(CheckoutError::Unavailable) => Err(Problem::unavailable()),
        }
    })
    .await
}

/// What is answered when it has ended: an order that may have been given before was, if it ended like this.
async fn ordered(call: &Call, id: PaymentId, order: CardOrder, told: Told) -> Result<Vec<u8>, Problem> {
    let has_ended_so = |payment: &Payment| match order {
        CardOrder::Accept => payment.status == Status::Succeeded,
        CardOrder::Refuse(why) => payment.refusal == Some(why),
    };
    let payment = call.payment(id).await?;
    match payment {
        Some(payment) if told == Told::Again && has_ended_so(&payment) => Ok(body(&payment)),
        Some(payment) => Err(Problem::conflict(format!("It has ended: {}.", status_word(payment.status)))),
        None => Err(not_found()),
    }
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
