//! The sealer: claims rows that are in no block yet, and makes blocks of them.
//!
//! Every server runs one, on a thread of its own. Transactions commit out of the order of ids, so rows are claimed
//! by their own null mark and numbered with their block, in one transaction, under a lock of the platform's chain.
//! That a block's number is unique within its chain keeps the chain right even where the lock were lost.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::StoreError;
use ledger::Uid;
use rustc_hash::FxHashMap;
use tokio::runtime::Runtime;
use tokio_postgres::types::{FromSql, Type};
use tokio_postgres::{Client, Row};

use super::rows::{Id, get, uid};
use super::target::Target;
use super::{error, runtime, session};
use crate::codec::broken;
use crate::seal::block::{Block, Tip};
use crate::seal::section::{Builder, RowKey, Value, place_of_seq};
use crate::seal::{AUDIT, BLOCK_ROWS, ENTRY, Of, POSTING, Sealed, Sealer};
use crate::vault::Vault;

/// A block that does not fill is closed after this long.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the thread looks when there was nothing left.
const PAUSE: Duration = Duration::from_secs(1);
/// After a piece of work the thread rests so many times as long as it took: nobody else shall notice.
const REST: u32 = 3;
/// Told apart from the other advisory locks, which are hashes.
const LOCK_SPACE: u64 = 0x5345_414c;

/// Which platforms have rows that are in no block.
const UNSEALED: &str = "SELECT p.platform FROM platform p WHERE EXISTS (SELECT 1 FROM entry t WHERE t.platform = p.platform AND t.sealed IS NULL) \
     OR EXISTS (SELECT 1 FROM audit t WHERE t.platform = p.platform AND t.sealed IS NULL)";

/// A call of [`Sealer::seal_up`]: answered when all is sealed.
type Call = Sender<Result<(), StoreError>>;

/// The thread. Ends when dropped.
pub struct PostgresSealer {
    /// Dropped with this: the thread's cue to end.
    calls: Mutex<Sender<Call>>,
}

impl PostgresSealer {
    /// Starts the thread. It connects when there is first something to do.
    pub fn start(target: Target, vault: Arc<Vault>) -> Result<Self, StoreError> {
        let (calls, called) = channel();
        let work = move || match runtime() {
            Ok(runtime) => Work { target, vault, runtime, client: None, waiting: FxHashMap::default() }.run(&called),
            Err(error) => tracing::error!(%error, "nothing is sealed"),
        };
        let thread = std::thread::Builder::new().name("florin-sealer".to_owned()).spawn(work);
        thread.map_err(|error| StoreError::Fault(error.to_string()))?;
        Ok(Self { calls: Mutex::new(calls) })
    }
}

impl Sealer for PostgresSealer {
    fn seal_up(&self, within: Duration) -> Result<(), StoreError> {
        let gone = || StoreError::Fault("the sealer has ended".to_owned());
        let (answer, answered) = channel();
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone();
        calls.send(answer).map_err(|_| gone())?;
        answered.recv_timeout(within).map_err(|error| if error == RecvTimeoutError::Timeout { StoreError::Behind } else { gone() })?
    }
}

/// How much of what there is has to be sealed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Full blocks, and those that have waited.
    Due,
    /// Everything.
    All,
}

struct Work {
    target: Target,
    vault: Arc<Vault>,
    runtime: Runtime,
    client: Option<Client>,
    /// Since when platforms have rows that do not fill a block.
    waiting: FxHashMap<(Uid, Of), Instant>,
}

