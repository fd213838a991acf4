//! Pay-ins, a file a means of payment; the one route that views any of them is here.

pub mod bank_wire;
pub mod card_direct;
pub mod card_terms;
pub mod card_web;

use domain::payment::{Detail, Nature, Payment, PaymentKind};
use serde::Serialize;

use crate::call::{Call, View, WireResponse, json_bytes, respond};
use crate::wire::error::WireError;
use crate::wire::transaction::TransactionBody;
use crate::wire::{Funds, IdText, Prefix};

/// Languages of our pages. Source: reference, money part, 22.5.
pub(crate) const CULTURES: &[(&str, &str)] = &[
    ("CS", "CS"),
    ("DA", "DA"),
    ("DE", "DE"),
    ("EL", "EL"),
    ("EN", "EN"),
    ("ES", "ES"),
    ("FI", "FI"),
    ("FR", "FR"),
    ("HU", "HU"),
    ("IT", "IT"),
    ("NL", "NL"),
    ("NO", "NO"),
    ("PL", "PL"),
    ("PT", "PT"),
    ("SK", "SK"),
    ("SV", "SV"),
];

/// What every pay-in by card begins with, in the vendor's order, which is not that of other transactions.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PayInBody<'a> {
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
    credited_wallet_id: Option<IdText>,
    debited_wallet_id: Option<IdText>,
    payment_type: &'static str,
    execution_type: &'static str,
}

impl<'a> PayInBody<'a> {
    pub(crate) fn of(view: &View, payment: &'a Payment, payment_type: &'static str, execution_type: &'static str) -> Self {
        let base = TransactionBody::of(view, payment);
        Self {
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
            credited_wallet_id: base.credited_wallet_id,
            debited_wallet_id: base.debited_wallet_id,
            payment_type,
            execution_type,
        }
    }
}

/// `GET /payins/{PayInId}`: a pay-in of any kind, in the form of its kind.
pub async fn view(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("PayInId");
    let payment = find(call, &text).await?;
    let bytes = bytes(call.view(), &payment, &call.dialect().config.public_url).ok_or_else(|| WireError::not_found("PayIn", &text))?;
    Ok(respond(http::StatusCode::OK, bytes.into()))
}

/// The regular pay-in of an id's text. Errors: `ressource_not_found`, in the vendor's words.
pub(crate) async fn find(call: &Call, text: &str) -> Result<Payment, WireError> {
    let not_found = || WireError::not_found("PayIn", text);
    let id = call.spelling().parse(&[Prefix::PayIn], text).ok_or_else(not_found)?;
    let is_pay_in = |payment: &Payment| payment.kind == PaymentKind::PayIn && payment.nature == Nature::Regular;
    call.payment(id).await?.filter(is_pay_in).ok_or_else(not_found)
}

/// The JSON of a pay-in in the form of its kind. `None` for what is no pay-in.
pub(crate) fn bytes(view: &View, payment: &Payment, public_url: &str) -> Option<Vec<u8>> {
    match (payment.kind, payment.nature, &payment.detail) {
        (PaymentKind::PayIn, Nature::Regular, Detail::BankWire(wire)) => Some(json_bytes(&bank_wire::body(view, payment, wire))),
        (PaymentKind::PayIn, Nature::Regular, Detail::Card(card)) => Some(match card.web() {
            None => json_bytes(&card_direct::body(view, payment, card, public_url)),
            Some(web) => json_bytes(&card_web::body(view, payment, card, web, public_url)),
        }),
        _ => None,
    }
}
