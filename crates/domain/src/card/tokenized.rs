//! What an acquirer tells of a card in exchange for its number.

use std::fmt;

use ledger::Uid;
use serde::{Deserialize, Serialize};

use crate::{PlatformId, Secret, Timestamp};

/// Tells a card from every other one without its number: a keyed hash, the same wherever the card is used.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub Uid);

impl Fingerprint {
    /// Reads 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        Uid::parse(text).filter(|_| is_hex).map(Self)
    }

    /// The name of the list of what a platform did with cards of this fingerprint. Another platform's is another.
    #[must_use]
    pub const fn list(self, platform: PlatformId) -> Uid {
        Uid::from_bits(self.0.bits() ^ platform.0.bits())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0.bits())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint")
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a fingerprint"))
    }
}

/// The last month in which a card can be used.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiry {
    month: u8,
    /// Of this century.
    year: u8,
}

impl Expiry {
    /// Month 1 to 12 of the years 2000 to 2099.
    #[must_use]
    pub const fn new(month: u8, year: u8) -> Option<Self> {
        if month == 0 || month > 12 || year > 99 { None } else { Some(Self { month, year }) }
    }

    /// Reads `MMYY`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        let (month, year) = text.split_at_checked(2).filter(|_| is_digits)?;
        Self::new(month.parse().ok()?, year.parse().ok()?)
    }

    /// Whether its month is over.
    #[must_use]
    pub fn is_over_at(self, now: Timestamp) -> bool {
        let (month, year) = if self.month == 12 {
            (1, i64::from(self.year).saturating_add(1))
        } else {
            (self.month.saturating_add(1), i64::from(self.year))
        };
        now.day() >= first_day_of(year.saturating_add(2_000), i64::from(month))
    }
}

impl fmt::Display for Expiry {
    /// `MMYY`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}{:02}", self.month, self.year)
    }
}

impl fmt::Debug for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Expiry")
    }
}

/// The first day of a month, counted from 1970-01-01 (the proleptic Gregorian calendar, years 1 and later).
const fn first_day_of(year: i64, month: i64) -> i64 {
    // March is the first month of the counted year, so that the leap day is its last day.
    let (counted_year, counted_month) =
        if month < 3 { (year.saturating_sub(1), month.saturating_add(9)) } else { (year, month.saturating_sub(3)) };
    let leap_days = counted_year.div_euclid(4).saturating_sub(counted_year.div_euclid(100)).saturating_add(counted_year.div_euclid(400));
    let day_of_year = counted_month.saturating_mul(153).saturating_add(2).div_euclid(5);
    counted_year.saturating_mul(365).saturating_add(leap_days).saturating_add(day_of_year).saturating_sub(719_468)
}

/// The network a card is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each is the network's own name")]
pub enum Network {
    Cb,
    Visa,
    Mastercard,
    Amex,
    Maestro,
    Bcmc,
    Jcb,
    Discover,
    Diners,
}

/// How a card's holder pays for what it pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Funding {
    /// At once.
    Debit,
    /// Later.
    Credit,
    /// At the end of the month.
    Charge,
}

/// Who gave a card out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuer {
    /// The bank's name, where it is known.
    pub bank: Option<String>,
    /// ISO 3166-1 alpha-2 code.
    pub country: String,
    /// How its holder pays.
    pub funding: Funding,
    /// The network's letter for the product.
    pub product: String,
}

/// What is known of a card in place of its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokenized {
    /// Stands for the card at the acquirer.
    pub token: Secret<String>,
    /// Tells it from other cards.
    pub fingerprint: Fingerprint,
    /// The first six digits of the number.
    pub first6: Secret<String>,
    /// The last four.
    pub last4: Secret<String>,
    /// Its last month.
    pub expiry: Expiry,
    /// Its network.
    pub network: Network,
    /// Who gave it out.
    pub issuer: Issuer,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_over_when_the_next_month_begins() {
        // 2029-12-31 and 2030-01-01, 2024-02-29 and 2024-03-01.
        for (expiry, last_day, first_day_after) in [("1229", 21_914, 21_915), ("0224", 19_782, 19_783)] {
            let expiry = Expiry::parse(expiry).unwrap();
            assert!(!expiry.is_over_at(Timestamp::from_seconds(last_day * 86_400 + 86_399)), "{expiry}");
            assert!(expiry.is_over_at(Timestamp::from_seconds(first_day_after * 86_400)), "{expiry}");
        }
        assert_eq!(Expiry::parse("1229").unwrap().to_string(), "1229");
        for text in ["", "1329", "0029", "129", "12290", "1a29", "+129", "\u{e9}12"] {
            assert_eq!(Expiry::parse(text), None, "{text}");
        }
    }

    #[test]
    fn fingerprints_read_back_and_are_listed_by_platform() {
        let fingerprint = Fingerprint(Uid::from_bits(0x48d6_3bbc_fc2c_47fc_bc19_df35_e47b_2f8d));
        assert_eq!(fingerprint.to_string(), "48d63bbcfc2c47fcbc19df35e47b2f8d");
        assert_eq!(Fingerprint::parse("48d63bbcfc2c47fcbc19df35e47b2f8d"), Some(fingerprint));
        for text in ["", "48D63BBCFC2C47FCBC19DF35E47B2F8D", "48d63bbc-fc2c-47fc-bc19-df35e47b2f8d", "x"] {
            assert_eq!(Fingerprint::parse(text), None, "{text}");
        }
        let (one, other) = (PlatformId(Uid::from_bits(1)), PlatformId(Uid::from_bits(2)));
        assert_ne!(fingerprint.list(one), fingerprint.list(other));
    }

    #[test]
    fn nothing_of_a_card_is_shown_by_debug() {
        let seen = super::super::tests::tokenized(7);
        let shown = format!("{seen:?}");
        for text in ["4970", "1117", "1229", "tok-7", &seen.fingerprint.to_string()] {
            assert!(!shown.contains(text), "{shown}");
        }
    }
}
