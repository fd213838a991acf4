//! What an account is for, and whether it may go below zero.

/// How low an account's available balance may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floor {
    /// Never below zero.
    Zero,
    /// No limit: the account stands for somebody outside, or collects what is owed.
    None,
}

macro_rules! roles {
    ($($number:literal $role:ident $name:literal $floor:ident $doc:literal;)*) => {
        /// What an account is for. The numbers are stored: they never change, nor are they used again.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Role { $(#[doc = $doc] $role,)* }

        impl Role {
            /// Every role, in order of its number.
            pub const ALL: &'static [Role] = &[$(Role::$role,)*];

            /// The stored number.
            #[must_use]
            pub const fn number(self) -> u8 { match self { $(Role::$role => $number,)* } }

            /// The role of a stored number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Role::$role),)* _ => None }
            }

            /// The name in reports and exports, lower case with dashes.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Role::$role => $name,)* } }

            /// How low the account may go.
            #[must_use]
            pub const fn floor(self) -> Floor { match self { $(Role::$role => Floor::$floor,)* } }
        }
    };
}

roles! {
    1 Wallet "wallet" Zero "E-money of one user in one currency.";
    2 Fees "fees" Zero "Fees a platform has earned, one a currency.";
    3 Credit "credit" None "A platform's repudiation wallet, one a currency: chargebacks push it below zero.";
    4 HolderDebt "holder-debt" None "What a holder owes; a wallet itself never goes below zero.";
    5 Safeguarding "safeguarding" None "Clients' money at a bank.";
    6 OwnMoney "own-money" None "The institution's own money at a bank.";
    7 AcquirerReceivable "acquirer-receivable" None "Card money an acquirer has accepted and not yet paid.";
    8 AcquirerPayable "acquirer-payable" None "Card money owed to an acquirer.";
    9 Collections "collections" None "Direct debits and other collections under way.";
    10 PayoutsInTransit "payouts-in-transit" None "Payouts taken from wallets and not yet confirmed by the bank.";
    11 RefundsInTransit "refunds-in-transit" None "Refunds taken from wallets and not yet confirmed.";
    12 UnidentifiedReceipts "unidentified-receipts" None "Money received that no wallet could be found for.";
    13 ReturnsForClosedUsers "returns-for-closed-users" None "Money that came back for users who are closed.";
    14 Revenue "revenue" None "What the institution has earned.";
    15 WriteOff "write-off" None "Losses taken.";
    16 ExchangePosition "exchange-position" None "The other side of conversions, one a currency.";
    17 Rounding "rounding" None "Rounding differences.";
    18 Escrow "escrow" None "Echo: money settled by an outside acquirer and not yet split.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique_and_read_back() {
        for &role in Role::ALL {
            assert_eq!(Role::from_number(role.number()), Some(role));
            assert_eq!(Role::ALL.iter().filter(|other| other.name() == role.name()).count(), 1);
        }
        assert_eq!(Role::from_number(0), None);
    }

    #[test]
    fn only_wallets_and_fees_have_a_floor() {
        for &role in Role::ALL {
            let floored = matches!(role, Role::Wallet | Role::Fees);
            assert_eq!(role.floor() == Floor::Zero, floored, "{role:?}");
        }
    }
}
