//! Time as a port.

use domain::Timestamp;

/// Tells real time. A platform's business time is this plus the platform's own offset.
pub trait Clock: Send + Sync {
    /// Now, UTC.
    fn now(&self) -> Timestamp;

    /// Real time that passes even where a sandbox has [`Clock::now`] stand still: for leases, and for how long something is
    /// taken on trust. Never shown, and nothing that is shown may depend on it.
    fn passing(&self) -> Timestamp {
        self.now()
    }
}
