//! The shape of everything that changes something.

use ledger::Uid;

use super::ids::PlatformId;
use super::{Desk, Needs};

/// Gives ids that nobody has.
///
/// Those of [`Ids::fresh`] rise within one process, whoever they are for; those of [`Ids::fresh_of`] rise within one platform
/// and one kind of thing. A generator may make one sequence of all of them; one that is to give the same again, however
/// much else is asked of it, has a sequence for each.
pub trait Ids: Send {
    /// The next one of all.
    fn fresh(&mut self) -> Uid;

    /// The next one for a platform's things of one kind ([`super::Named::SPACE`]).
    fn fresh_of(&mut self, platform: PlatformId, space: u8) -> Uid {
        let _ = (platform, space);
        self.fresh()
    }

    /// From here on what is given may be taken back, until this is called again. For whoever decides more than once.
    fn begin(&mut self) {}

    /// How much was given since [`Ids::begin`], for [`Ids::take_back`].
    fn given(&self) -> usize {
        0
    }

    /// What was given after `given` was so much has come to nothing: nobody has those ids, and they may be given again.
    fn take_back(&mut self, given: usize) {
        let _ = given;
    }
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

    /// Whether it may still be given for a platform that has ended.
    const IS_FOR_ENDED: bool = false;

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
