//! A world without a store, for the tests of decisions: everything is in the books.

use ledger::{Account, AccountId, Role, Uid};
use money::Currency;

use super::ids::{PersonId, PlatformId, RequestId, UserId, WalletId};
use super::{Books, Command, Ctx, Desk, EventType, Ids, Record, Resource, Secret, Timestamp, Wanted};
use crate::platform::{Environment, Platform, Policy};
use crate::user::{Blocks, Category, Identity, User, UserStatus, Verification};
use crate::wallet::Wallet;

struct Counter(u128);

impl Ids for Counter {
    fn fresh(&mut self) -> Uid {
        self.0 += 1;
        Uid::from_bits(self.0)
    }
}

/// One platform and whatever a test puts in it. Commands run as the engine runs them, over books alone.
pub struct World {
    books: Books,
    ids: Counter,
    ctx: Ctx,
    pub now: Timestamp,
}

impl World {
    pub fn new() -> Self {
        let platform = PlatformId(Uid::from_bits(1_000));
        let ctx = Ctx::system(platform, RequestId(Uid::from_bits(1)));
        let mut world = Self { books: Books::default(), ids: Counter(10_000), ctx, now: Timestamp::from_seconds(1_700_000_000) };
        let body = Platform::new("test".to_owned(), Environment::Sandbox, Policy::mangopay());
        world.bring(platform, body);
        world
    }

    pub fn platform(&self) -> PlatformId {
        self.ctx.platform
    }

    /// Puts a record in as if the store had it.
    pub fn bring<R: Resource>(&mut self, id: R::Id, body: R) {
        let record = Record::of(self.ctx.platform, id, self.now, 1, body);
        self.books.records.put(record.key(), record);
    }

    pub fn user(&mut self, category: Category) -> UserId {
        let (id, person) = (UserId(self.ids.fresh()), PersonId(self.ids.fresh()));
        let user = User {
            identity: Identity::Natural { person },
            category,
            status: UserStatus::Active,
            verification: Verification::Light,
            blocks: Blocks::default(),
            block_reason: None,
            email: Secret::default(),
            has_accepted_terms: true,
            terms_accepted_at: None,
            tag: None,
            is_held: false,
        };
        self.bring(id, user);
        id
    }

    pub fn wallet(&mut self, owner: UserId, currency: Currency, balance: i64) -> WalletId {
        let id = WalletId(self.ids.fresh());
        self.bring(id, Wallet { owner, currency, description: Secret::default(), tag: None });
        let account = Account::open(id.account(), self.ctx.platform.0, Role::Wallet, Some(owner.0), currency, self.now.ms());
        self.books.accounts.put((self.ctx.platform, account.id), Account { balance, ..account });
        id
    }

    /// Sets what one of the platform's own accounts holds.
    pub fn wallet_of_chart(&mut self, role: Role, currency: Currency, balance: i64) {
        let id = AccountId::of_chart(self.ctx.platform.0, role, currency);
        let account = Account::open(id, self.ctx.platform.0, role, None, currency, self.now.ms());
        self.books.accounts.put((self.ctx.platform, id), Account { balance, ..account });
    }

    pub fn change_user(&mut self, id: UserId, change: impl FnOnce(&mut User)) {
        let mut user = self.find::<User>(id).unwrap();
        change(&mut user);
        self.bring(id, user);
    }

    pub fn change_policy(&mut self, change: impl FnOnce(&mut Policy)) {
        let id = self.ctx.platform;
        let mut platform = self.find::<Platform>(id).unwrap();
        change(&mut platform.policy);
        self.bring(id, platform);
    }

    pub fn find<R: Resource + Clone>(&mut self, id: R::Id) -> Option<R> {
        let mut missed = Wanted::default();
        let mut desk = Desk::new(&self.ctx, &mut self.books, &mut self.ids, self.now, &mut missed);
        desk.find::<R>(id).map(|body| R::clone(&body))
    }

    pub fn balance(&self, id: AccountId) -> i64 {
        self.books.accounts.get(&(self.ctx.platform, id)).and_then(|slot| slot.row()).map_or(0, |account| account.balance)
    }

    /// What may be spent of an account.
    pub fn available(&self, id: AccountId) -> i64 {
        self.books.accounts.get(&(self.ctx.platform, id)).and_then(|slot| slot.row()).map_or(0, |account| account.available().minor())
    }

