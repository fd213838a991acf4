//! Payouts, their two views, what comes back of them, and whether they could be instant.

use std::sync::Arc;

use dialect_mangopay::wire::ids::{Prefix, parse};
use domain::bank_account::BankDetails;
use domain::payment::{
    AppliedMode, BankVerdict, Debtor, InstantReach, PreparePayout, ReceiveBankWire, ReceivingAccount, Refusal, ReturnPayout, ReturnReason,
    Sent, SettlePayout, end_to_end_id,
};
use domain::platform::MagicValues;
use domain::user::VerifyUser;
use domain::{PaymentId, Timestamp};
use engine::rail::bank::{BankRail, CreditTransfer, TransferState};
use engine::rail::{RailError, RailFuture};
use serde_json::{Value, json};

use crate::bank_accounts::{FRENCH, iban};
use crate::harness::{Client, NOW_S, World, is_list_of, user_id, with};

/// A bank that reaches nobody instantly but [`FRENCH`], and does nothing else.
struct FarBank;

impl FarBank {
    fn silent<T: Send + 'static>() -> RailFuture<'static, T> {
        Box::pin(async { Err(RailError::Unavailable("it is silent".to_owned())) })
    }
}

impl BankRail for FarBank {
    fn send(&self, _: CreditTransfer) -> RailFuture<'_, TransferState> {
        Self::silent()
    }

    fn ask(&self, _: &str, _: Timestamp) -> RailFuture<'_, TransferState> {
        Self::silent()
    }

    fn recall(&self, _: &str) -> RailFuture<'_, TransferState> {
        Self::silent()
    }

    fn takes_instant(&self, account: &BankDetails, _: MagicValues) -> RailFuture<'_, InstantReach> {
        let reach = match account {
            BankDetails::Iban { iban, .. } if iban.expose().as_str() == FRENCH => InstantReach::Reachable,
            _ => InstantReach::Unreachable,
        };
        Box::pin(async move { Ok(reach) })
    }

    fn receiving_account(&self) -> ReceivingAccount {
        let text = str::to_owned;
        ReceivingAccount {
            owner_name: text("FAR BANK"),
            address_line1: text("1"),
            city: text("C"),
            postal_code: text("1"),
            country: text("LU"),
            iban: text("LU280019400644750000"),
            bic: text("FARBLULL"),
        }
    }
}

struct Scene<'w> {
    me: Client<'w>,
    user: String,
    wallet: String,
    account: String,
}

async fn world() -> World {
    World::with(|config| config.rails.bank = Some(Arc::new(FarBank))).await
}

/// A verified owner with 10 euros and a bank account.
async fn scene(world: &World) -> Scene<'_> {
    let me = world.me().await;
    let user = me.owner().await;
    world.run("me", VerifyUser { user: user_id(&user) }).await.unwrap();
    let wallet = me.wallet(&user, "EUR").await;
    me.fund(&user, &wallet, 1_000, 0).await;
    let account = me.made(&format!("/users/{user}/bankaccounts/iban"), &iban()).await;
    Scene { me, user, wallet, account }
}

fn eur(amount: i64) -> Value {
    json!({"Currency": "EUR", "Amount": amount})
}

impl Scene<'_> {
    fn body(&self) -> Value {
        json!({
            "AuthorId": self.user,
            "CreditedUserId": self.user,
            "Tag": "custom",
            "DebitedFunds": eur(300),
            "Fees": eur(20),
            "DebitedWalletId": self.wallet,
            "BankAccountId": self.account,
            "BankWireRef": "invoice 7282",
            "PaymentType": "BANK_WIRE",
        })
    }

    async fn pay_out(&self, change: Value) -> String {
        self.me.made("/payouts/bankwire/", &with(&self.body(), change)).await
    }

    async fn balance(&self) -> i64 {
        self.me.get(&format!("/wallets/{}", self.wallet)).await.json()["Balance"]["Amount"].as_i64().unwrap()
    }

    async fn prepare(&self, payout: &str) {
        self.me.world.run("me", PreparePayout { payout: payment_id(payout) }).await.unwrap();
    }

    async fn settle(&self, payout: &str, verdict: BankVerdict) {
        self.prepare(payout).await;
        let world = self.me.world;
        let payment = world.reads.payment(world.platform("me").await, payment_id(payout)).await.unwrap().unwrap();
        world.run("me", SettlePayout::of(&payment, verdict)).await.unwrap();
    }

    async fn view(&self, payout: &str) -> Value {
        self.me.get(&format!("/payouts/bankwire/{payout}")).await.json()
    }
}

