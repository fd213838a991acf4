//! Taking away what is old, a little at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::ids::{RequestId, ScaSessionId, TokenId};
use domain::platform::{AccessToken, Platform};
use domain::retention::{ENDED_KEPT_MS, EraseUser, Erased, ForgetKeys, ForgetSessions, ForgetTokens, KEYS_KEPT_MS, SESSIONS_KEPT_MS};
use domain::sca::ScaSession;
use domain::user::User;
use domain::{Command, Ctx, IdempotencyKey, Ids, Kind, Named, PlatformId, Record, RecordKey, Resource, Timestamp, UserId};

use crate::{Clock, Engine, Listing, Page, Reads, StoreError};

/// How often it is looked.
const PAUSE: Duration = Duration::from_secs(600);
/// After each step, so that others come first.
const REST: Duration = Duration::from_millis(20);
/// Rows taken away with one command; lists give no longer pages.
const STEP: u32 = 100;
/// Keys taken away at once, whatever their platforms: they are as many as requests.
const KEYS: u32 = 1_000;
/// Platforms looked up at once.
const PLATFORMS: u32 = 100;

/// Looks for what is old, and has it taken away by commands of [`domain::retention`].
///
/// It keeps no place: whatever is still there is found again, by whichever server looks next.
pub struct Retention {
    engine: Engine,
    reads: Arc<dyn Reads>,
    clock: Arc<dyn Clock>,
    ids: Mutex<Box<dyn Ids>>,
}

impl Retention {
    /// Over an engine and its reads; `ids` names what it does, for the audit trail.
    #[must_use]
    pub fn new(engine: Engine, reads: Arc<dyn Reads>, clock: Arc<dyn Clock>, ids: Box<dyn Ids>) -> Self {
        Self { engine, reads, clock, ids: Mutex::new(ids) }
    }

    /// Goes round again and again, until the task is dropped. A server that has just started has better things to do first.
    pub async fn run(self: Arc<Self>) {
        loop {
            tokio::time::sleep(PAUSE).await;
            match self.round(REST).await {
                Ok(0) => {}
                Ok(rows) => tracing::info!(rows, "old rows were taken away"),
                Err(error) => tracing::error!(%error, "old rows could not be taken away"),
            }
        }
    }

