//! Platforms for tests, by the real binary.

use std::sync::mpsc::channel;

use serde_json::{Value, json};

use crate::support::{Client, World, florin};

#[test]
fn a_kill_while_platforms_are_made_leaves_whole_ones_and_a_repeat_has_one() {
    let world = World::new(2, 100, None);
    let body = json!({"data_set": "marketplace"}).to_string();
    let mut made: Vec<(String, Value)> = Vec::new();
    for round in 0..3 {
        let server = world.serve();
        let address = server.address;
        let (begun, has_begun) = channel();
        let body_of = body.clone();
        let asking = std::thread::spawn(move || {
            let mut client = Client::connect(address).unwrap();
            let mut answered = Vec::new();
            for number in 0..10_000 {
                let key = format!("make-{round}-{number}");
                match client.send("POST", "/sandbox/v1/platforms", Some(&key), &body_of) {
                    Ok(answer) if answer.status == 200 => answered.push((key, answer.json())),
                    _ => return (answered, Some(key)),
                }
                begun.send(()).ok();
            }
            (answered, None)
        });
        for _ in 0..=round {
            has_begun.recv().unwrap();
        }
        server.kill();
        let (answered, cut_short) = asking.join().unwrap();
        made.extend(answered);
        let server = world.serve();
        let mut client = Client::connect(server.address).unwrap();
        if let Some(key) = cut_short {
            let answer = client.send("POST", "/sandbox/v1/platforms", Some(&key), &body).unwrap();
            assert_eq!(answer.status, 200, "{}", answer.body);
            made.push((key, answer.json()));
        }
        for (key, first) in &made {
            let again = client.send("POST", "/sandbox/v1/platforms", Some(key), &body).unwrap();
            assert_eq!(&again.json(), first, "{key}");
            let id = first["objects"]["payout"]["mangopay_id"].as_str().unwrap();
            let path = format!("/v2.01/{}/payouts/{id}", first["client_id"].as_str().unwrap());
            let mut of_it = Client::connect(server.address).unwrap();
            of_it.login(first["client_id"].as_str().unwrap(), first["api_key"].as_str().unwrap());
            assert_eq!(of_it.send("GET", &path, None, "").unwrap().status, 200, "{key}");
        }
        let listed = client.send("GET", "/sandbox/v1/platforms?page_size=1", None, "").unwrap().json();
        assert_eq!(listed["total"], made.len(), "no other one");
        server.kill();
    }
    let verified = florin(&world.data(), None).args(["ledger", "verify"]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn the_command_line_makes_a_data_set_too() {
    let world = World::new(2, 100, None);
    let make = |client_id: &str| {
        let mut command = florin(&world.data(), None);
        command.args([
            "--json",
            "platform",
            "create",
            "--client-id",
            client_id,
            "--data-set",
            "rental",
            "--api-key",
            "a-key-that-is-known",
        ]);
        command.args(["--settlement", "manual", "--limits", "15m=900", "--behaviour-date", "2026-05-01", "--clock", "2w"]);
        let told: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
        assert!(told["objects"]["host"].as_str().is_some_and(|id| id.starts_with("user_m_")), "{told}");
    };
    make("alone");
    let server = world.serve();
    make("served");
    for client_id in ["alone", "served"] {
        let mut client = Client::connect(server.address).unwrap();
        client.login(client_id, "a-key-that-is-known");
        let policy = client.send("POST", "/sandbox/v1/policy", None, "").unwrap().json();
        assert_eq!(
            (&policy["settlement"], &policy["limits"], &policy["behaviour_date"]),
            (&json!("manual"), &json!({"15m": 900}), &json!("2026-05-01"))
        );
        let clock = client.send("GET", "/sandbox/v1/clock", None, "").unwrap().json();
        assert_eq!(clock["ahead_ms"], json!(14 * 86_400_000), "{client_id}");
    }
    server.kill();
    for rules in [
        ["--settlement", "soon", "--behaviour-date", "today", "--clock", "x"],
        ["--limits", "1h=5", "--client-id", "y", "--rehearsal", "x"],
    ] {
        let output = florin(&world.data(), None).args(["platform", "create", "--client-id", "x"]).args(rules).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("limits") || ["settlement", "behaviour-date", "clock"].iter().all(|name| told.contains(name)), "{told}");
    }
    let output = florin(&world.data(), None).args(["platform", "create", "--client-id", "x", "--data-set", "theatre"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && told.contains("marketplace, crowdfunding, rental"), "{told}");
}
