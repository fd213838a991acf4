//! Work that is due is taken by one server at a time.

use domain::{Command, Ctx, Desk, JobKind, Timestamp};
use ledger::Uid;

use crate::harness::{Home, START_MS, Site};

crate::on_both_stores!(a_job_is_taken_once_until_its_lease_ends, jobs_of_other_kinds_are_left_alone);

const MONTH_MS: i64 = 31 * 86_400_000;

async fn a_job_is_taken_once_until_its_lease_ends(home: &impl Home) {
    let site = Site::at(home);
    let ctx: Ctx = site.platform("first").await;
    let purse = site.purse(ctx, 0).await;
    let declared = site.declare(ctx, purse, 10).await;
    let claim = async |at: i64| site.reads.claim_jobs(&[JobKind::ExpirePayIn], Timestamp::from_ms(at), 5_000, 10).await.unwrap();
    assert_eq!(claim(START_MS).await, [], "it is not due");
    let due = START_MS + MONTH_MS;
    let taken = claim(due).await;
    assert_eq!(taken.iter().map(|job| (job.kind, job.subject)).collect::<Vec<_>>(), [(JobKind::ExpirePayIn, declared.id.0)]);
    assert_eq!(claim(due + 4_999).await, [], "somebody has it");
    assert_eq!(claim(due + 5_000).await.len(), 1, "whoever had it did not come back");
}

async fn jobs_of_other_kinds_are_left_alone(home: &impl Home) {
    let site = Site::at(home);
    let ctx: Ctx = site.platform("first").await;
    let purse = site.purse(ctx, 0).await;
    // Whoever cannot be reached has more to do than is taken at once, and all of it is due first.
    for _ in 0..5 {
        site.declare(ctx, purse, 10).await;
    }
    let later = site.engine.run(ctx, Later(JobKind::AskBank)).await.unwrap().unwrap();
    let due = Timestamp::from_ms(START_MS + 2 * MONTH_MS);
    let mine = site.reads.claim_jobs(&[JobKind::SendPayout, JobKind::AskBank], due, 5_000, 3).await.unwrap();
    assert_eq!(mine.iter().map(|job| (job.kind, job.subject)).collect::<Vec<_>>(), [(JobKind::AskBank, later)]);
    assert_eq!(site.reads.claim_jobs(&[JobKind::SendRefund], due, 5_000, 3).await.unwrap(), []);
    assert_eq!(site.reads.claim_jobs(&[JobKind::ExpirePayIn], due, 5_000, 3).await.unwrap().len(), 3);
}

/// Has work of a kind done in two months less a day, on an object that is not there.
struct Later(JobKind);

impl Command for Later {
    type Outcome = Uid;
    type Error = ();
    const NAME: &'static str = "test.later";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Uid, ()> {
        let subject: Uid = desk.fresh();
        desk.schedule(self.0, subject, Timestamp::from_ms(START_MS + 2 * MONTH_MS - 86_400_000));
        Ok(subject)
    }
}
