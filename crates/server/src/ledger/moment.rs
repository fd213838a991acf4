//! A moment as it is given on the command line.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The last millisecond that counts: of a moment itself, of a date the last one of that day in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(i64);

/// A text that is neither a moment nor a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is neither a moment, as 2026-11-21T12:00:00Z is, nor a date, as 2026-11-21 is, which stands for its end in UTC")]
pub struct MomentError;

impl Moment {
    /// UTC milliseconds.
    pub const fn ms(self) -> i64 {
        self.0
    }
}

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        if let Ok(moment) = text.parse::<Timestamp>() {
            return Ok(Self(moment.as_millisecond()));
        }
        // A date is read from longer texts too, whose rest would then not count.
        let date = if text.len() == "2026-11-21".len() { text.parse::<Date>() } else { return Err(MomentError) };
        let next = date.and_then(|date| date.tomorrow()).map_err(|_| MomentError)?;
        let begins = next.to_zoned(TimeZone::UTC).map_err(|_| MomentError)?.timestamp().as_millisecond();
        Ok(Self(begins.checked_sub(1).ok_or(MomentError)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_its_last_millisecond() {
        let ms = |text: &str| text.parse::<Moment>().map(Moment::ms);
        assert_eq!(ms("1970-01-01"), Ok(86_399_999));
        assert_eq!(ms("2024-02-29"), ms("2024-02-29T23:59:59.999Z"));
        assert_eq!(ms("1970-01-01T00:00:01Z"), Ok(1_000));
        assert_eq!(ms("1970-01-01T02:00:01+02:00"), Ok(1_000));
        for text in ["", "yesterday", "2026-02-30", "2026-11-21T12:00", "2026-11-21 12:00:00", "21.11.2026", "2026-11"] {
            assert_eq!(ms(text), Err(MomentError), "{text}");
        }
    }
}
