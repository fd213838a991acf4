//! Reads in the audit trail.

use super::{AuditLine, Command, Desk};

/// Stores audit lines of reads, of any tenants. It has no line of its own.
#[derive(Clone, Debug)]
pub struct NoteReads {
    /// One a read.
    pub lines: Vec<AuditLine>,
}

impl Command for NoteReads {
    type Outcome = ();
    type Error = std::convert::Infallible;
    const IS_FOR_ENDED: bool = true;
    const NAME: &'static str = "reads.note";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Self::Error> {
        self.lines.iter().for_each(|line| desk.note_line(*line));
        Ok(())
    }
}
