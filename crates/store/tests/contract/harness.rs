//! A server over a store, and what tests have it do.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use domain::ids::{PersonId, RequestId};
use domain::payment::{
    DeclareBankWire, Payment, ReceiveBankWire, ReceivingAccount, Status, TransferFunds, TransferFundsError, TransferOutcome,
};
use domain::platform::{CreatePlatform, Environment, Policy};
use domain::user::{Blocks, Category, Identity, Person, User, UserStatus, Verification};
use domain::wallet::OpenWallet;
use domain::{Answer, Command, Ctx, Desk, Event, IdempotencyKey, PlatformId, Secret, Timestamp, UserId, WalletId};
use engine::{
    Clock, Deliveries, Engine, EngineConfig, EventFilter, Keyed, Listed, OfPayments, Page, PaymentFilter, Reads, Refused, RejectInput,
    Reply, StoreError, UuidIds,
};
use ledger::{Account, AccountId, Posting, Uid};
use money::{Currency, Money};
use store::seal::Sealer;
use store::vault::Vault;
use store::{Opened, Part, Scan};
use testkit::simulator::Reopen;

/// Where a store lives: it can be opened, and opened again.
pub trait Home: Send + Sync {
    /// Opens the store under a master key of 32 such bytes.
    fn open_with(&self, master: u8) -> Result<Opened, String>;
    /// Whether a text stands anywhere in what is stored, as it is.
    fn holds(&self, text: &str) -> bool;
    /// Pretends that a later release has been here.
    fn make_newer(&self);
    /// Whether two servers may have it open.
    fn is_shared(&self) -> bool;
    /// Changes what is stored behind the store's back.
    fn sql(&self, text: &str);
    /// An expression of the engine's SQL for sixteen random bytes: as an id, and as bytes.
    fn random(&self) -> [&'static str; 2];
    /// Takes the lists away, where they can be made anew.
    fn forget_lists(&self);
    /// Opens the ledger for reading only, as `florin ledger` does.
    fn scan(&self) -> Arc<dyn Scan>;

    /// Opens it under the usual master key.
    fn open(&self) -> Opened {
        self.open_with(7).expect("the store opens")
    }
}

/// A data folder.
pub struct SqliteHome(tempfile::TempDir);

impl SqliteHome {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }
}

impl Home for SqliteHome {
    fn open_with(&self, master: u8) -> Result<Opened, String> {
        store::sqlite::open(self.0.path(), Arc::new(Vault::new(&[master; 32]))).map_err(|error| error.to_string())
    }

    fn holds(&self, text: &str) -> bool {
        let files = std::fs::read_dir(self.0.path()).expect("readable");
        files.filter_map(Result::ok).any(|file| {
            let bytes = std::fs::read(file.path()).unwrap_or_default();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        })
    }

    fn make_newer(&self) {
        let conn = rusqlite::Connection::open(Path::new(self.0.path()).join(store::sqlite::MAIN_FILE)).expect("opens");
        conn.execute("INSERT INTO schema_version (number, name, checksum) VALUES (99999, 'later', '')", []).expect("written");
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn sql(&self, text: &str) {
        let conn = rusqlite::Connection::open(Path::new(self.0.path()).join(store::sqlite::MAIN_FILE)).expect("opens");
        conn.execute_batch(text).expect(text);
    }

    fn random(&self) -> [&'static str; 2] {
        ["randomblob(16)"; 2]
    }

    fn forget_lists(&self) {
        std::fs::remove_file(self.0.path().join(store::sqlite::INDEX_FILE)).expect("the lists are there");
    }

    fn scan(&self) -> Arc<dyn Scan> {
        store::sqlite::open_scan(self.0.path(), Arc::new(Vault::new(&[7; 32]))).expect("it opens")
    }
}

impl Reopen for SqliteHome {
    fn open(&self) -> Opened {
        Home::open(self)
    }
}

/// A database of the test process's server.
pub struct PostgresHome {
    pub url: String,
}

impl PostgresHome {
    pub fn new() -> Self {
        Self { url: testkit::postgres::server().database() }
    }

    pub fn psql(&self, sql: &str) -> String {
        testkit::postgres::server().psql(&self.url, sql)
    }
}

impl Home for PostgresHome {
    fn open_with(&self, master: u8) -> Result<Opened, String> {
        store::postgres::open(&self.url, Arc::new(Vault::new(&[master; 32]))).map_err(|error| error.to_string())
    }

