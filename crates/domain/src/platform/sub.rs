//! Platforms that a platform makes for its tests, and ends.

use ledger::Uid;
use serde::{Deserialize, Serialize};

use super::{CreatePlatformError, CreateSeeded, Environment, Platform, Seeded};
use crate::ids::PlatformId;
use crate::{AuditLine, Command, Desk, DirectoryKey, Kind, Needs, Record, Resource, Sealing, Space, Timestamp};

/// Platforms that one platform may have made and not ended.
pub const SUB_PLATFORMS_MAX: u32 = 10_000;

/// A platform that this one made; it has that platform's id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubPlatform {
    /// The name that it calls itself by on the wire.
    pub client_id: String,
    /// When it was made, real time.
    pub made_at: Timestamp,
    /// When it was ended, real time.
    pub ended_at: Option<Timestamp>,
}

impl Resource for SubPlatform {
    const KIND: &'static Kind = &Kind::of::<Self>(22, "sub_platform", 1, Sealing::Plain);
    type Id = PlatformId;

    fn owner(&self) -> Option<Uid> {
        None
    }

    fn status(&self) -> &'static str {
        if self.ended_at.is_some() { "ended" } else { "alive" }
    }
}

/// How many platforms this one has made and not ended; it has the platform's own id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubPlatformTally {
    /// Those.
    pub alive: u32,
}

impl Resource for SubPlatformTally {
    const KIND: &'static Kind = &Kind::of::<Self>(23, "sub_platform_tally", 1, Sealing::Plain);
    type Id = PlatformId;

    fn owner(&self) -> Option<Uid> {
        None
    }

    fn status(&self) -> &'static str {
        "counted"
    }
}

/// Makes a platform for tests: another sandbox, that the tenant may end.
#[derive(Clone, Debug)]
pub struct CreateSubPlatform {
    /// Its id, that nobody has.
    pub id: PlatformId,
    /// What it is to be.
    pub seeded: CreateSeeded,
}

/// Why a platform was not made. The first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateSubPlatformError {
    /// The tenant was itself made by another platform.
    #[error("a platform that was made by another one makes none")]
    NotARoot,
    /// The tenant is for real money.
    #[error("only a sandbox makes platforms")]
    NotASandbox,
    /// As many of its platforms are alive as may be.
    #[error("{SUB_PLATFORMS_MAX} platforms that this one made are alive")]
    TooMany,
    /// There is a platform of that name, alive or ended.
    #[error("a platform with this id exists")]
    Exists,
}

impl Command for CreateSubPlatform {
    type Outcome = Seeded;
    type Error = CreateSubPlatformError;
    const NAME: &'static str = "sub_platform.create";

    fn needs(&self, need: &mut Needs<'_>) {
        need.platform(self.id);
        need.directory(DirectoryKey { space: Space::ClientId, text: self.seeded.create.client_id.as_str().into() });
        need.platform_tally();
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Seeded, CreateSubPlatformError> {
        let root = desk.ctx().platform;
        let tally = desk.find_record::<SubPlatformTally>(root);
        let tenant = desk.platform();
        if tenant.as_ref().is_some_and(|tenant| tenant.parent.is_some()) {
            return Err(CreateSubPlatformError::NotARoot);
        }
        if tenant.is_none_or(|tenant| tenant.environment != Environment::Sandbox) {
            return Err(CreateSubPlatformError::NotASandbox);
        }
        let alive = tally.as_ref().and_then(Record::body::<SubPlatformTally>).map_or(0, |tally| tally.alive);
        if alive >= SUB_PLATFORMS_MAX {
            return Err(CreateSubPlatformError::TooMany);
        }
        let seeded = match desk.making(self.id, |desk| self.seeded.decide(desk)) {
            Some(Ok(seeded)) => seeded,
            Some(Err(CreatePlatformError::Exists)) | None => return Err(CreateSubPlatformError::Exists),
        };
        desk.note_object(self.id);
        let made_at = desk.real_now();
        desk.insert(self.id, SubPlatform { client_id: self.seeded.create.client_id.clone(), made_at, ended_at: None });
        count(desk, tally.as_ref(), alive.saturating_add(1));
        desk.note_done::<Self>(Some(self.id.0));
        Ok(seeded)
    }
}

fn count(desk: &mut Desk<'_>, tally: Option<&Record>, alive: u32) {
    let root = desk.ctx().platform;
    match tally {
        Some(record) => drop(desk.update(record, SubPlatformTally { alive })),
        None => drop(desk.insert(root, SubPlatformTally { alive })),
    }
}

/// Ends a platform that the tenant made: its keys, tokens and pages stop, and what it was to do is not done. Its ledger and
/// audit trail stay. Asked again it changes nothing.
#[derive(Clone, Debug)]
pub struct EndSubPlatform {
    /// The name that it calls itself by on the wire.
    pub client_id: String,
}

/// Why a platform was not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndSubPlatformError {
    /// The tenant made no platform of that name.
    #[error("there is no such platform")]
    NotFound,
}

