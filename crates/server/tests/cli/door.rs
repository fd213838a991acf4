//! What the server does with connections and bodies that are too many, too long, or never end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Command;

use crate::program::{FAR, Program, done};
use crate::support::{API_KEY, CLIENT_ID, Client, World, florin};

fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(FAR)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    drop(stream.read_to_string(&mut answer));
    answer
}

#[test]
fn a_head_that_is_too_long_is_refused() {
    let world = World::new(0, 0, None);
    let server = Program::serve(&world.data(), None, &[]);
    let address = server.listens().1;
    let status = |lines: usize, length: usize| {
        let line = format!("X-Line: {}\r\n", "a".repeat(length));
        let answer = ask(address, &format!("GET /health HTTP/1.1\r\nConnection: close\r\n{}Host: a\r\n\r\n", line.repeat(lines)));
        answer.get(9..12).unwrap_or_default().to_owned()
    };
    assert_eq!(status(15, 4_000), "200");
    assert_eq!(status(50, 4_000), "431");
    assert_eq!((status(98, 1), status(99, 1)), ("200".to_owned(), "431".to_owned()));
}

#[test]
fn a_platform_may_call_as_often_as_the_limits_say() {
    let world = World::new(0, 0, None);
    let mut command = florin(&world.data(), None);
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("FLORIN_RATE_LIMIT", "24h=9,15m=2");
    let server = Program::start(command);
    let mut client = Client::connect(server.listens().1).unwrap();
    let path = format!("/v2.01/{CLIENT_ID}/users");
    let statuses = [(); 3].map(|()| client.send("GET", &path, None, "").unwrap().status);
    assert_eq!(statuses, [200, 200, 429]);
}

#[test]
fn each_path_has_its_own_bound() {
    let world = World::new(2, 100, None);
    let server = Program::serve(&world.data(), None, &[]);
    let (_, address) = server.listens();
    let long = format!("{{\"Tag\":\"{}\"}}", "x".repeat(300_000));
    for (method, path, status) in [
        ("POST", format!("/v2.01/{CLIENT_ID}/transfers"), 413),
        ("PUT", format!("/v2.01/{CLIENT_ID}/wallets/{}", world.wallets[0]), 413),
        ("POST", "/sandbox/v1/wires".to_owned(), 413),
        // A logo may be as long; this one is no logo.
        ("PUT", format!("/v2.01/{CLIENT_ID}/clients/logo"), 400),
    ] {
        let answer = Client::connect(address).unwrap().send(method, &path, None, &long).unwrap();
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
}

#[test]
fn a_connection_beyond_the_limit_is_answered_in_the_words_of_its_path() {
    let world = World::new(0, 0, None);
    let server = Program::serve(&world.data(), None, &["--max-connections", "1"]);
    let (_, address) = server.listens();
    let mut seated = Client::connect(address).unwrap();
    assert_eq!(seated.send("GET", &format!("/v2.01/{CLIENT_ID}/users"), None, "").unwrap().status, 200);
    for (path, words) in [
        (format!("/v2.01/{CLIENT_ID}/users"), "\"Type\":\"other\""),
        ("/sandbox/v1/wires".to_owned(), "\"error\":\"unavailable\""),
        ("/pay/card/x".to_owned(), "<!doctype html>"),
    ] {
        let answer = ask(address, &format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 1") && answer.contains(words), "{path}: {answer}");
    }
}

#[test]
fn a_stalled_request_does_not_hold_up_the_end() {
    let world = World::new(0, 0, None);
    let server = Program::serve(&world.data(), None, &[]);
    let (_, address) = server.listens();
    let mut head = TcpStream::connect(address).unwrap();
    head.write_all(b"POST /v2.01/").unwrap();
    let mut body = TcpStream::connect(address).unwrap();
    let basic = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("{CLIENT_ID}:{API_KEY}"));
    let request =
        format!("POST /v2.01/{CLIENT_ID}/transfers HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {basic}\r\nContent-Length: 9\r\n\r\n{{");
    body.write_all(request.as_bytes()).unwrap();
    assert_eq!(Client::connect(address).unwrap().send("GET", "/health", None, "").unwrap().status, 200);
    server.terminate();
    let mut rest = String::new();
    drop(head.read_to_string(&mut rest));
    assert_eq!(rest, "");
}

/// A server with so few files that connections use them up.
fn with_few_files(world: &World) -> (Program, SocketAddr) {
    let program = florin(&world.data(), None);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -n 96; exec \"$0\" \"$@\""]).arg(program.get_program()).args(program.get_args());
    limited.args(["serve", "--listen", "127.0.0.1:0", "--no-rate-limit"]);
    let server = Program::start(limited);
    let (_, address) = server.listens();
    (server, address)
}

#[test]
fn the_control_socket_outlives_a_time_without_files() {
    let world = World::new(0, 0, None);
    let (server, _) = with_few_files(&world);
    let socket = world.data().join("florin.sock");
    let crowd: Vec<UnixStream> = (0..150).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    server.logs("no connection can be accepted");
    drop(crowd);
    let made = done(&world.data(), None, &["platform", "create", "--client-id", "later"]);
    assert!(made.contains("ClientId later"), "{made}");
}

#[test]
fn the_server_outlives_a_time_without_files() {
    let world = World::new(0, 0, None);
    let (server, address) = with_few_files(&world);
    let crowd: Vec<TcpStream> = (0..150).map(|_| TcpStream::connect(address).unwrap()).collect();
    server.logs("no connection can be accepted");
    drop(crowd);
    assert_eq!(Client::connect(address).unwrap().send("GET", "/health", None, "").unwrap().status, 200);
}
