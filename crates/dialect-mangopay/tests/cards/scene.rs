//! A world with an acquirer, a payer with a card, and a seller with a wallet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use dialect_mangopay::wire::ids::{Prefix, parse};
use domain::card::{CardAnswer, Expiry, Tokenized, TokenizerError, Verdict};
use domain::ids::{CardValidationId, RequestId};
use domain::payment::Payment;
use domain::platform::{Environment, Platform};
use domain::{Command, Ctx, Desk, PaymentId, Secret};
use engine::rail::{CardOrder, CardRail, CardRefund, Charge, RailError, RailFuture, Rails, TypedCard};
use engine::{Acquirer, Checkout, Voice};
use http::Request;
use ledger::Uid;
use rails::acquirer::SimulatedAcquirer;
use rails::cards::CardJobs;
use rails::worker::{Worker, WorkerBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Client, Seen, World};

/// The card that needs no authentication, and the one that always does.
pub const PLAIN: &str = "4970107111111119";
pub const ASKING: &str = "4970105181818183";

/// An acquirer that hears everything and, when told to, is not heard itself.
pub struct Muffled {
    inner: SimulatedAcquirer,
    pub is_deaf: AtomicBool,
    pub is_mute: AtomicBool,
}

impl Muffled {
    /// Asks the acquirer, or does not; tells what it said, or does not.
    fn muffle<'a, T: Send + 'a>(&'a self, asked: RailFuture<'a, T>) -> RailFuture<'a, T> {
        Box::pin(async move {
            if self.is_deaf.load(Ordering::SeqCst) {
                return Err(RailError::Unavailable("deaf".to_owned()));
            }
            let said = asked.await;
            if self.is_mute.load(Ordering::SeqCst) { Err(RailError::Unavailable("mute".to_owned())) } else { said }
        })
    }
}

impl CardRail for Muffled {
    fn tokenize(&self, card: TypedCard) -> RailFuture<'_, Result<Tokenized, TokenizerError>> {
        self.muffle(self.inner.tokenize(card))
    }
    fn describe(&self, token: Secret<String>) -> RailFuture<'_, Option<(Uid, Tokenized)>> {
        self.muffle(self.inner.describe(token))
    }
    fn charge(&self, charge: Charge) -> RailFuture<'_, CardAnswer> {
        self.muffle(self.inner.charge(charge))
    }
    fn find_charge(&self, reference: Uid) -> RailFuture<'_, Option<CardAnswer>> {
        self.muffle(self.inner.find_charge(reference))
    }
    fn authenticate(&self, reference: Uid, verdict: Verdict) -> RailFuture<'_, CardAnswer> {
        self.muffle(self.inner.authenticate(reference, verdict))
    }
    fn refund(&self, refund: CardRefund) -> RailFuture<'_, CardAnswer> {
        self.muffle(self.inner.refund(refund))
    }
    fn find_refund(&self, reference: Uid) -> RailFuture<'_, Option<CardAnswer>> {
        self.muffle(self.inner.find_refund(reference))
    }
    fn order(&self, reference: Uid, order: CardOrder) -> RailFuture<'_, Option<CardAnswer>> {
        self.muffle(self.inner.order(reference, order))
    }
    fn order_refund(&self, reference: Uid, order: CardOrder) -> RailFuture<'_, Option<CardAnswer>> {
        self.muffle(self.inner.order_refund(reference, order))
    }
    fn test_card(&self) -> Option<engine::Typed> {
        self.inner.test_card()
    }
}

/// Makes the platform one for real money, which no request can.
pub struct GoLive;

impl Command for GoLive {
    type Outcome = ();
    type Error = ();
    const NAME: &'static str = "test.go_live";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), ()> {
        let found = desk.find_record::<Platform>(desk.ctx().platform).ok_or(())?;
        let platform = found.body::<Platform>().ok_or(())?;
        desk.update(&found, Platform { environment: Environment::Production, ..Platform::clone(&platform) });
        Ok(())
    }
}

/// A world with an acquirer.
pub struct Scene {
    pub world: World,
    pub rail: Arc<Muffled>,
    _folder: TempDir,
}

/// Two users and a card.
pub struct Cast {
    pub payer: String,
    pub seller: String,
    /// The seller's wallet.
    pub wallet: String,
    /// The payer's card.
    pub card: String,
}

