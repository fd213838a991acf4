//! Faults that a sandbox platform asked for: what goes wrong with its next calls and webhooks. In memory: gone with the process.
//!
//! Each platform's are its own, and bounded; those that were used up are forgotten. Who looks finds nothing at the price of one
//! load as long as nobody has any.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{EventType, PlatformId};
use tokio::sync::Notify;

/// Faults of a platform that are not used up, at most.
pub const FAULTS_MAX: usize = 32;
/// Calls of a platform that are held up at once, at most.
const HELD_MAX: usize = 16;
/// Calls of all platforms that are held up at once, at most: far less than there are connections, which others need.
const HELD_IN_ALL_MAX: usize = 128;

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallFault {
    /// It is looked at only after this long, real time.
    Latency(Duration),
    /// It is answered that there were too many.
    TooMany,
    /// It is answered that the server is at fault.
    Broken,
    /// It is answered that the server is too busy.
    Busy,
    /// Its connection is cut, and nothing was done.
    DropBeforeCommit,
    /// It is done, and its connection is cut in place of an answer.
    DropAfterCommit,
}

/// What goes wrong with a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookFault {
    /// It is never sent.
    Lost,
    /// It is sent twice.
    Doubled,
    /// It is sent so much later, milliseconds of business time.
    Late(i64),
    /// It is sent behind the one that follows it.
    OutOfOrder,
}

/// Which calls a fault is for: one route, named as its dialect names it, or any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Any.
    Any,
    /// A method and a pattern of a dialect's table.
    One(&'static str, &'static str),
}

/// What a fault is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Calls.
    Call(Route, CallFault),
    /// Webhooks, of one type of event or of any.
    Webhook(Option<EventType>, WebhookFault),
}

/// A fault that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its number; no other one of this process has it.
    pub number: u64,
    /// What it is about.
    pub trouble: Trouble,
    /// So many are left alone first.
    pub after: u32,
    /// So many go wrong then.
    pub count: u32,
}

/// The platform has as many as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the platform has as many faults as it may")]
pub struct TooManyFaults;

/// Faults of all platforms.
#[derive(Debug, Default)]
pub struct Faults {
    /// How many there are in all.
    live: AtomicUsize,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    last: u64,
    platforms: BTreeMap<PlatformId, Vec<Fault>>,
    held: BTreeMap<PlatformId, (usize, Arc<Notify>)>,
    held_in_all: usize,
}

impl Faults {
    fn with<T>(&self, work: impl FnOnce(&mut Inside) -> T) -> T {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let done = work(&mut inside);
        self.live.store(inside.platforms.values().map(Vec::len).sum(), Ordering::Release);
        done
    }

    /// Has something go wrong with `count` calls or webhooks of a platform, once `after` have gone right.
    pub fn add(&self, platform: PlatformId, trouble: Trouble, after: u32, count: u32) -> Result<Fault, TooManyFaults> {
        self.with(|inside| {
            let own = inside.platforms.entry(platform).or_default();
            if own.len() >= FAULTS_MAX {
                return Err(TooManyFaults);
            }
            inside.last = inside.last.saturating_add(1);
            let fault = Fault { number: inside.last, trouble, after, count };
            own.push(fault);
            Ok(fault)
        })
    }

    /// Those of a platform that are not used up, oldest first.
    pub fn of(&self, platform: PlatformId) -> Vec<Fault> {
        self.with(|inside| inside.platforms.get(&platform).cloned().unwrap_or_default())
    }

    /// Takes one of a platform away, or all of them; calls that are held up go on. Gives how many those were.
    pub fn remove(&self, platform: PlatformId, number: Option<u64>) -> usize {
        self.with(|inside| {
            if let Some((_, held)) = inside.held.get(&platform) {
                held.notify_waiters();
            }
            let Some(own) = inside.platforms.get_mut(&platform) else { return 0 };
            let before = own.len();
            own.retain(|fault| number.is_some_and(|number| fault.number != number));
            let removed = before.saturating_sub(own.len());
            if own.is_empty() {
                inside.platforms.remove(&platform);
            }
            removed
        })
    }

    /// The platform has ended: nothing of it is kept.
    pub fn forget(&self, platform: PlatformId) {
        self.remove(platform, None);
    }

    /// What goes wrong with a call of a platform, if anything: one fault is used.
    pub fn of_call(&self, platform: PlatformId, method: &str, pattern: &str) -> Option<CallFault> {
        self.take(platform, |trouble| match trouble {
            Trouble::Call(Route::Any, fault) => Some(fault),
            Trouble::Call(Route::One(its, route), fault) => (its == method && route == pattern).then_some(fault),
            Trouble::Webhook(..) => None,
        })
    }

    /// What goes wrong with a webhook of a platform, if anything: one fault is used. To be asked once a delivery.
    pub fn of_webhook(&self, platform: PlatformId, event: EventType) -> Option<WebhookFault> {
        self.take(platform, |trouble| match trouble {
            Trouble::Webhook(of, fault) => of.is_none_or(|of| of == event).then_some(fault),
            Trouble::Call(..) => None,
        })
    }

    /// Every fault that is meant sees what passes; the first whose turn it is strikes.
    fn take<T>(&self, platform: PlatformId, meant: impl Fn(Trouble) -> Option<T>) -> Option<T> {
        if self.live.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.with(|inside| {
            let own = inside.platforms.get_mut(&platform)?;
            let mut struck = None;
            for fault in own.iter_mut() {
                let Some(what) = meant(fault.trouble) else { continue };
                if fault.after > 0 {
                    fault.after = fault.after.saturating_sub(1);
                } else if struck.is_none() {
                    fault.count = fault.count.saturating_sub(1);
                    struck = Some(what);
                }
            }
            own.retain(|fault| fault.count > 0);
            if own.is_empty() {
                inside.platforms.remove(&platform);
            }
            struck
        })
    }

