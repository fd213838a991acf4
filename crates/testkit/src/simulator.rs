//! A seeded simulator: random commands in random batches, a store that fails or dies at its flushes, and a
//! model ledger as oracle.
//!
//! A run is a function of its seed. What it holds against the model after every restart: each
//! acknowledged payment is there as acknowledged, with the amounts and wallets that were asked for; a key that was not answered
//! ended in one of the payments asked for under it, or in none; every balance is what the model's own sums make it, as are the
//! platform's fees; the ledger verifies. At each answer: a transfer was refused only where money could be lacking, and
//! moved only where it could be there.
//!
//! Its money comes by bank wire and moves by transfer. Holds, payouts, refunds and cards are not in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use domain::ids::RequestId;
use domain::payment::{DeclareBankWire, Payment, ReceiveBankWire, ReceivingAccount, Status, TransferFunds, TransferOutcome};
use domain::platform::{CreatePlatform, Environment, Policy};
use domain::user::{Category, Demands, PersonProfile, Profile, RegisterUser};
use domain::wallet::OpenWallet;
use domain::{Answer, Books, Ctx, IdempotencyKey, PaymentId, PlatformId, Secret, Timestamp, UserId, WalletId, Wanted};
use engine::{Awaited, Batch, Clock, Inline, Keyed, Reply, Store, StoreError, Syncer, UuidIds};
use ledger::{Account, AccountId, Role, Uid, Verifier};
use money::{Currency, Money};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use store::vault::Vault;
use store::{Opened, Part};

/// Opens the store of a run: at first, and again after each death.
pub trait Reopen {
    /// Opens it, with everything that was durable.
    fn open(&self) -> Opened;
}

/// A data folder of SQLite.
pub struct SqliteFolder<'a>(pub &'a Path);

impl Reopen for SqliteFolder<'_> {
    fn open(&self) -> Opened {
        store::sqlite::open(self.0, Arc::new(Vault::new(&[7; 32]))).expect("the folder opens")
    }
}

/// A clock that only the simulation moves.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::Relaxed))
    }
}

/// What a flush is made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Works,
    /// Nothing is written, and an error is told.
    Fails,
    /// Another server was first, it says; nothing is written.
    IsTooLate,
    /// The process dies before anything is written.
    DiesBefore,
    /// The process dies when all is durable and nobody has been told.
    DiesAfter,
}

struct Faulty {
    inner: Box<dyn Store>,
    fates: Arc<Mutex<Fates>>,
}

struct Fates {
    random: SmallRng,
    is_dead: bool,
}

impl Fates {
    fn next(&mut self) -> Fate {
        if self.is_dead {
            return Fate::DiesBefore;
        }
        let fate = match self.random.next_u32() % 40 {
            0 => Fate::Fails,
            1 | 2 => Fate::IsTooLate,
            3 => Fate::DiesBefore,
            4 => Fate::DiesAfter,
            _ => Fate::Works,
        };
        self.is_dead = matches!(fate, Fate::DiesBefore | Fate::DiesAfter);
        fate
    }
}

impl Store for Faulty {
    fn load(&mut self, wanted: &Wanted, books: &mut Books) -> Result<(), StoreError> {
        self.inner.load(wanted, books)
    }

    fn flush(&mut self, books: &Books) -> Result<(), StoreError> {
        let fate = self.fates.lock().expect("not poisoned").next();
        match fate {
            Fate::Works => self.inner.flush(books),
            Fate::IsTooLate => Err(StoreError::Retry("simulated".to_owned())),
            Fate::Fails | Fate::DiesBefore => Err(StoreError::Fault("simulated".to_owned())),
            Fate::DiesAfter => {
                self.inner.flush(books)?;
                Err(StoreError::Fault("simulated".to_owned()))
            }
        }
    }

    fn syncer(&self) -> Option<Arc<dyn Syncer>> {
        self.inner.syncer()
    }

    fn doubt(&mut self) -> bool {
        self.inner.doubt()
    }

