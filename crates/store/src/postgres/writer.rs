//! The writing half: owned by the engine's writer thread, and driven there.
//!
//! Its runtime is its own and is made at the first load, on that thread: a runtime must not be driven
//! inside a task of another one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::user::User;
use domain::{Books, OwnedKey, RecordKey, Removal, Resource, Wanted};
use engine::{Store, StoreError, Syncer};
use ledger::Uid;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::runtime::Runtime;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Statement};

use super::cache::Decoded;
use super::erasures::Erasures;
use super::flush::{self, Flush};
use super::load::Trust;
use super::seqs::Seqs;
use super::session::{self, Kinds, statements};
use super::sql::{self, BY_ID};
use super::target::Target;
use super::{durable, error, load};
use crate::vault::{FreshKey, Vault};

/// Sessions tried, to learn how a commit ended whose connection was lost.
const SETTLE_ATTEMPTS: u32 = 40;
/// Plans are kept this long.
const PLANS_FOR: Duration = Duration::from_secs(10);
/// Between two of them.
const SETTLE_PAUSE: Duration = Duration::from_millis(250);

statements! {
    /// What batches load and flush with.
    Statements {
        accounts: sql::select_locked(sql::ACCOUNT.name, sql::ACCOUNT.columns, BY_ID);
        payments: sql::select_payments_locked();
        jobs: sql::select_locked(sql::JOB.name, sql::JOB.columns, BY_ID);
        deliveries: sql::select_locked(sql::DELIVERY.name, sql::DELIVERY.columns, BY_ID);
        insert_deliveries: sql::insert(sql::DELIVERY.name, sql::DELIVERY.columns);
        update_deliveries: sql::change(
            &sql::DELIVERY,
            "platform, id",
            &["state", "attempts", "due_at", "tried_at", "told", "took_ms"],
        );
        keys: sql::select(sql::KEY.name, sql::KEY.columns, &[("platform", "UUID"), ("dialect", "BIGINT"), ("key", "TEXT")]);
        holders: format!(
            "SELECT {} FROM {} CROSS JOIN LATERAL (SELECT a.holder FROM account a WHERE a.platform = n.platform AND a.id = n.id OFFSET 0) AS h \
             CROSS JOIN LATERAL (SELECT * FROM {} t WHERE t.platform = n.platform AND t.id = h.holder OFFSET 0) AS f WHERE NOT {}",
            sql::names(sql::RECORD_READ, "f."),
            sql::set(BY_ID),
            User::KIND.table,
            sql::record_is_erased(User::KIND, "f"),
        );
        directory: sql::select(sql::DIRECTORY.name, sql::DIRECTORY.columns, &[("space", "BIGINT"), ("text", "TEXT")]);
        holders_of_ids: sql::holders_of_ids(crate::KINDS.iter().map(|kind| (kind.number, kind.table)));
        data_keys: sql::select_data_keys();
        insert_data_keys: sql::insert(sql::DATA_KEY.name, sql::DATA_KEY.columns);
        hold_places: PLACES_LOCK;
        hold_unerased: sql::hold_unerased();
        insert_accounts: sql::insert(sql::ACCOUNT.name, sql::ACCOUNT.columns);
        update_accounts: sql::change_guarded(&sql::ACCOUNT, "platform, id", ACCOUNT_CHANGES, "t.postings <= excluded.postings");
        insert_payments: sql::insert(sql::PAYMENT.name, sql::PAYMENT.columns);
        update_payments: sql::change_guarded(&sql::PAYMENT, "platform, id", PAYMENT_CHANGES, "t.version < excluded.version");
        insert_keys: sql::insert(sql::KEY.name, sql::KEY.columns);
        update_keys: sql::change_guarded(&sql::KEY, "platform, dialect, key", &["status", "answer"], "t.status IS NULL");
        insert_entries: sql::insert(sql::ENTRY.name, sql::ENTRY.columns);
        insert_postings: sql::insert(sql::POSTING.name, sql::POSTING.columns);
        insert_outbox: sql::insert(sql::OUTBOX.name, sql::OUTBOX.columns);
        insert_to_seal: sql::insert(sql::TO_SEAL.name, sql::TO_SEAL.columns);
        more_seqs: super::seqs::MORE;
        insert_audit: sql::insert(sql::AUDIT.name, sql::AUDIT.columns);
        insert_directory: sql::insert(sql::DIRECTORY.name, sql::DIRECTORY.columns);
        insert_labels: sql::insert(sql::LABEL.name, sql::LABEL.columns);
        delete_keys: sql::delete(sql::KEY.name, &[("platform", "UUID"), ("dialect", "BIGINT"), ("key", "TEXT"), ("at", "BIGINT")], "t.status IS NOT NULL");
        delete_data_keys: sql::delete(sql::DATA_KEY.name, sql::BY_SUBJECT, "TRUE");
        insert_erasures: format!("{} ON CONFLICT (platform, subject) DO NOTHING", sql::insert(sql::ERASURE.name, sql::ERASURE.columns));
        write_jobs: format!(
            "{} ON CONFLICT (platform, id) DO UPDATE SET due_at = excluded.due_at, attempts = excluded.attempts, \
             done_at = excluded.done_at, lease_until = 0",
            sql::insert(sql::JOB.name, sql::JOB.columns)
        );
    }
}

