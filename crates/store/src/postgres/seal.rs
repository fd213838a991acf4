//! The sealer: makes blocks of the rows that are in none yet.
//!
//! Every server runs one, on a thread of its own. Transactions commit out of the order of ids, so nobody can follow those:
//! a transaction leaves the names of what it wrote ([`super::to_seal`]), and a block is made of rows by their names, in one
//! transaction, under a lock of the platform's chain. That a block's number is unique within its chain keeps the chain
//! right even where the lock were lost.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::StoreError;
use ledger::Uid;
use tokio::runtime::Runtime;
use tokio_postgres::types::{FromSql, ToSql, Type};
use tokio_postgres::{Client, Row};

use super::rows::{Id, get, uid};
use super::target::Target;
use super::to_seal::{self, Patience, Sorter};
use super::{error, runtime, session, sql};
use crate::codec::broken;
use crate::seal::block::{Block, Tip};
use crate::seal::section::{Builder, RowKey, Value, place_of_seq};
use crate::seal::{AUDIT, BLOCK_ROWS, ENTRY, Of, POSTING, Sealed, Sealer, names};
use crate::vault::Vault;

/// A block that does not fill is closed after this long.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often the thread looks when there was nothing left.
const PAUSE: Duration = Duration::from_secs(1);
/// After a piece of work the thread rests so many times as long as it took: nobody else shall notice.
const REST: u32 = 3;
/// Told apart from the other advisory locks, which are hashes.
const LOCK_SPACE: u64 = 0x5345_414c;

/// What waits, platform by platform: how many rows, and the last that says so.
const WAITING: &str = "SELECT t.platform, t.of, CAST(sum(t.count) AS BIGINT), max(t.seq) FROM unsealed t GROUP BY t.platform, t.of";
/// What waits of one platform and kind, the oldest first. A row has one name at least, so that so many rows fill a block.
const CLAIM: &str = "SELECT t.seq, t.form, t.names FROM unsealed t WHERE t.platform = $1 AND t.of = $2 AND t.seq <= $3 \
     ORDER BY t.platform, t.of, t.seq LIMIT $4";

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
            Ok(runtime) => {
                let (sorter, waiting) = (Sorter::default(), BTreeMap::new());
                Work { target, vault, runtime, client: None, sorter, waiting }.run(&called);
            }
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

struct Work {
    target: Target,
    vault: Arc<Vault>,
    runtime: Runtime,
    client: Option<Client>,
    sorter: Sorter,
    /// Chains with rows that do not fill a block, and since when.
    waiting: BTreeMap<(Uid, Of), Instant>,
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
            let sealed = self.cycle(call.is_some());
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

