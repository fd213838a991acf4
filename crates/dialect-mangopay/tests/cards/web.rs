//! Pay-ins on a page of ours, up to the page itself, which has tests of its own.

use std::sync::atomic::Ordering;

use domain::card::Verdict;
use engine::CheckoutError;
use serde_json::json;

use crate::harness::{NOW_S, with};
use crate::scene::{ASKING, GoLive, PLAIN, Scene};

#[tokio::test]
async fn a_page_is_made_and_every_field_shown() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    let request = with(
        &c.web(),
        json!({"TemplateURL": "https://TemplateURL.com", "SecureMode": "DEFAULT", "PaymentDetails": {"CardType": "CB_VISA_MASTERCARD"}}),
    );
    let seen = me.post("/payins/card/web/", &request).await;
    let (id, page) = (seen.get("Id"), seen.get("RedirectURL"));
    let expected = format!(
        concat!(
            r#"{{"Id":"{id}","Tag":null,"CreationDate":{now},"AuthorId":"{payer}","CreditedUserId":"{seller}","#,
            r#""DebitedFunds":{{"Currency":"EUR","Amount":1000}},"CreditedFunds":{{"Currency":"EUR","Amount":1000}},"#,
            r#""Fees":{{"Currency":"EUR","Amount":0}},"Status":"CREATED","ResultCode":null,"ResultMessage":null,"ExecutionDate":null,"#,
            r#""Type":"PAYIN","Nature":"REGULAR","CreditedWalletId":"{wallet}","DebitedWalletId":null,"PaymentType":"CARD","#,
            r#""ExecutionType":"WEB","RedirectURL":"{page}","ReturnURL":"https://test.com?transactionId={id}","#,
            r#""TemplateURL":"https://TemplateURL.com?transactionId={id}","CardType":"CB_VISA_MASTERCARD","Culture":"FR","#,
            r#""SecureMode":"DEFAULT","Billing":null,"Shipping":null,"StatementDescriptor":null,"BankName":null}}"#
        ),
        id = id,
        now = NOW_S,
        payer = c.payer,
        seller = c.seller,
        wallet = c.wallet,
        page = page,
    );
    assert_eq!((seen.status, seen.text), (200, expected.clone()));
    assert!(page.starts_with("http://localhost:8080/pay/card/"));
    assert_eq!(me.get(&format!("/payins/{id}")).await.text, expected);
    let listed = me.get(&format!("/wallets/{}/transactions?page=1&per_page=50&TYPE=PAYIN", c.wallet)).await;
    assert_eq!((listed.each("Id"), listed.each("Status")), (vec![id], vec!["CREATED".to_owned()]));
}

#[tokio::test]
async fn the_card_that_was_typed_can_be_looked_at() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    let id = me.made("/payins/card/web", &c.web()).await;
    let before = me.get(&format!("/payins/card/web/{id}/extended")).await;
    let nulls = format!(
        r#"{{"Id":"{id}","PaymentType":"CARD","ExecutionType":"WEB","ExpirationDate":null,"Alias":null,"CardType":"CB_VISA_MASTERCARD","Country":null,"Fingerprint":null}}"#
    );
    assert_eq!((before.status, before.text), (200, nulls));
    s.pay(&id, PLAIN).await.unwrap();
    let after = me.get(&format!("/payins/card/web/{id}/extended")).await;
    let json = after.json();
    assert_eq!((&json["Alias"], &json["ExpirationDate"], &json["Country"]), (&json!("497010XXXXXX1119"), &json!("0330"), &json!("FRA")));
    assert_eq!(after.get("Fingerprint"), me.get(&format!("/cards/{}", c.card)).await.get("Fingerprint"));
    assert_eq!((&*me.get(&format!("/payins/{id}")).await.get("Status"), c.balance(&me).await), ("SUCCEEDED", 1_000));
    let direct = me.made("/payins/card/direct", &c.direct()).await;
    let other = s.world.client("other").await;
    for (client, id) in [(&other, &id), (&me, &direct), (&me, &c.card)] {
        client.get(&format!("/payins/card/web/{id}/extended")).await.is_not_found("PayIn", id);
    }
}

#[tokio::test]
async fn a_page_nobody_uses_ends() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let id = s.world.me().await.made("/payins/card/web", &c.web()).await;
    s.world.advance_ms(15 * 60_000 - 1);
    s.work().await;
    assert_eq!(s.world.me().await.get(&format!("/payins/{id}")).await.get("Status"), "CREATED");
    s.world.advance_ms(1);
    s.work().await;
    let me = s.world.me().await;
    let done = me.get(&format!("/payins/{id}")).await;
    assert_eq!((&*done.get("Status"), &*done.get("ResultCode")), ("FAILED", "101109"));
    let events = me.get("/events?EventType=PAYIN_NORMAL_FAILED").await;
    assert_eq!(events.each("ResourceId"), [id]);
}

