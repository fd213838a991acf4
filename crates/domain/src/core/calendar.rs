//! Business days: those of TARGET, the settlement system of the euro.
//!
//! Closed on Saturdays and Sundays, New Year's Day, Good Friday, Easter Monday, 1 May, 25 and 26 December.
//! Source: European Central Bank, long-term calendar for TARGET closing days.

/// 1970-01-01 was a Thursday: the third day of a week that begins on Monday, counted from 0.
const WEEKDAY_OF_DAY_ZERO: i64 = 3;
const SATURDAY: i64 = 5;
/// No run of closed days is longer: Good Friday to Easter Monday, or a weekend beside two holidays.
const LONGEST_CLOSURE: i64 = 7;

/// Whether TARGET settles on `day`, counted from 1970-01-01.
#[must_use]
pub fn is_target_day(day: i64) -> bool {
    let (year, month, day_of_month) = civil(day);
    let is_weekend = day.saturating_add(WEEKDAY_OF_DAY_ZERO).rem_euclid(7) >= SATURDAY;
    let is_fixed = matches!((month, day_of_month), (1 | 5, 1) | (12, 25 | 26));
    let easter = easter_sunday(year);
    let is_movable = day == easter.saturating_sub(2) || day == easter.saturating_add(1);
    !(is_weekend || is_fixed || is_movable)
}

/// `day`, or the first day after it on which TARGET settles.
#[must_use]
pub fn target_day_from(day: i64) -> i64 {
    (0..=LONGEST_CLOSURE).map(|later| day.saturating_add(later)).find(|day| is_target_day(*day)).unwrap_or(day)
}

/// Year, month and day of month of a day, in the proleptic Gregorian calendar.
///
/// Howard Hinnant's `civil_from_days`, over years that begin in March.
#[expect(clippy::arithmetic_side_effects, reason = "every term is bounded once the day is")]
pub(crate) fn civil(day: i64) -> (i64, i64, i64) {
    const FARTHEST: i64 = 400_000_000;
    let shifted = day.clamp(-FARTHEST, FARTHEST) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1)
}

/// The day of a date, counted from 1970-01-01: the inverse of [`civil`].
#[expect(clippy::arithmetic_side_effects, reason = "years come from a bounded day")]
fn day_of(year: i64, month: i64, day_of_month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted_month + 2) / 5 + day_of_month - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Easter Sunday of a year, as a day: the anonymous Gregorian computus.
#[expect(clippy::arithmetic_side_effects, reason = "years come from a bounded day")]
fn easter_sunday(year: i64) -> i64 {
    let (golden, century, of_century) = (year.rem_euclid(19), year.div_euclid(100), year.rem_euclid(100));
    let skipped = (8 * century + 13) / 25;
    let epact = (19 * golden + century - century / 4 - skipped + 15).rem_euclid(30);
    let weekday = (32 + 2 * (century % 4) + 2 * (of_century / 4) - epact - of_century % 4).rem_euclid(7);
    let shift = (golden + 11 * epact + 22 * weekday) / 451;
    let place = epact + weekday - 7 * shift + 114;
    day_of(year, place / 31, place % 31 + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn easter_falls_where_the_church_has_it() {
        for (year, month, day) in [(2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2038, 4, 25), (2285, 3, 22)] {
            assert_eq!(civil(easter_sunday(year)), (year, month, day));
        }
    }

    #[test]
    fn closing_days_are_passed_over() {
        for (from, to) in [
            ((2026, 11, 20), (2026, 11, 20)),
            ((2026, 11, 21), (2026, 11, 23)),
            ((2026, 4, 3), (2026, 4, 7)),
            ((2025, 12, 25), (2025, 12, 29)),
            ((2026, 1, 1), (2026, 1, 2)),
            ((2027, 5, 1), (2027, 5, 3)),
        ] {
            let day = |(year, month, day): (i64, i64, i64)| day_of(year, month, day);
            assert_eq!(civil(target_day_from(day(from))), to, "{from:?}");
        }
    }

    proptest! {
        #[test]
        fn dates_and_days_are_inverse(day in -200_000_i64..400_000) {
            let (year, month, day_of_month) = civil(day);
            prop_assert_eq!(day_of(year, month, day_of_month), day);
        }

        #[test]
        fn there_is_always_a_next_business_day(day in -200_000_i64..400_000) {
            prop_assert!(is_target_day(target_day_from(day)));
        }
    }
}
