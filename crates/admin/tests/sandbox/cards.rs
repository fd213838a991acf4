//! Payers authenticate, or do not.

use serde_json::json;

use crate::party::text;
use crate::world::World;

#[tokio::test]
async fn a_payer_authenticates_or_does_not() {
    let world = World::new().await;
    for (verdict, status, wire, code) in [("pass", "succeeded", "SUCCEEDED", "000000"), ("fail", "failed", "FAILED", "101301")] {
        let party = world.party().await;
        let pay_in = world.asked(&party).await;
        assert_eq!(pay_in["Status"], json!("CREATED"), "{pay_in}");
        let id = text(&pay_in, "Id");
        let answer = world.done(&format!("/payins/{id}/3ds/{verdict}"), json!({})).await;
        assert_eq!(answer["status"], json!(status));
        let seen = world.get(&format!("/payins/{id}")).await;
        assert_eq!((&seen["Status"], &seen["ResultCode"]), (&json!(wire), &json!(code)));
        assert_eq!(world.sandbox(&format!("/payins/{id}/3ds/pass"), json!({})).await.0, 409, "once");
    }
}

#[tokio::test]
async fn a_card_pay_in_that_waits_for_nobody_is_not_authenticated() {
    let world = World::new().await;
    let party = world.party().await;
    let wire = text(&world.declare(&party, 1_000, 0).await, "Id");
    for verdict in ["pass", "fail"] {
        assert_eq!(world.sandbox(&format!("/payins/{wire}/3ds/{verdict}"), json!({})).await.0, 404);
    }
}
