//! The outside at its worst: it takes every call and never answers.

use domain::bank_account::BankDetails;
use domain::card::{CardAnswer, Tokenized, TokenizerError, Verdict};
use domain::payment::{InstantReach, ReceivingAccount};
use domain::platform::MagicValues;
use domain::{Secret, Timestamp};
use engine::rail::bank::{BankRail, CreditTransfer, TransferState};
use engine::rail::{CardRail, CardRefund, Charge, RailFuture, TypedCard};
use ledger::Uid;

/// A bank and an acquirer that never answer.
pub struct Silent;

fn never<T: Send + 'static>() -> RailFuture<'static, T> {
    Box::pin(std::future::pending())
}

impl BankRail for Silent {
    fn send(&self, _: CreditTransfer) -> RailFuture<'_, TransferState> {
        never()
    }

    fn ask(&self, _: &str, _: Timestamp) -> RailFuture<'_, TransferState> {
        never()
    }

    fn recall(&self, _: &str) -> RailFuture<'_, TransferState> {
        never()
    }

    fn takes_instant(&self, _: &BankDetails, _: MagicValues) -> RailFuture<'_, InstantReach> {
        never()
    }

    /// # Panics
    ///
    /// Always: it has none.
    fn receiving_account(&self) -> ReceivingAccount {
        panic!("a bank that never answers receives nothing")
    }
}

impl CardRail for Silent {
    fn tokenize(&self, _: TypedCard) -> RailFuture<'_, Result<Tokenized, TokenizerError>> {
        never()
    }

    fn describe(&self, _: Secret<String>) -> RailFuture<'_, Option<(Uid, Tokenized)>> {
        never()
    }

    fn charge(&self, _: Charge) -> RailFuture<'_, CardAnswer> {
        never()
    }

    fn find_charge(&self, _: Uid) -> RailFuture<'_, Option<CardAnswer>> {
        never()
    }

    fn authenticate(&self, _: Uid, _: Verdict) -> RailFuture<'_, CardAnswer> {
        never()
    }

    fn refund(&self, _: CardRefund) -> RailFuture<'_, CardAnswer> {
        never()
    }

    fn find_refund(&self, _: Uid) -> RailFuture<'_, Option<CardAnswer>> {
        never()
    }
}
