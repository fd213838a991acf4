//! Retention: what is kept how long, and the commands that take it away.
//!
//! Whoever runs them ([`engine`'s retention]) looks up what is old, a bounded number at a time; the commands look again,
//! so that what was used or changed meanwhile stays. Ledger and audit are not touched: nothing here can take
//! them away.
//!
//! [`engine`'s retention]: ../../engine/struct.Retention.html

use crate::core::Removal;
use crate::ids::{ScaSessionId, TokenId};
use crate::platform::AccessToken;
use crate::sca::ScaSession;
use crate::user::User;
use crate::{Command, Desk, IdempotencyKey, KeyState, RecordKey, Resource, UserId};

const DAY_MS: i64 = 86_400_000;

/// Idempotency keys and their answers are good for this long, real time.
pub const KEYS_KEPT_MS: i64 = DAY_MS;
/// Sessions of pages are kept this long after their links have ended, business time.
pub const SESSIONS_KEPT_MS: i64 = DAY_MS;
/// Transactions are shown for this long after they were made, business time: 13 months, whatever months they are. They stay stored.
pub const TRANSACTIONS_SHOWN_MS: i64 = (366 + 31) * DAY_MS;
/// Identity data is kept this long after a user was closed, business time: five years, whatever years they are.
pub const IDENTITY_KEPT_MS: i64 = 5 * 366 * DAY_MS;

/// Users of a platform that was ended are kept this long after, real time.
pub const ENDED_KEPT_MS: i64 = DAY_MS;

/// Takes idempotency keys away whose time has passed.
#[derive(Clone, Debug)]
pub struct ForgetKeys {
    /// Which, if they are old enough.
    pub keys: Vec<IdempotencyKey>,
}

impl Command for ForgetKeys {
    /// How many.
    type Outcome = usize;
    type Error = std::convert::Infallible;
    const NAME: &'static str = "retention.forget_keys";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<usize, Self::Error> {
        let until = desk.real_now().plus_ms(KEYS_KEPT_MS.saturating_neg());
        let mut count: usize = 0;
        for key in &self.keys {
            if let Some(row) = desk.key(key).filter(|row| row.state != KeyState::Claimed && row.at <= until) {
                desk.remove(Removal::Key { key: key.clone(), at: row.at });
                count = count.saturating_add(1);
            }
        }
        Ok(count)
    }
}

/// Takes access tokens away that have ended.
#[derive(Clone, Debug)]
pub struct ForgetTokens {
    /// Which, if they have ended.
    pub tokens: Vec<TokenId>,
}

impl Command for ForgetTokens {
    /// How many.
    type Outcome = usize;
    type Error = std::convert::Infallible;
    const NAME: &'static str = "retention.forget_tokens";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<usize, Self::Error> {
        let now = desk.real_now();
        Ok(forget::<AccessToken>(desk, &self.tokens, |token| token.expires_at <= now))
    }
}

/// Takes sessions of pages away whose links have ended a while ago.
#[derive(Clone, Debug)]
pub struct ForgetSessions {
    /// Which, if they are old enough.
    pub sessions: Vec<ScaSessionId>,
}

impl Command for ForgetSessions {
    /// How many.
    type Outcome = usize;
    type Error = std::convert::Infallible;
    const NAME: &'static str = "retention.forget_sessions";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<usize, Self::Error> {
        let until = desk.now().plus_ms(SESSIONS_KEPT_MS.saturating_neg());
        Ok(forget::<ScaSession>(desk, &self.sessions, |session| !session.is_open() && session.expires_at <= until))
    }
}

fn forget<R: Resource>(desk: &mut Desk<'_>, ids: &[R::Id], is_over: impl Fn(&R) -> bool) -> usize {
    let mut count: usize = 0;
    for id in ids {
        if desk.find::<R>(*id).is_some_and(|body| is_over(&body)) {
            let key = RecordKey { kind: R::KIND, platform: desk.ctx().platform, id: (*id).into() };
            desk.remove(Removal::Record(key));
            count = count.saturating_add(1);
        }
    }
    count
}

/// Erases who a closed user was: destroys the key that everything personal of theirs is sealed under.
///
/// It is due [`IDENTITY_KEPT_MS`] after the user was closed, and the job made then says so; or [`ENDED_KEPT_MS`] after its
/// platform was ended. The user's payments, wallets and
/// instruments read as absent afterwards; entries, balances and audit lines stay, under ids that name nobody.
#[derive(Clone, Copy, Debug)]
pub struct EraseUser {
    /// Whom.
    pub user: UserId,
}

/// What became of an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erased {
    /// It is done, or was.
    Done,
    /// The user is under legal hold, or neither closed nor of a platform that ended long ago: nothing is erased.
    Held,
}

