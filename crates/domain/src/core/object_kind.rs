//! What an object is, in words: for ids that somebody gives, which may name one thing only.

use std::fmt;

use super::{Kind, Named, Resource};
use crate::ids::{BankAccountId, CardId, CardRegistrationId, CardValidationId, HookId, PaymentId, ReceiptId, UserId, WalletId};
use crate::payment::{Nature, PaymentKind};

/// A kind of object, as finely as people tell them apart: a pay-in is no payout, although both are payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A user.
    User,
    /// A user's wallet.
    Wallet,
    /// A pay-in.
    PayIn,
    /// A transfer, or the transfer that settles a repudiation.
    Transfer,
    /// A payout.
    Payout,
    /// A refund.
    Refund,
    /// Money a bank took back.
    Repudiation,
    /// A card.
    Card,
    /// A card registration.
    CardRegistration,
    /// A card validation.
    CardValidation,
    /// A bank account to pay out to.
    BankAccount,
    /// Money that arrived and is nobody's yet.
    Receipt,
    /// A hook.
    Hook,
    /// An account of the ledger that is no wallet's.
    LedgerAccount,
    /// Anything else that has an id.
    Other,
}

impl ObjectKind {
    /// The kind of a payment.
    #[must_use]
    pub const fn of_payment(kind: PaymentKind, nature: Nature) -> Self {
        match (nature, kind) {
            (Nature::Refund, _) => Self::Refund,
            (Nature::Repudiation, _) => Self::Repudiation,
            (Nature::Settlement, _) | (Nature::Regular, PaymentKind::Transfer) => Self::Transfer,
            (Nature::Regular, PaymentKind::PayIn) => Self::PayIn,
            (Nature::Regular, PaymentKind::Payout) => Self::Payout,
        }
    }

    /// The kind of a record.
    #[must_use]
    pub fn of_record(kind: &Kind) -> Self {
        let known = [
            (crate::user::User::KIND, Self::User),
            (crate::wallet::Wallet::KIND, Self::Wallet),
            (crate::card::Card::KIND, Self::Card),
            (crate::card::CardRegistration::KIND, Self::CardRegistration),
            (crate::card::CardValidation::KIND, Self::CardValidation),
            (crate::bank_account::BankAccount::KIND, Self::BankAccount),
            (crate::payment::Receipt::KIND, Self::Receipt),
            (crate::hook::Hook::KIND, Self::Hook),
        ];
        known.into_iter().find(|(other, _)| other.number == kind.number).map_or(Self::Other, |(_, known)| known)
    }

    /// What tells the texts given for its ids from those given for others. All payments share one: they are one table.
    #[must_use]
    pub const fn space(self) -> u8 {
        match self {
            Self::User => UserId::SPACE,
            Self::Wallet => WalletId::SPACE,
            Self::PayIn | Self::Transfer | Self::Payout | Self::Refund | Self::Repudiation => PaymentId::SPACE,
            Self::Card => CardId::SPACE,
            Self::CardRegistration => CardRegistrationId::SPACE,
            Self::CardValidation => CardValidationId::SPACE,
            Self::BankAccount => BankAccountId::SPACE,
            Self::Receipt => ReceiptId::SPACE,
            Self::Hook => HookId::SPACE,
            Self::LedgerAccount | Self::Other => 0,
        }
    }
}

impl fmt::Display for ObjectKind {
    /// With its article: "a wallet".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "a user",
            Self::Wallet => "a wallet",
            Self::PayIn => "a pay-in",
            Self::Transfer => "a transfer",
            Self::Payout => "a payout",
            Self::Refund => "a refund",
            Self::Repudiation => "a repudiation",
            Self::Card => "a card",
            Self::CardRegistration => "a card registration",
            Self::CardValidation => "a card validation",
            Self::BankAccount => "a bank account",
            Self::Receipt => "a receipt of money",
            Self::Hook => "a hook",
            Self::LedgerAccount => "an account of the ledger",
            Self::Other => "something else",
        })
    }
}
