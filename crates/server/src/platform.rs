//! Making platforms, directly or through the server that owns the data.

use std::error::Error;

use domain::platform::{CreatePlatform, CreatePlatformError, Environment, Policy};
use domain::{Ctx, PlatformId};
use engine::{Chance, Draw, Engine, SystemChance};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cli::PlatformArgs;
use crate::installation::{Installation, InstallationError, Location};
use crate::{control, output};

/// Characters that a client id may have.
const CLIENT_ID_MAX: usize = 64;
/// A shorter API key could be guessed.
const API_KEY_MIN: usize = 16;
/// Longest API key.
const API_KEY_MAX: usize = 128;

/// What is asked for over the control socket, and made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewPlatform {
    /// The name it calls itself by.
    pub client_id: String,
    /// The secret it calls with.
    pub api_key: String,
}

/// Why a platform was not made.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// The client id is not of the allowed form.
    #[error("a client id has 1 to {CLIENT_ID_MAX} letters, digits, dashes, dots or underscores")]
    ClientId,
    /// The key is too short or too long.
    #[error("an API key has {API_KEY_MIN} to {API_KEY_MAX} visible characters")]
    ApiKey,
    /// There is one of that name.
    #[error("there is a platform {0} already")]
    Exists(String),
    /// The command failed.
    #[error("the platform could not be made")]
    Engine(#[from] engine::Refused),
    /// The installation is not usable.
    #[error(transparent)]
    Installation(#[from] InstallationError),
}

/// A random API key, as [`Installation::fresh_key`] makes one, for whoever has no installation: a seed is the server's own.
pub fn random_key() -> Result<String, InstallationError> {
    let mut bytes = [0_u8; 32];
    SystemChance.fill(Draw::next("API key", b""), &mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// `florin platform create`.
pub fn create(location: &Location, args: &PlatformArgs, json: bool) -> Result<(), Box<dyn Error>> {
    let api_key = args.api_key.clone().map_or_else(random_key, Ok)?;
    let new = NewPlatform { client_id: args.client_id.clone(), api_key };
    check(&new)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match location.start_unless_served()? {
            Some(installation) => make(&installation.engine, &installation, &new).await.map(drop).map_err(Box::<dyn Error>::from),
            None => control::create_platform(location, &new).await,
        }
    })?;
    output::print(json, &new, || format!("Made platform {}.\n  ClientId {}\n  API key  {}", new.client_id, new.client_id, new.api_key));
    Ok(())
}

/// Errors: its name or its key is none.
pub fn check(new: &NewPlatform) -> Result<(), PlatformError> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if new.client_id.is_empty() || new.client_id.len() > CLIENT_ID_MAX || !new.client_id.chars().all(is_allowed) {
        return Err(PlatformError::ClientId);
    }
    check_key(&new.api_key)
}

/// Errors: the text is no API key.
pub fn check_key(api_key: &str) -> Result<(), PlatformError> {
    let is_visible = api_key.chars().all(|c| c.is_ascii_graphic());
    if !(API_KEY_MIN..=API_KEY_MAX).contains(&api_key.len()) || !is_visible {
        return Err(PlatformError::ApiKey);
    }
    Ok(())
}

/// Makes a sandbox platform.
pub async fn make(engine: &Engine, installation: &Installation, new: &NewPlatform) -> Result<PlatformId, PlatformError> {
    check(new)?;
    let platform = installation.fresh_platform(&new.client_id);
    let command = CreatePlatform {
        client_id: new.client_id.clone(),
        environment: Environment::Sandbox,
        policy: Policy::mangopay(),
        key_digest: Sha256::digest(new.api_key.as_bytes()).into(),
    };
    let made = engine.run(Ctx::system(platform, installation.fresh_request(platform)), command).await?;
    match made {
        Ok(_) => Ok(platform),
        Err(CreatePlatformError::Exists) => Err(PlatformError::Exists(new.client_id.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_keys_have_bounds() {
        let check = |client_id: &str, api_key: &str| check(&NewPlatform { client_id: client_id.to_owned(), api_key: api_key.to_owned() });
        assert!(check("sdk-unit-tests", &"k".repeat(50)).is_ok());
        assert!(matches!(check("", &"k".repeat(50)), Err(PlatformError::ClientId)));
        assert!(matches!(check("a/b", &"k".repeat(50)), Err(PlatformError::ClientId)));
        assert!(matches!(check("a", "short"), Err(PlatformError::ApiKey)));
        assert!(matches!(check("a", &" ".repeat(20)), Err(PlatformError::ApiKey)));
    }
}
