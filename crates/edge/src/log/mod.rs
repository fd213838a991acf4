//! The request log: what each sandbox platform asked and was answered, the newest of it, in memory.
//!
//! Start with [`RequestLog::note`], which is on the way of every request: it copies, and looks for card numbers ([`cards`]);
//! nothing is parsed, masked or written. Whoever shows an entry masks it first ([`crate::mask`]). What remains of a request
//! after a restart is its line in the audit trail.
//!
//! Everything is bounded: each platform has a ring of its own, and its share of what all rings together may take, so that one
//! platform pushes out nothing of another one. Whoever is not known is noted apart ([`strangers`]), and pushes out nothing
//! of a platform at all.

pub mod cards;
mod ring;
mod strangers;
mod tally;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use domain::ids::{ApiKeyId, RequestId};
use domain::{PlatformId, Timestamp};
use http::{HeaderValue, Method};
use rustc_hash::FxHashMap;

use ring::Ring;
use strangers::Strangers;
pub use strangers::{Shown, Stranger};
pub use tally::{Habit, Tally};

/// What the entries of all platforms take at most, about.
const ALL_BYTES: usize = 24 * 1_024 * 1_024;
/// What the entries of one platform take at most, however few others there are.
const PLATFORM_BYTES: usize = 512 * 1_024;
/// Platforms that are kept; beyond that, the one that has asked for nothing longest is forgotten.
const PLATFORMS_KEPT: usize = 4_096;
/// A request's body that is longer is not kept.
pub const BODY_KEPT_BYTES: usize = 16 * 1_024;
/// An answer that is longer is not kept.
pub const ANSWER_KEPT_BYTES: usize = 8 * 1_024;
/// A path with its query that is longer is cut, and cannot be sent again.
const PATH_KEPT_BYTES: usize = 2_048;

/// By what a caller was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// An API key that came with the call itself.
    Basic,
    /// A token.
    Bearer,
    /// The owner of the data, who needs none.
    Owner,
}

/// What became of a request's body in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// It is kept as it came. An empty one is, too.
    Kept,
    /// It was longer than [`BODY_KEPT_BYTES`].
    TooLong,
    /// It may hold the number of a card.
    MayHoldCard,
    /// It is of a kind that holds secrets, or was never read.
    NotTaken,
}

/// A request that was answered, as it is handed to the log.
#[derive(Clone, Debug)]
pub struct Answered<'a> {
    /// Its id: what errors call `Id`.
    pub request: RequestId,
    /// The platform.
    pub platform: PlatformId,
    /// The key it was allowed by.
    pub key: ApiKeyId,
    /// How that was shown.
    pub by: By,
    /// Real time when it came.
    pub at: Timestamp,
    /// How long the answer took, milliseconds.
    pub took_ms: u32,
    /// Its method.
    pub method: &'a Method,
    /// The pattern of its path; empty for a path that leads nowhere.
    pub pattern: &'static str,
    /// The path and query as they came.
    pub path: &'a str,
    /// The idempotency key's header.
    pub idempotency_key: Option<&'a HeaderValue>,
    /// Its body, if it may be kept. `None` where it was not read or holds secrets.
    pub body: Option<&'a [u8]>,
    /// The status it was answered.
    pub status: u16,
    /// The answer, if it may be kept.
    pub answer: Option<Bytes>,
}

/// A request of the log.
#[derive(Clone)]
pub struct Entry {
    /// Its id.
    pub request: RequestId,
    /// The key it was allowed by.
    pub key: ApiKeyId,
    /// How that was shown.
    pub by: By,
    /// Real time when it came.
    pub at: Timestamp,
    /// How long the answer took, milliseconds.
    pub took_ms: u32,
    /// Its method.
    pub method: Method,
    /// The pattern of its path; empty for a path that leads nowhere.
    pub pattern: &'static str,
    /// A keyed hash of its idempotency key: the same key has the same hash until the server ends.
    pub idempotency_hash: Option<u64>,
    /// The status it was answered.
    pub status: u16,
    /// What became of its body.
    pub body_is: Body,
    /// Length of the body that came, where it is known.
    pub body_bytes: u32,
    /// Whether the path is whole.
    pub is_path_whole: bool,
    /// The answer, where it is kept.
    pub answer: Option<Bytes>,
    path_bytes: u16,
    /// The path, and behind it the body: one allocation.
    text: Box<[u8]>,
}

