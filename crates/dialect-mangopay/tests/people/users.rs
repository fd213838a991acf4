//! Users by the classic endpoints of v2.01.

use domain::user::{BlockUser, Blocks, VerifyUser};
use serde_json::json;

use crate::harness::{NOW_S, World, address, is_list_of, legal_owner, legal_payer, natural_owner, natural_payer, user_id, with};

const NO_ADDRESS: &str = r#"{"AddressLine1":null,"AddressLine2":null,"City":null,"Region":null,"PostalCode":null,"Country":null}"#;

#[tokio::test]
async fn a_natural_owner_shows_every_field_in_order_and_is_kept() {
    let world = World::new().await;
    let me = world.me().await;
    let body = with(
        &natural_owner(),
        json!({"Address": address("FR"), "Occupation": "Gardener", "IncomeRange": 3, "Tag": "t", "Unknown": {"a": []}, "Id": "12"}),
    );
    let seen = me.post("/users/natural", &body).await;
    let id = seen.get("Id");
    let expected = format!(
        concat!(
            r#"{{"Address":{{"AddressLine1":"3 rue des Plantes","AddressLine2":"Appartement 7","City":"Paris","Region":"Ile-de-France","#,
            r#""PostalCode":"75001","Country":"FR"}},"FirstName":"Sophia","LastName":"Garnier","Birthday":652117514,"Nationality":"FR","#,
            r#""CountryOfResidence":"FR","Occupation":"Gardener","IncomeRange":3,"ProofOfIdentity":null,"ProofOfAddress":null,"#,
            r#""Capacity":"NORMAL","Id":"{id}","Tag":"t","CreationDate":{now},"PersonType":"NATURAL","Email":"sophia@example.com","#,
            r#""KYCLevel":"LIGHT","TermsAndConditionsAccepted":true,"TermsAndConditionsAcceptedDate":{now},"UserCategory":"OWNER","#,
            r#""UserStatus":"ACTIVE"}}"#
        ),
        id = id,
        now = NOW_S
    );
    assert_eq!((seen.status, &*seen.text), (200, &*expected));
    assert!(id.starts_with("user_m_"));
    for path in ["/users/", "/users/natural/", "/Users/NATURAL/"] {
        assert_eq!(me.get(&format!("{path}{id}")).await.text, expected, "{path}");
    }
}

#[tokio::test]
async fn nobody_is_born_in_the_future() {
    let world = World::new().await;
    let me = world.me().await;
    let tomorrow = NOW_S + 86_400;
    let wrong = format!("The value {tomorrow} is not valid");
    let natural = me.post("/users/natural", &with(&natural_owner(), json!({"Birthday": tomorrow}))).await;
    natural.is_error(400, "param_error");
    assert_eq!((natural.field_error("Birthday"), natural.wrong_fields()), (wrong.clone(), vec!["Birthday".to_owned()]));
    let legal = me.post("/users/legal", &with(&legal_owner(), json!({"LegalRepresentativeBirthday": tomorrow}))).await;
    assert_eq!(legal.field_error("LegalRepresentativeBirthday"), wrong);
    assert_eq!(me.post("/users/natural", &with(&natural_owner(), json!({"Birthday": NOW_S}))).await.status, 200);
}

#[tokio::test]
async fn a_natural_payer_says_little_and_shows_nulls() {
    let world = World::new().await;
    let me = world.me().await;
    // What a payer need not say is taken, judged, and not kept.
    let body = with(&natural_payer(), json!({"Birthday": 1, "Nationality": "FR", "Occupation": "x", "IncomeRange": 1}));
    let seen = me.post("/users/natural", &body).await;
    let expected = format!(
        concat!(
            r#"{{"Address":{none},"FirstName":"Hugo","LastName":"Garnier","Birthday":null,"Nationality":null,"CountryOfResidence":null,"#,
            r#""Occupation":null,"IncomeRange":null,"ProofOfIdentity":null,"ProofOfAddress":null,"Capacity":"NORMAL","Id":"{id}","Tag":null,"#,
            r#""CreationDate":{now},"PersonType":"NATURAL","Email":"hugo@example.com","KYCLevel":"LIGHT","TermsAndConditionsAccepted":false,"#,
            r#""TermsAndConditionsAcceptedDate":null,"UserCategory":"PAYER","UserStatus":"ACTIVE"}}"#
        ),
        none = NO_ADDRESS,
        id = seen.get("Id"),
        now = NOW_S
    );
    assert_eq!((seen.status, &*seen.text), (200, &*expected));
}

