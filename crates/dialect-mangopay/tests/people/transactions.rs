//! Lists of transactions: of a user and of a wallet.

use money::Currency;
use serde_json::json;

use crate::harness::{Client, NOW_S, World, is_list_of};

/// A payer with 1000 in a wallet, who sent 300 (fee 20) to a payee and failed to send more than there was.
struct Scene {
    payer: String,
    payee: String,
    from: String,
    to: String,
    pay_in: String,
    transfer: String,
    failed: String,
}

async fn scene(me: &Client<'_>) -> Scene {
    let (payer, payee) = (me.owner().await, me.owner().await);
    let (from, to) = (me.wallet(&payer, "EUR").await, me.wallet(&payee, "EUR").await);
    let pay_in = me.fund(&payer, &from, 1_000, 0).await;
    let mut transfers = Vec::new();
    for (amount, fees) in [(300, 20), (5_000, 0)] {
        me.world.advance_ms(1_000);
        let body = json!({
            "AuthorId": payer,
            "DebitedFunds": {"Currency": "EUR", "Amount": amount},
            "Fees": {"Currency": "EUR", "Amount": fees},
            "DebitedWalletId": from,
            "CreditedWalletId": to,
            "Tag": "t",
        });
        transfers.push(me.made("/transfers", &body).await);
    }
    let failed = transfers.pop().unwrap();
    Scene { payer, payee, from, to, pay_in, transfer: transfers.pop().unwrap(), failed }
}

