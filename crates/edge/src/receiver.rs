//! What the built-in receiver of webhooks remembers: what came to each platform's address, and what it answers.
//!
//! An address ends in a token that nobody can guess: the platform, and a code that only this installation's key makes. Nothing of it
//! is stored, and it opens that platform's page and no other (ADR 64). What came is in memory, the newest of each platform.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{PlatformId, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use ledger::Uid;
use sha2::Sha256;

/// Where receivers are, below the public URL; the token follows.
pub const RECEIVER: &str = "/sandbox/receiver/";
/// Statuses that a receiver may be told to answer.
pub const STATUSES: std::ops::RangeInclusive<u16> = 200..=599;
/// An answer may be held up by this much at most. Whoever delivers waits for two seconds.
pub const DELAY_MAX_MS: u32 = 10_000;
/// Answers of a platform that are held up at once at most.
pub const HELD_MAX: u32 = 32;
/// Requests remembered of a platform.
pub const KEPT_MAX: usize = 100;
/// Platforms of which anything is remembered; the one that was quiet for longest is forgotten for a new one. With the other bounds
/// that is 40 MB at most.
pub const PLATFORMS_MAX: usize = 256;
/// Bytes kept of a query, and of a header or a value of the query; the rest is cut.
const QUERY_MAX_BYTES: usize = 512;
const VALUE_MAX_BYTES: usize = 96;
/// Headers of note: those that tell deliveries apart, and who sends.
const HEADERS: [&str; 5] = ["webhook-id", "webhook-timestamp", "webhook-signature", "user-agent", "host"];

const ID_BYTES: usize = 16;
const CODE_BYTES: usize = 16;
const BYTES: usize = ID_BYTES + CODE_BYTES;
/// A block of SHA-256: keys of HMAC are filled up to it.
const BLOCK_BYTES: usize = 64;

/// What a receiver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its status, of [`STATUSES`].
    pub status: u16,
    /// How long it takes over it, milliseconds; [`DELAY_MAX_MS`] at most.
    pub delay_ms: u32,
}

impl Default for Reply {
    fn default() -> Self {
        Self { status: 200, delay_ms: 0 }
    }
}

/// What came, and what it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Came {
    /// When, real time.
    pub at: Timestamp,
    /// `EventType` of the query.
    pub event: String,
    /// `RessourceId` of the query.
    pub subject: String,
    /// The query as it came, or its beginning.
    pub query: String,
    /// Headers of note.
    pub headers: Vec<(&'static str, String)>,
    /// What it was answered.
    pub reply: Reply,
}

impl Came {
    /// What came by a query. `None` unless it tells of an event.
    #[must_use]
    pub fn read(query: &str, headers: &HeaderMap, at: Timestamp, reply: Reply) -> Option<Self> {
        let event = value(query, "EventType")?;
        let noted = HEADERS.into_iter().filter_map(|name| Some((name, cut(headers.get(name)?.to_str().ok()?, VALUE_MAX_BYTES))));
        Some(Self {
            at,
            event: cut(&event, VALUE_MAX_BYTES),
            subject: cut(&value(query, "RessourceId").unwrap_or_default(), VALUE_MAX_BYTES),
            query: cut(query, QUERY_MAX_BYTES),
            headers: noted.collect(),
            reply,
        })
    }

    /// The id of the delivery, if it has one.
    #[must_use]
    pub fn delivery(&self) -> Option<&str> {
        self.headers.iter().find(|(name, _)| *name == "webhook-id").map(|(_, value)| &**value)
    }
}

/// A value of a query, unescaped.
#[must_use]
pub fn value(query: &str, wanted: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    // The last one: what was written into the URL of a hook comes before what a delivery adds.
    let (_, text) = pairs.rfind(|(name, _)| *name == wanted)?;
    Some(percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned())
}

fn cut(text: &str, bytes: usize) -> String {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or_default().to_owned()
}

/// What is remembered of one platform.
#[derive(Debug, Default)]
struct Kept {
    came: VecDeque<Arc<Came>>,
    reply: Reply,
    held: u32,
    /// Larger than that of every platform that was quiet for longer.
    used: u64,
}

