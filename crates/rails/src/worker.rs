//! Does jobs when they are due: a registry of who does which kind, leases, and patience that grows.
//!
//! A job says what to look at, never what to do: whoever does it looks at the state, so that doing it
//! twice, or after somebody else has done it, does it once. A job is tried until it is done.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::ids::RequestId;
use domain::{Ctx, FinishJob, Ids, Job, JobKind, PostponeJob};
use engine::{Clock, Engine, Reads, Refused};
use tokio::task::JoinSet;

/// A job is ours for this long, real time: longer than its slowest rail takes to give up.
const LEASE_MS: i64 = 120_000;
/// A job that takes longer is left, and tried again once its lease is over.
const PATIENCE: Duration = Duration::from_secs(60);
/// Jobs that are done at once at most.
const AT_ONCE: u32 = 16;
/// Without anything due, the worker looks this often.
const PAUSE: Duration = Duration::from_millis(500);
/// The first wait of a job that came to no end; it doubles with each attempt...
const FIRST_WAIT_MS: i64 = 30_000;
/// ...up to this.
const LONGEST_WAIT_MS: i64 = 3_600_000;

/// How a job went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// There is nothing more to do.
    Finished,
    /// It came to no end: it is tried again, after a wait that grows with the attempts.
    Again,
    /// It is to be looked at again after this long, business time.
    After(i64),
}

/// What doing a job gives, later.
pub type Doing<'a> = Pin<Box<dyn Future<Output = Done> + Send + 'a>>;

/// Does jobs of a kind.
pub trait Handler: Send + Sync {
    /// Does what is due. `ctx` is of the job's platform, and Florin's own.
    fn run<'a>(&'a self, ctx: Ctx, job: &'a Job) -> Doing<'a>;
}

/// Does jobs.
#[derive(Clone)]
pub struct Worker(Arc<Inner>);

struct Inner {
    engine: Engine,
    reads: Arc<dyn Reads>,
    clock: Arc<dyn Clock>,
    ids: Mutex<Box<dyn Ids>>,
    handlers: HashMap<JobKind, Arc<dyn Handler>>,
}

/// Puts a worker together.
pub struct WorkerBuilder(Inner);

impl WorkerBuilder {
    /// A worker that does nothing yet; `ids` names what it does, for logs and the audit trail.
    #[must_use]
    pub fn new(engine: Engine, reads: Arc<dyn Reads>, clock: Arc<dyn Clock>, ids: Box<dyn Ids>) -> Self {
        Self(Inner { engine, reads, clock, ids: Mutex::new(ids), handlers: HashMap::new() })
    }

    /// Has jobs of `kind` done by `handler`.
    #[must_use]
    pub fn with(mut self, kind: JobKind, handler: Arc<dyn Handler>) -> Self {
        self.0.handlers.insert(kind, handler);
        self
    }

    /// The worker.
    #[must_use]
    pub fn build(self) -> Worker {
        Worker(Arc::new(self.0))
    }
}

impl Worker {
    /// Does everything that is due now and whatever becomes due meanwhile; gives how many jobs that were.
    ///
    /// For tests, and for a sandbox whose clock was turned.
    pub async fn run_due(&self) -> usize {
        let mut count = 0_usize;
        loop {
            match self.step().await {
                0 => return count,
                done => count = count.saturating_add(done),
            }
        }
    }

    /// Does jobs as they become due, until the task is dropped.
    pub async fn run(self) {
        loop {
            if self.step().await == 0 {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Claims some jobs that are due and does them side by side.
    async fn step(&self) -> usize {
        let jobs = match self.0.reads.claim_jobs(self.0.clock.now(), LEASE_MS, AT_ONCE).await {
            Ok(jobs) => jobs,
            Err(error) => {
                tracing::error!(%error, "jobs could not be claimed");
                return 0;
            }
        };
        let count = jobs.len();
        let mut doing = JoinSet::new();
        for job in jobs {
            let inner = Arc::clone(&self.0);
            // A rail that hangs must not hold up the others: the job is tried again once its lease is over.
            doing.spawn(async move { tokio::time::timeout(PATIENCE, inner.work(job)).await });
        }
        // A handler that panicked leaves its job leased, and it is tried again once the lease is over.
        while let Some(done) = doing.join_next().await {
            match done {
                Ok(Ok(())) => {}
                Ok(Err(_)) => tracing::error!("a job took too long and was left"),
                Err(error) => tracing::error!(%error, "a job failed"),
            }
        }
        count
    }
}

impl Inner {
    async fn work(&self, job: Job) {
        let Some(handler) = self.handlers.get(&job.kind) else {
            tracing::error!(kind = ?job.kind, job = %job.id, "nobody does jobs of this kind");
            return;
        };
        let ctx = Ctx::system(job.platform, RequestId(self.ids.lock().unwrap_or_else(PoisonError::into_inner).fresh()));
        let done = handler.run(ctx, &job).await;
        let noted = match done {
            Done::Finished => self.engine.run(ctx, FinishJob { job: job.id }).await.map(|_| ()),
            Done::Again => self.postpone(ctx, &job, wait_ms(job.attempts)).await,
            Done::After(by_ms) => self.postpone(ctx, &job, by_ms).await,
        };
        if let Err(error) = noted {
            tracing::warn!(%error, job = %job.id, "how a job went could not be noted; it will be done again");
        }
    }

    async fn postpone(&self, ctx: Ctx, job: &Job, by_ms: i64) -> Result<(), Refused> {
        // A job that was finished meanwhile stays so.
        self.engine.run(ctx, PostponeJob { job: job.id, by_ms }).await.map(|_| ())
    }
}

/// How long a job waits that came to no end after `attempts` earlier ones.
fn wait_ms(attempts: u32) -> i64 {
    FIRST_WAIT_MS.saturating_mul(1_i64.checked_shl(attempts.min(32)).unwrap_or(i64::MAX)).min(LONGEST_WAIT_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_doubles_up_to_an_hour() {
        assert_eq!([0, 1, 2, 6].map(wait_ms), [30_000, 60_000, 120_000, 1_920_000]);
        assert_eq!([7, 40, u32::MAX].map(wait_ms), [LONGEST_WAIT_MS; 3]);
    }
}
