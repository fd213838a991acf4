//! `--seed` and `--clock`: the same run again, to the byte, on either store.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::program::{FAR, Program, done, refused};

const FORESEEN: &[&str] = &["--seed", "7", "--clock", "2026-01-01T00:00:00Z"];
const PUBLIC_URL: &str = "https://florin.test";
const API_KEY: &str = "an-api-key-of-the-seeded-tests";

/// Somewhere nothing is yet.
struct Place {
    folder: tempfile::TempDir,
    database: Option<String>,
}

impl Place {
    fn on_sqlite() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), database: None }
    }

    fn on_postgres() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), database: Some(testkit::postgres::server().database()) }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    fn serve(&self, more: &[&str]) -> Program {
        Program::serve(&self.data(), self.database(), &[&["--public-url", PUBLIC_URL], more].concat())
    }
}

/// What was answered, as it came over the line.
struct Raw(Vec<u8>);

impl Raw {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    fn status(&self) -> u16 {
        self.text()[9..12].parse().unwrap()
    }

    fn body(&self) -> String {
        self.text().split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    fn get(&self, field: &str) -> String {
        let json: Value = serde_json::from_str(&self.body()).unwrap_or_else(|error| panic!("{error}: {}", self.text()));
        json[field].as_str().unwrap_or_else(|| panic!("no {field}: {json}")).to_owned()
    }
}

fn send(address: SocketAddr, request: &str) -> Raw {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(FAR)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    Raw(bytes)
}

/// A client that does the same each time, and notes what it is answered.
struct Script {
    address: SocketAddr,
    client: &'static str,
    authorization: String,
    heard: Vec<String>,
}

impl Script {
    fn new(address: SocketAddr, client: &'static str) -> Self {
        let basic = BASE64_STANDARD.encode(format!("{client}:{API_KEY}"));
        Self { address, client, authorization: format!("Basic {basic}"), heard: Vec::new() }
    }

    fn ask(&mut self, expected: u16, method: &str, path: &str, headers: &str, body: &str) -> Raw {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: florin.test\r\nAuthorization: {}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            self.authorization,
            body.len()
        );
        let raw = send(self.address, &request);
        assert_eq!(raw.status(), expected, "{method} {path} {body}: {}", raw.text());
        self.heard.push(format!("{method} {path}\n{}", raw.text()));
        raw
    }

    fn post(&mut self, path: &str, body: &Value) -> Raw {
        self.ask(200, "POST", &format!("/v2.01/{}{path}", self.client), "Content-Type: application/json\r\n", &body.to_string())
    }

    fn get(&mut self, path: &str) -> Raw {
        self.ask(200, "GET", &format!("/v2.01/{}{path}", self.client), "", "")
    }

    fn sandbox(&mut self, path: &str, body: &Value) -> Raw {
        self.ask(200, "POST", &format!("/sandbox/v1{path}"), "Content-Type: application/json\r\n", &body.to_string())
    }

    fn form(&mut self, expected: u16, url: &str, body: &str) -> Raw {
        let path = url.strip_prefix(PUBLIC_URL).unwrap_or(url).to_owned();
        self.ask(expected, "POST", &path, "Content-Type: application/x-www-form-urlencoded\r\n", body)
    }

