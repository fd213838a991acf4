//! Changing the little of a card that may change.

use super::Card;
use crate::ids::CardId;
use crate::user::User;
use crate::{Command, Desk, Needs, Record, Secret};

/// Deactivates a card for good, or says whose name is on it.
#[derive(Clone, Debug)]
pub struct ChangeCard {
    /// Which one.
    pub card: CardId,
    /// Whether it may still be used, if that is said.
    pub is_active: Option<bool>,
    /// The name on it, if that is said.
    pub holder_name: Option<Secret<String>>,
}

/// Why a card was not changed. The first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeCardError {
    /// There is no such card on the platform.
    #[error("there is no such card")]
    NotFound,
    /// Its user is closed.
    #[error("the user is closed")]
    UserClosed,
    /// It was deactivated before.
    #[error("the card is not active")]
    NotActive,
    /// The name was said before, and was another.
    #[error("the card has a holder's name")]
    HolderNameExists,
}

impl Command for ChangeCard {
    type Outcome = Record;
    type Error = ChangeCardError;
    const NAME: &'static str = "card.change";

    fn needs(&self, need: &mut Needs<'_>) {
        need.record::<Card>(self.card);
    }

    /// Saying again what holds already changes nothing, so that a client may send back the whole card.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Record, ChangeCardError> {
        let record = desk.find_record::<Card>(self.card).ok_or(ChangeCardError::NotFound)?;
        let card = record.body::<Card>().ok_or(ChangeCardError::NotFound)?;
        // A user who was erased is not there any more, nor is anything that was theirs.
        let user = desk.find::<User>(card.user).ok_or(ChangeCardError::NotFound)?;
        if user.is_closed() {
            return Err(ChangeCardError::UserClosed);
        }
        if !card.is_active && self.is_active.is_some() {
            return Err(ChangeCardError::NotActive);
        }
        if self.holder_name.is_some() && card.holder_name.is_some() && self.holder_name != card.holder_name {
            return Err(ChangeCardError::HolderNameExists);
        }
        desk.note_object(self.card);
        let mut changed = Card::clone(&card);
        changed.is_active &= self.is_active != Some(false);
        changed.holder_name = changed.holder_name.or_else(|| self.holder_name.clone());
        if changed == *card {
            return Ok(record);
        }
        Ok(desk.update(&record, changed))
    }
}

#[cfg(test)]
mod tests {
    use money::Currency;

    use super::super::tests::bring_card;
    use super::*;
    use crate::core::workbench::World;
    use crate::user::{Category, UserStatus};

    fn change(card: CardId, is_active: Option<bool>, name: Option<&str>) -> ChangeCard {
        ChangeCard { card, is_active, holder_name: name.map(|name| Secret::new(name.to_owned())) }
    }

    #[test]
    fn a_card_is_deactivated_once_and_named_once() {
        let mut world = World::new();
        let user = world.user(Category::Owner);
        let card = bring_card(&mut world, user, Currency::EUR);
        let unchanged = world.run(&change(card, Some(true), None)).unwrap();
        assert_eq!(unchanged.lead.version, 1);
        world.run(&change(card, None, Some("JOE"))).unwrap();
        world.run(&change(card, None, Some("JOE"))).unwrap();
        assert_eq!(world.run(&change(card, None, Some("ANN"))).err(), Some(ChangeCardError::HolderNameExists));
        let record = world.run(&change(card, Some(false), None)).unwrap();
        assert_eq!((record.lead.status, record.lead.version), ("inactive", 3));
        for again in [true, false] {
            assert_eq!(world.run(&change(card, Some(again), None)).err(), Some(ChangeCardError::NotActive));
        }
    }

    #[test]
    fn a_card_that_is_not_there_or_whose_user_is_closed_is_not_changed() {
        let mut world = World::new();
        let user = world.user(Category::Owner);
        let card = bring_card(&mut world, user, Currency::EUR);
        assert_eq!(world.run(&change(CardId(ledger::Uid::from_bits(5)), None, None)).err(), Some(ChangeCardError::NotFound));
        world.change_user(user, |user| user.status = UserStatus::Closed);
        assert_eq!(world.run(&change(card, Some(false), None)).err(), Some(ChangeCardError::UserClosed));
    }
}
