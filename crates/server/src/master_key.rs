//! The master key: 32 random bytes in a file beside the data folder, never inside it.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rand::TryRng;

/// Bytes of a master key.
pub const KEY_BYTES: usize = 32;
/// Hexadecimal digits of a master key.
const DIGITS: usize = KEY_BYTES * 2;

/// The variable that holds a key itself.
pub const VARIABLE: &str = "FLORIN_MASTER_KEY";

/// Where a key is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// [`VARIABLE`].
    Variable,
    /// A file.
    File(PathBuf),
}

impl std::fmt::Display for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Variable => f.write_str(VARIABLE),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file could not be read or made.
    #[error("the master key {path} cannot be read or made: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The text is not a key.
    #[error("the master key in {0} has to be {DIGITS} hexadecimal digits, and is not")]
    Malformed(KeySource),
    /// Others may read the file.
    #[error("the master key {0} may be read by others than its owner: run chmod 600 on it")]
    Exposed(PathBuf),
    /// The data is there, its key is not.
    #[error("there is data, but its master key {0} is missing: put it back, or name it by --master-key")]
    Missing(PathBuf),
    /// The system gave no random bytes.
    #[error("the system has no random bytes")]
    NoRandom,
}

/// Where the key of a data folder is unless it is named: beside the folder.
#[must_use]
pub fn default_path(data: &Path) -> PathBuf {
    let mut name = data.file_name().map_or_else(|| "florin-data".into(), std::ffi::OsStr::to_os_string);
    name.push(".key");
    data.with_file_name(name)
}

/// Reads a key that is given as text, as it was found in `source`.
pub fn parse(text: &str, source: &KeySource) -> Result<[u8; KEY_BYTES], MasterKeyError> {
    digits(text.trim()).ok_or_else(|| MasterKeyError::Malformed(source.clone()))
}

fn digits(text: &str) -> Option<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    // A sign is read as a part of a number, and is no digit.
    if text.len() != DIGITS || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

/// Reads the key in `path`.
pub fn read(path: &Path) -> Result<[u8; KEY_BYTES], MasterKeyError> {
    let io = |source| MasterKeyError::Io { path: path.to_owned(), source };
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let mode = std::fs::metadata(path).map_err(io)?.permissions().mode();
            if mode & 0o077 != 0 {
                return Err(MasterKeyError::Exposed(path.to_owned()));
            }
            parse(&text, &KeySource::File(path.to_owned()))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(MasterKeyError::Missing(path.to_owned())),
        Err(error) => Err(io(error)),
    }
}

/// A key by chance.
pub fn random() -> Result<[u8; KEY_BYTES], MasterKeyError> {
    let mut key = [0; KEY_BYTES];
    rand::rngs::SysRng.try_fill_bytes(&mut key).map_err(|_| MasterKeyError::NoRandom)?;
    Ok(key)
}

/// Writes a key into `path`, where there is none; it is read by its owner only.
pub fn write(path: &Path, key: &[u8; KEY_BYTES]) -> Result<(), MasterKeyError> {
    let io = |source| MasterKeyError::Io { path: path.to_owned(), source };
    let text: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(io)?;
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    file.write_all(text.as_bytes()).and_then(|()| file.write_all(b"\n")).and_then(|()| file.sync_all()).map_err(io)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = default_path(&folder.path().join("data"));
        assert!(matches!(read(&path), Err(MasterKeyError::Missing(_))));
        let key = random().unwrap();
        write(&path, &key).unwrap();
        assert_eq!(read(&path).unwrap(), key);
        assert!(write(&path, &random().unwrap()).is_err());
        assert_eq!(read(&path).unwrap(), key);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(read(&path), Err(MasterKeyError::Exposed(_))));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "00", &"zz".repeat(32), &"+f".repeat(32), &"0".repeat(63)] {
            assert!(parse(text, &KeySource::Variable).unwrap_err().to_string().contains(VARIABLE), "{text}");
        }
        assert_eq!(parse(&"0a".repeat(32), &KeySource::Variable).unwrap(), [10; 32]);
    }
}
