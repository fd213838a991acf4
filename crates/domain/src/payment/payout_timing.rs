//! When a bank that takes its time has sent a payout.
//!
//! An order counts on the TARGET business day it is given on, before the bank's cut-off, otherwise on the next one. Standard
//! transfers arrive on the business day after the one they count on, urgent ones an hour after they count, instant
//! ones within seconds at any time. Source: reference, money part, 10, for the ten seconds; the others are Florin's own (ADR 41).

use super::AppliedMode;
use crate::Timestamp;
use crate::core::calendar::{is_target_day, target_day_from};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// An order counts on its day when it comes before this time of it, UTC.
const CUT_OFF_MS: i64 = 14 * HOUR_MS;
/// The time of day, UTC, at which a business day's transfers are sent.
const MORNING_MS: i64 = 8 * HOUR_MS;
/// How long an instant payment takes.
const INSTANT_MS: i64 = 5_000;

/// The business time at which a payout is sent that its bank is given at `ordered_at`.
#[must_use]
pub fn sent_at(mode: AppliedMode, ordered_at: Timestamp) -> Timestamp {
    let morning = |day: i64| Timestamp::from_ms(day.saturating_mul(DAY_MS)).plus_ms(MORNING_MS);
    let day = ordered_at.day();
    let time_of_day = ordered_at.ms().rem_euclid(DAY_MS);
    let is_today = is_target_day(day) && time_of_day < CUT_OFF_MS;
    let counts_on = if is_today { day } else { target_day_from(day.saturating_add(1)) };
    match mode {
        AppliedMode::Instant => ordered_at.plus_ms(INSTANT_MS),
        AppliedMode::Rtgs if is_today => ordered_at.plus_ms(HOUR_MS),
        AppliedMode::Rtgs => morning(counts_on),
        AppliedMode::Standard | AppliedMode::NotSent => morning(target_day_from(counts_on.saturating_add(1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-30 was a Monday; Christmas of 2026 was a Friday.
    #[test]
    fn a_transfer_arrives_on_the_next_business_day_that_it_counts_for() {
        const MONDAY: i64 = 20_787;
        use AppliedMode::{Instant, Rtgs, Standard};
        let at = |day: i64, hour: i64| Timestamp::from_ms((MONDAY + day) * DAY_MS + hour * HOUR_MS);
        for (mode, ordered, expected) in [
            (Standard, at(0, 10), at(1, 8)),
            (Standard, at(0, 14), at(2, 8)),
            (Standard, at(4, 10), at(7, 8)),
            (Standard, at(4, 15), at(8, 8)),
            (Standard, at(5, 3), at(8, 8)),
            (Standard, at(24, 9), at(28, 8)),
            (Rtgs, at(0, 10), at(0, 11)),
            (Rtgs, at(0, 20), at(1, 8)),
            (Rtgs, at(6, 10), at(7, 8)),
            (Instant, at(6, 3), at(6, 3).plus_ms(5_000)),
        ] {
            assert_eq!(sent_at(mode, ordered), expected, "{mode:?} {ordered:?}");
        }
    }
}
