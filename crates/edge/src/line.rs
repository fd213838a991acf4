//! What is known of one connection while it lasts: what it waits for, since when, and how much it holds.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use domain::PlatformId;
use tokio::time::{Duration, Instant};

use crate::Limits;
use crate::memory::{Held, Memory};

/// Who is at the other end of a request's connection. The door puts it among the request's extensions.
#[derive(Clone)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    pub(crate) line: Arc<Line>,
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
    memory: Arc<Memory>,
    accepted: Instant,
    phase: AtomicU8,
    /// Since when nothing has moved, in milliseconds after it was accepted.
    since_ms: AtomicU64,
    /// What the present request holds of the shared memory, and whether it holds any: most never do.
    held: Mutex<Option<Held>>,
    is_holding: AtomicBool,
}

impl Line {
    pub fn new(limits: Limits, memory: Arc<Memory>) -> Self {
        Self {
            limits,
            memory,
            accepted: Instant::now(),
            phase: AtomicU8::new(Phase::Fresh as u8),
            since_ms: AtomicU64::new(0),
            held: Mutex::new(None),
            is_holding: AtomicBool::new(false),
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

    /// Takes bytes of the shared memory for the present request; `false` if the platform may not have so many now.
    pub fn hold(&self, platform: PlatformId, bytes: usize) -> bool {
        self.is_holding.store(true, Ordering::Relaxed);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get_or_insert_with(|| Held::nothing(Arc::clone(&self.memory), platform)).take(bytes)
    }

    fn release(&self) {
        if self.is_holding.swap(false, Ordering::Relaxed) {
            *self.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_comes_back_with_the_answer_and_with_the_end() {
        let memory = Arc::new(Memory::new(9));
        let line = || Line::new(Limits::default(), Arc::clone(&memory));
        let platform = PlatformId(ledger::Uid::from_bits(1));
        let (one, two) = (line(), line());
        assert!(one.hold(platform, 2) && one.hold(platform, 2) && !two.hold(platform, 3) && two.hold(platform, 2));
        one.end();
        assert!(two.hold(platform, 4) && !one.hold(platform, 1));
        drop(two);
        assert!(one.hold(platform, 6));
    }
}
