//! Pay-ins by bank transfer. Source: reference, money part, 5.1 and 5.4.

use domain::payment::{BankWire, DeclareBankWire, DeclareBankWireError, Detail, Payment, ReceivingAccount, Status};
use money::{Currency, Money};
use serde::Serialize;

use crate::call::{Call, View, WireResponse, json_bytes};
use crate::wire::error::{FieldErrors, FundsNames, WireError};
use crate::wire::fields::unknown_id;
use crate::wire::ids::WalletName;
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
    submit(call, read(call.fields()?, call.spelling(), receiving_account(call))?).await
}

/// `POST /clients/payins/bankwire/direct`: into one of the platform's own wallets.
pub async fn create_for_client(call: &Call) -> Result<WireResponse, WireError> {
    submit(call, read_for_client(call)?).await
}

async fn submit(call: &Call, declared: DeclareBankWire) -> Result<WireResponse, WireError> {
    call.submit(declared, |view, result| {
        let payment = result.map_err(error_of)?;
        let Detail::BankWire(wire) = &payment.detail else { return Err(WireError::fault()) };
        Ok(json_bytes(&body(view, payment, wire)))
    })
    .await
}

/// The account that payers are told to pay to: that of the connected bank, else the configured one.
fn receiving_account(call: &Call) -> ReceivingAccount {
    let config = &call.dialect().config;
    config.rails.bank.as_ref().map_or_else(|| config.receiving_account.clone(), |bank| bank.receiving_account())
}

fn read_for_client(call: &Call) -> Result<DeclareBankWire, WireError> {
    let mut fields = call.fields()?;
    let to = fields.wallet("CreditedWalletId", call.spelling()).required();
    let declared = fields.positive_money("DeclaredDebitedFunds").required();
    let fees = fields.money("DeclaredFees").optional();
    let tag = fields.tag();
    if matches!(to, Some(WalletName::User(_))) {
        fields.note("CreditedWalletId", unknown_id("CreditedWalletId"));
    }
    let (Some(WalletName::Own(role, currency)), Some(declared)) = (to, declared) else { return Err(fields.into_error()) };
    fields.finish()?;
    Ok(DeclareBankWire {
        author: None,
        credited_user: None,
        to: WalletName::Own(role, currency).account(call.ctx().platform),
        to_own: Some((role, currency)),
        fees: fees.unwrap_or(Money::zero(declared.currency())),
        declared,
        account: receiving_account(call),
        tag,
    })
}

