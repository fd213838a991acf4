//! The job that erases who a closed user was, once retention allows.

use std::sync::Arc;

use domain::retention::{EraseUser, Erased};
use domain::{Ctx, Job, JobKind, UserId};
use engine::Engine;

use crate::worker::{Doing, Done, Handler, WorkerBuilder};

/// A user under legal hold is looked at again after this long, business time.
const HELD_FOR_MS: i64 = 30 * 86_400_000;

/// Erases users.
pub struct ErasureJobs {
    engine: Engine,
}

impl ErasureJobs {
    /// Over an engine.
    #[must_use]
    pub fn new(engine: Engine) -> Arc<Self> {
        Arc::new(Self { engine })
    }

    /// Has a worker do these jobs.
    #[must_use]
    pub fn join(self: Arc<Self>, worker: WorkerBuilder) -> WorkerBuilder {
        worker.with(&[JobKind::EraseUser], self)
    }
}

impl Handler for ErasureJobs {
    fn run<'a>(&'a self, ctx: Ctx, job: &'a Job) -> Doing<'a> {
        Box::pin(async move {
            match self.engine.run(ctx, EraseUser { user: UserId(job.subject) }).await {
                Ok(Ok(Erased::Done)) => Done::Finished,
                Ok(Ok(Erased::Held)) => Done::After(HELD_FOR_MS),
                Ok(Err(never)) => match never {},
                Err(_) => Done::Again,
            }
        })
    }
}