/// What a posting or a hold changes of an account.
const ACCOUNT_CHANGES: &[&str] = &["balance", "held", "postings"];
/// What may change of a payment.
const PAYMENT_CHANGES: &[&str] = &["debited", "credited", "fees", "status", "refusal", "executed_at", "tag", "form", "detail", "version"];
/// Takes advisory locks, each alone or as one of many. The places come sorted, and UNNEST keeps their order.
const PLACES_LOCK: &str = "SELECT CASE WHEN n.is_alone = 1 THEN CAST(pg_advisory_xact_lock(n.place) AS TEXT) \
     ELSE CAST(pg_advisory_xact_lock_shared(n.place) AS TEXT) END FROM UNNEST($1::BIGINT[], $2::BIGINT[]) AS n(place, is_alone)";

/// A connection that batches are written over.
pub struct Session {
    pub client: Client,
    pub statements: Statements,
    pub kinds: Kinds,
    /// Tells the name of the open transaction; absent where the server has no such thing.
    pub transaction_name: Option<Statement>,
    /// Numbers for audit lines that are its own.
    pub seqs: Seqs,
    /// When the plans of its statements are made anew.
    pub plans_until: Instant,
}

impl Session {
    async fn open(target: &Target) -> Result<Self, StoreError> {
        let client = session::connect_for_keys(target).await.map_err(error::of)?;
        if let Some(setting) = durable::lacking(&client).await.map_err(error::of)? {
            return Err(StoreError::Fault(format!("PostgreSQL has {setting} switched off")));
        }
        let statements = Statements::prepare(&client).await.map_err(error::of)?;
        let kinds = Kinds::prepare(&client).await.map_err(error::of)?;
        let transaction_name = match client.prepare("SELECT CAST(pg_current_xact_id() AS TEXT)").await {
            Ok(statement) => Some(statement),
            Err(failed) if failed.code() == Some(&SqlState::UNDEFINED_FUNCTION) => None,
            Err(failed) => return Err(error::of(failed)),
        };
        Ok(Self { client, statements, kinds, transaction_name, seqs: Seqs::default(), plans_until: Instant::now() + PLANS_FOR })
    }
}

/// What is remembered of the open transaction.
#[derive(Default)]
pub struct Transaction {
    /// Its name on the server, to ask how it ended if the connection is lost over its commit.
    pub name: Option<String>,
    /// The last erasure that this server knew when it began: of whomever it names, nothing was left in memory.
    pub erasures: i64,
    /// The versions that records were read at.
    pub versions: FxHashMap<RecordKey, i64>,
    /// Which records owners had.
    pub owned: FxHashMap<OwnedKey, Vec<Uid>>,
}

