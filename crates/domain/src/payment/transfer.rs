//! What a transfer says beyond what all payments have.

use serde::{Deserialize, Serialize};

/// Whether the payer is there to authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// The payer is there.
    Present,
    /// The platform acts alone.
    NotPresent,
}

/// A transfer between wallets. Most say nothing, and then nothing is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// As the platform said; `None` when it said nothing.
    pub presence: Option<Presence>,
}
