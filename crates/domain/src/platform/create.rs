//! Making a platform.

use super::{ApiKey, Environment, Platform, Policy, Scopes};
use crate::ids::{ApiKeyId, PlatformId};
use crate::{Command, Desk, DirectoryKey, Space};

/// Makes a platform and its first API key. The tenant of the context is the platform to be.
#[derive(Clone, Debug)]
pub struct CreatePlatform {
    /// The name it calls itself by on the wire; unique in an installation.
    pub client_id: String,
    /// What it is for.
    pub environment: Environment,
    /// Its rules.
    pub policy: Policy,
    /// SHA-256 of its first API key.
    pub key_digest: [u8; 32],
}

/// Why a platform was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreatePlatformError {
    /// There is one of that id.
    #[error("a platform with this id exists")]
    Exists,
}

impl Command for CreatePlatform {
    type Outcome = ApiKeyId;
    type Error = CreatePlatformError;
    const NAME: &'static str = "platform.create";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<ApiKeyId, CreatePlatformError> {
        self.make(desk, None, 0)
    }
}

impl CreatePlatform {
    /// Makes it for the platform that it is to be a part of, with a clock that is ahead from the beginning.
    pub(super) fn make(
        &self,
        desk: &mut Desk<'_>,
        parent: Option<PlatformId>,
        clock_offset_ms: i64,
    ) -> Result<ApiKeyId, CreatePlatformError> {
        let id = desk.ctx().platform;
        let name = DirectoryKey { space: Space::ClientId, text: self.client_id.as_str().into() };
        let same_id = desk.find::<Platform>(id);
        if desk.directory(&name).is_some() || same_id.is_some() {
            return Err(CreatePlatformError::Exists);
        }
        let platform = Platform::new(self.client_id.clone(), self.environment, self.policy.clone());
        desk.note_object(id);
        desk.insert_platform(Platform { parent, clock_offset_ms, ..platform });
        desk.put_directory(name, id);
        let key = desk.fresh();
        desk.insert(key, ApiKey { digest: self.key_digest, scopes: Scopes::ALL, alias: "first".to_owned(), revoked_at: None });
        Ok(key)
    }
}
