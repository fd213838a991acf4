//! Money arrives at the institution's bank.

use axum::body::Body;
use domain::PaymentId;
use domain::Secret;
use domain::bank_account::Iban;
use domain::payment::{
    Debtor, Detail, Payment, Receipt, ReceiveWire, ReceiveWireError, Received, TakeBackWire, TakeBackWireError, TakenBack,
};
use http::Response;
use money::Money;
use serde::Serialize;

use crate::answer::{Problem, bytes};
use crate::call::Call;
use crate::fields::Fields;
use crate::ids;

#[derive(Serialize)]
struct ReceivedBody {
    /// `credited` or `unplaced`.
    outcome: &'static str,
    /// The pay-in that it was for, where that is known.
    pay_in: Option<String>,
    /// The record of money that is nobody's yet.
    receipt: Option<String>,
    /// Why it is nobody's yet.
    reason: Option<&'static str>,
    amount: i64,
    currency: &'static str,
    /// The bank's reference of it: by this it is known again.
    bank_reference: String,
}

/// `POST /payins/{id}/receive`: the money of a declared wire arrives, as much as was declared or another `amount`.
///
/// Fields, all optional: `amount`, `currency`, `debtor_name`, `debtor_iban`, and `bank_reference`, by which the bank tells
/// its credits apart: money that is reported again under the same one has arrived already. Without it the credit is a new one.
pub async fn receive(call: Call) -> Result<Response<Body>, Problem> {
    let id: PaymentId = ids::parse("payin_m_", &call.id).ok_or_else(|| Problem::not_found("bank-wire pay-in"))?;
    let payment = call.payment(id).await?.ok_or_else(|| Problem::not_found("bank-wire pay-in"))?;
    let Detail::BankWire(wire) = &payment.detail else { return Err(Problem::not_found("bank-wire pay-in")) };
    let declared = Money::new(wire.declared_debited, payment.debited.currency()).map_err(|_| Problem::fault())?;
    let mut fields = call.fields()?;
    let received = fields.funds(Some(declared));
    let remittance = Some(Secret::new(wire.reference.clone()));
    submit(&call, fields, received, remittance).await
}

/// `POST /wires`: money arrives with whatever the payer wrote.
///
/// Fields: `amount`, `currency`; optional: `reference` (what the payer wrote), `iban` (the account it arrives on),
/// `debtor_name`, `debtor_iban`, `bank_reference` (as in [`receive`]).
pub async fn arrive(call: Call) -> Result<Response<Body>, Problem> {
    let mut fields = call.fields()?;
    let received = fields.funds(None);
    let remittance = fields.secret("reference");
    if let Some(iban) = fields.text("iban")
        && Iban::parse(&iban).is_none_or(|iban| iban.as_str() != call.sandbox.receiving_account.iban)
    {
        fields.note("iban", format!("is no account of this institution; wires arrive on {}", call.sandbox.receiving_account.iban));
    }
    submit(&call, fields, received, remittance).await
}

async fn submit(
    call: &Call,
    mut fields: Fields,
    received: Option<Money>,
    remittance: Option<Secret<String>>,
) -> Result<Response<Body>, Problem> {
    let debtor = debtor(&mut fields);
    let bank_reference = fields.text("bank_reference").unwrap_or_else(|| fresh_reference(call));
    fields.finish()?;
    let received = received.ok_or_else(Problem::fault)?;
    let credit = call.sandbox.credits.of(&call.sandbox.receiving_account.iban, &bank_reference);
    let wire = ReceiveWire { credit, remittance, received, booked_at: None, debtor };
    call.submit(wire, move |result| match result {
        Ok(Received::Credited(payment)) => Ok(bytes(&credited(payment, &bank_reference))),
        Ok(Received::Unplaced(record)) => {
            let receipt = record.body::<Receipt>().ok_or_else(Problem::fault)?;
            Ok(bytes(&ReceivedBody {
                outcome: "unplaced",
                pay_in: receipt.pay_in.map(|id| id.to_string()),
                receipt: Some(record.lead.id.to_string()),
                reason: Some(receipt.reason.word()),
                amount: receipt.minor,
                currency: receipt.currency.code(),
                bank_reference: bank_reference.clone(),
            }))
        }
        Err(ReceiveWireError::Amount) => Err(Problem::conflict("A balance would not fit.")),
        Err(ReceiveWireError::OtherCredit) => Err(Problem::conflict("Another amount arrived under this bank_reference.")),
        Err(ReceiveWireError::Fault) => Err(Problem::fault()),
    })
    .await
}

#[derive(Serialize)]
struct TakenBackBody {
    pay_in: String,
    /// The refund that this made.
    refund: String,
    /// Minor units that were not there any more, and that the owner of the wallet owes; null where it was booked before.
    owed: Option<i64>,
    amount: i64,
    currency: &'static str,
}

/// `POST /payins/{id}/return`: the payer's bank takes a credited wire back, all of it. Field, optional: `bank_reference`.
pub async fn take_back(call: Call) -> Result<Response<Body>, Problem> {
    let not_found = || Problem::not_found("bank-wire pay-in");
    let pay_in: PaymentId = ids::parse("payin_m_", &call.id).ok_or_else(not_found)?;
    let mut fields = call.fields()?;
    let bank_reference = Some(fields.text("bank_reference").unwrap_or_else(|| fresh_reference(&call)));
    fields.finish()?;
    call.submit(TakeBackWire { pay_in, bank_reference }, move |result| match result {
        Ok(TakenBack { refund, owed }) => Ok(bytes(&TakenBackBody {
            pay_in: pay_in.to_string(),
            refund: refund.id.to_string(),
            owed: *owed,
            amount: refund.credited.minor(),
            currency: refund.credited.currency().code(),
        })),
        Err(TakeBackWireError::NotFound) => Err(not_found()),
        Err(TakeBackWireError::NotSucceeded) => Err(Problem::conflict("The wire was not credited.")),
        Err(TakeBackWireError::Fault) => Err(Problem::fault()),
    })
    .await
}

/// A reference that no other credit has: that of the request.
fn fresh_reference(call: &Call) -> String {
    format!("SBX{:032X}", call.ctx.request.0.bits())
}

fn credited(payment: &Payment, bank_reference: &str) -> ReceivedBody {
    ReceivedBody {
        outcome: "credited",
        pay_in: Some(payment.id.to_string()),
        receipt: None,
        reason: None,
        amount: payment.debited.minor(),
        currency: payment.debited.currency().code(),
        bank_reference: bank_reference.to_owned(),
    }
}

/// Who paid, if the body tells.
fn debtor(fields: &mut Fields) -> Option<Debtor> {
    let name = fields.secret("debtor_name");
    let text = fields.text("debtor_iban");
    let iban = text.as_deref().and_then(Iban::parse);
    if text.is_some() && iban.is_none() {
        fields.note("debtor_iban", "has to be an IBAN");
    }
    (name.is_some() || iban.is_some()).then(|| Debtor { name, iban: iban.map(Secret::new) })
}
