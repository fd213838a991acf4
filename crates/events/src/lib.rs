//! What leaves for those who listen: deliveries are sent, and sent again, and what came of it is noted.
//!
//! A delivery is stored with its event, in one transaction ([`domain::hook`]); what happens here can be cut short anywhere and
//! loses nothing, and so a listener may be told twice, never not at all. Start with [`Couriers`], then [`board`]: who is sent
//! to next, and how many at once, so that a target that hangs keeps nobody waiting but itself.
//!
//! What is sent is the dialect's affair ([`Wording`]); whether it may be sent there is decided in [`reach`], address by
//! address, each time a connection is made.
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

mod addresses;
mod attempt;
pub mod board;
mod client;
mod couriers;
mod meddle;
mod notes;
mod own;
mod reach;
mod signature;
mod tls;
mod wording;

pub use couriers::{Couriers, Settings, Tools};
pub use meddle::{Meddler, Meddling, Undisturbed};
pub use own::{Answered, NoReceiver, Own};
pub use reach::Reach;
pub use signature::{SECRET_PREFIX, secret_text};
pub use wording::{Pair, Wording};
