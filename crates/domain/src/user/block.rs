//! Stopping a user's money, and letting it flow again.

use serde::{Deserialize, Serialize};

use super::{Blocks, User};
use crate::{Command, Desk, EventType, Needs, Record, UserId};

macro_rules! reasons {
    ($($reason:ident $word:literal $doc:literal;)*) => {
        /// Why a user is blocked. Each dialect has its own code for each. Source: reference, people part, 9.1.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum BlockReason { $(#[doc = $doc] $reason,)* }

        impl BlockReason {
            /// Every one.
            pub const ALL: &'static [BlockReason] = &[$(BlockReason::$reason,)*];

            /// One lower-case word for it.
            #[must_use]
            pub const fn word(self) -> &'static str { match self { $(BlockReason::$reason => $word,)* } }
        }
    };
}

reasons! {
    SuspectedFraud "suspected_fraud" "Fraud is suspected.";
    Compliance "compliance" "Compliance asks for it.";
    General "general" "No reason is told.";
    DataDeletionAsked "data_deletion_asked" "The user asked for its data to be deleted.";
    DocumentSuspectedFalse "document_suspected_false" "A document is suspected to be false.";
    PossiblyExposed "possibly_exposed" "The user may be a politically exposed person, and has to fill a form in.";
    IdentityProofNeeded "identity_proof_needed" "A new proof of identity is needed; of a legal user, of its registration too.";
    LegalFormWrong "legal_form_wrong" "The legal form of the user has to be changed.";
    AddressProofNeeded "address_proof_needed" "A proof of address is needed.";
}

/// Blocks what is `true` in `flows`; what was blocked before stays so.
#[derive(Clone, Debug)]
pub struct BlockUser {
    /// Which one.
    pub user: UserId,
    /// What is to be blocked.
    pub flows: Blocks,
    /// Why; the reason so far stays unless one is given.
    pub reason: Option<BlockReason>,
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
        let block = |old: Blocks| Blocks { inflows: old.inflows || self.flows.inflows, outflows: old.outflows || self.flows.outflows };
        change(desk, self.user, self.reason, block)
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
        change(desk, self.user, None, |old| Blocks {
            inflows: old.inflows && !self.flows.inflows,
            outflows: old.outflows && !self.flows.outflows,
        })
    }
}

fn change(
    desk: &mut Desk<'_>,
    id: UserId,
    reason: Option<BlockReason>,
    change: impl FnOnce(Blocks) -> Blocks,
) -> Result<Record, BlockUserError> {
    let record = desk.find_record::<User>(id).ok_or(BlockUserError::NotFound)?;
    let user = record.body::<User>().ok_or(BlockUserError::NotFound)?;
    if user.is_closed() {
        return Err(BlockUserError::Closed);
    }
    desk.note_object(id);
    let blocks = change(user.blocks);
    let block_reason = if blocks == Blocks::default() { None } else { reason.or(user.block_reason) };
    if (blocks, block_reason) == (user.blocks, user.block_reason) {
        return Ok(record);
    }
    desk.tell_blocks(id, user.blocks, blocks);
    Ok(desk.update(&record, User { blocks, block_reason, ..User::clone(&user) }))
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
            world.run(&BlockUser { user, flows: IN, reason: None }).unwrap();
            assert_eq!(world.events(), [EventType::UserInflowsBlocked]);
        }
        world.run(&BlockUser { user, flows: BOTH, reason: None }).unwrap();
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
        assert_eq!(world.run(&BlockUser { user, flows: BOTH, reason: None }).unwrap_err(), BlockUserError::Closed);
        let nobody = BlockUser { user: UserId(ledger::Uid::from_bits(1)), flows: IN, reason: None };
        assert_eq!(world.run(&nobody).unwrap_err(), BlockUserError::NotFound);
    }

    #[test]
    fn the_reason_stays_as_long_as_anything_is_blocked() {
        let mut world = World::new();
        let user = world.user(Category::Owner);
        let reason = |world: &mut World| world.find::<User>(user).unwrap().block_reason;
        world.run(&BlockUser { user, flows: BOTH, reason: Some(BlockReason::Compliance) }).unwrap();
        world.run(&BlockUser { user, flows: IN, reason: None }).unwrap();
        assert_eq!(reason(&mut world), Some(BlockReason::Compliance));
        world.run(&BlockUser { user, flows: IN, reason: Some(BlockReason::SuspectedFraud) }).unwrap();
        world.run(&UnblockUser { user, flows: IN }).unwrap();
        assert_eq!(reason(&mut world), Some(BlockReason::SuspectedFraud), "outflows are blocked still");
        world.run(&UnblockUser { user, flows: BOTH }).unwrap();
        assert_eq!(reason(&mut world), None);
    }
}
