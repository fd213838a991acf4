//! Putting a data folder together beside the one whose place it takes.
//!
//! The two change places in one step of the file system, so whoever dies before leaves the old one as it was, and whoever dies
//! after leaves the new one whole. Both are locked meanwhile, as a server would lock them.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::{Before, Place, SnapshotError};
use crate::sqlite::{INDEX_FILE, LOCK_FILE, MAIN_FILE};

/// What the name of the folder that is being put together ends with.
const STAGED: &str = ".restoring";
/// A file in a folder that is in its place while the database beside it is not yet.
const MARK: &str = "restoring";
/// What else servers have in a data folder, besides their files of SQLite and those of the outside.
const ALSO_OURS: [&str; 4] = [LOCK_FILE, "florin.sock", "first-platform.json", MARK];
/// What SQLite puts beside a file of its own.
const BESIDE: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// Whether a restore died between the folder and its database: the two are not of one instant.
#[must_use]
pub fn is_cut_off(folder: &Path) -> bool {
    folder.join(MARK).exists()
}

/// A data folder that is claimed, and the one that is put together to take its place.
pub struct Claimed {
    folder: PathBuf,
    staged: PathBuf,
    /// Of the folder that is there, if one is.
    old: Option<File>,
    _new: File,
    is_done: bool,
}

impl Claimed {
    /// Claims a place. Errors: a server is at work there, or another restore; it holds something, and that is not to be
    /// replaced, or is not ours.
    pub(crate) fn of(place: Place<'_>, before: Before) -> Result<Self, SnapshotError> {
        // A link to a folder stays one: what it leads to is replaced.
        let folder = std::fs::canonicalize(place.folder).or_else(|_| std::path::absolute(place.folder));
        let folder = folder.map_err(SnapshotError::io(place.folder))?;
        let old = if folder.exists() { Some(claim_old(&folder, place.outside, before)?) } else { None };
        let mut staged = folder.clone().into_os_string();
        staged.push(STAGED);
        let staged = PathBuf::from(staged);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&staged);
        made.map_err(SnapshotError::io(&staged))?;
        let new = lock(&staged)?;
        // What one left that was killed.
        for entry in entries(&staged)?.into_iter().filter(|name| name != LOCK_FILE) {
            remove(&staged.join(entry))?;
        }
        Ok(Self { folder, staged, old, _new: new, is_done: false })
    }

    /// The folder that is being put together.
    pub(crate) fn staged(&self) -> &Path {
        &self.staged
    }

    /// Notes that the database is still to follow.
    pub(crate) fn mark(&self) -> Result<(), SnapshotError> {
        let path = self.staged.join(MARK);
        File::create(&path).and_then(|file| file.sync_all()).map_err(SnapshotError::io(path))
    }

    /// Takes the mark away: all is in its place.
    pub(crate) fn unmark(&self) -> Result<(), SnapshotError> {
        let path = self.folder.join(MARK);
        std::fs::remove_file(&path).map_err(SnapshotError::io(path))?;
        sync(&self.folder)
    }

    /// Puts the new folder into the place of the old one, durably. The old one is at the new one's place then.
    pub(crate) fn change_places(&self) -> Result<(), SnapshotError> {
        sync_all(&self.staged)?;
        let io = || SnapshotError::io(&self.folder);
        if self.old.is_none() {
            std::fs::rename(&self.staged, &self.folder).map_err(io())?;
        } else {
            match renameat_with(CWD, &self.staged, CWD, &self.folder, RenameFlags::EXCHANGE) {
                Ok(()) => {}
                // A file system that cannot: in between there is no folder, which is one that can be restored into.
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                    let mut aside = self.folder.clone().into_os_string();
                    aside.push(".replaced");
                    std::fs::rename(&self.folder, &aside).map_err(io())?;
                    std::fs::rename(&self.staged, &self.folder).map_err(io())?;
                    std::fs::rename(&aside, &self.staged).map_err(io())?;
                }
                Err(error) => return Err(io()(error.into())),
            }
        }
        sync(self.folder.parent().unwrap_or(Path::new("/")))
    }

    /// Puts the two back to where they were.
    pub(crate) fn change_back(&self) -> Result<(), SnapshotError> {
        if self.old.is_none() {
            return std::fs::rename(&self.folder, &self.staged).map_err(SnapshotError::io(&self.folder));
        }
        self.change_places()
    }

    /// Takes what was replaced away.
    pub(crate) fn end(mut self) -> Result<(), SnapshotError> {
        self.is_done = true;
        if self.old.is_some() { remove(&self.staged) } else { Ok(()) }
    }
}

