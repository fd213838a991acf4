//! Blocks, and the chain they make.

use ledger::Uid;
use sha2::{Digest, Sha256};

use super::Of;
use super::section::{self, Builder, Digest32, Section};
use crate::vault::Vault;

/// The form of blocks that is written now; it stands for the columns, their order, and how all is hashed.
pub const FORM: i64 = 1;
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
        for bytes in [&self.digests, &self.marks, &self.previous] {
            hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(bytes);
        }
        hash.finalize().into()
    }

    /// What the rows of its tables were; `None` if the block does not decode.
    pub fn sections(&self) -> Option<Vec<Section>> {
        let of = Of::from_number(self.of).filter(|_| self.form == FORM)?;
        section::decode(of.tables(), &self.digests, &self.marks)
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
    /// Makes the block that follows, of the rows in `builders`, one for each table of `of`, and moves on to it.
    pub fn seal(&mut self, vault: &Vault, platform: Uid, of: Of, builders: Vec<Builder>) -> Option<Block> {
        let (first, last) = builders.first().and_then(|counted| counted.first().zip(counted.last()))?;
        let sections: Vec<Section> = builders.into_iter().map(|builder| builder.finish().0).collect();
        let (digests, marks) = section::encode(&sections);
        let mut block = Block {
            platform,
            number: self.number.saturating_add(1),
            of: of.number(),
            form: FORM,
            first: first.place,
            last: last.place,
            digests,
            marks,
            previous: std::mem::take(&mut self.head),
            head: Vec::new(),
            mac: Vec::new(),
        };
        block.head = block.computed_head().to_vec();
        block.mac = mac(vault, platform, block.number, &block.head).to_vec();
        self.number = block.number;
        self.head.clone_from(&block.head);
        Some(block)
    }
}
