//! Amounts of one currency: [`Money`], [`SignedMoney`] and [`Balance`].

use std::fmt;

use crate::Currency;

/// Why two amounts could not be combined, or an amount could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyError {
    /// The two amounts are of different currencies.
    CurrencyMismatch {
        /// Currency of the left amount.
        left: Currency,
        /// Currency of the right amount.
        right: Currency,
    },
    /// The result does not fit 64 bits.
    Overflow,
    /// The result, or the number given, is below zero where it may not be.
    Negative,
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CurrencyMismatch { left, right } => write!(f, "{left} and {right} cannot be combined"),
            Self::Overflow => f.write_str("the amount does not fit 64 bits"),
            Self::Negative => f.write_str("the amount is below zero"),
        }
    }
}

impl std::error::Error for MoneyError {}

/// A sum in minor units (cents for EUR) of one currency. Never negative, never a float.
///
/// ```
/// use money::{Currency, Money};
/// let price = Money::new(1_050, Currency::EUR).unwrap();
/// let fee = Money::new(50, Currency::EUR).unwrap();
/// assert_eq!(price.checked_sub(fee).unwrap().minor(), 1_000);
/// assert!(price.checked_add(Money::new(1, Currency::GBP).unwrap()).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// A sum of `minor` minor units. Errors: `Negative` for a number below zero.
    pub const fn new(minor: i64, currency: Currency) -> Result<Self, MoneyError> {
        if minor < 0 {
            return Err(MoneyError::Negative);
        }
        Ok(Self { minor, currency })
    }

    /// Nothing, in `currency`.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// The number of minor units, never below zero.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether there is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// The sum of both. Errors: `CurrencyMismatch`, `Overflow`.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        same(self.currency, other.currency)?;
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, currency: self.currency })
    }

    /// What is left of `self` without `other`. Errors: `CurrencyMismatch`; `Negative` when `other` is more.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        same(self.currency, other.currency)?;
        let minor = self.minor.checked_sub(other.minor).ok_or(MoneyError::Overflow)?;
        Self::new(minor, self.currency)
    }
}

/// A sum that may be below zero: the fees of a refund, where a negative fee is one given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SignedMoney {
    minor: i64,
    currency: Currency,
}

impl SignedMoney {
    /// A sum of `minor` minor units, of either sign.
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The number of minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// What `debited` leaves once these fees are taken from it, or given back on top of it.
    ///
    /// Errors: `CurrencyMismatch`; `Overflow`; `Negative` when the fees are more than `debited`.
    pub fn taken_from(self, debited: Money) -> Result<Money, MoneyError> {
        same(debited.currency, self.currency)?;
        let minor = debited.minor.checked_sub(self.minor).ok_or(MoneyError::Overflow)?;
        Money::new(minor, debited.currency)
    }
}

impl From<Money> for SignedMoney {
    fn from(money: Money) -> Self {
        Self { minor: money.minor, currency: money.currency }
    }
}

/// What an account holds: a signed number of minor units of one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Balance {
    minor: i64,
    currency: Currency,
}

impl Balance {
    /// A balance of `minor` minor units, of either sign.
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The number of minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }
}

fn same(left: Currency, right: Currency) -> Result<(), MoneyError> {
    if left == right { Ok(()) } else { Err(MoneyError::CurrencyMismatch { left, right }) }
}

macro_rules! shown_in_major_units {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            /// Major units with the currency's digits and its code: `10.50 EUR`, `12 JPY`.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_major(f, self.minor, self.currency)
            }
        }
    )*};
}
shown_in_major_units!(Money, SignedMoney, Balance);

fn write_major(f: &mut fmt::Formatter<'_>, minor: i64, currency: Currency) -> fmt::Result {
    let sign = if minor < 0 { "-" } else { "" };
    let digits = usize::from(currency.exponent());
    let all = format!("{:0>width$}", minor.unsigned_abs(), width = digits.saturating_add(1));
    let (whole, part) = all.split_at(all.len().saturating_sub(digits));
    let point = if digits == 0 { "" } else { "." };
    write!(f, "{sign}{whole}{point}{part} {currency}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::EUR).unwrap()
    }

    #[test]
    fn money_is_never_negative() {
        assert_eq!(Money::new(-1, Currency::EUR), Err(MoneyError::Negative));
        assert_eq!(eur(1).checked_sub(eur(2)), Err(MoneyError::Negative));
    }

    #[test]
    fn currencies_do_not_mix() {
        let left = eur(1);
        let right = Money::zero(Currency::GBP);
        let mismatch = MoneyError::CurrencyMismatch { left: Currency::EUR, right: Currency::GBP };
        assert_eq!(left.checked_add(right), Err(mismatch));
        assert_eq!(left.checked_sub(right), Err(mismatch));
        assert_eq!(SignedMoney::from(right).taken_from(left), Err(mismatch));
    }

    #[test]
    fn sums_that_do_not_fit_are_refused() {
        assert_eq!(eur(i64::MAX).checked_add(eur(1)), Err(MoneyError::Overflow));
        let given_back = SignedMoney::new(i64::MIN, Currency::EUR);
        assert_eq!(given_back.taken_from(eur(1)), Err(MoneyError::Overflow));
    }

    #[test]
    fn a_negative_fee_is_given_back() {
        assert_eq!(SignedMoney::new(-10, Currency::EUR).taken_from(eur(49)), Ok(eur(59)));
    }

    #[test]
    fn amounts_are_shown_with_the_digits_of_their_currency() {
        for (minor, currency, shown) in [
            (1_050, Currency::EUR, "10.50 EUR"),
            (5, Currency::EUR, "0.05 EUR"),
            (-5, Currency::EUR, "-0.05 EUR"),
            (0, Currency::GBP, "0.00 GBP"),
            (12, Currency::JPY, "12 JPY"),
            (i64::MIN, Currency::JPY, "-9223372036854775808 JPY"),
        ] {
            assert_eq!(Balance::new(minor, currency).to_string(), shown);
        }
    }

    proptest! {
        #[test]
        fn taking_away_what_was_added_gives_the_same(a in 0..i64::MAX / 2, b in 0..i64::MAX / 2) {
            let sum = eur(a).checked_add(eur(b)).unwrap();
            prop_assert_eq!(sum.checked_sub(eur(b)), Ok(eur(a)));
        }
    }
}
