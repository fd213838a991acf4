//! Ids and chance that are the same whenever the same is asked: for sandboxes whose runs are to be repeated.
//!
//! Everything is a function (HMAC-SHA256) of the seed, the number of the start it is drawn in, what it is for, whose it is,
//! and how many such there were before. So the third user of a platform has the same id and the fifth token the same text
//! whatever other platforms, or other kinds of things, had drawn meanwhile. The one exception are the ids of entries and
//! events ([`Ids::fresh`]): stores follow those in their order, so they come from one sequence.
//!
//! Two starts never draw the same: each has a number of its own, which the data keeps, and the ids of the later one are
//! greater. Nothing of this is secret from whoever knows the seed.

use std::sync::{Arc, Mutex, PoisonError};

use domain::{Ids, PlatformId};
use hmac::{Hmac, KeyInit, Mac};
use ledger::Uid;
use rustc_hash::FxHashMap;
use sha2::Sha256;

use crate::chance::{Chance, Draw, NoChance, Times};

const KEY_BYTES: usize = 32;
/// Bits of an id, behind its millisecond, that count; past that the millisecond does.
const COUNT_BITS: u32 = 26;
/// Bits of an id that tell sequences apart.
const HASH_BITS: u32 = 48;
const VARIANT_BITS: u32 = 62;

/// Milliseconds that the ids of one start may use up; those of the next begin behind them. In each there is room for 67
/// million ids of a kind.
pub const MS_A_START: i64 = 1_000;

/// What a start of a seeded server draws from. Cheap to clone.
#[derive(Clone)]
pub struct Seeded(Arc<Root>);

struct Root {
    key: [u8; KEY_BYTES],
    first_ms: u64,
    /// How many were drawn of what is drawn many times: a counter for each purpose and owner, so some dozen a platform.
    drawn: Mutex<FxHashMap<[u8; 16], u64>>,
}

impl Seeded {
    /// For a start. `number` is the data's own, never used before; no id is of a millisecond before `first_ms`.
    #[must_use]
    pub fn new(seed: u64, number: u64, first_ms: i64) -> Self {
        let key = keyed(&[0; KEY_BYTES], &[b"florin seed", &seed.to_be_bytes(), &number.to_be_bytes()]);
        Self(Arc::new(Root { key, first_ms: u64::try_from(first_ms).unwrap_or(0), drawn: Mutex::default() }))
    }

    /// A generator of ids for somebody; whoever else has one gives others.
    #[must_use]
    pub fn ids(&self, of: &'static str) -> SeededIds {
        let key = keyed(&self.0.key, &[b"ids", of.as_bytes()]);
        SeededIds { key, first_ms: self.0.first_ms, all: 0, counts: FxHashMap::default(), given: None }
    }

    /// The next id for what is called `of`, whatever others are called.
    #[must_use]
    pub fn id_of(&self, purpose: &'static str, of: &[u8]) -> Uid {
        let mut drawn = [0; 8];
        // A seed never runs out.
        let _never = self.fill(Draw::next(purpose, of), &mut drawn);
        let drawn = u64::from_be_bytes(drawn);
        id(self.0.first_ms, drawn >> HASH_BITS, drawn & ((1 << HASH_BITS) - 1))
    }
}

/// Tells nothing of the seed.
impl std::fmt::Debug for Seeded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seeded")
    }
}

/// A master key that is no secret: for data that a seeded server makes.
#[must_use]
pub fn master_key(seed: u64) -> [u8; KEY_BYTES] {
    keyed(&[0; KEY_BYTES], &[b"florin master key", &seed.to_be_bytes()])
}

