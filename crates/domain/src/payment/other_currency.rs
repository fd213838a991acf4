//! Sums of a request that are not in the currency of its wallet.

use money::Currency;

/// Which sum of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestSum {
    /// What is moved.
    Funds,
    /// What the platform keeps of it.
    Fees,
}

/// A sum in another currency than that of the wallet it is to move into or out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherCurrency {
    /// Of the wallet.
    pub wallet: Currency,
    /// The sum that is wrong.
    pub sum: RequestSum,
    /// Of that sum.
    pub currency: Currency,
}

impl OtherCurrency {
    /// The first sum, funds before fees, that is not in the currency of the wallet.
    pub(super) fn among(wallet: Currency, funds: Currency, fees: Currency) -> Option<Self> {
        let sums = [(RequestSum::Funds, funds), (RequestSum::Fees, fees)];
        let (sum, currency) = sums.into_iter().find(|(_, currency)| *currency != wallet)?;
        Some(Self { wallet, sum, currency })
    }
}
