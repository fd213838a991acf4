//! The first platform: made once, and its API key shown once.
//!
//! A first start is one of a server on data that has no platform yet, whoever made the data. What is to be shown is in a file
//! of the data folder, readable by its owner only, from before the platform is made until it has been shown. A start that fails
//! or is killed in between is so made up for by the next one, with the same credentials.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;

use domain::platform::{ApiKey, digest_matches};
use domain::{DirectoryKey, Resource, Space};
use engine::{Listing, Page};
use sha2::{Digest, Sha256};

use crate::installation::{Installation, InstallationError, Location};
use crate::platform::{self, NewPlatform, PlatformError};

/// Name of the platform that a first start makes.
const FIRST_PLATFORM: &str = "sandbox";
/// Where its credentials are until they have been shown.
const FILE: &str = "first-platform.json";

/// What the first platform is to be called, and called with, where that has to be known beforehand: a service of CI shows nobody
/// what it prints.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct FirstPlatform {
    /// Name of the platform that the first start makes; of no effect on data that has one: sandbox unless given
    #[arg(long, value_name = "ID", env = "FLORIN_FIRST_CLIENT_ID")]
    first_client_id: Option<String>,
    /// Its API key, 16 to 128 visible characters: a random one unless given
    #[arg(long, value_name = "KEY", env = "FLORIN_FIRST_API_KEY", hide_env_values = true)]
    first_api_key: Option<String>,
}

impl FirstPlatform {
    /// The platform to be. Errors: a name or a key that is none.
    fn new_platform(&self, installation: &Installation) -> Result<NewPlatform, Box<dyn Error>> {
        let client_id = self.first_client_id.clone().unwrap_or_else(|| FIRST_PLATFORM.to_owned());
        let api_key = self.first_api_key.clone().map_or_else(|| installation.fresh_key(&client_id), Ok)?;
        let new = NewPlatform { client_id, api_key, ..NewPlatform::default() };
        platform::check(&new)?;
        Ok(new)
    }
}

/// A first platform that was not shown yet.
pub struct Introduction {
    path: PathBuf,
    new: NewPlatform,
}

impl Introduction {
    /// What an installation without a platform is to be introduced with, or one whose introduction was cut short.
    pub async fn prepare(location: &Location, installation: &Installation, first: &FirstPlatform) -> Result<Option<Self>, Box<dyn Error>> {
        let path = location.data.join(FILE);
        // Looked at on every start, so that a key that is none is told by the first one that has it.
        let given = first.new_platform(installation)?;
        match std::fs::read(&path) {
            Ok(bytes) => {
                let new = serde_json::from_slice(&bytes).map_err(|error| format!("{}: {error}; remove it", path.display()))?;
                return Ok(Some(Self { path, new }));
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(InstallationError::File { path, source }.into()),
        }
        if !installation.reads.platforms(None, 1).await?.is_empty() {
            return Ok(None);
        }
        let new = given;
        // Whole or not at all, and never over another one.
        let mut file = tempfile::NamedTempFile::new_in(&location.data)
            .map_err(|source| InstallationError::Folder { path: location.data.clone(), source })?;
        serde_json::to_writer(&mut file, &new)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(&path)?;
        Ok(Some(Self { path, new }))
    }

    /// Makes the platform, unless it was made, and shows its credentials. Gives what was shown.
    pub async fn make(self, installation: &Installation, json: bool) -> Result<Option<NewPlatform>, Box<dyn Error>> {
        let is_ours = match platform::make(&installation.engine, installation, &self.new).await {
            Ok(_) => true,
            // Or another server of the same database was first, and has shown its own.
            Err(PlatformError::Exists(_)) => self.is_known(installation).await?,
            Err(error) => return Err(error.into()),
        };
        if is_ours {
            self.show(json)?;
        }
        std::fs::remove_file(&self.path)?;
        Ok(is_ours.then_some(self.new))
    }

    /// Whether the platform has these credentials.
    async fn is_known(&self, installation: &Installation) -> Result<bool, Box<dyn Error>> {
        let name = DirectoryKey { space: Space::ClientId, text: self.new.client_id.as_str().into() };
        let Some(row) = installation.reads.directory(name).await? else { return Ok(false) };
        let page = Page { number: 1, size: 100, newest_first: false };
        let keys = installation.reads.records(row.platform, ApiKey::KIND, Listing::default(), page).await?;
        let digest: [u8; 32] = Sha256::digest(self.new.api_key.as_bytes()).into();
        Ok(keys.rows.iter().filter_map(|record| record.body::<ApiKey>()).any(|key| digest_matches(&key.digest, &digest)))
    }

    fn show(&self, json: bool) -> Result<(), Box<dyn Error>> {
        let NewPlatform { client_id, api_key, .. } = &self.new;
        let text = if json {
            serde_json::to_string(&self.new)?
        } else {
            format!("A first sandbox platform was made. Its API key is shown only now:\n  ClientId {client_id}\n  API key  {api_key}\n")
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{text}")?;
        out.flush()?;
        Ok(())
    }
}
