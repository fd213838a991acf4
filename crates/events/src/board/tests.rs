//! Bounds and turns.

use domain::{Event, EventId, EventType, Timestamp};
use ledger::Uid;

use super::*;

fn delivery(platform: u128, hook: u128, number: u128) -> Delivery {
    let event = Event {
        id: EventId(Uid::from_bits((platform << 96) | (hook << 64) | number)),
        platform: PlatformId(Uid::from_bits(platform)),
        event: EventType::PayInCreated,
        subject: Uid::from_bits(9),
        at: Timestamp::from_ms(1),
    };
    Delivery::of(&event, HookId(Uid::from_bits(hook)))
}

fn end(board: &mut Board, turn: &Turn, felt: Felt) {
    let Turn { delivery, .. } = turn;
    board.ended(delivery.platform, delivery.hook, felt);
    board.forget(delivery.platform, delivery.hook, delivery.id);
}

fn begin_all(board: &mut Board) -> Vec<Turn> {
    std::iter::from_fn(|| board.next_turn()).collect()
}

#[test]
fn platforms_and_their_hooks_take_turns() {
    let mut board = Board::default();
    for number in 0..4 {
        board.add(delivery(1, 1, number));
        board.add(delivery(1, 2, number));
    }
    board.add(delivery(2, 1, 0));
    let order: Vec<(u128, u128)> =
        begin_all(&mut board).iter().map(|turn| (turn.delivery.platform.0.bits(), turn.delivery.hook.0.bits())).collect();
    assert_eq!(order, [(1, 1), (2, 1), (1, 2), (1, 1), (1, 2), (1, 1), (1, 2), (1, 1), (1, 2)]);
}

#[test]
fn a_target_that_answers_gets_more_at_once_and_one_that_is_silent_one() {
    let mut board = Board::default();
    for number in 0..200 {
        assert!(board.add(delivery(1, 1, number)));
    }
    let first = begin_all(&mut board);
    assert_eq!(first.len(), OF_NEW_HOOK);
    end(&mut board, &first[0], Felt::Answered);
    let second = begin_all(&mut board);
    assert_eq!(second.len(), OF_NEW_HOOK + 1, "twice as many at once");
    for turn in first[1..].iter().chain(&second) {
        end(&mut board, turn, Felt::Silent);
    }
    let third = begin_all(&mut board);
    assert_eq!(third.len(), 1);
    end(&mut board, &third[0], Felt::Answered);
    assert_eq!(begin_all(&mut board).len(), 2);
}

#[test]
fn suspects_together_leave_places_for_the_others() {
    let mut board = Board::default();
    for platform in 1..=600 {
        for number in 0..5 {
            board.add(delivery(platform, 1, number));
        }
    }
    // All that can be are under way; none of them answers.
    loop {
        let turns = begin_all(&mut board);
        let fresh: Vec<_> = turns.iter().filter(|turn| turn.delivery.id.0.bits() & 7 < 4).copied().collect();
        if fresh.is_empty() {
            break;
        }
        turns.iter().for_each(|turn| end(&mut board, turn, Felt::Silent));
    }
    board.add(delivery(1_000, 1, 1));
    let healthy = begin_all(&mut board);
    assert!(healthy.iter().any(|turn| turn.delivery.platform.0.bits() == 1_000), "a healthy one has its turn at once");
    assert!(board.suspects <= SUSPECTS_MAX && board.under_way <= UNDER_WAY_MAX, "{} {}", board.suspects, board.under_way);
}

#[test]
fn what_does_not_fit_is_left_in_the_store_and_asked_for_when_there_is_room() {
    let mut board = Board::default();
    for number in 0..LINE_MAX {
        assert!(board.add(delivery(1, 1, number as u128)));
    }
    assert!(!board.add(delivery(1, 1, 1_000)));
    assert!(board.add(delivery(1, 1, 5)), "it is known already");
    assert_eq!(board.known_of(PlatformId(Uid::from_bits(1))), LINE_MAX);
    let mut asked = None;
    for _ in 0..LINE_MAX {
        let turn = board.next_turn().unwrap();
        board.ended(turn.delivery.platform, turn.delivery.hook, Felt::Answered);
        asked = asked.or(board.forget(turn.delivery.platform, turn.delivery.hook, turn.delivery.id));
    }
    assert_eq!(asked, Some((PlatformId(Uid::from_bits(1)), HookId(Uid::from_bits(1)))));
    assert_eq!(board.next_turn(), None);
}

#[test]
fn one_platform_does_not_take_all_places() {
    let mut board = Board::default();
    for hook in 1..=100 {
        for number in 0..200 {
            board.add(delivery(1, hook, number));
        }
    }
    let mut under_way: Vec<Turn> = Vec::new();
    for _ in 0..20 {
        for turn in std::mem::take(&mut under_way) {
            end(&mut board, &turn, Felt::Answered);
        }
        under_way = begin_all(&mut board);
    }
    assert_eq!(under_way.len(), OF_PLATFORM_MAX);
    board.add(delivery(2, 1, 1));
    assert_eq!(board.next_turn().map(|turn| turn.delivery.platform.0.bits()), Some(2));
}

#[test]
fn a_rush_sends_all_of_a_platform_at_once_and_says_so() {
    let mut board = Board::default();
    for number in 0..100 {
        board.add(delivery(1, 1, number));
    }
    let first = begin_all(&mut board);
    first.iter().for_each(|turn| end(&mut board, turn, Felt::Silent));
    assert!(first.iter().all(|turn| !turn.is_rushed));
    let platform = PlatformId(Uid::from_bits(1));
    board.rush(platform);
    let rest = begin_all(&mut board);
    assert_eq!(rest.len(), 100 - first.len());
    assert!(rest.iter().all(|turn| turn.is_rushed));
    rest.iter().for_each(|turn| end(&mut board, turn, Felt::Silent));
    assert_eq!(board.known_of(platform), 0);
    board.calm(platform);
    board.tidy();
    assert!(board.platforms().is_empty() && board.under_way == 0 && board.suspects == 0 && board.known == 0);
}
