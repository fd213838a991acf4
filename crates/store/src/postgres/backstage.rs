//! The runtime thread that the reading half's connections live on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::sync::{Mutex, PoisonError};

use engine::StoreError;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_postgres::Client;

use super::session::{self, Kinds, statements};
use super::sql::{self, BY_ID};
use super::target::Target;
use super::{error, runtime};

/// Connections for look-ups, each shared by many callers at once: their statements are pipelined.
const LOOK_UPS: usize = 2;
/// Connections for lists, each one caller's at a time; one more list waits.
const LISTS: usize = 4;
/// A list that takes longer is given up: it should ask for a narrower window.
const LIST_TIMEOUT: &str = "SET statement_timeout = '5s'";

statements! {
    /// What look-ups and lists are read with; lists with filters have a text of their own each time.
    Statements {
        account: sql::select(sql::ACCOUNT.name, sql::ACCOUNT.columns, BY_ID);
        payment: sql::select_payments();
        key: sql::select(sql::KEY.name, sql::KEY.columns, &[("platform", "UUID"), ("dialect", "BIGINT"), ("key", "TEXT")]);
        directory: sql::select(sql::DIRECTORY.name, sql::DIRECTORY.columns, &[("space", "BIGINT"), ("text", "TEXT")]);
        data_keys: sql::select_data_keys();
    }
}

/// Accounts of some roles. Like the texts below, planned each time: which index is the right one depends on the tables.
pub const ACCOUNTS: &str = "SELECT t.platform, t.id, t.role, t.holder, t.currency, t.balance, t.held, t.postings, t.opened_at \
     FROM account t WHERE t.platform = $1 AND t.role = ANY($2) ORDER BY t.role, t.currency, t.id";

/// Takes jobs that are due at their platform's own time and that nobody has taken, and says until when they are taken. The
/// nil platform stands for all.
pub const CLAIM_JOBS: &str = "WITH due AS (
    SELECT j.platform, j.id
    FROM platform p
    CROSS JOIN LATERAL (
        SELECT t.platform, t.id, t.due_at FROM job t
        WHERE t.platform = p.platform AND t.done_at IS NULL AND t.lease_until <= $6 AND t.kind = ANY($4)
          AND t.due_at <= $1 + CAST(CAST(convert_from(p.body, 'UTF8') AS JSON) ->> 'clock_offset_ms' AS BIGINT)
        ORDER BY t.due_at, t.id LIMIT $3 FOR UPDATE OF t SKIP LOCKED
    ) AS j
    WHERE $5 = '00000000-0000-0000-0000-000000000000' OR p.platform = $5
    ORDER BY j.due_at, j.id LIMIT $3
)
UPDATE job AS t SET lease_until = $6 + $2 FROM due WHERE t.platform = due.platform AND t.id = due.id
RETURNING t.platform, t.id, t.kind, t.subject, t.due_at, t.attempts, t.done_at";

/// Takes a job that one has for longer, if it is as it was.
pub const RENEW_JOB: &str = "UPDATE job SET lease_until = $5
WHERE platform = $1 AND id = $2 AND done_at IS NULL AND attempts = $3 AND due_at = $4";

/// How many jobs of a platform are due, up to a bound, and when the next one is.
pub const AGENDA: &str = "WITH clock AS (
    SELECT $2 + CAST(CAST(convert_from(body, 'UTF8') AS JSON) ->> 'clock_offset_ms' AS BIGINT) AS now FROM platform WHERE platform = $1
)
SELECT (SELECT count(*) FROM (
           SELECT 1 FROM job t WHERE t.platform = $1 AND t.done_at IS NULL AND t.due_at <= (SELECT now FROM clock) LIMIT $3
       ) AS due),
       (SELECT t.due_at FROM job t WHERE t.platform = $1 AND t.done_at IS NULL AND t.due_at > (SELECT now FROM clock)
        ORDER BY t.due_at LIMIT 1)";

/// A connection for reading.
pub struct ReadSession {
    pub client: Client,
    pub statements: Statements,
    pub kinds: Kinds,
}

