//! A rehearsal is as strict as production, in each of its parts; rate limits are in `settlement`.

use serde_json::{Value, json};

use crate::party::{eur, text};
use crate::world::{NEVER_INSTANT, WAITS, World};

impl World {
    async fn rehearses(&self, is_so: bool) {
        assert_eq!(self.done("/policy", json!({"rehearsal": is_so})).await["rehearsal"], json!(is_so));
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send("me", "POST", &format!("/v2.01/me{path}"), None, &body.to_string()).await
    }
}

fn person(first_name: &str, email: &str) -> Value {
    json!({
        "FirstName": first_name, "LastName": "Byron", "Email": email, "UserCategory": "OWNER", "Birthday": 652_117_514,
        "Nationality": "FR", "CountryOfResidence": "FR", "TermsAndConditionsAccepted": true,
    })
}

#[tokio::test]
async fn names_that_look_made_up_are_refused() {
    let world = World::new().await;
    let register = async || world.post("/users/natural", person("test", "ada@example.com")).await.0;
    assert_eq!(register().await, 200);
    world.rehearses(true).await;
    assert_eq!(register().await, 400);
}

#[tokio::test]
async fn hooks_have_to_be_encrypted() {
    let world = World::new().await;
    let listen = async |event: &str, url: &str| world.post("/hooks", json!({"EventType": event, "Url": url})).await.0;
    assert_eq!(listen("PAYIN_NORMAL_CREATED", "http://127.0.0.1:1/hook").await, 200);
    world.rehearses(true).await;
    assert_eq!(listen("PAYIN_NORMAL_FAILED", "http://127.0.0.1:1/hook").await, 400);
    assert_eq!(listen("PAYIN_NORMAL_FAILED", "https://127.0.0.1:1/hook").await, 200);
}

#[tokio::test]
async fn transactions_are_not_found_after_thirteen_months() {
    let world = World::new().await;
    world.rehearses(true).await;
    let party = world.party().await;
    let pay_in = text(&world.declare(&party, 1_000, 0).await, "Id");
    let look = async || world.send("me", "GET", &format!("/v2.01/me/payins/{pay_in}"), None, "").await.0;
    world.done("/clock/advance", json!({"days": 390})).await;
    assert_eq!(look().await, 200);
    world.done("/clock/advance", json!({"days": 10})).await;
    assert_eq!(look().await, 404);
}

#[tokio::test]
async fn magic_accounts_are_like_any_other_and_banks_take_their_time() {
    let world = World::new().await;
    let (_, waiting) = world.paid_out(WAITS, None).await;
    let (_, instant) = world.paid_out(NEVER_INSTANT, Some("INSTANT_PAYMENT_ONLY")).await;
    let (_, refused) = world.paid_out(WAITS, None).await;
    world.rehearses(true).await;
    world.done("/settle", json!({})).await;
    for payout in [&waiting, &instant, &refused] {
        assert_eq!(world.payout(payout).await["Status"], json!("CREATED"), "{payout}");
    }
    world.done(&format!("/payouts/{refused}/fail"), json!({"code": "121005"})).await;
    world.done("/clock", json!({"advance": "3d"})).await;
    for payout in [&waiting, &instant] {
        assert_eq!(world.payout(payout).await["Status"], json!("SUCCEEDED"), "{payout}");
    }
    assert_eq!(world.payout(&refused).await["ResultCode"], json!("121005"), "orders of the sandbox work");
}

#[tokio::test]
async fn magic_amounts_are_like_any_other_also_behind_the_payers_authentication() {
    let world = World::new().await;
    let party = world.party().await;
    world.done(&format!("/users/{}/verify", party.user), json!({})).await;
    assert_eq!(world.charged_for(&party, "DEFAULT", 33_305).await["ResultCode"], json!("101101"));
    world.rehearses(true).await;
    assert_eq!(world.charged_for(&party, "DEFAULT", 33_305).await["Status"], json!("SUCCEEDED"));
    let asked = text(&world.charged_for(&party, "FORCE", 33_343).await, "Id");
    world.done(&format!("/payins/{asked}/3ds/pass"), json!({})).await;
    assert_eq!(world.get(&format!("/payins/{asked}")).await["Status"], json!("SUCCEEDED"));
}

#[tokio::test]
async fn owners_are_asked_whatever_their_address_and_nobody_acts_for_them_unasked() {
    let world = World::new().await;
    let mut owner = person("Ada", "accept@example.com");
    owner["PhoneNumber"] = json!("+33611111111");
    owner["PhoneNumberCountry"] = json!("FR");
    owner["ScaContext"] = json!("USER_PRESENT");
    let enroll = async || world.post("/sca/users/natural", owner.clone()).await.1["UserStatus"].clone();
    assert_eq!(enroll().await, json!("ACTIVE"));
    let (from, to) = (world.party().await, world.party().await);
    world.fund(&from, 1_000).await;
    world.done(&format!("/users/{}/verify", to.user), json!({})).await;
    let transfer = async |context: Option<&str>| {
        let body = json!({
            "AuthorId": from.user, "DebitedFunds": eur(100), "Fees": eur(0), "DebitedWalletId": from.wallet, "CreditedWalletId": to.wallet,
            "ScaContext": context,
        });
        let (status, answer) = world.post("/transfers", body).await;
        (status, answer["Type"].clone())
    };
    assert_eq!(transfer(Some("USER_NOT_PRESENT")).await.0, 200);
    world.rehearses(true).await;
    assert_eq!(enroll().await, json!("PENDING_USER_ACTION"));
    assert_eq!(transfer(Some("USER_NOT_PRESENT")).await, (403, json!("sca_proxy_missing")));
    assert_eq!(transfer(Some("USER_PRESENT")).await.0, 200);
}
