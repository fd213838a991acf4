//! `florin ledger anchor`: the heads of all chains, to be kept where whoever can write the database cannot.

use std::error::Error;
use std::path::Path;

use serde::{Deserialize, Serialize};
use store::seal::Head;

use crate::failure::{Code, Failure};
use crate::installation::Location;
use crate::output;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Anchor {
    heads: Vec<Head>,
}

/// What a line begins with that is for people.
const COMMENT: char = '#';

/// What stands above the heads, for whoever finds the file years later.
const HEADER: &str = "\
# Heads of the sealed chains of a Florin ledger, a line a platform:
# platform, number of its blocks, head of the last one, its signature.
# Keep this where whoever can write the database cannot; `florin ledger verify --anchor FILE` holds the ledger against it.
";

/// `florin ledger anchor`: a line a platform, of its id, the number of its blocks, their head and its signature.
pub fn anchor(location: &Location, json: bool) -> Result<(), Box<dyn Error>> {
    let anchor = Anchor { heads: location.open_scan()?.heads()? };
    if anchor.heads.is_empty() {
        let text = "nothing is sealed yet, so there is no head: a server seals within about a minute, and when it ends";
        return Err(Failure::new(Code::NotFound, text).into());
    }
    output::print(json, &anchor, || anchor.text());
    Ok(())
}

impl Anchor {
    fn text(&self) -> String {
        let heads: Vec<String> = self.heads.iter().map(ToString::to_string).collect();
        format!("{HEADER}{}", heads.join("\n"))
    }
}

/// The heads in a file that [`anchor`] printed, in either form. Errors: a file that has none, or anything else.
pub fn read(path: &Path) -> Result<Vec<Head>, Box<dyn Error>> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let code = if error.kind() == std::io::ErrorKind::NotFound { Code::NotFound } else { Code::Failed };
        Failure::new(code, format!("the anchor {}: {error}", path.display()))
    })?;
    let is_head = |line: &&str| !line.trim().is_empty() && !line.starts_with(COMMENT);
    let heads = match text.trim_start().starts_with('{') {
        true => serde_json::from_str::<Anchor>(&text).ok().map(|anchor| anchor.heads),
        false => text.lines().filter(is_head).map(Head::parse).collect(),
    };
    heads
        .filter(|heads| !heads.is_empty())
        .ok_or_else(|| Failure::new(Code::Invalid, format!("{} is not an anchor", path.display())).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_reads_back_in_both_forms_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anchor");
        let read_of = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read(&path)
        };
        let platform = "01937e1a-9c4b-7d2e-8f01-23456789abcd".to_owned();
        let head = Head { platform, number: 7, head: "ab".repeat(32), mac: "cd".repeat(32) };
        let anchor = Anchor { heads: vec![head.clone()] };
        assert_eq!(read_of(&format!("{head}\n")).unwrap(), std::slice::from_ref(&head));
        assert_eq!(read_of(&anchor.text()).unwrap(), std::slice::from_ref(&head));
        assert_eq!(read_of(&serde_json::to_string(&anchor).unwrap()).unwrap(), std::slice::from_ref(&head));
        for text in ["", HEADER, "{}", "{\"heads\":[]}", "no anchor", &format!("{head}\nno anchor")] {
            assert!(read_of(text).is_err(), "{text}");
        }
        assert!(read(&folder.path().join("absent")).is_err());
    }
}
