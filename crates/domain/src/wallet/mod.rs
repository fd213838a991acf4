//! Wallets: a user's e-money in one currency. The balance is the ledger account of the same id.

mod open;
mod rename;

pub use open::{OpenWallet, OpenWalletError};
pub use rename::{RenameWallet, RenameWalletError};

use ledger::Uid;
use money::Currency;
use serde::{Deserialize, Serialize};

use crate::{Kind, Resource, Sealing, Secret, UserId, WalletId};

/// What a wallet says about itself beside its balance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wallet {
    /// Its one owner.
    pub owner: UserId,
    /// Its one currency.
    #[serde(with = "currency_code")]
    pub currency: Currency,
    /// What its owner, or the platform, calls it.
    pub description: Secret<String>,
    /// The platform's own note.
    pub tag: Option<Secret<String>>,
}

impl Resource for Wallet {
    const KIND: &'static Kind = &Kind::of::<Self>(6, "wallet", 1, Sealing::Owner);
    type Id = WalletId;

    fn owner(&self) -> Option<Uid> {
        Some(self.owner.0)
    }

    fn status(&self) -> &'static str {
        "open"
    }
}

pub(crate) mod currency_code {
    //! A currency is stored by its code.

    use std::borrow::Cow;

    use money::Currency;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(currency: &Currency, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(currency.code())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Currency, D::Error> {
        Cow::<'de, str>::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}
