//! How many calls a platform may make, as it is given on the command line: `15m=100,24h=5000`.

use std::str::FromStr;

use dialect_mangopay::rate::{RateConfig, WINDOW_NAMES};

/// Calls that a platform may make within each window that was named; the others keep the vendor's limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLimit([Option<u32>; WINDOW_NAMES.len()]);

/// Why a text says no limits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateLimitError {
    /// A part of it is not of the form.
    #[error("{0:?} is not of the form WINDOW=CALLS, where the window is one of {names}", names = WINDOW_NAMES.join(", "))]
    Form(String),
    /// The number is none, or nobody could call.
    #[error("{0:?} is no number of calls from 1 to {max}", max = u32::MAX)]
    Calls(String),
    /// A window has two limits.
    #[error("the window {0} is named twice")]
    Twice(&'static str),
}

impl RateLimit {
    /// The vendor's limits with these in their place.
    pub fn config(self, is_enforced: bool) -> RateConfig {
        let mut config = RateConfig { is_enforced, ..RateConfig::default() };
        for (limit, given) in config.limits.iter_mut().zip(self.0) {
            *limit = given.unwrap_or(*limit);
        }
        config
    }
}

impl RateLimit {
    /// The calls of the windows that were named, as the sandbox's API takes them.
    pub fn by_window(self) -> serde_json::Value {
        WINDOW_NAMES.iter().zip(self.0).filter_map(|(name, calls)| Some(((*name).to_owned(), serde_json::Value::from(calls?)))).collect()
    }
}

impl FromStr for RateLimit {
    type Err = RateLimitError;

    fn from_str(text: &str) -> Result<Self, RateLimitError> {
        let mut limits = Self::default();
        for part in text.split(',') {
            let form = || RateLimitError::Form(part.to_owned());
            let (window, calls) = part.split_once('=').ok_or_else(form)?;
            let mut windows = WINDOW_NAMES.into_iter().zip(&mut limits.0);
            let (name, limit) = windows.find(|(name, _)| *name == window).ok_or_else(form)?;
            let is_number = calls.bytes().all(|byte| byte.is_ascii_digit());
            let calls =
                calls.parse().ok().filter(|calls| is_number && *calls > 0).ok_or_else(|| RateLimitError::Calls(calls.to_owned()))?;
            if limit.replace(calls).is_some() {
                return Err(RateLimitError::Twice(name));
            }
        }
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_are_not_named_keep_their_limit() {
        let limits = |text: &str| text.parse::<RateLimit>().map(|limit| limit.config(true).limits);
        assert_eq!(RateLimit::default().config(true), RateConfig::default());
        assert_eq!(limits("24h=7,15m=5"), Ok([5, 4_500, 8_800, 7]));
        assert_eq!(limits("15m=1,30m=2,60m=3,24h=4"), Ok([1, 2, 3, 4]));
    }

    #[test]
    fn what_is_malformed_is_refused() {
        use RateLimitError as E;
        for text in ["", "15m", "5", "15=5", "1h=5", "15m=5,", " 15m=5"] {
            assert!(matches!(text.parse::<RateLimit>(), Err(E::Form(_))), "{text}");
        }
        for text in ["15m=", "15m=0", "15m=-1", "15m=+1", "15m=1.5", "15m=4294967296", "15m=5=6"] {
            assert!(matches!(text.parse::<RateLimit>(), Err(E::Calls(_))), "{text}");
        }
        assert_eq!("15m=5,15m=5".parse::<RateLimit>(), Err(E::Twice("15m")));
    }
}
