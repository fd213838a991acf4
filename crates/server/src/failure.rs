//! How a command that failed says so: in lines to people, as one JSON object to scripts.
//!
//! Scripts go by the exit status and by the code; the texts may change with any release.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

use store::snapshot::SnapshotError;

use crate::installation::InstallationError;
use crate::master_key::MasterKeyError;
use crate::platform::PlatformError;
use crate::{fixtures, snapshot};

/// What kind of failure it is. The words are what scripts go by: they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The command line cannot be understood, or a variable that stands for a part of it.
    Usage,
    /// Something that is named has not the form that it needs: an id, a client id, a file.
    Invalid,
    /// What is named is not there.
    NotFound,
    /// What is named may be one of several things: it takes a flag to say which.
    Ambiguous,
    /// What is to be made is there already.
    Exists,
    /// Another process owns the data folder, and does not answer for it.
    InUse,
    /// There is no data yet.
    NoData,
    /// There is no master key, or it is not the one of the data.
    MasterKey,
    /// The data folder or the database cannot be used.
    Storage,
    /// The address cannot be listened on.
    Address,
    /// Anything else.
    Failed,
}

/// A failure that knows its code.
#[derive(Debug)]
pub struct Failure {
    code: Code,
    message: String,
    line: Option<usize>,
}

impl Failure {
    /// A failure of this kind, in words that name what it is about.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), line: None }
    }

    /// What kind it is.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// What has failed at a line of a file, from one.
    pub fn at_line(self, line: usize) -> Self {
        Self { message: format!("line {line}: {}", self.message), line: Some(line), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}

/// A failure as it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// What kind it is.
    pub code: Code,
    /// What failed.
    pub message: String,
    /// Why, each line the cause of the one before; what a message has said already is not said again.
    pub causes: Vec<String>,
    /// The line of the file that it is about, from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// What `--json` prints of a failure.
#[derive(Serialize)]
struct AsJson<'a> {
    error: &'a Told,
}

impl Told {
    /// What is told of an error.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        let message = error.to_string();
        let mut causes: Vec<String> = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !causes.last().unwrap_or(&message).contains(&text) {
                causes.push(text);
            }
            source = cause.source();
        }
        let line = error.downcast_ref::<Failure>().and_then(|failure| failure.line);
        Self { code: code_of(error), message, causes, line }
    }

    /// The text for standard error, without the end of its last line.
    pub fn text(&self, json: bool) -> String {
        if json {
            return serde_json::to_string(&AsJson { error: self }).unwrap_or_default();
        }
        let causes: String = self.causes.iter().map(|cause| format!("\n  because {cause}")).collect();
        format!("florin: {}{causes}", self.message)
    }
}

/// A failure that was told elsewhere, by the server that was asked.
impl From<Told> for Failure {
    fn from(told: Told) -> Self {
        let message = std::iter::once(told.message).chain(told.causes).collect::<Vec<_>>().join(": ");
        Self { code: told.code, message, line: told.line }
    }
}

/// The code of the outermost error that has one.
fn code_of(error: &(dyn Error + 'static)) -> Code {
    let mut one = Some(error);
    while let Some(error) = one {
        if let Some(code) = known(error) {
            return code;
        }
        one = error.source();
    }
    Code::Failed
}

fn known(error: &(dyn Error + 'static)) -> Option<Code> {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return Some(failure.code);
    }
    if error.is::<MasterKeyError>() {
        return Some(Code::MasterKey);
    }
    if let Some(error) = error.downcast_ref::<PlatformError>() {
        return match error {
            PlatformError::ClientId | PlatformError::ApiKey | PlatformError::DataSet(_) | PlatformError::Beginning(_) => {
                Some(Code::Invalid)
            }
            PlatformError::Exists(_) => Some(Code::Exists),
            PlatformError::Installation(error) => known(error),
            PlatformError::Engine(_) => None,
        };
    }
    if let Some(error) = error.downcast_ref::<SnapshotError>() {
        return Some(snapshot::code_of(error));
    }
    if error.is::<fixtures::Wrong>() {
        return Some(Code::Invalid);
    }
    if error.is::<engine::StoreError>() {
        return Some(Code::Storage);
    }
    match error.downcast_ref::<InstallationError>()? {
        InstallationError::MasterKey(_) | InstallationError::WrongKey { .. } => Some(Code::MasterKey),
        error if error.is_in_use() => Some(Code::InUse),
        InstallationError::NoData(_) => Some(Code::NoData),
        InstallationError::Variable(failure) => Some(failure.code),
        InstallationError::NotPostgres(_) => Some(Code::Usage),
        InstallationError::NoRandom => Some(Code::Failed),
        _ => Some(Code::Storage),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Step(&'static str, #[source] Option<Box<Step>>);

    fn chain(texts: &[&'static str]) -> Step {
        let (first, rest) = texts.split_first().unwrap();
        Step(first, (!rest.is_empty()).then(|| Box::new(chain(rest))))
    }

    #[test]
    fn a_cause_that_was_said_is_not_said_again() {
        let told = Told::of(&chain(&["a.db: no such file", "no such file"]));
        assert_eq!(told.text(false), "florin: a.db: no such file");
        let told = Told::of(&chain(&["the answer broke off", "the peer: it went", "it went", "it had enough"]));
        assert_eq!(told.text(false), "florin: the answer broke off\n  because the peer: it went\n  because it had enough");
    }

    #[test]
    fn a_failure_is_one_object_for_scripts() {
        let told = Told::of(&Failure::new(Code::NotFound, "there is no account x"));
        assert_eq!(told.text(true), r#"{"error":{"code":"not_found","message":"there is no account x","causes":[]}}"#);
        assert_eq!(Told::of(&chain(&["a", "b"])).text(true), r#"{"error":{"code":"failed","message":"a","causes":["b"]}}"#);
    }

    #[test]
    fn what_the_server_told_keeps_its_code() {
        let told = Told::of(&PlatformError::Exists("shop".to_owned()));
        let again = Told::of(&Failure::from(serde_json::from_str::<Told>(&serde_json::to_string(&told).unwrap()).unwrap()));
        assert_eq!((again.code, again.message.as_str()), (Code::Exists, "there is a platform shop already"));
    }
}
