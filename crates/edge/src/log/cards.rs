//! Whether a text may hold the number of a card, in whatever spelling: such a text is not kept.
//!
//! A number is 13 to 19 digits that begin as cards' do and have the right last one (Luhn). Between the digits may be anything but
//! ASCII letters: blanks, dashes, quotes, commas of a JSON array. Digits may be escaped (`\u0034`, `%34`, `&#52;`) or of other
//! scripts. An IBAN whose own check digits are right is none. What is left: numbers written in words, or encoded as a whole.

use std::borrow::Cow;

/// Digits of a card's number.
const SHORTEST: usize = 13;
const LONGEST: usize = 19;
/// Digits that numbers of cards begin with.
const FIRST_DIGITS: std::ops::RangeInclusive<u8> = 2..=6;
/// What an IBAN has of letters and digits.
const IBAN_LENGTHS: std::ops::RangeInclusive<usize> = 15..=34;

/// Whether a text may hold the number of a card. Most texts are told without a look at each of their bytes: this is on the way of
/// every request.
#[must_use]
pub fn may_hold(text: &[u8]) -> bool {
    // An escape may begin there, or another script.
    let is_odd = !text.is_ascii() || memchr::memchr3(b'\\', b'%', b'&', text).is_some();
    (is_odd || has_long_run(text)) && holds(text)
}

/// Whether there are as many digits as a number has without a letter between them.
fn has_long_run(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(window) = rest.first_chunk::<SHORTEST>() {
        let next = match window.iter().rposition(u8::is_ascii_alphabetic) {
            // No run goes over a letter, and none that ends before it is long enough.
            Some(letter) => letter,
            None => {
                let run = rest.split(u8::is_ascii_alphabetic).next().unwrap_or_default();
                if run.iter().filter(|byte| byte.is_ascii_digit()).count() >= SHORTEST {
                    return true;
                }
                run.len()
            }
        };
        rest = rest.get(next.saturating_add(1)..).unwrap_or_default();
    }
    false
}

/// The close look.
fn holds(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let plain = unescaped(&text);
    let mut digits: Vec<u8> = Vec::new();
    let mut skipped = 0_usize;
    let mut before = None;
    for (place, one) in plain.char_indices() {
        if place < skipped {
            continue;
        }
        if one.is_ascii_alphanumeric() && !before.is_some_and(|before: char| before.is_ascii_alphanumeric()) {
            let end = iban_end(plain.get(place..).unwrap_or_default());
            if end > 0 {
                if has_number(&digits) {
                    return true;
                }
                digits.clear();
                skipped = place.saturating_add(end);
                before = Some('0');
                continue;
            }
        }
        match digit_of(one) {
            Some(digit) => digits.push(digit),
            None if one.is_ascii_alphabetic() => {
                if has_number(&digits) {
                    return true;
                }
                digits.clear();
            }
            None => {}
        }
        before = Some(one);
    }
    has_number(&digits)
}

/// Whether some of these digits in a row are a card's number.
fn has_number(digits: &[u8]) -> bool {
    (SHORTEST..=LONGEST).any(|length| digits.windows(length).any(is_number))
}

fn is_number(digits: &[u8]) -> bool {
    if digits.first().is_none_or(|first| !FIRST_DIGITS.contains(first)) {
        return false;
    }
    let doubled = |digit: u8| if digit > 4 { digit.wrapping_mul(2).wrapping_sub(9) } else { digit.wrapping_mul(2) };
    let sum = digits.iter().rev().enumerate().map(|(place, digit)| u32::from(if place % 2 == 1 { doubled(*digit) } else { *digit }));
    sum.fold(0, u32::wrapping_add).is_multiple_of(10)
}

