//! Validating a card: it is authorised for nothing, to see that it works. No money moves.

use ledger::Uid;
use serde::{Deserialize, Serialize};

use super::{Card, CardAnswer, CardTerms, CardType, Tokenized, Validity};
use crate::ids::{CardId, CardValidationId};
use crate::payment::Refusal;
use crate::user::User;
use crate::{Command, Desk, EventType, JobKind, Kind, Needs, ObjectKind, Record, Resource, Sealing, Secret, Timestamp, UserId, Via};

/// How long the payer has to authenticate. Source: reference, money part, 6.3.
pub const VALIDATION_PERIOD_MS: i64 = 5 * 60_000;

/// The acquirer is asked again this long after a validation began without an answer.
const ASK_AFTER_MS: i64 = 30_000;

/// Where a validation stands. The last two are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValidationStatus {
    /// Under way.
    Created,
    /// The card works.
    Succeeded,
    /// It was not seen to work.
    Failed,
}

/// Who will pay with the card once it is validated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValidationUsage {
    /// The platform, without the payer.
    #[default]
    ByPlatform,
    /// The payer.
    ByPayer,
}

/// A validation of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardValidation {
    /// Who asked for it.
    pub author: UserId,
    /// The card.
    pub card: CardId,
    /// The card as it was.
    pub seen: Tokenized,
    /// How it is used.
    pub terms: CardTerms,
    /// What for.
    pub usage: ValidationUsage,
    /// Whether the payer was, or is, to authenticate.
    pub is_challenged: bool,
    /// The secret in the link of its page.
    pub session: Secret<String>,
    /// Where it stands.
    pub status: ValidationStatus,
    /// Why it failed.
    pub refusal: Option<Refusal>,
    /// When the acquirer said yes, business time.
    pub authorized_at: Option<Timestamp>,
    /// When it began, business time.
    pub began_at: Timestamp,
    /// Whether the card is known to work, as far as this validation tells.
    pub validity: Validity,
    /// Through which dialect it was asked for.
    pub via: Via,
    /// The platform's note.
    pub tag: Option<Secret<String>>,
}

impl CardValidation {
    /// When it ends if nobody authenticates, business time.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.began_at.plus_ms(VALIDATION_PERIOD_MS)
    }

    /// Whether it is under way.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status == ValidationStatus::Created
    }
}

impl Resource for CardValidation {
    const KIND: &'static Kind = &Kind::of::<Self>(32, "card_validation", 1, Sealing::Owner);
    type Id = CardValidationId;

    fn owner(&self) -> Option<Uid> {
        Some(self.author.0)
    }

    fn status(&self) -> &'static str {
        match self.status {
            ValidationStatus::Created => "created",
            ValidationStatus::Succeeded => "succeeded",
            ValidationStatus::Failed => "failed",
        }
    }
}

/// Begins to validate a card; the acquirer is asked next, under the validation's id.
#[derive(Clone, Debug)]
pub struct ValidateCard {
    /// Which card.
    pub card: CardId,
    /// Who asks; has to own it.
    pub author: UserId,
    /// How it is used.
    pub terms: CardTerms,
    /// What for.
    pub usage: ValidationUsage,
    /// The secret for the link of its page, drawn at random by the caller.
    pub session: Secret<String>,
    /// Through which dialect it is asked for.
    pub via: Via,
    /// The platform's note.
    pub tag: Option<Secret<String>>,
}

/// Why no validation began. The first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidateCardError {
    /// There is no such card on the platform.
    #[error("there is no such card")]
    NotFound,
    /// There is no such author on the platform, or the card is another's.
    #[error("the author does not own the card")]
    AuthorIsNotOwner,
    /// The author is closed.
    #[error("the user is closed")]
    UserClosed,
    /// Only CB, Visa and Mastercard are validated.
    #[error("cards of this type are not validated")]
    CardType,
    /// One is under way.
    #[error("the card is being validated")]
    UnderWay,
    /// The card is known to work.
    #[error("the card is valid")]
    Valid,
    /// The card can no longer be used.
    #[error("the card is invalid")]
    Invalid,
}

impl Command for ValidateCard {
    type Outcome = Record;
    type Error = ValidateCardError;
    const NAME: &'static str = "card_validation.create";

