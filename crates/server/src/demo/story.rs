//! The story: a buyer pays, a seller is paid, and not everything goes well.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::{Duration, Instant};

use axum::http::Method;
use serde::Serialize;
use serde_json::{Value, json};

use super::client::{Client, text};
use crate::output::{self, sum};

/// A payout that is not settled after this long would spoil the story.
const PATIENCE: Duration = Duration::from_secs(20);

/// Tells each step, to people or as JSON lines.
pub struct Narrator {
    json: bool,
    step: u32,
}

/// What happened, and what it made.
#[derive(Default, Serialize)]
struct Step {
    step: u32,
    title: String,
    /// Ids of what was made, by what it is.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    made: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<Paid>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    balances: Vec<Held>,
}

/// A payment as it stands.
#[derive(Serialize)]
struct Paid {
    id: String,
    status: String,
    result_code: Option<String>,
    result_message: Option<String>,
}

/// What a wallet holds.
#[derive(Serialize)]
struct Held {
    of: &'static str,
    wallet: String,
    /// Minor units.
    balance: i64,
    currency: String,
}

impl Narrator {
    pub const fn new(json: bool) -> Self {
        Self { json, step: 0 }
    }

    fn tell(&mut self, mut step: Step) {
        self.step += 1;
        step.step = self.step;
        output::print(self.json, &step, || step.describe());
    }
}

impl Step {
    fn describe(&self) -> String {
        let mut text = format!("{}. {}\n", self.step, self.title);
        for (what, id) in &self.made {
            text.push_str(&format!("   {what:<6} {id}\n"));
        }
        if let Some(Paid { id, status, result_code, result_message }) = &self.payment {
            let code = result_code.as_ref().map_or_else(String::new, |code| format!(" {code}"));
            let message = result_message.as_ref().map_or_else(String::new, |message| format!(" ({message})"));
            text.push_str(&format!("   {id} {status}{code}{message}\n"));
        }
        for Held { of, balance, currency, .. } in &self.balances {
            text.push_str(&format!("   {of:<12}{:>14}\n", sum(*balance, currency)));
        }
        text
    }
}

struct Party {
    name: &'static str,
    user: String,
    wallet: String,
}

/// How the time comes that a bank takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// By itself.
    Passing,
    /// The platform's clock is turned.
    Standing,
}

/// Plays the whole story.
pub async fn tell(client: &Client, narrator: &mut Narrator, time: Time) -> Result<(), Box<dyn Error>> {
    let buyer = onboard(client, narrator, "Ada", "Buyer", "PAYER").await?;
    let seller = onboard(client, narrator, "Grace", "Seller", "OWNER").await?;
    let parties = [&buyer, &seller];
    let card = register_card(client, narrator, &buyer).await?;
    let pay_in = pay_by_card(client, narrator, &parties, &buyer, &card).await?;
    transfer(client, narrator, &parties).await?;
    pay_out(client, narrator, &parties, &seller, time).await?;
    refund(client, narrator, &parties, &buyer, &pay_in).await?;
    be_refused(client, narrator, &parties).await
}

async fn onboard(
    client: &Client,
    narrator: &mut Narrator,
    first: &'static str,
    last: &str,
    category: &str,
) -> Result<Party, Box<dyn Error>> {
    let body = json!({
        "FirstName": first, "LastName": last, "Email": format!("{}@example.com", first.to_lowercase()),
        "Birthday": 650_000_000, "Nationality": "FR", "CountryOfResidence": "FR",
        "UserCategory": category, "TermsAndConditionsAccepted": true,
    });
    let user = client.call(Method::POST, "/users/natural", Some(&body)).await?;
    let user = text(&user, "Id")?.to_owned();
    if category == "OWNER" {
        client.sandbox(&format!("/users/{user}/verify"), &json!({})).await?;
    }
    let body = json!({ "Owners": [user], "Currency": "EUR", "Description": format!("{first}'s euros") });
    let wallet = client.call(Method::POST, "/wallets", Some(&body)).await?;
    let wallet = text(&wallet, "Id")?.to_owned();
    let what = if category == "OWNER" { "is taken up as an owner and verified" } else { "is taken up as a payer" };
    let made = BTreeMap::from([("user", user.clone()), ("wallet", wallet.clone())]);
    narrator.tell(Step { title: format!("{first} {what}"), made, ..Step::default() });
    Ok(Party { name: first, user, wallet })
}

