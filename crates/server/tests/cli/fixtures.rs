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

fn bank_wire(given_id: &str) -> Value {
    let body = json!({
        "AuthorId": USER, "CreditedWalletId": WALLET, "DeclaredDebitedFunds": {"Currency": "EUR", "Amount": 1000},
        "DeclaredFees": {"Currency": "EUR", "Amount": 0},
    });
    json!({"as": given_id, "method": "POST", "path": format!("/v2.01/{CLIENT_ID}/payins/bankwire/direct"), "body": body})
}

fn transfer(given_id: &str) -> Value {
    let body = json!({
        "AuthorId": USER, "DebitedWalletId": WALLET, "CreditedWalletId": WALLET, "DebitedFunds": {"Currency": "EUR", "Amount": 1},
        "Fees": {"Currency": "EUR", "Amount": 0},
    });
    json!({"as": given_id, "method": "POST", "path": format!("/v2.01/{CLIENT_ID}/transfers"), "body": body})
}

fn named(mut line: Value, given_id: &str) -> Value {
    line["as"] = given_id.into();
    line
}

#[test]
fn an_id_that_cannot_be_given_is_named_and_the_log_has_no_error() {
    for world in worlds() {
        let files = Files(&world);
        files.load(&[user(), wallet(), bank_wire("payin_m_1")]);
        let mut users_again = user();
        users_again["body"]["FirstName"] = "Grace".into();
        for (line, said) in [
            (users_again.clone(), format!("line 1: the id {USER} is taken already, by a user")),
            (transfer("xfer_m_1"), "line 1: the id xfer_m_1 is taken already, by a pay-in".to_owned()),
            (transfer("payin_m_2"), "line 1: the id payin_m_2 is that of a pay-in, and this line makes a transfer".to_owned()),
            (named(users_again, "wlt_m_1"), "line 1: the id wlt_m_1 is that of a wallet, and this line makes a user".to_owned()),
            (named(user(), "a user"), "line 1: \"a user\" has not the form of an id".to_owned()),
        ] {
            for _ in 0..2 {
                let all = files.fail(std::slice::from_ref(&line));
                assert!(all.contains(&said), "{said:?} is not in {all:?}");
                assert!(!all.contains("ERROR") && !all.contains("WARN"), "{all}");
            }
        }
        assert_eq!(files.load(&[user(), wallet(), bank_wire("payin_m_1")]), (0, 3), "what was there is there");
        let elsewhere = ["platform", "create", "--client-id", "elsewhere", "--api-key", "a-key-that-is-long-enough"];
        done(&world.data(), world.database.as_deref(), &elsewhere);
        let mut theirs = user();
        theirs["path"] = "/v2.01/elsewhere/users/natural".into();
        let said = files.fail(&[theirs.clone()]);
        assert!(said.contains(&format!("line 1: the id {USER} is taken already, by a user of another platform")), "{said}");
        assert_eq!(files.load(&[named(theirs, "user_m_theirs")]), (1, 0));
    }
}

#[test]
fn what_is_told_of_a_file_is_told_in_words() {
    let world = World::new(0, 0, None);
    let files = Files(&world);
    let file = files.write(&[user()]);
    for told in ["Loaded 1 line: 1 request made, 0 known from before.", "Loaded 1 line: 0 requests made, 1 known from before."] {
        assert_eq!(done(&world.data(), None, &["fixtures", "load", &file]).trim_end(), told);
    }
    std::fs::write(&file, "\n{\"method\": \"GET\"}\n").unwrap();
    let said = refused(&world.data(), None, &["fixtures", "load", &file]);
    assert!(said.contains("line 2: this is no fixture: missing field `path`, at column 17"), "{said}");
    let said = files.fail(&[json!({"method": "POST", "path": "/sandbox/v1/jobs/run"})]);
    assert!(said.contains("line 1: no platform is named: put its ClientId into the path, or give client_id"), "{said}");
    let said = files.fail(&[at("GET", "/v2.01/nobody/users")]);
    assert!(said.contains(&format!("line 1: client_id says {CLIENT_ID}, and the path says nobody")), "{said}");
    let said = files.fail(&[json!({"method": "GET", "path": "/v2.01/nobody/users"})]);
    assert!(said.contains("line 1: there is no platform nobody"), "{said}");
}

#[test]
fn the_same_holds_through_a_running_server() {
    let world = World::new(0, 0, None);
    let server = Program::serve(&world.data(), None, &[]);
    let (_, address) = server.listens();
    let files = Files(&world);
    for _ in 0..2 {
        assert!(files.fail(&[user(), wallet(), at("GET", "/v2.01/nobody/users")]).contains("line 3"));
        let said = files.fail(&[user(), transfer(WALLET)]);
        assert!(said.contains(&format!("line 2: the id {WALLET} is that of a wallet, and this line makes a transfer")), "{said}");
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
