//! API keys and the tokens they are changed for.

use ledger::Uid;
use serde::{Deserialize, Serialize};

use crate::ids::{ApiKeyId, TokenId};
use crate::{Command, Desk, Kind, Resource, Sealing, Timestamp};

/// What a key may do, a bit each. The first key of a platform may do everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scopes(u64);

impl Scopes {
    /// Everything, whatever is added later.
    pub const ALL: Self = Self(u64::MAX);

    /// The scopes with these bits.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// What either allows.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every bit of `asked` is there.
    #[must_use]
    pub const fn allow(self, asked: Self) -> bool {
        self.0 & asked.0 == asked.0
    }
}

/// A key a platform calls with. The secret itself is shown once and never stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// SHA-256 of the secret.
    pub digest: [u8; 32],
    /// What it may do.
    pub scopes: Scopes,
    /// The name its owner gave it.
    pub alias: String,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Resource for ApiKey {
    const KIND: &'static Kind = &Kind::of::<Self>(2, "api_key", 1, Sealing::Plain);
    type Id = ApiKeyId;

    fn owner(&self) -> Option<Uid> {
        None
    }

    fn status(&self) -> &'static str {
        if self.revoked_at.is_some() { "revoked" } else { "active" }
    }
}

/// Gives a platform one more key. The caller made the secret and shows it; only its digest comes here.
#[derive(Clone, Debug)]
pub struct CreateApiKey {
    /// SHA-256 of the secret.
    pub digest: [u8; 32],
    /// What it may do.
    pub scopes: Scopes,
    /// The name its owner gives it.
    pub alias: String,
}

impl Command for CreateApiKey {
    type Outcome = ApiKeyId;
    /// The platform is not there.
    type Error = ();
    const NAME: &'static str = "api_key.create";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<ApiKeyId, ()> {
        desk.platform().ok_or(())?;
        let key: ApiKeyId = desk.fresh();
        desk.note_object(key);
        desk.insert(key, ApiKey { digest: self.digest, scopes: self.scopes, alias: self.alias.clone(), revoked_at: None });
        Ok(key)
    }
}

/// Compares two digests without stopping at the first difference.
#[must_use]
pub fn digest_matches(left: &[u8; 32], right: &[u8; 32]) -> bool {
    left.iter().zip(right).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

/// A short-lived token got for an API key.
///
/// Its id is made of the first half of its digest, so that it is found without storing the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessToken {
    /// SHA-256 of the secret.
    pub digest: [u8; 32],
    /// The key it was got for.
    pub key: ApiKeyId,
    /// What it may do: what the key might when it was issued.
    pub scopes: Scopes,
    /// When it ends, real time.
    pub expires_at: Timestamp,
}

impl Resource for AccessToken {
    const KIND: &'static Kind = &Kind::of::<Self>(3, "access_token", 1, Sealing::Plain);
    type Id = TokenId;

    fn owner(&self) -> Option<Uid> {
        Some(self.key.0)
    }

    fn status(&self) -> &'static str {
        "issued"
    }
}

impl AccessToken {
    /// The id under which a token with this digest is kept.
    #[must_use]
    pub fn id_of(digest: &[u8; 32]) -> TokenId {
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(digest) {
            *to = *from;
        }
        TokenId(Uid::from_bytes(bytes))
    }
}

/// Stores a token for an API key. The caller made the secret and shows it; only its digest comes here.
#[derive(Clone, Debug)]
pub struct IssueToken {
    /// SHA-256 of the secret.
    pub digest: [u8; 32],
    /// The key it is got for.
    pub key: ApiKeyId,
    /// How long it lasts.
    pub lifetime_ms: i64,
}

impl Command for IssueToken {
    type Outcome = AccessToken;
    /// The key is not there any more, or revoked.
    type Error = ();
    const NAME: &'static str = "token.issue";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<AccessToken, ()> {
        let key = desk.find::<ApiKey>(self.key).filter(|key| key.revoked_at.is_none()).ok_or(())?;
        let expires_at = desk.real_now().plus_ms(self.lifetime_ms);
        let token = AccessToken { digest: self.digest, key: self.key, scopes: key.scopes, expires_at };
        desk.note_object(self.key);
        desk.insert(AccessToken::id_of(&self.digest), token.clone());
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_includes_each() {
        assert!(Scopes::ALL.allow(Scopes::from_bits(0b101)));
        assert!(!Scopes::from_bits(0b100).allow(Scopes::from_bits(0b101)));
        assert_eq!(Scopes::from_bits(0b100).and(Scopes::from_bits(0b101)), Scopes::from_bits(0b101));
    }

    #[test]
    fn a_key_has_the_scopes_that_it_was_given() {
        let mut world = crate::core::workbench::World::new();
        let scopes = Scopes::from_bits(0b10);
        let id = world.run(&CreateApiKey { digest: [7; 32], scopes, alias: "reports".to_owned() }).unwrap();
        let key = world.find::<ApiKey>(id).unwrap();
        assert_eq!((key.digest, key.scopes, key.alias.as_str(), key.revoked_at), ([7; 32], scopes, "reports", None));
    }

    #[test]
    fn digests_match_only_when_equal() {
        let mut other = [7; 32];
        assert!(digest_matches(&[7; 32], &other));
        other[31] = 8;
        assert!(!digest_matches(&[7; 32], &other));
    }
}
