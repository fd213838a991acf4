//! The desk a command decides at: the rows it may see and the only ways to change them.

mod given_ids;
mod within;

use std::sync::Arc;

use ledger::{Account, AccountId, Entry, EntryId, EntryKind, ExternalLeg, Legs, PostError, Role, Uid};
use money::{Currency, Money};

use super::ids::{DeliveryId, EventId, JobId, PaymentId, PlatformId};
use super::{
    AuditLine, Books, Ctx, DirectoryKey, DirectoryRow, Event, EventType, Fault, GivenIdRefused, IdempotencyKey, Ids, Job, JobKind, KeyRow,
    Label, Named, ObjectKind, OwnedKey, Record, RecordKey, Removal, Resource, Slot, Space, Timestamp, Wanted,
};
use crate::hook::{Delivery, Listeners};
use crate::payment::Payment;
use crate::platform::Platform;

/// Where a command says beforehand what it will touch.
#[derive(Debug)]
pub struct Needs<'a> {
    ctx: &'a Ctx,
    wanted: &'a mut Wanted,
}

impl<'a> Needs<'a> {
    /// Collects into `wanted` for the tenant of `ctx`.
    pub const fn new(ctx: &'a Ctx, wanted: &'a mut Wanted) -> Self {
        Self { ctx, wanted }
    }

    /// The tenant of the command.
    #[must_use]
    pub const fn tenant(&self) -> PlatformId {
        self.ctx.platform
    }

    /// Another tenant's own record: one that this tenant makes, or made.
    pub fn platform(&mut self, id: PlatformId) {
        self.wanted.records.push(RecordKey { kind: Platform::KIND, platform: id, id: id.0 });
    }

    /// Where a directory text leads.
    pub fn directory(&mut self, key: DirectoryKey) {
        self.wanted.directory.push(key);
    }

    /// An account.
    pub fn account(&mut self, id: AccountId) {
        self.wanted.accounts.push((self.ctx.platform, id));
    }

    /// An account and the user who holds it.
    pub fn account_and_holder(&mut self, id: AccountId) {
        self.account(id);
        self.wanted.holders.push((self.ctx.platform, id));
    }

    /// The account that the tenant has once for a role and a currency.
    pub fn chart_account(&mut self, role: Role, currency: Currency) {
        self.account(AccountId::of_chart(self.ctx.platform.0, role, currency));
    }

    /// A payment.
    pub fn payment(&mut self, id: PaymentId) {
        self.wanted.payments.push((self.ctx.platform, id));
    }

    /// A job.
    pub fn job(&mut self, id: JobId) {
        self.wanted.jobs.push((self.ctx.platform, id));
    }

    /// A delivery.
    pub fn delivery(&mut self, id: DeliveryId) {
        self.wanted.deliveries.push((self.ctx.platform, id));
    }

    /// A record.
    pub fn record<R: Resource>(&mut self, id: R::Id) {
        self.wanted.records.push(RecordKey { kind: R::KIND, platform: self.ctx.platform, id: id.into() });
    }

    /// The record that has the tenant's own id.
    pub fn own_record<R: Resource>(&mut self) {
        self.wanted.records.push(RecordKey { kind: R::KIND, platform: self.ctx.platform, id: self.ctx.platform.0 });
    }
}

/// What a command works at.
///
/// A row that nobody has loaded reads as absent *and* is noted: the answer is then void, and the
/// command is asked again once the row is there. So a command never distinguishes the two.
pub struct Desk<'a> {
    ctx: &'a Ctx,
    books: &'a mut Books,
    ids: &'a mut dyn Ids,
    real_now: Timestamp,
    missed: &'a mut Wanted,
    now: Option<Timestamp>,
    /// Whether the tenant has itself told of events; known once its time is.
    has_listeners: bool,
    fault: Option<Fault>,
    object: Option<Uid>,
    has_own_lines: bool,
    has_taken_given: bool,
    given_id_refused: Option<GivenIdRefused>,
    /// The tenant is made by this very batch: what nobody has loaded of it is not there.
    is_new_tenant: bool,
}

impl<'a> Desk<'a> {
    /// A desk over `books`. Rows that are missed are added to `missed`.
    pub const fn new(ctx: &'a Ctx, books: &'a mut Books, ids: &'a mut dyn Ids, real_now: Timestamp, missed: &'a mut Wanted) -> Self {
        Self {
            ctx,
            books,
            ids,
            real_now,
            missed,
            now: None,
            has_listeners: false,
            fault: None,
            object: None,
            has_own_lines: false,
            has_taken_given: false,
            given_id_refused: None,
            is_new_tenant: false,
        }
    }

