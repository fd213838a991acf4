//! The steps of CI, in the order in which they fail fastest.

use crate::coverage::proven;
use crate::run::{Run, Stopped};
use crate::{guide as first_hour, packages, packaging, tidy};

/// Everything.
pub fn ci(run: &mut Run) -> Result<(), Stopped> {
    run.step("packages", packages::install)?;
    run.program("format", &["cargo", "fmt", "--all", "--check"], &[])?;
    tidy(run)?;
    run.program("lint", &["cargo", "clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"], &[])?;
    // Our readers are developers: private items are documented, so links to them lead somewhere.
    let flags = "--deny warnings --allow rustdoc::private_intra_doc_links";
    let documentation = ["cargo", "doc", "--workspace", "--no-deps", "--document-private-items", "--locked", "--quiet"];
    run.program("documentation", &documentation, &[("RUSTDOCFLAGS", flags)])?;
    demo(run)?;
    run.step("forget earlier coverage", proven::forget)?;
    run.program("test", &["cargo", "test", "--workspace", "--locked"], &[])?;
    covered(run)?;
    sdk(run)?;
    browser(run)?;
    guide(run)?;
    packaging(run)
}

/// What no compiler checks.
pub fn tidy(run: &mut Run) -> Result<(), Stopped> {
    run.step("tidy", tidy::check)
}

/// The README's first command, but for its end and its place: it builds the binary that later steps run.
fn demo(run: &mut Run) -> Result<(), Stopped> {
    let data = crate::target().join("demo").display().to_string();
    run.step("clear the demo's folder", || {
        // What an earlier run has left is no first start.
        for left in [data.clone(), format!("{data}.key")] {
            let path = std::path::Path::new(&left);
            let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(format!("{left}: {error}")),
                _ => {}
            }
        }
        Ok(())
    })?;
    let command = ["cargo", "run", "--release", "--locked", "--", "demo", "--exit", "--listen", "127.0.0.1:0", "--data", &data];
    run.program("the README's demo", &command, &[])
}

/// Whether every endpoint that docs/compat tells of was shown to work, and to keep what is not the caller's.
pub fn coverage(run: &mut Run) -> Result<(), Stopped> {
    run.step("forget earlier coverage", proven::forget)?;
    run.program("the wire's tests", &["cargo", "test", "--package", "dialect-mangopay", "--locked"], &[])?;
    covered(run)
}

fn covered(run: &mut Run) -> Result<(), Stopped> {
    run.step("coverage", || {
        let missing = proven::check()?;
        if missing.is_empty() { Ok(()) } else { Err(format!("it found\n  {}", missing.join("\n  "))) }
    })
}

/// The binary that is shipped, as the sources are now.
fn release(run: &mut Run) -> Result<(), Stopped> {
    run.program("build the release", &["cargo", "build", "--release", "--locked", "--package", "server"], &[])
}

/// The official SDK's own suite against the release binary.
pub fn sdk(run: &mut Run) -> Result<(), Stopped> {
    release(run)?;
    run.program("install the SDK", &["npm", "ci", "--prefix", "conformance/node", "--no-audit", "--no-fund"], &[])?;
    run.program("what the suite's data is", &["node", "conformance/node/telltale.js", "--check"], &[])?;
    run.program("the agreement's own tests", &["node", "--test", "conformance/agreement.test.js"], &[])?;
    let florin = crate::target().join("release/florin").display().to_string();
    let suite = ["node", "conformance/node/run.js", "--florin", &florin];
    run.program("the SDK's suite on SQLite", &suite, &[])?;
    let beside = ["cargo", "run", "--quiet", "--locked", "--package", "testkit", "--bin", "with-postgres", "--"];
    let on_postgres: Vec<&str> = beside.into_iter().chain(suite).chain(["--database", "{}"]).collect();
    run.program("the SDK's suite on PostgreSQL", &on_postgres, &[])
}

/// A browser goes through every hosted page of the release binary; its pictures go to target/browser.
pub fn browser(run: &mut Run) -> Result<(), Stopped> {
    release(run)?;
    run.program("install the browser's driver", &["npm", "ci", "--prefix", "conformance/browser", "--no-audit", "--no-fund"], &[])?;
    run.program("the hosted pages", &["node", "--test", "conformance/browser/pages.test.js"], &[])
}

/// The guide for the first hour, as it stands, and the examples, against the release binary, or the one that `FLORIN` names.
pub fn guide(run: &mut Run) -> Result<(), Stopped> {
    if std::env::var_os("FLORIN").is_none() {
        release(run)?;
    }
    first_hour::check(run)
}

/// Dockerfile, compose file and recipes against linters, and the image's file system with the release binary in it.
pub fn packaging(run: &mut Run) -> Result<(), Stopped> {
    release(run)?;
    packaging::check(run)
}