    /// Money in, between and out, pages, errors and lists.
    fn play(&mut self) {
        let client = self.client;
        let token = self.form(200, "/v2.01/oauth/token", "grant_type=client_credentials").get("access_token");
        self.authorization = format!("Bearer {token}");
        let (ada, purse) = self.onboard("Ada", "PAYER");
        let (grace, till) = self.onboard("Grace", "OWNER");
        self.sandbox(&format!("/users/{grace}/verify"), &json!({}));

        let registration = self.post("/cardregistrations", &json!({ "UserId": ada, "Currency": "EUR", "CardType": "CB_VISA_MASTERCARD" }));
        let form = format!(
            "data={}&accessKeyRef={}&cardNumber=4970107111111119&cardExpirationDate=1230&cardCvx=123",
            registration.get("PreregistrationData"),
            registration.get("AccessKey")
        );
        let data = self.form(200, &registration.get("CardRegistrationURL"), &form).body();
        let path = format!("/v2.01/{client}/cardregistrations/{}", registration.get("Id"));
        let body = json!({ "RegistrationData": data }).to_string();
        let card = self.ask(200, "PUT", &path, "Content-Type: application/json\r\n", &body).get("CardId");
        self.get(&format!("/cards/{card}"));
        let browser = json!({
            "AcceptHeader": "text/html", "JavaEnabled": false, "Language": "FR", "ColorDepth": 24, "ScreenHeight": 900, "ScreenWidth": 1600,
            "JavascriptEnabled": true, "TimeZoneOffset": "-60", "UserAgent": "Mozilla/5.0",
        });
        let direct = json!({
            "AuthorId": ada, "CreditedWalletId": purse, "CardId": card, "DebitedFunds": eur(12_000), "Fees": eur(0),
            "SecureModeReturnURL": "https://example.com/paid", "IpAddress": "192.0.2.1", "BrowserInfo": browser,
        });
        let paid = self.post("/payins/card/direct", &direct);
        assert_eq!(paid.get("Status"), "SUCCEEDED");
        let mut asked = direct.clone();
        asked["SecureMode"] = json!("FORCE");
        let asked = self.post("/payins/card/direct", &asked);
        let page = asked.get("SecureModeRedirectURL");
        self.ask(200, "GET", page.strip_prefix(PUBLIC_URL).unwrap(), "", "");
        let web = json!({
            "AuthorId": ada, "CreditedWalletId": purse, "DebitedFunds": eur(500), "Fees": eur(0), "CardType": "CB_VISA_MASTERCARD",
            "ReturnURL": "https://example.com/back", "SecureMode": "DEFAULT", "Culture": "EN",
        });
        let page = self.post("/payins/card/web", &web).get("RedirectURL");
        let page = page.strip_prefix(PUBLIC_URL).unwrap();
        self.ask(200, "GET", page, "", "");
        self.form(303, page, "choice=pay&number=4970107111111119&expiry=1230&code=123");

        let wire = json!({ "AuthorId": ada, "CreditedWalletId": purse, "DeclaredDebitedFunds": eur(700), "DeclaredFees": eur(0) });
        let wire = self.post("/payins/bankwire/direct", &wire).get("Id");
        self.sandbox(&format!("/payins/{wire}/receive"), &json!({}));
        self.sandbox("/wires", &json!({ "amount": 300, "currency": "EUR", "reference": "who knows" }));
        self.get(&format!("/payins/{wire}"));

        let transfer = json!({
            "AuthorId": ada, "DebitedWalletId": purse, "CreditedWalletId": till, "DebitedFunds": eur(10_000), "Fees": eur(800),
        });
        let key = "Idempotency-Key: the-key-of-a-transfer\r\nContent-Type: application/json\r\n";
        let path = format!("/v2.01/{client}/transfers");
        self.ask(200, "POST", &path, key, &transfer.to_string());
        self.ask(409, "POST", &path, key, &transfer.to_string());
        self.get("/responses/the-key-of-a-transfer");

        let account = json!({
            "OwnerName": "Grace Seller", "IBAN": "FR7630004000031234567890143", "BIC": "BNPAFRPP",
            "OwnerAddress": { "AddressLine1": "1 Rue de la Paix", "City": "Paris", "PostalCode": "75002", "Country": "FR" },
        });
        let account = self.post(&format!("/users/{grace}/bankaccounts/iban"), &account).get("Id");
        for amount in [4_000, 2_000] {
            let payout = json!({
                "AuthorId": grace, "DebitedWalletId": till, "BankAccountId": account, "DebitedFunds": eur(amount), "Fees": eur(0),
            });
            let payout = self.post("/payouts/bankwire", &payout).get("Id");
            self.get(&format!("/payouts/{payout}"));
        }
        // What the bank was given is done by then, and what it says comes with its time.
        let refund = json!({ "AuthorId": ada, "DebitedFunds": eur(2_000), "Fees": eur(0) });
        self.post(&format!("/payins/{}/refunds", paid.get("Id")), &refund);
        self.sandbox("/clock/advance", &json!({ "days": 1 }));
        self.onboard("Alan", "PAYER");

        self.ask(400, "POST", &format!("/v2.01/{client}/wallets"), "Content-Type: application/json\r\n", "{}");
        self.ask(404, "GET", &format!("/v2.01/{client}/users/nobody"), "", "");
        self.ask(404, "GET", "/v2.01/nowhere/at/all", "", "");
        self.ask(404, "POST", "/sandbox/v1/nowhere", "", "");
        // Lists may be written behind the answers, and are refused if that takes long: a busy machine is waited for first.
        assert!(self.sandbox("/settle", &json!({ "timeout_ms": 60_000 })).body().contains("\"settled\":true"));
        assert!(self.get(&format!("/users/{grace}/transactions")).body().contains("SUCCEEDED"));
        for list in ["/users", "/events?per_page=100", "/clients/wallets", &format!("/wallets/{purse}/transactions")] {
            self.get(list);
        }
    }

