//! Money arrives at the bank.

use ledger::Role;
use serde_json::json;

use crate::party::{eur, text};
use crate::world::{FRENCH, NOW_MS, World};

#[tokio::test]
async fn a_wire_arrives_as_declared_or_otherwise() {
    let world = World::new().await;
    let party = world.party().await;
    for (body, received, credited) in [(json!({}), 1_000, 900), (json!({"amount": 1_200}), 1_200, 1_100), (json!({"amount": "40"}), 40, 0)]
    {
        let before = world.balance(&party).await;
        let pay_in = text(&world.declare(&party, 1_000, 100).await, "Id");
        let answer = world.done(&format!("/payins/{pay_in}/receive"), body).await;
        assert_eq!((&answer["outcome"], &answer["amount"], &answer["currency"]), (&json!("credited"), &json!(received), &json!("EUR")));
        assert_eq!(world.balance(&party).await, before + credited);
        let seen = world.get(&format!("/payins/{pay_in}")).await;
        assert_eq!((&seen["Status"], &seen["DebitedFunds"]), (&json!("SUCCEEDED"), &eur(received)));
        // The same in the other spelling: it has ended, so the money is nobody's yet.
        let again = world.done(&format!("/payins/{}/receive", text(&answer, "pay_in")), json!({})).await;
        assert_eq!((&again["outcome"], &again["reason"]), (&json!("unplaced"), &json!("pay_in_ended")));
    }
    assert_eq!(world.chart(Role::UnidentifiedReceipts).await, 3_000);
}

#[tokio::test]
async fn a_wire_finds_its_pay_in_by_what_the_payer_wrote() {
    let world = World::new().await;
    let party = world.party().await;
    let declared = world.declare(&party, 1_000, 0).await;
    let iban = text(&declared["BankAccount"], "IBAN");
    let reference = format!("rent {} thanks", text(&declared, "WireReference").to_lowercase());
    let wire =
        json!({"amount": 1_000, "currency": "EUR", "reference": reference, "iban": iban, "debtor_name": "Hugo", "debtor_iban": FRENCH});
    let answer = world.done("/wires", wire).await;
    assert_eq!((&answer["outcome"], world.balance(&party).await), (&json!("credited"), 1_000));
    let answer = world.done("/wires", json!({"amount": 77, "currency": "EUR"})).await;
    assert_eq!((&answer["outcome"], &answer["reason"], &answer["pay_in"]), (&json!("unplaced"), &json!("unknown_reference"), &json!(null)));
    assert!(answer["receipt"].is_string());
    assert_eq!(world.chart(Role::UnidentifiedReceipts).await, 77);
}

#[tokio::test]
async fn a_credit_that_the_bank_reports_twice_arrives_once() {
    let world = World::new().await;
    let party = world.party().await;
    let declared = world.declare(&party, 1_000, 0).await;
    let wire = |amount: i64| json!({"amount": amount, "currency": "EUR", "reference": text(&declared, "WireReference"), "bank_reference": "2026-11-21/7"});
    let first = world.done("/wires", wire(1_000)).await;
    assert_eq!((&first["outcome"], &first["bank_reference"]), (&json!("credited"), &json!("2026-11-21/7")));
    assert_eq!(world.done("/wires", wire(1_000)).await, first);
    let path = format!("/payins/{}/receive", text(&declared, "Id"));
    assert_eq!(world.done(&path, json!({"bank_reference": "2026-11-21/7"})).await, first, "it is the same account");
    assert_eq!((world.balance(&party).await, world.chart(Role::UnidentifiedReceipts).await), (1_000, 0));
    assert_eq!(world.sandbox("/wires", wire(999)).await.0, 409);
    // Another platform's bank counts for itself.
    let theirs = json!({"amount": 5, "currency": "EUR", "bank_reference": "2026-11-21/7"}).to_string();
    let (status, answer) = world.send("other", "POST", "/sandbox/v1/wires", None, &theirs).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("unplaced")));
    // Without a reference each is a credit of its own.
    let answers = [
        world.done("/wires", json!({"amount": 5, "currency": "EUR"})).await,
        world.done("/wires", json!({"amount": 5, "currency": "EUR"})).await,
    ];
    assert_ne!(answers[0]["bank_reference"], answers[1]["bank_reference"]);
    assert_eq!(world.chart(Role::UnidentifiedReceipts).await, 10);
}

#[tokio::test]
async fn a_wire_that_nobody_sends_ends_after_a_month() {
    let world = World::new().await;
    let party = world.party().await;
    let pay_in = text(&world.declare(&party, 1_000, 0).await, "Id");
    let now = world.done("/clock/advance", json!({"days": 30, "seconds": 1})).await["now"].as_i64().unwrap();
    assert_eq!(now, NOW_MS / 1_000 + 30 * 86_400 + 1);
    world.run_jobs().await;
    let seen = world.get(&format!("/payins/{pay_in}")).await;
    assert_eq!((&seen["Status"], &seen["ResultCode"]), (&json!("FAILED"), &json!("101109")));
}
