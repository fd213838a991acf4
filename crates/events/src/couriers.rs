//! Sends what is due, as it becomes due, until the task is dropped; or, for a sandbox that wants to know, now.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::hook::{AttemptNote, Delivery, Ended, Told};
use domain::ids::{DeliveryId, HookId};
use domain::{Ids, PlatformId, Timestamp};
use engine::{Backlog, BacklogFuture, Clock, Deliveries, Drained, Engine, Fresh, Reads, StoreError};
use ledger::Uid;
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::addresses::Addresses;
use crate::attempt::Attempts;
use crate::board::{Board, Felt, Turn};
use crate::client::Client;
use crate::meddle::{Meddler, Meddling};
use crate::notes::{self, Forget, Noted};
use crate::own::Own;
use crate::reach::Reach;
use crate::tls::Tls;
use crate::wording::Wording;

/// What an answer may take. Source: reference, people part, 10.2.
const PATIENCE: Duration = Duration::from_secs(2);
/// It is looked this often for what has become due, and for what other servers have stored.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Looking may take this share of the time at most: one in so many.
const LOOKING_SHARE: u32 = 8;
/// Hooks that are asked for at once.
const HOOKS_AT_ONCE: u32 = 256;
/// A turn is ours for this long, real time...
const TURN_MS: i64 = 10_000;
/// ...and is made longer once it has less than this left.
const TURN_LOW_MS: i64 = 6_000;
/// What waits for another one to go before it goes after this long.
const HELD_FOR: Duration = Duration::from_secs(5);
/// A read of the store is not older than this when it is used.
const GONE_FOR: Duration = Duration::from_secs(5);
/// Between two looks at whether all of a platform is over.
const WATCH_EVERY: Duration = Duration::from_millis(20);

/// How couriers work.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Whether anything is sent.
    pub is_on: bool,
    /// How far.
    pub reach: Reach,
}

/// What couriers work with.
pub struct Tools {
    /// Notes how things went.
    pub engine: Engine,
    /// Knows hooks.
    pub reads: Arc<dyn Reads>,
    /// Knows what is due.
    pub deliveries: Arc<dyn Deliveries>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Names what they do, and them.
    pub ids: Box<dyn Ids>,
    /// Puts it into words.
    pub wording: Arc<dyn Wording>,
    /// Has things go wrong.
    pub meddler: Arc<dyn Meddler>,
    /// The server's own receiver.
    pub own: Arc<dyn Own>,
}

/// Sends deliveries. Cheap to clone.
#[derive(Clone)]
pub struct Couriers(Arc<Shared>);

struct Shared {
    attempts: Attempts,
    deliveries: Arc<dyn Deliveries>,
    clock: Arc<dyn Clock>,
    fresh: Arc<Fresh>,
    meddler: Arc<dyn Meddler>,
    settings: Settings,
    /// Names this server among those that take turns.
    holder: Uid,
    engine: Engine,
    ids: Arc<Mutex<Box<dyn Ids>>>,
    state: Mutex<State>,
    notes: UnboundedSender<Noted>,
    to_note: Mutex<Option<UnboundedReceiver<Noted>>>,
    /// Somebody wants a look now.
    look: Notify,
    /// Something has ended.
    ended: Notify,
}

#[derive(Default)]
struct State {
    board: Board,
    /// Whether somebody wants a look everywhere, now.
    is_wanted: bool,
    /// Lines to be filled up from the store.
    to_fill: FxHashSet<(PlatformId, HookId)>,
    /// Whose turn is ours, until when (real time).
    turns: FxHashMap<PlatformId, Timestamp>,
    /// What waits for another delivery of its platform to go first.
    held: FxHashMap<PlatformId, Vec<Held>>,
    /// Turns that ended a moment ago: what was read before that was noted is not sent again.
    gone: FxHashMap<Gone, Instant>,
    /// Turns that have ended, of platforms for which somebody waits.
    done: FxHashMap<PlatformId, usize>,
}

/// A turn: which delivery, how often it had been tried, and when it was due.
type Gone = (DeliveryId, u32, Option<Timestamp>);

