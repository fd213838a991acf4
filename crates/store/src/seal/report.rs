//! What holding the rows against their seals has found.

use std::collections::BTreeMap;

use ledger::Uid;
use rustc_hash::FxHashMap;

use super::anchor::Head;
use super::block::{self, Block, NOTHING};
use super::section::{Builder, Difference, RowKey};
use super::{Of, Sealed};
use crate::vault::Vault;

/// Findings told in full; more are only counted.
const MAX_FINDINGS: usize = 100;

/// Something that is not as it was sealed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// Rows say something else than they did.
    #[error("{columns} changed: {rows}, in block {block} of platform {platform}")]
    Changed {
        /// The columns, as `table.column`, with commas.
        columns: String,
        /// The narrowest range of rows.
        rows: String,
        /// The block's number.
        block: i64,
        /// The platform.
        platform: Uid,
    },
    /// Rows are gone, or no longer found by what named them.
    #[error("{count} of {table} missing (gone, or another {found_by}): {between}, in block {block} of platform {platform}")]
    Missing {
        /// How many.
        count: usize,
        /// The table.
        table: &'static str,
        /// The columns by which they were found, as `table.column`.
        found_by: String,
        /// The rows that are there before and after.
        between: String,
        /// The block's number.
        block: i64,
        /// The platform.
        platform: Uid,
    },
    /// There are rows that nobody sealed.
    #[error("{count} of {table} added (by {found_by}): {rows}, in block {block} of platform {platform}")]
    Added {
        /// How many.
        count: usize,
        /// The table.
        table: &'static str,
        /// The columns by which they were found, as `table.column`.
        found_by: String,
        /// Where.
        rows: String,
        /// The block's number.
        block: i64,
        /// The platform.
        platform: Uid,
    },
    /// A row is in no block, and none will be made of it.
    #[error("1 of {table} added: row {row} of platform {platform} is in no block, and nothing says that it waits for one")]
    Stray {
        /// The table.
        table: &'static str,
        /// The row.
        row: String,
        /// The platform.
        platform: Uid,
    },
    /// A row is in a block, and in another one or said to wait for one.
    #[error("{table}: row {row} of platform {platform} is sealed more than once")]
    Twice {
        /// The table.
        table: &'static str,
        /// The row.
        row: String,
        /// The platform.
        platform: Uid,
    },
    /// A row that was written, and is gone before it was sealed.
    #[error("1 of {table} missing (gone, or another {found_by}): row {row} of platform {platform} waits for a block")]
    Gone {
        /// The table.
        table: &'static str,
        /// The columns by which it was found, as `table.column`.
        found_by: String,
        /// The row.
        row: String,
        /// The platform.
        platform: Uid,
    },
    /// What says which rows wait for a block does not read.
    #[error("{table}.names: row {row} of platform {platform} does not read: what it names is not sealed")]
    Unread {
        /// The table.
        table: &'static str,
        /// The row.
        row: i64,
        /// The platform.
        platform: Uid,
    },
    /// A block is not what Florin wrote.
    #[error("seal: block {block} of platform {platform}: {why}")]
    Seal {
        /// The block's number.
        block: i64,
        /// The platform.
        platform: Uid,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The chain is not the one that an anchor was taken from.
    #[error("anchor: platform {platform}, block {block}: {why}")]
    Anchor {
        /// The platform as the anchor has it.
        platform: String,
        /// The block's number.
        block: i64,
        /// What is wrong.
        why: &'static str,
    },
}

/// What was gone through and what was found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Blocks gone through.
    pub blocks: u64,
    /// Entries that no block has yet; no fault.
    pub unsealed_entries: u64,
    /// Audit lines that no block has yet; no fault.
    pub unsealed_audit: u64,
    /// What was found, up to a bound.
    pub findings: Vec<Finding>,
    /// How many were found in all.
    pub findings_in_all: u64,
}

