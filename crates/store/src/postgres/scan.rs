//! Going through the whole ledger in one view of the database.
//!
//! Callers are synchronous: the work is done on a thread of its own, which hands rows over in pages.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use domain::{Kind, PlatformId, Record};
use engine::StoreError;
use ledger::{Entry, Uid};
use tokio_postgres::{Client, Row};

use super::keys::{Ring, decode_all};
use super::rows::{self, Id, uid};
use super::target::Target;
use super::{error, runtime, seal_check, session, sql};
use crate::seal::{Head, Report};
use crate::vault::Vault;
use crate::{GROWING, Part, Scan, codec};

/// Rows asked for at once.
const PAGE: i64 = 2_000;
const PAGE_SIZE: usize = 2_000;
/// Pages made ahead of whoever takes them.
const AHEAD: usize = 2;

/// A scan over a database; servers may go on writing meanwhile.
pub struct PostgresScan {
    target: Target,
    vault: Arc<Vault>,
}

impl PostgresScan {
    pub const fn new(target: Target, vault: Arc<Vault>) -> Self {
        Self { target, vault }
    }
}

impl Scan for PostgresScan {
    fn ledger(&self, each: &mut dyn FnMut(Part)) -> Result<(), StoreError> {
        std::thread::scope(|scope| {
            let (pages, taken) = sync_channel::<Vec<Part>>(AHEAD);
            let producer = scope.spawn(move || runtime()?.block_on(self.send(&Pages(pages))));
            taken.into_iter().flatten().for_each(each);
            producer.join().unwrap_or_else(|_| Err(StoreError::Fault("the scan panicked".to_owned())))
        })
    }

    fn counts(&self) -> Result<[u64; GROWING.len()], StoreError> {
        // On a thread of its own, where a runtime may be driven whoever calls.
        let counted = std::thread::scope(|scope| scope.spawn(|| runtime()?.block_on(self.count())).join());
        counted.unwrap_or_else(|_| Err(StoreError::Fault("the count panicked".to_owned())))
    }

    fn records(&self, kind: &'static Kind, named: &[(PlatformId, Uid)]) -> Result<Vec<Record>, StoreError> {
        std::thread::scope(|scope| {
            let reader = scope.spawn(move || runtime()?.block_on(self.find(kind, named)));
            reader.join().unwrap_or_else(|_| Err(StoreError::Fault("reading panicked".to_owned())))
        })
    }

    fn seals(&self, anchor: &[Head]) -> Result<Report, StoreError> {
        self.in_one_view(async |client| seal_check::check(client, &self.vault, anchor).await)
    }

    fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.in_one_view(async |client| seal_check::heads(client).await)
    }
}

impl PostgresScan {
    async fn count(&self) -> Result<[u64; GROWING.len()], StoreError> {
        let client = self.target.connect().await.map_err(error::of)?;
        let mut counts = [0; GROWING.len()];
        for (count, table) in counts.iter_mut().zip(GROWING) {
            let row = client.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await.map_err(error::of)?;
            *count = u64::try_from(rows::get::<i64>(&row, 0)?).unwrap_or(0);
        }
        Ok(counts)
    }

    /// Runs `read` in a transaction that sees one state of the database, on a thread with a runtime of its own.
    fn in_one_view<T: Send>(&self, read: impl AsyncFnOnce(&Client) -> Result<T, StoreError> + Send) -> Result<T, StoreError> {
        let work = || {
            runtime()?.block_on(async {
                let client = self.begin().await?;
                read(&client).await
            })
        };
        std::thread::scope(|scope| {
            let done = scope.spawn(work).join();
            done.unwrap_or_else(|_| Err(StoreError::Fault("the scan panicked".to_owned())))
        })
    }

    async fn begin(&self) -> Result<Client, StoreError> {
        let client = session::connect_for_keys(&self.target).await.map_err(error::of)?;
        client.batch_execute(session::WITHOUT_HURRY).await.map_err(error::of)?;
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(error::of)?;
        Ok(client)
    }

    async fn send(&self, pages: &Pages) -> Result<(), StoreError> {
        let client = self.begin().await?;
        send_accounts(&client, pages).await?;
        send_entries(&client, &self.vault, pages).await
    }

