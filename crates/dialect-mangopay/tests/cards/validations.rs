//! Validating cards.

use domain::card::Verdict;
use serde_json::{Value, json};

use crate::harness::{NOW_S, with};
use crate::scene::{ASKING, PLAIN, Scene};

fn request(author: &str) -> Value {
    json!({
        "AuthorId": author,
        "SecureModeReturnURL": "http://example.com",
        "IpAddress": "2001:0620:0000:0000:0211:24FF:FE80:C12C",
        "BrowserInfo": {"AcceptHeader": "*/*", "ColorDepth": 4, "JavaEnabled": true, "JavascriptEnabled": true, "Language": "FR-FR",
            "ScreenHeight": 1800, "ScreenWidth": 400, "TimeZoneOffset": "+60", "UserAgent": "agent"},
    })
}

#[tokio::test]
async fn a_frictionless_validation_succeeds_and_shows_every_field() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    let path = format!("/cards/{}/validation", c.card);
    let seen = me.post(&path, &request(&c.payer)).await;
    let id = seen.get("Id");
    let expected = format!(
        concat!(
            r#"{{"Id":"{id}","AuthorId":"{payer}","Status":"SUCCEEDED","SecureModeReturnURL":"http://example.com?cardValidationId={id}","#,
            r#""SecureModeRedirectURL":null,"SecureModeNeeded":false,"IpAddress":"2001:0620:0000:0000:0211:24FF:FE80:C12C","#,
            r#""BrowserInfo":{{"AcceptHeader":"*/*","JavaEnabled":true,"Language":"FR-FR","ColorDepth":4,"ScreenHeight":1800,"#,
            r#""ScreenWidth":400,"TimeZoneOffset":60,"UserAgent":"agent","JavascriptEnabled":true}},"PreferredCardNetwork":null,"#,
            r#""SecureMode":"DEFAULT","PaymentCategory":"ECommerce","ValidationUsage":"MIT","Validity":"VALID","CreationDate":{now},"#,
            r#""AuthorizationDate":{now},"Type":"CARD_VALIDATION","Applied3DSVersion":"V2_1","ResultCode":"000000","#,
            r#""ResultMessage":"Success","Tag":null,"CardInfo":{{"BIN":"497010","IssuingBank":"LA BANQUE POSTALE","#,
            r#""IssuerCountryCode":"FR","Type":"CREDIT","Brand":"VISA","SubType":null}},"#,
            r#""AuthenticationResult":{{"AuthenticationType":"FRICTIONLESS"}}}}"#
        ),
        id = id,
        payer = c.payer,
        now = NOW_S,
    );
    assert_eq!((seen.status, seen.text), (200, expected.clone()));
    assert_eq!(me.get(&format!("{path}/{id}")).await.text, expected);
    assert_eq!(me.get(&format!("/cards/{}", c.card)).await.get("Validity"), "VALID");
    assert_eq!(c.balance(&me).await, 0, "no money moves");
    let events = me.get("/events?EventType=CARD_VALIDATION_CREATED,CARD_VALIDATION_SUCCEEDED").await;
    assert_eq!(events.each("ResourceId"), [id.clone(), id]);
    let again = me.post(&path, &request(&c.payer)).await;
    assert_eq!((again.status, again.field_error("CardId")), (400, "This card is already VALID.".to_owned()));
}

#[tokio::test]
async fn a_challenged_validation_waits_for_its_payer() {
    let s = Scene::new().await;
    let c = s.cast(ASKING).await;
    let me = s.world.me().await;
    let path = format!("/cards/{}/validation", c.card);
    let seen = me.post(&path, &request(&c.payer)).await;
    let id = seen.get("Id");
    assert_eq!((&*seen.get("Status"), &seen.json()["SecureModeNeeded"]), ("CREATED", &json!(true)));
    assert!(seen.get("SecureModeRedirectURL").starts_with("http://localhost:8080/pay/validation/"));
    let again = me.post(&path, &request(&c.payer)).await;
    assert_eq!(again.field_error("CardId"), "This card is already being validated.");
    s.authenticate_validation(&id, Verdict::Failed).await;
    let done = me.get(&format!("{path}/{id}")).await;
    assert_eq!((&*done.get("Status"), &*done.get("ResultCode"), &*done.get("Validity")), ("FAILED", "101301", "UNKNOWN"));

    let id = me.made(&path, &request(&c.payer)).await;
    s.world.advance_ms(5 * 60_000);
    s.work().await;
    let me = s.world.me().await;
    let done = me.get(&format!("{path}/{id}")).await;
    assert_eq!((&*done.get("Status"), &*done.get("ResultCode")), ("FAILED", "101304"), "nobody came");
    assert_eq!(me.get(&format!("/cards/{}", c.card)).await.get("Validity"), "UNKNOWN");
    let id = me.made(&path, &request(&c.payer)).await;
    s.authenticate_validation(&id, Verdict::Passed).await;
    assert_eq!(me.get(&format!("{path}/{id}")).await.get("Validity"), "VALID");
}

#[tokio::test]
async fn each_error_has_its_answer() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    let path = format!("/cards/{}/validation", c.card);
    let seen = me.post(&path, &json!({})).await;
    seen.is_error(400, "param_error");
    assert_eq!(seen.wrong_fields(), ["AuthorId", "BrowserInfo", "IpAddress", "SecureModeReturnURL"]);
    for author in [&c.seller, "user_m_01JRFJJN9BR864A4KG7MH1WCZG"] {
        assert_eq!(me.post(&path, &request(author)).await.field_error("AuthorId"), "AuthorId is not valid");
    }
    let wrong = with(&request(&c.payer), json!({"ValidationUsage": "NONE", "IpAddress": "300.1.1.1"}));
    assert_eq!(me.post(&path, &wrong).await.wrong_fields(), ["IpAddress", "ValidationUsage"]);
    let registration = me.post("/cardregistrations", &json!({"UserId": c.payer, "Currency": "EUR", "CardType": "AMEX"})).await;
    let data = s.tokenize(&registration, "375989111111119", "1229", "1234").await.text;
    let amex = me.put(&format!("/cardregistrations/{}", registration.get("Id")), &json!({"RegistrationData": data})).await.get("CardId");
    let seen = me.post(&format!("/cards/{amex}/validation"), &request(&c.payer)).await;
    let text = "The underlying card type is invalid. Only card type CB_VISA_MASTERCARD is accepted on this feature.";
    assert_eq!(seen.field_error("CardId"), text);
    let id = me.made(&path, &request(&c.payer)).await;
    for (card, id) in [(&amex, &*id), (&c.card, "10")] {
        me.get(&format!("/cards/{card}/validation/{id}")).await.is_not_found("CardValidation", id);
    }
    me.put(&format!("/cards/{amex}"), &json!({"Active": false})).await;
    s.world.advance_ms(86_400_000);
    let me = s.world.me().await;
    let late = s.register(&me, &c.payer, "EUR", PLAIN).await;
    me.put(&format!("/cards/{late}"), &json!({"Active": false})).await;
    let seen = me.post(&format!("/cards/{late}/validation"), &request(&c.payer)).await;
    assert_eq!(seen.field_error("CardId"), "This card is INVALID.");
}
