//! What is taken away for good, once its time has passed.

use ledger::Uid;

use super::ids::PlatformId;
use super::{IdempotencyKey, RecordKey, Timestamp};

/// A row that goes. What went before is not there, and taking it away twice does it once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The first use of an idempotency key, with its stored answer; one that is still under way stays, and so does one that was
    /// used anew meanwhile.
    Key {
        /// The key.
        key: IdempotencyKey,
        /// When the use that is to go was.
        at: Timestamp,
    },
    /// A record.
    Record(RecordKey),
    /// The data key of a subject: whatever is sealed under it reads as absent from then on.
    DataKey {
        /// The tenant.
        platform: PlatformId,
        /// Whose key.
        subject: Uid,
    },
}
