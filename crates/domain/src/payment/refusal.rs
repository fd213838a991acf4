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
