//! A power failure, for tests: what a program wrote to its files and did not sync is lost, or half lost.
//!
//! A killed process leaves its writes in the system's page cache, so killing alone never shows a missing `fsync`.
//! Loaded before libc (`LD_PRELOAD`) into the program under test, this library keeps a journal of each file's writes
//! since its last sync ([`shim`]). After the program was killed, [`cut`] takes them back: all of them, or each sector
//! of each write by chance, as a disk that reorders its cache would.
//!
//! A file's sync is taken at its word, and so are its creation and deletion: directories are not followed.

mod journal;
mod shim;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use journal::{Loss, cut};

/// Names the folder whose files are followed.
const ROOT: &str = "POWERCUT_ROOT";
/// Names the folder of the journals, which must not be within the other.
const JOURNAL: &str = "POWERCUT_JOURNAL";

/// Has `command` run with its writes beneath `root` followed in journals in the folder `journal`.
///
/// Errors: the library is not where cargo puts it, beside the running test.
pub fn follow(command: &mut Command, root: &Path, journal: &Path) -> io::Result<()> {
    std::fs::create_dir_all(journal)?;
    command.env("LD_PRELOAD", library()?).env(ROOT, root.canonicalize()?).env(JOURNAL, journal.canonicalize()?);
    Ok(())
}

fn library() -> io::Result<OsString> {
    let test = std::env::current_exe()?;
    let beside: Option<PathBuf> = test.parent().map(|folder| folder.join("libpowercut.so"));
    match beside {
        Some(path) if path.exists() => Ok(path.into_os_string()),
        _ => Err(io::Error::new(io::ErrorKind::NotFound, "libpowercut.so is not beside the test")),
    }
}