    fn holds(&self, text: &str) -> bool {
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let tables = self.psql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'");
        tables.lines().any(|table| {
            let rows = self.psql(&format!("SELECT t::TEXT FROM {table} t"));
            rows.contains(text) || rows.contains(&hex)
        })
    }

    fn make_newer(&self) {
        drop(self.psql("INSERT INTO schema_version (number, name, checksum) VALUES (99999, 'later', '')"));
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn sql(&self, text: &str) {
        drop(self.psql(text));
    }

    fn forget_lists(&self) {}

    fn random(&self) -> [&'static str; 2] {
        ["gen_random_uuid()", "decode(md5(random()::TEXT), 'hex')"]
    }

    fn scan(&self) -> Arc<dyn Scan> {
        store::postgres::open_scan(&self.url, Arc::new(Vault::new(&[7; 32]))).expect("it opens")
    }
}

impl Reopen for PostgresHome {
    fn open(&self) -> Opened {
        Home::open(self)
    }
}

/// Runs a test on a runtime of its own.
pub fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(test);
}

/// A clock that moves a millisecond each time it is looked at.
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn advance(&self, by_ms: i64) {
        self.0.fetch_add(by_ms, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// A clock at its start.
pub fn clock() -> Arc<TestClock> {
    Arc::new(TestClock(AtomicI64::new(START_MS)))
}

pub const START_MS: i64 = 1_790_000_000_000;

/// A server: an engine over an open store.
pub struct Site {
    pub engine: Engine,
    pub reads: Arc<dyn Reads>,
    pub deliveries: Arc<dyn Deliveries>,
    pub scan: Arc<dyn Scan>,
    pub sealer: Arc<dyn Sealer>,
    pub clock: Arc<TestClock>,
}

/// Who waits longer for a list waits in vain.
const FAR: Duration = Duration::from_secs(60);

/// A list, asked for again while it is behind: on a busy machine it may be, and says so. What it may never be is incomplete,
/// so what comes first is what counts.
pub async fn when_whole<T, F: Future<Output = Result<T, StoreError>>>(ask: impl Fn() -> F) -> T {
    let begun = Instant::now();
    loop {
        match ask().await {
            Err(StoreError::Behind) if begun.elapsed() < FAR => {}
            listed => return listed.expect("it is listed"),
        }
    }
}

/// Stores a user and a person, whatever a platform may ask of them.
struct TakeUp;

impl Command for TakeUp {
    type Outcome = UserId;
    type Error = ();
    const NAME: &'static str = "test.take_up";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<UserId, ()> {
        let (id, person): (UserId, PersonId) = (desk.fresh_object(domain::ObjectKind::User), desk.fresh());
        let body = Person {
            user: Some(id),
            first_name: Secret::new("Zebulon".to_owned()),
            last_name: Secret::new("Quackenbush".to_owned()),
            ..Person::default()
        };
        desk.insert(person, body);
        let user = User {
            identity: Identity::Natural { person },
            category: Category::Owner,
            status: UserStatus::Active,
            verification: Verification::Light,
            blocks: Blocks::default(),
            block_reason: None,
            email: Secret::new("zebulon@quackenbush.example".to_owned()),
            has_accepted_terms: true,
            terms_accepted_at: None,
            tag: None,
            is_held: false,
        };
        desk.insert(id, user);
        Ok(id)
    }
}

/// A wallet and who owns it.
#[derive(Clone, Copy, Debug)]
pub struct Purse {
    pub owner: UserId,
    pub id: WalletId,
}

impl Purse {
    pub fn account(self) -> AccountId {
        self.id.account()
    }
}

impl Site {
    /// Starts a server at home.
    pub fn at(home: &dyn Home) -> Self {
        Self::over(home.open())
    }

    /// Starts a server over an open store.
    pub fn over(opened: Opened) -> Self {
        static SEEDS: AtomicU64 = AtomicU64::new(1);
        let Opened { store, reads, deliveries, scan, sealer, last_id, .. } = opened;
        let clock = clock();
        let seed = SEEDS.fetch_add(1, Ordering::Relaxed);
        let ids = UuidIds::new(clock.clone(), seed).after(last_id);
        let engine = Engine::start(store, clock.clone(), Box::new(ids), EngineConfig::default()).expect("it starts");
        Self { engine, reads, deliveries, scan, sealer, clock }
    }

    /// A page of a list of payments, [`when_whole`].
    pub async fn payments(&self, platform: PlatformId, of: OfPayments, filter: PaymentFilter, page: Page) -> Listed<Payment> {
        when_whole(|| self.reads.payments(platform, of, filter.clone(), page)).await
    }

    /// A page of a list of events, [`when_whole`].
    pub async fn events(&self, platform: PlatformId, filter: EventFilter, page: Page) -> Listed<Event> {
        when_whole(|| self.reads.events(platform, filter.clone(), page)).await
    }

    /// Makes a platform of a name.
    pub async fn platform(&self, client_id: &str) -> Ctx {
        let ctx = ctx_of(client_id);
        self.create(ctx, client_id).await.expect("it is made");
        ctx
    }

    pub async fn create(&self, ctx: Ctx, client_id: &str) -> Result<(), domain::platform::CreatePlatformError> {
        let command = CreatePlatform {
            client_id: client_id.to_owned(),
            environment: Environment::Sandbox,
            policy: Policy::mangopay(),
            key_digest: [3; 32],
        };
        self.engine.run(ctx, command).await.expect("it is decided").map(drop)
    }

    /// Takes up an owner named Zebulon Quackenbush.
    pub async fn user(&self, ctx: Ctx) -> UserId {
        self.engine.run(ctx, TakeUp).await.expect("it is decided").expect("it is allowed")
    }

    pub async fn wallet(&self, ctx: Ctx, owner: UserId) -> Purse {
        let open = OpenWallet { owner, currency: Currency::EUR, description: Secret::new("Zebulon's purse".to_owned()), tag: None };
        let record = self.engine.run(ctx, open).await.expect("it is decided").expect("it is allowed");
        Purse { owner, id: WalletId(record.lead.id) }
    }

    /// A user with a wallet that has `balance`.
    pub async fn purse(&self, ctx: Ctx, balance: i64) -> Purse {
        let owner = self.user(ctx).await;
        let purse = self.wallet(ctx, owner).await;
        if balance > 0 {
            self.fund(ctx, purse, balance).await;
        }
        purse
    }

    pub async fn declare(&self, ctx: Ctx, purse: Purse, amount: i64) -> Payment {
        let declare = DeclareBankWire {
            author: Some(purse.owner),
            credited_user: None,
            to: purse.account(),
            to_own: None,
            declared: eur(amount),
            fees: eur(0),
            account: nowhere(),
            tag: None,
        };
        self.engine.run(ctx, declare).await.expect("it is decided").expect("it is allowed")
    }

    /// Pays `amount` in by bank transfer.
    pub async fn fund(&self, ctx: Ctx, purse: Purse, amount: i64) -> Payment {
        let pay_in = self.declare(ctx, purse, amount).await;
        self.receive(ctx, &pay_in, amount).await
    }

    /// Has the money of a declared wire arrive.
    pub async fn receive(&self, ctx: Ctx, pay_in: &Payment, amount: i64) -> Payment {
        let receive = ReceiveBankWire {
            pay_in: pay_in.id,
            to: pay_in.credited_wallet,
            received: eur(amount),
            booked_at: self.clock.now(),
            bank_reference: Some("quackenbush-bank-reference".to_owned()),
            debtor: None,
        };
        self.engine.run(ctx, receive).await.expect("it is decided").expect("it is allowed")
    }

    pub async fn transfer(&self, ctx: Ctx, transfer: TransferFunds) -> Result<Payment, TransferFundsError> {
        let decided = self.engine.run(ctx, transfer).await.expect("it is decided");
        decided.map(|outcome| outcome.payment().clone())
    }

    pub async fn keyed_transfer(&self, ctx: Ctx, transfer: TransferFunds, keyed: Keyed) -> Result<Reply, Refused> {
        self.engine.submit(ctx, transfer, Some(keyed), render).await
    }

    /// Has a key used up by a request that was wrong.
    pub async fn use_up(&self, keyed: Keyed) {
        let ctx = Ctx::system(keyed.key.platform, RequestId(Uid::from_bits(1)));
        let reply = self.engine.submit(ctx, RejectInput, Some(keyed), |_, _| Answer { status: 400, body: [].into() }).await;
        assert!(matches!(reply, Ok(Reply::Answer(_))), "{reply:?}");
    }

    pub async fn balance(&self, ctx: Ctx, id: AccountId) -> i64 {
        self.reads.account(ctx.platform, id).await.expect("readable").map_or(0, |account| account.balance)
    }

    /// Has everything sealed that was acknowledged.
    pub fn seal_up(&self) {
        tokio::task::block_in_place(|| self.sealer.seal_up(Duration::from_secs(60))).expect("it is sealed");
    }

    /// Goes through the whole ledger and holds it against its invariants, in whatever order entries come.
    pub fn audit(&self) -> Audit {
        audit(&*self.scan)
    }
}

/// What a ledger gives that holds.
pub struct Audit {
    pub accounts: BTreeMap<AccountId, Account>,
    pub postings: BTreeMap<AccountId, Vec<Posting>>,
    pub entries: usize,
}

/// Entries sum to zero, the numbers of each account's postings have no hole, each running balance is the
/// one before plus its amount, and the account's own balance is the last; no wallet is below its floor.
pub fn audit(scan: &dyn Scan) -> Audit {
    let mut audit = Audit { accounts: BTreeMap::new(), postings: BTreeMap::new(), entries: 0 };
    scan.ledger(&mut |part| match part {
        Part::Account(account) => {
            assert!(account.is_above_floor(), "{account:?}");
            audit.accounts.insert(account.id, account);
        }
        Part::Entry(entry, postings) => {
            assert_eq!(postings.iter().map(|posting| posting.amount).sum::<i64>(), 0, "{entry:?}");
            assert!(postings.len() >= 2, "{entry:?}");
            audit.entries += 1;
            for posting in postings {
                audit.postings.entry(posting.account).or_default().push(posting);
            }
        }
    })
    .expect("the ledger is read");
    for (id, postings) in &mut audit.postings {
        postings.sort_by_key(|posting| posting.number);
        let mut balance = 0;
        for (posting, number) in postings.iter().zip(1..) {
            balance += posting.amount;
            assert_eq!((posting.number, posting.balance_after), (number, balance), "{posting:?}");
        }
        let account = audit.accounts.get(id).expect("a posting's account is there");
        assert_eq!((account.balance, account.postings), (balance, postings.len() as u64), "{account:?}");
    }
    for account in audit.accounts.values().filter(|account| !audit.postings.contains_key(&account.id)) {
        assert_eq!((account.balance, account.postings), (0, 0), "{account:?}");
    }
    audit
}

/// The context of a platform whose id follows from its name.
pub fn ctx_of(client_id: &str) -> Ctx {
    let bits = client_id.bytes().fold(0x0190_0000_0000_7000_8000_0000_0000_0000_u128, |bits, byte| bits.rotate_left(5) ^ u128::from(byte));
    Ctx::system(PlatformId(Uid::from_bits(bits)), RequestId(Uid::from_bits(9)))
}

pub fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR).expect("positive")
}

