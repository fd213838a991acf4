//! Asking the acquirer about a payment, a refund or a validation: from what is stored to what is asked.

use std::sync::Arc;

use domain::card::{CardAnswer, CardValidation, Verdict};
use domain::ids::CardValidationId;
use domain::payment::{CardPayIn, Detail, Payment, Status};
use domain::platform::{MagicValues, Platform, Settlement};
use domain::{PlatformId, RecordKey, Resource, Timestamp};
use ledger::Uid;
use money::Money;

use crate::Reads;
use crate::rail::{CardOrder, CardRail, CardRefund, Charge, InTime, RailFuture, Rails};

/// How a simulated acquirer is to deal with a payment.
#[derive(Clone, Copy, Default)]
struct Manner {
    settlement: Settlement,
    magic: MagicValues,
}

/// The acquirer, if there is one. Whatever cannot be heard is [`CardAnswer::Pending`].
#[derive(Clone)]
pub struct Acquirer {
    rail: Option<Arc<dyn CardRail>>,
    /// Where the policies are that a simulated one heeds.
    policies: Option<Arc<dyn Reads>>,
}

impl Acquirer {
    /// The acquirer among the rails; each of its answers is waited for [`crate::rail::in_time`].
    #[must_use]
    pub fn of(rails: &Rails) -> Self {
        Self { rail: rails.cards.clone().map(|rail| Arc::new(InTime::new(rail)) as Arc<dyn CardRail>), policies: None }
    }

    /// The same, and what it is asked for comes with how the platform's policy wants the outside to take its time.
    #[must_use]
    pub fn heeding(self, policies: Arc<dyn Reads>) -> Self {
        Self { policies: Some(policies), ..self }
    }

    /// How a simulated acquirer is to deal with a platform's payments; `None` if that could not be read.
    async fn manner(&self, platform: PlatformId) -> Option<Manner> {
        let Some(reads) = &self.policies else { return Some(Manner::default()) };
        match reads.record(RecordKey { kind: Platform::KIND, platform, id: platform.0 }).await {
            Ok(record) => Some(
                record
                    .and_then(|record| record.body::<Platform>())
                    .map_or_else(Manner::default, |it| Manner { settlement: it.policy.settlement(), magic: it.policy.magic_values() }),
            ),
            Err(error) => {
                tracing::error!(%error, "a policy could not be read; the acquirer will be asked later");
                None
            }
        }
    }

    /// The port itself, for tokens.
    #[must_use]
    pub fn rail(&self) -> Option<&Arc<dyn CardRail>> {
        self.rail.as_ref()
    }

    /// Charges the card of a pay-in that is under way and has one.
    pub async fn charge(&self, payment: &Payment, at: Timestamp) -> CardAnswer {
        let Some(manner) = self.manner(payment.platform).await else { return CardAnswer::Pending };
        match (&self.rail, charge_of(payment, at, manner)) {
            (Some(rail), Some(charge)) => heard(rail.charge(charge)).await.unwrap_or(CardAnswer::Pending),
            _ => CardAnswer::Pending,
        }
    }

    /// How the charge of a pay-in stands; one that never arrived is sent again, under the same reference.
    pub async fn ask(&self, payment: &Payment, at: Timestamp) -> CardAnswer {
        let Some(rail) = &self.rail else { return CardAnswer::Pending };
        match heard(rail.find_charge(payment.id.0)).await {
            Some(Some(answer)) => answer,
            Some(None) => self.charge(payment, at).await,
            None => CardAnswer::Pending,
        }
    }

    /// Gives back what a refund says.
    pub async fn refund(&self, refund: &Payment) -> CardAnswer {
        let Some(manner) = self.manner(refund.platform).await else { return CardAnswer::Pending };
        match (&self.rail, refund_of(refund, manner.settlement)) {
            (Some(rail), Some(asked)) => heard(rail.refund(asked)).await.unwrap_or(CardAnswer::Pending),
            _ => CardAnswer::Pending,
        }
    }

