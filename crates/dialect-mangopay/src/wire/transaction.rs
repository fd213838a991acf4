//! The fields that every transaction shows, whatever its kind. Source: reference, money part, 1.4.

use domain::payment::{Detail, Nature, Payment, PaymentKind, Status};
use ledger::Uid;
use serde::Serialize;

use super::funds::Funds;
use super::ids::{IdText, Prefix};
use crate::call::View;
use crate::results;

/// The base of every transaction, in the vendor's order. Absent values are explicit nulls.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TransactionBody<'a> {
    pub(crate) id: IdText,
    pub(crate) tag: Option<&'a str>,
    pub(crate) creation_date: i64,
    pub(crate) author_id: IdText,
    pub(crate) credited_user_id: Option<IdText>,
    pub(crate) debited_funds: Funds,
    pub(crate) credited_funds: Funds,
    pub(crate) fees: Funds,
    pub(crate) status: &'static str,
    pub(crate) result_code: Option<&'static str>,
    pub(crate) result_message: Option<&'static str>,
    pub(crate) execution_date: Option<i64>,
    #[serde(rename = "Type")]
    pub(crate) kind: &'static str,
    pub(crate) nature: &'static str,
    pub(crate) debited_wallet_id: Option<IdText>,
    pub(crate) credited_wallet_id: Option<IdText>,
}

impl<'a> TransactionBody<'a> {
    /// What a payment shows.
    #[must_use]
    pub fn of(view: &View, payment: &'a Payment) -> Self {
        let result = results::of_payment(payment);
        let spelling = &view.spelling;
        Self {
            id: spelling.spell(prefix_of(payment), payment.id),
            tag: payment.tag.as_ref().map(|tag| tag.expose().as_str()),
            creation_date: payment.created_at.seconds(),
            author_id: author_of(view, payment.author),
            credited_user_id: credited_user_of(view, payment),
            debited_funds: payment.debited.into(),
            credited_funds: payment.credited.into(),
            fees: payment.fees.into(),
            status: status_word(payment.status),
            result_code: result.map(|result| result.code),
            result_message: result.map(|result| result.message),
            execution_date: payment.executed_at.map(|at| at.seconds()),
            kind: kind_word(payment.kind),
            nature: nature_word(payment.nature),
            debited_wallet_id: payment.debited_wallet.map(|account| spelling.spell_account(account, payment.debited.currency())),
            credited_wallet_id: payment.credited_wallet.map(|account| spelling.spell_account(account, payment.credited.currency())),
        }
    }
}

/// The author's id; what the platform itself ordered shows its client id.
fn author_of(view: &View, author: Uid) -> IdText {
    if author == view.platform.0 { IdText::from(view.client_id.clone()) } else { view.spelling.spell(Prefix::User, author) }
}

/// Whoever is credited; for a wallet of the platform's own, its client id. Refunds name nobody.
fn credited_user_of(view: &View, payment: &Payment) -> Option<IdText> {
    match (payment.credited_user, payment.credited_wallet) {
        _ if matches!(payment.detail, Detail::PayoutReturn(_) | Detail::Refund(_)) => None,
        (Some(user), _) => Some(view.spelling.spell(Prefix::User, user)),
        (None, Some(_)) => Some(IdText::from(view.client_id.clone())),
        (None, None) => None,
    }
}

/// The prefix of a payment's id.
#[must_use]
pub const fn prefix_of(payment: &Payment) -> Prefix {
    match (payment.nature, payment.kind) {
        (Nature::Refund, _) => Prefix::Refund,
        (Nature::Repudiation, _) => Prefix::Repudiation,
        (Nature::Settlement, _) | (Nature::Regular, PaymentKind::Transfer) => Prefix::Transfer,
        (Nature::Regular, PaymentKind::PayIn) => Prefix::PayIn,
        (Nature::Regular, PaymentKind::Payout) => Prefix::Payout,
    }
}

const fn status_word(status: Status) -> &'static str {
    match status {
        Status::Created => "CREATED",
        Status::Succeeded => "SUCCEEDED",
        Status::Failed => "FAILED",
    }
}

const fn kind_word(kind: PaymentKind) -> &'static str {
    match kind {
        PaymentKind::PayIn => "PAYIN",
        PaymentKind::Transfer => "TRANSFER",
        PaymentKind::Payout => "PAYOUT",
    }
}

const fn nature_word(nature: Nature) -> &'static str {
    match nature {
        Nature::Regular => "REGULAR",
        Nature::Refund => "REFUND",
        Nature::Repudiation => "REPUDIATION",
        Nature::Settlement => "SETTLEMENT",
    }
}
