//! Schema migrations: numbered files, applied in order, each once, with its checksum.

use sha2::{Digest, Sha256};

/// One file of a migrations folder.
pub(crate) struct Migration {
    pub number: i64,
    pub name: &'static str,
    pub sql: &'static str,
}

impl Migration {
    /// SHA-256 of the text, as lower-case hexadecimal digits.
    pub fn checksum(&self) -> String {
        Sha256::digest(self.sql).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

macro_rules! migrations {
    ($folder:literal: $($number:literal $name:literal),* $(,)?) => {
        &[$($crate::migrate::Migration {
            number: $number,
            name: $name,
            sql: include_str!(concat!("../migrations/", $folder, "/", $name, ".sql")),
        }),*]
    };
}

pub(crate) const SQLITE: &[Migration] = migrations!("sqlite": 1 "0001_foundation");
pub(crate) const POSTGRES: &[Migration] = migrations!("postgres": 1 "0001_foundation");
pub(crate) const SQLITE_INDEX: &[Migration] = migrations!("sqlite-index": 1 "0001_lists");

/// What a schema that this release cannot use is refused with.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// A newer release has been here.
    #[error("the schema is at {found}, this release knows only up to {known}: use the newer release")]
    Newer {
        /// What is there.
        found: i64,
        /// What is known.
        known: i64,
    },
    /// A migration that was applied reads otherwise now.
    #[error("migration {number} was applied with another text than this release has")]
    Changed {
        /// Which one.
        number: i64,
    },
}

/// Which migrations are still to be applied over `applied` (number and checksum, ascending).
pub(crate) fn pending<'a>(all: &'a [Migration], applied: &[(i64, String)]) -> Result<&'a [Migration], SchemaError> {
    for (number, checksum) in applied {
        let Some(known) = all.iter().find(|migration| migration.number == *number) else {
            let known = all.last().map_or(0, |migration| migration.number);
            return Err(SchemaError::Newer { found: *number, known });
        };
        if known.checksum() != *checksum {
            return Err(SchemaError::Changed { number: *number });
        }
    }
    Ok(all.get(applied.len()..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[Migration] = &[Migration { number: 1, name: "a", sql: "x" }, Migration { number: 2, name: "b", sql: "y" }];

    #[test]
    fn only_what_is_missing_is_applied() {
        assert_eq!(pending(TWO, &[]).unwrap().len(), 2);
        assert_eq!(pending(TWO, &[(1, TWO[0].checksum())]).unwrap()[0].number, 2);
    }

    #[test]
    fn a_newer_or_changed_schema_is_refused() {
        let applied = [(1, TWO[0].checksum()), (2, TWO[1].checksum()), (3, String::new())];
        assert!(matches!(pending(TWO, &applied), Err(SchemaError::Newer { found: 3, known: 2 })));
        assert!(matches!(pending(TWO, &[(1, "other".to_owned())]), Err(SchemaError::Changed { number: 1 })));
    }
}
