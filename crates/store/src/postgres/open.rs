//! Opening a database: what is checked and made before anything else.

use std::sync::Arc;

use engine::StoreError;
use ledger::Uid;
use tokio_postgres::{Client, Error};

use super::backstage::Backstage;
use super::erasures::{self, Erasures};
use super::seeding::PostgresSeeding;
use super::target::Target;
use super::{deliveries, durable, error, projector, reads, rows, runtime, scan, seal, writer};
use crate::migrate::{self, SchemaError};
use crate::vault::Vault;
use crate::{Opened, Scan};

/// Held while the schema is looked at and changed: the number is ours by chance.
pub const MIGRATION_LOCK: i64 = 0x464c_4f52_494e_0001;

/// Why a database could not be opened. None of the texts has the URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is not one of PostgreSQL.
    #[error("the database URL cannot be read: {0}")]
    Url(String),
    /// The certificates that the URL asks for cannot be used.
    #[error("encryption to PostgreSQL: {0}")]
    Tls(String),
    /// The server could not be reached, or refused us.
    #[error("PostgreSQL: {0}")]
    Postgres(String),
    /// The server acknowledges commits that a crash may lose.
    #[error("PostgreSQL has {0} switched off: an acknowledged payment could be lost; switch it on")]
    NotDurable(&'static str),
    /// The schema is not one this release can use.
    #[error("the database: {0}")]
    Schema(#[from] SchemaError),
    /// The master key is not the one the database was made with.
    #[error("the master key is not the one that the database was made with")]
    WrongMasterKey,
    /// What is stored could not be read.
    #[error("{0}")]
    Store(#[from] StoreError),
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        Self::Postgres(error::chain(&error))
    }
}

/// Opens a database, making what is missing. Other servers may have it open too.
///
/// Blocks until done; the work is done on a thread of its own, so it may be called on a runtime's.
pub fn open(url: &str, vault: Arc<Vault>) -> Result<Opened, OpenError> {
    let target = Target::parse(url)?;
    let Prepared { last_id, last_erasure } = on_a_thread(prepare(target.clone(), Arc::clone(&vault)))?;
    let erasures = Arc::new(Erasures::new(Arc::clone(&vault), last_erasure));
    let backstage = Arc::new(Backstage::start(target.clone())?);
    let progress = Arc::new(projector::Progress::default());
    backstage.spawn(projector::run(target.clone(), Arc::clone(&progress), Arc::clone(&erasures)));
    let deliveries = Arc::new(deliveries::PostgresDeliveries::new(Arc::clone(&backstage)));
    let reads = reads::PostgresReads::new(backstage, progress, Arc::clone(&vault));
    let writer = writer::Writer::new(target.clone(), Arc::clone(&vault), erasures);
    let sealer = Arc::new(seal::PostgresSealer::start(target.clone(), Arc::clone(&vault))?);
    let seeding = Arc::new(PostgresSeeding(target.clone()));
    let scan = scan::PostgresScan::new(target, vault);
    Ok(Opened { store: Box::new(writer), reads: Arc::new(reads), deliveries, scan: Arc::new(scan), sealer, seeding, last_id })
}

/// Whether nothing of ours is in a database yet. Changes nothing.
pub fn is_new(url: &str) -> Result<bool, OpenError> {
    let target = Target::parse(url)?;
    on_a_thread(async move {
        let client = target.connect().await?;
        let row = client.query_one("SELECT to_regclass('meta') IS NULL", &[]).await?;
        Ok(row.try_get(0)? || stored_check(&client).await?.is_none())
    })
}

/// Opens the ledger of a database for reading only. Changes nothing, not even the schema.
pub fn open_scan(url: &str, vault: Arc<Vault>) -> Result<Arc<dyn Scan>, OpenError> {
    let target = Target::parse(url)?;
    let (its_target, its_vault) = (target.clone(), Arc::clone(&vault));
    on_a_thread(async move {
        let client = its_target.connect().await?;
        match stored_check(&client).await? {
            Some(stored) if stored == master_key_check(&its_vault) => Ok(()),
            _ => Err(OpenError::WrongMasterKey),
        }
    })?;
    Ok(Arc::new(scan::PostgresScan::new(target, vault)))
}

/// Runs `work` to its end on a thread with a runtime: a runtime may not be driven inside another one's task.
pub fn on_a_thread<T: Send>(work: impl Future<Output = Result<T, OpenError>> + Send) -> Result<T, OpenError> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| runtime()?.block_on(work));
        thread.join().unwrap_or_else(|_| Err(OpenError::Store(StoreError::Fault("opening panicked".to_owned()))))
    })
}

