//! Making platforms, directly or through the server that owns the data.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use admin::{Beginning, Draws};
use domain::platform::{
    API_KEY_MAX, API_KEY_MIN, CLIENT_ID_MAX, CreatePlatform, CreatePlatformError, CreateSeeded, DataSet, Environment, Seeded, is_api_key,
    is_client_id,
};
use domain::{Ctx, PlatformId, Secret};
use engine::{Chance, Draw, Engine, SystemChance};
use rails::bank::receiving_account;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::cli::PlatformArgs;
use crate::installation::{Installation, InstallationError, Location};
use crate::{control, output};

/// Random bytes in a client id that nobody names.
const CLIENT_ID_BYTES: usize = 10;

/// What is asked for over the control socket, and made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NewPlatform {
    /// The name it calls itself by.
    pub client_id: String,
    /// The secret it calls with.
    pub api_key: String,
    /// What it begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_set: Option<String>,
    /// Its rules and its clock, as the fields that the sandbox's API takes.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub beginning: Map<String, Value>,
}

/// A platform that was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MadePlatform {
    #[serde(flatten)]
    pub new: NewPlatform,
    /// The ids of what its data set has, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub objects: BTreeMap<String, String>,
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
    /// There is no such data set.
    #[error("{0:?} is no data set: there are {names}", names = DataSet::ALL.map(DataSet::name).join(", "))]
    DataSet(String),
    /// What it is to begin with is wrong: every such field, and why.
    #[error("{0}")]
    Beginning(String),
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

/// Draws what platforms are known by that are made for tests, as the server draws everything.
pub struct Drawn(pub Arc<Installation>);

impl Draws for Drawn {
    fn client_id(&self) -> Option<String> {
        self.0.fresh_hex::<CLIENT_ID_BYTES>("client id", "").ok().map(|random| format!("test-{random}"))
    }

    fn platform_id(&self, client_id: &str) -> Option<PlatformId> {
        Some(self.0.fresh_platform(client_id))
    }

    fn api_key(&self, client_id: &str) -> Option<Secret<String>> {
        self.0.fresh_key(client_id).ok().map(Secret::new)
    }
}

/// `florin platform create`.
pub fn create(location: &Location, args: &PlatformArgs, json: bool) -> Result<(), Box<dyn Error>> {
    let api_key = args.api_key.clone().map_or_else(random_key, Ok)?;
    let new =
        NewPlatform { client_id: args.client_id.clone(), api_key, data_set: args.data_set.clone(), beginning: args.beginning.fields() };
    check(&new)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let made = runtime.block_on(async {
        match location.start_unless_served()? {
            Some(installation) => {
                let seeded = make(&installation.engine, &installation, &new).await.map_err(Box::<dyn Error>::from)?;
                Ok(MadePlatform { new, objects: named(&seeded) })
            }
            None => control::create_platform(location, &new).await.map(|objects| MadePlatform { new, objects }),
        }
    })?;
    output::print(json, &made, || {
        let NewPlatform { client_id, api_key, .. } = &made.new;
        let mut text = format!("Made platform {client_id}.\n  ClientId {client_id}\n  API key  {api_key}");
        for (name, id) in &made.objects {
            text.push_str(&format!("\n  {name:<28} {id}"));
        }
        text
    });
    Ok(())
}

/// The ids of a data set as the Mangopay wire spells them, by name.
pub fn named(seeded: &Seeded) -> BTreeMap<String, String> {
    seeded.objects.iter().map(|object| (object.name.to_owned(), admin::spelled(object))).collect()
}

fn data_set(new: &NewPlatform) -> Result<Option<DataSet>, PlatformError> {
    let named = |name: &String| DataSet::named(name).ok_or_else(|| PlatformError::DataSet(name.clone()));
    new.data_set.as_ref().map(named).transpose()
}

fn beginning(new: &NewPlatform) -> Result<Beginning, PlatformError> {
    Beginning::read(&new.beginning).map_err(|wrong| {
        let wrong: Vec<String> = wrong.iter().map(|(name, why)| format!("{} {why}", name.replace('_', "-"))).collect();
        PlatformError::Beginning(wrong.join("; "))
    })
}

/// Errors: its name or its key is none, there is no such data set, or what it is to begin with is wrong.
pub fn check(new: &NewPlatform) -> Result<(), PlatformError> {
    data_set(new)?;
    beginning(new)?;
    if !is_client_id(&new.client_id) {
        return Err(PlatformError::ClientId);
    }
    check_key(&new.api_key)
}

/// Errors: the text is no API key.
pub fn check_key(api_key: &str) -> Result<(), PlatformError> {
    if is_api_key(api_key) { Ok(()) } else { Err(PlatformError::ApiKey) }
}

/// Makes a sandbox platform.
pub async fn make(engine: &Engine, installation: &Installation, new: &NewPlatform) -> Result<Seeded, PlatformError> {
    check(new)?;
    let Beginning { policy, clock_ahead_ms } = beginning(new)?;
    let platform = installation.fresh_platform(&new.client_id);
    let create = CreatePlatform {
        client_id: new.client_id.clone(),
        environment: Environment::Sandbox,
        policy,
        key_digest: Sha256::digest(new.api_key.as_bytes()).into(),
    };
    let account = receiving_account();
    let command = CreateSeeded { create, parent: None, clock_ahead_ms, data_set: data_set(new)?, account };
    let made = engine.run(Ctx::system(platform, installation.fresh_request(platform)), command).await?;
    match made {
        Ok(seeded) => Ok(seeded),
        Err(CreatePlatformError::Exists) => Err(PlatformError::Exists(new.client_id.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_keys_have_bounds() {
        let check = |client_id: &str, api_key: &str| {
            check(&NewPlatform { client_id: client_id.to_owned(), api_key: api_key.to_owned(), ..NewPlatform::default() })
        };
        assert!(check("sdk-unit-tests", &"k".repeat(50)).is_ok());
        assert!(matches!(check("", &"k".repeat(50)), Err(PlatformError::ClientId)));
        assert!(matches!(check("a/b", &"k".repeat(50)), Err(PlatformError::ClientId)));
        assert!(matches!(check("a", "short"), Err(PlatformError::ApiKey)));
        assert!(matches!(check("a", &" ".repeat(20)), Err(PlatformError::ApiKey)));
        let seeded = |name: &str| NewPlatform {
            client_id: "a".to_owned(),
            api_key: "k".repeat(50),
            data_set: Some(name.to_owned()),
            ..NewPlatform::default()
        };
        assert!(super::check(&seeded("rental")).is_ok());
        assert!(matches!(super::check(&seeded("theatre")), Err(PlatformError::DataSet(name)) if name == "theatre"));
    }
}
