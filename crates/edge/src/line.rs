//! What is known of one connection while it lasts: what it waits for, since when, and how much it holds.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};

use tokio::time::{Duration, Instant};

use crate::Limits;

/// Who is at the other end of a request's connection. The door puts it among the request's extensions.
#[derive(Clone)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    pub(crate) line: Arc<Line>,
}

/// Bytes of bodies that may be in memory, for all connections together.
pub(crate) struct Budget {
    left: AtomicUsize,
}

impl Budget {
    pub const fn new(bytes: usize) -> Self {
        Self { left: AtomicUsize::new(bytes) }
    }

    fn take(&self, bytes: usize) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// What a connection is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Accepted, and nothing came yet.
    Fresh,
    /// The head of a request has begun to come.
    Head,
    /// A request is under way.
    Busy,
    /// An answer was given; it goes out, or the next request is waited for.
    Idle,
}

impl Phase {
    const ALL: [Self; 4] = [Self::Fresh, Self::Head, Self::Busy, Self::Idle];

    fn of(number: u8) -> Self {
        Self::ALL.into_iter().find(|phase| *phase as u8 == number).unwrap_or(Self::Busy)
    }
}

/// One connection. Only its own task changes it, so nothing here has to agree with anything else.
pub(crate) struct Line {
    pub limits: Limits,
    budget: Arc<Budget>,
    accepted: Instant,
    phase: AtomicU8,
    /// Since when nothing has moved, in milliseconds after it was accepted.
    since_ms: AtomicU64,
    /// Bytes of the budget that the present request holds.
    held: AtomicUsize,
}

impl Line {
    pub fn new(limits: Limits, budget: Arc<Budget>) -> Self {
        Self {
            limits,
            budget,
            accepted: Instant::now(),
            phase: AtomicU8::new(Phase::Fresh as u8),
            since_ms: AtomicU64::new(0),
            held: AtomicUsize::new(0),
        }
    }

    pub fn phase(&self) -> Phase {
        Phase::of(self.phase.load(Ordering::Relaxed))
    }

    fn move_to(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
        self.since_ms.store(u64::try_from(self.accepted.elapsed().as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Bytes came.
    pub fn has_read(&self) {
        if matches!(self.phase(), Phase::Fresh | Phase::Idle) {
            self.move_to(Phase::Head);
        }
    }

    /// Bytes of an answer went out.
    pub fn has_written(&self) {
        if self.phase() == Phase::Idle {
            self.move_to(Phase::Idle);
        }
    }

    /// A request has begun.
    pub fn begin(&self) {
        self.phase.store(Phase::Busy as u8, Ordering::Relaxed);
    }

    /// It has been answered; nothing of its body is needed any more.
    pub fn end(&self) {
        self.release();
        self.move_to(Phase::Idle);
    }

    /// Whether it has waited longer than it may for what it waits for.
    pub fn is_overdue(&self) -> bool {
        let timeout = match self.phase() {
            Phase::Busy => return false,
            Phase::Head => self.limits.head_timeout,
            Phase::Fresh | Phase::Idle => self.limits.idle_timeout,
        };
        let since = Duration::from_millis(self.since_ms.load(Ordering::Relaxed));
        self.accepted.elapsed() >= since.saturating_add(timeout)
    }

    /// Takes bytes of the budget for the present request; `false` if so many are not left.
    pub fn hold(&self, bytes: usize) -> bool {
        let is_held = self.budget.take(bytes);
        if is_held {
            self.held.fetch_add(bytes, Ordering::Relaxed);
        }
        is_held
    }

    fn release(&self) {
        let held = self.held.swap(0, Ordering::Relaxed);
        if held > 0 {
            self.budget.give_back(held);
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_comes_back_with_the_answer_and_with_the_end() {
        let budget = Arc::new(Budget::new(10));
        let line = || Line::new(Limits::default(), Arc::clone(&budget));
        let (one, two) = (line(), line());
        assert!(one.hold(6) && !two.hold(5) && two.hold(4));
        one.end();
        assert!(two.hold(6) && !one.hold(1));
        drop(two);
        assert!(one.hold(10));
    }
}
