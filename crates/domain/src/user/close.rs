//! Ending a user for good.

use super::{Blocks, PersonKind, User, UserStatus};
use crate::retention::IDENTITY_KEPT_MS;
use crate::wallet::Wallet;
use crate::{Command, Desk, EventType, JobKind, Needs, Record, UserId, WalletId};

/// Closes a user whose wallets are all empty. Nothing moves in or out afterwards, and nothing of it changes, until the
/// identity is erased, years later.
#[derive(Clone, Debug)]
pub struct CloseUser {
    /// Which one.
    pub user: UserId,
    /// What kind of user it was asked for as; one of the other kind is not there.
    pub kind: PersonKind,
}

/// Why a user was not closed. The first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseUserError {
    /// There is no such user of that kind on the platform.
    #[error("there is no such user")]
    NotFound,
    /// It is closed.
    #[error("the user is closed")]
    Closed,
    /// A wallet has money in it, or a part of it is set aside.
    #[error("a wallet is not empty")]
    WalletNotEmpty,
}

impl Command for CloseUser {
    /// The user as it is now.
    type Outcome = Record;
    type Error = CloseUserError;
    const NAME: &'static str = "user.close";

    fn needs(&self, need: &mut Needs<'_>) {
        need.record::<User>(self.user);
    }

    /// Source: reference, people part, 4.7.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<Record, CloseUserError> {
        let wallets = desk.owned::<Wallet>(self.user);
        let record = desk.find_record::<User>(self.user);
        let accounts: Vec<_> = wallets.iter().map(|id| desk.account(WalletId(*id).account())).collect();
        let record = record.ok_or(CloseUserError::NotFound)?;
        let user = record.body::<User>().filter(|user| user.kind() == self.kind).ok_or(CloseUserError::NotFound)?;
        if user.is_closed() {
            return Err(CloseUserError::Closed);
        }
        if accounts.iter().flatten().any(|account| account.balance != 0 || account.held != 0) {
            return Err(CloseUserError::WalletNotEmpty);
        }
        desk.note_object(self.user);
        desk.emit(EventType::UserClosed, self.user);
        let erased_at = desk.now().plus_ms(IDENTITY_KEPT_MS);
        desk.schedule(JobKind::EraseUser, self.user, erased_at);
        let blocks = Blocks { inflows: true, outflows: true };
        desk.tell_blocks(self.user, user.blocks, blocks);
        Ok(desk.update(&record, User { status: UserStatus::Closed, blocks, ..User::clone(&user) }))
    }
}

#[cfg(test)]
mod tests {
    use money::Currency;

    use super::*;
    use crate::core::workbench::World;
    use crate::user::Category;

    #[test]
    fn a_user_without_money_is_closed_and_blocked() {
        let mut world = World::new();
        let id = world.user(Category::Owner);
        world.wallet(id, Currency::EUR, 0);
        let user = world.run(&CloseUser { user: id, kind: PersonKind::Natural }).unwrap().body::<User>().unwrap();
        assert!(user.is_closed() && user.blocks.inflows && user.blocks.outflows);
        assert_eq!(world.events(), [EventType::UserClosed, EventType::UserInflowsBlocked, EventType::UserOutflowsBlocked]);
    }

    #[test]
    fn what_was_blocked_before_is_not_told_again() {
        let mut world = World::new();
        let id = world.user(Category::Owner);
        world.change_user(id, |user| user.blocks.inflows = true);
        world.run(&CloseUser { user: id, kind: PersonKind::Natural }).unwrap();
        assert_eq!(world.events(), [EventType::UserClosed, EventType::UserOutflowsBlocked]);
    }

    #[test]
    fn each_reason_not_to_close_comes_in_its_order() {
        let mut world = World::new();
        let id = world.user(Category::Owner);
        world.wallet(id, Currency::EUR, 0);
        world.wallet(id, Currency::GBP, 1);
        let close = |kind| CloseUser { user: id, kind };
        assert_eq!(world.run(&close(PersonKind::Legal)).unwrap_err(), CloseUserError::NotFound);
        assert_eq!(world.run(&close(PersonKind::Natural)).unwrap_err(), CloseUserError::WalletNotEmpty);
        world.change_user(id, |user| user.status = UserStatus::Closed);
        assert_eq!(world.run(&close(PersonKind::Natural)).unwrap_err(), CloseUserError::Closed);
        assert!(world.events().is_empty());
    }
}
