//! Who is sent to next, and how many at once.
//!
//! Every hook has a line of its own. A target that answers is given more at once, up to a bound; one that lets the time pass is
//! suspect: it gets one at a time, and all suspects together a share of the places only. Platforms take turns, and the
//! hooks of a platform do. What does not fit into a line stays in the store and is fetched when there is room: nothing
//! here grows with what waits. Plain data and rules, without clock or I/O.

use std::collections::VecDeque;

use domain::PlatformId;
use domain::hook::Delivery;
use domain::ids::{DeliveryId, HookId};
use rustc_hash::{FxHashMap, FxHashSet};

/// Attempts under way at once at most.
pub const UNDER_WAY_MAX: usize = 1_024;
/// Those of suspects among them at most.
pub const SUSPECTS_MAX: usize = 256;
/// Those of one platform among them at most.
pub const OF_PLATFORM_MAX: usize = 256;
/// Those of one hook at most.
pub const OF_HOOK_MAX: usize = 32;
/// With how many at once a hook begins of which nothing is known.
const OF_NEW_HOOK: usize = 4;
/// Deliveries that wait in one line at most: the others are in the store.
pub const LINE_MAX: usize = 256;
/// A line this short, of which there is more in the store, is filled up.
const LINE_LOW: usize = 64;
/// Deliveries that are known at once at most, in all lines: waiting, under way, or to be noted.
pub const KNOWN_MAX: usize = 65_536;

/// How an attempt ended, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Felt {
    /// The target answered, whatever it said, or nothing was sent.
    Answered,
    /// The time passed, or there was nobody.
    Silent,
}

/// A delivery whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Which one.
    pub delivery: Delivery,
    /// Whether whoever waits wants it over with.
    pub is_rushed: bool,
}

/// A line that has room for more than it knows of.
pub type ToFill = (PlatformId, HookId);

#[derive(Debug)]
struct Line {
    waiting: VecDeque<Delivery>,
    known: FxHashSet<DeliveryId>,
    under_way: usize,
    limit: usize,
    is_suspect: bool,
    has_more: bool,
    /// Whether it stands in its platform's round.
    is_in_round: bool,
    /// Whether it waits for a place among the suspects.
    is_blocked: bool,
}

impl Line {
    fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            known: FxHashSet::default(),
            under_way: 0,
            limit: OF_NEW_HOOK,
            is_suspect: false,
            has_more: false,
            is_in_round: false,
            is_blocked: false,
        }
    }

    fn is_at_rest(&self) -> bool {
        self.known.is_empty() && !self.has_more
    }
}

#[derive(Debug, Default)]
struct Desk {
    lines: FxHashMap<HookId, Line>,
    round: VecDeque<HookId>,
    under_way: usize,
    is_in_round: bool,
    /// How many wait for all of it to be over.
    rushes: usize,
}

/// All lines.
#[derive(Debug, Default)]
pub struct Board {
    desks: FxHashMap<PlatformId, Desk>,
    round: VecDeque<PlatformId>,
    blocked: VecDeque<ToFill>,
    under_way: usize,
    suspects: usize,
    known: usize,
}

impl Board {
    /// Puts a delivery into its line. False if there is no room: it is in the store, and is fetched later.
    pub fn add(&mut self, delivery: Delivery) -> bool {
        let (platform, hook) = (delivery.platform, delivery.hook);
        let is_full = self.known >= KNOWN_MAX;
        let line = self.desks.entry(platform).or_default().lines.entry(hook).or_insert_with(Line::new);
        if line.known.contains(&delivery.id) {
            return true;
        }
        if is_full || line.waiting.len() >= LINE_MAX {
            line.has_more = true;
            return false;
        }
        line.known.insert(delivery.id);
        line.waiting.push_back(delivery);
        self.known = self.known.saturating_add(1);
        self.line_up(platform, hook);
        true
    }

    /// How many of a hook there is room for.
    #[must_use]
    pub fn room(&self, platform: PlatformId, hook: HookId) -> usize {
        let waiting = self.line(platform, hook).map_or(0, |line| line.waiting.len());
        LINE_MAX.saturating_sub(waiting).min(KNOWN_MAX.saturating_sub(self.known))
    }

