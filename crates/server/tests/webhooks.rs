//! Webhooks of the real binary: whoever is killed between a commit and a delivery loses nothing, on both stores and when the
//! power fails.

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{CLIENT_ID, Client, World};

const CONNECTIONS: usize = 8;
/// Kills a store.
const KILLS: u64 = 3;
/// Something is wrong if it takes longer.
const FAR: Duration = Duration::from_secs(120);
const TYPES: [&str; 2] = ["TRANSFER_NORMAL_CREATED", "TRANSFER_NORMAL_SUCCEEDED"];

/// Somebody who listens, longer than any server lives.
#[derive(Clone)]
struct Receiver {
    address: SocketAddr,
    /// How often came what: the type and the id of what it is of.
    seen: Arc<Mutex<BTreeMap<(String, String), u64>>>,
    /// Ids of deliveries by what they told.
    ids: Arc<Mutex<BTreeMap<String, (String, String)>>>,
}

impl Receiver {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self { address: listener.local_addr().unwrap(), seen: Arc::default(), ids: Arc::default() };
        let its = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let receiver = its.clone();
                std::thread::spawn(move || drop(receiver.talk(&stream)));
            }
        });
        receiver
    }

    fn talk(&self, mut stream: &TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        while let Some(line) = lines.next() {
            let line = line?;
            let mut id = String::new();
            for header in lines.by_ref() {
                let header = header?;
                if let Some(value) = header.strip_prefix("webhook-id: ") {
                    value.clone_into(&mut id);
                }
                if header.is_empty() {
                    break;
                }
            }
            let query = line.split(['?', ' ']).nth(2).unwrap().to_owned();
            let value = |name: &str| {
                let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
                pairs.find(|(known, _)| *known == name).unwrap().1.to_owned()
            };
            let told = (value("EventType"), value("RessourceId"));
            let known = self.ids.lock().unwrap().entry(id).or_insert_with(|| told.clone()).clone();
            assert_eq!(known, told, "an id is of one event");
            *self.seen.lock().unwrap().entry(told).or_default() += 1;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
        }
        Ok(())
    }

    fn has(&self, event: &str, id: &str) -> bool {
        self.seen.lock().unwrap().contains_key(&(event.to_owned(), id.to_owned()))
    }
}

fn make_hooks(client: &mut Client, receiver: &Receiver) {
    for event in TYPES {
        let body = json!({"EventType": event, "Url": format!("http://{}/hook", receiver.address)});
        let answer = client.send("POST", &format!("/v2.01/{CLIENT_ID}/hooks"), None, &body.to_string()).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

/// Makes transfers until the server is gone; gives the ids of those that were answered.
fn load(world: &World, address: SocketAddr, next: &AtomicU64, is_over: &AtomicBool) -> Vec<String> {
    let made = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let Ok(mut client) = Client::connect(address) else { return };
                while !is_over.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let path = format!("/v2.01/{CLIENT_ID}/transfers");
                    let Ok(answer) = client.send("POST", &path, None, &world.transfer(number)) else { return };
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    made.lock().unwrap().push(answer.json()["Id"].as_str().unwrap().to_owned());
                }
            });
        }
    });
    made.into_inner().unwrap()
}

