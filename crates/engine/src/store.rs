//! The port to the store: how a batch gets its rows and how its changes become durable.

use std::sync::Arc;

use domain::{Books, Wanted};

/// Why a store could not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else was first (a lost version, a deadlock, a serialization failure): ask the whole batch again.
    #[error("another server was first: {0}")]
    Retry(String),
    /// A list is not complete yet: ask again soon. Reads only.
    #[error("the lists are behind")]
    Behind,
    /// A list is too long to be gone along within its time: a narrower window would have to be asked for. Reads only.
    #[error("the list is too long for what was asked")]
    TooWide,
    /// The connection was lost over a commit, and nobody could tell whether it happened. Not to be tried again blindly.
    #[error("it is not known whether the change was stored: {0}")]
    Unknown(String),
    /// The store, or what it was given, is broken: a constraint, a full disk, a lost connection.
    #[error("the store failed: {0}")]
    Fault(String),
}

/// The writing half of a store. It is owned by one thread and works on one batch at a time.
///
/// A batch is any number of [`Store::load`]s, then one [`Store::flush`] or one [`Store::abandon`].
pub trait Store: Send {
    /// Brings every row that is wanted into the books, or the knowledge that it is not there.
    ///
    /// `wanted` is tidy. Rows of other tenants than the one asked for are not there. Loading may open
    /// the transaction and lock rows; a load after a failed one starts over.
    fn load(&mut self, wanted: &Wanted, books: &mut Books) -> Result<(), StoreError>;

    /// Writes every change in the books in one transaction. It is durable on return, unless the store has a [`Store::syncer`].
    ///
    /// On an error nothing of it is stored.
    fn flush(&mut self, books: &Books) -> Result<(), StoreError>;

    /// What makes flushed transactions durable, if flushing alone does not: nobody may be told of one before a sync that began
    /// behind it. The next batch may be worked at meanwhile.
    fn syncer(&self) -> Option<Arc<dyn Syncer>>;

    /// A decision over what was loaded was at fault: the next batch is loaded without anything taken on trust from memory.
    ///
    /// Gives whether that may make a difference. A store whose memory cannot differ from its rows has nothing to doubt.
    fn doubt(&mut self) -> bool;

    /// Drops the open transaction, if any.
    fn abandon(&mut self);

    /// Housekeeping, called when there is nothing else to do.
    fn idle(&mut self) -> Result<(), StoreError>;
}

/// Makes durable what a store has flushed. Used by another thread than the store.
pub trait Syncer: Send + Sync {
    /// All that was flushed before the call is durable on return.
    ///
    /// After an error nobody can tell what is on the disk: nothing that was flushed since the last sync may be told to
    /// anybody, and the store may not be used again before it is opened anew.
    fn sync(&self) -> Result<(), StoreError>;
}
