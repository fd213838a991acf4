//! What a platform owns: at least one of everything that a path can name.

use domain::user::VerifyUser;
use serde::Serialize;
use serde_json::{Value, json};

use crate::harness::{Client, address, legal_owner, user_id};
use crate::scene::{PLAIN, Scene, eur};

/// The key of the estate's own first request.
pub const KEY: &str = "0123456789abcdef-estate";

/// The things of the platform `me`, by their ids.
#[derive(Serialize)]
pub struct Estate {
    /// A verified owner with money, a card, bank accounts and payments, whom the paths name.
    pub user: String,
    pub company: String,
    /// Users without money, so that they can be closed.
    pub leaver: String,
    pub leaving_company: String,
    /// Users of the same platform who own nothing.
    pub sibling: String,
    pub sibling_company: String,
    pub wallet: String,
    pub other_wallet: String,
    pub card: String,
    /// Other cards of the user: one that was validated, and one that was never used.
    pub other_card: String,
    pub fresh_card: String,
    pub fingerprint: String,
    /// A registration that waits for its data, and the data.
    pub registration: String,
    pub registration_data: String,
    pub validation: String,
    pub bank_account: String,
    /// A bank account of the platform itself.
    pub own_account: String,
    pub card_pay_in: String,
    pub web_pay_in: String,
    pub transfer: String,
    pub payout: String,
    pub refund: String,
    pub hook: String,
}

/// A body that adds an account by IBAN.
pub fn iban(owner_address: &Value) -> Value {
    json!({"OwnerName": "Sophia Garnier", "OwnerAddress": owner_address, "IBAN": "FR7630004000031234567890143"})
}

impl Estate {
    pub async fn new(scene: &Scene, me: &Client<'_>) -> Self {
        let (user, leaver, sibling) = (me.owner().await, me.owner().await, me.owner().await);
        scene.world.run("me", VerifyUser { user: user_id(&user) }).await.unwrap();
        let legal = legal_owner();
        let company = me.call("POST", "/users/legal", &[("Idempotency-Key", KEY)], &legal.to_string()).await.get("Id");
        let (leaving_company, sibling_company) = (me.made("/users/legal", &legal).await, me.made("/users/legal", &legal).await);
        let (wallet, other_wallet) = (me.wallet(&user, "EUR").await, me.wallet(&company, "EUR").await);
        me.fund(&user, &wallet, 100_000, 5_000).await;

        let (card, other_card) = (scene.register(me, &user, "EUR", PLAIN).await, scene.register(me, &user, "EUR", PLAIN).await);
        let fresh_card = scene.register(me, &user, "EUR", PLAIN).await;
        let fingerprint = me.get(&format!("/cards/{card}")).await.get("Fingerprint");
        let created = me.post("/cardregistrations", &json!({"UserId": user, "Currency": "EUR"})).await;
        let registration_data = scene.tokenize(&created, PLAIN, "1229", "123").await.text;
        let mut estate = Self {
            registration: created.get("Id"),
            registration_data,
            bank_account: me.made(&format!("/users/{user}/bankaccounts/iban"), &iban(&address("FR"))).await,
            own_account: me.made("/clients/bankaccounts/iban", &iban(&address("FR"))).await,
            user,
            company,
            leaver,
            leaving_company,
            sibling,
            sibling_company,
            wallet,
            other_wallet,
            card,
            other_card,
            fresh_card,
            fingerprint,
            validation: String::new(),
            card_pay_in: String::new(),
            web_pay_in: String::new(),
            transfer: String::new(),
            payout: String::new(),
            refund: String::new(),
            hook: String::new(),
        };
        estate.validation = me.made(&format!("/cards/{}/validation", estate.other_card), &estate.validation_body()).await;
        estate.card_pay_in = me.made("/payins/card/direct", &estate.card_pay_in_body()).await;
        estate.web_pay_in = me.made("/payins/card/web", &estate.web_pay_in_body()).await;
        estate.transfer = me.made("/transfers", &estate.transfer_body()).await;
        estate.payout = me.made("/payouts/bankwire", &estate.payout_body()).await;
        estate.refund = me.made(&format!("/payins/{}/refunds", estate.card_pay_in), &estate.refund_body(100)).await;
        estate.hook = me.made("/hooks", &Self::hook_body("KYC_FAILED")).await;
        estate
    }

