//! API keys that may do less than a platform's first one.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::program::{Program, done, refused};
use crate::support::{CLIENT_ID, Client, World};

/// Makes a key of these scopes, and gives its secret.
fn key(world: &World, scopes: &str) -> String {
    let args = ["--json", "key", "create", "--client-id", CLIENT_ID, "--scopes", scopes];
    let told: Value = serde_json::from_str(&done(&world.data(), world.database.as_deref(), &args)).unwrap();
    assert_eq!(told["client_id"], CLIENT_ID);
    told["api_key"].as_str().unwrap().to_owned()
}

fn statuses(address: SocketAddr, secret: &str, asked: &[(&str, &str)]) -> Vec<u16> {
    asked
        .iter()
        .map(|(method, path)| {
            let mut client = Client::connect(address).unwrap();
            client.authorization = format!("Basic {}", BASE64_STANDARD.encode(format!("{CLIENT_ID}:{secret}")));
            client.send(method, path, None, "{}").unwrap().status
        })
        .collect()
}

#[test]
fn a_key_may_do_what_its_scopes_say_and_no_more() {
    for world in [World::new(1, 100, None), World::new(1, 100, Some(testkit::postgres::server().database()))] {
        let wallet = format!("/v2.01/{CLIENT_ID}/wallets/{}", world.wallets[0]);
        let users = format!("/v2.01/{CLIENT_ID}/users/natural");
        let asked = [("GET", wallet.as_str()), ("POST", &users), ("POST", "/sandbox/v1/wires")];
        let before = key(&world, "Wallet.Details:read,Payins");
        let server = Program::serve(&world.data(), world.database.as_deref(), &[]);
        let address = server.listens().1;
        assert_eq!(statuses(address, &before, &asked), [200, 403, 400], "made before the server ran");
        let meanwhile = key(&world, "Users.Details:write");
        assert_eq!(statuses(address, &meanwhile, &asked), [403, 400, 403], "made while it runs");
        assert_eq!(statuses(address, crate::support::API_KEY, &asked), [200, 400, 400], "the first one may do everything");
    }
}

#[test]
fn a_key_is_refused_by_name() {
    let world = World::new(0, 0, None);
    let ask = |client: &str, scopes: &str, more: &[&str]| {
        let args = [&["key", "create", "--client-id", client, "--scopes", scopes][..], more].concat();
        refused(&world.data(), None, &args)
    };
    assert!(ask("nobody", "Payins", &[]).contains("nobody"));
    assert!(ask(CLIENT_ID, "Payins,Everything", &[]).contains("\"Everything\" is no scope"));
    assert!(ask(CLIENT_ID, "", &[]).contains("is no scope"));
    assert!(ask(CLIENT_ID, "Payins", &["--api-key", "short"]).contains("an API key has"));
    assert!(ask(CLIENT_ID, "Payins", &["--api-key", crate::support::API_KEY]).contains("has this key already"));
}