    fn needs(&self, need: &mut Needs<'_>) {
        need.record::<Card>(self.card);
        need.record::<User>(self.author);
    }

    /// Source: reference, money part, 6.3 and 22.2.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Record, ValidateCardError> {
        let record = desk.find_record::<Card>(self.card);
        let author = desk.find::<User>(self.author);
        let record = record.ok_or(ValidateCardError::NotFound)?;
        let card = record.body::<Card>().ok_or(ValidateCardError::NotFound)?;
        let author = author.filter(|_| card.user == self.author).ok_or(ValidateCardError::AuthorIsNotOwner)?;
        let now = desk.now();
        self.check(&card, author.is_closed(), now)?;
        let id: CardValidationId = desk.fresh_object(ObjectKind::CardValidation);
        let validation = CardValidation {
            author: self.author,
            card: self.card,
            seen: card.seen.clone(),
            terms: self.terms.clone(),
            usage: self.usage,
            is_challenged: false,
            session: self.session.clone(),
            status: ValidationStatus::Created,
            refusal: None,
            authorized_at: None,
            began_at: now,
            validity: card.validity,
            via: self.via.clone(),
            tag: self.tag.clone(),
        };
        desk.update(&record, Card { validating: Some(id), ..Card::clone(&card) });
        for after_ms in [ASK_AFTER_MS, VALIDATION_PERIOD_MS] {
            desk.schedule(JobKind::ValidateCard, id, now.plus_ms(after_ms));
        }
        desk.emit(EventType::CardValidationCreated, id);
        Ok(desk.insert(id, validation))
    }
}

impl ValidateCard {
    fn check(&self, card: &Card, author_is_closed: bool, now: Timestamp) -> Result<(), ValidateCardError> {
        if author_is_closed {
            return Err(ValidateCardError::UserClosed);
        }
        if card.card_type != CardType::CbVisaMastercard {
            return Err(ValidateCardError::CardType);
        }
        if card.validating.is_some() {
            return Err(ValidateCardError::UnderWay);
        }
        if card.validity == Validity::Valid {
            return Err(ValidateCardError::Valid);
        }
        if card.is_usable_at(now) { Ok(()) } else { Err(ValidateCardError::Invalid) }
    }
}

/// Records what the acquirer answered to a validation. One that has ended stays as it is.
#[derive(Clone, Debug)]
pub struct SettleValidation {
    /// Which one.
    pub validation: CardValidationId,
    /// What was answered.
    pub answer: CardAnswer,
}

impl Command for SettleValidation {
    /// The validation as it is now.
    type Outcome = Record;
    /// There is no such validation.
    type Error = ();
    const NAME: &'static str = "card_validation.settle";

    fn needs(&self, need: &mut Needs<'_>) {
        need.record::<CardValidation>(self.validation);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Record, ()> {
        let record = desk.find_record::<CardValidation>(self.validation).ok_or(())?;
        let validation = record.body::<CardValidation>().ok_or(())?;
        desk.note_object(self.validation);
        if !validation.is_open() {
            return Ok(record);
        }
        let mut settled = CardValidation::clone(&validation);
        match &self.answer {
            CardAnswer::Pending => return Ok(record),
            CardAnswer::ChallengeNeeded if settled.is_challenged => return Ok(record),
            CardAnswer::ChallengeNeeded => settled.is_challenged = true,
            CardAnswer::Accepted(_) => {
                settled.status = ValidationStatus::Succeeded;
                settled.authorized_at = Some(desk.now());
                settled.validity = Validity::Valid;
            }
            CardAnswer::Refused(why) => (settled.status, settled.refusal) = (ValidationStatus::Failed, Some(*why)),
        }
        end_on_card(desk, &settled);
        match settled.status {
            ValidationStatus::Created => {}
            ValidationStatus::Succeeded => desk.emit(EventType::CardValidationSucceeded, self.validation),
            ValidationStatus::Failed => desk.emit(EventType::CardValidationFailed, self.validation),
        }
        Ok(desk.update(&record, settled))
    }
}

/// Frees the card of a validation that has ended, and notes that it works if it does.
fn end_on_card(desk: &mut Desk<'_>, validation: &CardValidation) {
    if validation.is_open() {
        return;
    }
    let Some(record) = desk.find_record::<Card>(validation.card) else { return };
    let Some(card) = record.body::<Card>() else { return };
    let validity = if validation.status == ValidationStatus::Succeeded { Validity::Valid } else { card.validity };
    desk.update(&record, Card { validating: None, validity, ..Card::clone(&card) });
}

#[cfg(test)]
mod tests {
    use money::Currency;

