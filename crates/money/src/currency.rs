//! The currencies Florin keeps accounts in.

use std::{fmt, str::FromStr};

/// The text is not the code of a currency that Florin keeps accounts in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownCurrency;

impl fmt::Display for UnknownCurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the code of a supported currency")
    }
}

impl std::error::Error for UnknownCurrency {}

macro_rules! currencies {
    ($($code:ident $exponent:literal $numeric:literal $name:literal;)*) => {
        /// A currency by its ISO 4217 alphabetic code.
        ///
        /// The list is an allow list of our own: the currencies that the two dialects name. `CNH`
        /// (offshore renminbi) is traded under a code outside ISO 4217 and shares CNY's number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(clippy::upper_case_acronyms)]
        pub enum Currency {
            $(#[doc = $name] $code,)*
        }

        impl Currency {
            /// Every supported currency, in order of its code.
            pub const ALL: &'static [Currency] = &[$(Currency::$code,)*];

            /// The alphabetic code, three capital letters.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Currency::$code => stringify!($code),)* }
            }

            /// How many decimal digits the minor unit stands for: 2 for EUR, 0 for JPY.
            #[must_use]
            pub const fn exponent(self) -> u8 {
                match self { $(Currency::$code => $exponent,)* }
            }

            /// The ISO 4217 numeric code.
            #[must_use]
            pub const fn numeric(self) -> u16 {
                match self { $(Currency::$code => $numeric,)* }
            }
        }

        impl FromStr for Currency {
            type Err = UnknownCurrency;

            /// Reads a code as ISO 4217 writes it; case matters.
            fn from_str(code: &str) -> Result<Self, UnknownCurrency> {
                match code { $(stringify!($code) => Ok(Currency::$code),)* _ => Err(UnknownCurrency) }
            }
        }
    };
}

currencies! {
    AED 2 784 "United Arab Emirates dirham";
    AUD 2 36 "Australian dollar";
    CAD 2 124 "Canadian dollar";
    CHF 2 756 "Swiss franc";
    CNH 2 156 "Offshore renminbi";
    CZK 2 203 "Czech koruna";
    DKK 2 208 "Danish krone";
    EUR 2 978 "Euro";
    GBP 2 826 "Pound sterling";
    HKD 2 344 "Hong Kong dollar";
    HUF 2 348 "Forint";
    ILS 2 376 "New Israeli sheqel";
    JPY 0 392 "Yen";
    MXN 2 484 "Mexican peso";
    NOK 2 578 "Norwegian krone";
    NZD 2 554 "New Zealand dollar";
    PLN 2 985 "Zloty";
    RON 2 946 "Romanian leu";
    SAR 2 682 "Saudi riyal";
    SEK 2 752 "Swedish krona";
    SGD 2 702 "Singapore dollar";
    TRY 2 949 "Turkish lira";
    USD 2 840 "US dollar";
    ZAR 2 710 "Rand";
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exponent_and_number_is_that_of_iso_4217() {
        for &currency in Currency::ALL {
            let code = if currency == Currency::CNH { "CNY" } else { currency.code() };
            let iso = iso_currency::Currency::from_code(code).unwrap();
            assert_eq!(iso.exponent(), Some(u16::from(currency.exponent())), "{currency}");
            assert_eq!(iso.numeric(), currency.numeric(), "{currency}");
        }
    }

    #[test]
    fn codes_read_back_and_nothing_else_does() {
        for &currency in Currency::ALL {
            assert_eq!(currency.code().parse(), Ok(currency));
        }
        for text in ["eur", "XXX", "", "EURO", "BGN"] {
            assert_eq!(text.parse::<Currency>(), Err(UnknownCurrency), "{text}");
        }
    }
}
