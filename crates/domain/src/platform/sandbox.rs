//! What only a sandbox may do.

use super::Environment;
use crate::{Command, Desk, Needs};

/// A command that only a sandbox platform may give: it lets happen what on production only the outside can.
#[derive(Clone, Debug)]
pub struct InSandbox<C>(pub C);

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InSandboxError<E> {
    /// The platform is for real money.
    #[error("this exists on sandbox platforms only")]
    NotASandbox,
    /// The command itself says no.
    #[error("the command failed")]
    Command(E),
}

impl<C: Command> Command for InSandbox<C> {
    type Outcome = C::Outcome;
    type Error = InSandboxError<C::Error>;
    const NAME: &'static str = C::NAME;

    fn needs(&self, need: &mut Needs<'_>) {
        self.0.needs(need);
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<C::Outcome, InSandboxError<C::Error>> {
        let is_sandbox = desk.platform().is_some_and(|platform| platform.environment == Environment::Sandbox);
        if !is_sandbox {
            return Err(InSandboxError::NotASandbox);
        }
        self.0.decide(desk).map_err(InSandboxError::Command)
    }

    fn is_refusal(outcome: &C::Outcome) -> bool {
        C::is_refusal(outcome)
    }
}

#[cfg(test)]
mod tests {
    use money::{Currency, Money};

    use super::*;
    use crate::core::workbench::World;
    use crate::payment::{BankCredit, ReceiveWire};

    #[test]
    fn production_lets_nothing_happen_by_order() {
        let received = Money::new(5, Currency::EUR).unwrap();
        let credit = BankCredit { reference: "B1".to_owned(), hash: [1; 32] };
        let wire = InSandbox(ReceiveWire { credit, remittance: None, received, booked_at: None, debtor: None });
        let mut world = World::new();
        assert!(world.run(&wire).is_ok());
        world.change_platform(|platform| platform.environment = Environment::Production);
        assert!(matches!(world.run(&wire), Err(InSandboxError::NotASandbox)));
    }
}
