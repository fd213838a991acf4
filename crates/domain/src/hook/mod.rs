//! Hooks: where a platform has itself told of its events, and what became of each telling.
//!
//! Start with [`Listeners`], which an event looks into when it is told ([`crate::Desk::emit`]): if somebody listens, a
//! [`Delivery`] is stored with the event, in the same transaction, or neither is. Sending it is not done here, nor in
//! any decision: whoever has sent it says how that went ([`NoteAttempts`]).

mod create;
mod delivery;
mod listeners;
mod note_attempts;
mod redeliver;
mod secret;
mod target;
#[cfg(test)]
mod tests;
mod update;

pub use create::{CreateHook, CreateHookError};
pub use delivery::{Delivery, DeliveryState, Told, retry_after_ms};
pub use listeners::{Listener, Listeners};
pub use note_attempts::{AttemptNote, Ended, FAILURES_BETWEEN_WARNINGS, FAILURES_MAX, NoteAttempts};
pub use redeliver::{Redeliver, RedeliverError};
pub use secret::{SIGNING_KEY_BYTES, SetSigningKey, SigningKey};
pub use target::{Scheme, Target, TargetError, URL_MAX_CHARS, is_public};
pub use update::{UpdateHook, UpdateHookError};

use ledger::Uid;
use serde::{Deserialize, Serialize};

use crate::ids::HookId;
use crate::platform::{Environment, Platform};
use crate::{EventType, Kind, Resource, Sealing, Secret};

/// Whether a hook is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HookStatus {
    /// Events are told.
    Enabled,
    /// Nothing is told.
    Disabled,
}

/// Whether a hook's target still answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Validity {
    /// As far as is known.
    Valid,
    /// It failed [`FAILURES_MAX`] times in a row: nothing is told until somebody says that it is valid again.
    Invalid,
}

/// Where a platform has itself told of one type of event. A platform has at most one a type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Of which events.
    #[serde(with = "event_number")]
    pub event: EventType,
    /// Where; it reads as a [`Target`]. A secret, since platforms put tokens into it.
    pub url: Secret<String>,
    /// Whether it is switched on.
    pub status: HookStatus,
    /// Whether it still answers.
    pub validity: Validity,
    /// Attempts that failed since the last that did not.
    pub failures: u32,
    /// Whom the vendor would write to about failures.
    pub email: Option<Secret<String>>,
    /// The platform's own note.
    pub tag: Option<Secret<String>>,
}

impl Hook {
    /// Whether events are told.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!((self.status, self.validity), (HookStatus::Enabled, Validity::Valid))
    }
}

impl Resource for Hook {
    const KIND: &'static Kind = &Kind::of::<Self>(60, "hook", 1, Sealing::Platform);
    type Id = HookId;

    fn owner(&self) -> Option<Uid> {
        None
    }

    fn status(&self) -> &'static str {
        match (self.status, self.validity) {
            (HookStatus::Disabled, _) => "disabled",
            (HookStatus::Enabled, Validity::Valid) => "enabled",
            (HookStatus::Enabled, Validity::Invalid) => "invalid",
        }
    }
}

/// Whether a platform may have itself told over encrypted connections to public addresses alone.
#[must_use]
pub fn is_strict(platform: &Platform) -> bool {
    platform.environment == Environment::Production
}

/// Why a platform may not have itself told at a target, if it may not.
///
/// Real money is told of over encrypted connections only, and never inside the house that Florin stands in; a name is
/// looked up, and looked at again, when something is sent. Who rehearses has to be told over encrypted connections too, where
/// it pleases.
#[must_use]
pub fn forbidden(platform: &Platform, target: &Target) -> Option<TargetError> {
    match (is_strict(platform), target.scheme) {
        (false, Scheme::Http) if platform.policy.is_rehearsal => Some(TargetError::NotEncrypted),
        (false, _) => None,
        (true, Scheme::Http) => Some(TargetError::NotEncrypted),
        (true, Scheme::Https) => target.address().filter(|address| !is_public(*address)).map(|_| TargetError::NotPublic),
    }
}

pub(crate) mod event_number {
    //! A type of event is stored by its number.

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::EventType;

    pub fn serialize<S: Serializer>(event: &EventType, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u16(event.number())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<EventType, D::Error> {
        EventType::from_number(u16::deserialize(from)?).ok_or_else(|| serde::de::Error::custom("not a type of event"))
    }
}
