//! One type for each kind of id, so that a wallet's is never taken for a user's.

use std::fmt;

use ledger::{AccountId, Uid};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::given::Named;

macro_rules! ids {
    ($($space:literal $name:ident $doc:literal;)*) => {$(
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

        impl Named for $name {
            const SPACE: u8 = $space;
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
    1 PlatformId "Names a platform, the tenant that owns users, wallets and keys.";
    2 UserId "Names a user.";
    3 PersonId "Names a person, the real-world identity behind a user.";
    4 WalletId "Names a wallet; its ledger account has the same id.";
    5 PaymentId "Names a payment: a pay-in, transfer, payout or refund.";
    6 ApiKeyId "Names an API key of a platform.";
    7 TokenId "Names an access token.";
    8 EventId "Names an event.";
    9 RequestId "Names one request from outside.";
    10 JobId "Names a job.";
    11 CardId "Names a card.";
    12 CardRegistrationId "Names a card registration.";
    13 CardValidationId "Names a card validation.";
    14 BankAccountId "Names a bank account to pay out to.";
    15 ScaSessionId "Names a session in which a user shows who they are.";
    16 ReceiptId "Names money that arrived and is nobody's yet.";
    17 HookId "Names a hook: where a platform has itself told of a type of event.";
    18 DeliveryId "Names what one listener is told of one event; it is the event's own id.";
}

impl WalletId {
    /// The ledger account that keeps the wallet's balance.
    #[must_use]
    pub const fn account(self) -> AccountId {
        AccountId(self.0)
    }
}
