//! IBAN and BIC: the names of a bank account and of a bank.

use iban::IbanLike as _;
use serde::{Deserialize, Serialize};

/// An International Bank Account Number whose check digits and national form are right.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Iban(String);

/// The longest IBAN has 34 characters; as many blanks again are more than anybody prints.
const TEXT_MAX: usize = 68;

impl Iban {
    /// Reads an IBAN as people write it: blanks and the case of its letters do not matter.
    ///
    /// `None` when its check digits or length are wrong, or its country does not issue such numbers.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > TEXT_MAX {
            return None;
        }
        let compact: String = text.chars().filter(|one| !one.is_whitespace()).map(|one| one.to_ascii_uppercase()).collect();
        let iban: iban::Iban = compact.parse().ok()?;
        Some(Self(iban.electronic_str().to_owned()))
    }

    /// Capitals and digits without blanks.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The country that issued it, ISO 3166-1 alpha-2.
    #[must_use]
    pub fn country(&self) -> &str {
        self.0.get(..2).unwrap_or("")
    }
}

impl std::fmt::Debug for Iban {
    /// The country only: the rest is somebody's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Iban({}…)", self.country())
    }
}

/// The code of a bank: four letters, two of a country, two for the place, and three for the branch or none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bic(String);

impl Bic {
    /// Reads a BIC of the form `^[a-zA-Z]{6}\w{2}(\w{3})?$`. Source: reference, money part, 22.3.
    ///
    /// Neither its country nor its bank is looked at.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let (letters, rest) = text.as_bytes().split_at_checked(6)?;
        let has_form = letters.iter().all(u8::is_ascii_alphabetic) && matches!(rest.len(), 2 | 5) && rest.iter().all(is_word);
        has_form.then(|| Self(text.to_owned()))
    }

    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ibans_are_read_as_people_write_them() {
        for (text, expected) in [
            ("FR7630004000031234567890143", Some("FR7630004000031234567890143")),
            (" fr76 3000 4000 0312 3456 7890 143 ", Some("FR7630004000031234567890143")),
            ("FR541558929750ZZZZZZAC01915", Some("FR541558929750ZZZZZZAC01915")),
            ("DE75512108001245126199", Some("DE75512108001245126199")),
            ("FR7630004000031234567890144", None),
            ("FR763000400003123456789014", None),
            ("US12345678901234567890", None),
            ("", None),
            ("\u{e9}", None),
        ] {
            assert_eq!(Iban::parse(text).as_ref().map(Iban::as_str), expected, "{text}");
        }
        assert_eq!(Iban::parse(&"F".repeat(10_000)), None);
    }

    #[test]
    fn an_iban_is_not_shown_to_logs() {
        assert_eq!(format!("{:?}", Iban::parse("DE75512108001245126199").unwrap()), "Iban(DE…)");
    }

    #[test]
    fn bics_have_eight_or_eleven_characters() {
        for (text, is_bic) in [
            ("BNPAFRPP", true),
            ("BINAADADXXX", true),
            ("crlyfrpp", true),
            ("BNPAFRPPX", false),
            ("BNPAFR", false),
            ("BNP4FRPP", false),
            ("BNPAFRP-", false),
            ("", false),
            ("BNPAFRP\u{e9}", false),
        ] {
            assert_eq!(Bic::parse(text).is_some(), is_bic, "{text}");
        }
    }
}
