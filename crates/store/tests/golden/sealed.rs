//! A sealed value, under a user's key, under a platform's, under a master key: what was sealed once opens for ever.

use ledger::Uid;
use serde::{Deserialize, Serialize};
use store::vault::{Place, Vault};

use crate::{here, is_writing};

const MASTER: [u8; 32] = [7; 32];
const PLATFORM: Uid = Uid::from_bits(1);
const USER: Uid = Uid::from_bits(2);
const PLACE: Place = Place { column: "person", row: Uid::from_bits(3) };
const PLAIN: &[u8] = b"Sophia Garnier";
/// What the keyed hash is asked for.
const HASHED: [&[u8]; 2] = [b"one", b"two"];

/// The stored bytes, as numbers.
#[derive(Serialize, Deserialize)]
struct Sealed {
    platform_key: Vec<u8>,
    user_key: Vec<u8>,
    value: Vec<u8>,
    hash: Vec<u8>,
}

#[test]
fn what_was_sealed_opens_for_ever() {
    let path = here("sealed.json");
    // Nonces are random, so it is made once, and never again.
    if is_writing() && !path.exists() {
        std::fs::write(&path, format!("{}\n", serde_json::to_string(&seal()).unwrap())).unwrap();
    }
    let golden: Sealed = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let vault = Vault::new(&MASTER);
    let platform = vault.unwrap(PLATFORM, PLATFORM, None, &golden.platform_key).unwrap();
    let user = vault.unwrap(PLATFORM, USER, Some(&platform), &golden.user_key).unwrap();
    assert_eq!(user.open(PLACE, &golden.value).unwrap(), PLAIN);
    assert_eq!(vault.hash(&HASHED).to_vec(), golden.hash, "what was looked up by its hash is found by it");
}

fn seal() -> Sealed {
    let vault = Vault::new(&MASTER);
    let platform = vault.fresh(PLATFORM, PLATFORM, None).unwrap();
    let user = vault.fresh(PLATFORM, USER, Some(&platform.key)).unwrap();
    let value = user.key.seal(PLACE, PLAIN).unwrap();
    Sealed { platform_key: platform.wrapped, user_key: user.wrapped, value, hash: vault.hash(&HASHED).to_vec() }
}
