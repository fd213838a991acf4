//! `serve --ephemeral`: data that is gone when the server is.
//!
//! All of it is in one folder among the system's temporary ones, the master key too. The folder is its process's by a lock on a
//! file in it. A process that ends takes its folder away; of one that was killed the next ephemeral start does, since nobody
//! holds its lock any more.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::failure::{Code, Failure};
use crate::installation::{DATA_UNLESS_GIVEN, Location};

/// What the folders' names begin with.
const PREFIX: &str = "florin-ephemeral-";
/// The file in one that its process holds.
const LOCK: &str = "owner.lock";
/// The same while it is not held yet.
const LOCK_TO_BE: &str = "owner.lock.new";
/// A folder without a lock is of a start that is under way, unless it is older than this.
const STARTED_WITHIN: Duration = Duration::from_secs(3_600);
/// Folders that one start looks at.
const LEFT_OVERS_MAX: usize = 1_000;
/// Tries to take a folder away in which something is still being closed...
const REMOVE_TRIES: u32 = 20;
/// ...and the time between them.
const REMOVE_PAUSE: Duration = Duration::from_millis(50);

/// A place of our own for as long as this is there.
pub struct Ephemeral {
    folder: tempfile::TempDir,
    _lock: File,
}

impl Ephemeral {
    /// Takes away what was left of servers that were killed, and makes a place among the system's temporary folders.
    ///
    /// Errors: a place was named beside it, by flag or variable, that would not be used.
    pub fn start(given: &Location) -> Result<Self, Failure> {
        let named = [
            (given.data != Path::new(DATA_UNLESS_GIVEN), "--data"),
            (given.database.is_some(), "--database"),
            (given.master_key.is_some(), "--master-key"),
        ];
        if let Some((_, flag)) = named.into_iter().find(|(is_named, _)| *is_named) {
            return Err(Failure::new(Code::Usage, format!("--ephemeral has a place of its own: it does not go with {flag}")));
        }
        let parent = std::env::temp_dir();
        Self::start_in(&parent).map_err(|error| Failure::new(Code::Storage, format!("a folder in {}: {error}", parent.display())))
    }

    fn start_in(parent: &Path) -> io::Result<Self> {
        // A temporary folder has mode 0700.
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let to_be = folder.path().join(LOCK_TO_BE);
        let lock = OpenOptions::new().create_new(true).write(true).open(&to_be)?;
        lock.try_lock().map_err(io::Error::from)?;
        // Under its name it is held from the first moment on.
        std::fs::rename(&to_be, folder.path().join(LOCK))?;
        let owner = std::fs::metadata(folder.path())?.uid();
        for left in left_overs(parent).filter(|left| left != folder.path()) {
            match take_away(&left, owner) {
                Ok(true) => tracing::info!(folder = %left.display(), "what a killed server left was taken away"),
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, folder = %left.display(), "what a killed server left cannot be taken away"),
            }
        }
        Ok(Self { folder, _lock: lock })
    }

    /// Where the data is.
    pub fn location(&self) -> Location {
        Location { data: self.folder.path().join("data"), database: None, master_key: None }
    }

    /// Takes all of it away. To be called once everything that has files in it is closed.
    pub fn end(self) -> Result<(), Failure> {
        let path = self.folder.path().to_owned();
        let failed = |error: io::Error| Failure::new(Code::Storage, format!("{} is still there: {error}", path.display()));
        for _ in 1..REMOVE_TRIES {
            match std::fs::remove_dir_all(&path) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                // A thread that is ending may just have written.
                Err(_) => std::thread::sleep(REMOVE_PAUSE),
            }
        }
        self.folder.close().map_err(failed)
    }
}

fn left_overs(parent: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX)));
    ours.take(LEFT_OVERS_MAX).map(|entry| entry.path()).collect::<Vec<_>>().into_iter()
}

/// Takes a folder away that nobody holds. False: somebody does, or it is not one of the user's.
fn take_away(folder: &Path, owner: u32) -> io::Result<bool> {
    let about = std::fs::symlink_metadata(folder)?;
    if !about.is_dir() || about.uid() != owner {
        return Ok(false);
    }
    let lock = match OpenOptions::new().write(true).open(folder.join(LOCK)) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return take_away_unborn(folder, about.modified()?),
        Err(error) => return Err(error),
    };
    match lock.try_lock() {
        Ok(()) => std::fs::remove_dir_all(folder).map(|()| true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Takes a folder away whose start never came to have its lock.
fn take_away_unborn(folder: &Path, made_at: SystemTime) -> io::Result<bool> {
    if made_at.elapsed().is_ok_and(|age| age < STARTED_WITHIN) || made_at.elapsed().is_err() {
        return Ok(false);
    }
    match std::fs::remove_file(folder.join(LOCK_TO_BE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Anything else in it is not ours, and keeps it.
    std::fs::remove_dir(folder).map(|()| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(parent: &Path) -> usize {
        left_overs(parent).count()
    }

    #[test]
    fn what_is_held_stays_and_what_is_left_goes() {
        let parent = tempfile::tempdir().unwrap();
        let alive = Ephemeral::start_in(parent.path()).unwrap();
        std::fs::create_dir(alive.location().data).unwrap();
        // One that was killed: its folder is there, and its lock is nobody's.
        let killed = Ephemeral::start_in(parent.path()).unwrap();
        let left = killed.folder.keep();
        std::fs::write(left.join("data.key"), "k").unwrap();
        drop(killed._lock);
        // One that has only just begun, and something that is not ours at all.
        let begun = parent.path().join(format!("{PREFIX}begun"));
        std::fs::create_dir(&begun).unwrap();
        std::fs::write(parent.path().join(format!("{PREFIX}file")), "x").unwrap();

        let next = Ephemeral::start_in(parent.path()).unwrap();
        assert!(!left.exists() && begun.exists() && alive.location().data.exists());
        assert_eq!(folders(parent.path()), 4, "alive, begun, the file, and the next");
        let path = next.location().data;
        std::fs::create_dir(&path).unwrap();
        next.end().unwrap();
        assert!(!path.exists());
        alive.end().unwrap();
        assert_eq!(folders(parent.path()), 2);
    }
}
