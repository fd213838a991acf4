//! Sealing: personal data is stored under a key of its subject, wrapped by its platform's, wrapped by the master key.
//!
//! Only the envelope is ours: the cipher is XChaCha20-Poly1305, whose nonces are long enough to be
//! drawn at random. What is sealed is bound to its table, column and row, so that it cannot be put
//! elsewhere.

use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use engine::StoreError;
use hmac::{Hmac, Mac};
use ledger::Uid;
use rand::Rng;
use rustc_hash::{FxHashMap, FxHashSet};
use sha2::Sha256;

const FORM: u8 = 1;
const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;
/// Keys kept unwrapped at most; past it all are forgotten and read again.
const MAX_CACHED_KEYS: usize = 65_536;
/// Of so many destroyed keys it is known at least that they were, so that no read that began before brings one back.
const REMEMBERED: usize = 65_536;

/// Names what a sealed value belongs to; another name does not open it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Table and column.
    pub column: &'static str,
    /// The row.
    pub row: Uid,
}

impl Place {
    fn bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.column.len().saturating_add(16));
        bytes.extend_from_slice(self.column.as_bytes());
        bytes.extend_from_slice(&self.row.to_bytes());
        bytes
    }
}

/// A key that seals and opens.
#[derive(Clone)]
pub struct DataKey(Arc<XChaCha20Poly1305>);

impl DataKey {
    fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(Arc::new(XChaCha20Poly1305::new(&Key::from(*bytes))))
    }

    /// Seals `plain` for `place`: a form byte, a nonce, the cipher text with its tag.
    pub fn seal(&self, place: Place, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let aad = place.bytes();
        let sealed = self.0.encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad });
        let sealed = sealed.map_err(|_| StoreError::Fault("a value could not be sealed".to_owned()))?;
        let mut bytes = Vec::with_capacity(sealed.len().saturating_add(1 + NONCE_BYTES));
        bytes.push(FORM);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        Ok(bytes)
    }

    /// Opens what [`DataKey::seal`] gave for the same place.
    pub fn open(&self, place: Place, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let broken = || StoreError::Fault(format!("the sealed {} of {} does not open", place.column, place.row));
        let (form, rest) = sealed.split_first().ok_or_else(broken)?;
        let (nonce, text) = rest.split_at_checked(NONCE_BYTES).ok_or_else(broken)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| broken())?;
        if *form != FORM {
            return Err(broken());
        }
        let aad = place.bytes();
        self.0.decrypt(&XNonce::from(nonce), Payload { msg: text, aad: &aad }).map_err(|_| broken())
    }
}

/// A data key made just now, and its wrapped form for the store.
pub struct FreshKey {
    /// The tenant.
    pub platform: Uid,
    /// Whose it is; the platform itself for a platform's key.
    pub subject: Uid,
    /// Ready for use.
    pub key: DataKey,
    /// To be stored.
    pub wrapped: Vec<u8>,
}

/// Gives the data key of a subject: what encoding and decoding of rows asks.
pub trait Keys {
    /// The key of `subject` on `platform`; `None` if it was destroyed, or never made.
    fn find(&mut self, platform: Uid, subject: Uid) -> Result<Option<DataKey>, StoreError>;

    /// The same, for what cannot do without. Errors: `Fault` if it is not there.
    fn key(&mut self, platform: Uid, subject: Uid) -> Result<DataKey, StoreError> {
        self.find(platform, subject)?.ok_or_else(|| StoreError::Fault(format!("the data key of {subject} is gone")))
    }
}

/// The master key, and the data keys unwrapped with it.
pub struct Vault {
    master: DataKey,
    hashing: [u8; KEY_BYTES],
    kept: RwLock<Kept>,
}

/// The keys in memory, and those that may not come back there.
#[derive(Default)]
struct Kept {
    keys: FxHashMap<(Uid, Uid), DataKey>,
    /// Destroyed lately, in two generations: when the young one is full, the old one goes.
    destroyed: FxHashSet<(Uid, Uid)>,
    destroyed_before: FxHashSet<(Uid, Uid)>,
}

impl Kept {
    fn insert(&mut self, whose: (Uid, Uid), key: DataKey) {
        if self.destroyed.contains(&whose) || self.destroyed_before.contains(&whose) {
            return;
        }
        if self.keys.len() >= MAX_CACHED_KEYS {
            self.keys.clear();
        }
        self.keys.insert(whose, key);
    }

    fn destroy(&mut self, whose: (Uid, Uid)) {
        self.keys.remove(&whose);
        if self.destroyed.len() >= REMEMBERED {
            self.destroyed_before = std::mem::take(&mut self.destroyed);
        }
        self.destroyed.insert(whose);
    }
}

impl Vault {
    /// A vault under a master key of 32 bytes.
    #[must_use]
    pub fn new(master: &[u8; KEY_BYTES]) -> Self {
        let hashing = hmac(master, &[b"florin keyed hash"]);
        Self { master: DataKey::new(master), hashing, kept: RwLock::default() }
    }

    /// A keyed hash, for look-ups of what is sealed and for checks of the master key itself.
    #[must_use]
    pub fn hash(&self, parts: &[&[u8]]) -> [u8; KEY_BYTES] {
        hmac(&self.hashing, parts)
    }

