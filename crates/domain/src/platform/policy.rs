//! What differs from house to house: one typed, versioned value, read by decisions in place of the dialect.

use money::Currency;
use serde::{Deserialize, Serialize};

/// Whose rules a platform starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Regime {
    /// Mangopay's.
    Mangopay,
    /// Mipise Payment Services'.
    Mps,
}

/// From which day on dated behaviours of the vendor hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BehaviourDate(
    /// Year, month and day as one number: 20261121.
    pub u32,
);

/// A platform's rules. Each payment records the version it was decided under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// One more with each change.
    pub version: u32,
    /// Where it started from.
    pub regime: Regime,
    /// Which dated behaviours hold.
    pub behaviour_date: BehaviourDate,
    /// Whether users are payers or owners, with what that forbids.
    pub has_categories: bool,
    /// Whether no two users may have the same e-mail address.
    pub has_unique_email: bool,
    /// Currencies that wallets may be opened in; empty means every supported one.
    pub currencies: Vec<String>,
    /// Whether money may reach an owner who is not verified.
    pub requires_verified_beneficiary: bool,
    /// Whether users who are not verified are held to the LIGHT limits.
    pub has_light_limits: bool,
    /// Whether names that look made up are refused.
    pub refuses_fake_names: bool,
    /// Whether payouts need a verified author.
    pub payout_requires_verification: bool,
}

impl Policy {
    /// What a new platform of the Mangopay regime starts with: what the official SDK suite presumes.
    #[must_use]
    pub const fn mangopay() -> Self {
        Self {
            version: 1,
            regime: Regime::Mangopay,
            behaviour_date: BehaviourDate(20_251_114),
            has_categories: true,
            has_unique_email: false,
            currencies: Vec::new(),
            requires_verified_beneficiary: false,
            has_light_limits: false,
            refuses_fake_names: false,
            payout_requires_verification: true,
        }
    }

    /// Whether wallets may be opened in `currency`.
    #[must_use]
    pub fn allows_currency(&self, currency: Currency) -> bool {
        self.currencies.is_empty() || self.currencies.iter().any(|code| code == currency.code())
    }
}
