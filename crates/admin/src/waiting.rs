//! Who is made to wait here: each waits on a connection of its own, so they are counted, a platform and in all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::PlatformId;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

/// Of one platform at most.
const OF_A_PLATFORM_MAX: usize = 16;
/// In all at most: far less than there are connections ([`edge::CONNECTIONS_MAX`]), which others need.
const IN_ALL_MAX: usize = 256;

/// Counts who waits, and gives the clock of a platform to one at a time.
#[derive(Debug, Default)]
pub struct Waiting(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    in_all: usize,
    platforms: BTreeMap<PlatformId, Platform>,
}

#[derive(Debug, Default)]
struct Platform {
    count: usize,
    clock: Arc<Turn<()>>,
}

/// A place among those who wait, until it is dropped.
#[derive(Debug)]
pub struct Place {
    waiting: Arc<Mutex<Inside>>,
    platform: PlatformId,
    clock: Arc<Turn<()>>,
}

impl Waiting {
    /// A place, if there is one.
    pub fn enter(&self, platform: PlatformId) -> Option<Place> {
        let mut inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inside.in_all >= IN_ALL_MAX {
            return None;
        }
        let own = inside.platforms.entry(platform).or_default();
        if own.count >= OF_A_PLATFORM_MAX {
            return None;
        }
        own.count = own.count.saturating_add(1);
        let clock = Arc::clone(&own.clock);
        inside.in_all = inside.in_all.saturating_add(1);
        Some(Place { waiting: Arc::clone(&self.0), platform, clock })
    }
}

impl Place {
    /// Waits until nobody else turns the platform's clock here.
    pub async fn clock(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.clock).lock_owned().await
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        inside.in_all = inside.in_all.saturating_sub(1);
        if let Some(own) = inside.platforms.get_mut(&self.platform) {
            own.count = own.count.saturating_sub(1);
            if own.count == 0 {
                inside.platforms.remove(&self.platform);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger::Uid;

    use super::*;

    #[test]
    fn places_are_bounded_for_each_platform_and_in_all_and_come_back() {
        let waiting = Waiting::default();
        let enter = |bits: u128| waiting.enter(PlatformId(Uid::from_bits(bits)));
        let of_one: Vec<_> = (0..OF_A_PLATFORM_MAX).map(|_| enter(0).unwrap()).collect();
        assert!(enter(0).is_none());
        let mut others: Vec<_> = (0..IN_ALL_MAX - OF_A_PLATFORM_MAX).map(|place| enter(1 + place as u128 / 16).unwrap()).collect();
        assert!(enter(999).is_none());
        drop(of_one);
        others.push(enter(999).unwrap());
        drop(others);
        assert!(waiting.0.lock().unwrap().platforms.is_empty() && waiting.0.lock().unwrap().in_all == 0);
    }
}