impl Work {
    fn run(mut self, called: &Receiver<Call>) {
        let mut pause = PAUSE;
        loop {
            let call = match called.recv_timeout(pause) {
                Ok(call) => Some(call),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let begun = Instant::now();
            let sealed = self.cycle(if call.is_some() { Extent::All } else { Extent::Due });
            pause = match &sealed {
                Ok(Progress::More) => begun.elapsed().saturating_mul(REST),
                Ok(Progress::Done) => PAUSE,
                Err(error) => {
                    tracing::error!(%error, "the rows could not be sealed");
                    self.client = None;
                    PAUSE
                }
            };
            if let Some(call) = call {
                // Whoever called may have gone.
                drop(call.send(sealed.map(drop)));
            }
        }
    }

    /// Seals a block of every platform and kind that has one due; for `All`, on to the end.
    fn cycle(&mut self, extent: Extent) -> Result<Progress, StoreError> {
        let client = match self.client.take().filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => self.runtime.block_on(session::connect_for_keys(&self.target)).map_err(error::of)?,
        };
        let client = self.client.insert(client);
        let mut chains = Chains { client, vault: &self.vault, waiting: &mut self.waiting };
        self.runtime.block_on(async {
            loop {
                let progress = chains.round(extent).await?;
                if extent == Extent::Due || progress == Progress::Done {
                    return Ok(progress);
                }
            }
        })
    }
}

/// Whether a round has left full blocks behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    More,
    Done,
}

struct Chains<'a> {
    client: &'a Client,
    vault: &'a Vault,
    waiting: &'a mut FxHashMap<(Uid, Of), Instant>,
}

impl Chains<'_> {
    async fn round(&mut self, extent: Extent) -> Result<Progress, StoreError> {
        let mut progress = Progress::Done;
        for row in self.client.query(UNSEALED, &[]).await.map_err(error::of)? {
            let platform = uid(&row, 0)?;
            for of in Of::ALL {
                self.client.batch_execute("BEGIN").await.map_err(error::of)?;
                let sealed = self.block(platform, of, extent).await;
                let end = if sealed.as_ref().is_ok_and(|rows| *rows > 0) { "COMMIT" } else { "ROLLBACK" };
                let ended = self.client.batch_execute(end).await.map_err(error::of);
                let rows = sealed?;
                ended?;
                if rows >= BLOCK_ROWS || (extent == Extent::All && rows > 0) {
                    progress = Progress::More;
                }
            }
        }
        Ok(progress)
    }

    /// Makes one block in the open transaction, if there is one due. Gives how many rows it counts.
    async fn block(&mut self, platform: Uid, of: Of, extent: Extent) -> Result<usize, StoreError> {
        let lock = match extent {
            Extent::Due => "SELECT pg_try_advisory_xact_lock($1)",
            Extent::All => "SELECT pg_advisory_xact_lock($1) IS NOT NULL",
        };
        let is_ours: bool = get(&self.client.query_one(lock, &[&lock_of(platform)]).await.map_err(error::of)?, 0)?;
        if !is_ours {
            return Ok(0);
        }
        let counted = of.tables().first().ok_or_else(|| StoreError::Fault("a block is of no table".to_owned()))?;
        let key = key_of(counted);
        let claim = format!(
            "SELECT {} FROM {} WHERE platform = $1 AND sealed IS NULL ORDER BY {key} LIMIT {BLOCK_ROWS}",
            counted.columns.join(", "),
            counted.table
        );
        let rows = self.client.query(&claim, &[&Id(platform)]).await.map_err(error::of)?;
        if rows.is_empty() {
            self.waiting.remove(&(platform, of));
            return Ok(0);
        }
        let since = *self.waiting.entry((platform, of)).or_insert_with(Instant::now);
        if rows.len() < BLOCK_ROWS && extent == Extent::Due && since.elapsed() < PATIENCE {
            return Ok(0);
        }
        self.waiting.remove(&(platform, of));
        let mut builder = Builder::of(counted);
        rows.iter().try_for_each(|row| add(&mut builder, counted, row))?;
        let mut builders = vec![builder];
        if of == Of::Ledger {
            let entries = rows.iter().map(|row| uid(row, 1).map(Id)).collect::<Result<Vec<_>, _>>()?;
            let text =
                format!("SELECT {} FROM posting WHERE platform = $1 AND entry = ANY($2) ORDER BY entry, line", POSTING.columns.join(", "));
            let mut builder = Builder::of(&POSTING);
            let postings = self.client.query(&text, &[&Id(platform), &entries]).await.map_err(error::of)?;
            postings.iter().try_for_each(|row| add(&mut builder, &POSTING, row))?;
            builders.push(builder);
        }
        let mut tip = self.tip(platform).await?;
        if let Some(block) = tip.seal(self.vault, platform, of, builders) {
            self.write(&block).await?;
            let mark = format!("UPDATE {} SET sealed = $2 WHERE platform = $1 AND {key} = ANY($3) AND sealed IS NULL", counted.table);
            let marked = match of {
                Of::Ledger => {
                    let ids = rows.iter().map(|row| uid(row, 1).map(Id)).collect::<Result<Vec<_>, _>>()?;
                    self.client.execute(&mark, &[&Id(platform), &block.number, &ids]).await
                }
                Of::Audit => {
                    let seqs = rows.iter().map(|row| get::<i64>(row, 1)).collect::<Result<Vec<_>, _>>()?;
                    self.client.execute(&mark, &[&Id(platform), &block.number, &seqs]).await
                }
            };
            if usize::try_from(marked.map_err(error::of)?) != Ok(rows.len()) {
                return Err(StoreError::Fault(format!("rows of {} were sealed by somebody else meanwhile", counted.table)));
            }
        }
        Ok(rows.len())
    }

    async fn tip(&self, platform: Uid) -> Result<Tip, StoreError> {
        let text = "SELECT number, head FROM seal WHERE platform = $1 ORDER BY number DESC LIMIT 1";
        match self.client.query_opt(text, &[&Id(platform)]).await.map_err(error::of)? {
            Some(row) => Ok(Tip { number: get(&row, 0)?, head: get(&row, 1)? }),
            None => Ok(Tip::default()),
        }
    }

    async fn write(&self, block: &Block) -> Result<(), StoreError> {
        let text = "INSERT INTO seal (platform, number, of, form, first, last, digests, marks, previous, head, mac) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        self.client
            .execute(
                text,
                &[
                    &Id(block.platform),
                    &block.number,
                    &block.of,
                    &block.form,
                    &Id(block.first),
                    &Id(block.last),
                    &block.digests,
                    &block.marks,
                    &block.previous,
                    &block.head,
                    &block.mac,
                ],
            )
            .await
            .map(drop)
            .map_err(error::of)
    }
}

