//! The acquirer of card payments.
//!
//! Everything is asked under the asker's own reference (the id of the payment, refund or validation), and
//! asking twice under one reference does it once. So whoever did not hear an answer asks again by that
//! reference; an unheard answer is never taken for a no.

use std::fmt;

use domain::card::{CardAnswer, Expiry, PaymentCategory, SecureMode, Tokenized, TokenizerError, Verdict};
use domain::payment::Refusal;
use domain::platform::{MagicValues, Settlement};
use domain::{Secret, Timestamp};
use ledger::Uid;
use money::Money;

use super::{RailError, RailFuture};
use crate::Typed;

/// A card as its holder typed it. It goes to the rail and nowhere else.
#[derive(Clone)]
pub struct TypedCard {
    /// What the card is for: the registration or payment it belongs to.
    pub reference: Uid,
    /// The number: digits.
    pub number: Secret<String>,
    /// The last month.
    pub expiry: Expiry,
    /// The security code: digits, or nothing where the card has none.
    pub security_code: Secret<String>,
    /// Now, business time.
    pub at: Timestamp,
}

impl fmt::Debug for TypedCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedCard").field("reference", &self.reference).finish_non_exhaustive()
    }
}

/// A charge of a card; of nothing, to see whether the card works.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The asker's own reference.
    pub reference: Uid,
    /// The card.
    pub token: Secret<String>,
    /// How much.
    pub amount: Money,
    /// Whether the payer has to authenticate.
    pub secure_mode: SecureMode,
    /// Where the card was told.
    pub category: PaymentCategory,
    /// The postal code that the issuer may hold against its own.
    pub postal_code: Option<Secret<String>>,
    /// Now, business time.
    pub at: Timestamp,
    /// How a simulated acquirer takes its time with it; a real one does not hear of it, nor of the next.
    pub settlement: Settlement,
    /// Whether a simulated acquirer heeds magic values.
    pub magic: MagicValues,
}

/// A refund of a charge.
#[derive(Clone, Debug)]
pub struct CardRefund {
    /// The asker's own reference.
    pub reference: Uid,
    /// The reference of the charge.
    pub charge: Uid,
    /// How much of it.
    pub amount: Money,
    /// How a simulated acquirer takes its time with it; a real one does not hear of it.
    pub settlement: Settlement,
}

/// What a simulated acquirer is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardOrder {
    /// Accept; whatever the holder was asked counts as done.
    Accept,
    /// Refuse, for this reason.
    Refuse(Refusal),
}

/// An acquirer of card payments.
pub trait CardRail: Send + Sync {
    /// Exchanges a card for a token. `TooLate` once more cards were typed for one reference than it looks at.
    fn tokenize(&self, card: TypedCard) -> RailFuture<'_, Result<Tokenized, TokenizerError>>;

    /// What is known of a token, and the reference it was given for.
    fn describe(&self, token: Secret<String>) -> RailFuture<'_, Option<(Uid, Tokenized)>>;

    /// Charges a card. Under a reference that was used before, gives the answer of then, or how it stands now.
    fn charge(&self, charge: Charge) -> RailFuture<'_, CardAnswer>;

    /// How a charge stands. `None`: it never arrived.
    fn find_charge(&self, reference: Uid) -> RailFuture<'_, Option<CardAnswer>>;

    /// Tells what the payer did when asked to authenticate. A charge that has ended stays as it is.
    fn authenticate(&self, reference: Uid, verdict: Verdict) -> RailFuture<'_, CardAnswer>;

    /// Gives money of a charge back. Under a reference that was used before, gives the answer of then.
    fn refund(&self, refund: CardRefund) -> RailFuture<'_, CardAnswer>;

    /// How a refund stands. `None`: it never arrived.
    fn find_refund(&self, reference: Uid) -> RailFuture<'_, Option<CardAnswer>>;

    /// Tells a simulated acquirer what becomes of a charge, also of one it has not heard of yet. Gives how it stands then:
    /// `None` for one that it has not heard of. What has ended stays as it is. A real acquirer takes no orders.
    fn order(&self, _reference: Uid, _order: CardOrder) -> RailFuture<'_, Option<CardAnswer>> {
        Box::pin(std::future::ready(Err(RailError::Conflict)))
    }

    /// The same of a refund.
    fn order_refund(&self, _reference: Uid, _order: CardOrder) -> RailFuture<'_, Option<CardAnswer>> {
        Box::pin(std::future::ready(Err(RailError::Conflict)))
    }

    /// A card that this rail accepts without any money, for whoever plays a payer in a sandbox. A real one has none.
    fn test_card(&self) -> Option<Typed> {
        None
    }
}
