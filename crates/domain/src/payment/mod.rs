//! Payments: everything that moves money in, between and out, as one type with one life cycle.
//!
//! Start with [`TransferFunds`], the simplest of them.

mod bank_wire;
mod card_pay_in;
mod card_settle;
mod other_currency;
mod payout;
mod payout_check;
mod payout_prepare;
mod payout_reimburse;
mod payout_request;
mod payout_return;
mod payout_settle;
#[cfg(test)]
mod payout_tests;
mod payout_timing;
mod receive_wire;
mod refund;
mod refund_create;
mod refund_settle;
mod refusal;
mod take_back_wire;
mod transfer;
mod transfer_funds;

pub use bank_wire::{
    BankWire, Debtor, DeclareBankWire, DeclareBankWireError, ExpireBankWire, ReceiveBankWire, ReceiveBankWireError, ReceivingAccount,
};
pub use card_pay_in::{
    CARD_PAY_IN_MAX_MINOR, CARD_SESSION_PERIOD_MS, CardFlow, CardMeans, CardPayIn, CreateCardPayIn, CreateCardPayInError, UsedCard, WebFlow,
};
pub use card_settle::{CardPayInError, EnterCard, ExpireCardPage, PlayPayer, SettleCardPayIn};
pub use other_currency::{OtherCurrency, RequestSum};
pub use payout::{
    AppliedMode, ChargeBearer, PAYOUT_PERIOD_MS, Payout, PayoutMode, PayoutReturn, PayoutStage, ReturnReason, Sent, end_to_end_id,
    payout_of_end_to_end_id,
};
pub use payout_check::{CheckInstantPayout, CheckInstantPayoutError};
pub use payout_prepare::{ASK_BANK_AFTER_MS, PreparePayout, PreparePayoutError, Prepared};
pub use payout_request::{InstantReach, RequestPayout, RequestPayoutError};
pub use payout_return::{ASK_FOR_RETURN_AFTER_MS, ExpectReturn, ReturnPayout, ReturnPayoutError};
pub use payout_settle::{BankVerdict, ExpirePayout, SettlePayout, SettlePayoutError};
pub use payout_timing::sent_at;
pub use receive_wire::{BankCredit, Receipt, ReceiptId, ReceiveWire, ReceiveWireError, Received, Unplaced};
pub use refund::{DUPLICATE_PERIOD_MS, REFUND_PERIOD_MS, Refund, RefundReason, RefundTally};
pub use refund_create::{CreateRefund, CreateRefundError, RefundAmounts, RefundOf};
pub use refund_settle::{SettleRefund, SettleRefundError};
pub use refusal::Refusal;
pub use take_back_wire::{TakeBackWire, TakeBackWireError, TakenBack};
pub use transfer::{Presence, Transfer};
pub use transfer_funds::{TransferFunds, TransferFundsError, TransferOutcome};

use ledger::{AccountId, Role, Uid};
use money::{Money, SignedMoney};
use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};

use crate::{EventType, PaymentId, PlatformId, Secret, Timestamp, UserId};

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $number:literal $variant:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every one, in order of its number.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The stored number.
            #[must_use]
            pub const fn number(self) -> u8 { match self { $($name::$variant => $number,)* } }

            /// The one of a stored number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some($name::$variant),)* _ => None }
            }
        }
    };
}

numbered! {
    /// Which way a payment moves money.
    PaymentKind {
        /// From outside into a wallet.
        1 PayIn,
        /// Between wallets.
        2 Transfer,
        /// From a wallet to the outside.
        3 Payout,
    }
}

numbered! {
    /// What a payment is to another one.
    Nature {
        /// A payment of its own.
        1 Regular,
        /// Gives back money of an earlier one.
        2 Refund,
        /// Takes back money of an earlier one on behalf of a bank.
        3 Repudiation,
        /// Repays a repudiation.
        4 Settlement,
    }
}

numbered! {
    /// Where a payment stands. The last two are final.
    Status {
        /// Under way; nothing has moved for good.
        1 Created,
        /// Done; its entry is booked.
        2 Succeeded,
        /// Ended without moving anything.
        3 Failed,
    }
}

