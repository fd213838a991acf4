//! Pay-ins with a registered card.

use domain::card::Verdict;
use serde_json::json;

use crate::harness::{NOW_S, with};
use crate::scene::{ASKING, PLAIN, Scene, eur, fees};

#[tokio::test]
async fn a_frictionless_payment_succeeds_at_once_and_shows_every_field() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    let request = with(
        &c.direct(),
        json!({
            "StatementDescriptor": "Shop 7",
            "Culture": "en",
            "IpAddress": "2001:0620:0000:0000:0211:24FF:FE80:C12C",
            "BrowserInfo": {"AcceptHeader": "*/*", "JavaEnabled": true, "Language": "FR-FR", "ColorDepth": 4, "ScreenHeight": 1800,
                "ScreenWidth": 400, "JavascriptEnabled": true, "TimeZoneOffset": "+60", "UserAgent": "agent"},
            "Billing": {"FirstName": "John", "LastName": "Doe", "Address": {"AddressLine1": "4101 Reservoir Rd NW", "AddressLine2": "",
                "City": "Washington", "Region": "District of Columbia", "PostalCode": "68400", "Country": "US"}},
            "PaymentType": "CARD", "ExecutionType": "DIRECT", "data": {"CardId": null},
        }),
    );
    let seen = me.post("/payins/card/direct/", &request).await;
    let id = seen.get("Id");
    let expected = format!(
        concat!(
            r#"{{"Id":"{id}","Tag":null,"CreationDate":{now},"AuthorId":"{payer}","CreditedUserId":"{seller}","#,
            r#""DebitedFunds":{{"Currency":"EUR","Amount":1000}},"CreditedFunds":{{"Currency":"EUR","Amount":900}},"#,
            r#""Fees":{{"Currency":"EUR","Amount":100}},"Status":"SUCCEEDED","ResultCode":"000000","ResultMessage":"Success","#,
            r#""ExecutionDate":{now},"Type":"PAYIN","Nature":"REGULAR","CreditedWalletId":"{wallet}","DebitedWalletId":null,"#,
            r#""PaymentType":"CARD","ExecutionType":"DIRECT","SecureMode":"DEFAULT","CardId":"{card}","#,
            r#""SecureModeReturnURL":"http://test.com/back?order=7&transactionId={id}","SecureModeRedirectURL":null,"#,
            r#""SecureModeNeeded":false,"Culture":"EN","SecurityInfo":{{"AVSResult":"NO_CHECK"}},"StatementDescriptor":"Shop 7","#,
            r#""BrowserInfo":{{"AcceptHeader":"*/*","JavaEnabled":true,"Language":"FR-FR","ColorDepth":4,"ScreenHeight":1800,"#,
            r#""ScreenWidth":400,"TimeZoneOffset":60,"UserAgent":"agent","JavascriptEnabled":true}},"#,
            r#""IpAddress":"2001:0620:0000:0000:0211:24FF:FE80:C12C","Billing":{{"FirstName":"John","LastName":"Doe","#,
            r#""Address":{{"AddressLine1":"4101 Reservoir Rd NW","AddressLine2":null,"City":"Washington","#,
            r#""Region":"District of Columbia","PostalCode":"68400","Country":"US"}}}},"Shipping":null,"#,
            r#""Requested3DSVersion":null,"Applied3DSVersion":"V2_1","RecurringPayinRegistrationId":null,"#,
            r#""PreferredCardNetwork":null,"PaymentCategory":"ECommerce","CardInfo":{{"BIN":"497010","#,
            r#""IssuingBank":"LA BANQUE POSTALE","IssuerCountryCode":"FR","Type":"CREDIT","Brand":"VISA","SubType":null}},"#,
            r#""AuthenticationResult":{{"AuthenticationType":"FRICTIONLESS"}}}}"#
        ),
        id = id,
        now = NOW_S,
        payer = c.payer,
        seller = c.seller,
        wallet = c.wallet,
        card = c.card,
    );
    assert_eq!((seen.status, seen.text), (200, expected.clone()));
    assert_eq!(me.get(&format!("/payins/{id}")).await.text, expected);
    assert_eq!((c.balance(&me).await, fees(&me).await), (900, 100));
    assert_eq!(me.get(&format!("/cards/{}", c.card)).await.get("Validity"), "VALID");
    let listed = me.get(&format!("/users/{}/transactions?Type=PAYIN", c.payer)).await;
    assert_eq!(listed.each("Id"), [id]);
}

