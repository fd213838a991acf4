//! The server that the guide is run against.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that is not ready by then is broken.
const READY_WITHIN: Duration = Duration::from_secs(60);
const END_WITHIN: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// A server of the release binary; killed when dropped.
pub struct Server {
    child: Child,
    url: String,
    client_id: String,
    api_key: String,
}

impl Server {
    /// Starts one by a command of the guide, on a free port.
    pub fn start(command: &str, folder: &Path) -> Result<Self, String> {
        let ready = folder.join("ready.json");
        let line = format!("exec {command} --ready-file '{}'", ready.display());
        let mut shell = Command::new("sh");
        shell.args(["-c", &line]).current_dir(folder).env("PATH", path()?).env("FLORIN_LISTEN", "127.0.0.1:0").stdin(Stdio::null());
        let mut child = shell.spawn().map_err(|error| format!("sh: {error}"))?;
        let begun = Instant::now();
        while !ready.exists() {
            if let Ok(Some(status)) = child.try_wait() {
                return Err(format!("it ended with {status} before it was ready"));
            }
            if begun.elapsed() > READY_WITHIN {
                drop(child.kill());
                return Err("it does not get ready".to_owned());
            }
            std::thread::sleep(PAUSE);
        }
        let text = std::fs::read_to_string(&ready).map_err(|error| format!("{}: {error}", ready.display()))?;
        let told: serde_json::Value = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", ready.display()))?;
        let word =
            |name: &str| told.get(name).and_then(|value| value.as_str()).map(str::to_owned).ok_or_else(|| format!("no {name}: {text}"));
        println!("ready after {} ms", begun.elapsed().as_millis());
        Ok(Self { url: word("public_url")?, client_id: word("client_id")?, api_key: word("api_key")?, child })
    }

    /// What programs of the guide and of the examples find it by.
    pub fn environment(&self) -> Result<Vec<(&'static str, String)>, String> {
        Ok(vec![
            ("PATH", path()?),
            ("FLORIN_URL", self.url.clone()),
            ("FLORIN_CLIENT_ID", self.client_id.clone()),
            ("FLORIN_API_KEY", self.api_key.clone()),
            // A machine's proxy is not for this machine.
            ("NO_PROXY", "127.0.0.1".to_owned()),
        ])
    }

    /// Ends it as Ctrl-C does; whether it went well.
    pub fn end(mut self) -> Result<(), String> {
        let asked = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        asked.map_err(|error| format!("kill: {error}"))?;
        let begun = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(format!("it ended with {status}")),
                Ok(None) if begun.elapsed() < END_WITHIN => std::thread::sleep(PAUSE),
                Ok(None) => return Err("it does not end".to_owned()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The binary's folder before all others.
fn path() -> Result<String, String> {
    let release: PathBuf = std::path::absolute(crate::target().join("release")).map_err(|error| error.to_string())?;
    // As for the browser: `FLORIN` names another binary.
    let other =
        std::env::var_os("FLORIN").map(PathBuf::from).and_then(|binary| std::path::absolute(binary).ok()?.parent().map(Path::to_path_buf));
    let release = other.unwrap_or(release);
    Ok(format!("{}:{}", release.display(), std::env::var("PATH").unwrap_or_default()))
}
