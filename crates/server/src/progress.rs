//! How far long work has come: a line on standard error while it is a terminal, and nothing otherwise.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::thousands;

/// How often the line changes at most while nothing is counted.
const TICK: Duration = Duration::from_millis(200);
/// The line is told of every so many.
const EVERY: u64 = 256;

/// Work under way. The line goes away with it.
pub struct Progress {
    bar: ProgressBar,
    what: &'static str,
    done: u64,
}

impl Progress {
    /// Work whose end is not known, counted in `what`: "entries". Silent with `json`.
    pub fn counting(what: &'static str, json: bool) -> Self {
        let bar = if json { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        Self::shown(bar, "{spinner} {msg}, {elapsed}", what)
    }

    /// Work of `total` steps, counted in `what`. Silent with `json`.
    pub fn of(total: u64, what: &'static str, json: bool) -> Self {
        let bar = if json { ProgressBar::hidden() } else { ProgressBar::new(total) };
        Self::shown(bar, "{bar:30} {pos} of {len} {msg}, {eta} left", what)
    }

    fn shown(bar: ProgressBar, template: &str, what: &'static str) -> Self {
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if !bar.is_hidden() {
            bar.set_message(what);
            bar.enable_steady_tick(TICK);
        }
        Self { bar, what, done: 0 }
    }

    /// One more is done.
    pub fn step(&mut self) {
        self.done += 1;
        if !self.done.is_multiple_of(EVERY) || self.bar.is_hidden() {
            return;
        }
        match self.bar.length() {
            Some(_) => self.bar.set_position(self.done),
            None => self.bar.set_message(format!("{} {}", thousands(self.done), self.what)),
        }
    }

    /// So many more are done.
    pub fn advance(&mut self, steps: u64) {
        self.done += steps;
        self.bar.set_position(self.done);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
