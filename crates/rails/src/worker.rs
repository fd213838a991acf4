//! Does jobs when they are due: lanes of work, leases, and patience that grows.
//!
//! A job says what to look at, never what to do: whoever does it looks at the state, so that doing it
//! twice, or after somebody else has done it, does it once. A job is tried until it is done.
//!
//! What waits for one side of the outside has a lane of its own, with its own places. A bank that does not answer fills
//! its lane, and no other; within a lane a place is taken again as soon as it is free.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::ids::RequestId;
use domain::platform::Platform;
use domain::{Ctx, FinishJob, Ids, Job, JobKind, Named, PlatformId, PostponeJob, RecordKey, Resource, Timestamp};
use engine::{Backlog, BacklogFuture, Claim, Clock, Drained, Engine, Reads, Refused};
use tokio::task::{JoinError, JoinSet};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// A job is ours for this long, real time, and for as long again as often as that is renewed: a process that died has its
/// jobs no longer than this.
const LEASE_MS: i64 = 10_000;
/// How often it is renewed while the job is being done: thrice before it ends, for a store that is slow to answer.
const RENEW_EVERY: Duration = Duration::from_millis(2_500);
/// A job that takes longer is left, and tried again once its lease is over. It is more than a few answers of a rail take,
/// each of which has a bound of its own ([`engine::rail::ANSWER_TIMEOUT`]).
const PATIENCE: Duration = Duration::from_secs(90);
/// Jobs of a lane that are done at once at most.
pub const AT_ONCE: usize = 16;
/// A lane with free places and nothing due looks this often.
const PAUSE: Duration = Duration::from_millis(500);
/// Who waits for jobs that somebody else is doing looks again after this long, and twice as long each time...
const FIRST_LOOK: Duration = Duration::from_millis(2);
/// ...up to this.
const LONGEST_LOOK: Duration = Duration::from_millis(100);
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

/// Does jobs of some kinds.
pub trait Handler: Send + Sync {
    /// Does what is due. `ctx` is of the job's platform, and Florin's own.
    fn run<'a>(&'a self, ctx: Ctx, job: &'a Job) -> Doing<'a>;
}

/// Does jobs.
#[derive(Clone)]
pub struct Worker {
    lanes: Arc<[Arc<Lane>]>,
    tools: Arc<Tools>,
    /// Where jobs are done one by one: held by whoever does them.
    turn: Option<Arc<tokio::sync::Mutex<()>>>,
}

/// Who does which kinds of jobs, beside all others.
struct Lane {
    kinds: &'static [JobKind],
    handler: Arc<dyn Handler>,
    tools: Arc<Tools>,
}

/// What every lane works with.
struct Tools {
    engine: Engine,
    reads: Arc<dyn Reads>,
    clock: Arc<dyn Clock>,
    ids: Mutex<Box<dyn Ids>>,
}

/// Puts a worker together.
pub struct WorkerBuilder {
    tools: Arc<Tools>,
    lanes: Vec<Arc<Lane>>,
    turn: Option<Arc<tokio::sync::Mutex<()>>>,
}

impl WorkerBuilder {
    /// A worker that does nothing yet; `ids` names what it does, for logs and the audit trail.
    #[must_use]
    pub fn new(engine: Engine, reads: Arc<dyn Reads>, clock: Arc<dyn Clock>, ids: Box<dyn Ids>) -> Self {
        Self { tools: Arc::new(Tools { engine, reads, clock, ids: Mutex::new(ids) }), lanes: Vec::new(), turn: None }
    }

    /// Has jobs of `kinds` done by `handler`, in a lane of their own.
    #[must_use]
    pub fn with(mut self, kinds: &'static [JobKind], handler: Arc<dyn Handler>) -> Self {
        self.lanes.push(Arc::new(Lane { kinds, handler, tools: Arc::clone(&self.tools) }));
        self
    }

    /// Has jobs done one after the other, lane by lane, those due first: the same each time. For sandboxes whose runs are to be
    /// repeated.
    #[must_use]
    pub fn one_by_one(mut self) -> Self {
        self.turn = Some(Arc::default());
        self
    }

    /// The worker. Kinds that nobody does are told in the log; their jobs stay until somebody does.
    #[must_use]
    pub fn build(self) -> Worker {
        for kind in JobKind::ALL.iter().filter(|kind| !self.lanes.iter().any(|lane| lane.kinds.contains(kind))) {
            tracing::warn!(?kind, "nobody does jobs of this kind");
        }
        Worker { lanes: self.lanes.into(), tools: self.tools, turn: self.turn }
    }
}