/// The value of a digit of any script that writes numbers in tens.
fn digit_of(one: char) -> Option<u8> {
    if let Some(digit) = one.to_digit(10) {
        return u8::try_from(digit).ok();
    }
    /// Where the ten digits of a script begin.
    const ZEROS: &[u32] = &[
        0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0de6, 0x0e50, 0x0ed0, 0x0f20,
        0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0x2080, 0xa620, 0xa8d0, 0xa900,
        0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6,
    ];
    let code = u32::from(one);
    let zero = ZEROS.iter().find(|zero| (**zero..zero.saturating_add(10)).contains(&code));
    if let Some(zero) = zero {
        return u8::try_from(code.wrapping_sub(*zero)).ok();
    }
    // Those of one figure in a circle, and the raised ones, which are not in order.
    match one {
        '\u{2070}' => Some(0),
        '\u{b9}' => Some(1),
        '\u{b2}' => Some(2),
        '\u{b3}' => Some(3),
        '\u{2074}'..='\u{2079}' => u8::try_from(code.wrapping_sub(0x2070)).ok(),
        '\u{24ea}' => Some(0),
        '\u{2460}'..='\u{2468}' => u8::try_from(code.wrapping_sub(0x245f)).ok(),
        _ => None,
    }
}

/// A text without the escapes of JSON, URLs and HTML, however often they were laid over each other (thrice at most).
fn unescaped(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for _ in 0..3 {
        match once(&text) {
            Some(plainer) => text = Cow::Owned(plainer),
            None => break,
        }
    }
    text
}

fn once(text: &str) -> Option<String> {
    if !text.contains(['\\', '%', '&']) {
        return None;
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    let mut has_changed = false;
    while let Some(one) = rest.chars().next() {
        if let Some((escaped, length)) = escape(rest) {
            plain.push(escaped);
            rest = rest.get(length..).unwrap_or_default();
            has_changed = true;
        } else {
            plain.push(one);
            rest = rest.get(one.len_utf8()..).unwrap_or_default();
        }
    }
    has_changed.then_some(plain)
}

/// The character that an escape at the beginning of a text stands for, and the escape's length.
fn escape(text: &str) -> Option<(char, usize)> {
    let hex = |from: usize, to: usize| {
        let digits = text.get(from..to).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)
    };
    if text.starts_with("\\u") {
        return Some((hex(2, 6).unwrap_or(' '), 6)).filter(|(_, length)| text.is_char_boundary(*length) && text.len() >= *length);
    }
    if text.starts_with('\\') {
        // Any other escape stands for something between digits, or for itself.
        return text.chars().nth(1).map(|next| (if next.is_ascii_alphabetic() { ' ' } else { next }, next.len_utf8().saturating_add(1)));
    }
    if text.starts_with('%') {
        return hex(1, 3).map(|one| (one, 3));
    }
    if let Some(entity) = text.strip_prefix("&#") {
        let end = entity.find(';').filter(|end| *end <= 8)?;
        let digits = entity.get(..end)?;
        let number = match digits.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => digits.parse().ok()?,
        };
        return Some((char::from_u32(number)?, end.saturating_add(3)));
    }
    None
}

