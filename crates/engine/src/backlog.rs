//! Work that follows the commits, as somebody sees it who waits for its end: it is told to do what is due, and tells what it
//! still waits for.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use domain::{PlatformId, Timestamp};
use tokio::time::Instant;

use crate::{EventFilter, Page, Reads, StoreError};

/// What a backlog gives, later.
pub type BacklogFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// How far a backlog was worked off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Pieces of work that were done, or seen to end.
    pub done: usize,
    /// Pieces that are due and have not ended.
    pub waiting: usize,
}

/// One kind of work that follows the commits.
///
/// Everything is asked for one platform; what others wait for neither holds it up nor shows in it.
pub trait Backlog: Send + Sync {
    /// One lower-case word for it.
    fn name(&self) -> &'static str;

    /// Does everything of a platform that is due at its business time, and waits for what others have under way, no longer
    /// than `until`. What failed and is to be tried again later is no longer due.
    fn drain(&self, platform: PlatformId, until: Instant) -> BacklogFuture<'_, Drained>;

    /// The earliest business time at which something of a platform becomes due that is not yet.
    fn next_due(&self, platform: PlatformId) -> BacklogFuture<'_, Option<Timestamp>>;
}

/// The lists, which may be written behind the answers.
pub struct Lists(Arc<dyn Reads>);

impl Lists {
    /// Those of a store.
    #[must_use]
    pub const fn new(reads: Arc<dyn Reads>) -> Self {
        Self(reads)
    }
}

impl Backlog for Lists {
    fn name(&self) -> &'static str {
        "lists"
    }

    /// A list waits by itself until it holds what was acknowledged before.
    fn drain(&self, platform: PlatformId, _: Instant) -> BacklogFuture<'_, Drained> {
        Box::pin(async move {
            let page = Page { number: 1, size: 1, newest_first: true };
            match self.0.events(platform, EventFilter::default(), page).await {
                Ok(_) => Ok(Drained::default()),
                Err(StoreError::Behind) => Ok(Drained { done: 0, waiting: 1 }),
                Err(error) => Err(error),
            }
        })
    }

    fn next_due(&self, _: PlatformId) -> BacklogFuture<'_, Option<Timestamp>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}
