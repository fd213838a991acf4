//! What happened to one object, in order of time.

use std::fmt::Write as _;

use domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Fact;

/// What a moment is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Of {
    /// A request of the platform.
    Request,
    /// A command in the audit trail.
    Audit,
    /// A state that it came to.
    State,
    /// An entry of the ledger, with its postings.
    Entry,
    /// An event.
    Event,
    /// A delivery of an event to a listener.
    Delivery,
    /// A job.
    Job,
}

impl Of {
    /// The word for it, as people read it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Audit => "audit",
            Self::State => "state",
            Self::Entry => "entry",
            Self::Event => "event",
            Self::Delivery => "delivery",
            Self::Job => "job",
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Real time, UTC milliseconds.
    pub at_ms: i64,
    /// The same, for people.
    pub at: String,
    /// What it is of.
    pub of: Of,
    /// What happened.
    pub what: String,
    /// More of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
    /// Whether it is still to come.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_to_come: bool,
}

impl Moment {
    /// A moment.
    #[must_use]
    pub fn new(at: Timestamp, of: Of, what: impl Into<String>) -> Self {
        Self { at_ms: at.ms(), at: at.to_string(), of, what: what.into(), facts: Vec::new(), is_to_come: false }
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.facts.push(Fact::new(name, value));
        self
    }
}

/// What happened to an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// What kind of thing it is.
    pub of: String,
    /// Its id.
    pub id: String,
    /// What happened, oldest first.
    pub moments: Vec<Moment>,
    /// What could not be looked at, if anything: the timeline may lack it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<String>,
}

impl Timeline {
    /// Puts moments in order: by time, those of one moment as a cause goes before its effect.
    #[must_use]
    pub fn new(of: &str, id: impl ToString, mut moments: Vec<Moment>, gaps: Vec<String>) -> Self {
        moments.sort_by_key(|one| (one.is_to_come, one.at_ms, one.of));
        Self { of: of.to_owned(), id: id.to_string(), moments, gaps }
    }

    /// As people read it on a terminal.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text = format!("{} {}\n", self.of, self.id);
        let width = self.moments.iter().map(|moment| moment.at.chars().count()).max().unwrap_or(0);
        for moment in &self.moments {
            let of = moment.of.word();
            let to_come = if moment.is_to_come { " (to come)" } else { "" };
            // Writing to a text does not fail.
            let _ = writeln!(text, "  {:width$}  {of:8}  {}{to_come}", moment.at, moment.what);
            for fact in &moment.facts {
                let _ = writeln!(text, "  {:width$}            {}: {}", "", fact.name, fact.value);
            }
        }
        if self.moments.is_empty() {
            text.push_str("  Nothing is known of it any more.\n");
        }
        for gap in &self.gaps {
            let _ = writeln!(text, "  Not looked at: {gap}");
        }
        text.truncate(text.trim_end().len());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_go_before_their_effects_and_what_is_to_come_is_last() {
        let at = Timestamp::from_ms;
        let job = Moment { is_to_come: true, ..Moment::new(at(1), Of::Job, "asks the bank") };
        let moments = vec![
            job,
            Moment::new(at(5), Of::Event, "created"),
            Moment::new(at(5), Of::Request, "POST"),
            Moment::new(at(4), Of::Entry, "booked").with("x", 1),
        ];
        let timeline = Timeline::new("payment", "1", moments, vec!["events before Monday".to_owned()]);
        let whats: Vec<&str> = timeline.moments.iter().map(|moment| &*moment.what).collect();
        assert_eq!(whats, ["booked", "POST", "created", "asks the bank"]);
        let text = timeline.describe();
        assert!(text.contains("x: 1") && text.contains("(to come)") && text.ends_with("Not looked at: events before Monday"), "{text}");
    }
}