    fn abandon(&mut self) {
        self.inner.abandon();
    }

    fn idle(&mut self) -> Result<(), StoreError> {
        self.inner.idle()
    }
}

/// A wallet as the model has it.
#[derive(Clone, Copy, Debug)]
struct ModelWallet {
    id: WalletId,
    owner: UserId,
}

/// A transfer as it was asked for; wallets by their place in the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Intent {
    from: usize,
    to: usize,
    debited: i64,
    fees: i64,
}

/// A bank wire as it was declared and sent.
#[derive(Clone, Copy, Debug)]
struct Wire {
    to: usize,
    received: i64,
    fees: i64,
}

/// What the model expects of the store.
#[derive(Default)]
struct Model {
    wallets: Vec<ModelWallet>,
    /// What each wallet holds, by the model's own sums.
    balances: Vec<i64>,
    /// What the platform has kept.
    fees: i64,
    /// What was asked for by each payment that was acknowledged.
    transfers: BTreeMap<PaymentId, Intent>,
    /// What was asked for under keys that nobody was told of: one of it may have happened.
    unsure: BTreeMap<String, Vec<Intent>>,
    /// Wires that may have been booked.
    unsure_wires: BTreeMap<PaymentId, Wire>,
    /// Payments that were acknowledged, as they were.
    acknowledged: BTreeMap<PaymentId, Status>,
    /// Keys by how they were answered: `None` while nobody was told anything.
    keys: BTreeMap<String, Option<Vec<u8>>>,
}

impl Model {
    fn transferred(&mut self, payment: PaymentId, intent: Intent, status: Status) {
        self.transfers.insert(payment, intent);
        if status == Status::Succeeded {
            self.balances[intent.from] -= intent.debited;
            self.balances[intent.to] += intent.debited - intent.fees;
            self.fees += intent.fees;
        }
    }

    fn received(&mut self, wire: Wire) {
        self.balances[wire.to] += wire.received - wire.fees;
        self.fees += wire.fees;
    }

    /// Whether a payment is what was asked for.
    fn is_of(&self, payment: &Payment, intent: Intent) -> bool {
        let wallet = |place: usize| self.wallets.get(place).map(|wallet| wallet.id.account());
        payment.debited.minor() == intent.debited
            && payment.credited.minor() == intent.debited - intent.fees
            && payment.fees.minor() == intent.fees
            && (payment.debited_wallet, payment.credited_wallet) == (wallet(intent.from), wallet(intent.to))
    }
}

/// Figures of a run, to see that it did something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Deaths and restarts.
    pub deaths: u32,
    /// Transfers that moved money.
    pub moved: u32,
    /// Transfers refused.
    pub refused: u32,
    /// Keys used twice.
    pub replays: u32,
}

struct Run<'a> {
    random: SmallRng,
    clock: Arc<Hand>,
    ctx: Ctx,
    fates: Arc<Mutex<Fates>>,
    reopen: &'a dyn Reopen,
    engine: Option<Inline>,
    opened_scan: Option<Arc<dyn store::Scan>>,
    reads: Option<Arc<dyn engine::Reads>>,
    model: Model,
    seen: Seen,
    runtime: tokio::runtime::Runtime,
    generation: u64,
    seed: u64,
}

/// Runs one seed; panics, naming what is wrong, when the store and the model disagree.
pub fn run(seed: u64, steps: u32, reopen: &dyn Reopen) -> Seen {
    let mut run = Run::begin(seed, reopen);
    for step in 0..steps {
        run.step();
        if run.is_dead() {
            run.seen.deaths += 1;
            run.restart();
            run.check();
        } else if step % 16 == 15 {
            run.check();
        }
    }
    run.restart();
    run.check();
    run.seen
}

