//! What the acquirer keeps of cards is readable only with a key that is not in its file.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use domain::card::Fingerprint;
use hmac::{Hmac, KeyInit, Mac};
use ledger::Uid;
use rand::TryRng;
use sha2::Sha256;

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// The first byte of whatever is sealed: how it is sealed.
const FORM: u8 = 1;

/// A value could not be sealed, or does not open: it was changed, put elsewhere, or sealed under another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsealable;

/// The acquirer's keys, each derived from one key by a label of its own (HMAC-SHA256).
pub struct Keys {
    fingerprints: [u8; KEY_BYTES],
    tokens: [u8; KEY_BYTES],
    check: [u8; KEY_BYTES],
    seal: XChaCha20Poly1305,
}

impl Keys {
    pub fn of(key: &[u8; KEY_BYTES]) -> Self {
        let derive = |label: &str| hmac(key, label.as_bytes());
        Self {
            fingerprints: derive("fingerprints of card numbers"),
            tokens: derive("names of tokens"),
            check: derive("check of the key"),
            seal: <XChaCha20Poly1305 as KeyInit>::new(&Key::from(derive("seal of cards"))),
        }
    }

    /// Tells whether a file was made under this key.
    pub const fn check(&self) -> [u8; KEY_BYTES] {
        self.check
    }

    /// The same for the same number, and of no use for finding the number.
    pub fn fingerprint(&self, number: &str) -> Fingerprint {
        let mut half = [0; 16];
        half.copy_from_slice(&hmac(&self.fingerprints, number.as_bytes())[..16]);
        Fingerprint(Uid::from_bytes(half))
    }

    /// What a token is looked up by: whoever reads the file cannot charge a card with it.
    pub fn name(&self, token: &str) -> [u8; KEY_BYTES] {
        hmac(&self.tokens, token.as_bytes())
    }

    /// Seals a value for the row of this name.
    pub fn seal(&self, name: &[u8; KEY_BYTES], plain: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let mut nonce = [0; NONCE_BYTES];
        rand::rngs::SysRng.try_fill_bytes(&mut nonce).map_err(|_| Unsealable)?;
        let sealed = self.seal.encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: name }).map_err(|_| Unsealable)?;
        Ok([&[FORM], &nonce[..], &sealed].concat())
    }

    /// Opens what was sealed for the row of this name.
    pub fn open(&self, name: &[u8; KEY_BYTES], sealed: &[u8]) -> Result<Vec<u8>, Unsealable> {
        let rest = sealed.strip_prefix(&[FORM]).ok_or(Unsealable)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(Unsealable)?;
        self.seal.decrypt(&XNonce::from(*nonce), Payload { msg: text, aad: name }).map_err(|_| Unsealable)
    }
}

fn hmac(key: &[u8; KEY_BYTES], text: &[u8]) -> [u8; KEY_BYTES] {
    // A key that is shorter than a block counts as if it ended in zeros.
    let mut block = [0; 64];
    block[..KEY_BYTES].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    mac.update(text);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_row_and_under_its_key_only() {
        let keys = Keys::of(&[1; 32]);
        let (here, there) = (keys.name("a token"), keys.name("another"));
        let sealed = keys.seal(&here, b"497010").unwrap();
        assert_eq!(keys.open(&here, &sealed), Ok(b"497010".to_vec()));
        assert_ne!(keys.seal(&here, b"497010").unwrap(), sealed);
        assert_eq!(keys.open(&there, &sealed), Err(Unsealable));
        assert_eq!(Keys::of(&[2; 32]).open(&here, &sealed), Err(Unsealable));
        for broken in [&sealed[..sealed.len() - 1], &sealed[..10], &[], &[&[2], &sealed[1..]].concat()] {
            assert_eq!(keys.open(&here, broken), Err(Unsealable));
        }
    }

    #[test]
    fn keys_are_derived_by_hmac_with_sha_256() {
        // RFC 4231, test case 1: twenty bytes of 0b, which is as if they ended in zeros.
        let mut key = [0; KEY_BYTES];
        key[..20].fill(0x0b);
        let expected = 0xb034_4c61_d8db_3853_5ca8_afce_af0b_f12b_u128.to_be_bytes();
        assert_eq!(hmac(&key, b"Hi There")[..16], expected);
    }

    #[test]
    fn keys_of_one_key_have_nothing_in_common() {
        let (keys, other) = (Keys::of(&[1; 32]), Keys::of(&[2; 32]));
        assert_ne!(keys.fingerprints, keys.tokens);
        assert!(keys.fingerprint("4970107111111119") == keys.fingerprint("4970107111111119"));
        assert!(keys.fingerprint("4970107111111119") != keys.fingerprint("4970105181818183"));
        assert!(keys.fingerprint("4970107111111119") != other.fingerprint("4970107111111119"));
        assert_ne!(keys.check(), other.check());
    }
}
