//! Where an installation keeps its data, and opening it.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use domain::ids::RequestId;
use domain::{Ids, Named, PlatformId};
use engine::rail::Credits;
use engine::{Chance, Clock, Draw, Engine, EngineConfig, NoChance, Seeded, SystemChance, UuidIds, seeded};
use ledger::Uid;
use rand::TryRng;
use store::seal::Sealer;
use store::seeding::Seeding;
use store::vault::Vault;
use store::{Opened, Scan};

use crate::clock::{StandingClock, SystemClock};
use crate::environment;
use crate::failure::Failure;
use crate::foreseen::{self, Foreseen};
use crate::master_key::{self, KeySource, MasterKeyError};

/// What URLs of PostgreSQL begin with.
const POSTGRES_SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// Where the data is unless it is said otherwise.
pub const DATA_UNLESS_GIVEN: &str = "./florin-data";

/// Names an installation on the command line.
#[derive(Clone, Debug, clap::Args)]
pub struct Location {
    /// Folder of the data; with --database, of what is not in the database
    #[arg(long, value_name = "DIR", default_value = DATA_UNLESS_GIVEN, env = "FLORIN_DATA", global = true)]
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
    /// The master key is one, and not that of the data.
    #[error("the master key in {key} is not the one that {data} was made with")]
    WrongKey {
        /// Where the key is from.
        key: KeySource,
        /// What it does not open.
        data: String,
    },
    /// A variable cannot be read.
    #[error(transparent)]
    Variable(#[from] Failure),
    /// The data folder cannot be used.
    #[error("the data folder cannot be opened: {0}")]
    Sqlite(#[from] store::sqlite::OpenError),
    /// The database cannot be used.
    #[error("the database that --database or FLORIN_DATABASE names cannot be opened: {0}")]
    Postgres(#[from] store::postgres::OpenError),
    /// The database is not one of PostgreSQL. The URL is not told: it may hold a password.
    #[error("--database or FLORIN_DATABASE names no PostgreSQL database: a URL is needed that begins with postgres://, not {0}")]
    NotPostgres(String),
    /// Another process owns the data folder.
    #[error("another process is using {0}")]
    InUse(PathBuf),
    /// There is nothing to read.
    #[error("there is no data in {0} yet")]
    NoData(String),
    /// A file or folder of the data folder could not be made or used.
    #[error("{path} in the data folder cannot be used: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder could not be made.
    #[error("the data folder {path} cannot be made: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system has no thread for the writer.
    #[error("the writer cannot be started: {0}")]
    Writer(std::io::Error),
    /// The system gave no random bytes.
    #[error("the system has no random bytes")]
    NoRandom,
    /// What can be foreseen is not for real money.
    #[error(
        "there is a platform for real money, and --seed or --clock is, or was once, used on its data: secrets that can be foreseen and times that are made up are for sandbox platforms only"
    )]
    Foreseen,
    /// A restore died between the data folder and the database.
    #[error("a restore was cut off between the data folder and the database: run florin sandbox restore again, with --replace")]
    CutOff,
    /// Whether it can be foreseen could not be read or noted.
    #[error("the mark of --seed and --clock: {0}")]
    Mark(engine::StoreError),
}

impl From<NoChance> for InstallationError {
    fn from(NoChance: NoChance) -> Self {
        Self::NoRandom
    }
}

impl Location {
    /// The socket through which other processes reach the one that owns the data folder.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.data.join("florin.sock")
    }

