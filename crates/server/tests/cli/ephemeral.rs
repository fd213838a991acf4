//! Servers that leave nothing behind.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::Client;

/// A server whose temporary folders are in `temporary`, and what its ready file says.
fn start(temporary: &Path, ready: &Path) -> (Child, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_florin"));
    command.env("TMPDIR", temporary).env_remove("FLORIN_DATA").env_remove("FLORIN_DATABASE").env_remove("FLORIN_MASTER_KEY_FILE");
    command.args(["serve", "--ephemeral", "--listen", "127.0.0.1:0", "--ready-file"]).arg(ready).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Ok(text) = std::fs::read_to_string(ready) {
            return (child, serde_json::from_str(&text).unwrap());
        }
        assert!(child.try_wait().unwrap().is_none(), "the server ended before it was ready");
        assert!(Instant::now() < deadline, "the server does not get ready");
        std::thread::yield_now();
    }
}

fn client(told: &Value) -> Client {
    let mut client = Client::connect(told["address"].as_str().unwrap().parse().unwrap()).unwrap();
    client.login(told["client_id"].as_str().unwrap(), told["api_key"].as_str().unwrap());
    client
}

fn end(child: &mut Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap();
}

fn folders(temporary: &Path) -> usize {
    std::fs::read_dir(temporary).unwrap().count()
}

#[test]
fn an_ephemeral_server_works_and_leaves_nothing_and_the_next_one_tidies_up_after_a_kill() {
    let (temporary, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ready = |name: &str| other.path().join(name);
    for signal in ["-TERM", "-INT"] {
        let (mut child, told) = start(temporary.path(), &ready(signal));
        assert_eq!(told["pid"], child.id());
        assert!(Path::new(told["data"].as_str().unwrap()).starts_with(temporary.path()), "{told}");
        let made = client(&told).send("POST", "/sandbox/v1/platforms", None, &json!({"data_set": "rental"}).to_string()).unwrap();
        assert_eq!(made.status, 200, "{}", made.body);
        end(&mut child, signal);
        assert_eq!(folders(temporary.path()), 0, "after {signal}");
    }

    let (mut alive, of_alive) = start(temporary.path(), &ready("alive"));
    let (mut killed, _) = start(temporary.path(), &ready("killed"));
    end(&mut killed, "-KILL");
    assert_eq!(folders(temporary.path()), 2);
    let (mut next, _) = start(temporary.path(), &ready("next"));
    assert_eq!(folders(temporary.path()), 2, "the living one's and the next one's");
    assert_eq!(client(&of_alive).send("GET", "/sandbox/v1/platforms", None, "").unwrap().status, 200);
    end(&mut next, "-TERM");
    end(&mut alive, "-TERM");
    assert_eq!(folders(temporary.path()), 0);
}

#[test]
fn an_ephemeral_server_takes_no_place_of_its_own() {
    for other in [["--data", "x"], ["--database", "postgres://x/y"], ["--master-key", "x"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_florin")).args(other).args(["serve", "--ephemeral"]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && told.contains("--ephemeral") && told.contains(other[0]), "{told}");
    }
}
