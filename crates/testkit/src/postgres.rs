//! A throw-away PostgreSQL server for tests: one a test process, one database a test.
//!
//! It listens on a Unix socket in a folder of its own, syncs to disk as a real one (stores refuse it
//! otherwise), and is watched by a shell that reads from us: when this process ends, however it ends,
//! the shell sees the pipe close, stops the server and removes the folder.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where Debian puts the programs, newest first.
const VERSIONS: &[&str] = &["18", "17", "16", "15"];

/// Makes the server in a fresh folder, says where, and takes it down when standard input ends.
const WATCH: &str = r#"
set -e
trap '' INT TERM HUP
folder=$(mktemp -d "${TMPDIR:-/tmp}/florin-pg-XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"$1/initdb" -D "$folder/data" -U florin -A trust -E UTF8 --no-locale --no-sync >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
"$1/pg_ctl" -D "$folder/data" -w -l "$folder/log" -o "-k $folder -c listen_addresses='' -c fsync=on -c max_connections=200 $2" start >/dev/null \
  || { cat "$folder/log" >&2; exit 1; }
echo "$folder"
cat >/dev/null || true
"$1/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1 || true
"#;

/// A running server. Stops when dropped, and when the process ends.
pub struct Server {
    folder: PathBuf,
    programs: PathBuf,
    databases: AtomicU32,
    watcher: Child,
    /// Closing it is what stops the server.
    stdin: Option<ChildStdin>,
}

impl Server {
    /// Starts a server with further settings, as `-c name=value` words.
    ///
    /// Panics, saying which package to install, if PostgreSQL is not there: a test must not pass without it.
    #[must_use]
    pub fn start(settings: &str) -> Self {
        let programs = programs();
        let mut watch = unprivileged();
        watch.args(["sh", "-c", WATCH, "florin-watch"]).arg(&programs).arg(settings);
        watch.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).current_dir("/");
        let mut watcher = watch.spawn().expect("a shell starts");
        let stdin = watcher.stdin.take();
        let mut folder = String::new();
        let stdout = watcher.stdout.take().expect("its output is a pipe");
        BufReader::new(stdout).read_line(&mut folder).expect("it says where the server is");
        assert!(!folder.trim().is_empty(), "PostgreSQL did not start; its log is above");
        Self { folder: PathBuf::from(folder.trim()), programs, databases: AtomicU32::new(0), watcher, stdin }
    }

    /// Makes a fresh database and gives its URL.
    #[must_use]
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let made = Command::new(self.programs.join("createdb")).arg("-h").arg(&self.folder).args(["-U", "florin", &name]).status();
        assert!(made.expect("createdb runs").success(), "the database {name} could not be made");
        self.url(&name)
    }

    /// The URL of a database of the server.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://florin@{}/{database}", self.folder.display().to_string().replace('/', "%2F"))
    }

    /// Runs SQL in a database, as its administrator, and gives what psql prints: a row a line, columns parted by `|`.
    #[must_use]
    pub fn psql(&self, url: &str, sql: &str) -> String {
        let database = url.rsplit('/').next().unwrap_or_default();
        let mut psql = Command::new(self.programs.join("psql"));
        psql.arg("-h").arg(&self.folder).args(["-U", "florin", "-d", database, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        let output = psql.output().expect("psql runs");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Where its socket and its log are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        drop(self.watcher.wait());
    }
}

/// The server that the tests of this process share.
pub fn server() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(|| Server::start(""))
}

fn programs() -> PathBuf {
    let found = VERSIONS.iter().map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    let Some(programs) = found.into_iter().find(|folder| folder.join("initdb").exists()) else {
        panic!("the tests need a PostgreSQL server of version 15 or newer: on Debian, apt-get install postgresql");
    };
    programs
}

/// PostgreSQL refuses to run as root: as root the watcher becomes `postgres`, or `nobody`, first.
fn unprivileged() -> Command {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"));
    if !is_root {
        return Command::new("env");
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = if users.lines().any(|line| line.starts_with("postgres:")) { "postgres" } else { "nobody" };
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={user}"), format!("--regid={}", group_of(&users, user)), "--clear-groups".to_owned(), "--".to_owned()]);
    command
}

/// The number of a user's first group, from the lines of /etc/passwd.
fn group_of(users: &str, user: &str) -> String {
    let line = users.lines().find(|line| line.split(':').next() == Some(user));
    line.and_then(|line| line.split(':').nth(3)).unwrap_or("65534").to_owned()
}
