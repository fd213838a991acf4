//! Drives decisions: gathers commands into batches, brings the rows they need from a store, writes what
//! they decided in one durable transaction, and only then answers.
//!
//! Start with [`Engine::submit`] and follow a command into [`batch`]. The ports to the outside are in
//! [`store`], [`clock`], [`ids`] and [`Chance`]. No rule of the business is here.
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

mod acquirer;
mod answers;
mod backlog;
pub mod batch;
mod chance;
mod checkout;
pub mod clock;
pub mod deliveries;
mod engine;
mod faults;
pub mod ids;
mod inline;
mod job;
mod link;
pub mod rail;
mod read_trail;
pub mod reads;
mod retention;
pub mod seeded;
pub mod store;
mod story;
mod voice;

pub use acquirer::Acquirer;
pub use backlog::{Backlog, BacklogFuture, Drained, Lists};
pub use chance::{Chance, Draw, NoChance, SystemChance, Times};
pub use checkout::{Checkout, CheckoutError, Typed};
pub use clock::Clock;
pub use deliveries::{Deliveries, DeliveryFilter, DeliveryPage, DueHook, Fresh};
pub use engine::{Engine, EngineConfig, Refused};
pub use faults::{CallFault, FAULTS_MAX, Fault, Faults, Route as FaultRoute, TooManyFaults, Trouble, WebhookFault};
pub use ids::UuidIds;
pub use inline::{Awaited, Batch, Inline};
pub use job::{Begun, Keyed, OWNERS_KEYS, RejectInput, Reply};
pub use link::{PageLink, SCA_PAGE, fresh_session, secrets_match, session_digest};
pub use read_trail::ReadTrail;
pub use reads::{AGENDA_MAX, Agenda, Claim, EventFilter, Listed, Listing, OfPayments, Page, PaymentFilter, ReadFuture, Reads};
pub use retention::Retention;
pub use seeded::Seeded;
pub use store::{Store, StoreError, Syncer};
pub use story::{AuditRow, EntryRow, PostingRow, STORY_ROWS_MAX, Sought, Story};
pub use voice::{Listener, Subject, Voice};
