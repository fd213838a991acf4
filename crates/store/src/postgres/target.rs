//! Which database, and how the way to it is protected: `sslmode` and `sslrootcert` of its URL, read as libpq reads them.

use std::sync::Arc;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use rustls::ClientConfig;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, Error, NoTls};

use super::error;
use super::open::OpenError;
use super::tls::{self, MakeTls, Roots, Trust};

/// A database and the way to it.
#[derive(Clone)]
pub struct Target {
    config: Config,
    /// What is spoken where the server is willing, or has, to encrypt.
    tls: Option<Arc<ClientConfig>>,
}

/// What is asked of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protection {
    /// Nothing: it is not encrypted.
    Disable,
    /// It is encrypted where the server can.
    Prefer,
    /// It is encrypted, whoever the server is.
    Require,
    /// It is encrypted to a server whose certificate is trusted, whatever its name.
    VerifyCa,
    /// It is encrypted to the very server that the URL names.
    VerifyFull,
}

impl Protection {
    const ALL: [(&str, Self); 5] = [
        ("disable", Self::Disable),
        ("prefer", Self::Prefer),
        ("require", Self::Require),
        ("verify-ca", Self::VerifyCa),
        ("verify-full", Self::VerifyFull),
    ];

    fn parse(word: &str) -> Result<Self, OpenError> {
        let found = Self::ALL.into_iter().find(|(other, _)| *other == word);
        found.map(|(_, protection)| protection).ok_or_else(|| {
            let words = Self::ALL.map(|(word, _)| word).join(", ");
            OpenError::Url(format!("sslmode is one of {words}"))
        })
    }

    const fn mode(self) -> SslMode {
        match self {
            Self::Disable => SslMode::Disable,
            Self::Prefer => SslMode::Prefer,
            Self::Require | Self::VerifyCa | Self::VerifyFull => SslMode::Require,
        }
    }
}

impl Target {
    /// Reads a URL. Errors: what is no URL of PostgreSQL, and certificates that cannot be read.
    pub fn parse(url: &str) -> Result<Self, OpenError> {
        let (url, asked) = Asked::take_from(url);
        let mut config: Config = url.parse().map_err(|error: Error| OpenError::Url(error::chain(&error)))?;
        if config.get_application_name().is_none() {
            config.application_name("florin");
        }
        // A server that is gone without a word is noticed in seconds; the other direction is a setting of each session.
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(Duration::from_secs(15)).keepalives_idle(Duration::from_secs(5));
        }
        let protection = match &asked.sslmode {
            Some(word) => Protection::parse(word)?,
            None => match config.get_ssl_mode() {
                SslMode::Disable => Protection::Disable,
                SslMode::Require => Protection::Require,
                _ => Protection::Prefer,
            },
        };
        // A socket of this machine needs no protection, and no server encrypts one.
        let is_local = !config.get_hosts().is_empty() && config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        let protection = if is_local { Protection::Disable } else { protection };
        config.ssl_mode(protection.mode());
        let tls = trust(protection, asked.sslrootcert)?.map(|trust| tls::client(&trust)).transpose()?;
        Ok(Self { config, tls })
    }

    /// The same database under another name of ours, with everything that has no schema's name before it in this schema.
    pub fn in_schema(&self, schema: &str, name: &str) -> Self {
        let mut config = self.config.clone();
        config.application_name(name);
        let options = config.get_options().map_or_else(String::new, |options| format!("{options} "));
        config.options(format!("{options}-c search_path={schema}"));
        Self { config, tls: self.tls.clone() }
    }

    /// Connects. The connection runs as a task of the runtime this is awaited in, until the client is dropped.
    pub async fn connect(&self) -> Result<Client, Error> {
        match &self.tls {
            None => {
                let (client, connection) = self.config.connect(NoTls).await?;
                tokio::spawn(async move { told(connection.await) });
                Ok(client)
            }
            Some(tls) => {
                let (client, connection) = self.config.connect(MakeTls(Arc::clone(tls))).await?;
                tokio::spawn(async move { told(connection.await) });
                Ok(client)
            }
        }
    }
}

