//! Why a snapshot cannot be taken or put back.

use std::path::PathBuf;

use engine::StoreError;

use super::StoreKind;

/// Why a snapshot could not be taken, or not be put back. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// A file could not be used.
    #[error("{path}: {source}")]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("{0} is no snapshot of Florin")]
    NoSnapshot(PathBuf),
    /// A newer release wrote it.
    #[error("the snapshot {path} has form {found}, this release knows only form {known}: use the newer release")]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its form.
        found: u32,
        /// The form of this release.
        known: u32,
    },
    /// Its end is missing.
    #[error("the snapshot {0} is cut off: its end is missing")]
    CutOff(PathBuf),
    /// It is not what was written.
    #[error("the snapshot {path} was changed since it was taken: {what} is not as it was")]
    Changed {
        /// Which file.
        path: PathBuf,
        /// The part of it.
        what: String,
    },
    /// It is of data under another master key.
    #[error(
        "the snapshot {0} was taken under another master key: what is sealed in it opens with that one only, and the key is not in the file"
    )]
    WrongMasterKey(PathBuf),
    /// The data is under another master key.
    #[error("the master key is not the one that the data was made with")]
    NotTheKeyOfTheData,
    /// It is of the other kind of store.
    #[error("the snapshot is of {found}, and cannot be put into {wanted}")]
    OtherStore {
        /// What it is of.
        found: StoreKind,
        /// Where it was to be put.
        wanted: StoreKind,
    },
    /// It has a schema that this release cannot use.
    #[error("the snapshot was taken by florin {by}, whose schema is not the one of this release: use that release")]
    OtherSchema {
        /// The release that took it.
        by: String,
    },
    /// The data has a schema that this release cannot copy.
    #[error("the schema of the data is not the one of this release: start a server of this release on it first")]
    SchemaOfData,
    /// There is nothing to copy.
    #[error("there is no data yet")]
    NoData,
    /// Real money is never copied.
    #[error(
        "there is a platform for real money: its ledger is not copied into another place, where it would go on a second time; back it up instead"
    )]
    Production,
    /// Something is there already.
    #[error("{0} holds something already: --replace puts the snapshot in its place")]
    NotEmpty(String),
    /// Something is there that no server of ours has put there.
    #[error("{folder} holds {name}, which is not of a server's data: such a folder is never replaced")]
    NotOurs {
        /// The folder.
        folder: PathBuf,
        /// What it holds.
        name: String,
    },
    /// A server is at work there.
    #[error("{0} is in use: end its server first")]
    InUse(String),
    /// What was put together does not hold.
    #[error("the restored ledger does not hold, and was thrown away: {first}{}", more(*count))]
    Unsound {
        /// The first finding.
        first: String,
        /// How many there are.
        count: usize,
    },
    /// PostgreSQL refused.
    #[error("{0}")]
    Postgres(#[from] crate::postgres::OpenError),
    /// SQLite refused.
    #[error("{path}: {source}")]
    Sqlite {
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The store refused.
    #[error("{0}")]
    Store(#[from] StoreError),
}

fn more(count: usize) -> String {
    match count.saturating_sub(1) {
        0 => String::new(),
        others => format!(" (and {others} more)"),
    }
}

impl SnapshotError {
    /// What the system said of a path.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// What SQLite said of a file.
    pub(crate) fn sqlite(path: impl Into<PathBuf>) -> impl FnOnce(rusqlite::Error) -> Self {
        let path = path.into();
        move |source| Self::Sqlite { path, source }
    }
}
