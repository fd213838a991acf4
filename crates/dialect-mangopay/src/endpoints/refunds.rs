//! Refunds of pay-ins, transfers and payouts. Source: reference, money part, 11 and 22.1.

use domain::PaymentId;
use domain::card::CardAnswer;
use domain::payment::{
    CreateRefund, CreateRefundError, Detail, Nature, Payment, PaymentKind, RefundAmounts, RefundOf, RefundReason, ReturnReason,
    SettleRefund, SettleRefundError, Status,
};
use engine::{Listed, OfPayments};
use serde::Serialize;

use super::payins;
use super::payins::card_terms::read_statement_descriptor;
use crate::call::{Call, View, WireResponse, json, json_bytes};
use crate::query::Narrowed;
use crate::wire::error::{FundsNames, WireError};
use crate::wire::transaction::TransactionBody;
use crate::wire::{Fields, Funds, IdText, Prefix};

/// A refund, in the vendor's order, which is not that of other transactions.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RefundBody<'a> {
    id: IdText,
    tag: Option<&'a str>,
    creation_date: i64,
    author_id: IdText,
    credited_user_id: Option<IdText>,
    debited_funds: Funds,
    credited_funds: Funds,
    fees: Funds,
    status: &'static str,
    result_code: Option<&'static str>,
    result_message: Option<&'static str>,
    execution_date: Option<i64>,
    #[serde(rename = "Type")]
    kind: &'static str,
    nature: &'static str,
    initial_transaction_id: Option<IdText>,
    initial_transaction_type: &'static str,
    initial_transaction_nature: &'static str,
    debited_wallet_id: Option<IdText>,
    credited_wallet_id: Option<IdText>,
    refund_reason: ReasonBody<'a>,
    statement_descriptor: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ReasonBody<'a> {
    refund_reason_message: Option<&'a str>,
    refund_reason_type: &'static str,
}

/// `POST /payins/{PayInId}/refunds`: the acquirer is asked before the answer.
pub async fn of_pay_in(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("PayInId").into_owned();
    let initial = call.spelling().parse(&[Prefix::PayIn], &text).ok_or_else(|| WireError::not_found("PayIn", &text))?;
    let command = read(call, initial, RefundOf::PayIn)?;
    call.outlive(move |errand| async move {
        let refund = match errand.begin(command, move |error| error_of(*error, RefundOf::PayIn, &text)).await {
            Ok(refund) => refund,
            Err(answer) => return answer,
        };
        let answer = match refund.status {
            Status::Created => errand.acquirer().refund(&refund).await,
            Status::Succeeded | Status::Failed => CardAnswer::Pending,
        };
        let render = |view: &View, result: Result<&Payment, &SettleRefundError>| match result {
            Ok(refund) => Ok(bytes(view, refund)),
            Err(_) => Err(WireError::fault()),
        };
        errand.finish(SettleRefund::of(&refund, answer), render).await
    })
    .await
}

/// `POST /transfers/{TransferId}/refunds`.
pub async fn of_transfer(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("TransferId").into_owned();
    let initial = call.spelling().parse(&[Prefix::Transfer], &text).ok_or_else(|| WireError::not_found("Transfer", &text))?;
    let command = read(call, initial, RefundOf::Transfer)?;
    call.submit(command, move |view, result| match result {
        Ok(refund) => Ok(bytes(view, refund)),
        Err(error) => Err(error_of(*error, RefundOf::Transfer, &text)),
    })
    .await
}

/// `GET /refunds/{RefundId}`.
pub async fn view(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("RefundId");
    let not_found = || WireError::not_found("Refund", &text);
    let id = call.spelling().parse(&[Prefix::Refund], &text).ok_or_else(not_found)?;
    let refund = call.payment(id).await?.filter(|payment| payment.nature == Nature::Refund).ok_or_else(not_found)?;
    Ok(json(&body(call.view(), &refund)))
}

/// `GET /payins/{PayInId}/refunds`.
pub async fn list_of_pay_in(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("PayInId");
    let payment = payins::find(call, &text).await?;
    list(call, payment.id).await
}

