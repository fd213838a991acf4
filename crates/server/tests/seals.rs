//! Commands that keep data honest. The binary's seals: a server that ends in order has sealed what it did; `ledger anchor` and `ledger verify` tell
//! what was changed since, by their text and their exit status. Legal hold, with and without a server.

mod support;

use std::process::Command;

use support::{CLIENT_ID, Client, Server, World, florin};

/// Exit status and text of a command.
fn ran(mut command: Command) -> (i32, String) {
    let output = command.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

fn ledger(world: &World, words: &[&str]) -> (i32, String) {
    let mut command = florin(&world.data(), world.database.as_deref());
    command.arg("ledger").args(words);
    ran(command)
}

fn serve_and_end(world: &World, transfers: u64) {
    let mut server = world.serve();
    let mut client = Client::connect(server.address).unwrap();
    for number in 0..transfers {
        let answer = client.send("POST", &format!("/v2.01/{CLIENT_ID}/transfers"), None, &world.transfer(number)).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    drop(client);
    end(&mut server);
}

fn end(server: &mut Server) {
    let ended = Command::new("kill").arg(server.child.id().to_string()).status().unwrap();
    assert!(ended.success());
    assert!(server.child.wait().unwrap().success(), "it ends in order");
}

fn changes_are_told(world: &World, sql: impl Fn(&str)) {
    serve_and_end(world, 5);
    let (status, text) = ledger(world, &["verify"]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("The ledger holds") && !text.contains("Not sealed yet"), "{text}");
    let (status, anchor) = ledger(world, &["anchor"]);
    assert_eq!(status, 0, "{anchor}");
    let path = world.folder.path().join("anchor");
    std::fs::write(&path, &anchor).unwrap();
    let against_anchor = ["verify", "--anchor", path.to_str().unwrap()];
    assert_eq!(ledger(world, &against_anchor).0, 0);

    serve_and_end(world, 3);
    let (status, text) = ledger(world, &against_anchor);
    assert_eq!(status, 0, "a chain that has grown still leads through the anchor: {text}");

    sql("UPDATE audit SET outcome = 'refused' WHERE action = 'transfer.create'");
    let (status, text) = ledger(world, &["verify"]);
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("audit.outcome changed"), "{text}");
    sql("UPDATE audit SET outcome = 'done' WHERE action = 'transfer.create'");
    assert_eq!(ledger(world, &["verify"]).0, 0, "it is as it was");

    sql("DELETE FROM seal");
    assert_eq!(ledger(world, &["verify"]).0, if world.database.is_some() { 1 } else { 0 });
    let (status, text) = ledger(world, &against_anchor);
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("blocks were taken away"), "{text}");
    assert_eq!(ledger(world, &["verify", "--anchor", "/nowhere"]).0, 2);
}

/// Reads are gathered for a moment before they are noted: a server that is ended in it notes them first.
fn last_reads_are_noted_and_sealed(world: &World, audited: impl Fn() -> i64) {
    for turn in 1..=8_i64 {
        let mut server = world.serve();
        let mut client = Client::connect(server.address).unwrap();
        for wallet in &world.wallets {
            let answer = client.send("GET", &format!("/v2.01/{CLIENT_ID}/wallets/{wallet}"), None, "").unwrap();
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        end(&mut server);
        drop(client);
        let (status, text) = ledger(world, &["verify"]);
        assert!(status == 0 && !text.contains("Not sealed yet"), "turn {turn}: {text}");
        assert_eq!(audited(), turn * world.wallets.len() as i64, "turn {turn}: reads went unnoted");
    }
}

const READS: &str = "SELECT count(*) FROM audit WHERE action LIKE '%/wallets/%'";

#[test]
fn last_reads_are_noted_and_sealed_on_sqlite() {
    let world = World::new(3, 100, None);
    last_reads_are_noted_and_sealed(&world, || {
        let conn = rusqlite::Connection::open(world.data().join(store::sqlite::MAIN_FILE)).unwrap();
        conn.query_row(READS, [], |row| row.get(0)).unwrap()
    });
}

#[test]
fn last_reads_are_noted_and_sealed_on_postgresql() {
    let server = testkit::postgres::server();
    let url = server.database();
    let world = World::new(3, 100, Some(url.clone()));
    last_reads_are_noted_and_sealed(&world, || server.psql(&url, READS).trim().parse().unwrap());
}

#[test]
fn a_legal_hold_is_put_and_ended_with_and_without_a_server() {
    let world = World::new(1, 100, None);
    let user = |words: &[&str]| {
        let mut command = florin(&world.data(), None);
        command.arg("user").args(words);
        ran(command)
    };
    let id = world.users[0].as_str();
    let (status, text) = user(&["hold", id, "--client-id", CLIENT_ID]);
    assert!(status == 0 && text.contains("is under legal hold"), "{text}");
    let server = world.serve();
    let (status, text) = user(&["release", id, "--client-id", CLIENT_ID]);
    assert!(status == 0 && text.contains("no longer"), "{text}");
    let (status, text) = user(&["hold", &world.wallets[0], "--client-id", CLIENT_ID]);
    assert!(status == 2 && text.contains("not the form of a user's id"), "{text}");
    let (status, text) = user(&["hold", "user_m_00000000000000000000000001", "--client-id", CLIENT_ID]);
    assert!(status == 2 && text.contains("no user"), "{text}");
    assert_eq!(user(&["hold", id, "--client-id", "nobody"]).0, 2);
    drop(server);
}

#[test]
fn changes_are_told_on_sqlite() {
    let world = World::new(4, 10_000, None);
    changes_are_told(&world, |text| {
        let conn = rusqlite::Connection::open(world.data().join(store::sqlite::MAIN_FILE)).unwrap();
        assert!(conn.execute(text, []).unwrap() > 0, "{text}");
    });
}

#[test]
fn changes_are_told_on_postgresql() {
    let server = testkit::postgres::server();
    let url = server.database();
    let world = World::new(4, 10_000, Some(url.clone()));
    changes_are_told(&world, |text| drop(server.psql(&url, text)));
}
