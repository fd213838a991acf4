//! Wallets of users. Source: reference, money part, 2 and 22.1.

use domain::wallet::{OpenWallet, OpenWalletError, RenameWallet, RenameWalletError, Wallet};
use domain::{Record, WalletId};
use money::Balance;
use serde::Serialize;

use super::users;
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

/// `GET /users/{UserId}/wallets`.
pub async fn of_user(call: &Call) -> Result<WireResponse, WireError> {
    let user = users::find(call).await?;
    let mut query = call.query();
    let page = query.page("CreationDate");
    let listing = query.listing(Some(user.id.0));
    query.finish()?;
    let listed = call.records::<Wallet>(listing, page).await?;
    let mut wallets = Vec::with_capacity(listed.rows.len());
    for record in &listed.rows {
        let wallet = record.body::<Wallet>().ok_or_else(WireError::fault)?;
        let account = call.account(WalletId(record.lead.id).account()).await?.ok_or_else(WireError::fault)?;
        wallets.push((record, wallet, account.available()));
    }
    let rows: Vec<_> = wallets.iter().map(|(record, wallet, balance)| body(call.view(), record, wallet, *balance)).collect();
    Ok(call.page(&query, page, &rows, listed.total))
}

/// `PUT /wallets/{WalletId}`: `Description` and `Tag`; whatever else is sent is ignored.
///
/// Here alone names match whatever their case, and the last one counts: the official SDK's suite sends the whole
/// object with its old `Description`, and the new one as `description`.
pub async fn update(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("WalletId").into_owned();
    let wallet = call.spelling().parse(&[Prefix::Wallet], &text).ok_or_else(|| WireError::not_found("Wallet", &text))?;
    let mut fields = call.fields()?.in_any_case();
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

#[cfg(test)]
mod tests {
    use money::Currency;
    use serde_json::json;

    use crate::workbench::{NOW_MS, World, user_text, wallet_text};

    #[tokio::test]
    async fn a_wallet_is_opened_and_viewed_and_renamed() {
        let world = World::new().await;
        let owner = user_text(world.user("me"));
        let seen = world.post("/wallets", &json!({"Owners": [owner], "Description": "Rent", "Currency": "JPY", "Tag": "t"})).await;
        let id = seen.get("Id");
        let expected = format!(
            r#"{{"Description":"Rent","Owners":["{owner}"],"Id":"{id}","Balance":{{"Currency":"JPY","Amount":0}},"Currency":"JPY","FundsType":"DEFAULT","Tag":"t","CreationDate":{}}}"#,
            NOW_MS / 1_000
        );
        assert_eq!((seen.status.as_u16(), &*seen.text), (200, &*expected));
        assert_eq!(world.get(&format!("/wallets/{id}")).await.text, expected);
        let path = format!("/wallets/{id}");
        // The whole object comes back from SDKs; only two of its fields are taken.
        let whole = expected.replace("Rent", "Savings").replace("\"JPY\"", "\"EUR\"");
        let seen = world.call("PUT", &path, &[], &whole).await;
        assert_eq!(seen.text, expected.replace("Rent", "Savings"));
        let seen = world.call("PUT", &path, &[], r#"{"Tag":null}"#).await;
        assert_eq!(seen.text, expected.replace("Rent", "Savings"));
        let seen = world.call("PUT", &path, &[], r#"{"Description":"Savings","data":{"Description":"x"},"description":"New"}"#).await;
        assert_eq!(seen.text, expected.replace("Rent", "New"));
    }

    #[tokio::test]
    async fn every_wrong_field_is_named_at_once() {
        let world = World::new().await;
        let (one, two) = (user_text(world.user("me")), user_text(world.user("me")));
        let full = json!({"Owners": [one], "Description": "x", "Currency": "EUR"});
        for (change, field, text) in [
            (json!({"Owners": null}), "Owners", "The Owners field is required."),
            (json!({"Owners": []}), "Owners", "The Owners field is required."),
            (json!({"Owners": [one, two]}), "Owners", "Owners doesn't support multiple values for the moment"),
            (json!({"Owners": ["12345678"]}), "Owners", "Owners is not valid"),
            (json!({"Owners": [user_text(world.user("other"))]}), "Owners", "Owners is not valid"),
            (json!({"Description": ""}), "Description", "The Description field is required."),
            (json!({"Currency": null}), "Currency", "The Currency field is required."),
            (
                json!({"Currency": "XPX"}),
                "Currency",
                "The code XPX cannot be found in the standard ISO 4217 : http://en.wikipedia.org/wiki/ISO_4217",
            ),
            (json!({"Tag": "x".repeat(256)}), "Tag", "The field Tag must be a string with a maximum length of 255."),
        ] {
            let mut request = full.clone();
            for (name, value) in change.as_object().unwrap() {
                request[name] = value.clone();
            }
            let seen = world.post("/wallets", &request).await;
            assert_eq!((seen.status.as_u16(), &*seen.get("Type"), &*seen.field_error(field)), (400, "param_error", text), "{change}");
        }
    }

    #[tokio::test]
    async fn a_closed_owner_gets_no_wallet_and_changes_none() {
        let world = World::new().await;
        let owner = world.user("me");
        let wallet = wallet_text(world.wallet("me", owner, Currency::EUR, 0));
        world.close_user("me", owner);
        let seen = world.post("/wallets", &json!({"Owners": [user_text(owner)], "Description": "x", "Currency": "EUR"})).await;
        assert_eq!(seen.get("Type"), "user_closed");
        let seen = world.call("PUT", &format!("/wallets/{wallet}"), &[], r#"{"Description":"y"}"#).await;
        assert_eq!(seen.get("Type"), "user_closed");
        assert_eq!(world.get(&format!("/wallets/{wallet}")).await.status.as_u16(), 200);
    }

    #[tokio::test]
    async fn anothers_wallet_is_not_found() {
        let world = World::new().await;
        let wallet = wallet_text(world.wallet("other", world.user("other"), Currency::EUR, 7));
        for (method, id) in [("GET", &*wallet), ("PUT", &wallet), ("GET", "10"), ("PUT", "FEES_EUR"), ("GET", "wlt_m_")] {
            let seen = world.call(method, &format!("/wallets/{id}"), &[], "{}").await;
            assert_eq!(seen.status.as_u16(), 404, "{method} {id}");
            assert_eq!(seen.field_error("RessourceNotFound"), format!("Cannot found the ressource Wallet with the id={id} "));
        }
    }
}