#[tokio::test]
async fn a_legal_owner_shows_every_field_in_order_and_is_kept() {
    let world = World::new().await;
    let me = world.me().await;
    // The official SDK's suite sends the number of a company as a number.
    let body = with(&legal_owner(), json!({"CompanyNumber": 123_456_789, "LegalRepresentativeAddress": address("BE")}));
    let seen = me.post("/users/legal", &body).await;
    let id = seen.get("Id");
    let expected = format!(
        concat!(
            r#"{{"HeadquartersAddress":{{"AddressLine1":"3 rue des Plantes","AddressLine2":"Appartement 7","City":"Paris","#,
            r#""Region":"Ile-de-France","PostalCode":"75001","Country":"FR"}},"LegalRepresentativeAddress":{{"#,
            r#""AddressLine1":"3 rue des Plantes","AddressLine2":"Appartement 7","City":"Paris","Region":"Ile-de-France","#,
            r#""PostalCode":"75001","Country":"BE"}},"Name":"Best Business","LegalPersonType":"BUSINESS","#,
            r#""LegalRepresentativeFirstName":"Cedrick","LegalRepresentativeLastName":"Dickinson","#,
            r#""LegalRepresentativeEmail":"cedrick@example.com","LegalRepresentativeBirthday":652117514,"#,
            r#""LegalRepresentativeNationality":"FR","LegalRepresentativeCountryOfResidence":"FR","ProofOfRegistration":null,"#,
            r#""ShareholderDeclaration":null,"Statute":null,"LegalRepresentativeProofOfIdentity":null,"CompanyNumber":"123456789","#,
            r#""Id":"{id}","Tag":null,"CreationDate":{now},"PersonType":"LEGAL","Email":"business@example.com","KYCLevel":"LIGHT","#,
            r#""TermsAndConditionsAccepted":true,"TermsAndConditionsAcceptedDate":{now},"UserCategory":"OWNER","UserStatus":"ACTIVE"}}"#
        ),
        id = id,
        now = NOW_S
    );
    assert_eq!((seen.status, &*seen.text), (200, &*expected));
    for path in ["/users/", "/users/legal/"] {
        assert_eq!(me.get(&format!("{path}{id}")).await.text, expected, "{path}");
    }
    let events = me.get("/events").await;
    assert_eq!(events.each("EventType"), ["LEGAL_COMPANY_NUMBER_VALIDATION_SUCCEEDED"]);
}

