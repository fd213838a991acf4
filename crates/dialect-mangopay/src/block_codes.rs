//! `ActionCode`: why a user is blocked. Source: reference, people part, 9.1.

use domain::user::BlockReason;

/// The code of a reason.
#[must_use]
pub const fn of_block_reason(reason: BlockReason) -> &'static str {
    match reason {
        BlockReason::SuspectedFraud => "008701",
        BlockReason::Compliance => "008702",
        BlockReason::General => "008703",
        BlockReason::DataDeletionAsked => "008704",
        BlockReason::DocumentSuspectedFalse => "008705",
        BlockReason::PossiblyExposed => "008710",
        BlockReason::IdentityProofNeeded => "008711",
        BlockReason::LegalFormWrong => "008712",
        BlockReason::AddressProofNeeded => "008714",
    }
}

/// The reason of a code.
#[must_use]
pub fn block_reason_of(code: &str) -> Option<BlockReason> {
    BlockReason::ALL.iter().copied().find(|reason| of_block_reason(*reason) == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_code_of_its_own() {
        assert!(BlockReason::ALL.iter().all(|reason| block_reason_of(of_block_reason(*reason)) == Some(*reason)));
        assert_eq!(block_reason_of("008700"), None);
    }
}