async fn register_card(client: &Client, narrator: &mut Narrator, buyer: &Party) -> Result<String, Box<dyn Error>> {
    let body = json!({ "UserId": buyer.user, "Currency": "EUR", "CardType": "CB_VISA_MASTERCARD" });
    let registration = client.call(Method::POST, "/cardregistrations", Some(&body)).await?;
    let form = format!(
        "data={}&accessKeyRef={}&cardNumber=4970107111111119&cardExpirationDate=1230&cardCvx=123",
        text(&registration, "PreregistrationData")?,
        text(&registration, "AccessKey")?
    );
    let token = client.form(text(&registration, "CardRegistrationURL")?, &form).await?;
    let path = format!("/cardregistrations/{}", text(&registration, "Id")?);
    let registration = client.call(Method::PUT, &path, Some(&json!({ "RegistrationData": token }))).await?;
    let card = text(&registration, "CardId")?.to_owned();
    let made = BTreeMap::from([("card", card.clone())]);
    narrator.tell(Step { title: format!("{} registers a card", buyer.name), made, ..Step::default() });
    Ok(card)
}

async fn pay_by_card(
    client: &Client,
    narrator: &mut Narrator,
    parties: &[&Party; 2],
    buyer: &Party,
    card: &str,
) -> Result<String, Box<dyn Error>> {
    let body = json!({
        "AuthorId": buyer.user, "CreditedWalletId": buyer.wallet, "CardId": card,
        "DebitedFunds": eur(12_000), "Fees": eur(0),
        "SecureModeReturnURL": "https://example.com/paid", "IpAddress": "192.0.2.1",
        "BrowserInfo": {
            "AcceptHeader": "text/html", "JavaEnabled": false, "Language": "FR", "ColorDepth": 24, "ScreenHeight": 900,
            "ScreenWidth": 1600, "JavascriptEnabled": true, "TimeZoneOffset": "-60", "UserAgent": "Mozilla/5.0",
        },
    });
    let pay_in = client.call(Method::POST, "/payins/card/direct", Some(&body)).await?;
    told(client, narrator, "Ada pays 120.00 EUR by card into her wallet", &pay_in, parties).await?;
    Ok(text(&pay_in, "Id")?.to_owned())
}

async fn transfer(client: &Client, narrator: &mut Narrator, parties: &[&Party; 2]) -> Result<(), Box<dyn Error>> {
    let [buyer, seller] = parties;
    let body = json!({
        "AuthorId": buyer.user, "DebitedWalletId": buyer.wallet, "CreditedWalletId": seller.wallet,
        "DebitedFunds": eur(10_000), "Fees": eur(800),
    });
    let transfer = client.call(Method::POST, "/transfers", Some(&body)).await?;
    told(client, narrator, "Ada pays Grace 100.00 EUR; the marketplace keeps a fee of 8.00", &transfer, parties).await
}

