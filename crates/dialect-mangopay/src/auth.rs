//! Who calls: API keys, the tokens they are changed for, and a bounded memory of tokens seen.
//!
//! A secret is 256 random bits; its text is 64 characters that also hold the platform's id, so that a
//! token leads to its platform without a table of all tokens. Only digests are stored and compared.
//! A token is held against the store again every few seconds, so that a revocation shows within five.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use domain::ids::ApiKeyId;
use domain::platform::{AccessToken, ApiKey, CallLimits, Environment, Platform, Scopes, digest_matches};
use domain::{DirectoryKey, PlatformId, Record, RecordKey, Resource, Secret, Space, Timestamp};
use engine::{Chance, Clock, Draw, Listing, NoChance, Page, Reads, StoreError};
use ledger::Uid;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

/// Random bytes of a secret.
const SECRET_LENGTH: usize = 32;
/// Bytes of a secret's text once decoded: the platform's id, then the random ones.
const ENVELOPE_LENGTH: usize = 16 + SECRET_LENGTH;
/// Tokens remembered at most.
const TOKENS_KEPT: usize = 16_384;
/// A remembered token older than this is held against the store again...
const RECHECK_AFTER_MS: i64 = 3_000;
/// ...while other calls with it may go on until it is this old...
const TRUST_AT_MOST_MS: i64 = 5_000;
/// ...unless whoever took that upon itself has not come back after this long.
const RECHECK_TIMEOUT_MS: i64 = 500;
/// A platform that was ended here is kept in mind for this long, so that no look-up that began before lets anybody in: longer
/// than one takes...
const ENDED_REMEMBERED_MS: i64 = 60_000;
/// ...so many of them at most.
const ENDED_KEPT: usize = 16_384;
/// API keys read at once, and pages of them at most, when a key is looked for.
const KEY_PAGE_SIZE: u32 = 100;
const KEY_PAGES_MAX: u64 = 10;

const LENIENT_BASE64: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// The digest that is stored of a secret's text, be it an API key's or a token's: SHA-256.
#[must_use]
pub fn digest_of(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// A new secret of a platform, as it is shown once.
pub fn fresh_secret(chance: &dyn Chance, platform: PlatformId) -> Result<Secret<String>, NoChance> {
    let (owner, mut secret) = (platform.0.to_bytes(), [0; SECRET_LENGTH]);
    chance.fill(Draw::next("access token", &owner), &mut secret)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode([&owner[..], &secret].concat())))
}

/// The platform that a token's text names, if it has the form of one of ours.
fn platform_of(token: &str) -> Option<PlatformId> {
    let mut envelope = [0; ENVELOPE_LENGTH];
    let length = URL_SAFE_NO_PAD.decode_slice(token, &mut envelope).ok()?;
    let owner = envelope.first_chunk().filter(|_| length == ENVELOPE_LENGTH)?;
    Some(PlatformId(Uid::from_bytes(*owner)))
}

/// What an `Authorization` header holds.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A token.
    Bearer(String),
    /// A client id and an API key.
    Basic {
        /// The platform's name for itself.
        client_id: String,
        /// The API key.
        key: String,
    },
}

impl Credentials {
    /// Reads a header. `None` for what is neither of the two schemes, or malformed.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let (scheme, rest) = header.trim().split_once(' ')?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("Bearer") {
            return Some(Self::Bearer(rest.to_owned()));
        }
        if !scheme.eq_ignore_ascii_case("Basic") {
            return None;
        }
        let text = String::from_utf8(LENIENT_BASE64.decode(rest).ok()?).ok()?;
        let (client_id, key) = text.split_once(':')?;
        Some(Self::Basic { client_id: client_id.to_owned(), key: key.to_owned() })
    }
}

/// Who is behind a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The platform.
    pub platform: PlatformId,
    /// What it calls itself on the wire.
    pub client_id: Arc<str>,
    /// The API key it used, or got its token for.
    pub key: ApiKeyId,
    /// What it may do.
    pub scopes: Scopes,
    /// What the platform is for.
    pub environment: Environment,
    /// How often its platform may call, where it is not what the server says.
    pub limits: Option<CallLimits>,
}

/// Why a caller is not known.
#[derive(Debug)]
pub enum AuthError {
    /// The credentials are not valid; it is not told why.
    Denied,
    /// The store could not be asked.
    Store(StoreError),
}

impl From<StoreError> for AuthError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

struct Remembered {
    caller: Caller,
    expires_at: Timestamp,
    /// This and the next in time that passes ([`Clock::passing`]).
    checked_at: Timestamp,
    rechecking_since: Option<Timestamp>,
}

/// What memory says of a token.
enum Recalled {
    /// It is good.
    Good(Caller),
    /// The store has to be asked.
    Unsure,
}

