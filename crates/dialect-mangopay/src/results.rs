//! `ResultCode` and `ResultMessage`: how the wire tells that a payment succeeded, or why it failed.
//!
//! Texts are the vendor's, misspellings included: clients compare them. Source: reference, money
//! part, 19, unless a line says otherwise.

use domain::payment::{Payment, Refusal, Status};

/// A six-digit code and its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResultText {
    /// Six digits.
    pub code: &'static str,
    /// What it means, in the vendor's words.
    pub message: &'static str,
}

/// What a payment that succeeded shows.
pub const SUCCESS: ResultText = ResultText { code: "000000", message: "Success" };

/// The code and text of a refusal.
#[must_use]
pub const fn of_refusal(refusal: Refusal) -> ResultText {
    let (code, message) = match refusal {
        Refusal::InsufficientFunds => ("001001", "Unsufficient wallet balance"),
        Refusal::SameWallet => ("101108", "Transaction refused: the Debited Wallet and the Credited Wallet must be different"),
        Refusal::NothingCredited => ("001014", "CreditedFunds must be more than 0 (DebitedFunds can not equal Fees)"),
        Refusal::DebitedUserClosed => ("002601", "User owning debited wallet is closed and cannot transfer to another wallet"),
        Refusal::CreditedUserClosed => {
            ("002602", "User owning credited wallet is closed and and cannot receive funds from another wallet")
        }
        Refusal::PayerToPayer => ("002701", "Users with category PAYER cannot make transfers to other users with category PAYER."),
        Refusal::OwnerToPayer => ("002702", "Users with category PAYER cannot receive transfers from users with category OWNER."),
        // The code is documented (2026), its text is not.
        Refusal::BeneficiaryNotVerified => ("002951", "The beneficiary is not KYC-validated"),
        Refusal::UserBlocked => ("008700", "User blocked by Fraud policy"),
        // A balance beyond 64 bits: the nearest documented limit.
        Refusal::BalanceTooLarge => ("002996", "Blocked due to User Balance limitations (maximum owned amount reached)"),
        Refusal::PaymentPeriodExpired => ("101109", "The payment period has expired"),
        Refusal::PlatformNotLive => ("001015", "The client API access is not active"),
    };
    ResultText { code, message }
}

/// What a payment shows; nothing while it is under way.
#[must_use]
pub const fn of_payment(payment: &Payment) -> Option<ResultText> {
    match (payment.status, payment.refusal) {
        (Status::Created, _) | (Status::Failed, None) => None,
        (Status::Succeeded, _) => Some(SUCCESS),
        (Status::Failed, Some(refusal)) => Some(of_refusal(refusal)),
    }
}

/// The results that a code stands for: `None` in it for success, more than one where refusals share a code.
#[must_use]
pub fn of_code(code: &str) -> Vec<Option<Refusal>> {
    if code == SUCCESS.code {
        return vec![None];
    }
    Refusal::ALL.iter().copied().filter(|refusal| of_refusal(*refusal).code == code).map(Some).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes that several refusals share, because the vendor tells them no further apart.
    const SHARED: &[&str] = &[];

    #[test]
    fn codes_have_six_digits_and_are_unique_unless_the_vendor_shares_them() {
        for refusal in Refusal::ALL {
            let code = of_refusal(*refusal).code;
            assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
            let results = of_code(code);
            assert!(results.contains(&Some(*refusal)));
            assert_eq!(results.len() > 1, SHARED.contains(&code), "{code}");
        }
    }

    #[test]
    fn success_and_unknown_codes_read_back() {
        assert_eq!(of_code("000000"), [None]);
        assert_eq!(of_code("101108"), [Some(Refusal::SameWallet)]);
        assert!(of_code("999999").is_empty());
        assert!(of_code("").is_empty());
    }
}