async fn pay_out(
    client: &Client,
    narrator: &mut Narrator,
    parties: &[&Party; 2],
    seller: &Party,
    time: Time,
) -> Result<(), Box<dyn Error>> {
    let body = json!({
        "OwnerName": "Grace Seller", "IBAN": "FR7630004000031234567890143", "BIC": "BNPAFRPP",
        "OwnerAddress": { "AddressLine1": "1 Rue de la Paix", "City": "Paris", "PostalCode": "75002", "Country": "FR" },
    });
    let account = client.call(Method::POST, &format!("/users/{}/bankaccounts/iban", seller.user), Some(&body)).await?;
    let body = json!({
        "AuthorId": seller.user, "DebitedWalletId": seller.wallet, "BankAccountId": text(&account, "Id")?,
        "DebitedFunds": eur(9_000), "Fees": eur(0), "BankWireRef": "Week 47",
    });
    let payout = client.call(Method::POST, "/payouts/bankwire", Some(&body)).await?;
    told(client, narrator, "Grace asks for 90.00 EUR on her bank account", &payout, parties).await?;
    let path = format!("/payouts/{}", text(&payout, "Id")?);
    let begun = Instant::now();
    loop {
        let payout = client.call(Method::GET, &path, None).await?;
        if text(&payout, "Status")? != "CREATED" {
            return told(client, narrator, "The bank has paid", &payout, parties).await;
        }
        if begun.elapsed() > PATIENCE {
            return Err("the bank does not answer for the payout".into());
        }
        match time {
            Time::Passing => tokio::time::sleep(Duration::from_millis(50)).await,
            Time::Standing => drop(client.sandbox("/clock/advance", &json!({ "seconds": 1 })).await?),
        }
    }
}

async fn refund(
    client: &Client,
    narrator: &mut Narrator,
    parties: &[&Party; 2],
    buyer: &Party,
    pay_in: &str,
) -> Result<(), Box<dyn Error>> {
    let body = json!({ "AuthorId": buyer.user, "DebitedFunds": eur(2_000), "Fees": eur(0) });
    let refund = client.call(Method::POST, &format!("/payins/{pay_in}/refunds"), Some(&body)).await?;
    told(client, narrator, "Ada gets the 20.00 EUR that are left back on her card", &refund, parties).await
}

async fn be_refused(client: &Client, narrator: &mut Narrator, parties: &[&Party; 2]) -> Result<(), Box<dyn Error>> {
    let [buyer, seller] = parties;
    let body = json!({
        "AuthorId": buyer.user, "DebitedWalletId": buyer.wallet, "CreditedWalletId": seller.wallet,
        "DebitedFunds": eur(5_000), "Fees": eur(0),
    });
    let transfer = client.call(Method::POST, "/transfers", Some(&body)).await?;
    told(client, narrator, "Ada tries to pay Grace 50.00 EUR more, and has nothing left", &transfer, parties).await
}

/// Tells a step: the payment, and every balance after it.
async fn told(client: &Client, narrator: &mut Narrator, title: &str, payment: &Value, parties: &[&Party; 2]) -> Result<(), Box<dyn Error>> {
    let optional = |field: &str| payment.get(field).and_then(Value::as_str).map(str::to_owned);
    let paid = Paid {
        id: text(payment, "Id")?.to_owned(),
        status: text(payment, "Status")?.to_owned(),
        result_code: optional("ResultCode"),
        result_message: optional("ResultMessage"),
    };
    let mut balances = Vec::new();
    for party in parties {
        balances.push(held(party.name, &client.call(Method::GET, &format!("/wallets/{}", party.wallet), None).await?)?);
    }
    balances.push(held("marketplace", &client.call(Method::GET, "/clients/wallets/FEES/EUR", None).await?)?);
    narrator.tell(Step { title: title.to_owned(), payment: Some(paid), balances, ..Step::default() });
    Ok(())
}

fn held(of: &'static str, wallet: &Value) -> Result<Held, Box<dyn Error>> {
    let balance = wallet.get("Balance").ok_or_else(|| format!("the answer has no Balance: {wallet}"))?;
    let amount = balance.get("Amount").and_then(Value::as_i64).ok_or_else(|| format!("the answer has no Amount: {wallet}"))?;
    let (wallet, currency) = (text(wallet, "Id")?.to_owned(), text(balance, "Currency")?.to_owned());
    Ok(Held { of, wallet, balance: amount, currency })
}

fn eur(minor: i64) -> Value {
    json!({ "Currency": "EUR", "Amount": minor })
}
