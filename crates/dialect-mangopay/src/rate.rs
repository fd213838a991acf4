//! Rate limits: how many calls each platform made within four sliding windows.
//!
//! Each window is cut into sixty buckets; a bucket counts until the window has slid past it. A reset is
//! the moment the present bucket will have been slid past, so it lies a little less than the window's
//! length ahead: SDKs tell the windows apart by that. Source: reference, people part, 1.6.

use std::sync::{Mutex, PoisonError};

use domain::PlatformId;
use domain::platform::{CALL_WINDOWS, CallLimits};
use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue};
use rustc_hash::FxHashMap;

const WINDOWS: usize = CALL_WINDOWS;
const BUCKETS: usize = 60;
const BUCKET_COUNT: i64 = 60;
/// Lengths of the windows in the order of their header lines: 15, 30 and 60 minutes, 24 hours.
const SPANS_S: [i64; WINDOWS] = [900, 1_800, 3_600, 86_400];
/// What the windows are called, in the same order.
pub const WINDOW_NAMES: [&str; WINDOWS] = ["15m", "30m", "60m", "24h"];
/// Platforms whose counts are kept; beyond that, those idle longest are forgotten.
const PLATFORMS_KEPT: usize = 4_096;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// How many calls a platform may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateConfig {
    /// Calls within 15, 30 and 60 minutes and 24 hours.
    pub limits: [u32; WINDOWS],
    /// Whether calls beyond a limit are refused, or only counted.
    pub is_enforced: bool,
}

impl Default for RateConfig {
    /// The vendor's own limits, enforced.
    fn default() -> Self {
        Self { limits: [2_300, 4_500, 8_800, 105_600], is_enforced: true }
    }
}

/// Counts of one window: a ring of buckets, the newest at `newest % BUCKETS`.
#[derive(Clone, Copy)]
struct Window {
    buckets: [u32; BUCKETS],
    newest: i64,
    total: u32,
}

impl Window {
    const fn at(bucket: i64) -> Self {
        Self { buckets: [0; BUCKETS], newest: bucket, total: 0 }
    }

    /// Slides to `bucket`. Time that steps back counts into the newest bucket.
    fn slide(&mut self, bucket: i64) {
        let steps = bucket.saturating_sub(self.newest);
        if steps >= BUCKET_COUNT {
            *self = Self::at(bucket);
        }
        while self.newest < bucket {
            self.newest = self.newest.saturating_add(1);
            if let Some(oldest) = self.buckets.get_mut(place(self.newest)) {
                self.total = self.total.saturating_sub(*oldest);
                *oldest = 0;
            }
        }
    }

    fn count(&mut self) {
        if let Some(bucket) = self.buckets.get_mut(place(self.newest)) {
            *bucket = bucket.saturating_add(1);
            self.total = self.total.saturating_add(1);
        }
    }
}

fn place(bucket: i64) -> usize {
    usize::try_from(bucket.rem_euclid(BUCKET_COUNT)).unwrap_or(0)
}

struct Counters {
    windows: [Window; WINDOWS],
    last_s: i64,
}

/// What one call is told of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowState {
    /// Calls made within it, this one included if it was allowed.
    pub made: u32,
    /// Calls left.
    pub remaining: u32,
    /// When it will have slid past this call, unix seconds.
    pub reset_s: i64,
}

/// What one call is told of all windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateState {
    /// One for each window, shortest first.
    pub windows: [WindowState; WINDOWS],
    /// Whether the call is one too many. Such a call is not counted.
    pub is_refused: bool,
    /// Whether it is one too many, and counted all the same because limits are not enforced.
    pub is_over: bool,
}

impl RateState {
    /// Adds the twelve header lines: three names, four lines each, shortest window first.
    ///
    /// Never joined into one line: a Java client fails on that.
    pub fn write_headers(&self, headers: &mut HeaderMap) {
        headers.reserve(3);
        append_lines(headers, LIMIT, self.windows.map(|window| HeaderValue::from(window.made)));
        append_lines(headers, REMAINING, self.windows.map(|window| HeaderValue::from(window.remaining)));
        append_lines(headers, RESET, self.windows.map(|window| HeaderValue::from(window.reset_s)));
    }
}

/// Adds lines of one name, which is looked up once: these go out with every answer.
fn append_lines(headers: &mut HeaderMap, name: HeaderName, lines: [HeaderValue; WINDOWS]) {
    let [first, others @ ..] = lines;
    let mut entry = match headers.entry(name) {
        Entry::Occupied(mut entry) => {
            entry.append(first);
            entry
        }
        Entry::Vacant(entry) => entry.insert_entry(first),
    };
    others.into_iter().for_each(|line| entry.append(line));
}

/// The counts of all platforms.
pub struct RateLimits {
    config: RateConfig,
    platforms: Mutex<FxHashMap<PlatformId, Box<Counters>>>,
}