impl Report {
    /// Whether everything that was sealed is as it was.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.findings_in_all == 0
    }

    pub(crate) fn find(&mut self, finding: Finding) {
        self.findings_in_all = self.findings_in_all.saturating_add(1);
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }

    /// Counts a row that no block has yet. Postings go with their entries.
    pub(crate) fn unsealed(&mut self, table: &Sealed, rows: u64) {
        match table.table {
            "entry" => self.unsealed_entries = self.unsealed_entries.saturating_add(rows),
            "audit" => self.unsealed_audit = self.unsealed_audit.saturating_add(rows),
            _ => {}
        }
    }

    /// Holds the rows of one table that were found for a block against it.
    pub(crate) fn compare(&mut self, block: &Block, of: Of, place: usize, found: Builder) {
        let (Some(table), Some(sealed)) = (of.tables().get(place), block.sections().and_then(|all| all.into_iter().nth(place))) else {
            return self.find(Finding::Seal { block: block.number, platform: block.platform, why: "its digests do not read" });
        };
        let (section, keys) = found.finish();
        let Some(difference) = sealed.difference(table, &section, &keys) else { return };
        let (number, platform) = (block.number, block.platform);
        let found_by = || table.found_by();
        let range = |first: RowKey, last: RowKey| {
            if first == last { format!("row {}", first.name(table)) } else { format!("rows {} to {}", first.name(table), last.name(table)) }
        };
        self.find(match difference {
            Difference::Changed { columns, first, last } => {
                Finding::Changed { columns: dotted(table, &columns), rows: range(first, last), block: number, platform }
            }
            Difference::Added { count, first, last } => {
                Finding::Added { count, table: table.table, found_by: found_by(), rows: range(first, last), block: number, platform }
            }
            Difference::Missing { count, after, before } => {
                let name = |key: Option<RowKey>, end: &str| key.map_or_else(|| end.to_owned(), |key| key.name(table));
                let between = format!("between {} and {}", name(after, "the block's start"), name(before, "its end"));
                Finding::Missing { count, table: table.table, found_by: found_by(), between, block: number, platform }
            }
        });
    }
}

impl Sealed {
    /// The columns by which a row is found, as `table.column`, with commas.
    pub(crate) fn found_by(&self) -> String {
        dotted(self, self.found_by)
    }
}

/// Columns as `table.column`, with commas.
fn dotted(table: &Sealed, columns: &[&str]) -> String {
    columns.iter().map(|column| format!("{}.{column}", table.table)).collect::<Vec<_>>().join(", ")
}

/// Goes along the chains, and holds them against an anchor: give it every block, a platform's in the order of their numbers.
pub(crate) struct Chains<'a> {
    vault: &'a Vault,
    anchored: BTreeMap<(Uid, i64), &'a Head>,
    tips: FxHashMap<Uid, Tip>,
}

#[derive(Default)]
struct Tip {
    number: i64,
    head: Option<Vec<u8>>,
    last: [Option<Uid>; 2],
}

/// Whether places of one kind rise from block to block. Where they do not, blocks name their rows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Places {
    /// Rows are appended in the order of their places.
    Rise,
    /// Transactions commit out of that order.
    Overlap,
}

impl Places {
    /// The form of a block.
    const fn form(self) -> i64 {
        match self {
            Self::Rise => block::BY_PLACE,
            Self::Overlap => block::BY_NAME,
        }
    }
}

impl<'a> Chains<'a> {
    pub fn new(vault: &'a Vault, anchor: &'a [Head], report: &mut Report) -> Self {
        let mut anchored = BTreeMap::new();
        for head in anchor {
            match head.platform().filter(|_| head.is_signed(vault)) {
                Some(platform) => drop(anchored.insert((platform, head.number), head)),
                None => report.find(Finding::Anchor {
                    platform: head.platform.clone(),
                    block: head.number,
                    why: "it is not signed with this master key",
                }),
            }
        }
        Self { vault, anchored, tips: FxHashMap::default() }
    }

