//! What is cut short comes to its end: the acquirer was not heard, the process died in between.

use std::sync::atomic::Ordering;

use dialect_mangopay::wire::ids::{Prefix, parse, spell};
use domain::card::{CardTerms, CardType};
use domain::ids::CardId;
use domain::payment::{CardMeans, CreateCardPayIn};
use domain::{ClaimedKey, IdempotencyKey, Via, WalletId};
use engine::{Begun, Keyed, SystemChance, fresh_session};
use money::{Currency, Money};
use serde_json::json;

use crate::harness::user_id;
use crate::scene::{ASKING, Cast, PLAIN, Scene, eur, fees};

#[tokio::test]
async fn an_unheard_acquirer_is_asked_again_and_pays_once() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    for (is_deaf, is_mute) in [(false, true), (true, false)] {
        s.rail.is_deaf.store(is_deaf, Ordering::SeqCst);
        s.rail.is_mute.store(is_mute, Ordering::SeqCst);
        let before = c.balance(&me).await;
        let seen = me.post("/payins/card/direct", &c.direct()).await;
        let id = seen.get("Id");
        assert_eq!((seen.status, &*seen.get("Status"), &seen.json()["ResultCode"]), (200, "CREATED", &json!(null)), "never FAILED");
        assert_eq!(c.balance(&me).await, before);
        s.world.advance_ms(30_000);
        s.work().await;
        assert_eq!(me.get(&format!("/payins/{id}")).await.get("Status"), "CREATED", "it is still not heard");
        s.rail.is_deaf.store(false, Ordering::SeqCst);
        s.rail.is_mute.store(false, Ordering::SeqCst);
        s.world.advance_ms(120_000);
        s.work().await;
        assert_eq!(me.get(&format!("/payins/{id}")).await.get("Status"), "SUCCEEDED");
        assert_eq!(c.balance(&me).await, before + 900);
        s.world.advance_ms(120_000);
        s.work().await;
        assert_eq!(c.balance(&me).await, before + 900, "once");
    }
}

#[tokio::test]
async fn an_unheard_refund_is_asked_for_again_and_made_once() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    let id = me.made("/payins/card/direct", &c.direct()).await;
    s.rail.is_mute.store(true, Ordering::SeqCst);
    let path = format!("/payins/{id}/refunds");
    let seen = me.post(&path, &json!({"AuthorId": c.payer, "DebitedFunds": eur(400), "Fees": eur(-100)})).await;
    assert_eq!((seen.status, &*seen.get("Status")), (200, "CREATED"));
    assert_eq!((c.balance(&me).await, fees(&me).await), (500, 0), "set aside, and shown to nobody");
    let second = me.post(&path, &json!({"AuthorId": c.payer, "DebitedFunds": eur(1), "Fees": eur(0)})).await;
    assert_eq!(second.get("ResultCode"), "005406");
    s.rail.is_mute.store(false, Ordering::SeqCst);
    s.world.advance_ms(30_000);
    s.work().await;
    assert_eq!(me.get(&format!("/refunds/{}", seen.get("Id"))).await.get("Status"), "SUCCEEDED");
    assert_eq!((c.balance(&me).await, fees(&me).await), (500, 0));
}

#[tokio::test]
async fn a_payer_heard_by_the_acquirer_alone_has_paid() {
    let s = Scene::new().await;
    let c = s.cast(ASKING).await;
    let me = s.world.me().await;
    let id = me.made("/payins/card/direct", &c.direct()).await;
    s.rail.is_mute.store(true, Ordering::SeqCst);
    let unheard = s.authenticate(&id, domain::card::Verdict::Passed).await;
    assert_eq!(unheard.status, domain::payment::Status::Created);
    s.rail.is_mute.store(false, Ordering::SeqCst);
    s.world.advance_ms(15 * 60_000);
    s.work().await;
    let me = s.world.me().await;
    assert_eq!(me.get(&format!("/payins/{id}")).await.get("Status"), "SUCCEEDED", "even when its time is over");
    assert_eq!(c.balance(&me).await, 900);
}

