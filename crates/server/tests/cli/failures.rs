//! What fails says what it is about, once, and to scripts in one JSON object; the exit status is the same.

use std::net::TcpListener;
use std::process::{Command, Output};

use serde_json::Value;

use crate::program::{Program, done};
use crate::support::{World, florin};

/// A command that fails, and what it has to say.
struct Case {
    variable: Option<(&'static str, String)>,
    args: Vec<String>,
    code: &'static str,
    /// What the message names.
    names: Vec<String>,
}

fn case(args: &[&str], code: &'static str, names: &[&str]) -> Case {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Case { variable: None, args: owned(args), code, names: owned(names) }
}

impl Case {
    fn with(self, variable: &'static str, value: &str) -> Self {
        Self { variable: Some((variable, value.to_owned())), ..self }
    }
}

fn ask(world: &World, case: &Case, json: bool) -> Output {
    // A case may name a folder of its own, by flag; the variable stands for the flag otherwise.
    let mut command = Command::new(env!("CARGO_BIN_EXE_florin"));
    // A port of its own: somebody may have the usual one.
    command.env("FLORIN_DATA", world.data()).env("FLORIN_LISTEN", "127.0.0.1:0");
    if let Some((name, value)) = &case.variable {
        command.env(name, value);
    }
    if json {
        command.arg("--json");
    }
    command.args(&case.args).output().unwrap()
}

/// The failure in its JSON form, after both forms were held against the case.
fn check(world: &World, case: &Case) -> Value {
    let text = ask(world, case, false);
    let said = String::from_utf8(text.stderr).unwrap();
    assert_eq!((text.status.code(), text.stdout.is_empty()), (Some(2), true), "{:?}: {said}", case.args);
    for name in &case.names {
        assert!(said.contains(name), "{:?} does not name {name}: {said}", case.args);
    }
    let json = ask(world, case, true);
    let object = String::from_utf8(json.stderr).unwrap();
    assert_eq!((json.status.code(), json.stdout.is_empty(), object.lines().count()), (Some(2), true, 1), "{:?}: {object}", case.args);
    let told: Value = serde_json::from_str(&object).unwrap_or_else(|error| panic!("{error}: {object}"));
    let error = &told["error"];
    assert_eq!(error["code"], case.code, "{:?}: {object}", case.args);
    let message = error["message"].as_str().unwrap();
    for name in &case.names {
        assert!(message.contains(name), "{:?} does not name {name}: {object}", case.args);
    }
    // Nothing is said twice: no cause is a part of what stands before it.
    let mut before = message;
    for cause in error["causes"].as_array().unwrap() {
        let cause = cause.as_str().unwrap();
        assert!(!before.contains(cause), "{:?} says {cause} twice: {object}", case.args);
        before = cause;
    }
    error.clone()
}

#[test]
fn each_failure_names_what_it_is_about() {
    let world = World::new(0, 0, None);
    let beside = |name: &str| world.folder.path().join(name).display().to_string();
    let (wrong, no_key, no_folder, file) = (beside("wrong.key"), beside("no.key"), beside("file/data"), beside("file"));
    std::fs::write(&wrong, "0".repeat(64)).unwrap();
    std::fs::write(&no_key, "x").unwrap();
    std::fs::write(&file, "").unwrap();
    for path in [&wrong, &no_key] {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    let (absent, empty) = (beside("absent.key"), beside("empty"));
    let verify = ["ledger", "verify"];
    let mysql = ["--database", "mysql://root:hidden@localhost/florin", "ledger", "verify"];
    let cases = [
        case(&["--data", "/proc/x", "serve"], "storage", &["/proc/x"]),
        case(&["--data", &no_folder, "serve"], "storage", &[&no_folder]),
        case(&["--data", &empty, "ledger", "verify"], "no_data", &[&empty, "--data", "FLORIN_DATA"]),
        case(&mysql, "usage", &["--database", "FLORIN_DATABASE", "postgres://", "mysql://"]),
        case(&["--database", "florin", "serve"], "usage", &["--database", "postgres://"]),
        case(&["--database", "postgres://a@127.0.0.1:1/c", "ledger", "verify"], "storage", &["--database", "refused"]),
        case(&verify, "master_key", &["FLORIN_MASTER_KEY", "64"]).with("FLORIN_MASTER_KEY", "zz"),
        case(&verify, "master_key", &["FLORIN_MASTER_KEY", "64"]).with("FLORIN_MASTER_KEY", ""),
        case(&verify, "master_key", &["FLORIN_MASTER_KEY", "florin.sqlite"]).with("FLORIN_MASTER_KEY", &"0".repeat(64)),
        case(&["--master-key", &wrong, "ledger", "verify"], "master_key", &[&wrong, "florin.sqlite"]),
        case(&["--master-key", &no_key, "ledger", "verify"], "master_key", &[&no_key, "64"]),
        case(&["--master-key", &absent, "serve"], "master_key", &[&absent]),
        case(&["serve"], "usage", &["FLORIN_LOG", "a=b=c"]).with("FLORIN_LOG", "a=b=c"),
        case(&["serve", "--ready-file", "/proc/x/y", "--listen", "127.0.0.1:0"], "storage", &["/proc/x/y"]),
        case(&["platform", "create", "--client-id", "kill-tests"], "exists", &["kill-tests"]),
        case(&["platform", "create", "--client-id", "a b"], "invalid", &["client id"]),
        case(&["user", "hold", "foo", "--client-id", "kill-tests"], "invalid", &["foo"]),
        case(&["user", "hold", "user_m_a", "--client-id", "nobody"], "not_found", &["nobody"]),
        case(&["ledger", "balance", "foo"], "invalid", &["foo", "FEES_EUR"]),
        case(&["ledger", "balance", "wlt_m_a"], "not_found", &["wlt_m_a"]),
        case(&["ledger", "explain", "wlt_m_a"], "not_found", &["wlt_m_a"]),
        case(&["ledger", "verify", "--anchor", &absent], "not_found", &[&absent]),
        case(&["ledger", "verify", "--anchor", &file], "invalid", &[&file]),
    ];
    for case in &cases {
        let error = check(&world, case);
        assert!(!error.to_string().contains("hidden"), "a URL's password is told: {error}");
    }
    assert!(!std::path::Path::new(&empty).exists(), "what only looks makes nothing");
}

/// The same with and without a running server, and with the line as a number.
#[test]
fn a_line_of_fixtures_tells_its_number_and_what_kind_of_failure_it_is() {
    let world = World::new(0, 0, None);
    let file = world.folder.path().join("fixtures.jsonl");
    let name = file.display().to_string();
    let load = ["fixtures", "load", &name];
    check(&world, &case(&load, "not_found", &[&name]));
    let folder = world.folder.path().display().to_string();
    check(&world, &case(&["fixtures", "load", &folder], "storage", &[&folder]));
    let advance = |client: &str, body: &str| {
        format!(r#"{{"method": "POST", "path": "/sandbox/v1/clock/advance", "client_id": "{client}", "body": {body}}}"#)
    };
    let user =
        r#""FirstName": "A", "LastName": "B", "Email": "a@example.com", "UserCategory": "PAYER", "TermsAndConditionsAccepted": true"#;
    let made = |id: &str| format!(r#"{{"as": "{id}", "method": "POST", "path": "/v2.01/kill-tests/users/natural", "body": {{{user}}}}}"#);
    let cases = [
        ("{".to_owned(), "invalid"),
        (r#"{"method": "GET", "path": "/sandbox/v1/wires"}"#.to_owned(), "invalid"),
        (advance("nobody", "{}"), "not_found"),
        (advance("kill-tests", r#"{"days": -1}"#), "invalid"),
        (r#"{"method": "GET", "path": "/v2.01/kill-tests/users/user_m_nobody"}"#.to_owned(), "not_found"),
        (format!("{}\n{}", made("user_m_one"), made("user_m_one").replace(r#""A""#, r#""C""#)), "exists"),
        (made("wlt_m_one"), "invalid"),
    ];
    let tried = || {
        for (lines, code) in &cases {
            std::fs::write(&file, format!("\n{lines}\n")).unwrap();
            let number = 1 + lines.lines().count();
            let error = check(&world, &case(&load, code, &[&format!("line {number}: ")]));
            assert_eq!(error["line"], number, "{lines}");
        }
    };
    tried();
    let server = Program::serve(&world.data(), None, &[]);
    server.listens();
    tried();
}

#[test]
fn a_command_line_that_cannot_be_understood_is_told_in_the_same_form() {
    let world = World::new(0, 0, None);
    for (args, names) in [
        (&["nonsense"][..], &["nonsense"][..]),
        (&["ledger"], &[]),
        (&["ledger", "balance"], &["<ID>"]),
        (&["ledger", "balance", "FEES_EUR", "--at", "noon"], &["--at", "noon"]),
        (&["serve", "--listen", "foo"], &["--listen", "foo"]),
        (&["serve", "--rate-limit", "15m=0"], &["--rate-limit", "\"0\""]),
        (&["serve", "--rate-limit", "1h=5"], &["--rate-limit", "24h"]),
        (&["serve", "--public-url", "foo"], &["--public-url", "foo", "https://"]),
        (&["serve", "--public-url", "https://a.example/?b=c"], &["--public-url", "query"]),
        (&["serve", "--public-url", "https://a.example/#b"], &["--public-url", "fragment"]),
        (&["serve", "--public-url", "ftp://a.example"], &["--public-url", "https://"]),
    ] {
        check(&world, &case(args, "usage", names));
    }
    let named = case(&["serve"], "usage", &["--public-url", "pay.example.com"]);
    check(&world, &named.with("FLORIN_PUBLIC_URL", "pay.example.com"));
}

#[test]
fn bytes_that_are_no_text_are_no_missing_key() {
    use std::os::unix::ffi::OsStrExt;
    let world = World::new(0, 0, None);
    let mut command = florin(&world.data(), None);
    command.env("FLORIN_MASTER_KEY", std::ffi::OsStr::from_bytes(b"\xff")).args(["ledger", "verify"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "the key's file may not take its place");
    assert!(String::from_utf8_lossy(&output.stderr).contains("FLORIN_MASTER_KEY"));
}

#[test]
fn an_address_that_is_taken_is_named() {
    let world = World::new(0, 0, None);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    check(&world, &case(&["serve", "--listen", &address], "address", &[&address, "--listen", "in use"]));
}

/// A command that reaches the data through a running server fails with the code that it has without one.
#[test]
fn a_running_server_tells_the_same() {
    let world = World::new(0, 0, None);
    let server = Program::serve(&world.data(), None, &[]);
    server.listens();
    for case in [
        case(&["serve", "--listen", "127.0.0.1:0"], "in_use", &["florin.lock"]),
        case(&["platform", "create", "--client-id", "kill-tests"], "exists", &["kill-tests"]),
        case(&["user", "hold", "user_m_a", "--client-id", "kill-tests"], "not_found", &["user_m_a"]),
        case(&["user", "hold", "foo", "--client-id", "kill-tests"], "invalid", &["foo"]),
    ] {
        check(&world, &case);
    }
}

/// Whoever has not the master key is refused, also where a server that has it would do what is asked.
#[test]
fn a_running_server_does_nothing_for_another_key() {
    for world in [World::new(0, 0, None), World::new(0, 0, Some(testkit::postgres::server().database()))] {
        let database = world.database.as_deref();
        let server = Program::serve(&world.data(), database, &[]);
        server.listens();
        let wrong = world.folder.path().join("wrong.key");
        std::fs::write(&wrong, "0".repeat(64)).unwrap();
        std::fs::set_permissions(&wrong, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let wrong = wrong.display().to_string();
        let args = ["--json", "platform", "create", "--client-id", "new", "--master-key", &wrong];
        let said = crate::program::refused(&world.data(), database, &args);
        assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["error"]["code"], "master_key", "{said}");
        done(&world.data(), database, &["platform", "create", "--client-id", "new"]);
    }
}

#[test]
fn a_version_is_an_object_for_scripts() {
    let world = World::new(0, 0, None);
    for args in [["--json", "--version"], ["--version", "--json"]] {
        let told: Value = serde_json::from_str(&done(&world.data(), None, &args)).unwrap();
        assert_eq!((&told["name"], &told["version"]), (&Value::from("florin"), &Value::from(env!("CARGO_PKG_VERSION"))));
    }
    assert!(done(&world.data(), None, &["--version"]).starts_with("florin "));
}

#[test]
fn a_reader_that_goes_is_no_failure() {
    use std::process::Stdio;
    let world = World::new(1, 100, None);
    for args in [&["ledger", "export"][..], &["--json", "ledger", "export"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = florin(&world.data(), None).args(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn a_server_on_every_address_says_where_its_links_lead() {
    let world = World::new(0, 0, None);
    for (more, is_warned) in
        [(&["--listen", "0.0.0.0:0"][..], true), (&["--listen", "0.0.0.0:0", "--public-url", "http://a.example"], false)]
    {
        let mut command = florin(&world.data(), None);
        command.args(["--json", "serve"]).args(more);
        let server = Program::start(command);
        let told: Value = serde_json::from_str(server.says("address").last().unwrap()).unwrap();
        let port = told["address"].as_str().unwrap().rsplit(':').next().unwrap();
        if is_warned {
            server.logs("--public-url");
            assert_eq!(told["public_url"], format!("http://127.0.0.1:{port}"));
        } else {
            assert_eq!(told["public_url"], "http://a.example");
        }
        server.terminate();
    }
}

#[test]
fn an_anchor_says_what_it_is() {
    let world = World::new(2, 100, None);
    let server = Program::serve(&world.data(), None, &[]);
    server.listens();
    server.terminate();
    let text = done(&world.data(), None, &["ledger", "anchor"]);
    assert!(text.starts_with("# Heads of the sealed chains") && text.contains("--anchor"), "{text}");
    let file = world.folder.path().join("anchor.txt");
    std::fs::write(&file, text).unwrap();
    let told = done(&world.data(), None, &["--json", "ledger", "verify", "--anchor", &file.display().to_string()]);
    assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["anchored_heads"], 1);
}
