//! What listeners are told is stored with the event, found when it is due, and sent by one server at a time.

use domain::hook::{
    AttemptNote, CreateHook, CreateHookError, Delivery, DeliveryState, Ended, Hook, HookStatus, NoteAttempts, Redeliver, Told, UpdateHook,
};
use domain::ids::HookId;
use domain::platform::AdvanceClock;
use domain::{Ctx, EventType, Secret, Timestamp};
use engine::DeliveryFilter;
use ledger::Uid;

use crate::harness::{Home, PostgresHome, START_MS, Site, run};

crate::on_both_stores!(
    what_is_told_is_stored_with_the_event_and_outlives_the_server,
    what_is_due_is_found_by_each_platforms_own_time,
    deliveries_are_listed_newest_first_and_page_by_page,
    what_commits_make_is_handed_over_to_whoever_wants_it,
);

const TEN_MINUTES_MS: i64 = 600_000;
/// The test clock goes a millisecond on each time it is asked: by now nobody has asked so often.
const SOON_MS: i64 = START_MS + 60_000;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms)
}

fn create(event: EventType) -> CreateHook {
    CreateHook { event, url: Secret::new("http://localhost:1/hook".to_owned()), status: HookStatus::Enabled, email: None, tag: None }
}

async fn hook(site: &Site, ctx: Ctx, event: EventType) -> HookId {
    HookId(site.engine.run(ctx, create(event)).await.unwrap().unwrap().lead.id)
}

async fn due(site: &Site, ctx: Ctx, hook: HookId, until_ms: i64) -> Vec<Delivery> {
    site.deliveries.due(ctx.platform, hook, at(until_ms), 100).await.unwrap()
}

async fn note(site: &Site, ctx: Ctx, delivery: &Delivery, told: Told) {
    let ended = Ended::Tried { told, took_ms: 3 };
    let note = AttemptNote { delivery: delivery.id, hook: delivery.hook, attempts: delivery.attempts, ended };
    site.engine.run(ctx, NoteAttempts { notes: vec![note] }).await.unwrap().unwrap();
}

async fn what_is_told_is_stored_with_the_event_and_outlives_the_server(home: &impl Home) {
    let (ctx, hook, subject) = {
        let site = Site::at(home);
        let ctx = site.platform("first").await;
        let purse = site.purse(ctx, 0).await;
        site.declare(ctx, purse, 10).await;
        let hook = hook(&site, ctx, EventType::PayInCreated).await;
        let pay_in = site.declare(ctx, purse, 20).await;
        // Another platform has nobody who listens.
        let other = site.platform("other").await;
        let others = site.purse(other, 0).await;
        site.declare(other, others, 30).await;
        (ctx, hook, pay_in.id.0)
    };
    let site = Site::at(home);
    let found = due(&site, ctx, hook, SOON_MS).await;
    assert_eq!(found.len(), 1);
    let delivery = found[0];
    assert_eq!((delivery.subject, delivery.event, delivery.due_at), (subject, EventType::PayInCreated, Some(delivery.at)));
    let all = site.deliveries.due_hooks(at(SOON_MS), None, 100).await.unwrap();
    assert_eq!(all.iter().map(|it| (it.platform, it.hook)).collect::<Vec<_>>(), [(ctx.platform, hook)]);
    note(&site, ctx, &delivery, Told::Status(500)).await;
    let again = site.deliveries.delivery(ctx.platform, delivery.id).await.unwrap().unwrap();
    assert_eq!((again.attempts, again.told, again.took_ms), (1, Some(Told::Status(500)), Some(3)));
    assert_eq!(again.due_at, again.tried_at.map(|tried| tried.plus_ms(TEN_MINUTES_MS)));
    // Whoever notes the same turn once more is late.
    note(&site, ctx, &delivery, Told::Status(200)).await;
    assert_eq!(site.deliveries.delivery(ctx.platform, delivery.id).await.unwrap(), Some(again));
    note(&site, ctx, &again, Told::Status(200)).await;
    let ended = site.deliveries.delivery(ctx.platform, delivery.id).await.unwrap().unwrap();
    assert_eq!((ended.state, ended.due_at), (DeliveryState::Delivered, None));
    assert_eq!(due(&site, ctx, hook, i64::MAX).await, []);
    let once_more = site.engine.run(ctx, Redeliver { delivery: delivery.id }).await.unwrap().unwrap();
    assert_eq!(due(&site, ctx, hook, SOON_MS).await, [once_more]);
}

