//! Brings a batch its rows: everything it wants in one round trip.
//!
//! Accounts are locked first, in the order of their keys, so that servers wait for each other and do
//! not deadlock; under READ COMMITTED the statements behind see what that wait was for. Then payments
//! and jobs, locked too. Records are not locked here but held at their version when the batch is
//! written ([`super::flush`]): a share lock taken now could not grow into a writer's later without
//! deadlocks.

use domain::user::User;
use domain::{
    Books, DirectoryKey, DirectoryRow, IdHolder, Job, JobId, JobKind, Kind, ObjectKind, OwnedKey, PlatformId, Record, RecordKey, Resource,
    Slot, Timestamp, Wanted,
};
use engine::StoreError;
use ledger::{AccountId, Uid};
use rustc_hash::FxHashMap;
use tokio_postgres::{Row, Statement};

use super::cache::Decoded;
use super::keys::{Ring, decode_all};
use super::rows::{self, Id, get, uid};
use super::sql;
use super::trip::{Answers, Set, Ticket, Trip};
use super::writer::{Session, Transaction};
use crate::vault::Vault;
use crate::{KINDS, codec};

/// One load over a session.
pub struct Load<'a> {
    pub session: &'a Session,
    pub vault: &'a Vault,
    pub cache: &'a mut Decoded,
    /// Whether records may be taken from the cache unread.
    pub trust: Trust,
    pub transaction: &'a mut Transaction,
}

/// How far what is in memory is believed: records seen before, and data keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// What there is is taken as it is; the flush holds it against the rows.
    Taken,
    /// Every row is read: the last attempt may have relied on something that another server had changed.
    Checked,
}

/// What has to be read of the records that are wanted.
#[derive(Default)]
struct Unseen {
    records: Vec<RecordKey>,
    holders: Vec<(PlatformId, AccountId)>,
}

