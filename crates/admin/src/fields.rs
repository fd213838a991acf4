//! Reading a body: every wrong field is named at once.

use std::collections::BTreeMap;

use domain::Secret;
use money::{Currency, Money};
use serde_json::{Map, Value};

use crate::answer::Problem;

/// Characters of a text at most.
const TEXT_MAX: usize = 255;

/// The fields of a body. Unknown ones are ignored; an empty body has none.
pub struct Fields {
    values: Map<String, Value>,
    wrong: BTreeMap<&'static str, String>,
}

impl Fields {
    /// Reads a body. Errors: `malformed`.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let values = match body.trim_ascii().is_empty() {
            true => Map::new(),
            false => serde_json::from_slice(body).map_err(|_| Problem::malformed())?,
        };
        Ok(Self { values, wrong: BTreeMap::new() })
    }

    /// Nothing, or the problem that names every wrong field.
    pub fn finish(self) -> Result<(), Problem> {
        if self.wrong.is_empty() { Ok(()) } else { Err(Problem::invalid(self.wrong)) }
    }

    /// Notes what is wrong with a field.
    pub fn note(&mut self, name: &'static str, text: impl Into<String>) {
        self.wrong.entry(name).or_insert_with(|| text.into());
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name).filter(|value| !value.is_null())
    }

    /// A text of at most 255 characters; blank is absent.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        let text = match self.value(name)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => {
                self.note(name, "has to be a text");
                return None;
            }
        };
        if text.chars().count() > TEXT_MAX {
            self.note(name, format!("has to have at most {TEXT_MAX} characters"));
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
        let funds = Money::new(minor?, currency?).ok().filter(|funds| !funds.is_zero());
        if funds.is_none() {
            self.note("amount", "has to be more than zero");
        }
        funds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(body: &str, read: impl FnOnce(&mut Fields)) -> Vec<&'static str> {
        let mut fields = Fields::parse(body.as_bytes()).unwrap();
        read(&mut fields);
        fields.wrong.into_keys().collect()
    }

    #[test]
    fn every_wrong_field_is_named() {
        let read = |fields: &mut Fields| {
            fields.funds(None);
            fields.text("reference");
            fields.flag("inflows");
        };
        assert_eq!(wrong("", read), ["amount", "currency"]);
        assert_eq!(wrong(r#"{"amount":1,"currency":"EUR","other":[]}"#, read), Vec::<&str>::new());
        let all = ["amount", "currency", "inflows", "reference"];
        assert_eq!(wrong(r#"{"amount":1.5,"currency":"XXX","reference":[],"inflows":1}"#, read), all);
        assert_eq!(wrong(r#"{"amount":0,"currency":"EUR"}"#, read), ["amount"]);
        assert_eq!(wrong(r#"{"amount":-5,"currency":"EUR"}"#, read), ["amount"]);
        assert!(Fields::parse(b"[]").is_err() && Fields::parse(b"{").is_err());
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
