//! What hooks hear, and when they are heard no more.

use super::*;
use crate::core::workbench::World;
use crate::ids::{DeliveryId, UserId};
use crate::user::Category;
use crate::{EventType, Record, Secret, Timestamp};

fn create(event: EventType, url: &str) -> CreateHook {
    CreateHook { event, url: Secret::new(url.to_owned()), status: HookStatus::Enabled, email: None, tag: None }
}

fn change(hook: HookId) -> UpdateHook {
    UpdateHook { hook, url: None, status: None, validity: None, email: None, tag: None }
}

fn hook_of(record: &Record) -> Hook {
    Hook::clone(&record.body::<Hook>().unwrap())
}

/// A world with a hook for what [`happen`] makes happen.
fn listening() -> (World, HookId) {
    let mut world = World::new();
    let record = world.run(&create(EventType::UserClosed, "http://localhost:1/")).unwrap();
    (world, HookId(record.lead.id))
}

/// Has the event happen that the hook is of.
fn happen(world: &mut World) -> UserId {
    let user = world.user(Category::Owner);
    world.run(&crate::user::CloseUser { user, kind: crate::user::PersonKind::Natural }).unwrap();
    user
}

fn tried(delivery: &Delivery, told: Told) -> AttemptNote {
    let ended = Ended::Tried { told, took_ms: 7 };
    AttemptNote { delivery: delivery.id, hook: delivery.hook, attempts: delivery.attempts, ended }
}

fn note(world: &mut World, note: AttemptNote) -> Vec<Delivery> {
    world.run(&NoteAttempts { notes: vec![note] }).unwrap()
}

#[test]
fn a_platform_has_one_hook_a_type_of_event() {
    let mut world = World::new();
    let record = world.run(&create(EventType::PayInSucceeded, "https://example.com/a")).unwrap();
    assert_eq!(hook_of(&record).validity, Validity::Valid);
    let again = world.run(&create(EventType::PayInSucceeded, "https://example.com/b")).unwrap_err();
    assert_eq!(again, CreateHookError::Registered);
    assert!(world.run(&create(EventType::PayInFailed, "https://example.com/a")).is_ok());
    let own = world.run(&create(EventType::HookFailing, "https://example.com/a")).unwrap_err();
    assert_eq!(own, CreateHookError::NotForHooks);
}

#[test]
fn production_is_told_over_https_and_outside_only() {
    let mut world = World::new();
    let hook = world.run(&create(EventType::PayInFailed, "http://127.0.0.1/")).map(|record| HookId(record.lead.id)).unwrap();
    world.change_platform(|platform| platform.environment = Environment::Production);
    for (url, why) in [
        ("http://example.com/", TargetError::NotEncrypted),
        ("https://127.0.0.1/", TargetError::NotPublic),
        ("https://[::1]/", TargetError::NotPublic),
        ("nothing", TargetError::NotAUrl),
    ] {
        assert_eq!(world.run(&create(EventType::PayInCreated, url)).unwrap_err(), CreateHookError::Target(why), "{url}");
        let update = UpdateHook { url: Some(Secret::new(url.to_owned())), ..change(hook) };
        assert_eq!(world.run(&update).unwrap_err(), UpdateHookError::Target(why), "{url}");
    }
    assert!(world.run(&create(EventType::PayInCreated, "https://example.com/")).is_ok());
}

#[test]
fn a_rehearsal_is_told_over_https_wherever_it_pleases() {
    let mut world = World::new();
    world.change_policy(|policy| policy.is_rehearsal = true);
    let plain = world.run(&create(EventType::PayInCreated, "http://localhost/")).unwrap_err();
    assert_eq!(plain, CreateHookError::Target(TargetError::NotEncrypted));
    assert!(world.run(&create(EventType::PayInCreated, "https://localhost/")).is_ok());
}

#[test]
fn an_event_is_told_to_the_hook_of_its_type_while_that_listens() {
    let mut world = World::new();
    happen(&mut world);
    assert_eq!(world.deliveries(), [], "nobody listens");
    let record = world.run(&create(EventType::UserClosed, "http://localhost/")).unwrap();
    let hook = HookId(record.lead.id);
    let user = happen(&mut world);
    let told = world.deliveries();
    assert_eq!(told.len(), 1);
    let first = told[0];
    assert_eq!((first.hook, first.subject, first.event), (hook, user.0, EventType::UserClosed));
    assert_eq!((first.state, first.attempts, first.due_at), (DeliveryState::Pending, 0, Some(world.now)));
    for (update, is_told) in [
        (UpdateHook { status: Some(HookStatus::Disabled), ..change(hook) }, false),
        (UpdateHook { status: Some(HookStatus::Enabled), ..change(hook) }, true),
        (UpdateHook { validity: Some(Validity::Invalid), ..change(hook) }, false),
        (UpdateHook { status: Some(HookStatus::Enabled), validity: Some(Validity::Invalid), ..change(hook) }, false),
        (UpdateHook { status: Some(HookStatus::Enabled), ..change(hook) }, true),
        (UpdateHook { validity: Some(Validity::Invalid), ..change(hook) }, false),
        (UpdateHook { validity: Some(Validity::Valid), ..change(hook) }, true),
    ] {
        let before = world.deliveries().len();
        world.run(&update).unwrap();
        happen(&mut world);
        assert_eq!(world.deliveries().len() > before, is_told, "{update:?}");
    }
}