impl State {
    /// Puts a delivery into its line, unless this very turn of it has been.
    fn add(&mut self, delivery: Delivery) {
        if !self.gone.contains_key(&(delivery.id, delivery.attempts, delivery.due_at)) {
            self.board.add(delivery);
        }
    }
}

struct Held {
    delivery: Delivery,
    until: Instant,
}

impl Couriers {
    /// Couriers that have not begun: nothing is sent before [`Couriers::run`].
    #[must_use]
    pub fn new(tools: Tools, settings: Settings) -> Self {
        let Tools { engine, reads, deliveries, clock, mut ids, wording, meddler, own } = tools;
        let fresh = Arc::clone(engine.fresh());
        let holder = ids.fresh();
        let attempts = Attempts {
            addresses: Addresses::new(reads, Arc::clone(&fresh)),
            client: Client::new(settings.reach, Tls::default()),
            wording,
            clock: Arc::clone(&clock),
            own,
        };
        let (notes, to_note) = unbounded_channel();
        Self(Arc::new(Shared {
            attempts,
            deliveries,
            clock,
            fresh,
            meddler,
            settings,
            holder,
            engine,
            ids: Arc::new(Mutex::new(ids)),
            state: Mutex::default(),
            notes,
            to_note: Mutex::new(Some(to_note)),
            look: Notify::new(),
            ended: Notify::new(),
        }))
    }

    /// Sends what is due as it becomes due, until the task is dropped. To be run once.
    pub async fn run(self) {
        let shared = self.0;
        let taken = shared.to_note.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(to_note) = taken.filter(|_| shared.settings.is_on) else { return };
        shared.fresh.want();
        let mut tasks = JoinSet::new();
        let forget: Arc<dyn Forget> = Arc::new(Forgetful(Arc::clone(&shared)));
        tasks.spawn(notes::keep(to_note, shared.engine.clone(), Arc::clone(&shared.ids), forget));
        tasks.spawn(Arc::clone(&shared).send_fresh());
        tasks.spawn(Arc::clone(&shared).look_again_and_again());
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a courier has ended");
            }
        }
    }

    /// Lets other servers send what this one would have sent.
    pub async fn leave(&self) {
        if !self.0.settings.is_on {
            return;
        }
        if let Err(error) = self.0.deliveries.give_turns_back(self.0.holder).await {
            tracing::warn!(%error, "other servers cannot send yet what this one would have sent");
        }
    }

    /// Sends everything of a platform that is due now, business time, all of it at once, and waits until all of that is over and
    /// noted, or until `until`. A target that hangs takes its two seconds, as often as it has a delivery that is due; those go side by
    /// side. Without couriers that send there is nothing to wait for.
    pub async fn deliver_due(&self, platform: PlatformId, until: Instant) -> Result<Drained, StoreError> {
        if !self.0.settings.is_on {
            return Ok(Drained::default());
        }
        self.0.lock().board.rush(platform);
        let drained = self.0.drain(platform, until).await;
        let mut state = self.0.lock();
        state.board.calm(platform);
        drop(state);
        drained
    }

    /// When something of a platform is due that is not due now, business time.
    pub async fn next_due(&self, platform: PlatformId) -> Result<Option<Timestamp>, StoreError> {
        if !self.0.settings.is_on {
            return Ok(None);
        }
        let now = self.0.business_now(platform).await?;
        self.0.deliveries.next_due(platform, now).await
    }

    /// Has a look taken at what is due, soon.
    pub fn look(&self) {
        self.0.want_a_look();
    }

    /// Whether anything is sent.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.0.settings.is_on
    }
}

