//! The real-world identity behind a user.

use ledger::Uid;
use serde::{Deserialize, Serialize};

use crate::ids::PersonId;
use crate::{Kind, Resource, Sealing, Secret, UserId};

/// A postal address; parts that were not given are absent.
///
/// An address that came as one line (the oldest wire) is in `one_line` and in no other part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Street and number.
    pub line1: Option<Secret<String>>,
    /// What does not fit the first line.
    pub line2: Option<Secret<String>>,
    /// City.
    pub city: Option<Secret<String>>,
    /// State, province or region.
    pub region: Option<Secret<String>>,
    /// Postal code.
    pub postal_code: Option<Secret<String>>,
    /// ISO 3166-1 alpha-2 code.
    pub country: Option<String>,
    /// The whole address as it was given in one line.
    pub one_line: Option<Secret<String>>,
}

/// A natural person. Everything but the names may be absent: how much is needed depends on what the user may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The user it belongs to.
    pub user: Option<UserId>,
    /// First name.
    pub first_name: Secret<String>,
    /// Last name.
    pub last_name: Secret<String>,
    /// The birthday as the platform sent it, seconds since 1970-01-01 UTC; the civil date is its UTC day.
    pub birthday_s: Option<Secret<i64>>,
    /// ISO 3166-1 alpha-2 code.
    pub nationality: Option<String>,
    /// ISO 3166-1 alpha-2 code.
    pub country_of_residence: Option<String>,
    /// What the person does for a living.
    pub occupation: Option<Secret<String>>,
    /// Yearly income, bands 1 to 6.
    pub income_range: Option<Secret<u8>>,
    /// The person's own e-mail address, where it is not the user's.
    pub email: Option<Secret<String>>,
    /// Phone number as given.
    pub phone: Option<Secret<String>>,
    /// Country that a local phone number is of, ISO 3166-1 alpha-2.
    pub phone_country: Option<String>,
    /// Where the person lives.
    pub address: Address,
}

/// Words that nobody is called. Source: reference, people part, 4.9.
const FAKE_NAMES: &[&str] = &["test", "tests", "testing", "undefined", "unknown", "null", "none", "fake", "dummy", "asdf", "qwerty", "xxx"];

impl Person {
    /// Whether the first or last name is a word that nobody is called, or has no letter, or one letter over and over.
    #[must_use]
    pub fn has_fake_name(&self) -> bool {
        [&self.first_name, &self.last_name].into_iter().any(|name| is_fake(name.expose()))
    }
}

fn is_fake(name: &str) -> bool {
    let name = name.trim().to_lowercase();
    let mut letters = name.chars().filter(|letter| letter.is_alphabetic());
    let Some(first) = letters.next() else { return true };
    let repeats = name.chars().count() > 2 && letters.all(|letter| letter == first);
    repeats || name.split_whitespace().any(|word| FAKE_NAMES.contains(&word))
}

impl Resource for Person {
    const KIND: &'static Kind = &Kind::of::<Self>(5, "person", 1, Sealing::Owner);
    type Id = PersonId;

    fn owner(&self) -> Option<Uid> {
        self.user.map(Uid::from)
    }

    fn status(&self) -> &'static str {
        "declared"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_nobody_is_called_are_told_from_names() {
        for (name, fake) in [
            ("Test", true),
            ("Jean Test", true),
            ("undefined", true),
            ("aaaa", true),
            ("1234", true),
            ("Anna", false),
            ("Contest", false),
            ("Li", false),
            ("Ng", false),
        ] {
            assert_eq!(is_fake(name), fake, "{name}");
        }
    }
}
