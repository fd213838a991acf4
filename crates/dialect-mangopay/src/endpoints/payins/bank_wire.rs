//! Pay-ins by bank transfer. Source: reference, money part, 5.1 and 5.4.

use domain::payment::{BankWire, DeclareBankWire, DeclareBankWireError, Detail, Payment, ReceivingAccount, Status};
use money::Currency;
use serde::Serialize;

use crate::call::{Call, View, WireResponse, json_bytes};
use crate::wire::error::{FieldErrors, WireError};
use crate::wire::fields::unknown_id;
use crate::wire::transaction::TransactionBody;
use crate::wire::{Fields, Funds, IdText, Prefix, Spelling};

/// A bank-wire pay-in, in the vendor's order, which is not that of other transactions.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BankWireBody<'a> {
    id: IdText,
    tag: Option<&'a str>,
    creation_date: i64,
    result_code: Option<&'static str>,
    result_message: Option<&'static str>,
    author_id: IdText,
    credited_user_id: Option<IdText>,
    debited_funds: Funds,
    credited_funds: Funds,
    fees: Funds,
    status: &'static str,
    execution_date: Option<i64>,
    #[serde(rename = "Type")]
    kind: &'static str,
    nature: &'static str,
    credited_wallet_id: Option<IdText>,
    debited_wallet_id: Option<IdText>,
    payment_type: &'static str,
    execution_type: &'static str,
    declared_debited_funds: Funds,
    declared_fees: Funds,
    wire_reference: &'a str,
    bank_account: BankAccountBody<'a>,
    /// What banks say of the transfer; Florin keeps none of it yet.
    transaction_details: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BankAccountBody<'a> {
    owner_address: OwnerAddressBody<'a>,
    #[serde(rename = "Type")]
    kind: &'static str,
    owner_name: &'a str,
    #[serde(rename = "IBAN")]
    iban: &'a str,
    #[serde(rename = "BIC")]
    bic: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OwnerAddressBody<'a> {
    address_line1: &'a str,
    address_line2: Option<&'a str>,
    city: &'a str,
    region: Option<&'a str>,
    postal_code: &'a str,
    country: &'a str,
}

/// `POST /payins/bankwire/direct`.
pub async fn create(call: &Call) -> Result<WireResponse, WireError> {
    let declared = read(call.fields()?, call.spelling(), &call.dialect().config.receiving_account)?;
    call.submit(declared, |view, result| match result {
        Ok(payment) => match &payment.detail {
            Detail::BankWire(wire) => Ok(json_bytes(&body(view, payment, wire))),
            Detail::Transfer => Err(WireError::fault()),
        },
        Err(error) => Err(error_of(error)),
    })
    .await
}

fn read(mut fields: Fields<'_>, spelling: &Spelling, account: &ReceivingAccount) -> Result<DeclareBankWire, WireError> {
    let author = fields.id("AuthorId", &[Prefix::User], spelling).required();
    let credited_user = fields.id("CreditedUserId", &[Prefix::User], spelling).optional();
    let to = fields.id::<domain::WalletId>("CreditedWalletId", &[Prefix::Wallet], spelling).required();
    let declared = fields.positive_money("DeclaredDebitedFunds").required();
    let fees = fields.money("DeclaredFees").required();
    let tag = fields.tag();
    let (Some(author), Some(to), Some(declared), Some(fees)) = (author, to, declared, fees) else { return Err(fields.into_error()) };
    fields.finish()?;
    let (author, to, account) = (Some(author), to.account(), account.clone());
    Ok(DeclareBankWire { author, credited_user, to, to_own: None, declared, fees, account, tag })
}

fn error_of(error: &DeclareBankWireError) -> WireError {
    match error {
        DeclareBankWireError::NotFound { author, credited_user, to } => {
            let mut errors = FieldErrors::default();
            for (name, _) in
                [("AuthorId", author), ("CreditedUserId", credited_user), ("CreditedWalletId", to)].into_iter().filter(|(_, is)| **is)
            {
                errors.note(name, unknown_id(name));
            }
            WireError::param_error(errors)
        }
        DeclareBankWireError::UserClosed => WireError::user_closed(),
        DeclareBankWireError::CreditedUserIsNotOwner => {
            WireError::wrong_field("CreditedUserId", "CreditedUserId should be the Credited wallet owner")
        }
        DeclareBankWireError::FundsCurrency { wallet, funds } => {
            WireError::wallet_and_funds_differ(*wallet, "DeclaredDebitedFunds", *funds)
        }
        DeclareBankWireError::NothingCredited => {
            WireError::wrong_field("DeclaredFees", "DeclaredFees should be lower than DeclaredDebitedFunds")
        }
    }
}

/// What a bank-wire pay-in shows: until it has succeeded its funds are a placeholder.
pub(crate) fn body<'a>(view: &View, payment: &'a Payment, wire: &'a BankWire) -> BankWireBody<'a> {
    let base = TransactionBody::of(view, payment);
    let has_arrived = payment.status == Status::Succeeded;
    let once_arrived = |funds: Funds| if has_arrived { funds } else { Funds::NOT_YET };
    let currency = payment.debited.currency();
    BankWireBody {
        id: base.id,
        tag: base.tag,
        creation_date: base.creation_date,
        result_code: base.result_code,
        result_message: base.result_message,
        author_id: base.author_id,
        credited_user_id: base.credited_user_id,
        debited_funds: once_arrived(base.debited_funds),
        credited_funds: once_arrived(base.credited_funds),
        fees: once_arrived(base.fees),
        status: base.status,
        execution_date: base.execution_date,
        kind: base.kind,
        nature: base.nature,
        credited_wallet_id: base.credited_wallet_id,
        debited_wallet_id: base.debited_wallet_id,
        payment_type: "BANK_WIRE",
        execution_type: "DIRECT",
        declared_debited_funds: declared(wire.declared_debited, currency),
        declared_fees: declared(wire.declared_fees, currency),
        wire_reference: &wire.reference,
        bank_account: bank_account(&wire.account),
        transaction_details: [],
    }
}

fn declared(minor: i64, currency: Currency) -> Funds {
    money::SignedMoney::new(minor, currency).into()
}

fn bank_account(account: &ReceivingAccount) -> BankAccountBody<'_> {
    BankAccountBody {
        owner_address: OwnerAddressBody {
            address_line1: &account.address_line1,
            address_line2: None,
            city: &account.city,
            region: None,
            postal_code: &account.postal_code,
            country: &account.country,
        },
        kind: "IBAN",
        owner_name: &account.owner_name,
        iban: &account.iban,
        bic: &account.bic,
    }
}
