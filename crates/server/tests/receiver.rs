//! The built-in receiver of the real binary, through HTTP, on both stores.

mod support;

use serde_json::{Value, json};
use support::{CLIENT_ID, Client, World};

const SUCCEEDED: &str = "TRANSFER_NORMAL_SUCCEEDED";

fn asked(client: &mut Client, method: &str, path: &str, body: &Value) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = client.send(method, path, None, &body).unwrap();
    assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
    answer.json()
}

fn hook(client: &mut Client, event: &str, url: &str) {
    asked(client, "POST", &format!("/v2.01/{CLIENT_ID}/hooks"), &json!({"EventType": event, "Url": url}));
}

/// A transfer, and everything that follows from it.
fn transfer(world: &World, client: &mut Client, number: u64) -> String {
    let body: Value = serde_json::from_str(&world.transfer(number)).unwrap();
    let made = asked(client, "POST", &format!("/v2.01/{CLIENT_ID}/transfers"), &body);
    let told = asked(client, "POST", "/sandbox/v1/settle", &json!({}));
    assert_eq!(told["settled"], true, "{told}");
    made["Id"].as_str().unwrap().to_owned()
}

fn page(client: &mut Client, path: &str) -> (u16, String) {
    let answer = client.send("GET", path, None, "").unwrap();
    (answer.status, answer.body)
}

fn every_delivery_and_its_answer_are_shown(world: &World) {
    let server = world.serve();
    let mut client = Client::connect(server.address).unwrap();
    let url = asked(&mut client, "GET", "/sandbox/v1/receiver", &Value::Null)["url"].as_str().unwrap().to_owned();
    let path = url.split_once("//").unwrap().1.split_once('/').map(|(_, path)| format!("/{path}")).unwrap();
    hook(&mut client, SUCCEEDED, &url);
    // Nobody listens there.
    hook(&mut client, "TRANSFER_NORMAL_CREATED", "http://127.0.0.1:9/elsewhere?secret=1");

    let first = transfer(world, &mut client, 1);
    let told = asked(&mut client, "GET", "/sandbox/v1/receiver", &Value::Null);
    assert_eq!(told["received"].as_array().unwrap().len(), 1, "{told}");
    let came = &told["received"][0];
    assert_eq!((&came["event"], &came["subject"], &came["answered"]["status"]), (&json!(SUCCEEDED), &json!(first), &json!(200)));
    let query = came["query"].as_str().unwrap();
    assert!(query.starts_with(&format!("EventType={SUCCEEDED}&RessourceId={first}&Date=")), "{query}");
    let delivery = came["delivery"].as_str().unwrap().to_owned();
    let record = asked(&mut client, "GET", &format!("/sandbox/v1/deliveries/{delivery}"), &Value::Null);
    assert_eq!((&record["state"], &record["last"]["status"]), (&json!("delivered"), &json!(200)));

    // What it is told to answer fails the delivery, which is tried again by the platform's clock.
    let set = asked(&mut client, "POST", "/sandbox/v1/receiver", &json!({"status": 503, "delay_ms": 20}));
    assert_eq!(set["answer"], json!({"status": 503, "delay_ms": 20}));
    let second = transfer(world, &mut client, 2);
    asked(&mut client, "POST", "/sandbox/v1/receiver", &json!({"status": 200}));
    let (status, html) = page(&mut client, &path);
    assert_eq!(status, 200);
    for part in
        [&*first, &second, "to be tried again", "503", "http://127.0.0.1:9/elsewhere", "unreachable", &format!("webhook-id: {delivery}")]
    {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert!(!html.contains("secret=1") && !html.contains("<script"), "the query of another target is not shown: {html}");
    asked(&mut client, "POST", "/sandbox/v1/clock", &json!({"advance": "11m"}));
    let came = asked(&mut client, "GET", "/sandbox/v1/receiver", &Value::Null);
    let of_second: Vec<&Value> = came["received"].as_array().unwrap().iter().filter(|one| one["subject"] == json!(second)).collect();
    let answers: Vec<&Value> = of_second.iter().map(|one| &one["answered"]["status"]).collect();
    assert_eq!(answers, [&json!(200), &json!(503)], "{came}");
    assert_eq!(of_second[0]["delivery"], of_second[1]["delivery"], "an id over every attempt");

    // Why, and what happened, a click further; and nothing of what is not there.
    let (status, html) = page(&mut client, &format!("{path}/{second}"));
    assert!(status == 200 && html.contains("Timeline") && html.contains("delivery"), "{html}");
    assert_eq!(page(&mut client, &format!("{path}/xfer_m_nothing")).0, 404);

    // The URL of a hook may say what it is answered, and a hand may knock.
    assert_eq!(page(&mut client, &format!("{path}?status=418&EventType=BY_HAND&RessourceId=%3Cb%3E")).0, 418);
    assert_eq!(page(&mut client, &format!("{path}?status=99&EventType=BY_HAND")).0, 400);
    let (_, html) = page(&mut client, &path);
    assert!(html.contains("BY_HAND") && !html.contains("<b>"), "{html}");
    let cleared = asked(&mut client, "DELETE", "/sandbox/v1/receiver", &Value::Null);
    assert_eq!(cleared["answer"], json!({"status": 200, "delay_ms": 0}));
    assert_eq!(asked(&mut client, "GET", "/sandbox/v1/receiver", &Value::Null)["received"], json!([]));
    for wrong in [json!({"status": 199}), json!({"status": 600}), json!({"delay_ms": 10_001}), json!({"delay_ms": -1}), json!({"x": 1})] {
        assert_eq!(client.send("POST", "/sandbox/v1/receiver", None, &wrong.to_string()).unwrap().status, 400, "{wrong}");
    }

    // Each platform has its own, which ends with it; nobody guesses another's.
    let made = asked(&mut client, "POST", "/sandbox/v1/platforms", &json!({}));
    let other = made["receiver"].as_str().unwrap().replace(url.rsplit_once('/').unwrap().0, "");
    let other = format!("/sandbox/receiver{other}");
    assert_ne!(other, path);
    assert_eq!(page(&mut client, &other).0, 200);
    assert!(!page(&mut client, &other).1.contains(&first));
    assert_eq!(page(&mut client, &format!("{other}/{first}")).0, 404, "an object of another platform");
    let client_id = made["client_id"].as_str().unwrap();
    asked(&mut client, "DELETE", &format!("/sandbox/v1/platforms/{client_id}"), &Value::Null);
    for nowhere in [&*other, &format!("{other}?EventType=X"), &path.replace("receiver/", "receiver/A"), "/sandbox/receiver/x"] {
        assert_eq!(page(&mut client, nowhere).0, 404, "{nowhere}");
    }
}

#[test]
fn every_delivery_and_its_answer_are_shown_on_sqlite() {
    every_delivery_and_its_answer_are_shown(&World::new(2, 10_000, None));
}

#[test]
fn every_delivery_and_its_answer_are_shown_on_postgresql() {
    let server = testkit::postgres::server();
    every_delivery_and_its_answer_are_shown(&World::new(2, 10_000, Some(server.database())));
}
