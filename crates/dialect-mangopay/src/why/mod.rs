//! What this wire's answers mean: which rule stands behind an error, what may be shown of a body, how ids are read and shown.
//!
//! For whoever explains: nothing here is on the way of a request.

mod answer;
mod codes;
mod harmless;

pub use answer::met;
pub use codes::{code, stranger};
pub use harmless::MASKER;

use domain::ObjectKind;
use ledger::Uid;

use crate::wire::ids::{Prefix, parse, spell};

/// An object's id as this wire shows it; as a UUID where it has no prefix for its kind.
#[must_use]
pub fn spelled(kind: ObjectKind, id: Uid) -> String {
    let prefix = Prefix::ALL.iter().find(|prefix| prefix.names() == kind);
    prefix.map_or_else(|| id.to_string(), |prefix| spell(*prefix, id).to_string())
}

/// What a text may name: one kind of object by its prefix, any by a UUID or a number.
#[must_use]
pub fn named(text: &str) -> Vec<(ObjectKind, Uid)> {
    Prefix::ALL.iter().filter_map(|prefix| Some((prefix.names(), parse(&[*prefix], text)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_shown() {
        let id = Uid::from_bits(5 << 90);
        let text = spelled(ObjectKind::Payout, id);
        assert_eq!(named(&text), [(ObjectKind::Payout, id)]);
        assert_eq!(named(&id.to_string()).len(), Prefix::ALL.len());
        assert!(named("41631014").len() == Prefix::ALL.len() && named("x").is_empty());
        assert_eq!(spelled(ObjectKind::Other, id), id.to_string());
    }
}