#[tokio::test]
async fn a_challenged_payment_waits_for_its_payer() {
    let s = Scene::new().await;
    let c = s.cast(ASKING).await;
    let me = s.world.me().await;
    let new = || async { me.post("/payins/card/direct", &c.direct()).await };
    let seen = new().await;
    let id = seen.get("Id");
    let json = seen.json();
    assert_eq!(
        (seen.status, &*seen.get("Status"), &json["ResultCode"], &json["ExecutionDate"]),
        (200, "CREATED", &json!(null), &json!(null))
    );
    assert_eq!((&json["SecureModeNeeded"], &json["Applied3DSVersion"]), (&json!(true), &json!("V2_1")));
    let url = seen.get("SecureModeRedirectURL");
    let link = url.strip_prefix("http://localhost:8080/pay/3ds/").expect("a page of ours");
    assert_eq!(link.len(), 86);
    assert_eq!(me.get(&format!("/payins/{id}")).await.text, seen.text);
    assert_eq!(c.balance(&me).await, 0);
    s.authenticate(&id, Verdict::Passed).await;
    let done = me.get(&format!("/payins/{id}")).await;
    assert_eq!((&*done.get("Status"), &done.json()["AuthenticationResult"]["AuthenticationType"]), ("SUCCEEDED", &json!("CHALLENGE")));
    assert_eq!(c.balance(&me).await, 900);
    for (verdict, code) in [(Verdict::Failed, "101301"), (Verdict::Abandoned, "101002")] {
        let id = new().await.get("Id");
        s.authenticate(&id, verdict).await;
        let done = me.get(&format!("/payins/{id}")).await;
        assert_eq!((&*done.get("Status"), &*done.get("ResultCode")), ("FAILED", code));
    }
    let id = new().await.get("Id");
    s.world.advance_ms(15 * 60_000);
    s.work().await;
    let me = s.world.me().await;
    let done = me.get(&format!("/payins/{id}")).await;
    assert_eq!((&*done.get("Status"), &*done.get("ResultCode")), ("FAILED", "101304"), "nobody came");
    assert_eq!(c.balance(&me).await, 900);
}

#[tokio::test]
async fn nobody_authenticates_by_telephone() {
    let s = Scene::new().await;
    let c = s.cast(ASKING).await;
    let me = s.world.me().await;
    let seen = me.post("/payins/card/direct", &with(&c.direct(), json!({"PaymentCategory": "TelephoneOrder"}))).await;
    let json = seen.json();
    assert_eq!((&json["Status"], &json["SecureModeNeeded"]), (&json!("SUCCEEDED"), &json!(false)));
    assert_eq!((&json["Applied3DSVersion"], &json["AuthenticationResult"]), (&json!(null), &json!(null)));
}

#[tokio::test]
async fn magic_values_are_refused_with_their_codes() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    for (amount, code, message) in [
        (33_305, "101101", "Transaction refused by the bank (Do not honor)"),
        (33_313, "001013", "Invalid transaction amount"),
        (33_334, "008006", "Fraud suspected by the bank"),
        (33_394, "009199", "PSP technical error"),
    ] {
        let seen = me.post("/payins/card/direct", &with(&c.direct(), json!({"DebitedFunds": eur(amount)}))).await;
        let json = seen.json();
        assert_eq!((seen.status, &json["Status"], &json["ResultCode"]), (200, &json!("FAILED"), &json!(code)), "{amount}");
        assert_eq!((&json["ResultMessage"], &json["ExecutionDate"]), (&json!(message), &json!(null)));
    }
    assert_eq!((c.balance(&me).await, fees(&me).await), (0, 0));
    let forced = me.post("/payins/card/direct", &with(&c.direct(), json!({"SecureMode": "FORCE"}))).await;
    assert_eq!((&forced.json()["SecureModeNeeded"], &*forced.get("SecureMode")), (&json!(true), "FORCE"));
}