/// What a payment says beyond what all of them have; stored as its JSON detail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// A transfer between wallets; one that says nothing is stored as no detail.
    Transfer(Transfer),
    /// A pay-in by a bank transfer that the payer makes.
    BankWire(BankWire),
    /// A payout to a bank account.
    Payout(Payout),
    /// A payout that a bank sent back.
    PayoutReturn(PayoutReturn),
    /// A pay-in by card.
    Card(Box<CardPayIn>),
    /// A refund that a platform asked for.
    Refund(Box<Refund>),
}

impl Detail {
    /// Whether there is nothing to store.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::Transfer(Transfer::default())
    }

    /// What the payment was made with and is listed by: cards, bank accounts.
    fn instruments(&self, platform: PlatformId) -> SmallVec<[Uid; 2]> {
        match self {
            Self::Transfer(_) | Self::BankWire(_) => SmallVec::new(),
            Self::Payout(payout) => smallvec![payout.bank_account.0],
            Self::PayoutReturn(returned) => smallvec![returned.bank_account.0],
            Self::Card(card) => match &card.card {
                Some(used) => used.id.map(Uid::from).into_iter().chain([used.seen.fingerprint.list(platform)]).collect(),
                None => SmallVec::new(),
            },
            Self::Refund(refund) => refund.card.map(Uid::from).into_iter().collect(),
        }
    }
}

/// A payment: a pay-in, a transfer, a payout, or a refund of one.
///
/// Always `debited = credited + fees`. It begins [`Status::Created`] and ends once, by
/// [`Payment::succeed`] or [`Payment::fail`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Its name.
    pub id: PaymentId,
    /// The tenant.
    pub platform: PlatformId,
    /// Which way it moves money.
    pub kind: PaymentKind,
    /// What it is to another payment.
    pub nature: Nature,
    /// Who ordered it: a user, or the platform itself (then the platform's id).
    pub author: Uid,
    /// Whose wallet is credited, where one is.
    pub credited_user: Option<UserId>,
    /// What leaves the payer.
    pub debited: Money,
    /// What reaches the payee.
    pub credited: Money,
    /// What the platform keeps; below zero when a refund gives fees back.
    pub fees: SignedMoney,
    /// The wallet's account that is debited, where one is.
    pub debited_wallet: Option<AccountId>,
    /// The wallet's account that is credited, where one is.
    pub credited_wallet: Option<AccountId>,
    /// The payment that this one refunds, repudiates or settles.
    pub initial: Option<PaymentId>,
    /// Where it stands.
    pub status: Status,
    /// Why it failed; `None` unless [`Status::Failed`].
    pub refusal: Option<Refusal>,
    /// When it was made, business time.
    pub created_at: Timestamp,
    /// When it succeeded, business time; `None` unless [`Status::Succeeded`].
    pub executed_at: Option<Timestamp>,
    /// Version of the platform's policy it was decided under.
    pub policy_version: u32,
    /// The platform's own note.
    pub tag: Option<Secret<String>>,
    /// What its kind adds.
    pub detail: Detail,
    /// 1 when made, one more with each change.
    pub version: i64,
}

/// A payment that has ended was to be ended again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payment has ended already")]
pub struct AlreadyEnded;

impl Payment {
    /// The payment as it is once its money has moved.
    pub fn succeed(self, at: Timestamp) -> Result<Self, AlreadyEnded> {
        self.end(Status::Succeeded, None, Some(at))
    }

    /// The payment as it is once it will move nothing, for this reason.
    pub fn fail(self, why: Refusal) -> Result<Self, AlreadyEnded> {
        self.end(Status::Failed, Some(why), None)
    }

    fn end(self, status: Status, refusal: Option<Refusal>, executed_at: Option<Timestamp>) -> Result<Self, AlreadyEnded> {
        match self.status {
            Status::Created => Ok(Self { status, refusal, executed_at, version: self.version.saturating_add(1), ..self }),
            Status::Succeeded | Status::Failed => Err(AlreadyEnded),
        }
    }

    /// The lists it stands in: of the wallets, users and payments it concerns, each once.
    #[must_use]
    pub fn lists(&self) -> SmallVec<[Uid; 6]> {
        // A list is joined when the payment is made: fees that are only declared count from then on.
        let has_fees = self.fees.minor() != 0 || matches!(&self.detail, Detail::BankWire(wire) if wire.declared_fees != 0);
        let fees = has_fees.then(|| AccountId::of_chart(self.platform.0, Role::Fees, self.fees.currency()).0);
        let named = [
            self.debited_wallet.map(|account| account.0),
            self.credited_wallet.map(|account| account.0),
            Some(self.author),
            self.credited_user.map(Uid::from),
            fees,
            self.initial.map(Uid::from),
        ];
        let mut lists = SmallVec::new();
        for list in named.into_iter().flatten().chain(self.detail.instruments(self.platform)) {
            if !lists.contains(&list) {
                lists.push(list);
            }
        }
        lists
    }