/// Owns the one connection that this server writes over.
pub struct Writer {
    target: Target,
    vault: Arc<Vault>,
    erasures: Arc<Erasures>,
    cache: Decoded,
    trust: Trust,
    transaction: Option<Transaction>,
    session: Option<Session>,
    /// After the session in this list, so that it is dropped after it.
    runtime: Option<Runtime>,
}

impl Writer {
    pub fn new(target: Target, vault: Arc<Vault>, erasures: Arc<Erasures>) -> Self {
        let (cache, trust) = (Decoded::default(), Trust::Taken);
        Self { target, vault, erasures, cache, trust, transaction: None, session: None, runtime: None }
    }

    /// Forgets the opened records of those that were erased through other servers. Gives the last erasure that is dealt with.
    fn forget_erased(&mut self) -> i64 {
        // In this order: what is known is told.
        let known = self.erasures.known();
        let erased = self.erasures.take();
        if !erased.is_empty() {
            self.cache.forget_of(&erased);
        }
        known
    }

    /// Makes the runtime and the connection, unless they are there.
    fn ready(&mut self) -> Result<(), StoreError> {
        let runtime = match self.runtime.take() {
            Some(runtime) => runtime,
            None => super::runtime()?,
        };
        let runtime = self.runtime.insert(runtime);
        if self.session.as_ref().is_some_and(|session| session.client.is_closed()) {
            self.session = None;
        }
        if self.session.is_none() {
            self.session = Some(runtime.block_on(Session::open(&self.target))?);
        }
        if let Some(session) = self.session.as_mut().filter(|session| self.transaction.is_none() && session.plans_until <= Instant::now()) {
            runtime.block_on(session.client.batch_execute(session::FORGET_PLANS)).map_err(error::of)?;
            session.plans_until = Instant::now() + PLANS_FOR;
        }
        Ok(())
    }

    fn try_load(&mut self, wanted: &Wanted, books: &mut Books) -> Result<(), StoreError> {
        self.ready()?;
        let is_open = self.transaction.is_some();
        if !is_open {
            self.transaction = Some(Transaction { erasures: self.forget_erased(), ..Transaction::default() });
        }
        let (Some(runtime), Some(session), Some(transaction)) = (&self.runtime, &self.session, &mut self.transaction) else {
            return Err(unready());
        };
        let mut load = load::Load { session, vault: &self.vault, cache: &mut self.cache, trust: self.trust, transaction };
        runtime.block_on(load.run(wanted, books, is_open))
    }

    /// Writes and commits. Gives the data keys made on the way.
    fn try_flush(&self, books: &Books) -> Result<Vec<FreshKey>, Failed> {
        let failed = |error| Failed { error, sent: None };
        let (Some(runtime), Some(session), Some(transaction)) = (&self.runtime, &self.session, &self.transaction) else {
            return Err(failed(unready()));
        };
        let flush = Flush { session, vault: &self.vault, trust: self.trust, transaction, books };
        let ready = runtime.block_on(flush.prepare()).map_err(failed)?;
        let (fresh, sent) = ready.into_parts();
        match runtime.block_on(flush::send(session, sent)) {
            Ok(()) => Ok(fresh),
            Err(error) => Err(Failed { error, sent: Some(fresh) }),
        }
    }

