//! Platforms, their policy, and the keys they call with.

mod access;
mod clock;
mod create;
mod fixture;
mod policy;
mod profile;
mod sandbox;

pub use access::{AccessToken, ApiKey, CreateApiKey, IssueToken, Scopes, digest_matches};
pub use clock::{AdvanceClock, AdvanceClockError, AimClock, CLOCK_AHEAD_MAX_MS, ClockAim, StepClock};
pub use create::{CreatePlatform, CreatePlatformError};
pub use fixture::NoteFixture;
pub use policy::{BehaviourDate, ChangePolicy, Policy, Regime, Settlement};
pub use profile::{ClientLogo, ClientProfile, ImageFormat, LOGO_MAX_BYTES, Licensor, LogoError, UpdateClient, UploadLogo};
pub use sandbox::{InSandbox, InSandboxError};

use ledger::Uid;
use serde::{Deserialize, Serialize};

use crate::{Kind, PlatformId, Resource, Sealing, Timestamp};

/// Whether a platform is for trying things or for real money. Fixed when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// For trying: simulated rails, a clock that can be turned, documented magic values.
    Sandbox,
    /// For real money: none of that exists.
    Production,
}

/// A tenant: the marketplace that owns users, wallets and keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// The name it calls itself by on the wire; unique in an installation.
    pub client_id: String,
    /// What it is for.
    pub environment: Environment,
    /// The rules it chose.
    pub policy: Policy,
    /// How far its clock is ahead of real time; zero on production. Never falls.
    pub clock_offset_ms: i64,
    /// Business time that its clock is being turned to, if it has not come there yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_goal: Option<Timestamp>,
    /// Whether any of its hooks is to be told of events: the record [`crate::hook::Listeners`] says which.
    #[serde(default)]
    pub has_listeners: bool,
}

impl Resource for Platform {
    const KIND: &'static Kind = &Kind::of::<Self>(1, "platform", 1, Sealing::Plain);
    type Id = PlatformId;

    fn owner(&self) -> Option<Uid> {
        None
    }

    fn status(&self) -> &'static str {
        match self.environment {
            Environment::Sandbox => "sandbox",
            Environment::Production => "production",
        }
    }
}