impl Worker {
    /// Does everything that is due now and whatever becomes due meanwhile; gives how many jobs that were.
    ///
    /// For tests, and for a server that has just been told a whole file.
    pub async fn run_due(&self) -> usize {
        let mut count = 0_usize;
        loop {
            // What one lane did may have made something due in another.
            match self.go_round(None, None).await {
                0 => return count,
                done => count = count.saturating_add(done),
            }
        }
    }

    /// Has every lane do what is due there, of one platform or of all; gives how many jobs that were. What has not ended by
    /// `until` goes on by itself.
    async fn go_round(&self, of: Option<PlatformId>, until: Option<Instant>) -> usize {
        if let Some(turn) = &self.turn {
            return self.take_turn(turn, of, until).await;
        }
        let mut lanes = JoinSet::new();
        for lane in &*self.lanes {
            let lane = Arc::clone(lane);
            lanes.spawn(async move { lane.run_due(of, until, AT_ONCE).await });
        }
        let mut done = 0_usize;
        while let Some(ended) = lanes.join_next().await {
            done = done.saturating_add(ended.unwrap_or_else(|error| {
                tracing::error!(%error, "a lane of jobs has ended");
                0
            }));
        }
        done
    }

    /// [`Self::go_round`], with nobody else at work: lane by lane, and one job at a time.
    async fn take_turn(&self, turn: &tokio::sync::Mutex<()>, of: Option<PlatformId>, until: Option<Instant>) -> usize {
        let _turn = match until {
            Some(until) => match timeout_at(until, turn.lock()).await {
                Ok(turn) => turn,
                Err(_) => return 0,
            },
            None => turn.lock().await,
        };
        let mut done = 0_usize;
        for lane in &*self.lanes {
            done = done.saturating_add(Arc::clone(lane).run_due(of, until, 1).await);
        }
        done
    }

    /// Does jobs as they become due, until the task is dropped.
    pub async fn run(self) {
        if self.turn.is_some() {
            loop {
                self.run_due().await;
                sleep(PAUSE).await;
            }
        }
        let mut lanes = JoinSet::new();
        for lane in &*self.lanes {
            let lane = Arc::clone(lane);
            lanes.spawn(async move { lane.run().await });
        }
        while let Some(ended) = lanes.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a lane of jobs has ended");
            }
        }
    }
}

impl Backlog for Worker {
    fn name(&self) -> &'static str {
        "jobs"
    }

    /// What the platform's jobs have under way elsewhere is looked for again and again: another server may have them, or one
    /// that died, whose leases end by themselves.
    fn drain(&self, platform: PlatformId, until: Instant) -> BacklogFuture<'_, Drained> {
        Box::pin(async move {
            let (mut done, mut pause) = (0_usize, FIRST_LOOK);
            loop {
                let did = self.go_round(Some(platform), Some(until)).await;
                done = done.saturating_add(did);
                let due = self.tools.reads.agenda(platform, self.tools.clock.now()).await?.due;
                if due == 0 || Instant::now() >= until {
                    return Ok(Drained { done, waiting: usize::try_from(due).unwrap_or(usize::MAX) });
                }
                if did > 0 {
                    pause = FIRST_LOOK;
                    continue;
                }
                tokio::select! {
                    () = sleep(pause) => pause = pause.saturating_mul(2).min(LONGEST_LOOK),
                    () = sleep_until(until) => {}
                }
            }
        })
    }

    fn next_due(&self, platform: PlatformId) -> BacklogFuture<'_, Option<Timestamp>> {
        Box::pin(async move { Ok(self.tools.reads.agenda(platform, self.tools.clock.now()).await?.next_at) })
    }
}

/// The jobs of a lane that are being done.
type Begun = JoinSet<Result<(), Elapsed>>;

impl Lane {
    async fn run_due(self: Arc<Self>, of: Option<PlatformId>, until: Option<Instant>, places: usize) -> usize {
        let mut doing = Begun::new();
        let mut count = 0_usize;
        loop {
            let is_over = until.is_some_and(|until| Instant::now() >= until);
            if !is_over {
                count = count.saturating_add(self.begin(of, &mut doing, places).await);
            }
            let ended = a_place_is_free(&mut doing);
            let goes_on = match until {
                Some(until) => timeout_at(until, ended).await,
                None => Ok(ended.await),
            };
            match goes_on {
                Ok(true) => {}
                Ok(false) => return count,
                Err(_) => {
                    // They end without us, and note it themselves.
                    count = count.saturating_sub(doing.len());
                    doing.detach_all();
                    return count;
                }
            }
        }
    }

