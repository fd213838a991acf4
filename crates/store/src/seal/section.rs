//! What a block knows of the rows of one table, and how rows are held against it.

use ledger::Uid;
use sha2::{Digest, Sha256};

use super::Sealed;

/// Bytes of a digest.
pub const DIGEST_BYTES: usize = 32;
/// Bytes of a row's mark. Marks only say where to look, so a rare collision does no harm.
pub const MARK_BYTES: usize = 4;

pub type Digest32 = [u8; DIGEST_BYTES];

/// A value as it is stored, the same for both engines: ids are their sixteen bytes.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Null,
    Integer(i64),
    Text(&'a [u8]),
    Bytes(&'a [u8]),
}

impl Value<'_> {
    /// Appends the value's bytes: no two values have the same, and none is the beginning of another.
    fn write(self, out: &mut Vec<u8>) {
        let mut sized = |tag: u8, bytes: &[u8]| {
            out.push(tag);
            out.extend_from_slice(&u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            out.extend_from_slice(bytes);
        };
        match self {
            Self::Text(bytes) => sized(2, bytes),
            Self::Bytes(bytes) => sized(3, bytes),
            Self::Integer(number) => {
                out.push(1);
                out.extend_from_slice(&number.to_be_bytes());
            }
            Self::Null => out.push(0),
        }
    }
}

/// Names a row within its table: an entry's id, a posting's entry and line, an audit line's seq.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    /// The id, or the seq as a number of that many bits.
    pub place: Uid,
    /// Zero where the place says it all.
    pub line: i64,
}

impl RowKey {
    /// How the row of `table` is called in a finding.
    pub fn name(self, table: &Sealed) -> String {
        match table.table {
            "audit" => format!("seq {}", self.place.bits()),
            "posting" => format!("line {} of {}", self.line, self.place),
            _ => self.place.to_string(),
        }
    }
}

/// The place of an audit line.
pub fn place_of_seq(seq: i64) -> Uid {
    Uid::from_bits(u128::try_from(seq).unwrap_or(0))
}

/// The rows of one table in a block: how many, a digest a column, a mark a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub rows: usize,
    pub digests: Vec<Digest32>,
    pub marks: Vec<u8>,
}

/// Takes rows in, one after the other in the order of their keys.
pub struct Builder {
    columns: Vec<Sha256>,
    keys: Vec<RowKey>,
    marks: Vec<u8>,
    row: Vec<u8>,
}

impl Builder {
    pub fn of(table: &Sealed) -> Self {
        Self { columns: vec![Sha256::new(); table.columns.len()], keys: Vec::new(), marks: Vec::new(), row: Vec::new() }
    }

    /// Takes in a row of as many values as the table has columns.
    pub fn add<'v>(&mut self, key: RowKey, values: impl IntoIterator<Item = Value<'v>>) {
        self.row.clear();
        for (column, value) in self.columns.iter_mut().zip(values) {
            let start = self.row.len();
            value.write(&mut self.row);
            column.update(self.row.get(start..).unwrap_or_default());
        }
        let mark = Sha256::digest(&self.row);
        self.marks.extend(mark.iter().take(MARK_BYTES));
        self.keys.push(key);
    }

    pub const fn rows(&self) -> usize {
        self.keys.len()
    }

    pub fn first(&self) -> Option<RowKey> {
        self.keys.first().copied()
    }

    pub fn last(&self) -> Option<RowKey> {
        self.keys.last().copied()
    }

    pub fn finish(self) -> (Section, Vec<RowKey>) {
        let digests = self.columns.into_iter().map(|column| column.finalize().into()).collect();
        (Section { rows: self.keys.len(), digests, marks: self.marks }, self.keys)
    }
}

/// How the rows that are there differ from those that were sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// As many rows, of which some say something else: in these columns, somewhere in this range.
    Changed { columns: Vec<&'static str>, first: RowKey, last: RowKey },
    /// Rows are gone, between two that are there (nothing stands for the block's end).
    Missing { count: usize, after: Option<RowKey>, before: Option<RowKey> },
    /// There are rows that were not sealed, in this range.
    Added { count: usize, first: RowKey, last: RowKey },
}

impl Section {
    /// Holds the rows that are there, with their keys, against what was sealed.
    pub fn difference(&self, table: &Sealed, found: &Self, keys: &[RowKey]) -> Option<Difference> {
        if self.rows == found.rows && self.digests == found.digests {
            return None;
        }
        let same = |(left, right): &(&[u8], &[u8])| left == right;
        let (sealed, present) = (self.marks.chunks(MARK_BYTES), found.marks.chunks(MARK_BYTES));
        let at_start = sealed.clone().zip(present.clone()).take_while(same).count();
        let most = self.rows.min(found.rows).saturating_sub(at_start);
        let at_end = sealed.rev().zip(present.rev()).take(most).take_while(same).count();
        let end = found.rows.saturating_sub(at_end);
        // Between what is the same at the start and at the end; where all marks agree, anywhere in the block.
        let between = keys.get(at_start..end).filter(|keys| !keys.is_empty()).or(Some(keys));
        let range = between.and_then(|keys| keys.first().copied().zip(keys.last().copied()));
        match (found.rows.cmp(&self.rows), range) {
            (std::cmp::Ordering::Equal, Some((first, last))) => {
                let columns = table.columns.iter().zip(self.digests.iter().zip(&found.digests));
                let columns = columns.filter(|(_, (sealed, found))| sealed != found).map(|(column, _)| *column).collect();
                Some(Difference::Changed { columns, first, last })
            }
            (std::cmp::Ordering::Greater, Some((first, last))) => {
                Some(Difference::Added { count: found.rows.saturating_sub(self.rows), first, last })
            }
            _ => Some(Difference::Missing {
                count: self.rows.saturating_sub(found.rows),
                after: at_start.checked_sub(1).and_then(|place| keys.get(place)).copied(),
                before: keys.get(end).copied(),
            }),
        }
    }
}