/// The statements of a load that were sent.
#[derive(Default)]
struct Asked {
    name: Option<Ticket>,
    accounts: Option<Ticket>,
    payments: Option<Ticket>,
    jobs: Option<Ticket>,
    deliveries: Option<Ticket>,
    keys: Option<Ticket>,
    directory: Option<Ticket>,
    holders_of_ids: Option<Ticket>,
    holders: Option<Ticket>,
    records: Vec<(&'static Kind, Ticket)>,
    owned: Vec<(&'static Kind, Ticket)>,
}

impl Load<'_> {
    /// Loads what is wanted, opening the transaction unless it is open.
    pub async fn run(&mut self, wanted: &Wanted, books: &mut Books, is_open: bool) -> Result<(), StoreError> {
        let session = self.session;
        let unseen = self.bring_seen(wanted, books);
        let mut trip = Trip::over(&session.client);
        let asked = ask(session, &mut trip, wanted, &unseen, is_open)?;
        let mut answers = trip.done().await?;
        if let Some(ticket) = asked.name {
            self.transaction.name = answers.rows(ticket).first().and_then(|row| row.try_get(0).ok());
        }
        let mut ring = Ring::new(self.vault);
        self.bring_accounts(&rows_of(&mut answers, asked.accounts), wanted, books)?;
        self.bring_payments(&rows_of(&mut answers, asked.payments), wanted, books, &mut ring).await?;
        bring_jobs(&rows_of(&mut answers, asked.jobs), wanted, books)?;
        bring_deliveries(&rows_of(&mut answers, asked.deliveries), wanted, books)?;
        self.bring_keys(&rows_of(&mut answers, asked.keys), wanted, books, &mut ring).await?;
        bring_directory(&rows_of(&mut answers, asked.directory), wanted, books)?;
        bring_holders_of_ids(&rows_of(&mut answers, asked.holders_of_ids), wanted, books)?;
        for (kind, ticket) in asked.records {
            self.bring_records(kind, &answers.rows(ticket), books, &mut ring).await?;
        }
        self.bring_records(User::KIND, &rows_of(&mut answers, asked.holders), books, &mut ring).await?;
        self.absent_records(&unseen, books);
        for (kind, ticket) in asked.owned {
            self.bring_owned(kind, &answers.rows(ticket), wanted, books)?;
        }
        Ok(())
    }

    /// Brings the records that were seen before, and gives those that have to be read. Whether one seen before is still there,
    /// and the key that it was opened with, the flush asks.
    fn bring_seen(&mut self, wanted: &Wanted, books: &mut Books) -> Unseen {
        if self.trust == Trust::Checked {
            return Unseen { records: wanted.records.clone(), holders: wanted.holders.clone() };
        }
        let mut unseen = Unseen::default();
        for key in &wanted.records {
            if !self.bring_last_seen(*key, books) {
                unseen.records.push(*key);
            }
        }
        for account in &wanted.holders {
            let holder = self.cache.holder(account).map(|id| RecordKey { kind: User::KIND, platform: account.0, id });
            if !holder.is_some_and(|key| self.bring_last_seen(key, books)) {
                unseen.holders.push(*account);
            }
        }
        unseen
    }

    fn bring_last_seen(&mut self, key: RecordKey, books: &mut Books) -> bool {
        if books.records.get(&key).is_some() {
            return true;
        }
        let Some(record) = self.cache.last_seen(&key) else { return false };
        self.transaction.versions.entry(key).or_insert(record.lead.version);
        books.records.bring(key, Some(record));
        true
    }

    /// What was asked for and did not come is not there; so is the user who does not hold an account any more.
    fn absent_records(&mut self, unseen: &Unseen, books: &mut Books) {
        let held = unseen.holders.iter().filter_map(|(platform, id)| {
            let holder = books.accounts.get(&(*platform, *id))?.row()?.holder?;
            Some(RecordKey { kind: User::KIND, platform: *platform, id: holder })
        });
        let asked: Vec<RecordKey> = unseen.records.iter().copied().chain(held).collect();
        for key in asked {
            books.records.bring(key, None);
            if matches!(books.records.get(&key), Some(Slot::Absent)) {
                self.cache.forget(&key);
            }
        }
    }

    fn bring_accounts(&mut self, rows: &[Row], wanted: &Wanted, books: &mut Books) -> Result<(), StoreError> {
        for row in rows {
            let account = codec::account(rows::account(row)?)?;
            let key = (PlatformId(account.tenant), account.id);
            if let Some(holder) = account.holder {
                self.cache.learn_holder(key, holder);
            }
            books.accounts.bring(key, Some(account));
        }
        for key in &wanted.accounts {
            books.accounts.bring(*key, None);
        }
        Ok(())
    }

    async fn bring_payments(&self, rows: &[Row], wanted: &Wanted, books: &mut Books, ring: &mut Ring<'_>) -> Result<(), StoreError> {
        let find = &self.session.statements.data_keys;
        let decode = |row: &Row, ring: &mut Ring<'_>| codec::payment(rows::payment(row)?, ring);
        for payment in decode_all(rows, ring, &self.session.client, find, decode).await? {
            books.payments.bring((payment.platform, payment.id), Some(payment));
        }
        for key in &wanted.payments {
            books.payments.bring(*key, None);
        }
        Ok(())
    }

    async fn bring_keys(&self, rows: &[Row], wanted: &Wanted, books: &mut Books, ring: &mut Ring<'_>) -> Result<(), StoreError> {
        let find = &self.session.statements.data_keys;
        let decode = |row: &Row, ring: &mut Ring<'_>| codec::key_row(rows::key(row)?, ring).map(Some);
        for row in decode_all(rows, ring, &self.session.client, find, decode).await? {
            books.keys.bring(row.key.clone(), Some(row));
        }
        for key in &wanted.keys {
            books.keys.bring(key.clone(), None);
        }
        Ok(())
    }

    async fn bring_records(&mut self, kind: &'static Kind, rows: &[Row], books: &mut Books, ring: &mut Ring<'_>) -> Result<(), StoreError> {
        let cache = &mut *self.cache;
        let find = &self.session.statements.data_keys;
        let decode = |row: &Row, ring: &mut Ring<'_>| {
            let key = RecordKey { kind, platform: PlatformId(uid(row, 0)?), id: uid(row, 1)? };
            if let Some(known) = cache.at(&key, get(row, 4)?) {
                return Ok(Some(known));
            }
            let record: Option<Record> = codec::record(kind, rows::record(row)?, ring)?;
            if let Some(record) = &record {
                cache.put(record.clone());
            }
            Ok(record)
        };
        for record in decode_all(rows, ring, &self.session.client, find, decode).await? {
            let key = record.key();
            self.transaction.versions.entry(key).or_insert(record.lead.version);
            books.records.bring(key, Some(record));
        }
        Ok(())
    }

