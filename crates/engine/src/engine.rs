//! The engine: a bounded queue, and the one thread that empties it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use domain::{Answer, Command, Ctx, GivenIdRefused, Ids};
use tokio::sync::oneshot;

use crate::answers::Answers;
use crate::batch::Runner;
use crate::deliveries::Fresh;
use crate::job::{Answering, AsItIs, Begun, Claiming, Closing, Job, Keyed, Last, Queued, Reply, Settling};
use crate::{Clock, Store};

/// How the engine is sized.
#[derive(Clone, Copy, Debug)]
pub struct EngineConfig {
    /// Commands that may wait; one more is refused as overload.
    pub queue: usize,
    /// Commands a batch takes at most.
    pub batch: usize,
    /// After this long without work, the store does its housekeeping.
    pub idle_after: Duration,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self { queue: 4_096, batch: 512, idle_after: Duration::from_millis(250) }
    }
}

/// Why a command has no result. Nothing of it was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The queue is full, or other servers were always faster: try again soon.
    #[error("too much is being asked at once")]
    Overloaded,
    /// What it makes does not get the id that was given for it.
    #[error(transparent)]
    GivenId(#[from] GivenIdRefused),
    /// The platform was ended: nobody calls for it any more.
    #[error("the platform was ended")]
    Ended,
    /// Florin is at fault; it is in the log.
    #[error("the command failed")]
    Fault,
    /// Florin is stopping.
    #[error("the server is stopping")]
    Stopping,
}

/// Takes commands and answers once what they did is durable. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    queue: SyncSender<Box<dyn Job>>,
    /// Held by whoever queues a command, and alone by whoever closes the queue.
    gate: Arc<RwLock<Gate>>,
    fresh: Arc<Fresh>,
    /// Joined when the last handle goes, so that what was queued is done before the store closes.
    _thread: Arc<Thread>,
}

/// Whether commands are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    Closed,
}

struct Thread(Option<JoinHandle<()>>);

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            drop(thread.join());
        }
    }
}

impl Engine {
    /// Starts the writer thread over a store.
    pub fn start(store: Box<dyn Store>, clock: Arc<dyn Clock>, ids: Box<dyn Ids>, config: EngineConfig) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(config.queue);
        let fresh = Arc::new(Fresh::default());
        let runner = Runner::new(Answers::behind(Arc::clone(&fresh), store.syncer())?);
        let thread = std::thread::Builder::new()
            .name("florin-writer".to_owned())
            .spawn(move || write(store, &jobs, &*clock, ids, runner, config))?;
        Ok(Self { queue, gate: Arc::new(RwLock::new(Gate::Open)), fresh, _thread: Arc::new(Thread(Some(thread))) })
    }

    /// What its commits make to be sent to listeners.
    #[must_use]
    pub const fn fresh(&self) -> &Arc<Fresh> {
        &self.fresh
    }

    /// Takes no more commands, by any handle: they are refused as `Stopping`. What was queued before is done and answered when
    /// this returns. The store stays open, and has its housekeeping done.
    ///
    /// Blocks the caller. Errors: `Overloaded` if it takes longer than `within`; it goes on by itself.
    pub fn close(&self, within: Duration) -> Result<(), Refused> {
        *self.gate.write().unwrap_or_else(PoisonError::into_inner) = Gate::Closed;
        let (last, is_done) = Last::new();
        let queue = self.queue.clone();
        // The queue may be full, and a thread that waits for it cannot be called back.
        let sent = std::thread::Builder::new().name("florin-closing".to_owned()).spawn(move || queue.send(Box::new(last)).is_ok());
        sent.map_err(|_| Refused::Fault)?;
        is_done.recv_timeout(within).map_err(|_| Refused::Overloaded)
    }

    /// Has a command decided, rendered and stored, with its key if it came with one.
    ///
    /// `render` turns the result into the answer's bytes inside the batch; it has to be pure.
    pub async fn submit<C, F>(&self, ctx: Ctx, command: C, keyed: Option<Keyed>, render: F) -> Result<Reply, Refused>
    where
        C: Command,
        F: Fn(&Ctx, Result<&C::Outcome, &C::Error>) -> Answer + Send + 'static,
    {
        self.queue(ctx, command, Answering { keyed, render }).await
    }

    /// Has a command decided and stored whose work then goes on outside: the key is claimed until [`Engine::finish`].
    ///
    /// `render` is for errors, which end it at once.
    pub async fn begin<C, F>(&self, ctx: Ctx, command: C, keyed: Option<Keyed>, render: F) -> Result<Begun<C::Outcome>, Refused>
    where
        C: Command,
        F: Fn(&Ctx, &C::Error) -> Answer + Send + 'static,
    {
        self.queue(ctx, command, Claiming { keyed, render }).await
    }

    /// Has the command decided that records how the work outside ended, and answers the key claimed by [`Engine::begin`].
    pub async fn finish<C, F>(&self, ctx: Ctx, command: C, keyed: Option<Keyed>, render: F) -> Result<Reply, Refused>
    where
        C: Command,
        F: Fn(&Ctx, Result<&C::Outcome, &C::Error>) -> Answer + Send + 'static,
    {
        self.queue(ctx, command, Settling { keyed, render }).await
    }

    /// Has a command decided and stored, and gives its result as it is.
    pub async fn run<C: Command>(&self, ctx: Ctx, command: C) -> Result<Result<C::Outcome, C::Error>, Refused> {
        self.queue(ctx, command, AsItIs).await
    }

    async fn queue<C, K>(&self, ctx: Ctx, command: C, closing: K) -> Result<K::Reply, Refused>
    where
        C: Command,
        K: Closing<C> + 'static,
    {
        let (reply, answered) = oneshot::channel();
        self.enqueue(Box::new(Queued { ctx, command, closing, reply: Some(reply), decided: None }))?;
        answered.await.unwrap_or(Err(Refused::Stopping))
    }

    fn enqueue(&self, job: Box<dyn Job>) -> Result<(), Refused> {
        let gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        if *gate == Gate::Closed {
            return Err(Refused::Stopping);
        }
        self.queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Refused::Overloaded,
            TrySendError::Disconnected(_) => Refused::Stopping,
        })
    }
}

fn write(
    mut store: Box<dyn Store>,
    jobs: &Receiver<Box<dyn Job>>,
    clock: &dyn Clock,
    mut ids: Box<dyn Ids>,
    mut runner: Runner,
    config: EngineConfig,
) {
    let mut batch = Vec::new();
    loop {
        match jobs.recv_timeout(config.idle_after) {
            Ok(job) => batch.push(job),
            Err(RecvTimeoutError::Timeout) => {
                runner.idle(store.as_mut());
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => {
                runner.idle(store.as_mut());
                return;
            }
        }
        while batch.len() < config.batch {
            let Ok(job) = jobs.try_recv() else { break };
            batch.push(job);
        }
        let next = Vec::with_capacity(batch.len());
        runner.run(std::mem::replace(&mut batch, next), store.as_mut(), ids.as_mut(), clock.now());
    }
}
