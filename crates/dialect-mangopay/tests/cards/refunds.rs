//! Giving back money of pay-ins and transfers.

use serde_json::{Value, json};

use crate::harness::{Client, NOW_S, is_list_of, with};
use crate::scene::{Cast, PLAIN, Scene, balance, eur, fees};

async fn paid(s: &Scene) -> (Cast, String) {
    let c = s.cast(PLAIN).await;
    let id = s.world.me().await.made("/payins/card/direct", &c.direct()).await;
    (c, id)
}

/// A transfer of 500 with a fee of 50 out of the seller's wallet; gives it and the wallet it went to.
async fn transferred(me: &Client<'_>, c: &Cast) -> (String, String) {
    let to = me.wallet(&me.owner().await, "EUR").await;
    let request = json!({
        "AuthorId": c.seller, "DebitedFunds": eur(500), "Fees": eur(50), "DebitedWalletId": c.wallet, "CreditedWalletId": to,
    });
    (me.made("/transfers", &request).await, to)
}

#[tokio::test]
async fn a_pay_in_is_given_back_whole_with_its_fees() {
    let s = Scene::new().await;
    let (c, id) = paid(&s).await;
    let me = s.world.me().await;
    let seen = me.post(&format!("/payins/{id}/refunds"), &json!({"AuthorId": c.payer, "Tag": "sorry"})).await;
    let refund = seen.get("Id");
    let expected = format!(
        concat!(
            r#"{{"Id":"{refund}","Tag":"sorry","CreationDate":{now},"AuthorId":"{payer}","CreditedUserId":null,"#,
            r#""DebitedFunds":{{"Currency":"EUR","Amount":900}},"CreditedFunds":{{"Currency":"EUR","Amount":1000}},"#,
            r#""Fees":{{"Currency":"EUR","Amount":-100}},"Status":"SUCCEEDED","ResultCode":"000000","ResultMessage":"Success","#,
            r#""ExecutionDate":{now},"Type":"PAYOUT","Nature":"REFUND","InitialTransactionId":"{id}","InitialTransactionType":"PAYIN","#,
            r#""InitialTransactionNature":"REGULAR","DebitedWalletId":"{wallet}","CreditedWalletId":null,"#,
            r#""RefundReason":{{"RefundReasonMessage":null,"RefundReasonType":"INITIALIZED_BY_CLIENT"}},"StatementDescriptor":null}}"#
        ),
        refund = refund,
        now = NOW_S,
        payer = c.payer,
        id = id,
        wallet = c.wallet,
    );
    assert_eq!((seen.status, seen.text), (200, expected.clone()));
    assert!(refund.starts_with("refund_m_"));
    assert_eq!(me.get(&format!("/refunds/{refund}")).await.text, expected);
    assert_eq!((c.balance(&me).await, fees(&me).await), (0, 0));
    let listed = me.get(&format!("/payins/{id}/refunds")).await;
    is_list_of(&listed, 1, 1);
    assert_eq!(listed.text, format!("[{expected}]"));
    let events = me.get("/events?EventType=PAYIN_REFUND_CREATED,PAYIN_REFUND_SUCCEEDED").await;
    assert_eq!(events.each("ResourceId"), [refund.clone(), refund]);
}

#[tokio::test]
async fn a_second_refund_after_a_full_one_fails_with_its_code() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    let id = me.made("/payins/card/direct", &with(&c.direct(), json!({"Fees": eur(0)}))).await;
    let path = format!("/payins/{id}/refunds");
    let whole =
        me.post(&path, &json!({"AuthorId": c.payer, "CreditedWalletId": c.wallet, "DebitedFunds": eur(1_000), "Fees": eur(0)})).await;
    assert_eq!((&*whole.get("Status"), &whole.json()["DebitedFunds"]), ("SUCCEEDED", &eur(1_000)));
    let part = me.post(&path, &json!({"AuthorId": c.payer, "DebitedFunds": eur(100), "Fees": eur(10)})).await;
    let json = part.json();
    assert_eq!((part.status, &json["Type"], &json["Nature"]), (200, &json!("PAYOUT"), &json!("REFUND")));
    assert_eq!((&json["Status"], &json["ResultCode"]), (&json!("FAILED"), &json!("001401")));
    assert_eq!(me.get(&format!("{path}?Status=FAILED")).await.each("ResultCode"), ["001401"]);
}

#[tokio::test]
async fn parts_are_given_back_until_nothing_is_left() {
    let s = Scene::new().await;
    let (c, id) = paid(&s).await;
    let me = s.world.me().await;
    let part = |funds, fee| {
        let (me, path) = (&me, format!("/payins/{id}/refunds"));
        let body = json!({"AuthorId": c.payer, "DebitedFunds": eur(funds), "Fees": eur(fee)});
        async move { me.post(&path, &body).await }
    };
    let first = part(400, -60).await;
    assert_eq!((&*first.get("Status"), &first.json()["CreditedFunds"]), ("SUCCEEDED", &eur(460)));
    for (funds, fee, code) in [(400, 0, "005407"), (501, 0, "005403"), (100, -41, "005404"), (100, 100, "001014")] {
        let seen = part(funds, fee).await;
        assert_eq!((seen.status, &*seen.get("Status"), &*seen.get("ResultCode")), (200, "FAILED", code));
    }
    let kept = part(500, 30).await;
    assert_eq!((&*kept.get("Status"), &kept.json()["CreditedFunds"]), ("SUCCEEDED", &eur(470)));
    assert_eq!((c.balance(&me).await, fees(&me).await), (0, 70));
    assert_eq!(part(1, 0).await.get("ResultCode"), "001401");
}

