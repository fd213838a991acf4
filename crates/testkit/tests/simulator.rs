//! Seeds of the simulator. `FLORIN_SEEDS=FROM..TO` runs others; a failing seed is named, and
//! `FLORIN_SEEDS=N..N+1 cargo test -p testkit --test simulator` runs it alone.

use testkit::simulator::{Seen, SqliteFolder, run};

const STEPS: u32 = 60;

fn seeds() -> std::ops::Range<u64> {
    let text = std::env::var("FLORIN_SEEDS").unwrap_or_else(|_| "0..60".to_owned());
    let (from, to) = text.split_once("..").expect("FLORIN_SEEDS is FROM..TO");
    from.parse().expect("a number")..to.parse().expect("a number")
}

#[test]
fn no_seed_makes_the_store_and_the_model_disagree() {
    let mut all = Seen::default();
    for seed in seeds() {
        let folder = tempfile::tempdir().expect("a folder");
        let result = std::panic::catch_unwind(|| run(seed, STEPS, &SqliteFolder(folder.path())));
        let seen = result.unwrap_or_else(|_| panic!("seed {seed} fails"));
        all.deaths += seen.deaths;
        all.moved += seen.moved;
        all.refused += seen.refused;
        all.replays += seen.replays;
    }
    println!("{all:?}");
    assert!(all.deaths > 10 && all.moved > 500 && all.refused > 100 && all.replays > 100, "the seeds do something: {all:?}");
}
