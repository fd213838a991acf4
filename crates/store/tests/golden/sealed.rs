//! Sealed columns, under a user's key or a platform's, under a master key: what was sealed once opens for ever.
//!
//! Held is the whole way: the keys' wrapping, whose key a column is under, and the place that a sealed value is bound to.

use std::sync::Arc;

use domain::user::Person;
use domain::{Answer, IdempotencyKey, KeyRow, KeyState, PlatformId, Record, Resource, Secret, Timestamp, UserId};
use engine::StoreError;
use ledger::{Entry, EntryId, EntryKind, ExternalLeg, MatchState, Uid};
use serde::{Deserialize, Serialize};
use store::codec::{self, EntryColumns, KeyColumns, RecordColumns};
use store::vault::{DataKey, Keys, Vault};

use crate::{here, is_writing};

const FILE: &str = "sealed.json";
const MASTER: [u8; 32] = [7; 32];
const PLATFORM: Uid = Uid::from_bits(1);
const USER: Uid = Uid::from_bits(2);
const ROW: Uid = Uid::from_bits(3);
/// What the keyed hash is asked for.
const HASHED: [&[u8]; 2] = [b"one", b"two"];

/// The stored bytes, as numbers.
#[derive(Serialize, Deserialize)]
struct Sealed {
    platform_key: Vec<u8>,
    user_key: Vec<u8>,
    /// A person's body, under its user's key.
    body: Vec<u8>,
    /// A stored answer, and an entry's two references, under the platform's.
    answer: Vec<u8>,
    bank_reference: Vec<u8>,
    end_to_end_id: Vec<u8>,
    hash: Vec<u8>,
}

/// The keys of the platform and of its one user.
struct Two {
    platform: DataKey,
    user: DataKey,
}

impl Keys for Two {
    fn find(&mut self, platform: Uid, subject: Uid) -> Result<Option<DataKey>, StoreError> {
        assert_eq!(platform, PLATFORM);
        match subject {
            PLATFORM => Ok(Some(self.platform.clone())),
            USER => Ok(Some(self.user.clone())),
            other => Err(StoreError::Fault(format!("nobody is {other}"))),
        }
    }
}

#[test]
fn what_was_sealed_opens_for_ever() {
    // Nonces are random, so it is made once. Until the first release, whoever changes sealing removes the file first.
    if is_writing() && !here(FILE).exists() {
        std::fs::write(here(FILE), format!("{}\n", serde_json::to_string(&seal()).unwrap())).unwrap();
    }
    let golden: Sealed = serde_json::from_str(&std::fs::read_to_string(here(FILE)).unwrap()).unwrap();
    let vault = Vault::new(&MASTER);
    assert_eq!(vault.hash(&HASHED).to_vec(), golden.hash, "what was looked up by its hash is found by it");
    let platform = vault.unwrap(PLATFORM, PLATFORM, None, &golden.platform_key).unwrap();
    let user = vault.unwrap(PLATFORM, USER, Some(&platform), &golden.user_key).unwrap();
    let mut keys = Two { platform, user };

    let row = RecordColumns {
        platform: PLATFORM,
        id: ROW,
        owner: Some(USER),
        created_at: 0,
        version: 1,
        form: Person::KIND.form.into(),
        body: golden.body,
    };
    let record = codec::record(Person::KIND, row, &mut keys).unwrap().expect("it is not erased");
    assert_eq!(*record.body::<Person>().unwrap(), person());

    let row = KeyColumns {
        platform: PLATFORM,
        dialect: 1,
        key: "0123456789abcdef".to_owned(),
        fingerprint: [4; 16],
        path: "/v2.01/me/transfers".to_owned(),
        status: Some(200),
        answer: Some(golden.answer),
        at: 0,
    };
    assert_eq!(codec::key_row(row, &mut keys).unwrap(), key_row());

    let row = EntryColumns {
        platform: PLATFORM,
        id: ROW,
        kind: EntryKind::PayIn.number().into(),
        operation: ROW,
        corrects: None,
        booked_at: 0,
        booking_day: Some(20_000),
        value_day: Some(20_001),
        bank_reference: Some(golden.bank_reference),
        end_to_end_id: Some(golden.end_to_end_id),
        match_state: Some(MatchState::Matched.number().into()),
    };
    assert_eq!(codec::entry(row, &mut keys).unwrap(), entry());
}

fn seal() -> Sealed {
    let vault = Vault::new(&MASTER);
    let platform = vault.fresh(PLATFORM, PLATFORM, None).unwrap();
    let user = vault.fresh(PLATFORM, USER, Some(&platform.key)).unwrap();
    let mut keys = Two { platform: platform.key, user: user.key };
    let record = Record::of(PlatformId(PLATFORM), ROW.into(), Timestamp::from_ms(0), 1, person());
    let (bank_reference, end_to_end_id) = codec::seal_external(&entry(), &mut keys).unwrap();
    Sealed {
        platform_key: platform.wrapped,
        user_key: user.wrapped,
        body: codec::seal_body(&record, &mut keys).unwrap(),
        answer: codec::seal_answer(&key_row(), &mut keys).unwrap().unwrap().1,
        bank_reference: bank_reference.unwrap(),
        end_to_end_id: end_to_end_id.unwrap(),
        hash: vault.hash(&HASHED).to_vec(),
    }
}

fn person() -> Person {
    Person { user: Some(UserId(USER)), first_name: Secret::new("Sophia".to_owned()), ..Person::default() }
}

fn key_row() -> KeyRow {
    let answer = Answer { status: 200, body: Arc::from(*b"{\"Id\":\"1\"}") };
    KeyRow {
        key: IdempotencyKey { platform: PlatformId(PLATFORM), dialect: 1, key: "0123456789abcdef".into() },
        fingerprint: [4; 16],
        path: "/v2.01/me/transfers".into(),
        state: KeyState::Answered(answer),
        at: Timestamp::from_ms(0),
    }
}

fn entry() -> Entry {
    let external = ExternalLeg {
        booking_day: 20_000,
        value_day: 20_001,
        bank_reference: Some("bank".to_owned()),
        end_to_end_id: Some("end to end".to_owned()),
        match_state: MatchState::Matched,
    };
    Entry {
        id: EntryId(ROW),
        tenant: PLATFORM,
        kind: EntryKind::PayIn,
        operation: ROW,
        corrects: None,
        booked_at_ms: 0,
        external: Some(external),
    }
}