fn payment_id(text: &str) -> PaymentId {
    PaymentId(parse(&[Prefix::Payout], text).unwrap())
}

fn sent(mode: AppliedMode) -> BankVerdict {
    BankVerdict::Sent(Sent { mode, fallback: None, at: None, bank_reference: None })
}

#[tokio::test]
async fn a_payout_is_created_at_once_and_ends_by_the_banks_word() {
    let world = world().await;
    let s = scene(&world).await;
    let seen = s.me.post("/payouts/bankwire/", &s.body()).await;
    let id = seen.get("Id");
    let plain = format!(
        concat!(
            r#"{{"Id":"{id}","Tag":"custom","CreationDate":{now},"AuthorId":"{user}","CreditedUserId":null,"#,
            r#""DebitedFunds":{{"Currency":"EUR","Amount":300}},"CreditedFunds":{{"Currency":"EUR","Amount":280}},"#,
            r#""Fees":{{"Currency":"EUR","Amount":20}},"Status":"CREATED","ResultCode":null,"ResultMessage":null,"ExecutionDate":null,"#,
            r#""Type":"PAYOUT","Nature":"REGULAR","CreditedWalletId":null,"DebitedWalletId":"{wallet}","PaymentType":"BANK_WIRE","#,
            r#""BankAccountId":"{account}","BankWireRef":"invoice 7282","RecipientId":null"#
        ),
        id = id,
        now = NOW_S,
        user = s.user,
        wallet = s.wallet,
        account = s.account,
    );
    let mode = format!(
        concat!(
            r#","ModeRequested":null,"ModeApplied":"PENDING_RESPONSE","FallbackReason":null,"EndToEndId":"{reference}","PaymentRef":null,"#,
            r#""ChargeBearer":null,"RecipientVerificationOfPayee":null}}"#
        ),
        reference = end_to_end_id(payment_id(&id)),
    );
    let created = format!("{plain}{mode}");
    assert_eq!((seen.status, &*seen.text), (200, &*created));
    assert!(id.starts_with("po_m_"));
    assert_eq!(s.me.get(&format!("/payouts/bankwire/{id}")).await.text, created);
    assert_eq!(s.me.get(&format!("/payouts/{id}")).await.text, format!("{plain}}}"));
    assert_eq!(s.balance().await, 700, "its money is set aside");

    world.advance_ms(5_000);
    s.settle(&id, sent(AppliedMode::Standard)).await;
    let done = created
        .replace(
            r#""CREATED","ResultCode":null,"ResultMessage":null,"ExecutionDate":null"#,
            &format!(r#""SUCCEEDED","ResultCode":"000000","ResultMessage":"Success","ExecutionDate":{}"#, NOW_S + 5),
        )
        .replace("PENDING_RESPONSE", "STANDARD");
    assert_eq!(s.me.get(&format!("/payouts/bankwire/{id}")).await.text, done);
    assert_eq!(s.balance().await, 700);
    let fees = s.me.get("/clients/wallets/FEES/EUR").await.json()["Balance"]["Amount"].as_i64();
    assert_eq!(fees, Some(20));
    for list in [format!("/bankaccounts/{}/transactions", s.account), format!("/wallets/{}/transactions?Type=PAYOUT", s.wallet)] {
        let seen = s.me.get(&list).await;
        is_list_of(&seen, 1, 1);
        assert_eq!((seen.each("Id"), seen.each("Status")), (vec![id.clone()], vec!["SUCCEEDED".to_owned()]), "{list}");
    }
    let events = s.me.get("/events?EventType=PAYOUT_NORMAL_CREATED,PAYOUT_NORMAL_SUCCEEDED").await;
    assert_eq!(events.each("EventType"), ["PAYOUT_NORMAL_CREATED", "PAYOUT_NORMAL_SUCCEEDED"]);
}

#[tokio::test]
async fn what_the_business_has_against_it_is_told_by_its_end() {
    let world = world().await;
    let s = scene(&world).await;
    let light = s.me.owner().await;
    let payer = s.me.payer().await;
    let refused = async |author: &str, change: Value, code: &str, message: &str| {
        let wallet = s.me.wallet(author, "EUR").await;
        let account = s.me.made(&format!("/users/{author}/bankaccounts/iban"), &iban()).await;
        let ids = json!({"AuthorId": author, "DebitedWalletId": wallet, "BankAccountId": account});
        let id = s.pay_out(with(&ids, change)).await;
        s.prepare(&id).await;
        let seen = s.view(&id).await;
        let shown = (&seen["Status"], &seen["ResultCode"], &seen["ResultMessage"], &seen["ExecutionDate"]);
        assert_eq!(shown, (&json!("FAILED"), &json!(code), &json!(message), &json!(null)));
    };
    refused(&s.user, json!({}), "001001", "Unsufficient wallet balance").await;
    refused(&s.user, json!({"Fees": eur(300)}), "001014", "CreditedFunds must be more than 0 (DebitedFunds can not equal Fees)").await;
    let kyc = "Blocked due to the Bank Account User's KYC limitations (maximum debited or credited amount reached)";
    refused(&light, json!({}), "002998", kyc).await;
    refused(&payer, json!({}), "002701", "Refused due to author's UserCategory: PAYER").await;
    s.me.put(&format!("/users/{}/bankaccounts/{}", s.user, s.account), &json!({"Active": false})).await;
    for mode in [json!(null), json!("INSTANT_PAYMENT"), json!("RTGS_PAYMENT")] {
        let id = s.pay_out(json!({"PayoutModeRequested": mode})).await;
        s.prepare(&id).await;
        let seen = s.view(&id).await;
        assert_eq!((&seen["ResultCode"], &seen["ModeApplied"]), (&json!("121006"), &json!("NONE")), "no bank has heard of it");
    }
    assert_eq!(s.balance().await, 1_000);
}

#[tokio::test]
async fn each_error_has_its_answer() {
    let world = world().await;
    let s = scene(&world).await;
    let sibling = s.me.owner().await;
    let their_wallet = s.me.wallet(&sibling, "EUR").await;
    let their_account = s.me.made(&format!("/users/{sibling}/bankaccounts/iban"), &iban()).await;
    let other = world.client("other").await;
    let stranger = other.owner().await;
    let foreign_wallet = other.wallet(&stranger, "EUR").await;
    let foreign_account = other.made(&format!("/users/{stranger}/bankaccounts/iban"), &iban()).await;
    for (change, kind, field, text) in [
        (json!({"AuthorId": null}), "param_error", "AuthorId", "The AuthorId field is required."),
        (json!({"AuthorId": stranger}), "param_error", "AuthorId", "AuthorId is not valid"),
        (json!({"AuthorId": "10"}), "param_error", "AuthorId", "AuthorId is not valid"),
        (json!({"DebitedWalletId": foreign_wallet}), "param_error", "DebitedWalletId", "DebitedWalletId is not valid"),
        (json!({"DebitedWalletId": "FEES_EUR"}), "param_error", "DebitedWalletId", "DebitedWalletId is not valid"),
        (json!({"BankAccountId": foreign_account}), "param_error", "BankAccountId", "BankAccountId is not valid"),
        (json!({"BankAccountId": their_account}), "param_error", "BankAccountId", "BankAccountId is not valid"),
        (json!({"BankAccountId": null}), "param_error", "BankAccountId", "The BankAccountId field is required."),
        (json!({"Fees": null}), "param_error", "Fees", "The Fees field is required."),
        (json!({"Fees": eur(301)}), "param_error", "Fees", "Fees cannot be higher than DebitedFunds"),
        (
            json!({"DebitedFunds": eur(0)}),
            "param_error",
            "DebitedFunds.Amount",
            "The field Amount must be between 1 and 9223372036854775807.",
        ),
        (json!({"PayoutModeRequested": "ROCKET"}), "param_error", "PayoutModeRequested", "The value ROCKET is not valid"),
        (json!({"ChargeBearer": "BEN"}), "param_error", "ChargeBearer", "The value BEN is not valid"),
        (
            json!({"BankWireRef": "x".repeat(256)}),
            "param_error",
            "BankWireRef",
            "The field BankWireRef must be a string with a maximum length of 255.",
        ),
        (json!({"PaymentRef": {}}), "param_error", "PaymentRef.ReasonType", "The ReasonType field is required."),
        (
            json!({"PaymentRef": {"ReasonType": "PAYIN_REFUND", "ReferenceId": "payin_m_01JRFJJN9BR864A4KG7MH1WCZG"}}),
            "param_error",
            "PaymentRef.ReferenceId",
            "ReferenceId is not valid",
        ),
        (
            json!({"DebitedFunds": {"Currency": "GBP", "Amount": 300}, "Fees": {"Currency": "GBP", "Amount": 0}}),
            "currency_incompatibility",
            "currency",
            "The Wallet's currency EUR and the DebitedFunds's currency GBP must be the same",
        ),
    ] {
        let seen = s.me.post("/payouts/bankwire", &with(&s.body(), change.clone())).await;
        seen.is_error(400, kind);
        assert_eq!(seen.field_error(field), text, "{change}");
    }
    let seen = s.me.post("/payouts/bankwire", &with(&s.body(), json!({"DebitedWalletId": their_wallet}))).await;
    assert_eq!((seen.status, &*seen.get("Message")), (400, "Author should be the Debited wallet owner"));
    let seen = s.me.post("/payouts/bankwire", &with(&s.body(), json!({"AuthorId": sibling}))).await;
    assert_eq!((seen.status, &*seen.get("Message")), (400, "Author should be the Debited wallet owner"), "the author alone is wrong");
    let seen = s.me.post("/payouts/bankwire", &with(&s.body(), json!({"Fees": {"Currency": "GBP", "Amount": 1}}))).await;
    assert_eq!(seen.field_error("currency"), "The Wallet's currency EUR and the Fees's currency GBP must be the same");
    let seen = s.me.post("/payouts/bankwire", &json!({})).await;
    assert_eq!(seen.wrong_fields(), ["AuthorId", "BankAccountId", "DebitedFunds", "DebitedWalletId", "Fees"]);
    assert_eq!(s.balance().await, 1_000, "nothing of all this moved anything");
}

#[tokio::test]
async fn a_closed_user_pays_nothing_out() {
    let world = world().await;
    let s = scene(&world).await;
    let user = s.me.owner().await;
    let wallet = s.me.wallet(&user, "EUR").await;
    let account = s.me.made(&format!("/users/{user}/bankaccounts/iban"), &iban()).await;
    assert_eq!(s.me.delete(&format!("/users/natural/{user}")).await.status, 204);
    let ids = json!({"AuthorId": user, "DebitedWalletId": wallet, "BankAccountId": account});
    s.me.post("/payouts/bankwire", &with(&s.body(), ids)).await.is_error(400, "user_closed");
}

#[tokio::test]
async fn modes_are_echoed_and_told() {
    let world = world().await;
    let s = scene(&world).await;
    for (asked, verdict, applied, events) in [
        ("STANDARD", sent(AppliedMode::Standard), "STANDARD", vec!["PAYOUT_NORMAL_SUCCEEDED"]),
        ("RTGS_PAYMENT", sent(AppliedMode::Rtgs), "RTGS_PAYMENT", vec!["PAYOUT_NORMAL_SUCCEEDED"]),
        ("INSTANT_PAYMENT", sent(AppliedMode::Instant), "INSTANT_PAYMENT", vec!["INSTANT_PAYOUT_SUCCEEDED", "PAYOUT_NORMAL_SUCCEEDED"]),
        (
            "INSTANT_PAYMENT_ONLY",
            BankVerdict::Refused(Refusal::InstantTechnicalError),
            "NONE",
            vec!["INSTANT_PAYOUT_FAILED", "PAYOUT_NORMAL_FAILED"],
        ),
    ] {
        let amount = 100 + i64::try_from(asked.len()).unwrap();
        let id = s.pay_out(json!({"PayoutModeRequested": asked, "DebitedFunds": eur(amount)})).await;
        s.settle(&id, verdict).await;
        let seen = s.view(&id).await;
        assert_eq!((&seen["ModeRequested"], &seen["ModeApplied"], &seen["FallbackReason"]), (&json!(asked), &json!(applied), &json!(null)));
        let told = s.me.get("/events?per_page=100").await.json();
        let told: Vec<_> = told.as_array().unwrap().iter().filter(|event| event["ResourceId"] == json!(id)).skip(1).collect();
        assert_eq!(told.iter().map(|event| event["EventType"].as_str().unwrap()).collect::<Vec<_>>(), events, "{asked}");
    }
}

#[tokio::test]
async fn a_double_falls_back_with_its_reason() {
    let world = world().await;
    let s = scene(&world).await;
    let instant = json!({"PayoutModeRequested": "INSTANT_PAYMENT"});
    let first = s.pay_out(instant.clone()).await;
    s.settle(&first, sent(AppliedMode::Instant)).await;
    let second = s.pay_out(instant).await;
    s.prepare(&second).await;
    let seen = s.view(&second).await;
    let reason = json!({"Code": "130008", "Message": "Duplicate transaction identified"});
    assert_eq!((&seen["ModeApplied"], &seen["FallbackReason"], &seen["Status"]), (&json!("STANDARD"), &reason, &json!("CREATED")));
}

#[tokio::test]
async fn what_has_to_be_instant_needs_a_bank_that_can_be_reached() {
    let world = world().await;
    let s = scene(&world).await;
    let german = with(&iban(), json!({"IBAN": "DE75512108001245126199", "BIC": null}));
    let account = s.me.made(&format!("/users/{}/bankaccounts/iban", s.user), &german).await;
    let change = json!({"PayoutModeRequested": "INSTANT_PAYMENT_ONLY", "BankAccountId": account});
    let seen = s.me.post("/payouts/bankwire", &with(&s.body(), change)).await;
    seen.is_error(400, "param_error");
    let text = "The request for instant payment cannot be successful due to ineligibility ";
    assert_eq!(seen.field_error("PayoutModeRequested"), text);
    s.pay_out(json!({"PayoutModeRequested": "INSTANT_PAYMENT", "BankAccountId": account})).await;
}

#[tokio::test]
async fn eligibility_tells_whether_a_payout_could_be_instant() {
    let world = world().await;
    let s = scene(&world).await;
    let body = json!({
        "AuthorId": s.user,
        "DebitedFunds": eur(300),
        "DebitedWalletId": s.wallet,
        "BankAccountId": s.account,
        "PayoutModeRequested": "INSTANT_PAYMENT",
    });
    let seen = s.me.post("/payouts/reachability", &body).await;
    assert_eq!((seen.status, &*seen.text), (200, r#"{"InstantPayout":{"IsReachable":true,"UnreachableReason":null}}"#));
    let pounds = s.me.wallet(&s.user, "GBP").await;
    let german = with(&iban(), json!({"IBAN": "DE75512108001245126199", "BIC": null}));
    let german = s.me.made(&format!("/users/{}/bankaccounts/iban", s.user), &german).await;
    for (change, code) in [
        (json!({"DebitedFunds": eur(1_001)}), "001001"),
        (json!({"BankAccountId": german}), "130007"),
        (json!({"DebitedWalletId": pounds, "DebitedFunds": {"Currency": "GBP", "Amount": 1}}), "130001"),
    ] {
        let seen = s.me.post("/payouts/reachability", &with(&body, change.clone())).await;
        let shown = &seen.json()["InstantPayout"];
        assert_eq!((&shown["IsReachable"], &shown["UnreachableReason"]["Code"]), (&json!(false), &json!(code)), "{change}");
        assert!(!shown["UnreachableReason"]["Message"].as_str().unwrap().is_empty());
    }
    let seen = s.me.post("/payouts/reachability", &json!({})).await;
    let all = ["AuthorId", "BankAccountId", "DebitedFunds", "DebitedWalletId", "PayoutModeRequested"];
    assert_eq!(seen.wrong_fields(), all);
    let stranger = world.client("other").await.owner().await;
    let seen = s.me.post("/payouts/reachability", &with(&body, json!({"AuthorId": stranger}))).await;
    assert_eq!(seen.field_error("AuthorId"), "AuthorId is not valid");
    let sibling = s.me.owner().await;
    let seen = s.me.post("/payouts/reachability", &with(&body, json!({"AuthorId": sibling}))).await;
    assert_eq!(seen.wrong_fields(), ["BankAccountId", "DebitedWalletId"]);
    is_list_of(&s.me.get(&format!("/bankaccounts/{}/transactions", s.account)).await, 0, 0);
}

#[tokio::test]
async fn what_a_bank_sends_back_is_a_refund() {
    let world = world().await;
    let s = scene(&world).await;
    let id = s.pay_out(json!({})).await;
    let refunds = format!("/payouts/{id}/refunds");
    is_list_of(&s.me.get(&refunds).await, 0, 0);
    s.settle(&id, sent(AppliedMode::Standard)).await;
    let back = ReturnPayout { payout: payment_id(&id), reason: ReturnReason::AccountClosed, at: None, bank_reference: None };
    world.run("me", back).await.unwrap();
    let seen = s.me.get(&refunds).await;
    is_list_of(&seen, 1, 1);
    let refund = &seen.json()[0];
    let shown = (&refund["Type"], &refund["Nature"], &refund["Status"], &refund["DebitedFunds"], &refund["Fees"]["Amount"]);
    assert_eq!(shown, (&json!("PAYIN"), &json!("REFUND"), &json!("SUCCEEDED"), &eur(280), &json!(0)));
    let initial = (&refund["InitialTransactionId"], &refund["InitialTransactionType"], &refund["RefundReason"]);
    let reason = json!({"RefundReasonMessage": "AC04", "RefundReasonType": "BANKACCOUNT_HAS_BEEN_CLOSED"});
    assert_eq!(initial, (&json!(id), &json!("PAYOUT"), &reason));
    assert_eq!(s.me.get(&format!("/refunds/{}", refund["Id"].as_str().unwrap())).await.json(), *refund);
    let wallets = (&refund["CreditedWalletId"], &refund["DebitedWalletId"], &refund["CreditedUserId"]);
    assert_eq!(wallets, (&json!(s.wallet), &json!(null), &json!(null)));
    assert_eq!((s.balance().await, &s.view(&id).await["Status"]), (980, &json!("SUCCEEDED")));
    let account = s.me.get(&format!("/users/{}/bankaccounts/{}", s.user, s.account)).await;
    assert_eq!(account.json()["Active"], json!(false));
    let told = s.me.get("/events?EventType=PAYOUT_REFUND_CREATED,PAYOUT_REFUND_SUCCEEDED").await;
    is_list_of(&told, 2, 1);
}

#[tokio::test]
async fn every_reason_of_a_bank_is_told_by_the_vendors_word() {
    let world = world().await;
    let s = scene(&world).await;
    for (reason, code, word) in [
        (ReturnReason::HolderMismatch, "BE01", "OWNER_DO_NOT_MATCH_BANKACCOUNT"),
        (ReturnReason::SavingsAccount, "AG01", "AG01_FORBIDDEN_TRANSACTION"),
        (ReturnReason::Other, "MS03", "MS03_NOT_SPECIFIED"),
        (ReturnReason::AccountIncorrect, "AC01", "BANKACCOUNT_INCORRECT"),
    ] {
        let id = s.pay_out(json!({})).await;
        s.settle(&id, sent(AppliedMode::Standard)).await;
        world.run("me", ReturnPayout { payout: payment_id(&id), reason, at: None, bank_reference: None }).await.unwrap();
        let refund = &s.me.get(&format!("/payouts/{id}/refunds")).await.json()[0];
        assert_eq!(refund["RefundReason"], json!({"RefundReasonMessage": code, "RefundReasonType": word}));
    }
}

#[tokio::test]
async fn money_of_a_bank_wire_goes_back_to_its_payer() {
    let world = world().await;
    let s = scene(&world).await;
    let payer = s.me.payer().await;
    let wallet = s.me.wallet(&payer, "EUR").await;
    let account = s.me.made(&format!("/users/{payer}/bankaccounts/iban"), &iban()).await;
    let reference = |pay_in: &str| json!({"ReasonType": "PAYIN_REFUND", "ReferenceId": pay_in});
    let change = |pay_in: &str, amount: i64| {
        json!({
            "AuthorId": payer, "DebitedWalletId": wallet, "BankAccountId": account, "PaymentRef": reference(pay_in),
            "DebitedFunds": eur(amount), "Fees": eur(0), "ChargeBearer": "SHA",
        })
    };
    let unknown = s.me.fund(&payer, &wallet, 500, 0).await;
    let pay_in = s.me.declare_wire(&payer, &wallet, 500, 0).await;
    let came_from = domain::bank_account::Iban::parse(FRENCH).map(domain::Secret::new);
    world.run("me", received(&pay_in, came_from)).await.unwrap();

    let too_much = s.pay_out(change(&pay_in, 501)).await;
    s.prepare(&too_much).await;
    assert_eq!(s.view(&too_much).await["ResultCode"], json!("005403"));
    let id = s.pay_out(change(&pay_in, 500)).await;
    s.settle(&id, sent(AppliedMode::Standard)).await;
    let seen = s.view(&id).await;
    assert_eq!((&seen["Status"], &seen["PaymentRef"], &seen["ChargeBearer"]), (&json!("SUCCEEDED"), &reference(&pay_in), &json!("SHA")));
    let again = s.pay_out(change(&pay_in, 1)).await;
    s.prepare(&again).await;
    assert_eq!(s.view(&again).await["ResultCode"], json!("001401"));

    let refused = async |pay_in: &str| s.me.post("/payouts/bankwire", &with(&s.body(), change(pay_in, 500))).await;
    let open = s.me.declare_wire(&payer, &wallet, 500, 0).await;
    assert_eq!(refused(&open).await.field_error("PaymentRef.ReferenceId"), "The PayIn must have a SUCCEEDED Status");
    let seen = refused(&unknown).await;
    assert_eq!(
        seen.field_error("BankAccountId"),
        "The bank account must be the one debited by the PayIn",
        "nobody knows where it came from"
    );
}

/// Money of a declared wire of 5 euros, from an account that the bank told.
fn received(pay_in: &str, came_from: Option<domain::Secret<domain::bank_account::Iban>>) -> ReceiveBankWire {
    ReceiveBankWire {
        pay_in: PaymentId(parse(&[Prefix::PayIn], pay_in).unwrap()),
        to: None,
        received: money::Money::new(500, money::Currency::EUR).unwrap(),
        booked_at: domain::Timestamp::from_seconds(NOW_S),
        bank_reference: None,
        debtor: Some(Debtor { name: None, iban: came_from }),
    }
}

#[tokio::test]
async fn another_platforms_payout_is_not_there_and_no_other_kind_is_one() {
    let world = world().await;
    let s = scene(&world).await;
    let id = s.pay_out(json!({})).await;
    let pay_in = s.me.declare_wire(&s.user, &s.wallet, 100, 0).await;
    let other = world.client("other").await;
    for path in ["/payouts/ID", "/payouts/bankwire/ID", "/payouts/ID/refunds"] {
        other.get(&path.replace("ID", &id)).await.is_not_found("PayOut", &id);
        for wrong in ["10", "po_m_01JRFJJN9BR864A4KG7MH1WCZG", &pay_in, &pay_in.replace("payin_m_", "po_m_")] {
            s.me.get(&path.replace("ID", wrong)).await.is_not_found("PayOut", wrong);
        }
    }
}

#[tokio::test]
async fn the_platform_pays_out_what_it_earned() {
    let world = world().await;
    let s = scene(&world).await;
    s.me.fund(&s.user, &s.wallet, 1_000, 300).await;
    let account = s.me.made("/clients/bankaccounts/iban", &iban()).await;
    let body = json!({
        "DebitedWalletId": "FEES_EUR",
        "DebitedFunds": eur(120),
        "BankAccountId": account,
        "BankWireRef": "invoice 7282",
        "PayoutModeRequested": "STANDARD",
        "Tag": "bla",
    });
    let seen = s.me.post("/clients/payouts", &body).await;
    let shown = (seen.get("AuthorId"), seen.get("DebitedWalletId"), seen.get("Status"), seen.json()["Fees"].clone());
    assert_eq!(shown, ("me".to_owned(), "FEES_EUR".to_owned(), "CREATED".to_owned(), eur(0)));
    let balance = async || s.me.get("/clients/wallets/FEES/EUR").await.json()["Balance"]["Amount"].as_i64().unwrap();
    assert_eq!(balance().await, 180);
    s.settle(&seen.get("Id"), sent(AppliedMode::Standard)).await;
    assert_eq!(balance().await, 180);
    let too_much = s.me.made("/clients/payouts", &with(&body, json!({"DebitedFunds": eur(181)}))).await;
    s.prepare(&too_much).await;
    assert_eq!(s.view(&too_much).await["ResultCode"], json!("001001"));
    let from_nothing = s.me.made("/clients/payouts", &with(&body, json!({"DebitedWalletId": "CREDIT_EUR"}))).await;
    s.prepare(&from_nothing).await;
    assert_eq!(s.view(&from_nothing).await["ResultCode"], json!("001001"), "it never goes below zero by a payout");
    for (change, field) in [
        (json!({"DebitedWalletId": s.wallet}), "DebitedWalletId"),
        (json!({"BankAccountId": s.account}), "BankAccountId"),
        (json!({"DebitedWalletId": "FEES_XXX"}), "DebitedWalletId"),
    ] {
        let seen = s.me.post("/clients/payouts", &with(&body, change)).await;
        assert_eq!(seen.field_error(field), format!("{field} is not valid"));
    }
}

#[tokio::test]
async fn a_payout_is_made_once_a_key() {
    let world = world().await;
    let s = scene(&world).await;
    let keyed = [("Idempotency-Key", "0123456789abcdef")];
    let seen = s.me.call("POST", "/payouts/bankwire", &keyed, &s.body().to_string()).await;
    assert_eq!(seen.status, 200);
    s.me.call("POST", "/payouts/bankwire", &keyed, &s.body().to_string()).await.is_error(409, "idempotent_creation_conflict");
    assert_eq!(s.me.get("/responses/0123456789abcdef").await.json()["Resource"]["Id"], seen.json()["Id"]);
    assert_eq!(s.balance().await, 700);
}
