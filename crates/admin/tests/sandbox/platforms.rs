//! Platforms for tests are made, work alone, and are ended.

use std::sync::Arc;

use axum::body::Body;
use domain::payment::Status;
use domain::{PaymentId, PlatformId};
use http::Request;
use ledger::Uid;
use serde_json::{Value, json};

use crate::party::text;
use crate::world::World;

impl World {
    /// Makes a platform by `me`.
    async fn sub_platform(&self, body: Value) -> Value {
        self.done("/platforms", body).await
    }

    async fn end(&self, client: &str, client_id: &str) -> (u16, Value) {
        self.send(client, "DELETE", &format!("/sandbox/v1/platforms/{client_id}"), None, "").await
    }

    async fn listed(&self, query: &str) -> (Vec<String>, i64) {
        let (status, answer) = self.send("me", "GET", &format!("/sandbox/v1/platforms{query}"), None, "").await;
        assert_eq!(status, 200, "{answer}");
        let platforms = answer["platforms"].as_array().unwrap().iter().map(|platform| text(platform, "client_id"));
        (platforms.collect(), answer["total"].as_i64().unwrap())
    }
}

fn object(made: &Value, name: &str) -> String {
    text(&made["objects"][name], "mangopay_id")
}

fn uid(made: &Value, name: &str) -> Uid {
    Uid::parse(&text(&made["objects"][name], "id")).unwrap()
}

#[tokio::test]
async fn a_platform_is_made_with_its_data_set_and_used_at_once() {
    let world = World::new().await;
    for (set, wallet, cents) in [
        ("marketplace", "seller_wallet", 5_000),
        ("marketplace", "buyer_wallet", 10_000),
        ("crowdfunding", "project_wallet", 14_250),
        ("rental", "guest_deposit_wallet", 30_000),
        ("rental", "host_wallet", 31_000),
    ] {
        let made = world.sub_platform(json!({"data_set": set})).await;
        let client = text(&made, "client_id");
        assert_eq!((&made["data_set"], &made["base_url"]), (&json!(set), &json!("http://localhost:8080")));
        let path = format!("{}/wallets/{}", made["paths"]["mangopay"].as_str().unwrap(), object(&made, wallet));
        let (status, answer) = world.send(&client, "GET", &path, None, "").await;
        assert_eq!((status, answer["Balance"]["Amount"].as_i64()), (200, Some(cents)), "{set} {wallet} {answer}");
        assert_eq!(world.send("me", "GET", &path.replace(&client, "me"), None, "").await.0, 404, "it is that platform's alone");
    }
}

#[tokio::test]
async fn a_payout_of_a_data_set_is_sent_like_any_other() {
    let world = World::new().await;
    let made = world.sub_platform(json!({"data_set": "marketplace"})).await;
    let (client, payout) = (text(&made, "client_id"), object(&made, "payout"));
    world.advance_ms(2_000);
    assert_eq!(world.send(&client, "POST", "/sandbox/v1/jobs/run", None, "").await.0, 200);
    world.advance_ms(2_000);
    assert_eq!(world.send(&client, "POST", "/sandbox/v1/jobs/run", None, "").await.0, 200);
    let (_, answer) = world.send(&client, "GET", &format!("/v2.01/{client}/payouts/{payout}"), None, "").await;
    assert_eq!(answer["Status"], "SUCCEEDED", "{answer}");
}

#[tokio::test]
async fn every_wrong_field_of_a_platform_is_named_and_none_is_made() {
    let world = World::new().await;
    let body = json!({
        "client_id": "a/b", "api_key": "short", "data_set": "theatre", "behaviour_date": "2026-02-30", "limits": {"1h": 5},
        "clock": {"days": -1}, "colour": "blue", "settlement": "soon", "rehearsal": 1, "refuses_fake_names": "yes",
    });
    let (status, answer) = world.sandbox("/platforms", body).await;
    let wrong: Vec<&String> = answer["fields"].as_object().unwrap().keys().collect();
    assert_eq!(
        (status, wrong),
        (
            400,
            [
                "api_key",
                "behaviour_date",
                "client_id",
                "clock",
                "colour",
                "data_set",
                "limits",
                "refuses_fake_names",
                "rehearsal",
                "settlement",
            ]
            .map(str::to_owned)
            .iter()
            .collect()
        )
    );
    assert_eq!(world.listed("?status=all").await, (Vec::new(), 0));
    let (status, answer) = world.send("me", "GET", "/sandbox/v1/platforms?status=dead&page=0&page_size=101&x=1", None, "").await;
    let wrong: Vec<&String> = answer["fields"].as_object().unwrap().keys().collect();
    assert_eq!((status, wrong), (400, ["page", "page_size", "status", "x"].map(str::to_owned).iter().collect()));
}

