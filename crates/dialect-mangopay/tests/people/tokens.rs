//! Tokens over HTTP.

use axum::body::Body;
use http::Request;

use crate::harness::World;

/// `me:key-of-me`.
const BASIC: &str = "Basic bWU6a2V5LW9mLW1l";

#[tokio::test]
async fn a_token_of_either_version_is_good_in_both() {
    let world = World::new().await;
    for issued in ["v2.01", "v2"] {
        let request = Request::post(format!("/{issued}/oauth/token")).header("Authorization", BASIC);
        let token = world.send(request.body("grant_type=client_credentials".into()).unwrap()).await;
        assert_eq!((token.status, &*token.get("token_type")), (200, "bearer"), "{issued}: {}", token.text);
        for version in ["v2.01", "v2"] {
            let request = Request::get(format!("/{version}/me/clients"));
            let request = request.header("Authorization", format!("bearer {}", token.get("access_token")));
            let seen = world.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!((seen.status, &*seen.get("ClientId")), (200, "me"), "{issued}, {version}: {}", seen.text);
        }
    }
}
