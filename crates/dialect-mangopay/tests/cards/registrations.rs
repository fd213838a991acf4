//! Registering a card: the form, the tokenizer, the card.

use axum::body::Body;
use http::Request;
use serde_json::json;

use crate::harness::NOW_S;
use crate::scene::{ASKING, PLAIN, Scene};

#[tokio::test]
async fn a_registration_shows_every_field_at_each_step() {
    let s = Scene::new().await;
    let me = s.world.me().await;
    let user = me.payer().await;
    let created = me.post("/cardregistrations", &json!({"UserId": user, "Currency": "EUR", "Tag": "note"})).await;
    let (id, key, form) = (created.get("Id"), created.get("AccessKey"), created.get("PreregistrationData"));
    let shown = |data: &str, card: &str, code: &str, message: &str, status: &str| {
        format!(
            concat!(
                r#"{{"Id":"{id}","Tag":"note","CreationDate":{now},"UserId":"{user}","AccessKey":"{key}","PreregistrationData":"{form}","#,
                r#""RegistrationData":{data},"CardId":{card},"CardType":"CB_VISA_MASTERCARD","#,
                r#""CardRegistrationURL":"http://localhost:8080/vault/tokenize","ResultCode":{code},"ResultMessage":{message},"#,
                r#""Currency":"EUR","Status":"{status}"}}"#
            ),
            id = id,
            now = NOW_S,
            user = user,
            key = key,
            form = form,
            data = data,
            card = card,
            code = code,
            message = message,
            status = status,
        )
    };
    assert_eq!((created.status, created.text.clone()), (200, shown("null", "null", "null", "null", "CREATED")));
    assert_eq!(me.get(&format!("/cardregistrations/{id}")).await.text, created.text);
    assert!(id.starts_with("cardreg_m_") && key.len() == 20);

    let token = s.tokenize(&created, PLAIN, "1229", "123").await;
    assert_eq!((token.status, token.header("content-type")), (200, "text/plain; charset=utf-8"));
    assert!(token.text.starts_with("data=") && serde_json::from_str::<serde_json::Value>(&token.text).is_err());
    assert_eq!(token.header("access-control-allow-origin"), "*");

    let done = me.put(&format!("/cardregistrations/{id}"), &json!({"RegistrationData": token.text, "Id": "x", "Status": "CREATED"})).await;
    let card = done.get("CardId");
    let quoted = |text: &str| format!("\"{text}\"");
    assert_eq!(done.text, shown(&quoted(&token.text), &quoted(&card), "\"000000\"", "\"Success\"", "VALIDATED"));
    let again = me.put(&format!("/cardregistrations/{id}"), &json!({"RegistrationData": token.text})).await;
    assert_eq!(again.text, done.text, "the same again changes nothing");
    me.put(&format!("/cardregistrations/{id}"), &json!({"RegistrationData": "data=other"})).await.is_error(400, "param_error");
}

#[tokio::test]
async fn wrong_data_ends_a_registration_in_an_error() {
    let s = Scene::new().await;
    let me = s.world.me().await;
    let user = me.payer().await;
    let new = || async { me.post("/cardregistrations", &json!({"UserId": user, "Currency": "EUR"})).await };
    let token_of_another = s.tokenize(&new().await, PLAIN, "1229", "123").await.text;
    for (data, code) in [
        ("Wrong-data", "105206"),
        ("data=", "105206"),
        (&token_of_another, "105206"),
        ("errorCode=02625", "105202"),
        ("errorCode=02624", "101105"),
        ("errorCode=00000", "105206"),
    ] {
        let id = new().await.get("Id");
        let done = me.put(&format!("/cardregistrations/{id}"), &json!({"RegistrationData": data})).await;
        assert_eq!((done.status, &*done.get("Status"), &*done.get("ResultCode")), (200, "ERROR", code), "{data}");
        assert!(!done.get("ResultMessage").is_empty() && done.json()["CardId"].is_null());
    }
    let late = new().await;
    let token = s.tokenize(&late, PLAIN, "1229", "123").await.text;
    s.world.advance_ms(20 * 60_000);
    let me = s.world.me().await;
    let done = me.put(&format!("/cardregistrations/{}", late.get("Id")), &json!({"RegistrationData": token})).await;
    assert_eq!((&*done.get("Status"), &*done.get("ResultCode")), ("ERROR", "105299"));
}

