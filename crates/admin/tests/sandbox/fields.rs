//! Every wrong field of every path is named, with those that are not known.

use serde_json::json;

use crate::party::{asks, text, with_nonsense};
use crate::world::{FRENCH, WAITS, World};

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let world = World::new().await;
    let party = world.party().await;
    let pay_in = text(&world.declare(&party, 1_000, 0).await, "Id");
    let (_, payout) = world.paid_out(WAITS, None).await;
    for (path, body, fields) in [
        ("/wires".to_owned(), json!({"iban": FRENCH, "debtor_iban": "x"}), vec!["amount", "currency", "debtor_iban", "iban"]),
        (format!("/payins/{pay_in}/receive"), json!({"amount": 0, "currency": "XXX"}), vec!["amount", "currency"]),
        (format!("/payins/{pay_in}/receive"), json!({"amount": 0, "debtor": "x"}), vec!["amount", "debtor"]),
        (format!("/payouts/{payout}/fail"), json!({"code": "001001"}), vec!["code"]),
        (format!("/payouts/{payout}/return"), json!({"code": "XX99"}), vec!["code"]),
        ("/clock/advance".to_owned(), json!({"days": -1, "hours": "x"}), vec!["days", "hours"]),
        ("/clock/advance".to_owned(), json!({"days": 0, "weeks": 1}), vec!["days", "hours", "milliseconds", "minutes", "seconds", "weeks"]),
        ("/clock/advance".to_owned(), json!({}), vec!["days", "hours", "milliseconds", "minutes", "seconds"]),
        (format!("/users/{}/block", party.user), json!({"inflows": 1, "outflows": "no"}), vec!["inflows", "outflows"]),
    ] {
        let (status, answer) = world.sandbox(&path, body).await;
        let named: Vec<&String> = answer["fields"].as_object().map(|fields| fields.keys().collect()).unwrap_or_default();
        assert_eq!(
            (status, &answer["error"], named),
            (400, &json!("invalid_request"), fields.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>().iter().collect()),
            "{path}"
        );
    }
    let (status, _) = world.send("me", "POST", "/sandbox/v1/wires", None, "[").await;
    assert_eq!(status, 400);
    let (status, _) = world.send("me", "POST", "/sandbox/v1/wires", None, &" ".repeat(70_000)).await;
    assert_eq!(status, 413);
}

#[tokio::test]
async fn a_field_that_a_path_does_not_know_is_named_and_nothing_happens() {
    let world = World::new().await;
    for (route, path) in asks(&world).await {
        let (path, body) = with_nonsense(route, &path);
        let (status, answer) = world.send("me", route.method, &path, None, body).await;
        assert_eq!((status, &answer["error"]), (400, &json!("invalid_request")), "{path}: {answer}");
        assert!(answer["fields"]["nonsense"].as_str().is_some_and(|text| text.starts_with("is not known here")), "{path}: {answer}");
    }
    let party = world.party().await;
    world.declare(&party, 1_000, 0).await;
    world.run_jobs().await;
    assert_eq!(world.chart(ledger::Role::UnidentifiedReceipts).await, 0, "no wire arrived");
}
