//! Looking at the ledger: who stands behind an entry, and in which form it is told.

use serde_json::{Value, json};

use crate::program::{Program, done, refused, run};
use crate::support::{CLIENT_ID, World};

const COMPANY: &str = "user_m_01JRFJJN9BR864A4KG7MH1WCZA";
const PERSON: &str = "user_m_01JRFJJN9BR864A4KG7MH1WCZB";
const OF_COMPANY: &str = "wlt_m_01JRFJJN9BR864A4KG7MH1WCZC";
const OF_PERSON: &str = "wlt_m_01JRFJJN9BR864A4KG7MH1WCZD";
const PAY_IN: &str = "payin_m_01JRFJJN9BR864A4KG7MH1WCZE";
const TRANSFER: &str = "xfer_m_01JRFJJN9BR864A4KG7MH1WCZF";

/// What stands nowhere but in the data of people: no command shows any of it.
const PRIVATE: &[&str] = &["business@example.com", "cedrick@example.com", "ada@example.com", "1 rue des Plantes", "652117514", "123456789"];
const NAMES: &[&str] = &["Cedrick Dickinson", "Best Business", "Ada Byron"];

/// A company that pays a person: two persons, a legal and a natural user, a wire and a transfer.
fn scene(database: Option<String>) -> World {
    let world = World::new(0, 0, database);
    let eur = |amount: i64| json!({"Currency": "EUR", "Amount": amount});
    let address = json!({"AddressLine1": "1 rue des Plantes", "City": "Paris", "PostalCode": "75001", "Country": "FR"});
    let company = json!({
        "Name": "Best Business", "LegalPersonType": "BUSINESS", "Email": "business@example.com", "HeadquartersAddress": address,
        "CompanyNumber": "123456789", "LegalRepresentativeFirstName": "Cedrick", "LegalRepresentativeLastName": "Dickinson",
        "LegalRepresentativeEmail": "cedrick@example.com", "LegalRepresentativeBirthday": 652_117_514,
        "LegalRepresentativeNationality": "FR", "LegalRepresentativeCountryOfResidence": "FR", "TermsAndConditionsAccepted": true,
        "UserCategory": "OWNER",
    });
    let person = json!({
        "FirstName": "Ada", "LastName": "Byron", "Email": "ada@example.com", "UserCategory": "OWNER", "TermsAndConditionsAccepted": true,
        "Birthday": 652_117_514, "Nationality": "FR", "CountryOfResidence": "FR",
    });
    let wallet = |owner: &str| json!({"Owners": [owner], "Description": "w", "Currency": "EUR"});
    let pay_in = json!({
        "AuthorId": COMPANY, "CreditedWalletId": OF_COMPANY, "DeclaredDebitedFunds": eur(1_000), "DeclaredFees": eur(0),
    });
    let transfer = json!({
        "AuthorId": COMPANY, "DebitedWalletId": OF_COMPANY, "CreditedWalletId": OF_PERSON, "DebitedFunds": eur(300), "Fees": eur(20),
    });
    let lines: String = [
        (COMPANY, "users/legal", company),
        (PERSON, "users/natural", person),
        (OF_COMPANY, "wallets", wallet(COMPANY)),
        (OF_PERSON, "wallets", wallet(PERSON)),
        (PAY_IN, "payins/bankwire/direct", pay_in),
        ("", "receive", json!({})),
        (TRANSFER, "transfers", transfer),
    ]
    .into_iter()
    .map(|(id, path, body)| match id {
        "" => json!({"method": "POST", "path": format!("/sandbox/v1/payins/{PAY_IN}/receive"), "body": body}),
        id => json!({"as": id, "method": "POST", "path": format!("/v2.01/{CLIENT_ID}/{path}"), "body": body}),
    })
    .map(|line| format!("{line}\n"))
    .collect();
    let file = world.folder.path().join("scene.jsonl");
    std::fs::write(&file, lines).unwrap();
    done(&world.data(), world.database.as_deref(), &["fixtures", "load", &file.display().to_string()]);
    world
}

