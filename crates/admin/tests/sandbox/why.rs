//! Why something was refused, what was asked, and what happened to it.

use axum::body::Body;
use dialect_mangopay::scopes::Scope;
use domain::user::User;
use domain::{RecordKey, Resource};
use http::Request;
use serde_json::{Value, json};

use crate::party::{Party, eur, text};
use crate::world::{WAITS, World};

fn transfer(from: &Party, to: &Party, amount: i64) -> Value {
    json!({
        "AuthorId": from.user, "DebitedWalletId": from.wallet, "CreditedWalletId": to.wallet,
        "DebitedFunds": eur(amount), "Fees": eur(0), "Tag": "Telltale",
    })
}

fn rules(explanation: &Value) -> Vec<&str> {
    explanation["rules"].as_array().unwrap().iter().map(|met| met["rule"].as_str().unwrap()).collect()
}

fn fact<'a>(of: &'a Value, name: &str) -> &'a str {
    let found = of["facts"].as_array().unwrap().iter().find(|fact| fact["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {of}"))["value"].as_str().unwrap()
}

impl World {
    async fn look(&self, path: &str) -> Value {
        let (status, answer) = self.send("me", "GET", &format!("/sandbox/v1{path}"), None, "").await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn why(&self, id: &str) -> Value {
        self.look(&format!("/why/{id}")).await
    }
}

#[tokio::test]
async fn a_failed_transfer_names_its_rule_and_the_values_it_met() {
    let world = World::new().await;
    let (payer, payee) = (world.party().await, world.party().await);
    world.fund(&payer, 300).await;
    let failed = world.made("/transfers", transfer(&payer, &payee, 500)).await;
    assert_eq!(failed["ResultCode"], "001001");
    let why = world.why(&text(&failed, "Id")).await;
    assert_eq!((rules(&why), why["of"].as_str()), (vec!["insufficient_funds"], Some("payment")));
    let met = &why["rules"][0];
    assert_eq!((fact(met, "needed"), fact(met, "available now")), ("5.00 EUR", "3.00 EUR"));
    assert!(met["source"].as_str().unwrap().contains("Mangopay") && !met["next"].as_array().unwrap().is_empty());
}

#[tokio::test]
async fn what_a_step_says_makes_it_pass() {
    let world = World::new().await;
    let (payer, payee) = (world.party().await, world.party().await);
    world.fund(&payer, 1_000).await;
    world.done(&format!("/users/{}/block", payer.user), json!({})).await;
    let failed = world.made("/transfers", transfer(&payer, &payee, 500)).await;
    let why = world.why(&text(&failed, "Id")).await;
    assert_eq!(rules(&why), ["user_blocked"]);
    let next = why["rules"][0]["next"][0].as_str().unwrap();
    let path = next.split_whitespace().find(|word| word.starts_with("/sandbox/v1")).unwrap();
    assert!(path.contains(&payer.user), "{next}");
    world.done(path.strip_prefix("/sandbox/v1").unwrap(), json!({})).await;
    assert_eq!(world.made("/transfers", transfer(&payer, &payee, 500)).await["Status"], "SUCCEEDED");
    let user = world.why(&payee.user).await;
    assert_eq!(rules(&user), ["not_verified"], "what would stop a payout");
}

#[tokio::test]
async fn an_error_leads_to_its_explanation_by_its_id() {
    let world = World::new().await;
    let (_, error) = world.send("me", "POST", "/v2.01/me/wallets", None, r#"{"Owners":["Telltale"],"Currency":"EURO"}"#).await;
    let why = world.why(&text(&error, "Id")).await;
    assert_eq!(why["of"], "request");
    let fields: Vec<&str> = why["rules"].as_array().unwrap().iter().filter_map(|met| met["field"].as_str()).collect();
    assert!(fields.contains(&"Description") && fields.contains(&"Currency"), "{why}");
    assert!(!why.to_string().contains("Telltale"), "{why}");
    let (status, _) = world.send("other", "GET", &format!("/sandbox/v1/why/{}", text(&error, "Id")), None, "").await;
    assert_eq!(status, 404, "it is another platform's");
}

#[tokio::test]
async fn a_key_that_was_used_names_its_first_request() {
    let world = World::new().await;
    let (payer, payee) = (world.party().await, world.party().await);
    let body = transfer(&payer, &payee, 1).to_string();
    let key = Some("0123456789abcdef");
    world.send("me", "POST", "/v2.01/me/transfers", key, &body).await;
    let (status, error) = world.send("me", "POST", "/v2.01/me/transfers", key, &body).await;
    assert_eq!(status, 409);
    let why = world.why(&text(&error, "Id")).await;
    assert_eq!(rules(&why), ["idempotency_key_used"]);
    assert_eq!((fact(&why["rules"][0], "the same request"), fact(&why["rules"][0], "answered then")), ("yes", "200"));
}

#[tokio::test]
async fn what_is_under_way_says_what_it_waits_for() {
    let world = World::new().await;
    let (party, payout) = world.paid_out(WAITS, None).await;
    let why = world.why(&payout).await;
    assert_eq!(rules(&why), ["awaits_bank"]);
    assert!(fact(&why["rules"][0], "job").contains("(due"), "{why}");
    assert!(why["rules"][0]["next"][0].as_str().unwrap().contains(&payout), "{why}");
    let declared = world.declare(&party, 1_000, 0).await;
    assert_eq!(rules(&world.why(&text(&declared, "Id")).await), ["awaits_wire"]);
    let asked = world.asked(&party).await;
    assert_eq!(rules(&world.why(&text(&asked, "Id")).await), ["awaits_payer"]);
}

#[tokio::test]
async fn codes_explain_themselves_and_what_is_unknown_is_not_found() {
    let world = World::new().await;
    assert_eq!(rules(&world.why("101101").await), ["do_not_honor"]);
    assert_eq!(rules(&world.why("param_error").await), ["parameter_wrong"]);
    assert_eq!(rules(&world.why("008600").await), Vec::<&str>::new());
    for id in ["nothing", "01937e1a-9c4b-7d2e-8f01-23456789abcd", "%FF", "41631014"] {
        assert_eq!(world.send("me", "GET", &format!("/sandbox/v1/why/{id}"), None, "").await.0, 404, "{id}");
    }
}

#[tokio::test]
async fn who_is_not_known_is_explained_to_the_platform_that_was_named() {
    let world = World::new().await;
    let request = Request::get("/v2.01/me/wallets/1").header("Authorization", "Bearer x").body(Body::empty()).unwrap();
    let (parts, error) = world.ask_whole(request).await;
    assert_eq!(parts.status, 401);
    let why = world.why(&text(&error, "Id")).await;
    assert_eq!((rules(&why), fact(&why["rules"][0], "came with")), (vec!["credentials_invalid"], "a token (Bearer)"));
    let link = parts.headers["florin-explain"].to_str().unwrap().rsplit('/').next().unwrap().to_owned();
    assert_eq!(world.why.linked(&link).await.unwrap().unwrap().of, "request");
    assert_eq!(world.why.linked(&link[1..]).await.unwrap(), None);
    let listed = world.look("/requests?strangers=true&per_page=1").await;
    assert_eq!(listed["strangers"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_log_shows_requests_without_what_they_say_of_people() {
    let world = World::new().await;
    let party = world.party().await;
    let all = world.look("/requests?per_page=100").await;
    assert_eq!(all["total"], 2);
    assert!(!all.to_string().contains("Garnier") && !all.to_string().contains("sophia"), "{all}");
    let one = &all["requests"][1];
    assert_eq!(
        (&one["path"], &one["body"]["LastName"], &one["objects"]),
        (&json!("/v2.01/me/users/natural"), &json!("…(7 characters)"), &json!([party.user]))
    );
    assert_eq!(one["body"]["UserCategory"], "OWNER");
    let same = world.look(&format!("/requests/{}", one["id"].as_str().unwrap())).await;
    assert_eq!(&same, one);
    let of_wallets = world.look("/requests?path=wallets&method=post&status=200&failed=false").await;
    assert_eq!(of_wallets["total"], 1);
    assert_eq!(world.look(&format!("/requests?object={}", party.wallet)).await["total"], 1);
    assert_eq!(world.look("/requests?status=404").await["total"], 0);
    let (status, wrong) = world.send("me", "GET", "/sandbox/v1/requests?per_page=0&page=x&failed=1&nonsense=1", None, "").await;
    assert_eq!((status, wrong["fields"].as_object().unwrap().len()), (400, 4), "{wrong}");
}

#[tokio::test]
async fn a_request_is_sent_again_as_a_new_one() {
    let world = World::new().await;
    let (payer, payee) = (world.party().await, world.party().await);
    world.fund(&payer, 1_000).await;
    world.send("me", "POST", "/v2.01/me/transfers", Some("0123456789abcdef"), &transfer(&payer, &payee, 100).to_string()).await;
    let id = world.look("/requests?path=transfers").await["requests"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/sandbox/v1/requests/{id}/replay");
    let (status, again) = world.send("me", "POST", &path, Some("k"), "").await;
    assert_eq!((status, &again["status"], &again["answer"]["Status"]), (200, &json!(200), &json!("SUCCEEDED")), "{again}");
    assert_eq!(world.send("me", "POST", &path, Some("k"), "").await.1, again, "a key makes it once");
    assert_eq!(world.balance(&payee).await, 200);
    assert_eq!(world.send("other", "POST", &path, None, "").await.0, 404);
    world.allow(Scope::ClientDevelopers.write()).await;
    let (_, refused) = world.send("me", "POST", &path, None, "").await;
    assert_eq!((&refused["status"], &refused["answer"]["Type"]), (&json!(403), &json!("forbidden_ressource")), "{refused}");
    assert!(refused["explain"].as_str().unwrap().contains("/explain/"));
}

#[tokio::test]
async fn what_was_not_kept_whole_is_not_sent_again() {
    let world = World::new().await;
    let party = world.party().await;
    let body = json!({"Owners": [party.user], "Description": "4970 1051 8181 8183", "Currency": "EUR"});
    world.made("/wallets", body).await;
    let newest = world.look("/requests?path=wallets").await["requests"][0].clone();
    assert_eq!((&newest["body_left_out"], &newest["can_be_replayed"]), (&json!("may_hold_a_card"), &json!(false)));
    let path = format!("/sandbox/v1/requests/{}/replay", newest["id"].as_str().unwrap());
    assert_eq!(world.send("me", "POST", &path, None, "").await.0, 409);
}

#[tokio::test]
async fn an_error_of_the_sandbox_has_a_link_too() {
    let world = World::new().await;
    let basic = |client: &str| {
        format!("Basic {}", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{client}:key-of-{client}")))
    };
    let ask = async |authorization: &str, path: &str| {
        let request = Request::post(path).header("Authorization", authorization).body(Body::from("{}")).unwrap();
        world.ask_whole(request).await
    };
    let (parts, error) = ask(&basic("me"), "/sandbox/v1/wires").await;
    assert_eq!((parts.status.as_u16(), parts.headers.contains_key("florin-explain")), (400, true));
    assert_eq!(rules(&world.why(&text(&error, "request")).await), ["field_missing", "field_missing"]);
    let wrong = basic("me").replace("Basic ", "Basic AA");
    for (authorization, path, expected) in
        [(&*basic("live"), "/sandbox/v1/wires", 404), (&*wrong, "/sandbox/v1/wires", 401), ("", "/sandbox/v1/x", 401)]
    {
        let (parts, _) = ask(authorization, path).await;
        assert_eq!((parts.status.as_u16(), parts.headers.contains_key("florin-explain")), (expected, false), "{path}");
    }
    world.allow(Scope::Payins.read()).await;
    let (parts, _) = ask(&basic("me"), "/sandbox/v1/wires").await;
    assert_eq!((parts.status.as_u16(), parts.headers.contains_key("florin-explain")), (403, true));
}

#[tokio::test]
async fn a_timeline_tells_requests_states_postings_events_and_jobs_in_order() {
    let world = World::new().await;
    let (_, payout) = world.paid_out(WAITS, None).await;
    world.done(&format!("/payouts/{payout}/succeed"), json!({})).await;
    let timeline = world.look(&format!("/timeline/{payout}")).await;
    let moments = timeline["moments"].as_array().unwrap();
    for of in ["request", "audit", "state", "entry", "event", "job"] {
        assert!(moments.iter().any(|moment| moment["of"] == of), "{of}: {timeline}");
    }
    let times: Vec<i64> =
        moments.iter().filter(|moment| moment["is_to_come"] != true).map(|moment| moment["at_ms"].as_i64().unwrap()).collect();
    assert!(times.is_sorted(), "{timeline}");
    assert!(moments.iter().any(|moment| moment["what"] == "PAYOUT_NORMAL_SUCCEEDED"), "{timeline}");
    assert!(moments.iter().any(|moment| moment["what"] == "SUCCEEDED"), "{timeline}");
    assert_eq!(world.send("other", "GET", &format!("/sandbox/v1/timeline/{payout}"), None, "").await.0, 404);
}

#[tokio::test]
async fn a_report_counts_what_was_used() {
    let world = World::new().await;
    let party = world.party().await;
    world.done(&format!("/users/{}/verify", party.user), json!({})).await;
    world.bank_account(&party, WAITS).await;
    world.asked(&party).await;
    world.done("/clock/advance", json!({"days": 2})).await;
    let report = world.look("/golive").await;
    let count = |name: &str| {
        let found = report["findings"].as_array().unwrap().iter().find(|finding| finding["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {report}"))["count"].clone()
    };
    assert_eq!(
        (count("sandbox_calls"), count("test_cards"), count("test_bank_accounts"), count("verified_by_call")),
        (json!(2), json!(1), json!(1), json!(1))
    );
    assert!(count("posts_without_idempotency_key").as_u64() > Some(3) && count("basic_on_every_call").as_u64() > Some(3));
    assert_eq!((count("clock_moved"), count("sca_not_used")), (Value::Null, json!(1)));
    let other = world.send("other", "GET", "/sandbox/v1/golive", None, "").await.1;
    assert!(!other.to_string().contains("test_cards"), "{other}");
}

#[tokio::test]
async fn a_user_who_is_there_is_found_by_a_number_too() {
    let world = World::new().await;
    let party = world.party().await;
    let id = dialect_mangopay::why::named(&party.user)[0].1;
    let key = RecordKey { kind: User::KIND, platform: world.platforms[0].1, id };
    assert!(world.reads.record(key).await.unwrap().is_some());
    assert_eq!(world.why(&id.to_string()).await["of"], "user");
    assert_eq!(world.why(&party.wallet).await["of"], "wallet");
}