/// A request claims its key and stores its intent; then the process dies. Gives the payment's id.
async fn die(s: &Scene, c: &Cast, text: &str, means: CardMeans, fees: i64) -> String {
    let platform = s.world.platform("me").await;
    let key = IdempotencyKey { platform, dialect: 1, key: text.into() };
    let command = CreateCardPayIn {
        author: user_id(&c.payer),
        credited_user: None,
        to: WalletId(parse(&[Prefix::Wallet], &c.wallet).unwrap()),
        debited: Money::new(1_000, Currency::EUR).unwrap(),
        fees: Money::new(fees, Currency::EUR).unwrap(),
        means,
        terms: CardTerms::default(),
        session: fresh_session(&SystemChance, "test", platform).unwrap(),
        via: Via { dialect: 1, form: 2, key: Some(ClaimedKey { space: 1, text: text.to_owned() }) },
        tag: None,
    };
    let keyed = Keyed { key, fingerprint: [7; 16], path: "/v2.01/me/payins/card/direct".into() };
    let ctx = domain::Ctx::system(platform, domain::ids::RequestId(ledger::Uid::from_bits(9)));
    let render = |_: &domain::Ctx, _: &domain::payment::CreateCardPayInError| domain::Answer { status: 400, body: Vec::new().into() };
    let Begun::Started(payment) = s.world.engine.begin(ctx, command, Some(keyed), render).await.unwrap() else { panic!("begun") };
    spell(Prefix::PayIn, payment.id.0).to_string()
}

fn registered(c: &Cast) -> CardMeans {
    CardMeans::Registered(CardId(parse(&[Prefix::Card], &c.card).unwrap()))
}

#[tokio::test]
async fn the_key_of_a_request_that_died_is_answered_when_its_payment_ends() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    let text = "died-0123456789abcdef";
    let id = die(&s, &c, text, registered(&c), 0).await;
    me.get(&format!("/responses/{text}")).await.is_error(404, "ressource_not_found");
    let repeated = me.call("POST", "/payins/card/direct", &[("Idempotency-Key", text)], &c.direct().to_string()).await;
    repeated.is_error(409, "idempotent_creation_conflict");
    s.world.advance_ms(30_000);
    s.work().await;
    let stored = me.get(&format!("/responses/{text}")).await.json();
    assert_eq!(stored["StatusCode"], json!("200"));
    assert_eq!(stored["RequestURL"], json!("http://localhost:8080/v2.01/me/payins/card/direct"));
    assert_eq!(stored["Resource"], me.get(&format!("/payins/{id}")).await.json());
    assert_eq!((&stored["Resource"]["Status"], c.balance(&me).await), (&json!("SUCCEEDED"), 1_000));
}

#[tokio::test]
async fn so_is_the_key_of_one_that_was_refused_or_waits_for_its_payer() {
    let s = Scene::new().await;
    let c = s.cast(ASKING).await;
    let me = s.world.me().await;
    let page = CardMeans::Typed { card_type: CardType::CbVisaMastercard, template_url: None, bic: None };
    let died = [
        (die(&s, &c, "refused-0123456789", registered(&c), 1_000).await, "refused-0123456789", "FAILED"),
        (die(&s, &c, "on-a-page-0123456789", page, 0).await, "on-a-page-0123456789", "CREATED"),
        (die(&s, &c, "challenged-0123456789", registered(&c), 0).await, "challenged-0123456789", "CREATED"),
    ];
    s.world.advance_ms(30_000);
    s.work().await;
    for (id, text, status) in died {
        let stored = me.get(&format!("/responses/{text}")).await.json();
        assert_eq!((&stored["StatusCode"], &stored["Resource"]["Status"]), (&json!("200"), &json!(status)), "{text}");
        assert_eq!(stored["Resource"], me.get(&format!("/payins/{id}")).await.json());
    }
}
