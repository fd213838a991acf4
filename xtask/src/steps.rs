//! The steps of CI, in the order in which they fail fastest.

use std::process::Command;
use std::time::Instant;

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
    step("build the binary", &["cargo", "build", "--release", "--locked", "--package", "server"], &[])?;
    step("test", &["cargo", "test", "--workspace", "--locked"], &[])?;
    sdk()
}

/// The official SDK's own suite against the release binary.
pub fn sdk() -> Result<(), String> {
    step("install the SDK", &["npm", "ci", "--prefix", "conformance/node", "--no-audit", "--no-fund"], &[])?;
    let suite = ["node", "conformance/node/run.js", "--florin", "target/release/florin"];
    step("the SDK's suite on SQLite", &suite, &[])?;
    let beside = ["cargo", "run", "--quiet", "--locked", "--package", "testkit", "--bin", "with-postgres", "--"];
    let on_postgres: Vec<&str> = beside.into_iter().chain(suite).chain(["--database", "{}"]).collect();
    step("the SDK's suite on PostgreSQL", &on_postgres, &[])
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