impl Scene {
    pub async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let inner = SimulatedAcquirer::open(folder.path(), &[7; 32]).unwrap();
        let rail = Arc::new(Muffled { inner, is_deaf: AtomicBool::new(false), is_mute: AtomicBool::new(false) });
        let cards = Arc::clone(&rail) as Arc<dyn CardRail>;
        let world = World::with(|config| config.rails.cards = Some(cards)).await;
        Self { world, rail, _folder: folder }
    }

    pub fn checkout(&self) -> Checkout {
        let rails = Rails { cards: Some(Arc::clone(&self.rail) as Arc<dyn CardRail>), ..Rails::default() };
        Checkout::new(self.world.engine.clone(), Arc::clone(&self.world.reads), self.world.clock(), Acquirer::of(&rails))
    }

    /// Does all jobs that are due.
    pub async fn work(&self) {
        self.worker().run_due().await;
    }

    fn worker(&self) -> Worker {
        let world = &self.world;
        let voices = vec![Arc::clone(&world.dialect) as Arc<dyn Voice>];
        let jobs = CardJobs::new(world.engine.clone(), Arc::clone(&world.reads), self.checkout(), voices);
        jobs.join(WorkerBuilder::new(world.engine.clone(), Arc::clone(&world.reads), world.clock(), world.more_ids())).build()
    }

    async fn ctx(&self, client_id: &str) -> Ctx {
        Ctx::system(self.world.platform(client_id).await, RequestId(Uid::from_bits(1)))
    }

    /// The payer of a pay-in of `me` authenticates, or does not.
    pub async fn authenticate(&self, pay_in: &str, verdict: Verdict) -> Payment {
        let id = PaymentId(parse(&[Prefix::PayIn], pay_in).unwrap());
        self.checkout().authenticate(self.ctx("me").await, id, verdict).await.unwrap()
    }

    /// The payer of a pay-in of `me` types a card on its page.
    pub async fn pay(&self, pay_in: &str, number: &str) -> Result<Payment, engine::CheckoutError> {
        let id = PaymentId(parse(&[Prefix::PayIn], pay_in).unwrap());
        let (number, security_code) = (Secret::new(number.to_owned()), Secret::new("123".to_owned()));
        let typed = engine::Typed { number, expiry: Expiry::parse("0330").unwrap(), security_code };
        self.checkout().pay(self.ctx("me").await, id, typed).await
    }

    /// Somebody plays the payer of a pay-in of `me`.
    pub async fn play(&self, pay_in: &str, verdict: Verdict) -> Result<Payment, engine::CheckoutError> {
        let id = PaymentId(parse(&[Prefix::PayIn], pay_in).unwrap());
        self.checkout().play(self.ctx("me").await, id, verdict).await
    }

    /// The same for a validation.
    pub async fn authenticate_validation(&self, validation: &str, verdict: Verdict) {
        let id = CardValidationId(parse(&[Prefix::CardValidation], validation).unwrap());
        self.checkout().authenticate_validation(self.ctx("me").await, id, verdict).await.unwrap();
    }

    /// A payer with a card of this number, and a seller with a wallet, in EUR.
    pub async fn cast(&self, number: &str) -> Cast {
        let me = self.world.me().await;
        let (payer, seller) = (me.payer().await, me.owner().await);
        let wallet = me.wallet(&seller, "EUR").await;
        let card = self.register(&me, &payer, "EUR", number).await;
        Cast { payer, seller, wallet, card }
    }

    /// A card of a user; gives its id.
    pub async fn register(&self, client: &Client<'_>, user: &str, currency: &str, number: &str) -> String {
        let registration = client.post("/cardregistrations", &json!({"UserId": user, "Currency": currency})).await;
        let data = self.tokenize(&registration, number, "1229", "123").await.text;
        let body = json!({"RegistrationData": data});
        let done = client.put(&format!("/cardregistrations/{}", registration.get("Id")), &body).await;
        assert_eq!((done.status, &*done.get("Status")), (200, "VALIDATED"), "{}", done.text);
        done.get("CardId")
    }

    /// What the tokenizer answers to a registration's form.
    pub async fn tokenize(&self, registration: &Seen, number: &str, expiry: &str, code: &str) -> Seen {
        let (data, key) = (registration.get("PreregistrationData"), registration.get("AccessKey"));
        let form = format!("data={data}&accessKeyRef={key}&cardNumber={number}&cardExpirationDate={expiry}&cardCvx={code}");
        self.post_form(&registration.get("CardRegistrationURL"), &form).await
    }

    pub async fn post_form(&self, url: &str, form: &str) -> Seen {
        let path = url.strip_prefix("http://localhost:8080").expect("of our own");
        let request = Request::post(path).header("Content-Type", "application/x-www-form-urlencoded");
        self.world.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }
}

impl Cast {
    /// A pay-in of 1000 with a fee of 100.
    pub fn direct(&self) -> Value {
        json!({
            "AuthorId": self.payer,
            "CreditedWalletId": self.wallet,
            "DebitedFunds": eur(1_000),
            "Fees": eur(100),
            "CardId": self.card,
            "SecureModeReturnURL": "http://test.com/back?order=7",
        })
    }

    /// A pay-in of 1000 on a page.
    pub fn web(&self) -> Value {
        json!({
            "AuthorId": self.payer,
            "CreditedWalletId": self.wallet,
            "DebitedFunds": eur(1_000),
            "Fees": eur(0),
            "CardType": "CB_VISA_MASTERCARD",
            "ReturnURL": "https://test.com",
            "Culture": "fr",
        })
    }

    pub async fn balance(&self, client: &Client<'_>) -> i64 {
        balance(client, &self.wallet).await
    }
}

pub async fn balance(client: &Client<'_>, wallet: &str) -> i64 {
    client.get(&format!("/wallets/{wallet}")).await.json()["Balance"]["Amount"].as_i64().unwrap()
}

pub fn eur(amount: i64) -> Value {
    json!({"Currency": "EUR", "Amount": amount})
}

/// What the platform has earned in EUR.
pub async fn fees(client: &Client<'_>) -> i64 {
    client.get("/clients/wallets/FEES/EUR").await.json()["Balance"]["Amount"].as_i64().unwrap_or(0)
}