    /// A data key that is in memory.
    #[must_use]
    pub fn cached(&self, platform: Uid, subject: Uid) -> Option<DataKey> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).keys.get(&(platform, subject)).cloned()
    }

    /// Keeps keys in memory. Only keys that are durably stored may be kept.
    pub fn keep(&self, fresh: impl IntoIterator<Item = FreshKey>) {
        for made in fresh {
            self.insert(made.platform, made.subject, made.key);
        }
    }

    /// Forgets a key that was destroyed, for good: whoever read it from the store before, and unwraps it after, does not
    /// bring it back.
    pub fn forget(&self, platform: Uid, subject: Uid) {
        self.kept.write().unwrap_or_else(PoisonError::into_inner).destroy((platform, subject));
    }

    fn insert(&self, platform: Uid, subject: Uid, key: DataKey) {
        self.kept.write().unwrap_or_else(PoisonError::into_inner).insert((platform, subject), key);
    }

    /// Unwraps a stored key and keeps it, unless it was destroyed meanwhile. `wrapper` is the platform's key, for a subject's.
    pub fn unwrap(&self, platform: Uid, subject: Uid, wrapper: Option<&DataKey>, wrapped: &[u8]) -> Result<DataKey, StoreError> {
        let bytes = self.wrapper(wrapper).open(place_of_key(subject), wrapped)?;
        let bytes: [u8; KEY_BYTES] = bytes.try_into().map_err(|_| StoreError::Fault("a data key is not of 32 bytes".to_owned()))?;
        let key = DataKey::new(&bytes);
        self.insert(platform, subject, key.clone());
        Ok(key)
    }

    /// Makes a key. It is not kept: call [`Vault::keep`] once it is stored.
    pub fn fresh(&self, platform: Uid, subject: Uid, wrapper: Option<&DataKey>) -> Result<FreshKey, StoreError> {
        let mut bytes = [0; KEY_BYTES];
        rand::rng().fill_bytes(&mut bytes);
        let wrapped = self.wrapper(wrapper).seal(place_of_key(subject), &bytes)?;
        Ok(FreshKey { platform, subject, key: DataKey::new(&bytes), wrapped })
    }

    fn wrapper<'a>(&'a self, wrapper: Option<&'a DataKey>) -> &'a DataKey {
        wrapper.unwrap_or(&self.master)
    }
}

const fn place_of_key(subject: Uid) -> Place {
    Place { column: "data_key.wrapped", row: subject }
}

fn hmac(key: &[u8; KEY_BYTES], parts: &[&[u8]]) -> [u8; KEY_BYTES] {
    let mut bytes = [0; KEY_BYTES];
    if let Ok(mut mac) = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key) {
        for part in parts {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part);
        }
        bytes.copy_from_slice(&mac.finalize().into_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Place = Place { column: "t.c", row: Uid::from_bits(5) };

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let key = DataKey::new(&[1; 32]);
        let sealed = key.seal(HERE, b"Joe Blogs").unwrap();
        assert_eq!(key.open(HERE, &sealed).unwrap(), b"Joe Blogs");
        assert!(!sealed.windows(3).any(|window| window == b"Joe"));
        assert!(key.open(Place { row: Uid::from_bits(6), ..HERE }, &sealed).is_err());
        assert!(key.open(Place { column: "t.d", ..HERE }, &sealed).is_err());
        assert!(DataKey::new(&[2; 32]).open(HERE, &sealed).is_err());
        assert!(key.open(HERE, &sealed[..10]).is_err());
        assert!(key.open(HERE, &[]).is_err());
    }

    #[test]
    fn keys_come_back_from_their_wrapped_form_under_the_same_master_key_only() {
        let vault = Vault::new(&[9; 32]);
        let (platform, subject) = (Uid::from_bits(1), Uid::from_bits(2));
        let of_platform = vault.fresh(platform, platform, None).unwrap();
        let of_subject = vault.fresh(platform, subject, Some(&of_platform.key)).unwrap();
        let sealed = of_subject.key.seal(HERE, b"x").unwrap();
        assert!(vault.cached(platform, subject).is_none(), "a key that is not stored is not kept");

        let again = Vault::new(&[9; 32]);
        let wrapper = again.unwrap(platform, platform, None, &of_platform.wrapped).unwrap();
        let key = again.unwrap(platform, subject, Some(&wrapper), &of_subject.wrapped).unwrap();
        assert_eq!(key.open(HERE, &sealed).unwrap(), b"x");
        assert!(again.cached(platform, subject).is_some());
        assert!(Vault::new(&[8; 32]).unwrap(platform, platform, None, &of_platform.wrapped).is_err());
    }

    #[test]
    fn a_destroyed_key_is_not_brought_back_by_whoever_read_it_before() {
        let vault = Vault::new(&[9; 32]);
        let (platform, subject) = (Uid::from_bits(1), Uid::from_bits(2));
        let made = vault.fresh(platform, subject, None).unwrap();
        let wrapped = made.wrapped.clone();
        vault.keep([made]);
        vault.forget(platform, subject);
        assert!(vault.unwrap(platform, subject, None, &wrapped).is_ok(), "whoever has read it goes on with it");
        assert!(vault.cached(platform, subject).is_none());
        for other in 3..u128::try_from(REMEMBERED).unwrap() + 3 {
            vault.forget(platform, Uid::from_bits(other));
        }
        vault.unwrap(platform, subject, None, &wrapped).unwrap();
        assert!(vault.cached(platform, subject).is_none(), "the last so many are remembered");
    }
}