    /// Who asks, and for which tenant.
    #[must_use]
    pub const fn ctx(&self) -> &'a Ctx {
        self.ctx
    }

    /// Real time, for leases, tokens and retention of keys.
    #[must_use]
    pub const fn real_now(&self) -> Timestamp {
        self.real_now
    }

    /// Business time: real time, moved by the offset of a sandbox platform's clock.
    pub fn now(&mut self) -> Timestamp {
        if let Some(now) = self.now {
            return now;
        }
        let Some(platform) = self.platform() else { return self.real_now };
        let now = self.real_now.plus_ms(platform.clock_offset_ms);
        self.has_listeners = platform.has_listeners;
        self.now = Some(now);
        now
    }

    /// The tenant. A missing one is a fault, noted here: contexts are made for platforms that exist.
    pub fn platform(&mut self) -> Option<Arc<Platform>> {
        let key = RecordKey { kind: Platform::KIND, platform: self.ctx.platform, id: self.ctx.platform.0 };
        let known = self.books.records.get(&key).is_some();
        let platform = self.find::<Platform>(self.ctx.platform);
        if known && platform.is_none() {
            self.note_fault(Fault("the platform of the request is not there"));
        }
        platform
    }

    /// An id that nobody has.
    pub fn fresh<I: Named>(&mut self) -> I {
        I::from(self.ids.fresh_of(self.ctx.platform, I::SPACE))
    }

    /// The id of the object this command makes: the one an import names, else a fresh one. Noted for the audit trail.
    ///
    /// One that cannot be had is noted ([`Desk::given_id_refused`]), and whatever the command answers is void.
    pub fn fresh_object<I: Named>(&mut self, kind: ObjectKind) -> I {
        let id = match self.ctx.given_id {
            Some(given) => self.take_given(given, kind),
            None => self.ids.fresh_of(self.ctx.platform, I::SPACE),
        };
        self.object = Some(id);
        I::from(id)
    }

    /// Notes the object this command changes, for the audit trail.
    pub fn note_object(&mut self, id: impl Into<Uid>) {
        self.object = Some(id.into());
    }

    /// The object noted, if any.
    #[must_use]
    pub const fn object(&self) -> Option<Uid> {
        self.object
    }

    /// Writes a line of the audit trail as it is. A command that does so has no other line.
    pub fn note_line(&mut self, line: AuditLine) {
        self.has_own_lines = true;
        self.books.audit.push(line);
    }

    /// Says that the command is no act of anybody's: it has no line of the audit trail.
    pub const fn note_nothing(&mut self) {
        self.has_own_lines = true;
    }

    /// Whether the command has written its lines of the audit trail itself.
    #[must_use]
    pub const fn has_own_lines(&self) -> bool {
        self.has_own_lines
    }

    /// Notes a broken invariant: whatever the command answers, it moves nothing.
    pub fn note_fault(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// Whether a row was missed that nobody has loaded: the decision is void.
    #[must_use]
    pub fn has_missed(&self) -> bool {
        !self.missed.is_empty()
    }

    /// The fault noted, if any.
    #[must_use]
    pub const fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// An account of the tenant. Those of others are not there.
    pub fn account(&mut self, id: AccountId) -> Option<Account> {
        match self.books.accounts.get(&(self.ctx.platform, id)) {
            Some(slot) => slot.row().filter(|account| account.tenant == self.ctx.platform.0).copied(),
            None if self.is_new_tenant => None,
            None => {
                self.missed.accounts.push((self.ctx.platform, id));
                None
            }
        }
    }

    /// The id of the account that the tenant has once for a role and a currency.
    #[must_use]
    pub fn chart_id(&self, role: Role, currency: Currency) -> AccountId {
        AccountId::of_chart(self.ctx.platform.0, role, currency)
    }

    /// Opens the tenant's account for a role and a currency unless it is open, and gives its id.
    pub fn chart_account(&mut self, role: Role, currency: Currency) -> AccountId {
        let id = self.chart_id(role, currency);
        let known = self.is_new_tenant || self.books.accounts.get(&(self.ctx.platform, id)).is_some();
        if self.account(id).is_none() && known {
            self.open_account(id, role, None, currency);
        }
        id
    }

    /// Opens an account without postings.
    pub fn open_account(&mut self, id: AccountId, role: Role, holder: Option<Uid>, currency: Currency) {
        let at = self.now().ms();
        self.books.accounts.put((self.ctx.platform, id), Account::open(id, self.ctx.platform.0, role, holder, currency, at));
    }

    /// Books an entry: the only way a balance changes.
    ///
    /// Errors: those of [`ledger::post`]. One that only a defect can cause (legs that do not balance, an account
    /// that is not there) is also noted as a fault.
    pub fn post(&mut self, kind: EntryKind, operation: Uid, legs: &Legs, external: Option<ExternalLeg>) -> Result<EntryId, PostError> {
        let id = EntryId(self.ids.fresh());
        let missing_before = self.missed.accounts.len();
        let posted = ledger::post(id, legs, |account| self.account(account));
        let posted = match posted {
            Ok(posted) => posted,
            Err(error) => {
                let defect = match error {
                    PostError::NoSuchAccount { .. } => self.missed.accounts.len() == missing_before,
                    PostError::Unbalanced => true,
                    PostError::InsufficientFunds { .. } | PostError::Overflow => false,
                };
                if defect {
                    self.note_fault(Fault("an entry does not balance or names an account that is not there"));
                }
                return Err(error);
            }
        };
        let booked_at_ms = self.now().ms();
        let tenant = self.ctx.platform.0;
        self.books.entries.push(Entry { id, tenant, kind, operation, corrects: None, booked_at_ms, external });
        self.books.postings.extend(posted.postings);
        for account in posted.accounts {
            self.books.accounts.put((self.ctx.platform, account.id), account);
        }
        Ok(id)
    }

    /// Sets `amount` of an account's available balance aside. Errors: those of [`ledger::hold`], `NoSuchAccount`.
    pub fn hold(&mut self, id: AccountId, amount: Money) -> Result<(), PostError> {
        let account = self.account(id).ok_or(PostError::NoSuchAccount { account: id })?;
        self.books.accounts.put((self.ctx.platform, id), ledger::hold(&account, amount)?);
        Ok(())
    }

    /// Makes `amount` that was set aside available again. Errors: those of [`ledger::release`], `NoSuchAccount`.
    pub fn release(&mut self, id: AccountId, amount: Money) -> Result<(), PostError> {
        let account = self.account(id).ok_or(PostError::NoSuchAccount { account: id })?;
        self.books.accounts.put((self.ctx.platform, id), ledger::release(&account, amount)?);
        Ok(())
    }

    /// A payment of the tenant.
    pub fn payment(&mut self, id: PaymentId) -> Option<Payment> {
        match self.books.payments.get(&(self.ctx.platform, id)) {
            Some(slot) => slot.row().filter(|payment| payment.platform == self.ctx.platform).cloned(),
            None if self.is_new_tenant => None,
            None => {
                self.missed.payments.push((self.ctx.platform, id));
                None
            }
        }
    }

    /// Writes a payment: a new one at version 1, or a change at one version more.
    pub fn put_payment(&mut self, payment: Payment) {
        self.books.payments.put((payment.platform, payment.id), payment);
    }

    /// The body of a record of the tenant.
    pub fn find<R: Resource>(&mut self, id: R::Id) -> Option<Arc<R>> {
        self.find_record::<R>(id).and_then(|record| record.body())
    }

    /// A record of the tenant, with its lead.
    pub fn find_record<R: Resource>(&mut self, id: R::Id) -> Option<Record> {
        let key = RecordKey { kind: R::KIND, platform: self.ctx.platform, id: id.into() };
        match self.books.records.get(&key) {
            // What an earlier command of the batch removes is gone for this one.
            Some(slot) => slot.row().filter(|_| !self.books.removals.contains(&Removal::Record(key))).cloned(),
            None if self.is_new_tenant => None,
            None => {
                self.missed.records.push(key);
                None
            }
        }
    }

    /// Makes a record.
    pub fn insert<R: Resource>(&mut self, id: R::Id, body: R) -> Record {
        let at = self.now();
        let record = Record::of(self.ctx.platform, id, at, 1, body);
        self.books.records.put(record.key(), record.clone());
        if let Some(owner) = record.lead.owner {
            let key = OwnedKey { owner: RecordKey { kind: R::KIND, platform: self.ctx.platform, id: owner } };
            if let Some(Slot::Clean(ids) | Slot::Changed(ids) | Slot::New(ids)) = self.books.owned.get(&key) {
                let ids: Arc<[Uid]> = ids.iter().copied().chain([record.lead.id]).collect();
                self.books.owned.put(key, ids);
            }
        }
        record
    }

    /// Which records of a kind an owner has, oldest first.
    pub fn owned<R: Resource>(&mut self, owner: impl Into<Uid>) -> Arc<[Uid]> {
        let key = OwnedKey { owner: RecordKey { kind: R::KIND, platform: self.ctx.platform, id: owner.into() } };
        match self.books.owned.get(&key) {
            Some(slot) => slot.row().map_or_else(|| Arc::from([]), Arc::clone),
            None if self.is_new_tenant => self.made_of(&key),
            None => {
                self.missed.owned.push(key);
                Arc::from([])
            }
        }
    }

    /// Gives a record a second name to be listed by.
    pub fn label(&mut self, record: &Record, label: &str) {
        self.books.labels.push(Label { record: record.key(), label: label.into() });
    }

    /// Has `kind` of work done on `subject` once business time has reached `due_at`.
    pub fn schedule(&mut self, kind: JobKind, subject: impl Into<Uid>, due_at: Timestamp) {
        let id: JobId = self.fresh();
        let job = Job { id, platform: self.ctx.platform, kind, subject: subject.into(), due_at, attempts: 0, done_at: None };
        self.books.jobs.put((self.ctx.platform, id), job);
    }

    /// A job of the tenant.
    pub fn job(&mut self, id: JobId) -> Option<Job> {
        match self.books.jobs.get(&(self.ctx.platform, id)) {
            Some(slot) => slot.row().filter(|job| job.platform == self.ctx.platform).cloned(),
            None if self.is_new_tenant => None,
            None => {
                self.missed.jobs.push((self.ctx.platform, id));
                None
            }
        }
    }

    /// Writes a job that was found.
    pub fn put_job(&mut self, job: Job) {
        self.books.jobs.put((job.platform, job.id), job);
    }

    /// A delivery of the tenant.
    pub fn delivery(&mut self, id: DeliveryId) -> Option<Delivery> {
        match self.books.deliveries.get(&(self.ctx.platform, id)) {
            Some(slot) => slot.row().filter(|delivery| delivery.platform == self.ctx.platform).copied(),
            None => {
                self.missed.deliveries.push((self.ctx.platform, id));
                None
            }
        }
    }

    /// Writes a delivery that was found.
    pub fn put_delivery(&mut self, delivery: Delivery) {
        self.books.deliveries.put((delivery.platform, delivery.id), delivery);
    }

    /// Changes a record that was found.
    pub fn update<R: Resource>(&mut self, found: &Record, body: R) -> Record {
        let lead = found.lead;
        let record = Record::of(lead.platform, R::Id::from(lead.id), lead.created_at, lead.version.saturating_add(1), body);
        self.books.records.put(record.key(), record.clone());
        record
    }

    /// What an idempotency key was used for before.
    pub fn key(&mut self, key: &IdempotencyKey) -> Option<KeyRow> {
        match self.books.keys.get(key) {
            Some(slot) => slot.row().cloned(),
            None => {
                self.missed.keys.push(key.clone());
                None
            }
        }
    }

    /// Writes the record of a key.
    pub fn put_key(&mut self, row: KeyRow) {
        self.books.keys.put(row.key.clone(), row);
    }

    /// Takes something away for good.
    pub fn remove(&mut self, removal: Removal) {
        self.books.removals.push(removal);
    }

    /// Where a directory text leads. The platform found may be another one: only its existence may be told.
    pub fn directory(&mut self, key: &DirectoryKey) -> Option<DirectoryRow> {
        match self.books.directory.get(key) {
            Some(slot) => slot.row().copied(),
            // Names that are taken for good are held by the store's own key.
            None if self.is_new_tenant && key.space != Space::ClientId => None,
            None => {
                self.missed.directory.push(key.clone());
                None
            }
        }
    }

    /// Makes a directory text lead to an object of the tenant.
    pub fn put_directory(&mut self, key: DirectoryKey, id: impl Into<Uid>) {
        let row = DirectoryRow { platform: self.ctx.platform, id: id.into() };
        self.books.directory.put(key, row);
    }

    /// Says that something happened to `subject`: an event, and what whoever listens for its type is told of it.
    pub fn emit(&mut self, event: EventType, subject: impl Into<Uid>) {
        let at = self.now();
        // Whoever follows them in their order has to come to those of all platforms.
        let id = EventId(self.ids.fresh());
        let event = Event { id, platform: self.ctx.platform, event, subject: subject.into(), at };
        self.books.events.push(event);
        if self.has_listeners {
            self.tell(&event);
        }
    }

    fn tell(&mut self, event: &Event) {
        let listeners = self.find::<Listeners>(event.platform);
        let listener = listeners.as_ref().and_then(|listeners| listeners.of(event.event)).filter(|listener| listener.is_live);
        if let Some(listener) = listener {
            self.put_delivery(Delivery::of(event, listener.hook));
        }
    }
}

impl Desk<'_> {
    /// Makes the tenant itself; its time is real time, since it has no clock yet.
    pub fn insert_platform(&mut self, platform: Platform) {
        let record = Record::of(self.ctx.platform, self.ctx.platform, self.real_now, 1, platform);
        self.books.records.put(record.key(), record);
    }
}
