//! Turning the clock of a sandbox platform.

use std::sync::Arc;

use super::{Environment, Platform};
use crate::{Command, Desk, Record, Timestamp};

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

/// The clock of the platform that a decision is of.
struct Hands {
    record: Record,
    platform: Arc<Platform>,
}

impl Hands {
    /// Errors, first match wins: `Fault`, `NotASandbox`.
    fn of(desk: &mut Desk<'_>) -> Result<Self, AdvanceClockError> {
        let id = desk.ctx().platform;
        let record = desk.find_record::<Platform>(id).ok_or(AdvanceClockError::Fault)?;
        let platform = record.body::<Platform>().ok_or(AdvanceClockError::Fault)?;
        desk.note_object(id);
        if platform.environment != Environment::Sandbox {
            return Err(AdvanceClockError::NotASandbox);
        }
        Ok(Self { record, platform })
    }

    /// Sets how far it is ahead of real time, and where it is being turned to. What is so already is not written. Gives business
    /// time as it is then. Errors: `TooFar`.
    fn set(&self, desk: &mut Desk<'_>, ahead_ms: i64, goal: Option<Timestamp>) -> Result<Timestamp, AdvanceClockError> {
        if ahead_ms > CLOCK_AHEAD_MAX_MS {
            return Err(AdvanceClockError::TooFar);
        }
        if (ahead_ms, goal) != (self.platform.clock_offset_ms, self.platform.clock_goal) {
            let turned = Platform { clock_offset_ms: ahead_ms, clock_goal: goal, ..Platform::clone(&self.platform) };
            desk.update(&self.record, turned);
        }
        Ok(desk.real_now().plus_ms(ahead_ms))
    }
}

impl Command for AdvanceClock {
    /// Business time as it is now.
    type Outcome = Timestamp;
    type Error = AdvanceClockError;
    const NAME: &'static str = "clock.advance";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Timestamp, AdvanceClockError> {
        let clock = Hands::of(desk)?;
        if self.by_ms <= 0 {
            return Err(AdvanceClockError::NotForward);
        }
        let ahead_ms = clock.platform.clock_offset_ms.checked_add(self.by_ms).ok_or(AdvanceClockError::TooFar)?;
        clock.set(desk, ahead_ms, clock.platform.clock_goal)
    }
}

/// Where a clock is to be turned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockAim {
    /// So much later than now, or than where it is being turned to already; more than zero.
    By(
        /// Milliseconds.
        i64,
    ),
    /// This moment of business time, not before now.
    To(Timestamp),
}

/// Notes where the clock of a sandbox platform is to be turned to, step by step ([`StepClock`]). The note outlives whoever
/// takes the steps: the next one goes on from there, and two at once go as far as both were told.
#[derive(Clone, Copy, Debug)]
pub struct AimClock(
    /// Where to.
    pub ClockAim,
);

impl Command for AimClock {
    /// Business time at which to stop.
    type Outcome = Timestamp;
    type Error = AdvanceClockError;
    const NAME: &'static str = "clock.aim";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Timestamp, AdvanceClockError> {
        let clock = Hands::of(desk)?;
        let now = desk.now();
        let under_way = clock.platform.clock_goal.filter(|goal| *goal > now);
        let goal = match self.0 {
            ClockAim::By(by_ms) if by_ms <= 0 => return Err(AdvanceClockError::NotForward),
            ClockAim::By(by_ms) => under_way.unwrap_or(now).plus_ms(by_ms),
            ClockAim::To(to) if to < now => return Err(AdvanceClockError::NotForward),
            ClockAim::To(to) => to,
        };
        if goal > desk.real_now().plus_ms(CLOCK_AHEAD_MAX_MS) {
            return Err(AdvanceClockError::TooFar);
        }
        let farthest = under_way.map_or(goal, |other| other.max(goal));
        clock.set(desk, clock.platform.clock_offset_ms, Some(farthest))?;
        Ok(goal)
    }
}

/// Turns the clock of a sandbox platform forward to a moment on its way to its goal. A moment that has passed is no step.
#[derive(Clone, Copy, Debug)]
pub struct StepClock {
    /// Business time as it is to be.
    pub to: Timestamp,
}

impl Command for StepClock {
    /// Business time as it is now.
    type Outcome = Timestamp;
    type Error = AdvanceClockError;
    const NAME: &'static str = "clock.step";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Timestamp, AdvanceClockError> {
        let clock = Hands::of(desk)?;
        let then = desk.now().max(self.to);
        let ahead_ms = then.ms().saturating_sub(desk.real_now().ms());
        clock.set(desk, ahead_ms, clock.platform.clock_goal.filter(|goal| *goal > then))
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

    #[test]
    fn a_goal_is_kept_until_it_is_reached_and_two_at_once_go_as_far_as_both_were_told() {
        use AdvanceClockError as E;
        use ClockAim::{By, To};
        let mut world = World::new();
        let (day, start) = (86_400_000, world.now);
        let after = |days: i64| start.plus_ms(days * day);
        for (aim, expected) in [
            (By(0), Err(E::NotForward)),
            (By(-1), Err(E::NotForward)),
            (To(start.plus_ms(-1)), Err(E::NotForward)),
            (To(start), Ok(start)),
            (To(start.plus_ms(CLOCK_AHEAD_MAX_MS + 1)), Err(E::TooFar)),
            (By(i64::MAX), Err(E::TooFar)),
            (By(day), Ok(after(1))),
            (By(2 * day), Ok(after(3))),
            (To(after(2)), Ok(after(2))),
        ] {
            assert_eq!(world.run(&AimClock(aim)), expected, "{aim:?}");
        }
        let goal = |world: &mut World| world.find::<Platform>(world.platform()).unwrap().clock_goal;
        assert_eq!(goal(&mut world), Some(after(3)), "the farthest of them");
        assert_eq!(world.run(&StepClock { to: after(2) }), Ok(after(2)));
        assert_eq!(world.run(&StepClock { to: after(1) }), Ok(after(2)), "it never goes back");
        assert_eq!(goal(&mut world), Some(after(3)));
        assert_eq!(world.run(&AimClock(By(day))), Ok(after(4)), "behind what is under way");
        assert_eq!(world.run(&StepClock { to: after(4) }), Ok(after(4)));
        assert_eq!(goal(&mut world), None);
        assert_eq!(world.run(&StepClock { to: after(40_000) }), Err(E::TooFar));
        world.change_platform(|platform| platform.environment = Environment::Production);
        assert_eq!(world.run(&AimClock(By(1))), Err(E::NotASandbox));
        assert_eq!(world.run(&StepClock { to: after(5) }), Err(E::NotASandbox));
    }
}
