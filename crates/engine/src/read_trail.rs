//! The audit trail of reads.
//!
//! A read of personal data is told to nobody before its line is durable: each is a command of its own, so that all
//! that wait share one commit. Other reads are gathered for some milliseconds into one command, and may be answered first:
//! a death loses at most those.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{AuditLine, Ctx, NoteReads};

use crate::{Engine, Refused};

/// Lines are gathered for this long.
const GATHER_FOR: Duration = Duration::from_millis(20);
/// Lines that may wait; one more is refused as overload.
const GATHERED_MAX: usize = 16_384;

/// Notes reads.
pub struct ReadTrail {
    engine: Engine,
    gathered: Mutex<Gathered>,
    /// Held while lines are taken and stored: whoever has it knows where they all are.
    storing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Gathered {
    lines: Vec<AuditLine>,
    /// A task is on its way that takes them.
    is_awaited: bool,
}

impl ReadTrail {
    /// Over an engine.
    #[must_use]
    pub fn new(engine: Engine) -> Arc<Self> {
        Arc::new(Self { engine, gathered: Mutex::default(), storing: tokio::sync::Mutex::default() })
    }

    /// Notes a read of personal data; durable on return. Errors: nothing may be answered.
    pub async fn personal(&self, line: AuditLine) -> Result<(), Refused> {
        self.store(vec![line]).await
    }

    /// Notes any other read. Errors: `Overloaded` when too many lines wait.
    pub fn other(self: &Arc<Self>, line: AuditLine) -> Result<(), Refused> {
        let mut gathered = self.lock();
        if gathered.lines.len() >= GATHERED_MAX {
            return Err(Refused::Overloaded);
        }
        gathered.lines.push(line);
        if !std::mem::replace(&mut gathered.is_awaited, true) {
            tokio::spawn(Arc::clone(self).take());
        }
        Ok(())
    }

    /// Stores what was gathered without waiting for more; durable on return. For a server that ends.
    pub async fn flush(&self) -> Result<(), Refused> {
        let _alone = self.storing.lock().await;
        let lines = std::mem::take(&mut self.lock().lines);
        let stored = self.store(lines.clone()).await;
        if stored.is_err() {
            self.lock().lines.splice(..0, lines);
        }
        stored
    }

    /// Stores what was gathered, after a while. What could not be stored stays, and is tried again.
    async fn take(self: Arc<Self>) {
        loop {
            tokio::time::sleep(GATHER_FOR).await;
            let _alone = self.storing.lock().await;
            let Some(lines) = self.gathered() else { return };
            match self.store(lines.clone()).await {
                Ok(()) => {}
                Err(Refused::Stopping) => return,
                Err(error @ (Refused::Overloaded | Refused::Fault | Refused::GivenId(_) | Refused::Ended)) => {
                    tracing::warn!(%error, lines = lines.len(), "reads could not be noted yet");
                    self.lock().lines.splice(..0, lines);
                }
            }
        }
    }

    /// What was gathered; `None` once there is nothing, and the next line has to call for a task of its own.
    fn gathered(&self) -> Option<Vec<AuditLine>> {
        let mut gathered = self.lock();
        let lines = std::mem::take(&mut gathered.lines);
        gathered.is_awaited = !lines.is_empty();
        gathered.is_awaited.then_some(lines)
    }

    async fn store(&self, lines: Vec<AuditLine>) -> Result<(), Refused> {
        let Some(first) = lines.first() else { return Ok(()) };
        let ctx = Ctx { platform: first.platform, actor: first.actor, request: first.request, origin: first.origin, given_id: None };
        match self.engine.run(ctx, NoteReads { lines }).await? {
            Ok(()) => Ok(()),
            Err(never) => match never {},
        }
    }

    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
