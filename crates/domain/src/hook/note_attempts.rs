//! How attempts to tell listeners went.

use std::collections::BTreeMap;

use super::{Delivery, DeliveryState, Hook, Listeners, Told, Validity, retry_after_ms};
use crate::ids::{DeliveryId, HookId};
use crate::{Command, Desk, EventType, Needs};

/// A hook that fails this often in a row is invalid.
pub const FAILURES_MAX: u32 = 100;
/// At every so many failures in a row an event says so; the vendor writes an e-mail.
pub const FAILURES_BETWEEN_WARNINGS: u32 = 10;

/// How a delivery's turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was sent, or it was tried.
    Tried {
        /// What came of it.
        told: Told,
        /// How long it took, real time.
        took_ms: u32,
    },
    /// It was not sent, since its hook does not listen.
    Stopped,
    /// It was not sent and never is, by order of whoever tries what happens then.
    Lost,
    /// It was not sent, and is due this much later, business time.
    PutOff {
        /// By how much.
        by_ms: i64,
    },
}

/// How the turn of one delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptNote {
    /// Which one.
    pub delivery: DeliveryId,
    /// Who was told.
    pub hook: HookId,
    /// How often it had been tried before: if it is more by now, somebody else has noted this turn or a later one.
    pub attempts: u32,
    /// How it ended.
    pub ended: Ended,
}

/// Stores how attempts went, in the order in which they ended. Noting one twice notes it once.
///
/// It is no act of anybody's, and has no line in the audit trail; what becomes of hooks is told as an event.
#[derive(Clone, Debug)]
pub struct NoteAttempts {
    /// The attempts.
    pub notes: Vec<AttemptNote>,
}

impl Command for NoteAttempts {
    /// The deliveries that are still to be sent, as they stand now.
    type Outcome = Vec<Delivery>;
    type Error = std::convert::Infallible;
    const NAME: &'static str = "deliveries.note";

    fn needs(&self, need: &mut Needs<'_>) {
        for note in &self.notes {
            need.delivery(note.delivery);
            need.record::<Hook>(note.hook);
        }
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Vec<Delivery>, Self::Error> {
        desk.note_nothing();
        let now = desk.now();
        let mut hooks: BTreeMap<HookId, Option<Hook>> = BTreeMap::new();
        let mut open = Vec::new();
        for note in &self.notes {
            let known = hooks.entry(note.hook).or_insert_with(|| desk.find::<Hook>(note.hook).map(|hook| Hook::clone(&hook)));
            let Some(mut delivery) = desk.delivery(note.delivery) else { continue };
            if delivery.state != DeliveryState::Pending || delivery.attempts != note.attempts || delivery.hook != note.hook {
                continue;
            }
            match note.ended {
                Ended::Tried { told, took_ms } => {
                    let failures = known.as_mut().map(|hook| note_result(hook, told)).unwrap_or_default();
                    delivery.attempts = delivery.attempts.saturating_add(1);
                    (delivery.tried_at, delivery.told, delivery.took_ms) = (Some(now), Some(told), Some(took_ms));
                    (delivery.state, delivery.due_at) = match retry_after_ms(delivery.attempts) {
                        _ if told.is_success() => (DeliveryState::Delivered, None),
                        Some(later_ms) => (DeliveryState::Pending, Some(now.plus_ms(later_ms))),
                        None => (DeliveryState::Failed, None),
                    };
                    if failures > 0 && failures < FAILURES_MAX && failures.checked_rem(FAILURES_BETWEEN_WARNINGS) == Some(0) {
                        desk.emit(EventType::HookFailing, note.hook);
                    }
                    if failures == FAILURES_MAX {
                        desk.emit(EventType::HookBecameInvalid, note.hook);
                    }
                }
                Ended::Stopped => (delivery.state, delivery.due_at) = (DeliveryState::Stopped, None),
                Ended::Lost => (delivery.state, delivery.due_at) = (DeliveryState::Lost, None),
                Ended::PutOff { by_ms } => delivery.due_at = Some(now.plus_ms(by_ms.max(0))),
            }
            desk.put_delivery(delivery);
            if delivery.due_at.is_some() {
                open.push(delivery);
            }
        }
        for (id, hook) in hooks {
            let Some(record) = desk.find_record::<Hook>(id) else { continue };
            let (Some(old), Some(hook)) = (record.body::<Hook>(), hook) else { continue };
            if *old == hook {
                continue;
            }
            if old.is_live() != hook.is_live() {
                Listeners::note(desk, id, &hook);
            }
            desk.update(&record, hook);
        }
        Ok(open)
    }
}

/// Counts a result, and gives how many failures in a row that makes; zero after a success, and for a hook that is invalid already.
fn note_result(hook: &mut Hook, told: Told) -> u32 {
    if told.is_success() {
        hook.failures = 0;
        return 0;
    }
    if hook.validity == Validity::Invalid {
        return 0;
    }
    hook.failures = hook.failures.saturating_add(1);
    if hook.failures >= FAILURES_MAX {
        hook.validity = Validity::Invalid;
    }
    hook.failures
}
