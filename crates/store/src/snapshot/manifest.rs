//! What a snapshot says of itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Counts;
use crate::migrate::Migration;

/// The kinds of store there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// A data folder.
    Sqlite,
    /// A database.
    Postgres,
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "a data folder (SQLite)",
            Self::Postgres => "a PostgreSQL database",
        })
    }
}

/// A migration that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Its number.
    pub number: i64,
    /// SHA-256 of its text, in hexadecimal digits.
    pub checksum: String,
}

/// A part of a snapshot: a file, or the rows of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// `main`, `file:PATH` or `table:NAME`.
    pub name: String,
    /// Where its bytes begin in the file.
    pub at: u64,
    /// How many there are.
    pub bytes: u64,
    /// SHA-256 of them, in hexadecimal digits.
    pub sha256: String,
    /// The columns of a table's rows, in their order; of a file there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
}

/// What a snapshot says of itself: its table of contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the file.
    pub form: u32,
    /// The release that took it.
    pub florin: String,
    /// What it is of.
    pub store: StoreKind,
    /// The schema of the store.
    pub schema: Vec<Applied>,
    /// The instant, in milliseconds of UTC: of the machine, whatever the clocks of the platforms said.
    pub taken_at_ms: i64,
    /// What the master key is known by, in hexadecimal digits. It does not tell the key.
    pub key_check: String,
    /// How many platforms there are.
    pub platforms: u64,
    /// How many rows the tables have, by table.
    pub rows: Counts,
    /// The last number that a sequence of PostgreSQL has given, by table.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub sequences: std::collections::BTreeMap<String, i64>,
    /// The parts, one behind the other without gaps.
    pub sections: Vec<Section>,
}

/// What a schema is that has had all of these applied.
pub(crate) fn applied(all: &[Migration]) -> Vec<Applied> {
    all.iter().map(|one| Applied { number: one.number, checksum: one.checksum() }).collect()
}