    /// The database's URL, if there is one. Errors: one that is not of PostgreSQL.
    fn url(&self) -> Result<Option<&str>, InstallationError> {
        let Some(url) = self.database.as_deref() else { return Ok(None) };
        if POSTGRES_SCHEMES.iter().any(|scheme| url.starts_with(scheme)) {
            return Ok(Some(url));
        }
        let scheme = url.split_once("://").filter(|(scheme, _)| scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        Err(InstallationError::NotPostgres(
            scheme.map_or_else(|| "a text without a scheme".to_owned(), |(scheme, _)| format!("{scheme}://")),
        ))
    }

    /// Makes the data folder unless it is there.
    fn make_folder(&self) -> Result<(), InstallationError> {
        store::sqlite::make_folder(&self.data).map_err(|source| InstallationError::Folder { path: self.data.clone(), source })
    }

    /// Whether nothing was ever here: no data in the folder, or none in the database.
    pub fn is_new(&self) -> Result<bool, InstallationError> {
        match self.url()? {
            None => Ok(!self.data.join(store::sqlite::MAIN_FILE).exists()),
            Some(url) => Ok(store::postgres::is_new(url)?),
        }
    }

    fn key_path(&self) -> PathBuf {
        self.master_key.clone().unwrap_or_else(|| master_key::default_path(&self.data))
    }

    /// The master key, where it is. Makes none.
    fn key(&self) -> Result<Key, InstallationError> {
        let (bytes, source) = match environment::read(master_key::VARIABLE)? {
            Some(text) => (master_key::parse(&text, &KeySource::Variable)?, KeySource::Variable),
            None => {
                let path = self.key_path();
                (master_key::read(&path)?, KeySource::File(path))
            }
        };
        Ok(Key { bytes, source, is_made: false })
    }

    /// The master key; one is made for an installation that is new, and for no other: by chance, or of a seed.
    fn key_or_new(&self, seed: Option<u64>) -> Result<Key, InstallationError> {
        match self.key() {
            Err(InstallationError::MasterKey(MasterKeyError::Missing(path))) if self.is_new()? => {
                let bytes = seed.map_or_else(master_key::random, |seed| Ok(seeded::master_key(seed)))?;
                master_key::write(&path, &bytes)?;
                Ok(Key { bytes, source: KeySource::File(path), is_made: true })
            }
            found => found,
        }
    }

    /// Opens the ledger for reading, also while a server writes it. Makes nothing.
    pub fn open_scan(&self) -> Result<Arc<dyn Scan>, InstallationError> {
        if self.is_new()? {
            let place = match self.database {
                Some(_) => "the database that --database or FLORIN_DATABASE names".to_owned(),
                None => format!("{}, which --data or FLORIN_DATA names,", self.data.display()),
            };
            return Err(InstallationError::NoData(place));
        }
        let key = self.key()?;
        let vault = Arc::new(Vault::new(&key.bytes));
        let opened = match self.url()? {
            None => store::sqlite::open_scan(&self.data, vault).map_err(InstallationError::from),
            Some(url) => store::postgres::open_scan(url, vault).map_err(InstallationError::from),
        };
        opened.map_err(|error| key.named_if(error))
    }

    /// What a snapshot is taken of or put into: the vault of the master key, where it is, and the database's URL. Makes nothing.
    pub fn vault(&self) -> Result<(Arc<Vault>, Option<&str>), InstallationError> {
        Ok((Arc::new(Vault::new(&self.key()?.bytes)), self.url()?))
    }

    /// Takes the folder for this process where the store does not: with a database there is still the socket in it.
    fn lock(&self) -> Result<Option<File>, InstallationError> {
        if self.database.is_none() {
            return Ok(None);
        }
        let path = self.data.join(store::sqlite::LOCK_FILE);
        let unusable = |source| InstallationError::File { path: path.clone(), source };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Err(InstallationError::InUse(path)),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// [`Self::start`]; or nothing where a running server has the data, and is to be asked through its socket: by those only who
    /// have its master key, as without it. Errors: those of both, and another key.
    pub fn start_unless_served(&self) -> Result<Option<Installation>, InstallationError> {
        let in_use = match self.start() {
            Err(error) if error.is_in_use() => error,
            started => return started.map(Some),
        };
        match self.open_scan() {
            // It has only just taken the folder.
            Err(InstallationError::NoData(_)) => Err(in_use),
            Err(error) => Err(error),
            Ok(_) => Ok(None),
        }
    }

    /// Opens everything that commands need, making what is missing.
    pub fn start(&self) -> Result<Installation, InstallationError> {
        self.start_with(&Foreseen::default())
    }

    /// [`Self::start`] with what is made up in advance. The data is marked before anything is drawn. Errors: also `Foreseen`.
    pub fn start_with(&self, foreseen: &Foreseen) -> Result<Installation, InstallationError> {
        let url = self.url()?;
        self.make_folder()?;
        let lock = self.lock()?;
        if store::snapshot::is_cut_off(&self.data) {
            return Err(InstallationError::CutOff);
        }
        let key = self.key_or_new(foreseen.seed)?;
        let vault = Arc::new(Vault::new(&key.bytes));
        let origin_key = vault.hash(&[b"addresses of callers"]);
        let acquirer_key = vault.hash(&[b"simulated acquirer"]);
        let explain_key = vault.hash(&[b"links to explanations"]);
        let receiver_key = vault.hash(&[b"addresses of receivers"]);
        let credits = Credits::new(vault.hash(&[b"credits of banks"]));
        let opened = match url {
            None => store::sqlite::open(&self.data, vault).map_err(InstallationError::from),
            Some(url) => store::postgres::open(url, vault).map_err(InstallationError::from),
        };
        let Opened { store, reads, deliveries, sealer, seeding, last_id, .. } = opened.map_err(|error| key.named_if(error))?;
        let clock: Arc<dyn Clock> = match foreseen.clock {
            Some(standing) => Arc::new(StandingClock(standing.0)),
            None => Arc::new(SystemClock),
        };
        let seeded = seeded_start(&*seeding, foreseen, &*clock, last_id)?;
        let sources = Sources { clock: Arc::clone(&clock), seeded };
        let ids = match &sources.seeded {
            Some(seeded) => Box::new(seeded.ids("engine")) as Box<dyn Ids>,
            None => Box::new(UuidIds::new(Arc::clone(&clock), random_seed()?).after(last_id)),
        };
        let engine = Engine::start(store, Arc::clone(&clock), ids, EngineConfig::default()).map_err(InstallationError::Writer)?;
        let chance = sources.chance();
        let own_ids = Mutex::new(sources.ids("installation")?);
        let foreseen = foreseen.clone();
        Ok(Installation {
            engine,
            reads,
            deliveries,
            sealer,
            clock,
            chance,
            foreseen,
            origin_key,
            credits,
            acquirer_key,
            explain_key,
            receiver_key,
            sources,
            own_ids,
            _lock: lock,
        })
    }
}

/// Marks the data for a start of which something is foreseen, and gives what it draws from if that has a seed; whoever starts
/// without on data that is marked is warned. Errors: `Foreseen`.
fn seeded_start(seeding: &dyn Seeding, foreseen: &Foreseen, clock: &dyn Clock, last_id: Uid) -> Result<Option<Seeded>, InstallationError> {
    let is_marked = seeding.mark().map_err(InstallationError::Mark)?.is_some();
    if !is_marked && !foreseen.is_any() {
        return Ok(None);
    }
    if seeding.has_production().map_err(InstallationError::Mark)? {
        return Err(InstallationError::Foreseen);
    }
    if !foreseen.is_any() {
        tracing::warn!("{}", foreseen::WARNING);
        return Ok(None);
    }
    let last_ms = i64::try_from(last_id.bits() >> 80).unwrap_or(0);
    let mark = seeding.start(clock.now().ms().max(last_ms.saturating_add(1))).map_err(InstallationError::Mark)?;
    Ok(foreseen.seed.map(|seed| Seeded::new(seed, mark.starts, mark.first_ms)))
}

/// Where ids and chance are from.
struct Sources {
    clock: Arc<dyn Clock>,
    seeded: Option<Seeded>,
}

impl Sources {
    fn ids(&self, of: &'static str) -> Result<Box<dyn Ids>, InstallationError> {
        Ok(match &self.seeded {
            Some(seeded) => Box::new(seeded.ids(of)),
            None => Box::new(UuidIds::new(Arc::clone(&self.clock), random_seed()?)),
        })
    }

    fn chance(&self) -> Arc<dyn Chance> {
        match &self.seeded {
            Some(seeded) => Arc::new(seeded.clone()),
            None => Arc::new(SystemChance),
        }
    }
}

/// A master key, where it is from, and whether it was made just now.
struct Key {
    bytes: [u8; master_key::KEY_BYTES],
    source: KeySource,
    is_made: bool,
}

impl Key {
    /// Says where the key is from that is not the one of the data, and takes back one that was made in vain: another server
    /// made the database first, with its own.
    fn named_if(self, error: InstallationError) -> InstallationError {
        use store::{postgres, sqlite};
        let is_made_in_vain = matches!(error, InstallationError::Postgres(postgres::OpenError::WrongMasterKey)) && self.is_made;
        if let (KeySource::File(path), true) = (&self.source, is_made_in_vain) {
            drop(std::fs::remove_file(path));
        }
        let data = match error {
            InstallationError::Sqlite(sqlite::OpenError::WrongMasterKey(path)) => path.display().to_string(),
            InstallationError::Postgres(postgres::OpenError::WrongMasterKey) => "the database".to_owned(),
            error => return error,
        };
        InstallationError::WrongKey { key: self.source, data }
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
    pub deliveries: Arc<dyn engine::Deliveries>,
    pub sealer: Arc<dyn Sealer>,
    pub clock: Arc<dyn Clock>,
    /// What secrets are drawn from.
    pub chance: Arc<dyn Chance>,
    /// What of it all is made up in advance.
    pub foreseen: Foreseen,
    /// Key of the hash that the audit trail keeps of callers' addresses.
    pub origin_key: [u8; 32],
    /// Names what banks report.
    pub credits: Credits,
    /// Key of what the simulated acquirer keeps of cards.
    pub acquirer_key: [u8; 32],
    /// Key of the links to explanations of errors.
    pub explain_key: [u8; 32],
    /// Key of the addresses of built-in receivers.
    pub receiver_key: [u8; 32],
    sources: Sources,
    /// Names what is done without anybody's request.
    own_ids: Mutex<Box<dyn Ids>>,
    /// Held for as long as the folder is ours.
    _lock: Option<File>,
}

impl Installation {
    /// A generator of ids for somebody, who is the only one to ask for it by this name.
    pub fn ids(&self, of: &'static str) -> Result<Box<dyn Ids>, InstallationError> {
        self.sources.ids(of)
    }

    /// An id for what Florin does for a platform by itself.
    pub fn fresh_request(&self, platform: PlatformId) -> RequestId {
        RequestId(self.own_ids.lock().unwrap_or_else(PoisonError::into_inner).fresh_of(platform, RequestId::SPACE))
    }

    /// An id for a platform to be. With a seed it depends on what the platform is called, and not on those made before it.
    pub fn fresh_platform(&self, client_id: &str) -> PlatformId {
        match &self.sources.seeded {
            Some(seeded) => PlatformId(seeded.id_of("platform", client_id.as_bytes())),
            None => PlatformId(self.own_ids.lock().unwrap_or_else(PoisonError::into_inner).fresh()),
        }
    }

    /// An API key for a platform: 256 bits of chance, as letters and digits.
    pub fn fresh_key(&self, client_id: &str) -> Result<String, InstallationError> {
        self.fresh_hex::<32>("API key", client_id)
    }

    /// So many bytes of chance, in hexadecimal digits.
    pub fn fresh_hex<const BYTES: usize>(&self, purpose: &'static str, of: &str) -> Result<String, InstallationError> {
        let mut bytes = [0; BYTES];
        self.chance.fill(Draw::next(purpose, of.as_bytes()), &mut bytes)?;
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}
