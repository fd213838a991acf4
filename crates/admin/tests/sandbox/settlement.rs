//! How the simulated outside takes its time: at once, by order, or as long as real banks take.

use serde_json::json;

use crate::party::{eur, text};
use crate::world::{FRENCH, NOW_MS, World};

impl World {
    async fn settles(&self, how: &str) {
        assert_eq!(self.done("/policy", json!({"settlement": how})).await["settlement"], json!(how));
    }

    async fn status(&self, id: &str) -> serde_json::Value {
        let path = if id.starts_with("po_") { format!("/payouts/{id}") } else { format!("/payins/{id}") };
        self.get(&path).await["Status"].clone()
    }
}

#[tokio::test]
async fn by_order_nothing_moves_until_it_is_told_to() {
    let world = World::new().await;
    world.settles("manual").await;
    let (party, payout) = world.paid_out(FRENCH, Some("INSTANT_PAYMENT")).await;
    let pay_in = text(&world.charged(&party, "DEFAULT").await, "Id");
    let refused = text(&world.charged(&party, "DEFAULT").await, "Id");
    world.done("/clock", json!({"advance": "2d"})).await;
    for id in [&payout, &pay_in, &refused] {
        assert_eq!(world.status(id).await, json!("CREATED"), "{id}");
    }
    world.done(&format!("/payouts/{payout}/succeed"), json!({})).await;
    world.done(&format!("/payins/{pay_in}/complete"), json!({})).await;
    world.done(&format!("/payins/{refused}/fail"), json!({"code": "101101"})).await;
    assert_eq!((world.status(&payout).await, world.status(&pay_in).await), (json!("SUCCEEDED"), json!("SUCCEEDED")));
    assert_eq!(world.get(&format!("/payins/{refused}")).await["ResultCode"], json!("101101"));
    let refund = json!({"AuthorId": party.user});
    let refund = world.made(&format!("/payins/{pay_in}/refunds"), refund).await;
    assert_eq!(refund["Status"], json!("CREATED"), "{refund}");
    let id = text(&refund, "Id");
    world.done("/settle", json!({})).await;
    world.done(&format!("/refunds/{id}/succeed"), json!({})).await;
    assert_eq!(world.get(&format!("/refunds/{id}")).await["Status"], json!("SUCCEEDED"));
}

/// The worlds' clock stands on a Tuesday at 22:13 UTC, past the cut-off: Wednesday's order arrives on Thursday at eight.
#[tokio::test]
async fn delayed_a_payout_is_sent_when_a_bank_would_have() {
    let world = World::new().await;
    world.settles("delayed").await;
    let (_, instant) = world.paid_out(FRENCH, Some("INSTANT_PAYMENT")).await;
    let (_, standard) = world.paid_out(FRENCH, None).await;
    world.done("/settle", json!({})).await;
    assert_eq!((world.status(&instant).await, world.status(&standard).await), (json!("CREATED"), json!("CREATED")));
    world.done("/clock", json!({"advance": "10s"})).await;
    assert_eq!((world.status(&instant).await, world.status(&standard).await), (json!("SUCCEEDED"), json!("CREATED")));
    world.done("/clock", json!({"advance": "1d"})).await;
    assert_eq!(world.status(&standard).await, json!("CREATED"), "that was Wednesday");
    world.done("/clock", json!({"advance": "1d"})).await;
    let seen = world.payout(&standard).await;
    let midnight = (NOW_MS / 86_400_000) * 86_400;
    assert_eq!((&seen["Status"], &seen["ExecutionDate"]), (&json!("SUCCEEDED"), &json!(midnight + 2 * 86_400 + 8 * 3_600)));
}

#[tokio::test]
async fn a_rehearsal_is_strict_at_one_stroke_and_gives_back_what_it_found() {
    let world = World::with(|config| {
        config.rate.limits = [60, 60, 60, 60];
        config.rate.is_enforced = false;
    })
    .await;
    world.settles("manual").await;
    let (from, to) = (world.party().await, world.party().await);
    world.fund(&from, 1_000).await;
    let strict = world.done("/policy", json!({"rehearsal": true})).await;
    assert_eq!(
        (&strict["settlement"], &strict["refuses_fake_names"], &strict["rehearsal"]),
        (&json!("delayed"), &json!(true), &json!(true))
    );
    let transfer = json!({
        "AuthorId": from.user, "DebitedFunds": eur(100), "Fees": eur(0), "DebitedWalletId": from.wallet, "CreditedWalletId": to.wallet,
    });
    assert_eq!(world.made("/transfers", transfer.clone()).await["ResultCode"], json!("002951"));
    let mut statuses = Vec::new();
    for _ in 0..70 {
        statuses.push(world.send("me", "GET", "/v2.01/me/clients", None, "").await.0);
    }
    assert_eq!((statuses.first(), statuses.last()), (Some(&200), Some(&429)), "limits hold, enforced or not");
    world.advance_ms(2 * 86_400_000);
    let lax = world.done("/policy", json!({"rehearsal": false})).await;
    assert_eq!((&lax["settlement"], &lax["refuses_fake_names"], &lax["rehearsal"]), (&json!("manual"), &json!(false), &json!(false)));
    for _ in 0..70 {
        assert_eq!(world.send("me", "GET", "/v2.01/me/clients", None, "").await.0, 200);
    }
}
