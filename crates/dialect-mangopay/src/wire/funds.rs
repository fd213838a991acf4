//! Money as it goes on the wire.

use money::{Balance, Money, SignedMoney};
use serde::Serialize;

/// `{"Currency": "EUR", "Amount": 1050}`, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Funds {
    currency: &'static str,
    amount: i64,
}

impl Funds {
    /// What a bank wire shows before it has arrived: no money, in no currency.
    pub const NOT_YET: Self = Self { currency: "XXX", amount: 0 };
}

impl From<Money> for Funds {
    fn from(money: Money) -> Self {
        Self { currency: money.currency().code(), amount: money.minor() }
    }
}

impl From<SignedMoney> for Funds {
    fn from(money: SignedMoney) -> Self {
        Self { currency: money.currency().code(), amount: money.minor() }
    }
}

impl From<Balance> for Funds {
    fn from(balance: Balance) -> Self {
        Self { currency: balance.currency().code(), amount: balance.minor() }
    }
}
