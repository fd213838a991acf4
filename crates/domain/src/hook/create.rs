//! Making a hook.

use super::{Hook, HookStatus, Listeners, Target, TargetError, Validity, forbidden};
use crate::ids::HookId;
use crate::{Command, Desk, EventType, Needs, ObjectKind, Record, Secret};

/// Has a platform told of a type of event from now on. What happened before is not told.
#[derive(Clone, Debug)]
pub struct CreateHook {
    /// Of which events.
    pub event: EventType,
    /// Where.
    pub url: Secret<String>,
    /// Whether it is switched on.
    pub status: HookStatus,
    /// Whom the vendor would write to.
    pub email: Option<Secret<String>>,
    /// The platform's note.
    pub tag: Option<Secret<String>>,
}

/// Why a hook was not made. The first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateHookError {
    /// The platform may not have itself told there.
    #[error("the target is not allowed: {0}")]
    Target(#[from] TargetError),
    /// Of these nobody is told by a hook.
    #[error("there are no hooks for events of this type")]
    NotForHooks,
    /// There is one of that type, live or not.
    #[error("there is a hook for events of this type")]
    Registered,
}

impl Command for CreateHook {
    type Outcome = Record;
    type Error = CreateHookError;
    const NAME: &'static str = "hook.create";

    fn needs(&self, need: &mut Needs<'_>) {
        need.own_record::<Listeners>();
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Record, CreateHookError> {
        let id = desk.ctx().platform;
        let (platform, listeners) = (desk.platform(), desk.find::<Listeners>(id));
        let target = Target::parse(self.url.expose())?;
        if let Some(why) = platform.and_then(|platform| forbidden(&platform, &target)) {
            return Err(CreateHookError::Target(why));
        }
        if !self.event.is_for_hooks() {
            return Err(CreateHookError::NotForHooks);
        }
        if listeners.is_some_and(|listeners| listeners.of(self.event).is_some()) {
            return Err(CreateHookError::Registered);
        }
        let hook = Hook {
            event: self.event,
            url: self.url.clone(),
            status: self.status,
            validity: Validity::Valid,
            failures: 0,
            email: self.email.clone(),
            tag: self.tag.clone(),
        };
        let id: HookId = desk.fresh_object(ObjectKind::Hook);
        Listeners::note(desk, id, &hook);
        let record = desk.insert(id, hook);
        desk.label(&record, &self.event.number().to_string());
        Ok(record)
    }
}
