//! Bodies of records and details of payments.

use std::collections::BTreeMap;

use domain::payment::{Detail, Nature, Payment, PaymentKind, Status};
use domain::{Kind, Lead, PaymentId, PlatformId, Record, Timestamp};
use engine::StoreError;
use ledger::Uid;
use money::{Currency, Money, SignedMoney};
use serde_json::Value;
use store::KINDS;
use store::codec::{self, DETAIL_FORM, PaymentColumns};
use store::vault::{DataKey, Keys, Place, Vault};

use crate::{here, is_writing, words};

/// A golden file.
struct Golden {
    /// What is in it: a table's name, or a detail's word.
    kind: String,
    form: i64,
    variant: Option<String>,
    text: String,
}

impl Golden {
    fn name(&self) -> String {
        let variant = self.variant.as_ref().map(|variant| format!(".{variant}")).unwrap_or_default();
        format!("{}.{}{variant}.json", self.kind, self.form)
    }
}

/// The golden files of a folder, by name.
fn all(folder: &str) -> Vec<Golden> {
    let mut all = BTreeMap::new();
    for file in std::fs::read_dir(here(folder)).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let parts: Vec<&str> = name.strip_suffix(".json").expect("golden files are JSON").split('.').collect();
        let [kind, form, variant @ ..] = &*parts else { panic!("{name} has no form") };
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
        let variant = variant.first().map(|variant| (*variant).to_owned());
        all.insert(name.clone(), Golden { kind: (*kind).to_owned(), form: form.parse().unwrap(), variant, text });
    }
    all.into_values().collect()
}

/// Holds a golden file against what it is once it was read and is written as things are now; or, if asked to, brings the
/// folder up to that.
fn check(folder: &str, golden: &Golden, current: i64, now: &str) {
    if !is_writing() {
        return assert_same(golden, current, now);
    }
    let written = Golden { form: current, kind: golden.kind.clone(), variant: golden.variant.clone(), text: now.to_owned() };
    let path = here(folder).join(written.name());
    if golden.form == current || !path.exists() {
        std::fs::write(path, format!("{now}\n")).unwrap();
    }
}

/// Asserts that a golden file of the form of now is what is written now.
fn assert_same(golden: &Golden, current: i64, now: &str) {
    if golden.form == current {
        let why = "is stored in another way now: give the kind its next form, and run with FLORIN_GOLDEN=write";
        assert_eq!(now, golden.text, "{} {why}", golden.name());
    }
}

/// Asserts that a golden file leaves nothing out, so that every field is known to be read.
fn assert_rich(folder: &str, golden: &Golden) {
    fn empty(value: &Value, path: &str) -> Option<String> {
        match value {
            Value::Null => Some(path.to_owned()),
            Value::String(text) if text.is_empty() => Some(path.to_owned()),
            Value::Array(items) if items.is_empty() => Some(path.to_owned()),
            Value::Array(items) => items.iter().enumerate().find_map(|(place, item)| empty(item, &format!("{path}/{place}"))),
            Value::Object(members) => members.iter().find_map(|(name, member)| empty(member, &format!("{path}/{name}"))),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }
    let value: Value = serde_json::from_str(&golden.text).unwrap();
    assert_eq!(empty(&value, ""), None, "{folder}/{} leaves something out", golden.name());
}

fn kind_of(table: &str) -> &'static Kind {
    KINDS.iter().find(|kind| kind.table == table).unwrap_or_else(|| panic!("there is no kind {table} any more"))
}

#[test]
fn bodies_of_records_are_read_for_ever() {
    for golden in all("records") {
        let kind = kind_of(&golden.kind);
        let form = u16::try_from(golden.form).unwrap();
        let (body, status) = kind.decode(form, golden.text.as_bytes()).unwrap_or_else(|error| panic!("{}: {error}", golden.name()));
        let zero = Uid::from_bits(0);
        let lead = Lead { platform: PlatformId(zero), id: zero, owner: None, status, created_at: Timestamp::from_ms(0), version: 1 };
        let now = Record::from_parts(kind, lead, body).encode().unwrap();
        check("records", &golden, i64::from(kind.form), &String::from_utf8(now).unwrap());
        assert_rich("records", &golden);
    }
}

#[test]
fn every_kind_has_a_golden_file_of_its_form() {
    let all = all("records");
    for kind in KINDS {
        let has_one = all.iter().any(|golden| golden.kind == kind.table && golden.form == i64::from(kind.form));
        assert!(has_one, "tests/golden/records/{}.{}.json is missing", kind.table, kind.form);
    }
}

