//! Where an installation keeps its data, and opening it.

use std::path::PathBuf;
use std::sync::Arc;

use engine::{Clock, Engine, EngineConfig, UuidIds};
use rand::TryRng;
use store::seal::Sealer;
use store::vault::Vault;
use store::{Opened, Scan};

use crate::clock::SystemClock;
use crate::master_key::{self, MasterKeyError};

/// Names an installation on the command line.
#[derive(Clone, Debug, clap::Args)]
pub struct Location {
    /// Folder of the data; with --database, of what is not in the database
    #[arg(long, value_name = "DIR", default_value = "./florin-data", env = "FLORIN_DATA", global = true)]
    pub data: PathBuf,
    /// PostgreSQL instead of the data folder's SQLite: postgres://user@host/name
    #[arg(long, value_name = "URL", env = "FLORIN_DATABASE", global = true)]
    pub database: Option<String>,
    /// File of the master key; DIR.key beside the data folder unless named
    #[arg(long, value_name = "FILE", env = "FLORIN_MASTER_KEY_FILE", global = true)]
    pub master_key: Option<PathBuf>,
}

/// Why an installation could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum InstallationError {
    /// There is no usable master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The data folder cannot be used.
    #[error("the data folder cannot be opened: {0}")]
    Sqlite(#[from] store::sqlite::OpenError),
    /// The database cannot be used.
    #[error("the database cannot be opened: {0}")]
    Postgres(#[from] store::postgres::OpenError),
    /// The folder could not be made, or the writer not be started.
    #[error("the data folder could not be made, or the writer not be started")]
    Io(#[from] std::io::Error),
    /// The system gave no random bytes.
    #[error("the system has no random bytes")]
    NoRandom,
}

impl Location {
    /// The socket through which other processes reach the one that owns the data folder.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.data.join("florin.sock")
    }

    /// Whether nothing was ever here: no data, or, with a database, no key to read it by.
    #[must_use]
    pub fn is_new(&self) -> bool {
        match &self.database {
            None => !self.data.join(store::sqlite::MAIN_FILE).exists(),
            Some(_) => std::env::var_os("FLORIN_MASTER_KEY").is_none() && !self.key_path().exists(),
        }
    }

    fn key_path(&self) -> PathBuf {
        self.master_key.clone().unwrap_or_else(|| master_key::default_path(&self.data))
    }

    fn vault(&self) -> Result<Arc<Vault>, InstallationError> {
        if let Ok(text) = std::env::var("FLORIN_MASTER_KEY") {
            return Ok(Arc::new(Vault::new(&master_key::parse(&text)?)));
        }
        let path = self.key_path();
        // With --database the store itself tells a wrong key.
        let has_data = self.database.is_none() && self.data.join(store::sqlite::MAIN_FILE).exists();
        Ok(Arc::new(Vault::new(&master_key::read_or_make(&path, !has_data)?)))
    }

    /// Opens the store for writing, making what is missing.
    pub fn open(&self) -> Result<Opened, InstallationError> {
        std::fs::create_dir_all(&self.data)?;
        let vault = self.vault()?;
        match &self.database {
            None => Ok(store::sqlite::open(&self.data, vault)?),
            Some(url) => Ok(store::postgres::open(url, vault)?),
        }
    }

    /// Opens the ledger for reading, also while a server writes it.
    pub fn open_scan(&self) -> Result<Arc<dyn Scan>, InstallationError> {
        let vault = self.vault()?;
        match &self.database {
            None => Ok(store::sqlite::open_scan(&self.data, vault)?),
            Some(url) => Ok(store::postgres::open_scan(url, vault)?),
        }
    }

    /// Opens everything that commands need.
    pub fn start(&self) -> Result<Installation, InstallationError> {
        let origin_key = self.vault()?.hash(&[b"addresses of callers"]);
        let Opened { store, reads, sealer, last_id, .. } = self.open()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids = UuidIds::new(Arc::clone(&clock), random_seed()?).after(last_id);
        let engine = Engine::start(store, Arc::clone(&clock), Box::new(ids), EngineConfig::default())?;
        Ok(Installation { engine, reads, sealer, clock, origin_key })
    }
}

/// Sixty-four random bits for a generator of ids.
pub fn random_seed() -> Result<u64, InstallationError> {
    rand::rngs::SysRng.try_next_u64().map_err(|_| InstallationError::NoRandom)
}

/// An installation that is open: its engine, its reads and its clock.
pub struct Installation {
    pub engine: Engine,
    pub reads: Arc<dyn engine::Reads>,
    pub sealer: Arc<dyn Sealer>,
    pub clock: Arc<dyn Clock>,
    /// Key of the hash that the audit trail keeps of callers' addresses.
    pub origin_key: [u8; 32],
}
