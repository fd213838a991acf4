//! Connections that a platform has cut: what its client sees, and what was done.

use serde_json::json;

use crate::program::Program;
use crate::support::{CLIENT_ID, Client, World};

/// Told over real sockets: the change is done, the answer never comes, and the same key gives it later.
#[test]
fn a_client_whose_connection_was_cut_finds_its_answer_by_its_key() {
    let world = World::new(2, 1_000, None);
    let server = Program::serve(&world.data(), None, &[]);
    let (_, address) = server.listens();
    let send = |method: &str, path: &str, key: Option<&str>, body: &str| Client::connect(address).unwrap().send(method, path, key, body);
    let transfers = format!("/v2.01/{CLIENT_ID}/transfers");
    let funds = |amount: i64| json!({"Currency": "EUR", "Amount": amount});
    let transfer = json!({
        "AuthorId": world.users[0], "DebitedFunds": funds(100), "Fees": funds(0),
        "DebitedWalletId": world.wallets[0], "CreditedWalletId": world.wallets[1],
    })
    .to_string();
    let balance = || {
        let wallet = send("GET", &format!("/v2.01/{CLIENT_ID}/wallets/{}", world.wallets[1]), None, "").unwrap();
        wallet.json()["Balance"]["Amount"].as_i64().unwrap()
    };
    let key = Some("0123456789abcdef");
    for (kind, after) in [("drop_before_commit", 1_000), ("drop_after_commit", 1_100)] {
        let fault = json!({"kind": kind, "route": "POST /transfers"}).to_string();
        assert_eq!(send("POST", "/sandbox/v1/faults", None, &fault).unwrap().status, 200);
        assert!(send("POST", &transfers, key, &transfer).is_err(), "{kind}: the connection is cut");
        assert_eq!(balance(), after, "{kind}");
    }
    assert_eq!(send("POST", &transfers, key, &transfer).unwrap().status, 409, "it was done under this key");
    let stored = send("GET", &format!("/v2.01/{CLIENT_ID}/responses/0123456789abcdef"), None, "").unwrap().json();
    assert_eq!(stored["Resource"]["Status"], json!("SUCCEEDED"), "{stored}");
    assert_eq!(balance(), 1_100);
}
