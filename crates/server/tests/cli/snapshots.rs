//! `florin sandbox snapshot` and `restore`, on both stores: under load, into other places, cut off and put wrong.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use serde_json::{Value, json};

use crate::program::{FAR, done, refused, run};
use crate::support::{CLIENT_ID, Client, Server, World, florin};

/// Transfers that each client has acknowledged before a snapshot is taken.
const BEFORE: usize = 25;
const CLIENTS: u64 = 3;

fn databases() -> [Option<String>; 2] {
    [None, Some(testkit::postgres::server().database())]
}

/// Another place for the same platforms, with a copy of their key: a folder that is not there yet, or an empty database.
fn elsewhere(world: &World) -> World {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(world.folder.path().join("data.key"), folder.path().join("data.key")).unwrap();
    let database = world.database.as_ref().map(|_| testkit::postgres::server().database());
    World { folder, database, loses_power: false, users: world.users.clone(), wallets: world.wallets.clone() }
}

fn ask(world: &World, args: &[&str]) -> Value {
    serde_json::from_str(&done(&world.data(), world.database.as_deref(), &[&["--json"], args].concat())).unwrap()
}

fn refusal(world: &World, args: &[&str]) -> (String, String) {
    let text = refused(&world.data(), world.database.as_deref(), &[&["--json"], args].concat());
    let told: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    (told["error"]["code"].as_str().unwrap().to_owned(), told["error"]["message"].as_str().unwrap().to_owned())
}

fn end(mut server: Server) {
    assert!(Command::new("kill").arg(server.child.id().to_string()).status().unwrap().success());
    assert!(server.child.wait().unwrap().success(), "it ends in order");
}

fn get(client: &mut Client, path: &str) -> Value {
    let begun = Instant::now();
    loop {
        let answer = client.send("GET", &format!("/v2.01/{CLIENT_ID}/{path}"), None, "").unwrap();
        if answer.status == 200 {
            return answer.json();
        }
        // A list that is being made anew says so.
        assert!(answer.status == 503 && begun.elapsed() < FAR, "{path}: {} {}", answer.status, answer.body);
    }
}

fn post(client: &mut Client, path: &str, body: &Value) -> Value {
    let answer = client.send("POST", &format!("/v2.01/{CLIENT_ID}/{path}"), None, &body.to_string()).unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

fn transfer(world: &World, client: &mut Client, number: u64) -> String {
    let answer = client.send("POST", &format!("/v2.01/{CLIENT_ID}/transfers"), None, &world.transfer(number)).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["Id"].as_str().unwrap().to_owned()
}

/// Everything that lists and wallets show.
fn shown(world: &World, server: &Server) -> Vec<Value> {
    let mut client = Client::connect(server.address).unwrap();
    // But what a server tells of a listener that is not there, whenever it has tried.
    let is_told_by_it = |event: &Value| event["EventType"].as_str().unwrap().starts_with("HOOK_");
    let events = get(&mut client, "events?per_page=100&sort=Date:ASC");
    let events = events.as_array().unwrap().iter().filter(|event| !is_told_by_it(event)).cloned().collect();
    let mut all = vec![Value::Array(events), get(&mut client, "hooks?per_page=100")];
    for (user, wallet) in world.users.iter().zip(&world.wallets) {
        all.push(get(&mut client, &format!("wallets/{wallet}")));
        all.push(get(&mut client, &format!("users/{user}")));
        all.push(get(&mut client, &format!("wallets/{wallet}/transactions?per_page=100")));
    }
    all
}

/// A world in which webhooks wait for a listener that is not there.
fn world(database: Option<String>) -> World {
    let world = World::new(4, 1_000_000, database);
    let server = world.serve();
    let mut client = Client::connect(server.address).unwrap();
    let hook = json!({"EventType": "TRANSFER_NORMAL_SUCCEEDED", "Url": "http://127.0.0.1:9/hook"});
    post(&mut client, "hooks", &hook);
    end(server);
    world
}

fn file(world: &World, name: &str) -> PathBuf {
    world.folder.path().join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_snapshot_under_load_is_one_state_that_holds_and_goes_on() {
    for database in databases() {
        let world = world(database);
        let (server, snapshot) = (world.serve(), file(&world, "under-load"));
        let (acknowledged, is_over, next) = (Mutex::new(BTreeSet::new()), AtomicBool::new(false), AtomicU64::new(0));
        let known = std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    let mut client = Client::connect(server.address).unwrap();
                    while !is_over.load(Ordering::Relaxed) {
                        let id = transfer(&world, &mut client, next.fetch_add(1, Ordering::Relaxed));
                        acknowledged.lock().unwrap().insert(id);
                    }
                });
            }
            let begun = Instant::now();
            let known = loop {
                let known = acknowledged.lock().unwrap().clone();
                if known.len() >= BEFORE {
                    break known;
                }
                assert!(begun.elapsed() < FAR, "nothing is acknowledged");
                std::thread::yield_now();
            };
            let taken = ask(&world, &["sandbox", "snapshot", text(&snapshot)]);
            is_over.store(true, Ordering::Relaxed);
            assert_eq!(taken["platforms"], 1);
            assert!(taken["rows"]["payment"].as_u64().unwrap() >= known.len() as u64, "{taken}");
            known
        });
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&snapshot).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "it is its owner's only");

        let other = elsewhere(&world);
        let restored = ask(&other, &["sandbox", "restore", text(&snapshot)]);
        assert!(restored["stopped_deliveries"].as_u64().unwrap() > 0, "{restored}");
        assert_eq!(ask(&other, &["ledger", "verify"])["holds"], true);
        let server = other.serve();
        let mut client = Client::connect(server.address).unwrap();
        for id in &known {
            assert_eq!(get(&mut client, &format!("transfers/{id}"))["Status"], "SUCCEEDED", "{id}");
        }
        // It goes on: money, events, webhooks, seals; no number is given twice.
        let events = |client: &mut Client, id: &str| {
            let all = get(client, "events?per_page=100&sort=Date:DESC");
            all.as_array().unwrap().iter().any(|event| event["ResourceId"] == id)
        };
        for number in 0..20 {
            let id = transfer(&other, &mut client, number);
            assert!(events(&mut client, &id), "{id}");
        }
        let sums: i64 =
            world.wallets.iter().map(|id| get(&mut client, &format!("wallets/{id}"))["Balance"]["Amount"].as_i64().unwrap()).sum();
        assert!(sums > 0);
        drop(client);
        end(server);
        let verified = ask(&other, &["ledger", "verify"]);
        assert_eq!((&verified["holds"], &verified["entries_not_sealed_yet"]), (&json!(true), &json!(0)), "{verified}");
    }
}

