//! Ending a session by order, as only a sandbox does.

use super::{ScaSession, ScaStatus};
use crate::ids::ScaSessionId;
use crate::{Command, Desk, Needs, Record};

/// How a session is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaEnd {
    /// As if too many codes had been wrong.
    Failed,
    /// As if its time had passed.
    Expired,
}

/// Ends a session that is open, in its user's place.
#[derive(Clone, Copy, Debug)]
pub struct EndScaSession {
    /// Which one.
    pub session: ScaSessionId,
    /// How.
    pub end: ScaEnd,
}

/// Why a session was not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndScaSessionError {
    /// There is no such session on the platform.
    #[error("there is no such session")]
    NotFound,
    /// It has ended.
    #[error("the session has ended")]
    Over,
}

impl Command for EndScaSession {
    /// The session as it is now.
    type Outcome = Record;
    type Error = EndScaSessionError;
    const NAME: &'static str = "sca_session.end";

    fn needs(&self, need: &mut Needs<'_>) {
        need.record::<ScaSession>(self.session);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Record, EndScaSessionError> {
        let record = desk.find_record::<ScaSession>(self.session).ok_or(EndScaSessionError::NotFound)?;
        let session = record.body::<ScaSession>().ok_or(EndScaSessionError::NotFound)?;
        desk.note_object(self.session);
        if !session.is_open() {
            return Err(EndScaSessionError::Over);
        }
        let status = match self.end {
            ScaEnd::Failed => ScaStatus::Failed,
            ScaEnd::Expired => ScaStatus::Expired,
        };
        let ended = ScaSession { status, ..ScaSession::clone(&session) };
        desk.tell_end(&ended);
        Ok(desk.update(&record, ended))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::waiting;
    use super::*;
    use crate::EventType;

    #[test]
    fn a_session_is_ended_once() {
        for (end, event) in [(ScaEnd::Failed, EventType::ScaEnrollmentFailed), (ScaEnd::Expired, EventType::ScaEnrollmentExpired)] {
            let (mut world, _, session) = waiting();
            world.run(&EndScaSession { session, end }).unwrap();
            assert_eq!(world.run(&EndScaSession { session, end }).unwrap_err(), EndScaSessionError::Over);
            assert_eq!(world.events(), [EventType::UserValidationAsked, event]);
        }
    }
}
