//! The one place that reads environment variables which no flag stands for.

use crate::failure::{Code, Failure};

/// What a variable holds, if it is set. Errors: it holds no text.
#[expect(clippy::disallowed_methods, reason = "the one place")]
pub fn read(name: &str) -> Result<Option<String>, Failure> {
    match std::env::var(name) {
        Ok(text) => Ok(Some(text)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::new(Code::Usage, format!("{name} holds bytes that are no text"))),
    }
}
