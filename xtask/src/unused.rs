//! Dependencies that no code names.
//!
//! Read as text: a crate is used where its name stands in a source of the package, outside of comments, or in the folder of one
//! that the package has by `#[path]`. So one that a macro alone brings in would be told wrongly, and there is none.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::metadata::{Metadata, Package};

/// Dependencies that are not used, of packages and of the workspace as a whole.
pub fn check(metadata: &Metadata) -> Result<Vec<String>, String> {
    let mut wrong = Vec::new();
    let mut named: BTreeSet<&str> = BTreeSet::new();
    for package in metadata.members() {
        wrong.extend(of_package(metadata, package)?);
        named.extend(package.dependencies.iter().map(|dependency| dependency.name.as_str()));
        named.insert(&package.name);
    }
    let manifest = std::fs::read_to_string("Cargo.toml").map_err(|error| format!("Cargo.toml: {error}"))?;
    let shared = shared(&manifest).into_iter().filter(|name| !named.contains(name));
    wrong.extend(shared.map(|name| format!("Cargo.toml has {name} for all crates, and none uses it")));
    Ok(wrong)
}

fn of_package(metadata: &Metadata, package: &Package) -> Result<Vec<String>, String> {
    let folder = package.manifest_path.parent().unwrap_or(Path::new("."));
    let read = |places: &[&str]| {
        let mut text = String::new();
        for place in places {
            sources(&folder.join(place), &mut text).map_err(|error| format!("{}: {error}", folder.join(place).display()))?;
        }
        Ok::<_, String>(text)
    };
    let (code, tests, build) = (read(&["src"])?, read(&["src", "tests", "benches", "examples"])?, read(&["build.rs"])?);
    let names = metadata.names_in_code(package);
    let mut wrong = Vec::new();
    // What is for other machines is not resolved here.
    for dependency in package.dependencies.iter().filter(|dependency| dependency.target.is_none()) {
        let text = match dependency.kind.as_deref() {
            Some("dev") => &tests,
            Some(_) => &build,
            None => &code,
        };
        let in_code = dependency.rename.as_deref().or_else(|| names.get(dependency.name.as_str()).copied());
        let in_code = in_code.unwrap_or(&dependency.name).replace('-', "_");
        if !has_word(text, &in_code) {
            let kind = dependency.kind.as_ref().map_or_else(String::new, |kind| format!("{kind}-"));
            wrong.push(format!("{} has {} among its {kind}dependencies, and no source names it", package.name, dependency.name));
        }
    }
    Ok(wrong)
}

/// Adds the sources in a folder, or one source, and those they have by `#[path]` from elsewhere; nothing where there is none.
fn sources(path: &Path, text: &mut String) -> std::io::Result<()> {
    let mut left: Vec<PathBuf> = vec![path.to_owned()];
    let mut read: BTreeSet<PathBuf> = BTreeSet::new();
    while let Some(path) = left.pop() {
        let Ok(path) = path.canonicalize() else { continue };
        let is_source = path.is_dir() || path.extension().is_some_and(|extension| extension == "rs");
        if !is_source || !read.insert(path.clone()) {
            continue;
        }
        if path.is_dir() {
            for entry in std::fs::read_dir(path)? {
                left.push(entry?.path());
            }
            continue;
        }
        for line in std::fs::read_to_string(&path)?.lines().map(str::trim_start).filter(|line| !line.starts_with("//")) {
            if let Some(named) = line.strip_prefix("#[path = \"").and_then(|rest| rest.split('"').next()) {
                // Its own modules are beside it.
                left.extend(path.with_file_name(named).parent().map(Path::to_owned));
            }
            text.push_str(line);
            text.push('\n');
        }
    }
    Ok(())
}

/// The names in the section of dependencies that crates share.
fn shared(manifest: &str) -> Vec<&str> {
    let section = manifest.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1);
    section.take_while(|line| !line.starts_with('[')).filter_map(|line| Some(line.split_once('=')?.0.trim())).collect()
}

/// Whether a text has a word that is no part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |one: char| one.is_alphanumeric() || one == '_';
    text.match_indices(word).any(|(place, _)| {
        let before = text.get(..place).and_then(|text| text.chars().next_back());
        let after = text.get(place + word.len()..).and_then(|text| text.chars().next());
        ![before, after].into_iter().flatten().any(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_whole_word() {
        assert!(has_word("use http::Uri;", "http"));
        assert!(!has_word("use http_body::Body; let xhttp = 1;", "http"));
        assert!(!has_word("", "http"));
    }

    #[test]
    fn what_crates_share_is_read_from_its_section() {
        let manifest = "[workspace]\nx = 1\n[workspace.dependencies]\nmoney = { path = \"m\" }\n\nserde = \"1\"\n[profile.dev]\ny = 2";
        assert_eq!(shared(manifest), ["money", "serde"]);
    }

    #[test]
    fn what_only_a_comment_names_is_not_used() {
        let folder = std::env::temp_dir().join(format!("xtask-unused-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("inner")).unwrap();
        std::fs::create_dir_all(folder.join("outer")).unwrap();
        std::fs::write(folder.join("inner/a.rs"), "// use serde\nuse bytes::Bytes;\n#[path = \"../outer/mod.rs\"]\nmod outer;\n").unwrap();
        std::fs::write(folder.join("outer/mod.rs"), "mod deep;\n").unwrap();
        std::fs::write(folder.join("outer/deep.rs"), "use rails::Rail;\n").unwrap();
        let mut text = String::new();
        sources(&folder.join("inner"), &mut text).unwrap();
        sources(&folder.join("absent"), &mut text).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(has_word(&text, "bytes") && has_word(&text, "rails") && !has_word(&text, "serde"), "{text}");
    }
}
