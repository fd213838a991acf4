//! The one table of values that the simulated acquirer treats in a way of their own.
//!
//! Source: reference, money part, 19 (amounts) and 20 (the rest).
//!
//! | card | what happens |
//! |---|---|
//! | `4970107111111119` Visa | no authentication |
//! | `4970105181818183` Visa | authentication |
//! | `5033951000000004` Maestro | authentication |
//! | `375989111111119` American Express | authentication |
//! | `4706750000000009`, `…025`, `…033`, `…017`, `4970100000000154` Visa | no authentication |
//! | `4970105715165150`, `4970105444347681` Visa | authentication |
//! | `3012340000000000` Maestro, `30123456789001` Diners, `375987000000005` American Express, `67031330054610319` Bancontact | no authentication |
//! | any other number that passes the Luhn check | no authentication, network by its first digits |
//!
//! | otherwise | what happens |
//! |---|---|
//! | security code `999` | 101101 do not honor, whatever is charged |
//! | amounts of `333.xx` EUR in [`AMOUNTS`] | the refusal beside them |
//! | first two digits of the postal code, in GBP | the address check in [`address_check`] |

use domain::card::{AddressCheck, Network};
use domain::payment::Refusal;
use money::{Currency, Money};
use serde::{Deserialize, Serialize};

/// Whether a card asks its holder to authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Challenge {
    /// Not unless the platform insists.
    OnDemand,
    /// Always.
    Always,
}

/// Numbers with a behaviour or a network of their own.
pub const CARDS: &[(&str, Network, Challenge)] = &[
    ("4970107111111119", Network::Visa, Challenge::OnDemand),
    ("4970105181818183", Network::Visa, Challenge::Always),
    ("5033951000000004", Network::Maestro, Challenge::Always),
    ("375989111111119", Network::Amex, Challenge::Always),
    ("4706750000000009", Network::Visa, Challenge::OnDemand),
    ("4706750000000025", Network::Visa, Challenge::OnDemand),
    ("4706750000000033", Network::Visa, Challenge::OnDemand),
    ("4706750000000017", Network::Visa, Challenge::OnDemand),
    ("4970100000000154", Network::Visa, Challenge::OnDemand),
    ("4970105715165150", Network::Visa, Challenge::Always),
    ("4970105444347681", Network::Visa, Challenge::Always),
    ("3012340000000000", Network::Maestro, Challenge::OnDemand),
    ("30123456789001", Network::Diners, Challenge::OnDemand),
    ("375987000000005", Network::Amex, Challenge::OnDemand),
    ("67031330054610319", Network::Bcmc, Challenge::OnDemand),
];

/// The card of whoever plays a payer in a sandbox: the first of the table, with its last month and security code.
pub const TEST_CARD: (&str, &str, &str) = ("4970107111111119", "1299", "123");

/// The security code of a card that its issuer never honours.
pub const REFUSED_SECURITY_CODE: &str = "999";

/// Amounts in EUR, in cents, that are refused.
pub const AMOUNTS: &[(i64, Refusal)] = &[
    (33_303, Refusal::RailConfiguration),
    (33_305, Refusal::DoNotHonor),
    (33_312, Refusal::CardInactive),
    (33_313, Refusal::InvalidAmount),
    (33_314, Refusal::InvalidCardNumber),
    (33_333, Refusal::CardExpired),
    (33_334, Refusal::FraudSuspectedByBank),
    (33_338, Refusal::TooManyAttempts),
    (33_341, Refusal::LostCard),
    (33_343, Refusal::StolenCard),
    (33_351, Refusal::CardAmountLimit),
    (33_355, Refusal::InvalidPin),
    (33_357, Refusal::TechnicalError),
    (33_358, Refusal::RefusedByTerminal),
    (33_360, Refusal::CardLimitReached),
    (33_361, Refusal::DebitLimitExceeded),
    (33_363, Refusal::SecurityViolation),
    (33_391, Refusal::BankTechnical),
    (33_394, Refusal::RailTechnical),
];

/// Why an amount is refused, if it is.
#[must_use]
pub fn refused_amount(amount: Money) -> Option<Refusal> {
    let is_magic = |(minor, _): &&(i64, Refusal)| *minor == amount.minor() && amount.currency() == Currency::EUR;
    AMOUNTS.iter().find(is_magic).map(|(_, refusal)| *refusal)
}

/// What the issuer says of a postal code for a charge in a currency.
#[must_use]
pub fn address_check(currency: Currency, postal_code: &str) -> AddressCheck {
    match postal_code.get(..2).filter(|_| currency == Currency::GBP) {
        Some("22") => AddressCheck::Full,
        Some("12" | "42" | "82") => AddressCheck::AddressOnly,
        Some("21" | "24" | "28") => AddressCheck::PostalCodeOnly,
        Some("14" | "18" | "41" | "44" | "48" | "81" | "84" | "88") => AddressCheck::NoMatch,
        _ => AddressCheck::NoCheck,
    }
}

/// The bank that gave cards of these first six digits out, where the vendor's examples name one.
#[must_use]
pub fn issuing_bank(first6: &str) -> Option<&'static str> {
    (first6 == "497010").then_some("LA BANQUE POSTALE")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_and_amounts_stand_here_once() {
        for (number, _, _) in CARDS {
            assert_eq!(CARDS.iter().filter(|(other, _, _)| other == number).count(), 1, "{number}");
        }
        for (minor, _) in AMOUNTS {
            assert_eq!(AMOUNTS.iter().filter(|(other, _)| other == minor).count(), 1, "{minor}");
            assert_eq!(minor / 100, 333, "{minor}");
        }
    }

    #[test]
    fn amounts_are_magic_in_euros_only() {
        let of = |minor, currency| refused_amount(Money::new(minor, currency).unwrap());
        assert_eq!(of(33_305, Currency::EUR), Some(Refusal::DoNotHonor));
        assert_eq!(of(33_305, Currency::GBP), None);
        assert_eq!(of(33_304, Currency::EUR), None);
    }

    #[test]
    fn postal_codes_are_checked_in_pounds_only() {
        assert_eq!(address_check(Currency::GBP, "22AB"), AddressCheck::Full);
        assert_eq!(address_check(Currency::GBP, "48"), AddressCheck::NoMatch);
        assert_eq!(address_check(Currency::GBP, "99"), AddressCheck::NoCheck);
        assert_eq!(address_check(Currency::GBP, "2"), AddressCheck::NoCheck);
        assert_eq!(address_check(Currency::EUR, "22"), AddressCheck::NoCheck);
    }
}
