//! Running the binary: to its end, or as a server that is read from while it runs.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::support::florin;

/// Longer than anything here takes: who waits for it fails.
pub const FAR: Duration = Duration::from_secs(60);

/// Runs a command of the binary to its end.
pub fn run(data: &Path, database: Option<&str>, args: &[&str]) -> Output {
    florin(data, database).args(args).output().unwrap()
}

/// What a command that works prints.
pub fn done(data: &Path, database: Option<&str>, args: &[&str]) -> String {
    let output = run(data, database, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a command that does not work says.
pub fn refused(data: &Path, database: Option<&str>, args: &[&str]) -> String {
    let output = run(data, database, args);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// A server of the binary whose lines are read as they come. Killed when dropped.
pub struct Program {
    pub child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
}

impl Program {
    /// Starts `serve` on a free port.
    pub fn serve(data: &Path, database: Option<&str>, more: &[&str]) -> Self {
        let mut command = florin(data, database);
        command.args(["serve", "--listen", "127.0.0.1:0", "--no-rate-limit"]).args(more);
        Self::start(command)
    }

    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
        Self { child, out, err }
    }

    /// Every line up to the one with `text` in it.
    pub fn says(&self, text: &str) -> Vec<String> {
        until(&self.out, text)
    }

    /// Waits for a line of the log with `text` in it.
    pub fn logs(&self, text: &str) {
        until(&self.err, text);
    }

    /// Everything it says until it listens, and the address then.
    pub fn listens(&self) -> (Vec<String>, std::net::SocketAddr) {
        let lines = self.says("listens on");
        let address = lines.last().unwrap().rsplit('/').next().unwrap().parse().unwrap();
        (lines, address)
    }

    /// Asks it to end, and waits until it has.
    pub fn terminate(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "{status}");
                return;
            }
            assert!(begun.elapsed() < FAR, "it does not end");
            std::thread::yield_now();
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn until(lines: &Receiver<String>, text: &str) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let line = lines.recv_timeout(FAR).unwrap_or_else(|_| panic!("it does not say {text:?}, but {seen:#?}"));
        let is_it = line.contains(text);
        seen.push(line);
        if is_it {
            return seen;
        }
    }
}
