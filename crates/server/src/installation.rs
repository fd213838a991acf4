//! Where an installation keeps its data, and opening it.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;

use engine::rail::Credits;
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
    /// Another process owns the data folder.
    #[error("another process is using {0}")]
    InUse(PathBuf),
    /// There is nothing to read.
    #[error("there is no data in {0}")]
    NoData(String),
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

    /// Whether nothing was ever here: no data in the folder, or none in the database.
    pub fn is_new(&self) -> Result<bool, InstallationError> {
        match &self.database {
            None => Ok(!self.data.join(store::sqlite::MAIN_FILE).exists()),
            Some(url) => Ok(store::postgres::is_new(url)?),
        }
    }

    fn key_path(&self) -> PathBuf {
        self.master_key.clone().unwrap_or_else(|| master_key::default_path(&self.data))
    }

    /// The master key, where it is. Makes none.
    fn key(&self) -> Result<[u8; master_key::KEY_BYTES], InstallationError> {
        match std::env::var("FLORIN_MASTER_KEY") {
            Ok(text) => Ok(master_key::parse(&text)?),
            Err(_) => Ok(master_key::read(&self.key_path())?),
        }
    }

    /// The master key; one is made for an installation that is new, and for no other.
    fn key_or_new(&self) -> Result<Key, InstallationError> {
        match self.key() {
            Err(InstallationError::MasterKey(MasterKeyError::Missing(path))) if self.is_new()? => {
                Ok(Key { bytes: master_key::make(&path)?, made_at: Some(path) })
            }
            found => Ok(Key { bytes: found?, made_at: None }),
        }
    }

    /// Opens the ledger for reading, also while a server writes it. Makes nothing.
    pub fn open_scan(&self) -> Result<Arc<dyn Scan>, InstallationError> {
        if self.is_new()? {
            let place = if self.database.is_some() { "the database".to_owned() } else { self.data.display().to_string() };
            return Err(InstallationError::NoData(place));
        }
        let vault = Arc::new(Vault::new(&self.key()?));
        match &self.database {
            None => Ok(store::sqlite::open_scan(&self.data, vault)?),
            Some(url) => Ok(store::postgres::open_scan(url, vault)?),
        }
    }

    /// Takes the folder for this process where the store does not: with a database there is still the socket in it.
    fn lock(&self) -> Result<Option<File>, InstallationError> {
        if self.database.is_none() {
            return Ok(None);
        }
        let path = self.data.join(store::sqlite::LOCK_FILE);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Err(InstallationError::InUse(path)),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// Opens everything that commands need, making what is missing.
    pub fn start(&self) -> Result<Installation, InstallationError> {
        store::sqlite::make_folder(&self.data)?;
        let lock = self.lock()?;
        let key = self.key_or_new()?;
        let vault = Arc::new(Vault::new(&key.bytes));
        let origin_key = vault.hash(&[b"addresses of callers"]);
        let acquirer_key = vault.hash(&[b"simulated acquirer"]);
        let credits = Credits::new(vault.hash(&[b"credits of banks"]));
        let opened = match &self.database {
            None => store::sqlite::open(&self.data, vault).map_err(InstallationError::from),
            Some(url) => store::postgres::open(url, vault).map_err(InstallationError::from),
        };
        let Opened { store, reads, sealer, last_id, .. } = opened.map_err(|error| key.not_used_if(error))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids = UuidIds::new(Arc::clone(&clock), random_seed()?).after(last_id);
        let engine = Engine::start(store, Arc::clone(&clock), Box::new(ids), EngineConfig::default())?;
        Ok(Installation { engine, reads, sealer, clock, origin_key, credits, acquirer_key, _lock: lock })
    }
}

/// A master key, and its file if it was made just now.
struct Key {
    bytes: [u8; master_key::KEY_BYTES],
    made_at: Option<PathBuf>,
}

impl Key {
    /// Takes back a key that was made in vain: another server made the database first, with its own.
    fn not_used_if(&self, error: InstallationError) -> InstallationError {
        if let (Some(path), InstallationError::Postgres(store::postgres::OpenError::WrongMasterKey)) = (&self.made_at, &error) {
            drop(std::fs::remove_file(path));
        }
        error
    }
}

impl InstallationError {
    /// Whether a running server owns the folder, so that it can be asked through its socket.
    pub const fn is_in_use(&self) -> bool {
        matches!(self, Self::InUse(_) | Self::Sqlite(store::sqlite::OpenError::InUse(_)))
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
    /// Names what banks report.
    pub credits: Credits,
    /// Key of what the simulated acquirer keeps of cards.
    pub acquirer_key: [u8; 32],
    /// Held for as long as the folder is ours.
    _lock: Option<File>,
}