impl RateLimits {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(config: RateConfig) -> Self {
        Self { config, platforms: Mutex::default() }
    }

    /// Counts a call of a platform at `now_s` (real time, unix seconds), unless it is one too many; by its own limits where it has some.
    pub fn count(&self, platform: PlatformId, own: Option<CallLimits>, now_s: i64) -> RateState {
        let mut platforms = self.platforms.lock().unwrap_or_else(PoisonError::into_inner);
        if platforms.len() >= PLATFORMS_KEPT && !platforms.contains_key(&platform) {
            forget_idle(&mut platforms);
        }
        let counters = platforms.entry(platform).or_insert_with(|| Box::new(Counters::at(now_s)));
        counters.count(&Effective::of(self.config, own), now_s)
    }
}

/// What holds for one platform.
struct Effective {
    limits: [u32; WINDOWS],
    are_enforced: [bool; WINDOWS],
}

impl Effective {
    /// The server's limits with those that a platform has of its own in their place, which are enforced whatever the server does.
    fn of(config: RateConfig, own: Option<CallLimits>) -> Self {
        let RateConfig { limits, is_enforced } = config;
        let servers = Self { limits, are_enforced: [is_enforced; WINDOWS] };
        match own {
            None => servers,
            Some(CallLimits::Unlimited) => Self { are_enforced: [false; WINDOWS], ..servers },
            Some(CallLimits::Calls(calls)) => {
                let mut effective = servers;
                for ((limit, is_enforced), own) in effective.limits.iter_mut().zip(&mut effective.are_enforced).zip(calls) {
                    *is_enforced |= own.is_some();
                    *limit = own.unwrap_or(*limit);
                }
                effective
            }
        }
    }
}

impl Counters {
    fn at(now_s: i64) -> Self {
        Self { windows: SPANS_S.map(|span_s| Window::at(bucket_of(now_s, span_s))), last_s: now_s }
    }

    fn count(&mut self, config: &Effective, now_s: i64) -> RateState {
        self.last_s = now_s;
        for (window, span_s) in self.windows.iter_mut().zip(SPANS_S) {
            window.slide(bucket_of(now_s, span_s));
        }
        let full = self.windows.iter().zip(config.limits).map(|(window, limit)| window.total >= limit);
        let (mut is_full, mut is_refused) = (false, false);
        for (window_is_full, is_enforced) in full.zip(config.are_enforced) {
            is_full |= window_is_full;
            is_refused |= window_is_full && is_enforced;
        }
        let mut states = [WindowState::default(); WINDOWS];
        for (((state, window), span_s), limit) in states.iter_mut().zip(&mut self.windows).zip(SPANS_S).zip(config.limits) {
            if !is_refused {
                window.count();
            }
            let reset_s = window.newest.saturating_add(BUCKET_COUNT).saturating_mul(width_s(span_s));
            *state = WindowState { made: window.total, remaining: limit.saturating_sub(window.total), reset_s };
        }
        RateState { windows: states, is_refused, is_over: is_full && !is_refused }
    }
}

fn width_s(span_s: i64) -> i64 {
    span_s.div_euclid(BUCKET_COUNT)
}

fn bucket_of(now_s: i64, span_s: i64) -> i64 {
    now_s.div_euclid(width_s(span_s))
}

/// Forgets the half of the platforms that called longest ago.
fn forget_idle(platforms: &mut FxHashMap<PlatformId, Box<Counters>>) {
    let mut calls: Vec<i64> = platforms.values().map(|counters| counters.last_s).collect();
    let middle = calls.len().div_euclid(2);
    let (_, median, _) = calls.select_nth_unstable(middle);
    let median = *median;
    platforms.retain(|_, counters| counters.last_s > median);
}

#[cfg(test)]
mod tests {
    use ledger::Uid;

    use super::*;

    const NOW_S: i64 = 1_700_000_007;

    fn platform(n: u128) -> PlatformId {
        PlatformId(Uid::from_bits(n))
    }

    fn limits(limits: [u32; 4]) -> RateLimits {
        RateLimits::new(RateConfig { limits, is_enforced: true })
    }

    fn made(state: RateState) -> [u32; 4] {
        state.windows.map(|window| window.made)
    }

    #[test]
    fn calls_are_counted_in_every_window_and_each_platform_alone() {
        let limits = limits([2_300, 4_500, 8_800, 105_600]);
        for n in 1..=5 {
            assert_eq!(made(limits.count(platform(1), None, NOW_S)), [n; 4]);
        }
        let state = limits.count(platform(2), None, NOW_S);
        assert_eq!(made(state), [1; 4]);
        assert_eq!(state.windows.map(|window| window.remaining), [2_299, 4_499, 8_799, 105_599]);
    }

