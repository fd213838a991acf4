//! `--seed` and `--clock`: a sandbox whose ids, secrets and times are the same in every run.

use std::str::FromStr;

use domain::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;

/// What of a run is made up in advance.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Foreseen {
    /// Draws ids, keys, tokens, codes and secrets from this number, the same in every run: for sandbox platforms only. The data
    /// is marked for good
    #[arg(long, value_name = "NUMBER", env = "FLORIN_SEED")]
    pub seed: Option<u64>,
    /// Has the time of day stand still, as 2026-01-01T00:00:00Z; a platform's own clock can be turned on from there. For sandbox
    /// platforms only. The data is marked for good
    #[arg(long, value_name = "TIME", env = "FLORIN_CLOCK")]
    pub clock: Option<Standing>,
}

impl Foreseen {
    /// Whether anything is.
    pub const fn is_any(&self) -> bool {
        self.seed.is_some() || self.clock.is_some()
    }
}

/// When the time of day stands still: a second between 1970 and 3000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing(pub Timestamp);

/// A text that is no such time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no time between the years 1970 and 3000, as 2026-01-01T00:00:00Z is")]
pub struct StandingError;

impl FromStr for Standing {
    type Err = StandingError;

    fn from_str(text: &str) -> Result<Self, StandingError> {
        let at = text.parse::<jiff::Timestamp>().map_err(|_| StandingError)?;
        let end = date(3000, 1, 1).to_zoned(TimeZone::UTC).map_err(|_| StandingError)?.timestamp();
        if at < jiff::Timestamp::UNIX_EPOCH || at >= end {
            return Err(StandingError);
        }
        Ok(Self(Timestamp::from_ms(at.as_millisecond())))
    }
}

/// What whoever starts without either of the two on marked data is warned with.
pub const WARNING: &str = "this data is marked: a server with --seed or --clock has worked on it, so keys, tokens and secrets in it may be \
                           known to others and times in it are made up; it is for tests only, and takes no platform for real money";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_bounds() {
        let read = |text: &str| text.parse::<Standing>().map(|Standing(at)| at.ms());
        assert_eq!(read("2026-01-01T00:00:00Z"), Ok(1_767_225_600_000));
        assert_eq!(read("2026-01-01T01:00:00+01:00"), Ok(1_767_225_600_000));
        assert_eq!(read("1970-01-01T00:00:00Z"), Ok(0));
        for text in ["", "2026-01-01", "now", "1969-12-31T23:59:59Z", "3000-01-01T00:00:00Z", "1767225600"] {
            assert_eq!(read(text), Err(StandingError), "{text}");
        }
    }
}