#[tokio::test]
async fn a_postal_code_is_checked_in_pounds() {
    let s = Scene::new().await;
    let me = s.world.me().await;
    let (payer, seller) = (me.payer().await, me.owner().await);
    let (wallet, card) = (me.wallet(&seller, "GBP").await, s.register(&me, &payer, "GBP", PLAIN).await);
    let gbp = |amount| json!({"Currency": "GBP", "Amount": amount});
    for (code, result) in [
        ("22000", "FULL_MATCH"),
        ("12AB", "ADDRESS_MATCH_ONLY"),
        ("2100", "POSTAL_CODE_MATCH_ONLY"),
        ("14", "NO_MATCH"),
        ("99", "NO_CHECK"),
    ] {
        let address = json!({"AddressLine1": "1 High St", "City": "London", "PostalCode": code, "Country": "GB"});
        let request = json!({
            "AuthorId": payer, "CreditedWalletId": wallet, "DebitedFunds": gbp(33_305), "Fees": gbp(0), "CardId": card,
            "SecureModeReturnURL": "http://test.com", "Billing": {"FirstName": "A", "LastName": "B", "Address": address},
        });
        let seen = me.post("/payins/card/direct", &request).await;
        assert_eq!((&*seen.get("Status"), &seen.json()["SecurityInfo"]["AVSResult"]), ("SUCCEEDED", &json!(result)), "{code}");
    }
}

#[tokio::test]
async fn each_error_has_its_answer() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    let other = s.world.client("other").await;
    let stranger = other.payer().await;
    let foreign_wallet = other.wallet(&other.owner().await, "EUR").await;
    let foreign_card = s.register(&other, &stranger, "EUR", PLAIN).await;
    let pounds = me.wallet(&c.seller, "GBP").await;
    for (change, kind, field, text) in [
        (json!({"AuthorId": stranger}), "param_error", "AuthorId", "AuthorId is not valid"),
        (json!({"CreditedWalletId": foreign_wallet}), "param_error", "CreditedWalletId", "CreditedWalletId is not valid"),
        (json!({"CreditedWalletId": "FEES_EUR"}), "param_error", "CreditedWalletId", "CreditedWalletId is not valid"),
        (json!({"CardId": foreign_card}), "param_error", "CardId", "CardId is not valid"),
        (json!({"CardId": null}), "param_error", "CardId", "The CardId field is required."),
        (
            json!({"SecureModeReturnURL": "test.com"}),
            "param_error",
            "SecureModeReturnURL",
            "The SecureModeReturnURL field is not a valid fully-qualified http, https, or ftp URL.",
        ),
        (
            json!({"SecureModeReturnURL": format!("http://test.com/{}", "x".repeat(240))}),
            "param_error",
            "SecureModeReturnURL",
            "The field SecureModeReturnURL must be a string with a maximum length of 255.",
        ),
        (
            json!({"DebitedFunds": eur(0)}),
            "param_error",
            "DebitedFunds.Amount",
            "The field Amount must be between 1 and 9223372036854775807.",
        ),
        (json!({"Fees": eur(1_001)}), "param_error", "Fees", "Fees cannot be higher than DebitedFunds"),
        (json!({"CreditedUserId": c.payer}), "param_error", "CreditedUserId", "CreditedUserId should be the Credited wallet owner"),
        (json!({"SecureMode": "SOMETIMES"}), "param_error", "SecureMode", "The value SOMETIMES is not valid"),
        (
            json!({"DebitedFunds": {"Currency": "GBP", "Amount": 5}}),
            "currency_incompatibility",
            "currency",
            "The card's currency EUR and the debitedAmount's currency GBP must be the same",
        ),
        (
            json!({"CreditedWalletId": pounds}),
            "currency_incompatibility",
            "currency",
            "The Wallet's currency GBP and the DebitedFunds's currency EUR must be the same",
        ),
    ] {
        let seen = me.post("/payins/card/direct", &with(&c.direct(), change.clone())).await;
        assert_eq!((seen.status, &*seen.get("Type"), &*seen.field_error(field)), (400, kind, text), "{change}");
    }
    let seen = me.post("/payins/card/direct", &json!({})).await;
    let required = ["AuthorId", "CardId", "CreditedWalletId", "DebitedFunds", "Fees", "SecureModeReturnURL"];
    assert_eq!(seen.wrong_fields(), required);
    for (change, code) in [(json!({"AuthorId": c.seller}), "001023"), (json!({"Fees": eur(1_000)}), "001014")] {
        let seen = me.post("/payins/card/direct", &with(&c.direct(), change)).await;
        assert_eq!((seen.status, &*seen.get("Status"), &*seen.get("ResultCode")), (200, "FAILED", code));
    }
    assert_eq!((c.balance(&me).await, fees(&me).await), (0, 0));
    me.delete(&format!("/users/natural/{}", c.payer)).await;
    me.post("/payins/card/direct", &c.direct()).await.is_error(400, "user_closed");
}