impl ReadSession {
    async fn open(target: &Target, settings: &str) -> Result<Self, StoreError> {
        let client = session::connect_for_keys(target).await.map_err(error::of)?;
        client.batch_execute(settings).await.map_err(error::of)?;
        let statements = Statements::prepare(&client).await.map_err(error::of)?;
        let kinds = Kinds::prepare(&client).await.map_err(error::of)?;
        Ok(Self { client, statements, kinds })
    }
}

/// The thread, its runtime, and the connections on it. Ends when dropped.
pub struct Backstage {
    target: Target,
    handle: Handle,
    /// Dropped with this: the thread's cue to end.
    _stop: oneshot::Sender<()>,
    look_ups: Vec<tokio::sync::Mutex<Option<Arc<ReadSession>>>>,
    next: AtomicUsize,
    free: Arc<Mutex<Vec<ReadSession>>>,
    permits: Arc<Semaphore>,
}

impl Backstage {
    /// Starts the thread. Connections are made when they are first asked for.
    pub fn start(target: Target) -> Result<Self, StoreError> {
        let (stop, stopped) = oneshot::channel::<()>();
        let (started, is_started) = mpsc::channel();
        let spawned = std::thread::Builder::new().name("florin-postgres".to_owned()).spawn(move || {
            let runtime = runtime();
            let handle = runtime.as_ref().map(|runtime| runtime.handle().clone()).map_err(Clone::clone);
            if started.send(handle).is_ok()
                && let Ok(runtime) = runtime
            {
                // An error is the other side being dropped, which is the cue as well.
                runtime.block_on(async { drop(stopped.await) });
            }
        });
        spawned.map_err(|error| StoreError::Fault(error.to_string()))?;
        let handle = is_started.recv().map_err(|error| StoreError::Fault(error.to_string()))??;
        Ok(Self {
            target,
            handle,
            _stop: stop,
            look_ups: (0..LOOK_UPS).map(|_| tokio::sync::Mutex::new(None)).collect(),
            next: AtomicUsize::new(0),
            free: Arc::default(),
            permits: Arc::new(Semaphore::new(LISTS)),
        })
    }

    /// Runs a task on the thread.
    pub fn spawn<T: Send + 'static>(&self, task: impl Future<Output = T> + Send + 'static) -> tokio::task::JoinHandle<T> {
        self.handle.spawn(task)
    }

    /// Connects on the thread: a connection belongs to the runtime it was made in.
    async fn connect(&self, settings: &'static str) -> Result<ReadSession, StoreError> {
        let target = self.target.clone();
        let connected = self.spawn(async move { ReadSession::open(&target, settings).await }).await;
        connected.unwrap_or_else(|error| Err(StoreError::Fault(error.to_string())))
    }

    /// A connection for statements that stand alone.
    pub async fn look_up(&self) -> Result<Arc<ReadSession>, StoreError> {
        let place = self.next.fetch_add(1, Ordering::Relaxed) % LOOK_UPS;
        let slot = self.look_ups.get(place).ok_or_else(|| StoreError::Fault("no connections".to_owned()))?;
        let mut slot = slot.lock().await;
        match slot.as_ref().filter(|session| !session.client.is_closed()) {
            Some(session) => Ok(Arc::clone(session)),
            None => Ok(Arc::clone(slot.insert(Arc::new(self.connect("").await?)))),
        }
    }

    /// A connection for oneself, for statements in one view.
    pub async fn list(&self) -> Result<Lent, StoreError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|error| StoreError::Fault(error.to_string()))?;
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let session = match free.filter(|session| !session.client.is_closed()) {
            Some(session) => session,
            None => self.connect(LIST_TIMEOUT).await?,
        };
        Ok(Lent { session: Some(session), free: Arc::clone(&self.free), _permit: permit })
    }
}

/// A connection that goes back when this is dropped. Statements sent and not awaited end before the next caller's begin.
pub struct Lent {
    session: Option<ReadSession>,
    free: Arc<Mutex<Vec<ReadSession>>>,
    _permit: OwnedSemaphorePermit,
}

impl Lent {
    /// The connection.
    pub fn session(&self) -> Result<&ReadSession, StoreError> {
        self.session.as_ref().ok_or_else(|| StoreError::Fault("the connection was given back".to_owned()))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.free.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        }
    }
}
