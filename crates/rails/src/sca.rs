//! The jobs of strong customer authentication: sessions that nobody completed come to their end.

use std::sync::Arc;

use domain::ids::ScaSessionId;
use domain::sca::{ExpireScaSession, ScaSession};
use domain::{Ctx, Job, JobKind};
use engine::Engine;

use crate::worker::{Doing, Done, Handler, WorkerBuilder};

/// Ends sessions whose time is over.
pub struct ScaJobs {
    engine: Engine,
}

impl ScaJobs {
    /// Over an engine.
    #[must_use]
    pub fn new(engine: Engine) -> Arc<Self> {
        Arc::new(Self { engine })
    }

    /// Has a worker do these jobs.
    #[must_use]
    pub fn join(self: Arc<Self>, worker: WorkerBuilder) -> WorkerBuilder {
        worker.with(&[JobKind::ExpireScaSession], self)
    }
}

impl Handler for ScaJobs {
    fn run<'a>(&'a self, ctx: Ctx, job: &'a Job) -> Doing<'a> {
        Box::pin(async move {
            match self.engine.run(ctx, ExpireScaSession { session: ScaSessionId(job.subject) }).await {
                Ok(Ok(record)) if record.body::<ScaSession>().is_some_and(|session| session.is_open()) => Done::Again,
                Ok(_) => Done::Finished,
                Err(_) => Done::Again,
            }
        })
    }
}
