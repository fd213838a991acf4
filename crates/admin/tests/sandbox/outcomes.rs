//! What can be made to happen, and that one table tells all of it.

use domain::ids::RequestId;
use domain::{Ctx, UserId};
use http::Request;
use ledger::{AccountId, Role};
use money::Currency;
use serde_json::{Value, json};

use crate::party::{eur, text};
use crate::world::World;

#[tokio::test]
async fn the_table_tells_every_outcome_with_its_codes_and_each_code_works() {
    let world = World::new().await;
    let (status, table) = world.send("me", "GET", "/sandbox/v1/outcomes", None, "").await;
    assert_eq!(status, 200, "{table}");
    let outcomes = table["outcomes"].as_array().unwrap();
    let codes = |path: &str| -> Vec<String> {
        let line = outcomes.iter().find(|line| line["path"] == json!(path)).unwrap_or_else(|| panic!("no {path}"));
        line["codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect()
    };
    assert!(outcomes.iter().all(|line| line["what"].as_str().is_some_and(|what| what.ends_with('.'))));
    let party = world.party().await;
    for code in codes("/sandbox/v1/payins/{id}/fail") {
        let id = text(&world.asked(&party).await, "Id");
        world.done(&format!("/payins/{id}/fail"), json!({"code": code})).await;
        let seen = world.get(&format!("/payins/{id}")).await;
        assert_eq!((&seen["Status"], &seen["ResultCode"]), (&json!("FAILED"), &json!(code)));
    }
    for code in codes("/sandbox/v1/users/{id}/block") {
        let answer = world.done(&format!("/users/{}/block", party.user), json!({"code": code})).await;
        assert!(answer["block_reason"].is_string(), "{code}: {answer}");
    }
    let answer = world.done(&format!("/users/{}/unblock", party.user), json!({})).await;
    assert_eq!(answer["block_reason"], json!(null));
    let answer = world.done(&format!("/users/{}/block", party.user), json!({"code": "008702", "inflows": true})).await;
    assert_eq!((&answer["block_reason"], &answer["outflows_blocked"]), (&json!("compliance"), &json!(false)));
    assert_eq!(world.sandbox(&format!("/users/{}/block", party.user), json!({"code": "121001"})).await.0, 400);
}

#[tokio::test]
async fn a_card_pay_in_completes_fails_or_is_abandoned_without_a_browser() {
    let world = World::new().await;
    let party = world.party().await;
    for (what, status, code) in [("complete", "SUCCEEDED", "000000"), ("fail", "FAILED", "101301"), ("abandon", "FAILED", "101002")] {
        let web = json!({
            "AuthorId": party.user, "CreditedWalletId": party.wallet, "DebitedFunds": eur(500), "Fees": eur(0),
            "CardType": "CB_VISA_MASTERCARD", "Culture": "EN", "ReturnURL": "https://example.com/back",
        });
        let web = text(&world.made("/payins/card/web", web).await, "Id");
        let direct = text(&world.asked(&party).await, "Id");
        for id in [web, direct] {
            world.done(&format!("/payins/{id}/{what}"), json!({})).await;
            let seen = world.get(&format!("/payins/{id}")).await;
            assert_eq!((&seen["Status"], &seen["ResultCode"]), (&json!(status), &json!(code)), "{what} {id}");
            assert_eq!(world.sandbox(&format!("/payins/{id}/complete"), json!({})).await.0, 409, "it ends once");
        }
    }
    assert_eq!(world.balance(&party).await, 1_500);
    let asked = text(&world.asked(&party).await, "Id");
    assert_eq!(world.sandbox(&format!("/payins/{asked}/fail"), json!({"code": "001001"})).await.0, 400, "not an issuer's reason");
}

#[tokio::test]
async fn a_wire_is_exact_partial_over_late_unreferenced_or_of_another_currency() {
    let world = World::new().await;
    let party = world.party().await;
    for (body, credited) in [(json!({}), 1_000), (json!({"amount": 400}), 400), (json!({"amount": 1_700}), 1_700)] {
        let id = text(&world.declare(&party, 1_000, 0).await, "Id");
        assert_eq!(world.done(&format!("/payins/{id}/receive"), body).await["outcome"], json!("credited"));
        let seen = world.get(&format!("/payins/{id}")).await;
        assert_eq!((&seen["Status"], &seen["CreditedFunds"]["Amount"]), (&json!("SUCCEEDED"), &json!(credited)));
    }
    let other = text(&world.declare(&party, 1_000, 0).await, "Id");
    let answer = world.done(&format!("/payins/{other}/receive"), json!({"amount": 5, "currency": "GBP"})).await;
    assert_eq!((&answer["outcome"], &answer["reason"]), (&json!("unplaced"), &json!("other_currency")));
    let answer = world.done("/wires", json!({"amount": 5, "currency": "EUR"})).await;
    assert_eq!(answer["reason"], json!("unknown_reference"));
    let late = text(&world.declare(&party, 1_000, 0).await, "Id");
    world.done("/clock", json!({"advance": "31d"})).await;
    let answer = world.done(&format!("/payins/{late}/receive"), json!({})).await;
    assert_eq!(answer["reason"], json!("pay_in_ended"));
}

#[tokio::test]
async fn a_bank_takes_a_credited_wire_back_and_what_is_gone_is_owed() {
    let world = World::new().await;
    let (party, other) = (world.party().await, world.party().await);
    let pay_in = text(&world.declare(&party, 1_000, 100).await, "Id");
    let path = format!("/payins/{pay_in}/return");
    assert_eq!(world.sandbox(&path, json!({})).await.0, 409, "it was not credited");
    world.done(&format!("/payins/{pay_in}/receive"), json!({})).await;
    let transfer = json!({
        "AuthorId": party.user, "DebitedFunds": eur(600), "Fees": eur(0), "DebitedWalletId": party.wallet, "CreditedWalletId": other.wallet,
    });
    assert_eq!(text(&world.made("/transfers", transfer).await, "Status"), "SUCCEEDED");
    let answer = world.done(&path, json!({})).await;
    assert_eq!((&answer["owed"], &answer["amount"]), (&json!(600), &json!(1_000)));
    assert_eq!((world.balance(&party).await, world.balance(&other).await), (0, 600));
    assert_eq!((world.chart(Role::Safeguarding).await, world.chart(Role::Fees).await), (0, 0));
    let platform = world.platforms[0].1;
    let user: UserId = dialect_mangopay::wire::ids::parse(&[dialect_mangopay::wire::ids::Prefix::User], &party.user).map(UserId).unwrap();
    let debt = AccountId::of_chart(user.0, Role::HolderDebt, Currency::EUR);
    let debt = world.reads.account(platform, debt).await.unwrap().unwrap();
    assert_eq!((debt.balance, debt.holder), (-600, Some(user.0)));
    let refunds = world.get(&format!("/payins/{pay_in}/refunds")).await;
    let shown = &refunds[0];
    assert_eq!(
        (&shown["Status"], &shown["DebitedFunds"]["Amount"], &shown["Fees"]["Amount"]),
        (&json!("SUCCEEDED"), &json!(900), &json!(-100))
    );
    assert_eq!(world.done(&path, json!({})).await["refund"], answer["refund"], "once");
    assert_eq!(world.chart(Role::Safeguarding).await, 0);
}

#[tokio::test]
async fn a_user_completes_a_session_fails_it_or_lets_it_pass() {
    let world = World::new().await;
    for (what, session, status) in
        [("complete", "succeeded", "ACTIVE"), ("fail", "failed", "PENDING_USER_ACTION"), ("abandon", "expired", "PENDING_USER_ACTION")]
    {
        let body = json!({
            "FirstName": "Alex", "LastName": "Smith", "Email": "alex@example.com", "Birthday": 652_117_514, "Nationality": "FR",
            "CountryOfResidence": "FR", "TermsAndConditionsAccepted": true, "UserCategory": "OWNER",
            "Address": {"AddressLine1": "1", "City": "Paris", "PostalCode": "75001", "Country": "FR"},
            "PhoneNumber": "+33611111111", "PhoneNumberCountry": "FR", "ScaContext": "USER_PRESENT",
        });
        let user = world.made("/sca/users/natural", body).await;
        let id = text(&user, "Id");
        assert_eq!(user["UserStatus"], json!("PENDING_USER_ACTION"), "{user}");
        assert_eq!(world.done(&format!("/users/{id}/sca/{what}"), json!({})).await["status"], json!(session));
        assert_eq!(world.get(&format!("/users/{id}")).await["UserStatus"], json!(status), "{what}");
        assert_eq!(world.sandbox(&format!("/users/{id}/sca/{what}"), json!({})).await.0, 409, "none is open");
    }
}

/// What is ordered twice under one key is ordered once, also on whole requests.
#[tokio::test]
async fn an_order_with_a_key_is_given_once() {
    let world = World::new().await;
    let party = world.party().await;
    let id = text(&world.asked(&party).await, "Id");
    let path = format!("/sandbox/v1/payins/{id}/complete");
    let first = world.send("me", "POST", &path, Some("order-1"), "{}").await;
    assert_eq!((first.0, world.send("me", "POST", &path, Some("order-1"), "{}").await), (200, first));
    let nobody: Value = world.ask(Request::post("/sandbox/v1/refunds/1/succeed").body(axum::body::Body::empty()).unwrap()).await.1;
    assert_eq!(nobody["error"], json!("unauthorized"));
    let ctx = Ctx::system(world.platforms[0].1, RequestId(ledger::Uid::from_bits(4)));
    assert_eq!(ctx.platform, world.platforms[0].1);
}
