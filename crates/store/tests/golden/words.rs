//! Words that stand for things in stored text. One that was written may be in a store, so it is read for ever.

use std::collections::BTreeMap;

use domain::bank_account::{AccountHolder, BankDetails, DepositAccountType};
use domain::card::{
    AddressCheck, CardType, Funding, Network, PaymentCategory, RegistrationStatus, SecureMode, ValidationStatus, ValidationUsage, Validity,
};
use domain::hook::{HookStatus, Validity as HookValidity};
use domain::payment::{
    AppliedMode, CardFlow, ChargeBearer, Detail, PayoutMode, PayoutStage, Presence, RefundReason, ReturnReason, Unplaced,
};
use domain::platform::{Environment, ImageFormat, Licensor, Regime};
use domain::sca::{ScaPurpose, ScaStatus};
use domain::user::{Category, Identity, LegalForm, UserStatus, Verification};
use serde::de::DeserializeOwned;

use crate::{Groups, check_groups};

/// The words of a type, as its decoder tells them to whoever sends one that it does not know.
pub fn of<T: DeserializeOwned>() -> Vec<String> {
    let error = serde_json::from_str::<T>("\"?\"").err().expect("no type knows this word").to_string();
    let (_, expected) = error.split_once("expected ").unwrap_or_else(|| panic!("{}: {error}", std::any::type_name::<T>()));
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

macro_rules! groups {
    ($($type:ident)*) => {
        BTreeMap::from([$((stringify!($type).to_owned(), of::<$type>().into_iter().map(|word| (word, "read".to_owned())).collect()),)*])
    };
}

#[test]
fn words_are_read_for_ever() {
    let found: Groups = groups! {
        AccountHolder AddressCheck AppliedMode BankDetails CardFlow CardType Category ChargeBearer DepositAccountType Detail
        Environment Funding HookStatus HookValidity Identity ImageFormat LegalForm Licensor Network PaymentCategory PayoutMode PayoutStage Presence RefundReason
        Regime RegistrationStatus ReturnReason ScaPurpose ScaStatus SecureMode Unplaced UserStatus Validity ValidationStatus
        ValidationUsage Verification
    };
    assert!(found.values().all(|words| !words.is_empty()), "{found:?}");
    check_groups("words.json", &found);
}

#[test]
fn the_words_of_a_type_are_told() {
    assert_eq!(of::<ChargeBearer>(), ["our", "shared"]);
    assert_eq!(of::<AccountHolder>(), ["user", "platform"]);
    assert_eq!(of::<ScaPurpose>(), ["enrollment"]);
}
