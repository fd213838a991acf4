//! Turning the clock of a sandbox platform.

use super::{Environment, Platform};
use crate::{Command, Desk, Timestamp};

/// How far a clock may be ahead of real time: a hundred years, more than anything waits for.
pub const CLOCK_AHEAD_MAX_MS: i64 = 100 * 365 * 86_400_000;

/// Turns a sandbox platform's clock forward. It never goes back.
#[derive(Clone, Copy, Debug)]
pub struct AdvanceClock {
    /// By how much; more than zero.
    pub by_ms: i64,
}

/// Why a clock was not turned. The first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdvanceClockError {
    /// The platform is for real money.
    #[error("only a sandbox has a clock that can be turned")]
    NotASandbox,
    /// A clock goes forward only.
    #[error("a clock goes forward only")]
    NotForward,
    /// It would be too far ahead.
    #[error("the clock would be too far ahead")]
    TooFar,
    /// The platform is not there.
    #[error("a fault")]
    Fault,
}

impl Command for AdvanceClock {
    /// Business time as it is now.
    type Outcome = Timestamp;
    type Error = AdvanceClockError;
    const NAME: &'static str = "clock.advance";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Timestamp, AdvanceClockError> {
        let id = desk.ctx().platform;
        let record = desk.find_record::<Platform>(id).ok_or(AdvanceClockError::Fault)?;
        let platform = record.body::<Platform>().ok_or(AdvanceClockError::Fault)?;
        desk.note_object(id);
        if platform.environment != Environment::Sandbox {
            return Err(AdvanceClockError::NotASandbox);
        }
        if self.by_ms <= 0 {
            return Err(AdvanceClockError::NotForward);
        }
        let ahead = platform.clock_offset_ms.checked_add(self.by_ms).filter(|ahead| *ahead <= CLOCK_AHEAD_MAX_MS);
        let clock_offset_ms = ahead.ok_or(AdvanceClockError::TooFar)?;
        desk.update(&record, Platform { clock_offset_ms, ..Platform::clone(&platform) });
        Ok(desk.real_now().plus_ms(clock_offset_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::workbench::World;

    #[test]
    fn a_clock_goes_forward_only_and_not_for_ever() {
        use AdvanceClockError as E;
        let mut world = World::new();
        let (day, start) = (86_400_000, world.now);
        for (by_ms, expected) in [
            (day, Ok(start.plus_ms(day))),
            (1, Ok(start.plus_ms(day + 1))),
            (0, Err(E::NotForward)),
            (-1, Err(E::NotForward)),
            (CLOCK_AHEAD_MAX_MS, Err(E::TooFar)),
            (i64::MAX, Err(E::TooFar)),
        ] {
            assert_eq!(world.run(&AdvanceClock { by_ms }), expected, "{by_ms}");
        }
        world.change_platform(|platform| platform.environment = Environment::Production);
        assert_eq!(world.run(&AdvanceClock { by_ms: 0 }), Err(E::NotASandbox));
    }
}