    use super::super::tests::bring_card;
    use super::super::{Acceptance, AddressCheck};
    use super::*;
    use crate::core::workbench::World;
    use crate::user::Category;

    struct Scene {
        world: World,
        user: UserId,
        card: CardId,
    }

    fn scene() -> Scene {
        let mut world = World::new();
        let user = world.user(Category::Owner);
        let card = bring_card(&mut world, user, Currency::EUR);
        Scene { world, user, card }
    }

    impl Scene {
        fn validate(&mut self) -> Result<CardValidationId, ValidateCardError> {
            let validate = ValidateCard {
                card: self.card,
                author: self.user,
                terms: CardTerms::default(),
                usage: ValidationUsage::default(),
                session: Secret::default(),
                via: Via::default(),
                tag: None,
            };
            self.world.run(&validate).map(|record| CardValidationId(record.lead.id))
        }

        fn settle(&mut self, validation: CardValidationId, answer: CardAnswer) -> CardValidation {
            let record = self.world.run(&SettleValidation { validation, answer }).unwrap();
            CardValidation::clone(&record.body().unwrap())
        }

        fn change(&mut self, change: impl FnOnce(&mut Card)) {
            let mut card = self.world.find::<Card>(self.card).unwrap();
            change(&mut card);
            self.world.bring(self.card, card);
        }
    }

    fn accepted() -> CardAnswer {
        CardAnswer::Accepted(Acceptance { reference: "a".to_owned(), address_check: AddressCheck::NoCheck })
    }

    #[test]
    fn a_validated_card_is_valid_and_free_again() {
        let mut s = scene();
        let id = s.validate().unwrap();
        assert_eq!(s.validate(), Err(ValidateCardError::UnderWay));
        assert!(s.settle(id, CardAnswer::Pending).is_open());
        assert!(s.settle(id, CardAnswer::ChallengeNeeded).is_challenged);
        let done = s.settle(id, accepted());
        assert_eq!((done.status, done.validity, done.authorized_at), (ValidationStatus::Succeeded, Validity::Valid, Some(s.world.now)));
        let late = s.settle(id, CardAnswer::Refused(Refusal::AuthenticationExpired));
        assert_eq!(late.status, ValidationStatus::Succeeded, "it ended once");
        let card = s.world.find::<Card>(s.card).unwrap();
        assert_eq!((card.validity, card.validating), (Validity::Valid, None));
        assert_eq!(s.world.events(), [EventType::CardValidationCreated, EventType::CardValidationSucceeded]);
    }

    #[test]
    fn a_failed_validation_leaves_the_card_unknown() {
        let mut s = scene();
        let id = s.validate().unwrap();
        let done = s.settle(id, CardAnswer::Refused(Refusal::AuthenticationExpired));
        assert_eq!((done.status, done.refusal), (ValidationStatus::Failed, Some(Refusal::AuthenticationExpired)));
        let card = s.world.find::<Card>(s.card).unwrap();
        assert_eq!((card.validity, card.validating), (Validity::Unknown, None));
        assert!(s.validate().is_ok());
    }

    #[test]
    fn errors_come_in_their_stated_order() {
        let mut s = scene();
        let owner = std::mem::replace(&mut s.user, UserId(Uid::from_bits(7)));
        assert_eq!(s.validate(), Err(ValidateCardError::AuthorIsNotOwner));
        s.user = owner;
        s.change(|card| card.card_type = CardType::Amex);
        assert_eq!(s.validate(), Err(ValidateCardError::CardType));
        s.change(|card| (card.card_type, card.validity) = (CardType::CbVisaMastercard, Validity::Valid));
        assert_eq!(s.validate(), Err(ValidateCardError::Valid));
        s.change(|card| (card.validity, card.is_active) = (Validity::Unknown, false));
        assert_eq!(s.validate(), Err(ValidateCardError::Invalid));
        s.card = CardId(Uid::from_bits(3));
        assert_eq!(s.validate(), Err(ValidateCardError::NotFound));
    }
}