/// Where an IBAN ends that a text begins with, in bytes; 0 if it begins with none. Blanks may be in it.
fn iban_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    if !matches!(bytes, [a, b, c, d, ..] if a.is_ascii_uppercase() && b.is_ascii_uppercase() && c.is_ascii_digit() && d.is_ascii_digit()) {
        return 0;
    }
    let mut letters: Vec<u8> = Vec::with_capacity(34);
    let mut end = 0;
    for (place, byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' => {
                letters.push(*byte);
                end = place.saturating_add(1);
            }
            b' ' => {}
            _ => break,
        }
        if letters.len() > *IBAN_LENGTHS.end() {
            return 0;
        }
    }
    // Behind it nothing may go on: that would be digits nobody has looked at.
    let goes_on = bytes.get(end).is_some_and(u8::is_ascii_alphanumeric);
    if goes_on || !IBAN_LENGTHS.contains(&letters.len()) {
        return 0;
    }
    let (head, tail) = letters.split_at(4.min(letters.len()));
    let remainder = tail.iter().chain(head).fold(0_u32, |rest, byte| match byte {
        b'0'..=b'9' => rest.wrapping_mul(10).wrapping_add(u32::from(byte.wrapping_sub(b'0'))).wrapping_rem(97),
        letter => rest.wrapping_mul(100).wrapping_add(u32::from(letter.wrapping_sub(b'A')).wrapping_add(10)).wrapping_rem(97),
    });
    if remainder == 1 { end } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_cards_are_found_in_every_spelling() {
        for text in [
            "4970105181818183",
            r#"{"cardNumber":"4970105181818183"}"#,
            r#"{"Tag":"4970 1051 8181 8183"}"#,
            r#"{"Tag":"4970-1051-8181-8183"}"#,
            r#"{"Tag":"4970.1051/8181_8183"}"#,
            r#"{"Tag":"4 9 7 0 1 0 5 1 8 1 8 1 8 1 8 3"}"#,
            r#"{"Tag":"4970\t1051\n81818183"}"#,
            r#"{"Tag":"4970\u00201051\u002081818183"}"#,
            r#"{"Tag":"\u0034970105181818183"}"#,
            r#"{"Tag":"\u0034\u0039\u0037\u0030\u0031\u0030\u0035\u0031\u0038\u0031\u0038\u0031\u0038\u0031\u0038\u0033"}"#,
            r#"{"Tag":"%34970105181818183"}"#,
            r#"{"Tag":"%2534970105181818183"}"#,
            "cardNumber=4970+1051+8181+8183",
            "cardNumber=%34%39%37%30%31%30%35%31%38%31%38%31%38%31%38%33",
            "&#52;970105181818183",
            "&#x34;970105181818183",
            "４９７０１０５１８１８１８１８３",
            "٤٩٧٠١٠٥١٨١٨١٨١٨٣",
            "4970\u{a0}1051\u{2009}8181\u{200b}8183",
            r#"{"Tag":[4,9,7,0,1,0,5,1,8,1,8,1,8,1,8,3]}"#,
            r#"{"Tag":[4970,1051,8181,8183]}"#,
            r#"["4970","1051","8181","8183"]"#,
            "49701051818181831229123",
            "378282246310005",
            "a4970105181818183b",
            "FR76 4970105181818183",
            "FR7630004000031234567890143 4970105181818183",
        ] {
            assert!(may_hold(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_requests_are_full_of_is_no_card() {
        for text in [
            "",
            r#"{"AuthorId":"user_m_01JF7FKVP51PS3TYKCN79VZZ8M","DebitedFunds":{"Currency":"EUR","Amount":1000},"Fees":{"Currency":"EUR","Amount":0}}"#,
            r#"{"IBAN":"FR7630004000031234567890143"}"#,
            r#"{"IBAN":"FR76 3000 4000 0312 3456 7890 143"}"#,
            r#"{"IBAN":"DE23100000001234567890","BIC":"MARKDEF1100"}"#,
            r#"{"PhoneNumber":"+33612345678","Birthday":652117514}"#,
            "/v2.01/me/users/41631014/wallets?page=1&per_page=100&beforedate=1690291065&afterdate=1690291000",
            r#"{"CreationDate":1690291065,"ExecutionDate":1690291066}"#,
            r#"{"Email":"émile@example.com","LastName":"Ωmega \u00e9"}"#,
            "50% of & all \\ signs",
        ] {
            assert!(!may_hold(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn texts_cut_anywhere_are_looked_at_without_a_fault() {
        let text = "\\u00\\u%3&#&#x34;&#99999999;4970é\\é%é&#é;FR76\u{ff14}".repeat(3);
        let found = (0..text.len()).filter(|end| may_hold(text.as_bytes().get(..*end).unwrap_or_default()));
        assert_eq!(found.count(), 0, "four digits, and escapes of one");
    }
}
