//! Looks for the data of the official SDK's suite in the code that is shipped: what passes the suite by knowing its ids,
//! cards and people would be no server.
//!
//! The literals are those of `conformance/node/telltale.txt`, which `telltale.js` beside it makes of the installed suite.
//! Tests may know them, the demo and `florin trigger` play clients with the vendor's documented values, and modules of magic values hold what
//! the vendor documents as meaning something.

use std::path::{Path, PathBuf};

const LIST: &str = "conformance/node/telltale.txt";

/// Folders below `crates` whose code no server runs: a test bench, and two clients.
const NOT_SERVED: &[&str] = &["crates/testkit", "crates/server/src/demo", "crates/server/src/trigger"];
/// The one name of files that hold values which mean something by the vendor's own documents.
const MAGIC: &str = "magic.rs";

/// Where served code has a literal of the suite.
pub fn check() -> Result<Vec<String>, String> {
    let list = std::fs::read_to_string(LIST).map_err(|error| format!("{LIST}: {error}"))?;
    let literals: Vec<&str> = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    if literals.is_empty() {
        return Err(format!("{LIST} is empty"));
    }
    let mut found = Vec::new();
    for path in served()? {
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        for (number, literal) in told(&text, &literals) {
            found.push(format!("{}:{number} names {literal} of the SDK's own suite", path.display()));
        }
    }
    Ok(found)
}

/// Every source of a crate that is in what is shipped.
fn served() -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    let crates = std::fs::read_dir("crates").map_err(|error| format!("crates: {error}"))?;
    for folder in crates.flatten() {
        sources(&folder.path().join("src"), &mut files).map_err(|error| format!("{}: {error}", folder.path().display()))?;
    }
    let tests: Vec<PathBuf> =
        files.iter().flat_map(|path| std::fs::read_to_string(path).map(|text| test_files(path, &text))).flatten().collect();
    let is_served = |path: &PathBuf| {
        let is_elsewhere = NOT_SERVED.iter().any(|folder| path.starts_with(folder));
        !is_elsewhere && !tests.contains(path) && path.file_name().is_none_or(|name| name != MAGIC)
    };
    files.retain(is_served);
    Ok(files)
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The files that a file has as modules for tests only.
fn test_files(path: &Path, text: &str) -> Vec<PathBuf> {
    let folder = match path.file_stem().and_then(|stem| stem.to_str()) {
        Some("mod" | "lib" | "main") | None => path.parent().unwrap_or(Path::new("")).to_owned(),
        Some(stem) => path.with_file_name(stem),
    };
    let mut lines = text.lines();
    let mut files = Vec::new();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            continue;
        }
        let Some(next) = lines.next() else { break };
        let declared = match next.trim().strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]")) {
            Some(named) => Some(path.with_file_name(named)),
            None => module(next).map(|name| folder.join(format!("{name}.rs"))),
        };
        files.extend(declared);
    }
    files
}

/// The name of `mod name;`, however visible it is.
fn module(line: &str) -> Option<&str> {
    let declaration = line.trim().strip_suffix(';')?;
    let (visible, name) = declaration.rsplit_once("mod ")?;
    (visible.is_empty() || visible.starts_with("pub")).then_some(name)
}

/// The lines, outside of modules for tests, that have one of the literals.
fn told<'a>(text: &str, literals: &[&'a str]) -> Vec<(usize, &'a str)> {
    let mut found = Vec::new();
    let (mut was_marked, mut is_test) = (false, false);
    for (number, line) in text.lines().enumerate() {
        if was_marked && line.contains("mod ") && line.ends_with('{') {
            is_test = true;
        }
        was_marked = line.trim() == "#[cfg(test)]";
        if is_test {
            is_test = line != "}";
            continue;
        }
        let plain = without_separators(line);
        found.extend(literals.iter().filter(|literal| has(&plain, literal)).map(|literal| (number + 1, *literal)));
    }
    found
}

/// A line with its numbers written plainly: `1_234` is `1234`.
fn without_separators(line: &str) -> String {
    let bytes = line.as_bytes();
    let is_digit = |place: Option<usize>| place.and_then(|place| bytes.get(place)).is_some_and(u8::is_ascii_digit);
    let is_kept = |(place, one): &(usize, char)| *one != '_' || !is_digit(place.checked_sub(1)) || !is_digit(place.checked_add(1));
    line.char_indices().filter(is_kept).map(|(_, one)| one).collect()
}

/// Whether a line has a literal that is not a part of something longer.
fn has(line: &str, literal: &str) -> bool {
    line.match_indices(literal).any(|(place, _)| {
        let before = line.get(..place).and_then(|text| text.chars().next_back());
        let after = line.get(place + literal.len()..).and_then(|text| text.chars().next());
        ![before, after].into_iter().flatten().any(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LITERALS: &[&str] = &["user_m_01JRFJJN9BR864A4KG7MH1WCZG", "54088959", "john.doe@sample.org"];

    #[test]
    fn what_is_served_may_not_know_the_suite() {
        let text = "
if id == \"user_m_01JRFJJN9BR864A4KG7MH1WCZG\" {
const NUMBER: u64 = 54_088_959;
const OTHER: u64 = 540_889_591;
#[cfg(test)]
mod testing {
    const EMAIL: &str = \"john.doe@sample.org\";
}
/// As \"john.doe@sample.org\" does.
";
        assert_eq!(told(text, LITERALS), [(2, LITERALS[0]), (3, LITERALS[1]), (9, LITERALS[2])]);
    }

    #[test]
    fn modules_for_tests_are_known_by_their_declaration() {
        let text = "mod real;\n#[cfg(test)]\npub(crate) mod testing;\n#[cfg(test)]\n#[path = \"a_tests.rs\"]\nmod tests;\n#[cfg(test)]\nmod inner {";
        let expected = [PathBuf::from("a/src/b/testing.rs"), PathBuf::from("a/src/b/a_tests.rs")];
        assert_eq!(test_files(Path::new("a/src/b/mod.rs"), text), expected);
        assert_eq!(test_files(Path::new("a/src/b.rs"), "#[cfg(test)]\nmod tests;"), [PathBuf::from("a/src/b/tests.rs")]);
    }
}
