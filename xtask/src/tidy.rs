//! Checks that no compiler makes: the arrows between crates, files without addresses of registries,
//! tests that do not run, endpoints that the documents do not tell of, code that knows the data of the SDK's suite, licences,
//! dependencies that nobody uses.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::metadata::Metadata;
use crate::{coverage, licences, telltale, unused};

/// Which crates a crate may depend on (DESIGN: dependencies point one way). Tests may use `testkit`.
const ARROWS: &[(&str, &[&str])] = &[
    ("money", &[]),
    ("ledger", &["money"]),
    ("domain", &["money", "ledger"]),
    ("engine", &["money", "ledger", "domain"]),
    ("explain", &["money", "ledger", "domain"]),
    ("edge", &["money", "ledger", "domain", "engine"]),
    ("store", &["money", "ledger", "domain", "engine"]),
    ("rails", &["money", "ledger", "domain", "engine"]),
    ("events", &["ledger", "domain", "engine"]),
    ("dialect-mangopay", &["money", "ledger", "domain", "engine", "explain", "edge"]),
    ("hosted", &["money", "ledger", "domain", "engine", "explain", "edge"]),
    ("admin", &["money", "ledger", "domain", "engine", "explain", "edge"]),
    ("powercut", &[]),
    ("testkit", &["money", "ledger", "domain", "engine", "store", "rails"]),
    (
        "server",
        &["money", "ledger", "domain", "engine", "explain", "edge", "store", "rails", "events", "dialect-mangopay", "hosted", "admin"],
    ),
];

/// Texts that no file may have: addresses of package registries.
const REGISTRIES: &[&str] = &["registry.npmjs", "registry.yarnpkg", "pypi.org", "files.pythonhosted", "deb.debian", "static.crates"];

/// Runs every check and tells all that is wrong at once.
pub fn check() -> Result<(), String> {
    let mut wrong = arrows()?;
    wrong.extend(texts()?);
    wrong.extend(coverage::check()?);
    wrong.extend(telltale::check()?);
    let metadata = Metadata::read()?;
    wrong.extend(licences::check(&metadata));
    wrong.extend(unused::check(&metadata)?);
    if wrong.is_empty() { Ok(()) } else { Err(format!("it found\n  {}", wrong.join("\n  "))) }
}

fn arrows() -> Result<Vec<String>, String> {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for folder in std::fs::read_dir("crates").map_err(|error| error.to_string())?.flatten() {
        let name = folder.file_name().to_string_lossy().into_owned();
        let Some(allowed) = allowed.get(name.as_str()) else {
            wrong.push(format!("crates/{name} has no place among the arrows in xtask/src/tidy.rs"));
            continue;
        };
        let manifest = std::fs::read_to_string(folder.path().join("Cargo.toml")).map_err(|error| error.to_string())?;
        let dependencies = section(&manifest, "[dependencies]");
        for (other, _) in ARROWS {
            let depends = dependencies.iter().any(|line| line.split(['.', ' ', '=']).next() == Some(*other));
            if depends && !allowed.contains(other) {
                wrong.push(format!("crates/{name} may not depend on {other}"));
            }
        }
    }
    Ok(wrong)
}

fn section<'a>(manifest: &'a str, title: &str) -> Vec<&'a str> {
    manifest.lines().skip_while(|line| *line != title).skip(1).take_while(|line| !line.starts_with('[')).collect()
}

fn texts() -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    collect(Path::new("."), &mut files).map_err(|error| error.to_string())?;
    let mut wrong = Vec::new();
    for path in files {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let shown = path.display();
        let is_ours = !path.ends_with("xtask/src/tidy.rs");
        for registry in REGISTRIES.iter().filter(|registry| is_ours && text.contains(**registry)) {
            wrong.push(format!("{shown} has the address {registry}"));
        }
        if path.extension().is_some_and(|extension| extension == "rs") && is_ours {
            for (number, line) in text.lines().enumerate() {
                if line.trim_start().starts_with("#[ignore") {
                    wrong.push(format!("{shown}:{}: a test that does not run", number + 1));
                }
            }
        }
    }
    Ok(wrong)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    const SKIPPED: &[&str] = &["target", ".git", "node_modules", "Cargo.lock"];
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if SKIPPED.iter().any(|skipped| entry.file_name() == *skipped) {
            continue;
        }
        if entry.file_type()?.is_dir() { collect(&entry.path(), files)? } else { files.push(entry.path()) }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_read_to_its_end() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\nmoney.workspace = true\n[dev-dependencies]\nledger = 1";
        assert_eq!(section(manifest, "[dependencies]"), ["money.workspace = true"]);
    }
}
