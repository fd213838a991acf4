//! Holds what the tests have shown over HTTP against docs/compat: every endpoint that works there has reached its
//! success, has given another platform nothing, and a sibling nothing of another user's. In each of its versions.
//!
//! The tests write what they have shown (`crates/dialect-mangopay/tests/harness/coverage.rs`); a run begins with
//! nothing, so that what is no longer tested is no longer proven.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::{PAGE, key, working};

/// Forgets what earlier runs have shown.
pub fn forget() -> Result<(), String> {
    let folder = folder();
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {error}", folder.display())),
        _ => Ok(()),
    }
}

/// What was not proven, an endpoint a line.
pub fn check() -> Result<Vec<String>, String> {
    let page = std::fs::read_to_string(PAGE).map_err(|error| format!("{PAGE}: {error}"))?;
    Ok(missing(&page, &recorded()?))
}

/// Where cargo has tests put what they write.
fn folder() -> PathBuf {
    crate::target().join("tmp/coverage")
}

fn recorded() -> Result<String, String> {
    let folder = folder();
    let failed = |error: std::io::Error| format!("{}: {error}; do the tests of dialect-mangopay run?", folder.display());
    let mut all = String::new();
    for file in std::fs::read_dir(&folder).map_err(failed)? {
        all.push_str(&std::fs::read_to_string(file.map_err(failed)?.path()).map_err(failed)?);
    }
    Ok(all)
}

fn missing(page: &str, recorded: &str) -> Vec<String> {
    let proven: BTreeSet<String> = recorded.lines().filter_map(proof).collect();
    let mut missing = Vec::new();
    for row in working(page).0 {
        for path in row.paths() {
            let mut need = |word: &str, what: &str| {
                if !proven.contains(&format!("{word} {}", key(row.method, &path))) {
                    missing.push(format!("{} {path} {what}", row.method));
                }
            };
            need("done", "has no test over HTTP that reaches its success");
            // What is outside of every platform has nobody to be hidden from.
            if path.contains("{ClientId}") {
                need("hidden", "has no test that another platform sees nothing");
            }
            if path.contains("{UserId}") {
                need("apart", "has no test that a sibling's path shows nothing of another user");
            }
        }
    }
    missing
}

/// A line `proof<TAB>METHOD path`, with the endpoint's key for its path.
fn proof(line: &str) -> Option<String> {
    let (word, endpoint) = line.split_once('\t')?;
    let (method, path) = endpoint.split_once(' ')?;
    Some(format!("{word} {}", key(method, path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
| View | GET | `/v2.01/{ClientId}/wallets/{WalletId}` | v2.01, v2 | works | |
| List | GET | `/v2.01/{ClientId}/users/{UserId}/cards` | v2.01 | works | |
| Tokenize | POST | `{CardRegistrationURL}` |  | works | |
| Token | POST | `/v2.01/oauth/token` | v2.01 | works | |
| Close | DELETE | `/v2.01/{ClientId}/wallets` | v2.01 | later: x | |
";
    const ALL: [&str; 9] = [
        "done\tGET /v2.01/{ClientId}/Wallets/{Id}",
        "hidden\tGET /v2.01/{ClientId}/wallets/{WalletId}",
        "done\tGET /v2/{ClientId}/wallets/{WalletId}",
        "hidden\tGET /v2/{ClientId}/wallets/{WalletId}",
        "done\tGET /v2.01/{ClientId}/users/{UserId}/cards",
        "hidden\tGET /v2.01/{ClientId}/users/{UserId}/cards",
        "apart\tGET /v2.01/{ClientId}/users/{UserId}/cards",
        "done\tPOST {CardRegistrationURL}",
        "done\tPOST /v2.01/oauth/token",
    ];

    #[test]
    fn what_was_shown_is_not_missed() {
        assert_eq!(missing(PAGE, &ALL.join("\n")), Vec::<String>::new());
    }

    #[test]
    fn each_proof_that_is_not_there_is_missed() {
        for (place, line) in ALL.iter().enumerate() {
            let rest: Vec<&str> = ALL.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, line)| *line).collect();
            assert_eq!(missing(PAGE, &rest.join("\n")).len(), 1, "without {line}");
        }
        assert_eq!(
            missing(PAGE, &ALL[1..].join("\n")),
            ["GET /v2.01/{ClientId}/wallets/{WalletId} has no test over HTTP that reaches its success"]
        );
    }
}
