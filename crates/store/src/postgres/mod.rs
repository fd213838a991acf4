//! PostgreSQL: several servers over one database, whose rows are the truth.
//!
//! A batch takes two round trips: one brings and locks everything it wants ([`load`]), one writes
//! everything and commits ([`flush`]). The writing half is driven on the engine's own thread
//! ([`writer`]). The reading half ([`reads`]) and the projector that fills the lists ([`projector`])
//! share connections that live on one small runtime thread ([`backstage`]), so that callers only wait
//! for messages and whatever runtime they are on is never blocked.
//!
//! How the way to the server is protected is in its URL ([`target`], [`tls`]).

mod backstage;
mod cache;
mod deliveries;
mod durable;
mod erasures;
mod error;
mod flush;
mod hold;
mod keys;
mod lists;
mod load;
mod open;
mod outbox;
mod projector;
mod reads;
mod rows;
mod scan;
mod seal;
mod seal_check;
mod seal_strays;
mod seeding;
mod seqs;
mod session;
pub(crate) mod snapshot;
mod sql;
mod story;
mod target;
mod tls;
mod to_seal;
mod trip;
mod writer;

pub use open::{OpenError, is_new, open, open_scan};

use engine::StoreError;
use tokio::runtime::{Builder, Runtime};

/// A runtime for one thread of ours.
fn runtime() -> Result<Runtime, StoreError> {
    Builder::new_current_thread().enable_all().build().map_err(|error| StoreError::Fault(error.to_string()))
}
