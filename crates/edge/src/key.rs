//! The idempotency key of a request, and what it is used for.

use bytes::Bytes;
use domain::{IdempotencyKey, PlatformId};
use engine::Keyed;
use http::request::Parts;
use sha2::{Digest, Sha256};

/// The header that a client sends its key in.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// A key of a form that its dialect does not know, or more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongForm;

/// Whose key it is: the platform, and the name space within it.
#[derive(Clone, Copy, Debug)]
pub struct Space {
    /// The tenant.
    pub platform: PlatformId,
    /// The dialect's number.
    pub dialect: u8,
}

/// The idempotency key of a request, if it has one; `is_key` says which forms there are.
///
/// The fingerprint is of method, path, query and body: the same key with another of these is another input.
pub fn keyed(space: Space, parts: &Parts, body: &Bytes, is_key: fn(&str) -> bool) -> Result<Option<Keyed>, WrongForm> {
    let mut headers = parts.headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(header) = headers.next() else { return Ok(None) };
    // Of two nobody could say which was used up.
    if headers.next().is_some() {
        return Err(WrongForm);
    }
    let key = header.to_str().ok().filter(|key| is_key(key)).ok_or(WrongForm)?;
    let path = parts.uri.path_and_query().map_or(parts.uri.path(), |path| path.as_str());
    let mut hash = Sha256::new();
    for part in [parts.method.as_str().as_bytes(), b" ", path.as_bytes(), b"\n", body] {
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let key = IdempotencyKey { platform: space.platform, dialect: space.dialect, key: key.into() };
    Ok(Some(Keyed { key, fingerprint: digest.first_chunk().copied().unwrap_or_default(), path: path.into() }))
}

#[cfg(test)]
mod tests {
    use http::Request;
    use ledger::Uid;

    use super::*;

    fn read(uri: &str, key: &str, body: &'static str) -> Result<Option<Keyed>, WrongForm> {
        let parts = Request::post(uri).header(IDEMPOTENCY_KEY, key).body(()).unwrap().into_parts().0;
        let space = Space { platform: PlatformId(Uid::from_bits(1)), dialect: 7 };
        keyed(space, &parts, &Bytes::from_static(body.as_bytes()), |text| text.len() > 2)
    }

    #[test]
    fn a_key_is_read_with_what_it_is_used_for() {
        let one = read("/a?b=1", "key", "{}").unwrap().unwrap();
        assert_eq!((&*one.key.key, one.key.dialect, &*one.path), ("key", 7, "/a?b=1"));
        for (uri, body) in [("/a?b=2", "{}"), ("/a?b=1", "{ }"), ("/a", "{}")] {
            assert_ne!(read(uri, "key", body).unwrap().unwrap().fingerprint, one.fingerprint, "{uri} {body}");
        }
        assert_eq!(read("/a", "k", "").unwrap_err(), WrongForm);
        let two = Request::post("/a").header(IDEMPOTENCY_KEY, "key").header(IDEMPOTENCY_KEY, "other").body(()).unwrap().into_parts().0;
        let space = Space { platform: PlatformId(Uid::from_bits(1)), dialect: 7 };
        assert_eq!(keyed(space, &two, &Bytes::new(), |_| true).unwrap_err(), WrongForm, "two are none");
        let parts = Request::post("/a").body(()).unwrap().into_parts().0;
        let space = Space { platform: PlatformId(Uid::from_bits(1)), dialect: 7 };
        assert!(keyed(space, &parts, &Bytes::new(), |_| false).unwrap().is_none());
    }
}
