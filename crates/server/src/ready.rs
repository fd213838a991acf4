//! The ready file: says that the server answers, where, and whose it is.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::failure::{Code, Failure};

/// What a ready file holds, as one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Where the server listens: address and port.
    pub address: String,
    /// What links in its answers begin with.
    pub public_url: String,
    /// Its process.
    pub pid: u32,
    /// Its data folder, from the root.
    pub data: PathBuf,
    /// The first platform, if this start made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Its API key, which is shown only now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Code::Storage, format!("the ready file {}: {error}", path.display()))
}

/// Takes away what an earlier server left, so that whoever waits does not take it for ours.
pub fn clear(path: &Path) -> Result<(), Failure> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(unusable(path, &error)),
        _ => Ok(()),
    }
}

/// Writes the file whole or not at all, readable by its owner only.
pub fn write(path: &Path, ready: &Ready) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let text = serde_json::to_string(ready).map_err(|error| unusable(path, &error))?;
    // A temporary file has mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|error| unusable(path, &error))?;
    let written = writeln!(file, "{text}").and_then(|()| file.as_file().sync_all());
    written.map_err(|error| unusable(path, &error))?;
    file.persist(path).map(drop).map_err(|error| unusable(path, &error.error))
}

/// The address in a ready file's text; nothing while it is not one. A bare address is what the baseline of a bench writes.
pub fn address_in(text: &str) -> Option<std::net::SocketAddr> {
    match serde_json::from_str::<Ready>(text) {
        Ok(ready) => ready.address.parse().ok(),
        Err(_) => text.trim().parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_ready_file_is_its_owners_alone_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ready");
        std::fs::write(&path, "of an earlier server").unwrap();
        clear(&path).unwrap();
        assert!(!path.exists() && clear(&path).is_ok());
        let ready = Ready {
            address: "127.0.0.1:8080".to_owned(),
            public_url: "http://127.0.0.1:8080".to_owned(),
            pid: 7,
            data: PathBuf::from("/data"),
            client_id: Some("sandbox".to_owned()),
            api_key: None,
        };
        write(&path, &ready).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(serde_json::from_str::<Ready>(&text).unwrap(), ready);
        assert_eq!(address_in(&text), "127.0.0.1:8080".parse().ok());
        assert_eq!((address_in("127.0.0.1:1\n"), address_in("{")), ("127.0.0.1:1".parse().ok(), None));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}
