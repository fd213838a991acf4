//! The shape of everything that changes something.

use ledger::Uid;

use super::{Desk, Needs};

/// Gives ids that nobody has: time-ordered, rising within one process.
pub trait Ids: Send {
    /// The next one.
    fn fresh(&mut self) -> Uid;
}

/// Florin itself is at fault: a broken invariant. What was asked moves nothing and is logged once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub &'static str);

/// Something that is asked for and, if the rules allow it, done.
///
/// `decide` is pure: no I/O, no clock, no chance but the desk's. It borrows and keeps nothing, since
/// it may be asked again: when a row it touched was not loaded yet, or another server was first.
///
/// Its three answers: `Err` is *invalid* and leaves nothing but its audit line and idempotency
/// record; an outcome that says so is *refused*, with a record of its own; any other outcome is *done*.
pub trait Command: Send + 'static {
    /// What was done, or refused for a reason that is kept.
    type Outcome: Send + 'static;
    /// Why it could not be understood, found or allowed.
    type Error: Send + 'static;

    /// Its name in the audit trail, as `noun.verb`.
    const NAME: &'static str;

    /// A hint that saves rounds: names rows that `decide` will touch. May be left out, or incomplete.
    fn needs(&self, need: &mut Needs<'_>) {
        let _ = need;
    }

    /// Decides over the rows on the desk and writes what follows.
    ///
    /// Touch all rows of one level before the first early return, or each costs a round.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Self::Outcome, Self::Error>;

    /// Whether an outcome is a refusal, for the audit trail.
    fn is_refusal(outcome: &Self::Outcome) -> bool {
        let _ = outcome;
        false
    }
}
