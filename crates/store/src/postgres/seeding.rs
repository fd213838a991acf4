//! The mark of seeded starts in a database, which several servers may start on at once.

use engine::StoreError;
use tokio_postgres::Client;

use super::open::{MIGRATION_LOCK, OpenError, on_a_thread};
use super::target::Target;
use crate::seeding::{Mark, NAME, Seeding};

/// Over a database. It has a connection only while it is asked.
pub struct PostgresSeeding(pub Target);

impl PostgresSeeding {
    fn ask<T: Send, F: Future<Output = Result<T, OpenError>> + Send>(&self, ask: impl FnOnce(Client) -> F + Send) -> Result<T, StoreError> {
        let target = self.0.clone();
        let asked = on_a_thread(async move { ask(target.connect().await?).await });
        asked.map_err(|error| match error {
            OpenError::Store(error) => error,
            error => StoreError::Fault(error.to_string()),
        })
    }
}

async fn stored(client: &Client) -> Result<Option<Vec<u8>>, OpenError> {
    let row = client.query_opt("SELECT value FROM meta WHERE name = $1", &[&NAME]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

impl Seeding for PostgresSeeding {
    fn mark(&self) -> Result<Option<Mark>, StoreError> {
        Mark::read(self.ask(|client| async move { stored(&client).await })?.as_deref())
    }

    fn start(&self, not_before_ms: i64) -> Result<Mark, StoreError> {
        self.ask(move |client| async move {
            client.batch_execute("BEGIN").await?;
            client.query("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await?;
            let (mark, bytes) = Mark::follow(stored(&client).await?.as_deref(), not_before_ms)?;
            let insert = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
            client.execute(insert, &[&NAME, &bytes]).await?;
            client.batch_execute("COMMIT").await?;
            Ok(mark)
        })
    }

    fn has_production(&self) -> Result<bool, StoreError> {
        self.ask(|client| async move {
            let sql = "SELECT EXISTS (SELECT 1 FROM platform WHERE status = 'production')";
            Ok(client.query_one(sql, &[]).await?.try_get(0)?)
        })
    }
}
