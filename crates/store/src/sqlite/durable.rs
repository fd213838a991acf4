//! How far what was committed is durable: the log is synced by another thread than the writer's.
//!
//! The writer's commits leave the log unsynced (`synchronous = NORMAL`; SQLite itself still syncs the log before it writes it back, and
//! its header when it is begun anew). [`Log::sync`] syncs it, once for all commits before it, while the writer goes on. What
//! `synchronous = FULL` promises holds all the same: nobody is answered before the sync that covers them, and whoever
//! reads what is not durable yet waits for it ([`Log::settled`]).

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use engine::{StoreError, Syncer};
use tokio::sync::watch;

/// The place of `synced` once a sync has failed: whoever waits is told.
const BROKEN: u64 = u64::MAX;

/// The write-ahead log of the main file.
pub struct Log {
    file: File,
    /// Commits begun: what they write may be seen from now on.
    begun: AtomicU64,
    /// Commits done: they are in the log.
    committed: AtomicU64,
    /// Commits that are durable, or [`BROKEN`].
    synced: watch::Sender<u64>,
}

impl Log {
    /// The log of a file that was read from already, so that its log is there. What a process that died has left in it is synced.
    pub fn open(main: &Path) -> std::io::Result<Self> {
        let mut path = main.as_os_str().to_owned();
        path.push("-wal");
        // Only a descriptor of the file itself, or of its shared memory, carries locks that closing another one would lose.
        let file = File::options().read(true).write(true).open(PathBuf::from(path))?;
        file.sync_data()?;
        Ok(Self { file, begun: AtomicU64::new(0), committed: AtomicU64::new(0), synced: watch::Sender::new(0) })
    }

    /// A commit begins; to be called by the writer only.
    pub fn begin(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
    }

    /// The commit that was begun is in the log, or nowhere.
    pub fn end(&self) {
        self.committed.store(self.begun.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Waits until everything that could be seen before the call is durable. Errors: it never will be.
    pub async fn settled(&self) -> Result<(), StoreError> {
        let seen = self.begun.load(Ordering::SeqCst);
        if self.is_synced(seen)? {
            return Ok(());
        }
        let mut synced = self.synced.subscribe();
        let reached = synced.wait_for(|synced| *synced >= seen).await.map(|reached| *reached).unwrap_or(BROKEN);
        if reached == BROKEN { Err(broken()) } else { Ok(()) }
    }

    fn is_synced(&self, commits: u64) -> Result<bool, StoreError> {
        let synced = *self.synced.borrow();
        if synced == BROKEN { Err(broken()) } else { Ok(synced >= commits) }
    }
}

impl Syncer for Log {
    fn sync(&self) -> Result<(), StoreError> {
        let committed = self.committed.load(Ordering::SeqCst);
        if self.is_synced(committed)? {
            return Ok(());
        }
        let result = self.file.sync_data();
        self.synced.send_if_modified(|synced| {
            let reached = if result.is_ok() { committed.max(*synced) } else { BROKEN };
            std::mem::replace(synced, reached) != reached
        });
        result.map_err(|error| StoreError::Fault(format!("the log could not be synced: {error}")))
    }
}

fn broken() -> StoreError {
    StoreError::Fault("the log could not be synced".to_owned())
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn log() -> (tempfile::TempDir, Log) {
        let folder = tempfile::tempdir().unwrap();
        let main = folder.path().join("main");
        std::fs::write(folder.path().join("main-wal"), "").unwrap();
        let log = Log::open(&main).unwrap();
        (folder, log)
    }

    fn is_settled(log: &Log) -> bool {
        matches!(pin!(log.settled()).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(())))
    }

    #[test]
    fn what_may_be_seen_settles_with_the_sync_that_covers_it() {
        let (_folder, log) = log();
        assert!(is_settled(&log), "there is nothing yet");
        log.begin();
        assert!(!is_settled(&log), "its commit may be seen already");
        log.sync().unwrap();
        assert!(!is_settled(&log), "the sync cannot have covered what was not committed");
        log.end();
        log.sync().unwrap();
        assert!(is_settled(&log));
        log.begin();
        log.end();
        assert!(!is_settled(&log));
    }

    #[test]
    fn whoever_waits_is_woken_by_the_sync() {
        let (_folder, log) = log();
        log.begin();
        log.end();
        let mut waiting = pin!(log.settled());
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        log.sync().unwrap();
        assert!(matches!(waiting.as_mut().poll(&mut context), Poll::Ready(Ok(()))));
    }

    #[test]
    fn once_a_sync_has_failed_nothing_settles_any_more() {
        let (_folder, log) = log();
        // Neither reading nor writing it is refused, and a sync is: as a disk that is gone does.
        let log = Log { file: File::open("/proc/self/status").unwrap(), ..log };
        log.begin();
        log.end();
        let mut waiting = pin!(log.settled());
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        assert!(log.sync().is_err());
        assert!(matches!(waiting.as_mut().poll(&mut context), Poll::Ready(Err(StoreError::Fault(_)))));
        let mut later = pin!(log.settled());
        assert!(matches!(later.as_mut().poll(&mut context), Poll::Ready(Err(_))));
        assert!(log.sync().is_err(), "a second sync could succeed without what the first one lost");
    }
}
