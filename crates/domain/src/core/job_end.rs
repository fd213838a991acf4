//! Being done with a job, or trying it again later.

use super::ids::JobId;
use super::{Command, Desk, Needs, Timestamp};

/// Notes that a job is done with. Doing it twice does it once.
#[derive(Clone, Copy, Debug)]
pub struct FinishJob {
    /// Which one.
    pub job: JobId,
}

impl Command for FinishJob {
    type Outcome = ();
    /// There is no such job.
    type Error = ();
    const NAME: &'static str = "job.finish";

    fn needs(&self, need: &mut Needs<'_>) {
        need.job(self.job);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), ()> {
        let mut job = desk.job(self.job).ok_or(())?;
        if job.done_at.is_none() {
            job.done_at = Some(desk.now());
            desk.put_job(job);
        }
        Ok(())
    }
}

/// Puts a job that came to no end off to a later moment of business time, and counts the attempt.
#[derive(Clone, Copy, Debug)]
pub struct PostponeJob {
    /// Which one.
    pub job: JobId,
    /// How much later than now.
    pub by_ms: i64,
}

impl Command for PostponeJob {
    /// When it is due now.
    type Outcome = Timestamp;
    /// There is no such job, or it is done with.
    type Error = ();
    const NAME: &'static str = "job.postpone";

    fn needs(&self, need: &mut Needs<'_>) {
        need.job(self.job);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Timestamp, ()> {
        let mut job = desk.job(self.job).filter(|job| job.done_at.is_none()).ok_or(())?;
        job.attempts = job.attempts.saturating_add(1);
        job.due_at = desk.now().plus_ms(self.by_ms);
        let due_at = job.due_at;
        desk.put_job(job);
        Ok(due_at)
    }
}