    /// How many of a hook are known: waiting, under way, or to be noted.
    #[must_use]
    pub fn known_of_hook(&self, platform: PlatformId, hook: HookId) -> usize {
        self.line(platform, hook).map_or(0, |line| line.known.len())
    }

    /// How many of a platform are known.
    #[must_use]
    pub fn known_of(&self, platform: PlatformId) -> usize {
        let lines = self.desks.get(&platform).into_iter().flat_map(|desk| desk.lines.values());
        lines.map(|line| line.known.len()).sum()
    }

    /// Says whether the store has more of a hook than is known of it.
    pub fn note_more(&mut self, platform: PlatformId, hook: HookId, has_more: bool) {
        if let Some(line) = self.line_mut(platform, hook) {
            line.has_more = has_more;
        }
    }

    /// Platforms of which something is known.
    #[must_use]
    pub fn platforms(&self) -> Vec<PlatformId> {
        self.desks.iter().filter(|(_, desk)| !desk.lines.is_empty() || desk.rushes > 0).map(|(platform, _)| *platform).collect()
    }

    /// Has everything of a platform sent without regard for how its targets behaved, until [`Board::calm`].
    pub fn rush(&mut self, platform: PlatformId) {
        let desk = self.desks.entry(platform).or_default();
        desk.rushes = desk.rushes.saturating_add(1);
        let hooks: Vec<HookId> = desk.lines.keys().copied().collect();
        hooks.into_iter().for_each(|hook| self.line_up(platform, hook));
    }

    /// Ends one [`Board::rush`].
    pub fn calm(&mut self, platform: PlatformId) {
        if let Some(desk) = self.desks.get_mut(&platform) {
            desk.rushes = desk.rushes.saturating_sub(1);
        }
    }

    /// The next delivery to send, if there is a place for it.
    pub fn next_turn(&mut self) -> Option<Turn> {
        for _ in 0..self.round.len() {
            if self.under_way >= UNDER_WAY_MAX {
                return None;
            }
            let platform = self.round.pop_front()?;
            let turn = self.next_of(platform);
            let Some(desk) = self.desks.get_mut(&platform) else { continue };
            desk.is_in_round = !desk.round.is_empty() && desk.under_way < OF_PLATFORM_MAX;
            if desk.is_in_round {
                self.round.push_back(platform);
            }
            if turn.is_some() {
                return turn;
            }
        }
        None
    }

    fn next_of(&mut self, platform: PlatformId) -> Option<Turn> {
        let is_full = self.suspects >= SUSPECTS_MAX;
        let desk = self.desks.get_mut(&platform)?;
        if desk.under_way >= OF_PLATFORM_MAX {
            return None;
        }
        for _ in 0..desk.round.len() {
            let hook = desk.round.pop_front()?;
            let is_rushed = desk.rushes > 0;
            let Some(line) = desk.lines.get_mut(&hook) else { continue };
            line.is_in_round = false;
            if line.is_suspect && is_full && !is_rushed {
                line.is_blocked = true;
                self.blocked.push_back((platform, hook));
                continue;
            }
            let limit = if is_rushed { OF_PLATFORM_MAX } else { line.limit };
            if line.under_way >= limit {
                continue;
            }
            let Some(delivery) = line.waiting.pop_front() else { continue };
            line.under_way = line.under_way.saturating_add(1);
            if line.is_suspect {
                self.suspects = self.suspects.saturating_add(1);
            }
            line.is_in_round = !line.waiting.is_empty() && line.under_way < limit;
            if line.is_in_round {
                desk.round.push_back(hook);
            }
            desk.under_way = desk.under_way.saturating_add(1);
            self.under_way = self.under_way.saturating_add(1);
            return Some(Turn { delivery, is_rushed });
        }
        None
    }