fn kill_between(world: &World) {
    let receiver = Receiver::new();
    {
        let server = world.serve();
        make_hooks(&mut Client::connect(server.address).unwrap(), &receiver);
    }
    let next = AtomicU64::new(1);
    let mut made = Vec::new();
    for round in 0..KILLS {
        let server = world.serve();
        let address = server.address;
        let is_over = AtomicBool::new(false);
        let enough = next.load(Ordering::Relaxed) + 40 + (round * 137) % 150;
        made.extend(std::thread::scope(|scope| {
            scope.spawn(|| {
                let begun = Instant::now();
                while next.load(Ordering::Relaxed) < enough && begun.elapsed() < FAR {
                    std::thread::yield_now();
                }
                world.kill(server, round);
                is_over.store(true, Ordering::Relaxed);
            });
            load(world, address, &next, &is_over)
        }));
    }
    assert!(made.len() > 30, "the load did something: {}", made.len());
    let last = world.serve();
    let missing = || -> Vec<(&str, &String)> {
        TYPES.iter().flat_map(|event| made.iter().map(move |id| (*event, id))).filter(|(event, id)| !receiver.has(event, id)).collect()
    };
    let begun = Instant::now();
    while !missing().is_empty() {
        assert!(begun.elapsed() < FAR, "of {} transfers {} webhooks are lost: {:?}", made.len(), missing().len(), missing().first());
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(last);
}

#[test]
fn a_server_that_is_killed_before_it_delivers_delivers_after_the_next_start_on_sqlite() {
    kill_between(&World::new(20, 1_000_000, None));
}

#[test]
fn a_power_failure_loses_no_webhook_of_what_was_acknowledged() {
    kill_between(&World { loses_power: true, ..World::new(20, 1_000_000, None) });
}

#[test]
fn a_server_that_is_killed_before_it_delivers_delivers_after_the_next_start_on_postgresql() {
    let server = testkit::postgres::server();
    kill_between(&World::new(20, 1_000_000, Some(server.database())));
}

/// Asks the sandbox.
fn ask(client: &mut Client, method: &str, path: &str) -> Value {
    let answer = client.send(method, &format!("/sandbox/v1{path}"), None, "").unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

#[test]
fn what_was_told_is_listed_and_told_again() {
    let world = World::new(2, 1_000_000, None);
    let receiver = Receiver::new();
    let server = world.serve();
    let mut client = Client::connect(server.address).unwrap();
    make_hooks(&mut client, &receiver);
    let made = client.send("POST", &format!("/v2.01/{CLIENT_ID}/transfers"), None, &world.transfer(1)).unwrap().json();
    let id = made["Id"].as_str().unwrap();
    let begun = Instant::now();
    let listed = loop {
        let listed = ask(&mut client, "GET", &format!("/deliveries?subject={id}&state=delivered"));
        if listed["deliveries"].as_array().unwrap().len() == 2 {
            break listed;
        }
        assert!(begun.elapsed() < FAR, "{listed}");
        std::thread::sleep(Duration::from_millis(10));
    };
    let newest = &listed["deliveries"][0];
    assert_eq!((newest["event"].as_str(), newest["attempts"].as_u64()), (Some(TYPES[1]), Some(1)));
    assert_eq!((newest["last"]["status"].as_u64(), &newest["last"]["error"], &newest["next_at"]), (Some(200), &Value::Null, &Value::Null));
    let name = newest["id"].as_str().unwrap();
    let page = ask(&mut client, "GET", "/deliveries?limit=1");
    assert_eq!((page["deliveries"][0]["id"].as_str(), page["next"].as_str()), (Some(name), Some(name)));
    let rest = ask(&mut client, "GET", &format!("/deliveries?before={name}"));
    assert_eq!((rest["deliveries"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
    assert_eq!(ask(&mut client, "GET", &format!("/deliveries?event_id={name}"))["deliveries"][0], *newest);
    let secret = ask(&mut client, "POST", "/webhooks/secret")["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    assert_eq!(ask(&mut client, "GET", "/webhooks/secret")["secret"], json!(secret));
    ask(&mut client, "POST", &format!("/deliveries/{name}/again"));
    while receiver.seen.lock().unwrap()[&(TYPES[1].to_owned(), id.to_owned())] < 2 {
        assert!(begun.elapsed() < FAR);
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(ask(&mut client, "DELETE", "/webhooks/secret")["secret"], Value::Null);
    for (path, status) in [("/deliveries?state=eaten&limit=0&subject=x", 400), ("/deliveries/x", 404), ("/deliveries?foo=1", 400)] {
        let answer = client.send("GET", &format!("/sandbox/v1{path}"), None, "").unwrap();
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
    }
    let unknown = client.send("POST", "/sandbox/v1/deliveries/01937e1a-9c4b-7d2e-8f01-23456789ab20/again", None, "").unwrap();
    assert_eq!(unknown.status, 404);
}
