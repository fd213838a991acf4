//! Users, the holders of wallets, and the persons behind them.

mod block;
mod close;
mod company_number;
mod demands;
mod email;
mod legal_hold;
mod person;
mod profile;
mod register;
#[cfg(test)]
pub(crate) mod testing;
mod update;
mod verify;

pub use block::{BlockReason, BlockUser, BlockUserError, UnblockUser};
pub use close::{CloseUser, CloseUserError};
pub use company_number::{company_number_is_valid, company_number_rules};
pub use demands::{Demands, Problem, UserField, WrongField};
pub use email::email_has_long_number;
pub use legal_hold::{HoldUser, HoldUserError, ReleaseUser};
pub use person::{Address, Person};
pub use profile::{OrganisationProfile, PersonKind, PersonProfile, Profile};
pub use register::{RegisterUser, RegisterUserError, UserView};
pub use update::{UpdateUser, UpdateUserError};
pub use verify::{VerifyUser, VerifyUserError};

use ledger::Uid;
use serde::{Deserialize, Serialize};

use crate::ids::PersonId;
use crate::{Kind, Resource, Sealing, Secret, Timestamp, UserId};

/// What a user may do with money, where the platform's policy has categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Only pays.
    Payer,
    /// Holds e-money for its own account.
    Owner,
    /// The platform's own user.
    Platform,
}

/// Where a user stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// In use.
    Active,
    /// Waits for the user to authenticate.
    PendingUserAction,
    /// Ended for good.
    Closed,
}

/// How far a user's identity is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// Only declared.
    Light,
    /// Every required proof is validated.
    Regular,
}

/// What kind of organisation a legal user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegalForm {
    /// A company.
    Business,
    /// A partnership without legal personality.
    Partnership,
    /// An association or other non-profit.
    Organization,
    /// A person in business under their own name.
    Soletrader,
}

/// Who a user is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a user is kept and passed on behind one pointer anyway")]
pub enum Identity {
    /// One natural person.
    Natural {
        /// That person.
        person: PersonId,
    },
    /// An organisation, with the person who acts for it.
    Legal {
        /// The person who acts for it.
        representative: PersonId,
        /// Registered name.
        name: Secret<String>,
        /// What kind of organisation it is.
        form: LegalForm,
        /// Number in its company register, as given.
        company_number: Option<Secret<String>>,
        /// Where it sits.
        headquarters: Address,
    },
}

/// Which movements of a user are blocked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocks {
    /// Nothing may come in.
    pub inflows: bool,
    /// Nothing may go out.
    pub outflows: bool,
}

/// A holder of wallets, who acts through the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Who it is.
    pub identity: Identity,
    /// What it may do with money.
    pub category: Category,
    /// Where it stands.
    pub status: UserStatus,
    /// How far it is verified.
    pub verification: Verification,
    /// Which movements are blocked.
    pub blocks: Blocks,
    /// Why, if somebody said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block_reason: Option<BlockReason>,
    /// The address it is written to.
    pub email: Secret<String>,
    /// Whether the terms are accepted.
    pub has_accepted_terms: bool,
    /// Since when.
    pub terms_accepted_at: Option<Timestamp>,
    /// The platform's own note.
    pub tag: Option<Secret<String>>,
    /// Under legal hold: nothing of it may be erased.
    #[serde(default)]
    pub is_held: bool,
}

impl User {
    /// The person whose identity the user's verification rests on: itself, or the representative.
    #[must_use]
    pub const fn person(&self) -> PersonId {
        match &self.identity {
            Identity::Natural { person } => *person,
            Identity::Legal { representative, .. } => *representative,
        }
    }

    /// A person or an organisation.
    #[must_use]
    pub const fn kind(&self) -> PersonKind {
        match self.identity {
            Identity::Natural { .. } => PersonKind::Natural,
            Identity::Legal { .. } => PersonKind::Legal,
        }
    }

    /// Whether the company number has a form that its country knows; `None` where there is nothing to judge.
    #[must_use]
    pub fn company_number_is_valid(&self) -> Option<bool> {
        match &self.identity {
            Identity::Legal { company_number: Some(number), headquarters: Address { country: Some(country), .. }, .. } => {
                company_number_is_valid(country, number.expose())
            }
            _ => None,
        }
    }

    /// Whether it ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.status == UserStatus::Closed
    }
}

impl Resource for User {
    const KIND: &'static Kind = &Kind::of::<Self>(4, "user_account", 1, Sealing::Owner);
    type Id = UserId;

    fn owner(&self) -> Option<Uid> {
        None
    }

    fn status(&self) -> &'static str {
        match self.status {
            UserStatus::Active => "active",
            UserStatus::PendingUserAction => "pending_user_action",
            UserStatus::Closed => "closed",
        }
    }
}
