//! Fresh ids: UUIDs of version 7.

use std::sync::Arc;

use domain::Ids;
use ledger::Uid;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::Clock;

/// UUIDs of version 7: 48 bits of milliseconds, then 74 bits that are random for the first id of a
/// millisecond and rise from there, so that ids of one generator rise strictly.
pub struct UuidIds {
    clock: Arc<dyn Clock>,
    random: SmallRng,
    last_ms: u64,
    tail: u128,
}

const TAIL_BITS: u32 = 74;
const VARIANT_BITS: u32 = 62;
/// Ids of one millisecond rise by up to this much, so that their number cannot be read off.
const STEP_MASK: u64 = 0xffff;

impl UuidIds {
    /// A generator over `clock`. The same seed and times give the same ids.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, seed: u64) -> Self {
        Self { clock, random: SmallRng::seed_from_u64(seed), last_ms: 0, tail: 0 }
    }

    /// The generator, made to give only ids greater than `id`, whatever the clock says.
    #[must_use]
    pub fn after(mut self, id: Uid) -> Self {
        let millisecond = u64::try_from(id.bits() >> 80).unwrap_or(0);
        self.last_ms = self.last_ms.max(millisecond.saturating_add(1));
        self
    }
}

impl Ids for UuidIds {
    fn fresh(&mut self) -> Uid {
        let now_ms = u64::try_from(self.clock.now().ms()).unwrap_or(0);
        if now_ms > self.last_ms {
            self.last_ms = now_ms;
            let random = (u128::from(self.random.next_u64()) << 64) | u128::from(self.random.next_u64());
            // The top bit stays clear, so that the millisecond has room to count on.
            self.tail = random >> (128 - TAIL_BITS + 1);
        } else {
            let step = u128::from((self.random.next_u64() & STEP_MASK) | 1);
            self.tail = self.tail.saturating_add(step);
            if self.tail >> TAIL_BITS != 0 {
                self.last_ms = self.last_ms.saturating_add(1);
                self.tail = step;
            }
        }
        let high = self.tail >> VARIANT_BITS;
        let low = self.tail & ((1 << VARIANT_BITS) - 1);
        let bits = (u128::from(self.last_ms) << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low;
        Uid::from_bits(bits)
    }
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;

    struct Stopped(i64);

    impl Clock for Stopped {
        fn now(&self) -> Timestamp {
            Timestamp::from_ms(self.0)
        }
    }

    #[test]
    fn ids_rise_within_a_millisecond_and_say_their_version() {
        let mut ids = UuidIds::new(Arc::new(Stopped(1_700_000_000_123)), 7);
        let mut last = Uid::from_bits(0);
        for _ in 0..100_000 {
            let id = ids.fresh();
            assert!(id > last);
            assert_eq!((id.bits() >> 76) & 0xf, 7);
            assert_eq!((id.bits() >> 62) & 0b11, 0b10);
            assert_eq!((id.bits() >> 80) as i64, 1_700_000_000_123);
            last = id;
        }
    }

    #[test]
    fn a_clock_that_steps_back_does_not_make_ids_fall() {
        let mut ids = UuidIds::new(Arc::new(Stopped(5)), 7);
        ids.last_ms = 9;
        let (one, two) = (ids.fresh(), ids.fresh());
        assert!(one < two && (one.bits() >> 80) == 9);
    }

    #[test]
    fn a_seed_repeats() {
        let make = || {
            (0..5).map(|_| ()).fold((UuidIds::new(Arc::new(Stopped(5)), 7), vec![]), |(mut ids, mut seen), ()| {
                seen.push(ids.fresh());
                (ids, seen)
            })
        };
        assert_eq!(make().1, make().1);
    }
}
