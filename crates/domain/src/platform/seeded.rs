//! Making a platform with all that it is to begin with, in one decision.

use super::data_set::{DataSet, NamedObject};
use super::{CLOCK_AHEAD_MAX_MS, CreatePlatform, CreatePlatformError, Environment};
use crate::ids::{ApiKeyId, PlatformId};
use crate::payment::ReceivingAccount;
use crate::{Command, Desk, DirectoryKey, Needs, Space};

/// Makes a platform with its first key, a clock that is ahead, and a data set. The tenant of the context is the platform to be.
///
/// It is one decision, so that either all of it is there or nothing.
#[derive(Clone, Debug)]
pub struct CreateSeeded {
    /// The platform.
    pub create: CreatePlatform,
    /// The platform that makes it for its tests, and may end it.
    pub parent: Option<PlatformId>,
    /// How far its clock is ahead of real time from the beginning; from 0 to [`CLOCK_AHEAD_MAX_MS`]. What the data set has was
    /// made then. Sandbox platforms only, as is the data set.
    pub clock_ahead_ms: i64,
    /// What it begins with.
    pub data_set: Option<DataSet>,
    /// Where payers of the data set's bank wires pay to.
    pub account: ReceivingAccount,
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seeded {
    /// The platform.
    pub platform: PlatformId,
    /// The first key.
    pub key: ApiKeyId,
    /// What the data set has, in the order in which it was made.
    pub objects: Vec<NamedObject>,
}

impl Command for CreateSeeded {
    type Outcome = Seeded;
    type Error = CreatePlatformError;
    const NAME: &'static str = CreatePlatform::NAME;

    fn needs(&self, need: &mut Needs<'_>) {
        need.directory(DirectoryKey { space: Space::ClientId, text: self.create.client_id.as_str().into() });
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Seeded, CreatePlatformError> {
        let is_sandbox = self.create.environment == Environment::Sandbox;
        let clock_offset_ms = if is_sandbox { self.clock_ahead_ms.clamp(0, CLOCK_AHEAD_MAX_MS) } else { 0 };
        let key = self.create.make(desk, self.parent, clock_offset_ms)?;
        let platform = desk.ctx().platform;
        let objects = match self.data_set.filter(|_| is_sandbox) {
            Some(set) => desk.within(platform, |desk| set.fill(desk, &self.account)).unwrap_or_default(),
            None => Vec::new(),
        };
        desk.note_object(platform);
        desk.note_done::<Self>(Some(platform.0));
        Ok(Seeded { platform, key, objects })
    }
}