impl Command for EraseUser {
    type Outcome = Erased;
    type Error = std::convert::Infallible;
    const NAME: &'static str = "retention.erase_user";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Erased, Self::Error> {
        let platform = desk.ctx().platform;
        desk.note_object(self.user);
        let until = desk.real_now().plus_ms(ENDED_KEPT_MS.saturating_neg());
        let is_over = desk.platform().and_then(|platform| platform.ended_at).is_some_and(|at| at <= until);
        let Some(user) = desk.find::<User>(self.user) else { return Ok(Erased::Done) };
        if (!user.is_closed() && !is_over) || user.is_held {
            return Ok(Erased::Held);
        }
        desk.remove(Removal::Record(RecordKey { kind: crate::user::Person::KIND, platform, id: user.person().0 }));
        desk.remove(Removal::Record(RecordKey { kind: User::KIND, platform, id: self.user.0 }));
        desk.remove(Removal::DataKey { platform, subject: self.user.0 });
        Ok(Erased::Done)
    }

    fn is_refusal(outcome: &Erased) -> bool {
        *outcome == Erased::Held
    }
}

#[cfg(test)]
mod tests {
    use ledger::Uid;

    use super::*;
    use crate::Answer;
    use crate::core::workbench::World;
    use crate::ids::ApiKeyId;
    use crate::platform::Scopes;
    use crate::user::{Category, HoldUser, UserStatus};
    use crate::{KeyRow, Timestamp};

    fn row(world: &World, key: &str, at: Timestamp, state: KeyState) -> KeyRow {
        let key = IdempotencyKey { platform: world.platform(), dialect: 1, key: key.into() };
        KeyRow { key, fingerprint: [0; 16], path: "/".into(), state, at }
    }

    #[test]
    fn keys_go_after_a_day_and_not_while_they_are_under_way() {
        let mut world = World::new();
        let answered = || KeyState::Answered(Answer { status: 200, body: [].into() });
        let day_ago = world.now.plus_ms(-KEYS_KEPT_MS);
        let rows = [
            row(&world, "old", day_ago, answered()),
            row(&world, "young", day_ago.plus_ms(1), answered()),
            row(&world, "under way", day_ago, KeyState::Claimed),
        ];
        let keys: Vec<_> = rows.iter().map(|row| row.key.clone()).collect();
        rows.into_iter().for_each(|row| world.bring_key(row));
        assert_eq!(world.run(&ForgetKeys { keys: keys.clone() }), Ok(1));
        assert_eq!(world.removals(), [Removal::Key { key: keys[0].clone(), at: day_ago }]);
    }

    #[test]
    fn tokens_go_once_they_have_ended() {
        let mut world = World::new();
        let token = |expires_at| AccessToken { digest: [1; 32], key: ApiKeyId(Uid::from_bits(1)), scopes: Scopes::ALL, expires_at };
        let (ended, good) = (TokenId(Uid::from_bits(1)), TokenId(Uid::from_bits(2)));
        let now = world.now;
        world.bring(ended, token(now));
        world.bring(good, token(now.plus_ms(1)));
        assert_eq!(world.run(&ForgetTokens { tokens: vec![ended, good, TokenId(Uid::from_bits(3))] }), Ok(1));
        assert_eq!(world.removals().len(), 1);
    }

    #[test]
    fn sessions_go_a_day_after_they_have_ended() {
        let (mut world, _, session) = crate::sca::testing::waiting();
        let forget = ForgetSessions { sessions: vec![session] };
        world.now = world.now.plus_ms(SESSIONS_KEPT_MS + crate::sca::SESSION_PERIOD_MS);
        assert_eq!(world.run(&forget), Ok(0), "one that is open is ended first");
        world.run(&crate::sca::ExpireScaSession { session }).unwrap();
        world.now = world.now.plus_ms(-1);
        assert_eq!(world.run(&forget), Ok(0));
        world.now = world.now.plus_ms(1);
        assert_eq!(world.run(&forget), Ok(1));
    }

    #[test]
    fn users_of_an_ended_platform_are_erased_a_day_later_unless_they_are_held() {
        let mut world = World::new();
        let (user, held) = (world.user(Category::Owner), world.user(Category::Owner));
        world.change_user(held, |user| user.is_held = true);
        let day_ago = world.now.plus_ms(-ENDED_KEPT_MS);
        world.change_platform(|platform| platform.ended_at = Some(day_ago.plus_ms(1)));
        assert_eq!(world.run(&EraseUser { user }), Ok(Erased::Held));
        world.change_platform(|platform| platform.ended_at = Some(day_ago));
        assert_eq!(world.run(&EraseUser { user: held }), Ok(Erased::Held));
        assert_eq!(world.run(&EraseUser { user }), Ok(Erased::Done));
    }

    #[test]
    fn only_closed_users_who_are_not_held_are_erased() {
        let mut world = World::new();
        let user = world.user(Category::Owner);
        assert_eq!(world.run(&EraseUser { user }), Ok(Erased::Held));
        world.change_user(user, |user| (user.status, user.is_held) = (UserStatus::Closed, true));
        assert_eq!(world.run(&EraseUser { user }), Ok(Erased::Held));
        assert_eq!(world.removals(), []);
        world.change_user(user, |user| user.is_held = false);
        assert_eq!(world.run(&EraseUser { user }), Ok(Erased::Done));
        let key = Removal::DataKey { platform: world.platform(), subject: user.0 };
        assert!(world.removals().contains(&key));
        assert!(world.run(&HoldUser { user }).is_err(), "whoever is erased is gone for later commands of the batch too");
        assert_eq!(world.run(&EraseUser { user: UserId(Uid::from_bits(5)) }), Ok(Erased::Done), "whoever is gone is gone");
    }
}