impl<'a> Run<'a> {
    fn begin(seed: u64, reopen: &'a dyn Reopen) -> Self {
        let platform = PlatformId(Uid::from_bits(0x0190_0000_0000_7000_8000_0000_0000_0001));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let fates = Fates { random: SmallRng::seed_from_u64(seed ^ 0xfa7e), is_dead: false };
        let mut run = Run {
            random: SmallRng::seed_from_u64(seed),
            clock: Arc::new(Hand(AtomicI64::new(1_760_000_000_000))),
            ctx: Ctx::system(platform, RequestId(Uid::from_bits(1))),
            fates: Arc::new(Mutex::new(fates)),
            reopen,
            engine: None,
            opened_scan: None,
            reads: None,
            model: Model::default(),
            seen: Seen::default(),
            runtime,
            generation: 0,
            seed,
        };
        run.restart();
        run.make_platform();
        run
    }

    fn is_dead(&self) -> bool {
        self.fates.lock().expect("not poisoned").is_dead
    }

    fn restart(&mut self) {
        // The old process is gone before the new one opens.
        (self.engine, self.opened_scan, self.reads) = (None, None, None);
        self.fates.lock().expect("not poisoned").is_dead = false;
        let Opened { store, reads, scan, last_id, .. } = self.reopen.open();
        self.generation += 1;
        let ids = UuidIds::new(self.clock.clone(), self.seed ^ self.generation).after(last_id);
        let faulty = Faulty { inner: store, fates: Arc::clone(&self.fates) };
        self.engine = Some(Inline::new(Box::new(faulty), Box::new(ids), self.clock.clone()));
        (self.opened_scan, self.reads) = (Some(scan), Some(reads));
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.random.next_u64() % bound.max(1) as u64) as usize
    }

    fn batch(&mut self, batch: Batch) {
        self.engine.as_mut().expect("an engine").run(batch);
    }

    fn make_platform(&mut self) {
        loop {
            let command = CreatePlatform {
                client_id: "simulated".to_owned(),
                environment: Environment::Sandbox,
                policy: Policy::mangopay(),
                key_digest: [0; 32],
            };
            let mut batch = Batch::default();
            let mut made = batch.add(self.ctx, command);
            self.batch(batch);
            match made.take() {
                Some(Ok(_)) => return,
                _ if self.is_dead() => self.restart(),
                _ => {}
            }
        }
    }

    fn step(&mut self) {
        self.clock.0.fetch_add(self.random.next_u32() as i64 % 900, Ordering::Relaxed);
        match self.below(10) {
            0 if self.model.wallets.len() < 12 => self.open_wallet(),
            1 | 2 => self.fund(),
            3 => drop(self.engine.as_mut().expect("an engine").idle()),
            _ => self.transfers(),
        }
    }

    fn open_wallet(&mut self) {
        let person = PersonProfile {
            first_name: Some(Secret::new("Ada".to_owned())),
            last_name: Some(Secret::new("L".to_owned())),
            birthday_s: Some(Secret::new(0)),
            nationality: Some("FR".to_owned()),
            country_of_residence: Some("FR".to_owned()),
            ..PersonProfile::default()
        };
        let email = Some(Secret::new("ada@example.com".to_owned()));
        let register = RegisterUser {
            profile: Profile { person, email, ..Profile::default() },
            category: Category::Owner,
            demands: Demands::All,
            has_accepted_terms: true,
        };
        let mut batch = Batch::default();
        let mut made = batch.add(self.ctx, register);
        self.batch(batch);
        let Some(Ok(Ok(view))) = made.take() else { return };
        let owner = UserId(view.user.lead.id);
        let mut batch = Batch::default();
        let open = OpenWallet { owner, currency: Currency::EUR, description: Secret::default(), tag: None };
        let mut made = batch.add(self.ctx, open);
        self.batch(batch);
        if let Some(Ok(Ok(wallet))) = made.take() {
            self.model.wallets.push(ModelWallet { id: WalletId(wallet.lead.id), owner });
            self.model.balances.push(0);
        }
    }

    fn fund(&mut self) {
        if self.model.wallets.is_empty() {
            return;
        }
        let at = self.below(self.model.wallets.len());
        let wallet = self.model.wallets[at];
        let money = Money::new(1 + self.below(500) as i64, Currency::EUR).expect("positive");
        let fees = Money::new(self.below(2) as i64 * (money.minor() / 10), Currency::EUR).expect("positive");
        let declare = DeclareBankWire {
            author: Some(wallet.owner),
            credited_user: None,
            to: wallet.id.account(),
            to_own: None,
            declared: money,
            fees,
            account: nowhere(),
            tag: None,
        };
        let mut batch = Batch::default();
        let mut made = batch.add(self.ctx, declare);
        self.batch(batch);
        let Some(Ok(Ok(pay_in))) = made.take() else { return };
        self.model.acknowledged.insert(pay_in.id, Status::Created);
        let receive = ReceiveBankWire {
            pay_in: pay_in.id,
            to: Some(wallet.id.account()),
            received: money,
            booked_at: self.clock.now(),
            bank_reference: Some("bank".to_owned()),
            debtor: None,
        };
        let mut batch = Batch::default();
        // The bank tells it twice.
        let mut told = [batch.add(self.ctx, receive.clone()), batch.add(self.ctx, receive)];
        self.batch(batch);
        let done = told.iter_mut().filter_map(Awaited::take).filter(|answer| matches!(answer, Ok(Ok(_)))).count();
        assert!(done <= 1, "money was received twice");
        let wire = Wire { to: at, received: money.minor(), fees: fees.minor() };
        if done == 1 {
            self.model.acknowledged.insert(pay_in.id, Status::Succeeded);
            self.model.received(wire);
        } else {
            // Nobody was told: it may have happened or not.
            self.model.acknowledged.remove(&pay_in.id);
            self.model.unsure_wires.insert(pay_in.id, wire);
        }
    }

    fn transfers(&mut self) {
        if self.model.wallets.len() < 2 {
            return;
        }
        let mut batch = Batch::default();
        let mut asked = Vec::new();
        for _ in 0..1 + self.below(12) {
            let (from, to) = (self.below(self.model.wallets.len()), self.below(self.model.wallets.len()));
            let debited = 1 + self.below(300) as i64;
            let intent = Intent { from, to, debited, fees: self.below(3) as i64 * (debited / 10) };
            let (from, to) = (self.model.wallets[from], self.model.wallets[to]);
            let transfer = TransferFunds {
                author: from.owner,
                credited_user: None,
                from: from.id,
                to: to.id,
                debited: Money::new(intent.debited, Currency::EUR).expect("positive"),
                fees: Money::new(intent.fees, Currency::EUR).expect("positive"),
                tag: Some(Secret::new("note".to_owned())),
                presence: None,
            };
            // Keys are few, so that some come again: within a batch, later, and after a death.
            let key = format!("key-{}", self.below(400));
            asked.push((key.clone(), intent, batch.add_keyed(self.ctx, transfer, Some(self.keyed(&key)), render)));
        }
        let before = self.model.balances.clone();
        self.batch(batch);
        let answers: Vec<_> = asked.into_iter().map(|(key, intent, mut awaited)| (key, intent, awaited.take())).collect();
        check_refusals(&before, &answers, self.is_dead());
        for (key, intent, answer) in answers {
            self.note(key, intent, answer);
        }
    }

    fn keyed(&self, key: &str) -> Keyed {
        let key = IdempotencyKey { platform: self.ctx.platform, dialect: 1, key: key.into() };
        Keyed { key, fingerprint: [0; 16], path: "/simulated".into() }
    }

    fn note(&mut self, key: String, intent: Intent, answer: Told) {
        match answer {
            Some(Ok(Reply::Answer(answer))) => {
                self.model.unsure.remove(&key);
                let before = self.model.keys.insert(key.clone(), Some(answer.body.to_vec()));
                assert!(!matches!(before, Some(Some(_))), "{key} was used twice");
                if let Some((id, status)) = parse(&answer.body) {
                    self.model.acknowledged.insert(id, status);
                    self.model.transferred(id, intent, status);
                    *(if status == Status::Succeeded { &mut self.seen.moved } else { &mut self.seen.refused }) += 1;
                }
            }
            Some(Ok(Reply::KeyUsed(_))) => {
                self.seen.replays += 1;
                let known = self.model.keys.contains_key(&key);
                assert!(known, "{key} is said to be used, and was not");
            }
            _ => {
                self.model.unsure.entry(key.clone()).or_default().push(intent);
                self.model.keys.entry(key).or_insert(None);
            }
        }
    }

    /// Takes up what happened without anybody having been told: a stored answer, and a wire that was booked.
    fn learn(&mut self, key: &str, body: &[u8], reads: &Arc<dyn engine::Reads>) {
        let asked = self.model.unsure.remove(key).unwrap_or_default();
        let Some((id, status)) = parse(body) else { return };
        let payment = self.runtime.block_on(reads.payment(self.ctx.platform, id)).expect("readable").expect("an answered payment is there");
        let intent = asked.into_iter().find(|intent| self.model.is_of(&payment, *intent));
        let intent = intent.unwrap_or_else(|| panic!("{key} ended in a payment that nobody asked for under it"));
        self.model.transferred(id, intent, status);
        self.model.acknowledged.insert(id, status);
    }

    fn check(&mut self) {
        let reads = Arc::clone(self.reads.as_ref().expect("reads"));
        let scan = Arc::clone(self.opened_scan.as_ref().expect("a scan"));
        let mut verifier = Verifier::new();
        let mut balances: BTreeMap<AccountId, Account> = BTreeMap::new();
        let mut operations = BTreeSet::new();
        scan.ledger(&mut |part| match part {
            Part::Account(account) => {
                balances.insert(account.id, account);
                verifier.account(account);
            }
            Part::Entry(entry, postings) => {
                assert!(operations.insert(entry.operation), "two entries for one operation");
                verifier.entry(&entry, &postings);
            }
        })
        .expect("the ledger is read");
        let report = verifier.finish();
        assert!(report.holds(), "{:?}", report.findings);
        let platform = self.ctx.platform;
        self.learn_of_the_unsure(&reads);
        for (id, status) in &self.model.acknowledged {
            let payment = self.runtime.block_on(reads.payment(platform, *id)).expect("readable").expect("an acknowledged payment is there");
            assert_eq!(payment.status, *status, "an acknowledged payment is as it was acknowledged");
            assert_eq!(operations.contains(&payment.id.0), payment.status == Status::Succeeded, "money moved if it succeeded");
            if let Some(intent) = self.model.transfers.get(id) {
                assert!(self.model.is_of(&payment, *intent), "{payment:?} is not what was asked for: {intent:?}");
            }
        }
        for (key, answer) in &self.model.keys {
            let stored = self.stored_answer(key, &reads);
            match (answer, stored) {
                (Some(told), Some(body)) => assert_eq!(*told, body, "the stored answer is the one given"),
                (Some(_), None) => panic!("the answer to {key} is lost"),
                (None, stored) => assert_eq!(stored, None, "what was stored was taken up"),
            }
        }
        for (wallet, expected) in self.model.wallets.iter().zip(&self.model.balances) {
            let shown =
                self.runtime.block_on(reads.account(platform, wallet.id.account())).expect("readable").expect("the wallet is there");
            assert_eq!(Some(&shown), balances.get(&wallet.id.account()), "what is shown is what is written");
            assert_eq!((shown.role, shown.holder), (Role::Wallet, Some(wallet.owner.0)));
            assert_eq!((shown.balance, shown.held), (*expected, 0), "a wallet holds what the model says");
        }
        let fees = self.runtime.block_on(reads.accounts(platform, vec![Role::Fees])).expect("readable");
        assert_eq!(fees.iter().map(|account| account.balance).sum::<i64>(), self.model.fees, "the platform has kept what the model says");
    }

    /// What may have happened and has, is known from now on.
    fn learn_of_the_unsure(&mut self, reads: &Arc<dyn engine::Reads>) {
        let unanswered: Vec<String> = self.model.keys.iter().filter(|(_, answer)| answer.is_none()).map(|(key, _)| key.clone()).collect();
        for key in unanswered {
            if let Some(body) = self.stored_answer(&key, reads) {
                self.learn(&key, &body, reads);
                self.model.keys.insert(key, Some(body));
            }
        }
        for (id, wire) in std::mem::take(&mut self.model.unsure_wires) {
            let payment = self.runtime.block_on(reads.payment(self.ctx.platform, id)).expect("readable").expect("a declared wire is there");
            self.model.acknowledged.insert(id, payment.status);
            if payment.status == Status::Succeeded {
                self.model.received(wire);
            }
        }
    }

    fn stored_answer(&self, key: &str, reads: &Arc<dyn engine::Reads>) -> Option<Vec<u8>> {
        let keyed = IdempotencyKey { platform: self.ctx.platform, dialect: 1, key: key.into() };
        let stored = self.runtime.block_on(reads.key(keyed)).expect("readable");
        stored.and_then(|row| match row.state {
            domain::KeyState::Answered(Answer { body, .. }) => Some(body.to_vec()),
            domain::KeyState::Claimed => None,
        })
    }
}

