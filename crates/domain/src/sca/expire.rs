//! Ending a session whose time is over.

use super::{ScaSession, ScaStatus};
use crate::ids::ScaSessionId;
use crate::{Command, Desk, Needs, Record};

/// Ends a session that nobody has completed in time. One that has ended, or has time left, stays as it is.
#[derive(Clone, Copy, Debug)]
pub struct ExpireScaSession {
    /// Which one.
    pub session: ScaSessionId,
}

impl Command for ExpireScaSession {
    /// The session as it is now.
    type Outcome = Record;
    /// There is no such session.
    type Error = ();
    const NAME: &'static str = "sca_session.expire";

    fn needs(&self, need: &mut Needs<'_>) {
        need.record::<ScaSession>(self.session);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Record, ()> {
        let record = desk.find_record::<ScaSession>(self.session).ok_or(())?;
        let session = record.body::<ScaSession>().ok_or(())?;
        desk.note_object(self.session);
        if !session.is_open() || !session.is_over(desk.now()) {
            return Ok(record);
        }
        let expired = ScaSession { status: ScaStatus::Expired, ..ScaSession::clone(&session) };
        desk.tell_end(&expired);
        Ok(desk.update(&record, expired))
    }
}

#[cfg(test)]
mod tests {
    use super::super::SESSION_PERIOD_MS;
    use super::super::testing::waiting;
    use super::*;
    use crate::EventType;

    #[test]
    fn it_is_told_once_and_not_before_its_time() {
        let (mut world, _, session) = waiting();
        world.run(&ExpireScaSession { session }).unwrap();
        assert_eq!(world.find::<ScaSession>(session).unwrap().status, ScaStatus::Pending);
        world.now = world.now.plus_ms(SESSION_PERIOD_MS);
        for _ in 0..2 {
            world.run(&ExpireScaSession { session }).unwrap();
        }
        assert_eq!(world.find::<ScaSession>(session).unwrap().status, ScaStatus::Expired);
        assert_eq!(world.events(), [EventType::UserValidationAsked, EventType::ScaEnrollmentExpired]);
    }
}
