//! Who asks, for which platform, and what is remembered of it.

use ledger::Uid;

use super::Given;
use super::Timestamp;
use super::ids::{ApiKeyId, PlatformId, RequestId, UserId};

/// Who is behind a command or a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The platform's own server, by one of its API keys.
    ApiKey(ApiKeyId),
    /// A user on a hosted page.
    User(UserId),
    /// Florin itself: a job, a rail, an import.
    System,
}

impl Actor {
    /// The stored number of the kind of actor, and its id where it has one.
    #[must_use]
    pub const fn parts(self) -> (u8, Option<Uid>) {
        match self {
            Self::ApiKey(id) => (1, Some(id.0)),
            Self::User(id) => (2, Some(id.0)),
            Self::System => (3, None),
        }
    }
}

/// What travels with every command: the tenant, who acts, and which request it serves.
///
/// Everything that is read or written is read or written for `platform`; there is no way round it.
#[derive(Clone, Copy, Debug)]
pub struct Ctx {
    /// The tenant.
    pub platform: PlatformId,
    /// Who acts.
    pub actor: Actor,
    /// The request that is served, for logs and the audit trail.
    pub request: RequestId,
    /// Keyed hash of the address the request came from; zeros when it came from inside.
    pub origin: [u8; 16],
    /// The id that the object to be made is to have, where an import or a fixture names it.
    pub given_id: Option<Given>,
}

impl Ctx {
    /// The context of Florin's own work for `platform`.
    #[must_use]
    pub const fn system(platform: PlatformId, request: RequestId) -> Self {
        Self { platform, actor: Actor::System, request, origin: [0; 16], given_id: None }
    }
}

/// One line of the audit trail: who did what to which object, when, from where, and how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditLine {
    /// The tenant.
    pub platform: PlatformId,
    /// Who acted.
    pub actor: Actor,
    /// The request.
    pub request: RequestId,
    /// Keyed hash of the address.
    pub origin: [u8; 16],
    /// What was asked: the name of the command.
    pub action: &'static str,
    /// The object made or changed, once known.
    pub object: Option<Uid>,
    /// How it ended: `done`, `refused`, `invalid`.
    pub outcome: &'static str,
    /// Real time, UTC.
    pub at: Timestamp,
}
