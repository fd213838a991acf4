//! Texts from outside that lead to a platform before the platform is known.

use std::sync::Arc;

use ledger::Uid;

use super::ids::PlatformId;

/// What a directory text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Space {
    /// A platform's client id.
    ClientId,
    /// An IBAN that money may arrive on.
    Iban,
    /// A reference that a payer was told to quote.
    WireReference,
    /// A line of a fixture file that was loaded, by its hash.
    Fixture,
    /// A credit that a bank reported, by its hash.
    BankCredit,
    /// An id that was given for an object: whoever gives it again finds it here, on whichever platform.
    GivenId,
}

impl Space {
    /// The stored number.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::ClientId => 1,
            Self::Iban => 2,
            Self::WireReference => 3,
            Self::Fixture => 4,
            Self::BankCredit => 5,
            Self::GivenId => 6,
        }
    }
}

/// A text and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DirectoryKey {
    /// What it is.
    pub space: Space,
    /// The text, in its one canonical spelling.
    pub text: Arc<str>,
}

/// Where a text leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryRow {
    /// The platform.
    pub platform: PlatformId,
    /// The object there.
    pub id: Uid,
}
