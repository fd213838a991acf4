//! Running steps one after the other, and telling at the end, on one screen, how long each took and what failed.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines of a failed step that are told again at the end.
const LAST_LINES: usize = 20;

/// The steps of one run. The first that fails ends it.
#[derive(Default)]
pub struct Run {
    done: Vec<(String, Duration)>,
    failed: Option<Failed>,
}

struct Failed {
    name: String,
    after: Duration,
    why: String,
    last_lines: Vec<String>,
}

/// A step failed; what and how the run tells.
#[derive(Debug)]
pub struct Stopped;

impl Run {
    /// A step that is a program. What it prints is passed on as it comes.
    pub fn program(&mut self, name: &str, command: &[&str], environment: &[(&str, &str)]) -> Result<(), Stopped> {
        println!("== {name}: {}", command.join(" "));
        let begun = Instant::now();
        let result = run(command, environment);
        self.note(name, begun, result)
    }

    /// A step of our own.
    pub fn step(&mut self, name: &str, work: impl FnOnce() -> Result<(), String>) -> Result<(), Stopped> {
        println!("== {name}");
        let begun = Instant::now();
        let result = work().map_err(|why| (why, Vec::new()));
        self.note(name, begun, result)
    }

    fn note(&mut self, name: &str, begun: Instant, result: Result<(), (String, Vec<String>)>) -> Result<(), Stopped> {
        let (name, after) = (name.to_owned(), begun.elapsed());
        match result {
            Ok(()) => {
                println!("== {name}: done in {}", time(after));
                self.done.push((name, after));
                Ok(())
            }
            Err((why, last_lines)) => {
                self.failed = Some(Failed { name, after, why, last_lines });
                Err(Stopped)
            }
        }
    }

    /// Every step with its time, and what failed.
    pub fn summary(&self) -> String {
        let all = self
            .done
            .iter()
            .map(|(name, after)| (name, after, ""))
            .chain(self.failed.iter().map(|failed| (&failed.name, &failed.after, "  FAILED")));
        let width = all.clone().map(|(name, ..)| name.len()).max().unwrap_or(0);
        let mut text = String::new();
        let mut sum = Duration::ZERO;
        for (name, after, failed) in all {
            sum += *after;
            text.push_str(&format!("  {name:width$}  {:>9}{failed}\n", time(*after)));
        }
        text.push_str(&format!("  {:width$}  {:>9}\n", "all", time(sum)));
        if let Some(Failed { name, why, last_lines, .. }) = &self.failed {
            if !last_lines.is_empty() {
                text.push_str(&format!("\nThe last that \"{name}\" said:\n"));
                last_lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
            }
            text.push_str(&format!("\n{name}: {why}\n"));
        }
        text
    }
}

fn run(command: &[&str], environment: &[(&str, &str)]) -> Result<(), (String, Vec<String>)> {
    let fault = |why: String| (why, Vec::new());
    let (program, arguments) = command.split_first().ok_or_else(|| fault("no command".to_owned()))?;
    let mut child = Command::new(program);
    child.args(arguments).envs(environment.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().map_err(|error| fault(format!("{program} could not be run: {error}")))?;
    let last = Mutex::new(VecDeque::new());
    let (out, err) = (child.stdout.take(), child.stderr.take());
    std::thread::scope(|scope| {
        scope.spawn(|| out.map(|pipe| pass_on(pipe, &mut std::io::stdout(), &last)));
        scope.spawn(|| err.map(|pipe| pass_on(pipe, &mut std::io::stderr(), &last)));
    });
    let status = child.wait().map_err(|error| fault(format!("{program}: {error}")))?;
    if status.success() {
        return Ok(());
    }
    Err((status.to_string(), last.into_inner().unwrap_or_else(PoisonError::into_inner).into()))
}

/// Passes on each line as it comes, and keeps the last ones.
fn pass_on(pipe: impl Read, to: &mut impl Write, last: &Mutex<VecDeque<String>>) {
    let mut lines = BufReader::new(pipe);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        // Whoever reads may have gone; the step goes on.
        drop(to.write_all(&line).and_then(|()| to.flush()));
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        if !text.is_empty() {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            last.push_back(text);
            if last.len() > LAST_LINES {
                last.pop_front();
            }
        }
        line.clear();
    }
}

/// A time as people say it: 3.4 s, 12 min 5 s.
fn time(took: Duration) -> String {
    let seconds = took.as_secs();
    match seconds {
        0..60 => format!("{:.1} s", took.as_secs_f64()),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_tells_what_failed_and_how_it_ended() {
        let mut run = Run::default();
        run.step("format", || Ok(())).unwrap();
        run.program("a test", &["sh", "-c", "echo first; echo last >&2; exit 3"], &[]).unwrap_err();
        let text = run.summary();
        for part in ["format", "0.0 s", "FAILED", "first", "last", "a test: exit status: 3"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn only_the_last_lines_are_told_again() {
        let mut run = Run::default();
        run.program("many", &["sh", "-c", "for i in $(seq 100); do echo line $i; done; exit 1"], &[]).unwrap_err();
        let text = run.summary();
        assert!(text.contains("line 100") && text.contains("line 81") && !text.contains("line 80"), "{text}");
        assert!(text.lines().count() <= LAST_LINES + 8, "it is one screen");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let mut run = Run::default();
        run.program("npm", &["no-such-program"], &[]).unwrap_err();
        assert!(run.summary().contains("no-such-program could not be run"));
    }

    #[test]
    fn times_read_well() {
        let told = [0, 950, 59_940, 60_000, 725_400].map(|ms| time(Duration::from_millis(ms)));
        assert_eq!(told, ["0.0 s", "0.9 s", "59.9 s", "1 min 0 s", "12 min 5 s"]);
    }
}
