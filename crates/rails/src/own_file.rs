//! Files of the simulated outside, which nobody but their owner may read.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

/// Why a file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It could not be made, or not be kept from others.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It could not be read or written.
    #[error("{path}: {source}")]
    Sqlite {
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// What is in it is sealed under another key.
    #[error("{0} was made under another master key: put that key back, or move the file away")]
    OtherKey(PathBuf),
    /// It is of another release.
    #[error("{0} was made by another release of Florin: move it away")]
    OtherForm(PathBuf),
}

/// Opens a file and has `make_ready` prepare it. What SQLite puts beside it is as private as the file itself.
pub fn open<T>(path: &Path, make_ready: impl FnOnce(Connection) -> rusqlite::Result<T>) -> Result<T, OpenError> {
    let io = |source| OpenError::Io { path: path.to_owned(), source };
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path).map_err(io)?;
    // One that was there before may be open to others.
    file.set_permissions(Permissions::from_mode(0o600)).map_err(io)?;
    Connection::open(path).and_then(make_ready).map_err(|source| OpenError::Sqlite { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_its_owners_also_if_it_was_there_before() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["new", "old"] {
            let path = folder.path().join(name);
            if name == "old" {
                std::fs::write(&path, "").unwrap();
                std::fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
            }
            let conn = open(&path, |conn| {
                conn.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (a)")?;
                Ok(conn)
            });
            assert!(folder.path().join(format!("{name}-wal")).exists() && conn.is_ok());
        }
        for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", file.path().display());
        }
        assert!(matches!(open(&folder.path().join("no/file"), Ok), Err(OpenError::Io { .. })));
    }
}
