//! The port for reads: shared by everybody, and never behind what a caller has been answered.

use std::future::Future;
use std::pin::Pin;

use domain::payment::{Nature, Payment, PaymentKind, Refusal, Status};
use domain::{
    DirectoryKey, DirectoryRow, Event, EventType, IdempotencyKey, Job, JobKind, KeyRow, Kind, PaymentId, PlatformId, Record, RecordKey,
    Timestamp,
};
use ledger::{Account, AccountId, Uid};

use crate::{Sought, StoreError, Story};

/// What a read gives, later.
pub type ReadFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// From 1.
    pub number: u64,
    /// At most this many; from 1 to 100.
    pub size: u32,
    /// Newest first instead of oldest first.
    pub newest_first: bool,
}

/// A part of a list, and how long the whole of it is.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// The rows of the page, in order.
    pub rows: Vec<T>,
    /// How many the filter lets through in all.
    pub total: u64,
}

/// Which payments a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OfPayments {
    /// Those that debit or credit a wallet, or one of the platform's own accounts.
    Account(AccountId),
    /// Those that a user ordered or was credited by.
    User(Uid),
    /// Those that something was used for: a card, a bank account, a fingerprint's hash.
    Instrument(Uid),
    /// Those that refund one payment.
    RefundsOf(PaymentId),
}

/// What a list of payments is narrowed to. Empty lists narrow nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PaymentFilter {
    /// Any of these states.
    pub statuses: Vec<Status>,
    /// Any of these kinds.
    pub kinds: Vec<PaymentKind>,
    /// Any of these natures.
    pub natures: Vec<Nature>,
    /// Any of these refusals; `None` in it stands for success.
    pub results: Vec<Option<Refusal>>,
    /// Made before this, exclusive.
    pub before: Option<Timestamp>,
    /// Made after this, exclusive.
    pub after: Option<Timestamp>,
    /// What was made until then is not shown at all, about: lists are cut there, without looking at each row.
    pub hidden_until: Option<Timestamp>,
}

/// What a list of events is narrowed to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Any of these types; empty narrows nothing.
    pub types: Vec<EventType>,
    /// Before this, exclusive.
    pub before: Option<Timestamp>,
    /// After this, exclusive.
    pub after: Option<Timestamp>,
    /// What happened until then is not shown at all, about: the list is cut there, without looking at each row.
    pub hidden_until: Option<Timestamp>,
}

/// Which records of a kind are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Only those that belong to this.
    pub owner: Option<Uid>,
    /// Only those with this label.
    pub label: Option<String>,
    /// Only those in one of these states; empty narrows nothing.
    pub statuses: Vec<String>,
    /// Made before this, exclusive.
    pub before: Option<Timestamp>,
    /// Made after this, exclusive.
    pub after: Option<Timestamp>,
}

/// Which jobs are taken, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Of these kinds.
    pub kinds: &'static [JobKind],
    /// Of this platform; of any without.
    pub of: Option<PlatformId>,
    /// Now, real time.
    pub now: Timestamp,
    /// The same in time that passes ([`crate::Clock::passing`]), from which leases are counted.
    pub passing: Timestamp,
    /// Nobody else gets them before so much of real time has passed.
    pub lease_ms: i64,
    /// At most so many.
    pub limit: u32,
}

/// Jobs of a platform that are due are counted up to this many.
pub const AGENDA_MAX: u64 = 1_000;

/// What there is to do for a platform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agenda {
    /// Jobs that are due and not done with, whoever has them; [`AGENDA_MAX`] at most.
    pub due: u64,
    /// The business time at which the first of the others is due.
    pub next_at: Option<Timestamp>,
}

/// The reading half of a store, shared by all.
///
/// Every method names the tenant, but those that Florin looks with for work of its own; what belongs to another one is not there. Lists wait, at most a
/// second, until they hold everything that was acknowledged before they were asked for, and fail past that; one that would have to go along too
/// many rows is `TooWide`.
pub trait Reads: Send + Sync {
    /// An account with its present balance.
    fn account(&self, platform: PlatformId, id: AccountId) -> ReadFuture<'_, Option<Account>>;
    /// Every account of a tenant of the given roles.
    fn accounts(&self, platform: PlatformId, roles: Vec<ledger::Role>) -> ReadFuture<'_, Vec<Account>>;
    /// A payment.
    fn payment(&self, platform: PlatformId, id: PaymentId) -> ReadFuture<'_, Option<Payment>>;
    /// A record.
    fn record(&self, key: RecordKey) -> ReadFuture<'_, Option<Record>>;
    /// The first use of an idempotency key.
    fn key(&self, key: IdempotencyKey) -> ReadFuture<'_, Option<KeyRow>>;
    /// Where a directory text leads.
    fn directory(&self, key: DirectoryKey) -> ReadFuture<'_, Option<DirectoryRow>>;
    /// A page of payments.
    fn payments(&self, platform: PlatformId, of: OfPayments, filter: PaymentFilter, page: Page) -> ReadFuture<'_, Listed<Payment>>;
    /// A page of events.
    fn events(&self, platform: PlatformId, filter: EventFilter, page: Page) -> ReadFuture<'_, Listed<Event>>;
    /// A page of records of one kind, by when they were made.
    fn records(&self, platform: PlatformId, kind: &'static Kind, listing: Listing, page: Page) -> ReadFuture<'_, Listed<Record>>;
    /// Sums, over a span of business time, of what was credited to and debited from a user's wallets in one currency.
    fn turnover(
        &self,
        platform: PlatformId,
        user: Uid,
        currency: money::Currency,
        from: Timestamp,
        to: Timestamp,
    ) -> ReadFuture<'_, (i64, i64)>;
    /// Platforms in the order of their ids, from the one after `after`, at most `limit`.
    fn platforms(&self, after: Option<PlatformId>, limit: u32) -> ReadFuture<'_, Vec<PlatformId>>;
    /// Idempotency keys that were answered, and first used at `until` (real time) or before: at most `limit`, of one platform, or of
    /// whatever platforms.
    fn old_keys(&self, of: Option<PlatformId>, until: Timestamp, limit: u32) -> ReadFuture<'_, Vec<IdempotencyKey>>;
    /// What is stored of one object's life, everything that was acknowledged before. A store that keeps no
    /// such things has none.
    fn story(&self, _: PlatformId, _: Sought) -> ReadFuture<'_, Story> {
        Box::pin(std::future::ready(Ok(Story::default())))
    }
    /// Takes jobs that are due at their platform's own business time, and that nobody has: those due first.
    fn claim_jobs(&self, claim: Claim) -> ReadFuture<'_, Vec<Job>>;
    /// Takes a job for `lease_ms` of real time from `passing` on that one has, as it was when it was claimed: one that was done
    /// with or put off meanwhile is left as it is.
    fn renew_job(&self, job: Job, passing: Timestamp, lease_ms: i64) -> ReadFuture<'_, ()>;
    /// What there is to do for a platform and when, at `now`, real time.
    fn agenda(&self, platform: PlatformId, now: Timestamp) -> ReadFuture<'_, Agenda>;
}