#[tokio::test]
async fn a_keyed_payment_is_made_once_and_its_answer_kept() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    let key = [("Idempotency-Key", "abcdefghij0123456789")];
    let body = c.direct().to_string();
    let first = me.call("POST", "/payins/card/direct", &key, &body).await;
    assert_eq!((first.status, &*first.get("Status")), (200, "SUCCEEDED"));
    me.call("POST", "/payins/card/direct", &key, &body).await.is_error(409, "idempotent_creation_conflict");
    let stored = me.get("/responses/abcdefghij0123456789").await.json();
    assert_eq!((&stored["StatusCode"], &stored["Resource"]), (&json!("200"), &first.json()));
    assert_eq!(c.balance(&me).await, 900);
    let wrong = [("Idempotency-Key", "abcdefghij9876543210")];
    let refused = me.call("POST", "/payins/card/direct", &wrong, &with(&c.direct(), json!({"CardId": "x"})).to_string()).await;
    refused.is_error(400, "param_error");
    assert_eq!(me.get("/responses/abcdefghij9876543210").await.json()["StatusCode"], json!("400"));
}

#[tokio::test]
async fn anothers_pay_in_is_not_found() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    let id = me.made("/payins/card/direct", &c.direct()).await;
    let other = s.world.client("other").await;
    other.get(&format!("/payins/{id}")).await.is_not_found("PayIn", &id);
}

/// What an acquirer has taken must be booked: the acquirer is not asked for sums that accounts could not hold.
#[tokio::test]
async fn more_than_any_payment_may_be_of_is_refused_and_hinders_nobody() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let me = s.world.me().await;
    let of = |amount: i64| with(&c.direct(), json!({"DebitedFunds": eur(amount), "Fees": eur(0)}));
    for amount in [i64::MAX, domain::payment::CARD_PAY_IN_MAX_MINOR + 1] {
        let seen = me.post("/payins/card/direct", &of(amount)).await;
        assert_eq!((seen.status, &*seen.get("Status"), &*seen.get("ResultCode")), (200, "FAILED", "001011"), "{amount}");
        assert_eq!(seen.get("ResultMessage"), "Transaction amount is higher than maximum permitted amount");
    }
    assert_eq!(me.post("/payins/card/direct", &of(1_000)).await.get("Status"), "SUCCEEDED");
    assert_eq!(c.balance(&me).await, 1_000);
}
