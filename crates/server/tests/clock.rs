//! A clock that is turned step by step, and a server that dies on the way: the next one goes on with it, and everything that is due
//! happens once and in order, on both stores.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{CLIENT_ID, Client, World};

/// Something is wrong if it takes longer.
const FAR: Duration = Duration::from_secs(120);
/// Each delivery is tried so often in the hour after its first failure.
const TRIES_OF_AN_HOUR: usize = 7;
/// Events whose webhooks fail.
const EVENTS: usize = 4;
const KILLS: usize = 3;

/// Somebody who listens and refuses, and remembers what came: by the id of the delivery.
#[derive(Clone)]
struct Refusing {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Refusing {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let refusing = Self { address: listener.local_addr().unwrap(), seen: Arc::default() };
        let its = refusing.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let refusing = its.clone();
                std::thread::spawn(move || drop(refusing.talk(&stream)));
            }
        });
        refusing
    }

    fn talk(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        while let Some(line) = lines.next() {
            line?;
            for header in lines.by_ref() {
                let header = header?;
                if let Some(id) = header.strip_prefix("webhook-id: ") {
                    self.seen.lock().unwrap().push(id.to_owned());
                }
                if header.is_empty() {
                    break;
                }
            }
            stream.write_all(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")?;
        }
        Ok(())
    }

    fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < FAR, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn ask(client: &mut Client, method: &str, path: &str, body: &str) -> Value {
    let answer = client.send(method, path, None, body).unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

/// Turns the clock by an hour, in which each delivery is tried every ten minutes, and kills the server whenever one or two more of
/// them were made; the same request goes on each time.
fn killed_while_it_turns(world: &World) {
    let refusing = Refusing::new();
    let server = world.serve();
    let mut client = Client::connect(server.address).unwrap();
    let hook = json!({"EventType": "TRANSFER_NORMAL_SUCCEEDED", "Url": format!("http://{}/hook", refusing.address)}).to_string();
    ask(&mut client, "POST", &format!("/v2.01/{CLIENT_ID}/hooks"), &hook);
    for number in 0..EVENTS {
        ask(&mut client, "POST", &format!("/v2.01/{CLIENT_ID}/transfers"), &world.transfer(number as u64));
        // Each has a due time of its own, so that there are many stops.
        ask(&mut client, "POST", "/sandbox/v1/settle", "");
        ask(&mut client, "POST", "/sandbox/v1/clock", r#"{"advance":"1m"}"#);
    }
    assert_eq!(refusing.count(), EVENTS, "each was tried once");
    let begun_at = ask(&mut client, "GET", "/sandbox/v1/clock", "")["now"].as_i64().unwrap();
    let turn = r#"{"advance":"1h"}"#;
    let key = Some("one-hour-please");
    let mut server = Some(server);
    for kill in 1..=KILLS {
        let now = server.take().unwrap();
        let address = now.address;
        let asking =
            std::thread::spawn(move || Client::connect(address).and_then(|mut client| client.send("POST", "/sandbox/v1/clock", key, turn)));
        let enough = EVENTS + 3 * kill;
        wait_for("the clock makes webhooks due", || refusing.count() >= enough || asking.is_finished());
        world.kill(now, 0);
        drop(asking.join().unwrap());
        server = Some(world.serve());
    }
    let server = server.unwrap();
    let mut client = Client::connect(server.address).unwrap();
    let mut done = Value::Null;
    wait_for("the clock comes to its goal", || {
        let answer = client.send("POST", "/sandbox/v1/clock", key, turn).unwrap();
        // What another one has under way, of a server that is dead, is over within seconds.
        done = answer.json();
        answer.status == 200 && done["reached"] == json!(true)
    });
    let ended_at = done["now"].as_i64().unwrap();
    assert!((begun_at + 3_600..begun_at + 3_600 + FAR.as_secs() as i64).contains(&ended_at), "an hour, once: {begun_at} {done}");
    // Settled means that the notes of all attempts are stored.
    ask(&mut client, "POST", "/sandbox/v1/settle", "");
    let listed = ask(&mut client, "GET", "/sandbox/v1/deliveries?limit=100", "");
    let deliveries = listed["deliveries"].as_array().unwrap();
    assert_eq!(deliveries.len(), EVENTS);
    let attempts: Vec<usize> = deliveries.iter().map(|delivery| delivery["attempts"].as_u64().unwrap() as usize).collect();
    let seen = refusing.seen.lock().unwrap().clone();
    for (delivery, attempts) in deliveries.iter().zip(&attempts) {
        let times = seen.iter().filter(|id| Some(id.as_str()) == delivery["id"].as_str()).count();
        assert!((6..=TRIES_OF_AN_HOUR).contains(attempts), "each was tried at each of its times and at no other: {listed}");
        // A telling whose answer a kill cut off is told again: at least once, and not more often than there were kills.
        assert!((*attempts..=attempts + KILLS).contains(&times), "{times} {delivery}");
    }
    // In order: nobody is told the n-th time before everybody was told n - 1 times.
    let oldest_first: Vec<&str> = deliveries.iter().rev().map(|delivery| delivery["id"].as_str().unwrap()).collect();
    let mut told = vec![0_usize; EVENTS];
    for id in seen.iter().map(String::as_str) {
        let place = oldest_first.iter().position(|known| *known == id).unwrap();
        told[place] += 1;
        for pair in told.windows(2) {
            assert!(pair[0] + KILLS >= pair[1], "a later one was told ahead of an earlier one: {told:?}");
        }
    }
}

#[test]
fn a_clock_whose_server_is_killed_goes_on_where_it_stood_on_sqlite() {
    killed_while_it_turns(&World::new(4, 1_000_000, None));
}

#[test]
fn a_clock_whose_server_is_killed_goes_on_where_it_stood_on_postgresql() {
    let server = testkit::postgres::server();
    killed_while_it_turns(&World::new(4, 1_000_000, Some(server.database())));
}