    /// Seals a block of every chain that has one due; when called, everything that is there now.
    fn cycle(&mut self, is_called: bool) -> Result<Progress, StoreError> {
        let client = match self.client.take().filter(|client| !client.is_closed()) {
            Some(client) => client,
            None => self.runtime.block_on(session::connect_for_keys(&self.target)).map_err(error::of)?,
        };
        let client = self.client.insert(client);
        let mut chains = Chains { client, vault: &self.vault, waiting: &mut self.waiting };
        self.runtime.block_on(async {
            if is_called {
                self.sorter.sort(client, to_seal::last(client).await?, Patience::Wait).await?;
                chains.all().await.map(|()| Progress::Done)
            } else {
                self.sorter.sort(client, i64::MAX, Patience::LeaveIt).await?;
                chains.round().await
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

/// Rows of one chain that wait for a block.
struct Queue {
    platform: Uid,
    of: Of,
    rows: usize,
    /// The last of `unsealed`.
    last: i64,
}

struct Chains<'a> {
    client: &'a Client,
    vault: &'a Vault,
    waiting: &'a mut BTreeMap<(Uid, Of), Instant>,
}

impl Chains<'_> {
    async fn round(&mut self) -> Result<Progress, StoreError> {
        let mut progress = Progress::Done;
        let queues = self.queues().await?;
        let met: BTreeMap<(Uid, Of), Instant> = std::mem::take(self.waiting);
        for queue in queues {
            let chain = (queue.platform, queue.of);
            let since = met.get(&chain).copied().unwrap_or_else(Instant::now);
            if queue.rows < BLOCK_ROWS && since.elapsed() < PATIENCE {
                self.waiting.insert(chain, since);
                continue;
            }
            // What is wrong with one platform is not the others' affair.
            match self.step(&queue, Patience::LeaveIt).await {
                Ok(sealed) if queue.rows.saturating_sub(sealed) >= BLOCK_ROWS => progress = Progress::More,
                Ok(_) => {}
                Err(error) if self.client.is_closed() => return Err(error),
                Err(error) => {
                    tracing::error!(%error, platform = %queue.platform, "the rows of a platform could not be sealed");
                    self.waiting.insert(chain, Instant::now());
                }
            }
        }
        Ok(progress)
    }

    /// Seals what is there when it is asked, and hardly more: others go on writing, and whoever followed them had no end.
    async fn all(&mut self) -> Result<(), StoreError> {
        let mut first_failure = Ok(());
        for queue in self.queues().await? {
            // A claim that does not fill a block has taken all there was up to the last row.
            let sealed = loop {
                match self.step(&queue, Patience::Wait).await {
                    Ok(sealed) if sealed >= BLOCK_ROWS => {}
                    other => break other.map(drop),
                }
            };
            if self.client.is_closed() {
                return sealed;
            }
            first_failure = first_failure.and(sealed);
        }
        first_failure
    }

    async fn queues(&self) -> Result<Vec<Queue>, StoreError> {
        let rows = self.client.query(WAITING, &[]).await.map_err(error::of)?;
        let queue = |row: &Row| {
            let of = Of::from_number(get(row, 1)?).ok_or_else(|| broken("unsealed", "of", "number"))?;
            Ok(Queue { platform: uid(row, 0)?, of, rows: usize::try_from(get::<i64>(row, 2)?).unwrap_or(0), last: get(row, 3)? })
        };
        rows.iter().map(queue).collect()
    }

    /// Makes one block in a transaction of its own. Gives how many rows it counts: none if another server makes it.
    async fn step(&mut self, queue: &Queue, patience: Patience) -> Result<usize, StoreError> {
        self.client.batch_execute("BEGIN").await.map_err(error::of)?;
        let sealed = self.block(queue, patience).await;
        let end = if sealed.as_ref().is_ok_and(|rows| *rows > 0) { "COMMIT" } else { "ROLLBACK" };
        let ended = self.client.batch_execute(end).await.map_err(error::of);
        let rows = sealed?;
        ended.map(|()| rows)
    }

    /// Makes one block in the open transaction.
    async fn block(&mut self, queue: &Queue, patience: Patience) -> Result<usize, StoreError> {
        let &Queue { platform, of, last, .. } = queue;
        let lock = match patience {
            Patience::LeaveIt => "SELECT pg_try_advisory_xact_lock($1)",
            Patience::Wait => "SELECT pg_advisory_xact_lock($1) IS NOT NULL",
        };
        let is_ours: bool = get(&self.client.query_one(lock, &[&lock_of(platform)]).await.map_err(error::of)?, 0)?;
        if !is_ours {
            return Ok(0);
        }
        let limit = i64::try_from(BLOCK_ROWS).unwrap_or(i64::MAX);
        let claimed = self.client.query(CLAIM, &[&Id(platform), &of.number(), &last, &limit]).await.map_err(error::of)?;
        let Claim { named, taken } = Claim::of(&claimed)?;
        let builders = self.rows(platform, of, &named).await?;
        let found = builders.first().map_or(0, Builder::rows);
        if found < named.len() {
            let (gone, table) = (named.len().saturating_sub(found), of.tables().first().map_or("", |counted| counted.table));
            tracing::error!(%platform, table, gone, "rows are gone before they were sealed");
        }
        let mut tip = self.tip(platform).await?;
        let Some(block) = tip.seal_named(self.vault, platform, of, builders, &named) else { return Ok(0) };
        self.write(&block).await?;
        let delete = "DELETE FROM unsealed WHERE platform = $1 AND of = $2 AND seq = ANY($3)";
        let deleted = self.client.execute(delete, &[&Id(platform), &of.number(), &taken]).await.map_err(error::of)?;
        if usize::try_from(deleted) != Ok(taken.len()) {
            return Err(StoreError::Fault("rows were sealed by somebody else meanwhile".to_owned()));
        }
        Ok(named.len())
    }

    /// The rows of these names, of each table of `of`.
    async fn rows(&self, platform: Uid, of: Of, named: &[Uid]) -> Result<Vec<Builder>, StoreError> {
        let mut builders = Vec::with_capacity(of.tables().len());
        for table in of.tables() {
            let mut builder = Builder::of(table);
            let found = named_rows(self.client, table, platform, named).await?;
            found.iter().try_for_each(|row| add(&mut builder, table, row))?;
            builders.push(builder);
        }
        Ok(builders)
    }

    async fn tip(&self, platform: Uid) -> Result<Tip, StoreError> {
        let text = "SELECT number, head FROM seal WHERE platform = $1 ORDER BY platform DESC, number DESC LIMIT 1";
        match self.client.query_opt(text, &[&Id(platform)]).await.map_err(error::of)? {
            Some(row) => Ok(Tip { number: get(&row, 0)?, head: get(&row, 1)? }),
            None => Ok(Tip::default()),
        }
    }

    async fn write(&self, block: &Block) -> Result<(), StoreError> {
        let text = "INSERT INTO seal (platform, number, of, form, first, last, digests, marks, names, previous, head, mac) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
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
                    &block.names,
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

/// What goes into a block.
struct Claim {
    /// In their order, each once.
    named: Vec<Uid>,
    /// The rows of `unsealed` that name them.
    taken: Vec<i64>,
}

impl Claim {
    /// As many of the rows of [`CLAIM`] as fill a block.
    fn of(claimed: &[Row]) -> Result<Self, StoreError> {
        let (mut named, mut taken) = (Vec::with_capacity(BLOCK_ROWS), Vec::new());
        for row in claimed {
            if named.len() >= BLOCK_ROWS {
                break;
            }
            let seq = get(row, 0)?;
            named.extend(read(get(row, 1)?, get(row, 2)?).ok_or_else(|| broken("unsealed", seq, "names"))?);
            taken.push(seq);
        }
        named.sort_unstable();
        named.dedup();
        Ok(Self { named, taken })
    }
}

/// What a row of `unsealed` names; `None` if it does not read.
pub fn read(form: i64, packed: &[u8]) -> Option<Vec<Uid>> {
    names::unpack(packed).filter(|_| form == names::FORM)
}

/// Those rows of a sealed table that are there, of some names, in the order in which they are digested.
pub async fn named_rows(client: &Client, table: &Sealed, platform: Uid, named: &[Uid]) -> Result<Vec<Row>, StoreError> {
    let (key, kind) = (key_of(table), if *table == AUDIT { sql::INT } else { sql::ID });
    let order = if *table == POSTING { "f.entry, f.line".to_owned() } else { format!("f.{key}") };
    // Each name is one look-up, whatever the planner thinks of the table.
    let text = format!(
        "SELECT {} FROM UNNEST($2::{kind}[]) AS n(name) CROSS JOIN LATERAL (SELECT * FROM {} t WHERE t.platform = $1 AND t.{key} = n.name OFFSET 0) AS f \
         ORDER BY {order}",
        table.columns.iter().map(|column| format!("f.{column}")).collect::<Vec<_>>().join(", "),
        table.table,
    );
    let names: Box<dyn ToSql + Sync + Send> = if *table == AUDIT {
        Box::new(named.iter().map(|name| seq_of_place(*name)).collect::<Vec<i64>>())
    } else {
        Box::new(named.iter().copied().map(Id).collect::<Vec<Id>>())
    };
    client.query(&text, &[&Id(platform), &*names]).await.map_err(error::of)
}

/// The seq of an audit line's place.
fn seq_of_place(place: Uid) -> i64 {
    i64::try_from(place.bits()).unwrap_or(i64::MAX)
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