    async fn run(self: Arc<Self>) {
        let mut doing = Begun::new();
        loop {
            self.begin(None, &mut doing, AT_ONCE).await;
            let is_full = doing.len() >= AT_ONCE;
            tokio::select! {
                true = a_place_is_free(&mut doing) => {}
                () = sleep(PAUSE), if !is_full => {}
            }
        }
    }

    /// Claims as many jobs that are due as there are places, and begins them. Gives how many.
    async fn begin(self: &Arc<Self>, of: Option<PlatformId>, doing: &mut Begun, places: usize) -> usize {
        let limit = u32::try_from(places.saturating_sub(doing.len())).unwrap_or(0);
        if limit == 0 {
            return 0;
        }
        let clock = &self.tools.clock;
        let claim = Claim { kinds: self.kinds, of, now: clock.now(), passing: clock.passing(), lease_ms: LEASE_MS, limit };
        let jobs = match self.tools.reads.claim_jobs(claim).await {
            Ok(jobs) => jobs,
            Err(error) => {
                tracing::error!(%error, "jobs could not be claimed");
                return 0;
            }
        };
        let count = jobs.len();
        for job in jobs {
            let lane = Arc::clone(self);
            doing.spawn(async move { tokio::time::timeout(PATIENCE, lane.work(job)).await });
        }
        count
    }

    async fn work(&self, job: Job) {
        let request = RequestId(self.tools.ids.lock().unwrap_or_else(PoisonError::into_inner).fresh_of(job.platform, RequestId::SPACE));
        let ctx = Ctx::system(job.platform, request);
        let done = match self.is_in_vain(&job).await {
            true => Done::Finished,
            false => tokio::select! {
                done = self.handler.run(ctx, &job) => done,
                never = self.keep(&job) => match never {},
            },
        };
        let noted = match done {
            Done::Finished => self.tools.engine.run(ctx, FinishJob { job: job.id }).await.map(|_| ()),
            Done::Again => self.postpone(ctx, &job, wait_ms(job.attempts)).await,
            Done::After(by_ms) => self.postpone(ctx, &job, by_ms).await,
        };
        if let Err(error) = noted {
            tracing::warn!(%error, job = %job.id, "how a job went could not be noted; it will be done again");
        }
    }

    /// Keeps a job that is being done from being taken by somebody else.
    async fn keep(&self, job: &Job) -> Infallible {
        loop {
            sleep(RENEW_EVERY).await;
            if let Err(error) = self.tools.reads.renew_job(job.clone(), self.tools.clock.passing(), LEASE_MS).await {
                tracing::warn!(%error, job = %job.id, "a lease could not be renewed; somebody else may do the job as well");
            }
        }
    }

    /// Whether a job is of a platform that was ended: nothing is done for it but to erase who its users were.
    async fn is_in_vain(&self, job: &Job) -> bool {
        let key = RecordKey { kind: Platform::KIND, platform: job.platform, id: job.platform.0 };
        match self.tools.reads.record(key).await {
            Ok(record) => {
                let platform = record.and_then(|record| record.body::<Platform>());
                job.kind != JobKind::EraseUser && platform.is_some_and(|platform| platform.has_ended())
            }
            // Whoever does it finds out as well.
            Err(_) => false,
        }
    }

    async fn postpone(&self, ctx: Ctx, job: &Job, by_ms: i64) -> Result<(), Refused> {
        // A job that was finished meanwhile stays so.
        self.tools.engine.run(ctx, PostponeJob { job: job.id, by_ms }).await.map(|_| ())
    }
}

/// Waits until a job has ended, and notes all that have. False if none is being done.
async fn a_place_is_free(doing: &mut Begun) -> bool {
    let Some(first) = doing.join_next().await else { return false };
    note(first);
    while let Some(next) = doing.try_join_next() {
        note(next);
    }
    true
}

/// A job that was left, or whose handler panicked, stays leased, and is tried again once the lease is over.
fn note(ended: Result<Result<(), Elapsed>, JoinError>) {
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(_)) => tracing::error!("a job took too long and was left"),
        Err(error) => tracing::error!(%error, "a job failed"),
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