pub fn moving(from: Purse, to: Purse, debited: i64, fees: i64) -> TransferFunds {
    TransferFunds {
        author: from.owner,
        credited_user: None,
        from: from.id,
        to: to.id,
        debited: eur(debited),
        fees: eur(fees),
        tag: Some(Secret::new("quackenbush-tag".to_owned())),
        presence: None,
    }
}

pub fn keyed(ctx: Ctx, key: &str, fingerprint: u8) -> Keyed {
    let key = IdempotencyKey { platform: ctx.platform, dialect: 1, key: key.into() };
    Keyed { key, fingerprint: [fingerprint; 16], path: "/v2.01/transfers".into() }
}

/// The answer tells the payment and how it ended.
pub fn render(_: &Ctx, result: Result<&TransferOutcome, &TransferFundsError>) -> Answer {
    let body = match result {
        Ok(outcome) => {
            let payment = outcome.payment();
            format!("{} {} quackenbush-answer", payment.id, if payment.status == Status::Succeeded { "moved" } else { "refused" })
        }
        Err(error) => format!("invalid: {error}"),
    };
    Answer { status: if result.is_ok() { 200 } else { 400 }, body: Arc::from(body.into_bytes()) }
}

pub fn page(number: u64, size: u32, newest_first: bool) -> Page {
    Page { number, size, newest_first }
}

fn nowhere() -> ReceivingAccount {
    ReceivingAccount {
        owner_name: "Quackenbush Bank".to_owned(),
        address_line1: "1 rue Nulle".to_owned(),
        city: "Paris".to_owned(),
        postal_code: "75001".to_owned(),
        country: "FR".to_owned(),
        iban: "FR7630004000031234567890143".to_owned(),
        bic: "BNPAFRPP".to_owned(),
    }
}
