//! Holds the routes of the Mangopay wire against the page that tells strangers what works.
//!
//! Both are read as text. Two paths are the same whatever their case, a slash at the end, and the names of their captures.

pub mod proven;

use std::collections::BTreeMap;

const ROUTES: &str = "crates/dialect-mangopay/src/routes.rs";
const PAGE: &str = "docs/compat/mangopay.md";

/// What the table calls the other versions of a route that the oldest has too.
const IN_V2_TOO: &str = "IN_V2_TOO";

const METHODS: &[&str] = &["GET", "POST", "PUT", "DELETE"];
const WORKS: &str = "works";
/// What else a line may say; more may follow it.
const OTHER_STATES: &[&str] = &["later", "not offered"];

/// Endpoints by what makes them the same, as they are written.
type Endpoints = BTreeMap<String, String>;

/// An endpoint that works, as the page has it.
struct Row<'a> {
    method: &'a str,
    /// With the version that comes first; or in place of it a URL that an answer gives.
    path: &'a str,
    versions: Vec<&'a str>,
}

impl Row<'_> {
    /// Its path in each of its versions.
    fn paths(&self) -> Vec<String> {
        match self.path.strip_prefix('/').and_then(|path| path.split_once('/')) {
            Some((_, rest)) => self.versions.iter().map(|version| format!("/{version}/{rest}")).collect(),
            None => vec![self.path.to_owned()],
        }
    }
}

/// What differs between the table of routes and the page.
pub fn check() -> Result<Vec<String>, String> {
    let read = |path: &str| std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
    Ok(differences(&read(ROUTES)?, &read(PAGE)?))
}

fn differences(routes: &str, page: &str) -> Vec<String> {
    let routed = routed(routes);
    let (rows, mut wrong) = working(page);
    let in_versions = |row: &Row<'_>| row.paths().into_iter().filter_map(|path| endpoint(row.method, &path)).collect::<Vec<_>>();
    let working: Endpoints = rows.iter().flat_map(in_versions).collect();
    if routed.is_empty() {
        wrong.push(format!("{ROUTES} has no route that can be read"));
    }
    let unlisted = routed.iter().filter(|(key, _)| !working.contains_key(*key));
    wrong.extend(unlisted.map(|(_, shown)| format!("{PAGE} does not say that {shown} works, and it is routed")));
    let unrouted = working.iter().filter(|(key, _)| !routed.contains_key(*key));
    wrong.extend(unrouted.map(|(_, shown)| format!("{PAGE} says that {shown} works, and it is not routed")));
    wrong
}

/// The routes of lines like `Get "/v2.01/{ClientId}/users" IN_V2_TOO ...`, one for each version that has it.
fn routed(text: &str) -> Endpoints {
    let mut routed = Endpoints::new();
    for line in text.lines() {
        let Some((verb, rest)) = line.trim().split_once(" \"") else { continue };
        let Some((pattern, rest)) = rest.split_once('"') else { continue };
        let verb = verb.to_ascii_uppercase();
        routed.extend(endpoint(&verb, pattern));
        if rest.trim_start().starts_with(IN_V2_TOO) {
            let in_v2 = pattern.replacen("/v2.01/", "/v2/", 1);
            routed.extend(endpoint(&verb, &in_v2));
        }
    }
    routed
}

