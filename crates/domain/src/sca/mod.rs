//! Strong customer authentication: sessions in which a user shows who they are.
//!
//! There is one purpose so far, enrolment: an owner who was registered through [`RegisterScaUser`] waits until the
//! session is completed. Consents, and sessions for payments and recipients, are not here yet.

mod complete;
mod end;
mod expire;
pub mod magic;
mod register;

pub use complete::{CompleteScaSession, CompleteScaSessionError};
pub use end::{EndScaSession, EndScaSessionError, ScaEnd};
pub use expire::ExpireScaSession;
pub use register::{Presence, RegisterScaUser, RegisterScaUserError, ScaUserView};

use ledger::Uid;
use serde::{Deserialize, Serialize};

use crate::ids::ScaSessionId;
use crate::platform::digest_matches;
use crate::{Desk, EventType, Kind, Resource, Sealing, Timestamp, UserId};

/// How long a session's link may be opened. Source: reference, people part, 5.1.
pub const SESSION_PERIOD_MS: i64 = 10 * 60_000;

/// So many wrong codes end a session.
pub const TRIES_MAX: u8 = 5;

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScaPurpose {
    /// A new owner shows who they are for the first time.
    Enrollment,
}

/// Where a session stands. All but the first are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScaStatus {
    /// Nothing is shown yet.
    Pending,
    /// The user has shown who they are.
    Succeeded,
    /// Too many codes were wrong.
    Failed,
    /// The user has let its time pass.
    Expired,
}

/// A session in which a user shows who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScaSession {
    /// Whose it is.
    pub user: UserId,
    /// What it is for.
    pub purpose: ScaPurpose,
    /// SHA-256 of the secret in the link of its page; the secret itself is not stored.
    pub secret_digest: [u8; 32],
    /// When it was opened, business time.
    pub opened_at: Timestamp,
    /// From when on its link leads nowhere, business time.
    pub expires_at: Timestamp,
    /// Wrong codes so far.
    pub tries: u8,
    /// Where it stands.
    pub status: ScaStatus,
}

impl ScaSession {
    /// A session for a user's enrolment, opened now.
    pub(crate) const fn of_enrollment(user: UserId, secret_digest: [u8; 32], now: Timestamp) -> Self {
        Self {
            user,
            purpose: ScaPurpose::Enrollment,
            secret_digest,
            opened_at: now,
            expires_at: now.plus_ms(SESSION_PERIOD_MS),
            tries: 0,
            status: ScaStatus::Pending,
        }
    }

    /// Whether a code may still be given, but for the time.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.status == ScaStatus::Pending
    }

    /// Whether its link leads nowhere any more.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// Whether a secret with this digest is the one in its link.
    #[must_use]
    pub fn opens_with(&self, digest: &[u8; 32]) -> bool {
        digest_matches(&self.secret_digest, digest)
    }
}

impl Resource for ScaSession {
    const KIND: &'static Kind = &Kind::of::<Self>(50, "sca_session", 1, Sealing::Owner);
    type Id = ScaSessionId;

    fn owner(&self) -> Option<Uid> {
        Some(self.user.0)
    }

    fn status(&self) -> &'static str {
        match self.status {
            ScaStatus::Pending => "pending",
            ScaStatus::Succeeded => "succeeded",
            ScaStatus::Failed => "failed",
            ScaStatus::Expired => "expired",
        }
    }
}

impl Desk<'_> {
    /// Tells how a session ended, if it has.
    fn tell_end(&mut self, session: &ScaSession) {
        match session.status {
            ScaStatus::Pending => {}
            ScaStatus::Succeeded => self.emit(EventType::ScaEnrollmentSucceeded, session.user),
            ScaStatus::Failed => self.emit(EventType::ScaEnrollmentFailed, session.user),
            ScaStatus::Expired => self.emit(EventType::ScaEnrollmentExpired, session.user),
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::{Presence, RegisterScaUser, ScaSession};
    use crate::UserId;
    use crate::core::workbench::World;
    use crate::ids::ScaSessionId;
    use crate::user::{Category, RegisterUser};

    pub fn sca(register: RegisterUser) -> RegisterScaUser {
        RegisterScaUser { register, presence: Presence::Present, secret_digest: [7; 32] }
    }

    /// A world with an owner who waits, and the session.
    pub fn waiting() -> (World, UserId, ScaSessionId) {
        let mut world = World::new();
        let made = world.run(&sca(crate::user::testing::joe(Category::Owner))).unwrap();
        let session = made.session.unwrap();
        let user = session.body::<ScaSession>().unwrap().user;
        (world, user, ScaSessionId(session.lead.id))
    }
}
