//! SQLite in a data folder: the store that needs nothing.
//!
//! One writer appends; whatever is hot (balances, idempotency keys, decoded records) is resident and
//! changes only after its commit ([`resident`]). Account rows are checkpointed behind, oldest first,
//! and completed at start from the postings after the checkpoint. Lists have their newest rows in memory
//! and the others in a file of their own ([`lists`]).

mod append;
mod deliveries;
mod durable;
pub mod lists;
mod pool;
mod reads;
mod removal;
mod resident;
mod rows;
mod scan;
mod seal;
mod seal_check;
mod seeding;
mod story;
mod writer;

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::StoreError;
use ledger::Uid;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::Opened;
use crate::migrate::{self, Migration, SchemaError};
use crate::vault::Vault;

/// Name of the main file in a data folder.
pub const MAIN_FILE: &str = "florin.sqlite";
/// Name of the file of lists, which can be deleted while no server runs.
pub const INDEX_FILE: &str = "lists.sqlite";
/// Name of the file whose lock says that a process owns the folder.
pub const LOCK_FILE: &str = "florin.lock";

/// Read connections for what takes a while: lists, stories, deliveries; one more of those waits.
const READERS: usize = 4;
/// Read connections for look-ups, which are made on the runtime's own threads: nothing slow may hold one.
const QUICK_READERS: usize = 2;
/// Statements a connection keeps prepared.
const CACHED_STATEMENTS: usize = 128;

/// Why a data folder could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process owns the folder.
    #[error("another process is using {0}")]
    InUse(PathBuf),
    /// The files could not be reached.
    #[error("{path}: {source}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// SQLite could not use the file.
    #[error("{path}: {source}")]
    Sqlite {
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The schema is not one this release can use.
    #[error("{path}: {source}")]
    Schema {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: SchemaError,
    },
    /// The master key is not the one the folder was made with.
    #[error("the master key is not the one that {0} was made with")]
    WrongMasterKey(PathBuf),
    /// What is stored could not be read.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Opens the data folder, making what is missing, and takes it for this process.
pub fn open(folder: &Path, vault: Arc<Vault>) -> Result<Opened, OpenError> {
    make_folder(folder).map_err(|source| OpenError::Io { path: folder.to_owned(), source })?;
    let lock = lock(&folder.join(LOCK_FILE))?;
    let main = folder.join(MAIN_FILE);
    let index = folder.join(INDEX_FILE);
    let mut conn = connect(&main, true, "FULL")?;
    migrate(&mut conn, migrate::SQLITE, &main)?;
    check_master_key(&conn, &vault, &main)?;
    let log = Arc::new(durable::Log::open(&main).map_err(|source| OpenError::Io { path: main.clone(), source })?);
    // From now on the log is synced behind its commits, by whoever answers for them.
    conn.execute_batch("PRAGMA synchronous = NORMAL").map_err(fault)?;
    let mut index_conn = connect(&index, true, "NORMAL")?;
    migrate(&mut index_conn, migrate::SQLITE_INDEX, &index)?;

    let resident = Arc::new(resident::Resident::fill(&conn)?);
    let last_id = last_id(&conn).map_err(fault)?;
    let readers = Arc::new(pool::Pool::new(READERS, || connect(&main, false, "FULL"))?);
    let quick = pool::Pool::new(QUICK_READERS, || connect(&main, false, "FULL"))?;
    let list_readers = pool::Pool::new(READERS, || connect(&index, false, "NORMAL"))?;
    let outbox = lists::Outbox { main: connect(&main, false, "FULL")?, vault: Arc::clone(&vault) };
    let lists = lists::Lists::open(lists::ListFile::new(index_conn), outbox, list_readers, lists::Limits::default())?;
    let lists = Arc::new(lists);
    let deliveries = Arc::new(deliveries::SqliteDeliveries::new(Arc::clone(&readers), Arc::clone(&log)));
    let reads = reads::SqliteReads::new(
        quick,
        Arc::clone(&readers),
        Arc::clone(&lists),
        Arc::clone(&resident),
        Arc::clone(&vault),
        Arc::clone(&log),
    );
    let sealer = Arc::new(seal::SqliteSealer::start(connect(&main, false, "FULL")?, Arc::clone(&vault))?);
    let writer = writer::Writer::new(conn, log, resident, Arc::clone(&vault), lists, Arc::clone(&sealer), lock);
    let scan = scan::SqliteScan::new(readers, vault);
    Ok(Opened {
        store: Box::new(writer),
        reads: Arc::new(reads),
        deliveries,
        scan: Arc::new(scan),
        sealer,
        seeding: Arc::new(seeding::SqliteSeeding(main)),
        last_id,
    })
}

/// Opens the ledger of a data folder for reading, whether or not a server owns it.
pub fn open_scan(folder: &Path, vault: Arc<Vault>) -> Result<Arc<dyn crate::Scan>, OpenError> {
    let main = folder.join(MAIN_FILE);
    if !main.exists() {
        let source = std::io::Error::new(std::io::ErrorKind::NotFound, "there is no data here");
        return Err(OpenError::Io { path: main, source });
    }
    let readers = pool::Pool::new(1, || connect(&main, false, "FULL"))?;
    readers.with(|conn| check_master_key(conn, &vault, &main))?;
    Ok(Arc::new(scan::SqliteScan::new(Arc::new(readers), vault)))
}

/// A connection that reads a file, whether or not a server writes it.
pub(crate) fn connect_to_read(path: &Path) -> Result<Connection, StoreError> {
    connect(path, false, "FULL").map_err(|error| StoreError::Fault(error.to_string()))
}

/// Makes a data folder unless it is there, for its owner's eyes only.
pub fn make_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let io = |source| OpenError::Io { path: path.to_owned(), source };
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(std::fs::TryLockError::Error(source)) => Err(io(source)),
    }
}

