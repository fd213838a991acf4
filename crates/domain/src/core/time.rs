//! Moments.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A moment, UTC milliseconds since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

const MS_A_SECOND: i64 = 1_000;
const MS_A_DAY: i64 = 86_400_000;

impl Timestamp {
    /// The moment `ms` milliseconds after 1970-01-01 UTC.
    #[must_use]
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms)
    }

    /// The moment `seconds` after 1970-01-01 UTC; far ends are cut to what 64 bits hold.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(MS_A_SECOND))
    }

    /// Milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970-01-01 UTC, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(MS_A_SECOND)
    }

    /// The UTC day, counted from 1970-01-01.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(MS_A_DAY)
    }

    /// The moment `ms` later, or earlier when below zero.
    #[must_use]
    pub const fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

impl fmt::Display for Timestamp {
    /// `2026-11-21T12:00:00.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = super::calendar::civil(self.day());
        let ms = self.0.rem_euclid(MS_A_DAY);
        let part = |length: i64, count: i64| ms.div_euclid(length).rem_euclid(count);
        let (hour, minute, second) = (part(3_600_000, 24), part(60_000, 60), part(MS_A_SECOND, 60));
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", part(1, MS_A_SECOND))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_days_round_down_on_both_sides_of_1970() {
        assert_eq!(Timestamp::from_ms(1_999).seconds(), 1);
        assert_eq!(Timestamp::from_ms(-1).seconds(), -1);
        assert_eq!(Timestamp::from_ms(-1).day(), -1);
        assert_eq!(Timestamp::from_seconds(86_400).day(), 1);
    }

    #[test]
    fn a_moment_reads_as_a_date_and_a_time() {
        let texts = [0, 951_827_696_789, -1].map(|ms| Timestamp::from_ms(ms).to_string());
        assert_eq!(texts, ["1970-01-01T00:00:00.000Z", "2000-02-29T12:34:56.789Z", "1969-12-31T23:59:59.999Z"]);
    }
}
