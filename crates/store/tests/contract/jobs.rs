//! Work that is due is taken by one server at a time.

use domain::{Ctx, JobKind, Timestamp};

use crate::harness::{Home, START_MS, Site};

crate::on_both_stores!(a_job_is_taken_once_until_its_lease_ends);

const MONTH_MS: i64 = 31 * 86_400_000;

async fn a_job_is_taken_once_until_its_lease_ends(home: &impl Home) {
    let site = Site::at(home);
    let ctx: Ctx = site.platform("first").await;
    let purse = site.purse(ctx, 0).await;
    let declared = site.declare(ctx, purse, 10).await;
    let claim = async |at: i64| site.reads.claim_jobs(Timestamp::from_ms(at), 5_000, 10).await.unwrap();
    assert_eq!(claim(START_MS).await, [], "it is not due");
    let due = START_MS + MONTH_MS;
    let taken = claim(due).await;
    assert_eq!(taken.iter().map(|job| (job.kind, job.subject)).collect::<Vec<_>>(), [(JobKind::ExpirePayIn, declared.id.0)]);
    assert_eq!(claim(due + 4_999).await, [], "somebody has it");
    assert_eq!(claim(due + 5_000).await.len(), 1, "whoever had it did not come back");
}
