//! A list file that cannot be written: lists are refused after a while, money never waits, and they come back whole.

use std::path::Path;
use std::sync::{Arc, PoisonError};

use domain::{Event, EventType, PlatformId, Timestamp};
use engine::{Page, StoreError};
use ledger::Uid;
use rusqlite::Connection;

use super::super::pool::Pool;
use super::super::rows::id16;
use super::{Change, Family, Limits, ListFile, Lists, Narrowed, Outbox, page_of};
use crate::vault::Vault;
use domain::ids::EventId;

const PLATFORM: PlatformId = PlatformId(Uid::from_bits(9));

fn connect(path: &Path) -> Connection {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch("PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 0").unwrap();
    conn
}

struct World {
    main: Connection,
    lists: Lists,
    folder: tempfile::TempDir,
    events: u128,
}

impl World {
    fn new(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (main, index) = (folder.path().join("main.sqlite"), folder.path().join("lists.sqlite"));
        let conn = connect(&main);
        conn.execute_batch(include_str!("../../../migrations/sqlite/0001_foundation.sql")).unwrap();
        let file = connect(&index);
        file.execute_batch(include_str!("../../../migrations/sqlite-index/0001_lists.sql")).unwrap();
        let outbox = Outbox { main: connect(&main), vault: Arc::new(Vault::new(&[7; 32])) };
        let readers = Pool::new(1, || Ok::<_, StoreError>(connect(&index))).unwrap();
        let lists = Lists::open(ListFile::new(file), outbox, readers, limits).unwrap();
        Self { main: conn, lists, folder, events: 0 }
    }

    /// Commits events as the writer does: first durable, then added.
    fn commit(&mut self, count: usize) {
        for _ in 0..count {
            self.events += 1;
            let (id, subject) = (Uid::from_bits(self.events), Uid::from_bits(1));
            let event = Event { id: EventId(id), platform: PLATFORM, event: EventType::UserActivated, subject, at: Timestamp::from_ms(0) };
            let row = (id16(PLATFORM.0), id16(id), event.event.number(), id16(subject), 0);
            self.main.execute("INSERT INTO event (platform, id, type, subject, at) VALUES (?1, ?2, ?3, ?4, ?5)", row).unwrap();
            self.lists.add(&[Change::of(event, None)]);
        }
    }

    fn listed(&self) -> Result<(Vec<Uid>, u64), StoreError> {
        let (whole, list) = (Narrowed::default(), PLATFORM.0);
        let page = Page { number: 1, size: 1_000, newest_first: false };
        self.lists.with(Family::Events, list, |file, recent| page_of(file, recent, Family::Events, list, &whole, page))
    }

    /// Waits until the thread has made the lists anew.
    fn until_made_anew(&self) {
        let state = self.lists.tail.lock();
        drop(self.lists.tail.changed.wait_while(state, |state| state.is_lost).unwrap_or_else(PoisonError::into_inner));
    }
}

#[test]
fn a_file_that_cannot_be_written_stops_lists_and_nobody_else() {
    let mut world = World::new(Limits { full: 10, too_many: 60 });
    world.commit(25);
    assert_eq!(world.listed().unwrap().1, 25);

    let other = connect(&world.folder.path().join("lists.sqlite"));
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    world.commit(20);
    // Until memory is full, lists are as good as ever; whatever comes then is not waited with.
    let (items, total) = world.listed().unwrap();
    assert_eq!((items.len(), total), (45, 45));
    while world.listed().is_ok() {
        assert!(world.events < 10_000, "rows in memory have a bound");
        world.commit(10);
    }
    assert!(matches!(world.listed(), Err(StoreError::Behind)));
    world.commit(100);
    let state = world.lists.tail.lock();
    assert!(state.tail.active_rows() == 0, "nothing is kept meanwhile");
    drop(state);

    other.execute_batch("ROLLBACK").unwrap();
    world.commit(5);
    world.until_made_anew();
    world.commit(5);
    let (items, total) = world.listed().unwrap();
    let expected: Vec<Uid> = (1..=world.events).map(Uid::from_bits).collect();
    assert_eq!(total, world.events as u64);
    assert_eq!(items, expected[..1_000.min(expected.len())], "every event once, in its place");
}

/// A writer that goes on while the lists are made anew finds each of its events once in them.
#[test]
fn what_is_committed_meanwhile_is_listed_once() {
    for round in 0..4 {
        let mut world = World::new(Limits { full: 4, too_many: 8 });
        let other = connect(&world.folder.path().join("lists.sqlite"));
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        while world.listed().is_ok() {
            assert!(world.events < 10_000, "rows in memory have a bound");
            world.commit(10);
        }
        other.execute_batch("ROLLBACK").unwrap();
        world.commit(round * 31);
        world.until_made_anew();
        // It may have fallen behind again, its limits are that narrow.
        while world.listed().is_err() {
            world.until_made_anew();
        }
        let expected: Vec<Uid> = (1..=world.events.min(1_000)).map(Uid::from_bits).collect();
        assert_eq!(world.listed().unwrap().0, expected);
    }
}