async fn what_is_due_is_found_by_each_platforms_own_time(home: &impl Home) {
    let site = Site::at(home);
    let mut hooks = Vec::new();
    for name in ["first", "second", "third"] {
        let ctx = site.platform(name).await;
        let purse = site.purse(ctx, 0).await;
        let (created, failed) = (hook(&site, ctx, EventType::PayInCreated).await, hook(&site, ctx, EventType::PayInFailed).await);
        site.declare(ctx, purse, 20).await;
        let first = due(&site, ctx, created, SOON_MS).await[0];
        note(&site, ctx, &first, Told::TimedOut).await;
        hooks.push((ctx, created, failed));
    }
    let all = async |now_ms: i64| site.deliveries.due_hooks(at(now_ms), None, 100).await.unwrap();
    assert_eq!(all(SOON_MS).await, []);
    let (ctx, created, _) = hooks[1];
    site.engine.run(ctx, AdvanceClock { by_ms: TEN_MINUTES_MS }).await.unwrap().unwrap();
    assert_eq!(all(SOON_MS).await.iter().map(|it| (it.platform, it.hook)).collect::<Vec<_>>(), [(ctx.platform, created)]);
    let later = SOON_MS + TEN_MINUTES_MS;
    assert_eq!(all(later).await.len(), 3);
    let first = site.deliveries.due_hooks(at(later), None, 1).await.unwrap();
    let rest = site.deliveries.due_hooks(at(later), Some((first[0].platform, first[0].hook)), 100).await.unwrap();
    assert_eq!(rest.len(), 2, "it goes on behind what was seen");
    for (ctx, created, _) in &hooks {
        let next = site.deliveries.next_due(ctx.platform, at(SOON_MS)).await.unwrap().unwrap();
        assert!(next > at(SOON_MS) && next <= at(later), "{next:?}");
        assert_eq!(site.deliveries.next_due(ctx.platform, at(later)).await.unwrap(), None);
        let of = site.deliveries.due_hooks_of(ctx.platform, at(later), None, 9).await.unwrap();
        assert_eq!(of.iter().map(|it| it.hook).collect::<Vec<_>>(), [*created]);
        assert_eq!(site.deliveries.due_hooks_of(ctx.platform, at(SOON_MS), None, 9).await.unwrap(), []);
        assert_eq!(site.deliveries.due_hooks_of(ctx.platform, at(later), Some(*created), 9).await.unwrap(), []);
    }
}

async fn deliveries_are_listed_newest_first_and_page_by_page(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let purse = site.purse(ctx, 0).await;
    let hook = hook(&site, ctx, EventType::PayInCreated).await;
    let mut subjects = Vec::new();
    for _ in 0..5 {
        subjects.insert(0, site.declare(ctx, purse, 20).await.id.0);
    }
    let list = async |filter, size| site.deliveries.deliveries(ctx.platform, filter, size).await.unwrap();
    let whole = list(DeliveryFilter::default(), 9).await;
    assert_eq!(whole.rows.iter().map(|it| it.subject).collect::<Vec<_>>(), subjects);
    assert_eq!(whole.next, None);
    let first = list(DeliveryFilter::default(), 2).await;
    assert_eq!(first.rows, whole.rows[..2]);
    let rest = list(DeliveryFilter { before: first.next, ..DeliveryFilter::default() }, 9).await;
    assert_eq!(rest.rows, whole.rows[2..]);
    note(&site, ctx, &whole.rows[3], Told::Status(204)).await;
    let delivered = list(DeliveryFilter { state: Some(DeliveryState::Delivered), ..DeliveryFilter::default() }, 9).await;
    assert_eq!(delivered.rows.iter().map(|it| it.subject).collect::<Vec<_>>(), [subjects[3]]);
    let of = DeliveryFilter { subject: Some(subjects[1]), hook: Some(hook), ..DeliveryFilter::default() };
    assert_eq!(list(of, 9).await.rows.len(), 1);
    let nobodys = DeliveryFilter { hook: Some(HookId(Uid::from_bits(7))), ..DeliveryFilter::default() };
    assert_eq!(list(nobodys, 9).await.rows, []);
    let other = site.platform("other").await;
    assert_eq!(site.deliveries.deliveries(other.platform, DeliveryFilter::default(), 9).await.unwrap().rows, []);
    assert_eq!(site.deliveries.delivery(other.platform, whole.rows[0].id).await.unwrap(), None);
}

