//! Signatures of deliveries, by the scheme of Standard Webhooks.
//!
//! The vendor's format has no body and no signature: what is signed in the body's place is the request's line, method and
//! target. `webhook-id` is the same over every attempt, `webhook-timestamp` is real time in seconds.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::Timestamp;
use domain::hook::SIGNING_KEY_BYTES;
use domain::ids::DeliveryId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What a secret begins with when it is shown.
pub const SECRET_PREFIX: &str = "whsec_";

/// A key as it is shown, and as libraries of the scheme take it.
#[must_use]
pub fn secret_text(key: &[u8; SIGNING_KEY_BYTES]) -> String {
    format!("{SECRET_PREFIX}{}", STANDARD.encode(key))
}

/// The value of `webhook-signature`.
pub fn sign(key: &[u8; SIGNING_KEY_BYTES], id: DeliveryId, at: Timestamp, request_target: &str) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(format!("{id}.{}.GET {request_target}", at.seconds()).as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use ledger::Uid;

    use super::*;

    /// The expected value was made with Python's `hmac` and `base64`, not with this code.
    #[test]
    fn a_signature_is_what_other_libraries_make_of_it() {
        let key: [u8; SIGNING_KEY_BYTES] = std::array::from_fn(|place| u8::try_from(place).unwrap());
        let id = DeliveryId(Uid::from_bits(0x0192_7a1b_2c3d_7e4f_8a5b_6c7d_8e9f_a0b1));
        let signed = sign(&key, id, Timestamp::from_seconds(1_700_000_000), "/hook?EventType=X&Date=1").unwrap();
        assert_eq!(secret_text(&key), "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
        assert_eq!(signed, "v1,Ea0RZBnHpOx+QAJyZZQKeyO6a9OpKJ/5WhTscOD1Ztk=");
    }
}
