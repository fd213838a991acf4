//! What does not come to an end holds up neither what is beside it nor what waits for somebody else.

use std::sync::Arc;
use std::time::Duration;

use domain::ids::RequestId;
use domain::platform::{CreatePlatform, Environment, Policy};
use domain::{Command, Ctx, Desk, Job, JobKind, PlatformId, Timestamp};
use engine::{Clock, Engine, EngineConfig, Reads, UuidIds};
use ledger::Uid;
use rails::worker::{AT_ONCE, Doing, Done, Handler, Worker, WorkerBuilder};
use store::vault::Vault;
use tokio::sync::{Semaphore, mpsc};

/// Something is wrong if a test waits this long: no test waits for time to pass.
const TOO_LONG: Duration = Duration::from_secs(60);

/// The subject of jobs that do not end until they are let.
const HANGS: Uid = Uid::from_bits(1);
/// The subject of jobs that end at once.
const ENDS: Uid = Uid::from_bits(2);

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000)
    }
}

/// Leaves some jobs of a kind behind.
struct Plan {
    kind: JobKind,
    subject: Uid,
    count: usize,
    due_at: Timestamp,
}

impl Command for Plan {
    type Outcome = ();
    type Error = ();
    const NAME: &'static str = "test.plan";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), ()> {
        for _ in 0..self.count {
            desk.schedule(self.kind, self.subject, self.due_at);
        }
        Ok(())
    }
}

/// Tells which jobs it ends, and ends some only when it is let.
struct Slow {
    ended: mpsc::UnboundedSender<JobKind>,
    let_go: Arc<Semaphore>,
}

impl Handler for Slow {
    fn run<'a>(&'a self, _: Ctx, job: &'a Job) -> Doing<'a> {
        Box::pin(async move {
            if job.subject == HANGS {
                self.let_go.acquire().await.expect("it is never closed").forget();
            }
            self.ended.send(job.kind).expect("the test listens");
            Done::Finished
        })
    }
}

struct Scene {
    engine: Engine,
    ctx: Ctx,
    worker: Worker,
    ended: mpsc::UnboundedReceiver<JobKind>,
    let_go: Arc<Semaphore>,
    _folder: tempfile::TempDir,
}

/// A worker with a lane for payouts and one for cards.
async fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let opened = store::sqlite::open(folder.path(), Arc::new(Vault::new(&[7; 32]))).unwrap();
    let (clock, reads): (Arc<dyn Clock>, Arc<dyn Reads>) = (Arc::new(Stopped), opened.reads);
    let ids = |seed| Box::new(UuidIds::new(Arc::clone(&clock), seed));
    let engine = Engine::start(opened.store, Arc::clone(&clock), ids(1), EngineConfig::default()).unwrap();
    let ctx = Ctx::system(PlatformId(Uid::from_bits(77)), RequestId(Uid::from_bits(1)));
    let create =
        CreatePlatform { client_id: "me".to_owned(), environment: Environment::Sandbox, policy: Policy::mangopay(), key_digest: [1; 32] };
    engine.run(ctx, create).await.unwrap().unwrap();
    let (sender, ended) = mpsc::unbounded_channel();
    let let_go = Arc::new(Semaphore::new(0));
    let handler = || Arc::new(Slow { ended: sender.clone(), let_go: Arc::clone(&let_go) });
    let worker = WorkerBuilder::new(engine.clone(), reads, Arc::clone(&clock), ids(2))
        .with(&[JobKind::SendPayout, JobKind::AskBank], handler())
        .with(&[JobKind::AskAcquirer], handler())
        .build();
    Scene { engine, ctx, worker, ended, let_go, _folder: folder }
}

impl Scene {
    /// Leaves jobs behind that have been due for so long.
    async fn plan(&self, kind: JobKind, subject: Uid, count: usize, for_ms: i64) {
        let due_at = Stopped.now().plus_ms(-for_ms);
        self.engine.run(self.ctx, Plan { kind, subject, count, due_at }).await.unwrap().unwrap();
    }

    /// Waits until so many jobs of a kind have ended, and no other.
    async fn see(&mut self, kind: JobKind, count: usize) {
        for place in 0..count {
            let ended = tokio::time::timeout(TOO_LONG, self.ended.recv()).await;
            assert_eq!(ended.unwrap_or_else(|_| panic!("{place} of {count} jobs have ended, and no more")), Some(kind));
        }
    }
}

#[tokio::test]
async fn places_are_taken_again_beside_what_hangs() {
    let mut s = scene().await;
    let count = 3 * AT_ONCE;
    s.plan(JobKind::AskBank, HANGS, AT_ONCE - 1, 1_000).await;
    s.plan(JobKind::SendPayout, ENDS, count, 0).await;
    let running = tokio::spawn(s.worker.clone().run());
    s.see(JobKind::SendPayout, count).await;
    s.let_go.add_permits(AT_ONCE - 1);
    s.see(JobKind::AskBank, AT_ONCE - 1).await;
    running.abort();
}

#[tokio::test]
async fn a_lane_that_is_full_of_what_hangs_holds_up_no_other() {
    let mut s = scene().await;
    // More than there are places, all of it due before the others.
    s.plan(JobKind::AskBank, HANGS, 4 * AT_ONCE, 1_000).await;
    s.plan(JobKind::AskAcquirer, ENDS, 3, 0).await;
    let running = tokio::spawn(s.worker.clone().run());
    s.see(JobKind::AskAcquirer, 3).await;
    // What becomes due only now is done too.
    s.plan(JobKind::AskAcquirer, ENDS, 3, 0).await;
    s.see(JobKind::AskAcquirer, 3).await;
    s.let_go.add_permits(4 * AT_ONCE);
    s.see(JobKind::AskBank, 4 * AT_ONCE).await;
    running.abort();
}

#[tokio::test]
async fn everything_that_is_due_is_done_and_counted() {
    let s = scene().await;
    s.plan(JobKind::AskBank, ENDS, 3 * AT_ONCE, 0).await;
    s.plan(JobKind::AskAcquirer, ENDS, 2, 0).await;
    s.plan(JobKind::AskAcquirer, ENDS, 1, -1).await;
    assert_eq!(s.worker.run_due().await, 3 * AT_ONCE + 2);
    assert_eq!(s.worker.run_due().await, 0);
}
