//! Stores how attempts ended, many at a time: whatever ended while the last ones were stored is stored next.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::hook::{AttemptNote, NoteAttempts};
use domain::ids::{DeliveryId, HookId, RequestId};
use domain::{Ctx, Ids, Named, PlatformId};
use engine::{Engine, Refused};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

/// Notes stored with one command at most.
const AT_ONCE: usize = 256;
/// Notes taken up at once at most.
const TAKEN_MAX: usize = 4_096;
/// After notes could not be stored.
const REST: Duration = Duration::from_millis(100);
/// After the store, or Florin, was at fault: whatever was sent is sent again meanwhile, since nobody knows that it was.
const LONG_REST: Duration = Duration::from_secs(1);

/// What a turn of a platform's delivery came to.
pub type Noted = (PlatformId, AttemptNote);

/// Whoever is told what is stored.
pub trait Forget: Send + Sync {
    /// How the turn of a delivery ended is stored, or never will be.
    fn forget(&self, platform: PlatformId, hook: HookId, delivery: DeliveryId);
    /// Many were forgotten.
    fn forgotten(&self);
}

/// Stores notes until nobody sends any.
pub async fn keep(mut notes: UnboundedReceiver<Noted>, engine: Engine, ids: Arc<Mutex<Box<dyn Ids>>>, forget: Arc<dyn Forget>) {
    let mut taken = Vec::new();
    while notes.recv_many(&mut taken, TAKEN_MAX).await > 0 {
        let mut by_platform: BTreeMap<PlatformId, Vec<AttemptNote>> = BTreeMap::new();
        for (platform, note) in taken.drain(..) {
            by_platform.entry(platform).or_default().push(note);
        }
        let mut storing = JoinSet::new();
        for (platform, notes) in by_platform {
            for notes in notes.chunks(AT_ONCE) {
                let request = RequestId(ids.lock().unwrap_or_else(PoisonError::into_inner).fresh_of(platform, RequestId::SPACE));
                let (engine, notes, forget) = (engine.clone(), notes.to_vec(), Arc::clone(&forget));
                storing.spawn(async move {
                    let ctx = Ctx::system(platform, request);
                    let is_stored = store(&engine, ctx, &notes).await;
                    for note in &notes {
                        forget.forget(platform, note.hook, note.delivery);
                    }
                    is_stored
                });
            }
        }
        let mut all_stored = true;
        while let Some(stored) = storing.join_next().await {
            all_stored &= stored.unwrap_or(false);
        }
        forget.forgotten();
        if !all_stored {
            tokio::time::sleep(LONG_REST).await;
        }
    }
}

/// False if they cannot be stored.
async fn store(engine: &Engine, ctx: Ctx, notes: &[AttemptNote]) -> bool {
    loop {
        match engine.run(ctx, NoteAttempts { notes: notes.to_vec() }).await {
            Ok(Ok(_)) => return true,
            Ok(Err(never)) => match never {},
            Err(Refused::Overloaded) => tokio::time::sleep(REST).await,
            Err(Refused::Stopping) => return true,
            Err(error) => {
                tracing::error!(%error, platform = %ctx.platform, notes = notes.len(), "how deliveries went could not be noted");
                return false;
            }
        }
    }
}
