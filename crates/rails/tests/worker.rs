//! What does not come to an end holds up neither what is beside it nor what waits for somebody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::ids::RequestId;
use domain::platform::{CreatePlatform, Environment, Policy};
use domain::{Command, Ctx, Desk, Job, JobKind, PlatformId, Timestamp};
use engine::{Backlog, Claim, Clock, Drained, Engine, EngineConfig, Reads, UuidIds};
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

/// Stands still until it is moved on.
struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
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
    reads: Arc<dyn Reads>,
    hand: Arc<Hand>,
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
    let hand = Arc::new(Hand(AtomicI64::new(1_700_000_000_000)));
    let (clock, reads): (Arc<dyn Clock>, Arc<dyn Reads>) = (Arc::clone(&hand) as _, opened.reads);
    let ids = |seed| Box::new(UuidIds::new(Arc::clone(&clock), seed));
    let engine = Engine::start(opened.store, Arc::clone(&clock), ids(1), EngineConfig::default()).unwrap();
    let ctx = Ctx::system(PlatformId(Uid::from_bits(77)), RequestId(Uid::from_bits(1)));
    let create =
        CreatePlatform { client_id: "me".to_owned(), environment: Environment::Sandbox, policy: Policy::mangopay(), key_digest: [1; 32] };
    engine.run(ctx, create).await.unwrap().unwrap();
    let (sender, ended) = mpsc::unbounded_channel();
    let let_go = Arc::new(Semaphore::new(0));
    let handler = || Arc::new(Slow { ended: sender.clone(), let_go: Arc::clone(&let_go) });
    let worker = WorkerBuilder::new(engine.clone(), Arc::clone(&reads), Arc::clone(&clock), ids(2))
        .with(&[JobKind::SendPayout, JobKind::AskBank], handler())
        .with(&[JobKind::AskAcquirer], handler())
        .build();
    Scene { engine, reads, hand, ctx, worker, ended, let_go, _folder: folder }
}

impl Scene {
    /// Leaves jobs behind that have been due for so long.
    async fn plan(&self, kind: JobKind, subject: Uid, count: usize, for_ms: i64) {
        let due_at = self.hand.now().plus_ms(-for_ms);
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

/// Nobody is kept waiting for what hangs, and what hangs goes on without whoever waited.
#[tokio::test]
async fn whoever_drains_is_told_what_hangs_and_it_ends_by_itself() {
    let mut s = scene().await;
    s.plan(JobKind::AskBank, HANGS, 1, 0).await;
    s.plan(JobKind::AskAcquirer, ENDS, 2, 0).await;
    let platform = s.ctx.platform;
    let soon = || tokio::time::Instant::now() + Duration::from_millis(200);
    assert_eq!(s.worker.drain(platform, soon()).await.unwrap(), Drained { done: 2, waiting: 1 });
    assert_eq!(s.worker.drain(platform, soon()).await.unwrap(), Drained { done: 0, waiting: 1 }, "it is leased, and not begun again");
    s.see(JobKind::AskAcquirer, 2).await;
    s.let_go.add_permits(1);
    s.see(JobKind::AskBank, 1).await;
    let drained = s.worker.drain(platform, tokio::time::Instant::now() + TOO_LONG).await.unwrap();
    assert_eq!(drained.waiting, 0);
}

/// Another process had taken the job and died: it is waited for no longer than its lease.
#[tokio::test]
async fn what_a_dead_process_had_is_done_when_its_lease_is_over() {
    let mut s = scene().await;
    s.plan(JobKind::AskBank, ENDS, 1, 0).await;
    let claim = Claim { kinds: &[JobKind::AskBank], of: None, now: s.hand.now(), passing: s.hand.now(), lease_ms: 10_000, limit: 1 };
    assert_eq!(s.reads.claim_jobs(claim).await.unwrap().len(), 1);
    let (worker, platform) = (s.worker.clone(), s.ctx.platform);
    let draining = tokio::spawn(async move { worker.drain(platform, tokio::time::Instant::now() + TOO_LONG).await });
    s.hand.0.fetch_add(10_001, Ordering::SeqCst);
    s.see(JobKind::AskBank, 1).await;
    assert_eq!(draining.await.unwrap().unwrap(), Drained { done: 1, waiting: 0 });
}

#[tokio::test]
async fn only_the_platforms_own_jobs_are_drained() {
    let s = scene().await;
    s.plan(JobKind::AskBank, ENDS, 3, 0).await;
    s.plan(JobKind::AskBank, ENDS, 1, -5_000).await;
    let until = tokio::time::Instant::now() + TOO_LONG;
    let other = PlatformId(Uid::from_bits(78));
    assert_eq!(s.worker.drain(other, until).await.unwrap(), Drained::default());
    assert_eq!(s.worker.next_due(other).await.unwrap(), None);
    assert_eq!(s.worker.next_due(s.ctx.platform).await.unwrap(), Some(s.hand.now().plus_ms(5_000)));
    assert_eq!(s.worker.drain(s.ctx.platform, until).await.unwrap(), Drained { done: 3, waiting: 0 });
}
