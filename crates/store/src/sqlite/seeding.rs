//! The mark of seeded starts in a data folder.

use std::path::PathBuf;

use engine::StoreError;
use rusqlite::{Connection, OptionalExtension};

use super::{connect, fault};
use crate::seeding::{Mark, NAME, Seeding};

/// Over the main file. It has a connection only while it is asked: before anything else is written.
pub struct SqliteSeeding(pub PathBuf);

impl SqliteSeeding {
    fn connect(&self, writes: bool) -> Result<Connection, StoreError> {
        connect(&self.0, writes, "FULL").map_err(|error| StoreError::Fault(error.to_string()))
    }
}

fn stored(conn: &Connection) -> Result<Option<Vec<u8>>, StoreError> {
    conn.query_row("SELECT value FROM meta WHERE name = ?1", [NAME], |row| row.get(0)).optional().map_err(fault)
}

impl Seeding for SqliteSeeding {
    fn mark(&self) -> Result<Option<Mark>, StoreError> {
        Mark::read(stored(&self.connect(false)?)?.as_deref())
    }

    fn start(&self, not_before_ms: i64) -> Result<Mark, StoreError> {
        let conn = self.connect(true)?;
        conn.execute_batch("BEGIN IMMEDIATE").map_err(fault)?;
        let (mark, bytes) = Mark::follow(stored(&conn)?.as_deref(), not_before_ms)?;
        let insert = "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        conn.execute(insert, (NAME, bytes)).map_err(fault)?;
        conn.execute_batch("COMMIT").map_err(fault)?;
        Ok(mark)
    }

    fn has_production(&self) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM platform WHERE status = 'production')";
        self.connect(false)?.query_row(sql, [], |row| row.get(0)).map_err(fault)
    }
}
