//! E-money of a user.

use serde_json::json;

use crate::harness::{World, legal_owner};

#[tokio::test]
async fn a_new_user_has_nothing_at_any_time() {
    let world = World::new().await;
    let me = world.me().await;
    let user = me.made("/users/legal", &legal_owner()).await;
    let nothing = format!(
        r#"{{"UserId":"{user}","CreditedEMoney":{{"Currency":"EUR","Amount":0}},"DebitedEMoney":{{"Currency":"EUR","Amount":0}}}}"#
    );
    for span in ["", "/2019/", "/2019/4/", "/2023", "/2023/11"] {
        let seen = me.get(&format!("/users/{user}/emoney{span}")).await;
        assert_eq!((seen.status, &*seen.text), (200, &*nothing), "{span}");
    }
}

#[tokio::test]
async fn what_came_and_went_is_summed_by_time_and_currency() {
    const DAY_MS: i64 = 86_400_000;
    let world = World::new().await;
    let me = world.me().await;
    let (payer, payee) = (me.owner().await, me.owner().await);
    let (from, to) = (me.wallet(&payer, "EUR").await, me.wallet(&payee, "EUR").await);
    let pounds = me.wallet(&payer, "GBP").await;
    me.fund(&payer, &from, 1_000, 50).await;
    me.fund(&payer, &pounds, 70, 0).await;
    me.declare_wire(&payer, &from, 9_999, 0).await;
    world.advance_ms(60 * DAY_MS);
    let me = world.me().await;
    let body = json!({
        "AuthorId": payer,
        "DebitedFunds": {"Currency": "EUR", "Amount": 300},
        "Fees": {"Currency": "EUR", "Amount": 20},
        "DebitedWalletId": from,
        "CreditedWalletId": to,
    });
    let transfer = me.made("/transfers", &body).await;
    // It began in November 2023; the transfer is of January 2024.
    for (user, span, credited, debited) in [
        (&payer, "", 950, 300),
        (&payer, "/2023", 950, 0),
        (&payer, "/2023/11", 950, 0),
        (&payer, "/2023/12", 0, 0),
        (&payer, "/2024", 0, 300),
        (&payer, "/2024/01?Currency=EUR", 0, 300),
        (&payer, "?currency=GBP", 70, 0),
        (&payer, "/2024?Currency=GBP", 0, 0),
        (&payee, "", 280, 0),
    ] {
        let seen = me.get(&format!("/users/{user}/emoney{span}")).await;
        let sums = (seen.json()["CreditedEMoney"]["Amount"].as_i64(), seen.json()["DebitedEMoney"]["Amount"].as_i64());
        assert_eq!(sums, (Some(credited), Some(debited)), "{span}");
    }
    // The payer orders what takes the money out of the payee's wallet again.
    me.made(&format!("/transfers/{transfer}/refunds"), &json!({"AuthorId": payer})).await;
    for (user, credited, debited) in [(&payer, 300, 300), (&payee, 280, 280)] {
        let seen = me.get(&format!("/users/{user}/emoney/2024")).await;
        let sums = (seen.json()["CreditedEMoney"]["Amount"].as_i64(), seen.json()["DebitedEMoney"]["Amount"].as_i64());
        assert_eq!(sums, (Some(credited), Some(debited)));
    }
    let seen = me.call("GET", &format!("/users/{payer}/emoney"), &[], r#"{"Currency":"GBP"}"#).await;
    assert_eq!(seen.json()["CreditedEMoney"], json!({"Currency": "GBP", "Amount": 70}));
}

#[tokio::test]
async fn every_wrong_part_is_named_and_anothers_user_is_not_there() {
    let world = World::new().await;
    let (me, other) = (world.me().await, world.client("other").await);
    let user = me.owner().await;
    let seen = me.get(&format!("/users/{user}/emoney/20x9/13?Currency=XPX")).await;
    seen.is_error(400, "param_error");
    assert_eq!(seen.wrong_fields(), ["Currency", "Month", "Year"]);
    let foreign = other.owner().await;
    for span in ["", "/2023", "/2023/11"] {
        me.get(&format!("/users/{foreign}/emoney{span}")).await.is_not_found("User", &foreign);
    }
}
