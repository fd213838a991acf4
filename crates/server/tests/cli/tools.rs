//! What is for containers and shells: `health` and `completions`.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::program::{Program, done, refused, run};
use crate::support::{World, florin};

const NOWHERE: &str = "/nonexistent";

#[test]
fn a_server_that_answers_is_healthy_and_one_that_has_ended_is_not() {
    let world = World::new(0, 0, None);
    let server = Program::serve(&world.data(), None, &[]);
    let address = server.listens().1;
    // By its address, by a name, and by what it listens on: a container's server listens on every address.
    let url = format!("http://{address}");
    assert_eq!(done(Path::new(NOWHERE), None, &["health", "--url", &url]), format!("{url} is healthy\n"));
    done(Path::new(NOWHERE), None, &["health", "--url", &format!("http://localhost:{}", address.port())]);
    let mut command = florin(Path::new(NOWHERE), None);
    let output = command.args(["health", "--json"]).env("FLORIN_LISTEN", format!("0.0.0.0:{}", address.port())).output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told, json!({"is_healthy": true, "url": url}));

    drop(server);
    let output = run(Path::new(NOWHERE), None, &["health", "--url", &url]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(1) && told.contains("is not healthy: ") && told.contains("cannot be reached"), "{told}");
}

#[test]
fn whoever_else_answers_is_not_taken_for_a_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stranger = std::thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let head = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
        assert_eq!(head.take(1).collect::<Vec<_>>(), ["GET /health HTTP/1.1"]);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<p>Hello!</p>").unwrap();
    });
    let output = run(Path::new(NOWHERE), None, &["health", "--url", &url]);
    stranger.join().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(1) && told.contains("not as Florin does"), "{told}");
}

#[test]
fn a_server_that_hangs_is_not_healthy() {
    // The system takes the connection, and nobody answers on it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let output = run(Path::new(NOWHERE), None, &["health", "--timeout", "1", "--json", "--url", &url]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = json!({"is_healthy": false, "url": url, "reason": "there was no answer within 1s"});
    assert_eq!((output.status.code(), told), (Some(1), expected));
}

#[test]
fn health_is_asked_of_the_server_itself_not_of_a_proxy() {
    let said = refused(Path::new(NOWHERE), None, &["health", "--url", "https://florin.example.com"]);
    assert!(said.contains("plain http"), "{said}");
}

#[test]
fn a_shell_completes_commands_and_flags() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("florin.bash");
    std::fs::write(&script, done(Path::new(NOWHERE), None, &["completions", "bash"])).unwrap();
    let completed = |words: &str| {
        let ask = r#"source "$0"; COMP_WORDS=(florin $1); COMP_CWORD=${#COMP_WORDS[@]}; COMP_CWORD=$((COMP_CWORD - 1));
            _florin florin "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"; echo "${COMPREPLY[@]}""#;
        let output = Command::new("bash").args(["-c", ask]).arg(&script).arg(words).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(completed("ledg"), "ledger");
    assert_eq!(completed("ledger ver"), "verify");
    assert_eq!(completed("serve --no-rate"), "--no-rate-limit");
    assert_eq!(completed("completions f"), "fish");
}

#[test]
fn each_shell_has_its_own_script() {
    for (shell, sign) in [("bash", "complete -F _florin"), ("zsh", "#compdef florin"), ("fish", "complete -c florin")] {
        let script = done(Path::new(NOWHERE), None, &["completions", shell]);
        assert!(script.contains(sign) && script.contains("platform"), "{shell}: {script}");
    }
}