    fn is_lost(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.client.is_closed())
    }

    /// Asks the server how a transaction ended whose commit was sent and not answered.
    fn settle(&mut self, name: &str) -> Result<bool, StoreError> {
        for _ in 0..SETTLE_ATTEMPTS {
            std::thread::sleep(SETTLE_PAUSE);
            if self.ready().is_err() {
                continue;
            }
            let (Some(runtime), Some(session)) = (&self.runtime, &self.session) else { return Err(unready()) };
            let asked = runtime.block_on(session.client.query_one("SELECT pg_xact_status(CAST($1::TEXT AS xid8))", &[&name]));
            match asked.and_then(|row| row.try_get::<_, Option<String>>(0)) {
                Ok(Some(status)) if status == "committed" => return Ok(true),
                Ok(Some(status)) if status == "aborted" => return Ok(false),
                Ok(_) => {}
                Err(error) => tracing::warn!(error = %error::chain(&error), "the end of a commit is not known yet"),
            }
        }
        Err(StoreError::Unknown("the connection was lost over a commit, and how it ended could not be learnt".to_owned()))
    }
}

/// A flush that failed; `sent` has its data keys if its COMMIT may have arrived.
struct Failed {
    error: StoreError,
    sent: Option<Vec<FreshKey>>,
}

fn unready() -> StoreError {
    StoreError::Fault("the connection is not there".to_owned())
}

impl Store for Writer {
    fn load(&mut self, wanted: &Wanted, books: &mut Books) -> Result<(), StoreError> {
        let is_first = self.transaction.is_none();
        match self.try_load(wanted, books) {
            // Nothing was decided yet, so a connection that had gone in the meantime costs a second attempt only.
            Err(_) if is_first && self.is_lost() => {
                self.abandon();
                self.try_load(wanted, books)
            }
            other => other,
        }
    }

    fn syncer(&self) -> Option<Arc<dyn Syncer>> {
        None
    }

    fn doubt(&mut self) -> bool {
        std::mem::replace(&mut self.trust, Trust::Checked) == Trust::Taken
    }

    fn flush(&mut self, books: &Books) -> Result<(), StoreError> {
        if books.is_unchanged() {
            self.trust = Trust::Taken;
            self.abandon();
            return Ok(());
        }
        let fresh = match self.try_flush(books) {
            Ok(fresh) => fresh,
            Err(Failed { error, sent: Some(fresh) }) if self.is_lost() => {
                let name = self.transaction.take().and_then(|transaction| transaction.name);
                match name {
                    Some(name) if self.settle(&name)? => fresh,
                    Some(_) => return Err(error),
                    // A guard has failed, so it was rolled back.
                    None if matches!(error, StoreError::Retry(_)) => return Err(error),
                    None => return Err(StoreError::Unknown(error.to_string())),
                }
            }
            Err(failed) => {
                // It may be that what was taken from the cache is out of date: the next attempt reads it.
                self.trust = Trust::Checked;
                return Err(failed.error);
            }
        };
        self.transaction = None;
        self.trust = Trust::Taken;
        self.vault.keep(fresh);
        for record in books.records.touched().filter_map(domain::Slot::row) {
            self.cache.put(record.clone());
        }
        let mut erased = FxHashSet::default();
        for removal in &books.removals {
            match removal {
                Removal::Key { .. } => {}
                Removal::Record(key) => self.cache.forget(key),
                Removal::DataKey { platform, subject } => {
                    self.vault.forget(platform.0, *subject);
                    erased.insert((*platform, *subject));
                }
            }
        }
        if !erased.is_empty() {
            self.cache.forget_of(&erased);
        }
        Ok(())
    }

    fn abandon(&mut self) {
        if self.transaction.take().is_none() {
            return;
        }
        if let (Some(runtime), Some(session)) = (&self.runtime, &self.session)
            && !session.client.is_closed()
            && runtime.block_on(session.client.batch_execute("ROLLBACK")).is_ok()
        {
            return;
        }
        self.session = None;
    }

    /// Lets the connection say that it has ended, so that the next batch begins with a new one, and forgets who was erased.
    fn idle(&mut self) -> Result<(), StoreError> {
        self.forget_erased();
        if let Some(runtime) = &self.runtime {
            runtime.block_on(async {
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
            });
        }
        if self.is_lost() {
            self.session = None;
        }
        Ok(())
    }
}
