//! Names of rows, packed: ids, or seqs as numbers of that many bits, in rising order.
//!
//! Each is written as its difference to the one before, seven bits a byte, the lowest first; so seqs that follow each
//! other take a byte, and ids of one millisecond two thirds of their sixteen.

use std::collections::BTreeMap;

use ledger::Uid;

use super::Of;

/// The form of what is packed here that is written now.
pub const FORM: i64 = 1;

/// Names of a platform's rows, by what blocks are of, in the order of [`Of::ALL`].
pub type ByKind = [Vec<Uid>; Of::ALL.len()];

/// Packs names that rise.
pub fn pack(names: &[Uid]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(names.len().saturating_mul(12));
    put_all(names, &mut bytes);
    bytes
}

/// The names that [`pack`] gave these bytes for; `None` if it gave them for none.
pub fn unpack(mut bytes: &[u8]) -> Option<Vec<Uid>> {
    let mut names = Vec::new();
    while !bytes.is_empty() {
        let next = take_next(names.last().copied(), &mut bytes)?;
        names.push(next);
    }
    Some(names)
}

/// Packs what one transaction has written, of all its platforms. The names have to rise.
pub fn pack_platforms(platforms: &BTreeMap<Uid, ByKind>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (platform, kinds) in platforms {
        bytes.extend_from_slice(&platform.to_bytes());
        for names in kinds {
            put(u128::try_from(names.len()).unwrap_or(u128::MAX), &mut bytes);
            put_all(names, &mut bytes);
        }
    }
    bytes
}

/// What [`pack_platforms`] gave these bytes for, platform by platform; `None` if it gave them for nothing.
pub fn unpack_platforms(mut bytes: &[u8]) -> Option<Vec<(Uid, ByKind)>> {
    let mut platforms = Vec::new();
    while let Some((platform, rest)) = bytes.split_first_chunk() {
        bytes = rest;
        let mut kinds = ByKind::default();
        for names in &mut kinds {
            for _ in 0..take(&mut bytes)? {
                let next = take_next(names.last().copied(), &mut bytes)?;
                names.push(next);
            }
        }
        platforms.push((Uid::from_bytes(*platform), kinds));
    }
    bytes.is_empty().then_some(platforms)
}

fn put_all(names: &[Uid], bytes: &mut Vec<u8>) {
    let mut before = 0;
    for name in names {
        put(name.bits().saturating_sub(before), bytes);
        before = name.bits();
    }
}

fn put(mut number: u128, bytes: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or(0);
        number >>= 7;
        if number == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

/// The name behind `before`: it has to be greater.
fn take_next(before: Option<Uid>, bytes: &mut &[u8]) -> Option<Uid> {
    let step = take(bytes)?;
    match before {
        None => Some(Uid::from_bits(step)),
        Some(before) => before.bits().checked_add(step).filter(|next| *next > before.bits()).map(Uid::from_bits),
    }
}

fn take(bytes: &mut &[u8]) -> Option<u128> {
    let mut number: u128 = 0;
    for shift in (0..u128::BITS).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        let low = u128::from(first & 0x7f);
        let shifted = low << shift;
        if shifted >> shift != low {
            return None;
        }
        number |= shifted;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bits: &[u128]) -> Vec<Uid> {
        bits.iter().copied().map(Uid::from_bits).collect()
    }

    #[test]
    fn names_read_back_from_their_bytes() {
        for bits in [&[][..], &[0], &[u128::MAX], &[1, 2, 300], &[0, 127, 128, 1 << 64, u128::MAX - 1, u128::MAX]] {
            let packed = pack(&names(bits));
            assert_eq!(unpack(&packed), Some(names(bits)), "{bits:?}");
        }
        assert_eq!(pack(&names(&[7, 8, 9])).len(), 3, "neighbours take a byte each");
    }

    #[test]
    fn what_nobody_packed_does_not_read() {
        assert_eq!(unpack(&[0x80]), None, "cut");
        assert_eq!(unpack(&[5, 0]), None, "the same name twice");
        assert_eq!(unpack(&[0xff; 19]), None, "longer than a name");
        let most = pack(&names(&[u128::MAX]));
        assert_eq!(unpack(&[&most[..], &[1]].concat()), None, "beyond the last name");
        let mut above = most;
        *above.last_mut().unwrap() = 0x7f;
        assert_eq!(unpack(&above), None, "more bits than a name has");
    }

    #[test]
    fn a_transaction_reads_back_from_its_bytes() {
        let mut platforms = BTreeMap::new();
        platforms.insert(Uid::from_bits(1), [names(&[5, 1 << 100]), names(&[7, 8])]);
        platforms.insert(Uid::from_bits(9), [names(&[]), names(&[1])]);
        let packed = pack_platforms(&platforms);
        assert_eq!(unpack_platforms(&packed), Some(platforms.into_iter().collect()));
        for length in 1..packed.len() {
            let cut = unpack_platforms(&packed[..length]);
            assert!(cut.is_none() || cut.is_some_and(|found| found.len() == 1), "{length}");
        }
        assert_eq!(unpack_platforms(&[&packed[..], &[0]].concat()), None);
    }

    /// Whoever changes this has rows of the former form to read still: it needs a form number of its own.
    #[test]
    fn the_stored_form_is_as_it_always_was() {
        let platforms = BTreeMap::from([(Uid::from_bits(0xab), [names(&[0x81, 0x1_0000]), names(&[3, 4])])]);
        let hex: String = pack_platforms(&platforms).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "000000000000000000000000000000ab028101fffe03020301");
    }
}
