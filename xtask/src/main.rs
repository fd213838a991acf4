//! `cargo xtask`: the project's chores. `ci` runs all that CI runs, and installs what that needs.

mod coverage;
mod guide;
mod licences;
mod metadata;
mod packages;
mod packaging;
mod run;
mod steps;
mod telltale;
mod tidy;
mod unused;

use std::path::PathBuf;
use std::process::ExitCode;

use run::Run;

/// Where the workspace is; every path of a chore starts here, wherever it is called.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Where cargo puts what it makes.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from)
}

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let chore = match name.as_str() {
        "ci" => steps::ci,
        "tidy" => steps::tidy,
        "coverage" => steps::coverage,
        "sdk" => steps::sdk,
        "browser" => steps::browser,
        "guide" => steps::guide,
        "packaging" => steps::packaging,
        _ => {
            eprintln!("usage: cargo xtask ci | tidy | coverage | sdk | browser | guide [--rounds COUNT] | packaging");
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = std::env::set_current_dir(ROOT) {
        eprintln!("xtask: {ROOT}: {error}");
        return ExitCode::FAILURE;
    }
    let mut run = Run::default();
    let done = chore(&mut run);
    eprint!("\n{}", run.summary());
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