/// Sections to bytes: the counts with the digests, and the marks.
pub fn encode(sections: &[Section]) -> (Vec<u8>, Vec<u8>) {
    let (mut digests, mut marks) = (Vec::new(), Vec::new());
    for section in sections {
        digests.extend_from_slice(&u64::try_from(section.rows).unwrap_or(u64::MAX).to_be_bytes());
        section.digests.iter().for_each(|digest| digests.extend_from_slice(digest));
        marks.extend_from_slice(&section.marks);
    }
    (digests, marks)
}

/// The sections of `tables` that [`encode`] gave these bytes for; `None` if it gave them for none.
pub fn decode(tables: &[Sealed], mut digests: &[u8], mut marks: &[u8]) -> Option<Vec<Section>> {
    let mut sections = Vec::with_capacity(tables.len());
    for table in tables {
        let (count, rest) = digests.split_first_chunk::<8>()?;
        let rows = usize::try_from(u64::from_be_bytes(*count)).ok()?;
        let (own, rest) = rest.split_at_checked(table.columns.len().checked_mul(DIGEST_BYTES)?)?;
        let (own_marks, marks_left) = marks.split_at_checked(rows.checked_mul(MARK_BYTES)?)?;
        let columns = own.chunks_exact(DIGEST_BYTES).filter_map(|digest| digest.try_into().ok()).collect();
        sections.push(Section { rows, digests: columns, marks: own_marks.to_vec() });
        (digests, marks) = (rest, marks_left);
    }
    (digests.is_empty() && marks.is_empty()).then_some(sections)
}

#[cfg(test)]
mod tests {
    use super::super::AUDIT;
    use super::*;

    fn key(number: u128) -> RowKey {
        RowKey { place: Uid::from_bits(number), line: 0 }
    }

    /// Rows of ten columns: all have their number, but where `odd` says otherwise by row and column.
    fn build(rows: &[u128], odd: Option<(u128, usize)>) -> (Section, Vec<RowKey>) {
        let mut builder = Builder::of(&AUDIT);
        for row in rows {
            let values = (0..10_usize).map(|column| match odd {
                Some(at) if at == (*row, column) => Value::Null,
                _ => Value::Integer(*row as i64),
            });
            builder.add(key(*row), values.collect::<Vec<_>>());
        }
        builder.finish()
    }

    fn difference(rows: &[u128], odd: Option<(u128, usize)>) -> Option<Difference> {
        let (sealed, _) = build(&[1, 2, 3, 4, 5], None);
        let (found, keys) = build(rows, odd);
        sealed.difference(&AUDIT, &found, &keys)
    }

    #[test]
    fn the_column_and_the_row_that_were_changed_are_named() {
        assert_eq!(difference(&[1, 2, 3, 4, 5], None), None);
        for (place, column) in AUDIT.columns.iter().enumerate() {
            for row in 1..=5 {
                let expected = Difference::Changed { columns: vec![column], first: key(row), last: key(row) };
                assert_eq!(difference(&[1, 2, 3, 4, 5], Some((row, place))), Some(expected));
            }
        }
    }

    #[test]
    fn rows_that_are_gone_or_too_many_are_told_with_their_neighbours() {
        let missing = |count, after: Option<u128>, before: Option<u128>| {
            Some(Difference::Missing { count, after: after.map(key), before: before.map(key) })
        };
        assert_eq!(difference(&[1, 2, 4, 5], None), missing(1, Some(2), Some(4)));
        assert_eq!(difference(&[3, 4, 5], None), missing(2, None, Some(3)));
        assert_eq!(difference(&[1], None), missing(4, Some(1), None));
        assert_eq!(difference(&[], None), missing(5, None, None));
        assert_eq!(difference(&[1, 2, 3, 9, 4, 5], None), Some(Difference::Added { count: 1, first: key(9), last: key(9) }));
        assert_eq!(difference(&[1, 2, 3, 4, 5, 5], None), Some(Difference::Added { count: 1, first: key(5), last: key(5) }));
    }

    #[test]
    fn values_do_not_run_into_each_other() {
        let bytes = |values: &[Value<'_>]| {
            let mut out = Vec::new();
            values.iter().for_each(|value| value.write(&mut out));
            out
        };
        assert_ne!(bytes(&[Value::Text(b"ab"), Value::Text(b"c")]), bytes(&[Value::Text(b"a"), Value::Text(b"bc")]));
        assert_ne!(bytes(&[Value::Text(b"a")]), bytes(&[Value::Bytes(b"a")]));
        assert_ne!(bytes(&[Value::Null]), bytes(&[Value::Text(b"")]));
        assert_ne!(bytes(&[Value::Integer(0)]), bytes(&[Value::Null]));
    }

    #[test]
    fn sections_read_back_from_their_bytes() {
        let (section, _) = build(&[1, 2, 3], None);
        let (digests, marks) = encode(std::slice::from_ref(&section));
        assert_eq!(decode(&[AUDIT], &digests, &marks), Some(vec![section]));
        assert_eq!(decode(&[AUDIT], &digests[1..], &marks), None);
        assert_eq!(decode(&[AUDIT], &digests, &marks[1..]), None);
        assert_eq!(decode(&[AUDIT], &[&digests[..], &[0]].concat(), &marks), None);
    }
}
