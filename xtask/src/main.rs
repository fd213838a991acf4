//! `cargo xtask`: the project's chores. `ci` runs all that CI runs, and installs what that needs.

mod coverage;
mod packages;
mod steps;
mod telltale;
mod tidy;

use std::process::ExitCode;

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let done = match name.as_str() {
        "ci" => steps::ci(),
        "tidy" => tidy::check(),
        "coverage" => steps::coverage(),
        "sdk" => steps::sdk(),
        "browser" => steps::browser(),
        _ => Err("usage: cargo xtask ci | tidy | coverage | sdk | browser".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
