//! Users who authenticate strongly: making them, and the page on which they do.

use std::sync::Arc;

use axum::body::Body;
use domain::platform::Environment;
use engine::UuidIds;
use hosted::sca::{ScaPages, router};
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::harness::{Client, Seen, World, address, legal_owner, legal_payer, natural_owner, natural_payer, user_id, with};

const RETURN_URL: &str = "https://shop.example/back?order=1#end";
const CODE: &str = "702100";
const TEN_MINUTES_MS: i64 = 600_000;

const NATURAL_KEYS: [&str; 24] = [
    "FirstName",
    "LastName",
    "Birthday",
    "Nationality",
    "CountryOfResidence",
    "Occupation",
    "IncomeRange",
    "ProofOfIdentity",
    "ProofOfAddress",
    "Capacity",
    "PhoneNumber",
    "PhoneNumberCountry",
    "Address",
    "PendingUserAction",
    "Id",
    "Tag",
    "CreationDate",
    "PersonType",
    "Email",
    "KYCLevel",
    "TermsAndConditionsAccepted",
    "TermsAndConditionsAcceptedDate",
    "UserCategory",
    "UserStatus",
];

fn phone() -> Value {
    json!({"PhoneNumber": "+33611111111", "PhoneNumberCountry": "FR"})
}

/// The nested shape of a flat legal user.
fn nested(flat: &Value) -> Value {
    let mut body = json!({});
    let mut representative = json!({});
    for (name, value) in flat.as_object().unwrap() {
        match name.strip_prefix("LegalRepresentative").filter(|inner| *inner != "Address") {
            Some(inner) => representative[inner] = value.clone(),
            None => body[name] = value.clone(),
        }
    }
    body["LegalRepresentative"] = representative;
    body
}

/// Makes a natural owner who waits; gives the id and the page's URL.
async fn waiting(me: &Client<'_>) -> (String, String) {
    let seen = me.post("/sca/users/natural", &with(&natural_owner(), phone())).await;
    assert_eq!(seen.status, 200, "{}", seen.text);
    (seen.get("Id"), seen.json()["PendingUserAction"]["RedirectUrl"].as_str().unwrap().to_owned())
}

/// The page's path and query, with where to return to.
fn link(redirect_url: &str) -> String {
    let path = redirect_url.strip_prefix("http://localhost:8080").unwrap();
    let return_url: String = RETURN_URL.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("{path}&returnUrl={return_url}")
}