    fn bring_owned(&mut self, kind: &'static Kind, rows: &[Row], wanted: &Wanted, books: &mut Books) -> Result<(), StoreError> {
        let mut owned: FxHashMap<(Uid, Uid), Vec<Uid>> = FxHashMap::default();
        for row in rows {
            owned.entry((uid(row, 0)?, uid(row, 1)?)).or_default().push(uid(row, 2)?);
        }
        for key in wanted.owned.iter().filter(|key| key.owner.kind.number == kind.number) {
            let mut ids = owned.remove(&(key.owner.platform.0, key.owner.id)).unwrap_or_default();
            self.transaction.owned.entry(*key).or_insert_with(|| ids.clone());
            ids.extend(made_in(books, key));
            books.owned.bring(*key, Some(ids.into()));
        }
        Ok(())
    }
}

/// What the batch has made for an owner before anybody asked what the owner has.
fn made_in<'b>(books: &'b Books, key: &OwnedKey) -> impl Iterator<Item = Uid> + use<'b> {
    let key = *key;
    let made = books.records.touched().filter_map(|slot| match slot {
        Slot::New(record) => Some(record),
        _ => None,
    });
    made.filter(move |it| it.kind.number == key.owner.kind.number && it.lead.platform == key.owner.platform)
        .filter(move |it| it.lead.owner == Some(key.owner.id))
        .map(|it| it.lead.id)
}

fn rows_of(answers: &mut Answers, ticket: Option<Ticket>) -> Vec<Row> {
    ticket.map(|ticket| answers.rows(ticket)).unwrap_or_default()
}

/// Sends the statements: locks first, in one order for all servers.
fn ask<'a>(session: &'a Session, trip: &mut Trip<'a>, wanted: &'a Wanted, unseen: &'a Unseen, is_open: bool) -> Result<Asked, StoreError> {
    let statements = &session.statements;
    let mut asked = Asked::default();
    if !is_open {
        trip.say("BEGIN");
    }
    asked.accounts = by_id(trip, &statements.accounts, &wanted.accounts, |id| id.0);
    asked.payments = by_id(trip, &statements.payments, &wanted.payments, |id| id.0);
    asked.jobs = by_id(trip, &statements.jobs, &wanted.jobs, |id| id.0);
    asked.deliveries = by_id(trip, &statements.deliveries, &wanted.deliveries, |id| id.0);
    if !is_open {
        asked.name = session.transaction_name.as_ref().map(|name| trip.ask(name, Vec::new()));
    }
    if !wanted.keys.is_empty() {
        let set = Set::of(&wanted.keys)
            .column(|key| Id(key.platform.0))
            .column(|key| i64::from(key.dialect))
            .column(|key| rows::sought(&key.key));
        asked.keys = Some(trip.ask(&statements.keys, set.params()));
    }
    if !wanted.directory.is_empty() {
        let set = Set::of(&wanted.directory).column(|key| i64::from(key.space.number())).column(|key| rows::sought(&key.text));
        asked.directory = Some(trip.ask(&statements.directory, set.params()));
    }
    if !wanted.holders_of_ids.is_empty() {
        let set = Set::of(&wanted.holders_of_ids).column(|id| Id(*id));
        asked.holders_of_ids = Some(trip.ask(&statements.holders_of_ids, set.params()));
    }
    // Records come sorted by kind.
    for keys in unseen.records.chunk_by(|left, right| left.kind.number == right.kind.number) {
        let Some(first) = keys.first() else { continue };
        let set = Set::of(keys).column(|key| Id(key.platform.0)).column(|key| Id(key.id));
        asked.records.push((first.kind, trip.ask(&session.kinds.of(first.kind)?.find, set.params())));
    }
    asked.holders = by_id(trip, &statements.holders, &unseen.holders, |id| id.0);
    for keys in wanted.owned.chunk_by(|left, right| left.owner.kind.number == right.owner.kind.number) {
        let Some(first) = keys.first() else { continue };
        let set = Set::of(keys).column(|key| Id(key.owner.platform.0)).column(|key| Id(key.owner.id));
        asked.owned.push((first.owner.kind, trip.ask(&session.kinds.of(first.owner.kind)?.owned, set.params())));
    }
    Ok(asked)
}

