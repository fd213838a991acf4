//! The newest requests of one platform, within a bound of bytes.

use std::collections::VecDeque;

use domain::Timestamp;
use domain::ids::RequestId;

use super::{Entry, Tally};

/// Requests that were turned away although their caller is known (403, 429): so many are kept, apart from the others, so that
/// a client that calls on and on pushes out nothing of interest.
const TURNED_AWAY_KEPT: usize = 64;

pub struct Ring {
    entries: VecDeque<Entry>,
    turned_away: VecDeque<Entry>,
    bytes: usize,
    /// When it was used last, by the log's own count.
    pub used: u64,
    pub tally: Tally,
}

impl Ring {
    pub fn new(since: Timestamp) -> Self {
        Self { entries: VecDeque::new(), turned_away: VecDeque::new(), bytes: 0, used: 0, tally: Tally::new(since) }
    }

    /// Adds a request, and lets go of the oldest that are beyond `share` bytes.
    pub fn push(&mut self, entry: Entry, share: usize) {
        self.bytes = self.bytes.saturating_add(entry.bytes());
        if matches!(entry.status, 403 | 429) {
            self.turned_away.push_back(entry);
            if self.turned_away.len() > TURNED_AWAY_KEPT {
                let oldest = self.turned_away.pop_front();
                self.let_go(oldest);
            }
        } else {
            self.entries.push_back(entry);
        }
        self.shrink(share);
    }

    /// Lets go of the oldest that are beyond `share` bytes.
    pub fn shrink(&mut self, share: usize) {
        while self.bytes > share {
            let oldest = self.entries.pop_front().or_else(|| self.turned_away.pop_front());
            if oldest.is_none() {
                return;
            }
            self.let_go(oldest);
        }
    }

    fn let_go(&mut self, entry: Option<Entry>) {
        self.bytes = self.bytes.saturating_sub(entry.map_or(0, |entry| entry.bytes()));
    }

    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn find(&self, request: RequestId) -> Option<&Entry> {
        self.entries.iter().chain(&self.turned_away).find(|entry| entry.request == request)
    }

    /// All of them, those that came last first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Entry> {
        let (mut main, mut away) = (self.entries.iter().rev().peekable(), self.turned_away.iter().rev().peekable());
        std::iter::from_fn(move || match (main.peek(), away.peek()) {
            (Some(one), Some(other)) if other.at > one.at => away.next(),
            (Some(_), _) => main.next(),
            (None, _) => away.next(),
        })
    }
}