fn lock_of(platform: Uid) -> i64 {
    use std::hash::BuildHasher;
    rustc_hash::FxBuildHasher.hash_one((LOCK_SPACE, platform)).cast_signed()
}

/// The column, beside the platform, that names a row of a table that is counted in blocks.
pub const fn key_of(table: &Sealed) -> &'static str {
    match table.columns {
        [_, key, ..] => key,
        _ => "platform",
    }
}

/// Adds a row of all columns of a sealed table.
pub fn add(builder: &mut Builder, table: &Sealed, row: &Row) -> Result<(), StoreError> {
    let key = if *table == AUDIT {
        RowKey { place: place_of_seq(get(row, 1)?), line: 0 }
    } else {
        RowKey { place: uid(row, 1)?, line: if *table == ENTRY { 0 } else { get(row, 2)? } }
    };
    let mut values = Vec::with_capacity(row.len());
    for column in 0..row.len() {
        let Raw(value) = get(row, column)?;
        values.push(value.map_err(|what| broken(table.table, key.place, what))?);
    }
    builder.add(key, values);
    Ok(())
}

/// A column as it is stored.
struct Raw<'a>(Result<Value<'a>, &'static str>);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(match *kind {
            Type::INT8 => Ok(Value::Integer(i64::from_sql(kind, raw)?)),
            Type::TEXT => Ok(Value::Text(raw)),
            Type::UUID | Type::BYTEA => Ok(Value::Bytes(raw)),
            _ => Err("a column is of a type that is not sealed"),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Ok(Value::Null)))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
