//! Webhooks that go wrong by order: lost, doubled, late and out of order, as a listener sees them from the real binary, on both
//! stores.

mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{CLIENT_ID, Client, World};

/// Something is wrong if it takes longer.
const FAR: Duration = Duration::from_secs(120);
const EVENT: &str = "TRANSFER_NORMAL_SUCCEEDED";

/// Somebody who listens, and remembers in what order: the id of the delivery, and what it was of.
#[derive(Clone)]
struct Receiver {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<(String, String)>>>,
}

impl Receiver {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self { address: listener.local_addr().unwrap(), seen: Arc::default() };
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
            let of = line.split(['?', '&', ' ']).find_map(|pair| pair.strip_prefix("RessourceId=")).unwrap_or_default().to_owned();
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
            self.seen.lock().unwrap().push((id, of));
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
        }
        Ok(())
    }

    /// The objects that were told of, in the order of the tellings.
    fn told(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|(_, of)| of.clone()).collect()
    }

    fn wait_for(&self, count: usize) {
        let begun = Instant::now();
        while self.seen.lock().unwrap().len() < count {
            assert!(begun.elapsed() < FAR, "waited in vain for {count}: {:?}", self.told());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

struct Scene<'a> {
    world: &'a World,
    client: Client,
    made: u64,
}

impl Scene<'_> {
    fn ask(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.client.send(method, path, None, &body.to_string()).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    fn goes_wrong(&mut self, fault: Value) {
        self.ask("POST", "/sandbox/v1/faults", &fault);
    }

    /// A transfer; its id.
    fn transfer(&mut self) -> String {
        self.made += 1;
        let body = serde_json::from_str(&self.world.transfer(self.made)).unwrap();
        self.ask("POST", &format!("/v2.01/{CLIENT_ID}/transfers"), &body)["Id"].as_str().unwrap().to_owned()
    }

    fn settle(&mut self) {
        assert_eq!(self.ask("POST", "/sandbox/v1/settle", &json!({}))["settled"], json!(true));
    }
}

fn each_fault_is_seen_by_the_listener(world: &World) {
    let server = world.serve();
    let receiver = Receiver::new();
    let mut scene = Scene { world, client: Client::connect(server.address).unwrap(), made: 0 };
    let hook = json!({"EventType": EVENT, "Url": format!("http://{}/hook", receiver.address)});
    scene.ask("POST", &format!("/v2.01/{CLIENT_ID}/hooks"), &hook);

    // Lost: it never comes, and the next one does.
    scene.goes_wrong(json!({"kind": "webhook_lost", "event": EVENT}));
    let lost = scene.transfer();
    scene.settle();
    let after = scene.transfer();
    scene.settle();
    assert_eq!(receiver.told(), [after.as_str()]);
    let listed = scene.ask("GET", &format!("/sandbox/v1/deliveries?subject={lost}"), &json!({}));
    assert_eq!(listed["deliveries"][0]["state"], json!("lost"), "{listed}");

    // Doubled: twice, under one id.
    receiver.seen.lock().unwrap().clear();
    scene.goes_wrong(json!({"kind": "webhook_doubled", "event": EVENT}));
    let doubled = scene.transfer();
    scene.settle();
    receiver.wait_for(2);
    assert_eq!(receiver.told(), [doubled.as_str(), doubled.as_str()]);
    let ids = receiver.seen.lock().unwrap().clone();
    assert_eq!(ids[0].0, ids[1].0);

    // Late: by the platform's own clock.
    receiver.seen.lock().unwrap().clear();
    scene.goes_wrong(json!({"kind": "webhook_late", "event": EVENT, "ms": 3_600_000}));
    let late = scene.transfer();
    scene.settle();
    let in_time = scene.transfer();
    scene.settle();
    assert_eq!(receiver.told(), [in_time.as_str()]);
    scene.ask("POST", "/sandbox/v1/clock", &json!({"advance": "2h"}));
    assert_eq!(receiver.told(), [in_time.as_str(), late.as_str()]);

    // Out of order: behind the next one. On a machine so busy that the next one comes seconds later nothing waits for it any more.
    let is_swapped = (0..10).any(|_| {
        receiver.seen.lock().unwrap().clear();
        scene.goes_wrong(json!({"kind": "webhook_out_of_order", "event": EVENT}));
        let (first, second) = (scene.transfer(), scene.transfer());
        receiver.wait_for(2);
        scene.settle();
        let told = receiver.told();
        assert_eq!(told.len(), 2, "each once");
        told == [second, first]
    });
    assert!(is_swapped);
}

#[test]
fn each_fault_is_seen_by_the_listener_on_sqlite() {
    each_fault_is_seen_by_the_listener(&World::new(4, 1_000_000, None));
}

#[test]
fn each_fault_is_seen_by_the_listener_on_postgresql() {
    let server = testkit::postgres::server();
    each_fault_is_seen_by_the_listener(&World::new(4, 1_000_000, Some(server.database())));
}
