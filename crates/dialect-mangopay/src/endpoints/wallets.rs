//! Wallets of users. Source: reference, money part, 2 and 22.1.

use domain::wallet::{OpenWallet, OpenWalletError, RenameWallet, RenameWalletError, Wallet};
use domain::{Record, WalletId};
use money::Balance;
use serde::Serialize;

use crate::call::{Call, View, WireResponse, json, json_bytes};
use crate::wire::error::WireError;
use crate::wire::fields::{TEXT_MAX, unknown_id};
use crate::wire::{Fields, Funds, IdText, Prefix, Spelling};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct WalletBody<'a> {
    description: &'a str,
    owners: [IdText; 1],
    id: IdText,
    balance: Funds,
    currency: &'static str,
    funds_type: &'static str,
    tag: Option<&'a str>,
    creation_date: i64,
}

/// `POST /wallets`.
pub async fn create(call: &Call) -> Result<WireResponse, WireError> {
    let open = read_opening(call.fields()?, call.spelling())?;
    call.submit(open, |view, result| match result {
        Ok(record) => {
            let wallet = record.body::<Wallet>().ok_or_else(WireError::fault)?;
            Ok(json_bytes(&body(view, record, &wallet, Balance::new(0, wallet.currency))))
        }
        Err(error) => Err(opening_error(*error)),
    })
    .await
}

/// `GET /wallets/{WalletId}`.
pub async fn view(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("WalletId");
    let not_found = || WireError::not_found("Wallet", &text);
    let id: WalletId = call.spelling().parse(&[Prefix::Wallet], &text).ok_or_else(not_found)?;
    let record = call.record::<Wallet>(id).await?.ok_or_else(not_found)?;
    let account = call.account(id.account()).await?.ok_or_else(not_found)?;
    let wallet = record.body::<Wallet>().ok_or_else(WireError::fault)?;
    Ok(json(&body(call.view(), &record, &wallet, account.available())))
}

/// `PUT /wallets/{WalletId}`: `Description` and `Tag`; whatever else is sent is ignored.
pub async fn update(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("WalletId").into_owned();
    let wallet = call.spelling().parse(&[Prefix::Wallet], &text).ok_or_else(|| WireError::not_found("Wallet", &text))?;
    let mut fields = call.fields()?;
    let description = fields.secret("Description", TEXT_MAX).optional();
    let tag = fields.tag();
    fields.finish()?;
    call.submit(RenameWallet { wallet, description, tag }, move |view, result| match result {
        Ok((record, account)) => {
            let wallet = record.body::<Wallet>().ok_or_else(WireError::fault)?;
            Ok(json_bytes(&body(view, record, &wallet, account.available())))
        }
        Err(RenameWalletError::NotFound) => Err(WireError::not_found("Wallet", &text)),
        Err(RenameWalletError::OwnerClosed) => Err(WireError::user_closed()),
    })
    .await
}

fn read_opening(mut fields: Fields<'_>, spelling: &Spelling) -> Result<OpenWallet, WireError> {
    let owners = fields.texts("Owners").required();
    let description = fields.secret("Description", TEXT_MAX).required();
    let currency = fields.currency("Currency").required();
    let tag = fields.tag();
    let owner = match owners.as_deref() {
        Some([owner]) => spelling.parse(&[Prefix::User], owner),
        Some(_) => {
            fields.note("Owners", "Owners doesn't support multiple values for the moment");
            None
        }
        None => None,
    };
    if owner.is_none() {
        // Stays unsaid where the field has an error already.
        fields.note("Owners", unknown_id("Owners"));
    }
    let (Some(owner), Some(description), Some(currency)) = (owner, description, currency) else { return Err(fields.into_error()) };
    fields.finish()?;
    Ok(OpenWallet { owner, currency, description, tag })
}

fn opening_error(error: OpenWalletError) -> WireError {
    match error {
        OpenWalletError::OwnerNotFound => WireError::wrong_field("Owners", unknown_id("Owners")),
        OpenWalletError::OwnerClosed => WireError::user_closed(),
        OpenWalletError::CurrencyNotAllowed(currency) => {
            WireError::wrong_field("Currency", format!("Currency: The currency {currency} is not available"))
        }
    }
}

fn body<'a>(view: &View, record: &Record, wallet: &'a Wallet, balance: Balance) -> WalletBody<'a> {
    WalletBody {
        description: wallet.description.expose(),
        owners: [view.spelling.spell(Prefix::User, wallet.owner)],
        id: view.spelling.spell(Prefix::Wallet, record.lead.id),
        balance: balance.into(),
        currency: wallet.currency.code(),
        funds_type: "DEFAULT",
        tag: wallet.tag.as_ref().map(|tag| tag.expose().as_str()),
        creation_date: record.lead.created_at.seconds(),
    }
}
