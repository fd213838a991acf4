//! What is stored of one object's life: for whoever asks what happened to it.
//!
//! None of it has an index by object, which would cost every payment a random page. So it is looked for among the rows from the
//! object's making on, a bounded number of them, and what could not be looked at is told.

use domain::{Event, Job, Timestamp};
use ledger::{AccountId, EntryId, EntryKind, Uid};
use money::Balance;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sought {
    /// The object.
    pub object: Uid,
    /// Real time before which nothing of it is.
    pub since: Timestamp,
    /// Rows of each table that are looked at, at most.
    pub rows_max: u32,
}

/// Rows of each kind that are given, at most.
pub const STORY_ROWS_MAX: u32 = 500;

/// What is stored of an object's life, each kind oldest first.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// Lines of the audit trail.
    pub audit: Vec<AuditRow>,
    /// Entries booked for it.
    pub entries: Vec<EntryRow>,
    /// What was told of it.
    pub events: Vec<Event>,
    /// Work on it, done and to be done.
    pub jobs: Vec<Job>,
    /// What there was too much of to look at all: `events`, `audit lines`, `entries`, `jobs`.
    pub gaps: Vec<&'static str>,
}

/// A line of the audit trail, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// The request.
    pub request: Uid,
    /// Number of the kind of actor ([`domain::Actor::parts`]).
    pub actor_kind: u8,
    /// The actor's id.
    pub actor: Option<Uid>,
    /// What was asked.
    pub action: String,
    /// How it ended.
    pub outcome: String,
    /// Real time.
    pub at: Timestamp,
}

/// An entry of the ledger with its postings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// Its id.
    pub id: EntryId,
    /// What it books.
    pub kind: EntryKind,
    /// Business time.
    pub booked_at: Timestamp,
    /// Its postings, in order.
    pub postings: Vec<PostingRow>,
}

/// A posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostingRow {
    /// The account.
    pub account: AccountId,
    /// What it adds.
    pub amount: Balance,
    /// The account's balance behind it.
    pub balance_after: Balance,
}