    fn onboard(&mut self, first: &str, category: &str) -> (String, String) {
        let user = json!({
            "FirstName": first, "LastName": "Lovelace", "Email": format!("{first}@example.com"), "Birthday": 650_000_000,
            "Nationality": "FR", "CountryOfResidence": "FR", "UserCategory": category, "TermsAndConditionsAccepted": true,
        });
        let user = self.post("/users/natural", &user).get("Id");
        let wallet = self.post("/wallets", &json!({ "Owners": [user], "Currency": "EUR", "Description": "Euros" })).get("Id");
        (user, wallet)
    }
}

fn eur(minor: i64) -> Value {
    json!({ "Currency": "EUR", "Amount": minor })
}

/// What a server says and answers from its first start on, with `noise` on another platform while it does.
fn session(place: &Place, noise: bool) -> Vec<String> {
    let server = place.serve(FORESEEN);
    let (mut heard, address) = server.listens();
    heard.pop();
    make_platform(place, "me");
    let mut script = Script::new(address, "me");
    if noise {
        make_platform(place, "you");
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let noisy = scope.spawn(|| {
                let mut rounds = 0;
                while !is_over.load(Ordering::Relaxed) || rounds == 0 {
                    Script::new(address, "you").onboard("Eve", "PAYER");
                    rounds += 1;
                }
            });
            script.play();
            is_over.store(true, Ordering::Relaxed);
            noisy.join().unwrap();
        });
    } else {
        script.play();
    }
    server.terminate();
    heard.extend(script.heard);
    heard
}

fn make_platform(place: &Place, client: &str) {
    done(&place.data(), place.database(), &["platform", "create", "--client-id", client, "--api-key", API_KEY]);
}

fn are_the_same(one: &[String], two: &[String]) {
    for (one, two) in one.iter().zip(two) {
        assert_eq!(one, two);
    }
    assert_eq!(one.len(), two.len());
}

#[test]
fn a_run_is_the_same_again_to_the_byte_whoever_else_is_busy_and_whatever_the_store() {
    let first = session(&Place::on_sqlite(), false);
    assert!(first.iter().any(|line| line.contains("API key")) && first.len() > 40, "{first:#?}");
    assert!(first.iter().skip(5).all(|heard| heard.to_lowercase().contains("\r\ndate: thu, 01 jan 2026 00:00:00 gmt\r\n")), "{first:#?}");
    are_the_same(&first, &session(&Place::on_sqlite(), false));
    are_the_same(&first, &session(&Place::on_postgres(), false));
    are_the_same(&first, &session(&Place::on_postgres(), false));
    are_the_same(&first, &session(&Place::on_sqlite(), true));
    are_the_same(&first, &session(&Place::on_postgres(), true));
}

