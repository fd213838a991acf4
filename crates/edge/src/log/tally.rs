//! What a platform does that matters when it goes to production, counted.

use std::collections::BTreeMap;

use domain::Timestamp;

/// Patterns counted by themselves; they are names of routes, so there are no more of them than routes.
const PATTERNS_MAX: usize = 256;

macro_rules! habits {
    ($($habit:ident $doc:literal;)*) => {
        /// Something that a request does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Habit { $(#[doc = $doc] $habit,)* }

        impl Habit {
            /// Every one.
            pub const ALL: &'static [Habit] = &[$(Habit::$habit,)*];
        }
    };
}

habits! {
    Call "It is one of the platform's API: every one is.";
    SandboxCall "It is one of the sandbox's own API, and counted by its path.";
    BasicOnCall "It came with the API key itself instead of a token.";
    TokenOnCall "It came with a token.";
    PostWithoutKey "It is a POST without an idempotency key.";
    OldVersion "It is of a version of the API that is kept for old clients.";
    TooMany "It was refused because there were too many.";
    ServerError "It was answered 5xx.";
}

const HABITS: usize = Habit::ALL.len();

/// How often each habit was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Since when, real time.
    pub since: Timestamp,
    counts: [u64; HABITS],
    sandbox: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(super) const fn new(since: Timestamp) -> Self {
        Self { since, counts: [0; HABITS], sandbox: BTreeMap::new() }
    }

    pub(super) fn count(&mut self, habits: &[Habit], pattern: &'static str) {
        for habit in habits {
            if let Some(count) = self.counts.get_mut(*habit as usize) {
                *count = count.saturating_add(1);
            }
            if *habit == Habit::SandboxCall && (self.sandbox.len() < PATTERNS_MAX || self.sandbox.contains_key(pattern)) {
                let count = self.sandbox.entry(pattern).or_default();
                *count = count.saturating_add(1);
            }
        }
    }

    /// How often a habit was seen.
    #[must_use]
    pub fn of(&self, habit: Habit) -> u64 {
        self.counts.get(habit as usize).copied().unwrap_or(0)
    }

    /// How often each path of the sandbox's own API was asked.
    pub fn sandbox(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.sandbox.iter().map(|(pattern, count)| (*pattern, *count))
    }
}
