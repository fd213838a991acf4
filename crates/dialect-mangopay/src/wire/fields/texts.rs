//! What a wrong field is told.

/// A client's own value is repeated up to this many characters in an error.
const QUOTED_MAX: usize = 64;
pub(super) const NOT_A_COUNTRY: &str = "The requested value is not an ISO 3166-1 alpha-2 code which is expected.";

/// The text for an id that names nothing. Source: reference, people part, 2.4 (UserId).
#[must_use]
pub fn unknown_id(name: &str) -> String {
    format!("{name} is not valid")
}

/// The text for a value that is none of those expected. Source: reference, money part, 22.2 (IBAN).
#[must_use]
pub fn invalid_value(value: &str) -> String {
    let end = value.char_indices().nth(QUOTED_MAX).map_or(value.len(), |(end, _)| end);
    format!("The value {} is not valid", value.get(..end).unwrap_or(""))
}

/// The text for a number beyond its bounds, both of which are allowed.
#[must_use]
pub fn out_of_range(name: &str, min: i64, max: i64) -> String {
    format!("The field {name} must be between {min} and {max}.")
}

/// The text for a code that is no currency, or that of one without accounts here. Source: reference, money part, 22.1 (wallets).
pub(crate) fn unknown_currency(code: &str) -> String {
    if iso_currency::Currency::from_code(code).is_some() {
        return format!("Currency: The currency {code} is not available");
    }
    let code: String = code.chars().take(QUOTED_MAX).collect();
    format!("The code {code} cannot be found in the standard ISO 4217 : http://en.wikipedia.org/wiki/ISO_4217")
}

pub(crate) fn mismatch(name: &str, pattern: &str) -> String {
    format!("The field {name} must match the regular expression '{pattern}'.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_not_repeated_in_full() {
        let text = invalid_value(&"é".repeat(1_000));
        assert_eq!(text.chars().count(), "The value  is not valid".len() + QUOTED_MAX);
    }
}