    /// Puts an account of the chart in.
    pub fn open(&mut self, id: AccountId, role: Role, currency: Currency, balance: i64) {
        let account = Account::open(id, self.ctx.platform.0, role, None, currency, self.now.ms());
        self.books.accounts.put((self.ctx.platform, id), Account { balance, ..account });
    }

    /// Puts a payment in as if the store had it.
    pub fn bring_payment(&mut self, payment: crate::payment::Payment) {
        self.books.payments.put((payment.platform, payment.id), payment);
    }

    /// A payment as it is now.
    pub fn payment(&self, id: crate::PaymentId) -> crate::payment::Payment {
        self.books.payments.get(&(self.ctx.platform, id)).and_then(|slot| slot.row()).cloned().unwrap()
    }

    /// A payment of another platform, as it is now.
    pub fn payment_of(&self, platform: PlatformId, id: crate::PaymentId) -> crate::payment::Payment {
        self.books.payments.get(&(platform, id)).and_then(|slot| slot.row()).cloned().unwrap()
    }

    pub fn change_platform(&mut self, change: impl FnOnce(&mut Platform)) {
        let id = self.ctx.platform;
        let mut platform = self.find::<Platform>(id).unwrap();
        change(&mut platform);
        self.bring(id, platform);
    }

    /// Puts the first use of a key in as if the store had it.
    pub fn bring_key(&mut self, row: super::KeyRow) {
        self.books.keys.put(row.key.clone(), row);
    }

    /// What was taken away so far.
    pub fn removals(&self) -> &[super::Removal] {
        &self.books.removals
    }

    /// The events told so far.
    pub fn events(&self) -> Vec<EventType> {
        self.books.events.iter().map(|event| event.event).collect()
    }

    /// What listeners were and are to be told, in the order of the events.
    pub fn deliveries(&self) -> Vec<crate::hook::Delivery> {
        self.books.deliveries.touched().filter_map(|slot| slot.row()).copied().collect()
    }

    /// Makes nothing but an object of a kind with an id that is given, and tells why it does not get it.
    pub fn give(&mut self, given: super::Given, kind: super::ObjectKind) -> Option<super::GivenIdRefused> {
        let ctx = Ctx { given_id: Some(given), ..self.ctx };
        loop {
            let mark = self.books.mark();
            let mut missed = Wanted::default();
            let mut desk = Desk::new(&ctx, &mut self.books, &mut self.ids, self.now, &mut missed);
            desk.fresh_object::<Uid>(kind);
            let refused = desk.given_id_refused(true);
            if missed.is_empty() {
                return refused;
            }
            self.books.roll_back(mark);
            missed.directory.into_iter().for_each(|key| self.books.directory.bring(key, None));
            missed.holders_of_ids.into_iter().for_each(|id| self.books.holders_of_ids.bring(id, None));
        }
    }

    /// Runs a command: what it misses is absent. An `Err` leaves the books as they were.
    pub fn run<C: Command>(&mut self, command: &C) -> Result<C::Outcome, C::Error> {
        for _ in 0..8 {
            let mark = self.books.mark();
            let mut missed = Wanted::default();
            let mut desk = Desk::new(&self.ctx, &mut self.books, &mut self.ids, self.now, &mut missed);
            let answer = command.decide(&mut desk);
            let fault = desk.fault().cloned();
            if missed.is_empty() {
                assert_eq!(fault, None);
                if answer.is_err() {
                    self.books.roll_back(mark);
                }
                return answer;
            }
            self.books.roll_back(mark);
            for key in missed.accounts {
                self.books.accounts.bring(key, None);
            }
            for key in missed.payments {
                self.books.payments.bring(key, None);
            }
            for key in missed.records {
                self.books.records.bring(key, None);
            }
            for key in missed.directory {
                self.books.directory.bring(key, None);
            }
            for key in missed.owned {
                let ids = self.owned(key);
                self.books.owned.bring(key, Some(ids));
            }
            for key in missed.jobs {
                self.books.jobs.bring(key, None);
            }
            for key in missed.deliveries {
                self.books.deliveries.bring(key, None);
            }
            for key in missed.holders_of_ids {
                self.books.holders_of_ids.bring(key, None);
            }
        }
        panic!("the command misses rows for ever");
    }

    fn owned(&self, key: super::OwnedKey) -> std::sync::Arc<[Uid]> {
        let rows = self.books.records.touched().filter_map(|slot| slot.row());
        rows.filter(|record| record.kind.number == key.owner.kind.number && record.lead.owner == Some(key.owner.id))
            .map(|record| record.lead.id)
            .collect()
    }
}