fn by_id<'a, I: Copy>(trip: &mut Trip<'a>, statement: &'a Statement, ids: &'a [(PlatformId, I)], id: impl Fn(I) -> Uid) -> Option<Ticket> {
    if ids.is_empty() {
        return None;
    }
    Some(trip.ask(statement, Set::of(ids).column(|(platform, _)| Id(platform.0)).column(|(_, it)| Id(id(*it))).params()))
}

fn bring_jobs(rows: &[Row], wanted: &Wanted, books: &mut Books) -> Result<(), StoreError> {
    for row in rows {
        let job = job(row)?;
        books.jobs.bring((job.platform, job.id), Some(job));
    }
    for key in &wanted.jobs {
        books.jobs.bring(*key, None);
    }
    Ok(())
}

fn bring_deliveries(rows: &[Row], wanted: &Wanted, books: &mut Books) -> Result<(), StoreError> {
    for row in rows {
        let delivery = codec::delivery(rows::delivery(row)?)?;
        books.deliveries.bring((delivery.platform, delivery.id), Some(delivery));
    }
    for key in &wanted.deliveries {
        books.deliveries.bring(*key, None);
    }
    Ok(())
}

/// A job, of the columns of [`super::sql::JOB`].
pub fn job(row: &Row) -> Result<Job, StoreError> {
    let id = uid(row, 1)?;
    let number: i64 = get(row, 2)?;
    let kind = u16::try_from(number).ok().and_then(JobKind::from_number);
    Ok(Job {
        id: JobId(id),
        platform: PlatformId(uid(row, 0)?),
        kind: kind.ok_or_else(|| codec::broken("job", id, "kind"))?,
        subject: uid(row, 3)?,
        due_at: Timestamp::from_ms(get(row, 4)?),
        attempts: u32::try_from(get::<i64>(row, 5)?).map_err(|_| codec::broken("job", id, "attempts"))?,
        done_at: get::<Option<i64>>(row, 6)?.map(Timestamp::from_ms),
    })
}

fn bring_directory(rows: &[Row], wanted: &Wanted, books: &mut Books) -> Result<(), StoreError> {
    for row in rows {
        let number: i64 = get(row, 0)?;
        let text: &str = get(row, 1)?;
        let space = wanted.directory.iter().map(|key| key.space).find(|space| i64::from(space.number()) == number);
        let space = space.ok_or_else(|| codec::broken("directory", text.len(), "space"))?;
        let row = DirectoryRow { platform: PlatformId(uid(row, 2)?), id: uid(row, 3)? };
        books.directory.bring(DirectoryKey { space, text: text.into() }, Some(row));
    }
    for key in &wanted.directory {
        books.directory.bring(key.clone(), None);
    }
    Ok(())
}

fn bring_holders_of_ids(rows: &[Row], wanted: &Wanted, books: &mut Books) -> Result<(), StoreError> {
    for row in rows {
        let id = uid(row, 0)?;
        let number: i64 = get(row, 2)?;
        let kind = match (number, KINDS.iter().find(|kind| i64::from(kind.number) == number)) {
            (sql::IS_PAYMENT, _) => codec::object_kind_of_payment(get(row, 3)?, get(row, 4)?, id)?,
            (_, Some(kind)) => ObjectKind::of_record(kind),
            (_, None) => ObjectKind::LedgerAccount,
        };
        books.holders_of_ids.bring(id, Some(IdHolder { platform: PlatformId(uid(row, 1)?), kind }));
    }
    for id in &wanted.holders_of_ids {
        books.holders_of_ids.bring(*id, None);
    }
    Ok(())
}
