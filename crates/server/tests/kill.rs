//! SIGKILL under load, at random moments: nothing acknowledged is lost, every unanswered key ended in one
//! transfer or none, and the ledger verifies. On SQLite also when the power fails: a killed process leaves its writes with
//! the system, a power failure takes those that were not synced.
//!
//! `FLORIN_KILLS` says how often; a few times unless it is set.

mod support;

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use support::{CLIENT_ID, Client, World, florin};

const CONNECTIONS: usize = 24;
/// A server that takes longer for a round is stuck.
const FAR: Duration = Duration::from_secs(60);

/// Keys that were sent: with the answer's body, or `None` while nobody was answered.
type Sent = BTreeMap<String, Option<String>>;

#[expect(clippy::disallowed_methods, reason = "how long the tests take is said to them as to any program")]
fn kills() -> u64 {
    std::env::var("FLORIN_KILLS").map_or(4, |text| text.parse().expect("FLORIN_KILLS is a number"))
}

/// Sends transfers over several connections until the server is gone.
fn load(world: &World, address: std::net::SocketAddr, next: &AtomicU64, is_over: &AtomicBool) -> Sent {
    let sent = Mutex::new(Sent::new());
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let Ok(mut client) = Client::connect(address) else { return };
                while !is_over.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let key = format!("kill-test-key-{number:010}");
                    sent.lock().unwrap().insert(key.clone(), None);
                    let path = format!("/v2.01/{CLIENT_ID}/transfers");
                    match client.send("POST", &path, Some(&key), &world.transfer(number)) {
                        Ok(answer) => {
                            assert_eq!(answer.status, 200, "{}", answer.body);
                            sent.lock().unwrap().insert(key, Some(answer.body));
                        }
                        Err(_) => return,
                    }
                }
            });
        }
    });
    sent.into_inner().unwrap()
}

/// Holds what clients know against what the server says now. Gives how many transfers succeeded.
fn check(address: std::net::SocketAddr, sent: &Sent) -> (u64, u64) {
    let mut client = Client::connect(address).unwrap();
    let (mut succeeded, mut late) = (0, 0);
    for (key, told) in sent {
        let answer = client.send("GET", &format!("/v2.01/{CLIENT_ID}/responses/{key}"), None, "").unwrap();
        let stored = (answer.status == 200).then(|| answer.json()["Resource"].clone());
        match (told, stored) {
            (Some(told), Some(stored)) => assert_eq!(serde_json::from_str::<serde_json::Value>(told).unwrap(), stored, "{key}"),
            (Some(_), None) => panic!("the acknowledged transfer of {key} is lost: {}", answer.body),
            (None, None) => assert_eq!(answer.status, 404, "{key}: {}", answer.body),
            (None, Some(_)) => late += 1,
        }
        if answer.status == 200 {
            let resource = answer.json()["Resource"].clone();
            let transfer =
                client.send("GET", &format!("/v2.01/{CLIENT_ID}/transfers/{}", resource["Id"].as_str().unwrap()), None, "").unwrap();
            assert_eq!(transfer.json()["Status"], resource["Status"], "{key}");
            succeeded += u64::from(resource["Status"] == "SUCCEEDED");
        }
    }
    (succeeded, late)
}

fn kill_again_and_again(world: &World, kills: u64) {
    let next = AtomicU64::new(1);
    let (mut succeeded, mut late) = (0, 0);
    for round in 0..kills {
        let server = world.serve();
        let address = server.address;
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let enough = next.load(Ordering::Relaxed) + 60 + (round * 137) % 400;
        let sent = std::thread::scope(|scope| {
            // After so many requests, however fast the machine is.
            scope.spawn(|| {
                let begun = Instant::now();
                while next.load(Ordering::Relaxed) < enough && begun.elapsed() < FAR {
                    std::thread::yield_now();
                }
                over.store(true, Ordering::Relaxed);
                world.kill(server, round);
            });
            load(world, address, &next, &is_over)
        });
        let again = world.serve();
        let (more, later) = check(again.address, &sent);
        succeeded += more;
        late += later;
        world.kill(again, round);
    }
    let verified =
        florin(&world.data(), world.database.as_deref()).args(["--json", "ledger", "verify"]).stderr(Stdio::inherit()).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&verified.stdout).unwrap();
    assert!(verified.status.success(), "{report}");
    let entries = report["entries"].as_u64().unwrap();
    assert_eq!(entries, succeeded + world.wallets.len() as u64, "an entry for each success, and no other");
    assert!(succeeded > 100, "the load did something: {succeeded}");
    println!("{kills} kills, {succeeded} transfers, {late} done and not answered");
}

#[test]
fn a_killed_server_on_sqlite_loses_nothing() {
    kill_again_and_again(&World::new(40, 1_000_000, None), kills());
}

#[test]
fn a_power_failure_loses_nothing_that_was_acknowledged() {
    let world = World { loses_power: true, ..World::new(40, 1_000_000, None) };
    kill_again_and_again(&world, kills());
}

#[test]
fn a_killed_server_on_postgresql_loses_nothing() {
    let server = testkit::postgres::server();
    kill_again_and_again(&World::new(40, 1_000_000, Some(server.database())), kills());
}
