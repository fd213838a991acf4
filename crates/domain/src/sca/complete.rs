//! Giving the code.

use super::{ScaSession, ScaStatus, TRIES_MAX, magic};
use crate::ids::ScaSessionId;
use crate::platform::Environment;
use crate::user::{User, UserStatus};
use crate::{Command, Desk, EventType, Needs, Record, Secret};

/// Completes a session with the code the user typed; a wrong one counts. One that has ended stays as it is.
#[derive(Clone, Debug)]
pub struct CompleteScaSession {
    /// Which one.
    pub session: ScaSessionId,
    /// What was typed.
    pub code: Secret<String>,
}

/// Why a code was not even looked at. The first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompleteScaSessionError {
    /// There is no such session on the platform.
    #[error("there is no such session")]
    NotFound,
    /// Codes exist on sandbox platforms only: nothing sends real ones yet.
    #[error("codes exist on sandbox platforms only")]
    NotASandbox,
    /// The user is closed.
    #[error("the user is closed")]
    UserClosed,
}

impl Command for CompleteScaSession {
    /// The session as it is now. Anything but a success is a refusal.
    type Outcome = Record;
    type Error = CompleteScaSessionError;
    const NAME: &'static str = "sca_session.complete";

    fn needs(&self, need: &mut Needs<'_>) {
        need.record::<ScaSession>(self.session);
    }

    /// Source: reference, people part, 4.13, 5.1 and 5.6.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Record, CompleteScaSessionError> {
        let platform = desk.platform();
        let record = desk.find_record::<ScaSession>(self.session).ok_or(CompleteScaSessionError::NotFound)?;
        let session = record.body::<ScaSession>().ok_or(CompleteScaSessionError::NotFound)?;
        let user_record = desk.find_record::<User>(session.user).ok_or(CompleteScaSessionError::NotFound)?;
        let user = user_record.body::<User>().ok_or(CompleteScaSessionError::NotFound)?;
        if platform.is_none_or(|platform| platform.environment != Environment::Sandbox) {
            return Err(CompleteScaSessionError::NotASandbox);
        }
        desk.note_object(self.session);
        if !session.is_open() {
            return Ok(record);
        }
        if user.is_closed() {
            return Err(CompleteScaSessionError::UserClosed);
        }
        let mut after = ScaSession::clone(&session);
        if session.is_over(desk.now()) {
            after.status = ScaStatus::Expired;
        } else if self.code.expose() == magic::CODE {
            after.status = ScaStatus::Succeeded;
        } else {
            after.tries = session.tries.saturating_add(1);
            if after.tries >= TRIES_MAX {
                after.status = ScaStatus::Failed;
            }
        }
        desk.tell_end(&after);
        if after.status == ScaStatus::Succeeded && user.status == UserStatus::PendingUserAction {
            desk.emit(EventType::UserActivated, session.user);
            desk.update(&user_record, User { status: UserStatus::Active, ..User::clone(&user) });
        }
        Ok(desk.update(&record, after))
    }

    fn is_refusal(outcome: &Record) -> bool {
        outcome.body::<ScaSession>().is_none_or(|session| session.status != ScaStatus::Succeeded)
    }
}

#[cfg(test)]
mod tests {
    use ledger::Uid;

    use super::super::testing::waiting;
    use super::super::{ExpireScaSession, SESSION_PERIOD_MS};
    use super::*;
    use crate::UserId;
    use crate::core::workbench::World;

    fn give(world: &mut World, session: ScaSessionId, code: &str) -> Result<(ScaStatus, u8), CompleteScaSessionError> {
        let record = world.run(&CompleteScaSession { session, code: Secret::new(code.to_owned()) })?;
        let session = record.body::<ScaSession>().unwrap();
        assert_eq!(CompleteScaSession::is_refusal(&record), session.status != ScaStatus::Succeeded);
        Ok((session.status, session.tries))
    }

    fn user_status(world: &mut World, user: UserId) -> UserStatus {
        world.find::<User>(user).unwrap().status
    }

    #[test]
    fn the_right_code_activates_the_user_once() {
        let (mut world, user, session) = waiting();
        assert_eq!(give(&mut world, session, "000000"), Ok((ScaStatus::Pending, 1)));
        assert_eq!(give(&mut world, session, magic::CODE), Ok((ScaStatus::Succeeded, 1)));
        assert_eq!(user_status(&mut world, user), UserStatus::Active);
        let told = [EventType::UserValidationAsked, EventType::ScaEnrollmentSucceeded, EventType::UserActivated];
        assert_eq!(world.events(), told);
        for code in [magic::CODE, "000000"] {
            assert_eq!(give(&mut world, session, code), Ok((ScaStatus::Succeeded, 1)));
        }
        assert_eq!(world.events(), told, "it ended once");
    }

    #[test]
    fn the_fifth_wrong_code_ends_it() {
        let (mut world, user, session) = waiting();
        for (tries, code) in (1..TRIES_MAX).zip(["", "1", "7021000", " 702100"]) {
            assert_eq!(give(&mut world, session, code), Ok((ScaStatus::Pending, tries)));
        }
        assert_eq!(give(&mut world, session, "702101"), Ok((ScaStatus::Failed, TRIES_MAX)));
        assert_eq!(give(&mut world, session, magic::CODE), Ok((ScaStatus::Failed, TRIES_MAX)), "too late");
        assert_eq!(user_status(&mut world, user), UserStatus::PendingUserAction);
        assert_eq!(world.events(), [EventType::UserValidationAsked, EventType::ScaEnrollmentFailed]);
    }

    #[test]
    fn ten_minutes_end_it() {
        let (mut world, user, session) = waiting();
        world.now = world.now.plus_ms(SESSION_PERIOD_MS - 1);
        world.run(&ExpireScaSession { session }).unwrap();
        assert_eq!(give(&mut world, session, "1"), Ok((ScaStatus::Pending, 1)));
        world.now = world.now.plus_ms(1);
        assert_eq!(give(&mut world, session, magic::CODE), Ok((ScaStatus::Expired, 1)));
        world.run(&ExpireScaSession { session }).unwrap();
        assert_eq!(user_status(&mut world, user), UserStatus::PendingUserAction);
        assert_eq!(world.events(), [EventType::UserValidationAsked, EventType::ScaEnrollmentExpired]);
    }

    #[test]
    fn errors_come_in_their_stated_order() {
        let (mut world, user, session) = waiting();
        world.change_user(user, |user| user.status = UserStatus::Closed);
        assert_eq!(give(&mut world, session, magic::CODE), Err(CompleteScaSessionError::UserClosed));
        world.change_platform(|platform| platform.environment = Environment::Production);
        assert_eq!(give(&mut world, session, magic::CODE), Err(CompleteScaSessionError::NotASandbox));
        let nobody = ScaSessionId(Uid::from_bits(3));
        assert_eq!(give(&mut world, nobody, magic::CODE), Err(CompleteScaSessionError::NotFound));
        assert_eq!(user_status(&mut world, user), UserStatus::Closed);
    }
}
