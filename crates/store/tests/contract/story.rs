//! What is stored of one object's life.

use domain::{EventType, JobKind, Timestamp};
use engine::Sought;
use ledger::EntryKind;

use crate::harness::{Home, START_MS, Site};

crate::on_both_stores!(a_story_has_what_happened_to_one_object_and_nothing_else, a_story_that_is_cut_says_so);

fn sought(object: impl Into<ledger::Uid>) -> Sought {
    Sought { object: object.into(), since: Timestamp::from_ms(START_MS - 60_000), rows_max: 10_000 }
}

async fn a_story_has_what_happened_to_one_object_and_nothing_else(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let other = site.platform("second").await;
    let purse = site.purse(ctx, 500).await;
    let declared = site.declare(ctx, purse, 10).await;
    let paid = site.fund(ctx, purse, 70).await.id;

    let story = site.reads.story(ctx.platform, sought(declared.id)).await.unwrap();
    assert_eq!(story.jobs.iter().map(|job| (job.kind, job.done_at)).collect::<Vec<_>>(), [(JobKind::ExpirePayIn, None)]);
    assert_eq!(story.events.iter().map(|event| event.event).collect::<Vec<_>>(), [EventType::PayInCreated]);
    assert_eq!((story.entries.len(), story.audit.len(), story.gaps.len()), (0, 1, 0));
    assert_eq!(story.audit[0].outcome, "done");

    let story = site.reads.story(ctx.platform, sought(paid)).await.unwrap();
    assert_eq!(story.events.last().map(|event| event.event), Some(EventType::PayInSucceeded));
    let [entry] = &story.entries[..] else { panic!("{:?}", story.entries) };
    assert_eq!(entry.kind, EntryKind::PayIn);
    assert_eq!(entry.postings.iter().map(|posting| posting.amount.minor()).sum::<i64>(), 0);
    let of_purse = entry.postings.iter().find(|posting| posting.account == purse.account()).unwrap();
    assert_eq!((of_purse.amount.minor(), of_purse.balance_after.minor()), (70, 570));

    let story = site.reads.story(other.platform, sought(paid)).await.unwrap();
    assert!(story.audit.is_empty() && story.entries.is_empty() && story.events.is_empty() && story.jobs.is_empty(), "{story:?}");
}

async fn a_story_that_is_cut_says_so(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let purse = site.purse(ctx, 500).await;
    let declared = site.declare(ctx, purse, 10).await;
    for _ in 0..3 {
        site.fund(ctx, purse, 1).await;
    }
    let story = site.reads.story(ctx.platform, Sought { rows_max: 2, ..sought(declared.id) }).await.unwrap();
    let mut gaps = story.gaps.clone();
    gaps.sort_unstable();
    assert_eq!(gaps, ["audit lines", "entries", "events", "jobs"]);
}
