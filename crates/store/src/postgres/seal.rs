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
use tokio_postgres::types::{FromSql, ToSql, Type};
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
/// For this long after the first row was met, it is looked at least this often.
const FEW_PAUSES: Duration = Duration::from_secs(5);
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
enum Extent {
    /// Full blocks, and those that have waited.
    Due,
    /// Everything up to a row of this key, also in blocks that are not full.
    UpTo(Box<dyn ToSql + Sync + Send>),
}

struct Work {
    target: Target,
    vault: Arc<Vault>,
    runtime: Runtime,
    client: Option<Client>,
    /// Platforms with rows that do not fill a block.
    waiting: FxHashMap<(Uid, Of), Waiting>,
}

/// Rows that do not fill a block.
#[derive(Clone, Copy)]
struct Waiting {
    since: Instant,
    /// When they may fill one, as fast as they came: looking means reading them, so nobody looks before.
    look_again: Instant,
}

impl Waiting {
    /// Of so many rows, the first of which were met at `since`.
    fn of(since: Instant, rows: usize) -> Self {
        let elapsed = since.elapsed().max(PAUSE);
        let count = |rows: usize| u32::try_from(rows).unwrap_or(u32::MAX);
        let missing = elapsed.saturating_mul(count(BLOCK_ROWS.saturating_sub(rows)));
        let pause = missing.checked_div(count(rows)).unwrap_or(PATIENCE).max(PAUSE);
        // Right after a full block few rows say little about how fast they come.
        let pause = if since.elapsed() < FEW_PAUSES { pause.min(FEW_PAUSES) } else { pause };
        Self { since, look_again: Instant::now() + pause.min(PATIENCE.saturating_sub(since.elapsed())) }
    }
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
            let sealed = self.cycle(call.as_ref());
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

    /// Seals a block of every platform and kind that has one due; for a call, everything that is there now.
    fn cycle(&mut self, call: Option<&Call>) -> Result<Progress, StoreError> {
        let client = match self.client.take().filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => self.runtime.block_on(session::connect_for_keys(&self.target)).map_err(error::of)?,
        };
        let client = self.client.insert(client);
        let mut chains = Chains { client, vault: &self.vault, waiting: &mut self.waiting };
        self.runtime.block_on(async {
            match call {
                None => chains.round().await,
                Some(_) => chains.all().await.map(|()| Progress::Done),
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
    waiting: &'a mut FxHashMap<(Uid, Of), Waiting>,
}

impl Chains<'_> {
    async fn round(&mut self) -> Result<Progress, StoreError> {
        let mut progress = Progress::Done;
        for platform in self.unsealed().await? {
            for of in Of::ALL {
                if self.waiting.get(&(platform, of)).is_some_and(|waiting| waiting.look_again > Instant::now()) {
                    continue;
                }
                if self.step(platform, of, &Extent::Due).await? >= BLOCK_ROWS {
                    progress = Progress::More;
                }
            }
        }
        Ok(progress)
    }

    /// Seals what is there when it is asked, and hardly more: others go on writing, and whoever followed them had no end.
    async fn all(&mut self) -> Result<(), StoreError> {
        for platform in self.unsealed().await? {
            for of in Of::ALL {
                let Some(last) = self.last(platform, of).await? else { continue };
                let extent = Extent::UpTo(last);
                // A claim that does not fill a block has taken all there was up to the last row.
                while self.step(platform, of, &extent).await? >= BLOCK_ROWS {}
            }
        }
        Ok(())
    }

    async fn unsealed(&self) -> Result<Vec<Uid>, StoreError> {
        self.client.query(UNSEALED, &[]).await.map_err(error::of)?.iter().map(|row| uid(row, 0)).collect()
    }

    /// The key of the last row that is in no block.
    async fn last(&self, platform: Uid, of: Of) -> Result<Option<Box<dyn ToSql + Sync + Send>>, StoreError> {
        let counted = counted(of)?;
        let key = key_of(counted);
        let text = format!(
            "SELECT {key} FROM {} WHERE platform = $1 AND sealed IS NULL ORDER BY platform DESC, {key} DESC LIMIT 1",
            counted.table
        );
        let Some(row) = self.client.query_opt(&text, &[&Id(platform)]).await.map_err(error::of)? else { return Ok(None) };
        Ok(Some(match of {
            Of::Ledger => Box::new(get::<Id>(&row, 0)?),
            Of::Audit => Box::new(get::<i64>(&row, 0)?),
        }))
    }

    /// Makes one block in a transaction of its own, if there is one due. Gives how many rows it counts.
    async fn step(&mut self, platform: Uid, of: Of, extent: &Extent) -> Result<usize, StoreError> {
        self.client.batch_execute("BEGIN").await.map_err(error::of)?;
        let sealed = self.block(platform, of, extent).await;
        let end = if sealed.as_ref().is_ok_and(|rows| *rows > 0) { "COMMIT" } else { "ROLLBACK" };
        let ended = self.client.batch_execute(end).await.map_err(error::of);
        let rows = sealed?;
        ended.map(|()| rows)
    }

    /// Makes one block in the open transaction, if there is one due. Gives how many rows it counts.
    async fn block(&mut self, platform: Uid, of: Of, extent: &Extent) -> Result<usize, StoreError> {
        let lock = match extent {
            Extent::Due => "SELECT pg_try_advisory_xact_lock($1)",
            Extent::UpTo(_) => "SELECT pg_advisory_xact_lock($1) IS NOT NULL",
        };
        let is_ours: bool = get(&self.client.query_one(lock, &[&lock_of(platform)]).await.map_err(error::of)?, 0)?;
        if !is_ours {
            return Ok(0);
        }
        let counted = counted(of)?;
        let key = key_of(counted);
        let platform_id = Id(platform);
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&platform_id];
        let up_to = match extent {
            Extent::Due => String::new(),
            Extent::UpTo(last) => {
                params.push(&**last);
                format!("AND {key} <= $2")
            }
        };
        let claim = format!(
            "SELECT {} FROM {} WHERE platform = $1 AND sealed IS NULL {up_to} ORDER BY {key} LIMIT {BLOCK_ROWS}",
            counted.columns.join(", "),
            counted.table
        );
        let rows = self.client.query(&claim, &params).await.map_err(error::of)?;
        if rows.is_empty() {
            self.waiting.remove(&(platform, of));
            return Ok(0);
        }
        let since = self.waiting.get(&(platform, of)).map_or_else(Instant::now, |waiting| waiting.since);
        if rows.len() < BLOCK_ROWS && matches!(extent, Extent::Due) && since.elapsed() < PATIENCE {
            self.waiting.insert((platform, of), Waiting::of(since, rows.len()));
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

/// The table whose rows are counted in blocks.
fn counted(of: Of) -> Result<&'static Sealed, StoreError> {
    of.tables().first().ok_or_else(|| StoreError::Fault("a block is of no table".to_owned()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_looks_before_a_block_may_be_full() {
        let now = Instant::now();
        let long_ago = now.checked_sub(Duration::from_secs(10)).unwrap();
        let wait = |since, rows| Waiting::of(since, rows).look_again.saturating_duration_since(now).as_secs();
        assert!((9..=11).contains(&wait(long_ago, BLOCK_ROWS / 2)), "half of it came in ten seconds");
        assert!((29..=31).contains(&wait(long_ago, BLOCK_ROWS / 4)));
        assert!((48..=50).contains(&wait(long_ago, 1)), "no longer than a block may wait");
        assert!((1..=2).contains(&wait(long_ago, BLOCK_ROWS - 1)), "and no oftener than the thread looks");
    }
}