/// How far a database is when it is opened.
struct Prepared {
    /// The greatest id given so far.
    last_id: Uid,
    /// The last erasure that nothing has to be forgotten for: no key was read yet.
    last_erasure: i64,
}

async fn prepare(target: Target, vault: Arc<Vault>) -> Result<Prepared, OpenError> {
    let client = target.connect().await?;
    if let Some(setting) = durable::lacking(&client).await? {
        return Err(OpenError::NotDurable(setting));
    }
    migrate(&client).await?;
    check_master_key(&client, &vault).await?;
    let last_erasure = client.query_one(erasures::LAST, &[]).await?.try_get(0)?;
    Ok(Prepared { last_id: last_id(&client).await?, last_erasure })
}

/// Applies what is missing, in one transaction, while other servers that start wait.
pub async fn migrate(client: &Client) -> Result<(), OpenError> {
    client.batch_execute("BEGIN").await?;
    client.query("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await?;
    client
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS schema_version \
             (number BIGINT NOT NULL PRIMARY KEY, name TEXT COLLATE \"C\" NOT NULL, checksum TEXT COLLATE \"C\" NOT NULL)",
        )
        .await?;
    let rows = client.query("SELECT number, checksum FROM schema_version ORDER BY number", &[]).await?;
    let applied: Vec<(i64, String)> = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, Error>>()?;
    for migration in migrate::pending(migrate::POSTGRES, &applied)? {
        client.batch_execute(migration.sql).await?;
        let insert = "INSERT INTO schema_version (number, name, checksum) VALUES ($1, $2, $3)";
        client.execute(insert, &[&migration.number, &migration.name, &migration.checksum()]).await?;
    }
    client.batch_execute("COMMIT").await?;
    Ok(())
}

fn master_key_check(vault: &Vault) -> Vec<u8> {
    vault.hash(&[b"master key check"]).to_vec()
}

pub async fn stored_check(client: &Client) -> Result<Option<Vec<u8>>, OpenError> {
    let row = client.query_opt("SELECT value FROM meta WHERE name = 'master_key_check'", &[]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Stores a keyed hash at first, and holds the master key against it ever after.
async fn check_master_key(client: &Client, vault: &Vault) -> Result<(), OpenError> {
    let expected = master_key_check(vault);
    let insert = "INSERT INTO meta (name, value) VALUES ('master_key_check', $1) ON CONFLICT (name) DO NOTHING";
    client.execute(insert, &[&expected]).await?;
    match stored_check(client).await? {
        Some(stored) if stored == expected => Ok(()),
        _ => Err(OpenError::WrongMasterKey),
    }
}

/// The newest ids of what grows with time. Each platform's is at the end of an index; there is no index over all.
async fn last_id(client: &Client) -> Result<Uid, OpenError> {
    let mut last = Uid::default();
    for (table, order) in [("event", "number"), ("entry", "id")] {
        let text = format!(
            "SELECT newest.id FROM platform p CROSS JOIN LATERAL \
             (SELECT t.id FROM {table} t WHERE t.platform = p.platform ORDER BY t.platform DESC, t.{order} DESC LIMIT 1) AS newest \
             ORDER BY newest.id DESC LIMIT 1"
        );
        if let Some(row) = client.query_opt(&text, &[]).await? {
            last = last.max(rows::uid(&row, 0)?);
        }
    }
    Ok(last)
}
