//! The mark of data that a server has worked on whose secrets or times were made up in advance (`--seed`, `--clock`).
//!
//! It is kept for good, so that nobody takes those secrets for random ones later. It also counts the starts: each draws from
//! its own number, and gives ids behind those of the one before, also when two servers of one database start at once.

use engine::StoreError;
use engine::seeded::MS_A_START;
use serde::{Deserialize, Serialize};

/// The name of the mark among the facts about the store.
pub(crate) const NAME: &str = "seeding";

/// What is kept of seeded starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// How many there were; the number of the last one.
    pub starts: u64,
    /// The first millisecond of the last one's ids.
    pub first_ms: i64,
}

impl Mark {
    /// The mark with one more start, whose ids are of no millisecond before `not_before_ms`.
    fn next(before: Option<Self>, not_before_ms: i64) -> Self {
        let (starts, free_ms) = before.map_or((0, i64::MIN), |mark| (mark.starts, mark.first_ms.saturating_add(MS_A_START)));
        Self { starts: starts.saturating_add(1), first_ms: not_before_ms.max(free_ms) }
    }

    pub(crate) fn read(bytes: Option<&[u8]>) -> Result<Option<Self>, StoreError> {
        let read = |bytes| serde_json::from_slice(bytes).map_err(|error| StoreError::Fault(format!("the mark of seeded starts: {error}")));
        bytes.map(read).transpose()
    }

    /// [`Self::next`] of what is stored, and the bytes to be stored instead.
    pub(crate) fn follow(before: Option<&[u8]>, not_before_ms: i64) -> Result<(Self, Vec<u8>), StoreError> {
        let mark = Self::next(Self::read(before)?, not_before_ms);
        let bytes = serde_json::to_vec(&mark).map_err(|error| StoreError::Fault(error.to_string()))?;
        Ok((mark, bytes))
    }
}

/// Reads and sets the mark of a store. Blocks.
pub trait Seeding: Send + Sync {
    /// The mark; `None` where every server drew by chance.
    fn mark(&self) -> Result<Option<Mark>, StoreError>;

    /// Marks the data for one more start; durable on return. No other start has the same number.
    fn start(&self, not_before_ms: i64) -> Result<Mark, StoreError>;

    /// Whether there is a platform for real money.
    fn has_production(&self) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_has_a_number_and_a_time_of_its_own() {
        let (first, bytes) = Mark::follow(None, 5_000).unwrap();
        assert_eq!(first, Mark { starts: 1, first_ms: 5_000 });
        let (second, bytes) = Mark::follow(Some(&bytes), 5_000).unwrap();
        assert_eq!(second, Mark { starts: 2, first_ms: 5_000 + MS_A_START });
        let (third, _) = Mark::follow(Some(&bytes), 90_000).unwrap();
        assert_eq!(third, Mark { starts: 3, first_ms: 90_000 });
        assert!(Mark::read(Some(b"x")).is_err());
    }
}
