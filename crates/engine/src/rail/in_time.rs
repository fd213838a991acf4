//! A rail that is not waited for longer than is reasonable.

use std::sync::Arc;
use std::time::Duration;

use domain::bank_account::BankDetails;
use domain::card::{CardAnswer, Tokenized, TokenizerError, Verdict};
use domain::payment::{InstantReach, ReceivingAccount};
use domain::platform::MagicValues;
use domain::{Secret, Timestamp};
use ledger::Uid;

use super::bank::{CreditTransfer, TransferState};
use super::{BankRail, CardOrder, CardRail, CardRefund, Charge, RailError, RailFuture, TypedCard};
use crate::Typed;

/// An answer is waited for no longer than this; then it is unheard, which is never a no: whoever asked asks again.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// What a rail answers, if it does within [`ANSWER_TIMEOUT`].
pub async fn in_time<T>(asked: RailFuture<'_, T>) -> Result<T, RailError> {
    tokio::time::timeout(ANSWER_TIMEOUT, asked).await.unwrap_or_else(|_| Err(RailError::Unavailable("it took too long".to_owned())))
}

/// A rail, each of whose answers is waited for [`in_time`].
pub struct InTime<R: ?Sized>(Arc<R>);

impl<R: ?Sized> InTime<R> {
    /// Puts a bound to the patience with `rail`.
    #[must_use]
    pub const fn new(rail: Arc<R>) -> Self {
        Self(rail)
    }
}

impl BankRail for InTime<dyn BankRail> {
    fn send(&self, transfer: CreditTransfer) -> RailFuture<'_, TransferState> {
        Box::pin(in_time(self.0.send(transfer)))
    }

    fn ask(&self, reference: &str, at: Timestamp) -> RailFuture<'_, TransferState> {
        Box::pin(in_time(self.0.ask(reference, at)))
    }

    fn recall(&self, reference: &str) -> RailFuture<'_, TransferState> {
        Box::pin(in_time(self.0.recall(reference)))
    }

    fn takes_instant(&self, account: &BankDetails, magic: MagicValues) -> RailFuture<'_, InstantReach> {
        Box::pin(in_time(self.0.takes_instant(account, magic)))
    }

    fn receiving_account(&self) -> ReceivingAccount {
        self.0.receiving_account()
    }
}

impl CardRail for InTime<dyn CardRail> {
    fn tokenize(&self, card: TypedCard) -> RailFuture<'_, Result<Tokenized, TokenizerError>> {
        Box::pin(in_time(self.0.tokenize(card)))
    }

    fn describe(&self, token: Secret<String>) -> RailFuture<'_, Option<(Uid, Tokenized)>> {
        Box::pin(in_time(self.0.describe(token)))
    }

    fn charge(&self, charge: Charge) -> RailFuture<'_, CardAnswer> {
        Box::pin(in_time(self.0.charge(charge)))
    }

    fn find_charge(&self, reference: Uid) -> RailFuture<'_, Option<CardAnswer>> {
        Box::pin(in_time(self.0.find_charge(reference)))
    }

    fn authenticate(&self, reference: Uid, verdict: Verdict) -> RailFuture<'_, CardAnswer> {
        Box::pin(in_time(self.0.authenticate(reference, verdict)))
    }

    fn refund(&self, refund: CardRefund) -> RailFuture<'_, CardAnswer> {
        Box::pin(in_time(self.0.refund(refund)))
    }

    fn find_refund(&self, reference: Uid) -> RailFuture<'_, Option<CardAnswer>> {
        Box::pin(in_time(self.0.find_refund(reference)))
    }

    fn order(&self, reference: Uid, order: CardOrder) -> RailFuture<'_, Option<CardAnswer>> {
        Box::pin(in_time(self.0.order(reference, order)))
    }

    fn order_refund(&self, reference: Uid, order: CardOrder) -> RailFuture<'_, Option<CardAnswer>> {
        Box::pin(in_time(self.0.order_refund(reference, order)))
    }

    fn test_card(&self) -> Option<Typed> {
        self.0.test_card()
    }
}