/// `GET /transfers/{TransferId}/refunds`.
pub async fn list_of_transfer(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("TransferId");
    let id = find(call, &text, Prefix::Transfer, PaymentKind::Transfer, "Transfer").await?;
    list(call, id).await
}

/// `GET /payouts/{PayOutId}/refunds`.
pub async fn list_of_payout(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("PayOutId");
    let id = find(call, &text, Prefix::Payout, PaymentKind::Payout, "PayOut").await?;
    list(call, id).await
}

/// A regular payment of a kind by an id's text.
async fn find(call: &Call, text: &str, prefix: Prefix, kind: PaymentKind, resource: &str) -> Result<PaymentId, WireError> {
    let not_found = || WireError::not_found(resource, text);
    let id = call.spelling().parse(&[prefix], text).ok_or_else(not_found)?;
    let is_wanted = |payment: &Payment| payment.kind == kind && payment.nature == Nature::Regular;
    call.payment(id).await?.filter(is_wanted).map(|payment| payment.id).ok_or_else(not_found)
}

/// A list of refunds: filters `Status`, `ResultCode`, `BeforeDate`, `AfterDate`.
async fn list(call: &Call, initial: PaymentId) -> Result<WireResponse, WireError> {
    let mut query = call.query();
    let page = query.page("CreationDate");
    let filter = query.payment_filter();
    query.finish()?;
    let listed = match filter {
        Narrowed::To(filter) => call.payments(OfPayments::RefundsOf(initial), filter, page).await?,
        Narrowed::Nothing => Listed { rows: Vec::new(), total: 0 },
    };
    let rows: Vec<_> = listed.rows.iter().map(|refund| body(call.view(), refund)).collect();
    Ok(call.page(&query, page, &rows, listed.total))
}

fn read(call: &Call, initial: PaymentId, of: RefundOf) -> Result<CreateRefund, WireError> {
    let mut fields = call.fields()?;
    let author = fields.id("AuthorId", &[Prefix::User], call.spelling()).required();
    let amounts = read_amounts(&mut fields);
    let statement_descriptor = match of {
        RefundOf::PayIn => read_statement_descriptor(&mut fields),
        RefundOf::Transfer => None,
    };
    let tag = fields.tag();
    let Some(author) = author else { return Err(fields.into_error()) };
    fields.finish()?;
    Ok(CreateRefund { initial, of, author, amounts, statement_descriptor, via: call.via(), tag })
}

/// Both amounts or neither.
fn read_amounts(fields: &mut Fields<'_>) -> Option<RefundAmounts> {
    let (has_funds, has_fees) = (fields.has("DebitedFunds"), fields.has("Fees"));
    let debited = fields.positive_money("DebitedFunds").optional();
    let fees = fields.signed_money("Fees").optional();
    if has_funds && !has_fees {
        fields.note("Fees", "if DebitedFunds are defined, Fees must be defined");
    }
    if has_fees && !has_funds {
        fields.note("DebitedFunds", "if Fees are defined, DebitedFunds must be defined");
    }
    Some(RefundAmounts { debited: debited?, fees: fees? })
}

fn error_of(error: CreateRefundError, of: RefundOf, initial: &str) -> WireError {
    match (error, of) {
        (CreateRefundError::NotFound, RefundOf::PayIn) => WireError::not_found("PayIn", initial),
        (CreateRefundError::NotFound, RefundOf::Transfer) => WireError::not_found("Transfer", initial),
        (CreateRefundError::NoSuchRefunds, _) => WireError::invalid_action("The transaction cannot be refunded"),
        (CreateRefundError::NotSucceeded, _) => WireError::original_transaction_must_be_succeeded(),
        (CreateRefundError::AuthorIsAnother, RefundOf::PayIn) => {
            WireError::wrong_field("AuthorId", "Author of the refund is not the author of the initial payin")
        }
        (CreateRefundError::AuthorIsAnother, RefundOf::Transfer) => {
            WireError::wrong_field("AuthorId", "Author of the refund is not the author of the initial transfer")
        }
        (CreateRefundError::UserClosed, _) => WireError::user_closed(),
        (CreateRefundError::FundsCurrency(other), _) => WireError::wallet_and_funds_differ(other, FundsNames::PLAIN),
        (CreateRefundError::AlreadyRefunded, _) => {
            WireError::wrong_field("TransferId", "Original transaction has already been successfully refunded")
        }
        (CreateRefundError::ExceedsInitial, RefundOf::PayIn) => {
            WireError::wrong_field("DebitedFunds", "DebitedFunds cannot be superior the CreditedFunds of the initial PayIn")
        }
        (CreateRefundError::ExceedsInitial, RefundOf::Transfer) => {
            WireError::wrong_field("DebitedFunds", "DebitedFunds cannot be higher than CreditedFunds of the initial transfer")
        }
        (CreateRefundError::FeesExceedFunds, _) => WireError::wrong_field("Fees", "Fees cannot be higher than DebitedFunds"),
        (CreateRefundError::Fault, _) => WireError::fault(),
    }
}