    async fn find(&self, kind: &'static Kind, named: &[(PlatformId, Uid)]) -> Result<Vec<Record>, StoreError> {
        let client = session::connect_for_keys(&self.target).await.map_err(error::of)?;
        let keys = client.prepare(&sql::select_data_keys()).await.map_err(error::of)?;
        let mut ring = Ring::new(&self.vault);
        let mut found = Vec::new();
        for named in named.chunks(PAGE_SIZE) {
            let (platforms, ids): (Vec<Id>, Vec<Id>) = named.iter().map(|(platform, id)| (Id(platform.0), Id(*id))).unzip();
            let text = sql::select_records(kind);
            let rows = client.query(&text, &[&platforms, &ids]).await.map_err(error::of)?;
            let decode = |row: &Row, ring: &mut Ring<'_>| codec::record(kind, rows::record(row)?, ring);
            found.extend(decode_all(&rows, &mut ring, &client, &keys, decode).await?);
        }
        Ok(found)
    }
}

/// Where pages go.
struct Pages(SyncSender<Vec<Part>>);

impl Pages {
    /// Hands a page over; nobody taking it any more is no failure of the scan.
    fn send(&self, page: Vec<Part>) {
        drop(self.0.send(page));
    }
}

/// Platform and id of a row: the next page begins behind it.
#[derive(Clone, Copy)]
struct Place(Uid, Uid);

impl Place {
    /// No platform has the id zero.
    const START: Self = Self(Uid::from_bits(0), Uid::from_bits(0));

    fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self(uid(row, 0)?, uid(row, 1)?))
    }
}

async fn send_accounts(client: &Client, pages: &Pages) -> Result<(), StoreError> {
    let text = format!(
        "SELECT {} FROM account_now t WHERE (t.platform, t.id) > ($1, $2) ORDER BY t.platform, t.id LIMIT {PAGE}",
        sql::names(sql::ACCOUNT.columns, "t.")
    );
    let mut after = Place::START;
    loop {
        let rows = client.query(&text, &[&Id(after.0), &Id(after.1)]).await.map_err(error::of)?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = Place::of(last)?;
        pages.send(rows.iter().map(|row| codec::account(rows::account(row)?).map(Part::Account)).collect::<Result<_, _>>()?);
    }
}

async fn send_entries(client: &Client, vault: &Vault, pages: &Pages) -> Result<(), StoreError> {
    let entries = format!(
        "SELECT {} FROM entry t WHERE (t.platform, t.id) > ($1, $2) ORDER BY t.platform, t.id LIMIT {PAGE}",
        sql::names(sql::ENTRY.columns, "t.")
    );
    let postings = format!(
        "SELECT {} FROM posting t WHERE (t.platform, t.entry) > ($1, $2) AND (t.platform, t.entry) <= ($3, $4) \
         ORDER BY t.platform, t.entry, t.line",
        sql::names(sql::POSTING.columns, "t.")
    );
    let keys = client.prepare(&sql::select_data_keys()).await.map_err(error::of)?;
    let mut ring = Ring::new(vault);
    let mut after = Place::START;
    loop {
        let found = client.query(&entries, &[&Id(after.0), &Id(after.1)]).await.map_err(error::of)?;
        // Behind the last entry no posting may stand.
        let until = found.last().map_or(Ok(Place(Uid::from_bits(u128::MAX), Uid::from_bits(u128::MAX))), Place::of)?;
        let of_page = client.query(&postings, &[&Id(after.0), &Id(after.1), &Id(until.0), &Id(until.1)]).await.map_err(error::of)?;
        let decode = |row: &Row, ring: &mut Ring<'_>| codec::entry(rows::entry(row)?, ring).map(Some);
        let decoded = decode_all(&found, &mut ring, client, &keys, decode).await?;
        let is_last = decoded.is_empty();
        pages.send(together(decoded, &of_page)?);
        if is_last {
            return Ok(());
        }
        after = until;
    }
}

/// Entries, each with its own postings. Both come in the same order.
fn together(entries: Vec<Entry>, postings: &[Row]) -> Result<Vec<Part>, StoreError> {
    let postings = postings.iter().map(|row| codec::posting(&rows::posting(row)?)).collect::<Result<Vec<_>, _>>()?;
    let mut postings = postings.into_iter().peekable();
    let mut whole = Vec::with_capacity(entries.len());
    for entry in entries {
        let mut own = Vec::with_capacity(3);
        while let Some(posting) = postings.next_if(|posting| posting.entry == entry.id) {
            own.push(posting);
        }
        whole.push(Part::Entry(entry, own));
    }
    match postings.next() {
        None => Ok(whole),
        Some(stray) => Err(codec::broken("posting", stray.entry.0, "it has no entry")),
    }
}