impl Drop for Claimed {
    fn drop(&mut self) {
        if !self.is_done {
            drop(std::fs::remove_dir_all(&self.staged));
        }
    }
}

/// Claims the folder that is there.
fn claim_old(folder: &Path, outside: &[&str], before: Before) -> Result<File, SnapshotError> {
    let named = || folder.display().to_string();
    // Looked at first: a folder that is refused gets no lock file.
    let names = entries(folder)?;
    if let Some(other) = names.iter().find(|name| !is_ours(name, outside)) {
        return Err(SnapshotError::NotOurs { folder: folder.to_owned(), name: other.clone() });
    }
    let holds_data = |name: &String| name != LOCK_FILE && name != "florin.sock";
    let is_empty = !names.iter().any(holds_data);
    let is_locked = || lock(folder);
    if !is_empty && before == Before::Nothing {
        // Of a folder in use that is told first: it is the nearer trouble.
        if names.iter().any(|name| name == LOCK_FILE) {
            is_locked()?;
        }
        return Err(SnapshotError::NotEmpty(named()));
    }
    is_locked()
}

/// Whether a server has a file or folder of this name in its data folder.
fn is_ours(name: &str, outside: &[&str]) -> bool {
    let of_outside = outside.iter().filter_map(|path| path.split('/').next());
    let of_sqlite = |main: &&str| BESIDE.iter().any(|end| name.strip_prefix(*main) == Some(*end));
    ALSO_OURS.contains(&name) || of_outside.into_iter().any(|part| part == name) || [MAIN_FILE, INDEX_FILE].iter().any(of_sqlite)
}

fn lock(folder: &Path) -> Result<File, SnapshotError> {
    let path = folder.join(LOCK_FILE);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(SnapshotError::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SnapshotError::InUse(folder.display().to_string())),
        Err(TryLockError::Error(source)) => Err(SnapshotError::Io { path, source }),
    }
}

fn entries(folder: &Path) -> Result<Vec<String>, SnapshotError> {
    let read = std::fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect::<Result<Vec<_>, _>>());
    Ok(read.map_err(SnapshotError::io(folder))?.into_iter().map(|name| name.to_string_lossy().into_owned()).collect())
}

fn remove(path: &Path) -> Result<(), SnapshotError> {
    let is_folder = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    let removed = if is_folder { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    removed.map_err(SnapshotError::io(path))
}

fn sync(folder: &Path) -> Result<(), SnapshotError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(SnapshotError::io(folder))
}

/// Has a folder with everything in it on the disk.
fn sync_all(folder: &Path) -> Result<(), SnapshotError> {
    for name in entries(folder)? {
        let path = folder.join(name);
        if path.is_dir() { sync_all(&path)? } else { sync(&path)? }
    }
    sync(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_servers_put_there_is_ours() {
        let outside = ["outside/a.sqlite"];
        for name in ["florin.sqlite", "florin.sqlite-wal", "lists.sqlite-shm", "florin.lock", "florin.sock", "outside", "restoring"] {
            assert!(is_ours(name, &outside), "{name}");
        }
        for name in ["notes.txt", "florin.sqlite2", "a.sqlite", "", ".ssh"] {
            assert!(!is_ours(name, &outside), "{name}");
        }
    }
}