    /// Holds a call of a platform up for so long, or until its faults are taken away. `false`, at once: as many are held up as
    /// may be.
    pub async fn hold(&self, platform: PlatformId, wait: Duration) -> bool {
        let Some(held) = self.enter(platform) else { return false };
        let freed = held.freed.notified();
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = freed => {}
        }
        true
    }

    fn enter(&self, platform: PlatformId) -> Option<Held<'_>> {
        self.with(|inside| {
            if inside.held_in_all >= HELD_IN_ALL_MAX {
                return None;
            }
            let (count, freed) = inside.held.entry(platform).or_default();
            if *count >= HELD_MAX {
                return None;
            }
            *count = count.saturating_add(1);
            inside.held_in_all = inside.held_in_all.saturating_add(1);
            Some(Held { faults: self, platform, freed: Arc::clone(freed) })
        })
    }
}

/// A call that is held up, until it is dropped: also when its client has gone.
struct Held<'a> {
    faults: &'a Faults,
    platform: PlatformId,
    freed: Arc<Notify>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.faults.with(|inside| {
            inside.held_in_all = inside.held_in_all.saturating_sub(1);
            if let Some((count, _)) = inside.held.get_mut(&self.platform) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    inside.held.remove(&self.platform);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use ledger::Uid;

    use super::*;

    const ME: PlatformId = PlatformId(Uid::from_bits(1));
    const OTHER: PlatformId = PlatformId(Uid::from_bits(2));
    const TRANSFERS: Route = Route::One("POST", "/transfers");

    fn call(faults: &Faults, platform: PlatformId, pattern: &str) -> Option<CallFault> {
        faults.of_call(platform, "POST", pattern)
    }

    #[test]
    fn a_fault_strikes_so_often_after_so_many_and_is_gone() {
        let faults = Faults::default();
        let added = faults.add(ME, Trouble::Call(TRANSFERS, CallFault::Busy), 1, 2).unwrap();
        assert_eq!(call(&faults, ME, "/transfers"), None, "the first is left alone");
        assert_eq!(call(&faults, ME, "/users"), None);
        assert_eq!(call(&faults, OTHER, "/transfers"), None);
        assert_eq!(call(&faults, ME, "/transfers"), Some(CallFault::Busy));
        assert_eq!(faults.of(ME), [Fault { after: 0, count: 1, ..added }]);
        assert_eq!([(); 2].map(|()| call(&faults, ME, "/transfers")), [Some(CallFault::Busy), None]);
        assert_eq!((faults.of(ME), faults.live.load(Ordering::Acquire)), (Vec::new(), 0));
    }

    #[test]
    fn one_strikes_at_a_time_the_oldest_first() {
        let faults = Faults::default();
        faults.add(ME, Trouble::Call(Route::Any, CallFault::Broken), 0, 1).unwrap();
        faults.add(ME, Trouble::Call(TRANSFERS, CallFault::TooMany), 0, 1).unwrap();
        let webhook = Trouble::Webhook(Some(EventType::PayInCreated), WebhookFault::Lost);
        faults.add(ME, webhook, 0, 1).unwrap();
        assert_eq!(faults.of_webhook(ME, EventType::PayInFailed), None);
        assert_eq!(faults.of_webhook(ME, EventType::PayInCreated), Some(WebhookFault::Lost));
        let all = [(); 3].map(|()| call(&faults, ME, "/transfers"));
        assert_eq!(all, [Some(CallFault::Broken), Some(CallFault::TooMany), None]);
    }

    #[test]
    fn what_is_used_up_or_taken_away_counts_no_more() {
        let faults = Faults::default();
        let busy = Trouble::Call(TRANSFERS, CallFault::Busy);
        let added: Vec<_> = (0..FAULTS_MAX).map(|_| faults.add(ME, busy, 0, 1).unwrap()).collect();
        assert_eq!(faults.add(ME, busy, 0, 1), Err(TooManyFaults));
        assert!(faults.add(OTHER, busy, 0, 1).is_ok(), "each platform has its own");
        call(&faults, ME, "/transfers");
        assert!(faults.add(ME, busy, 0, 1).is_ok());
        assert_eq!((faults.remove(ME, Some(added[0].number)), faults.remove(ME, Some(added[1].number))), (0, 1));
        assert_eq!((faults.remove(ME, None), faults.of(OTHER).len()), (FAULTS_MAX - 1, 1));
    }

    #[tokio::test]
    async fn calls_are_held_up_within_the_platforms_share_and_let_go() {
        let faults = Arc::new(Faults::default());
        let hold = |platform| {
            let faults = Arc::clone(&faults);
            tokio::spawn(async move { faults.hold(platform, Duration::from_secs(600)).await })
        };
        let held: Vec<_> = (0..HELD_MAX).map(|_| hold(ME)).collect();
        while faults.with(|inside| inside.held_in_all) < HELD_MAX {
            tokio::task::yield_now().await;
        }
        assert!(!faults.hold(ME, Duration::from_secs(600)).await, "no more of this platform");
        assert!(faults.hold(OTHER, Duration::ZERO).await, "of another one");
        // Whoever is about to wait is told as well: again until all have gone.
        while faults.with(|inside| inside.held_in_all) > 0 {
            faults.forget(ME);
            tokio::task::yield_now().await;
        }
        for one in held {
            assert!(one.await.unwrap());
        }
        assert!(faults.with(|inside| inside.held.is_empty()));
    }
}
