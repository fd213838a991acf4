//! Turning a platform's clock: whatever is due on the way is done at its own time.

use admin::Power;
use domain::ids::RequestId;
use domain::platform::{AimClock, ClockAim, InSandbox, Platform};
use domain::{Ctx, RecordKey, Resource};
use engine::Begun;
use serde_json::{Value, json};

use crate::keys::keyed_by_hand;
use crate::party::text;
use crate::world::{NOW_MS, WAITS, World};

const DAY_MS: i64 = 86_400_000;
const START: i64 = NOW_MS / 1_000;

impl World {
    async fn time(&self) -> Value {
        let (status, time) = self.send("me", "GET", "/sandbox/v1/clock", None, "").await;
        assert_eq!(status, 200, "{time}");
        time
    }

    async fn ahead_ms(&self) -> i64 {
        let id = self.platforms[0].1;
        let record = self.reads.record(RecordKey { kind: Platform::KIND, platform: id, id: id.0 }).await.unwrap();
        record.unwrap().body::<Platform>().unwrap().clock_offset_ms
    }

    /// When events of a type happened, seconds after the start.
    async fn happened(&self, event: &str) -> Vec<i64> {
        let events = self.get(&format!("/events?EventType={event}")).await;
        events.as_array().unwrap().iter().map(|event| event["Date"].as_i64().unwrap() - START).collect()
    }
}

#[tokio::test]
async fn a_months_jump_does_what_a_month_would_each_thing_at_its_own_time() {
    let world = World::new().await;
    let (party, payout) = world.paid_out(WAITS, None).await;
    let wire = text(&world.declare(&party, 500, 0).await, "Id");
    let card = text(&world.asked(&party).await, "Id");
    let answer = world.done("/clock", json!({"advance": "5w"})).await;
    assert_eq!((&answer["reached"], &answer["settled"]), (&json!(true), &json!(true)), "{answer}");
    assert_eq!((answer["now"].as_i64(), answer["target"].as_i64()), (Some(START + 35 * 86_400), Some(START + 35 * 86_400)));
    assert!(answer["stops"].as_u64().unwrap() >= 3, "{answer}");
    let payout = world.payout(&payout).await;
    assert_eq!((&payout["Status"], &payout["ResultCode"]), (&json!("FAILED"), &json!("121009")));
    for id in [&wire, &card] {
        assert_eq!(world.get(&format!("/payins/{id}")).await["Status"], json!("FAILED"));
    }
    // Nothing happened when the clock came to its end: each at its own time, and a payer's before a bank's.
    assert_eq!(world.happened("PAYOUT_NORMAL_FAILED").await, [7 * 86_400]);
    let failed = world.happened("PAYIN_NORMAL_FAILED").await;
    assert!(failed.len() == 2 && failed[0] < 7 * 86_400 && failed[1] > 27 * 86_400 && failed[1] <= 31 * 86_400, "{failed:?}");
}

#[tokio::test]
async fn the_clock_tells_what_comes_next_and_goes_there() {
    let world = World::new().await;
    let time = world.time().await;
    assert_eq!((&time["now"], &time["ahead_ms"], &time["goal"], &time["next"]), (&json!(START), &json!(0), &json!(null), &json!([])));
    let stayed = world.done("/clock", json!({"to_next": true})).await;
    assert_eq!((&stayed["now"], &stayed["target"], &stayed["reached"]), (&json!(START), &json!(null), &json!(true)), "nothing is due");
    let party = world.party().await;
    world.declare(&party, 500, 0).await;
    let card = text(&world.asked(&party).await, "Id");
    let next = world.time().await["next"][0].clone();
    assert_eq!(next["what"], json!("jobs"));
    let gone = world.done("/clock", json!({"to_next": true})).await;
    assert_eq!((&gone["now"], &gone["target"], &gone["stops"]), (&next["at"], &next["at"], &json!(1)));
    // From one to the next until the payer's time is over.
    for _ in 0..100 {
        if world.get(&format!("/payins/{card}")).await["Status"] == json!("FAILED") {
            return;
        }
        world.done("/clock", json!({"to_next": true})).await;
    }
    panic!("the payer's time is never over");
}