impl Chance for Seeded {
    fn fill(&self, draw: Draw<'_>, bytes: &mut [u8]) -> Result<(), NoChance> {
        let stream = keyed(&self.0.key, &[b"chance", draw.purpose.as_bytes(), draw.of]);
        let number = match draw.times {
            Times::Once => 0,
            Times::Many => {
                let mut drawn = self.0.drawn.lock().unwrap_or_else(PoisonError::into_inner);
                let mut name = [0; 16];
                name.iter_mut().zip(stream).for_each(|(to, from)| *to = from);
                let count = drawn.entry(name).or_default();
                *count = count.saturating_add(1);
                *count
            }
        };
        for (place, block) in bytes.chunks_mut(KEY_BYTES).enumerate() {
            let place = u64::try_from(place).unwrap_or(u64::MAX);
            let drawn = keyed(&stream, &[&number.to_be_bytes(), &place.to_be_bytes()]);
            block.iter_mut().zip(drawn).for_each(|(to, from)| *to = from);
        }
        Ok(())
    }
}

/// A sequence of ids: a platform's of a kind, or the one of all platforms.
type Sequence = Option<(PlatformId, u8)>;

/// UUIDs of version 7 whose millisecond is that of the start, and whose other bits count within their sequence.
pub struct SeededIds {
    key: [u8; KEY_BYTES],
    first_ms: u64,
    all: u64,
    counts: FxHashMap<(PlatformId, u8), u64>,
    /// What was given since somebody said that it may be taken back.
    given: Option<Vec<Sequence>>,
}

impl SeededIds {
    fn count(&mut self, sequence: Sequence) -> &mut u64 {
        match sequence {
            Some(of) => self.counts.entry(of).or_default(),
            None => &mut self.all,
        }
    }

    fn next(&mut self, sequence: Sequence) -> Uid {
        let count = self.count(sequence);
        let number = *count;
        *count = number.saturating_add(1);
        if let Some(given) = &mut self.given {
            given.push(sequence);
        }
        let (platform, space) = sequence.map_or((Uid::default(), u8::MAX), |(platform, space)| (platform.0, space));
        let hash = keyed(&self.key, &[&platform.to_bytes(), &[space], &number.to_be_bytes()]);
        let hash = hash.first_chunk().copied().map_or(0, u64::from_be_bytes) >> (64 - HASH_BITS);
        id(self.first_ms, number, hash)
    }
}

