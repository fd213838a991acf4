//! Who may ask for what, and how often.

use admin::Power;
use admin::routes::ROUTES;
use axum::body::Body;
use base64::Engine as _;
use dialect_mangopay::scopes::Scope;
use http::Request;
use serde_json::json;

use crate::party::asks;
use crate::world::World;

#[tokio::test]
async fn nobody_reaches_it_without_credentials_and_no_one_elses_things() {
    let world = World::new().await;
    for (route, path) in asks(&world).await {
        let (status, answer) = world.ask(Request::builder().method(route.method).uri(&path).body(Body::empty()).unwrap()).await;
        assert_eq!((status, &answer["error"]), (401, &json!("unauthorized")), "{path}");
        let names_something = path.contains("_m_");
        let (status, answer) = world.send("other", route.method, &path, None, "{}").await;
        if names_something {
            assert_eq!((status, &answer["error"]), (404, &json!("not_found")), "{path}");
        }
        let wrong_id = path.split('/').map(|part| if part.contains("_m_") { "10" } else { part }).collect::<Vec<_>>().join("/");
        if names_something {
            assert_eq!(world.send("me", route.method, &wrong_id, None, "{}").await.0, 404, "{wrong_id}");
        }
    }
    assert_eq!(world.sandbox("/nothing/here", json!({})).await.0, 404);
}

#[tokio::test]
async fn on_production_there_is_none_of_it() {
    let world = World::new().await;
    for (route, path) in asks(&world).await {
        let (status, answer) = world.send("live", route.method, &path, None, r#"{"amount":5,"currency":"EUR","days":1}"#).await;
        assert_eq!((status, &answer["message"]), (404, &json!("There is nothing here.")), "{path}");
    }
}

#[tokio::test]
async fn a_key_may_do_here_what_it_may_do_there() {
    let world = World::new().await;
    let everything = [Scope::Payins, Scope::Payouts, Scope::UsersDetails, Scope::UsersVerification, Scope::ClientDevelopers];
    for (number, (route, path)) in asks(&world).await.iter().enumerate() {
        let own = match route.power {
            Power::PayIns => Scope::Payins,
            Power::Payouts => Scope::Payouts,
            Power::Users => Scope::UsersDetails,
            Power::Verification => Scope::UsersVerification,
            Power::Platform | Power::Look => Scope::ClientDevelopers,
        };
        let (needed, spare) = if route.power == Power::Look { (own.read(), own.write()) } else { (own.write(), own.read()) };
        let key = format!("key-{number}");
        for other in everything.iter().filter(|scope| **scope != own).map(|scope| scope.write()).chain([spare]) {
            world.allow(other).await;
            let (status, answer) = world.send("me", route.method, path, Some(&key), "{}").await;
            assert_eq!((status, &answer["error"]), (403, &json!("forbidden")), "{path}");
        }
        world.allow(needed).await;
        let (status, answer) = world.send("me", route.method, path, Some(&key), "{}").await;
        let was_used = answer["message"] == json!("The Idempotency-Key was used for something else.");
        assert!(status != 403 && !was_used, "{path}: {answer}");
    }
    world.allow(Scope::Payins.write()).await;
    assert_eq!(world.sandbox("/nothing/here", json!({})).await.0, 404, "whatever a key is allowed");
}

#[tokio::test]
async fn calls_are_counted_with_the_other_calls() {
    let world = World::with(|config| config.rate.limits = [3, 9, 9, 9]).await;
    let ask = async |body: &str| {
        let basic = base64::engine::general_purpose::STANDARD.encode("me:key-of-me");
        let request = Request::post("/sandbox/v1/wires").header("Authorization", format!("Basic {basic}"));
        world.ask_whole(request.header("Idempotency-Key", "k").body(Body::from(body.to_owned())).unwrap()).await
    };
    world.get("/wallets/1").await;
    for left in ["1", "0"] {
        let (parts, _) = ask(r#"{"amount":5,"currency":"EUR"}"#).await;
        assert_eq!((parts.status.as_u16(), parts.headers["x-ratelimit-remaining"].to_str().unwrap()), (200, left));
        assert_eq!(parts.headers.get_all("x-ratelimit").iter().count(), 4);
    }
    let (parts, answer) = ask(r#"{"amount":5,"currency":"EUR"}"#).await;
    assert_eq!((parts.status.as_u16(), &answer["error"]), (429, &json!("too_many_requests")));
    assert_eq!(world.send("me", "GET", "/v2.01/me/wallets/1", None, "").await.0, 429, "there too");
}

#[tokio::test]
async fn a_path_says_by_which_methods_it_is_asked_for() {
    let world = World::new().await;
    for (route, path) in asks(&world).await {
        let own: Vec<&str> = ROUTES.iter().filter(|other| other.path == route.path).map(|other| other.method).collect();
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"].into_iter().filter(|method| !own.contains(method)) {
            let basic = base64::engine::general_purpose::STANDARD.encode("me:key-of-me");
            let request = Request::builder().method(method).uri(&path).header("Authorization", format!("Basic {basic}"));
            let (parts, answer) = world.ask_whole(request.body(Body::empty()).unwrap()).await;
            assert_eq!((parts.status.as_u16(), &answer["error"]), (405, &json!("method_not_allowed")), "{method} {path}");
            assert_eq!(parts.headers["allow"].to_str().unwrap(), own.join(", "));
        }
    }
    let (status, answer) = world.send("me", "POST", "/sandbox/v1/users/%ff%fe/verify", None, "{}").await;
    assert_eq!((status, &answer["error"]), (404, &json!("not_found")), "what is no text names nothing");
}