/// The rows `| operation | method | path | versions | state | note |` whose state is `works`, and what is wrong with
/// rows.
fn working(page: &str) -> (Vec<Row<'_>>, Vec<String>) {
    let (mut working, mut wrong) = (Vec::new(), Vec::new());
    for (line, row) in page.lines().enumerate().filter(|(_, line)| line.starts_with('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, _, method, path, versions, state, ..] = cells.as_slice() else { continue };
        if !METHODS.contains(method) {
            continue;
        }
        let path = path.trim_matches('`');
        let versions: Vec<&str> = versions.split(',').map(str::trim).filter(|version| !version.is_empty()).collect();
        let mut note = |what: String| wrong.push(format!("{PAGE}:{}: {method} {path} {what}", line + 1));
        if *state == WORKS {
            if path.starts_with('/') && versions.is_empty() {
                note("works in no version".to_owned());
            }
            working.push(Row { method, path, versions });
        } else if !OTHER_STATES.iter().any(|other| state.starts_with(other)) {
            note(format!("has no state that is known: {state}"));
        }
    }
    (working, wrong)
}

/// An endpoint's key and text, if its method is one and its path is absolute.
fn endpoint(method: &str, path: &str) -> Option<(String, String)> {
    if !METHODS.contains(&method) || !path.starts_with('/') {
        return None;
    }
    Some((key(method, path), format!("{method} {path}")))
}

/// What makes an endpoint the same however it is written: its captures have no names, and its letters no case.
fn key(method: &str, path: &str) -> String {
    let segment = |segment: &str| if segment.starts_with('{') { "{}".to_owned() } else { segment.to_ascii_lowercase() };
    let segments: Vec<String> = path.trim_end_matches('/').split('/').map(segment).collect();
    format!("{method} {}", segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTED: &str = r#"
        routes! {
            Get "/v2.01/{ClientId}/users" IN_V2_TOO Access::Token(Scope::Users), users::list;
            Post "/v2.01/{ClientId}/KYC/{Id}" NOT_IN_V2 Access::ApiKey, kyc::create;
        }
        assert_eq!(seen, "/v2.01/nothing");
    "#;

    fn differs(rows: &[&str]) -> Vec<String> {
        differences(ROUTED, &rows.join("\n"))
    }

    #[test]
    fn a_page_that_says_what_is_routed_is_right() {
        let rows = [
            "| operation | method | path | versions | state | note |",
            "|---|---|---|---|---|---|",
            "| List | GET | `/v2.01/{ClientId}/Users/` | v2.01, v2 | works | |",
            "| Create | POST | `/v2.01/{Client}/kyc/{DocumentId}` | v2.01 | works | a note |",
            "| Send | POST | `{UploadUrl}` | | works | given by an answer |",
            "| Close | DELETE | `/v2.01/{ClientId}/users` | v2.01 | later: users | |",
            "| Sign up | POST | `/v2.01/clients` | v2.01 | not offered | |",
            "| a card | 4970107111111119 | another | table | of | this page |",
        ];
        assert_eq!(differs(&rows), Vec::<String>::new());
    }

    #[test]
    fn each_difference_is_told() {
        let rows = [
            "| List | GET | `/v2.01/{ClientId}/users` | v2.01 | later: users | |",
            "| Create | POST | `/v2.01/{ClientId}/kyc/{Id}` | v2.01 | perhaps | |",
            "| View | GET | `/v2.01/{ClientId}/kyc/{Id}` | v2.01 | works | |",
        ];
        let expected = [
            "docs/compat/mangopay.md:2: POST /v2.01/{ClientId}/kyc/{Id} has no state that is known: perhaps",
            "docs/compat/mangopay.md does not say that GET /v2.01/{ClientId}/users works, and it is routed",
            "docs/compat/mangopay.md does not say that GET /v2/{ClientId}/users works, and it is routed",
            "docs/compat/mangopay.md does not say that POST /v2.01/{ClientId}/KYC/{Id} works, and it is routed",
            "docs/compat/mangopay.md says that GET /v2.01/{ClientId}/kyc/{Id} works, and it is not routed",
        ];
        assert_eq!(differs(&rows), expected);
    }

    #[test]
    fn a_version_that_only_one_of_both_has_is_told() {
        let create = "| Create | POST | `/v2.01/{ClientId}/kyc/{Id}` | v2.01, v2 | works | |";
        let rows = ["| List | GET | `/v2.01/{ClientId}/users` | v2.01 | works | |", create];
        let expected = [
            "docs/compat/mangopay.md does not say that GET /v2/{ClientId}/users works, and it is routed",
            "docs/compat/mangopay.md says that POST /v2/{ClientId}/kyc/{Id} works, and it is not routed",
        ];
        assert_eq!(differs(&rows), expected);
    }

    #[test]
    fn routes_that_cannot_be_read_are_told() {
        assert_eq!(differences("", ""), ["crates/dialect-mangopay/src/routes.rs has no route that can be read"]);
    }
}
