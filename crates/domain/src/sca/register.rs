//! Taking up a user who has to show who they are.

use super::{ScaSession, magic};
use crate::ids::ScaSessionId;
use crate::platform::{Environment, MagicValues};
use crate::user::{Category, Profile, RegisterUser, RegisterUserError, UserStatus, UserView};
use crate::{Command, Desk, EventType, JobKind, Record, UserId};

/// Whether the user is there to authenticate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// The user is sent to a page.
    #[default]
    Present,
    /// The platform acts for the user, who has consented to that.
    NotPresent,
}

/// Takes up a user; an owner waits until it has shown who it is, in a session that is opened at once.
#[derive(Clone, Debug)]
pub struct RegisterScaUser {
    /// The user.
    pub register: RegisterUser,
    /// Whether it is there.
    pub presence: Presence,
    /// SHA-256 of the secret for the link of the session's page, drawn at random by the caller.
    pub secret_digest: [u8; 32],
}

/// A user who was taken up, and the session it has to complete, if any.
#[derive(Clone, Debug)]
pub struct ScaUserView {
    /// The user and the person.
    pub view: UserView,
    /// The session.
    pub session: Option<Record>,
}

/// Why a user was not taken up. The first that applies, in this order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterScaUserError {
    /// What it would not be taken up for without authentication either.
    #[error(transparent)]
    User(#[from] RegisterUserError),
    /// The user is not there and has not consented to the platform acting for it; nobody new has.
    #[error("the user has not consented to the platform acting for it")]
    ConsentMissing,
}

impl Command for RegisterScaUser {
    type Outcome = ScaUserView;
    type Error = RegisterScaUserError;
    const NAME: &'static str = "user.register_sca";

    /// Source: reference, people part, 4.13, 5.1 and 5.2.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<ScaUserView, RegisterScaUserError> {
        let heeds_magic = desk
            .platform()
            .is_some_and(|platform| platform.environment == Environment::Sandbox && platform.policy.magic_values() == MagicValues::Heeded);
        if self.register.category == Category::Payer {
            return Ok(ScaUserView { view: self.register.take_up(desk, UserStatus::Active)?, session: None });
        }
        let is_bypassed = heeds_magic && is_never_asked(&self.register.profile);
        let status = if is_bypassed { UserStatus::Active } else { UserStatus::PendingUserAction };
        let view = self.register.take_up(desk, status)?;
        if self.presence == Presence::NotPresent {
            return Err(RegisterScaUserError::ConsentMissing);
        }
        let user = UserId(view.user.lead.id);
        if is_bypassed {
            desk.emit(EventType::ScaEnrollmentSucceeded, user);
            desk.emit(EventType::UserActivated, user);
            return Ok(ScaUserView { view, session: None });
        }
        let id: ScaSessionId = desk.fresh();
        let session = ScaSession::of_enrollment(user, self.secret_digest, desk.now());
        desk.emit(EventType::UserValidationAsked, user);
        desk.schedule(JobKind::ExpireScaSession, id, session.expires_at);
        Ok(ScaUserView { view, session: Some(desk.insert(id, session)) })
    }
}

fn is_never_asked(profile: &Profile) -> bool {
    [&profile.email, &profile.person.email].into_iter().flatten().any(|email| email.expose().contains(magic::BYPASS))
}

#[cfg(test)]
mod tests {
    use super::super::testing::sca;
    use super::super::{SESSION_PERIOD_MS, ScaPurpose, ScaStatus};
    use super::*;
    use crate::Secret;
    use crate::core::workbench::World;
    use crate::user::User;
    use crate::user::testing::{acme, joe};

    fn status(made: &ScaUserView) -> UserStatus {
        made.view.user.body::<User>().unwrap().status
    }

    #[test]
    fn a_payer_is_active_at_once() {
        let mut world = World::new();
        for presence in [Presence::Present, Presence::NotPresent] {
            let made = world.run(&RegisterScaUser { presence, ..sca(joe(Category::Payer)) }).unwrap();
            assert_eq!((status(&made), made.session.is_none()), (UserStatus::Active, true));
        }
        assert!(world.events().is_empty());
    }

    #[test]
    fn an_owner_waits_for_its_session() {
        for (register, before) in [(joe(Category::Owner), &[][..]), (acme(Category::Owner), &[EventType::CompanyNumberValid])] {
            let mut world = World::new();
            let made = world.run(&sca(register)).unwrap();
            assert_eq!(status(&made), UserStatus::PendingUserAction);
            assert_eq!(made.view.user.lead.version, 1);
            let session = made.session.unwrap().body::<ScaSession>().unwrap();
            assert_eq!(
                (session.user.0, session.purpose, session.status),
                (made.view.user.lead.id, ScaPurpose::Enrollment, ScaStatus::Pending)
            );
            assert_eq!((session.opened_at, session.expires_at, session.tries), (world.now, world.now.plus_ms(SESSION_PERIOD_MS), 0));
            assert!(session.opens_with(&[7; 32]) && !session.opens_with(&[8; 32]));
            assert_eq!(world.events(), [before, &[EventType::UserValidationAsked]].concat());
        }
    }

    #[test]
    fn the_magic_address_bypasses_on_a_sandbox_only() {
        for (is_sandbox, expected) in [(true, UserStatus::Active), (false, UserStatus::PendingUserAction)] {
            for is_representative in [false, true] {
                let mut register = acme(Category::Owner);
                let email = Some(Secret::new("accept@example.com".to_owned()));
                if is_representative {
                    register.profile.person.email = email
                } else {
                    register.profile.email = email
                }
                let mut world = World::new();
                if !is_sandbox {
                    world.change_platform(|platform| platform.environment = Environment::Production);
                }
                let made = world.run(&sca(register)).unwrap();
                assert_eq!((status(&made), made.session.is_none()), (expected, is_sandbox));
                let told = if is_sandbox {
                    &[EventType::CompanyNumberValid, EventType::ScaEnrollmentSucceeded, EventType::UserActivated][..]
                } else {
                    &[EventType::CompanyNumberValid, EventType::UserValidationAsked]
                };
                assert_eq!(world.events(), told);
            }
        }
    }

    #[test]
    fn errors_come_in_their_stated_order() {
        let mut world = World::new();
        let absent = |register| RegisterScaUser { presence: Presence::NotPresent, ..sca(register) };
        let mut owner = joe(Category::Owner);
        assert_eq!(world.run(&absent(owner.clone())).unwrap_err(), RegisterScaUserError::ConsentMissing);
        owner.has_accepted_terms = false;
        assert_eq!(world.run(&absent(owner.clone())).unwrap_err(), RegisterUserError::TermsNotAccepted.into());
        owner.profile.person.birthday_s = None;
        assert!(matches!(world.run(&absent(owner)), Err(RegisterScaUserError::User(RegisterUserError::Wrong(_)))));
        assert!(world.events().is_empty());
    }
}
