//! Why the business says no to a payment that was well formed.

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

            /// What it says, a sentence.
            #[must_use]
            pub const fn says(self) -> &'static str { match self { $(Refusal::$refusal => $doc,)* } }
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
    13 AmountTooLarge "The amount is more than any payment may be of.";
    40 CardNotOwned "The author does not own the card.";
    41 CardNotActive "The card was deactivated, or not used in time.";
    42 DoNotHonor "The issuer refuses, and does not say why.";
    43 CardAmountLimit "The issuer does not allow that much.";
    44 RefusedByTerminal "The terminal refuses.";
    45 CardLimitReached "The limit of the card is reached.";
    46 CardExpired "The last month of the card is over.";
    47 CardInactive "The issuer says that the card is not active.";
    48 TooManyAttempts "It was tried too often.";
    49 DebitLimitExceeded "The debit limit of the card is exceeded.";
    50 InvalidAmount "The issuer does not take the amount.";
    51 InvalidCardNumber "The issuer does not know the number.";
    52 InvalidPin "The issuer does not take the personal number.";
    53 LostCard "The card is reported lost.";
    54 StolenCard "The card is reported stolen.";
    55 SecurityViolation "The issuer sees its security violated.";
    56 FraudSuspectedByBank "The issuer suspects fraud.";
    57 RailConfiguration "The acquirer is not set up for this.";
    58 RailTechnical "The acquirer has a technical problem.";
    59 BankTechnical "The bank has a technical problem.";
    60 TechnicalError "There is a technical problem that nobody owns up to.";
    61 AuthenticationFailed "The payer did not authenticate.";
    62 AuthenticationExpired "The payer let the time for authenticating pass.";
    63 CancelledByPayer "The payer went away.";
    64 RegistrationDataInvalid "What came back from the tokenizer is not what it gave.";
    65 CardNumberFormat "The card number is none.";
    66 ExpiryFormat "The card's last month is none.";
    67 SecurityCodeFormat "The security code is none.";
    68 TokenTooOld "What the tokenizer gave came back too late.";
    69 CardRefused "The payment is refused.";
    70 AlreadyRefunded "Everything was given back.";
    71 NotRefundable "It was too long ago, or paid by a means that cannot be given back.";
    72 RefundExceedsInitial "More would be given back than came.";
    73 RefundedFeesExceedInitial "More fees would be given back than were taken.";
    74 FeeWalletInsufficient "The platform's fees do not suffice to give these back.";
    75 RefundPending "Another refund of it is under way.";
    76 DuplicateRefund "The same amount of it was given back within a day.";
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

impl serde::Serialize for Refusal {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u16(self.number())
    }
}

impl<'de> serde::Deserialize<'de> for Refusal {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = <u16 as serde::Deserialize>::deserialize(from)?;
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