#[derive(Debug, Default)]
struct State {
    boxes: BTreeMap<PlatformId, Kept>,
    uses: u64,
}

impl State {
    fn of(&mut self, platform: PlatformId) -> &mut Kept {
        if !self.boxes.contains_key(&platform) && self.boxes.len() >= PLATFORMS_MAX {
            let quiet = self.boxes.iter().min_by_key(|(_, one)| (one.held, one.used)).map(|(id, _)| *id);
            if let Some(id) = quiet {
                self.boxes.remove(&id);
            }
        }
        self.uses = self.uses.saturating_add(1);
        let one = self.boxes.entry(platform).or_default();
        one.used = self.uses;
        one
    }
}

/// The receivers of all platforms. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Receivers {
    public_url: Arc<str>,
    key: [u8; 32],
    state: Arc<Mutex<State>>,
}

impl Receivers {
    /// Receivers below `public_url`, under a key of the installation.
    #[must_use]
    pub fn new(public_url: &str, key: [u8; 32]) -> Self {
        Self { public_url: public_url.trim_end_matches('/').into(), key, state: Arc::default() }
    }

    /// The URL of a platform's receiver: hooks name it, and a browser opens it.
    #[must_use]
    pub fn url(&self, platform: PlatformId) -> String {
        format!("{}{RECEIVER}{}", self.public_url, self.token(platform))
    }

    /// What an address of it begins with.
    #[must_use]
    pub fn base(&self) -> String {
        format!("{}{RECEIVER}", self.public_url)
    }