#[tokio::test]
async fn a_platform_begins_with_the_rules_it_was_made_with() {
    let world = World::new().await;
    let body = json!({
        "settlement": "manual", "limits": {"15m": 50}, "behaviour_date": "2026-05-01", "clock": "30d", "refuses_fake_names": true,
        "data_set": "marketplace",
    });
    let made = world.sub_platform(body).await;
    let client = text(&made, "client_id");
    let (_, policy) = world.send(&client, "POST", "/sandbox/v1/policy", None, "").await;
    assert_eq!(policy, made["policy"]);
    assert_eq!(
        (&policy["version"], &policy["settlement"], &policy["limits"], &policy["behaviour_date"], &policy["refuses_fake_names"]),
        (&json!(1), &json!("manual"), &json!({"15m": 50}), &json!("2026-05-01"), &json!(true))
    );
    assert_eq!(world.send(&client, "GET", "/sandbox/v1/clock", None, "").await.1["ahead_ms"], json!(30 * 86_400_000_i64));
    let rehearsing = world.sub_platform(json!({"rehearsal": true})).await;
    assert_eq!((&rehearsing["policy"]["rehearsal"], &rehearsing["policy"]["settlement"]), (&json!(true), &json!("delayed")));
}

#[tokio::test]
async fn the_same_key_makes_one_platform_and_shows_the_same_credentials() {
    let world = World::new().await;
    let body = json!({"data_set": "rental"}).to_string();
    let make = async || world.send("me", "POST", "/sandbox/v1/platforms", Some("make-1"), &body).await;
    let (first, second) = tokio::join!(make(), make());
    let third = make().await;
    assert_eq!(third.0, 200, "{}", third.1);
    assert!(first == third && second == third);
    assert_eq!(world.listed("").await, (vec![text(&third.1, "client_id")], 1));
}

#[tokio::test]
async fn names_and_keys_of_ones_choice_are_taken_once() {
    let world = World::new().await;
    let body = json!({"client_id": "worker-1", "api_key": "key-of-worker-1!"});
    let made = world.sub_platform(body.clone()).await;
    assert_eq!((&made["client_id"], &made["api_key"]), (&json!("worker-1"), &json!("key-of-worker-1!")));
    assert_eq!(world.sandbox("/platforms", body.clone()).await.0, 409);
    assert_eq!(world.sandbox("/platforms", json!({"client_id": "other"})).await.0, 409, "another root's name");
    assert_eq!(world.end("me", "worker-1").await.0, 200);
    assert_eq!(world.sandbox("/platforms", body).await.0, 409, "also when it has ended");
}

#[tokio::test]
async fn only_a_root_makes_platforms_and_only_its_own_are_its_to_see_and_end() {
    let world = World::new().await;
    let made = world.sub_platform(json!({})).await;
    let client = text(&made, "client_id");
    let (status, answer) = world.send(&client, "POST", "/sandbox/v1/platforms", None, "{}").await;
    assert_eq!(status, 409);
    assert!(text(&answer, "message").contains("makes none"), "{answer}");
    let (_, answer) = world.send("other", "GET", "/sandbox/v1/platforms", None, "").await;
    assert_eq!(answer["total"], 0);
    for unknown in [client.as_str(), "me", "other", "live", "nobody", "%20", "a%2Fb"] {
        assert_eq!(world.end("other", unknown).await.0, 404, "{unknown}");
    }
    assert_eq!(world.end(&client, &client).await.0, 404, "nobody ends itself");
    assert_eq!(world.listed("").await.1, 1);
}