    /// Takes in the next block.
    pub fn block(&mut self, block: &Block, places: Places, report: &mut Report) {
        report.blocks = report.blocks.saturating_add(1);
        let tip = self.tips.entry(block.platform).or_default();
        let mut wrong = |why| report.find(Finding::Seal { block: block.number, platform: block.platform, why });
        if Some(block.number) != tip.number.checked_add(1) {
            wrong("seal.number does not follow the one before: a block is missing, or was added");
        }
        if tip.head.as_deref().unwrap_or(&NOTHING) != block.previous {
            wrong("seal.previous is not the head of the block before");
        }
        if block.computed_head().as_slice() != block.head {
            wrong("seal.head does not follow from its other columns: one of them was changed");
        }
        if block::mac(self.vault, block.platform, block.number, &block.head).as_slice() != block.mac {
            wrong("seal.mac is not ours: it was not sealed with this master key");
        }
        if block.sections().is_none() || block.form != places.form() {
            wrong("seal.digests and seal.marks do not read");
        }
        if places == Places::Overlap && block.names().is_none_or(|names| Block::span_of(&names) != Some((block.first, block.last))) {
            wrong("seal.names do not read, or not from seal.first to seal.last");
        }
        let last = Of::from_number(block.of).and_then(|of| Of::ALL.iter().position(|other| *other == of));
        if let Some(last) = last.and_then(|place| tip.last.get_mut(place)) {
            if block.first > block.last || (places == Places::Rise && last.is_some_and(|last| block.first <= last)) {
                wrong("seal.first and seal.last do not follow those before");
            }
            *last = Some(block.last);
        }
        tip.number = block.number;
        tip.head = Some(block.head.clone());
        if let Some(head) = self.anchored.remove(&(block.platform, block.number))
            && !head.is(&block.head)
        {
            let why = "the chain has another head than it had then: something before it was rewritten";
            report.find(Finding::Anchor { platform: head.platform.clone(), block: head.number, why });
        }
    }

    /// Every anchored head must have come by.
    pub fn finish(self, report: &mut Report) {
        for head in self.anchored.into_values() {
            let why = "the chain is shorter than it was then: blocks were taken away";
            report.find(Finding::Anchor { platform: head.platform.clone(), block: head.number, why });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::section::{RowKey, Value};
    use super::super::{AUDIT, block::Tip};
    use super::*;

    /// A chain of two blocks of an audit line each, sealed under a master key of such bytes.
    fn chain(master: u8) -> Vec<Block> {
        let (vault, mut tip) = (Vault::new(&[master; 32]), Tip::default());
        (1..=2)
            .filter_map(|seq| {
                let mut builder = Builder::of(&AUDIT);
                builder.add(RowKey { place: Uid::from_bits(seq), line: 0 }, [Value::Integer(5); 10]);
                tip.seal(&vault, Uid::from_bits(9), Of::Audit, vec![builder])
            })
            .collect()
    }

    fn findings(blocks: &[Block]) -> String {
        let (vault, mut report) = (Vault::new(&[7; 32]), Report::default());
        let mut chains = Chains::new(&vault, &[], &mut report);
        blocks.iter().for_each(|block| chains.block(block, Places::Rise, &mut report));
        chains.finish(&mut report);
        report.findings.iter().map(|finding| format!("{finding}\n")).collect()
    }

    /// Whoever has the database can make every digest and every head anew, but not the signatures.
    #[test]
    fn a_chain_made_without_the_key_is_told() {
        assert_eq!(findings(&chain(7)), "");
        assert_eq!(findings(&chain(8)).matches("seal.mac is not ours").count(), 2);
    }

    #[test]
    fn blocks_cannot_change_places() {
        let blocks = chain(7);
        assert!(findings(&blocks[1..]).contains("seal.number"));
        let mut moved = blocks.clone();
        moved[0].number = 2;
        moved[1].number = 1;
        moved.swap(0, 1);
        assert!(findings(&moved).contains("seal.previous"));
    }
}
