//! What the tests need beside Rust and Node, from Debian's packages.

use std::path::Path;
use std::process::Command;

/// A program, where it may be found, and the package that has it.
struct Needed {
    paths: &'static [&'static str],
    package: &'static str,
}

const NEEDED: &[Needed] = &[
    Needed { paths: &["/usr/bin/hledger"], package: "hledger" },
    Needed { paths: &["/usr/bin/chromium"], package: "chromium" },
    Needed {
        paths: &[
            "/usr/lib/postgresql/15/bin/postgres",
            "/usr/lib/postgresql/16/bin/postgres",
            "/usr/lib/postgresql/17/bin/postgres",
            "/usr/lib/postgresql/18/bin/postgres",
        ],
        package: "postgresql",
    },
];

/// What the recipes of other languages are checked with.
const FOR_RECIPES: &[Needed] = &[
    Needed { paths: &["/usr/bin/javac"], package: "default-jdk-headless" },
    Needed { paths: &["/usr/bin/php"], package: "php-cli" },
    Needed { paths: &["/usr/bin/phpunit"], package: "phpunit" },
];

/// Places where Python packages are installed.
const PYTHON: &[Needed] = &[Needed {
    paths: &[
        "/usr/lib/python3.11/ensurepip",
        "/usr/lib/python3.12/ensurepip",
        "/usr/lib/python3.13/ensurepip",
        "/usr/lib/python3.14/ensurepip",
    ],
    package: "python3-venv",
}];

/// What the guide for the first hour presumes that anybody has, and a bare system does not.
const FOR_GUIDE: &[Needed] = &[Needed { paths: &["/usr/bin/curl", "/usr/local/bin/curl"], package: "curl" }];

/// Installs what the tests need and is missing.
pub fn install() -> Result<(), String> {
    install_missing(NEEDED)
}

/// Installs what the check of the recipes needs and is missing.
pub fn install_for_recipes() -> Result<(), String> {
    install_missing(FOR_RECIPES)?;
    install_missing(PYTHON)
}

/// Installs what the guide's commands need and is missing.
pub fn install_for_guide() -> Result<(), String> {
    install_missing(FOR_GUIDE)?;
    install_missing(PYTHON)
}

/// Needs to be root for that, and says so.
fn install_missing(needed: &[Needed]) -> Result<(), String> {
    let is_missing = |needed: &&Needed| !needed.paths.iter().any(|path| Path::new(path).exists());
    let missing: Vec<&str> = needed.iter().filter(is_missing).map(|needed| needed.package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("== installing {}", missing.join(", "));
    let hint = format!("as root: apt-get install {}", missing.join(" "));
    apt(&["update"]).map_err(|error| format!("{error}; {hint}"))?;
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(&missing);
    apt(&arguments).map_err(|error| format!("{error}; {hint}"))
}

fn apt(arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new("apt-get");
    command.args(arguments).arg("--quiet").env("DEBIAN_FRONTEND", "noninteractive");
    let status = command.status().map_err(|error| format!("apt-get: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("apt-get {} failed", arguments.join(" "))) }
}
