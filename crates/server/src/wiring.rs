//! Puts the dialects, the pages, the sandbox, the rails and the worker together.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use admin::{Admission, Authenticate, AuthenticateError, Caller, Later, Power, Sandbox, UnderWay, Waiting};
use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};
use axum::routing::get;
use dialect_mangopay::auth::AuthError;
use dialect_mangopay::rate::RateConfig;
use dialect_mangopay::scopes::Scope;
use dialect_mangopay::{Config, Dialect, Local, NotAdmitted};
use domain::ids::RequestId;
use domain::platform::{Environment, Scopes};
use domain::{Actor, Ids};
use edge::explain::Links;
use edge::receiver::{RECEIVER, Receivers};
use engine::rail::{BankRail, Rails};
use engine::{Acquirer, Checkout, Retention, SCA_PAGE, Voice};
use events::{Couriers, Settings};
use hosted::Pages;
use hosted::sca::ScaPages;
use rails::acquirer::SimulatedAcquirer;
use rails::bank::{PayoutDesk, SimulatedBank, Steering};
use rails::cards::CardJobs;
use rails::erasure::ErasureJobs;
use rails::sca::ScaJobs;
use rails::worker::{Worker, WorkerBuilder};
use tokio::task::JoinSet;

use crate::explanations;
use crate::fixtures::LocalClient;
use crate::in_turn::in_turn;
use crate::installation::{Installation, InstallationError, Location};
use crate::platform::Drawn;
use crate::receiver;
use crate::webhooks;

/// What `/health` answers.
pub const HEALTH: &str = r#"{"status":"ok"}"#;

/// Everything that answers and works, without a listener.
pub struct Wired {
    /// Every path.
    pub router: Router,
    /// What it works with.
    pub installation: Arc<Installation>,
    worker: Worker,
    couriers: Couriers,
    dialect: Arc<Dialect>,
    ids: Arc<Mutex<Box<dyn Ids>>>,
    retention: Arc<Retention>,
}

impl Wired {
    /// What a connection beyond the limit is answered, each path in its own words.
    pub fn turn_away(&self) -> impl Fn(&Uri) -> Response<Body> + Clone + Send + Sync + 'static {
        let (dialect, ids) = (Arc::clone(&self.dialect), Arc::clone(&self.ids));
        move |uri| match uri.path() {
            path if path.starts_with(RECEIVER) => hosted::unavailable(),
            path if path.starts_with("/sandbox/") => {
                admin::unavailable(RequestId(ids.lock().unwrap_or_else(PoisonError::into_inner).fresh()))
            }
            path if path.starts_with("/pay/") || path == SCA_PAGE => hosted::unavailable(),
            _ => dialect.overloaded(),
        }
    }

    /// Does everything that is due.
    pub async fn settle(&self) {
        self.worker.run_due().await;
    }

    /// Does jobs as they become due, and takes away what is old, until what it gives is dropped.
    #[must_use]
    pub fn work(&self) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        tasks.spawn(self.worker.clone().run());
        tasks.spawn(Arc::clone(&self.retention).run());
        tasks.spawn(self.couriers.clone().run());
        tasks
    }

    /// What has everything done so far noted and sealed, within so much time each, when it is awaited; the server goes on.
    pub fn sealing(&self, within: Duration) -> impl Future<Output = Result<(), Box<dyn Error + Send + Sync>>> + Send + use<> {
        let (dialect, sealer) = (Arc::clone(&self.dialect), Arc::clone(&self.installation.sealer));
        async move {
            dialect.note_last_reads().await?;
            Ok(tokio::task::spawn_blocking(move || sealer.seal_up(within)).await??)
        }
    }

    /// Stores whatever is still to be stored, takes nothing more, and has all of it sealed, if each takes no longer than `within`.
    pub async fn end(&self, within: Duration) -> Result<(), Box<dyn Error + Send + Sync>> {
        let noted = self.dialect.note_last_reads().await;
        self.couriers.leave().await;
        let (engine, sealer) = (self.installation.engine.clone(), Arc::clone(&self.installation.sealer));
        let sealed = tokio::task::spawn_blocking(move || {
            let closed = engine.close(within);
            sealer.seal_up(within).map(|()| closed)
        });
        sealed.await???;
        Ok(noted?)
    }
}

/// Lends the dialect's credentials, scopes and rate limits to the sandbox.
struct Lent(Arc<Dialect>);

