//! The link that an error answer has to its explanation: a header beside the wire's own form, which stays as it is.
//!
//! The link names the platform and the request, and nobody can guess one: it ends in a code that only this installation's key
//! makes. Nothing of it is stored, and it opens what is remembered of that one request and nothing else (ADR 51).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::PlatformId;
use domain::ids::RequestId;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderName, HeaderValue};
use ledger::Uid;
use sha2::Sha256;

/// The header.
pub const FLORIN_EXPLAIN: HeaderName = HeaderName::from_static("florin-explain");
/// Where the page of an explanation is, below the public URL; the link's text follows.
pub const EXPLAIN_PAGE: &str = "/explain/";

const ID_BYTES: usize = 16;
const CODE_BYTES: usize = 16;
/// A block of SHA-256: keys of HMAC are filled up to it.
const BLOCK_BYTES: usize = 64;
const BYTES: usize = ID_BYTES + ID_BYTES + CODE_BYTES;

/// Makes links, and opens them.
#[derive(Clone, Debug)]
pub struct Links {
    public_url: String,
    key: [u8; 32],
}

impl Links {
    /// Links below `public_url`, which has no slash at its end, under a key of the installation.
    #[must_use]
    pub fn new(public_url: &str, key: [u8; 32]) -> Self {
        Self { public_url: public_url.trim_end_matches('/').to_owned(), key }
    }

    /// The link to the explanation of a request's answer.
    #[must_use]
    pub fn to(&self, platform: PlatformId, request: RequestId) -> String {
        let mut bytes = [0; BYTES];
        let parts = [&platform.0.to_bytes(), &request.0.to_bytes(), &self.code(platform, request)];
        for (to, from) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        format!("{}{EXPLAIN_PAGE}{}", self.public_url, URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The header's value.
    #[must_use]
    pub fn header(&self, platform: PlatformId, request: RequestId) -> Option<HeaderValue> {
        HeaderValue::try_from(self.to(platform, request)).ok()
    }

    /// What the text of a link names, if this installation made it.
    #[must_use]
    pub fn open(&self, text: &str) -> Option<(PlatformId, RequestId)> {
        let mut bytes = [0; BYTES];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok().filter(|length| *length == BYTES)?;
        let (platform, rest) = bytes.get(..length)?.split_first_chunk::<ID_BYTES>()?;
        let (request, code) = rest.split_first_chunk::<ID_BYTES>()?;
        let (platform, request) = (PlatformId(Uid::from_bytes(*platform)), RequestId(Uid::from_bytes(*request)));
        let expected = self.code(platform, request);
        let different = expected.iter().zip(code).fold(0, |different, (a, b)| different | (a ^ b));
        (different == 0 && code.len() == CODE_BYTES).then_some((platform, request))
    }

    fn code(&self, platform: PlatformId, request: RequestId) -> [u8; CODE_BYTES] {
        let mut block = [0; BLOCK_BYTES];
        for (to, from) in block.iter_mut().zip(self.key) {
            *to = from;
        }
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(&platform.0.to_bytes());
        mac.update(&request.0.to_bytes());
        let code: [u8; 32] = mac.finalize().into_bytes().into();
        code.first_chunk().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_for_whoever_made_it_and_nobody_can_make_another() {
        let (platform, request) = (PlatformId(Uid::from_bits(7)), RequestId(Uid::from_bits(8)));
        let links = Links::new("http://localhost:8080/", [3; 32]);
        let link = links.to(platform, request);
        let text = link.strip_prefix("http://localhost:8080/explain/").unwrap();
        assert_eq!(links.open(text), Some((platform, request)));
        assert_eq!(Links::new("", [4; 32]).open(text), None, "of another installation");
        for place in 0..text.len() {
            let mut other = text.to_owned().into_bytes();
            other[place] = if other[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(links.open(str::from_utf8(&other).unwrap()), None, "{place}");
        }
        for text in ["", "a", "../", &"A".repeat(64), &"A".repeat(63), &"A".repeat(65), &"=".repeat(64)] {
            assert_eq!(links.open(text), None, "{text}");
        }
    }
}