    /// Notes that an attempt has ended. It stays known until [`Board::forget`].
    pub fn ended(&mut self, platform: PlatformId, hook: HookId, felt: Felt) {
        self.under_way = self.under_way.saturating_sub(1);
        let mut freed = false;
        if let Some(desk) = self.desks.get_mut(&platform) {
            desk.under_way = desk.under_way.saturating_sub(1);
            if let Some(line) = desk.lines.get_mut(&hook) {
                if line.is_suspect {
                    // One that became suspect while others of it were under way counts no more than there are places.
                    self.suspects = self.suspects.saturating_sub(1);
                    freed = true;
                }
                let before = line.under_way;
                line.under_way = before.saturating_sub(1);
                match felt {
                    Felt::Answered => {
                        if line.is_suspect {
                            self.suspects = self.suspects.saturating_sub(line.under_way);
                        }
                        (line.is_suspect, line.limit) = (false, line.limit.saturating_mul(2).min(OF_HOOK_MAX));
                    }
                    Felt::Silent => {
                        if !line.is_suspect {
                            self.suspects = self.suspects.saturating_add(line.under_way);
                        }
                        (line.is_suspect, line.limit) = (true, 1);
                    }
                }
            }
        }
        self.line_up(platform, hook);
        if freed && let Some((platform, hook)) = self.blocked.pop_front() {
            if let Some(line) = self.line_mut(platform, hook) {
                line.is_blocked = false;
            }
            self.line_up(platform, hook);
        }
        // The platform may have left the round because it had too many under way.
        self.join_round(platform);
    }

    /// Forgets a delivery: how its turn ended is stored. Gives the line if it is to be filled up from the store.
    pub fn forget(&mut self, platform: PlatformId, hook: HookId, delivery: DeliveryId) -> Option<ToFill> {
        let line = self.line_mut(platform, hook)?;
        let was_known = line.known.remove(&delivery);
        let to_fill = line.has_more && line.waiting.len() < LINE_LOW;
        if was_known {
            self.known = self.known.saturating_sub(1);
        }
        to_fill.then_some((platform, hook))
    }

    /// Forgets what waits of a platform and is not under way: somebody else sends it.
    pub fn leave(&mut self, platform: PlatformId) {
        let Some(desk) = self.desks.get_mut(&platform) else { return };
        let mut dropped: usize = 0;
        for line in desk.lines.values_mut() {
            for delivery in line.waiting.drain(..) {
                if line.known.remove(&delivery.id) {
                    dropped = dropped.saturating_add(1);
                }
            }
            line.has_more = false;
        }
        self.known = self.known.saturating_sub(dropped);
    }

    /// Forgets lines of which nothing is known.
    pub fn tidy(&mut self) {
        for desk in self.desks.values_mut() {
            desk.lines.retain(|_, line| !line.is_at_rest() || line.under_way > 0 || line.is_suspect);
            // A suspect is remembered only while its platform has anything to do.
            if desk.lines.values().all(|line| line.is_at_rest() && line.under_way == 0) {
                desk.lines.clear();
            }
            desk.round.retain(|hook| desk.lines.contains_key(hook));
        }
        self.desks.retain(|_, desk| !desk.lines.is_empty() || desk.rushes > 0 || desk.under_way > 0);
        let desks = &self.desks;
        self.round.retain(|platform| desks.contains_key(platform));
        self.blocked.retain(|(platform, hook)| desks.get(platform).is_some_and(|desk| desk.lines.contains_key(hook)));
    }

    fn line(&self, platform: PlatformId, hook: HookId) -> Option<&Line> {
        self.desks.get(&platform)?.lines.get(&hook)
    }

    fn line_mut(&mut self, platform: PlatformId, hook: HookId) -> Option<&mut Line> {
        self.desks.get_mut(&platform)?.lines.get_mut(&hook)
    }

    /// Has a line stand in its platform's round, if it has something that may go.
    fn line_up(&mut self, platform: PlatformId, hook: HookId) {
        let Some(desk) = self.desks.get_mut(&platform) else { return };
        let is_rushed = desk.rushes > 0;
        let Some(line) = desk.lines.get_mut(&hook) else { return };
        let limit = if is_rushed { OF_PLATFORM_MAX } else { line.limit };
        let may_go = !line.waiting.is_empty() && line.under_way < limit && (!line.is_blocked || is_rushed);
        if may_go && !line.is_in_round {
            line.is_in_round = true;
            desk.round.push_back(hook);
        }
        self.join_round(platform);
    }

    fn join_round(&mut self, platform: PlatformId) {
        let Some(desk) = self.desks.get_mut(&platform) else { return };
        if !desk.is_in_round && !desk.round.is_empty() && desk.under_way < OF_PLATFORM_MAX {
            desk.is_in_round = true;
            self.round.push_back(platform);
        }
    }
}

#[cfg(test)]
mod tests;