fn id(first_ms: u64, number: u64, hash: u64) -> Uid {
    let ms = first_ms.saturating_add(number >> COUNT_BITS);
    let count = u128::from(number & ((1 << COUNT_BITS) - 1));
    let tail = (count << HASH_BITS) | u128::from(hash);
    let (high, low) = (tail >> VARIANT_BITS, tail & ((1 << VARIANT_BITS) - 1));
    Uid::from_bits((u128::from(ms) << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low)
}

impl Ids for SeededIds {
    fn fresh(&mut self) -> Uid {
        self.next(None)
    }

    fn fresh_of(&mut self, platform: PlatformId, space: u8) -> Uid {
        self.next(Some((platform, space)))
    }

    fn begin(&mut self) {
        self.given.get_or_insert_default().clear();
    }

    fn given(&self) -> usize {
        self.given.as_ref().map_or(0, Vec::len)
    }

    fn take_back(&mut self, given: usize) {
        let back = self.given.as_mut().map(|all| all.split_off(given.min(all.len()))).unwrap_or_default();
        for sequence in back {
            let count = self.count(sequence);
            *count = count.saturating_sub(1);
        }
    }
}

/// HMAC-SHA256 of some parts, none of which runs into the next.
fn keyed(key: &[u8; KEY_BYTES], parts: &[&[u8]]) -> [u8; KEY_BYTES] {
    // A key that is shorter than a block counts as if it ended in zeros.
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    for part in parts {
        mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const START_MS: i64 = 1_700_000_000_123;

    fn platform(number: u128) -> PlatformId {
        PlatformId(Uid::from_bits(number))
    }

    fn drawn(from: &Seeded, purpose: &'static str, of: &[u8]) -> [u8; 48] {
        let mut bytes = [0; 48];
        from.fill(Draw::next(purpose, of), &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_others_draw_changes_nothing() {
        let (quiet, busy) = (Seeded::new(7, 1, START_MS), Seeded::new(7, 1, START_MS));
        let (mut ids, mut among_others) = (quiet.ids("engine"), busy.ids("engine"));
        for number in 0..5 {
            drawn(&busy, "token", b"you");
            drawn(&busy, "session", b"me");
            among_others.fresh();
            among_others.fresh_of(platform(2), 4);
            among_others.fresh_of(platform(1), 5);
            busy.ids("pages").fresh_of(platform(1), 4);
            assert_eq!(drawn(&quiet, "token", b"me"), drawn(&busy, "token", b"me"), "{number}");
            assert_eq!(ids.fresh_of(platform(1), 4), among_others.fresh_of(platform(1), 4), "{number}");
        }
    }

    #[test]
    fn nothing_is_drawn_twice() {
        let mut ids = BTreeSet::new();
        let mut secrets = BTreeSet::new();
        let mut count = 0;
        for (seed, number) in [(7, 1), (7, 2), (8, 1)] {
            let seeded = Seeded::new(seed, number, START_MS);
            for of in ["engine", "pages"] {
                let mut some = seeded.ids(of);
                for _ in 0..50 {
                    ids.extend([some.fresh(), some.fresh_of(platform(1), 4), some.fresh_of(platform(1), 5), some.fresh_of(platform(2), 4)]);
                    count += 4;
                }
            }
            for purpose in ["token", "session"] {
                secrets.extend((0..50).flat_map(|_| [drawn(&seeded, purpose, b"me"), drawn(&seeded, purpose, b"you")]));
            }
        }
        assert_eq!((ids.len(), secrets.len()), (count, 3 * 2 * 50 * 2));
        assert!(secrets.iter().all(|secret| secret[..16] != secret[32..]), "blocks of one secret differ");
    }

    #[test]
    fn what_is_drawn_once_is_the_same_each_time() {
        let seeded = Seeded::new(7, 1, START_MS);
        let only = |of: &[u8]| {
            let mut bytes = [0; 32];
            seeded.fill(Draw::only("card token", of), &mut bytes).unwrap();
            bytes
        };
        assert_eq!(only(b"a"), only(b"a"));
        assert_ne!(only(b"a"), only(b"b"));
    }

    #[test]
    fn ids_rise_within_their_sequence_and_say_their_version() {
        let mut ids = Seeded::new(7, 1, START_MS).ids("engine");
        let mut last = [Uid::default(); 2];
        for _ in 0..10_000 {
            let next = [ids.fresh(), ids.fresh_of(platform(1), 4)];
            for (last, id) in last.iter_mut().zip(next) {
                assert!(id > *last);
                assert_eq!(((id.bits() >> 76) & 0xf, (id.bits() >> 62) & 0b11), (7, 0b10));
                assert_eq!((id.bits() >> 80) as i64, START_MS);
                *last = id;
            }
        }
        assert!(id(5, (1 << COUNT_BITS) - 1, u64::MAX >> 16) < id(5, 1 << COUNT_BITS, 0), "also past the room of a millisecond");
    }

    #[test]
    fn what_came_to_nothing_is_given_again() {
        let mut ids = Seeded::new(7, 1, START_MS).ids("engine");
        let before = ids.fresh();
        ids.begin();
        let first = ids.fresh_of(platform(1), 4);
        let kept = ids.given();
        let lost = [ids.fresh(), ids.fresh_of(platform(1), 4), ids.fresh_of(platform(1), 4)];
        ids.take_back(kept);
        assert_eq!([ids.fresh(), ids.fresh_of(platform(1), 4), ids.fresh_of(platform(1), 4)], lost);
        ids.take_back(0);
        assert_eq!(ids.fresh_of(platform(1), 4), first);
        ids.begin();
        assert_eq!(ids.given(), 0, "what was kept is not taken back any more");
        assert!(ids.fresh() > before);
    }

    #[test]
    fn a_seed_is_told_by_nothing_that_is_shown() {
        assert_eq!(format!("{:?}", Seeded::new(7, 1, START_MS)), "Seeded");
        assert_ne!(master_key(7), master_key(8));
    }
}
