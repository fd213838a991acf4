//! Stopping a user's money, and letting it flow again.

use super::{Blocks, User};
use crate::{Command, Desk, EventType, Needs, Record, UserId};

/// Blocks what is `true` in `flows`; what was blocked before stays so.
#[derive(Clone, Debug)]
pub struct BlockUser {
    /// Which one.
    pub user: UserId,
    /// What is to be blocked.
    pub flows: Blocks,
}

/// Unblocks what is `true` in `flows`; the rest stays as it is.
#[derive(Clone, Debug)]
pub struct UnblockUser {
    /// Which one.
    pub user: UserId,
    /// What is to flow again.
    pub flows: Blocks,
}

/// Why a user's blocks were not changed. The first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockUserError {
    /// There is no such user on the platform.
    #[error("there is no such user")]
    NotFound,
    /// It is closed: everything of it is blocked for ever.
    #[error("the user is closed")]
    Closed,
}

impl Command for BlockUser {
    /// The user as it is now.
    type Outcome = Record;
    type Error = BlockUserError;
    const NAME: &'static str = "user.block";

    fn needs(&self, need: &mut Needs<'_>) {
        need.record::<User>(self.user);
    }

    /// Source: reference, people part, 9.1.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Record, BlockUserError> {
        change(desk, self.user, |old| Blocks { inflows: old.inflows || self.flows.inflows, outflows: old.outflows || self.flows.outflows })
    }
}

impl Command for UnblockUser {
    /// The user as it is now.
    type Outcome = Record;
    type Error = BlockUserError;
    const NAME: &'static str = "user.unblock";

    fn needs(&self, need: &mut Needs<'_>) {
        need.record::<User>(self.user);
    }

    /// Source: reference, people part, 9.1.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Record, BlockUserError> {
        change(desk, self.user, |old| Blocks {
            inflows: old.inflows && !self.flows.inflows,
            outflows: old.outflows && !self.flows.outflows,
        })
    }
}

fn change(desk: &mut Desk<'_>, id: UserId, change: impl FnOnce(Blocks) -> Blocks) -> Result<Record, BlockUserError> {
    let record = desk.find_record::<User>(id).ok_or(BlockUserError::NotFound)?;
    let user = record.body::<User>().ok_or(BlockUserError::NotFound)?;
    if user.is_closed() {
        return Err(BlockUserError::Closed);
    }
    desk.note_object(id);
    let blocks = change(user.blocks);
    if blocks == user.blocks {
        return Ok(record);
    }
    desk.tell_blocks(id, user.blocks, blocks);
    Ok(desk.update(&record, User { blocks, ..User::clone(&user) }))
}

impl Desk<'_> {
    /// Tells what is blocked now and was not, and what is not any more.
    pub(super) fn tell_blocks(&mut self, user: UserId, old: Blocks, new: Blocks) {
        for (old, new, blocked, unblocked) in [
            (old.inflows, new.inflows, EventType::UserInflowsBlocked, EventType::UserInflowsUnblocked),
            (old.outflows, new.outflows, EventType::UserOutflowsBlocked, EventType::UserOutflowsUnblocked),
        ] {
            if old != new {
                self.emit(if new { blocked } else { unblocked }, user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::workbench::World;
    use crate::user::{Category, UserStatus};

    const IN: Blocks = Blocks { inflows: true, outflows: false };
    const BOTH: Blocks = Blocks { inflows: true, outflows: true };

    #[test]
    fn only_what_changes_is_told() {
        let mut world = World::new();
        let user = world.user(Category::Owner);
        for _ in 0..2 {
            world.run(&BlockUser { user, flows: IN }).unwrap();
            assert_eq!(world.events(), [EventType::UserInflowsBlocked]);
        }
        world.run(&BlockUser { user, flows: BOTH }).unwrap();
        assert_eq!(world.find::<User>(user).unwrap().blocks, BOTH);
        world.run(&UnblockUser { user, flows: IN }).unwrap();
        assert_eq!(world.find::<User>(user).unwrap().blocks, Blocks { inflows: false, outflows: true });
        let told = [EventType::UserInflowsBlocked, EventType::UserOutflowsBlocked, EventType::UserInflowsUnblocked];
        assert_eq!(world.events(), told);
    }

    #[test]
    fn a_closed_user_stays_blocked() {
        let mut world = World::new();
        let user = world.user(Category::Owner);
        world.change_user(user, |user| user.status = UserStatus::Closed);
        assert_eq!(world.run(&UnblockUser { user, flows: BOTH }).unwrap_err(), BlockUserError::Closed);
        assert_eq!(world.run(&BlockUser { user, flows: BOTH }).unwrap_err(), BlockUserError::Closed);
        let nobody = BlockUser { user: UserId(ledger::Uid::from_bits(1)), flows: IN };
        assert_eq!(world.run(&nobody).unwrap_err(), BlockUserError::NotFound);
    }
}
