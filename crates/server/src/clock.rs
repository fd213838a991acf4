//! The one place that reads the system's clock, and the clock that stands still.

use std::time::{SystemTime, UNIX_EPOCH};

use domain::Timestamp;
use engine::Clock;

/// The system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    fn now(&self) -> Timestamp {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_ms(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A clock that stands still; what has to pass passes by the system's.
pub struct StandingClock(pub Timestamp);

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn passing(&self) -> Timestamp {
        SystemClock.now()
    }
}
