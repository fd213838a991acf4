//! Runs docs/guide/first-hour.md as it stands, and the examples that it leads to, against a fresh server of the release binary.

mod blocks;
mod server;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::packages;
use crate::run::{Run, Stopped};
use server::Server;

const GUIDE: &str = "docs/guide/first-hour.md";
/// What only this chore knows of the guide: where its languages are.
const LANGUAGES: [&str; 3] = ["node", "python", "shell"];
/// Rounds of the Node example, unless `--rounds` says it.
const ROUNDS: u32 = 3;
const ROUNDS_MAX: u32 = 1_000;
/// Workers of a round: each a test file, on a platform and a clock of its own.
const WORKERS: &str = "--test-concurrency=8";

/// Everything; the release binary has to be there.
pub fn check(run: &mut Run) -> Result<(), Stopped> {
    let mut rounds = ROUNDS;
    run.step("what is asked for", || {
        rounds = rounds_asked(std::env::args().skip(2))?;
        Ok(())
    })?;
    run.step("packages for the guide", packages::install_for_guide)?;
    let folder = std::path::absolute(crate::target().join("guide")).unwrap_or_else(|_| PathBuf::from("target/guide"));
    let mut found = Vec::new();
    run.step("read the guide", || {
        let text = std::fs::read_to_string(GUIDE).map_err(|error| format!("{GUIDE}: {error}"))?;
        found = blocks::read(&text)?;
        clear(&folder)
    })?;
    let mut server = None;
    run.step("start Florin as the guide does", || {
        let command = blocks::only(&found, "serve")?;
        server = Some(Server::start(command, &folder)?);
        Ok(())
    })?;
    let Some(server) = server else { return Err(Stopped) };
    for language in LANGUAGES {
        run.step(&format!("the guide in {language}"), || {
            let folder = folder.join(language);
            std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            sh(&folder, &blocks::script(&found, language)?, &server)
        })?;
    }
    examples(run, &folder, &server, rounds)?;
    run.step("end Florin", || server.end())
}

/// The examples' own tests.
fn examples(run: &mut Run, folder: &Path, server: &Server, rounds: u32) -> Result<(), Stopped> {
    run.program("install the Node example", &["npm", "ci", "--prefix", "examples/node", "--no-audit", "--no-fund"], &[])?;
    let name = format!("the Node example, {rounds} rounds of 8 workers");
    run.step(&name, || {
        for round in 1..=rounds {
            let begun = Instant::now();
            let script = format!("node --test {WORKERS} --test-reporter=dot test/*.test.js");
            sh(Path::new("examples/node"), &script, server).map_err(|error| format!("round {round}: {error}"))?;
            println!("round {round} of {rounds}: {:.1} s", begun.elapsed().as_secs_f64());
        }
        Ok(())
    })?;
    // The guide has made a place for packages; the example's are the same ones, and their versions are written down.
    let venv = folder.join("python/first-hour/venv").display().to_string();
    let (pip, python) = (format!("{venv}/bin/pip"), format!("{venv}/bin/python"));
    let requirements = ["install", "--quiet", "--disable-pip-version-check", "--requirement", "examples/python/requirements.txt"];
    run.program("install the Python example", &[&[&*pip], &requirements[..]].concat(), &[])?;
    run.step("the Python example", || {
        sh(Path::new("examples/python"), &format!("PYTHONDONTWRITEBYTECODE=1 {python} -m pytest -q -p no:cacheprovider"), server)
    })
}

fn rounds_asked(arguments: impl IntoIterator<Item = String>) -> Result<u32, String> {
    let mut arguments = arguments.into_iter();
    match (arguments.next().as_deref(), arguments.next(), arguments.next()) {
        (None, ..) => Ok(ROUNDS),
        (Some("--rounds"), Some(count), None) => {
            let rounds = count.parse().ok().filter(|rounds| (1..=ROUNDS_MAX).contains(rounds));
            rounds.ok_or_else(|| format!("--rounds has to be from 1 to {ROUNDS_MAX}"))
        }
        _ => Err("usage: cargo xtask guide [--rounds COUNT]".to_owned()),
    }
}

fn clear(folder: &Path) -> Result<(), String> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {error}", folder.display())),
        _ => std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display())),
    }
}

/// Runs a script as somebody would who types it, with our binary as `florin`; its first failure ends it.
fn sh(folder: &Path, script: &str, server: &Server) -> Result<(), String> {
    let mut command = Command::new("sh");
    command.args(["-euc", script]).current_dir(folder).envs(server.environment()?);
    let status = command.status().map_err(|error| format!("sh: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("it ended with {status}:\n{}", head(script))) }
}

/// The beginning of a script, for whoever has to find it.
fn head(script: &str) -> String {
    script.lines().take(4).map(|line| format!("  {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_a_number_within_bounds() {
        let asked = |words: &[&str]| rounds_asked(words.iter().map(ToString::to_string)).ok();
        assert_eq!(asked(&[]), Some(ROUNDS));
        assert_eq!(asked(&["--rounds", "50"]), Some(50));
        for wrong in [&["--rounds"][..], &["--rounds", "0"], &["--rounds", "1001"], &["--rounds", "x"], &["x"], &["--rounds", "1", "x"]] {
            assert_eq!(asked(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_guide_has_what_is_run_of_it() {
        let text = std::fs::read_to_string(Path::new(crate::ROOT).join(GUIDE)).unwrap();
        let found = blocks::read(&text).unwrap();
        assert!(blocks::only(&found, "serve").unwrap().starts_with("florin serve"));
        for language in LANGUAGES {
            assert!(!blocks::script(&found, language).unwrap().is_empty());
        }
    }
}
