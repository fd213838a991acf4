//! The engine without a thread: batches are put together and run by hand, in an order one decides oneself.
//!
//! For simulators and imports; a server uses [`crate::Engine`].

use std::sync::Arc;

use domain::{Answer, Command, Ctx, Ids};
use tokio::sync::oneshot;

use crate::answers::Answers;
use crate::batch::Runner;
use crate::engine::Refused;
use crate::job::{Answering, AsItIs, Job, Keyed, Queued, Reply};
use crate::{Clock, Store};

/// Commands that will be decided together.
#[derive(Default)]
pub struct Batch(Vec<Box<dyn Job>>);

/// Where the answer of a command in a batch will be.
pub struct Awaited<T>(oneshot::Receiver<Result<T, Refused>>);

impl<T> Awaited<T> {
    /// The answer, once the batch has run; `None` if nobody answered.
    pub fn take(&mut self) -> Option<Result<T, Refused>> {
        self.0.try_recv().ok()
    }
}

impl Batch {
    /// Adds a command whose result is wanted as it is.
    pub fn add<C: Command>(&mut self, ctx: Ctx, command: C) -> Awaited<Result<C::Outcome, C::Error>> {
        let (reply, awaited) = oneshot::channel();
        self.0.push(Box::new(Queued { ctx, command, closing: AsItIs, reply: Some(reply), decided: None }));
        Awaited(awaited)
    }

    /// Adds a command whose result is rendered and stored with its key.
    pub fn add_keyed<C, F>(&mut self, ctx: Ctx, command: C, keyed: Option<Keyed>, render: F) -> Awaited<Reply>
    where
        C: Command,
        F: Fn(&Ctx, Result<&C::Outcome, &C::Error>) -> Answer + Send + 'static,
    {
        let (reply, awaited) = oneshot::channel();
        let closing = Answering { keyed, render };
        self.0.push(Box::new(Queued { ctx, command, closing, reply: Some(reply), decided: None }));
        Awaited(awaited)
    }
}

/// Runs batches over a store on the calling thread.
pub struct Inline {
    store: Box<dyn Store>,
    ids: Box<dyn Ids>,
    clock: Arc<dyn Clock>,
    runner: Runner,
}

impl Inline {
    /// An engine over a store.
    #[must_use]
    pub fn new(store: Box<dyn Store>, ids: Box<dyn Ids>, clock: Arc<dyn Clock>) -> Self {
        let runner = Runner::new(Answers::at_once(Arc::default(), store.syncer()));
        Self { store, ids, clock, runner }
    }

    /// Runs a batch to its end.
    pub fn run(&mut self, batch: Batch) {
        let now = self.clock.now();
        self.runner.run(batch.0, self.store.as_mut(), self.ids.as_mut(), now);
    }

    /// Has the store do its housekeeping.
    pub fn idle(&mut self) -> Result<(), crate::StoreError> {
        self.store.idle()
    }
}