fn read(mut fields: Fields<'_>, spelling: &Spelling, account: ReceivingAccount) -> Result<DeclareBankWire, WireError> {
    let author = fields.id("AuthorId", &[Prefix::User], spelling).required();
    let credited_user = fields.id("CreditedUserId", &[Prefix::User], spelling).optional();
    let to = fields.id::<domain::WalletId>("CreditedWalletId", &[Prefix::Wallet], spelling).required();
    let declared = fields.positive_money("DeclaredDebitedFunds").required();
    let fees = fields.money("DeclaredFees").required();
    let tag = fields.tag();
    let (Some(author), Some(to), Some(declared), Some(fees)) = (author, to, declared, fees) else { return Err(fields.into_error()) };
    fields.finish()?;
    let (author, to) = (Some(author), to.account());
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
        DeclareBankWireError::FundsCurrency(other) => WireError::wallet_and_funds_differ(*other, FundsNames::DECLARED),
        DeclareBankWireError::Fault => WireError::fault(),
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

#[cfg(test)]
mod tests {
    use money::Currency;
    use serde_json::json;

    use crate::workbench::{NOW_MS, World, user_text, wallet_text};

    #[tokio::test]
    async fn a_declared_wire_says_where_to_pay_and_shows_no_funds_yet() {
        let world = World::new().await;
        let user = world.user("me");
        let (wallet, user) = (wallet_text(world.wallet("me", user, Currency::EUR, 0)), user_text(user));
        let request = json!({
            "AuthorId": user,
            "CreditedWalletId": wallet,
            "DeclaredDebitedFunds": {"Currency": "EUR", "Amount": "62789"},
            "DeclaredFees": {"Currency": "EUR", "Amount": 7826},
        });
        let seen = world.post("/payins/bankwire/direct/", &request).await;
        let (id, reference) = (seen.get("Id"), seen.get("WireReference"));
        let expected = format!(
            concat!(
                r#"{{"Id":"{id}","Tag":null,"CreationDate":{now},"ResultCode":null,"ResultMessage":null,"AuthorId":"{user}","#,
                r#""CreditedUserId":"{user}","DebitedFunds":{{"Currency":"XXX","Amount":0}},"CreditedFunds":{{"Currency":"XXX","Amount":0}},"#,
                r#""Fees":{{"Currency":"XXX","Amount":0}},"Status":"CREATED","ExecutionDate":null,"Type":"PAYIN","Nature":"REGULAR","#,
                r#""CreditedWalletId":"{wallet}","DebitedWalletId":null,"PaymentType":"BANK_WIRE","ExecutionType":"DIRECT","#,
                r#""DeclaredDebitedFunds":{{"Currency":"EUR","Amount":62789}},"DeclaredFees":{{"Currency":"EUR","Amount":7826}},"#,
                r#""WireReference":"{reference}","BankAccount":{{"OwnerAddress":{{"AddressLine1":"2 Avenue Amélie","AddressLine2":null,"#,
                r#""City":"Luxembourg","Region":null,"PostalCode":"L-1125","Country":"LU"}},"Type":"IBAN","OwnerName":"FLORIN SANDBOX","#,
                r#""IBAN":"FR7699999000010000000000115","BIC":"FLRNFRP0XXX"}},"TransactionDetails":[]}}"#
            ),
            id = id,
            now = NOW_MS / 1_000,
            user = user,
            wallet = wallet,
            reference = reference,
        );
        assert_eq!((seen.status.as_u16(), &*seen.text), (200, &*expected));
        assert!(id.starts_with("payin_m_") && reference.len() == 10);
        assert_eq!(world.get(&format!("/payins/{id}")).await.text, expected);
    }

    #[tokio::test]
    async fn each_error_has_its_answer() {
        let world = World::new().await;
        let (user, other) = (world.user("me"), world.user("me"));
        let wallet = wallet_text(world.wallet("me", user, Currency::EUR, 0));
        let foreign = wallet_text(world.wallet("other", world.user("other"), Currency::EUR, 0));
        let full = json!({
            "AuthorId": user_text(user),
            "CreditedWalletId": wallet,
            "DeclaredDebitedFunds": {"Currency": "EUR", "Amount": 100},
            "DeclaredFees": {"Currency": "EUR", "Amount": 0},
        });
        for (change, kind, field, text) in [
            (json!({"AuthorId": null, "DeclaredFees": null}), "param_error", "AuthorId", "The AuthorId field is required."),
            (json!({"CreditedWalletId": foreign}), "param_error", "CreditedWalletId", "CreditedWalletId is not valid"),
            (json!({"CreditedWalletId": "CREDIT_EUR"}), "param_error", "CreditedWalletId", "CreditedWalletId is not valid"),
            (
                json!({"CreditedUserId": user_text(other)}),
                "param_error",
                "CreditedUserId",
                "CreditedUserId should be the Credited wallet owner",
            ),
            (
                json!({"DeclaredDebitedFunds": {"Currency": "GBP", "Amount": 100}}),
                "currency_incompatibility",
                "currency",
                "The Wallet's currency EUR and the DeclaredDebitedFunds's currency GBP must be the same",
            ),
            (
                json!({"DeclaredFees": {"Currency": "EUR", "Amount": 100}}),
                "param_error",
                "DeclaredFees",
                "DeclaredFees should be lower than DeclaredDebitedFunds",
            ),
        ] {
            let mut request = full.clone();
            for (name, value) in change.as_object().unwrap() {
                request[name] = value.clone();
            }
            let seen = world.post("/payins/bankwire/direct", &request).await;
            assert_eq!((seen.status.as_u16(), &*seen.get("Type"), &*seen.field_error(field)), (400, kind, text), "{change}");
        }
        world.close_user("me", user);
        assert_eq!(world.post("/payins/bankwire/direct", &full).await.get("Type"), "user_closed");
    }

    #[tokio::test]
    async fn what_is_no_pay_in_is_not_found() {
        let world = World::new().await;
        for id in ["10", "payin_m_01JRFJJN9BR864A4KG7MH1WCZG", "xfer_m_01JRFJJN9BR864A4KG7MH1WCZG"] {
            let seen = world.get(&format!("/payins/{id}")).await;
            assert_eq!(seen.field_error("RessourceNotFound"), format!("Cannot found the ressource PayIn with the id={id} "));
        }
    }
}