/// A platform that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedPlatform {
    /// Which.
    pub id: PlatformId,
    /// What is kept of it.
    pub sub: SubPlatform,
}

impl Command for EndSubPlatform {
    type Outcome = EndedPlatform;
    type Error = EndSubPlatformError;
    const NAME: &'static str = "sub_platform.end";

    fn needs(&self, need: &mut Needs<'_>) {
        need.directory(DirectoryKey { space: Space::ClientId, text: self.client_id.as_str().into() });
        need.platform_tally();
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<EndedPlatform, EndSubPlatformError> {
        let root = desk.ctx().platform;
        let tally = desk.find_record::<SubPlatformTally>(root);
        let name = DirectoryKey { space: Space::ClientId, text: self.client_id.as_str().into() };
        let id = desk.directory(&name).map(|row| row.platform).ok_or(EndSubPlatformError::NotFound)?;
        let record = desk.find_record::<SubPlatform>(id).ok_or(EndSubPlatformError::NotFound)?;
        let sub = record.body::<SubPlatform>().ok_or(EndSubPlatformError::NotFound)?;
        desk.note_object(id);
        if sub.ended_at.is_some() {
            return Ok(EndedPlatform { id, sub: SubPlatform::clone(&sub) });
        }
        let now = desk.real_now();
        desk.within(id, |desk| {
            let Some(found) = desk.find_record::<Platform>(id) else { return };
            let Some(body) = found.body::<Platform>() else { return };
            desk.update(&found, Platform { ended_at: Some(now), ..Platform::clone(&body) });
            desk.note_done::<Self>(Some(id.0));
        });
        let sub = SubPlatform { ended_at: Some(now), ..SubPlatform::clone(&sub) };
        desk.update(&record, sub.clone());
        let alive = tally.as_ref().and_then(Record::body::<SubPlatformTally>).map_or(0, |tally| tally.alive);
        count(desk, tally.as_ref(), alive.saturating_sub(1));
        desk.note_done::<Self>(Some(id.0));
        Ok(EndedPlatform { id, sub })
    }
}

impl Needs<'_> {
    fn platform_tally(&mut self) {
        self.record::<SubPlatformTally>(self.tenant());
    }
}

impl Desk<'_> {
    /// Writes the line of the audit trail that says a command was done here. Commands that do something for several
    /// tenants, or several things, write theirs so.
    pub(crate) fn note_done<C: Command>(&mut self, object: Option<Uid>) {
        let (ctx, at) = (self.ctx(), self.real_now());
        let line = AuditLine {
            platform: ctx.platform,
            actor: ctx.actor,
            request: ctx.request,
            origin: ctx.origin,
            action: C::NAME,
            object,
            outcome: "done",
            at,
        };
        self.note_line(line);
    }
}
