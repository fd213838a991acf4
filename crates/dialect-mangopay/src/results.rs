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
        Refusal::CreditedUserClosed => ("002602", "User owning credited wallet is closed and and cannot receive funds from another wallet"),
        Refusal::PayerToPayer => ("002701", "Users with category PAYER cannot make transfers to other users with category PAYER."),
        Refusal::OwnerToPayer => ("002702", "Users with category PAYER cannot receive transfers from users with category OWNER."),
        // The code is documented (2026), its text is not.
        Refusal::BeneficiaryNotVerified => ("002951", "The beneficiary is not KYC-validated"),
        Refusal::UserBlocked => ("008700", "User blocked by Fraud policy"),
        // A balance beyond 64 bits: the nearest documented limit.
        Refusal::BalanceTooLarge => ("002996", "Blocked due to User Balance limitations (maximum owned amount reached)"),
        Refusal::AmountTooLarge => ("001011", "Transaction amount is higher than maximum permitted amount"),
        Refusal::PaymentPeriodExpired => ("101109", "The payment period has expired"),
        Refusal::PlatformNotLive => ("001015", "The client API access is not active"),
        Refusal::CardNotOwned => ("001023", "Author is not the card owner"),
        Refusal::CardNotActive => ("101410", "The card is not active"),
        Refusal::DoNotHonor => ("101101", "Transaction refused by the bank (Do not honor)"),
        Refusal::CardAmountLimit => ("101102", "Transaction refused by the bank (Amount limit)"),
        Refusal::RefusedByTerminal => ("101103", "Transaction refused by the terminal"),
        Refusal::CardLimitReached => ("101104", "Transaction refused by the bank (card limit reached)"),
        Refusal::CardExpired => ("101105", "The card has expired"),
        Refusal::CardInactive => ("101106", "The card is inactive"),
        Refusal::TooManyAttempts => ("101111", "Maximum number of attempts reached"),
        Refusal::DebitLimitExceeded => ("101115", "Debit limit exceeded"),
        Refusal::InvalidAmount => ("001013", "Invalid transaction amount"),
        Refusal::InvalidCardNumber => ("105101", "Invalid card number"),
        Refusal::InvalidPin => ("105103", "Invalid PIN code"),
        Refusal::LostCard => ("008002", "Lost Card"),
        Refusal::StolenCard => ("008003", "Stolen Card"),
        Refusal::SecurityViolation => ("008005", "Security violation"),
        Refusal::FraudSuspectedByBank => ("008006", "Fraud suspected by the bank"),
        Refusal::RailConfiguration => ("009103", "PSP configuration error"),
        Refusal::RailTechnical => ("009199", "PSP technical error"),
        Refusal::BankTechnical => ("009499", "Bank technical error"),
        Refusal::TechnicalError => ("009999", "Technical error"),
        Refusal::AuthenticationFailed => ("101301", "SecureMode: 3DSecure authentication has failed"),
        Refusal::AuthenticationExpired => ("101304", "Secure mode: The 3DSecure authentication session has expired"),
        Refusal::CancelledByPayer => ("101002", "The transaction has been cancelled by the user"),
        Refusal::RegistrationDataInvalid => ("105206", "Registration data : Invalid format"),
        Refusal::CardNumberFormat => ("105202", "Card number: invalid format"),
        Refusal::ExpiryFormat => ("105203", "Expiry date: missing or invalid format"),
        Refusal::SecurityCodeFormat => ("105204", "CVV: missing or invalid format"),
        Refusal::TokenTooOld => ("105299", "Token input Error"),
        Refusal::CardRefused => ("101199", "Transaction refused"),
        Refusal::AlreadyRefunded => ("001401", "Transaction has already been successfully refunded"),
        Refusal::NotRefundable => ("001403", "The transaction cannot be refunded (max 11 months)"),
        Refusal::RefundExceedsInitial => ("005403", "The refund cannot exceed initial transaction amount"),
        Refusal::RefundedFeesExceedInitial => ("005404", "The refunded fees cannot exceed initial fee amount"),
        Refusal::FeeWalletInsufficient => ("005405", "Balance of client fee wallet unsufficient"),
        Refusal::RefundPending => ("005406", "Another refund for this transaction is still pending."),
        Refusal::DuplicateRefund => {
            ("005407", "Duplicated operation: you cannot reimburse the same amount more than once for a transaction during the same day.")
        }
        Refusal::BankAccountNotActive => ("121006", "The associated bank account is not active"),
        Refusal::PayerMayNotPayOut => ("002701", "Refused due to author's UserCategory: PAYER"),
        Refusal::AuthorNotVerified => {
            ("002998", "Blocked due to the Bank Account User's KYC limitations (maximum debited or credited amount reached)")
        }
        Refusal::BankRefused => ("121001", "The bank wire has been refused"),
        Refusal::BankNeedsContact => ("121004", "Specific case: please contact our Finance Team"),
        Refusal::BankSuspectsFraud => ("121005", "Refused due to the Fraud Policy"),
        Refusal::PayoutExpired => ("121009", "Payout expired before processing"),
        Refusal::NeedsAnalysis => ("121010", "Remitter or beneficiary identified as requiring further analysis"),
        Refusal::WrongBankAccountType => ("121012", "Inapproriate bank account type used"),
        Refusal::PayeeNameMismatch => (
            "121030",
            "Verification of Payee failed: account name and IBAN do not match. Please provide matching details to proceed with the payout",
        ),
        Refusal::BankFailed => ("121999", "Generic withdrawal error"),
        Refusal::BlockedBankCountry => ("008501", "Transaction refused due to blocked Country"),
        Refusal::GenericOperation => ("001999", "Generic Operation error"),
        Refusal::InstantNotEligible => ("130001", "The client's settings are incorrectly configured for instant payout"),
        Refusal::InstantAmountTooHigh => ("130002", "The amount requested is greater than the authorised amount"),
        Refusal::InstantAuthorNotVerified => ("130003", "The user is not KYC-validated"),
        Refusal::InstantAuthorBlocked => ("130004", "The user is blocked by Fraud policy"),
        Refusal::InstantTechnicalError => ("130006", "technical error, please try again later"),
        Refusal::InstantUnreachable => ("130007", "Destination Bank is not reachable"),
        Refusal::InstantDuplicate => ("130008", "Duplicate transaction identified"),
        Refusal::InstantWrongIban => ("130009", "The destination IBAN is not valid"),
        Refusal::InstantGeneric => ("130010", "Generic operation error"),
        Refusal::InstantNeedsReview => ("130011", "Manual review required - not compatible with payout mode requested"),
        // The code is documented (2026), its text is not.
        Refusal::BankAccountTooNew => ("121018", "The bank account cannot be paid out to: it was created after 2026-04-30"),
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
    const SHARED: &[&str] = &["002701"];

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