    #[test]
    fn windows_slide() {
        let limits = limits([10; 4]);
        limits.count(platform(1), None, NOW_S);
        assert_eq!(made(limits.count(platform(1), None, NOW_S + 600)), [2, 2, 2, 2]);
        assert_eq!(made(limits.count(platform(1), None, NOW_S + 901)), [2, 3, 3, 3]);
        assert_eq!(made(limits.count(platform(1), None, NOW_S + 2_000)), [1, 3, 4, 4]);
        assert_eq!(made(limits.count(platform(1), None, NOW_S + 10_000)), [1, 1, 1, 5]);
        assert_eq!(made(limits.count(platform(1), None, NOW_S + 200_000)), [1; 4]);
    }

    #[test]
    fn a_call_too_many_is_refused_and_not_counted() {
        let limits = limits([3, 100, 100, 100]);
        for _ in 0..3 {
            assert!(!limits.count(platform(1), None, NOW_S).is_refused);
        }
        for _ in 0..5 {
            let state = limits.count(platform(1), None, NOW_S + 1);
            assert!(state.is_refused);
            assert_eq!((made(state), state.windows[0].remaining), ([3; 4], 0));
        }
        assert!(!limits.count(platform(1), None, NOW_S + 900).is_refused, "free again once the window has slid past them");
    }

    #[test]
    fn limits_may_be_counted_only() {
        let limits = RateLimits::new(RateConfig { limits: [1; 4], is_enforced: false });
        limits.count(platform(1), None, NOW_S);
        let state = limits.count(platform(1), None, NOW_S);
        assert_eq!((state.is_refused, made(state), state.windows[3].remaining), (false, [2; 4], 0));
    }

    #[test]
    fn a_platform_may_have_limits_of_its_own() {
        let limits = limits([2, 100, 100, 100]);
        let own = Some(CallLimits::Calls([None, Some(1), None, None]));
        assert!(!limits.count(platform(1), own, NOW_S).is_refused);
        let state = limits.count(platform(1), own, NOW_S);
        assert_eq!((state.is_refused, state.windows.map(|window| window.remaining)), (true, [1, 0, 99, 99]));
        assert!(!limits.count(platform(2), None, NOW_S).is_refused && !limits.count(platform(2), None, NOW_S).is_refused);
        assert!(limits.count(platform(2), None, NOW_S).is_refused, "the server's");
        let unlimited = |n| limits.count(platform(n), Some(CallLimits::Unlimited), NOW_S);
        assert!((0..5).all(|_| !unlimited(3).is_refused) && unlimited(3).windows[0].made == 6);
        let lenient = RateLimits::new(RateConfig { limits: [1; 4], is_enforced: false });
        assert!(!lenient.count(platform(1), own, NOW_S).is_refused, "a limit that nobody enforces is not enforced with another");
        assert!(lenient.count(platform(1), own, NOW_S).is_refused);
    }

    #[test]
    fn resets_tell_the_windows_apart() {
        let limits = limits([9_999; 4]);
        let mut at_least = [0, 900, 1_800, 3_600];
        for now_s in (NOW_S..NOW_S + 100_000).step_by(613) {
            let state = limits.count(platform(1), None, now_s);
            for ((window, span_s), at_least) in state.windows.iter().zip(SPANS_S).zip(&mut at_least) {
                let ahead = window.reset_s - now_s;
                assert!(ahead > *at_least && ahead <= span_s, "{ahead} s ahead in the window of {span_s} s");
            }
        }
    }

    #[test]
    fn time_that_steps_back_does_no_harm() {
        let limits = limits([10; 4]);
        limits.count(platform(1), None, NOW_S);
        assert_eq!(made(limits.count(platform(1), None, NOW_S - 5_000)), [2; 4]);
        assert_eq!(made(limits.count(platform(1), None, i64::MIN)), [3; 4]);
        assert_eq!(made(limits.count(platform(1), None, i64::MAX)), [1; 4]);
    }

    #[test]
    fn header_lines_are_twelve_in_the_order_of_the_windows() {
        let mut headers = HeaderMap::new();
        limits([10, 20, 30, 40]).count(platform(1), None, 0).write_headers(&mut headers);
        let lines = |name: &str| headers.get_all(name).iter().map(|line| line.to_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(lines("X-RateLimit"), ["1", "1", "1", "1"]);
        assert_eq!(lines("X-RateLimit-Remaining"), ["9", "19", "29", "39"]);
        assert_eq!(lines("X-RateLimit-Reset"), ["900", "1800", "3600", "86400"]);
    }

    #[test]
    fn memory_is_bounded() {
        let limits = limits([10; 4]);
        for n in 0..3 * PLATFORMS_KEPT {
            limits.count(platform(n as u128), None, NOW_S + n as i64);
        }
        assert!(limits.platforms.lock().unwrap().len() <= PLATFORMS_KEPT);
        assert_eq!(made(limits.count(platform(3 * PLATFORMS_KEPT as u128 - 1), None, NOW_S)), [2; 4], "the latest caller is remembered");
    }
}