/// What a caller was told, if anything.
type Told = Option<Result<Reply, engine::Refused>>;

/// Holds the answers of one batch against the balances before it, whose order within the batch is not promised: a transfer is refused
/// only if its wallet could have come to lack the money, and moves it only if it could have been there.
fn check_refusals(before: &[i64], answers: &[(String, Intent, Told)], is_dead: bool) {
    if is_dead {
        return;
    }
    let ended = |told: &Told| match told {
        Some(Ok(Reply::Answer(answer))) => parse(&answer.body).map(|(_, status)| status),
        _ => None,
    };
    let moved = || answers.iter().filter(|(_, _, told)| ended(told) == Some(Status::Succeeded)).map(|(_, intent, _)| intent);
    for (key, intent, told) in answers {
        let held = before[intent.from];
        let least = held - moved().filter(|other| other.from == intent.from).map(|other| other.debited).sum::<i64>();
        let most = held + moved().filter(|other| other.to == intent.from).map(|other| other.debited - other.fees).sum::<i64>();
        match ended(told) {
            // The rule says so, whatever is there.
            Some(status) if intent.from == intent.to => assert_eq!(status, Status::Failed, "{key} moved money from a wallet into itself"),
            Some(Status::Failed) => assert!(least < intent.debited, "{key} was refused, and {least} to {most} were there: {intent:?}"),
            Some(Status::Succeeded) => assert!(most >= intent.debited, "{key} moved what was not there, {most} at most: {intent:?}"),
            _ => {}
        }
    }
}

/// An answer that says which payment it was and how it ended.
fn render(_: &Ctx, result: Result<&TransferOutcome, &domain::payment::TransferFundsError>) -> Answer {
    let body = match result {
        Ok(outcome) => {
            let payment: &Payment = outcome.payment();
            format!("{} {}", payment.id, payment.status.number())
        }
        Err(error) => error.to_string(),
    };
    Answer { status: 200, body: body.into_bytes().into() }
}

fn parse(body: &[u8]) -> Option<(PaymentId, Status)> {
    let text = std::str::from_utf8(body).ok()?;
    let (id, status) = text.split_once(' ')?;
    Some((PaymentId(Uid::parse(id)?), Status::from_number(status.parse().ok()?)?))
}

fn nowhere() -> ReceivingAccount {
    ReceivingAccount {
        owner_name: "Florin".to_owned(),
        address_line1: "1 Bank Street".to_owned(),
        city: "Paris".to_owned(),
        postal_code: "75001".to_owned(),
        country: "FR".to_owned(),
        iban: "FR7630004000031234567890143".to_owned(),
        bic: "BNPAFRPP".to_owned(),
    }
}
