//! What has to be known of a hook to send something, remembered for a moment.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::hook::{Hook, SIGNING_KEY_BYTES, SigningKey, Target, forbidden, is_strict};
use domain::ids::HookId;
use domain::platform::Platform;
use domain::{PlatformId, RecordKey, Resource, Secret};
use engine::{Fresh, Reads, StoreError};
use rustc_hash::FxHashMap;

use crate::reach::Strictness;

/// Believed for this long at most: what another server has changed meanwhile is not known here. What this one changes is forgotten
/// at once.
const BELIEVED_FOR: Duration = Duration::from_millis(250);
/// Remembered at most.
const KEPT_MAX: usize = 16_384;

/// Whom to send to.
pub struct Address {
    /// Where.
    pub target: Target,
    /// How careful to be.
    pub strictness: Strictness,
    /// What to sign with.
    pub key: Option<Secret<[u8; SIGNING_KEY_BYTES]>>,
}

/// How a hook stands.
pub enum Known {
    /// It listens.
    Listens(Address),
    /// It does not, or is not there.
    Deaf,
    /// Its platform may not send there any more: it was allowed when the hook was made.
    Forbidden,
}

struct Kept {
    until: Instant,
    /// [`Fresh::changes`] when it was read.
    changes: u64,
    known: Arc<Known>,
}

/// Reads and remembers.
pub struct Addresses {
    reads: Arc<dyn Reads>,
    fresh: Arc<Fresh>,
    kept: Mutex<FxHashMap<(PlatformId, HookId), Kept>>,
}

impl Addresses {
    pub fn new(reads: Arc<dyn Reads>, fresh: Arc<Fresh>) -> Self {
        Self { reads, fresh, kept: Mutex::default() }
    }

    /// How a hook stands now.
    pub async fn of(&self, platform: PlatformId, hook: HookId) -> Result<Arc<Known>, StoreError> {
        let changes = self.fresh.changes();
        let kept = {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get(&(platform, hook))
                .filter(|kept| kept.changes == changes && kept.until > Instant::now())
                .map(|kept| Arc::clone(&kept.known))
        };
        if let Some(known) = kept {
            return Ok(known);
        }
        let known = Arc::new(self.read(platform, hook).await?);
        let Some(until) = Instant::now().checked_add(BELIEVED_FOR) else { return Ok(known) };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert((platform, hook), Kept { until, changes, known: Arc::clone(&known) });
        Ok(known)
    }

    async fn read(&self, platform: PlatformId, hook: HookId) -> Result<Known, StoreError> {
        let hook = self.find::<Hook>(platform, hook).await?;
        let body = self.find::<Platform>(platform, platform).await?;
        let key = self.find::<SigningKey>(platform, platform).await?;
        let (Some(hook), Some(body)) = (hook.filter(|hook| hook.is_live()), body) else { return Ok(Known::Deaf) };
        if body.status() == "ended" {
            return Ok(Known::Deaf);
        }
        let Ok(target) = Target::parse(hook.url.expose()) else { return Ok(Known::Forbidden) };
        if forbidden(&body, &target).is_some() {
            return Ok(Known::Forbidden);
        }
        let strictness = if is_strict(&body) { Strictness::Production } else { Strictness::Sandbox };
        Ok(Known::Listens(Address { target, strictness, key: key.and_then(|key| key.key.clone()) }))
    }

    /// How far the platform's clock is ahead.
    pub async fn ahead_ms(&self, platform: PlatformId) -> Result<i64, StoreError> {
        let body = self.find::<Platform>(platform, platform).await?;
        Ok(body.map_or(0, |platform| platform.clock_offset_ms))
    }

    async fn find<R: Resource>(&self, platform: PlatformId, id: R::Id) -> Result<Option<Arc<R>>, StoreError> {
        let record = self.reads.record(RecordKey { kind: R::KIND, platform, id: id.into() }).await?;
        Ok(record.and_then(|record| record.body::<R>()))
    }
}
