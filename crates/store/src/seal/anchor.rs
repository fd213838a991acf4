//! Anchors: heads of chains, kept where whoever can write the database cannot.

use std::fmt;

use ledger::Uid;
use serde::{Deserialize, Serialize};

use super::block;
use crate::vault::Vault;

/// The head of a platform's chain at some moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The platform's id, hyphenated.
    pub platform: String,
    /// How many blocks the chain had.
    pub number: i64,
    /// The head of the last of them, 64 hexadecimal digits.
    pub head: String,
    /// Its signature, 64 hexadecimal digits.
    pub mac: String,
}

impl Head {
    pub(crate) fn of(platform: Uid, number: i64, head: &[u8], mac: &[u8]) -> Self {
        Self { platform: platform.to_string(), number, head: hex(head), mac: hex(mac) }
    }

    /// Reads what [`Head`] prints: platform, number, head and signature, with spaces between. `None` for anything else.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (platform, number, head, mac) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let is_digest = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_head = words.next().is_none() && Uid::parse(platform).is_some() && is_digest(head) && is_digest(mac);
        let number = number.parse().ok().filter(|number: &i64| is_head && *number > 0)?;
        Some(Self { platform: platform.to_owned(), number, head: head.to_owned(), mac: mac.to_owned() })
    }

    pub(crate) fn platform(&self) -> Option<Uid> {
        Uid::parse(&self.platform)
    }

    /// Whether the signature is that of the master key.
    pub(crate) fn is_signed(&self, vault: &Vault) -> bool {
        let (Some(platform), Some(head)) = (self.platform(), bytes(&self.head)) else { return false };
        hex(&block::mac(vault, platform, self.number, &head)) == self.mac.to_ascii_lowercase()
    }

    /// Whether it is this head.
    pub(crate) fn is(&self, head: &[u8]) -> bool {
        self.head.eq_ignore_ascii_case(&hex(head))
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.platform, self.number, self.head, self.mac)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = hex.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from((high << 4) | low).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_back_from_its_line() {
        let vault = Vault::new(&[7; 32]);
        let platform = Uid::from_bits(5);
        let head = Head::of(platform, 3, &[1; 32], &block::mac(&vault, platform, 3, &[1; 32]));
        assert_eq!(Head::parse(&head.to_string()), Some(head.clone()));
        assert!(head.is_signed(&vault) && head.is(&[1; 32]));
        assert!(!head.is_signed(&Vault::new(&[8; 32])));
        assert!(!Head { number: 4, ..head.clone() }.is_signed(&vault), "another place in the chain");
        for line in ["", "x 1 2 3", &format!("{head} more"), &head.to_string().replace(" 3 ", " 0 ")] {
            assert_eq!(Head::parse(line), None, "{line}");
        }
    }
}
