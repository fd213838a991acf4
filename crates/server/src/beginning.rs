//! What a platform begins with by the command line: the same fields that the sandbox's own API takes.

use clap::Args;
use serde_json::{Map, Value};

use crate::rate_limit::RateLimit;

/// What a platform begins with.
#[derive(Args, Clone, Debug, Default)]
pub struct BeginningArgs {
    /// How banks and acquirers take their time (its rail mode): instant, manual or delayed
    #[arg(long, value_name = "MODE")]
    settlement: Option<String>,
    /// Everything is as on production that can be in a sandbox
    #[arg(long)]
    rehearsal: bool,
    /// How often it may call: none (as often as it likes), or WINDOW=CALLS,… as 15m=100,24h=5000; as the server says unless given
    #[arg(long, value_name = "LIMITS")]
    limits: Option<Limits>,
    /// From which day on the vendor's dated behaviours hold, as 2026-11-21
    #[arg(long, value_name = "DAY")]
    behaviour_date: Option<String>,
    /// How far ahead of real time its clock begins, as 30d or 12h
    #[arg(long, value_name = "SPAN")]
    clock: Option<String>,
}

/// Limits as they are typed.
#[derive(Clone, Debug)]
struct Limits(Value);

impl std::str::FromStr for Limits {
    type Err = crate::rate_limit::RateLimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" | "server" => Ok(Self(text.into())),
            _ => Ok(Self(text.parse::<RateLimit>()?.by_window())),
        }
    }
}

impl BeginningArgs {
    /// The same as fields.
    pub fn fields(&self) -> Map<String, Value> {
        let given = [
            ("settlement", self.settlement.clone().map(Value::from)),
            ("rehearsal", self.rehearsal.then_some(Value::Bool(true))),
            ("limits", self.limits.clone().map(|Limits(limits)| limits)),
            ("behaviour_date", self.behaviour_date.clone().map(Value::from)),
            ("clock", self.clock.clone().map(Value::from)),
        ];
        given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}