#[tokio::test]
async fn a_clock_goes_to_a_moment_and_never_back() {
    let world = World::new().await;
    let answer = world.done("/clock", json!({"to": "2023-11-15T00:00:00Z"})).await;
    assert_eq!((&answer["now_text"], &answer["reached"]), (&json!("2023-11-15T00:00:00.000Z"), &json!(true)));
    let there = answer["now"].as_i64().unwrap();
    assert_eq!(world.done("/clock", json!({"to": there})).await["now"], json!(there), "it is there");
    for body in [
        json!({"to": there - 1}),
        json!({"to": "2000-01-01T00:00:00Z"}),
        json!({"advance": "9999w"}),
        json!({"to": "2999-01-01T00:00:00Z"}),
    ] {
        let (status, answer) = world.sandbox("/clock", body.clone()).await;
        assert_eq!((status, &answer["error"]), (409, &json!("conflict")), "{body}");
    }
    for body in [
        json!({}),
        json!({"advance": "1d", "to": there}),
        json!({"to_next": false}),
        json!({"to_next": true, "advance": "1d"}),
        json!({"advance": "0s"}),
        json!({"advance": "-1d"}),
        json!({"advance": 5}),
        json!({"to": "tomorrow"}),
    ] {
        let (status, answer) = world.sandbox("/clock", body.clone()).await;
        assert_eq!((status, &answer["error"]), (400, &json!("invalid_request")), "{body}");
    }
    assert_eq!(world.time().await["now"], json!(there), "nothing of it has moved the clock");
}

#[tokio::test]
async fn two_at_once_go_as_far_as_both_were_told() {
    let world = World::new().await;
    world.paid_out(WAITS, None).await;
    let ask = || world.asking("POST", "/sandbox/v1/clock", r#"{"advance": "4d"}"#);
    let ((one, first), (two, second)) = tokio::join!(ask(), ask());
    assert_eq!((one, two), (200, 200), "{first} {second}");
    assert_eq!(world.ahead_ms().await, 8 * DAY_MS);
    assert_eq!(world.happened("PAYOUT_NORMAL_FAILED").await, [7 * 86_400]);
}

/// The process died on the way: the goal is on record, and the same request again goes on to it, no further.
#[tokio::test]
async fn a_jump_that_was_cut_short_goes_on_to_its_goal() {
    let world = World::new().await;
    world.paid_out(WAITS, None).await;
    let body = r#"{"advance":"10d"}"#;
    let keyed = keyed_by_hand(&world, "/sandbox/v1/clock", "jump-1", body);
    let ctx = Ctx::system(world.platforms[0].1, RequestId(ledger::Uid::from_bits(8)));
    let aim = InSandbox(AimClock(ClockAim::By(10 * DAY_MS)));
    let begun = world.engine.begin(ctx, aim, Some(keyed), |_, _| unreachable!("it does not fail")).await.unwrap();
    assert!(matches!(begun, Begun::Started(_)));
    let time = world.time().await;
    assert_eq!((&time["now"], &time["goal"]), (&json!(START), &json!(START + 864_000)));
    let (status, answer) = world.send("me", "POST", "/sandbox/v1/clock", Some("jump-1"), body).await;
    assert_eq!((status, &answer["reached"]), (200, &json!(true)), "{answer}");
    assert_eq!(world.send("me", "POST", "/sandbox/v1/clock", Some("jump-1"), body).await, (200, answer));
    assert_eq!((world.ahead_ms().await, world.happened("PAYOUT_NORMAL_FAILED").await), (10 * DAY_MS, vec![7 * 86_400]));
    assert_eq!(world.time().await["goal"], json!(null));
}

/// However little time a call gives itself, it says where it came to, and the next one goes on.
#[tokio::test]
async fn a_jump_that_ran_out_of_time_says_so_and_is_gone_on_with() {
    let world = World::with(|config| config.rate.limits = [1_000_000; 4]).await;
    world.paid_out(WAITS, None).await;
    let goal = START + 10 * 86_400;
    for patience_ms in 1..2_000 {
        let answer = world.done("/clock", json!({"to": goal, "timeout_ms": patience_ms})).await;
        if answer["reached"] == json!(true) {
            assert_eq!((world.ahead_ms().await, &answer["now"]), (10 * DAY_MS, &json!(goal)));
            assert_eq!(world.done("/settle", json!({})).await["settled"], json!(true));
            assert_eq!(world.happened("PAYOUT_NORMAL_FAILED").await, [7 * 86_400]);
            return;
        }
        assert_eq!(answer["target"], json!(goal), "{answer}");
    }
    panic!("it never comes to its goal");
}

#[tokio::test]
async fn nobodys_clock_is_anothers() {
    let world = World::new().await;
    world.done("/clock", json!({"advance": "10d"})).await;
    let (_, time) = world.send("other", "GET", "/sandbox/v1/clock", None, "").await;
    assert_eq!((&time["now"], &time["ahead_ms"]), (&json!(START), &json!(0)));
    let clock = admin::routes::ROUTES.iter().filter(|route| route.path == "/sandbox/v1/clock");
    assert!(clock.clone().count() == 2 && clock.clone().all(|route| matches!(route.power, Power::Platform)));
}