impl Authenticate for Lent {
    fn admit<'a>(&'a self, parts: &'a Parts, power: Option<Power>) -> Later<'a, Admission> {
        Box::pin(async move {
            match parts.extensions.get::<Local>().zip(parts.extensions.get::<LocalClient>()) {
                Some((_, LocalClient(client))) => self.admit_owner(client).await,
                None => self.admit_client(parts, power).await,
            }
        })
    }

    fn denied<'a>(&'a self, parts: &'a Parts, request: RequestId) -> Later<'a, Option<HeaderValue>> {
        Box::pin(self.0.note_denied(parts, request, StatusCode::UNAUTHORIZED))
    }
}

impl Lent {
    async fn admit_owner(&self, client: &str) -> Admission {
        let known = self.0.local_caller(client).await.map_err(not_known);
        let caller = known.map(|caller| Caller { platform: caller.platform, actor: Actor::System, origin: [0; 16] });
        Admission { caller, known: None, headers: HeaderMap::new() }
    }

    async fn admit_client(&self, parts: &Parts, power: Option<Power>) -> Admission {
        let admitted = match self.0.admit(&parts.headers, power.map(scopes_of)).await {
            Ok(admitted) => admitted,
            Err(error) => return Admission { caller: Err(not_known(error)), known: None, headers: HeaderMap::new() },
        };
        let mut headers = HeaderMap::new();
        admitted.rate.write_headers(&mut headers);
        let (platform, actor) = (admitted.caller.platform, Actor::ApiKey(admitted.caller.key));
        let known = (admitted.caller.environment == Environment::Sandbox).then_some((platform, actor));
        let caller = Caller { platform, actor, origin: self.0.origin(parts) };
        let caller = admitted.verdict.map(|()| caller).map_err(|why| match why {
            NotAdmitted::Forbidden => AuthenticateError::Forbidden,
            NotAdmitted::TooMany => AuthenticateError::TooMany,
        });
        Admission { caller, known, headers }
    }
}

fn not_known(error: AuthError) -> AuthenticateError {
    match error {
        AuthError::Denied => AuthenticateError::Denied,
        AuthError::Store(error) => {
            tracing::error!(%error, "credentials could not be checked");
            AuthenticateError::Unavailable
        }
    }
}

/// What a key of the platform's API has to be allowed for what the sandbox lets happen.
fn scopes_of(power: Power) -> Scopes {
    match power {
        Power::PayIns => Scope::Payins.write(),
        Power::Payouts => Scope::Payouts.write(),
        Power::Users => Scope::UsersDetails.write(),
        Power::Verification => Scope::UsersVerification.write(),
        Power::Platform => Scope::ClientDevelopers.write(),
        Power::Look => Scope::ClientDevelopers.read(),
    }
}

