//! Blocks, and the chain they make.

use ledger::Uid;
use sha2::{Digest, Sha256};

use super::section::{self, Builder, Digest32, Section};
use super::{Of, names};
use crate::vault::Vault;

/// The forms of blocks that are written now; they stand for the columns, their order, and how all is hashed. A block of the
/// first has the rows between two places, one of the second those that it names.
pub const BY_PLACE: i64 = 1;
pub const BY_NAME: i64 = 2;
/// What the first block of a chain follows.
pub const NOTHING: Digest32 = [0; 32];

/// A block as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub platform: Uid,
    /// Its number in the platform's chain, from 1.
    pub number: i64,
    pub of: i64,
    pub form: i64,
    /// The places of the first and the last row.
    pub first: Uid,
    pub last: Uid,
    pub digests: Vec<u8>,
    pub marks: Vec<u8>,
    /// The names of the rows it counts, packed ([`names`]); empty where places say which they are.
    pub names: Vec<u8>,
    pub previous: Vec<u8>,
    pub head: Vec<u8>,
    pub mac: Vec<u8>,
}

impl Block {
    /// The head that follows from everything else.
    pub fn computed_head(&self) -> Digest32 {
        let mut hash = Sha256::new();
        hash.update(b"florin seal");
        hash.update(self.platform.to_bytes());
        [self.form, self.number, self.of].iter().for_each(|number| hash.update(number.to_be_bytes()));
        hash.update(self.first.to_bytes());
        hash.update(self.last.to_bytes());
        let names = (self.form != BY_PLACE).then_some(&self.names);
        for bytes in [&self.digests, &self.marks, &self.previous].into_iter().chain(names) {
            hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(bytes);
        }
        hash.finalize().into()
    }

    /// What the rows of its tables were; `None` if the block does not decode.
    pub fn sections(&self) -> Option<Vec<Section>> {
        let of = Of::from_number(self.of).filter(|_| [BY_PLACE, BY_NAME].contains(&self.form))?;
        section::decode(of.tables(), &self.digests, &self.marks)
    }

    /// The first and the last of such names.
    pub fn span_of(names: &[Uid]) -> Option<(Uid, Uid)> {
        names.first().copied().zip(names.last().copied())
    }

    /// The names of the rows it counts; `None` if the block does not decode.
    pub fn names(&self) -> Option<Vec<Uid>> {
        names::unpack(&self.names).filter(|_| self.form == BY_NAME)
    }
}

/// The signature of a head. It names the chain and the place in it, so that a head proves nothing elsewhere.
pub fn mac(vault: &Vault, platform: Uid, number: i64, head: &[u8]) -> Digest32 {
    vault.hash(&[b"florin seal", &platform.to_bytes(), &number.to_be_bytes(), head])
}

/// The end of a platform's chain, to which the next block is added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    pub number: i64,
    pub head: Vec<u8>,
}

impl Default for Tip {
    fn default() -> Self {
        Self { number: 0, head: NOTHING.to_vec() }
    }
}

impl Tip {
    /// Makes the block that follows, of the rows in `builders`, one for each table of `of`, and moves on to it. It has the rows
    /// between its first place and its last.
    pub fn seal(&mut self, vault: &Vault, platform: Uid, of: Of, builders: Vec<Builder>) -> Option<Block> {
        let (first, last) = builders.first().and_then(|counted| counted.first().zip(counted.last()))?;
        Some(self.add(vault, (platform, of), (first.place, last.place), builders, None))
    }

    /// The same of the rows of these names, which have to rise, whether they are all there or not.
    pub fn seal_named(&mut self, vault: &Vault, platform: Uid, of: Of, builders: Vec<Builder>, named: &[Uid]) -> Option<Block> {
        let span = Block::span_of(named)?;
        Some(self.add(vault, (platform, of), span, builders, Some(names::pack(named))))
    }

    fn add(&mut self, vault: &Vault, chain: (Uid, Of), span: (Uid, Uid), builders: Vec<Builder>, named: Option<Vec<u8>>) -> Block {
        let (platform, of) = chain;
        let sections: Vec<Section> = builders.into_iter().map(|builder| builder.finish().0).collect();
        let (digests, marks) = section::encode(&sections);
        let mut block = Block {
            platform,
            number: self.number.saturating_add(1),
            of: of.number(),
            form: if named.is_some() { BY_NAME } else { BY_PLACE },
            first: span.0,
            last: span.1,
            digests,
            marks,
            names: named.unwrap_or_default(),
            previous: std::mem::take(&mut self.head),
            head: Vec::new(),
            mac: Vec::new(),
        };
        block.head = block.computed_head().to_vec();
        block.mac = mac(vault, platform, block.number, &block.head).to_vec();
        self.number = block.number;
        self.head.clone_from(&block.head);
        block
    }
}