#[tokio::test]
async fn an_ended_platform_is_gone_at_once_and_what_it_was_to_do_is_not_done() {
    let world = World::new().await;
    let made = world.sub_platform(json!({"data_set": "marketplace"})).await;
    let client = text(&made, "client_id");
    let wallet = format!("/v2.01/{client}/wallets/{}", object(&made, "buyer_wallet"));
    let (_, token) = world.send(&client, "POST", "/v2.01/oauth/token", None, "grant_type=client_credentials").await;
    let bearer = format!("Bearer {}", text(&token, "access_token"));
    let by_token = async || world.ask(Request::get(&wallet).header("Authorization", &bearer).body(Body::empty()).unwrap()).await.0;
    assert_eq!((by_token().await, world.send(&client, "GET", &wallet, None, "").await.0), (200, 200));

    let (status, ended) = world.end("me", &client).await;
    assert_eq!((status, &ended["status"]), (200, &json!("ended")));
    assert_eq!((by_token().await, world.send(&client, "GET", &wallet, None, "").await.0), (401, 401));
    assert_eq!(world.send(&client, "POST", "/v2.01/oauth/token", None, "").await.0, 401);
    assert_eq!(world.send(&client, "POST", "/sandbox/v1/jobs/run", None, "").await.0, 401);
    world.advance_ms(1_000);
    assert_eq!(world.end("me", &client).await, (200, ended), "ended once");
    assert_eq!((world.listed("").await.1, world.listed("?status=ended").await.0), (0, vec![client]));

    world.advance_ms(3_600_000);
    world.run_jobs().await;
    let platform = PlatformId(Uid::parse(&text(&made, "id")).unwrap());
    let payout = world.reads.payment(platform, PaymentId(uid(&made, "payout"))).await.unwrap().unwrap();
    assert_eq!(payout.status, Status::Created, "its bank was not asked");
}

#[tokio::test]
async fn a_platform_has_limits_of_its_own() {
    let world = World::with(|config| config.rate.limits = [50; 4]).await;
    let strict = text(&world.sub_platform(json!({"limits": {"15m": 2}})).await, "client_id");
    let free = text(&world.sub_platform(json!({"limits": "none"})).await, "client_id");
    let ask = async |client: &str| world.send(client, "GET", &format!("/v2.01/{client}/wallets/1"), None, "").await.0;
    assert_eq!([ask(&strict).await, ask(&strict).await, ask(&strict).await], [404, 404, 429]);
    for _ in 0..60 {
        assert_eq!(ask(&free).await, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn platforms_that_turn_their_clocks_at_once_do_not_disturb_each_other() {
    let world = Arc::new(World::new().await);
    let start = crate::world::NOW_MS / 1_000;
    let workers: Vec<_> = (1..=8_i64)
        .map(|number| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                let ahead = number * 86_400;
                let made = world.sub_platform(json!({"data_set": "marketplace", "clock": {"days": number}})).await;
                let client = text(&made, "client_id");
                assert_eq!(made["now"], start + ahead);
                for turn in 1..=10 {
                    let (status, clock) = world.send(&client, "POST", "/sandbox/v1/clock/advance", None, &json!({"hours": number}).to_string()).await;
                    assert_eq!((status, &clock["now"]), (200, &json!(start + ahead + turn * number * 3_600)));
                    let user = json!({"FirstName": "A", "LastName": "B", "Email": "a@example.com", "UserCategory": "PAYER", "TermsAndConditionsAccepted": true});
                    let (status, user) = world.send(&client, "POST", &format!("/v2.01/{client}/users/natural"), None, &user.to_string()).await;
                    assert_eq!((status, &user["CreationDate"]), (200, &json!(start + ahead + turn * number * 3_600)), "{user}");
                }
                let days_past = ahead + 10 * number * 3_600 > 30 * 86_400;
                let declared = format!("/v2.01/{client}/payins/{}", object(&made, "declared_pay_in"));
                assert!(!days_past && world.send(&client, "GET", &declared, None, "").await.1["Status"] == "CREATED");
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    assert_eq!(world.listed("?page_size=100").await.1, 8);
    let (_, clock) = world.sandbox("/clock/advance", json!({"seconds": 1})).await;
    assert_eq!(clock["now"], start + 1, "nor that of who made them");
}
