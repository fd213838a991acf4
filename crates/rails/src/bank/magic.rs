//! The one table of values that the simulated bank treats in a way of their own.
//!
//! | account | what happens | whose value |
//! |---|---|---|
//! | IBAN `FR7630004000031234567890143` | every payout succeeds | the vendor's |
//! | GB account `55779911`, sort code `200000` | every payout succeeds | the vendor's |
//! | IBAN `FR541558929750ZZZZZZAC01915` | takes no instant payments: falls back, 001999 | the vendor's |
//! | IBAN `FR389999900001UNREACH000112` | its bank takes no instant payments at all: 130007 | Florin's |
//! | IBAN `FR699999900001WAITS00000172` | the bank never answers by itself: 121009 after seven days | Florin's |
//! | any other | every payout succeeds | |
//!
//! Source of the vendor's: reference, money part, 20. Florin's own, and the account that wires are sent to, are French
//! numbers of bank code 99999, which no bank has, with check digits that are right.

use domain::bank_account::BankDetails;
use domain::payment::ReceivingAccount;
use domain::platform::MagicValues;

/// What the simulated bank does with transfers to an account, unless it is told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Sends them.
    Succeeds,
    /// Sends them, never instantly: for a reason that is not told.
    IsNeverInstant,
    /// Sends them, never instantly: its bank does not take part.
    IsUnreachable,
    /// Keeps them and says nothing.
    Waits,
}

const BY_IBAN: &[(&str, Behaviour)] = &[
    ("FR7630004000031234567890143", Behaviour::Succeeds),
    ("FR541558929750ZZZZZZAC01915", Behaviour::IsNeverInstant),
    ("FR389999900001UNREACH000112", Behaviour::IsUnreachable),
    ("FR699999900001WAITS00000172", Behaviour::Waits),
];

/// What the simulated bank does with transfers to an account.
#[must_use]
pub fn behaviour(account: &BankDetails, magic: MagicValues) -> Behaviour {
    if magic == MagicValues::Ignored {
        return Behaviour::Succeeds;
    }
    match account {
        BankDetails::Iban { iban, .. } => {
            let iban = iban.expose().as_str();
            BY_IBAN.iter().find(|(magic, _)| *magic == iban).map_or(Behaviour::Succeeds, |(_, behaviour)| *behaviour)
        }
        // Instant payments are the euro's, and so are IBANs.
        BankDetails::Gb { .. } | BankDetails::Us { .. } | BankDetails::Ca { .. } | BankDetails::Other { .. } => Behaviour::Succeeds,
    }
}

/// The account of the institution at the simulated bank, that payers of bank wires are told to pay to.
#[must_use]
pub fn receiving_account() -> ReceivingAccount {
    ReceivingAccount {
        owner_name: "FLORIN SANDBOX".to_owned(),
        address_line1: "2 Avenue Amélie".to_owned(),
        city: "Luxembourg".to_owned(),
        postal_code: "L-1125".to_owned(),
        country: "LU".to_owned(),
        iban: "FR7699999000010000000000115".to_owned(),
        // A zero in the eighth place marks a code that is for tests only.
        bic: "FLRNFRP0XXX".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use domain::Secret;
    use domain::bank_account::{Bic, Iban};

    use super::*;

    #[test]
    fn every_magic_iban_is_an_iban_and_names_one_behaviour() {
        for (text, expected) in BY_IBAN {
            let iban = Iban::parse(text).unwrap();
            assert_eq!(iban.as_str(), *text);
            let account = BankDetails::Iban { iban: Secret::new(iban), bic: None };
            assert_eq!(behaviour(&account, MagicValues::Heeded), *expected);
            assert_eq!(behaviour(&account, MagicValues::Ignored), Behaviour::Succeeds);
            assert_eq!(BY_IBAN.iter().filter(|(other, _)| other == text).count(), 1);
        }
    }

    #[test]
    fn wires_go_to_an_account_of_a_bank_that_nobody_has() {
        let account = receiving_account();
        let iban = Iban::parse(&account.iban).unwrap();
        assert_eq!(iban.as_str().get(4..9), Some("99999"));
        assert!(Bic::parse(&account.bic).is_some());
    }
}
