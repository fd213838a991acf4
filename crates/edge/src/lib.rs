//! The door that every HTTP request comes through, whichever dialect it speaks: connections are counted and watched
//! ([`door`]), bodies are bounded in size, time and memory ([`body`]), idempotency keys are read in one way ([`key`]),
//! requests of sandbox platforms are remembered for a while ([`log`]).
//!
//! Start with [`serve`]. What a refusal looks like is each dialect's own; nothing of any wire is here.
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

pub mod accept;
pub mod body;
mod cut;
pub mod door;
pub mod explain;
pub mod key;
mod limits;
mod line;
pub mod log;
pub mod mask;
mod memory;
mod origin;
pub mod receiver;
mod watched;

pub use body::BodyError;
pub use cut::Cut;
pub use door::serve;
pub use limits::{CONNECTIONS_MAX, Limits};
pub use line::Peer;
pub use origin::origin;
