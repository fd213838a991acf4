//! What was stored once is read for ever: a golden file for every stored form of every kind of record and of payment
//! detail, the words and numbers that stand for things, and a sealed value.
//!
//! A file is named `<kind>.<form>[.<variant>].json` and holds the stored text. Once a form was released, its files never
//! change. Whoever changes what a kind stores gives it the next form number, reads the old form too (`Resource::decode`),
//! and runs these tests with `FLORIN_GOLDEN=write`, which makes the new form's files of the ones before it; what is new
//! in it is then filled in by hand, since no golden file may leave anything out.
//!
//! The same command writes what is new among [`words`] and [`numbers`]. It never takes anything out of them.

mod forms;
mod numbers;
mod sealed;
mod words;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Whether what differs is to be written rather than told.
fn is_writing() -> bool {
    std::env::var("FLORIN_GOLDEN").is_ok_and(|value| value == "write")
}

/// A path in this folder.
fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Names and what they stand for, each group by its name.
type Groups = BTreeMap<String, BTreeMap<String, String>>;

/// Holds groups against their golden file: whatever is there has to be so still, and whatever is new has to be there.
fn check_groups(file: &str, found: &Groups) {
    let text = std::fs::read_to_string(here(file)).unwrap_or_else(|_| "{}".to_owned());
    let mut golden: Groups = serde_json::from_str(&text).unwrap();
    for (group, members) in &golden {
        for (name, meaning) in members {
            let now = found.get(group).and_then(|members| members.get(name));
            assert_eq!(now, Some(meaning), "{file}: {group} {name} was stored, and means something else now, or nothing");
        }
    }
    if is_writing() {
        for (group, members) in found {
            golden.entry(group.clone()).or_default().extend(members.clone());
        }
        std::fs::write(here(file), format!("{}\n", serde_json::to_string_pretty(&golden).unwrap())).unwrap();
    }
    assert_eq!(&golden, found, "{file} does not have everything: run with FLORIN_GOLDEN=write");
}
