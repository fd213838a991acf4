//! What stands in for libc: the functions by which a file is written and synced.
//!
//! Each calls the next library's function of its name. In a process without [`crate::follow`]'s environment, nothing else.

use std::collections::HashMap;
use std::ffi::CStr;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use libc::{c_int, c_void, off64_t, size_t, ssize_t};

use crate::journal::{self, Change};

type Pwrite = unsafe extern "C" fn(c_int, *const c_void, size_t, off64_t) -> ssize_t;
type Ftruncate = unsafe extern "C" fn(c_int, off64_t) -> c_int;
type Sync = unsafe extern "C" fn(c_int) -> c_int;

/// The functions that are stood in for.
struct Real {
    pwrite: Pwrite,
    ftruncate: Ftruncate,
    fsync: Sync,
    fdatasync: Sync,
}

fn real() -> &'static Real {
    static REAL: OnceLock<Real> = OnceLock::new();
    REAL.get_or_init(|| {
        let find = |name: &CStr| {
            // SAFETY: the name is a C string; RTLD_NEXT asks for the library after this one.
            let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
            assert!(!found.is_null(), "libc has no {name:?}");
            found
        };
        // SAFETY: the functions that libc has under these names are of these types.
        unsafe {
            Real {
                pwrite: std::mem::transmute::<*mut c_void, Pwrite>(find(c"pwrite64")),
                ftruncate: std::mem::transmute::<*mut c_void, Ftruncate>(find(c"ftruncate64")),
                fsync: std::mem::transmute::<*mut c_void, Sync>(find(c"fsync")),
                fdatasync: std::mem::transmute::<*mut c_void, Sync>(find(c"fdatasync")),
            }
        }
    })
}

/// What is followed, and the journals there are.
struct Following {
    root: PathBuf,
    folder: PathBuf,
    /// Held while a file is changed or synced, so that a journal has its changes in their order.
    journals: Mutex<HashMap<PathBuf, File>>,
}

fn following() -> Option<&'static Following> {
    static FOLLOWING: OnceLock<Option<Following>> = OnceLock::new();
    let following = FOLLOWING.get_or_init(|| {
        let folder = |name| std::env::var_os(name).map(PathBuf::from);
        Some(Following { root: folder(crate::ROOT)?, folder: folder(crate::JOURNAL)?, journals: Mutex::default() })
    });
    following.as_ref()
}

/// The path of a file that is followed.
fn followed(fd: c_int) -> Option<(&'static Following, PathBuf)> {
    let following = following()?;
    let path = std::fs::read_link(format!("/proc/self/fd/{fd}")).ok()?;
    path.starts_with(&following.root).then_some((following, path))
}

impl Following {
    /// Does `call` after the change was noted. A change that cannot be noted is a test that cannot tell: it ends.
    fn change<T>(
        &self,
        fd: c_int,
        path: &Path,
        describe: impl FnOnce(u64) -> (u64, usize, Option<Vec<u8>>),
        call: impl FnOnce() -> T,
    ) -> T {
        let mut journals = self.journals.lock().unwrap_or_else(PoisonError::into_inner);
        let length_before = length_of(fd);
        let (at, replaced, after) = describe(length_before);
        let from = if after.is_some() { at } else { at.min(length_before) };
        let change = Change { at, length_before, before: read(fd, from, replaced), after };
        let journal = journals.entry(path.to_owned()).or_insert_with(|| {
            let path = self.folder.join(journal::name_of(path));
            OpenOptions::new().create(true).append(true).open(path).expect("a journal cannot be made")
        });
        journal::append(journal, &change).expect("a change cannot be noted");
        call()
    }

    /// Forgets the changes of a file: they are durable.
    fn synced(&self, path: &Path, call: impl FnOnce() -> c_int) -> c_int {
        let journals = self.journals.lock().unwrap_or_else(PoisonError::into_inner);
        let result = call();
        if result == 0
            && let Some(journal) = journals.get(path)
        {
            journal.set_len(0).expect("a journal cannot be emptied");
        }
        result
    }
}

fn length_of(fd: c_int) -> u64 {
    // SAFETY: fstat writes a whole stat into the place it is given, for any descriptor that is open.
    let length = unsafe {
        let mut stat = std::mem::zeroed::<libc::stat64>();
        if libc::fstat64(fd, &raw mut stat) == 0 { stat.st_size } else { 0 }
    };
    u64::try_from(length).unwrap_or(0)
}

/// What a file has at a place, up to `count` bytes; fewer at its end.
fn read(fd: c_int, at: u64, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    let mut filled = 0;
    while filled < count {
        let Some(rest) = bytes.get_mut(filled..) else { break };
        let place = off64_t::try_from(at).unwrap_or(off64_t::MAX) + off64_t::try_from(filled).unwrap_or(0);
        // SAFETY: the buffer is as long as is said.
        let count = unsafe { libc::pread64(fd, rest.as_mut_ptr().cast(), rest.len(), place) };
        match usize::try_from(count) {
            Ok(count) if count > 0 => filled += count,
            _ => break,
        }
    }
    bytes.truncate(filled);
    bytes
}

/// Stands in for `pwrite64`.
///
/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(fd: c_int, bytes: *const c_void, count: size_t, at: off64_t) -> ssize_t {
    // SAFETY: the caller's arguments, passed on.
    let call = || unsafe { (real().pwrite)(fd, bytes, count, at) };
    let Some((following, path)) = followed(fd) else { return call() };
    let describe = |_| {
        // SAFETY: the caller says that `count` bytes are there.
        let after = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), count) };
        (u64::try_from(at).unwrap_or(0), count, Some(after.to_vec()))
    };
    following.change(fd, &path, describe, call)
}

/// Stands in for `pwrite`.
///
/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite(fd: c_int, bytes: *const c_void, count: size_t, at: off64_t) -> ssize_t {
    // SAFETY: the caller's arguments, passed on.
    unsafe { pwrite64(fd, bytes, count, at) }
}

/// Stands in for `ftruncate64`.
///
/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate64(fd: c_int, length: off64_t) -> c_int {
    // SAFETY: the caller's arguments, passed on.
    let call = || unsafe { (real().ftruncate)(fd, length) };
    let Some((following, path)) = followed(fd) else { return call() };
    let describe = |length_before: u64| {
        let length = u64::try_from(length).unwrap_or(0);
        (length, usize::try_from(length_before.saturating_sub(length)).unwrap_or(0), None)
    };
    following.change(fd, &path, describe, call)
}

/// Stands in for `ftruncate`.
///
/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ftruncate(fd: c_int, length: off64_t) -> c_int {
    // SAFETY: the caller's arguments, passed on.
    unsafe { ftruncate64(fd, length) }
}

/// Stands in for `fsync`.
///
/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fsync(fd: c_int) -> c_int {
    // SAFETY: the caller's arguments, passed on.
    let call = || unsafe { (real().fsync)(fd) };
    match followed(fd) {
        Some((following, path)) => following.synced(&path, call),
        None => call(),
    }
}

/// Stands in for `fdatasync`.
///
/// # Safety
/// As libc's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fdatasync(fd: c_int) -> c_int {
    // SAFETY: the caller's arguments, passed on.
    let call = || unsafe { (real().fdatasync)(fd) };
    match followed(fd) {
        Some((following, path)) => following.synced(&path, call),
        None => call(),
    }
}