impl Backlog for Couriers {
    fn name(&self) -> &'static str {
        "webhooks"
    }

    fn drain(&self, platform: PlatformId, until: Instant) -> BacklogFuture<'_, Drained> {
        Box::pin(self.deliver_due(platform, until))
    }

    fn next_due(&self, platform: PlatformId) -> BacklogFuture<'_, Option<Timestamp>> {
        Box::pin(Self::next_due(self, platform))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn want_a_look(&self) {
        self.lock().is_wanted = true;
        self.look.notify_one();
    }

    async fn business_now(&self, platform: PlatformId) -> Result<Timestamp, StoreError> {
        Ok(self.clock.now().plus_ms(self.attempts.addresses.ahead_ms(platform).await?))
    }

    /// Begins as many attempts as there are places for.
    fn begin(self: &Arc<Self>) {
        loop {
            let turn = self.lock().board.next_turn();
            let Some(turn) = turn else { return };
            tokio::spawn(Arc::clone(self).take_turn(turn));
        }
    }

    /// One turn of one delivery, whatever is to go wrong with it.
    async fn take_turn(self: Arc<Self>, turn: Turn) {
        let Turn { delivery, is_rushed } = turn;
        let is_first = delivery.attempts == 0 && delivery.due_at == Some(delivery.at);
        let meddling = if is_first { self.meddler.meddle(&delivery) } else { Meddling::Leave };
        let ended = match meddling {
            Meddling::Lose => Ok(Ended::Lost),
            Meddling::Late(by_ms) => Ok(Ended::PutOff { by_ms: by_ms.max(1) }),
            Meddling::Swap if self.hold(&delivery, is_rushed) => return,
            Meddling::Double => {
                drop(self.attempts.send(&delivery, PATIENCE).await);
                self.attempts.send(&delivery, PATIENCE).await
            }
            Meddling::Leave | Meddling::Swap => self.attempts.send(&delivery, PATIENCE).await,
        };
        self.end_turn(&delivery, ended);
    }

    /// Keeps a delivery back until another one of its platform has gone.
    fn hold(self: &Arc<Self>, delivery: &Delivery, _is_rushed: bool) -> bool {
        let mut state = self.lock();
        let Some(until) = Instant::now().checked_add(HELD_FOR) else { return false };
        state.held.entry(delivery.platform).or_default().push(Held { delivery: *delivery, until });
        state.board.ended(delivery.platform, delivery.hook, Felt::Answered);
        drop(state);
        self.begin();
        true
    }

    /// Sends what was kept back of a platform, if its time has come.
    fn release(self: &Arc<Self>, platform: PlatformId, is_time: impl Fn(&Held) -> bool) {
        let mut state = self.lock();
        let Some(held) = state.held.get_mut(&platform) else { return };
        let (out, kept): (Vec<Held>, Vec<Held>) = std::mem::take(held).into_iter().partition(is_time);
        if kept.is_empty() {
            state.held.remove(&platform);
        } else {
            state.held.insert(platform, kept);
        }
        drop(state);
        for held in out {
            let shared = Arc::clone(self);
            tokio::spawn(async move {
                let ended = shared.attempts.send(&held.delivery, PATIENCE).await;
                shared.note(&held.delivery, ended);
            });
        }
    }

    fn end_turn(self: &Arc<Self>, delivery: &Delivery, ended: Result<Ended, StoreError>) {
        let felt = match ended {
            Ok(Ended::Tried { told: Told::Status(_) | Told::NotAllowed, .. } | Ended::Stopped | Ended::Lost | Ended::PutOff { .. }) => {
                Felt::Answered
            }
            Ok(Ended::Tried { .. }) | Err(_) => Felt::Silent,
        };
        self.lock().board.ended(delivery.platform, delivery.hook, felt);
        self.note(delivery, ended);
        self.release(delivery.platform, |_| true);
        self.begin();
    }

    /// Has stored how a turn ended. What could not be tried is found again by the next look.
    fn note(self: &Arc<Self>, delivery: &Delivery, ended: Result<Ended, StoreError>) {
        let Delivery { id, hook, attempts, platform, .. } = *delivery;
        match ended {
            Ok(ended) => {
                let note = AttemptNote { delivery: id, hook, attempts, ended };
                self.lock().gone.insert((id, attempts, delivery.due_at), Instant::now());
                // Nobody hears it only when nothing is sent any more.
                let _heard = self.notes.send((platform, note));
            }
            Err(error) => {
                tracing::warn!(%error, %platform, "a delivery could not be tried");
                self.forget_one(platform, hook, id);
                self.ended.notify_waiters();
            }
        }
    }

    fn forget_one(&self, platform: PlatformId, hook: HookId, delivery: DeliveryId) {
        let mut state = self.lock();
        if let Some(line) = state.board.forget(platform, hook, delivery) {
            state.to_fill.insert(line);
        }
        if let Some(done) = state.done.get_mut(&platform) {
            *done = done.saturating_add(1);
        }
    }

    /// Takes what commits hand over.
    async fn send_fresh(self: Arc<Self>) {
        loop {
            self.fresh.woken().await;
            let handed = self.fresh.take();
            if handed.is_cut || handed.rows.is_empty() {
                self.want_a_look();
            }
            let platforms: FxHashSet<PlatformId> = handed.rows.iter().map(|delivery| delivery.platform).collect();
            let ours = self.ours(platforms.into_iter().collect()).await;
            let mut state = self.lock();
            for delivery in handed.rows {
                if ours.contains(&delivery.platform) {
                    state.add(delivery);
                }
            }
            drop(state);
            self.begin();
        }
    }

    /// Which of the platforms are ours to send for. It is asked only where that is not known for long enough.
    async fn ours(&self, platforms: Vec<PlatformId>) -> FxHashSet<PlatformId> {
        let now = self.clock.passing();
        let (mut ours, unsure): (FxHashSet<PlatformId>, Vec<PlatformId>) = {
            let state = self.lock();
            let is_sure =
                |platform: &PlatformId| state.turns.get(platform).is_some_and(|until| until.ms() > now.ms().saturating_add(TURN_LOW_MS));
            let (sure, unsure): (Vec<_>, Vec<_>) = platforms.into_iter().partition(is_sure);
            (sure.into_iter().collect(), unsure)
        };
        if unsure.is_empty() {
            return ours;
        }
        match self.deliveries.take_turns(self.holder, unsure.clone(), now, TURN_MS).await {
            Ok(taken) => {
                let until = now.plus_ms(TURN_MS);
                let taken: FxHashSet<PlatformId> = taken.into_iter().collect();
                let mut state = self.lock();
                for platform in unsure {
                    if taken.contains(&platform) {
                        state.turns.insert(platform, until);
                        ours.insert(platform);
                    } else if state.turns.remove(&platform).is_some() {
                        // It was ours for too long without a word: somebody else sends.
                        state.board.leave(platform);
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "it could not be found out whose turn it is to send"),
        }
        ours
    }

    async fn look_again_and_again(self: Arc<Self>) {
        let mut next = Instant::now();
        loop {
            let began = Instant::now();
            self.fill_lines().await;
            // However often lines want to be filled up, it is looked everywhere in time.
            if self.lock().is_wanted || began >= next {
                self.lock().is_wanted = false;
                if let Err(error) = self.look_everywhere().await {
                    tracing::error!(%error, "what is due could not be looked for");
                }
                self.housekeep().await;
                next = after(LOOK_EVERY.max(began.elapsed().saturating_mul(LOOKING_SHARE)));
            }
            tokio::select! {
                () = self.look.notified() => {}
                () = tokio::time::sleep_until(next) => {}
            }
        }
    }

    /// Finds hooks of any platform that have something due, and fills their lines.
    async fn look_everywhere(self: &Arc<Self>) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let due = self.deliveries.due_hooks(self.clock.now(), after, HOOKS_AT_ONCE).await?;
            let platforms: FxHashSet<PlatformId> = due.iter().map(|due| due.platform).collect();
            let ours = self.ours(platforms.into_iter().collect()).await;
            for due in due.iter().filter(|due| ours.contains(&due.platform)) {
                self.fill(due.platform, due.hook, due.until).await?;
            }
            self.begin();
            let is_last = u32::try_from(due.len()).unwrap_or(u32::MAX) < HOOKS_AT_ONCE;
            after = due.last().map(|due| (due.platform, due.hook));
            if is_last || after.is_none() {
                return Ok(());
            }
        }
    }

    async fn fill_lines(self: &Arc<Self>) {
        let lines = std::mem::take(&mut self.lock().to_fill);
        for (platform, hook) in lines {
            let filled = match self.business_now(platform).await {
                Ok(until) => self.fill(platform, hook, until).await,
                Err(error) => Err(error),
            };
            if let Err(error) = filled {
                tracing::warn!(%error, "what is due could not be fetched");
            }
            self.begin();
        }
    }

    /// Fetches what is due of a hook, as much as there is room for.
    async fn fill(self: &Arc<Self>, platform: PlatformId, hook: HookId, until: Timestamp) -> Result<(), StoreError> {
        let (room, known) = {
            let state = self.lock();
            (state.board.room(platform, hook), state.board.known_of_hook(platform, hook))
        };
        if room == 0 {
            return Ok(());
        }
        // Those that are known come too: they are due, or were only just.
        let wanted = u32::try_from(room.saturating_add(known)).unwrap_or(u32::MAX);
        let due = self.deliveries.due(platform, hook, until, wanted).await?;
        let has_more = u32::try_from(due.len()).unwrap_or(u32::MAX) >= wanted;
        let mut state = self.lock();
        for delivery in due {
            state.add(delivery);
        }
        state.board.note_more(platform, hook, has_more);
        Ok(())
    }

    /// Keeps turns, sends what was held back for too long, and forgets what is over.
    async fn housekeep(self: &Arc<Self>) {
        self.attempts.client.tidy();
        let (platforms, held) = {
            let mut state = self.lock();
            state.board.tidy();
            let now = self.clock.passing();
            state.turns.retain(|_, until| *until > now);
            state.gone.retain(|_, at| at.elapsed() < GONE_FOR);
            (state.board.platforms(), state.held.keys().copied().collect::<Vec<_>>())
        };
        self.ours(platforms).await;
        let now = Instant::now();
        for platform in held {
            self.release(platform, |held| held.until <= now);
        }
    }

    async fn drain(self: &Arc<Self>, platform: PlatformId, until: Instant) -> Result<Drained, StoreError> {
        self.lock().done.insert(platform, 0);
        let waiting = loop {
            let waiting = self.fetch_due_of(platform).await?;
            self.begin();
            let known = self.watch(platform, until).await;
            if known == 0 && waiting == 0 {
                break 0;
            }
            if Instant::now() >= until {
                break known.max(waiting);
            }
            if known == 0 {
                // Another server's turn: it sends, and here it is only seen.
                tokio::time::sleep_until(until.min(after(WATCH_EVERY))).await;
            }
        };
        let done = self.lock().done.remove(&platform).unwrap_or(0);
        Ok(Drained { done, waiting })
    }

    /// Fetches what is due of a platform, if it is ours to send. Gives how many hooks have something due.
    async fn fetch_due_of(self: &Arc<Self>, platform: PlatformId) -> Result<usize, StoreError> {
        let now = self.business_now(platform).await?;
        let is_ours = self.ours(vec![platform]).await.contains(&platform);
        let (mut last, mut count) = (None, 0_usize);
        loop {
            let due = self.deliveries.due_hooks_of(platform, now, last, HOOKS_AT_ONCE).await?;
            count = count.saturating_add(due.len());
            last = due.last().map(|due| due.hook);
            if is_ours {
                for due in &due {
                    self.fill(platform, due.hook, now).await?;
                }
            }
            if u32::try_from(due.len()).unwrap_or(u32::MAX) < HOOKS_AT_ONCE {
                return Ok(count);
            }
        }
    }

    /// Waits until nothing of a platform is known any more, or until `until`. Gives how much is.
    async fn watch(self: &Arc<Self>, platform: PlatformId, until: Instant) -> usize {
        loop {
            let ended = self.ended.notified();
            let (known, held) = {
                let state = self.lock();
                (state.board.known_of(platform), state.held.get(&platform).map_or(0, Vec::len))
            };
            if known == 0 || Instant::now() >= until {
                return known;
            }
            if known == held {
                // Nothing comes that they could wait for.
                self.release(platform, |_| true);
            }
            let soon = until.min(after(WATCH_EVERY));
            tokio::select! {
                () = ended => {}
                () = tokio::time::sleep_until(soon) => {}
            }
        }
    }
}

fn after(duration: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(duration).unwrap_or(now)
}

/// Tells the board what is stored.
struct Forgetful(Arc<Shared>);

impl Forget for Forgetful {
    fn forget(&self, platform: PlatformId, hook: HookId, delivery: DeliveryId) {
        self.0.forget_one(platform, hook, delivery);
    }

    fn forgotten(&self) {
        let has_lines_to_fill = !self.0.lock().to_fill.is_empty();
        if has_lines_to_fill {
            self.0.look.notify_one();
        }
        self.0.ended.notify_waiters();
    }
}
