//! Why the business says no to a payment that was well formed.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! refusals {
    ($($number:literal $refusal:ident $doc:literal;)*) => {
        /// Why a payment failed. The numbers are stored: they never change. Each dialect has its code and text for each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Refusal { $(#[doc = $doc] $refusal,)* }

        impl Refusal {
            /// Every refusal, in order of its number.
            pub const ALL: &'static [Refusal] = &[$(Refusal::$refusal,)*];

            /// The stored number.
            #[must_use]
            pub const fn number(self) -> u16 { match self { $(Refusal::$refusal => $number,)* } }

            /// The refusal of a stored number.
            #[must_use]
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Refusal::$refusal),)* _ => None }
            }
        }
    };
}

refusals! {
    1 InsufficientFunds "The wallet's available balance does not suffice.";
    2 SameWallet "Both wallets are one.";
    3 NothingCredited "The fees take everything.";
    4 DebitedUserClosed "The owner of the debited wallet is closed.";
    5 CreditedUserClosed "The owner of the credited wallet is closed.";
    6 PayerToPayer "A payer may not pay another payer.";
    7 OwnerToPayer "A payer may not be paid by an owner.";
    8 BeneficiaryNotVerified "The beneficiary is an owner who is not verified.";
    9 UserBlocked "A user is blocked.";
    10 BalanceTooLarge "The balance would not fit.";
    11 PaymentPeriodExpired "The payer has let the time pass.";
    12 PlatformNotLive "The platform has no rail for this.";
    101 BankAccountNotActive "The bank account to pay out to is not active.";
    102 PayerMayNotPayOut "A payer may not pay out.";
    103 AuthorNotVerified "The author of a payout is not verified.";
    104 BankAccountTooNew "The bank account was made after the day from which only recipients are paid out to.";
    105 BankRefused "The bank refused the wire.";
    106 BankNeedsContact "The bank needs to be talked to.";
    107 BankSuspectsFraud "The wire was refused by the fraud policy.";
    108 PayoutExpired "The bank gave no answer in time.";
    109 NeedsAnalysis "The remitter or the beneficiary needs further analysis.";
    110 WrongBankAccountType "The bank account is of a type that cannot be paid out to.";
    111 PayeeNameMismatch "The name does not belong to the account.";
    112 BankFailed "The bank failed for a reason of its own.";
    113 BankTechnicalError "The bank had a technical error.";
    114 BlockedBankCountry "The country of the bank account is blocked.";
    115 GenericOperation "The operation failed for a reason that is not told.";
    121 InstantNotEligible "The payout cannot be instant: its currency, or what the platform may do.";
    122 InstantAmountTooHigh "The payout cannot be instant: its amount is too high.";
    123 InstantAuthorNotVerified "The payout cannot be instant: its author is not verified.";
    124 InstantAuthorBlocked "The payout cannot be instant: its author is blocked.";
    125 InstantTechnicalError "The payout cannot be instant: a technical error.";
    126 InstantUnreachable "The payout cannot be instant: the bank does not take part.";
    127 InstantDuplicate "The payout cannot be instant: the same went to the same account within a day.";
    128 InstantWrongIban "The payout cannot be instant: the bank does not know the account.";
    129 InstantGeneric "The payout cannot be instant: no reason is told.";
    130 InstantNeedsReview "The payout cannot be instant: somebody has to look at it.";
}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u16(self.number())
    }
}

impl<'de> Deserialize<'de> for Refusal {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = u16::deserialize(from)?;
        Self::from_number(number).ok_or_else(|| serde::de::Error::custom("not the number of a refusal"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_read_back() {
        for &refusal in Refusal::ALL {
            assert_eq!(Refusal::from_number(refusal.number()), Some(refusal));
        }
    }
}
