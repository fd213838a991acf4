//! What an acquirer answers, and what a payer does on its page.

use serde::{Deserialize, Serialize};

use crate::payment::Refusal;

/// How far the billing address is the one the issuer knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressCheck {
    /// Not held against anything.
    #[default]
    NoCheck,
    /// Neither the address nor the postal code.
    NoMatch,
    /// The address, not the postal code.
    AddressOnly,
    /// The postal code, not the address.
    PostalCodeOnly,
    /// Both.
    Full,
}

/// What an acquirer says of money it has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// Its own reference.
    pub reference: String,
    /// What the issuer said of the address.
    pub address_check: AddressCheck,
}

/// What an acquirer says of something it was asked, under the asker's own reference.
///
/// There is no "unknown": whoever could not hear an answer takes it as [`CardAnswer::Pending`] and asks again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardAnswer {
    /// The money is promised.
    Accepted(Acceptance),
    /// It is not, for good.
    Refused(Refusal),
    /// The payer has to authenticate first.
    ChallengeNeeded,
    /// It is still under way.
    Pending,
}

/// What a payer did when asked to authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Proved to be who they are.
    Passed,
    /// Did not.
    Failed,
    /// Went away.
    Abandoned,
    /// Let the time pass.
    Expired,
}

impl Verdict {
    /// Why nothing is paid after it, unless it passed.
    #[must_use]
    pub const fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Passed => None,
            Self::Failed => Some(Refusal::AuthenticationFailed),
            Self::Abandoned => Some(Refusal::CancelledByPayer),
            Self::Expired => Some(Refusal::AuthenticationExpired),
        }
    }
}
