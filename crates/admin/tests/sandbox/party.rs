//! What the platform `me` has, and how it gets it.

use admin::routes::{ROUTES, Route};
use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::world::{WAITS, World};

pub fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}")).to_owned()
}

pub fn eur(amount: i64) -> Value {
    json!({"Currency": "EUR", "Amount": amount})
}

/// A user of `me` with a wallet.
pub struct Party {
    pub user: String,
    pub wallet: String,
}

impl World {
    pub async fn party(&self) -> Party {
        let user = json!({
            "FirstName": "Sophia", "LastName": "Garnier", "Email": "sophia@example.com", "Birthday": 652_117_514,
            "Nationality": "FR", "CountryOfResidence": "FR", "TermsAndConditionsAccepted": true, "UserCategory": "OWNER",
        });
        let user = text(&self.made("/users/natural", user).await, "Id");
        let wallet = self.made("/wallets", json!({"Owners": [user], "Description": "w", "Currency": "EUR"})).await;
        Party { user, wallet: text(&wallet, "Id") }
    }

    pub async fn declare(&self, party: &Party, amount: i64, fees: i64) -> Value {
        let body = json!({
            "AuthorId": party.user, "CreditedWalletId": party.wallet,
            "DeclaredDebitedFunds": eur(amount), "DeclaredFees": eur(fees),
        });
        self.made("/payins/bankwire/direct", body).await
    }

    pub async fn fund(&self, party: &Party, amount: i64) {
        let pay_in = text(&self.declare(party, amount, 0).await, "Id");
        self.done(&format!("/payins/{pay_in}/receive"), json!({})).await;
    }

    pub async fn balance(&self, party: &Party) -> i64 {
        self.get(&format!("/wallets/{}", party.wallet)).await["Balance"]["Amount"].as_i64().unwrap()
    }

    pub async fn bank_account(&self, party: &Party, iban: &str) -> String {
        let address = json!({"AddressLine1": "1", "City": "Paris", "PostalCode": "75001", "Country": "FR"});
        let body = json!({"OwnerName": "Sophia Garnier", "OwnerAddress": address, "IBAN": iban});
        text(&self.made(&format!("/users/{}/bankaccounts/iban", party.user), body).await, "Id")
    }

    pub async fn pay_out(&self, party: &Party, account: &str, mode: Option<&str>) -> String {
        let body = json!({
            "AuthorId": party.user, "DebitedWalletId": party.wallet, "BankAccountId": account,
            "DebitedFunds": eur(300), "Fees": eur(20), "PayoutModeRequested": mode,
        });
        text(&self.made("/payouts/bankwire", body).await, "Id")
    }

    /// A verified party with ten euros and a payout under way to an account of this IBAN.
    pub async fn paid_out(&self, iban: &str, mode: Option<&str>) -> (Party, String) {
        let party = self.party().await;
        self.done(&format!("/users/{}/verify", party.user), json!({})).await;
        self.fund(&party, 1_000).await;
        let account = self.bank_account(&party, iban).await;
        let payout = self.pay_out(&party, &account, mode).await;
        (party, payout)
    }

    pub async fn payout(&self, id: &str) -> Value {
        self.get(&format!("/payouts/bankwire/{id}")).await
    }
}

/// Every path by each of its methods, with something of `me` in it.
pub async fn asks(world: &World) -> Vec<(Route, String)> {
    let (party, payout) = world.paid_out(WAITS, None).await;
    let pay_in = text(&world.declare(&party, 1_000, 0).await, "Id");
    let refund = pay_in.replace("payin_m_", "refund_m_");
    let named = |path: &str| {
        let id = match path.split('/').nth(3) {
            Some("payins") => &pay_in,
            Some("refunds") => &refund,
            Some("payouts") => &payout,
            _ => &party.user,
        };
        path.replace("{id}", id)
    };
    ROUTES.iter().map(|route| (*route, named(route.path))).collect()
}

/// A request for a route with a field that no path knows, beside some that many do.
pub fn with_nonsense(route: Route, path: &str) -> (String, &'static str) {
    match route.method {
        "GET" | "DELETE" => (format!("{path}?nonsense=1"), ""),
        _ => (path.to_owned(), r#"{"amount":5,"currency":"EUR","days":1,"nonsense":1}"#),
    }
}

impl World {
    /// A card pay-in whose payer is asked to authenticate.
    pub async fn asked(&self, party: &Party) -> Value {
        self.charged(party, "FORCE").await
    }

    /// A card pay-in of ten euros.
    pub async fn charged(&self, party: &Party, secure_mode: &str) -> Value {
        self.charged_for(party, secure_mode, 1_000).await
    }

    /// A card pay-in of so many cents.
    pub async fn charged_for(&self, party: &Party, secure_mode: &str, amount: i64) -> Value {
        let number = if secure_mode == "FORCE" { "4970105181818183" } else { "4970107111111119" };
        let registration = json!({"UserId": party.user, "Currency": "EUR", "CardType": "CB_VISA_MASTERCARD"});
        let registration = self.made("/cardregistrations", registration).await;
        let url = text(&registration, "CardRegistrationURL").replace("http://localhost:8080", "");
        let form = format!(
            "data={}&accessKeyRef={}&cardNumber={number}&cardExpirationDate=1229&cardCvx=123",
            text(&registration, "PreregistrationData"),
            text(&registration, "AccessKey")
        );
        let request = Request::post(url).header("Content-Type", "application/x-www-form-urlencoded").body(Body::from(form)).unwrap();
        let response = tower_service::Service::call(&mut self.router.clone(), request).await.unwrap();
        let data = response.into_body().collect().await.unwrap().to_bytes();
        let body = json!({"RegistrationData": String::from_utf8(data.to_vec()).unwrap()}).to_string();
        let path = format!("/v2.01/me/cardregistrations/{}", text(&registration, "Id"));
        let (_, registration) = self.send("me", "PUT", &path, None, &body).await;
        let pay_in = json!({
            "AuthorId": party.user, "CreditedWalletId": party.wallet, "CardId": text(&registration, "CardId"),
            "DebitedFunds": eur(amount), "Fees": eur(0), "SecureMode": secure_mode, "SecureModeReturnURL": "https://example.com/paid",
            "IpAddress": "192.0.2.1",
            "BrowserInfo": {
                "AcceptHeader": "text/html", "JavaEnabled": false, "Language": "FR", "ColorDepth": 24, "ScreenHeight": 900,
                "ScreenWidth": 1600, "JavascriptEnabled": true, "TimeZoneOffset": "-60", "UserAgent": "Mozilla/5.0",
            },
        });
        self.made("/payins/card/direct", pay_in).await
    }
}