impl Entry {
    /// The path and query as they came, or as much of it as is kept. Not masked.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text.get(..usize::from(self.path_bytes)).and_then(|path| str::from_utf8(path).ok()).unwrap_or_default()
    }

    /// The body as it came; `None` where it is not kept. Not masked.
    #[must_use]
    pub fn body(&self) -> Option<&[u8]> {
        (self.body_is == Body::Kept).then(|| self.text.get(usize::from(self.path_bytes)..).unwrap_or_default())
    }

    /// Whether the same can be asked again: everything of it is here.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.body_is == Body::Kept && self.is_path_whole
    }

    /// What it takes of memory, about.
    fn bytes(&self) -> usize {
        let answer = self.answer.as_ref().map_or(0, Bytes::len);
        size_of::<Self>().saturating_add(self.text.len()).saturating_add(answer)
    }

    fn of(answered: Answered<'_>, idempotency_hash: Option<u64>) -> Self {
        let (path, is_path_whole) = kept_path(answered.path);
        let (body_is, body) = match answered.body {
            None => (Body::NotTaken, &[][..]),
            Some(body) if body.len() > BODY_KEPT_BYTES => (Body::TooLong, &[][..]),
            Some(body) if cards::may_hold(body) => (Body::MayHoldCard, &[][..]),
            Some(body) => (Body::Kept, body),
        };
        let mut text = Vec::with_capacity(path.len().saturating_add(body.len()));
        text.extend_from_slice(path.as_bytes());
        text.extend_from_slice(body);
        Self {
            request: answered.request,
            key: answered.key,
            by: answered.by,
            at: answered.at,
            took_ms: answered.took_ms,
            method: answered.method.clone(),
            pattern: answered.pattern,
            idempotency_hash,
            status: answered.status,
            body_is,
            body_bytes: answered.body.map_or(0, |body| u32::try_from(body.len()).unwrap_or(u32::MAX)),
            is_path_whole,
            answer: answered.answer.filter(|answer| answer.len() <= ANSWER_KEPT_BYTES && !cards::may_hold(answer)),
            path_bytes: u16::try_from(path.len()).unwrap_or(0),
            text: text.into_boxed_slice(),
        }
    }
}

/// As much of a path as is kept, and whether that is all. One that may hold a card's number is kept up to its second segment.
fn kept_path(path: &str) -> (&str, bool) {
    if cards::may_hold(path.as_bytes()) {
        return ("/", false);
    }
    let end = (0..=PATH_KEPT_BYTES.min(path.len())).rev().find(|end| path.is_char_boundary(*end)).unwrap_or(0);
    (path.get(..end).unwrap_or_default(), end == path.len())
}

/// The requests of all platforms.
pub struct RequestLog {
    inner: Mutex<Inner>,
    /// Hashes idempotency keys under a key of this process.
    hasher: RandomState,
}

#[derive(Default)]
struct Inner {
    rings: FxHashMap<PlatformId, Ring>,
    strangers: Strangers,
    /// What the entries of all rings take.
    bytes: usize,
    /// One more with each request: tells which platform has asked for nothing longest.
    clock: u64,
}

impl Default for RequestLog {
    fn default() -> Self {
        Self { inner: Mutex::default(), hasher: RandomState::new() }
    }
}

impl std::fmt::Debug for RequestLog {
    /// Nothing of what is in it: that is not masked.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestLog").finish_non_exhaustive()
    }
}

