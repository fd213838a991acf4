//! Who is told what became of their commands, and when: once it is durable.
//!
//! Where flushing alone makes nothing durable ([`Store::syncer`](crate::Store::syncer)), a thread of its own syncs and answers, while
//! the writer works at the next batches. One sync covers all batches that were flushed before it, so the slower the disk, the more
//! of them it covers; nobody is answered before the sync that covers them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::batch::State;
use crate::deliveries::{Fresh, Made};
use crate::engine::Refused;
use crate::job::Job;
use crate::store::Syncer;

/// Batches that wait for a sync at most; then the writer waits, too.
const WAITING_MAX: usize = 16;

/// A batch that was flushed: its commands are to be answered once it is durable.
pub(crate) struct Flushed {
    pub jobs: Vec<Box<dyn Job>>,
    pub states: Vec<State>,
    pub made: Made,
}

impl Flushed {
    fn answer(self, fresh: &Fresh) {
        fresh.hand(self.made);
        for (mut job, state) in self.jobs.into_iter().zip(self.states) {
            match state {
                State::Decided => job.answer(),
                State::GivenIdRefused(why) => job.refuse(Refused::GivenId(why)),
                State::Ended => job.refuse(Refused::Ended),
                State::Open => fault(job.as_mut(), "its rows were never all there"),
                State::Faulty(why) => fault(job.as_mut(), why),
            }
        }
    }

    fn refuse(self) {
        self.jobs.into_iter().for_each(|mut job| job.refuse(Refused::Fault));
    }
}

fn fault(job: &mut dyn Job, why: &'static str) {
    tracing::error!(why, command = job.name(), request = %job.ctx().request, platform = %job.ctx().platform, "a command is at fault");
    job.refuse(Refused::Fault);
}

/// Takes batches from the writer, in their order.
pub(crate) struct Answers {
    fresh: Arc<Fresh>,
    way: Way,
    is_broken: Arc<AtomicBool>,
}

enum Way {
    /// On the writer's own thread.
    AtOnce(Option<Arc<dyn Syncer>>),
    /// On a thread of their own, which ends when the sender goes.
    Behind { queue: Option<SyncSender<Flushed>>, thread: Option<JoinHandle<()>> },
}

impl Answers {
    /// On the caller's thread. What commits make to be sent is handed to `fresh`.
    pub fn at_once(fresh: Arc<Fresh>, syncer: Option<Arc<dyn Syncer>>) -> Self {
        Self { fresh, way: Way::AtOnce(syncer), is_broken: Arc::default() }
    }

    /// On a thread of their own where there is something to sync.
    pub fn behind(fresh: Arc<Fresh>, syncer: Option<Arc<dyn Syncer>>) -> std::io::Result<Self> {
        let Some(syncer) = syncer else { return Ok(Self::at_once(fresh, None)) };
        let (queue, flushed) = sync_channel(WAITING_MAX);
        let is_broken = Arc::<AtomicBool>::default();
        let (for_thread, breaks) = (Arc::clone(&fresh), Arc::clone(&is_broken));
        let thread = std::thread::Builder::new()
            .name("florin-sync".to_owned())
            .spawn(move || sync_and_answer(&flushed, &*syncer, &for_thread, &breaks))?;
        Ok(Self { fresh, way: Way::Behind { queue: Some(queue), thread: Some(thread) }, is_broken })
    }

    /// Who is handed what commits make to be sent.
    pub fn fresh(&self) -> &Fresh {
        &self.fresh
    }

    /// Whether a sync has failed: nobody knows what is on the disk, and nothing may be put on top of it.
    pub fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Acquire)
    }

    /// Takes a batch that was flushed just now.
    pub fn put(&self, flushed: Flushed) {
        match &self.way {
            Way::AtOnce(syncer) => {
                let is_durable = syncer.as_ref().is_none_or(|syncer| is_synced(&**syncer, &self.is_broken));
                if is_durable { flushed.answer(&self.fresh) } else { flushed.refuse() }
            }
            Way::Behind { queue, .. } => {
                if let Some(queue) = queue
                    && let Err(refused) = queue.send(flushed)
                {
                    refused.0.refuse();
                }
            }
        }
    }
}

impl Drop for Answers {
    /// Returns when all are answered.
    fn drop(&mut self) {
        if let Way::Behind { queue, thread } = &mut self.way {
            drop(queue.take());
            drop(thread.take().map(JoinHandle::join));
        }
    }
}

fn sync_and_answer(flushed: &Receiver<Flushed>, syncer: &dyn Syncer, fresh: &Fresh, is_broken: &AtomicBool) {
    let mut batches = Vec::new();
    while let Ok(first) = flushed.recv() {
        batches.push(first);
        batches.extend(flushed.try_iter());
        let is_durable = is_synced(syncer, is_broken);
        for batch in batches.drain(..) {
            if is_durable { batch.answer(fresh) } else { batch.refuse() }
        }
    }
}