    /// The token of a platform.
    #[must_use]
    pub fn token(&self, platform: PlatformId) -> String {
        let mut bytes = [0; BYTES];
        let parts = [platform.0.to_bytes(), self.code(platform)];
        for (to, from) in bytes.iter_mut().zip(parts.iter().flatten()) {
            *to = *from;
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The platform of a token, if this installation made it.
    #[must_use]
    pub fn open(&self, token: &str) -> Option<PlatformId> {
        let mut bytes = [0; BYTES];
        let length = URL_SAFE_NO_PAD.decode_slice(token, &mut bytes).ok().filter(|length| *length == BYTES)?;
        let (platform, code) = bytes.get(..length)?.split_first_chunk::<ID_BYTES>()?;
        let platform = PlatformId(Uid::from_bytes(*platform));
        let different = self.code(platform).iter().zip(code).fold(0, |different, (a, b)| different | (a ^ b));
        (different == 0 && code.len() == CODE_BYTES).then_some(platform)
    }

    fn code(&self, platform: PlatformId) -> [u8; CODE_BYTES] {
        let mut block = [0; BLOCK_BYTES];
        for (to, from) in block.iter_mut().zip(self.key) {
            *to = from;
        }
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(&platform.0.to_bytes());
        let code: [u8; 32] = mac.finalize().into_bytes().into();
        code.first_chunk().copied().unwrap_or_default()
    }

    /// What a platform's receiver answers where the URL does not say.
    #[must_use]
    pub fn reply(&self, platform: PlatformId) -> Reply {
        self.lock().boxes.get(&platform).map_or_else(Reply::default, |one| one.reply)
    }

    /// Has a platform's receiver answer so from now on.
    pub fn set(&self, platform: PlatformId, reply: Reply) {
        self.lock().of(platform).reply = reply;
    }

    /// Remembers what came.
    pub fn note(&self, platform: PlatformId, came: Came) {
        let mut state = self.lock();
        let one = state.of(platform);
        if one.came.len() >= KEPT_MAX {
            one.came.pop_back();
        }
        one.came.push_front(Arc::new(came));
    }

    /// What came, newest first.
    #[must_use]
    pub fn came(&self, platform: PlatformId) -> Vec<Arc<Came>> {
        self.lock().boxes.get(&platform).map(|one| one.came.iter().cloned().collect()).unwrap_or_default()
    }

    /// A place for an answer that is held up; `None` if there are [`HELD_MAX`] already.
    #[must_use]
    pub fn hold(&self, platform: PlatformId) -> Option<Held> {
        let mut state = self.lock();
        let one = state.of(platform);
        if one.held >= HELD_MAX {
            return None;
        }
        one.held = one.held.saturating_add(1);
        Some(Held { receivers: self.clone(), platform })
    }

    /// Forgets everything of a platform: what came, and what is to be answered.
    pub fn forget(&self, platform: PlatformId) {
        let mut state = self.lock();
        if let Some(one) = state.boxes.get_mut(&platform) {
            (one.came, one.reply) = Default::default();
            if one.held == 0 {
                state.boxes.remove(&platform);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer that is held up, until it is dropped.
#[derive(Debug)]
pub struct Held {
    receivers: Receivers,
    platform: PlatformId,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(one) = self.receivers.lock().boxes.get_mut(&self.platform) {
            one.held = one.held.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(number: u128) -> PlatformId {
        PlatformId(Uid::from_bits(number))
    }

    fn came(query: &str) -> Came {
        Came::read(query, &HeaderMap::new(), Timestamp::from_ms(1), Reply::default()).unwrap()
    }

    #[test]
    fn a_token_opens_one_platform_and_nobody_can_make_another() {
        let receivers = Receivers::new("http://localhost:8080/", [3; 32]);
        let url = receivers.url(platform(7));
        let token = url.strip_prefix("http://localhost:8080/sandbox/receiver/").unwrap();
        assert_eq!(receivers.open(token), Some(platform(7)));
        assert_eq!(Receivers::new("", [4; 32]).open(token), None, "of another installation");
        for place in 0..token.len() {
            let mut other = token.to_owned().into_bytes();
            other[place] = if other[place] == b'A' { b'Q' } else { b'A' };
            assert_eq!(receivers.open(str::from_utf8(&other).unwrap()), None, "{place}");
        }
        for text in ["", "a", "../", &"A".repeat(43), &"A".repeat(42), &"A".repeat(44), &"=".repeat(43)] {
            assert_eq!(receivers.open(text), None, "{text}");
        }
    }

    #[test]
    fn the_newest_of_a_platform_are_kept_and_each_within_bounds() {
        let receivers = Receivers::new("", [3; 32]);
        for number in 0..KEPT_MAX + 5 {
            receivers.note(platform(1), came(&format!("EventType=E&RessourceId={number}&x={}", "é".repeat(2_000))));
        }
        let kept = receivers.came(platform(1));
        assert_eq!((kept.len(), &*kept[0].subject, &*kept[KEPT_MAX - 1].subject), (KEPT_MAX, "104", "5"));
        assert!(kept[0].query.len() <= QUERY_MAX_BYTES);
        assert_eq!(receivers.came(platform(2)), Vec::new(), "another platform's");
        receivers.forget(platform(1));
        assert_eq!(receivers.came(platform(1)), Vec::new());
    }

    #[test]
    fn the_platform_that_was_quiet_for_longest_is_forgotten_for_a_new_one() {
        let receivers = Receivers::new("", [3; 32]);
        for number in 0..PLATFORMS_MAX as u128 {
            receivers.note(platform(number), came("EventType=E"));
        }
        receivers.note(platform(0), came("EventType=E"));
        receivers.note(platform(9_999), came("EventType=E"));
        assert_eq!(receivers.came(platform(0)).len(), 2);
        assert!(receivers.came(platform(1)).is_empty() && receivers.came(platform(9_999)).len() == 1);
    }

    #[test]
    fn so_many_answers_are_held_up_at_once_and_no_more() {
        let receivers = Receivers::new("", [3; 32]);
        let mut held: Vec<Held> = (0..HELD_MAX).map(|_| receivers.hold(platform(1)).unwrap()).collect();
        assert!(receivers.hold(platform(1)).is_none() && receivers.hold(platform(2)).is_some());
        held.pop();
        assert!(receivers.hold(platform(1)).is_some());
    }

    #[test]
    fn what_comes_is_read_as_its_query_says() {
        let read = came("status=500&EventType=mine&EventType=PAYIN_NORMAL_SUCCEEDED&RessourceId=a%20b&Date=1");
        assert_eq!((&*read.event, &*read.subject), ("PAYIN_NORMAL_SUCCEEDED", "a b"));
        assert_eq!(Came::read("Date=1", &HeaderMap::new(), Timestamp::from_ms(1), Reply::default()), None);
    }
}