fn scenes() -> [World; 2] {
    [scene(None), scene(Some(testkit::postgres::server().database()))]
}

fn posting<'a>(entry: &'a Value, role: &str, amount: i64) -> &'a Value {
    let postings = entry["postings"].as_array().unwrap();
    postings.iter().find(|posting| posting["role"] == role && posting["amount"] == amount).unwrap_or_else(|| panic!("{entry}"))
}

#[test]
fn an_entry_is_explained_down_to_the_persons() {
    for world in scenes() {
        let ask = |args: &[&str]| done(&world.data(), world.database.as_deref(), args);
        let entry: Value = serde_json::from_str(&ask(&["--json", "ledger", "explain", TRANSFER])).unwrap();
        let (debited, credited) = (posting(&entry, "wallet", -300), posting(&entry, "wallet", 280));
        for (posting, role) in [(debited, "representative"), (credited, "holder")] {
            assert_eq!(posting["persons"][0]["role"], role);
            assert_eq!(posting["persons"].as_array().unwrap().len(), 1);
            assert_ne!(posting["persons"][0]["person"], posting["user"]);
        }
        let shown = [&entry["payment"], &entry["client_id"], &debited["wallet"], &debited["user"], &credited["wallet"], &credited["user"]];
        assert_eq!(shown, [TRANSFER, CLIENT_ID, OF_COMPANY, COMPANY, OF_PERSON, PERSON], "ids are as the API shows them");
        let fees = posting(&entry, "fees", 20);
        assert_eq!((&fees["user"], &fees["wallet"], fees.get("persons")), (&Value::Null, &json!("FEES_EUR"), None));

        // By the wallet there are two, by the entry itself the same one.
        let both = ask(&["--json", "ledger", "explain", OF_COMPANY]);
        assert_eq!(both.lines().count(), 2, "{both}");
        let again = ask(&["--json", "ledger", "explain", entry["entry"].as_str().unwrap()]);
        assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), entry);
        let text = ask(&["ledger", "explain", TRANSFER]);
        for part in [&debited["user"], &debited["persons"][0]["person"], &credited["persons"][0]["person"]] {
            assert!(text.contains(part.as_str().unwrap()), "{text}");
        }
        assert!(text.contains(", representative") && text.contains(", holder"), "{text}");
        for id in [TRANSFER, OF_COMPANY, OF_PERSON, "FEES_EUR", CLIENT_ID] {
            assert!(text.contains(id), "{id}: {text}");
        }
    }
}

