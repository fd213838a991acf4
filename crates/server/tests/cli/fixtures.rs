//! Files of fixtures: what was loaded stays loaded, and what failed may be tried again.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::program::{Program, done, refused};
use crate::support::{CLIENT_ID, Client, World};

const USER: &str = "user_m_01JRFJJN9BR864A4KG7MH1WCZG";
const WALLET: &str = "wlt_m_01JRFJJN9BR864A4KG7MH1WCZH";

fn user() -> Value {
    let body = json!({
        "FirstName": "Ada", "LastName": "Byron", "Email": "ada@example.com", "UserCategory": "OWNER", "Birthday": 652_117_514,
        "Nationality": "FR", "CountryOfResidence": "FR", "TermsAndConditionsAccepted": true,
    });
    json!({"as": USER, "method": "POST", "path": format!("/v2.01/{CLIENT_ID}/users/natural"), "body": body})
}

fn wallet() -> Value {
    let body = json!({"Owners": [USER], "Description": "Ada", "Currency": "EUR"});
    json!({"as": WALLET, "method": "POST", "path": format!("/v2.01/{CLIENT_ID}/wallets"), "body": body})
}

fn at(method: &str, path: &str) -> Value {
    json!({"method": method, "path": path, "client_id": CLIENT_ID})
}

struct Files<'a>(&'a World);

impl Files<'_> {
    fn write(&self, lines: &[Value]) -> String {
        let path: PathBuf = self.0.folder.path().join("fixtures.jsonl");
        std::fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        path.display().to_string()
    }

    /// How many requests were made and how many known from before.
    fn load(&self, lines: &[Value]) -> (u64, u64) {
        let file = self.write(lines);
        let told = done(&self.0.data(), self.0.database.as_deref(), &["--json", "fixtures", "load", &file]);
        let told: Value = serde_json::from_str(&told).unwrap();
        (told["requests"].as_u64().unwrap(), told["already_loaded"].as_u64().unwrap())
    }

    /// What is said of the line that fails.
    fn fail(&self, lines: &[Value]) -> String {
        let file = self.write(lines);
        refused(&self.0.data(), self.0.database.as_deref(), &["fixtures", "load", &file])
    }
}

fn worlds() -> [World; 2] {
    [World::new(0, 0, None), World::new(0, 0, Some(testkit::postgres::server().database()))]
}

#[test]
fn a_line_that_failed_is_tried_again_and_one_that_did_not_never() {
    for world in worlds() {
        let files = Files(&world);
        let verify = at("POST", &format!("/sandbox/v1/users/{USER}/verify"));
        let close = at("DELETE", &format!("/v2.01/{CLIENT_ID}/users/natural/{USER}"));
        let look = at("GET", &format!("/v2.01/{CLIENT_ID}/users/{USER}"));
        for _ in 0..2 {
            let said = files.fail(&[wallet()]);
            assert!(said.contains("line 1") && said.contains("400"), "it says why, also the second time: {said}");
            let said = files.fail(std::slice::from_ref(&verify));
            assert!(said.contains("404"), "{said}");
            let said = files.fail(std::slice::from_ref(&close));
            assert!(said.contains("404"), "{said}");
        }
        // Now what the wallet needs is there.
        assert_eq!(files.load(&[user(), wallet(), verify.clone(), look.clone()]), (4, 0));
        assert_eq!(files.load(&[user(), wallet(), verify.clone(), look.clone()]), (0, 4));
        let rename = json!({
            "method": "PUT", "path": format!("/v2.01/{CLIENT_ID}/wallets/{WALLET}"), "body": {"Description": "Ada's euros"},
        });
        assert_eq!(files.load(std::slice::from_ref(&rename)), (1, 0));
        assert_eq!(files.load(&[rename]), (0, 1));
    }
}

#[test]
fn the_same_holds_through_a_running_server() {
    let world = World::new(0, 0, None);
    let server = Program::serve(&world.data(), None, &[]);
    let (_, address) = server.listens();
    let files = Files(&world);
    for _ in 0..2 {
        assert!(files.fail(&[user(), wallet(), at("GET", "/v2.01/nobody/users")]).contains("line 3"));
    }
    assert_eq!(files.load(&[user(), wallet()]), (0, 2));
    let seen = Client::connect(address).unwrap().send("GET", &format!("/v2.01/{CLIENT_ID}/users"), None, "").unwrap();
    assert_eq!(seen.json().as_array().unwrap().len(), 1, "{}", seen.body);
}

/// Killed at whatever moment, a load that is done again makes each request once.
#[test]
fn a_killed_load_goes_on_where_it_was() {
    for world in worlds() {
        let files = Files(&world);
        let count = 400;
        let many = json!({
            "method": "POST", "path": format!("/v2.01/{CLIENT_ID}/users/natural"), "repeat": count,
            "body": {"FirstName": "Many", "LastName": "Users", "Email": "many@example.com", "UserCategory": "PAYER"},
        });
        let file = files.write(std::slice::from_ref(&many));
        for round in 1..=3 {
            let mut load = crate::support::florin(&world.data(), world.database.as_deref());
            let mut load = load.args(["fixtures", "load", &file]).stdout(std::process::Stdio::null()).spawn().unwrap();
            std::thread::sleep(std::time::Duration::from_millis(round * 70));
            load.kill().unwrap();
            load.wait().unwrap();
        }
        let (made, known) = files.load(std::slice::from_ref(&many));
        assert_eq!(made + known, count);
        let server = world.serve();
        let path = format!("/v2.01/{CLIENT_ID}/users?per_page=100&page=5");
        let seen = Client::connect(server.address).unwrap().send("GET", &path, None, "").unwrap();
        assert_eq!(seen.json().as_array().unwrap().len(), 0, "there are no more than were asked for");
        let path = format!("/v2.01/{CLIENT_ID}/users?per_page=100&page=4");
        let seen = Client::connect(server.address).unwrap().send("GET", &path, None, "").unwrap();
        assert_eq!(seen.json().as_array().unwrap().len(), 100);
        server.kill();
    }
}
