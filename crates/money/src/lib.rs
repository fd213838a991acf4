//! Currencies and amounts: integer minor units of one currency, checked, never a float.
//!
//! [`Money`] is what an instruction carries (never negative), [`SignedMoney`] what a refund's fees
//! carry, [`Balance`] what an account shows. None of them implements `Add`: adding two sums can
//! fail, so each call site says what happens then. Rates and percentages are not here.
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::float_arithmetic,
        clippy::arithmetic_side_effects
    )
)]

mod amount;
mod currency;

pub use amount::{Balance, Money, MoneyError, SignedMoney};
pub use currency::{Currency, UnknownCurrency};