#[test]
fn what_is_shown_after_a_restore_is_what_was_shown_before_it() {
    for database in databases() {
        let world = world(database);
        let snapshot = file(&world, "at-rest");
        let server = world.serve();
        let mut client = Client::connect(server.address).unwrap();
        (0..30).for_each(|number| drop(transfer(&world, &mut client, number)));
        let before = shown(&world, &server);
        done(&world.data(), world.database.as_deref(), &["sandbox", "snapshot", text(&snapshot)]);
        transfer(&world, &mut client, 31);
        assert!(shown(&world, &server) != before);
        drop(client);
        let (code, message) = refusal(&world, &["sandbox", "restore", text(&snapshot), "--replace"]);
        assert_eq!(code, "in_use", "{message}");
        end(server);

        let (code, message) = refusal(&world, &["sandbox", "restore", text(&snapshot)]);
        assert!(code == "exists" && message.contains("--replace"), "{message}");
        // Before each test, over what the last one left.
        for _ in 0..2 {
            done(&world.data(), world.database.as_deref(), &["sandbox", "restore", text(&snapshot), "--replace"]);
            let server = world.serve();
            let after = shown(&world, &server);
            for (before, after) in before.iter().zip(&after) {
                assert_eq!(after, before);
            }
            let mut client = Client::connect(server.address).unwrap();
            transfer(&world, &mut client, 1);
            drop(client);
            end(server);
        }
        assert_eq!(ask(&world, &["ledger", "verify"])["holds"], true);
        assert!(!world.folder.path().join("data.restoring").exists(), "nothing is left beside it");
    }
}

