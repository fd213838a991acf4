//! The way to PostgreSQL: encrypted as the URL asks for it, to the server that it names.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use store::postgres::{OpenError, open};
use store::vault::Vault;
use testkit::postgres::Server;

/// The name that the server's certificate is for.
const NAME: &str = "db.florin.test";

/// An address of this machine's own that no other process's server has: all listen on the usual port.
fn address() -> String {
    let id = std::process::id();
    format!("127.{}.{}.{}", 1 + (id >> 16) % 250, (id >> 8) & 0xff, 1 + (id & 0xff) % 250)
}

struct Site {
    server: Server,
    address: String,
    database: String,
    folder: tempfile::TempDir,
}

/// Who vouches for servers.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }
}

impl Site {
    fn new() -> Self {
        let address = address();
        let server = Server::start(&format!("-c listen_addresses={address}"));
        let database = server.database().rsplit('/').next().unwrap().to_owned();
        Self { server, address, database, folder: tempfile::tempdir().unwrap() }
    }

    /// Has the server encrypt, with a certificate for [`NAME`] by this authority.
    fn encrypt(&self, by: &Authority) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![NAME.to_owned()]).unwrap().signed_by(&key, &by.issuer).unwrap();
        self.put("server.key", &key.serialize_pem());
        self.put("server.crt", &certificate.pem());
        self.sql("ALTER SYSTEM SET ssl = on");
        self.sql("SELECT pg_reload_conf()");
        let begun = Instant::now();
        while self.open(NAME, "sslmode=require").is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the server does not encrypt");
        }
    }

    /// Puts a file into the server's folder, owned by it and by nobody else.
    fn put(&self, name: &str, text: &str) {
        // COPY writes a text of several lines as one, its ends as \n.
        self.sql(&format!("COPY (SELECT '{text}') TO PROGRAM 'umask 077; read -r line; printf \"%b\" \"$line\" > {name}'"));
    }

    fn sql(&self, text: &str) -> String {
        self.server.psql(&self.server.url(&self.database), text)
    }

    fn root(&self, authority: &Authority) -> String {
        let path = self.folder.path().join("root.crt");
        std::fs::write(&path, &authority.pem).unwrap();
        escaped(&path)
    }

    fn open(&self, host: &str, query: &str) -> Result<store::Opened, OpenError> {
        let url = format!("postgres://florin@{host}/{}?hostaddr={}&{query}", self.database, self.address);
        open(&url, Arc::new(Vault::new(&[7; 32])))
    }

    /// Opens the store and tells whether its connections are encrypted: all of them, or none.
    #[track_caller]
    fn is_encrypted(&self, host: &str, query: &str) -> bool {
        let _opened = self.open(host, query).unwrap_or_else(|error| panic!("{query}: {error}"));
        let begun = Instant::now();
        // Those that opened it may be gone, and those that work on it not there yet.
        while begun.elapsed() < Duration::from_secs(30) {
            let seen = self.sql(
                "SELECT count(*) FILTER (WHERE ssl), count(*) FILTER (WHERE NOT ssl) \
                 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'florin'",
            );
            match seen.trim().split_once('|') {
                Some(("0", "0")) => {}
                Some(("0", _)) => return false,
                Some((_, "0")) => return true,
                _ => panic!("{query}: {seen}"),
            }
        }
        panic!("{query}: nobody is connected")
    }

    #[track_caller]
    fn is_refused(&self, host: &str, query: &str, why: &str) {
        let error = self.open(host, query).err().unwrap_or_else(|| panic!("{query} is not refused")).to_string();
        assert!(error.contains(why), "{query}: {error}");
    }
}

fn escaped(path: &Path) -> String {
    path.display().to_string().replace('/', "%2F")
}

#[test]
fn the_way_is_protected_as_the_url_asks() {
    let site = Site::new();
    for (query, encrypted) in [("sslmode=disable", false), ("sslmode=prefer", false), ("", false)] {
        assert_eq!(site.is_encrypted(NAME, query), encrypted, "{query}: the server does not offer it");
    }
    site.is_refused(NAME, "sslmode=require", "server does not support TLS");
    site.is_refused(NAME, "sslmode=verify-full", "server does not support TLS");

    let (own, other) = (Authority::new(), Authority::new());
    site.encrypt(&own);
    for (query, encrypted) in [("sslmode=disable", false), ("sslmode=prefer", true), ("", true), ("sslmode=require", true)] {
        assert_eq!(site.is_encrypted("any.name.test", query), encrypted, "{query}");
    }
    let root = site.root(&own);
    for (host, query) in [
        ("any.name.test", format!("sslmode=verify-ca&sslrootcert={root}")),
        ("any.name.test", format!("sslmode=require&sslrootcert={root}")),
        (NAME, format!("sslmode=verify-full&sslrootcert={root}")),
    ] {
        assert!(site.is_encrypted(host, &query), "{query}");
    }
    site.is_refused("any.name.test", &format!("sslmode=verify-full&sslrootcert={root}"), "not valid for name");
    site.is_refused(NAME, "sslmode=verify-full", "UnknownIssuer");
    let root = site.root(&other);
    for mode in ["verify-full", "verify-ca", "require"] {
        site.is_refused(NAME, &format!("sslmode={mode}&sslrootcert={root}"), "invalid peer certificate");
    }
    assert!(site.is_encrypted(NAME, &format!("sslmode=prefer&sslrootcert={root}")), "which asks nothing of anybody");
}

#[test]
fn what_cannot_be_asked_for_is_said() {
    let refused = |query: &str| {
        let url = format!("postgres://florin:secret@127.0.0.1:1/none?{query}");
        open(&url, Arc::new(Vault::new(&[7; 32]))).err().expect("it is refused").to_string()
    };
    for (query, why) in [
        ("sslmode=allow", "sslmode is one of disable, prefer, require, verify-ca, verify-full"),
        ("sslmode=require&sslrootcert=system", "asks for sslmode=verify-full"),
        ("sslmode=verify-full&sslrootcert=%2Fnowhere%2Froot.crt", "sslrootcert /nowhere/root.crt"),
        ("sslmode=verify-ca&sslrootcert=%2Fdev%2Fnull", "there is no certificate in it"),
    ] {
        let said = refused(query);
        assert!(said.contains(why) && !said.contains("secret"), "{query}: {said}");
    }
}

/// A socket of the machine is not encrypted by any server, and is as it is whatever is asked.
#[test]
fn a_socket_of_the_machine_needs_no_protection() {
    let url = testkit::postgres::server().database();
    for mode in ["disable", "prefer", "require", "verify-full"] {
        drop(open(&format!("{url}?sslmode={mode}"), Arc::new(Vault::new(&[7; 32]))).unwrap());
    }
}
