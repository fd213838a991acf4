//! What becomes of payouts at the simulated bank.

use ledger::Role;
use serde_json::json;

use crate::world::{FRENCH, NEVER_INSTANT, WAITS, World};

#[tokio::test]
async fn a_payout_succeeds_by_itself_as_soon_as_its_job_is_done() {
    let world = World::new().await;
    let (party, payout) = world.paid_out(FRENCH, None).await;
    assert_eq!(world.payout(&payout).await["Status"], json!("CREATED"));
    world.run_jobs().await;
    let seen = world.payout(&payout).await;
    assert_eq!((&seen["Status"], &seen["ResultCode"], &seen["ModeApplied"]), (&json!("SUCCEEDED"), &json!("000000"), &json!("STANDARD")));
    assert_eq!((world.balance(&party).await, world.chart(Role::Fees).await, world.chart(Role::Safeguarding).await), (700, 20, -720));
}

#[tokio::test]
async fn a_payout_without_funds_fails_by_itself_within_two_seconds() {
    let world = World::new().await;
    let party = world.party().await;
    world.done(&format!("/users/{}/verify", party.user), json!({})).await;
    let account = world.bank_account(&party, FRENCH).await;
    let payout = world.pay_out(&party, &account, Some("STANDARD")).await;
    assert_eq!(world.payout(&payout).await["Status"], json!("CREATED"));
    world.run_jobs().await;
    let seen = world.payout(&payout).await;
    assert_eq!((&seen["Status"], &seen["ResultCode"], &seen["ExecutionDate"]), (&json!("FAILED"), &json!("001001"), &json!(null)));
}

#[tokio::test]
async fn an_instant_payout_is_instant_or_falls_back() {
    let world = World::new().await;
    let (_, payout) = world.paid_out(FRENCH, Some("INSTANT_PAYMENT")).await;
    world.run_jobs().await;
    let seen = world.payout(&payout).await;
    assert_eq!((&seen["Status"], &seen["ModeApplied"]), (&json!("SUCCEEDED"), &json!("INSTANT_PAYMENT")));
    let (_, payout) = world.paid_out(NEVER_INSTANT, Some("INSTANT_PAYMENT")).await;
    world.run_jobs().await;
    world.advance_ms(1_500);
    world.run_jobs().await;
    let seen = world.payout(&payout).await;
    let reason = json!({"Code": "001999", "Message": "Generic Operation error"});
    let shown = (&seen["Status"], &seen["ModeRequested"], &seen["ModeApplied"], &seen["FallbackReason"]);
    assert_eq!(shown, (&json!("SUCCEEDED"), &json!("INSTANT_PAYMENT"), &json!("STANDARD"), &reason));
    let (party, payout) = world.paid_out(NEVER_INSTANT, Some("INSTANT_PAYMENT_ONLY")).await;
    world.run_jobs().await;
    let seen = world.payout(&payout).await;
    assert_eq!((&seen["Status"], &seen["ModeApplied"], &seen["ResultCode"]), (&json!("FAILED"), &json!("NONE"), &json!("001999")));
    assert_eq!(world.balance(&party).await, 1_000);
}

#[tokio::test]
async fn each_outcome_of_a_payout_can_be_had_at_once_before_or_after_it_is_sent() {
    let world = World::new().await;
    for is_sent_before in [false, true] {
        let ready = async || {
            let (party, payout) = world.paid_out(WAITS, None).await;
            if is_sent_before {
                world.run_jobs().await;
            }
            (party, payout)
        };
        let (party, payout) = ready().await;
        let answer = world.done(&format!("/payouts/{payout}/succeed"), json!({})).await;
        assert_eq!((&answer["status"], &answer["refund"]), (&json!("succeeded"), &json!(null)));
        assert_eq!((&world.payout(&payout).await["Status"], world.balance(&party).await), (&json!("SUCCEEDED"), 700));
        let (status, _) = world.sandbox(&format!("/payouts/{payout}/fail"), json!({})).await;
        assert_eq!(status, 409, "what was sent stays so");
        let answer = world.done(&format!("/payouts/{payout}/return"), json!({"code": "ac04"})).await;
        assert!(answer["refund"].is_string());
        assert_eq!(world.balance(&party).await, 980);
        let again = world.done(&format!("/payouts/{payout}/return"), json!({})).await;
        assert_eq!((again, world.balance(&party).await), (answer, 980), "it comes back once");

        let (party, payout) = ready().await;
        let answer = world.done(&format!("/payouts/{payout}/fail"), json!({"code": "121010"})).await;
        assert_eq!(answer["status"], json!("failed"));
        assert_eq!((&world.payout(&payout).await["ResultCode"], world.balance(&party).await), (&json!("121010"), 1_000));

        let (party, payout) = ready().await;
        world.done(&format!("/payouts/{payout}/return"), json!({})).await;
        assert_eq!((&world.payout(&payout).await["Status"], world.balance(&party).await), (&json!("SUCCEEDED"), 980));
        let refunds = world.get(&format!("/payouts/{payout}/refunds")).await;
        assert_eq!((refunds.as_array().unwrap().len(), &refunds[0]["Nature"]), (1, &json!("REFUND")));
    }
    assert_eq!(world.chart(Role::PayoutsInTransit).await, 0);
}

#[tokio::test]
async fn a_payout_nobody_answers_for_ends_after_a_week() {
    let world = World::new().await;
    let (party, payout) = world.paid_out(WAITS, None).await;
    world.run_jobs().await;
    world.done("/clock/advance", json!({"days": 6, "hours": 23})).await;
    world.run_jobs().await;
    assert_eq!(world.payout(&payout).await["Status"], json!("CREATED"));
    world.done("/clock/advance", json!({"hours": 2})).await;
    world.run_jobs().await;
    let seen = world.payout(&payout).await;
    assert_eq!((&seen["Status"], &seen["ResultCode"]), (&json!("FAILED"), &json!("121009")));
    assert_eq!(world.balance(&party).await, 1_000);
    let (status, _) = world.sandbox(&format!("/payouts/{payout}/succeed"), json!({})).await;
    assert_eq!(status, 409, "the bank was told not to send it any more");
}
