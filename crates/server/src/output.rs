//! How commands speak: to people by default, as JSON when asked.

use std::io::{ErrorKind, Write};

use serde::Serialize;

/// What a command that ends in one answer prints.
pub fn print(json: bool, value: &impl Serialize, human: impl FnOnce() -> String) {
    let text = if json { serde_json::to_string(value).unwrap_or_default() } else { human() };
    line(&text);
}

/// Prints a line. Whoever reads may have gone, which is nobody's fault; what cannot be written otherwise ends the program,
/// since it would be taken for done.
pub fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("florin: nothing can be printed: {error}");
            std::process::exit(2);
        }
        Ok(()) | Err(_) => {}
    }
}

/// A number with its thousands apart: 1,234,567.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
