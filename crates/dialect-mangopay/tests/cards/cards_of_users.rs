//! Viewing, listing, deactivating cards.

use serde_json::json;

use crate::harness::{NOW_S, is_list_of};
use crate::scene::{ASKING, PLAIN, Scene};

#[tokio::test]
async fn a_card_shows_every_field() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    let seen = me.get(&format!("/cards/{}", c.card)).await;
    let fingerprint = seen.get("Fingerprint");
    let expected = format!(
        concat!(
            r#"{{"ExpirationDate":"1229","Alias":"497010XXXXXX1119","CardType":"CB_VISA_MASTERCARD","CardProvider":"VISA","Country":"FRA","#,
            r#""Product":"I","BankCode":"unknown","Active":true,"Currency":"EUR","Validity":"UNKNOWN","UserId":"{user}","Id":"{card}","#,
            r#""Tag":null,"CreationDate":{now},"Fingerprint":"{fingerprint}","CardHolderName":null}}"#
        ),
        user = c.payer,
        card = c.card,
        now = NOW_S,
        fingerprint = fingerprint,
    );
    assert_eq!((seen.status, seen.text), (200, expected));
    assert!(fingerprint.len() == 32 && c.card.starts_with("card_m_"));
    s.world.advance_ms(86_400_000);
    let me = s.world.me().await;
    assert_eq!(me.get(&format!("/cards/{}", c.card)).await.get("Validity"), "INVALID", "a day without a payment");
}

#[tokio::test]
async fn a_card_is_named_once_and_deactivated_for_good() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    let path = format!("/cards/{}", c.card);
    let mut whole = me.get(&path).await.json();
    assert_eq!(me.put(&path, &whole).await.status, 200, "the whole object, unchanged");
    let named = me.put(&path, &json!({"CardHolderName": "ALEX SMITH"})).await;
    assert_eq!((named.status, &*named.get("CardHolderName")), (200, "ALEX SMITH"));
    let seen = me.put(&path, &json!({"CardHolderName": "ANN SMITH"})).await;
    seen.is_error(400, "param_error");
    assert_eq!(seen.field_error("cardHolderName"), "card holder name already exists");
    whole["Active"] = json!(false);
    let done = me.put(&path, &whole).await;
    assert_eq!((done.status, &done.json()["Active"], &*done.get("CardHolderName")), (200, &json!(false), "ALEX SMITH"));
    let seen = me.put(&path, &json!({"Active": false})).await;
    seen.is_error(400, "card_already_not_active");
    assert_eq!(seen.get("Message"), "The card has already been deactivated");
    me.put(&path, &json!({"Active": true})).await.is_error(400, "card_already_not_active");
    for (body, field) in [(json!({"Active": "maybe"}), "Active"), (json!({"CardHolderName": "x"}), "CardHolderName")] {
        assert_eq!(me.put(&path, &body).await.wrong_fields(), [field]);
    }
    let refused = me.post("/payins/card/direct", &c.direct()).await;
    assert_eq!((&*refused.get("Status"), &*refused.get("ResultCode")), ("FAILED", "101410"));
}

#[tokio::test]
async fn lists_of_cards_are_of_a_user_or_of_a_number() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    let second = s.register(&me, &c.seller, "EUR", PLAIN).await;
    let third = s.register(&me, &c.payer, "EUR", ASKING).await;
    let other = s.world.client("other").await;
    let stranger = other.payer().await;
    let foreign = s.register(&other, &stranger, "EUR", PLAIN).await;
    let of_payer = me.get(&format!("/users/{}/cards", c.payer)).await;
    is_list_of(&of_payer, 2, 1);
    assert_eq!(of_payer.each("Id"), [c.card.clone(), third.clone()]);
    me.put(&format!("/cards/{third}"), &json!({"Active": false})).await;
    let path = format!("/users/{}/cards", c.payer);
    assert_eq!(me.get(&format!("{path}?Active=true")).await.each("Id"), std::slice::from_ref(&c.card));
    assert_eq!(me.get(&format!("{path}?active=False")).await.each("Id"), [third]);
    assert_eq!(me.get(&format!("{path}?Active=x")).await.wrong_fields(), ["Active"]);
    let fingerprint = me.get(&format!("/cards/{}", c.card)).await.get("Fingerprint");
    let cards = me.get(&format!("/cards/fingerprints/{fingerprint}")).await;
    is_list_of(&cards, 2, 1);
    assert_eq!(cards.each("Id"), [c.card.clone(), second]);
    let users = me.get(&format!("/cards/fingerprints/{fingerprint}/users")).await;
    is_list_of(&users, 2, 1);
    assert_eq!(users.each("Id"), [c.payer.clone(), c.seller.clone()]);
    assert_eq!(users.each("KYCLevel"), ["LIGHT", "LIGHT"]);
    let page = me.get(&format!("/cards/fingerprints/{fingerprint}/users?page=2&per_page=1")).await;
    assert_eq!(page.each("Id"), std::slice::from_ref(&c.seller));
    assert_eq!(other.get(&format!("/cards/fingerprints/{fingerprint}")).await.each("Id"), [foreign], "the same number, another platform");
    for nothing in ["fp1", &"0".repeat(32)] {
        for list in ["", "/users", "/transactions"] {
            is_list_of(&me.get(&format!("/cards/fingerprints/{nothing}{list}")).await, 0, 0);
        }
    }
}

#[tokio::test]
async fn what_was_paid_is_listed_by_card_and_by_number() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    let paid = me.made("/payins/card/direct", &c.direct()).await;
    let fingerprint = me.get(&format!("/cards/{}", c.card)).await.get("Fingerprint");
    for path in [format!("/cards/{}/transactions", c.card), format!("/cards/fingerprints/{fingerprint}/transactions")] {
        let listed = me.get(&path).await;
        is_list_of(&listed, 1, 1);
        assert_eq!((listed.each("Id"), listed.each("AuthorId")), (vec![paid.clone()], vec![c.payer.clone()]));
    }
    let other = s.world.client("other").await;
    is_list_of(&other.get(&format!("/cards/fingerprints/{fingerprint}/transactions")).await, 0, 0);
}

#[tokio::test]
async fn anothers_card_is_not_found() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let (me, other) = (s.world.me().await, s.world.client("other").await);
    for (client, id) in [(&other, &*c.card), (&me, "10"), (&me, &*c.payer)] {
        client.get(&format!("/cards/{id}")).await.is_not_found("Card", id);
        client.put(&format!("/cards/{id}"), &json!({"Active": false})).await.is_not_found("Card", id);
        client.get(&format!("/cards/{id}/transactions")).await.is_not_found("Card", id);
        client.get(&format!("/cards/{id}/validation/x")).await.is_not_found("Card", id);
        client.post(&format!("/cards/{id}/validation"), &json!({})).await.is_not_found("Card", id);
    }
    other.get(&format!("/users/{}/cards", c.payer)).await.is_not_found("User", &c.payer);
}