    /// How a refund stands; one that never arrived is sent again, under the same reference.
    pub async fn ask_refund(&self, refund: &Payment) -> CardAnswer {
        let Some(rail) = &self.rail else { return CardAnswer::Pending };
        match heard(rail.find_refund(refund.id.0)).await {
            Some(Some(answer)) => answer,
            Some(None) => self.refund(refund).await,
            None => CardAnswer::Pending,
        }
    }

    /// Charges a card nothing, to see whether it works.
    pub async fn validate(
        &self,
        platform: PlatformId,
        id: CardValidationId,
        validation: &CardValidation,
        currency: money::Currency,
        at: Timestamp,
    ) -> CardAnswer {
        let Some(rail) = self.rail.as_ref().filter(|_| validation.is_open()) else { return CardAnswer::Pending };
        let Some(manner) = self.manner(platform).await else { return CardAnswer::Pending };
        let charge = Charge {
            reference: id.0,
            token: validation.seen.token.clone(),
            amount: Money::zero(currency),
            secure_mode: validation.terms.secure_mode,
            category: validation.terms.category,
            postal_code: None,
            at,
            // It moves no money.
            settlement: Settlement::Instant,
            magic: manner.magic,
        };
        heard(rail.charge(charge)).await.unwrap_or(CardAnswer::Pending)
    }

    /// How a validation stands; one that never arrived is sent again, under the same reference.
    pub async fn ask_validation(
        &self,
        platform: PlatformId,
        id: CardValidationId,
        validation: &CardValidation,
        currency: money::Currency,
        at: Timestamp,
    ) -> CardAnswer {
        let Some(rail) = &self.rail else { return CardAnswer::Pending };
        match heard(rail.find_charge(id.0)).await {
            Some(Some(answer)) => answer,
            Some(None) => self.validate(platform, id, validation, currency, at).await,
            None => CardAnswer::Pending,
        }
    }

    /// Tells what the payer did when asked to authenticate.
    pub async fn authenticate(&self, reference: Uid, verdict: Verdict) -> CardAnswer {
        let Some(rail) = &self.rail else { return CardAnswer::Pending };
        heard(rail.authenticate(reference, verdict)).await.unwrap_or(CardAnswer::Pending)
    }
}

impl Acquirer {
    /// Tells a simulated acquirer what becomes of a charge. `Err`: it was not heard, or takes no orders.
    pub async fn order(&self, reference: Uid, order: CardOrder) -> Result<Option<CardAnswer>, ()> {
        let Some(rail) = &self.rail else { return Err(()) };
        heard(rail.order(reference, order)).await.ok_or(())
    }

    /// The same of a refund.
    pub async fn order_refund(&self, reference: Uid, order: CardOrder) -> Result<Option<CardAnswer>, ()> {
        let Some(rail) = &self.rail else { return Err(()) };
        heard(rail.order_refund(reference, order)).await.ok_or(())
    }
}

/// What a rail answers; `None` if it cannot be heard in time.
async fn heard<T>(asked: RailFuture<'_, T>) -> Option<T> {
    match asked.await {
        Ok(answer) => Some(answer),
        Err(error) => {
            tracing::warn!(%error, "the acquirer was not heard; it will be asked again");
            None
        }
    }
}

fn charge_of(payment: &Payment, at: Timestamp, manner: Manner) -> Option<Charge> {
    let Detail::Card(card) = &payment.detail else { return None };
    let CardPayIn { card: used, terms, postal_code, .. } = &**card;
    let used = used.as_ref().filter(|_| payment.status == Status::Created)?;
    Some(Charge {
        reference: payment.id.0,
        token: used.seen.token.clone(),
        amount: payment.debited,
        secure_mode: terms.secure_mode,
        category: terms.category,
        postal_code: postal_code.clone(),
        at,
        settlement: manner.settlement,
        magic: manner.magic,
    })
}

fn refund_of(refund: &Payment, settlement: Settlement) -> Option<CardRefund> {
    let charge = refund.initial.filter(|_| refund.status == Status::Created)?;
    Some(CardRefund { reference: refund.id.0, charge: charge.0, amount: refund.credited, settlement })
}
