//! Registering a card: a form is prepared, the payer sends the card to the tokenizer, the token comes back.

use ledger::Uid;
use money::Currency;
use serde::{Deserialize, Serialize};

use super::{Card, CardType, Tokenized, Validity};
use crate::ids::{CardId, CardRegistrationId};
use crate::payment::Refusal;
use crate::platform::Environment;
use crate::user::User;
use crate::wallet::currency_code;
use crate::{Command, Desk, Kind, Needs, ObjectKind, Record, Resource, Sealing, Secret, Timestamp, UserId};

/// How long a prepared form can be sent, and its token brought back. Source: reference, money part, 6.1
/// ("about 20 minutes historically").
pub const REGISTRATION_PERIOD_MS: i64 = 20 * 60_000;

/// How far a registration has come. The last two are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationStatus {
    /// The form can be sent.
    Created,
    /// There is a card.
    Validated,
    /// There is none, and will be none.
    Error,
}

/// Why the tokenizer gave no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenizerError {
    /// It could not be reached or is broken.
    Internal,
    /// The card's last month is over.
    CardExpired,
    /// The number is none.
    CardNumber,
    /// The last month is none.
    ExpiryDate,
    /// The security code is none.
    SecurityCode,
    /// The address to return to is none.
    ReturnUrl,
    /// The form was prepared too long ago, or was used.
    TooLate,
    /// The form is to be posted.
    Method,
    /// The form's keys are not those of a registration.
    WrongKey,
}

/// A registration of a card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardRegistration {
    /// Whose card it will be.
    pub user: UserId,
    /// The one currency of the card.
    #[serde(with = "currency_code")]
    pub currency: Currency,
    /// Its family.
    pub card_type: CardType,
    /// The form's first key.
    pub access_key: Secret<String>,
    /// The secret within the form's second key.
    pub form_secret: Secret<String>,
    /// Until when, in business time.
    pub expires_at: Timestamp,
    /// What came back, as it came.
    pub data: Option<Secret<String>>,
    /// The card it became.
    pub card: Option<CardId>,
    /// How far it has come.
    pub status: RegistrationStatus,
    /// Why there is no card.
    pub refusal: Option<Refusal>,
    /// The platform's note, which the card takes over.
    pub tag: Option<Secret<String>>,
}

impl Resource for CardRegistration {
    const KIND: &'static Kind = &Kind::of::<Self>(31, "card_registration", 1, Sealing::Owner);
    type Id = crate::ids::CardRegistrationId;

    fn owner(&self) -> Option<Uid> {
        Some(self.user.0)
    }

    fn status(&self) -> &'static str {
        match self.status {
            RegistrationStatus::Created => "created",
            RegistrationStatus::Validated => "validated",
            RegistrationStatus::Error => "error",
        }
    }
}

/// Prepares the form that a card is sent in.
#[derive(Clone, Debug)]
pub struct RegisterCard {
    /// Whose card it will be.
    pub user: UserId,
    /// The one currency of the card.
    pub currency: Currency,
    /// Its family.
    pub card_type: CardType,
    /// The form's first key, drawn at random by the caller.
    pub access_key: Secret<String>,
    /// The secret within the form's second key, drawn at random by the caller.
    pub form_secret: Secret<String>,
    /// The platform's note.
    pub tag: Option<Secret<String>>,
}

/// Why no form was prepared. The first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterCardError {
    /// The user is not there.
    #[error("there is no such user")]
    UserNotFound,
    /// The user is closed.
    #[error("the user is closed")]
    UserClosed,
    /// The platform is for real money and has no acquirer.
    #[error("the platform has no acquirer")]
    NoAcquirer,
}

impl Command for RegisterCard {
    type Outcome = Record;
    type Error = RegisterCardError;
    const NAME: &'static str = "card_registration.create";

    fn needs(&self, need: &mut Needs<'_>) {
        need.record::<User>(self.user);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Record, RegisterCardError> {
        let platform = desk.platform();
        let user = desk.find::<User>(self.user).ok_or(RegisterCardError::UserNotFound)?;
        if user.is_closed() {
            return Err(RegisterCardError::UserClosed);
        }
        if platform.is_none_or(|platform| platform.environment == Environment::Production) {
            return Err(RegisterCardError::NoAcquirer);
        }
        let id: CardRegistrationId = desk.fresh_object(ObjectKind::CardRegistration);
        let expires_at = desk.now().plus_ms(REGISTRATION_PERIOD_MS);
        let registration = CardRegistration {
            user: self.user,
            currency: self.currency,
            card_type: self.card_type,
            access_key: self.access_key.clone(),
            form_secret: self.form_secret.clone(),
            expires_at,
            data: None,
            card: None,
            status: RegistrationStatus::Created,
            refusal: None,
            tag: self.tag.clone(),
        };
        Ok(desk.insert(id, registration))
    }
}

/// Brings back what the tokenizer gave: makes the card, or ends the registration without one.
#[derive(Clone, Debug)]
pub struct CompleteRegistration {
    /// Which one.
    pub registration: CardRegistrationId,
    /// What came back, as it came.
    pub data: Secret<String>,
    /// The card it stands for, or why it stands for none.
    pub found: Result<Tokenized, Refusal>,
    /// The name on the card.
    pub holder_name: Option<Secret<String>>,
}

/// Why a registration was not completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompleteRegistrationError {
    /// There is no such registration on the platform.
    #[error("there is no such registration")]
    NotFound,
    /// Its user is closed.
    #[error("the user is closed")]
    UserClosed,
    /// It ended before, with something else.
    #[error("the registration has ended")]
    Ended,
}