#[test]
fn what_fails_is_tried_for_an_hour_and_for_three_days_and_no_more() {
    let (mut world, _) = listening();
    let start = world.now;
    happen(&mut world);
    let mut waits = Vec::new();
    let mut delivery = world.deliveries()[0];
    while let Some(due) = delivery.due_at {
        waits.push((due.ms() - world.now.ms()) / 60_000);
        world.now = due;
        note(&mut world, tried(&delivery, Told::Status(500)));
        delivery = world.deliveries()[0];
    }
    assert_eq!(waits, [&[0][..], &[10; 6], &[480; 9]].concat());
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Failed, 16));
    assert_eq!(delivery.tried_at, Some(Timestamp::from_ms(start.ms() + 3_600_000 + 3 * 86_400_000)));
}

#[test]
fn a_success_ends_it_and_a_second_note_of_the_same_turn_changes_nothing() {
    let (mut world, hook) = listening();
    happen(&mut world);
    let delivery = world.deliveries()[0];
    note(&mut world, tried(&delivery, Told::TimedOut));
    note(&mut world, tried(&delivery, Told::Status(204)));
    let again = world.deliveries()[0];
    assert_eq!((again.state, again.attempts, again.told), (DeliveryState::Pending, 1, Some(Told::TimedOut)));
    assert_eq!(world.find::<Hook>(hook).unwrap().failures, 1);
    note(&mut world, tried(&again, Told::Status(204)));
    note(&mut world, tried(&again, Told::Status(500)));
    let ended = world.deliveries()[0];
    assert_eq!((ended.state, ended.due_at, ended.told), (DeliveryState::Delivered, None, Some(Told::Status(204))));
    assert_eq!(world.find::<Hook>(hook).unwrap().failures, 0, "a success forgets the failures");
    let unknown = AttemptNote { delivery: DeliveryId(ledger::Uid::from_bits(5)), ..tried(&ended, Told::Status(200)) };
    assert_eq!(note(&mut world, unknown), []);
}

#[test]
fn a_hook_that_fails_a_hundred_times_in_a_row_is_told_nothing_until_it_is_valid_again() {
    let (mut world, hook) = listening();
    for _ in 0..FAILURES_MAX {
        happen(&mut world);
    }
    let pending = world.deliveries();
    let (last, others) = pending.split_last().unwrap();
    let notes = others.iter().map(|delivery| tried(delivery, Told::Status(302))).collect();
    world.run(&NoteAttempts { notes }).unwrap();
    assert!(world.find::<Hook>(hook).unwrap().is_live());
    note(&mut world, tried(last, Told::Unreachable));
    let after = world.find::<Hook>(hook).unwrap();
    assert_eq!((after.validity, after.failures), (Validity::Invalid, FAILURES_MAX));
    let count = |world: &World, event| world.events().iter().filter(|it| **it == event).count();
    assert_eq!((count(&world, EventType::HookFailing), count(&world, EventType::HookBecameInvalid)), (9, 1));
    happen(&mut world);
    assert_eq!(world.deliveries().len(), pending.len(), "nothing is told to it");
    assert_eq!(world.run(&Redeliver { delivery: last.id }), Err(RedeliverError::NotListening));
    let first = world.deliveries()[0];
    note(&mut world, tried(&first, Told::Unreachable));
    assert_eq!(count(&world, EventType::HookBecameInvalid), 1, "it is told once");
    world.run(&UpdateHook { url: Some(Secret::new("http://localhost:2/".to_owned())), ..change(hook) }).unwrap();
    assert!(!world.find::<Hook>(hook).unwrap().is_live(), "another URL alone changes nothing");
    world.run(&UpdateHook { validity: Some(Validity::Valid), ..change(hook) }).unwrap();
    assert_eq!(world.find::<Hook>(hook).unwrap().failures, 0);
    assert_eq!(world.run(&Redeliver { delivery: last.id }).unwrap().due_at, Some(world.now));
}

#[test]
fn what_is_not_to_be_sent_ends_or_waits_without_counting_as_an_attempt() {
    let (mut world, hook) = listening();
    for (ended, state, due_in) in [
        (Ended::Stopped, DeliveryState::Stopped, None),
        (Ended::Lost, DeliveryState::Lost, None),
        (Ended::PutOff { by_ms: 5 }, DeliveryState::Pending, Some(5)),
    ] {
        happen(&mut world);
        let delivery = *world.deliveries().last().unwrap();
        note(&mut world, AttemptNote { ended, ..tried(&delivery, Told::TimedOut) });
        let after = *world.deliveries().last().unwrap();
        assert_eq!((after.state, after.attempts), (state, 0));
        assert_eq!(after.due_at, due_in.map(|ms| world.now.plus_ms(ms)));
    }
    assert_eq!(world.find::<Hook>(hook).unwrap().failures, 0);
}

#[test]
fn stored_numbers_of_states_and_answers_read_back() {
    for state in DeliveryState::ALL {
        assert_eq!(DeliveryState::from_number(state.number()), Some(*state));
    }
    for number in 0..=u16::MAX {
        if let Some(told) = Told::from_number(number) {
            assert_eq!(told.number(), number);
        }
    }
    assert!(Told::Status(299).is_success() && !Told::Status(199).is_success() && !Told::Status(301).is_success());
}