/// Syncs, unless an earlier sync has failed: a second one could succeed without what the first one lost.
fn is_synced(syncer: &dyn Syncer, is_broken: &AtomicBool) -> bool {
    if is_broken.load(Ordering::Acquire) {
        return false;
    }
    let synced = syncer.sync();
    if let Err(error) = &synced {
        is_broken.store(true, Ordering::Release);
        tracing::error!(%error, "the disk did not take what was written: nothing more is done before a restart");
    }
    synced.is_ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicU32;
    use std::sync::mpsc::{Sender, channel};

    use domain::ids::RequestId;
    use domain::{Books, Ctx, PlatformId, Timestamp, Wanted};
    use ledger::Uid;

    use super::*;
    use crate::{Clock, Engine, EngineConfig, RejectInput, Store, StoreError, UuidIds};

    /// A store that has nothing, and counts what it is given.
    struct Empty {
        flushes: Arc<AtomicU32>,
        flushed: Sender<()>,
        disk: Arc<Disk>,
    }

    /// Syncs when it is told to, and how it is told to.
    struct Disk {
        begun: Sender<()>,
        orders: Mutex<Receiver<Result<(), ()>>>,
        syncs: AtomicU32,
    }

    impl Syncer for Disk {
        fn sync(&self) -> Result<(), StoreError> {
            self.begun.send(()).unwrap();
            let order = self.orders.lock().unwrap().recv().unwrap();
            self.syncs.fetch_add(1, Ordering::SeqCst);
            order.map_err(|()| StoreError::Fault("the disk is gone".to_owned()))
        }
    }

    impl Store for Empty {
        fn load(&mut self, wanted: &Wanted, books: &mut Books) -> Result<(), StoreError> {
            wanted.records.iter().for_each(|key| books.records.bring(*key, None));
            Ok(())
        }

        fn flush(&mut self, _: &Books) -> Result<(), StoreError> {
            self.flushes.fetch_add(1, Ordering::SeqCst);
            self.flushed.send(()).unwrap();
            Ok(())
        }

        fn syncer(&self) -> Option<Arc<dyn Syncer>> {
            Some(Arc::<Disk>::clone(&self.disk))
        }

        fn doubt(&mut self) -> bool {
            false
        }

        fn abandon(&mut self) {}

        fn idle(&mut self) -> Result<(), StoreError> {
            Ok(())
        }
    }

    struct Stopped;

    impl Clock for Stopped {
        fn now(&self) -> Timestamp {
            Timestamp::from_ms(0)
        }
    }

    struct World {
        engine: Engine,
        orders: Sender<Result<(), ()>>,
        flushed: Receiver<()>,
        begun: Receiver<()>,
        flushes: Arc<AtomicU32>,
        disk: Arc<Disk>,
    }

    fn world() -> World {
        let (orders, taken) = channel();
        let (tell, flushed) = channel();
        let (tell_begun, begun) = channel();
        let flushes = Arc::<AtomicU32>::default();
        let disk = Arc::new(Disk { begun: tell_begun, orders: Mutex::new(taken), syncs: AtomicU32::new(0) });
        let store = Empty { flushes: Arc::clone(&flushes), flushed: tell, disk: Arc::clone(&disk) };
        let engine =
            Engine::start(Box::new(store), Arc::new(Stopped), Box::new(UuidIds::new(Arc::new(Stopped), 1)), EngineConfig::default())
                .unwrap();
        World { engine, orders, flushed, begun, flushes, disk }
    }

    fn ask(engine: &Engine) -> tokio::task::JoinHandle<Result<Result<(), ()>, Refused>> {
        let engine = engine.clone();
        let ctx = Ctx::system(PlatformId(Uid::default()), RequestId(Uid::default()));
        tokio::spawn(async move { engine.run(ctx, RejectInput).await })
    }

    /// Asks, and returns when it is flushed.
    async fn flush(world: &World) -> tokio::task::JoinHandle<Result<Result<(), ()>, Refused>> {
        let asked = ask(&world.engine);
        while world.flushed.try_recv().is_err() {
            tokio::task::yield_now().await;
        }
        asked
    }

    #[tokio::test]
    async fn nobody_is_answered_before_the_sync_and_the_writer_goes_on_meanwhile() {
        let world = world();
        let first = flush(&world).await;
        world.begun.recv().unwrap();
        let second = flush(&world).await;
        let third = flush(&world).await;
        // The writer has handed over the third one when it is at another.
        let fourth = flush(&world).await;
        assert!(![&first, &second, &third, &fourth].iter().any(|asked| asked.is_finished()), "they are flushed, and none is durable");
        world.orders.send(Ok(())).unwrap();
        assert_eq!(first.await.unwrap(), Ok(Err(())));
        world.begun.recv().unwrap();
        assert!(!second.is_finished() && !third.is_finished(), "the first sync began before they were flushed");
        world.orders.send(Ok(())).unwrap();
        assert_eq!([second.await.unwrap(), third.await.unwrap()], [Ok(Err(())); 2]);
        assert_eq!(world.disk.syncs.load(Ordering::SeqCst), 2, "one sync covers all that was flushed before it");
        world.orders.send(Ok(())).unwrap();
        assert_eq!(fourth.await.unwrap(), Ok(Err(())));
    }

    #[tokio::test]
    async fn after_a_failed_sync_nothing_is_answered_or_done_any_more() {
        let world = world();
        let first = flush(&world).await;
        world.begun.recv().unwrap();
        let second = flush(&world).await;
        world.orders.send(Err(())).unwrap();
        assert_eq!([first.await.unwrap(), second.await.unwrap()], [Err(Refused::Fault); 2]);
        assert_eq!(ask(&world.engine).await.unwrap(), Err(Refused::Fault));
        assert_eq!(world.flushes.load(Ordering::SeqCst), 2, "the store is left alone");
        assert_eq!(world.disk.syncs.load(Ordering::SeqCst), 1, "a second sync could succeed without what the first one lost");
    }
}
