//! Every bound of the door, with its unit.

use std::time::Duration;

/// Connections that are served at once. Under the 1,024 files that a process may usually have open, so that the store
/// can always open its own.
pub const CONNECTIONS_MAX: u32 = 768;

/// Connections beyond those that are told so at once; what comes beyond these is closed without a word.
pub const TURNED_AWAY_MAX: usize = 32;

/// Bytes of a body that a connection has memory of its own for. Whoever is not known yet sends no more; nothing but a file
/// is longer as a rule, so that nobody waits for other people's files.
pub const OWN_BODY_BYTES: usize = 16 * 1_024;

/// Bytes of longer request bodies in memory at once, all connections together.
pub const BODIES_MAX_BYTES: usize = 64 * 1_024 * 1_024;

/// Bytes that a connection's buffer may grow to; a request's head is never longer.
pub const BUFFER_MAX_BYTES: usize = 64 * 1_024;

/// The head of a request is complete this long after its first byte, and at the latest twice as long.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection on which nothing moves for this long, and no request is under way, is closed.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// A body is complete this long after its head, and the time that its bytes take at [`SLOWEST_BYTES_PER_S`].
pub const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// The slowest upload that is waited for.
pub const SLOWEST_BYTES_PER_S: u64 = 32 * 1_024;

/// Requests under way when the server is asked to end are waited for this long, then cut off.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// How much is let in, and how long it is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections served at once.
    pub connections: u32,
    /// Connections that are being turned away at once.
    pub turned_away: usize,
    /// Bytes of a body that each connection has memory of its own for.
    pub own_body_bytes: usize,
    /// Bytes of longer request bodies in memory at once.
    pub bodies_bytes: usize,
    /// From a head's first byte to its last.
    pub head_timeout: Duration,
    /// Between requests, and while nobody takes an answer.
    pub idle_timeout: Duration,
    /// From a head to the last byte of its body, before what its length adds.
    pub body_timeout: Duration,
    /// For requests under way when the server ends.
    pub shutdown_timeout: Duration,
    /// Whether answers that do not say when they were given have the time of day added.
    pub tells_time: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS_MAX,
            turned_away: TURNED_AWAY_MAX,
            own_body_bytes: OWN_BODY_BYTES,
            bodies_bytes: BODIES_MAX_BYTES,
            head_timeout: HEAD_TIMEOUT,
            idle_timeout: IDLE_TIMEOUT,
            body_timeout: BODY_TIMEOUT,
            shutdown_timeout: SHUTDOWN_TIMEOUT,
            tells_time: true,
        }
    }
}

impl Limits {
    /// How long a body of so many bytes is waited for.
    #[must_use]
    pub fn time_for(&self, bytes: usize) -> Duration {
        let seconds = u64::try_from(bytes).unwrap_or(u64::MAX).div_euclid(SLOWEST_BYTES_PER_S);
        self.body_timeout.saturating_add(Duration::from_secs(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_body_has_longer() {
        let limits = Limits::default();
        assert_eq!(limits.time_for(1_000), BODY_TIMEOUT);
        assert_eq!(limits.time_for(14 * 1_024 * 1_024), BODY_TIMEOUT + Duration::from_secs(448));
    }
}