    /// The events that tell its three states: created, succeeded, failed. Refunds are named after what they refund.
    ///
    /// `None` for combinations that have no events yet (repudiations and settlements).
    #[must_use]
    pub const fn events(&self) -> Option<[EventType; 3]> {
        use EventType as E;
        Some(match (self.nature, self.kind) {
            (Nature::Regular, PaymentKind::PayIn) => [E::PayInCreated, E::PayInSucceeded, E::PayInFailed],
            (Nature::Regular, PaymentKind::Transfer) => [E::TransferCreated, E::TransferSucceeded, E::TransferFailed],
            (Nature::Regular, PaymentKind::Payout) => [E::PayoutCreated, E::PayoutSucceeded, E::PayoutFailed],
            (Nature::Refund, PaymentKind::Payout) => [E::PayInRefundCreated, E::PayInRefundSucceeded, E::PayInRefundFailed],
            (Nature::Refund, PaymentKind::Transfer) => [E::TransferRefundCreated, E::TransferRefundSucceeded, E::TransferRefundFailed],
            (Nature::Refund, PaymentKind::PayIn) => [E::PayoutRefundCreated, E::PayoutRefundSucceeded, E::PayoutRefundFailed],
            (Nature::Repudiation | Nature::Settlement, _) => return None,
        })
    }
}

impl crate::Desk<'_> {
    /// Writes a payment that was made or has changed, and tells its state.
    ///
    /// One that is made and ended at once tells both its creation and its end.
    pub(crate) fn record_payment(&mut self, payment: &Payment, is_new: bool) {
        let Some([created, succeeded, failed]) = payment.events() else { return };
        if is_new {
            self.emit(created, payment.id);
        }
        match payment.status {
            Status::Created => {}
            Status::Succeeded => self.emit(succeeded, payment.id),
            Status::Failed => self.emit(failed, payment.id),
        }
        self.put_payment(payment.clone());
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use money::Currency;

    use super::*;

    pub(crate) fn payment(status: Status) -> Payment {
        let money = Money::new(100, Currency::EUR).unwrap();
        Payment {
            id: PaymentId(Uid::from_bits(1)),
            platform: PlatformId(Uid::from_bits(2)),
            kind: PaymentKind::Transfer,
            nature: Nature::Regular,
            author: Uid::from_bits(3),
            credited_user: None,
            debited: money,
            credited: money,
            fees: SignedMoney::new(0, Currency::EUR),
            debited_wallet: None,
            credited_wallet: None,
            initial: None,
            status,
            refusal: None,
            created_at: Timestamp::from_ms(0),
            executed_at: None,
            policy_version: 1,
            tag: None,
            detail: Detail::Transfer(Transfer::default()),
            version: 1,
        }
    }

    /// Every pair of states, and whether the arrow may be taken.
    #[test]
    fn a_payment_ends_once() {
        let at = Timestamp::from_ms(5);
        for (from, may_end) in [(Status::Created, true), (Status::Succeeded, false), (Status::Failed, false)] {
            let succeeded = payment(from).succeed(at);
            let failed = payment(from).fail(Refusal::InsufficientFunds);
            assert_eq!((succeeded.is_ok(), failed.is_ok()), (may_end, may_end), "{from:?}");
            if may_end {
                let (succeeded, failed) = (succeeded.unwrap(), failed.unwrap());
                assert_eq!((succeeded.status, succeeded.executed_at, succeeded.refusal), (Status::Succeeded, Some(at), None));
                assert_eq!((failed.status, failed.executed_at, failed.refusal), (Status::Failed, None, Some(Refusal::InsufficientFunds)));
                assert_eq!((succeeded.version, failed.version), (2, 2));
            }
        }
    }

    #[test]
    fn numbers_read_back() {
        assert!(Status::ALL.iter().all(|it| Status::from_number(it.number()) == Some(*it)));
        assert!(Nature::ALL.iter().all(|it| Nature::from_number(it.number()) == Some(*it)));
        assert!(PaymentKind::ALL.iter().all(|it| PaymentKind::from_number(it.number()) == Some(*it)));
    }
}
