//! One type for each kind of id, so that a wallet's is never taken for a user's.

use std::fmt;

use ledger::{AccountId, Uid};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! ids {
    ($($name:ident $doc:literal;)*) => {$(
        #[doc = $doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uid);

        impl From<Uid> for $name {
            fn from(id: Uid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
                Uid::parse(&text).map(Self).ok_or_else(|| serde::de::Error::custom("not an id"))
            }
        }
    )*};
}

ids! {
    PlatformId "Names a platform, the tenant that owns users, wallets and keys.";
    UserId "Names a user.";
    PersonId "Names a person, the real-world identity behind a user.";
    WalletId "Names a wallet; its ledger account has the same id.";
    PaymentId "Names a payment: a pay-in, transfer, payout or refund.";
    ApiKeyId "Names an API key of a platform.";
    TokenId "Names an access token.";
    EventId "Names an event.";
    RequestId "Names one request from outside.";
    JobId "Names a job.";
    CardId "Names a card.";
    CardRegistrationId "Names a card registration.";
    CardValidationId "Names a card validation.";
    BankAccountId "Names a bank account to pay out to.";
    ScaSessionId "Names a session in which a user shows who they are.";
    ReceiptId "Names money that arrived and is nobody's yet.";
}

impl WalletId {
    /// The ledger account that keeps the wallet's balance.
    #[must_use]
    pub const fn account(self) -> AccountId {
        AccountId(self.0)
    }
}
