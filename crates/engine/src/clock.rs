//! Time as a port.

use domain::Timestamp;

/// Tells real time. A platform's business time is this plus the platform's own offset.
pub trait Clock: Send + Sync {
    /// Now, UTC.
    fn now(&self) -> Timestamp;
}
