//! Rules on e-mail addresses beyond their form.

/// Digits that may stand side by side in an address.
const DIGITS_MAX: usize = 12;

/// Whether an address has more than twelve digits side by side, as made-up ones do. Source: reference, people part, 1.1.
#[must_use]
pub fn email_has_long_number(email: &str) -> bool {
    email.split(|one: char| !one.is_ascii_digit()).any(|digits| digits.len() > DIGITS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twelve_digits_are_a_number_and_thirteen_are_too_many() {
        for (email, is_long) in [
            ("123456789012@b.co", false),
            ("1234567890123@b.co", true),
            ("a@1234567890123.co", true),
            ("1234567.8901234@b.co", false),
            ("a@b.co", false),
        ] {
            assert_eq!(email_has_long_number(email), is_long, "{email}");
        }
    }
}
