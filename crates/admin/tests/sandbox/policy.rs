//! The switches of a policy, and what follows from them.

use serde_json::json;

use crate::party::{eur, text};
use crate::world::World;

fn person(first_name: &str) -> serde_json::Value {
    json!({
        "FirstName": first_name, "LastName": "Byron", "Email": "ada@example.com", "UserCategory": "OWNER", "Birthday": 652_117_514,
        "Nationality": "FR", "CountryOfResidence": "FR", "TermsAndConditionsAccepted": true,
    })
}

#[tokio::test]
async fn a_switch_that_is_set_rules_the_next_request_of_its_platform() {
    let world = World::new().await;
    let told = json!({
        "version": 1, "refuses_fake_names": false, "requires_verified_beneficiary": false, "payout_requires_verification": true,
        "settlement": "instant", "rehearsal": false, "behaviour_date": "2025-11-14", "limits": "server",
    });
    assert_eq!(world.done("/policy", json!({})).await, told);
    let fake = person("test").to_string();
    let register = async |client: &str| world.send(client, "POST", &format!("/v2.01/{client}/users/natural"), None, &fake).await.0;
    assert_eq!(register("me").await, 200);
    let set = world.done("/policy", json!({"refuses_fake_names": true})).await;
    assert_eq!((&set["version"], &set["refuses_fake_names"]), (&json!(2), &json!(true)));
    assert_eq!(register("me").await, 400);
    assert_eq!(register("other").await, 200, "another platform has its own");
    assert_eq!(world.done("/policy", json!({})).await, set, "it stays");
    world.done("/policy", json!({"refuses_fake_names": false})).await;
    assert_eq!(register("me").await, 200);
}

#[tokio::test]
async fn money_may_be_for_verified_owners_only() {
    let world = World::new().await;
    let (from, to) = (world.party().await, world.party().await);
    world.fund(&from, 1_000).await;
    let transfer = json!({
        "AuthorId": from.user, "DebitedFunds": eur(100), "Fees": eur(0), "DebitedWalletId": from.wallet, "CreditedWalletId": to.wallet,
    });
    assert_eq!(text(&world.made("/transfers", transfer.clone()).await, "Status"), "SUCCEEDED");
    world.done("/policy", json!({"requires_verified_beneficiary": true})).await;
    assert_eq!(text(&world.made("/transfers", transfer.clone()).await, "Status"), "FAILED");
    world.done(&format!("/users/{}/verify", to.user), json!({})).await;
    assert_eq!(text(&world.made("/transfers", transfer).await, "Status"), "SUCCEEDED");
}

#[tokio::test]
async fn a_switch_is_true_or_false_and_one_that_is_not_there_is_named() {
    let world = World::new().await;
    let body = json!({
        "refuses_fake_names": "yes", "has_light_limits": true, "limits": {"15m": 0}, "behaviour_date": "tomorrow", "settlement": "soon",
    });
    let (status, answer) = world.sandbox("/policy", body).await;
    let named: Vec<&str> = answer["fields"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!((status, named), (400, vec!["behaviour_date", "has_light_limits", "limits", "refuses_fake_names", "settlement"]));
    assert_eq!(world.done("/policy", json!({})).await["version"], 1);
}

#[tokio::test]
async fn limits_hold_from_the_next_request_on_for_one_platform_alone() {
    let world = World::new().await;
    let look = async |client: &str| world.send(client, "GET", &format!("/v2.01/{client}/clients"), None, "").await.0;
    assert_eq!(look("me").await, 200, "its credentials are remembered from now on");
    let set = world.done("/policy", json!({"limits": {"15m": 4}, "behaviour_date": "2026-05-01"})).await;
    assert_eq!((&set["limits"], &set["behaviour_date"]), (&json!({"15m": 4}), &json!("2026-05-01")));
    assert_eq!((look("me").await, look("me").await, look("me").await), (200, 200, 429));
    assert_eq!(look("other").await, 200);
}

#[tokio::test]
async fn limits_may_be_taken_away_and_given_back() {
    let world = World::new().await;
    for limits in [json!("none"), json!({"24h": 5000}), json!("server")] {
        assert_eq!(world.done("/policy", json!({"limits": limits})).await["limits"], limits);
    }
    world.done("/policy", json!({"limits": "none"})).await;
    assert_eq!(world.done("/policy", json!({"rehearsal": true})).await["limits"], "server", "nobody rehearses without limits");
    assert_eq!(world.done("/policy", json!({"rehearsal": false})).await["limits"], "none");
}