#[tokio::test]
async fn what_is_not_in_the_wallet_is_not_given_back() {
    let s = Scene::new().await;
    let (c, id) = paid(&s).await;
    let me = s.world.me().await;
    transferred(&me, &c).await;
    let seen = me.post(&format!("/payins/{id}/refunds"), &json!({"AuthorId": c.payer})).await;
    assert_eq!((seen.status, &*seen.get("Status"), &*seen.get("ResultCode")), (200, "FAILED", "001001"));
    assert_eq!((c.balance(&me).await, fees(&me).await), (400, 150));
}

#[tokio::test]
async fn a_transfer_is_given_back() {
    let s = Scene::new().await;
    let (c, _) = paid(&s).await;
    let me = s.world.me().await;
    let (id, to) = transferred(&me, &c).await;
    let path = format!("/transfers/{id}/refunds");
    let body = json!({
        "DebitedWalletId": c.wallet, "CreditedWalletId": to, "AuthorId": c.seller, "DebitedFunds": eur(100), "Fees": eur(0),
    });
    let seen = me.post(&path, &body).await;
    let refund = seen.get("Id");
    let expected = format!(
        concat!(
            r#"{{"Id":"{refund}","Tag":null,"CreationDate":{now},"AuthorId":"{seller}","CreditedUserId":null,"#,
            r#""DebitedFunds":{{"Currency":"EUR","Amount":100}},"CreditedFunds":{{"Currency":"EUR","Amount":100}},"#,
            r#""Fees":{{"Currency":"EUR","Amount":0}},"Status":"SUCCEEDED","ResultCode":"000000","ResultMessage":"Success","#,
            r#""ExecutionDate":{now},"Type":"TRANSFER","Nature":"REFUND","InitialTransactionId":"{id}","InitialTransactionType":"TRANSFER","#,
            r#""InitialTransactionNature":"REGULAR","DebitedWalletId":"{to}","CreditedWalletId":"{wallet}","#,
            r#""RefundReason":{{"RefundReasonMessage":null,"RefundReasonType":"OTHER"}},"StatementDescriptor":null}}"#
        ),
        refund = refund,
        now = NOW_S,
        seller = c.seller,
        id = id,
        wallet = c.wallet,
        to = to,
    );
    assert_eq!((seen.status, seen.text), (200, expected.clone()));
    assert_eq!(me.get(&format!("/refunds/{refund}")).await.text, expected);
    assert_eq!((c.balance(&me).await, balance(&me, &to).await, fees(&me).await), (500, 350, 150));
    let rest = me.post(&path, &json!({"AuthorId": c.seller, "DebitedFunds": eur(350), "Fees": eur(-50)})).await;
    assert_eq!((&*rest.get("Status"), &rest.json()["CreditedFunds"]), ("SUCCEEDED", &eur(400)));
    assert_eq!((c.balance(&me).await, balance(&me, &to).await, fees(&me).await), (900, 0, 100));
    let seen = me.post(&path, &json!({"AuthorId": c.seller})).await;
    seen.is_error(400, "param_error");
    assert_eq!(seen.field_error("TransferId"), "Original transaction has already been successfully refunded");
    is_list_of(&me.get(&path).await, 2, 1);
}