#[test]
fn the_demo_prints_the_same_again() {
    for places in [[Place::on_sqlite(), Place::on_sqlite()], [Place::on_postgres(), Place::on_postgres()]] {
        for json in [&[][..], &["--json"]] {
            let places = if json.is_empty() { &places } else { &[Place::on_sqlite(), Place::on_sqlite()] };
            // The port is the same in both, since links are printed with it.
            let listen = format!("127.0.0.1:{}", free_port());
            let demo = |place: &Place| {
                let args = [json, &["demo", "--exit", "--listen", &listen], FORESEEN].concat();
                done(&place.data(), place.database(), &args)
            };
            let [one, two] = places;
            let told = demo(one);
            assert_eq!(told, demo(two));
            assert!(told.contains("SUCCEEDED") && told.contains("FAILED"), "{told}");
        }
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A token, which is drawn.
fn token(address: SocketAddr) -> String {
    let mut script = Script::new(address, "me");
    script.form(200, "/v2.01/oauth/token", "grant_type=client_credentials").get("access_token")
}

#[test]
fn no_two_starts_draw_the_same() {
    for place in [Place::on_sqlite(), Place::on_postgres()] {
        let (mut tokens, mut users) = (Vec::new(), Vec::new());
        for start in 0..2 {
            let server = place.serve(FORESEEN);
            let (_, address) = server.listens();
            if start == 0 {
                make_platform(&place, "me");
            }
            tokens.extend([token(address), token(address)]);
            users.extend(["Ada", "Grace"].map(|name| Script::new(address, "me").onboard(name, "PAYER").0));
            server.terminate();
        }
        tokens.sort_unstable();
        tokens.dedup();
        assert_eq!(tokens.len(), 4);
        assert!(users.is_sorted() && users.windows(2).all(|pair| pair[0] != pair[1]), "{users:?}");
    }
}

#[test]
fn two_servers_of_one_database_draw_different_secrets() {
    let place = Place::on_postgres();
    let other = Place { folder: tempfile::tempdir().unwrap(), database: place.database.clone() };
    let one = place.serve(FORESEEN);
    let (_, first) = one.listens();
    make_platform(&place, "me");
    std::fs::copy(place.folder.path().join("data.key"), other.folder.path().join("data.key")).unwrap();
    let two = other.serve(FORESEEN);
    let (_, second) = two.listens();
    assert_ne!(token(first), token(second));
    let made = [first, second, first, second].map(|address| Script::new(address, "me").onboard("Ada", "PAYER").0);
    assert!(made.iter().all(|id| made.iter().filter(|other| *other == id).count() == 1), "{made:?}");
}

#[test]
fn data_that_was_foreseen_once_is_marked_for_good_also_under_a_key_of_ones_own() {
    for place in [Place::on_sqlite(), Place::on_postgres()] {
        let key = place.folder.path().join("data.key");
        write_key(&key);
        let own = std::fs::read(&key).unwrap();
        let unmarked = place.serve(&[]);
        unmarked.listens();
        unmarked.terminate();
        let server = place.serve(&["--seed", "8"]);
        server.listens();
        server.terminate();
        assert_eq!(std::fs::read(&key).unwrap(), own, "a key that is there is never written over");
        let warned = place.serve(&[]);
        warned.listens();
        warned.logs("this data is marked");
        warned.terminate();
    }
}

fn write_key(path: &Path) {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all("5a".repeat(32).as_bytes()).unwrap();
}

#[test]
fn where_money_is_real_nothing_is_foreseen() {
    let place = Place::on_sqlite();
    let server = place.serve(&[]);
    server.listens();
    make_platform(&place, "live");
    server.terminate();
    let conn = rusqlite::Connection::open(place.data().join("florin.sqlite")).unwrap();
    conn.execute("UPDATE platform SET status = 'production'", []).unwrap();
    for flags in [&["--seed", "7"][..], &["--clock", "2026-01-01T00:00:00Z"]] {
        let said = refused(&place.data(), None, &[&["serve", "--listen", "127.0.0.1:0"], flags].concat());
        assert!(said.contains("for real money"), "{said}");
    }
    let unseeded = place.serve(&[]);
    unseeded.listens();
    unseeded.terminate();
    conn.execute("INSERT INTO meta (name, value) VALUES ('seeding', CAST('{\"starts\":1,\"first_ms\":1}' AS BLOB))", []).unwrap();
    let said = refused(&place.data(), None, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(said.contains("for real money"), "{said}");
}

#[test]
fn a_token_that_was_taken_back_is_not_trusted_where_time_stands_still() {
    let place = Place::on_sqlite();
    let server = place.serve(FORESEEN);
    let (_, address) = server.listens();
    make_platform(&place, "me");
    let mut script = Script::new(address, "me");
    script.get("/users");
    server.terminate();
    // The key is revoked behind the server's back; nothing but time that passes tells.
    let server = place.serve(FORESEEN);
    let (_, address) = server.listens();
    let mut script = Script::new(address, "me");
    script.get("/users");
    let conn = rusqlite::Connection::open(place.data().join("florin.sqlite")).unwrap();
    conn.busy_timeout(Duration::from_secs(30)).unwrap();
    conn.execute("UPDATE api_key SET status = 'revoked'", []).unwrap();
    let begun = std::time::Instant::now();
    while begun.elapsed() < FAR {
        let request =
            format!("GET /v2.01/me/users HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nConnection: close\r\n\r\n", script.authorization);
        if send(address, &request).status() == 401 {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the key is still good");
}
