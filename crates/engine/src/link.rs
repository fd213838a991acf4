//! Links to pages: whose they are, what they are for, and a secret nobody can guess.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{PlatformId, Secret};
use ledger::Uid;
use sha2::{Digest, Sha256};

use crate::chance::{Chance, Draw, NoChance};

const SECRET_BYTES: usize = 32;
const ID_BYTES: usize = 16;
const BYTES: usize = ID_BYTES + ID_BYTES + SECRET_BYTES;

/// Where the page of strong customer authentication is, below the public URL; its link goes in `token`.
pub const SCA_PAGE: &str = "/sca";

/// What a link's text says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageLink {
    /// The tenant.
    pub platform: PlatformId,
    /// The payment, validation or registration.
    pub subject: Uid,
    /// The secret of its session, as [`fresh_session`] made it.
    pub session: Secret<String>,
}

/// The secret of a new session of a platform: 256 bits of chance. `purpose` is what it is for ([`Draw::purpose`]).
pub fn fresh_session(chance: &dyn Chance, purpose: &'static str, platform: PlatformId) -> Result<Secret<String>, NoChance> {
    let mut bytes = [0; SECRET_BYTES];
    chance.fill(Draw::next(purpose, &platform.0.to_bytes()), &mut bytes)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

impl PageLink {
    /// The text of the link, of letters, digits, dashes and underscores. A session of another form gives none.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let secret = URL_SAFE_NO_PAD.decode(self.session.expose()).ok().filter(|secret| secret.len() == SECRET_BYTES)?;
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend_from_slice(&self.platform.0.to_bytes());
        bytes.extend_from_slice(&self.subject.to_bytes());
        bytes.extend_from_slice(&secret);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads the text of a link.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == BYTES)?;
        let (platform, rest) = bytes.split_first_chunk::<ID_BYTES>()?;
        let (subject, secret) = rest.split_first_chunk::<ID_BYTES>()?;
        Some(Self {
            platform: PlatformId(Uid::from_bytes(*platform)),
            subject: Uid::from_bytes(*subject),
            session: Secret::new(URL_SAFE_NO_PAD.encode(secret)),
        })
    }

    /// Whether its secret is that of `session`, found out without stopping at the first difference.
    #[must_use]
    pub fn opens(&self, session: &Secret<String>) -> bool {
        secrets_match(self.session.expose(), session.expose())
    }
}

/// What is stored of a session's secret where the secret itself need not be: its SHA-256.
#[must_use]
pub fn session_digest(session: &Secret<String>) -> [u8; 32] {
    Sha256::digest(session.expose().as_bytes()).into()
}

/// Whether two secrets are one, found out without stopping at the first difference.
#[must_use]
pub fn secrets_match(left: &str, right: &str) -> bool {
    left.len() == right.len() && left.bytes().zip(right.bytes()).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemChance;

    fn fresh() -> Secret<String> {
        fresh_session(&SystemChance, "test", PlatformId(Uid::from_bits(7))).unwrap()
    }

    #[test]
    fn a_link_reads_back_and_opens_its_own_session_only() {
        let session = fresh();
        let link = PageLink { platform: PlatformId(Uid::from_bits(7)), subject: Uid::from_bits(8), session: session.clone() };
        let text = link.text().unwrap();
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_eq!(PageLink::parse(&text), Some(link.clone()));
        assert!(link.opens(&session) && !link.opens(&fresh()) && !link.opens(&Secret::default()));
    }

    #[test]
    fn what_is_no_link_is_refused() {
        for text in ["", "a", &"A".repeat(85), &"A".repeat(87), "../../etc", &"=".repeat(86)] {
            assert_eq!(PageLink::parse(text), None, "{text}");
        }
        let link = PageLink { platform: PlatformId(Uid::from_bits(7)), subject: Uid::from_bits(8), session: Secret::default() };
        assert_eq!(link.text(), None);
    }
}