async fn what_commits_make_is_handed_over_to_whoever_wants_it(home: &impl Home) {
    let site = Site::at(home);
    let ctx = site.platform("first").await;
    let purse = site.purse(ctx, 0).await;
    hook(&site, ctx, EventType::PayInCreated).await;
    site.declare(ctx, purse, 10).await;
    assert!(site.engine.fresh().take().rows.is_empty(), "nobody wanted it");
    site.engine.fresh().want();
    let pay_in = site.declare(ctx, purse, 10).await;
    let handed = site.engine.fresh().take();
    assert_eq!(handed.rows.iter().map(|it| it.subject).collect::<Vec<_>>(), [pay_in.id.0]);
    assert!(!handed.is_cut && site.engine.fresh().take().rows.is_empty());
}

#[test]
fn two_servers_make_one_hook_a_type_and_send_in_turns() {
    run(async {
        let home = PostgresHome::new();
        let sites = [Site::at(&home), Site::at(&home)];
        let ctx = sites[0].platform("first").await;
        for event in [EventType::PayInCreated, EventType::PayInFailed, EventType::PayInSucceeded] {
            let (one, other) = tokio::join!(sites[0].engine.run(ctx, create(event)), sites[1].engine.run(ctx, create(event)));
            let results = [one.unwrap(), other.unwrap()];
            assert_eq!(results.iter().filter(|it| it.is_ok()).count(), 1, "{event:?}");
            assert!(results.iter().any(|it| it.as_ref().is_err_and(|error| *error == CreateHookError::Registered)));
        }
        let (one, other) = (Uid::from_bits(1), Uid::from_bits(2));
        let take = async |site: &Site, holder, now_ms: i64| {
            site.deliveries.take_turns(holder, vec![ctx.platform, ctx.platform], at(now_ms), 1_000).await.unwrap()
        };
        assert_eq!(take(&sites[0], one, START_MS).await, [ctx.platform]);
        assert_eq!(take(&sites[1], other, START_MS + 999).await, [], "it is the other's turn");
        assert_eq!(take(&sites[0], one, START_MS + 999).await, [ctx.platform], "a turn can be made longer");
        assert_eq!(take(&sites[1], other, START_MS + 1_500).await, []);
        sites[0].deliveries.give_turns_back(one).await.unwrap();
        assert_eq!(take(&sites[1], other, START_MS + 1_500).await, [ctx.platform]);
        assert_eq!(take(&sites[0], one, START_MS + 2_500).await, [ctx.platform], "whoever had it did not come back");
    });
}

#[test]
fn a_hook_switched_off_on_one_server_is_told_nothing_by_the_other() {
    run(async {
        let home = PostgresHome::new();
        let sites = [Site::at(&home), Site::at(&home)];
        let ctx = sites[0].platform("first").await;
        let purse = sites[1].purse(ctx, 0).await;
        let hook = hook(&sites[0], ctx, EventType::PayInCreated).await;
        for (turn, status) in [HookStatus::Disabled, HookStatus::Enabled, HookStatus::Disabled].into_iter().enumerate() {
            sites[1].declare(ctx, purse, 10).await;
            let update = UpdateHook { hook, url: None, status: Some(status), validity: None, email: None, tag: None };
            sites[0].engine.run(ctx, update).await.unwrap().unwrap();
            sites[1].declare(ctx, purse, 10).await;
            let told = due(&sites[1], ctx, hook, SOON_MS).await.len();
            // What happens while it is on is told, on whichever server it is switched.
            assert_eq!(told, [1, 2, 3][turn], "{status:?}");
        }
        let record = domain::RecordKey { kind: <Hook as domain::Resource>::KIND, platform: ctx.platform, id: hook.0 };
        assert!(sites[1].reads.record(record).await.unwrap().is_some());
    });
}
