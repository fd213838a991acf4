//! Idempotency keys: a step is taken once, a mistake uses its key up.

use domain::ids::RequestId;
use domain::{Command, Ctx, Desk};
use engine::{Begun, Keyed};
use http::Request;
use ledger::Role;
use serde_json::json;

use crate::party::{asks, text};
use crate::world::{WAITS, World};

#[tokio::test]
async fn the_same_key_does_it_once() {
    let world = World::new().await;
    let wire = json!({"amount": 5, "currency": "EUR"}).to_string();
    let key = Some("fixture-1");
    let (status, first) = world.send("me", "POST", "/sandbox/v1/wires", key, &wire).await;
    assert_eq!(status, 200);
    assert_eq!(world.send("me", "POST", "/sandbox/v1/wires", key, &wire).await, (200, first));
    assert_eq!(world.chart(Role::UnidentifiedReceipts).await, 5);
    let other = json!({"amount": 6, "currency": "EUR"}).to_string();
    assert_eq!(world.send("me", "POST", "/sandbox/v1/wires", key, &other).await.0, 409);
}

#[tokio::test]
async fn a_key_that_is_none_is_said_to_be() {
    let world = World::new().await;
    for (route, path) in asks(&world).await {
        for key in ["", &"k".repeat(65), "\u{e9}"] {
            let (status, answer) = world.send("me", route.method, &path, Some(key), "{}").await;
            assert_eq!((status, answer["fields"]["Idempotency-Key"].is_string()), (400, true), "{path} {key}");
        }
    }
}

#[tokio::test]
async fn a_step_with_a_key_is_taken_once() {
    let world = World::new().await;
    let (party, _) = world.paid_out(WAITS, None).await;
    let (_, sent) = world.paid_out(WAITS, None).await;
    let (_, refused) = world.paid_out(WAITS, None).await;
    let (_, returned) = world.paid_out(WAITS, None).await;
    let passed = text(&world.asked(&party).await, "Id");
    let failed = text(&world.asked(&party).await, "Id");
    for (number, (path, body)) in [
        (format!("/payouts/{sent}/succeed"), "{}"),
        (format!("/payouts/{refused}/fail"), r#"{"code":"121010"}"#),
        (format!("/payouts/{returned}/return"), r#"{"code":"AC04"}"#),
        (format!("/payins/{passed}/3ds/pass"), "{}"),
        (format!("/payins/{failed}/3ds/fail"), "{}"),
        ("/jobs/run".to_owned(), "{}"),
    ]
    .into_iter()
    .enumerate()
    {
        let (path, key) = (format!("/sandbox/v1{path}"), format!("step-{number}"));
        let (status, first) = world.send("me", "POST", &path, Some(&key), body).await;
        assert_eq!(status, 200, "{path}: {first}");
        assert_eq!(world.send("me", "POST", &path, Some(&key), body).await, (200, first), "{path}");
        let (status, other) = world.send("me", "POST", &path, Some(&key), &format!("{body} ")).await;
        assert_eq!((status, &other["error"]), (409, &json!("conflict")), "{path}: with another body");
        // One that was claimed by a request that was cut short takes the step again, and finds it done.
        let cut = format!("cut-{number}");
        claim(&world, &path, &cut, body).await;
        let (status, again) = world.send("me", "POST", &path, Some(&cut), body).await;
        assert_eq!(status, 200, "{path}: {again}");
        assert_eq!(world.send("me", "POST", &path, Some(&cut), body).await, (200, again), "{path}: and answers its key");
        if !path.ends_with("/jobs/run") && !path.ends_with("/return") {
            assert_eq!(world.send("me", "POST", &path, None, body).await.0, 409, "{path}: without a key it is past");
        }
    }
    let (_, other) = world.paid_out(WAITS, None).await;
    let path = format!("/sandbox/v1/payouts/{other}/succeed");
    claim(&world, &path, "cut-other", "{}").await;
    assert_eq!(world.send("me", "POST", &path, Some("cut-other"), "{ }").await.0, 409, "another input takes no step");
    assert_eq!(world.payout(&other).await["Status"], json!("CREATED"));
}

/// Leaves a key behind as a process does that dies between claiming it and answering it.
async fn claim(world: &World, path: &str, key: &str, body: &str) {
    let keyed = keyed_by_hand(world, path, key, body);
    let ctx = Ctx::system(world.platforms[0].1, RequestId(ledger::Uid::from_bits(8)));
    let render = |_: &Ctx, (): &()| unreachable!("it does not fail");
    let begun = world.engine.begin(ctx, Nothing, Some(keyed), render).await.unwrap();
    assert!(matches!(begun, Begun::Started(())));
}

/// The key of a request as the sandbox reads it.
pub fn keyed_by_hand(world: &World, path: &str, key: &str, body: &str) -> Keyed {
    let parts = Request::post(path).header("Idempotency-Key", key).body(()).unwrap().into_parts().0;
    let space = edge::key::Space { platform: world.platforms[0].1, dialect: 200 };
    let body = bytes::Bytes::copy_from_slice(body.as_bytes());
    edge::key::keyed(space, &parts, &body, |_| true).unwrap().unwrap()
}

struct Nothing;

impl Command for Nothing {
    type Outcome = ();
    type Error = ();
    const NAME: &'static str = "test.nothing";

    fn decide(&self, _: &mut Desk<'_>) -> Result<(), ()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_mistake_uses_its_key_up() {
    let world = World::new().await;
    let wire = |amount: i64| json!({"amount": amount, "currency": "EUR"}).to_string();
    let (status, first) = world.send("me", "POST", "/sandbox/v1/wires", Some("wrong"), &wire(-1)).await;
    assert_eq!(status, 400);
    assert_eq!(world.send("me", "POST", "/sandbox/v1/wires", Some("wrong"), &wire(-1)).await, (400, first), "with its first answer");
    assert_eq!(world.send("me", "POST", "/sandbox/v1/wires", Some("wrong"), &wire(1)).await.0, 409);
    let path = format!("/sandbox/v1/payouts/{}/succeed", ledger::Uid::from_bits(5));
    let (status, first) = world.send("me", "POST", &path, Some("nowhere"), "{}").await;
    assert_eq!(status, 404);
    assert_eq!(world.send("me", "POST", &path, Some("nowhere"), "{}").await, (404, first));
}
