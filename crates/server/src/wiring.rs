//! Puts the dialects, the pages, the sandbox, the rails and the worker together.

use std::error::Error;
use std::sync::{Arc, Mutex};

use admin::{Authenticate, AuthenticateError, Caller, Chores, Later, Sandbox};
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::routing::get;
use dialect_mangopay::auth::AuthError;
use dialect_mangopay::rate::RateConfig;
use dialect_mangopay::wire::Aliases;
use dialect_mangopay::{Config, Dialect, Local};
use domain::{Actor, Ids};
use engine::rail::{BankRail, Rails};
use engine::{Acquirer, Checkout, Retention, UuidIds, Voice};
use hosted::Pages;
use hosted::sca::ScaPages;
use rails::acquirer::SimulatedAcquirer;
use rails::bank::{PayoutDesk, SimulatedBank, Steering};
use rails::cards::CardJobs;
use rails::erasure::ErasureJobs;
use rails::sca::ScaJobs;
use rails::worker::{Worker, WorkerBuilder};

use crate::fixtures::LocalClient;
use crate::installation::{Installation, InstallationError, Location, random_seed};

/// What `/health` answers.
pub const HEALTH: &str = r#"{"status":"ok"}"#;

/// Everything that answers and works, without a listener.
pub struct Wired {
    /// Every path.
    pub router: Router,
    /// What it works with.
    pub installation: Arc<Installation>,
    worker: Worker,
    retention: Arc<Retention>,
}

impl Wired {
    /// Does everything that is due.
    pub async fn settle(&self) {
        self.worker.run_due().await;
    }

    /// Does jobs as they become due, and takes away what is old, until the runtime ends.
    pub fn work(&self) {
        tokio::spawn(self.worker.clone().run());
        tokio::spawn(Arc::clone(&self.retention).run());
    }
}

/// Lends the dialect's credentials to the sandbox.
struct Lent(Arc<Dialect>);

impl Authenticate for Lent {
    fn caller<'a>(&'a self, parts: &'a Parts) -> Later<'a, Result<Caller, AuthenticateError>> {
        Box::pin(async move {
            let local = parts.extensions.get::<Local>().zip(parts.extensions.get::<LocalClient>());
            let known = match local {
                Some((_, LocalClient(client))) => self.0.local_caller(client).await,
                None => self.0.caller(&parts.headers).await,
            };
            let caller = known.map_err(|error| match error {
                AuthError::Denied => AuthenticateError::Denied,
                AuthError::Store(_) => AuthenticateError::Unavailable,
            })?;
            let actor = if local.is_some() { Actor::System } else { Actor::ApiKey(caller.key) };
            Ok(Caller { platform: caller.platform, actor, given_id: local.and_then(|(local, _)| local.given_id) })
        })
    }
}

/// Lends the worker to the sandbox.
struct Work(Worker);

impl Chores for Work {
    fn run_due(&self) -> Later<'_, usize> {
        Box::pin(self.0.run_due())
    }
}

/// Puts everything together. The simulated outside has its files beside ours, as a bank would have its own house.
pub fn wire(location: &Location, installation: Arc<Installation>, public_url: &str, enforces_rates: bool) -> Result<Wired, Box<dyn Error>> {
    let (engine, reads, clock) = (installation.engine.clone(), Arc::clone(&installation.reads), Arc::clone(&installation.clock));
    let outside = location.data.join("outside");
    std::fs::create_dir_all(&outside)?;
    let acquirer = SimulatedAcquirer::open(&outside)?;
    let bank = SimulatedBank::open(&outside)?;
    let rails = Rails { cards: Some(Arc::new(acquirer)), bank: Some(Arc::new(bank.clone())) };

    let mut config = Config::new(public_url);
    config.rate = RateConfig { is_enforced: enforces_rates, ..RateConfig::default() };
    config.rails = rails.clone();
    config.origin_key = installation.origin_key;
    let dialect =
        Dialect::new(engine.clone(), Arc::clone(&reads), Arc::clone(&clock), fresh_ids(&installation)?, Aliases::default(), config);

    let checkout = Checkout::new(engine.clone(), Arc::clone(&reads), Arc::clone(&clock), Acquirer::of(&rails));
    let desk = PayoutDesk::new(engine.clone(), Arc::clone(&reads), Arc::new(bank.clone()));
    let voices = vec![Arc::clone(&dialect) as Arc<dyn Voice>];
    let pages = Pages::new(checkout.clone(), Arc::clone(&reads), voices.clone(), fresh_ids(&installation)?);
    let cards = CardJobs::new(engine.clone(), Arc::clone(&reads), checkout.clone(), voices);
    let sca = ScaPages::new(engine.clone(), Arc::clone(&reads), Arc::clone(&clock), fresh_ids(&installation)?);
    let worker = WorkerBuilder::new(engine.clone(), Arc::clone(&reads), clock, fresh_ids(&installation)?);
    let worker = ErasureJobs::new(engine.clone()).join(worker);
    let worker = ScaJobs::new(engine.clone()).join(cards.join(Arc::clone(&desk).join(worker))).build();

    let retention = Retention::new(engine.clone(), Arc::clone(&reads), Arc::clone(&installation.clock), fresh_ids(&installation)?);
    let retention = Arc::new(retention);

    let sandbox = Sandbox {
        engine,
        reads,
        authenticate: Arc::new(Lent(Arc::clone(&dialect))),
        receiving_iban: bank.receiving_account().iban,
        payouts: Arc::new(Steering::new(desk, bank)),
        checkout,
        chores: Arc::new(Work(worker.clone())),
        refusals_of_code: dialect_mangopay::results::of_code,
        ids: Mutex::new(fresh_ids(&installation)?),
    };
    let health = get(|| async { ([(CONTENT_TYPE, "application/json")], HEALTH) });
    let router = Router::new()
        .route("/health", health)
        .merge(admin::router(sandbox))
        .merge(hosted::router(pages))
        .merge(hosted::sca::router(sca))
        .merge(dialect_mangopay::router(dialect));
    Ok(Wired { router, installation, worker, retention })
}

fn fresh_ids(installation: &Installation) -> Result<Box<dyn Ids>, InstallationError> {
    Ok(Box::new(UuidIds::new(Arc::clone(&installation.clock), random_seed()?)))
}
