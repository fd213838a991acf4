//! Waiting until everything that follows is done, for one platform.

use serde_json::json;

use crate::party::text;
use crate::world::{FRENCH, WAITS, World};

#[tokio::test]
async fn whoever_settles_finds_everything_done() {
    let world = World::new().await;
    let (party, payout) = world.paid_out(FRENCH, Some("INSTANT_PAYMENT")).await;
    let answer = world.done("/settle", json!({})).await;
    assert_eq!((&answer["settled"], &answer["waiting_for"]), (&json!(true), &json!([])));
    assert!(answer["done"].as_u64().unwrap() >= 1, "{answer}");
    assert_eq!((&world.payout(&payout).await["Status"], world.balance(&party).await), (&json!("SUCCEEDED"), 700));
    let again = world.done("/settle", json!({"timeout_ms": 5_000})).await;
    assert_eq!(again, json!({"settled": true, "done": 0, "waiting_for": []}));
}

#[tokio::test]
async fn what_is_due_later_is_not_waited_for() {
    let world = World::new().await;
    let (_, payout) = world.paid_out(WAITS, None).await;
    assert_eq!(world.done("/settle", json!({})).await["settled"], json!(true));
    assert_eq!(world.payout(&payout).await["Status"], json!("CREATED"));
}

#[tokio::test]
async fn nobody_settles_what_is_anothers() {
    let world = World::new().await;
    let (_, payout) = world.paid_out(FRENCH, Some("INSTANT_PAYMENT")).await;
    let (status, answer) = world.send("other", "POST", "/sandbox/v1/settle", None, "{}").await;
    assert_eq!((status, &answer["done"]), (200, &json!(0)));
    let (status, answer) = world.send("other", "POST", "/sandbox/v1/jobs/run", None, "{}").await;
    assert_eq!((status, &answer["done"]), (200, &json!(0)));
    assert_eq!(world.payout(&payout).await["Status"], json!("CREATED"));
}

#[tokio::test]
async fn patience_has_bounds() {
    let world = World::new().await;
    for timeout_ms in [json!(0), json!(-1), json!(300_001), json!(i64::MAX), json!("x")] {
        for path in ["/settle", "/jobs/run", "/clock"] {
            let (status, answer) = world.sandbox(path, json!({"timeout_ms": timeout_ms})).await;
            assert_eq!((status, answer["fields"]["timeout_ms"].is_string()), (400, true), "{path} {timeout_ms}: {answer}");
        }
    }
}

/// Everybody's patience is with one platform's work; whoever asks together is answered together.
#[tokio::test]
async fn many_may_settle_at_once() {
    let world = World::new().await;
    let (_, payout) = world.paid_out(FRENCH, Some("INSTANT_PAYMENT")).await;
    let all = futures_of(&world, 12).await;
    assert!(all.iter().all(|(status, answer)| (*status, &answer["settled"]) == (200, &json!(true))), "{all:?}");
    assert_eq!(world.payout(&payout).await["Status"], json!("SUCCEEDED"));
    let user = text(&world.get("/clients").await, "ClientId");
    assert_eq!(user, "me");
}

async fn futures_of(world: &World, count: usize) -> Vec<(u16, serde_json::Value)> {
    let mut answers = Vec::new();
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..count {
        asking.spawn(world.asking("POST", "/sandbox/v1/settle", "{}"));
    }
    while let Some(answer) = asking.join_next().await {
        answers.push(answer.unwrap());
    }
    answers
}
