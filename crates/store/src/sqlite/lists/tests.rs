//! Lists against a model: whatever part of them is in memory and in which run, they read the same.

use domain::ids::EventId;
use domain::payment::{Detail, Nature, Payment, PaymentKind, Refusal, Status, Transfer};
use domain::{Event, EventType, PaymentId, PlatformId, Timestamp};
use engine::Page;
use ledger::{AccountId, Uid};
use money::{Currency, Money, SignedMoney};
use rusqlite::Connection;

use super::{Change, Family, ListFile, Narrowed, Tail, page_of};

const PLATFORM: PlatformId = PlatformId(Uid::from_bits(9));

fn payment(number: u128, status: Status) -> Payment {
    let money = Money::new(5, Currency::EUR).unwrap();
    let at = Timestamp::from_ms(i64::try_from(number).unwrap());
    Payment {
        id: PaymentId(Uid::from_bits(1_000 + number)),
        platform: PLATFORM,
        kind: PaymentKind::PayIn,
        nature: Nature::Regular,
        author: Uid::from_bits(1 + number % 3),
        credited_user: None,
        debited: money,
        credited: money,
        fees: SignedMoney::new(0, Currency::EUR),
        debited_wallet: None,
        credited_wallet: Some(AccountId(Uid::from_bits(10 + number % 2))),
        initial: None,
        status,
        refusal: (status == Status::Failed).then_some(Refusal::InsufficientFunds),
        created_at: at,
        executed_at: (status == Status::Succeeded).then_some(at),
        policy_version: 1,
        tag: None,
        detail: Detail::Transfer(Transfer::default()),
        version: 1,
    }
}

struct World {
    file: ListFile,
    reader: Connection,
    tail: Tail,
    events: u128,
    /// Every payment as it is, in the order of creation.
    model: Vec<Payment>,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lists.sqlite");
        let conn = Connection::open(&path).unwrap();
        conn.execute_batch("PRAGMA journal_mode = WAL").unwrap();
        conn.execute_batch(include_str!("../../../migrations/sqlite-index/0001_lists.sql")).unwrap();
        let file = ListFile::new(conn);
        let tail = Tail::new(file.runs().unwrap());
        Self { file, reader: Connection::open(&path).unwrap(), tail, events: 0, model: Vec::new(), _folder: folder }
    }

    fn tell(&mut self, event: EventType, payment: &Payment) {
        self.events += 1;
        let id = EventId(Uid::from_bits(1_000_000 + self.events));
        let event = Event { id, platform: PLATFORM, event, subject: payment.id.0, at: payment.created_at };
        self.tail.add(&Change::of(event, Some(payment)));
    }

    fn create(&mut self) {
        let made = payment(self.model.len() as u128, Status::Created);
        self.tell(EventType::PayInCreated, &made);
        self.model.push(made);
    }

    fn end(&mut self, number: usize, status: Status) {
        let ended = payment(number as u128, status);
        self.tell(if status == Status::Failed { EventType::PayInFailed } else { EventType::PayInSucceeded }, &ended);
        self.model[number] = ended;
    }

    fn write(&mut self) {
        self.tail.freeze();
        self.file.write(&mut self.tail).unwrap();
    }

    fn check(&self) {
        let statuses = [vec![], vec![Status::Created.number()], vec![Status::Failed.number(), Status::Succeeded.number()]];
        for list in [1, 2, 3, 10, 11].map(Uid::from_bits) {
            for (statuses, hidden) in statuses.iter().flat_map(|some| [None, Some(3), Some(70)].map(|until| (some, until))) {
                let hidden_until = hidden.map(Timestamp::from_ms);
                let narrowed = Narrowed { statuses: statuses.clone(), hidden_until, ..Narrowed::default() };
                let fits = |payment: &&Payment| {
                    (statuses.is_empty() || statuses.contains(&payment.status.number()))
                        && hidden_until.is_none_or(|until| payment.created_at > until)
                };
                let of_list = self.model.iter().filter(|payment| payment.lists().contains(&list));
                let mut expected: Vec<Uid> = of_list.filter(fits).map(|payment| payment.id.0).collect();
                for newest_first in [false, true] {
                    let recent = self.tail.recent(Family::Payments, list);
                    let mut seen = Vec::new();
                    for number in 1..40 {
                        let page = Page { number, size: 7, newest_first };
                        let (items, total) = page_of(&self.reader, &recent, Family::Payments, list, &narrowed, page).unwrap();
                        assert_eq!(total, expected.len() as u64);
                        seen.extend(items);
                    }
                    assert_eq!(seen, expected, "{list} {statuses:?} until {hidden:?} newest first: {newest_first}");
                    expected.reverse();
                }
            }
        }
    }
}

#[test]
fn lists_read_the_same_wherever_their_rows_are() {
    let mut world = World::new();
    for step in 0_usize..160 {
        world.create();
        // Some end at once, some in a later run, some never.
        match step % 5 {
            0 => world.end(step, Status::Succeeded),
            1 if step > 60 => world.end(step - 60, Status::Failed),
            _ => {}
        }
        if step % 37 == 36 {
            world.check();
            world.write();
        }
    }
    world.check();
    world.tail.freeze();
    world.create();
    world.end(2, Status::Succeeded);
    world.check();
}

#[test]
fn a_reader_whose_memory_is_older_than_the_newest_run_reads_each_row_once() {
    let mut world = World::new();
    for step in 0..40 {
        world.create();
        if step == 25 {
            world.write();
        }
    }
    world.end(3, Status::Failed);
    world.tail.freeze();
    world.create();
    let run = world.file.write_frozen(&world.tail.frozen()).unwrap();
    world.check();
    world.tail.forget_frozen(run);
    world.check();
}

#[test]
fn a_chunk_that_is_full_goes_on_in_the_next() {
    let mut world = World::new();
    for _ in 0..700 {
        world.create();
    }
    world.write();
    let recent = world.tail.recent(Family::Payments, Uid::from_bits(10));
    let page = Page { number: 30, size: 10, newest_first: false };
    let (items, total) = page_of(&world.reader, &recent, Family::Payments, Uid::from_bits(10), &Narrowed::default(), page).unwrap();
    let expected: Vec<Uid> = (290..300).map(|place: u128| Uid::from_bits(1_000 + place * 2)).collect();
    assert_eq!((items, total), (expected, 350));
}

#[test]
fn a_file_that_is_cleared_has_no_lists() {
    let mut world = World::new();
    world.create();
    world.write();
    assert_eq!(world.file.runs().unwrap(), 1);
    world.file.clear().unwrap();
    assert_eq!((world.file.runs().unwrap(), world.file.place().unwrap()), (0, Uid::default()));
    let recent = Tail::new(0).recent(Family::Payments, Uid::from_bits(10));
    let page = Page { number: 1, size: 10, newest_first: false };
    let read = page_of(&world.reader, &recent, Family::Payments, Uid::from_bits(10), &Narrowed::default(), page).unwrap();
    assert_eq!(read, (vec![], 0));
}