#[tokio::test]
async fn each_error_of_a_registration_has_its_answer() {
    let s = Scene::new().await;
    let me = s.world.me().await;
    let user = me.payer().await;
    let stranger = s.world.client("other").await.payer().await;
    for unknown in ["12345678", &stranger, "user_m_01JRFJJN9BR864A4KG7MH1WCZG"] {
        let seen = me.post("/cardregistrations", &json!({"UserId": unknown, "Currency": "EUR", "CardType": "CB_VISA_MASTERCARD"})).await;
        seen.is_not_found("User", unknown);
    }
    let seen = me.post("/cardregistrations", &json!({"Currency": "XPX", "CardType": "IDEAL"})).await;
    seen.is_error(400, "param_error");
    assert_eq!(seen.wrong_fields(), ["CardType", "Currency", "UserId"]);
    let id = me.made("/cardregistrations", &json!({"UserId": user, "Currency": "EUR"})).await;
    let seen = me.put(&format!("/cardregistrations/{id}"), &json!({"CardHolderName": "J"})).await;
    assert_eq!(seen.wrong_fields(), ["CardHolderName", "RegistrationData"]);
    let text = "The field CardHolderName must be between 2 and 255 characters long.";
    assert_eq!(seen.field_error("CardHolderName"), text);
    let other = s.world.client("other").await;
    for (client, id) in [(&other, &*id), (&me, "10"), (&me, "card_m_01JRFJJN9BR864A4KG7MH1WCZG")] {
        client.get(&format!("/cardregistrations/{id}")).await.is_not_found("CardRegistration", id);
        let put = client.put(&format!("/cardregistrations/{id}"), &json!({"RegistrationData": "data=x"})).await;
        put.is_not_found("CardRegistration", id);
    }
    me.delete(&format!("/users/natural/{user}")).await;
    me.post("/cardregistrations", &json!({"UserId": user, "Currency": "EUR"})).await.is_error(400, "user_closed");
}

#[tokio::test]
async fn the_tokenizer_says_what_is_wrong_with_a_form() {
    let s = Scene::new().await;
    let me = s.world.me().await;
    let user = me.payer().await;
    let registration = me.post("/cardregistrations", &json!({"UserId": user, "Currency": "EUR"})).await;
    for (number, expiry, code, expected) in [
        ("4970107111111118", "1229", "123", "02625"),
        ("", "1229", "123", "02625"),
        ("49701071111111190000", "1229", "123", "02625"),
        (PLAIN, "1329", "123", "02626"),
        (PLAIN, "", "123", "02626"),
        (PLAIN, "1023", "123", "02624"),
        (PLAIN, "1229", "12", "02627"),
        (PLAIN, "1229", "", "02627"),
    ] {
        let seen = s.tokenize(&registration, number, expiry, code).await;
        assert_eq!((seen.status, &*seen.text), (200, &*format!("errorCode={expected}")), "{number} {expiry} {code}");
    }
    let url = registration.get("CardRegistrationURL");
    let (data, key) = (registration.get("PreregistrationData"), registration.get("AccessKey"));
    let card = format!("cardNumber={PLAIN}&cardExpirationDate=1229&cardCvx=123");
    for form in [
        String::new(),
        card.clone(),
        format!("data={data}&{card}"),
        format!("data={data}&accessKeyRef=wrong&{card}"),
        format!("data=wrong&accessKeyRef={key}&{card}"),
        format!("data={}&accessKeyRef={key}&{card}", "A".repeat(86)),
    ] {
        assert_eq!(s.post_form(&url, &form).await.text, "errorCode=09101", "{form}");
    }
    let seen = s.post_form(&url, &"x".repeat(20_000)).await;
    assert_eq!(seen.text, "errorCode=02101", "a form that never ends");
    s.world.advance_ms(20 * 60_000);
    assert_eq!(s.tokenize(&registration, PLAIN, "1229", "123").await.text, "errorCode=02631");
}

