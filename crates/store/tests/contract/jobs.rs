//! Work that is due is taken by one server at a time.

use domain::platform::AdvanceClock;
use domain::{Command, Ctx, Desk, Job, JobKind, PlatformId, Timestamp};
use engine::{Agenda, Claim};
use ledger::Uid;

use crate::harness::{Home, START_MS, Site};

crate::on_both_stores!(
    a_job_is_taken_once_until_its_lease_ends,
    jobs_of_other_kinds_are_left_alone,
    a_lease_is_renewed_as_long_as_the_job_is_as_it_was,
    jobs_of_one_platform_are_claimed_and_told_of_by_its_own_time,
);

impl Site {
    async fn claim(&self, kinds: &'static [JobKind], of: Option<PlatformId>, now: Timestamp, limit: u32) -> Vec<Job> {
        self.reads.claim_jobs(Claim { kinds, of, now, passing: now, lease_ms: 5_000, limit }).await.unwrap()
    }
}

const MONTH_MS: i64 = 31 * 86_400_000;

async fn a_job_is_taken_once_until_its_lease_ends(home: &impl Home) {
    let site = Site::at(home);
    let ctx: Ctx = site.platform("first").await;
    let purse = site.purse(ctx, 0).await;
    let declared = site.declare(ctx, purse, 10).await;
    let claim = async |at: i64| site.claim(&[JobKind::ExpirePayIn], None, Timestamp::from_ms(at), 10).await;
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
    let mine = site.claim(&[JobKind::SendPayout, JobKind::AskBank], None, due, 3).await;
    assert_eq!(mine.iter().map(|job| (job.kind, job.subject)).collect::<Vec<_>>(), [(JobKind::AskBank, later)]);
    assert_eq!(site.claim(&[JobKind::SendRefund], None, due, 3).await, []);
    assert_eq!(site.claim(&[JobKind::ExpirePayIn], None, due, 3).await.len(), 3);
}

async fn a_lease_is_renewed_as_long_as_the_job_is_as_it_was(home: &impl Home) {
    let site = Site::at(home);
    let ctx: Ctx = site.platform("first").await;
    site.engine.run(ctx, Later(JobKind::AskBank)).await.unwrap().unwrap();
    let kinds = &[JobKind::AskBank];
    let at = |after_ms: i64| Timestamp::from_ms(START_MS + 2 * MONTH_MS + after_ms);
    let job = site.claim(kinds, None, at(0), 10).await.remove(0);
    site.reads.renew_job(job.clone(), at(4_000), 5_000).await.unwrap();
    assert_eq!(site.claim(kinds, None, at(8_999), 10).await, [], "it was renewed");
    // Whoever comes too late with its renewal holds up nobody: the job was put off meanwhile.
    site.engine.run(ctx, domain::PostponeJob { job: job.id, by_ms: 2 * MONTH_MS }).await.unwrap().unwrap();
    site.reads.renew_job(job, at(MONTH_MS), MONTH_MS).await.unwrap();
    assert_eq!(site.claim(kinds, None, at(MONTH_MS), 10).await.len(), 1);
}

async fn jobs_of_one_platform_are_claimed_and_told_of_by_its_own_time(home: &impl Home) {
    let site = Site::at(home);
    let (first, other) = (site.platform("first").await, site.platform("other").await);
    let kinds = &[JobKind::AskBank, JobKind::SendPayout];
    for ctx in [first, other] {
        site.engine.run(ctx, Later(JobKind::AskBank)).await.unwrap().unwrap();
        site.engine.run(ctx, Later(JobKind::SendPayout)).await.unwrap().unwrap();
    }
    let due_at = Timestamp::from_ms(START_MS + 2 * MONTH_MS - 86_400_000);
    let now = Timestamp::from_ms(START_MS);
    let agenda = async |ctx: Ctx, now: Timestamp| site.reads.agenda(ctx.platform, now).await.unwrap();
    assert_eq!(agenda(first, now).await, Agenda { due: 0, next_at: Some(due_at) });
    site.engine.run(first, AdvanceClock { by_ms: due_at.ms() - START_MS }).await.unwrap().unwrap();
    let after = Timestamp::from_ms(START_MS + 1);
    assert_eq!(agenda(first, after).await, Agenda { due: 2, next_at: None });
    assert_eq!(agenda(other, after).await, Agenda { due: 0, next_at: Some(due_at) }, "its clock is its own");
    assert_eq!(site.claim(kinds, Some(other.platform), after, 10).await, []);
    let one = site.claim(kinds, Some(first.platform), after, 1).await;
    assert_eq!((one.len(), one[0].platform), (1, first.platform));
    assert_eq!(agenda(first, after).await.due, 2, "what somebody has is due as well");
    assert_eq!(site.claim(kinds, None, after, 10).await.len(), 1, "nobody else's, and not what somebody has");
    assert_eq!(site.claim(kinds, Some(other.platform), due_at, 10).await.len(), 2);
    let nobody = PlatformId(Uid::from_bits(5));
    assert_eq!(site.reads.agenda(nobody, after).await.unwrap(), Agenda::default());
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
