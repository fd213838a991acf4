//! Transfers between wallets. Source: reference, money part, 4 and 22.1.

use domain::payment::{Nature, Payment, PaymentKind, TransferFunds, TransferFundsError, TransferOutcome};
use serde::Serialize;

use crate::call::{Call, View, WireResponse, json, json_bytes};
use crate::wire::error::{FieldErrors, WireError};
use crate::wire::fields::unknown_id;
use crate::wire::transaction::TransactionBody;
use crate::wire::{Fields, Prefix, Spelling};

/// Whether the payer is there to authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScaContext {
    /// The payer is there.
    UserPresent,
    /// The platform acts alone.
    UserNotPresent,
}

const SCA_CONTEXTS: &[(&str, ScaContext)] =
    &[("USER_PRESENT", ScaContext::UserPresent), ("USER_NOT_PRESENT", ScaContext::UserNotPresent)];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TransferBody<'a> {
    #[serde(flatten)]
    base: TransactionBody<'a>,
    /// As sent; null when it was not.
    sca_context: Option<ScaContext>,
    pending_user_action: Option<()>,
}

struct Request {
    transfer: TransferFunds,
    sca_context: Option<ScaContext>,
}

/// `POST /transfers`.
pub async fn create(call: &Call) -> Result<WireResponse, WireError> {
    let Request { transfer, sca_context } = read(call.fields()?, call.spelling())?;
    call.submit(transfer, move |view, result| match result {
        Ok(TransferOutcome::Moved(payment) | TransferOutcome::Refused(payment)) => Ok(json_bytes(&body(view, payment, sca_context))),
        Err(error) => Err(error_of(error)),
    })
    .await
}

/// `GET /transfers/{TransferId}`.
pub async fn view(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("TransferId");
    let found = match call.spelling().parse(&[Prefix::Transfer], &text) {
        Some(id) => call.payment(id).await?,
        None => None,
    };
    let is_transfer = |payment: &Payment| payment.kind == PaymentKind::Transfer && payment.nature == Nature::Regular;
    let payment = found.filter(is_transfer).ok_or_else(|| WireError::not_found("Transfer", &text))?;
    Ok(json(&body(call.view(), &payment, None)))
}

fn read(mut fields: Fields<'_>, spelling: &Spelling) -> Result<Request, WireError> {
    let author = fields.id("AuthorId", &[Prefix::User], spelling).required();
    let credited_user = fields.id("CreditedUserId", &[Prefix::User], spelling).optional();
    let debited = fields.positive_money("DebitedFunds").required();
    let fees = fields.money("Fees").required();
    let from = fields.id("DebitedWalletId", &[Prefix::Wallet], spelling).required();
    let to = fields.id("CreditedWalletId", &[Prefix::Wallet], spelling).required();
    let sca_context = fields.one_of("ScaContext", SCA_CONTEXTS).optional();
    let tag = fields.tag();
    let (Some(author), Some(debited), Some(fees), Some(from), Some(to)) = (author, debited, fees, from, to) else {
        return Err(fields.into_error());
    };
    fields.finish()?;
    Ok(Request { transfer: TransferFunds { author, credited_user, from, to, debited, fees, tag }, sca_context })
}

fn body<'a>(view: &View, payment: &'a Payment, sca_context: Option<ScaContext>) -> TransferBody<'a> {
    TransferBody { base: TransactionBody::of(view, payment), sca_context, pending_user_action: None }
}

fn error_of(error: &TransferFundsError) -> WireError {
    match error {
        TransferFundsError::NotFound { author, credited_user, from, to } => {
            let absent =
                [("AuthorId", author), ("CreditedUserId", credited_user), ("DebitedWalletId", from), ("CreditedWalletId", to)];
            let mut errors = FieldErrors::default();
            for (name, _) in absent.into_iter().filter(|(_, is_absent)| **is_absent) {
                errors.note(name, unknown_id(name));
            }
            WireError::param_error(errors)
        }
        TransferFundsError::AuthorClosed => WireError::user_closed(),
        TransferFundsError::AuthorIsNotOwner => WireError::param_message("Author should be the Debited wallet owner"),
        TransferFundsError::CreditedUserIsNotOwner => {
            WireError::wrong_field("CreditedUserId", "CreditedUserId should be the Credited wallet owner")
        }
        TransferFundsError::WalletCurrencies { debited, credited } => WireError::currency_incompatibility(format!(
            "The Debited Wallet's currency {debited} and the Credited Wallet's currency {credited} must be the same"
        )),
        TransferFundsError::FundsCurrency { wallet, funds } => WireError::wallet_and_funds_differ(*wallet, "DebitedFunds", *funds),
        TransferFundsError::FeesExceedFunds => WireError::wrong_field("Fees", "Fees cannot be higher than DebitedFunds"),
        TransferFundsError::Fault => WireError::fault(),
    }
}
