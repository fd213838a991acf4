//! Runs a command beside a throw-away PostgreSQL server: each `{}` among its arguments becomes the URL of a fresh database.

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let url = testkit::postgres::server().database();
    let mut arguments = std::env::args().skip(1).map(|argument| argument.replace("{}", &url));
    let Some(program) = arguments.next() else {
        eprintln!("usage: with-postgres COMMAND [ARGUMENT | {{}}]...");
        return ExitCode::from(2);
    };
    match Command::new(&program).args(arguments).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(status) => {
            eprintln!("{program}: {status}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{program}: {error}");
            ExitCode::FAILURE
        }
    }
}