#[test]
fn a_user_is_explained_by_what_it_holds() {
    for world in scenes() {
        let ask = |args: &[&str]| done(&world.data(), world.database.as_deref(), args);
        let user: Value = serde_json::from_str(&ask(&["--json", "ledger", "explain", PERSON])).unwrap();
        assert_eq!((&user["user"], &user["client_id"], &user["persons"][0]["role"]), (&json!(PERSON), &json!(CLIENT_ID), &json!("holder")));
        let wallets = user["wallets"].as_array().unwrap();
        assert_eq!(wallets.len(), 1, "{user}");
        let told = ["wallet", "balance", "held", "currency", "postings"].map(|field| wallets[0][field].clone());
        assert_eq!(told, [json!(OF_PERSON), json!(280), json!(0), json!("EUR"), json!(1)]);
        let text = ask(&["ledger", "explain", COMPANY]);
        for part in [COMPANY, OF_COMPANY, CLIENT_ID, "7.00 EUR", ", representative", "2 postings"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let named = ask(&["ledger", "explain", COMPANY, "--names"]);
        assert!(named.contains("Best Business") && named.contains("Cedrick Dickinson") && !text.contains("Best Business"), "{named}");
        let said = refused(&world.data(), world.database.as_deref(), &["ledger", "explain", PERSON, "--client-id", "nobody"]);
        assert!(said.contains("nobody"), "{said}");
    }
}

/// A payment that failed left nothing in the books; the server that has it tells why.
#[test]
fn a_failed_payment_is_explained_by_its_refusal() {
    for world in scenes() {
        let database = world.database.as_deref();
        let failed = "xfer_m_01JRFJJN9BR864A4KG7MH1WCZJ";
        let eur = |amount: i64| json!({"Currency": "EUR", "Amount": amount});
        let body = json!({
            "AuthorId": COMPANY, "DebitedWalletId": OF_COMPANY, "CreditedWalletId": OF_PERSON, "DebitedFunds": eur(90_000), "Fees": eur(0),
        });
        let line = json!({"as": failed, "method": "POST", "path": format!("/v2.01/{CLIENT_ID}/transfers"), "body": body});
        let file = world.folder.path().join("failed.jsonl");
        std::fs::write(&file, format!("{line}\n")).unwrap();
        done(&world.data(), database, &["fixtures", "load", &file.display().to_string()]);
        let said = refused(&world.data(), database, &["ledger", "explain", failed]);
        assert!(said.contains(failed) && said.contains("while a server runs"), "{said}");

        let server = Program::serve(&world.data(), database, &[]);
        server.listens();
        let told: Value = serde_json::from_str(&done(&world.data(), database, &["--json", "ledger", "explain", failed])).unwrap();
        let fields = ["payment", "client_id", "status", "result_code", "user", "debited_wallet", "credited_wallet", "debited_currency"];
        let expected = [failed, CLIENT_ID, "FAILED", "001001", COMPANY, OF_COMPANY, OF_PERSON, "EUR"];
        assert_eq!(fields.map(|field| told[field].as_str().unwrap_or("none")), expected, "{told}");
        assert_eq!(told["debited"], 90_000);
        let text = done(&world.data(), database, &["ledger", "explain", failed]);
        for part in [failed, "FAILED 001001", "900.00 EUR", "nothing was posted"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(refused(&world.data(), database, &["ledger", "explain", failed, "--client-id", "nobody"]).contains("nobody"));
        server.terminate();
    }
}

#[test]
fn a_platforms_own_account_has_the_name_that_the_api_shows() {
    for world in scenes() {
        let database = world.database.as_deref();
        let ask = |args: &[&str]| serde_json::from_str::<Value>(&done(&world.data(), database, args)).unwrap();
        let fees = ask(&["--json", "ledger", "balance", "FEES_EUR"]);
        assert_eq!((&fees["wallet"], &fees["balance"], &fees["currency"]), (&json!("FEES_EUR"), &json!(20), &json!("EUR")));
        assert_eq!(ask(&["--json", "ledger", "explain", "FEES_EUR"])["payment"], TRANSFER);
        assert!(refused(&world.data(), database, &["ledger", "balance", "FEES_GBP"]).contains("FEES_GBP"));

        // Once another platform has such an account, it takes a word which.
        done(&world.data(), database, &["platform", "create", "--client-id", "other"]);
        let eur = |amount: i64| json!({"Currency": "EUR", "Amount": amount});
        let wire = json!({"CreditedWalletId": "CREDIT_EUR", "DeclaredDebitedFunds": eur(50)});
        let path = "/v2.01/other/clients/payins/bankwire/direct";
        let lines = [
            json!({"as": "payin_m_credit", "method": "POST", "path": path, "body": wire}),
            json!({"method": "POST", "path": "/sandbox/v1/payins/payin_m_credit/receive", "client_id": "other", "body": {}}),
            json!({"as": "payin_m_own", "method": "POST", "path": path.replace("other", CLIENT_ID), "body": wire}),
            json!({"method": "POST", "path": "/sandbox/v1/payins/payin_m_own/receive", "client_id": CLIENT_ID, "body": {"amount": 70}}),
        ];
        let file = world.folder.path().join("credits.jsonl");
        std::fs::write(&file, lines.map(|line| format!("{line}\n")).concat()).unwrap();
        done(&world.data(), database, &["fixtures", "load", &file.display().to_string()]);
        let said = refused(&world.data(), database, &["ledger", "balance", "CREDIT_EUR"]);
        assert!(said.contains("--client-id") && said.contains("other") && said.contains(CLIENT_ID), "{said}");
        assert_eq!(ask(&["--json", "ledger", "balance", "CREDIT_EUR", "--client-id", "other"])["balance"], 50);
        assert!(refused(&world.data(), database, &["ledger", "balance", "CREDIT_EUR", "--client-id", "nobody"]).contains("nobody"));
    }
}

#[test]
fn a_date_is_its_end() {
    let world = scene(None);
    let at = |time: &str| {
        let told = done(&world.data(), None, &["--json", "ledger", "balance", OF_COMPANY, "--at", time]);
        serde_json::from_str::<Value>(&told).unwrap()["balance"].clone()
    };
    assert_eq!((at("2020-01-01"), at("2999-12-31"), at("2999-12-31T00:00:00Z")), (json!(0), json!(700), json!(700)));
    let entry: Value = serde_json::from_str(&done(&world.data(), None, &["--json", "ledger", "explain", TRANSFER])).unwrap();
    let day = &entry["booked_at"].as_str().unwrap()[..10];
    assert_eq!((at(day), at(&format!("{day}T00:00:00Z"))), (json!(700), json!(0)), "what was booked today counts at its end");
    let said = refused(&world.data(), None, &["ledger", "balance", OF_COMPANY, "--at", "noon"]);
    assert!(said.contains("--at") && said.contains("2026-11-21T12:00:00Z") && said.contains("nor a date"), "{said}");
}

#[test]
fn names_are_shown_to_whoever_asks_for_them_and_nothing_else_ever() {
    for world in scenes() {
        for form in [&["ledger", "explain", TRANSFER][..], &["--json", "ledger", "explain", TRANSFER]] {
            let plain = done(&world.data(), world.database.as_deref(), form);
            let named = done(&world.data(), world.database.as_deref(), &[form, &["--names"]].concat());
            for name in NAMES {
                assert!(!plain.contains(name) && named.contains(name), "{name}: {plain} {named}");
            }
            for private in PRIVATE {
                assert!(!plain.contains(private) && !named.contains(private), "{private}: {named}");
            }
        }
    }
}

#[test]
fn every_look_at_the_ledger_can_be_had_as_json() {
    let world = scene(None);
    let ask = |args: &[&str]| done(&world.data(), None, args);
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(parse(&ask(&["--json", "ledger", "verify"]))["holds"], true);
    assert_eq!(parse(&ask(&["--json", "ledger", "balance", OF_COMPANY]))["balance"], 700);
    let exported = ask(&["--json", "ledger", "export"]);
    let kinds: Vec<Value> = exported.lines().map(|line| parse(line)["kind"].clone()).collect();
    assert_eq!(kinds.len(), 2, "{exported}");
    assert!(ask(&["ledger", "export"]).starts_with("; The whole ledger"));
}

/// What is no terminal gets the result, and not a character besides.
#[test]
fn progress_is_for_terminals() {
    let world = scene(None);
    for args in [&["ledger", "verify"][..], &["ledger", "export"], &["--json", "ledger", "verify"]] {
        let output = run(&world.data(), None, args);
        assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stderr)), (Some(0), ""), "{args:?}");
    }
    let said = refused(&world.data(), None, &["ledger", "explain", "user_m_01JRFJJN9BR864A4KG7MH1WCZZ"]);
    assert_eq!(said.lines().count(), 1, "{said}");
}

/// A demo that ends leaves nothing unsealed, and what it did holds.
#[test]
fn a_demo_that_ends_has_sealed_its_day() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    done(&data, None, &["demo", "--exit", "--listen", "127.0.0.1:0"]);
    let text = done(&data, None, &["ledger", "verify"]);
    assert!(text.contains("The ledger holds") && !text.contains("Not sealed yet"), "{text}");
}
