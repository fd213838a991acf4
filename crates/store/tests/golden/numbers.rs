//! Numbers that stand for things in stored rows: none is given to another thing, ever.

use std::collections::BTreeMap;
use std::fmt::Debug;

use domain::hook::{DeliveryState, Told};
use domain::payment::{Nature, PaymentKind, Refusal, Status};
use domain::{EventType, JobKind, Space};
use ledger::{EntryKind, MatchState, Role};
use store::KINDS;

use crate::check_groups;

/// Numbers beyond this stand for nothing.
const GREATEST: u16 = 4_096;

fn of<T: Debug>(from_number: impl Fn(u16) -> Option<T>) -> BTreeMap<String, String> {
    (0..GREATEST).filter_map(|number| Some((number.to_string(), format!("{:?}", from_number(number)?)))).collect()
}

fn of_small<T: Debug>(from_number: impl Fn(u8) -> Option<T>) -> BTreeMap<String, String> {
    of(|number| u8::try_from(number).ok().and_then(&from_number))
}

/// Every space of the directory: one that is not listed does not compile.
macro_rules! spaces {
    ($($space:ident)*) => {{
        const fn is_listed(space: Space) -> bool {
            match space { $(Space::$space => true,)* }
        }
        let spaces = [$(Space::$space),*];
        assert!(spaces.into_iter().all(is_listed));
        spaces
    }};
}

/// The spaces of ids that are texts.
fn named() -> BTreeMap<String, String> {
    use domain::ids::{BankAccountId, CardId, CardRegistrationId, CardValidationId, HookId};
    use domain::{Named, PaymentId, UserId, WalletId};
    macro_rules! spaces {
        ($($id:ident)*) => { [$(($id::SPACE.to_string(), stringify!($id).to_owned())),*].into() };
    }
    spaces! { UserId WalletId PaymentId CardId CardRegistrationId CardValidationId BankAccountId HookId }
}

#[test]
fn numbers_mean_the_same_for_ever() {
    let spaces = spaces! { ClientId Iban WireReference Fixture BankCredit GivenId };
    let found = [
        ("kind of record", KINDS.iter().map(|kind| (kind.number.to_string(), kind.table.to_owned())).collect()),
        ("Space", spaces.iter().map(|space| (space.number().to_string(), format!("{space:?}"))).collect()),
        ("Named", named()),
        ("EntryKind", of_small(EntryKind::from_number)),
        ("EventType", of(EventType::from_number)),
        ("DeliveryState", of_small(DeliveryState::from_number)),
        ("Told", (0..100).filter_map(|number| Some((number.to_string(), format!("{:?}", Told::from_number(number)?)))).collect()),
        ("JobKind", of(JobKind::from_number)),
        ("MatchState", of_small(MatchState::from_number)),
        ("Nature", of_small(Nature::from_number)),
        ("PaymentKind", of_small(PaymentKind::from_number)),
        ("Refusal", of(Refusal::from_number)),
        ("Role", of_small(Role::from_number)),
        ("Status", of_small(Status::from_number)),
    ];
    check_groups("numbers.json", &found.map(|(name, numbers)| (name.to_owned(), numbers)).into());
}