#[tokio::test]
async fn so_many_cards_may_be_sent_for_one_registration() {
    let s = Scene::new().await;
    let me = s.world.me().await;
    let user = me.payer().await;
    let registration = me.post("/cardregistrations", &json!({"UserId": user, "Currency": "EUR"})).await;
    // A form without the right key, or without a date, is not even looked at by the acquirer.
    s.tokenize(&registration, PLAIN, "", "123").await;
    let mut last = String::new();
    for turn in 0..10 {
        last = s.tokenize(&registration, PLAIN, "1229", "123").await.text;
        assert!(last.starts_with("data="), "{turn}");
    }
    assert_eq!(s.tokenize(&registration, PLAIN, "1229", "123").await.text, "errorCode=02631");
    let other = me.post("/cardregistrations", &json!({"UserId": user, "Currency": "EUR"})).await;
    assert!(s.tokenize(&other, PLAIN, "1229", "123").await.text.starts_with("data="));
    // What came back in time is good all the same.
    let done = me.put(&format!("/cardregistrations/{}", registration.get("Id")), &json!({"RegistrationData": last})).await;
    assert_eq!(done.get("Status"), "VALIDATED");
}

#[tokio::test]
async fn the_tokenizer_serves_browsers() {
    let s = Scene::new().await;
    let me = s.world.me().await;
    let user = me.payer().await;
    let registration = me.post("/cardregistrations", &json!({"UserId": user, "Currency": "EUR"})).await;
    let asked = Request::options("/vault/tokenize")
        .header("Origin", "https://shop.example")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "x-shop");
    let seen = s.world.send(asked.body(Body::empty()).unwrap()).await;
    assert_eq!((seen.status, seen.header("access-control-allow-origin")), (204, "*"));
    assert_eq!((seen.header("access-control-allow-methods"), seen.header("access-control-allow-headers")), ("POST, OPTIONS", "x-shop"));
    let got = s.world.send(Request::get("/vault/tokenize").body(Body::empty()).unwrap()).await;
    assert_eq!(got.text, "errorCode=02632");

    let (data, key) = (registration.get("PreregistrationData"), registration.get("AccessKey"));
    let form = |url: &str, number: &str| {
        format!("data={data}&accessKeyRef={key}&cardNumber={number}&cardExpirationDate=1229&cardCvx=123&returnURL={url}")
    };
    let seen = s.post_form("http://localhost:8080/vault/tokenize", &form("https%3A%2F%2Fshop.example%2Fx%3Fa%3D1", ASKING)).await;
    assert_eq!(seen.status, 302);
    let location = seen.header("location");
    let token = location.strip_prefix("https://shop.example/x?a=1&").expect("the shop, with its own query");
    let done = me.put(&format!("/cardregistrations/{}", registration.get("Id")), &json!({"RegistrationData": token})).await;
    assert_eq!(done.get("Status"), "VALIDATED");
    let seen = s.post_form("http://localhost:8080/vault/tokenize", &form("https%3A%2F%2Fshop.example", "1")).await;
    assert_eq!(seen.header("location"), "https://shop.example?errorCode=02631", "it was used");
    let seen = s.post_form("http://localhost:8080/vault/tokenize", &form("javascript%3Aalert(1)", PLAIN)).await;
    assert_eq!((seen.status, &*seen.text), (200, "errorCode=02628"));
}
