//! Cards: how they are registered, what is kept of them, and what an acquirer answers about them.
//!
//! No card number is here, nor ever was: a number goes to the acquirer, which gives a token, a keyed
//! fingerprint and the digits that may be shown ([`Tokenized`]). Start with [`CardRegistration`].

mod answer;
mod change;
mod registration;
mod terms;
mod tokenized;
mod validation;

pub use answer::{Acceptance, AddressCheck, CardAnswer, Verdict};
pub use change::{ChangeCard, ChangeCardError};
pub use registration::{
    CardRegistration, CompleteRegistration, CompleteRegistrationError, REGISTRATION_PERIOD_MS, RegisterCard, RegisterCardError,
    RegistrationStatus, TokenizerError,
};
pub use terms::{Browser, CardTerms, Party, PaymentCategory, SecureMode};
pub use tokenized::{Expiry, Fingerprint, Funding, Issuer, Network, Tokenized};
pub use validation::{
    CardValidation, SettleValidation, VALIDATION_PERIOD_MS, ValidateCard, ValidateCardError, ValidationStatus, ValidationUsage,
};

use ledger::Uid;
use money::Currency;
use serde::{Deserialize, Serialize};

use crate::ids::{CardId, CardValidationId};
use crate::wallet::currency_code;
use crate::{Kind, Resource, Sealing, Secret, Timestamp, UserId};

/// A card that has not been paid with this long after its registration can no longer be used.
/// Source: reference, money part, 6.2.
pub const UNUSED_PERIOD_MS: i64 = 86_400_000;

/// The family of cards that a registration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CardType {
    /// CB, Visa and Mastercard.
    CbVisaMastercard,
    /// American Express.
    Amex,
    /// Maestro.
    Maestro,
    /// Bancontact.
    Bcmc,
    /// Diners; old.
    Diners,
    /// Masterpass; old.
    Masterpass,
    /// Przelewy24; old.
    P24,
    /// iDEAL, which was once asked for as a card; old.
    Ideal,
    /// Paylib; old.
    Paylib,
}

/// Whether a card is known to work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// Never paid with.
    Unknown,
    /// Paid with, or validated.
    Valid,
    /// Not paid with in time.
    Invalid,
}

/// A card of a user, as far as it may be known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// Whose it is.
    pub user: UserId,
    /// The one currency it was registered for.
    #[serde(with = "currency_code")]
    pub currency: Currency,
    /// The family it was registered as.
    pub card_type: CardType,
    /// What the acquirer said of it.
    pub seen: Tokenized,
    /// Whether it may be used; never again once it is not.
    pub is_active: bool,
    /// Whether it has been seen to work.
    pub validity: Validity,
    /// The name on it; set once.
    pub holder_name: Option<Secret<String>>,
    /// When it was registered, business time.
    pub registered_at: Timestamp,
    /// The validation that is under way, if one is.
    pub validating: Option<CardValidationId>,
    /// The platform's note, taken over from the registration.
    pub tag: Option<Secret<String>>,
}

impl Card {
    /// Whether it is known to work at a moment of business time: unknown for a day, then invalid.
    #[must_use]
    pub fn validity_at(&self, now: Timestamp) -> Validity {
        let is_stale = now >= self.registered_at.plus_ms(UNUSED_PERIOD_MS);
        if self.validity == Validity::Unknown && is_stale { Validity::Invalid } else { self.validity }
    }

    /// Whether it may be paid with at a moment of business time.
    #[must_use]
    pub fn is_usable_at(&self, now: Timestamp) -> bool {
        self.is_active && self.validity_at(now) != Validity::Invalid
    }
}

impl Resource for Card {
    const KIND: &'static Kind = &Kind::of::<Self>(30, "card", 1, Sealing::Owner);
    type Id = CardId;

    fn owner(&self) -> Option<Uid> {
        Some(self.user.0)
    }

    fn status(&self) -> &'static str {
        if self.is_active { "active" } else { "inactive" }
    }
}

impl crate::Desk<'_> {
    /// Notes that a card worked. A card that is not there, or known to work, stays as it is.
    pub(crate) fn note_card_works(&mut self, id: CardId) {
        let Some(record) = self.find_record::<Card>(id) else { return };
        let Some(card) = record.body::<Card>().filter(|card| card.validity == Validity::Unknown) else { return };
        self.update(&record, Card { validity: Validity::Valid, ..Card::clone(&card) });
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::core::workbench::World;

    /// A card as an acquirer describes it; `digit` tells one card from another.
    pub(crate) fn tokenized(digit: u8) -> Tokenized {
        Tokenized {
            token: Secret::new(format!("tok-{digit}")),
            fingerprint: Fingerprint(Uid::from_bits(0xf00 + u128::from(digit))),
            first6: Secret::new("497010".to_owned()),
            last4: Secret::new(format!("111{digit}")),
            expiry: Expiry::new(12, 29).unwrap(),
            network: Network::Visa,
            issuer: Issuer { bank: None, country: "FR".to_owned(), funding: Funding::Credit, product: "I".to_owned() },
        }
    }

    /// Puts a card of a user into a world.
    pub(crate) fn bring_card(world: &mut World, user: UserId, currency: Currency) -> CardId {
        let id = CardId(Uid::from_bits(0xca4d_0000 + user.0.bits()));
        let card = Card {
            user,
            currency,
            card_type: CardType::CbVisaMastercard,
            seen: tokenized(9),
            is_active: true,
            validity: Validity::Unknown,
            holder_name: None,
            registered_at: world.now,
            validating: None,
            tag: None,
        };
        world.bring(id, card);
        id
    }

    #[test]
    fn a_card_nobody_paid_with_is_invalid_after_a_day() {
        let mut world = World::new();
        let user = world.user(crate::user::Category::Owner);
        let id = bring_card(&mut world, user, Currency::EUR);
        let card = world.find::<Card>(id).unwrap();
        let (just_before, after) = (world.now.plus_ms(UNUSED_PERIOD_MS - 1), world.now.plus_ms(UNUSED_PERIOD_MS));
        assert_eq!((card.validity_at(just_before), card.validity_at(after)), (Validity::Unknown, Validity::Invalid));
        let valid = Card { validity: Validity::Valid, ..card };
        assert!(valid.is_usable_at(after));
        assert!(!Card { is_active: false, ..valid }.is_usable_at(after));
    }
}
