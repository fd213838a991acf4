//! Who listens: one record a platform, looked into by every event of a platform that has hooks.

use ledger::Uid;
use serde::{Deserialize, Serialize};

use super::{Hook, event_number};
use crate::ids::HookId;
use crate::platform::Platform;
use crate::{Desk, EventType, Kind, PlatformId, Resource, Sealing};

/// A hook, as far as events have to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Of which events it is.
    #[serde(with = "event_number")]
    pub event: EventType,
    /// Which one.
    pub hook: HookId,
    /// Whether it is to be told.
    pub is_live: bool,
}

/// Every hook of a platform; it has the platform's own id. Whoever makes or changes a hook changes this too, so that two
/// who make one of the same type at once meet here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Listeners(
    /// In the order they were made; at most one a type of event.
    pub Vec<Listener>,
);

impl Resource for Listeners {
    const KIND: &'static Kind = &Kind::of::<Self>(61, "listeners", 1, Sealing::Plain);
    type Id = PlatformId;

    fn owner(&self) -> Option<Uid> {
        None
    }

    fn status(&self) -> &'static str {
        "kept"
    }
}

impl Listeners {
    /// The hook of a type of event, live or not.
    #[must_use]
    pub fn of(&self, event: EventType) -> Option<&Listener> {
        self.0.iter().find(|listener| listener.event == event)
    }

    /// Notes how a hook stands, and on the platform whether any is to be told: one that has none is spared the look.
    pub(super) fn note(desk: &mut Desk<'_>, id: HookId, hook: &Hook) {
        let platform_id = desk.ctx().platform;
        let (record, platform) = (desk.find_record::<Self>(platform_id), desk.find_record::<Platform>(platform_id));
        let old = record.as_ref().and_then(crate::Record::body::<Self>).unwrap_or_default();
        let listener = Listener { event: hook.event, hook: id, is_live: hook.is_live() };
        let mut listeners = Self::clone(&old);
        match listeners.0.iter_mut().find(|known| known.hook == id) {
            Some(known) => *known = listener,
            None => listeners.0.push(listener),
        }
        let has_listeners = listeners.0.iter().any(|listener| listener.is_live);
        if *old != listeners {
            match &record {
                Some(record) => desk.update(record, listeners),
                None => desk.insert(platform_id, listeners),
            };
        }
        let Some((record, body)) = platform.and_then(|record| record.body::<Platform>().map(|body| (record, body))) else { return };
        if body.has_listeners != has_listeners {
            desk.update(&record, Platform { has_listeners, ..Platform::clone(&body) });
        }
    }
}
