//! Finding a user's identity proved.

use super::{Category, Identity, LegalForm, Person, User, Verification};
use crate::core::calendar::civil;
use crate::{Command, Desk, EventType, Needs, Record, Timestamp, UserId};

/// Years after which a person may hold a verified account.
const ADULT_YEARS: i64 = 18;

/// Makes a user who is declared only a verified one: every required proof is found good.
///
/// Asked again it changes nothing.
#[derive(Clone, Debug)]
pub struct VerifyUser {
    /// Which one.
    pub user: UserId,
}

/// Why a user was not verified. The first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyUserError {
    /// There is no such user on the platform.
    #[error("there is no such user")]
    NotFound,
    /// It is closed.
    #[error("the user is closed")]
    Closed,
    /// A payer is not verified.
    #[error("the user is a payer")]
    Payer,
    /// The person is not eighteen, or has no birthday.
    #[error("the person is not of age")]
    Underage,
    /// A company has no number, or one that its country does not have.
    #[error("the company number is missing or has not the form of its country")]
    CompanyNumber,
}

impl Command for VerifyUser {
    /// The user as it is now.
    type Outcome = Record;
    type Error = VerifyUserError;
    const NAME: &'static str = "user.verify";

    fn needs(&self, need: &mut Needs<'_>) {
        need.record::<User>(self.user);
    }

    /// Source: reference, people part, 4.2, 4.3 (Birthday), 4.10 and 4.13.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Record, VerifyUserError> {
        let platform = desk.platform();
        let record = desk.find_record::<User>(self.user).ok_or(VerifyUserError::NotFound)?;
        let user = record.body::<User>().ok_or(VerifyUserError::NotFound)?;
        let person = desk.find::<Person>(user.person());
        if user.is_closed() {
            return Err(VerifyUserError::Closed);
        }
        if user.category == Category::Payer && platform.is_some_and(|platform| platform.policy.has_categories) {
            return Err(VerifyUserError::Payer);
        }
        let now = desk.now();
        if !person.and_then(|person| person.birthday()).is_some_and(|birthday| is_adult(birthday, now)) {
            return Err(VerifyUserError::Underage);
        }
        if is_business(&user) && (!has_company_number(&user) || user.company_number_is_valid() == Some(false)) {
            return Err(VerifyUserError::CompanyNumber);
        }
        desk.note_object(self.user);
        if user.verification == Verification::Regular {
            return Ok(record);
        }
        desk.emit(EventType::UserBecameRegular, self.user);
        Ok(desk.update(&record, User { verification: Verification::Regular, ..User::clone(&user) }))
    }
}

const fn is_business(user: &User) -> bool {
    matches!(user.identity, Identity::Legal { form: LegalForm::Business, .. })
}

const fn has_company_number(user: &User) -> bool {
    matches!(user.identity, Identity::Legal { company_number: Some(_), .. })
}

impl Person {
    /// The day the person was born, counted from 1970-01-01.
    #[must_use]
    pub fn birthday(&self) -> Option<i64> {
        self.birthday_s.as_ref().map(|seconds| Timestamp::from_seconds(*seconds.expose()).day())
    }
}

/// Whether somebody born on a day is of age at a moment: from the birthday on, by the civil calendar.
fn is_adult(birthday: i64, now: Timestamp) -> bool {
    let ((born, birth_month, birth_day), (year, month, day)) = (civil(birthday), civil(now.day()));
    let age = year.saturating_sub(born);
    age > ADULT_YEARS || (age == ADULT_YEARS && (month, day) >= (birth_month, birth_day))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{acme, joe};
    use super::*;
    use crate::Secret;
    use crate::core::workbench::World;
    use crate::user::{RegisterUser, UserStatus};

    fn verify(register: &RegisterUser, change: impl FnOnce(&mut User)) -> (Result<Record, VerifyUserError>, Vec<EventType>) {
        let mut world = World::new();
        let id = UserId(world.run(register).unwrap().user.lead.id);
        world.change_user(id, change);
        let told = world.events().len();
        let result = world.run(&VerifyUser { user: id });
        (result, world.events().split_off(told))
    }

    #[test]
    fn a_verified_user_is_told_once() {
        let (result, told) = verify(&joe(Category::Owner), |_| {});
        assert_eq!(result.unwrap().body::<User>().unwrap().verification, Verification::Regular);
        assert_eq!(told, [EventType::UserBecameRegular]);
        let (result, told) = verify(&joe(Category::Owner), |user| user.verification = Verification::Regular);
        assert!(result.is_ok() && told.is_empty());
    }

    #[test]
    fn each_reason_not_to_verify() {
        let mut child = joe(Category::Owner);
        child.profile.person.birthday_s = Some(Secret::new(1_463_496_101));
        let mut company = acme(Category::Owner);
        company.profile.organisation.as_mut().unwrap().company_number = Some(Secret::new("12".to_owned()));
        let mut sole = company.clone();
        sole.profile.organisation.as_mut().unwrap().form = Some(LegalForm::Soletrader);
        for (register, closed, expected) in [
            (joe(Category::Owner), true, Some(VerifyUserError::Closed)),
            (joe(Category::Payer), false, Some(VerifyUserError::Payer)),
            (child, false, Some(VerifyUserError::Underage)),
            (company, false, Some(VerifyUserError::CompanyNumber)),
            (sole, false, None),
            (acme(Category::Owner), false, None),
        ] {
            let close = |user: &mut User| {
                if closed {
                    user.status = UserStatus::Closed;
                }
            };
            assert_eq!(verify(&register, close).0.err(), expected);
        }
        assert_eq!(World::new().run(&VerifyUser { user: UserId(ledger::Uid::from_bits(1)) }).unwrap_err(), VerifyUserError::NotFound);
    }

    #[test]
    fn years_are_those_of_the_calendar() {
        const DAY_S: i64 = 86_400;
        // 2000-02-29, 2018-02-28, 2018-03-01; 1982-01-15, 2000-01-14, 2000-01-15; 1969-12-31, 1987-12-31.
        for (born, today, adult) in [
            (11_016, 17_590, false),
            (11_016, 17_591, true),
            (4_397, 10_970, false),
            (4_397, 10_971, true),
            (-1, 6_572, false),
            (-1, 6_573, true),
        ] {
            assert_eq!(is_adult(born, Timestamp::from_seconds(today * DAY_S)), adult, "{born} {today}");
        }
    }
}