fn told(ended: Result<(), Error>) {
    if let Err(error) = ended {
        tracing::warn!(error = %error::chain(&error), "a connection to PostgreSQL ended");
    }
}

/// Whom a server has to be vouched for by.
fn trust(protection: Protection, sslrootcert: Option<String>) -> Result<Option<Trust>, OpenError> {
    let is_system = sslrootcert.as_deref() == Some("system");
    let roots = || sslrootcert.clone().filter(|_| !is_system).map_or(Roots::System, |path| Roots::File(path.into()));
    match protection {
        Protection::Disable => Ok(None),
        Protection::VerifyFull => Ok(Some(Trust::Named(roots()))),
        _ if is_system => Err(OpenError::Url("sslrootcert=system asks for sslmode=verify-full: anybody can have a certificate".to_owned())),
        Protection::VerifyCa => Ok(Some(Trust::AnyName(roots()))),
        // As libpq has it: a root that is named is not named in vain.
        Protection::Require if sslrootcert.is_some() => Ok(Some(Trust::AnyName(roots()))),
        Protection::Require | Protection::Prefer => Ok(Some(Trust::Anybody)),
    }
}

/// What of a URL the driver does not read.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    sslmode: Option<String>,
    sslrootcert: Option<String>,
}

impl Asked {
    /// Takes the parameters out of a URL. A text of another form is left as it is.
    fn take_from(url: &str) -> (String, Self) {
        let mut asked = Self::default();
        let Some((address, query)) = url.split_once('?').filter(|_| url.starts_with("postgres")) else { return (url.to_owned(), asked) };
        let mut rest = Vec::new();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = || Some(percent_decode_str(value).decode_utf8_lossy().into_owned());
            match name {
                "sslmode" => asked.sslmode = value(),
                "sslrootcert" => asked.sslrootcert = value(),
                _ => rest.push(pair),
            }
        }
        let url = if rest.is_empty() { address.to_owned() } else { format!("{address}?{}", rest.join("&")) };
        (url, asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_driver_does_not_know_is_taken_out() {
        let asked = |mode: &str, root: Option<&str>| Asked { sslmode: Some(mode.to_owned()), sslrootcert: root.map(str::to_owned) };
        for (url, left, taken) in [
            ("postgres://a@b/c", "postgres://a@b/c", Asked::default()),
            ("postgres://a@b/c?sslmode=require", "postgres://a@b/c", asked("require", None)),
            (
                "postgresql://a@b/c?x=1&sslmode=verify-full&sslrootcert=%2Fa%20b&y=2",
                "postgresql://a@b/c?x=1&y=2",
                asked("verify-full", Some("/a b")),
            ),
            ("host=b user=a sslmode=require", "host=b user=a sslmode=require", Asked::default()),
        ] {
            assert_eq!(Asked::take_from(url), (left.to_owned(), taken), "{url}");
        }
    }

    #[test]
    fn each_mode_asks_for_what_libpq_asks_for() {
        let file = || Some("/root.crt".to_owned());
        let system = || Some("system".to_owned());
        let from_file = || Roots::File("/root.crt".into());
        for (protection, root, expected) in [
            (Protection::Disable, file(), None),
            (Protection::Prefer, None, Some(Trust::Anybody)),
            (Protection::Prefer, file(), Some(Trust::Anybody)),
            (Protection::Require, None, Some(Trust::Anybody)),
            (Protection::Require, file(), Some(Trust::AnyName(from_file()))),
            (Protection::VerifyCa, file(), Some(Trust::AnyName(from_file()))),
            (Protection::VerifyCa, None, Some(Trust::AnyName(Roots::System))),
            (Protection::VerifyFull, file(), Some(Trust::Named(from_file()))),
            (Protection::VerifyFull, None, Some(Trust::Named(Roots::System))),
            (Protection::VerifyFull, system(), Some(Trust::Named(Roots::System))),
        ] {
            assert_eq!(trust(protection, root).unwrap(), expected, "{protection:?}");
        }
        for weak in [Protection::Prefer, Protection::Require, Protection::VerifyCa] {
            assert!(trust(weak, system()).is_err(), "{weak:?}");
        }
        assert!(Protection::parse("allow").is_err());
    }
}
