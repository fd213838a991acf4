//! Faults by order: by route and count, one platform's alone.

use http::Request;
use serde_json::{Value, json};

use crate::party::{Party, eur, text};
use crate::world::World;

impl World {
    /// A transfer of a euro: its status, whether its connection is cut, its answer.
    async fn transfer(&self, from: &Party, to: &Party, key: &str) -> (u16, bool, Value) {
        let body = json!({
            "AuthorId": from.user, "DebitedFunds": eur(100), "Fees": eur(0), "DebitedWalletId": from.wallet, "CreditedWalletId": to.wallet,
        });
        let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, "me:key-of-me");
        let request = Request::post("/v2.01/me/transfers").header("Authorization", format!("Basic {basic}")).header("Idempotency-Key", key);
        let (parts, answer) = self.ask_whole(request.body(axum::body::Body::from(body.to_string())).unwrap()).await;
        (parts.status.as_u16(), parts.extensions.get::<edge::Cut>().is_some(), answer)
    }

    async fn faults(&self) -> Vec<Value> {
        let (status, answer) = self.send("me", "GET", "/sandbox/v1/faults", None, "").await;
        assert_eq!(status, 200, "{answer}");
        answer["faults"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn calls_of_a_route_fail_so_often_and_use_no_key_up() {
    let world = World::new().await;
    let (from, to) = (world.party().await, world.party().await);
    world.fund(&from, 1_000).await;
    for (kind, status) in [("429", 429), ("500", 500), ("503", 503)] {
        let fault = world.done("/faults", json!({"kind": kind, "route": "POST /transfers", "count": 2, "after": 1})).await;
        assert_eq!(fault["route"], json!("POST /v2.01/{ClientId}/transfers"));
        let key = |number: u8| format!("0123456789abcde-{kind}-{number}");
        assert_eq!(world.transfer(&from, &to, &key(0)).await.0, 200, "the first is left alone");
        assert_eq!(world.get("/clients").await["ClientId"], json!("me"), "other routes are");
        assert_eq!(world.transfer(&from, &to, &key(1)).await.0, status);
        assert_eq!(world.faults().await[0]["count"], json!(1));
        assert_eq!(world.transfer(&from, &to, &key(1)).await.0, status);
        assert_eq!(world.transfer(&from, &to, &key(1)).await.0, 200, "nothing was done under the key");
        assert_eq!(world.faults().await, Vec::<Value>::new());
    }
    assert_eq!(world.balance(&to).await, 600);
}

#[tokio::test]
async fn a_connection_is_cut_before_or_after_the_change() {
    let world = World::new().await;
    let (from, to) = (world.party().await, world.party().await);
    world.fund(&from, 1_000).await;
    world.done("/faults", json!({"kind": "drop_before_commit", "route": "POST /transfers"})).await;
    assert!(world.transfer(&from, &to, "0123456789abcdef").await.1);
    assert_eq!(world.balance(&to).await, 0, "nothing was done");
    world.done("/faults", json!({"kind": "drop_after_commit", "route": "POST /transfers"})).await;
    assert!(world.transfer(&from, &to, "0123456789abcdef").await.1);
    assert_eq!(world.balance(&to).await, 100, "it was done");
    let (status, is_cut, _) = world.transfer(&from, &to, "0123456789abcdef").await;
    assert_eq!((status, is_cut, world.balance(&to).await), (409, false, 100), "the key is used up");
    let stored = world.get("/responses/0123456789abcdef").await;
    assert_eq!((&stored["StatusCode"], &stored["Resource"]["Status"]), (&json!("200"), &json!("SUCCEEDED")), "{stored}");
}

#[tokio::test]
async fn a_call_that_is_held_up_goes_on_and_so_it_does_when_its_fault_is_taken_away() {
    let world = World::new().await;
    world.done("/faults", json!({"kind": "latency", "ms": 1, "route": "*"})).await;
    assert_eq!(world.get("/clients").await["ClientId"], json!("me"));
    let fault = world.done("/faults", json!({"kind": "latency", "ms": 60_000, "route": "GET /clients"})).await;
    assert_eq!((&fault["kind"], &fault["ms"]), (&json!("latency"), &json!(60_000)));
    let held = tokio::spawn(world.asking("GET", "/v2.01/me/clients", ""));
    while !world.faults().await.is_empty() {
        tokio::task::yield_now().await;
    }
    // Whoever is about to wait is told again.
    while !held.is_finished() {
        let (status, _) = world.send("me", "DELETE", "/sandbox/v1/faults", None, "").await;
        assert_eq!(status, 200);
        tokio::task::yield_now().await;
    }
    assert_eq!(held.await.unwrap().0, 200);
}

#[tokio::test]
async fn faults_are_the_platforms_own_bounded_and_taken_away() {
    let world = World::with(|config| config.rate.limits = [1_000_000; 4]).await;
    let body = json!({"kind": "500", "route": "GET /clients"});
    for _ in 0..engine::FAULTS_MAX {
        world.done("/faults", body.clone()).await;
    }
    assert_eq!(world.sandbox("/faults", body.clone()).await.0, 409);
    assert_eq!(world.send("other", "GET", "/v2.01/other/clients", None, "").await.0, 200, "another platform's calls are its own");
    let (_, theirs) = world.send("other", "GET", "/sandbox/v1/faults", None, "").await;
    assert_eq!(theirs["faults"], json!([]));
    let id = text(&world.faults().await[0], "id");
    let path = format!("/sandbox/v1/faults/{id}");
    assert_eq!(world.send("other", "DELETE", &path, None, "").await.0, 404);
    assert_eq!(world.send("me", "DELETE", &path, None, "").await, (200, json!({"removed": 1})));
    assert_eq!(world.send("me", "DELETE", &path, None, "").await.0, 404);
    world.done("/faults", body).await;
    assert_eq!(world.send("me", "DELETE", "/sandbox/v1/faults", None, "").await, (200, json!({"removed": engine::FAULTS_MAX})));
    assert_eq!(world.send("me", "GET", "/v2.01/me/clients", None, "").await.0, 200);
}

#[tokio::test]
async fn what_a_fault_cannot_be_is_named() {
    let world = World::new().await;
    for (body, fields) in [
        (json!({}), vec!["kind"]),
        (json!({"kind": "418"}), vec!["kind"]),
        (json!({"kind": "500", "route": "POST /nowhere"}), vec!["route"]),
        (json!({"kind": "500", "ms": 5, "event": "PAYIN_NORMAL_CREATED"}), vec!["event", "ms"]),
        (json!({"kind": "latency"}), vec!["ms"]),
        (json!({"kind": "latency", "ms": 60_001}), vec!["ms"]),
        (json!({"kind": "500", "count": 0, "after": -1}), vec!["after", "count"]),
        (json!({"kind": "webhook_lost", "event": "NO_SUCH_EVENT", "route": "*"}), vec!["event", "route"]),
        (json!({"kind": "webhook_late"}), vec!["ms"]),
    ] {
        let (status, answer) = world.sandbox("/faults", body.clone()).await;
        let named: Vec<&str> = answer["fields"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!((status, named), (400, fields), "{body}");
    }
    let body = json!({"kind": "500"}).to_string();
    let (status, answer) = world.send("me", "POST", "/sandbox/v1/faults", Some("key-1"), &body).await;
    assert_eq!((status, answer["fields"]["Idempotency-Key"].is_string()), (400, true), "a key would outlast a fault");
    let late = world.done("/faults", json!({"kind": "webhook_late", "ms": 5_000, "event": "payin_normal_created"})).await;
    assert_eq!((&late["event"], &late["route"]), (&json!("PAYIN_NORMAL_CREATED"), &json!(null)));
    assert_eq!(world.faults().await.len(), 1);
}