#[tokio::test]
async fn a_payer_may_be_played() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    for (mode, verdict, status, code) in [
        ("DEFAULT", Verdict::Passed, "SUCCEEDED", "000000"),
        ("FORCE", Verdict::Passed, "SUCCEEDED", "000000"),
        ("DEFAULT", Verdict::Failed, "FAILED", "101301"),
        ("DEFAULT", Verdict::Abandoned, "FAILED", "101002"),
        ("DEFAULT", Verdict::Expired, "FAILED", "101109"),
    ] {
        let id = me.made("/payins/card/web", &with(&c.web(), json!({"SecureMode": mode}))).await;
        s.play(&id, verdict).await.unwrap();
        let done = me.get(&format!("/payins/{id}")).await;
        assert_eq!((&*done.get("Status"), &*done.get("ResultCode")), (status, code), "{verdict:?}");
        assert!(s.play(&id, Verdict::Passed).await.is_err(), "once");
    }
    assert_eq!(c.balance(&me).await, 2_000);
}

#[tokio::test]
async fn on_production_nobody_plays_a_payer_and_no_card_reaches_the_simulated_acquirer() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    let (untouched, asked) = (me.made("/payins/card/web", &c.web()).await, me.made("/payins/card/web", &c.web()).await);
    let registration = me.post("/cardregistrations", &json!({"UserId": c.payer, "Currency": "EUR"})).await;
    s.pay(&asked, ASKING).await.unwrap();
    s.world.run("me", GoLive).await.unwrap();
    for id in [&untouched, &asked] {
        for verdict in [Verdict::Passed, Verdict::Failed, Verdict::Expired] {
            assert_eq!(s.play(id, verdict).await.unwrap_err(), CheckoutError::NotFound, "{verdict:?}");
        }
        assert_eq!(me.get(&format!("/payins/{id}")).await.get("Status"), "CREATED");
    }
    assert_eq!(s.tokenize(&registration, PLAIN, "1229", "123").await.text, "errorCode=09101");
    // Nothing of a card that is typed goes to an acquirer that cannot even be heard.
    s.rail.is_deaf.store(true, Ordering::SeqCst);
    assert_eq!(s.pay(&untouched, PLAIN).await.unwrap_err(), CheckoutError::NotFound);
}

#[tokio::test]
async fn so_many_cards_may_be_typed_on_a_page() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let id = s.world.me().await.made("/payins/card/web", &c.web()).await;
    for _ in 0..10 {
        assert!(matches!(s.pay(&id, "4970107111111118").await, Err(CheckoutError::Card(_))));
    }
    assert_eq!(s.pay(&id, PLAIN).await.unwrap_err(), CheckoutError::Over);
}

#[tokio::test]
async fn the_oldest_form_of_ideal_names_its_bank() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    let seen = me.post("/payins/card/web/", &with(&c.web(), json!({"CardType": "IDEAL", "Bic": "REVOLT21"}))).await;
    assert_eq!((seen.status, &*seen.get("CardType"), &*seen.get("BankName")), (200, "IDEAL", "Revolut"));
}

#[tokio::test]
async fn each_error_has_its_answer() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    let seen = me.post("/payins/card/web", &json!({})).await;
    let required = ["AuthorId", "CardType", "CreditedWalletId", "Culture", "DebitedFunds", "Fees", "ReturnURL"];
    assert_eq!(seen.wrong_fields(), required);
    for (change, field) in [
        (json!({"Culture": "XX"}), "Culture"),
        (json!({"CardType": "GOLD"}), "CardType"),
        (json!({"ReturnURL": format!("https://test.com/{}", "x".repeat(210))}), "ReturnURL"),
        (json!({"ReturnURL": "/back"}), "ReturnURL"),
    ] {
        let seen = me.post("/payins/card/web", &with(&c.web(), change)).await;
        seen.is_error(400, "param_error");
        assert_eq!(seen.wrong_fields(), [field]);
    }
    let pounds = me.wallet(&c.seller, "GBP").await;
    me.post("/payins/card/web", &with(&c.web(), json!({"CreditedWalletId": pounds}))).await.is_error(400, "currency_incompatibility");
}