/// The JSON of a refund.
pub(crate) fn bytes(view: &View, refund: &Payment) -> Vec<u8> {
    json_bytes(&body(view, refund))
}

fn body<'a>(view: &View, refund: &'a Payment) -> RefundBody<'a> {
    let base = TransactionBody::of(view, refund);
    let (initial_type, prefix) = initial_of(refund);
    let asked_for = match &refund.detail {
        Detail::Refund(detail) => Some(detail),
        _ => None,
    };
    RefundBody {
        id: base.id,
        tag: base.tag,
        creation_date: base.creation_date,
        author_id: base.author_id,
        credited_user_id: base.credited_user_id,
        debited_funds: base.debited_funds,
        credited_funds: base.credited_funds,
        fees: base.fees,
        status: base.status,
        result_code: base.result_code,
        result_message: base.result_message,
        execution_date: base.execution_date,
        kind: base.kind,
        nature: base.nature,
        initial_transaction_id: refund.initial.map(|initial| view.spelling.spell(prefix, initial)),
        initial_transaction_type: initial_type,
        initial_transaction_nature: "REGULAR",
        debited_wallet_id: base.debited_wallet_id,
        credited_wallet_id: base.credited_wallet_id,
        refund_reason: ReasonBody {
            refund_reason_message: asked_for.and_then(|detail| detail.message.as_deref()).or_else(|| returned_message(refund)),
            refund_reason_type: reason_word(refund),
        },
        statement_descriptor: asked_for.and_then(|detail| detail.statement_descriptor.as_deref()),
    }
}

/// What a refund gives back: the type of the initial transaction, and how its id begins.
const fn initial_of(refund: &Payment) -> (&'static str, Prefix) {
    match refund.kind {
        PaymentKind::Payout => ("PAYIN", Prefix::PayIn),
        PaymentKind::Transfer => ("TRANSFER", Prefix::Transfer),
        PaymentKind::PayIn => ("PAYOUT", Prefix::Payout),
    }
}

fn reason_word(refund: &Payment) -> &'static str {
    match &refund.detail {
        Detail::Refund(detail) => match detail.reason {
            RefundReason::InitializedByClient => "INITIALIZED_BY_CLIENT",
            RefundReason::Other => "OTHER",
        },
        Detail::PayoutReturn(returned) => match returned.reason {
            ReturnReason::AccountIncorrect => "BANKACCOUNT_INCORRECT",
            ReturnReason::AccountClosed => "BANKACCOUNT_HAS_BEEN_CLOSED",
            ReturnReason::HolderMismatch => "OWNER_DO_NOT_MATCH_BANKACCOUNT",
            ReturnReason::SavingsAccount => "AG01_FORBIDDEN_TRANSACTION",
            ReturnReason::Other => "MS03_NOT_SPECIFIED",
        },
        Detail::Transfer(_) | Detail::BankWire(_) | Detail::Payout(_) | Detail::Card(_) => "OTHER",
    }
}

/// The banks' own code, which the vendor shows beside its reason.
fn returned_message(refund: &Payment) -> Option<&'static str> {
    match &refund.detail {
        Detail::PayoutReturn(returned) => Some(returned.reason.iso_code()),
        _ => None,
    }
}
