//! Reading a body or a query: every wrong field is named at once, and so is every field that nobody asked for.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::Secret;
use money::{Currency, Money};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::answer::Problem;

/// Characters of a text at most.
const TEXT_MAX: usize = 255;
/// Characters of the name of an unknown field that are told.
const NAME_SHOWN: usize = 64;

/// What is wrong with each field that is.
pub type Wrong = BTreeMap<Cow<'static, str>, String>;

/// The fields of a body or of a query; an empty one has none. A field that no reader asks for is unknown, and as wrong as any.
pub struct Fields {
    values: Map<String, Value>,
    known: Vec<&'static str>,
    wrong: Wrong,
}

impl Fields {
    /// Reads a body. Errors: `malformed`.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let values = match body.trim_ascii().is_empty() {
            true => Map::new(),
            false => serde_json::from_slice(body).map_err(|_| Problem::malformed())?,
        };
        Ok(Self { values, known: Vec::new(), wrong: Wrong::new() })
    }

    /// Reads what was read already.
    pub const fn of(values: Map<String, Value>) -> Self {
        Self { values, known: Vec::new(), wrong: Wrong::new() }
    }

    /// Reads a query: every value is a text, and of a name that comes twice the last one holds.
    pub fn of_query(query: &str) -> Self {
        let text = |raw: &str| percent_decode_str(&raw.replace('+', " ")).decode_utf8_lossy().into_owned();
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let values = pairs.map(|(name, value)| (text(name), Value::String(text(value)))).collect();
        Self { values, known: Vec::new(), wrong: Wrong::new() }
    }

    /// Nothing, or the problem that names every wrong field. All that are known have been read by now.
    pub fn finish(mut self) -> Result<(), Problem> {
        for name in self.values.keys().filter(|name| !self.known.contains(&name.as_str())) {
            let shown: String = name.chars().take(NAME_SHOWN).collect();
            let known = match self.known.as_slice() {
                [] => "takes no fields".to_owned(),
                known => format!("knows {}", known.join(", ")),
            };
            self.wrong.insert(shown.into(), format!("is not known here; this path {known}"));
        }
        if self.wrong.is_empty() { Ok(()) } else { Err(Problem::invalid(self.wrong)) }
    }

    /// Notes what is wrong with a field.
    pub fn note(&mut self, name: &'static str, text: impl Into<String>) {
        self.wrong.entry(name.into()).or_insert_with(|| text.into());
    }

    /// Whether nothing is wrong with what was read.
    pub fn are_right(&self) -> bool {
        self.wrong.is_empty()
    }

    fn value(&mut self, name: &'static str) -> Option<&Value> {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
        self.values.get(name).filter(|value| !value.is_null())
    }

    /// Whatever it is, unless it is null.
    pub fn raw(&mut self, name: &'static str) -> Option<Value> {
        self.value(name).cloned()
    }

    /// A text of at most 255 characters, none of them a control character; blank is absent.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        let text = match self.value(name)? {
            Value::String(text) => text.trim().to_owned(),
            // A longer one would be another text than the one sent, and two of them could be the same.
            Value::Number(number) if !number.is_f64() => number.to_string(),
            _ => {
                self.note(name, "has to be a text");
                return None;
            }
        };
        if text.chars().count() > TEXT_MAX {
            self.note(name, format!("has to have at most {TEXT_MAX} characters"));
            return None;
        }
        if text.chars().any(char::is_control) {
            self.note(name, "has to have no control characters");
            return None;
        }
        (!text.is_empty()).then_some(text)
    }

    /// A text that is somebody's.
    pub fn secret(&mut self, name: &'static str) -> Option<Secret<String>> {
        self.text(name).map(Secret::new)
    }

    /// A whole number.
    pub fn integer(&mut self, name: &'static str) -> Option<i64> {
        let number = match self.value(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.note(name, "has to be a whole number");
        }
        number
    }

    /// A truth value.
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        match self.value(name)? {
            Value::Bool(is_true) => Some(*is_true),
            Value::String(text) if text == "true" || text == "false" => Some(text == "true"),
            _ => {
                self.note(name, "has to be true or false");
                None
            }
        }
    }

    /// `currency`, an ISO 4217 code.
    pub fn currency(&mut self) -> Option<Currency> {
        let code = self.text("currency")?;
        let currency = code.parse().ok();
        if currency.is_none() {
            self.note("currency", "has to be the code of a supported currency");
        }
        currency
    }

    /// `amount` in minor units, more than zero, in `currency`, each of which may be left out where there is a default.
    pub fn funds(&mut self, default: Option<Money>) -> Option<Money> {
        let currency = match self.currency() {
            None if self.value("currency").is_none() => default.map(Money::currency),
            other => other,
        };
        let minor = match self.integer("amount") {
            None if self.value("amount").is_none() => default.map(Money::minor),
            other => other,
        };
        for (name, is_absent) in [("currency", currency.is_none()), ("amount", minor.is_none())] {
            if is_absent {
                self.note(name, "is missing");
            }
        }
        if minor.is_some_and(|minor| minor <= 0) {
            self.note("amount", "has to be more than zero");
            return None;
        }
        Money::new(minor?, currency?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of what is wrong, as they are told.
    fn wrong(body: &str, read: impl FnOnce(&mut Fields)) -> Vec<String> {
        let mut fields = Fields::parse(body.as_bytes()).unwrap();
        read(&mut fields);
        fields.finish().err().map(|problem| problem.fields().keys().map(ToString::to_string).collect()).unwrap_or_default()
    }

    #[test]
    fn every_wrong_field_is_named() {
        let read = |fields: &mut Fields| {
            fields.funds(None);
            fields.text("reference");
            fields.flag("inflows");
        };
        assert_eq!(wrong("", read), ["amount", "currency"]);
        assert_eq!(wrong(r#"{"amount":1,"currency":"EUR","reference":null}"#, read), Vec::<&str>::new());
        let all = ["amount", "currency", "inflows", "reference"];
        assert_eq!(wrong(r#"{"amount":1.5,"currency":"XXX","reference":[],"inflows":1}"#, read), all);
        for amount in ["0", "-0", "-5", "1.0", "1e2", "9223372036854775808", "\"\"", "true", "[1]"] {
            let named = wrong(&format!(r#"{{"amount":{amount},"currency":"XXX"}}"#), read);
            assert_eq!(named, ["amount", "currency"], "{amount}");
        }
        assert!(Fields::parse(br#"{"amount":1e400}"#).is_err(), "no number at all");
        assert_eq!(wrong(r#"{"reference":100000000000000000000001}"#, |fields| drop(fields.text("reference"))), ["reference"]);
        assert_eq!(wrong(r#"{"reference":41631014}"#, |fields| drop(fields.text("reference"))), Vec::<&str>::new());
        assert_eq!(wrong("{\"amount\":1,\"currency\":\"EUR\",\"reference\":\"a\\u0000b\"}", read), ["reference"]);
        assert!(Fields::parse(b"[]").is_err() && Fields::parse(b"{").is_err());
    }

    #[test]
    fn a_field_that_nobody_asks_for_is_named_with_the_others() {
        let read = |fields: &mut Fields| {
            fields.integer("amount");
            fields.text("reference");
        };
        assert_eq!(wrong(r#"{"amount":"x","Amount":1,"refrence":null}"#, read), ["Amount", "amount", "refrence"]);
        let told = |body: &str| {
            let fields = Fields::parse(body.as_bytes()).unwrap();
            fields.finish().err().map(|problem| problem.fields().clone()).unwrap_or_default()
        };
        assert_eq!(told(r#"{"x":1}"#)["x"], "is not known here; this path takes no fields");
        let long = "n".repeat(1_000);
        assert_eq!(told(&format!(r#"{{"{long}":1}}"#)).into_keys().map(|name| name.len()).collect::<Vec<_>>(), [64]);
    }

    #[test]
    fn a_query_is_read_as_a_body_is() {
        let mut fields = Fields::of_query("page=2&all=true&reference=a+b%2Bc&&empty=&nonsense");
        assert_eq!((fields.integer("page"), fields.flag("all")), (Some(2), Some(true)));
        assert_eq!((fields.text("reference").as_deref(), fields.text("empty")), (Some("a b+c"), None));
        let problem = fields.finish().unwrap_err();
        assert_eq!(problem.fields().keys().collect::<Vec<_>>(), ["nonsense"]);
        assert_eq!(Fields::of_query("page=x").integer("page"), None);
        assert!(Fields::of_query("").finish().is_ok());
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let default = Money::new(1_000, Currency::GBP).unwrap();
        let funds = |body: &str| Fields::parse(body.as_bytes()).unwrap().funds(Some(default));
        assert_eq!(funds(""), Some(default));
        assert_eq!(funds(r#"{"amount":"5"}"#), Money::new(5, Currency::GBP).ok());
        assert_eq!(funds(r#"{"amount":5,"currency":"EUR"}"#), Money::new(5, Currency::EUR).ok());
        assert_eq!(funds(r#"{"amount":"x"}"#), None);
    }
}