impl RequestLog {
    /// Notes a request of a platform, with its habits.
    pub fn note(&self, answered: Answered<'_>, habits: &[Habit]) {
        let platform = answered.platform;
        let at = answered.at;
        let hash = answered.idempotency_key.map(|key| self.hasher.hash_one(key.as_bytes()));
        let entry = Entry::of(answered, hash);
        let mut inner = self.lock();
        inner.clock = inner.clock.saturating_add(1);
        let now = inner.clock;
        if !inner.rings.contains_key(&platform) {
            inner.make_room();
            inner.rings.insert(platform, Ring::new(at));
        }
        let share = inner.share();
        if let Some(ring) = inner.rings.get_mut(&platform) {
            let before = ring.bytes();
            ring.tally.count(habits, entry.pattern);
            ring.used = now;
            ring.push(entry, share);
            let after = ring.bytes();
            inner.bytes = inner.bytes.saturating_sub(before).saturating_add(after);
        }
        if inner.bytes > ALL_BYTES {
            inner.shrink_all(share);
        }
    }

    /// Notes a request of nobody who is known.
    pub fn note_stranger(&self, stranger: Stranger) {
        self.lock().strangers.push(stranger);
    }

    /// A request of a platform.
    #[must_use]
    pub fn find(&self, platform: PlatformId, request: RequestId) -> Option<Entry> {
        self.lock().rings.get(&platform)?.find(request).cloned()
    }

    /// The request of a stranger who named this platform by its client id.
    #[must_use]
    pub fn find_stranger(&self, client_id: &str, request: RequestId) -> Option<Stranger> {
        self.lock().strangers.of(client_id).find(|stranger| stranger.request == request).cloned()
    }

    /// A platform's requests that `is_wanted` takes, newest first: `limit` of them behind the first `skipped`, and how many there are.
    #[must_use]
    pub fn list(&self, platform: PlatformId, skipped: usize, limit: usize, is_wanted: impl Fn(&Entry) -> bool) -> (Vec<Entry>, usize) {
        let inner = self.lock();
        let Some(ring) = inner.rings.get(&platform) else { return (Vec::new(), 0) };
        let (mut found, mut total) = (Vec::new(), 0_usize);
        for entry in ring.newest_first().filter(|entry| is_wanted(entry)) {
            if total >= skipped && found.len() < limit {
                found.push(entry.clone());
            }
            total = total.saturating_add(1);
        }
        (found, total)
    }

    /// The requests of strangers who named this platform by its client id, newest first.
    #[must_use]
    pub fn strangers(&self, client_id: &str) -> Vec<Stranger> {
        self.lock().strangers.of(client_id).cloned().collect()
    }

    /// The hash that entries have of this idempotency key.
    #[must_use]
    pub fn hash_of(&self, idempotency_key: &str) -> u64 {
        self.hasher.hash_one(idempotency_key.as_bytes())
    }

    /// What a platform does, counted since its first request to this process.
    #[must_use]
    pub fn tally(&self, platform: PlatformId) -> Option<Tally> {
        self.lock().rings.get(&platform).map(|ring| ring.tally.clone())
    }

    /// Forgets a platform.
    pub fn forget(&self, platform: PlatformId) {
        self.lock().remove(platform);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// What each platform's entries may take.
    fn share(&self) -> usize {
        ALL_BYTES.checked_div(self.rings.len().max(1)).unwrap_or(ALL_BYTES).min(PLATFORM_BYTES)
    }

    /// Forgets the platform that has asked for nothing longest, if there is no room for another one.
    fn make_room(&mut self) {
        if self.rings.len() < PLATFORMS_KEPT {
            return;
        }
        let idlest = self.rings.iter().min_by_key(|(_, ring)| ring.used).map(|(platform, _)| *platform);
        if let Some(idlest) = idlest {
            self.remove(idlest);
        }
    }

    fn remove(&mut self, platform: PlatformId) {
        let bytes = self.rings.remove(&platform).map_or(0, |ring| ring.bytes());
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Takes from every ring what is beyond its share, which has become smaller with each platform: some have asked for nothing
    /// since. Afterwards no ring can grow beyond its share, so this is not needed again before there is another platform.
    fn shrink_all(&mut self, share: usize) {
        for ring in self.rings.values_mut() {
            ring.shrink(share);
        }
        self.bytes = self.rings.values().map(Ring::bytes).fold(0, usize::saturating_add);
    }
}

#[cfg(test)]
mod tests;
