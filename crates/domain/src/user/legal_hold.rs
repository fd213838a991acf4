//! Legal hold: what an authority wants kept is not erased, however old it is.

use super::User;
use crate::{Command, Desk, Record, UserId};

/// Puts a user under legal hold.
#[derive(Clone, Copy, Debug)]
pub struct HoldUser {
    /// Whom.
    pub user: UserId,
}

/// Ends a user's legal hold.
#[derive(Clone, Copy, Debug)]
pub struct ReleaseUser {
    /// Whose.
    pub user: UserId,
}

/// Why a hold was neither put nor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HoldUserError {
    /// There is no such user on the platform, or it was erased.
    #[error("there is no such user")]
    NotFound,
}

impl Command for HoldUser {
    /// The user as it is now.
    type Outcome = Record;
    type Error = HoldUserError;
    const NAME: &'static str = "user.hold";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Record, HoldUserError> {
        change(desk, self.user, |user| user.is_held = true)
    }
}

impl Command for ReleaseUser {
    /// The user as it is now.
    type Outcome = Record;
    type Error = HoldUserError;
    const NAME: &'static str = "user.release";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Record, HoldUserError> {
        change(desk, self.user, |user| user.is_held = false)
    }
}

fn change(desk: &mut Desk<'_>, id: UserId, change: impl Fn(&mut User)) -> Result<Record, HoldUserError> {
    let record = desk.find_record::<User>(id).ok_or(HoldUserError::NotFound)?;
    let mut user = record.body::<User>().map(|user| User::clone(&user)).ok_or(HoldUserError::NotFound)?;
    change(&mut user);
    desk.note_object(id);
    Ok(desk.update(&record, user))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::workbench::World;
    use crate::user::Category;

    #[test]
    fn a_hold_is_put_and_ended() {
        let mut world = World::new();
        let user = world.user(Category::Owner);
        world.run(&HoldUser { user }).unwrap();
        assert!(world.find::<User>(user).unwrap().is_held);
        world.run(&ReleaseUser { user }).unwrap();
        assert!(!world.find::<User>(user).unwrap().is_held);
        let nobody = UserId(ledger::Uid::from_bits(5));
        assert_eq!(world.run(&HoldUser { user: nobody }).unwrap_err(), HoldUserError::NotFound);
    }
}