async fn browse(world: &World, method: &str, uri: &str, body: &str) -> Seen {
    let ids = UuidIds::new(world.clock(), 9);
    let mut pages = router(ScaPages::new(world.engine.clone(), Arc::clone(&world.reads), world.clock(), Box::new(ids)));
    let request = Request::builder().method(method).uri(uri).header("Content-Type", "application/x-www-form-urlencoded");
    let response = tower_service::Service::call(&mut pages, request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes().to_vec();
    Seen { status: parts.status.as_u16(), headers: parts.headers, text: String::from_utf8_lossy(&bytes).into_owned(), bytes }
}

async fn give(world: &World, link: &str, code: &str) -> Seen {
    browse(world, "POST", link, &format!("code={code}")).await
}

#[track_caller]
fn is_sent_back(seen: &Seen, status: &str) {
    let expected = format!("https://shop.example/back?order=1&controlStatus={status}#end");
    assert_eq!((seen.status, seen.header("location")), (303, &*expected), "{}", seen.text);
    assert_eq!(seen.header("cache-control"), "no-store");
}

async fn told_of(me: &Client<'_>, user: &str) -> Vec<String> {
    let events = me.get("/events?per_page=100&Sort=Date:asc").await.json();
    let of_user = events.as_array().unwrap().iter().filter(|event| event["ResourceId"] == user);
    of_user.map(|event| event["EventType"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_natural_owner_waits_and_is_shown_in_the_vendors_order() {
    let world = World::new().await;
    let me = world.me().await;
    let seen = me.post("/sca/users/natural", &with(&natural_owner(), phone())).await;
    assert_eq!(seen.names(), NATURAL_KEYS);
    let json = seen.json();
    let url = json["PendingUserAction"]["RedirectUrl"].as_str().unwrap();
    assert!(url.starts_with("http://localhost:8080/sca?token="), "{url}");
    let shown = ["UserStatus", "UserCategory", "PhoneNumber", "PhoneNumberCountry", "PersonType"].map(|name| seen.get(name));
    assert_eq!(shown, ["PENDING_USER_ACTION", "OWNER", "+33611111111", "FR", "NATURAL"]);
    let id = seen.get("Id");
    assert_eq!(told_of(&me, &id).await, ["USER_ACCOUNT_VALIDATION_ASKED"]);
    let mut again = me.get(&format!("/sca/users/{id}")).await.json();
    assert!(again["PendingUserAction"].is_null(), "the link is shown once");
    again["PendingUserAction"] = json["PendingUserAction"].clone();
    assert_eq!(again, json);
    assert_eq!(me.get(&format!("/users/{id}")).await.get("UserStatus"), "PENDING_USER_ACTION");
}

#[tokio::test]
async fn payers_are_active_at_once() {
    let world = World::new().await;
    let me = world.me().await;
    for context in [json!({}), json!({"ScaContext": "USER_PRESENT"}), json!({"ScaContext": "USER_NOT_PRESENT"})] {
        let seen = me.post("/sca/users/natural", &with(&natural_payer(), context.clone())).await;
        assert_eq!((seen.status, &*seen.get("UserStatus")), (200, "ACTIVE"), "{}", seen.text);
        assert!(seen.json()["PendingUserAction"].is_null() && seen.json()["Birthday"].is_null());
        let seen = me.post("/sca/users/legal", &with(&nested(&legal_payer()), context)).await;
        assert_eq!((seen.status, &*seen.get("UserStatus")), (200, "ACTIVE"), "{}", seen.text);
    }
}

#[tokio::test]
async fn a_legal_owner_shows_its_representative_as_an_object() {
    let world = World::new().await;
    let me = world.me().await;
    let body = with(&nested(&legal_owner()), json!({"LegalRepresentativeAddress": address("FR"), "CompanyNumber": 123_456_789}));
    let seen = me.post("/sca/users/legal", &body).await;
    assert_eq!((seen.status, &*seen.get("UserStatus")), (200, "PENDING_USER_ACTION"), "{}", seen.text);
    let json = seen.json();
    assert!(json["PendingUserAction"]["RedirectUrl"].is_string());
    let representative = json!({
        "FirstName": "Cedrick",
        "LastName": "Dickinson",
        "Email": "cedrick@example.com",
        "Birthday": 652_117_514,
        "Nationality": "FR",
        "CountryOfResidence": "FR",
        "PhoneNumber": null,
        "PhoneNumberCountry": null,
        "ProofOfIdentity": null,
    });
    assert_eq!(json["LegalRepresentative"], representative);
    assert_eq!(json["LegalRepresentativeAddress"], address("FR"));
    assert_eq!(json["CompanyNumber"], "123456789");
    let classic = me.get(&format!("/users/legal/{}", seen.get("Id"))).await;
    assert_eq!(classic.get("LegalRepresentativeEmail"), "cedrick@example.com");
}

#[tokio::test]
async fn every_missing_or_wrong_field_is_named() {
    let world = World::new().await;
    let me = world.me().await;
    let seen = me.post("/sca/users/natural", &json!({})).await;
    seen.is_error(400, "param_error");
    let missing =
        ["Birthday", "CountryOfResidence", "Email", "FirstName", "LastName", "Nationality", "TermsAndConditionsAccepted", "UserCategory"];
    assert_eq!(seen.wrong_fields(), missing);
    let seen = me.post("/sca/users/legal", &json!({"UserCategory": "OWNER", "LegalPersonType": "BUSINESS"})).await;
    let missing = [
        "CompanyNumber",
        "Email",
        "HeadquartersAddress",
        "LegalRepresentative.Birthday",
        "LegalRepresentative.CountryOfResidence",
        "LegalRepresentative.Email",
        "LegalRepresentative.FirstName",
        "LegalRepresentative.LastName",
        "LegalRepresentative.Nationality",
        "Name",
        "TermsAndConditionsAccepted",
    ];
    assert_eq!(seen.wrong_fields(), missing);
    assert_eq!(seen.field_error("LegalRepresentative.Email"), "'Email' must not be empty.");
    assert_eq!(seen.field_error("Name"), "The Name field is required.");
    let mut body = nested(&legal_owner());
    body["LegalRepresentative"]["Email"] = json!("nobody");
    body["LegalRepresentative"]["PhoneNumber"] = json!("0611111111");
    body["LegalRepresentative"]["CountryOfResidence"] = json!("KP");
    body["ScaContext"] = json!("USER_ASLEEP");
    let seen = me.post("/sca/users/legal", &body).await;
    let wrong =
        ["LegalRepresentative.CountryOfResidence", "LegalRepresentative.Email", "LegalRepresentative.PhoneNumberCountry", "ScaContext"];
    assert_eq!(seen.wrong_fields(), wrong);
    assert_eq!(me.get("/users").await.json(), json!([]), "nobody was made");
}

#[tokio::test]
async fn an_owner_accepts_the_terms_and_is_there() {
    let world = World::new().await;
    let me = world.me().await;
    let refused = with(&natural_owner(), json!({"TermsAndConditionsAccepted": false}));
    me.post("/sca/users/natural", &refused).await.is_error(400, "user_hasnt_accepted_terms_and_conditions");
    let absent = with(&natural_owner(), json!({"ScaContext": "USER_NOT_PRESENT"}));
    me.post("/sca/users/natural", &absent).await.is_error(403, "sca_proxy_missing");
    assert_eq!(me.get("/users").await.json(), json!([]), "nobody was made");
    let bypassing = with(&natural_owner(), json!({"Email": "sophia+accept@example.com"}));
    let seen = me.post("/sca/users/natural", &bypassing).await;
    assert_eq!(seen.get("UserStatus"), "ACTIVE");
    assert!(seen.json()["PendingUserAction"].is_null());
    assert_eq!(told_of(&me, &seen.get("Id")).await, ["SCA_ENROLLMENT_SUCCEEDED", "USER_ACCOUNT_ACTIVATED"]);
}

#[tokio::test]
async fn the_code_activates_the_user_once() {
    let world = World::new().await;
    let me = world.me().await;
    let (id, url) = waiting(&me).await;
    let link = link(&url);
    for _ in 0..2 {
        let page = browse(&world, "GET", &link, "").await;
        assert_eq!(page.status, 200, "the link may be opened again");
        assert!(page.text.contains("Sophia Garnier") && page.text.contains("<dd>me</dd>"));
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(!page.text.contains("<script") && !page.text.contains(" src="));
        assert_eq!((page.header("referrer-policy"), page.header("cache-control")), ("no-referrer", "no-store"));
    }
    let page = give(&world, &link, "12345").await;
    assert!(page.status == 200 && page.text.contains("6 digits"), "what is no code is no try");
    let page = give(&world, &link, "123456").await;
    assert!(page.status == 200 && page.text.contains("4 tries left"), "{}", page.text);
    is_sent_back(&give(&world, &link, "702+100").await, "VALIDATED");
    assert_eq!(me.get(&format!("/sca/users/{id}")).await.get("UserStatus"), "ACTIVE");
    is_sent_back(&browse(&world, "GET", &link, "").await, "VALIDATED");
    is_sent_back(&give(&world, &link, "123456").await, "VALIDATED");
    assert_eq!(told_of(&me, &id).await, ["USER_ACCOUNT_VALIDATION_ASKED", "SCA_ENROLLMENT_SUCCEEDED", "USER_ACCOUNT_ACTIVATED"]);
    world.advance_ms(TEN_MINUTES_MS);
    for method in ["GET", "POST"] {
        assert_eq!(browse(&world, method, &link, "code=702100").await.status, 410, "a success of long ago is not told again");
    }
}

#[tokio::test]
async fn five_wrong_codes_fail_it() {
    let world = World::new().await;
    let me = world.me().await;
    let (id, url) = waiting(&me).await;
    let link = link(&url);
    for left in ["4 tries left", "3 tries left", "2 tries left", "1 try left"] {
        assert!(give(&world, &link, "000000").await.text.contains(left), "{left}");
    }
    is_sent_back(&give(&world, &link, "000000").await, "FAILED");
    is_sent_back(&give(&world, &link, CODE).await, "FAILED");
    assert_eq!(me.get(&format!("/users/{id}")).await.get("UserStatus"), "PENDING_USER_ACTION");
    assert_eq!(told_of(&me, &id).await, ["USER_ACCOUNT_VALIDATION_ASKED", "SCA_ENROLLMENT_FAILED"]);
}

#[tokio::test]
async fn ten_minutes_end_it() {
    let world = World::new().await;
    let (id, url) = waiting(&world.me().await).await;
    let link = link(&url);
    world.advance_ms(TEN_MINUTES_MS - 1);
    assert_eq!(browse(&world, "GET", &link, "").await.status, 200);
    world.advance_ms(1);
    assert_eq!(browse(&world, "GET", &link, "").await.status, 410);
    is_sent_back(&give(&world, &link, CODE).await, "FAILED");
    let me = world.me().await;
    assert_eq!(me.get(&format!("/users/{id}")).await.get("UserStatus"), "PENDING_USER_ACTION");
    assert_eq!(told_of(&me, &id).await, ["USER_ACCOUNT_VALIDATION_ASKED", "SCA_ENROLLMENT_EXPIRED"]);
}

#[tokio::test]
async fn a_session_nobody_completes_is_ended_by_its_job() {
    let world = World::new().await;
    let (id, _) = waiting(&world.me().await).await;
    let ids = UuidIds::new(world.clock(), 8);
    let worker = rails::worker::WorkerBuilder::new(world.engine.clone(), Arc::clone(&world.reads), world.clock(), Box::new(ids));
    let worker = rails::sca::ScaJobs::new(world.engine.clone()).join(worker).build();
    assert_eq!(worker.run_due().await, 0);
    world.advance_ms(TEN_MINUTES_MS);
    assert_eq!(worker.run_due().await, 1);
    assert_eq!(told_of(&world.me().await, &id).await, ["USER_ACCOUNT_VALIDATION_ASKED", "SCA_ENROLLMENT_EXPIRED"]);
}

#[tokio::test]
async fn links_that_are_not_ours_lead_nowhere() {
    let world = World::new().await;
    let me = world.me().await;
    let (_, url) = waiting(&me).await;
    let (_, second) = waiting(&me).await;
    let token = |url: &str| url.split_once("token=").unwrap().1.to_owned();
    let (first, second) = (token(&url), token(&second));
    // The first session by the second one's secret, and nonsense.
    let crossed = format!("{}{}", &first[..43], &second[43..]);
    for token in [&*crossed, "", "x", &first[1..], &"A".repeat(first.len())] {
        let link = link(&format!("http://localhost:8080/sca?token={token}"));
        for method in ["GET", "POST"] {
            assert_eq!(browse(&world, method, &link, "code=702100").await.status, 404, "{token}");
        }
    }
    let path = url.strip_prefix("http://localhost:8080").unwrap();
    for query in ["", "&returnUrl=", "&returnUrl=javascript%3Aalert(1)", "&returnUrl=%2Fback"] {
        assert_eq!(browse(&world, "POST", &format!("{path}{query}"), "code=702100").await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn another_platform_sees_nothing_of_it() {
    let world = World::new().await;
    let (id, url) = waiting(&world.me().await).await;
    world.client("other").await.get(&format!("/sca/users/{id}")).await.is_not_found("User", &id);
    let stolen = engine::PageLink::parse(url.split_once("token=").unwrap().1).unwrap();
    let other = engine::PageLink { platform: world.platform("other").await, ..stolen }.text().unwrap();
    let link = link(&format!("http://localhost:8080/sca?token={other}"));
    assert_eq!(give(&world, &link, CODE).await.status, 404);
}

#[tokio::test]
async fn on_production_there_is_no_code_and_no_magic_address() {
    let world = World::new().await;
    world.create_platform_for("real", Environment::Production).await;
    let real = world.client("real").await;
    let body = with(&natural_owner(), json!({"Email": "accept@example.com"}));
    let seen = real.post("/sca/users/natural", &body).await;
    assert_eq!((seen.status, &*seen.get("UserStatus")), (200, "PENDING_USER_ACTION"), "{}", seen.text);
    let link = link(seen.json()["PendingUserAction"]["RedirectUrl"].as_str().unwrap());
    assert_eq!(browse(&world, "GET", &link, "").await.status, 404);
    assert_eq!(give(&world, &link, CODE).await.status, 404);
    assert_eq!(real.get(&format!("/users/{}", seen.get("Id"))).await.get("UserStatus"), "PENDING_USER_ACTION");
}

#[tokio::test]
async fn a_closed_user_confirms_nothing() {
    let world = World::new().await;
    let me = world.me().await;
    let (id, url) = waiting(&me).await;
    assert_eq!(me.delete(&format!("/users/natural/{id}")).await.status, 204);
    assert_eq!(browse(&world, "GET", &link(&url), "").await.status, 410);
    assert_eq!(give(&world, &link(&url), CODE).await.status, 410);
    assert_eq!(me.get(&format!("/users/{id}")).await.get("UserStatus"), "CLOSED");
}

#[tokio::test]
async fn what_the_store_keeps_opens_no_page() {
    use domain::ids::ScaSessionId;
    use domain::sca::ScaSession;
    use domain::{RecordKey, Resource};
    let world = World::new().await;
    let (id, url) = waiting(&world.me().await).await;
    let link = engine::PageLink::parse(url.split_once("token=").unwrap().1).unwrap();
    let key = RecordKey { kind: ScaSession::KIND, platform: link.platform, id: ScaSessionId(link.subject).0 };
    let record = world.reads.record(key).await.unwrap().unwrap();
    let session = record.body::<ScaSession>().unwrap();
    assert_eq!(session.user, user_id(&id));
    assert!(session.opens_with(&engine::session_digest(&link.session)));
    assert!(!String::from_utf8(record.encode().unwrap()).unwrap().contains(link.session.expose()));
}
