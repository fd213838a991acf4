//! The port to what listeners are to be told: read by whoever sends it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::hook::{Delivery, DeliveryState, Hook, SigningKey};
use domain::ids::{DeliveryId, HookId};
use domain::platform::Platform;
use domain::{Books, PlatformId, Resource, Slot, Timestamp};
use ledger::Uid;
use tokio::sync::Notify;

use crate::reads::ReadFuture;

/// A hook that has something due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueHook {
    /// The tenant.
    pub platform: PlatformId,
    /// Which one.
    pub hook: HookId,
    /// Since when, the platform's business time.
    pub due_at: Timestamp,
    /// The platform's business time now: what is due until then is due.
    pub until: Timestamp,
}

/// Which deliveries are wanted. What is `None` narrows nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// Only those of events that happened to this.
    pub subject: Option<Uid>,
    /// Only those that stand like this.
    pub state: Option<DeliveryState>,
    /// Only those of this hook.
    pub hook: Option<HookId>,
    /// Only those of events before this one.
    pub before: Option<DeliveryId>,
}

/// Some deliveries, newest event first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryPage {
    /// They.
    pub rows: Vec<Delivery>,
    /// Where to go on ([`DeliveryFilter::before`]); `None` at the end.
    pub next: Option<DeliveryId>,
}

/// Deliveries looked through for one page at most, so that a filter that little comes through has an end.
pub const LOOKED_THROUGH_MAX: u32 = 10_000;

/// What is stored of deliveries. Every method but [`Deliveries::due_hooks`] and [`Deliveries::take_turns`] names the tenant; what
/// belongs to another one is not there.
pub trait Deliveries: Send + Sync {
    /// A delivery.
    fn delivery(&self, platform: PlatformId, id: DeliveryId) -> ReadFuture<'_, Option<Delivery>>;

    /// Some deliveries, at most `size`, newest event first.
    fn deliveries(&self, platform: PlatformId, filter: DeliveryFilter, size: u32) -> ReadFuture<'_, DeliveryPage>;

    /// The earliest business time after `after` at which something becomes due.
    fn next_due(&self, platform: PlatformId, after: Timestamp) -> ReadFuture<'_, Option<Timestamp>>;

    /// Hooks that have something due at their platform's business time, which `now`, real time, makes: at most `limit` of them, in
    /// one order over all platforms, behind `after`. Platforms that have ended have none.
    fn due_hooks(&self, now: Timestamp, after: Option<(PlatformId, HookId)>, limit: u32) -> ReadFuture<'_, Vec<DueHook>>;

    /// Hooks of a platform that have something due at `until`, business time: at most `limit` of them, behind `after`.
    fn due_hooks_of(&self, platform: PlatformId, until: Timestamp, after: Option<HookId>, limit: u32) -> ReadFuture<'_, Vec<DueHook>>;

    /// What of a hook is due at `until`, business time: at most `limit`, what is due first first.
    fn due(&self, platform: PlatformId, hook: HookId, until: Timestamp, limit: u32) -> ReadFuture<'_, Vec<Delivery>>;

    /// Which of the platforms `holder` may deliver for from now on, for `lease_ms` of real time: those that it may already, and those
    /// that nobody else has taken.
    fn take_turns(&self, holder: Uid, platforms: Vec<PlatformId>, now: Timestamp, lease_ms: i64) -> ReadFuture<'_, Vec<PlatformId>>;

    /// Lets others deliver for whatever `holder` has taken.
    fn give_turns_back(&self, holder: Uid) -> ReadFuture<'_, ()>;
}

/// Deliveries that were only just stored and that nobody has fetched: more are found in the store.
const FRESH_MAX: usize = 16_384;

/// What commits have made to be sent, handed over in memory so that nobody has to look for it. Nothing relies on it: whatever is
/// not fetched here is found by whoever looks for what is due.
#[derive(Debug, Default)]
pub struct Fresh {
    changes: AtomicU64,
    state: Mutex<State>,
    woken: Notify,
}

#[derive(Debug, Default)]
struct State {
    is_wanted: bool,
    rows: VecDeque<Delivery>,
    is_cut: bool,
}

/// What one commit has made that listeners are told of.
#[derive(Debug, Default)]
pub(crate) struct Made {
    has_changed: bool,
    rows: Vec<Delivery>,
}

/// What was handed over.
#[derive(Debug, Default)]
pub struct Handed {
    /// In the order of the commits.
    pub rows: VecDeque<Delivery>,
    /// Whether there were more, which are in the store alone.
    pub is_cut: bool,
}

impl Fresh {
    /// Asks for what is stored from now on.
    pub fn want(&self) {
        self.lock().is_wanted = true;
    }

    /// Rises whenever this server has changed a hook, a key that is signed with, or a platform.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Takes what there is.
    pub fn take(&self) -> Handed {
        let mut state = self.lock();
        Handed { rows: std::mem::take(&mut state.rows), is_cut: std::mem::take(&mut state.is_cut) }
    }

    /// Waits until there may be something. To be awaited by one task only.
    pub async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Has whoever waits look.
    pub fn wake(&self) {
        self.woken.notify_one();
    }

    /// What a commit has made, to be handed over once it is durable.
    pub(crate) fn gather(&self, books: &Books) -> Made {
        let told_of = [Hook::KIND.number, SigningKey::KIND.number, Platform::KIND.number];
        let has_changed = books.records.touched().filter_map(Slot::row).any(|record| told_of.contains(&record.kind.number));
        let mut made = books.deliveries.touched().peekable();
        if made.peek().is_none() || !self.lock().is_wanted {
            return Made { has_changed, rows: Vec::new() };
        }
        let new = made.filter_map(|slot| if let Slot::New(delivery) = slot { Some(*delivery) } else { None });
        Made { has_changed, rows: new.collect() }
    }

    /// Hands over what a commit has made.
    pub(crate) fn hand(&self, made: Made) {
        if made.has_changed {
            self.changes.fetch_add(1, Ordering::AcqRel);
        }
        if made.rows.is_empty() {
            return;
        }
        let mut state = self.lock();
        let room = FRESH_MAX.saturating_sub(state.rows.len());
        state.is_cut |= made.rows.len() > room;
        state.rows.extend(made.rows.into_iter().take(room));
        drop(state);
        self.wake();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
