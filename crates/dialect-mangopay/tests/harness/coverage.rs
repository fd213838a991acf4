//! What was proven of each endpoint, written down by every test binary for `cargo xtask coverage`, which holds it
//! against docs/compat.
//!
//! A line is `proof<TAB>METHOD pattern`, the pattern with the version that was asked for:
//! `done<TAB>GET /v2/{ClientId}/wallets/{WalletId}`. Lines are appended whole; a file is a test binary's.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, OnceLock};

use dialect_mangopay::endpoints::tokenizer;
use dialect_mangopay::router::{Found, Router};
use dialect_mangopay::routes::{Endpoint, ROUTES};
use http::Method;

use super::Seen;

/// Where the files are, in the folder that cargo gives to tests.
const FOLDER: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/coverage");

/// What a request has shown of its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// It answered that it was done.
    Done,
    /// It gave another platform nothing of its owner's.
    Hidden,
    /// It gave a sibling's path nothing of another's.
    Apart,
}

impl Proof {
    const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Hidden => "hidden",
            Self::Apart => "apart",
        }
    }
}

/// Writes down what a request has shown. One that leads to no endpoint has shown nothing.
pub fn record(proof: Proof, method: &Method, path: &str) {
    static KNOWN: OnceLock<Mutex<(File, HashSet<String>)>> = OnceLock::new();
    let Some(endpoint) = endpoint(method, path) else { return };
    let line = format!("{}\t{endpoint}\n", proof.word());
    let mut known = KNOWN.get_or_init(|| Mutex::new((open(), HashSet::new()))).lock().unwrap();
    if known.1.insert(line.clone()) {
        known.0.write_all(line.as_bytes()).unwrap();
    }
}

/// Writes down an answer that says that what was asked for is done. A payment that FAILED is none.
pub fn record_done(method: &Method, path: &str, seen: &Seen) {
    let is_done = match path {
        tokenizer::PATH => seen.text.starts_with("data="),
        _ => (200..300).contains(&seen.status) && seen.get("Status") != "FAILED",
    };
    if is_done {
        record(Proof::Done, method, path);
    }
}

fn open() -> File {
    std::fs::create_dir_all(FOLDER).unwrap();
    let path = Path::new(FOLDER).join(concat!(env!("CARGO_CRATE_NAME"), ".tsv"));
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

/// An endpoint as docs/compat writes it.
fn endpoint(method: &Method, path: &str) -> Option<String> {
    static ROUTER: OnceLock<Router<Endpoint>> = OnceLock::new();
    if path == tokenizer::PATH {
        return Some(format!("{method} {{CardRegistrationURL}}"));
    }
    let Found::Route(matched) = ROUTER.get_or_init(|| Router::new(ROUTES)).find(method, path) else { return None };
    let (_, rest) = matched.route.pattern.strip_prefix('/')?.split_once('/')?;
    Some(format!("{method} /{}/{rest}", matched.version.segment()))
}
