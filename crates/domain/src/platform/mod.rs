//! Platforms, their policy, and the keys they call with.

mod access;
mod clock;
mod create;
pub mod data_set;
mod fixture;
mod limits;
mod names;
mod policy;
mod profile;
mod sandbox;
mod seeded;
mod sub;

pub use access::{AccessToken, ApiKey, CreateApiKey, IssueToken, Scopes, digest_matches};
pub use clock::{AdvanceClock, AdvanceClockError, AimClock, CLOCK_AHEAD_MAX_MS, ClockAim, StepClock};
pub use create::{CreatePlatform, CreatePlatformError};
pub use data_set::{DataSet, NamedObject};
pub use fixture::NoteFixture;
pub use limits::{CALL_WINDOWS, CallLimits};
pub use names::{API_KEY_MAX, API_KEY_MIN, CLIENT_ID_MAX, is_api_key, is_client_id};
pub use policy::{BehaviourDate, ChangePolicy, LimitsChange, MagicValues, Policy, Regime, Settlement};
pub use profile::{ClientLogo, ClientProfile, ImageFormat, LOGO_MAX_BYTES, Licensor, LogoError, UpdateClient, UploadLogo};
pub use sandbox::{InSandbox, InSandboxError};
pub use seeded::{CreateSeeded, Seeded};
pub use sub::{
    CreateSubPlatform, CreateSubPlatformError, EndSubPlatform, EndSubPlatformError, EndedPlatform, SUB_PLATFORMS_MAX, SubPlatform,
    SubPlatformTally,
};

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
    /// The platform that made it for its tests, and may end it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<PlatformId>,
    /// When it was ended, real time: nobody calls it any more, and nothing is done for it but to take away what is old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

impl Platform {
    /// A platform at its beginning: in real time, made by nobody.
    #[must_use]
    pub const fn new(client_id: String, environment: Environment, policy: Policy) -> Self {
        Self { client_id, environment, policy, clock_offset_ms: 0, clock_goal: None, has_listeners: false, parent: None, ended_at: None }
    }

    /// Whether it was ended.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        self.ended_at.is_some()
    }
}

impl Resource for Platform {
    const KIND: &'static Kind = &Kind::of::<Self>(1, "platform", 1, Sealing::Plain);
    type Id = PlatformId;

    fn owner(&self) -> Option<Uid> {
        None
    }

    fn status(&self) -> &'static str {
        match self.environment {
            _ if self.has_ended() => "ended",
            Environment::Sandbox => "sandbox",
            Environment::Production => "production",
        }
    }
}