impl Command for CompleteRegistration {
    type Outcome = Record;
    type Error = CompleteRegistrationError;
    const NAME: &'static str = "card_registration.complete";

    fn needs(&self, need: &mut Needs<'_>) {
        need.record::<CardRegistration>(self.registration);
    }

    /// Bringing back the same again changes nothing. What comes back too late ends in an error, as the wrong thing does.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Record, CompleteRegistrationError> {
        let record = desk.find_record::<CardRegistration>(self.registration).ok_or(CompleteRegistrationError::NotFound)?;
        let registration = record.body::<CardRegistration>().ok_or(CompleteRegistrationError::NotFound)?;
        if desk.find::<User>(registration.user).is_some_and(|user| user.is_closed()) {
            return Err(CompleteRegistrationError::UserClosed);
        }
        if registration.status != RegistrationStatus::Created {
            let is_same = registration.data.as_ref() == Some(&self.data);
            return if is_same { Ok(record) } else { Err(CompleteRegistrationError::Ended) };
        }
        desk.note_object(self.registration);
        let mut ended = CardRegistration { data: Some(self.data.clone()), ..CardRegistration::clone(&registration) };
        let is_late = desk.now() >= registration.expires_at;
        match &self.found {
            Ok(seen) if !is_late => {
                ended.card = Some(self.make_card(desk, &registration, seen));
                ended.status = RegistrationStatus::Validated;
            }
            Ok(_) => (ended.status, ended.refusal) = (RegistrationStatus::Error, Some(Refusal::TokenTooOld)),
            Err(why) => (ended.status, ended.refusal) = (RegistrationStatus::Error, Some(*why)),
        }
        Ok(desk.update(&record, ended))
    }
}

impl CompleteRegistration {
    fn make_card(&self, desk: &mut Desk<'_>, registration: &CardRegistration, seen: &Tokenized) -> CardId {
        let id: CardId = desk.fresh();
        let card = Card {
            user: registration.user,
            currency: registration.currency,
            card_type: registration.card_type,
            seen: seen.clone(),
            is_active: true,
            validity: Validity::Unknown,
            holder_name: self.holder_name.clone(),
            registered_at: desk.now(),
            validating: None,
            tag: registration.tag.clone(),
        };
        let record = desk.insert(id, card);
        desk.label(&record, &seen.fingerprint.to_string());
        id
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::tokenized;
    use super::*;
    use crate::core::workbench::World;
    use crate::user::{Category, UserStatus};

    fn register(user: UserId) -> RegisterCard {
        RegisterCard {
            user,
            currency: Currency::EUR,
            card_type: CardType::CbVisaMastercard,
            access_key: Secret::new("key".to_owned()),
            form_secret: Secret::new("form".to_owned()),
            tag: Some(Secret::new("note".to_owned())),
        }
    }

    fn complete(id: Uid, data: &str, found: Result<Tokenized, Refusal>) -> CompleteRegistration {
        let (registration, data) = (CardRegistrationId(id), Secret::new(data.to_owned()));
        CompleteRegistration { registration, data, found, holder_name: None }
    }

    #[test]
    fn a_token_becomes_a_card_once() {
        let mut world = World::new();
        let user = world.user(Category::Owner);
        let id = world.run(&register(user)).unwrap().lead.id;
        let done = world.run(&complete(id, "data=1", Ok(tokenized(1)))).unwrap().body::<CardRegistration>().unwrap();
        assert_eq!((done.status, done.refusal), (RegistrationStatus::Validated, None));
        let card = world.find::<Card>(done.card.unwrap()).unwrap();
        assert_eq!((card.user, card.validity, card.is_active), (user, Validity::Unknown, true));
        assert_eq!(card.tag, Some(Secret::new("note".to_owned())));
        let again = world.run(&complete(id, "data=1", Ok(tokenized(1)))).unwrap();
        assert_eq!((again.lead.version, again.body::<CardRegistration>().unwrap().card), (2, done.card));
        let other = world.run(&complete(id, "data=2", Ok(tokenized(2))));
        assert_eq!(other.err(), Some(CompleteRegistrationError::Ended));
    }

    #[test]
    fn wrong_and_late_data_end_in_an_error() {
        let mut world = World::new();
        let user = world.user(Category::Owner);
        let id = world.run(&register(user)).unwrap().lead.id;
        let done = world.run(&complete(id, "x", Err(Refusal::RegistrationDataInvalid))).unwrap().body::<CardRegistration>().unwrap();
        assert_eq!((done.status, done.refusal, done.card), (RegistrationStatus::Error, Some(Refusal::RegistrationDataInvalid), None));

        let id = world.run(&register(user)).unwrap().lead.id;
        world.now = world.now.plus_ms(REGISTRATION_PERIOD_MS);
        let late = world.run(&complete(id, "data=1", Ok(tokenized(1)))).unwrap().body::<CardRegistration>().unwrap();
        assert_eq!((late.status, late.refusal), (RegistrationStatus::Error, Some(Refusal::TokenTooOld)));
    }

    #[test]
    fn a_user_who_is_not_there_or_closed_registers_nothing() {
        let mut world = World::new();
        let user = world.user(Category::Owner);
        assert_eq!(world.run(&register(UserId(Uid::from_bits(4)))).err(), Some(RegisterCardError::UserNotFound));
        let id = world.run(&register(user)).unwrap().lead.id;
        world.change_user(user, |user| user.status = UserStatus::Closed);
        assert_eq!(world.run(&register(user)).err(), Some(RegisterCardError::UserClosed));
        assert_eq!(world.run(&complete(id, "data=1", Ok(tokenized(1)))).err(), Some(CompleteRegistrationError::UserClosed));
    }
}
