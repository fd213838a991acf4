//! Pay-ins, a file a means of payment; the one route that views any of them is here.

pub mod bank_wire;

use domain::payment::{Detail, Nature, PaymentKind};

use crate::call::{Call, WireResponse, json};
use crate::wire::Prefix;
use crate::wire::error::WireError;

/// `GET /payins/{PayInId}`: a pay-in of any kind, in the form of its kind.
pub async fn view(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("PayInId");
    let not_found = || WireError::not_found("PayIn", &text);
    let id = call.spelling().parse(&[Prefix::PayIn], &text).ok_or_else(not_found)?;
    let payment = call.payment(id).await?.ok_or_else(not_found)?;
    match (payment.kind, payment.nature, &payment.detail) {
        (PaymentKind::PayIn, Nature::Regular, Detail::BankWire(wire)) => Ok(json(&bank_wire::body(call.view(), &payment, wire))),
        _ => Err(not_found()),
    }
}
