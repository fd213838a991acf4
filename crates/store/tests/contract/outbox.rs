//! The outbox of PostgreSQL: rows that the projector has not taken into the lists.

use domain::{Event, PlatformId};
use engine::{EventFilter, StoreError};
use ledger::Uid;

use crate::harness::{PostgresHome, Site, moving, page, run, when_whole};

/// Leaves so many rows behind for each of `platforms`, one event a row; the events' times count up.
fn leave(home: &PostgresHome, platforms: &[PlatformId], rows: u32) {
    let change = "decode(md5(p::text || g), 'hex') || '\\x0004'::bytea || decode(md5(p::text), 'hex') || int8send(g) || '\\xff'::bytea";
    let named = platforms.iter().map(|platform| format!("('{}'::uuid)", platform.0)).collect::<Vec<_>>().join(", ");
    home.psql(&format!(
        "INSERT INTO outbox (platform, form, changes) SELECT p, 1, {change} FROM generate_series(1::bigint, {rows}) g, (VALUES {named}) AS named(p) ORDER BY g"
    ));
}

async fn events(site: &Site, platform: PlatformId) -> Result<Vec<Event>, StoreError> {
    let mut events = Vec::new();
    loop {
        let number = u64::try_from(events.len() / 100 + 1).unwrap();
        let listed = site.reads.events(platform, EventFilter::default(), page(number, 100, false)).await?;
        events.extend(listed.rows);
        if events.len() as u64 >= listed.total {
            return Ok(events);
        }
    }
}

/// More than one cycle takes, of one platform and of all: everything is listed, once, in its order.
#[test]
fn a_long_outbox_is_listed_whole() {
    run(async {
        let home = PostgresHome::new();
        let site = Site::at(&home);
        let platforms: Vec<PlatformId> = (1..=60).map(|bits| PlatformId(Uid::from_bits(bits << 90))).collect();
        leave(&home, &platforms, 70);
        for platform in &platforms {
            let times: Vec<i64> = when_whole(|| events(&site, *platform)).await.iter().map(|event| event.at.ms()).collect();
            assert_eq!(times, (1..=70).collect::<Vec<_>>());
        }
        assert_eq!(home.psql("SELECT count(*) FROM outbox").trim(), "0");
    });
}

/// A row that does not decode, of a newer release or damaged, holds up the lists of its own platform and no others.
#[test]
fn a_row_that_cannot_be_read_holds_up_no_other_platform() {
    run(async {
        let home = PostgresHome::new();
        let site = Site::at(&home);
        let (stuck, other) = (site.platform("stuck").await, site.platform("other").await);
        let before = when_whole(|| events(&site, stuck.platform)).await;
        home.psql(&format!("INSERT INTO outbox (platform, form, changes) VALUES ('{}', 1, '\\x00')", stuck.platform.0));
        assert!(matches!(events(&site, stuck.platform).await, Err(StoreError::Behind)));
        let (from, to) = (site.purse(other, 100).await, site.purse(other, 0).await);
        let moved = site.transfer(other, moving(from, to, 10, 0)).await.unwrap();
        assert!(when_whole(|| events(&site, other.platform)).await.iter().any(|event| event.subject == moved.id.0));
        assert!(matches!(events(&site, stuck.platform).await, Err(StoreError::Behind)), "never an incomplete list");
        home.psql(&format!("DELETE FROM outbox WHERE platform = '{}'", stuck.platform.0));
        assert_eq!(when_whole(|| events(&site, stuck.platform)).await, before);
    });
}
