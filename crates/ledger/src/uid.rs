//! The 128 bits under every id.

use std::fmt;

/// A 128-bit identifier, time-ordered when it was made as a UUID of version 7.
///
/// Its spelling here is the hyphenated UUID; dialects have their own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Uid(u128);

impl Uid {
    /// The id with these bits.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// The sixteen bytes, most significant first, so that byte order is id order.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The id of sixteen bytes, most significant first.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// Reads a UUID of 32 hexadecimal digits, hyphenated (8-4-4-4-12) or not, in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hyphens = [8, 13, 18, 23];
        let hyphenated = match text.len() {
            32 => false,
            36 => true,
            _ => return None,
        };
        let mut bits: u128 = 0;
        for (place, byte) in text.bytes().enumerate() {
            if hyphenated && hyphens.contains(&place) {
                if byte != b'-' {
                    return None;
                }
                continue;
            }
            let digit = char::from(byte).to_digit(16)?;
            bits = (bits << 4) | u128::from(digit);
        }
        Some(Self(bits))
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.0;
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            bits >> 96,
            (bits >> 80) & 0xffff,
            (bits >> 64) & 0xffff,
            (bits >> 48) & 0xffff,
            bits & 0xffff_ffff_ffff
        )
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_in_both_spellings() {
        let id = Uid::from_bits(0x0193_7e1a_9c4b_7d2e_8f01_2345_6789_abcd);
        assert_eq!(id.to_string(), "01937e1a-9c4b-7d2e-8f01-23456789abcd");
        assert_eq!(Uid::parse(&id.to_string()), Some(id));
        assert_eq!(Uid::parse("01937E1A9C4B7D2E8F0123456789ABCD"), Some(id));
        assert_eq!(Uid::from_bytes(id.to_bytes()), id);
    }

    #[test]
    fn what_is_no_uuid_is_refused() {
        for text in [
            "",
            "01937e1a",
            "01937e1a-9c4b-7d2e-8f01-23456789abc",
            "01937e1a_9c4b-7d2e-8f01-23456789abcd",
            "zz937e1a9c4b7d2e8f0123456789abcd",
        ] {
            assert_eq!(Uid::parse(text), None, "{text}");
        }
    }
}
