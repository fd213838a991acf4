//! Bank accounts of the five kinds.

use serde_json::{Value, json};

use crate::harness::{NOW_S, World, address, is_list_of, with};

pub const FRENCH: &str = "FR7630004000031234567890143";

pub fn iban() -> Value {
    json!({"OwnerName": "John Doe", "OwnerAddress": address("FR"), "IBAN": FRENCH, "BIC": "BNPAFRPP", "Tag": "custom"})
}

fn of_kind(kind: &str) -> Value {
    let common = json!({"OwnerName": "John Doe", "OwnerAddress": address("FR")});
    let own = match kind {
        "gb" => json!({"AccountNumber": "63956474", "SortCode": "200000"}),
        "us" => json!({"AccountNumber": "234234234234", "ABA": "234334789"}),
        "ca" => json!({"BankName": "TestBankName", "BranchCode": "12345", "AccountNumber": "234234234234", "InstitutionNumber": "123"}),
        "other" => json!({"Country": "FR", "AccountNumber": "234234234234", "BIC": "BINAADADXXX"}),
        _ => json!({"IBAN": FRENCH}),
    };
    with(&common, own)
}

/// What each kind shows between its address and its owner, in order.
const SHOWN: &[(&str, &str, &str)] = &[
    ("iban", "IBAN", r#""IBAN":"FR7630004000031234567890143","BIC":null"#),
    ("gb", "GB", r#""AccountNumber":"63956474","SortCode":"200000""#),
    ("us", "US", r#""AccountNumber":"234234234234","ABA":"234334789","DepositAccountType":"CHECKING""#),
    ("ca", "CA", r#""AccountNumber":"234234234234","InstitutionNumber":"123","BranchCode":"12345","BankName":"TestBankName""#),
    ("other", "OTHER", r#""AccountNumber":"234234234234","BIC":"BINAADADXXX","Country":"FR""#),
];

#[tokio::test]
async fn each_kind_is_made_and_shows_every_field_in_order() {
    let world = World::new().await;
    let me = world.me().await;
    let user = me.owner().await;
    for (kind, word, shown) in SHOWN {
        let seen = me.post(&format!("/users/{user}/bankaccounts/{kind}"), &of_kind(kind)).await;
        let id = seen.get("Id");
        let expected = format!(
            concat!(
                r#"{{"OwnerAddress":{{"AddressLine1":"3 rue des Plantes","AddressLine2":"Appartement 7","City":"Paris","#,
                r#""Region":"Ile-de-France","PostalCode":"75001","Country":"FR"}},{shown},"UserId":"{user}","OwnerName":"John Doe","#,
                r#""Type":"{word}","Id":"{id}","Tag":null,"CreationDate":{now},"Active":true}}"#
            ),
            shown = shown,
            user = user,
            word = word,
            id = id,
            now = NOW_S,
        );
        assert_eq!((seen.status, &*seen.text), (200, &*expected), "{kind}");
        assert!(id.starts_with("bankacc_m_"));
        assert_eq!(me.get(&format!("/users/{user}/bankaccounts/{id}/")).await.text, expected, "{kind}");
    }
}

#[tokio::test]
async fn an_iban_is_taken_as_people_write_it() {
    let world = World::new().await;
    let me = world.me().await;
    let user = me.owner().await;
    let body = with(&iban(), json!({"IBAN": "fr76 3000 4000 0312 3456 7890 143", "Details": {"IBAN": "x"}, "Type": "IBAN"}));
    let seen = me.post(&format!("/users/{user}/bankaccounts/iban"), &body).await;
    assert_eq!((seen.status, &*seen.get("IBAN"), &*seen.get("BIC"), &*seen.get("Tag")), (200, FRENCH, "BNPAFRPP", "custom"));
}

#[tokio::test]
async fn each_wrong_field_is_named_with_its_text() {
    let world = World::new().await;
    let me = world.me().await;
    let user = me.owner().await;
    let bic = r"The value is not a valid BIC, or must match '^[a-zA-Z]{6}\w{2}(\w{3})?$'";
    let form = |name: &str, pattern: &str| format!("The field {name} must match the regular expression '{pattern}'.");
    for (kind, change, field, text) in [
        ("iban", json!({"IBAN": "FR7630004000031234567890144"}), "IBAN", "The value is not a valid IBAN".to_owned()),
        ("iban", json!({"IBAN": null}), "IBAN", "The IBAN field is required.".to_owned()),
        ("iban", json!({"BIC": "BNPA"}), "BIC", bic.to_owned()),
        ("iban", json!({"OwnerName": null}), "OwnerName", "The OwnerName field is required.".to_owned()),
        (
            "iban",
            json!({"OwnerName": "x".repeat(256)}),
            "OwnerName",
            "The field OwnerName must be a string with a maximum length of 255.".to_owned(),
        ),
        ("iban", json!({"OwnerAddress": null}), "OwnerAddress", "The OwnerAddress field is required.".to_owned()),
        ("iban", json!({"OwnerAddress": {"City": "Paris"}}), "OwnerAddress.AddressLine1", "The AddressLine1 field is required.".to_owned()),
        ("gb", json!({"AccountNumber": "1234567"}), "AccountNumber", form("AccountNumber", r"\d{8}")),
        ("gb", json!({"SortCode": "20-00-00"}), "SortCode", form("SortCode", r"\d{6}")),
        ("us", json!({"ABA": "12345678"}), "ABA", form("ABA", r"\d{9}")),
        ("us", json!({"AccountNumber": "12a"}), "AccountNumber", form("AccountNumber", r"\d+")),
        ("us", json!({"DepositAccountType": "PIGGYBANK"}), "DepositAccountType", "The value PIGGYBANK is not valid".to_owned()),
        ("ca", json!({"InstitutionNumber": null}), "InstitutionNumber", "The InstitutionNumber field is required.".to_owned()),
        ("ca", json!({"BranchCode": null}), "BranchCode", "The BranchCode field is required.".to_owned()),
        ("ca", json!({"BankName": null}), "BankName", "The BankName field is required.".to_owned()),
        ("ca", json!({"BranchCode": "123"}), "BranchCode", form("BranchCode", r"^\d{5}$")),
        ("ca", json!({"BankName": "x".repeat(51)}), "BankName", form("BankName", r"^[\w\s]{1,50}$")),
        ("other", json!({"BIC": null}), "BIC", "The BIC field is required.".to_owned()),
        ("other", json!({"BIC": "BINA4D"}), "BIC", bic.to_owned()),
        ("other", json!({"AccountNumber": "1234"}), "AccountNumber", form("AccountNumber", r"^[a-zA-Z0-9]{5,35}$")),
        (
            "other",
            json!({"Country": "XX"}),
            "Country",
            "The requested value is not an ISO 3166-1 alpha-2 code which is expected.".to_owned(),
        ),
        ("other", json!({"Country": "MO"}), "Country", "Bank accounts in this country are not accepted".to_owned()),
        (
            "iban",
            json!({"OwnerAddress": address("RU")}),
            "OwnerAddress.Country",
            "Bank accounts in this country are not accepted".to_owned(),
        ),
    ] {
        let seen = me.post(&format!("/users/{user}/bankaccounts/{kind}"), &with(&of_kind(kind), change.clone())).await;
        seen.is_error(400, "param_error");
        assert_eq!(seen.field_error(field), text, "{kind} {change}");
    }
    let seen = me.post(&format!("/users/{user}/bankaccounts/ca"), &json!({})).await;
    let all = ["AccountNumber", "BankName", "BranchCode", "InstitutionNumber", "OwnerAddress", "OwnerName"];
    assert_eq!(seen.wrong_fields(), all, "every wrong field is named at once");
    is_list_of(&me.get(&format!("/users/{user}/bankaccounts")).await, 0, 0);
}

#[tokio::test]
async fn accounts_are_listed_by_user_with_order_and_filter() {
    let world = World::new().await;
    let me = world.me().await;
    let (user, sibling) = (me.owner().await, me.owner().await);
    let mut ids = Vec::new();
    for kind in ["iban", "gb", "us"] {
        ids.push(me.made(&format!("/users/{user}/bankaccounts/{kind}"), &of_kind(kind)).await);
        world.advance_ms(1_000);
    }
    me.made(&format!("/users/{sibling}/bankaccounts/iban"), &iban()).await;
    let seen = me.get(&format!("/users/{user}/bankaccounts")).await;
    is_list_of(&seen, 3, 1);
    assert_eq!(seen.each("Id"), ids);
    let seen = me.get(&format!("/users/{user}/bankaccounts?Sort=CreationDate:desc&per_page=2")).await;
    assert_eq!(seen.each("Id"), [&*ids[2], &*ids[1]]);
    assert_eq!(me.put(&format!("/users/{user}/bankaccounts/{}", ids[1]), &json!({"Active": false})).await.status, 200);
    for (query, expected) in [("Active=true", vec![&ids[0], &ids[2]]), ("active=FALSE", vec![&ids[1]])] {
        let seen = me.get(&format!("/users/{user}/bankaccounts?{query}")).await;
        assert_eq!(seen.each("Id").iter().collect::<Vec<_>>(), expected, "{query}");
    }
    me.get(&format!("/users/{user}/bankaccounts?Active=maybe")).await.is_error(400, "param_error");
}

#[tokio::test]
async fn an_account_is_deactivated_for_good() {
    let world = World::new().await;
    let me = world.me().await;
    let user = me.owner().await;
    let id = me.made(&format!("/users/{user}/bankaccounts/other"), &of_kind("other")).await;
    let path = format!("/users/{user}/bankaccounts/{id}");
    for (body, text) in [(json!({}), "The Active field is required."), (json!({"Active": true}), "The value true is not valid")] {
        let seen = me.put(&path, &body).await;
        seen.is_error(400, "param_error");
        assert_eq!(seen.field_error("Active"), text);
    }
    for _ in 0..2 {
        let seen = me.put(&path, &json!({"Active": false, "OwnerName": "ignored"})).await;
        assert_eq!((seen.status, &seen.json()["Active"], &*seen.get("OwnerName")), (200, &json!(false), "John Doe"));
    }
    assert_eq!(me.get(&path).await.json()["Active"], json!(false));
}

#[tokio::test]
async fn what_is_somebody_elses_is_not_there() {
    let world = World::new().await;
    let (me, other) = (world.me().await, world.client("other").await);
    let (user, sibling) = (me.owner().await, me.owner().await);
    let stranger = other.owner().await;
    let id = me.made(&format!("/users/{user}/bankaccounts/iban"), &iban()).await;
    let theirs = other.made(&format!("/users/{stranger}/bankaccounts/iban"), &iban()).await;
    me.get(&format!("/users/{sibling}/bankaccounts/{id}")).await.is_not_found("BankAccount", &id);
    me.get(&format!("/users/{user}/bankaccounts/{theirs}")).await.is_not_found("BankAccount", &theirs);
    me.get(&format!("/users/{stranger}/bankaccounts/{theirs}")).await.is_not_found("User", &stranger);
    me.get(&format!("/users/{stranger}/bankaccounts")).await.is_not_found("User", &stranger);
    me.post(&format!("/users/{stranger}/bankaccounts/iban"), &iban()).await.is_not_found("User", &stranger);
    me.get(&format!("/bankaccounts/{theirs}/transactions")).await.is_not_found("BankAccount", &theirs);
    me.get("/bankaccounts/10/transactions").await.is_not_found("BankAccount", "10");
    let off = json!({"Active": false});
    me.put(&format!("/users/{sibling}/bankaccounts/{id}"), &off).await.is_not_found("BankAccount", &id);
    me.put(&format!("/users/{user}/bankaccounts/{theirs}"), &off).await.is_not_found("BankAccount", &theirs);
    assert_eq!(me.get(&format!("/users/{user}/bankaccounts/{id}")).await.json()["Active"], json!(true));
    is_list_of(&me.get(&format!("/bankaccounts/{id}/transactions")).await, 0, 0);
}

#[tokio::test]
async fn a_closed_user_gets_no_account_and_changes_none() {
    let world = World::new().await;
    let me = world.me().await;
    let user = me.owner().await;
    let id = me.made(&format!("/users/{user}/bankaccounts/iban"), &iban()).await;
    assert_eq!(me.delete(&format!("/users/natural/{user}")).await.status, 204);
    me.post(&format!("/users/{user}/bankaccounts/iban"), &iban()).await.is_error(400, "user_closed");
    me.put(&format!("/users/{user}/bankaccounts/{id}"), &json!({"Active": false})).await.is_error(400, "user_closed");
}

#[tokio::test]
async fn the_oldest_version_has_the_address_in_one_line() {
    let world = World::new().await;
    let me = world.me().await;
    let user = me.owner().await;
    let path = format!("/users/{user}/bankaccounts/iban");
    let seen = me.v2().post(&path, &with(&iban(), json!({"OwnerAddress": "3 Mangopay Loop, Paris, 777"}))).await;
    assert_eq!((seen.status, &*seen.get("OwnerAddress")), (200, "3 Mangopay Loop, Paris, 777"));
    let id = me.made(&path, &iban()).await;
    let seen = me.v2().get(&format!("/users/{user}/bankaccounts/{id}")).await;
    assert_eq!(seen.get("OwnerAddress"), "3 rue des Plantes, Appartement 7, Paris, Ile-de-France, 75001, FR");
}

#[tokio::test]
async fn the_platform_has_bank_accounts_of_its_own() {
    let world = World::new().await;
    let me = world.me().await;
    let seen = me.post("/clients/bankaccounts/iban", &iban()).await;
    assert_eq!((seen.status, &seen.json()["UserId"], &*seen.get("Type")), (200, &json!(null), "IBAN"));
    let id = seen.get("Id");
    let user = me.owner().await;
    me.get(&format!("/users/{user}/bankaccounts/{id}")).await.is_not_found("BankAccount", &id);
    is_list_of(&me.get(&format!("/bankaccounts/{id}/transactions")).await, 0, 0);
    me.post("/clients/bankaccounts/iban", &with(&iban(), json!({"IBAN": "x"}))).await.is_error(400, "param_error");
}

#[tokio::test]
async fn a_key_is_used_once() {
    let world = World::new().await;
    let me = world.me().await;
    let user = me.owner().await;
    let path = format!("/users/{user}/bankaccounts/iban");
    let keyed = [("Idempotency-Key", "0123456789abcdef")];
    let seen = me.call("POST", &path, &keyed, &iban().to_string()).await;
    me.call("POST", &path, &keyed, &iban().to_string()).await.is_error(409, "idempotent_creation_conflict");
    let stored = me.get("/responses/0123456789abcdef").await;
    assert_eq!(stored.json()["Resource"]["Id"], seen.json()["Id"]);
    is_list_of(&me.get(&format!("/users/{user}/bankaccounts")).await, 1, 1);
}
