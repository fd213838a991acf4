//! `/sandbox/v1`: lets happen, by order, what on production only the outside can: money arrives, a bank sends or
//! refuses, a payer authenticates, an identity is found good, time passes.
//!
//! Start with [`routes`], the table of what there is. Everything is for sandbox platforms only: on a production one
//! each path is not found, and the engine refuses it once more ([`domain::platform::InSandbox`]). A caller is whoever
//! may call the platform's API, by the same credentials; [`Authenticate`] is how the server lends them.
//!
//! Bodies and answers are JSON with names in lower case. Ids are taken in either spelling, a UUID or the Mangopay
//! wire's, and given as UUIDs.
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::float_arithmetic,
        clippy::arithmetic_side_effects
    )
)]

mod answer;
mod call;
mod cards;
mod clock;
mod deliveries;
mod faults;
mod fields;
mod ids;
mod moment;
mod outcomes;
mod payouts;
mod platforms;
mod policy;
mod receiver;
pub mod routes;
mod rules;
mod sca;
mod settle;
mod signing;
mod users;
mod waiting;
pub mod why;
mod wires;

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use domain::ids::RequestId;
use domain::payment::{ReceivingAccount, Refusal};
use domain::user::BlockReason;
use domain::{Actor, EventType, IdempotencyKey, Ids, PlatformId};
use edge::receiver::Receivers;
use engine::rail::Credits;
use engine::rail::bank::PayoutSteering;
use engine::{Backlog, Chance, Checkout, Clock, Deliveries, Engine, Faults, Reads, Retention};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

pub use answer::unavailable;
pub use platforms::{Draws, spelled};
pub use routes::router;
pub use rules::Beginning;
pub use waiting::Waiting;

/// Something that is given later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Who is behind a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The platform.
    pub platform: PlatformId,
    /// Its key, or the owner of the data ([`Actor::System`]).
    pub actor: Actor,
    /// Where it calls from, as the audit trail keeps it.
    pub origin: [u8; 16],
}

/// What a caller's key has to be allowed to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Money that comes in.
    PayIns,
    /// Money that goes out.
    Payouts,
    /// Users.
    Users,
    /// How far users are verified.
    Verification,
    /// The platform's policy, its time and its jobs.
    Platform,
    /// Nothing: it only looks at what the platform did and what became of it.
    Look,
}

/// Why a caller is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthenticateError {
    /// The credentials are not valid.
    Denied,
    /// The credentials could not be checked now.
    Unavailable,
    /// The key is not allowed this.
    Forbidden,
    /// The platform has called too often.
    TooMany,
}

/// What becomes of a caller.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Who it is, or why it is not let in.
    pub caller: Result<Caller, AuthenticateError>,
    /// The sandbox platform and its key, also of a caller who is known and not let in.
    pub known: Option<(PlatformId, Actor)>,
    /// What its answer tells besides: how often it may still call.
    pub headers: HeaderMap,
}

/// Lets callers in: the same credentials, scopes and rate limits as for the platform's API, lent by the dialect through
/// the server.
pub trait Authenticate: Send + Sync {
    /// Who is behind a request, and whether it may do this. `None` is what leads nowhere, for which any key will do.
    fn admit<'a>(&'a self, parts: &'a Parts, power: Option<Power>) -> Later<'a, Admission>;

    /// Notes a request of somebody who is not known, and gives the link to its explanation, if a sandbox platform is named by it.
    fn denied<'a>(&'a self, parts: &'a Parts, request: RequestId) -> Later<'a, Option<HeaderValue>>;
}

/// Forgets what is in memory of a platform and holds no more.
pub type Forget = Arc<dyn Fn(PlatformId) + Send + Sync>;

/// What the sandbox works with.
pub struct Sandbox {
    /// Decides.
    pub engine: Engine,
    /// Reads.
    pub reads: Arc<dyn Reads>,
    /// What listeners were told.
    pub deliveries: Arc<dyn Deliveries>,
    /// Draws secrets.
    pub chance: Arc<dyn Chance>,
    /// What a dialect calls an event.
    pub name_of_event: fn(EventType) -> &'static str,
    /// Finds out who calls.
    pub authenticate: Arc<dyn Authenticate>,
    /// The simulated bank's will.
    pub payouts: Arc<dyn PayoutSteering>,
    /// The steps of payers.
    pub checkout: Checkout,
    /// Does jobs.
    pub jobs: Arc<dyn Backlog>,
    /// What else follows the commits, beside the lists: whoever settles waits for all of it.
    pub backlogs: Vec<Arc<dyn Backlog>>,
    /// Takes away what is old.
    pub retention: Arc<Retention>,
    /// Tells real time.
    pub clock: Arc<dyn Clock>,
    /// The refusals that a dialect's code stands for, so that a bank can be made to give one.
    pub refusals_of_code: fn(&str) -> Vec<Option<Refusal>>,
    /// A dialect's code of a refusal.
    pub code_of_refusal: fn(Refusal) -> &'static str,
    /// The reason that a dialect's code of a block stands for.
    pub block_reason_of_code: fn(&str) -> Option<BlockReason>,
    /// A dialect's code of a reason to block.
    pub code_of_block_reason: fn(BlockReason) -> &'static str,
    /// What goes wrong by order.
    pub faults: Arc<Faults>,
    /// The method and pattern in a dialect's table that a method and a path stand for.
    pub route_of_text: fn(&str, &str) -> Option<(&'static str, &'static str)>,
    /// The type of event that a dialect has a name for.
    pub event_of_name: fn(&str) -> Option<EventType>,
    /// The account that wires arrive on; its IBAN has no blanks.
    pub receiving_account: ReceivingAccount,
    /// Names what arrives there.
    pub credits: Credits,
    /// What clients reach the server by, without a slash at its end.
    pub public_url: String,
    /// Draws what new platforms are known by.
    pub draws: Arc<dyn Draws>,
    /// Told of each platform that was ended here, so that what is in memory of it is forgotten at once.
    pub on_end: Vec<Forget>,
    /// Told of platforms whose own limits have changed.
    pub on_limits: Vec<Forget>,
    /// Names its requests.
    pub ids: Mutex<Box<dyn Ids>>,
    /// Keys whose steps are under way in this process.
    pub under_way: UnderWay,
    /// Who waits here for something to happen.
    pub waiting: Waiting,
    /// What listens here for webhooks.
    pub receivers: Receivers,
    /// Explains, and remembers what was asked.
    pub why: why::Why,
}

/// Idempotency keys whose steps are under way in this process; one that is claimed and not here was cut short.
#[derive(Debug, Default)]
pub struct UnderWay(Mutex<BTreeSet<IdempotencyKey>>);