    pub fn hook_body(event: &str) -> Value {
        json!({"EventType": event, "Url": "http://localhost:9/"})
    }

    pub fn validation_body(&self) -> Value {
        json!({"AuthorId": self.user, "SecureModeReturnURL": "http://example.com", "IpAddress": "127.0.0.1",
            "BrowserInfo": {"AcceptHeader": "*/*", "ColorDepth": 4, "JavaEnabled": true, "JavascriptEnabled": true,
                "Language": "FR-FR", "ScreenHeight": 1800, "ScreenWidth": 400, "TimeZoneOffset": "+60", "UserAgent": "agent"}})
    }

    pub fn card_pay_in_body(&self) -> Value {
        json!({"AuthorId": self.user, "CreditedWalletId": self.wallet, "DebitedFunds": eur(1_000), "Fees": eur(100),
            "CardId": self.card, "SecureModeReturnURL": "http://example.com"})
    }

    pub fn web_pay_in_body(&self) -> Value {
        json!({"AuthorId": self.user, "CreditedWalletId": self.wallet, "DebitedFunds": eur(1_000), "Fees": eur(0),
            "CardType": "CB_VISA_MASTERCARD", "ReturnURL": "http://example.com", "Culture": "FR"})
    }

    pub fn wire_body(&self) -> Value {
        json!({"AuthorId": self.user, "CreditedWalletId": self.wallet, "DeclaredDebitedFunds": eur(1_000), "DeclaredFees": eur(0)})
    }

    pub fn transfer_body(&self) -> Value {
        json!({"AuthorId": self.user, "DebitedWalletId": self.wallet, "CreditedWalletId": self.other_wallet,
            "DebitedFunds": eur(500), "Fees": eur(50)})
    }

    pub fn payout_body(&self) -> Value {
        json!({"AuthorId": self.user, "DebitedWalletId": self.wallet, "BankAccountId": self.bank_account,
            "DebitedFunds": eur(300), "Fees": eur(20)})
    }

    /// A refund of a part, so that a second one is possible, with another amount.
    pub fn refund_body(&self, amount: i64) -> Value {
        json!({"AuthorId": self.user, "DebitedFunds": eur(amount), "Fees": eur(0)})
    }

    /// Whatever must not be seen by anybody else: every id, and the platform's name for itself.
    fn marks(&self) -> Vec<String> {
        let things = serde_json::to_value(self).unwrap();
        let ids = things.as_object().unwrap().values().map(|id| id.as_str().unwrap().to_owned());
        ids.chain(["\"me\"".to_owned()]).collect()
    }

    /// The first of the estate's marks in a text, but for those of `allowed`.
    pub fn mark_in(&self, text: &str, allowed: &[String]) -> Option<String> {
        self.marks().into_iter().find(|mark| text.contains(mark) && !allowed.contains(mark))
    }

    /// The members of a body that name something of the estate, in the order of the alphabet.
    pub fn names_in<'a>(&self, body: &'a Value) -> Vec<&'a str> {
        let marks = self.marks();
        let is_mark = |value: &Value| value.as_str().is_some_and(|text| marks.iter().any(|mark| mark == text));
        let is_ours = |value: &Value| match value {
            Value::Array(items) => items.iter().any(is_mark),
            value => is_mark(value),
        };
        let named = |it: &'a serde_json::Map<String, Value>| it.iter().filter(|(_, value)| is_ours(value)).map(|(name, _)| &**name);
        let mut names: Vec<&str> = body.as_object().map(|it| named(it).collect()).unwrap_or_default();
        names.sort_unstable();
        names
    }
}