#[tokio::test]
async fn every_kind_of_transaction_shows_the_same_fields_in_order() {
    let world = World::new().await;
    let me = world.me().await;
    let s = scene(&me).await;
    let seen = me.get(&format!("/wallets/{}/transactions", s.from)).await;
    is_list_of(&seen, 3, 1);
    let item = |id: &str, tag: &str, at: i64, payee: &str, amounts: [i64; 3], result: &str, kind: &str, from: &str, to: &str| {
        let money = |amount| format!(r#"{{"Currency":"EUR","Amount":{amount}}}"#);
        format!(
            concat!(
                r#"{{"Id":"{id}","Tag":{tag},"CreationDate":{at},"AuthorId":"{author}","CreditedUserId":"{payee}","DebitedFunds":{d},"#,
                r#""CreditedFunds":{c},"Fees":{f},{result},"Type":"{kind}","Nature":"REGULAR","DebitedWalletId":{from},"#,
                r#""CreditedWalletId":"{to}","DepositId":null}}"#
            ),
            id = id,
            tag = tag,
            at = at,
            author = s.payer,
            payee = payee,
            d = money(amounts[0]),
            c = money(amounts[1]),
            f = money(amounts[2]),
            result = result,
            kind = kind,
            from = from,
            to = to,
        )
    };
    let done = |at: i64| format!(r#""Status":"SUCCEEDED","ResultCode":"000000","ResultMessage":"Success","ExecutionDate":{at}"#);
    let failed = r#""Status":"FAILED","ResultCode":"001001","ResultMessage":"Unsufficient wallet balance","ExecutionDate":null"#;
    let from = format!("\"{}\"", s.from);
    let expected = [
        item(&s.pay_in, "null", NOW_S, &s.payer, [1_000, 1_000, 0], &done(NOW_S), "PAYIN", "null", &s.from),
        item(&s.transfer, "\"t\"", NOW_S + 1, &s.payee, [300, 280, 20], &done(NOW_S + 1), "TRANSFER", &from, &s.to),
        item(&s.failed, "\"t\"", NOW_S + 2, &s.payee, [5_000, 5_000, 0], failed, "TRANSFER", &from, &s.to),
    ];
    assert_eq!(seen.text, format!("[{}]", expected.join(",")));
    assert_eq!(me.get(&format!("/users/{}/transactions", s.payer)).await.text, seen.text);
    // Whoever is credited sees it too, and nothing else.
    let of_payee = format!("[{}]", expected[1..].join(","));
    assert_eq!(me.get(&format!("/users/{}/transactions", s.payee)).await.text, of_payee);
    assert_eq!(me.v2().get(&format!("/wallets/{}/transactions/", s.to)).await.text, of_payee);
}

#[tokio::test]
async fn a_list_is_filtered_sorted_and_paged() {
    let world = World::new().await;
    let me = world.me().await;
    let s = scene(&me).await;
    let of = |query: &str| format!("/users/{}/transactions?{query}", s.payer);
    for (query, expected) in [
        ("", vec![&s.pay_in, &s.transfer, &s.failed]),
        ("TYPE=payin", vec![&s.pay_in]),
        ("Type=PAYIN,PAYOUT&type=TRANSFER&Status=SUCCEEDED", vec![&s.pay_in, &s.transfer]),
        ("Status=FAILED,CREATED", vec![&s.failed]),
        ("Nature=REGULAR", vec![&s.pay_in, &s.transfer, &s.failed]),
        ("Nature=REFUND", vec![]),
        ("Type=CONVERSION", vec![]),
        ("ResultCode=001001", vec![&s.failed]),
        ("ResultCode=000000,001001", vec![&s.pay_in, &s.transfer, &s.failed]),
        ("ResultCode=999999", vec![]),
        (&format!("AfterDate={NOW_S}"), vec![&s.transfer, &s.failed]),
        (&format!("AfterDate={}&BeforeDate={}", NOW_S - 100, NOW_S + 2), vec![&s.pay_in, &s.transfer]),
        ("Sort=CreationDate:DESC", vec![&s.failed, &s.transfer, &s.pay_in]),
        ("Sort=CreationDate:DESC&per_page=1&page=2&resolveWithFullResponse=true", vec![&s.transfer]),
    ] {
        let seen = me.get(&of(query)).await;
        assert_eq!(seen.each("Id").iter().collect::<Vec<_>>(), expected, "{query}");
    }
    is_list_of(&me.get(&of("per_page=2")).await, 3, 2);
    let seen = me.get(&of("Status=DONE&Type=GIFT&Nature=x&Sort=Amount&page=-1&per_page=0&BeforeDate=x")).await;
    seen.is_error(400, "param_error");
    assert_eq!(seen.wrong_fields(), ["BeforeDate", "Nature", "Sort", "Status", "Type", "page", "per_page"]);
}

#[tokio::test]
async fn a_wire_that_has_not_arrived_is_listed_and_shows_no_funds() {
    let world = World::new().await;
    let me = world.me().await;
    let user = me.owner().await;
    let wallet = me.wallet(&user, "EUR").await;
    let pay_in = me.declare_wire(&user, &wallet, 500, 10).await;
    let path = format!("/wallets/{wallet}/transactions");
    let seen = me.get(&path).await;
    let none = json!({"Currency": "XXX", "Amount": 0});
    assert_eq!((seen.each("Id"), seen.each("Status")), (vec![pay_in.clone()], vec!["CREATED".to_owned()]));
    assert_eq!([&seen.json()[0]["DebitedFunds"], &seen.json()[0]["CreditedFunds"], &seen.json()[0]["Fees"]], [&none, &none, &none]);
    assert_eq!(me.get(&format!("{path}?Status=SUCCEEDED")).await.text, "[]");
    me.receive_wire(&pay_in, 500, Currency::EUR).await;
    let seen = me.get(&format!("{path}?Status=SUCCEEDED")).await;
    assert_eq!((seen.each("Id"), &seen.json()[0]["CreditedFunds"]["Amount"]), (vec![pay_in], &json!(490)));
    assert_eq!(me.get(&format!("{path}?Status=CREATED")).await.text, "[]");
}

#[tokio::test]
async fn anothers_transactions_are_not_to_be_seen() {
    let world = World::new().await;
    let (me, other) = (world.me().await, world.client("other").await);
    let s = scene(&other).await;
    for (path, resource, id) in [("users", "User", &s.payer), ("wallets", "Wallet", &s.from)] {
        me.get(&format!("/{path}/{id}/transactions")).await.is_not_found(resource, id);
        me.get(&format!("/{path}/12/transactions")).await.is_not_found(resource, "12");
    }
    me.get(&format!("/wallets/{}/transactions", s.payer)).await.is_not_found("Wallet", &s.payer);
    let sibling = me.owner().await;
    assert_eq!(me.get(&format!("/users/{sibling}/transactions")).await.text, "[]");
}

/// Source: reference, money part, 1: retrievable for 13 months, then 404. The platform's own clock counts them.
#[tokio::test]
async fn transactions_are_shown_for_thirteen_months() {
    let world = World::new().await;
    let me = world.me().await;
    let s = scene(&me).await;
    let age = domain::retention::TRANSACTIONS_SHOWN_MS;
    // The pay-in was made a second before the first transfer, and that a second before the other.
    world.run("me", domain::platform::AdvanceClock { by_ms: age - 2_000 }).await.unwrap();
    me.get(&format!("/payins/{}", s.pay_in)).await.is_not_found("PayIn", &s.pay_in);
    assert_eq!(me.get(&format!("/transfers/{}", s.transfer)).await.status, 200);
    let listed = me.get(&format!("/wallets/{}/transactions", s.from)).await;
    is_list_of(&listed, 2, 1);
    assert_eq!(listed.each("Id"), [s.transfer.clone(), s.failed.clone()]);

    world.run("me", domain::platform::AdvanceClock { by_ms: 2_000 }).await.unwrap();
    me.get(&format!("/transfers/{}", s.transfer)).await.is_not_found("Transfer", &s.transfer);
    is_list_of(&me.get(&format!("/users/{}/transactions", s.payer)).await, 0, 0);
    is_list_of(&me.get(&format!("/users/{}/transactions?Status=SUCCEEDED", s.payer)).await, 0, 0);
    assert_eq!(me.get(&format!("/wallets/{}", s.from)).await.json()["Balance"]["Amount"], 700, "the money is where it was");
}
