//! The ports to the outside, a trait each. Nothing here is called inside a decision: a command records the
//! intent, somebody calls the rail under the intent's own reference, and a second command records the result.

pub mod bank;
pub mod card;
mod in_time;

pub use bank::{BankRail, Credits};
pub use card::{CardOrder, CardRail, CardRefund, Charge, TypedCard};
pub use in_time::{ANSWER_TIMEOUT, InTime, in_time};

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// What a rail gives, later.
pub type RailFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, RailError>> + Send + 'a>>;

/// Why a rail gave no answer. What it was asked for may have happened: it has to be asked again, by the same reference.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RailError {
    /// It could not be reached, or did not answer in time.
    #[error("the rail gave no answer: {0}")]
    Unavailable(String),
    /// It knows the reference for something else: a defect of the caller.
    #[error("the reference was used for something else")]
    Conflict,
}

/// The rails an installation has. Without one, what needs it stays under way and nothing is sent.
#[derive(Clone, Default)]
pub struct Rails {
    /// The acquirer of cards.
    pub cards: Option<Arc<dyn CardRail>>,
    /// The bank that sends payouts and receives wires.
    pub bank: Option<Arc<dyn BankRail>>,
}

impl fmt::Debug for Rails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rails").field("cards", &self.cards.is_some()).field("bank", &self.bank.is_some()).finish()
    }
}
