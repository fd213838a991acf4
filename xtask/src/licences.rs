//! Under which licences we may use what we are built with: short ones, that ask for no more than to be named.

use crate::metadata::Metadata;

/// What may be linked into a program under Apache-2.0 and passed on without more than a notice. A licence is added here once
/// somebody has read it.
const ALLOWED: &[&str] = &["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "Unicode-3.0", "Zlib"];

/// Packages that may not be used, and why.
pub fn check(metadata: &Metadata) -> Vec<String> {
    let refused = |expression: Option<&str>| match expression {
        None => Some("says nothing of its licence".to_owned()),
        Some(text) => match is_allowed(text) {
            Some(true) => None,
            Some(false) => Some(format!("is under {text}, which xtask/src/licences.rs does not allow")),
            None => Some(format!("has a licence that cannot be read: {text}")),
        },
    };
    let wrong =
        |package: &crate::metadata::Package| Some(format!("{} {} {}", package.name, package.version, refused(package.license.as_deref())?));
    metadata.built_with().filter_map(wrong).collect()
}

/// Whether an SPDX expression leaves a choice that is allowed; `None` if it is none.
fn is_allowed(expression: &str) -> Option<bool> {
    // A slash is how OR was written before there were expressions.
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (allowed, rest) = either(&words)?;
    rest.is_empty().then_some(allowed)
}

/// Terms between which one may choose.
fn either<'a>(words: &'a [&'a str]) -> Option<(bool, &'a [&'a str])> {
    let (mut allowed, mut rest) = both(words)?;
    while let Some((&"OR", more)) = rest.split_first() {
        let (other, after) = both(more)?;
        (allowed, rest) = (allowed || other, after);
    }
    Some((allowed, rest))
}

/// Terms that all hold.
fn both<'a>(words: &'a [&'a str]) -> Option<(bool, &'a [&'a str])> {
    let (mut allowed, mut rest) = one(words)?;
    while let Some((&"AND", more)) = rest.split_first() {
        let (other, after) = one(more)?;
        (allowed, rest) = (allowed && other, after);
    }
    Some((allowed, rest))
}

/// A licence, with or without an exception, or an expression in parentheses.
fn one<'a>(words: &'a [&'a str]) -> Option<(bool, &'a [&'a str])> {
    match words.split_first()? {
        (&"(", rest) => {
            let (allowed, rest) = either(rest)?;
            rest.split_first().filter(|(end, _)| **end == ")").map(|(_, rest)| (allowed, rest))
        }
        (&("OR" | "AND" | "WITH" | ")"), _) => None,
        (licence, rest) => {
            let allowed = ALLOWED.contains(licence);
            // An exception only ever gives more leave.
            match rest.split_first() {
                Some((&"WITH", more)) => more.split_first().map(|(_, rest)| (allowed, rest)),
                _ => Some((allowed, rest)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_allowed_by_one_of_its_choices() {
        for (expression, expected) in [
            ("MIT", Some(true)),
            ("GPL-3.0-only", Some(false)),
            ("MIT OR GPL-3.0-only", Some(true)),
            ("Unlicense/MIT", Some(true)),
            ("MIT AND GPL-3.0-only", Some(false)),
            ("MIT AND (GPL-3.0-only OR ISC)", Some(true)),
            ("GPL-3.0-only OR MIT AND MPL-2.0", Some(false)),
            ("Apache-2.0 WITH LLVM-exception OR GPL-2.0-only", Some(true)),
            ("GPL-2.0-only WITH Classpath-exception-2.0", Some(false)),
            ("", None),
            ("MIT OR", None),
            ("(MIT", None),
            ("MIT)", None),
            ("MIT ISC", None),
        ] {
            assert_eq!(is_allowed(expression), expected, "{expression}");
        }
    }
}
