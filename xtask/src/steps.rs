//! The steps of CI, in the order in which they fail fastest.

use std::process::Command;
use std::time::Instant;

use crate::coverage::proven;
use crate::{packages, tidy};

/// Everything.
pub fn ci() -> Result<(), String> {
    packages::install()?;
    step("format", &["cargo", "fmt", "--all", "--check"], &[])?;
    println!("== tidy");
    tidy::check()?;
    step("lint", &["cargo", "clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"], &[])?;
    // Our readers are developers: private items are documented, so links to them lead somewhere.
    let flags = "--deny warnings --allow rustdoc::private_intra_doc_links";
    let documentation = ["cargo", "doc", "--workspace", "--no-deps", "--document-private-items", "--locked", "--quiet"];
    step("documentation", &documentation, &[("RUSTDOCFLAGS", flags)])?;
    demo()?;
    proven::forget()?;
    step("test", &["cargo", "test", "--workspace", "--locked"], &[])?;
    covered()?;
    sdk()?;
    browser()
}

/// The README's first command, but for its end and its place: it builds the binary that later steps run.
fn demo() -> Result<(), String> {
    const DATA: &str = "target/demo";
    // What an earlier run has left is no first start.
    for left in [DATA.to_owned(), format!("{DATA}.key")] {
        let path = std::path::Path::new(&left);
        let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        match removed {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(format!("{left}: {error}")),
            _ => {}
        }
    }
    let command = ["cargo", "run", "--release", "--locked", "--", "demo", "--exit", "--listen", "127.0.0.1:0", "--data", DATA];
    step("the README's demo", &command, &[])
}

/// Whether every endpoint that docs/compat tells of was shown to work, and to keep what is not the caller's.
pub fn coverage() -> Result<(), String> {
    proven::forget()?;
    step("the wire's tests", &["cargo", "test", "--package", "dialect-mangopay", "--locked"], &[])?;
    covered()
}

fn covered() -> Result<(), String> {
    println!("== coverage");
    let missing = proven::check()?;
    if missing.is_empty() { Ok(()) } else { Err(format!("coverage found:\n  {}", missing.join("\n  "))) }
}

/// The official SDK's own suite against the release binary.
pub fn sdk() -> Result<(), String> {
    step("install the SDK", &["npm", "ci", "--prefix", "conformance/node", "--no-audit", "--no-fund"], &[])?;
    step("what the suite's data is", &["node", "conformance/node/telltale.js", "--check"], &[])?;
    step("the agreement's own tests", &["node", "--test", "conformance/agreement.test.js"], &[])?;
    let suite = ["node", "conformance/node/run.js", "--florin", "target/release/florin"];
    step("the SDK's suite on SQLite", &suite, &[])?;
    let beside = ["cargo", "run", "--quiet", "--locked", "--package", "testkit", "--bin", "with-postgres", "--"];
    let on_postgres: Vec<&str> = beside.into_iter().chain(suite).chain(["--database", "{}"]).collect();
    step("the SDK's suite on PostgreSQL", &on_postgres, &[])
}

/// A browser goes through every hosted page of the release binary; its pictures go to target/browser.
pub fn browser() -> Result<(), String> {
    step("install the browser's driver", &["npm", "ci", "--prefix", "conformance/browser", "--no-audit", "--no-fund"], &[])?;
    step("the hosted pages", &["node", "--test", "conformance/browser/pages.test.js"], &[])
}

fn step(name: &str, command: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    println!("== {name}: {}", command.join(" "));
    let begun = Instant::now();
    let (program, arguments) = command.split_first().ok_or("no command")?;
    let status = Command::new(program).args(arguments).envs(environment.iter().copied()).status();
    match status {
        Ok(status) if status.success() => {
            println!("== {name}: done in {:.0} s", begun.elapsed().as_secs_f64());
            Ok(())
        }
        Ok(status) => Err(format!("{name} failed: {status}")),
        Err(error) => Err(format!("{name}: {program} could not be run: {error}")),
    }
}
