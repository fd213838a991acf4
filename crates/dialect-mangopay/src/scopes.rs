//! What an API key may be allowed: the vendor's scopes, two bits each. Source: reference, people part, 1.3.

use domain::platform::Scopes;

macro_rules! scopes {
    ($($number:literal $scope:ident $name:literal;)*) => {
        /// A part of the API that keys are given reading or writing access to. The numbers are stored: they never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "each is the vendor's own name")]
        pub enum Scope { $($scope,)* }

        impl Scope {
            /// Every scope, in order of its number.
            pub const ALL: &'static [Scope] = &[$(Scope::$scope,)*];

            const fn number(self) -> u32 { match self { $(Scope::$scope => $number,)* } }

            /// The vendor's name.
            #[must_use]
            pub const fn name(self) -> &'static str { match self { $(Scope::$scope => $name,)* } }
        }
    };
}

scopes! {
    0 UsersDetails "Users.Details";
    1 UsersVerification "Users.Verification";
    2 ClientDetails "Client.Details";
    3 ClientDevelopers "Client.Developers";
    4 ClientPayIns "Client.PayIns";
    5 ClientReports "Client.Reports";
    6 ClientWallets "Client.Wallets";
    7 WalletDetails "Wallet.Details";
    8 Bankaccounts "Bankaccounts";
    9 Conversions "Conversions";
    10 Payins "Payins";
    11 Payouts "Payouts";
    12 Transfers "Transfers";
    13 DisputesGeneral "Disputes.General";
    14 DisputesSettlement "Disputes.Settlement";
    15 RefundsGeneral "Refunds.General";
    16 RefundsPayins "Refunds.Payins";
    17 RefundsPayouts "Refunds.Payouts";
    18 RefundsRepudiations "Refunds.Repudiations";
    19 RefundsTransfers "Refunds.Transfers";
}

impl Scope {
    /// What GET needs.
    #[must_use]
    pub const fn read(self) -> Scopes {
        Scopes::from_bits(1_u64.wrapping_shl(self.number().wrapping_mul(2)))
    }

    /// What POST, PUT and DELETE need.
    #[must_use]
    pub const fn write(self) -> Scopes {
        Scopes::from_bits(2_u64.wrapping_shl(self.number().wrapping_mul(2)))
    }
}

/// Reads what a key is to be allowed: the vendor's name of a scope, which is reading and writing, or one of both, `Payins:read`.
/// `None` for what is neither.
#[must_use]
pub fn parse(text: &str) -> Option<Scopes> {
    let (name, access) = text.split_once(':').map_or((text, None), |(name, access)| (name, Some(access)));
    let scope = Scope::ALL.iter().find(|scope| scope.name().eq_ignore_ascii_case(name))?;
    match access {
        None => Some(scope.read().and(scope.write())),
        Some("read") => Some(scope.read()),
        Some("write") => Some(scope.write()),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_access_has_a_bit_of_its_own() {
        let accesses: Vec<Scopes> = Scope::ALL.iter().flat_map(|scope| [scope.read(), scope.write()]).collect();
        for (place, access) in accesses.iter().enumerate() {
            for (other_place, other) in accesses.iter().enumerate() {
                assert_eq!(access.allow(*other), place == other_place);
            }
            assert!(Scopes::ALL.allow(*access));
        }
    }

    #[test]
    fn a_scope_is_read_by_its_name() {
        let payins = Scope::Payins;
        assert_eq!(parse("Payins:read"), Some(payins.read()));
        assert_eq!(parse("Payins:write"), Some(payins.write()));
        assert_eq!(parse("payins"), Some(payins.read().and(payins.write())));
        for text in ["", "Payins:", "Payins:READ", "Payins:read:write", " Payins", "Everything"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
