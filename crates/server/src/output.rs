//! How commands speak: to people by default, as JSON when asked.

use std::error::Error;
use std::io::{BufWriter, ErrorKind, StdoutLock, Write};
use std::sync::OnceLock;

use money::Balance;
use serde::Serialize;

use crate::failure::{Code, Failure, Told};

/// Whether scripts read what is printed.
static AS_JSON: OnceLock<bool> = OnceLock::new();

/// Says once how this process speaks.
pub fn speak(json: bool) {
    AS_JSON.get_or_init(|| json);
}

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
            let failure = Failure::new(Code::Failed, format!("nothing can be printed: {error}"));
            eprintln!("{}", Told::of(&failure).text(AS_JSON.get().is_some_and(|json| *json)));
            #[expect(clippy::disallowed_methods, reason = "what is to be told cannot be, and every caller would go on as if it had been")]
            std::process::exit(2);
        }
        Ok(()) | Err(_) => {}
    }
}

/// Standard output for a long text. Whoever reads may go, as `head` does: what is written then fails, and [`Long::end`] takes
/// that for the end that the reader wanted.
pub struct Long {
    out: BufWriter<Heard>,
}

/// Standard output, and whether its reader has gone.
struct Heard {
    out: StdoutLock<'static>,
    has_gone: bool,
}

impl Long {
    /// Nothing written yet.
    pub fn new() -> Self {
        Self { out: BufWriter::new(Heard { out: std::io::stdout().lock(), has_gone: false }) }
    }

    /// How the writing ended: well too, if it ended because the reader had gone.
    pub fn end(self, written: Result<(), Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
        if self.out.get_ref().has_gone { Ok(()) } else { written }
    }
}

impl Write for Long {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

impl Heard {
    fn noted<T>(&mut self, done: std::io::Result<T>) -> std::io::Result<T> {
        self.has_gone |= done.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe);
        done
    }
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let done = self.out.write(bytes);
        self.noted(done)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let done = self.out.flush();
        self.noted(done)
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

/// So many of what is called `one`, and a letter s behind it where they are more or fewer: 1 posting, 1,234 postings.
pub fn counted(number: u64, one: &str) -> String {
    format!("{} {one}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// A sum of minor units as people write it: 12.34 EUR.
pub fn sum(minor: i64, currency: &str) -> String {
    currency.parse().map_or_else(|_| format!("{minor} {currency}"), |currency| Balance::new(minor, currency).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 1, 1_000].map(|number| counted(number, "row")), ["0 rows", "1 row", "1,000 rows"]);
    }
}
