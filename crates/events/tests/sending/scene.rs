//! A store, an engine, and couriers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::hook::{CreateHook, Delivery, DeliveryState, HookStatus};
use domain::ids::{HookId, RequestId};
use domain::platform::{AdvanceClock, CreatePlatform, Environment, Policy};
use domain::{Command, Ctx, Desk, EventType, Ids, PlatformId, Secret, Timestamp};
use engine::{Clock, Deliveries, DeliveryFilter, Engine, EngineConfig, Reads, UuidIds};
use events::{Couriers, Meddler, NoReceiver, Pair, Reach, Settings, Tools, Undisturbed, Wording};
use ledger::Uid;
use store::vault::Vault;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// Something is wrong if a test waits this long: no test waits for time to pass.
pub const TOO_LONG: Duration = Duration::from_secs(60);
pub const NOW_S: i64 = 1_700_000_000;
pub const TEN_MINUTES_MS: i64 = 600_000;

/// A clock that is turned by hand.
pub struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.0.load(Ordering::SeqCst))
    }
}

/// Says something happened.
pub struct Happen(pub EventType, pub Uid);

impl Command for Happen {
    type Outcome = ();
    type Error = ();
    const NAME: &'static str = "test.happen";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), ()> {
        desk.emit(self.0, self.1);
        Ok(())
    }
}

struct Words;

impl Wording for Words {
    fn pairs(&self, delivery: &Delivery) -> Vec<Pair> {
        vec![
            ("EventType", format!("{:?}", delivery.event)),
            ("RessourceId", format!("{:x}", delivery.subject.bits())),
            ("Date", delivery.at.seconds().to_string()),
        ]
    }
}

pub struct Scene {
    pub engine: Engine,
    pub reads: Arc<dyn Reads>,
    pub deliveries: Arc<dyn Deliveries>,
    pub couriers: Couriers,
    running: JoinHandle<()>,
    _folder: TempDir,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Scene {
    pub fn new() -> Self {
        Self::with(Reach::Local, Arc::new(Undisturbed))
    }

    pub fn with(reach: Reach, meddler: Arc<dyn Meddler>) -> Self {
        let folder = TempDir::new().unwrap();
        let opened = store::sqlite::open(folder.path(), Arc::new(Vault::new(&[7; 32]))).unwrap();
        let clock = Arc::new(Hand(AtomicI64::new(NOW_S * 1_000)));
        let ids = |seed| -> Box<dyn Ids> { Box::new(UuidIds::new(Arc::clone(&clock) as Arc<dyn Clock>, seed)) };
        let engine = Engine::start(opened.store, Arc::clone(&clock) as _, ids(1), EngineConfig::default()).unwrap();
        let (reads, deliveries) = (opened.reads, opened.deliveries);
        let tools = Tools {
            engine: engine.clone(),
            reads: Arc::clone(&reads),
            deliveries: Arc::clone(&deliveries),
            clock: Arc::clone(&clock) as _,
            ids: ids(2),
            wording: Arc::new(Words),
            meddler,
            own: Arc::new(NoReceiver),
        };
        let couriers = Couriers::new(tools, Settings { is_on: true, reach });
        // Nothing is sent before a test says so.
        let running = tokio::spawn(std::future::pending());
        Self { engine, reads, deliveries, couriers, running, _folder: folder }
    }

    /// Has the couriers begin.
    pub async fn send(&mut self) {
        self.running = tokio::spawn(self.couriers.clone().run());
        // They want what is stored from now on once they have begun.
        tokio::task::yield_now().await;
    }

    pub async fn platform(&self, number: u128) -> Ctx {
        self.platform_for(number, Environment::Sandbox).await
    }

    pub async fn platform_for(&self, number: u128, environment: Environment) -> Ctx {
        let ctx = Ctx::system(PlatformId(Uid::from_bits(number)), RequestId(Uid::from_bits(1)));
        let policy = Policy::mangopay();
        let create = CreatePlatform { client_id: format!("p{number}"), environment, policy, key_digest: [3; 32] };
        self.engine.run(ctx, create).await.unwrap().unwrap();
        ctx
    }

    pub async fn hook(&self, ctx: Ctx, event: EventType, url: &str) -> HookId {
        let create = CreateHook { event, url: Secret::new(url.to_owned()), status: HookStatus::Enabled, email: None, tag: None };
        HookId(self.engine.run(ctx, create).await.unwrap().unwrap().lead.id)
    }

    pub async fn happen(&self, ctx: Ctx, event: EventType, subject: u128) {
        self.engine.run(ctx, Happen(event, Uid::from_bits(subject))).await.unwrap().unwrap();
    }

    pub async fn advance(&self, ctx: Ctx, by_ms: i64) {
        self.engine.run(ctx, AdvanceClock { by_ms }).await.unwrap().unwrap();
        self.couriers.look();
    }

    pub async fn all(&self, ctx: Ctx) -> Vec<Delivery> {
        self.deliveries.deliveries(ctx.platform, DeliveryFilter::default(), 1_000).await.unwrap().rows
    }

    /// Waits until every delivery of a platform satisfies a condition, and gives them, newest first.
    pub async fn until(&self, ctx: Ctx, is_so: impl Fn(&Delivery) -> bool) -> Vec<Delivery> {
        let waited = tokio::time::timeout(TOO_LONG, async {
            loop {
                let all = self.all(ctx).await;
                if all.iter().all(&is_so) {
                    return all;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        match waited.await {
            Ok(all) => all,
            Err(_) => panic!("it never came to that: {:?}", self.all(ctx).await),
        }
    }
}

pub fn is_delivered(delivery: &Delivery) -> bool {
    delivery.state == DeliveryState::Delivered
}
