//! What a platform may be called, and call with.

/// Characters that a client id may have.
pub const CLIENT_ID_MAX: usize = 64;
/// A shorter API key could be guessed.
pub const API_KEY_MIN: usize = 16;
/// Longest API key.
pub const API_KEY_MAX: usize = 128;

/// Whether a text may be a client id: 1 to [`CLIENT_ID_MAX`] letters, digits, dashes, dots and underscores.
#[must_use]
pub fn is_client_id(text: &str) -> bool {
    let is_allowed = |one: char| one.is_ascii_alphanumeric() || "-._".contains(one);
    (1..=CLIENT_ID_MAX).contains(&text.len()) && text.chars().all(is_allowed)
}

/// Whether a text may be an API key: [`API_KEY_MIN`] to [`API_KEY_MAX`] visible characters.
#[must_use]
pub fn is_api_key(text: &str) -> bool {
    (API_KEY_MIN..=API_KEY_MAX).contains(&text.len()) && text.chars().all(|one| one.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_keys_have_bounds() {
        assert!(is_client_id("sdk-unit-tests") && is_client_id(&"a".repeat(64)));
        assert!(["", "a/b", "a:b", "\u{e9}", " "].iter().all(|text| !is_client_id(text)) && !is_client_id(&"a".repeat(65)));
        assert!(is_api_key(&"k".repeat(16)) && is_api_key(&"k".repeat(128)));
        assert!(!is_api_key(&"k".repeat(15)) && !is_api_key(&"k".repeat(129)) && !is_api_key(&" ".repeat(20)));
    }
}
