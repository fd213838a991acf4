//! Seals: entries with their postings, and audit lines, chained a platform, so that whoever changes them behind
//! Florin's back is found out.
//!
//! A sealer follows the commits and closes **blocks** of rows ([`block`]). A block has, for each table, a digest a
//! column and a short mark a row ([`section`]): the digests prove, the marks say where to look. A block's head hashes
//! the block and the head before it, and is signed under a key that is derived from the master key and never stored
//! in the database. Heads can be exported ([`anchor`]) and held against the chain later, which finds even a
//! database that was rewritten as a whole ([`report`]).
//!
//! What a row says before it is sealed is as trustworthy as the database; sealing follows within a minute.
//! Digests are of the stored bytes. Those of sealed columns do not change when keys are wrapped anew, nor when a key
//! is destroyed, so erasure leaves the chain whole. How each engine finds and reads the rows is in its own folder.

pub mod anchor;
pub(crate) mod block;
pub(crate) mod names;
pub mod report;
pub(crate) mod section;

pub use anchor::Head;
pub use report::{Finding, Report};

use std::time::Duration;

use engine::StoreError;

/// Rows of a block: entries, or audit lines.
pub(crate) const BLOCK_ROWS: usize = 512;

/// A table whose rows are sealed.
#[derive(Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its name.
    pub table: &'static str,
    /// Every column, in the order in which they are digested.
    pub columns: &'static [&'static str],
    /// The columns by which a row is found to be in its block; a row that is missing is missing by these.
    pub found_by: &'static [&'static str],
}

/// Journal entries.
pub const ENTRY: Sealed = Sealed {
    table: "entry",
    columns: &[
        "platform",
        "id",
        "kind",
        "operation",
        "corrects",
        "booked_at",
        "booking_day",
        "value_day",
        "bank_reference",
        "end_to_end_id",
        "match_state",
    ],
    found_by: &["platform", "id"],
};

/// Their postings.
pub const POSTING: Sealed = Sealed {
    table: "posting",
    columns: &["platform", "entry", "line", "account", "number", "amount", "currency", "balance_after"],
    found_by: &["platform", "entry", "line"],
};

/// Lines of the audit trail.
pub const AUDIT: Sealed = Sealed {
    table: "audit",
    columns: &["platform", "seq", "actor_kind", "actor", "request", "origin", "action", "object", "outcome", "at"],
    found_by: &["platform", "seq"],
};

/// What a block is of. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Of {
    /// Entries with their postings.
    Ledger,
    /// Audit lines.
    Audit,
}

impl Of {
    pub const ALL: [Self; 2] = [Self::Ledger, Self::Audit];

    pub const fn number(self) -> i64 {
        match self {
            Self::Ledger => 1,
            Self::Audit => 2,
        }
    }

    pub const fn from_number(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::Ledger),
            2 => Some(Self::Audit),
            _ => None,
        }
    }

    /// The tables, the one that is counted in blocks first.
    pub const fn tables(self) -> &'static [Sealed] {
        match self {
            Self::Ledger => &[ENTRY, POSTING],
            Self::Audit => &[AUDIT],
        }
    }
}

/// The sealer of an open store.
pub trait Sealer: Send + Sync {
    /// Seals whatever was acknowledged before it was called, also blocks that are not full; durable on return.
    /// What other servers write meanwhile may be left.
    ///
    /// Blocks the caller; not to be called on the engine's writer thread. Errors: `Behind` if it takes longer than
    /// `within`, and then goes on by itself.
    fn seal_up(&self, within: Duration) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parity;

    /// A column that nobody digests could be changed unseen.
    #[test]
    fn every_column_of_a_sealed_table_is_digested() {
        for sealed in [ENTRY, POSTING, AUDIT] {
            let mut digested: Vec<String> = sealed.columns.iter().map(ToString::to_string).collect();
            digested.sort();
            assert_eq!(parity::columns_of_sqlite(sealed.table), digested, "{}", sealed.table);
            assert!(sealed.found_by.iter().all(|column| sealed.columns.contains(column)));
        }
    }

    #[test]
    fn numbers_read_back() {
        for of in Of::ALL {
            assert_eq!(Of::from_number(of.number()), Some(of));
        }
        assert_eq!(Of::from_number(3), None);
    }
}
