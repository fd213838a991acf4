//! The platform itself: its object, its logo, its own wallets.

use serde_json::json;

use crate::harness::{NOW_S, World, address, is_list_of};

const UNTOUCHED: &str = concat!(
    r#"{"PlatformType":null,"ClientId":"me","Name":"me","RegisteredName":"me","TechEmails":[],"AdminEmails":[],"BillingEmails":[],"#,
    r#""FraudEmails":[],"HeadquartersAddress":{"AddressLine1":null,"AddressLine2":null,"City":null,"Region":null,"PostalCode":null,"#,
    r#""Country":null},"HeadquartersPhoneNumber":null,"TaxNumber":null,"PlatformCategorization":{"BusinessType":null,"Sector":null},"#,
    r#""PlatformURL":null,"PlatformDescription":null,"CompanyReference":null,"PrimaryThemeColour":null,"PrimaryButtonColour":null,"#,
    r#""Logo":null,"CompanyNumber":null,"MCC":null,"Licensor":"EU"}"#
);

#[tokio::test]
async fn a_platform_says_things_about_itself() {
    let world = World::new().await;
    let me = world.me().await;
    assert_eq!(me.get("/clients").await.text, UNTOUCHED);
    let colours = json!({"PrimaryThemeColour": "#123456", "PrimaryButtonColour": "#654321", "HeadquartersPhoneNumber": 57_078});
    let seen = me.put("/clients", &colours).await;
    let expected = UNTOUCHED
        .replace(r#""PrimaryThemeColour":null"#, r##""PrimaryThemeColour":"#123456""##)
        .replace(r#""PrimaryButtonColour":null"#, r##""PrimaryButtonColour":"#654321""##)
        .replace(r#""HeadquartersPhoneNumber":null"#, r#""HeadquartersPhoneNumber":"57078""#);
    assert_eq!((seen.status, &*seen.text), (200, &*expected));
    let more = json!({
        "Name": "ignored",
        "Licensor": "UK",
        "TechEmails": ["a@b.co", "c@d.co"],
        "AdminEmails": "one@b.co",
        "HeadquartersAddress": address("FR"),
        "TaxNumber": "FR52",
        "PlatformURL": "http://example.com",
        "PlatformDescription": "A marketplace",
    });
    let seen = me.put("/clients", &more).await;
    for (name, value) in more.as_object().unwrap().iter().filter(|(name, _)| !["Name", "Licensor", "AdminEmails"].contains(&&***name)) {
        assert_eq!(&seen.json()[name], value, "{name}");
    }
    assert_eq!((&seen.json()["AdminEmails"], &*seen.get("Name"), &*seen.get("Licensor")), (&json!(["one@b.co"]), "me", "EU"));
    assert_eq!(seen.get("PrimaryThemeColour"), "#123456", "what is absent stays");
    assert_eq!(me.get("/clients").await.text, seen.text);
    // The whole object comes back from SDKs.
    assert_eq!(me.call("PUT", "/clients", &[], &seen.text).await.text, seen.text);
    assert_eq!(me.put("/clients", &json!({"TechEmails": []})).await.json()["TechEmails"], json!([]));
    assert_eq!(world.client("other").await.get("/clients").await.text, UNTOUCHED.replace("\"me\"", "\"other\""));
}

#[tokio::test]
async fn every_wrong_field_of_the_client_is_named_at_once() {
    let world = World::new().await;
    let me = world.me().await;
    let body = json!({
        "TechEmails": ["x"],
        "AdminEmails": [format!("{}@example.com", "x".repeat(40))],
        "BillingEmails": {"a": 1},
        "HeadquartersAddress": {"AddressLine1": "1", "City": "x", "Country": "FR"},
        "HeadquartersPhoneNumber": "1234567890123456",
        "PlatformDescription": "x".repeat(2_001),
        "PrimaryThemeColour": "red",
        "PrimaryButtonColour": "#12345g",
    });
    let seen = me.put("/clients", &body).await;
    seen.is_error(400, "param_error");
    let wrong = [
        "AdminEmails",
        "BillingEmails",
        "HeadquartersAddress.PostalCode",
        "HeadquartersPhoneNumber",
        "PlatformDescription",
        "PrimaryButtonColour",
        "PrimaryThemeColour",
        "TechEmails",
    ];
    assert_eq!(seen.wrong_fields(), wrong);
    assert_eq!(seen.field_error("AdminEmails"), "The field AdminEmails must be a string with a maximum length of 40.");
    assert_eq!(
        seen.field_error("PrimaryThemeColour"),
        "The field PrimaryThemeColour must match the regular expression '^#[0-9a-fA-F]{6}$'."
    );
    assert_eq!(me.get("/clients").await.text, UNTOUCHED);
}

#[tokio::test]
async fn a_logo_is_uploaded_and_shown_to_everybody() {
    // One transparent pixel.
    const GIF: &str = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";
    let world = World::new().await;
    let me = world.me().await;
    let seen = me.put("/clients/logo", &json!({"File": GIF})).await;
    assert_eq!((seen.status, &*seen.text), (204, ""));
    let url = me.get("/clients").await.get("Logo");
    let path = url.strip_prefix("http://localhost:8080").unwrap();
    let image = world.send(http::Request::get(path).body("".into()).unwrap()).await;
    assert_eq!((image.status, image.header("content-type"), &image.bytes[..6]), (200, "image/gif", &b"GIF89a"[..]));
    assert_eq!(image.header("x-content-type-options"), "nosniff");
    // Another one replaces it.
    let png = "iVBORw0KGgo=";
    assert_eq!(me.put("/clients/logo", &json!({"File": png})).await.status, 204);
    let image = world.send(http::Request::get(path).body("".into()).unwrap()).await;
    assert_eq!(image.header("content-type"), "image/png");
    assert!(world.client("other").await.get("/clients").await.json()["Logo"].is_null());
    for path in ["/logos/12", "/logos/%ff", "/logos/01937e1a-9c4b-7d2e-8f01-23456789abcd"] {
        assert_eq!(world.send(http::Request::get(path).body("".into()).unwrap()).await.status, 404);
    }
}

#[tokio::test]
async fn what_is_no_logo_is_refused() {
    let world = World::new().await;
    let me = world.me().await;
    let seen = me.put("/clients/logo", &json!({})).await;
    assert_eq!((seen.status, &*seen.field_error("File")), (400, "The File field is required."));
    let seen = me.put("/clients/logo", &json!({"File": "%%%"})).await;
    assert_eq!((seen.status, &*seen.field_error("File")), (400, "Invalid length for a Base-64 char array or string."));
    me.put("/clients/logo", &json!({"File": "PHN2Zy8+"})).await.is_error(415, "other");
    let large = format!("R0lGODlh{}", "A".repeat(1_500_000));
    me.put("/clients/logo", &json!({"File": large})).await.is_error(413, "other");
    assert!(me.get("/clients").await.json()["Logo"].is_null());
}

/// The old sign-up is not offered any more, by the vendor or here: platforms are made by whoever runs the server.
#[tokio::test]
async fn nobody_signs_up() {
    let world = World::new().await;
    let request = http::Request::post("/v2.01/clients").body(r#"{"ClientId":"new","Name":"x","Email":"a@b.co"}"#.into()).unwrap();
    world.send(request).await.is_error(404, "ressource_not_found");
}

#[tokio::test]
async fn fees_are_earned_in_a_wallet_of_the_platforms_own() {
    let world = World::new().await;
    let me = world.me().await;
    for path in ["/clients/wallets", "/clients/wallets/FEES", "/clients/wallets/credit", "/clients/transactions"] {
        let seen = me.get(path).await;
        assert_eq!((seen.status, &*seen.text), (200, "[]"), "{path}");
    }
    let user = me.owner().await;
    let (euros, pounds) = (me.wallet(&user, "EUR").await, me.wallet(&user, "GBP").await);
    let first = me.fund(&user, &euros, 1_000, 70).await;
    world.advance_ms(1_000);
    let second = me.fund(&user, &pounds, 500, 30).await;
    world.advance_ms(1_000);
    me.fund(&user, &pounds, 100, 0).await;
    let wallet = |currency: &str, amount: i64, at: i64| {
        format!(
            r#"{{"Balance":{{"Currency":"{currency}","Amount":{amount}}},"Currency":"{currency}","FundsType":"FEES","Id":"FEES_{currency}","Tag":null,"CreationDate":{at}}}"#
        )
    };
    let (fees_eur, fees_gbp) = (wallet("EUR", 70, NOW_S), wallet("GBP", 30, NOW_S + 1));
    for path in ["/clients/wallets/", "/clients/wallets/fees"] {
        let seen = me.get(path).await;
        is_list_of(&seen, 2, 1);
        assert_eq!(seen.text, format!("[{fees_eur},{fees_gbp}]"));
    }
    assert_eq!(me.get("/clients/wallets?Sort=CreationDate:DESC&per_page=1").await.text, format!("[{fees_gbp}]"));
    assert_eq!(me.get(&format!("/clients/wallets?AfterDate={NOW_S}")).await.text, format!("[{fees_gbp}]"));
    assert_eq!(me.get("/clients/wallets/CREDIT").await.text, "[]");
    assert_eq!(me.get("/clients/wallets/FEES/EUR").await.text, fees_eur);
    assert_eq!(me.get("/clients/wallets/fees/eur/").await.text, fees_eur);
    let seen = me.get("/clients/wallets/FEES/EUR/transactions/").await;
    is_list_of(&seen, 1, 1);
    assert_eq!(seen.each("Id"), [&*first]);
    let all = me.get("/clients/transactions").await;
    is_list_of(&all, 2, 1);
    assert_eq!(all.each("Id"), [&*first, &*second]);
    for (query, ids) in [
        ("Sort=CreationDate:DESC", vec![&second, &first]),
        ("per_page=1&page=2", vec![&second]),
        ("per_page=1&page=3", vec![]),
        ("Status=FAILED", vec![]),
        ("Type=PAYIN", vec![&first, &second]),
    ] {
        assert_eq!(me.get(&format!("/clients/transactions?{query}")).await.each("Id").iter().collect::<Vec<_>>(), ids, "{query}");
    }
    let other = world.client("other").await;
    assert_eq!(other.get("/clients/wallets").await.text, "[]");
    assert_eq!(other.get("/clients/transactions").await.text, "[]");
    other.get("/clients/wallets/FEES/EUR").await.is_not_found("Wallet", "FEES_EUR");
    other.get("/clients/wallets/FEES/EUR/transactions").await.is_not_found("Wallet", "FEES_EUR");
}

#[tokio::test]
async fn a_wire_to_the_platforms_own_wallet_is_its_own_as_author_and_as_payee() {
    let world = World::new().await;
    let me = world.me().await;
    let body = json!({"CreditedWalletId": "CREDIT_EUR", "DeclaredDebitedFunds": {"Currency": "EUR", "Amount": 1_000}});
    let pay_in = me.made("/clients/payins/bankwire/direct", &body).await;
    assert_eq!(me.get("/clients/wallets/CREDIT/EUR").await.json()["Balance"], json!({"Currency": "EUR", "Amount": 0}));
    let path = "/clients/wallets/CREDIT/EUR/transactions";
    let seen = me.get(path).await;
    assert_eq!(
        (seen.each("Id"), seen.each("AuthorId"), seen.each("CreditedUserId")),
        (vec![pay_in.clone()], vec!["me".into()], vec!["me".into()])
    );
    assert_eq!(
        (seen.each("CreditedWalletId"), &seen.json()[0]["DebitedFunds"]),
        (vec!["CREDIT_EUR".into()], &json!({"Currency": "XXX", "Amount": 0}))
    );
    me.receive_wire(&pay_in, 1_000, money::Currency::EUR).await;
    assert_eq!(me.get("/clients/wallets/CREDIT/EUR").await.json()["Balance"]["Amount"], 1_000);
    assert_eq!(me.get(&format!("{path}?Status=SUCCEEDED")).await.json()[0]["CreditedFunds"], json!({"Currency": "EUR", "Amount": 1_000}));
    assert_eq!(me.get("/clients/transactions").await.each("Id"), [pay_in]);
}

#[tokio::test]
async fn what_is_no_wallet_of_the_platforms_own_is_named() {
    let world = World::new().await;
    let me = world.me().await;
    me.get("/clients/wallets/CREDIT/EUR").await.is_not_found("Wallet", "CREDIT_EUR");
    let seen = me.get("/clients/wallets/DEFAULT").await;
    assert_eq!((seen.status, seen.wrong_fields()), (400, vec!["FundsType".to_owned()]));
    for path in ["/clients/wallets/DEFAULT/XPX", "/clients/wallets/DEFAULT/XPX/transactions"] {
        let seen = me.get(path).await;
        seen.is_error(400, "param_error");
        assert_eq!(seen.wrong_fields(), ["Currency", "FundsType"]);
    }
    let seen = me.get("/clients/transactions?page=1000000&per_page=100").await;
    assert_eq!((seen.status, &*seen.field_error("page")), (400, "The field page must be between 1 and 100."));
    assert_eq!(me.get("/clients/transactions?Type=x&Status=y").await.wrong_fields(), ["Status", "Type"]);
    assert_eq!(me.get("/clients/wallets?Sort=x&BeforeDate=y").await.wrong_fields(), ["BeforeDate", "Sort"]);
}
