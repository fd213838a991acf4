//! Bank accounts to pay out to, of five kinds. Source: reference, money part, 9.1 and 22.3.

mod create;

pub use create::{create_ca, create_client_iban, create_gb, create_iban, create_other, create_us};

use domain::bank_account::{
    AccountHolder, BankAccount, BankDetails, DeactivateBankAccount, DeactivateBankAccountError, DepositAccountType,
};
use domain::{BankAccountId, Record, UserId};
use engine::OfPayments;
use serde::Serialize;

use super::{transactions, users};
use crate::call::{Call, View, WireResponse, json, json_bytes};
use crate::router::Version;
use crate::wire::address::{AddressBody, one_line, shown};
use crate::wire::error::WireError;
use crate::wire::fields::invalid_value;
use crate::wire::{IdText, Prefix};

/// A bank account, in the vendor's order: address, what its kind has, and the rest.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct BankAccountBody<'a> {
    owner_address: OwnerAddressBody<'a>,
    #[serde(flatten)]
    details: DetailsBody<'a>,
    /// Null for the platform's own.
    user_id: Option<IdText>,
    owner_name: &'a str,
    #[serde(rename = "Type")]
    kind: &'static str,
    id: IdText,
    tag: Option<&'a str>,
    creation_date: i64,
    active: bool,
}

/// An address is one line in the oldest version.
#[derive(Serialize)]
#[serde(untagged)]
enum OwnerAddressBody<'a> {
    Parts(AddressBody<'a>),
    Line(Option<String>),
}

#[derive(Serialize)]
#[serde(untagged)]
enum DetailsBody<'a> {
    Iban {
        #[serde(rename = "IBAN")]
        iban: &'a str,
        #[serde(rename = "BIC")]
        bic: Option<&'a str>,
    },
    #[serde(rename_all = "PascalCase")]
    Gb { account_number: &'a str, sort_code: &'a str },
    #[serde(rename_all = "PascalCase")]
    Us {
        account_number: &'a str,
        #[serde(rename = "ABA")]
        aba: &'a str,
        deposit_account_type: &'static str,
    },
    #[serde(rename_all = "PascalCase")]
    Ca { account_number: &'a str, institution_number: &'a str, branch_code: &'a str, bank_name: &'a str },
    #[serde(rename_all = "PascalCase")]
    Other {
        account_number: &'a str,
        #[serde(rename = "BIC")]
        bic: &'a str,
        country: &'a str,
    },
}

/// `GET /users/{UserId}/bankaccounts`: oldest first unless `Sort` says otherwise; `Active` narrows it.
pub async fn list(call: &Call) -> Result<WireResponse, WireError> {
    let user = users::find(call).await?;
    let mut query = call.query();
    let page = query.page("CreationDate");
    let mut listing = query.listing(Some(user.id.0));
    let states = query.words("Active", &[("true", Some("active")), ("false", Some("inactive"))]).unwrap_or_default();
    listing.statuses = states.into_iter().map(str::to_owned).collect();
    query.finish()?;
    let listed = call.records::<BankAccount>(listing, page).await?;
    let accounts: Vec<_> = listed.rows.iter().filter_map(|record| Some((record, record.body::<BankAccount>()?))).collect();
    let bodies: Vec<_> = accounts.iter().map(|(record, account)| body(call.view(), record, account)).collect();
    Ok(call.page(&query, page, &bodies, listed.total))
}

/// `GET /users/{UserId}/bankaccounts/{BankAccountId}`.
pub async fn view(call: &Call) -> Result<WireResponse, WireError> {
    let user = users::find(call).await?;
    let text = call.param("BankAccountId");
    let record = find(call, &text).await?.filter(|record| record.lead.owner == Some(user.id.0));
    let record = record.ok_or_else(|| WireError::not_found("BankAccount", &text))?;
    let account = record.body::<BankAccount>().ok_or_else(WireError::fault)?;
    Ok(json(&body(call.view(), &record, &account)))
}