#[test]
fn details_of_payments_are_read_for_ever() {
    let all = all("details");
    for golden in &all {
        let now = serde_json::to_string(&stored_detail(golden)).unwrap();
        check("details", golden, DETAIL_FORM, &now);
        assert_rich("details", golden);
        assert!(now.starts_with(&format!("{{\"{}\":", golden.kind)), "{} is of another kind", golden.name());
    }
    for word in &words::of::<Detail>() {
        let has_one = all.iter().any(|golden| golden.kind == *word && golden.form == DETAIL_FORM);
        assert!(has_one, "tests/golden/details/{word}.{DETAIL_FORM}.json is missing");
    }
}

/// The detail of a payment whose row has this one.
fn stored_detail(golden: &Golden) -> Detail {
    let mut keys = OneKey::new();
    let (platform, id) = (Uid::from_bits(1), Uid::from_bits(2));
    let key = keys.key(platform, platform).unwrap();
    let sealed = key.seal(Place { column: "payment.detail", row: id }, golden.text.as_bytes()).unwrap();
    let money = Money::new(1, Currency::EUR).unwrap();
    let row = PaymentColumns {
        platform,
        id,
        kind: PaymentKind::PayIn.number().into(),
        nature: Nature::Regular.number().into(),
        author: platform,
        credited_user: None,
        debited: money.minor(),
        debited_currency: "EUR".to_owned(),
        credited: money.minor(),
        credited_currency: "EUR".to_owned(),
        fees: SignedMoney::new(0, Currency::EUR).minor(),
        debited_wallet: None,
        credited_wallet: None,
        initial: None,
        status: Status::Created.number().into(),
        refusal: None,
        created_at: 0,
        executed_at: None,
        policy_version: 1,
        tag: None,
        form: golden.form,
        detail: Some(sealed),
        version: 1,
    };
    let payment: Option<Payment> = codec::payment(row, &mut keys).unwrap_or_else(|error| panic!("{}: {error}", golden.name()));
    let payment = payment.unwrap_or_else(|| panic!("{}: it reads as erased", golden.name()));
    assert_eq!(payment.id, PaymentId(id));
    payment.detail
}

/// One key for everybody.
struct OneKey(DataKey);

impl OneKey {
    fn new() -> Self {
        let nobody = Uid::from_bits(0);
        Self(Vault::new(&[7; 32]).fresh(nobody, nobody, None).unwrap().key)
    }
}

impl Keys for OneKey {
    fn find(&mut self, _: Uid, _: Uid) -> Result<Option<DataKey>, StoreError> {
        Ok(Some(self.0.clone()))
    }
}

/// Alternatives that hold something: each is in a golden file.
#[test]
fn every_alternative_is_in_a_golden_file() {
    use domain::bank_account::{AccountHolder, BankDetails};
    use domain::payment::CardFlow;
    use domain::user::Identity;
    let texts: Vec<String> = all("records").into_iter().chain(all("details")).map(|golden| golden.text).collect();
    for word in [words::of::<AccountHolder>(), words::of::<BankDetails>(), words::of::<CardFlow>(), words::of::<Identity>()].concat() {
        let is_there = texts.iter().any(|text| text.contains(&format!("\"{word}\":")) || text.contains(&format!(":\"{word}\"")));
        assert!(is_there, "{word} is in no golden file");
    }
}

#[test]
fn an_earlier_form_may_be_written_otherwise() {
    assert_same(&wallet_of_form(1), 2, r#"{"owner":1,"colour":null}"#);
}

#[test]
#[should_panic(expected = "give the kind its next form")]
fn a_body_that_is_stored_in_another_way_is_noticed() {
    assert_same(&wallet_of_form(1), 1, r#"{"owner":1,"colour":null}"#);
}

#[test]
#[should_panic(expected = "wallet.1.json leaves something out")]
fn what_a_golden_file_leaves_out_is_noticed() {
    let golden = Golden { text: r#"{"owner":1,"tags":[{"text":null}]}"#.to_owned(), ..wallet_of_form(1) };
    assert_rich("records", &golden);
}

fn wallet_of_form(form: i64) -> Golden {
    Golden { kind: "wallet".to_owned(), form, variant: None, text: r#"{"owner":1}"#.to_owned() }
}
