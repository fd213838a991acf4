//! Where a hook leads: its URL, read once and strictly, so that what is checked is what is called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Characters of a URL at most.
pub const URL_MAX_CHARS: usize = 255;
/// Characters of a host's name at most.
const HOST_MAX_CHARS: usize = 253;
/// Characters of a part of it at most.
const LABEL_MAX_CHARS: usize = 63;

/// How a target is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// In plain text.
    Http,
    /// Encrypted.
    Https,
}

impl Scheme {
    const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A URL of a hook, in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// The host's name in lower case, or its address; that of version 6 without brackets.
    pub host: String,
    /// The port; the scheme's own if none is written.
    pub port: u16,
    /// Whether the port was written.
    pub has_port: bool,
    /// From the first `/` on, as it was written; at least `/`.
    pub path: String,
    /// Behind the `?`, as it was written; `None` without one.
    pub query: Option<String>,
}

/// Why a URL is not, or may not be, a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is not an absolute URL of HTTP with a host, or has a user, a password, or characters that have to be escaped.
    #[error("it is not an absolute http or https URL")]
    NotAUrl,
    /// It has more than [`URL_MAX_CHARS`] characters.
    #[error("it is too long")]
    TooLong,
    /// The platform may be told over encrypted connections only.
    #[error("it has to begin with https")]
    NotEncrypted,
    /// The platform may not be told at an address inside a house.
    #[error("its address is not a public one")]
    NotPublic,
}

impl Target {
    /// Reads a URL. Errors: `TooLong`, `NotAUrl`.
    ///
    /// A fragment is taken off: it is never sent. Escapes stay as they are written.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        if text.chars().count() > URL_MAX_CHARS {
            return Err(TargetError::TooLong);
        }
        Self::read(text).ok_or(TargetError::NotAUrl)
    }

    fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = match scheme {
            _ if scheme.eq_ignore_ascii_case("http") => Scheme::Http,
            _ if scheme.eq_ignore_ascii_case("https") => Scheme::Https,
            _ => return None,
        };
        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        if !rest.bytes().all(is_sent_as_it_is) {
            return None;
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end)?;
        let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query.to_owned())));
        let (host, port) = host_and_port(authority)?;
        let path = if path.is_empty() { "/".to_owned() } else { path.to_owned() };
        Some(Self { scheme, host, port: port.unwrap_or(scheme.port()), has_port: port.is_some(), path, query })
    }

    /// The address, if the host is written as one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The host as a request names it: with brackets round an address of version 6, and the port if one was written.
    #[must_use]
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.has_port { format!("{host}:{}", self.port) } else { host }
    }
}

/// Whether a character of a URL needs no escape on a request's line.
const fn is_sent_as_it_is(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e) && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
}

fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    if authority.contains('@') {
        return None;
    }
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        let host: Ipv6Addr = host.parse().ok()?;
        let port = match rest {
            "" | ":" => None,
            _ => Some(port(rest.strip_prefix(':')?)?),
        };
        return Some((host.to_string(), port));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, "")) => (host, None),
        Some((host, text)) => (host, Some(port(text)?)),
        None => (authority, None),
    };
    let host = host.to_ascii_lowercase();
    is_host(&host).then_some((host, port))
}

fn port(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port != 0)
}

/// Whether it is an address of version 4, or a name that does not look like one: `0x7f.1` and `2130706433` are read as
/// addresses by some, and by others not.
fn is_host(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        (1..=LABEL_MAX_CHARS).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    let looks_like_address = last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit());
    name.len() <= HOST_MAX_CHARS && name.split('.').all(is_label) && (!looks_like_address || host.parse::<Ipv4Addr>().is_ok())
}

/// Whether an address is one of the public network: not of this machine, this house, or of no network at all.
#[must_use]
pub const fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    // "This" network, shared between houses, for the work of protocols, for tests of devices, and the last block.
    let is_set_aside = match address.octets() {
        [0, ..] | [192, 0, 0, _] | [198, 18 | 19, ..] | [240..=255, ..] => true,
        [100, second, ..] => second & 0xc0 == 64,
        _ => false,
    };
    !(is_set_aside
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_documentation()
        || address.is_unspecified())
}

const fn is_public_v6(address: Ipv6Addr) -> bool {
    // An address of version 4 in the clothes of version 6 is what it is.
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    match address.segments() {
        // Global unicast is 2000::/3 alone; of it not: documentation, Teredo, benchmarking and the like, and 6to4.
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8,
        [0x2002, ..] => false,
        [0x3fff, second, ..] => second >= 0x1000,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_in_its_parts() {
        let target = Target::parse("HTTP://Example.com:8080/a%20b/?x=1&y=%3d#part").unwrap();
        assert_eq!((target.scheme, &*target.host, target.port, target.has_port), (Scheme::Http, "example.com", 8080, true));
        assert_eq!((&*target.path, target.query.as_deref(), &*target.authority()), ("/a%20b/", Some("x=1&y=%3d"), "example.com:8080"));
        let bare = Target::parse("https://example.com?x").unwrap();
        assert_eq!((&*bare.path, bare.query.as_deref(), bare.port, &*bare.authority()), ("/", Some("x"), 443, "example.com"));
        let six = Target::parse("http://[::1]:9/").unwrap();
        assert_eq!((&*six.host, six.port, &*six.authority()), ("::1", 9, "[::1]:9"));
        assert_eq!(Target::parse("http://localhost").unwrap().path, "/");
    }

    #[test]
    fn what_two_readers_could_take_for_two_things_is_no_target() {
        for text in [
            "",
            "test",
            "ftp://a.b/",
            "http:/a.b",
            "http://",
            "http:///x",
            "http://user@a.b/",
            "http://user:pass@a.b/",
            "http://a.b:0/",
            "http://a.b:65536/",
            "http://a.b:+1/",
            "http://a b/",
            "http://a.b/ x",
            "http://a.b/\r\nHost: x",
            "http://a.b/<x>",
            "http://a..b/",
            "http://[::1/",
            "http://[1.2.3.4]/",
            "http://0x7f.0.0.1/",
            "http://2130706433/",
            "http://127.1/",
            "http://1.2.3.4.5/",
            "http://0x7f000001/",
            "http://exämple.com/",
            "http://a.b\\@c.d/",
            "javascript://a.b/",
        ] {
            assert_eq!(Target::parse(text), Err(TargetError::NotAUrl), "{text}");
        }
        let long = format!("http://a.b/{}", "x".repeat(URL_MAX_CHARS));
        assert_eq!(Target::parse(&long), Err(TargetError::TooLong));
    }

    #[test]
    fn inside_is_told_from_outside() {
        for inside in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "0.1.2.3",
            "100.64.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "192.0.2.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "::127.0.0.1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["1.1.1.1", "93.184.216.34", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001:81b::200e", "::ffff:1.1.1.1"] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }
}