#[tokio::test]
async fn each_error_has_its_answer() {
    let s = Scene::new().await;
    let (c, id) = paid(&s).await;
    let me = s.world.me().await;
    let (transfer, _) = transferred(&me, &c).await;
    let whole = |author: &str, funds: i64, fee: i64| json!({"AuthorId": author, "DebitedFunds": eur(funds), "Fees": eur(fee)});
    let pounds = json!({"Currency": "GBP", "Amount": 1});
    let cases: Vec<(&str, Value, &str, &str, String)> = vec![
        ("payin", json!({}), "param_error", "AuthorId", "The AuthorId field is required.".to_owned()),
        (
            "payin",
            json!({"AuthorId": c.payer, "DebitedFunds": eur(1)}),
            "param_error",
            "Fees",
            "if DebitedFunds are defined, Fees must be defined".to_owned(),
        ),
        (
            "payin",
            whole(&c.seller, 1, 0),
            "param_error",
            "AuthorId",
            "Author of the refund is not the author of the initial payin".to_owned(),
        ),
        (
            "payin",
            whole(&c.payer, 901, 0),
            "param_error",
            "DebitedFunds",
            "DebitedFunds cannot be superior the CreditedFunds of the initial PayIn".to_owned(),
        ),
        (
            "payin",
            whole(&c.payer, 0, 0),
            "param_error",
            "DebitedFunds.Amount",
            "The field Amount must be between 1 and 9223372036854775807.".to_owned(),
        ),
        (
            "payin",
            json!({"AuthorId": c.payer, "DebitedFunds": pounds, "Fees": pounds}),
            "currency_incompatibility",
            "currency",
            "The Wallet's currency EUR and the DebitedFunds's currency GBP must be the same".to_owned(),
        ),
        ("payin", whole(&c.payer, 5, 6), "param_error", "Fees", "Fees cannot be higher than DebitedFunds".to_owned()),
        (
            "transfer",
            whole(&c.payer, 1, 0),
            "param_error",
            "AuthorId",
            "Author of the refund is not the author of the initial transfer".to_owned(),
        ),
        (
            "transfer",
            whole(&c.seller, 451, 0),
            "param_error",
            "DebitedFunds",
            "DebitedFunds cannot be higher than CreditedFunds of the initial transfer".to_owned(),
        ),
    ];
    for (of, body, kind, field, text) in cases {
        let path = if of == "payin" { format!("/payins/{id}/refunds") } else { format!("/transfers/{transfer}/refunds") };
        let seen = me.post(&path, &body).await;
        assert_eq!((seen.status, &*seen.get("Type"), seen.field_error(field)), (400, kind, text), "{of} {body}");
    }
    let created = me.made("/payins/card/web", &c.web()).await;
    let seen = me.post(&format!("/payins/{created}/refunds"), &json!({"AuthorId": c.payer})).await;
    seen.is_error(400, "original_transaction_must_be_succeeded");
    is_list_of(&me.get(&format!("/payins/{created}/refunds")).await, 0, 0);
    let wire = me.fund(&c.seller, &c.wallet, 100, 0).await;
    let seen = me.post(&format!("/payins/{wire}/refunds"), &json!({"AuthorId": c.seller})).await;
    seen.is_error(400, "invalid_action");
    assert_eq!(seen.get("Message"), "The transaction cannot be refunded", "a wire is paid out");
    is_list_of(&me.get(&format!("/payins/{wire}/refunds")).await, 0, 0);
    s.world.advance_ms(335 * 86_400_000);
    let me = s.world.me().await;
    let seen = me.post(&format!("/payins/{id}/refunds"), &whole(&c.payer, 10, 0)).await;
    assert_eq!((&*seen.get("Status"), &*seen.get("ResultCode")), ("FAILED", "001403"));
    me.delete(&format!("/users/natural/{}", c.payer)).await;
    me.post(&format!("/payins/{id}/refunds"), &whole(&c.payer, 10, 0)).await.is_error(400, "user_closed");
    s.world.advance_ms(62 * 86_400_000);
    let me = s.world.me().await;
    for path in [format!("/payins/{id}/refunds"), format!("/transfers/{transfer}/refunds")] {
        me.get(&path).await.is_error(404, "ressource_not_found");
        me.post(&path, &whole(&c.seller, 10, 0)).await.is_error(404, "ressource_not_found");
    }
}

#[tokio::test]
async fn what_is_anothers_or_of_another_kind_is_not_found() {
    let s = Scene::new().await;
    let (c, id) = paid(&s).await;
    let me = s.world.me().await;
    let (transfer, _) = transferred(&me, &c).await;
    let refund = me.made(&format!("/payins/{id}/refunds"), &json!({"AuthorId": c.payer, "DebitedFunds": eur(1), "Fees": eur(0)})).await;
    let other = s.world.client("other").await;
    let body = json!({"AuthorId": c.payer});
    for (client, id) in [(&other, &id), (&me, &transfer), (&me, &refund)] {
        client.post(&format!("/payins/{id}/refunds"), &body).await.is_not_found("PayIn", id);
        client.get(&format!("/payins/{id}/refunds")).await.is_not_found("PayIn", id);
    }
    for (client, id) in [(&other, &transfer), (&me, &id), (&me, &refund)] {
        client.post(&format!("/transfers/{id}/refunds"), &body).await.is_not_found("Transfer", id);
        client.get(&format!("/transfers/{id}/refunds")).await.is_not_found("Transfer", id);
    }
    for (client, id) in [(&other, &refund), (&me, &id), (&me, &transfer)] {
        client.get(&format!("/refunds/{id}")).await.is_not_found("Refund", id);
    }
    me.get(&format!("/payins/{refund}")).await.is_not_found("PayIn", &refund);
}

#[tokio::test]
async fn a_keyed_refund_is_made_once() {
    let s = Scene::new().await;
    let (c, id) = paid(&s).await;
    let me = s.world.me().await;
    let key = [("Idempotency-Key", "refund-0123456789")];
    let body = json!({"AuthorId": c.payer, "DebitedFunds": eur(10), "Fees": eur(0)}).to_string();
    let first = me.call("POST", &format!("/payins/{id}/refunds"), &key, &body).await;
    assert_eq!(first.get("Status"), "SUCCEEDED");
    me.call("POST", &format!("/payins/{id}/refunds"), &key, &body).await.is_error(409, "idempotent_creation_conflict");
    assert_eq!(me.get("/responses/refund-0123456789").await.json()["Resource"], first.json());
    assert_eq!(c.balance(&me).await, 890);
}
