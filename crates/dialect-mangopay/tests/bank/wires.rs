//! Bank wires into the platform's own wallets, and what arrives that nobody announced.

use domain::Secret;
use domain::payment::{BankCredit, ReceiveWire, Received};
use money::{Currency, Money};
use serde_json::{Value, json};

use crate::harness::{World, is_list_of, with};

fn eur(amount: i64) -> Value {
    json!({"Currency": "EUR", "Amount": amount})
}

#[tokio::test]
async fn the_platform_fills_its_own_wallets_by_wire() {
    let world = World::new().await;
    let me = world.me().await;
    for (wallet, path) in [("CREDIT_EUR", "CREDIT/EUR"), ("FEES_EUR", "FEES/EUR")] {
        let body = json!({"CreditedWalletId": wallet, "DeclaredDebitedFunds": eur(1_000)});
        let seen = me.post("/clients/payins/bankwire/direct", &body).await;
        let shown = ["Type", "Status", "PaymentType", "ExecutionType", "AuthorId", "CreditedUserId", "CreditedWalletId"];
        let shown = shown.map(|name| seen.get(name));
        assert_eq!(shown, ["PAYIN", "CREATED", "BANK_WIRE", "DIRECT", "me", "me", wallet], "{}", seen.text);
        assert_eq!(seen.json()["DeclaredFees"], eur(0));
        let id = seen.get("Id");
        assert_eq!(me.get(&format!("/payins/{id}")).await.text, seen.text);
        let remittance = Some(Secret::new(format!("ref {}", seen.get("WireReference"))));
        let received = Money::new(1_000, Currency::EUR).unwrap();
        let credit = BankCredit { reference: wallet.to_owned(), hash: if wallet == "CREDIT_EUR" { [1; 32] } else { [2; 32] } };
        let wire = ReceiveWire { credit, remittance, received, booked_at: None, debtor: None };
        assert!(matches!(world.run("me", wire).await, Ok(Received::Credited(_))));
        let wallet = me.get(&format!("/clients/wallets/{path}")).await;
        assert_eq!(wallet.json()["Balance"], eur(1_000));
        is_list_of(&me.get(&format!("/clients/wallets/{path}/transactions")).await, 1, 1);
        assert_eq!(me.get(&format!("/payins/{id}")).await.json()["DebitedFunds"], eur(1_000));
    }
}

#[tokio::test]
async fn wrong_wires_to_the_platform_are_refused() {
    let world = World::new().await;
    let me = world.me().await;
    let user = me.owner().await;
    let wallet = me.wallet(&user, "EUR").await;
    let body = json!({"CreditedWalletId": "CREDIT_EUR", "DeclaredDebitedFunds": eur(1_000)});
    for (change, kind, field) in [
        (json!({"CreditedWalletId": wallet}), "param_error", "CreditedWalletId"),
        (json!({"CreditedWalletId": "CREDIT_XXX"}), "param_error", "CreditedWalletId"),
        (json!({"CreditedWalletId": null}), "param_error", "CreditedWalletId"),
        (json!({"DeclaredDebitedFunds": null}), "param_error", "DeclaredDebitedFunds"),
        (json!({"DeclaredFees": eur(1_000)}), "param_error", "DeclaredFees"),
        (json!({"DeclaredDebitedFunds": {"Currency": "GBP", "Amount": 5}}), "currency_incompatibility", "currency"),
    ] {
        let seen = me.post("/clients/payins/bankwire/direct", &with(&body, change.clone())).await;
        seen.is_error(400, kind);
        assert_eq!(seen.wrong_fields(), [field], "{change}");
    }
}

#[tokio::test]
async fn a_wire_with_a_fee_stands_among_the_fees() {
    let world = World::new().await;
    let me = world.me().await;
    let user = me.owner().await;
    let wallet = me.wallet(&user, "EUR").await;
    let pay_in = me.fund(&user, &wallet, 1_000, 30).await;
    let seen = me.get("/clients/wallets/FEES/EUR/transactions").await;
    is_list_of(&seen, 1, 1);
    assert_eq!(seen.each("Id"), [pay_in]);
}