/// Puts everything together. The simulated outside has its files beside ours, as a bank would have its own house.
pub fn wire(
    location: &Location,
    installation: Arc<Installation>,
    public_url: &str,
    rate: RateConfig,
    sending: Settings,
) -> Result<Wired, Box<dyn Error>> {
    let (engine, reads, clock) = (installation.engine.clone(), Arc::clone(&installation.reads), Arc::clone(&installation.clock));
    let outside = location.data.join(rails::FOLDER);
    std::fs::create_dir_all(&outside).map_err(|source| InstallationError::File { path: outside.clone(), source })?;
    let acquirer = SimulatedAcquirer::open_with(&outside, &installation.acquirer_key, Arc::clone(&installation.chance))?;
    let bank = SimulatedBank::open(&outside)?;
    let rails = Rails { cards: Some(Arc::new(acquirer)), bank: Some(Arc::new(bank.clone())) };

    let mut config = Config::new(public_url);
    config.rate = rate;
    config.rails = rails.clone();
    config.origin_key = installation.origin_key;
    config.explain_key = installation.explain_key;
    config.chance = Arc::clone(&installation.chance);
    let log = Arc::clone(&config.log);
    let remembered = Arc::clone(&log);
    let faults = Arc::clone(&config.faults);
    let dialect = Dialect::new(engine.clone(), Arc::clone(&reads), Arc::clone(&clock), installation.ids("mangopay")?, config);

    let checkout = Checkout::new(engine.clone(), Arc::clone(&reads), Arc::clone(&clock), Acquirer::of(&rails).heeding(Arc::clone(&reads)));
    let desk = PayoutDesk::new(engine.clone(), Arc::clone(&reads), Arc::new(bank.clone()));
    let voices = vec![Arc::clone(&dialect) as Arc<dyn Voice>];
    let pages = Pages::new(checkout.clone(), Arc::clone(&reads), voices.clone(), installation.ids("pages")?);
    let cards = CardJobs::new(engine.clone(), Arc::clone(&reads), checkout.clone(), voices);
    let sca = ScaPages::new(engine.clone(), Arc::clone(&reads), Arc::clone(&clock), installation.ids("sca")?);
    let worker = WorkerBuilder::new(engine.clone(), Arc::clone(&reads), clock, installation.ids("worker")?);
    let worker = ErasureJobs::new(engine.clone()).join(worker);
    let worker = ScaJobs::new(engine.clone()).join(cards.join(Arc::clone(&desk).join(worker)));
    let worker = if installation.foreseen.is_any() { worker.one_by_one() } else { worker }.build();

    let retention = Retention::new(engine.clone(), Arc::clone(&reads), Arc::clone(&installation.clock), installation.ids("retention")?);
    let retention = Arc::new(retention);

    let links = Links::new(public_url, installation.explain_key);
    let why = explanations::why(&installation, Arc::clone(&dialect), log, links, !rate.is_enforced);
    let receivers = Receivers::new(public_url, installation.receiver_key);
    let receiver = receiver::router(&installation, receivers.clone(), why.clone());
    let meddler = Arc::new(webhooks::ByOrder(Arc::clone(&faults)));
    let own = Arc::new(receiver::Inside::new(&receivers.base(), receiver.clone()));
    let couriers = webhooks::couriers(&installation, installation.ids("couriers")?, meddler, own, sending);
    let sandbox = Sandbox {
        engine,
        reads,
        deliveries: Arc::clone(&installation.deliveries),
        chance: Arc::clone(&installation.chance),
        name_of_event: dialect_mangopay::events::name,
        authenticate: Arc::new(Lent(Arc::clone(&dialect))),
        receiving_account: bank.receiving_account(),
        clock: Arc::clone(&installation.clock),
        public_url: public_url.trim_end_matches('/').to_owned(),
        draws: Arc::new(Drawn(Arc::clone(&installation))),
        on_end: {
            let (dialect, faults, log) = (Arc::clone(&dialect), Arc::clone(&faults), Arc::clone(&remembered));
            let receivers = receivers.clone();
            vec![Arc::new(move |platform| {
                dialect.end(platform);
                faults.forget(platform);
                log.forget(platform);
                receivers.forget(platform);
            })]
        },
        on_limits: {
            let dialect = Arc::clone(&dialect);
            vec![Arc::new(move |platform| dialect.recheck(platform))]
        },
        credits: installation.credits.clone(),
        payouts: Arc::new(Steering::new(desk, bank)),
        checkout,
        jobs: Arc::new(worker.clone()),
        backlogs: vec![Arc::new(couriers.clone())],
        retention: Arc::clone(&retention),
        refusals_of_code: dialect_mangopay::results::of_code,
        faults,
        route_of_text: dialect_mangopay::route_of_text,
        event_of_name: dialect_mangopay::events::of_name,
        code_of_refusal: |why| dialect_mangopay::results::of_refusal(why).code,
        block_reason_of_code: dialect_mangopay::block_codes::block_reason_of,
        code_of_block_reason: dialect_mangopay::block_codes::of_block_reason,
        ids: Mutex::new(installation.ids("sandbox")?),
        under_way: UnderWay::default(),
        waiting: Waiting::default(),
        receivers,
        why: why.clone(),
    };
    let ids = Arc::new(Mutex::new(installation.ids("door")?));
    let health = get(|| async { ([(CONTENT_TYPE, "application/json")], HEALTH) });
    let router = Router::new()
        .route("/health", health)
        .merge(admin::router(sandbox))
        .merge(hosted::router(pages))
        .merge(hosted::sca::router(sca))
        .merge(hosted::explain::router(Arc::new(explanations::Pages(why))))
        .merge(dialect_mangopay::router(Arc::clone(&dialect)));
    let foreseen = &installation.foreseen;
    let standing = foreseen.clock.map(|standing| standing.0);
    let router = if foreseen.is_any() { in_turn(router, worker.clone(), standing) } else { router };
    // Nobody has to wait for a turn to take what is told in one.
    let router = router.merge(receiver);
    Ok(Wired { router, installation, worker, couriers, dialect, ids, retention })
}