/// Finds out who calls.
pub struct Authenticator {
    reads: Arc<dyn Reads>,
    clock: Arc<dyn Clock>,
    tokens: Mutex<FxHashMap<[u8; 32], Remembered>>,
    /// Platforms that were ended here lately, and when.
    ended: Mutex<FxHashMap<PlatformId, Timestamp>>,
}

impl Authenticator {
    /// One that remembers nobody.
    #[must_use]
    pub fn new(reads: Arc<dyn Reads>, clock: Arc<dyn Clock>) -> Self {
        Self { reads, clock, tokens: Mutex::default(), ended: Mutex::default() }
    }

    /// Who a token was issued to. `now` is real time.
    pub async fn bearer(&self, token: &str, now: Timestamp) -> Result<Caller, AuthError> {
        let digest = digest_of(token);
        if let Recalled::Good(caller) = self.recall(&digest, now) {
            return Ok(caller);
        }
        let found = match platform_of(token) {
            Some(platform) => self.look_up(platform, &digest, now).await,
            None => Err(AuthError::Denied),
        };
        match found {
            Ok((caller, _)) if self.was_ended(caller.platform) => Err(AuthError::Denied),
            Ok((caller, expires_at)) => {
                self.remember(digest, caller.clone(), expires_at, now);
                Ok(caller)
            }
            Err(error) => {
                self.forget(&digest);
                Err(error)
            }
        }
    }

    /// Who sends an API key with every call, remembered for a few seconds as tokens are.
    pub async fn basic_on_call(&self, client_id: &str, key: &str, now: Timestamp) -> Result<Caller, AuthError> {
        // A colon cannot be in a client id, so the pair has one spelling.
        let digest = digest_of(&format!("{client_id}:{key}"));
        if let Recalled::Good(caller) = self.recall(&digest, now) {
            return Ok(caller);
        }
        let caller = self.basic(client_id, key).await?;
        if self.was_ended(caller.platform) {
            return Err(AuthError::Denied);
        }
        let expires_at = now.plus_ms(TRUST_AT_MOST_MS);
        self.remember(digest, caller.clone(), expires_at, now);
        Ok(caller)
    }

    /// The platform of a client id, for whoever owns the data folder: no secret is asked.
    pub async fn local(&self, client_id: &str) -> Result<Caller, AuthError> {
        let name = DirectoryKey { space: Space::ClientId, text: client_id.into() };
        let platform = self.reads.directory(name).await?.ok_or(AuthError::Denied)?.platform;
        let owner = self.alive(platform).await?;
        let (environment, limits) = (owner.environment, owner.policy.limits);
        Ok(Caller { platform, client_id: client_id.into(), key: ApiKeyId(platform.0), scopes: Scopes::ALL, environment, limits })
    }

    /// Whose API key this is: the first of the platform's keys, newest first, that is not revoked and has its digest.
    pub async fn basic(&self, client_id: &str, key: &str) -> Result<Caller, AuthError> {
        let name = DirectoryKey { space: Space::ClientId, text: client_id.into() };
        let row = self.reads.directory(name).await?.ok_or(AuthError::Denied)?;
        let owner = self.alive(row.platform).await?;
        let digest = digest_of(key);
        let listing = || Listing { statuses: vec!["active".to_owned()], ..Listing::default() };
        for number in 1..=KEY_PAGES_MAX {
            let page = Page { number, size: KEY_PAGE_SIZE, newest_first: true };
            let keys = self.reads.records(row.platform, ApiKey::KIND, listing(), page).await?.rows;
            let found = keys.iter().find_map(|record| matching_key(record, &digest));
            if let Some((key, scopes)) = found {
                let (environment, limits) = (owner.environment, owner.policy.limits);
                return Ok(Caller { platform: row.platform, client_id: client_id.into(), key, scopes, environment, limits });
            }
            if keys.len() < usize::try_from(KEY_PAGE_SIZE).unwrap_or(usize::MAX) {
                break;
            }
        }
        Err(AuthError::Denied)
    }

    async fn look_up(&self, platform: PlatformId, digest: &[u8; 32], now: Timestamp) -> Result<(Caller, Timestamp), AuthError> {
        let token = self.body::<AccessToken>(platform, AccessToken::id_of(digest)).await?;
        if !digest_matches(&token.digest, digest) || token.expires_at <= now {
            return Err(AuthError::Denied);
        }
        let key = self.body::<ApiKey>(platform, token.key).await?;
        if key.revoked_at.is_some() {
            return Err(AuthError::Denied);
        }
        let owner = self.alive(platform).await?;
        let (client_id, environment, limits) = (owner.client_id.as_str().into(), owner.environment, owner.policy.limits);
        Ok((Caller { platform, client_id, key: token.key, scopes: token.scopes, environment, limits }, token.expires_at))
    }

