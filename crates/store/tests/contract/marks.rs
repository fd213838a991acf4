//! Data on which somebody drew secrets or times in advance is marked for good, and every such start has a number of its own.

use domain::platform::{CreatePlatform, Environment, Policy};
use engine::seeded::MS_A_START;
use store::seeding::Mark;

use crate::harness::{Home, Site, ctx_of};

crate::on_both_stores!(starts_are_counted_for_good, platforms_for_real_money_are_seen);

async fn starts_are_counted_for_good(home: &impl Home) {
    let opened = home.open();
    assert_eq!(opened.seeding.mark().unwrap(), None);
    assert_eq!(opened.seeding.start(7_000).unwrap(), Mark { starts: 1, first_ms: 7_000 });
    drop(opened);
    let opened = home.open();
    assert_eq!(opened.seeding.mark().unwrap(), Some(Mark { starts: 1, first_ms: 7_000 }));
    // On PostgreSQL those may be several servers.
    let mut numbers: Vec<u64> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..4).map(|_| scope.spawn(|| opened.seeding.start(7_000).unwrap().starts)).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    numbers.sort_unstable();
    assert_eq!(numbers, [2, 3, 4, 5]);
    assert_eq!(opened.seeding.mark().unwrap(), Some(Mark { starts: 5, first_ms: 7_000 + 4 * MS_A_START }));
}

async fn platforms_for_real_money_are_seen(home: &impl Home) {
    let opened = home.open();
    let seeding = std::sync::Arc::clone(&opened.seeding);
    let site = Site::over(opened);
    site.platform("shop").await;
    assert!(!seeding.has_production().unwrap());
    let command = CreatePlatform {
        client_id: "bank".to_owned(),
        environment: Environment::Production,
        policy: Policy::mangopay(),
        key_digest: [3; 32],
    };
    site.engine.run(ctx_of("bank"), command).await.unwrap().unwrap();
    assert!(seeding.has_production().unwrap());
}