fn connect(path: &Path, writes: bool, synchronous: &str) -> Result<Connection, OpenError> {
    let sqlite = |source| OpenError::Sqlite { path: path.to_owned(), source };
    let access = if writes { OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
    let conn = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(sqlite)?;
    conn.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    // A plan depends on its statement alone: otherwise statements are planned anew for what is bound to them.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(sqlite)?;
    conn.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;
         PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 16000; PRAGMA query_only = {};",
        if writes { "OFF" } else { "ON" }
    ))
    .map_err(sqlite)?;
    Ok(conn)
}

fn migrate(conn: &mut Connection, all: &[Migration], path: &Path) -> Result<(), OpenError> {
    let sqlite = |source| OpenError::Sqlite { path: path.to_owned(), source };
    let transaction = conn.transaction().map_err(sqlite)?;
    transaction
        .execute_batch("CREATE TABLE IF NOT EXISTS schema_version (number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT")
        .map_err(sqlite)?;
    let applied = {
        let mut rows = transaction.prepare("SELECT number, checksum FROM schema_version ORDER BY number").map_err(sqlite)?;
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(sqlite)?;
        rows.collect::<Result<Vec<(i64, String)>, _>>().map_err(sqlite)?
    };
    let pending = migrate::pending(all, &applied).map_err(|source| OpenError::Schema { path: path.to_owned(), source })?;
    for migration in pending {
        transaction.execute_batch(migration.sql).map_err(sqlite)?;
        let row = (migration.number, migration.name, migration.checksum());
        transaction.execute("INSERT INTO schema_version (number, name, checksum) VALUES (?1, ?2, ?3)", row).map_err(sqlite)?;
    }
    transaction.commit().map_err(sqlite)
}

/// Stores a keyed hash at first, and holds the master key against it ever after.
fn check_master_key(conn: &Connection, vault: &Vault, path: &Path) -> Result<(), OpenError> {
    let sqlite = |source| OpenError::Sqlite { path: path.to_owned(), source };
    let expected = vault.hash(&[b"master key check"]);
    let stored = conn.query_row("SELECT value FROM meta WHERE name = 'master_key_check'", [], |row| row.get::<_, Vec<u8>>(0));
    match stored {
        Ok(stored) if stored == expected => Ok(()),
        Ok(_) => Err(OpenError::WrongMasterKey(path.to_owned())),
        Err(rusqlite::Error::QueryReturnedNoRows) => {
            conn.execute("INSERT INTO meta (name, value) VALUES ('master_key_check', ?1)", [expected]).map_err(sqlite)?;
            Ok(())
        }
        Err(source) => Err(sqlite(source)),
    }
}

/// The greatest id of what grows with time, so that ids made after a clock that was set back still rise.
fn last_id(conn: &Connection) -> rusqlite::Result<Uid> {
    let of = |table| conn.query_row(&format!("SELECT max(id) FROM {table}"), [], |row| rows::optional_uid(row, 0));
    Ok(of("event")?.into_iter().chain(of("entry")?).max().unwrap_or_default())
}

/// Whatever SQLite refuses is a fault: there is one writer, and it has decided before it writes.
pub(crate) fn fault(error: rusqlite::Error) -> StoreError {
    StoreError::Fault(error.to_string())
}