    /// A platform that was not ended.
    async fn alive(&self, id: PlatformId) -> Result<Arc<Platform>, AuthError> {
        let platform = self.body::<Platform>(id, id).await?;
        if platform.has_ended() { Err(AuthError::Denied) } else { Ok(platform) }
    }

    /// Forgets whoever calls for a platform that was ended, at once and for good.
    pub fn end(&self, platform: PlatformId) {
        let now = self.clock.passing();
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.retain(|_, at| now.ms().saturating_sub(at.ms()) < ENDED_REMEMBERED_MS);
        if ended.len() < ENDED_KEPT {
            ended.insert(platform, now);
        }
        drop(ended);
        self.forget_callers_of(platform);
    }

    /// Forgets whoever calls for a platform: what is remembered of it holds no more.
    pub fn forget_callers_of(&self, platform: PlatformId) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, known| known.caller.platform != platform);
    }

    fn was_ended(&self, platform: PlatformId) -> bool {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&platform)
    }

    async fn body<R: Resource>(&self, platform: PlatformId, id: R::Id) -> Result<Arc<R>, AuthError> {
        let key = RecordKey { kind: R::KIND, platform, id: id.into() };
        self.reads.record(key).await?.and_then(|record| record.body()).ok_or(AuthError::Denied)
    }

    fn recall(&self, digest: &[u8; 32], now: Timestamp) -> Recalled {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = tokens.get_mut(digest) else { return Recalled::Unsure };
        if known.expires_at <= now {
            return Recalled::Unsure;
        }
        let passing = self.clock.passing();
        let age_ms = passing.ms().saturating_sub(known.checked_at.ms());
        let is_being_rechecked = known.rechecking_since.is_some_and(|since| passing.ms().saturating_sub(since.ms()) < RECHECK_TIMEOUT_MS);
        if age_ms < RECHECK_AFTER_MS || (age_ms < TRUST_AT_MOST_MS && is_being_rechecked) {
            return Recalled::Good(known.caller.clone());
        }
        known.rechecking_since = Some(passing);
        Recalled::Unsure
    }

    fn remember(&self, digest: [u8; 32], caller: Caller, expires_at: Timestamp, now: Timestamp) {
        let checked_at = self.clock.passing();
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever ends a platform says so before taking the tokens away.
        if self.was_ended(caller.platform) {
            return;
        }
        if tokens.len() >= TOKENS_KEPT {
            tokens.retain(|_, known| known.expires_at > now);
        }
        if tokens.len() >= TOKENS_KEPT {
            tokens.clear();
        }
        tokens.insert(digest, Remembered { caller, expires_at, checked_at, rechecking_since: None });
    }

    fn forget(&self, digest: &[u8; 32]) {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).remove(digest);
    }
}

fn matching_key(record: &Record, digest: &[u8; 32]) -> Option<(ApiKeyId, Scopes)> {
    let key = record.body::<ApiKey>()?;
    (key.revoked_at.is_none() && digest_matches(&key.digest, digest)).then_some((ApiKeyId(record.lead.id), key.scopes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_names_its_platform_and_is_never_the_same() {
        let platform = PlatformId(Uid::from_bits(0x0193_7e1a_9c4b_7d2e_8f01_2345_6789_abcd));
        let fresh = || fresh_secret(&engine::SystemChance, platform).unwrap();
        let (one, two) = (fresh(), fresh());
        assert_ne!(one, two);
        assert_eq!(one.expose().len(), 64);
        assert_eq!(platform_of(one.expose()), Some(platform));
    }

    #[test]
    fn what_is_no_token_names_no_platform() {
        let long = "A".repeat(10_000);
        for text in
            ["", "x", "094696b3724d4aa5a182eac360dcd537", &"A".repeat(63), &"A".repeat(65), &"=".repeat(64), &"\u{e9}".repeat(32), &long]
        {
            assert_eq!(platform_of(text), None, "{text}");
        }
    }

    #[test]
    fn headers_are_read_whatever_the_case_of_the_scheme() {
        let basic = |client_id: &str, key: &str| Some(Credentials::Basic { client_id: client_id.to_owned(), key: key.to_owned() });
        for (header, expected) in [
            ("Bearer abc", Some(Credentials::Bearer("abc".to_owned()))),
            ("bearer  abc ", Some(Credentials::Bearer("abc".to_owned()))),
            ("Basic bWU6a2V5", basic("me", "key")),
            ("BASIC bWU6a2V5Og==", basic("me", "key:")),
            ("Basic bWU6a2V5Og", basic("me", "key:")),
            ("Basic Og==", basic("", "")),
            ("Basic bWU=", None),
            ("Basic !!!", None),
            ("Basic /w==", None),
            ("Digest abc", None),
            ("Bearer", None),
            ("", None),
        ] {
            assert!(Credentials::parse(header) == expected, "{header}");
        }
    }
}
