//! The memory for bodies that all connections share, and how much of it one platform may have.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::PlatformId;

/// A platform holds at most this many times what is then left for others: alone, two thirds of all; of two that take
/// what they can, each two fifths. Something is always left for one that comes later.
const TIMES_LEFT: usize = 2;

/// Bytes of bodies that may be in memory, for all connections together.
pub(crate) struct Memory(Mutex<State>);

struct State {
    left: usize,
    held: BTreeMap<PlatformId, usize>,
}

impl Memory {
    pub const fn new(bytes: usize) -> Self {
        Self(Mutex::new(State { left: bytes, held: BTreeMap::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, platform: PlatformId, bytes: usize) -> bool {
        let mut state = self.lock();
        let Some(left) = state.left.checked_sub(bytes) else { return false };
        let held = state.held.get(&platform).copied().unwrap_or(0).saturating_add(bytes);
        if held > left.saturating_mul(TIMES_LEFT) {
            return false;
        }
        state.left = left;
        state.held.insert(platform, held);
        true
    }

    fn give_back(&self, platform: PlatformId, bytes: usize) {
        let mut state = self.lock();
        state.left = state.left.saturating_add(bytes);
        if let Some(held) = state.held.get_mut(&platform) {
            *held = held.saturating_sub(bytes);
            if *held == 0 {
                state.held.remove(&platform);
            }
        }
    }
}

/// What one request holds of the memory. Given back when dropped.
pub(crate) struct Held {
    memory: Arc<Memory>,
    platform: PlatformId,
    bytes: usize,
}

impl Held {
    pub const fn nothing(memory: Arc<Memory>, platform: PlatformId) -> Self {
        Self { memory, platform, bytes: 0 }
    }

    /// Takes more; `false` if the platform may not have so much, or nobody, now.
    pub fn take(&mut self, bytes: usize) -> bool {
        let is_taken = self.memory.take(self.platform, bytes);
        if is_taken {
            self.bytes = self.bytes.saturating_add(bytes);
        }
        is_taken
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.memory.give_back(self.platform, self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger::Uid;

    use super::*;

    const fn platform(number: u128) -> PlatformId {
        PlatformId(Uid::from_bits(number))
    }

    #[test]
    fn a_platform_takes_no_more_than_twice_what_it_leaves() {
        let memory = Arc::new(Memory::new(90));
        let held = |number| Held::nothing(Arc::clone(&memory), platform(number));
        let (mut greedy, mut greedy_too) = (held(1), held(1));
        assert!(greedy.take(40) && greedy_too.take(20));
        assert!(!greedy.take(1) && !greedy_too.take(1), "two thirds is all that one platform gets, over however many requests");
        let mut late = held(2);
        assert!(late.take(20) && !late.take(1));
        let mut latest = held(3);
        assert!(latest.take(6) && !latest.take(1));
        drop(greedy);
        assert!(late.take(1) && greedy_too.take(1), "what was given back is there for all");
        drop((greedy_too, late, latest));
        assert!(held(4).take(60));
        assert!(memory.lock().held.is_empty(), "who holds nothing is not remembered");
    }

    #[test]
    fn what_could_not_be_taken_is_not_counted() {
        let memory = Arc::new(Memory::new(9));
        let mut held = Held::nothing(Arc::clone(&memory), platform(1));
        assert!(!held.take(10) && !held.take(usize::MAX) && held.take(6) && !held.take(1));
        drop(held);
        assert_eq!(memory.lock().left, 9);
    }
}