    /// Takes away everything that is old now. Gives how many rows that were.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let mut all: usize = 0;
        loop {
            match self.round(Duration::ZERO).await? {
                0 => return Ok(all),
                rows => all = all.saturating_add(rows),
            }
        }
    }

    /// Takes away everything of one platform that is old now. Gives how many rows that were.
    pub async fn sweep_of(&self, platform: PlatformId) -> Result<usize, StoreError> {
        let mut all: usize = 0;
        loop {
            match self.forget_keys(Some(platform)).await?.saturating_add(self.step(platform).await?) {
                0 => return Ok(all),
                rows => all = all.saturating_add(rows),
            }
        }
    }

    /// Goes through all platforms once. One whose turn fails is told of, and does not keep the others from theirs.
    async fn round(&self, rest: Duration) -> Result<usize, StoreError> {
        let (mut rows, mut after) = (0_usize, None);
        loop {
            let forgotten = self.forget_keys(None).await?;
            if forgotten == 0 {
                break;
            }
            rows = rows.saturating_add(forgotten);
            tokio::time::sleep(rest).await;
        }
        loop {
            let platforms = self.reads.platforms(after, PLATFORMS).await?;
            for platform in &platforms {
                loop {
                    match self.step(*platform).await {
                        Ok(0) => break,
                        Ok(step) => rows = rows.saturating_add(step),
                        Err(error) => {
                            tracing::error!(%error, %platform, "old rows of a platform could not be taken away");
                            break;
                        }
                    }
                    tokio::time::sleep(rest).await;
                }
            }
            after = platforms.last().copied();
            if after.is_none() {
                return Ok(rows);
            }
        }
    }

    /// Takes idempotency keys away that are old, of one platform or of whatever platforms.
    async fn forget_keys(&self, of: Option<PlatformId>) -> Result<usize, StoreError> {
        let until = self.clock.now().plus_ms(KEYS_KEPT_MS.saturating_neg());
        let mut of_platforms: BTreeMap<PlatformId, Vec<IdempotencyKey>> = BTreeMap::new();
        for key in self.reads.old_keys(of, until, KEYS).await? {
            of_platforms.entry(key.platform).or_default().push(key);
        }
        let mut rows = 0_usize;
        for (platform, keys) in of_platforms {
            rows = rows.saturating_add(self.decided(platform, ForgetKeys { keys }).await?);
        }
        Ok(rows)
    }

    async fn step(&self, platform: PlatformId) -> Result<usize, StoreError> {
        let real_now = self.clock.now();
        let business = self.reads.record(RecordKey { kind: Platform::KIND, platform, id: platform.0 }).await?;
        let body = business.and_then(|record| record.body::<Platform>());
        let offset_ms = body.as_ref().map_or(0, |body| body.clock_offset_ms);
        let ended_at = body.and_then(|body| body.ended_at);
        let now = real_now.plus_ms(offset_ms);
        let mut rows = 0_usize;

        // They are listed by business time and end in real time, which is never ahead of it.
        let tokens = self.oldest(platform, AccessToken::KIND, now).await?;
        let ended = |token: &AccessToken| token.expires_at <= real_now;
        let tokens: Vec<TokenId> = ids_of(&tokens, ended).map(TokenId).collect();
        if !tokens.is_empty() {
            rows = rows.saturating_add(self.decided(platform, ForgetTokens { tokens }).await?);
        }
        let until = now.plus_ms(SESSIONS_KEPT_MS.saturating_neg());
        let sessions = self.oldest(platform, ScaSession::KIND, until).await?;
        let ended = |session: &ScaSession| !session.is_open() && session.expires_at <= until;
        let sessions: Vec<ScaSessionId> = ids_of(&sessions, ended).map(ScaSessionId).collect();
        if !sessions.is_empty() {
            rows = rows.saturating_add(self.decided(platform, ForgetSessions { sessions }).await?);
        }
        if ended_at.is_some_and(|at| at.plus_ms(ENDED_KEPT_MS) <= real_now) {
            rows = rows.saturating_add(self.erase_users(platform, now).await?);
        }
        Ok(rows)
    }

    /// Erases some users of a platform that was ended; those who are held stay. Gives how many.
    async fn erase_users(&self, platform: PlatformId, now: Timestamp) -> Result<usize, StoreError> {
        let mut number: u64 = 1;
        loop {
            let page = Page { number, size: STEP, newest_first: false };
            let users = self.records(platform, User::KIND, now.plus_ms(1), page).await?;
            let mut count: usize = 0;
            for user in ids_of(&users, |user: &User| !user.is_held).map(UserId) {
                let request = self.fresh_request(platform);
                let erased = self.engine.run(Ctx::system(platform, request), EraseUser { user }).await;
                if erased.map_err(|refused| StoreError::Fault(refused.to_string()))? == Ok(Erased::Done) {
                    count = count.saturating_add(1);
                }
            }
            // A page of those who are held is in nobody's way.
            if count > 0 || users.is_empty() {
                return Ok(count);
            }
            number = number.saturating_add(1);
        }
    }

    async fn oldest(&self, platform: PlatformId, kind: &'static Kind, before: Timestamp) -> Result<Vec<Record>, StoreError> {
        self.records(platform, kind, before, Page { number: 1, size: STEP, newest_first: false }).await
    }

    async fn records(&self, platform: PlatformId, kind: &'static Kind, before: Timestamp, page: Page) -> Result<Vec<Record>, StoreError> {
        let listing = Listing { before: Some(before), ..Listing::default() };
        self.reads.records(platform, kind, listing, page).await.map(|listed| listed.rows)
    }

    fn fresh_request(&self, platform: PlatformId) -> RequestId {
        RequestId(self.ids.lock().unwrap_or_else(PoisonError::into_inner).fresh_of(platform, RequestId::SPACE))
    }

    async fn decided<C: Command<Outcome = usize, Error = std::convert::Infallible>>(
        &self,
        platform: PlatformId,
        command: C,
    ) -> Result<usize, StoreError> {
        match self.engine.run(Ctx::system(platform, self.fresh_request(platform)), command).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(never)) => match never {},
            Err(refused) => Err(StoreError::Fault(refused.to_string())),
        }
    }
}

fn ids_of<'a, R: Resource>(records: &'a [Record], is_over: impl Fn(&R) -> bool + 'a) -> impl Iterator<Item = ledger::Uid> + 'a {
    records.iter().filter(move |record| record.body::<R>().is_some_and(|body| is_over(&body))).map(|record| record.lead.id)
}
