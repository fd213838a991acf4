//! Ids in either spelling: a UUID, or the Mangopay wire's prefix and ULID.

use domain::{GivenText, Named};
use ledger::Uid;

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ULID_LENGTH: usize = 26;

/// The id of a text: behind its kind's prefix a ULID or a text that a fixture gave, by itself a UUID or a number that it gave.
pub fn parse<I: Named>(prefix: &str, text: &str) -> Option<I> {
    let given = |text: Option<GivenText>| text.map(|text| text.id(I::SPACE));
    let id = match text.strip_prefix(prefix) {
        Some(rest) => ulid(rest).or_else(|| given(GivenText::behind_prefix(rest))),
        None => Uid::parse(text).or_else(|| given(GivenText::number(text))),
    };
    id.map(I::from)
}

/// The text of an id behind its kind's prefix, as the Mangopay wire spells it.
pub fn spell(prefix: &str, id: Uid) -> String {
    let mut digits = [b'0'; ULID_LENGTH];
    let mut rest = id.bits();
    for digit in digits.iter_mut().rev() {
        let value = usize::try_from(rest & 31).unwrap_or(0);
        *digit = DIGITS.get(value).copied().unwrap_or(b'0');
        rest >>= 5;
    }
    digits.iter().fold(prefix.to_owned(), |mut text, digit| {
        text.push(char::from(*digit));
        text
    })
}

/// Reads 26 Crockford digits; more than 128 bits are none.
fn ulid(digits: &str) -> Option<Uid> {
    if digits.len() != ULID_LENGTH || !matches!(digits.as_bytes().first(), Some(b'0'..=b'7')) {
        return None;
    }
    let mut bits: u128 = 0;
    for digit in digits.bytes() {
        let value = DIGITS.iter().position(|other| *other == digit)?;
        bits = (bits << 5) | u128::try_from(value).ok()?;
    }
    Some(Uid::from_bits(bits))
}

#[cfg(test)]
mod tests {
    use domain::{PaymentId, UserId};

    use super::*;

    #[test]
    fn both_spellings_lead_to_one_id() {
        let id = PaymentId(Uid::parse("0192e1a9-c4bc-7d2e-8f01-23456789abcd").unwrap());
        let uuid = id.to_string();
        assert_eq!(parse("po_m_", &uuid), Some(id));
        assert_eq!(parse("po_m_", &uuid.to_uppercase()), Some(id));
        let bits = Uid::from_bits(0x0192_7a1b_2c3d_7e4f_8a5b_6c7d_8e9f_a0b1);
        assert_eq!(parse("user_m_", "user_m_01J9X1PB1XFS7RMPVCFP79Z85H"), Some(UserId(bits)));
        assert_eq!(spell("user_m_", bits), "user_m_01J9X1PB1XFS7RMPVCFP79Z85H");
        for text in ["", "po_m_", "user_m_01J9X1PB1XFS7RMPVCFP79Z85H", "po_m_81J9X1PB1XFS7RMPVCFP79Z85H", "po_m_\u{e9}"] {
            assert_eq!(parse::<PaymentId>("po_m_", text), None, "{text}");
        }
    }

    #[test]
    fn a_text_that_a_fixture_gave_is_an_id_too() {
        let given = GivenText::number("41631014").unwrap();
        assert_eq!(parse("po_m_", "41631014"), Some(PaymentId(given.id(PaymentId::SPACE))));
    }
}