#[test]
fn a_file_that_is_not_what_was_written_is_refused_and_nothing_is_made() {
    for database in databases() {
        let world = world(database);
        let snapshot = file(&world, "whole");
        done(&world.data(), world.database.as_deref(), &["sandbox", "snapshot", text(&snapshot)]);
        let (code, message) = refusal(&world, &["sandbox", "snapshot", text(&snapshot)]);
        assert!(code == "exists" && message.contains("--replace"), "{message}");
        let whole = std::fs::read(&snapshot).unwrap();
        let other = elsewhere(&world);
        let broken = file(&world, "broken");
        let middle = whole.len() / 2;
        let mut changed = whole.clone();
        changed[middle] ^= 1;
        let newer = [b"florin snapshot 9\n", &whole[18..]].concat();
        let cases = [
            (whole[..whole.len() - 1].to_vec(), "cut off"),
            (whole[..middle].to_vec(), "cut off"),
            (changed, "was changed since it was taken"),
            (newer, "use the newer release"),
            (b"{}".to_vec(), "no snapshot"),
        ];
        for (bytes, why) in cases {
            std::fs::write(&broken, bytes).unwrap();
            let (code, message) = refusal(&other, &["sandbox", "restore", text(&broken)]);
            assert!(code == "invalid" && message.contains(why), "{code}: {message}");
            assert!(!other.data().exists(), "nothing is made");
        }
        assert_eq!(refusal(&other, &["sandbox", "restore", "/nowhere"]).0, "not_found");

        let key = file(&other, "data.key");
        let right = std::fs::read(&key).unwrap();
        std::fs::write(&key, "00".repeat(32)).unwrap();
        let (code, message) = refusal(&other, &["sandbox", "restore", text(&snapshot)]);
        assert!(code == "master_key" && message.contains("another master key"), "{message}");
        std::fs::remove_file(&key).unwrap();
        let (code, message) = refusal(&other, &["sandbox", "restore", text(&snapshot)]);
        assert!(code == "master_key" && message.contains("put a copy of that key"), "{message}");
        std::fs::copy(file(&world, "data.key"), &key).unwrap();
        assert_eq!(std::fs::read(&key).unwrap(), right);
        assert!(!other.data().exists(), "nothing is made");

        // A folder that is somebody's is never replaced.
        std::fs::create_dir(other.data()).unwrap();
        std::fs::write(other.data().join("thesis.txt"), "years").unwrap();
        let (code, message) = refusal(&other, &["sandbox", "restore", text(&snapshot), "--replace"]);
        assert!(code == "invalid" && message.contains("thesis.txt"), "{message}");
        std::fs::remove_file(other.data().join("thesis.txt")).unwrap();
        done(&other.data(), other.database.as_deref(), &["sandbox", "restore", text(&snapshot)]);
        assert_eq!(ask(&other, &["ledger", "verify"])["holds"], true);
    }
}

#[test]
fn what_is_of_one_store_is_not_put_into_the_other() {
    let world = world(None);
    let snapshot = file(&world, "of-sqlite");
    done(&world.data(), None, &["sandbox", "snapshot", text(&snapshot)]);
    let mut other = elsewhere(&world);
    assert_eq!(refusal(&other, &["sandbox", "snapshot", text(&file(&other, "none"))]).0, "no_data");
    other.database = Some(testkit::postgres::server().database());
    assert_eq!(refusal(&other, &["sandbox", "snapshot", text(&file(&other, "none"))]).0, "no_data");
    let (code, message) = refusal(&other, &["sandbox", "restore", text(&snapshot)]);
    assert!(code == "invalid" && message.contains("SQLite") && message.contains("PostgreSQL"), "{message}");
}

#[test]
fn a_restore_that_is_killed_leaves_what_was_there() {
    for database in databases() {
        let world = world(database);
        let snapshot = file(&world, "first");
        done(&world.data(), world.database.as_deref(), &["sandbox", "snapshot", text(&snapshot)]);
        let server = world.serve();
        let mut client = Client::connect(server.address).unwrap();
        (0..5).for_each(|number| drop(transfer(&world, &mut client, number)));
        drop(client);
        end(server);
        let entries = ask(&world, &["ledger", "verify"])["entries"].as_u64().unwrap();

        let (fresh, staged) = (elsewhere(&world), "data.restoring");
        for (place, more) in [(&fresh, None), (&world, Some("--replace"))] {
            let mut restore = florin(&place.data(), place.database.as_deref());
            restore.args(["sandbox", "restore", text(&snapshot)]).args(more).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = restore.spawn().unwrap();
            let begun = Instant::now();
            while !file(place, staged).exists() && child.try_wait().unwrap().is_none() {
                assert!(begun.elapsed() < FAR);
                std::thread::yield_now();
            }
            child.kill().unwrap();
            let was_killed = !child.wait().unwrap().success();
            let looked = run(&place.data(), place.database.as_deref(), &["--json", "ledger", "verify"]);
            match (was_killed, more) {
                (true, None) => assert_eq!(looked.status.code(), Some(2), "nothing is there"),
                (true, Some(_)) => {
                    let told: Value = serde_json::from_slice(&looked.stdout).unwrap();
                    assert_eq!((&told["holds"], &told["entries"]), (&json!(true), &json!(entries)), "what was there is as it was");
                }
                // It was too fast to be killed.
                (false, _) => assert_eq!(looked.status.code(), Some(0)),
            }
            done(&place.data(), place.database.as_deref(), &["sandbox", "restore", text(&snapshot), "--replace"]);
            let verified = ask(place, &["ledger", "verify"]);
            assert_eq!(verified["holds"], true);
            assert!(verified["entries"].as_u64().unwrap() < entries, "{verified}");
            assert!(!file(place, staged).exists(), "what was left of it is gone");
            end(place.serve());
        }
    }
}