#[tokio::test]
async fn a_legal_payer_says_little_and_shows_nulls() {
    let world = World::new().await;
    let seen = world.me().await.post("/users/legal", &legal_payer()).await;
    assert_eq!(seen.status, 200);
    assert!(seen.text.starts_with(&format!(r#"{{"HeadquartersAddress":{NO_ADDRESS},"LegalRepresentativeAddress":{NO_ADDRESS},"#)));
    for name in ["LegalRepresentativeEmail", "LegalRepresentativeBirthday", "LegalRepresentativeNationality", "CompanyNumber"] {
        assert!(seen.json()[name].is_null(), "{name}");
    }
}

#[tokio::test]
async fn without_a_category_a_user_who_says_everything_is_an_owner() {
    let world = World::new().await;
    let me = world.me().await;
    for (path, body) in [("/users/natural", natural_owner()), ("/users/legal", legal_owner())] {
        let seen = me.post(path, &with(&body, json!({"UserCategory": null}))).await;
        assert_eq!((seen.status, &*seen.get("UserCategory")), (200, "OWNER"));
    }
    let seen = me.post("/users/natural", &json!({})).await;
    seen.is_error(400, "param_error");
    let six = ["Birthday", "CountryOfResidence", "Email", "FirstName", "LastName", "Nationality"];
    assert_eq!(seen.wrong_fields(), six);
    assert_eq!(seen.field_error("Birthday"), "The Birthday field is required.");
}

#[tokio::test]
async fn every_wrong_field_of_a_natural_user_is_named_at_once() {
    let world = World::new().await;
    let me = world.me().await;
    let body = with(
        &natural_owner(),
        json!({
            "FirstName": "x".repeat(101),
            "LastName": null,
            "Email": "not an address",
            "Birthday": "soon",
            "Nationality": "Francia",
            "CountryOfResidence": "KP",
            "IncomeRange": 7,
            "Occupation": "x".repeat(256),
            "Address": {"AddressLine1": "1", "City": "X", "PostalCode": "1;", "Country": "US"},
            "Tag": "x".repeat(256),
            "TermsAndConditionsAccepted": 2,
            "UserCategory": "PLATFORM",
        }),
    );
    let seen = me.post("/users/natural", &body).await;
    seen.is_error(400, "param_error");
    let pattern = r"([a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+)*)@(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?\.)+[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
    for (field, text) in [
        ("FirstName", "The field FirstName must be a string with a maximum length of 100."),
        ("LastName", "The LastName field is required."),
        ("Email", &*format!("The field Email must match the regular expression '{pattern}'.")),
        ("Birthday", "The value soon is not valid"),
        ("Nationality", "The requested value is not an ISO 3166-1 alpha-2 code which is expected."),
        ("CountryOfResidence", "The CountryOfResidence used is blocked"),
        ("IncomeRange", "The field IncomeRange must be between 1 and 6."),
        ("Occupation", "The field Occupation must be a string with a maximum length of 255."),
        ("Address.Region", "The Region is a required field for this Country"),
        ("Tag", "The field Tag must be a string with a maximum length of 255."),
        ("TermsAndConditionsAccepted", "The value 2 is not valid"),
        ("UserCategory", "The value PLATFORM is not valid"),
    ] {
        assert_eq!(seen.field_error(field), text, "{field}");
    }
    assert_eq!(me.get("/users").await.text, "[]");
    let seen = me.call("POST", "/users/natural", &[], "[1]").await;
    seen.is_error(400, "param_error");
    assert!(seen.json()["errors"].is_null());
}

#[tokio::test]
async fn every_wrong_field_of_a_legal_user_is_named_at_once() {
    let world = World::new().await;
    let me = world.me().await;
    let seen = me.post("/users/legal", &json!({})).await;
    seen.is_error(400, "param_error");
    let missing = [
        "Email",
        "HeadquartersAddress",
        "LegalPersonType",
        "LegalRepresentativeBirthday",
        "LegalRepresentativeCountryOfResidence",
        "LegalRepresentativeEmail",
        "LegalRepresentativeFirstName",
        "LegalRepresentativeLastName",
        "LegalRepresentativeNationality",
        "Name",
    ];
    assert_eq!(seen.wrong_fields(), missing);
    // The number is asked of companies alone.
    for (form, wrong) in [("BUSINESS", &["CompanyNumber"][..]), ("SOLETRADER", &[]), ("ORGANIZATION", &[]), ("PARTNERSHIP", &[])] {
        let seen = me.post("/users/legal", &with(&legal_owner(), json!({"LegalPersonType": form, "CompanyNumber": null}))).await;
        assert_eq!(seen.wrong_fields(), wrong, "{form}");
    }
    let body = with(
        &legal_owner(),
        json!({
            "LegalPersonType": "CLUB",
            "HeadquartersAddress": address("CU"),
            "LegalRepresentativeAddress": address("IR"),
            "LegalRepresentativeCountryOfResidence": "SY",
            "LegalRepresentativeNationality": "KP",
        }),
    );
    let seen = me.post("/users/legal", &body).await;
    for (field, text) in [
        ("LegalPersonType", "The value CLUB is not valid"),
        ("HeadquartersAddress.Country", "The HeadquartersAddress.Country used is blocked"),
        ("LegalRepresentativeAddress.Country", "The LegalRepresentativeAddress.Country used is blocked"),
        ("LegalRepresentativeCountryOfResidence", "The LegalRepresentativeCountryOfResidence used is blocked"),
        ("LegalRepresentativeNationality", "The LegalRepresentativeNationality used is blocked"),
    ] {
        assert_eq!(seen.field_error(field), text, "{field}");
    }
}

#[tokio::test]
async fn an_owner_has_to_accept_the_terms() {
    let world = World::new().await;
    let me = world.me().await;
    for accepted in [json!(false), json!(null)] {
        let seen = me.post("/users/natural", &with(&natural_owner(), json!({"TermsAndConditionsAccepted": accepted}))).await;
        seen.is_error(400, "user_hasnt_accepted_terms_and_conditions");
        assert_eq!(seen.get("Message"), "User must accept the terms and conditions before account creation or modification.");
        assert!(seen.json()["errors"].is_null());
    }
}

#[tokio::test]
async fn a_creation_with_a_key_makes_one_user() {
    const KEY: &str = "abcdefghijklmnop1234";
    let world = World::new().await;
    let me = world.me().await;
    let body = natural_payer().to_string();
    let first = me.call("POST", "/users/natural", &[("Idempotency-Key", KEY)], &body).await;
    assert_eq!(first.status, 200);
    me.call("POST", "/users/natural", &[("Idempotency-Key", KEY)], &body).await.is_error(409, "idempotent_creation_conflict");
    is_list_of(&me.get("/users").await, 1, 1);
    assert!(me.get(&format!("/responses/{KEY}")).await.text.contains(&first.text));
}

#[tokio::test]
async fn a_user_is_not_found_as_the_other_kind_nor_by_others_nor_by_another_name() {
    let world = World::new().await;
    let (me, other) = (world.me().await, world.client("other").await);
    let natural = me.owner().await;
    let legal = me.made("/users/legal", &legal_payer()).await;
    let foreign = other.owner().await;
    let cases = [
        (format!("/users/legal/{natural}"), &natural),
        (format!("/users/natural/{legal}"), &legal),
        (format!("/users/natural/{foreign}"), &foreign),
    ];
    for (path, id) in cases {
        me.get(&path).await.is_not_found("User", id);
        let body = if path.contains("legal") { legal_owner() } else { natural_owner() };
        me.put(&path, &body).await.is_not_found("User", id);
        me.delete(&path).await.is_not_found("User", id);
    }
    me.get(&format!("/users/{foreign}")).await.is_not_found("User", &foreign);
    for id in ["12", "wlt_m_01JRFJJN9BR864A4KG7MH1WCZG", "user_m_01JRFJJN9BR864A4KG7MH1WCZG", &natural.to_lowercase()] {
        me.get(&format!("/users/{id}")).await.is_not_found("User", id);
    }
    assert_eq!(other.get(&format!("/users/{foreign}")).await.get("UserStatus"), "ACTIVE");
}

#[tokio::test]
async fn an_update_takes_the_whole_object_back_and_keeps_what_is_not_said() {
    let world = World::new().await;
    let me = world.me().await;
    let made = me.post("/users/natural", &with(&natural_owner(), json!({"Address": address("FR"), "Tag": "t"}))).await;
    let path = format!("/users/natural/{}", made.get("Id"));
    world.advance_ms(5_000);
    let expected = made.text.replace(r#""LastName":"Garnier""#, r#""LastName":"Garnier - CHANGED""#);
    let seen = me.call("PUT", &path, &[], &expected).await;
    assert_eq!((seen.status, &*seen.text), (200, &*expected));
    let seen = me.put(&path, &json!({"UserCategory": "OWNER", "TermsAndConditionsAccepted": true, "Occupation": "Gardener"})).await;
    assert_eq!(seen.text, expected.replace(r#""Occupation":null"#, r#""Occupation":"Gardener""#));
    assert_eq!(me.get(&path).await.text, seen.text);

    let made = me.post("/users/legal", &legal_owner()).await;
    let path = format!("/users/legal/{}", made.get("Id"));
    let expected = made.text.replace("Best Business", "Best Business - CHANGED");
    assert_eq!(me.call("PUT", &path, &[], &expected).await.text, expected);
    assert_eq!(me.get(&path).await.text, expected);
}

#[tokio::test]
async fn an_update_says_the_category_and_the_terms_and_names_every_wrong_field() {
    let world = World::new().await;
    let me = world.me().await;
    let id = me.owner().await;
    let body = json!({"Email": "x", "CountryOfResidence": "IR", "Nationality": "KP", "Birthday": [], "Address": address("SY")});
    let seen = me.put(&format!("/users/natural/{id}"), &body).await;
    seen.is_error(400, "param_error");
    let wrong = ["Address.Country", "Birthday", "CountryOfResidence", "Email", "Nationality", "TermsAndConditionsAccepted", "UserCategory"];
    assert_eq!(seen.wrong_fields(), wrong);
    assert_eq!(seen.field_error("UserCategory"), "The UserCategory field is required.");
    assert_eq!(me.get(&format!("/users/{id}")).await.get("Email"), "sophia@example.com");
}

#[tokio::test]
async fn a_payer_becomes_an_owner_and_never_the_other_way() {
    let world = World::new().await;
    let me = world.me().await;
    let id = me.payer().await;
    let path = format!("/users/natural/{id}");
    let rise = json!({"UserCategory": "OWNER", "TermsAndConditionsAccepted": true});
    let seen = me.put(&path, &rise).await;
    assert_eq!(seen.wrong_fields(), ["Birthday", "CountryOfResidence", "Nationality"]);
    let seen = me.put(&path, &with(&rise, json!({"Birthday": "soon", "Address": {"City": "Paris"}}))).await;
    let all = ["Address.AddressLine1", "Address.Country", "Address.PostalCode", "Birthday", "CountryOfResidence", "Nationality"];
    assert_eq!(seen.wrong_fields(), all, "what is malformed and what is missing, at once");
    assert_eq!(seen.field_error("Birthday"), "The value soon is not valid");
    let full = with(&rise, json!({"Birthday": 188_301_600, "Nationality": "FR", "CountryOfResidence": "FR", "Name": "undefined"}));
    let refused = me.put(&path, &with(&full, json!({"TermsAndConditionsAccepted": false}))).await;
    refused.is_error(400, "user_hasnt_accepted_terms_and_conditions");
    let seen = me.put(&path, &full).await;
    assert_eq!((seen.status, &*seen.get("UserCategory"), seen.json()["TermsAndConditionsAccepted"].as_bool()), (200, "OWNER", Some(true)));
    let events = me.get("/events").await;
    assert_eq!(
        (events.each("EventType"), events.each("ResourceId")),
        (vec!["USER_CATEGORY_UPDATED_TO_OWNER".to_owned()], vec![id.clone()])
    );

    let seen = me.put(&path, &json!({"UserCategory": "PAYER", "TermsAndConditionsAccepted": true})).await;
    seen.is_error(400, "param_error");
    assert_eq!(seen.field_error("UserCategory"), "A User OWNER can't be modified to a user PAYER");
    let seen = me.put(&path, &json!({"UserCategory": "PLATFORM", "TermsAndConditionsAccepted": true})).await;
    assert_eq!(seen.field_error("UserCategory"), "The value PLATFORM is not valid");
    let seen = me.put(&path, &json!({"UserCategory": "OWNER", "TermsAndConditionsAccepted": false})).await;
    seen.is_error(400, "invalid_action");
    assert_eq!(seen.get("Message"), "The user cannot revoke the terms and conditions acceptance");
    assert_eq!(me.get(&path).await.get("UserCategory"), "OWNER");
}

/// The body of the official SDK's suite, "Save Legal Payer to Owner": no e-mail address of the representative.
#[tokio::test]
async fn a_legal_payer_becomes_an_owner_without_its_representatives_address() {
    let world = World::new().await;
    let me = world.me().await;
    let made = me.post("/users/legal", &legal_payer()).await;
    let path = format!("/users/legal/{}", made.get("Id"));
    let mut body = made.json();
    for (name, value) in [
        ("UserCategory", json!("OWNER")),
        ("HeadquartersAddress", address("US")),
        ("CompanyNumber", json!(123_456_789)),
        ("LegalRepresentativeNationality", json!("FR")),
        ("LegalRepresentativeCountryOfResidence", json!("FR")),
        ("LegalRepresentativeBirthday", json!(188_301_600)),
    ] {
        body[name] = value;
    }
    let seen = me.put(&path, &body).await;
    assert_eq!((seen.status, &*seen.get("UserCategory"), &*seen.get("CompanyNumber")), (200, "OWNER", "123456789"));
    assert!(seen.json()["LegalRepresentativeEmail"].is_null());
}

#[tokio::test]
async fn a_verified_user_who_becomes_somebody_else_is_not_verified_any_more() {
    let world = World::new().await;
    let me = world.me().await;
    let id = me.owner().await;
    world.run("me", VerifyUser { user: user_id(&id) }).await.unwrap();
    let path = format!("/users/natural/{id}");
    assert_eq!(me.get(&path).await.get("KYCLevel"), "REGULAR");
    let same = json!({"UserCategory": "OWNER", "TermsAndConditionsAccepted": true, "CountryOfResidence": "BE"});
    assert_eq!(me.put(&path, &same).await.get("KYCLevel"), "REGULAR");
    assert_eq!(me.put(&path, &with(&same, json!({"Nationality": "BE"}))).await.get("KYCLevel"), "LIGHT");
    assert_eq!(me.get("/events").await.each("EventType"), ["USER_KYC_REGULAR", "USER_KYC_LIGHT"]);
}

#[tokio::test]
async fn a_user_whose_wallets_are_empty_is_closed_for_good() {
    let world = World::new().await;
    let me = world.me().await;
    let id = me.owner().await;
    let wallet = me.wallet(&id, "EUR").await;
    me.fund(&id, &wallet, 10, 0).await;
    let path = format!("/users/natural/{id}");
    let seen = me.delete(&path).await;
    seen.is_error(400, "user_closure_not_possible");
    assert_eq!(seen.get("Message"), "The user cannot be closed as one or several wallets are not empty");

    let empty = me.owner().await;
    me.wallet(&empty, "EUR").await;
    me.wallet(&empty, "GBP").await;
    let path = format!("/users/natural/{empty}");
    let seen = me.delete(&path).await;
    assert_eq!((seen.status, &*seen.text), (204, ""));
    assert_eq!(me.get(&format!("/users/{empty}")).await.get("UserStatus"), "CLOSED");
    let told = me.get("/events?EventType=USER_ACCOUNT_CLOSED,USER_INFLOWS_BLOCKED,USER_OUTFLOWS_BLOCKED").await;
    assert_eq!(told.each("ResourceId"), [&*empty, &*empty, &*empty]);

    me.delete(&path).await.is_error(400, "user_closed");
    me.put(&path, &natural_owner()).await.is_error(400, "user_closed");
    me.post("/wallets", &json!({"Owners": [empty], "Description": "x", "Currency": "EUR"})).await.is_error(400, "user_closed");
    let legal = me.made("/users/legal", &legal_owner()).await;
    assert_eq!(me.delete(&format!("/users/legal/{legal}")).await.status, 204);
    assert_eq!(me.get(&format!("/users/legal/{legal}")).await.get("UserStatus"), "CLOSED");
}

#[tokio::test]
async fn blocks_are_told() {
    let world = World::new().await;
    let me = world.me().await;
    let id = me.owner().await;
    let block = BlockUser { user: user_id(&id), flows: Blocks { inflows: true, outflows: false }, reason: None };
    world.run("me", block.clone()).await.unwrap();
    assert_eq!(me.get("/events").await.each("EventType"), ["USER_INFLOWS_BLOCKED"]);
    assert!(world.run("other", block).await.is_err(), "another platform's user is not there");
}

#[tokio::test]
async fn users_are_listed_in_pages_in_either_order_and_by_date() {
    let world = World::new().await;
    let (me, other) = (world.me().await, world.client("other").await);
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push(me.payer().await);
        world.advance_ms(1_000);
    }
    other.owner().await;
    let first = me.get("/users").await;
    is_list_of(&first, 12, 2);
    assert_eq!(first.each("Id"), ids[..10]);
    let second = me.get("/users?page=2").await;
    assert_eq!(second.each("Id"), ids[10..]);
    let link = second.header("link");
    assert!(link.contains("<http://localhost:8080/v2.01/me/users?page=1&per_page=10>; rel=\"prev\""), "{link}");
    let newest = me.get("/users?Sort=CreationDate:desc&per_page=3&Page=1").await;
    is_list_of(&newest, 12, 4);
    assert_eq!(newest.each("Id"), [&*ids[11], &*ids[10], &*ids[9]]);
    let between = me.get(&format!("/users?AfterDate={}&BeforeDate={}", NOW_S + 1, NOW_S + 4)).await;
    is_list_of(&between, 2, 1);
    assert_eq!(between.each("Id"), ids[2..4]);
    let summary = r#"["Id","Tag","CreationDate","PersonType","Email","KYCLevel","TermsAndConditionsAccepted","TermsAndConditionsAcceptedDate","UserCategory","UserStatus"]"#;
    let item = between.json()[0].clone();
    let mut names: Vec<String> = serde_json::from_str(summary).unwrap();
    names.sort_unstable();
    assert_eq!(item.as_object().unwrap().keys().cloned().collect::<Vec<_>>(), names);
    let seen = me.get("/users?page=x&Sort=Name:ASC&per_page=101&BeforeDate=y").await;
    assert_eq!(seen.wrong_fields(), ["BeforeDate", "Sort", "page", "per_page"]);
}

/// These come with the rest of strong customer authentication, and are not imitated before.
#[tokio::test]
async fn what_changes_an_authenticated_user_is_not_there_yet() {
    let world = World::new().await;
    let me = world.me().await;
    let (natural, legal) = (me.owner().await, me.made("/users/legal", &legal_owner()).await);
    for path in [format!("natural/{natural}"), format!("legal/{legal}"), format!("natural/{natural}/category")] {
        me.put(&format!("/sca/users/{path}"), &natural_owner()).await.is_error(404, "ressource_not_found");
    }
    for action in ["enrollment", "consent"] {
        me.post(&format!("/sca/users/{natural}/{action}"), &json!({})).await.is_error(404, "ressource_not_found");
    }
    me.get(&format!("/sca/users/{natural}/sca-status")).await.is_error(404, "ressource_not_found");
}