/// `PUT /users/{UserId}/bankaccounts/{BankAccountId}`: `{"Active": false}`, for good. Whatever else is sent is ignored.
pub async fn deactivate(call: &Call) -> Result<WireResponse, WireError> {
    let (user_text, text) = (call.param("UserId"), call.param("BankAccountId").into_owned());
    let user: UserId = call.spelling().parse(&[Prefix::User], &user_text).ok_or_else(|| WireError::not_found("User", &user_text))?;
    let account = named(call, &text).ok_or_else(|| WireError::not_found("BankAccount", &text))?;
    let mut fields = call.fields()?;
    let is_active = fields.bool("Active").required();
    fields.finish()?;
    if is_active != Some(false) {
        return Err(WireError::wrong_field("Active", invalid_value("true")));
    }
    let deactivate = DeactivateBankAccount { owner: AccountHolder::User(user), account };
    call.submit(deactivate, move |view, result| match result {
        Ok(record) => rendered(view, record),
        Err(DeactivateBankAccountError::NotFound) => Err(WireError::not_found("BankAccount", &text)),
        Err(DeactivateBankAccountError::OwnerClosed) => Err(WireError::user_closed()),
    })
    .await
}

/// `GET /bankaccounts/{BankAccountId}/transactions`: what was paid out to it, and what came back.
pub async fn transactions(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("BankAccountId");
    let record = find(call, &text).await?.ok_or_else(|| WireError::not_found("BankAccount", &text))?;
    transactions::list(call, OfPayments::Instrument(record.lead.id)).await
}

fn named(call: &Call, text: &str) -> Option<BankAccountId> {
    call.spelling().parse(&[Prefix::BankAccount], text)
}

async fn find(call: &Call, text: &str) -> Result<Option<Record>, WireError> {
    match named(call, text) {
        Some(id) => call.record::<BankAccount>(id).await,
        None => Ok(None),
    }
}

/// The JSON of a bank account, for renderers.
fn rendered(view: &View, record: &Record) -> Result<Vec<u8>, WireError> {
    let account = record.body::<BankAccount>().ok_or_else(WireError::fault)?;
    Ok(json_bytes(&body(view, record, &account)))
}

fn body<'a>(view: &View, record: &Record, account: &'a BankAccount) -> BankAccountBody<'a> {
    let owner_address = match view.version {
        Version::V2 => OwnerAddressBody::Line(one_line(&account.holder_address)),
        Version::V2_01 | Version::V3 => OwnerAddressBody::Parts(AddressBody::from(&account.holder_address)),
    };
    let user_id = match account.owner {
        AccountHolder::User(user) => Some(view.spelling.spell(Prefix::User, user)),
        AccountHolder::Platform(_) => None,
    };
    let (kind, details) = details(&account.details);
    BankAccountBody {
        owner_address,
        details,
        user_id,
        owner_name: account.holder_name.expose(),
        kind,
        id: view.spelling.spell(Prefix::BankAccount, record.lead.id),
        tag: shown(&account.tag),
        creation_date: record.lead.created_at.seconds(),
        active: account.is_active,
    }
}

fn details(details: &BankDetails) -> (&'static str, DetailsBody<'_>) {
    match details {
        BankDetails::Iban { iban, bic } => {
            ("IBAN", DetailsBody::Iban { iban: iban.expose().as_str(), bic: bic.as_ref().map(|bic| bic.as_str()) })
        }
        BankDetails::Gb { account_number, sort_code } => ("GB", DetailsBody::Gb { account_number: account_number.expose(), sort_code }),
        BankDetails::Us { account_number, aba, deposit_account_type } => {
            let deposit_account_type = deposit_word(*deposit_account_type);
            ("US", DetailsBody::Us { account_number: account_number.expose(), aba, deposit_account_type })
        }
        BankDetails::Ca { account_number, bank_name, institution_number, branch_code } => {
            let account_number = account_number.expose();
            ("CA", DetailsBody::Ca { account_number, institution_number, branch_code, bank_name })
        }
        BankDetails::Other { country, bic, account_number } => {
            ("OTHER", DetailsBody::Other { account_number: account_number.expose(), bic: bic.as_str(), country })
        }
    }
}

const fn deposit_word(kind: DepositAccountType) -> &'static str {
    match kind {
        DepositAccountType::Checking => "CHECKING",
        DepositAccountType::Savings => "SAVINGS",
    }
}
