//! What becomes of a payout at the simulated bank.

use axum::body::Body;
use domain::PaymentId;
use domain::payment::{Payment, Refusal, ReturnReason, Status};
use engine::rail::bank::{BankOutcome, SteerError};
use http::Response;
use serde::Serialize;

use crate::answer::{Problem, bytes};
use crate::call::{Call, Told};
use crate::ids;

/// Refusals that a bank may give, by Florin's own words; a dialect's codes for them are taken too.
pub const REFUSALS: &[(&str, Refusal)] = &[
    ("refused", Refusal::BankRefused),
    ("needs_contact", Refusal::BankNeedsContact),
    ("fraud", Refusal::BankSuspectsFraud),
    ("needs_analysis", Refusal::NeedsAnalysis),
    ("wrong_account_type", Refusal::WrongBankAccountType),
    ("name_mismatch", Refusal::PayeeNameMismatch),
    ("failed", Refusal::BankFailed),
    ("technical", Refusal::BankTechnical),
    ("blocked_country", Refusal::BlockedBankCountry),
    ("generic", Refusal::GenericOperation),
    ("instant_amount_too_high", Refusal::InstantAmountTooHigh),
    ("instant_technical", Refusal::InstantTechnicalError),
    ("instant_unreachable", Refusal::InstantUnreachable),
    ("instant_wrong_iban", Refusal::InstantWrongIban),
    ("instant_generic", Refusal::InstantGeneric),
    ("instant_needs_review", Refusal::InstantNeedsReview),
];

#[derive(Serialize)]
struct PayoutBody {
    /// The payout's.
    id: String,
    /// `created`, `succeeded` or `failed`: the payout's, or its refund's.
    status: &'static str,
    /// The refund that a return made.
    refund: Option<String>,
}

/// `POST /payouts/{id}/succeed`: the bank sends it, at once.
pub async fn succeed(call: Call) -> Result<Response<Body>, Problem> {
    call.fields()?.finish()?;
    steer(call, BankOutcome::Succeed).await
}

/// `POST /payouts/{id}/fail`: the bank refuses it, at once. Field, optional: `code`.
pub async fn fail(call: Call) -> Result<Response<Body>, Problem> {
    let mut fields = call.fields()?;
    let code = fields.text("code");
    let why = match &code {
        None => Some(Refusal::BankRefused),
        Some(code) => refusal(code, call.sandbox.refusals_of_code),
    };
    if why.is_none() {
        let words: Vec<&str> = REFUSALS.iter().map(|(word, _)| *word).collect();
        fields.note("code", format!("has to be a code that a bank can give, or one of: {}", words.join(", ")));
    }
    fields.finish()?;
    steer(call, BankOutcome::Fail(why.unwrap_or(Refusal::BankRefused))).await
}

/// `POST /payouts/{id}/return`: the bank sends it back, having sent it first if it had not. Field, optional: `code`, a
/// reason of ISO 20022.
pub async fn send_back(call: Call) -> Result<Response<Body>, Problem> {
    let mut fields = call.fields()?;
    let reason = match fields.text("code") {
        None => Some(ReturnReason::AccountClosed),
        Some(code) => ReturnReason::ALL.into_iter().find(|reason| reason.iso_code().eq_ignore_ascii_case(&code)),
    };
    if reason.is_none() {
        let codes = ReturnReason::ALL.map(ReturnReason::iso_code).join(", ");
        fields.note("code", format!("has to be one of: {codes}"));
    }
    fields.finish()?;
    steer(call, BankOutcome::Return(reason.unwrap_or(ReturnReason::Other))).await
}

/// The refusal of a word or of a dialect's code, if a bank may give it.
fn refusal(code: &str, of_code: fn(&str) -> Vec<Option<Refusal>>) -> Option<Refusal> {
    let by_word = REFUSALS.iter().find(|(word, _)| word.eq_ignore_ascii_case(code)).map(|(_, refusal)| *refusal);
    let is_banks = |refusal: &Refusal| REFUSALS.iter().any(|(_, other)| other == refusal);
    by_word.or_else(|| of_code(code).into_iter().flatten().find(is_banks))
}

async fn steer(call: Call, outcome: BankOutcome) -> Result<Response<Body>, Problem> {
    let not_found = || Problem::not_found("payout");
    let id: PaymentId = ids::parse("po_m_", &call.id).ok_or_else(not_found)?;
    call.once(move |call, told| async move {
        match call.sandbox.payouts.steer(call.ctx, id, outcome).await {
            Ok(payment) => Ok(bytes(&body(id, &payment))),
            Err(SteerError::NotFound) => Err(not_found()),
            Err(SteerError::NotASandbox) => Err(Problem::nowhere()),
            // Told again, it went that way already.
            Err(SteerError::Ended(payment)) if told == Told::Again && has_gone(&payment, outcome) => Ok(bytes(&body(id, &payment))),
            Err(SteerError::Ended(payment)) => {
                let refusal = payment.refusal.map_or_else(String::new, |why| format!(" ({why:?})"));
                Err(Problem::conflict(format!("The payout has ended: {}{refusal}.", status_word(payment.status))))
            }
            Err(SteerError::Unavailable(why)) => {
                tracing::error!(why, request = %call.ctx.request, payout = %id, "a payout could not be steered");
                Err(Problem::unavailable())
            }
        }
    })
    .await
}

fn has_gone(payment: &Payment, outcome: BankOutcome) -> bool {
    match outcome {
        BankOutcome::Succeed => payment.status == Status::Succeeded,
        BankOutcome::Fail(why) => payment.status == Status::Failed && payment.refusal == Some(why),
        BankOutcome::Return(_) => false,
    }
}

fn body(payout: PaymentId, payment: &Payment) -> PayoutBody {
    let refund = (payment.id != payout).then(|| payment.id.to_string());
    PayoutBody { id: payout.to_string(), status: status_word(payment.status), refund }
}

/// A status in one word.
pub const fn status_word(status: Status) -> &'static str {
    match status {
        Status::Created => "created",
        Status::Succeeded => "succeeded",
        Status::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bank_gives_reasons_of_its_own_only() {
        let of_code = |code: &str| match code {
            "121001" => vec![Some(Refusal::BankRefused)],
            "001001" => vec![Some(Refusal::InsufficientFunds)],
            _ => Vec::new(),
        };
        assert_eq!(refusal("Needs_Analysis", of_code), Some(Refusal::NeedsAnalysis));
        assert_eq!(refusal("121001", of_code), Some(Refusal::BankRefused));
        assert_eq!(refusal("001001", of_code), None);
        assert_eq!(refusal("", of_code), None);
    }
}
