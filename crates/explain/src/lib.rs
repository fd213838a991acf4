//! Says why: which rule refused something or holds it up, the values that it met, where the rule is from, and what makes it pass.
//!
//! Pure: whoever asks brings the facts ([`payment::PaymentFacts`], …) and gets an [`Explanation`]. Start with [`rule::Rule`], the
//! table of everything that can say no; reasons of payments are in [`refusal`], one arm each and none for "others".
//! No name of any wire's field is here: dialects add those.
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::float_arithmetic,
        clippy::arithmetic_side_effects
    )
)]

pub mod golive;
pub mod payment;
pub mod record;
pub mod refusal;
pub mod rule;
pub mod timeline;

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

pub use rule::Rule;

/// What is known of a request that was answered with an error, for the dialect that answered it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its method.
    pub method: &'a str,
    /// The pattern of its path.
    pub pattern: &'a str,
    /// Its path, as it came.
    pub path: &'a str,
    /// Its body; `None` where it is not known.
    pub body: Option<&'a [u8]>,
}

/// Something met: a name and a value, both to be read by people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// The value.
    pub value: String,
}

impl Fact {
    /// A fact.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl ToString) -> Self {
        Self { name: name.into(), value: value.to_string() }
    }
}

/// A rule that was met, and what it met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Met {
    /// The rule's name, for programs: `insufficient_funds`.
    pub rule: String,
    /// What it says, a sentence.
    pub says: String,
    /// The field that it is about, as the wire calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The values that it met.
    pub facts: Vec<Fact>,
    /// Where it is from: a page of the vendor's, or a decision of ours.
    pub source: String,
    /// What makes it pass, or who can: each by itself.
    pub next: Vec<String>,
}

impl Met {
    /// A rule without values.
    #[must_use]
    pub fn new(rule: Rule) -> Self {
        Self {
            rule: rule.name().to_owned(),
            says: rule.says().to_owned(),
            field: None,
            facts: Vec::new(),
            source: rule.source().to_owned(),
            next: rule.next().iter().map(|next| (*next).to_owned()).collect(),
        }
    }

    /// The field that it is about.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// A value that it met.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.facts.push(Fact::new(name, value));
        self
    }

    /// A value that it met, where there is one.
    #[must_use]
    pub fn with_any(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// One more thing that makes it pass, before the others.
    #[must_use]
    pub fn first_try(mut self, next: impl Into<String>) -> Self {
        self.next.insert(0, next.into());
        self
    }
}

/// Why something is as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// What kind of thing it is: `request`, `payment`, `user`, `wallet`, `card`, `code`, …
    pub of: String,
    /// Its id.
    pub id: String,
    /// How it stands, a sentence.
    pub state: String,
    /// What is known of it as a whole.
    pub facts: Vec<Fact>,
    /// The rules that were met, the one that counts first. None where nothing refuses it or holds it up.
    pub rules: Vec<Met>,
}

impl Explanation {
    /// One that knows no rule yet.
    #[must_use]
    pub fn new(of: &str, id: impl ToString, state: impl Into<String>) -> Self {
        Self { of: of.to_owned(), id: id.to_string(), state: state.into(), facts: Vec::new(), rules: Vec::new() }
    }

    /// Adds what is known of it.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.facts.push(Fact::new(name, value));
        self
    }

    /// Adds what is known of it, where it is known.
    #[must_use]
    pub fn with_any(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds a rule.
    #[must_use]
    pub fn met(mut self, met: Met) -> Self {
        self.rules.push(met);
        self
    }

    /// As people read it on a terminal.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text = format!("{} {}\n  {}\n", self.of, self.id, self.state);
        write_facts(&mut text, "  ", &self.facts);
        if self.rules.is_empty() {
            text.push_str("\nNothing refuses it or holds it up.\n");
        }
        for met in &self.rules {
            let field = met.field.as_ref().map_or_else(String::new, |field| format!(" ({field})"));
            // Writing to a text does not fail.
            let _ = write!(text, "\nRule  {}{field}\n      {}\n", met.rule, met.says);
            write_facts(&mut text, "      ", &met.facts);
            let _ = writeln!(text, "From  {}", met.source);
            for (place, next) in met.next.iter().enumerate() {
                let _ = writeln!(text, "{}{next}", if place == 0 { "Next  " } else { "  or  " });
            }
        }
        text.truncate(text.trim_end().len());
        text
    }
}

fn write_facts(text: &mut String, indent: &str, facts: &[Fact]) {
    let width = facts.iter().map(|fact| fact.name.chars().count()).max().unwrap_or(0);
    for fact in facts {
        let _ = writeln!(text, "{indent}{:width$}  {}", fact.name, fact.value);
    }
}

/// A duration as people say it: `3 days`, `45 seconds`.
#[must_use]
pub fn span(ms: i64) -> String {
    const UNITS: [(i64, &str); 5] = [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second"), (1, "millisecond")];
    let ms = ms.max(0);
    let (length, unit) = UNITS.into_iter().find(|(length, _)| ms >= *length).unwrap_or((1, "millisecond"));
    let count = ms.checked_div(length).unwrap_or(0);
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_reads_as_a_page() {
        let explanation = Explanation::new("payment", "xfer_m_1", "It failed.")
            .with("debited", "5.00 EUR")
            .met(Met::new(Rule::RateLimit).at("Tag").with("limit", 5).first_try("Wait."));
        let text = explanation.describe();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(&lines[..3], ["payment xfer_m_1", "  It failed.", "  debited  5.00 EUR"]);
        assert_eq!(lines[4], "Rule  rate_limit (Tag)");
        assert!(text.contains("\nFrom  ") && text.contains("\nNext  Wait.\n  or  "), "{text}");
        assert!(Explanation::new("user", "1", "x").describe().ends_with("Nothing refuses it or holds it up."));
    }

    #[test]
    fn spans_have_one_unit() {
        let spans = [0, 999, 1_000, 119_000, 3_600_000, 172_800_000].map(span);
        assert_eq!(spans, ["0 milliseconds", "999 milliseconds", "1 second", "1 minute", "1 hour", "2 days"]);
    }
}
