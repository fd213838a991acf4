//! The files of the simulated outside.

/// The folder of the outside in a data folder.
pub const FOLDER: &str = "outside";

/// Every file of the outside, by its path in a data folder.
pub const FILES: [&str; 2] = ["outside/simulated-acquirer.sqlite", "outside/simulated-bank.sqlite"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_named_as_it_is_opened() {
        assert_eq!(FILES, [crate::acquirer::FILE, crate::bank::FILE].map(|file| format!("{FOLDER}/{file}")));
    }
}
