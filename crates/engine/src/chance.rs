//! Chance as a port: secrets, and whatever else nobody is to foresee.

use std::fmt::Debug;

use rand::TryRng;

/// What is drawn, and for whom: a source that is to give the same again has a stream for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw<'a> {
    /// What it is for, in the singular: "access token".
    pub purpose: &'static str,
    /// Whose it is: a platform's id, the text it calls itself by, a reference.
    pub of: &'a [u8],
    /// How often this is drawn.
    pub times: Times,
}

/// How often something is drawn for the same purpose and the same owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// Any number of times, each time something else.
    Many,
    /// Once: whose it is names it wholly, so that nothing has to be remembered of it.
    Once,
}

impl<'a> Draw<'a> {
    /// The next of many.
    #[must_use]
    pub const fn next(purpose: &'static str, of: &'a [u8]) -> Self {
        Self { purpose, of, times: Times::Many }
    }

    /// The only one.
    #[must_use]
    pub const fn only(purpose: &'static str, of: &'a [u8]) -> Self {
        Self { purpose, of, times: Times::Once }
    }
}

/// The system has no randomness to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system has no random bytes")]
pub struct NoChance;

/// Gives bytes that nobody foresees, unless it was told to be foreseen ([`crate::Seeded`]).
///
/// Not for keys and nonces of encryption: those are drawn where they are used, and never leave it.
pub trait Chance: Debug + Send + Sync {
    /// Fills `bytes`. Errors: there is no randomness to be had; what is in `bytes` is then of no use.
    fn fill(&self, draw: Draw<'_>, bytes: &mut [u8]) -> Result<(), NoChance>;
}

/// The system's own randomness, whatever is drawn.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemChance;

impl Chance for SystemChance {
    fn fill(&self, _: Draw<'_>, bytes: &mut [u8]) -> Result<(), NoChance> {
        rand::rngs::SysRng.try_fill_bytes(bytes).map_err(|_| NoChance)
    }
}
