//! `trigger` has each event happen, and `listen` shows and passes on each one, whoever is away meanwhile.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};

use crate::program::{FAR, Program};
use crate::support::florin;

const KEY: &str = "a-key-of-the-tests-of-events";

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn serve(&self, listen: &str) -> (Program, SocketAddr) {
        let mut command = florin(&self.folder.path().join("data"), None);
        command.args(["serve", "--no-rate-limit", "--listen", listen]).env("FLORIN_FIRST_API_KEY", KEY);
        let server = Program::start(command);
        let address = server.listens().1;
        (server, address)
    }
}

/// A command that speaks to a server.
fn told(address: SocketAddr, args: &[&str]) -> Command {
    let mut command = florin(Path::new("/nonexistent"), None);
    command.args(args).env("FLORIN_URL", format!("http://{address}")).env("FLORIN_API_KEY", KEY);
    command
}

fn triggered(address: SocketAddr, event: &str) -> Value {
    let output = told(address, &["trigger", "--json", event]).output().unwrap();
    assert!(output.status.success(), "{event}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Takes webhooks: each one's path and query. The first is answered 500.
fn receiver() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hooks", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
            let first = lines.next().unwrap_or_default();
            lines.for_each(drop);
            let status = if number == 0 { "500 No" } else { "200 OK" };
            drop((&stream).write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes()));
            let asked = first.trim_start_matches("GET ").trim_end_matches(" HTTP/1.1").to_owned();
            if sender.send(asked).is_err() {
                return;
            }
        }
    });
    (url, receiver)
}

#[test]
fn each_event_that_there_is_can_be_had() {
    let place = Place::new();
    let (_server, address) = place.serve("127.0.0.1:0");
    let names = told(address, &["trigger", "--json"]).output().unwrap();
    let names: Value = serde_json::from_slice(&names.stdout).unwrap();
    let names = names["events"].as_array().unwrap();
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        let happened = triggered(address, name.as_str().unwrap());
        assert_eq!(&happened["event"], name);
        let made = happened["made"].as_object().unwrap();
        assert!(made.values().any(|id| *id == happened["subject"]), "{happened}");
    }
}

#[test]
fn what_cannot_be_had_is_refused_before_anything_is_made() {
    // Nobody listens there.
    let nowhere = "127.0.0.1:1".parse().unwrap();
    for (event, code) in [("DISPUTE_CREATED", "invalid"), ("PAYOUT_REFUND_FAILED", "invalid"), ("LUNCH_SERVED", "not_found")] {
        let output = told(nowhere, &["trigger", "--json", event]).output().unwrap();
        let said: Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!((output.status.code(), &said["error"]["code"]), (Some(2), &json!(code)));
        assert!(said["error"]["message"].as_str().unwrap().contains(event), "{said}");
    }
}

#[test]
fn whoever_listens_loses_nothing_while_the_server_is_away() {
    let place = Place::new();
    let (server, address) = place.serve("127.0.0.1:0");
    triggered(address, "USER_KYC_REGULAR");
    let (url, passed_on) = receiver();
    let listens = Program::start(told(address, &["listen", "--json", "--from-start", "--count", "3", "--forward", &url]));
    let asked = |event: &str, subject: &Value| {
        let asked = passed_on.recv_timeout(FAR).unwrap();
        let expected = format!("/hooks?EventType={event}&RessourceId={}&Date=", subject.as_str().unwrap());
        assert!(asked.starts_with(&expected), "{asked} is not {expected}");
    };
    let first: Value = serde_json::from_str(listens.says("USER_KYC_REGULAR").last().unwrap()).unwrap();
    assert_eq!((&first["forwarded"]["status"], &first["forwarded"]["tries"]), (&json!(200), &json!(2)), "the first try is refused");
    asked("USER_KYC_REGULAR", &first["subject"]);
    asked("USER_KYC_REGULAR", &first["subject"]);

    server.terminate();
    listens.logs("once the server is back");
    let (_server, again) = place.serve(&address.to_string());
    let happened = triggered(again, "USER_INFLOWS_UNBLOCKED");
    asked("USER_INFLOWS_BLOCKED", &happened["subject"]);
    asked("USER_INFLOWS_UNBLOCKED", &happened["subject"]);
    let lines = listens.says("USER_INFLOWS_UNBLOCKED");
    assert_eq!(lines.len(), 2, "each once: {lines:?}");
}

#[test]
fn credentials_that_are_wrong_end_the_listening() {
    let place = Place::new();
    let (_server, address) = place.serve("127.0.0.1:0");
    let output = told(address, &["listen"]).env("FLORIN_API_KEY", "not-the-key-of-this-platform").output().unwrap();
    assert!(output.status.code() == Some(2) && String::from_utf8_lossy(&output.stderr).contains("401"), "{output:?}");
}
