//! Users are verified and blocked.

use serde_json::json;

use crate::party::text;
use crate::world::{FRENCH, World};

#[tokio::test]
async fn a_user_is_verified_and_blocked() {
    let world = World::new().await;
    let party = world.party().await;
    let path = |what: &str| format!("/users/{}/{what}", party.user);
    let answer = world.done(&path("verify"), json!({})).await;
    assert_eq!(answer["verification"], json!("regular"));
    assert_eq!(world.get(&format!("/users/{}", party.user)).await["KYCLevel"], json!("REGULAR"));
    let answer = world.done(&path("block"), json!({"outflows": true})).await;
    assert_eq!((&answer["inflows_blocked"], &answer["outflows_blocked"]), (&json!(false), &json!(true)));
    world.fund(&party, 1_000).await;
    let account = world.bank_account(&party, FRENCH).await;
    let payout = world.pay_out(&party, &account, None).await;
    world.run_jobs().await;
    assert_eq!(world.payout(&payout).await["ResultCode"], json!("008700"));
    world.done(&path("block"), json!({})).await;
    let answer = world.done(&path("unblock"), json!({})).await;
    assert_eq!((&answer["inflows_blocked"], &answer["outflows_blocked"]), (&json!(false), &json!(false)));
    let payer = json!({"FirstName": "Hugo", "LastName": "G", "Email": "h@example.com", "UserCategory": "PAYER"});
    let payer = text(&world.made("/users/natural", payer).await, "Id");
    assert_eq!(world.sandbox(&format!("/users/{payer}/verify"), json!({})).await.0, 409);
}
