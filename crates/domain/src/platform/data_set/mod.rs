//! What a platform for tests may begin with: small worlds, made by the ordinary commands.
//!
//! Each set is a file of its own, told as what happens there. Nothing here is a stored row: users are taken up, verified and
//! blocked, wires are declared and arrive, payouts are asked for, by the decisions that requests have made. Cards are not
//! among it, since whoever has one has shown its number to the acquirer, and a decision calls nobody.

mod crowdfunding;
mod filler;
mod marketplace;
mod rental;

use ledger::Uid;

use self::filler::Filler;
use crate::payment::ReceivingAccount;
use crate::{Desk, Fault, ObjectKind};

/// A small world to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataSet {
    /// Sellers, buyers, an order paid with a fee, a payout under way.
    Marketplace,
    /// A project, those who back it, what they pledged and what is still to come.
    Crowdfunding,
    /// A host, guests, a rent paid, deposits kept apart and one that was drawn upon.
    Rental,
}

impl DataSet {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Marketplace, Self::Crowdfunding, Self::Rental];

    /// Its name, for requests and command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Marketplace => "marketplace",
            Self::Crowdfunding => "crowdfunding",
            Self::Rental => "rental",
        }
    }

    /// The one of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name() == name)
    }

    /// Makes it on the tenant, which is new. Gives what a test wants to name, in the order in which it was made.
    pub(crate) fn fill(self, desk: &mut Desk<'_>, account: &ReceivingAccount) -> Vec<NamedObject> {
        let mut filler = Filler::new(desk, account);
        let filled = match self {
            Self::Marketplace => marketplace::fill(&mut filler),
            Self::Crowdfunding => crowdfunding::fill(&mut filler),
            Self::Rental => rental::fill(&mut filler),
        };
        let named = filler.into_named();
        if let Err(fault) = filled {
            desk.note_fault(fault);
        }
        named
    }
}

/// An object of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedObject {
    /// What it is called there, in lower case with underscores.
    pub name: &'static str,
    /// What it is.
    pub kind: ObjectKind,
    /// Its id.
    pub id: Uid,
}

/// A command of a data set did not do what it is there for: a defect of ours, or a policy that no set knows.
type Filled<T = ()> = Result<T, Fault>;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::core::workbench::World;
    use crate::payment::ReceivingAccount;
    use crate::platform::{CreatePlatform, CreateSeeded, CreateSubPlatform, Environment, Policy};
    use crate::{PlatformId, payment::Status};

    fn seeded(set: DataSet) -> CreateSeeded {
        let create = CreatePlatform {
            client_id: "child".to_owned(),
            environment: Environment::Sandbox,
            policy: Policy::mangopay(),
            key_digest: [1; 32],
        };
        let text = || "X".to_owned();
        let account = ReceivingAccount {
            owner_name: text(),
            address_line1: text(),
            city: text(),
            postal_code: text(),
            country: "LU".to_owned(),
            iban: text(),
            bic: text(),
        };
        CreateSeeded { create, parent: None, clock_ahead_ms: 0, data_set: Some(set), account }
    }

    #[test]
    fn every_set_is_made_whole_by_one_decision_and_names_its_objects_once() {
        for set in DataSet::ALL {
            assert_eq!(DataSet::named(set.name()), Some(set));
            let mut world = World::new();
            let id = PlatformId(Uid::from_bits(77));
            let seeded = CreateSeeded { parent: Some(world.platform()), ..seeded(set) };
            let made = world.run(&CreateSubPlatform { id, seeded }).unwrap();
            let names: BTreeSet<&str> = made.objects.iter().map(|object| object.name).collect();
            assert!(names.len() == made.objects.len() && names.len() >= 10, "{set:?}");
            let ids: BTreeSet<Uid> = made.objects.iter().map(|object| object.id).collect();
            assert_eq!(ids.len(), made.objects.len(), "{set:?}");
            let pay_ins = made.objects.iter().filter(|object| object.name.starts_with("pay_in"));
            for pay_in in pay_ins {
                assert_eq!(world.payment_of(id, crate::PaymentId(pay_in.id)).status, Status::Succeeded, "{set:?}");
            }
        }
    }
}
