//! The first start: what it makes, what it shows, and what becomes of one that fails.

use std::path::{Path, PathBuf};

use crate::program::{Program, done, refused};
use crate::support::florin;

struct Place {
    folder: tempfile::TempDir,
    database: Option<String>,
}

/// Fresh places for either store.
fn places() -> Vec<Place> {
    let on = |database| Place { folder: tempfile::tempdir().unwrap(), database };
    vec![on(None), on(Some(testkit::postgres::server().database()))]
}

impl Place {
    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("data.key")
    }

    fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    fn serve(&self) -> Program {
        Program::serve(&self.data(), self.database(), &[])
    }
}

const INTRODUCTION: &str = "first-platform.json";

/// The API key that is shown.
fn shown(lines: &[String]) -> Option<String> {
    lines.iter().find_map(|line| Some(line.strip_prefix("  API key  ")?.to_owned()))
}

#[test]
fn a_start_that_failed_is_made_up_for() {
    for place in places() {
        // Where the simulated outside has its files there is a file: the start fails after the store was made.
        std::fs::create_dir_all(place.data()).unwrap();
        std::fs::write(place.data().join("outside"), "").unwrap();
        refused(&place.data(), place.database(), &["serve", "--listen", "127.0.0.1:0"]);
        std::fs::remove_file(place.data().join("outside")).unwrap();
        let server = place.serve();
        let key = shown(&server.listens().0).expect("the first platform is shown");
        server.terminate();
        assert!(!place.data().join(INTRODUCTION).exists());

        // Nor is it lost by a kill between its making and its showing.
        let left_over = format!(r#"{{"client_id":"sandbox","api_key":"{key}"}}"#);
        std::fs::write(place.data().join(INTRODUCTION), left_over).unwrap();
        let server = place.serve();
        assert_eq!(shown(&server.listens().0), Some(key));
        server.terminate();
        let server = place.serve();
        assert_eq!(shown(&server.listens().0), None, "once only");
        server.terminate();

        // A platform that another server of the database made and showed is not ours to show.
        std::fs::write(place.data().join(INTRODUCTION), r#"{"client_id":"sandbox","api_key":"another-key-of-16-and-more"}"#).unwrap();
        let server = place.serve();
        assert_eq!(shown(&server.listens().0), None);
        assert!(!place.data().join(INTRODUCTION).exists());
    }
}

/// Data that another command has made, without a platform, leaves the first start to the first server.
#[test]
fn what_fails_before_it_takes_nothing_from_the_first_start() {
    for place in places() {
        std::fs::write(place.folder.path().join("bad.jsonl"), "{}\n").unwrap();
        let bad = place.folder.path().join("bad.jsonl").display().to_string();
        for args in [&["fixtures", "load", &bad][..], &["user", "hold", "user_m_a", "--client-id", "nobody"]] {
            refused(&place.data(), place.database(), args);
        }
        done(&place.data(), place.database(), &["ledger", "verify"]);
        let server = place.serve();
        assert!(shown(&server.listens().0).is_some(), "the first platform is shown");
        server.terminate();
    }
}

#[test]
fn whoever_made_a_platform_gets_no_other() {
    for place in places() {
        done(&place.data(), place.database(), &["platform", "create", "--client-id", "mine"]);
        let server = place.serve();
        assert_eq!(shown(&server.listens().0), None);
        done(&place.data(), place.database(), &["platform", "create", "--client-id", "sandbox"]);
        server.terminate();
    }
}

#[test]
fn a_first_start_speaks_json_too() {
    let place = &places()[0];
    let server = Program::serve(&place.data(), None, &["--json"]);
    let lines: Vec<serde_json::Value> = server.says("address").iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["client_id"], "sandbox");
    assert!(lines[0]["api_key"].as_str().unwrap().len() >= 16);
    assert!(lines[1]["address"].as_str().unwrap().starts_with("127.0.0.1:"));
}

#[test]
fn whoever_only_looks_makes_nothing() {
    for place in places() {
        for args in [["ledger", "verify"], ["ledger", "export"]] {
            let said = refused(&place.data(), place.database(), &args);
            assert!(said.contains("there is no data in"), "{said}");
        }
        let left: Vec<_> = std::fs::read_dir(place.folder.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn a_key_is_made_with_the_data_and_never_after() {
    for place in places() {
        done(&place.data(), place.database(), &["platform", "create", "--client-id", "one"]);
        let key = std::fs::read(place.key()).unwrap();
        std::fs::remove_file(place.key()).unwrap();
        for args in [&["platform", "create", "--client-id", "two"][..], &["serve", "--listen", "127.0.0.1:0"], &["ledger", "verify"]] {
            let said = refused(&place.data(), place.database(), args);
            assert!(said.contains("there is data, but its master key"), "{args:?}: {said}");
            assert!(!place.key().exists(), "{args:?}");
        }
        write_secret(&place.key(), &key);
        done(&place.data(), place.database(), &["ledger", "verify"]);
    }
}

fn write_secret(path: &Path, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, bytes).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_folder_has_one_server() {
    for place in places() {
        let server = place.serve();
        server.listens();
        let said = refused(&place.data(), place.database(), &["serve", "--listen", "127.0.0.1:0"]);
        assert!(said.contains("another process is using"), "{said}");
        // The first one still has its socket.
        done(&place.data(), place.database(), &["platform", "create", "--client-id", "through-the-socket"]);
        server.terminate();
        let said = refused(&place.data(), place.database(), &["platform", "create", "--client-id", "through-the-socket"]);
        assert!(said.contains("there is a platform"), "{said}");
    }
}

#[test]
fn the_first_platform_is_called_as_was_said_beforehand() {
    let place = Place { folder: tempfile::tempdir().unwrap(), database: None };
    let serve = |client_id: &str, api_key: &str| {
        let mut command = florin(&place.data(), None);
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        command.env("FLORIN_FIRST_CLIENT_ID", client_id).env("FLORIN_FIRST_API_KEY", api_key);
        command
    };
    let short = serve("ci", "too-short").output().unwrap();
    assert!(short.status.code() == Some(2) && String::from_utf8_lossy(&short.stderr).contains("16 to 128"), "{short:?}");

    let server = Program::start(serve("ci", "a-key-known-to-the-tests"));
    assert_eq!(shown(&server.listens().0).as_deref(), Some("a-key-known-to-the-tests"));
    server.terminate();
    // There is a platform now, and what the first one is to be called is of no effect.
    let server = Program::start(serve("other", "another-key-of-the-tests"));
    assert_eq!(shown(&server.listens().0), None);
    server.terminate();
}
