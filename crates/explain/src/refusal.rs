//! Every reason for which a payment fails: where it is from, and what makes the payment pass.
//!
//! One arm each and none for the rest, so that a new reason does not compile before it is explained.

use domain::payment::Refusal;

use crate::rule::{CODES, USERS};

/// What is told of a reason besides what it says itself.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// Its name, for programs.
    pub name: &'static str,
    /// Where it is from.
    pub source: &'static str,
    /// What makes a payment pass.
    pub next: &'static [&'static str],
}

const fn text(name: &'static str, source: &'static str, next: &'static [&'static str]) -> Text {
    Text { name, source, next }
}

const CARDS: &str = "Mangopay documentation, \"Error codes\"; simulated by docs/guide/sandbox.md, \"Amounts\"";
const THREE_DS: &str = "Mangopay documentation, \"Error codes\", 3DS";
const INPUT: &str = "Mangopay documentation, \"Error codes\", card input and registration";
const REFUNDS: &str = "Mangopay documentation, \"Error codes\", refunds; Florin, ADR 10";
const PAYOUTS: &str = "Mangopay documentation, \"Error codes\", payouts; Florin, ADR 9";
const INSTANT: &str = "Mangopay documentation, \"Error codes\", instant payouts; Florin, ADR 9";

const OTHER_AMOUNT: &str = "Take another amount: those of 333.xx EUR are refused on purpose, each with its own reason.";
const OTHER_CARD: &str = "Take another card: docs/guide/sandbox.md has those that pay.";
const MAGIC: &[&str] = &[OTHER_AMOUNT, OTHER_CARD];
const RETRY: &[&str] = &["Make the payment again: technical problems of the outside pass."];
const BANK_DECIDED: &[&str] = &[
    "Make the payout again: a simulated bank refuses only when it is told to, by POST /sandbox/v1/payouts/{id}/fail.",
    "Treat it in your program as final: nothing of a refused payout is sent later.",
];
const NOT_INSTANT: &[&str] = &["Ask for the payout by a standard transfer, or leave the mode to the bank."];

/// What is told of a reason.
#[must_use]
pub const fn explain(refusal: Refusal) -> Text {
    use Refusal as R;
    match refusal {
        R::InsufficientFunds => text(
            "insufficient_funds",
            CODES,
            &[
                "Pay the wallet in first: declare a bank wire, then POST /sandbox/v1/payins/{id}/receive.",
                "Take a lower amount than is available: money that is set aside for payouts under way is not.",
            ],
        ),
        R::SameWallet => text("same_wallet", CODES, &["Name two different wallets."]),
        R::NothingCredited => text("nothing_credited", CODES, &["Take lower fees than the amount that is debited."]),
        R::DebitedUserClosed => text("debited_user_closed", CODES, &["Debit a wallet of a user who is not closed; a closed one stays so."]),
        R::CreditedUserClosed => {
            text("credited_user_closed", CODES, &["Credit a wallet of a user who is not closed; a closed one stays so."])
        }
        R::PayerToPayer => text("payer_to_payer", USERS, &["Make the credited user an owner: payers may pay owners."]),
        R::OwnerToPayer => text("owner_to_payer", USERS, &["Make the credited user an owner: payers are not paid."]),
        R::BeneficiaryNotVerified => text(
            "beneficiary_not_verified",
            "Mangopay changelog, rule 002951; Florin, docs/guide/sandbox.md, \"Other rules\"",
            &[
                "POST /sandbox/v1/users/{id}/verify has the identity of the credited user found good.",
                "POST /sandbox/v1/policy {\"requires_verified_beneficiary\": false} asks for none, on this platform.",
            ],
        ),
        R::UserBlocked => text(
            "user_blocked",
            "Mangopay documentation, \"User blocks\"",
            &["POST /sandbox/v1/users/{id}/unblock lets the user's money flow again."],
        ),
        R::AmountTooLarge => text(
            "amount_too_large",
            "Florin, docs/compat/mangopay.md",
            &["Take a lower amount: a card is charged 10,000,000,000,000 minor units at most."],
        ),
        R::BalanceTooLarge => text(
            "balance_too_large",
            "Florin, docs/compat/mangopay.md",
            &["Take a lower amount: a balance has at most 63 bits of minor units."],
        ),
        R::PaymentPeriodExpired => text(
            "payment_period_expired",
            CODES,
            &[
                "Make the payment again, and let the money arrive before its time is over: a wire has 30 days of the platform's clock.",
                "See that POST /sandbox/v1/clock/advance did not go further than was meant.",
            ],
        ),
        R::PlatformNotLive => {
            text("platform_not_live", CODES, &["Use a sandbox platform: this one has no bank and no acquirer for this kind of payment."])
        }
        R::CardNotOwned => {
            text("card_not_owned", CODES, &["Name the user who registered the card as the author, or register the card for this one."])
        }
        R::CardNotActive => {
            text("card_not_active", CODES, &["Register the card again: one that was deactivated, or not used in time, stays so."])
        }
        R::DoNotHonor => text(
            "do_not_honor",
            CARDS,
            &[OTHER_AMOUNT, "Register the card with another security code than 999, which is refused whatever is charged.", OTHER_CARD],
        ),
        R::CardAmountLimit => text("card_amount_limit", CARDS, MAGIC),
        R::RefusedByTerminal => text("refused_by_terminal", CARDS, MAGIC),
        R::CardLimitReached => text("card_limit_reached", CARDS, MAGIC),
        R::CardExpired => {
            text("card_expired", CARDS, &[OTHER_AMOUNT, "Register a card whose last month lies ahead of the platform's clock."])
        }
        R::CardInactive => text("card_inactive", CARDS, MAGIC),
        R::TooManyAttempts => text(
            "too_many_attempts",
            CARDS,
            &[OTHER_AMOUNT, "Register the card anew: ten may be typed for one registration or on one page."],
        ),
        R::DebitLimitExceeded => text("debit_limit_exceeded", CARDS, MAGIC),
        R::InvalidAmount => text("invalid_amount", CARDS, MAGIC),
        R::InvalidCardNumber => text("invalid_card_number", CARDS, MAGIC),
        R::InvalidPin => text("invalid_pin", CARDS, MAGIC),
        R::LostCard => text("lost_card", CARDS, MAGIC),
        R::StolenCard => text("stolen_card", CARDS, MAGIC),
        R::SecurityViolation => text("security_violation", CARDS, MAGIC),
        R::FraudSuspectedByBank => text("fraud_suspected_by_bank", CARDS, MAGIC),
        R::RailConfiguration => text("acquirer_configuration", CARDS, MAGIC),
        R::RailTechnical => text("acquirer_technical", CARDS, MAGIC),
        R::BankTechnical => text(
            "bank_technical",
            CODES,
            &[OTHER_AMOUNT, "Make the payment again: a simulated bank has such a problem only when it is told to."],
        ),
        R::TechnicalError => text("technical_error", CODES, &[OTHER_AMOUNT, "Make the payment again."]),
        R::AuthenticationFailed => text(
            "authentication_failed",
            THREE_DS,
            &[
                "Make the payment again and authenticate: POST /sandbox/v1/payins/{id}/3ds/pass, or the button of the page.",
                "Take a card that does not ask: docs/guide/sandbox.md has them.",
            ],
        ),
        R::AuthenticationExpired => text(
            "authentication_expired",
            THREE_DS,
            &["Make the payment again, and authenticate in time: a pay-in has 15 minutes of the platform's clock, a validation 5."],
        ),
        R::CancelledByPayer => text("cancelled_by_payer", CODES, &["Make the payment again; the payer left the page by its button."]),
        R::RegistrationDataInvalid => text(
            "registration_data_invalid",
            INPUT,
            &["Send back what the tokenizer answered, unchanged: it begins with data=.", "Make a new card registration."],
        ),
        R::CardNumberFormat => text("card_number_format", INPUT, &["Type a number of 12 to 19 digits whose last one is right (Luhn)."]),
        R::ExpiryFormat => text("expiry_format", INPUT, &["Type the last month as MMYY; it has to lie ahead."]),
        R::SecurityCodeFormat => text(
            "security_code_format",
            INPUT,
            &["Type three digits; American Express also has four, Maestro and Bancontact may have none."],
        ),
        R::TokenTooOld => text("token_too_old", INPUT, &["Make a new card registration, and send the tokenizer's answer back at once."]),
        R::CardRefused => text("card_refused", CODES, MAGIC),
        R::AlreadyRefunded => text("already_refunded", REFUNDS, &["Nothing is left to give back: look at the refunds of the payment."]),
        R::NotRefundable => text(
            "not_refundable",
            REFUNDS,
            &[
                "Refund within eleven months of the platform's clock.",
                "Give the money back by a payout: not every means of payment can be refunded.",
            ],
        ),
        R::RefundExceedsInitial => text("refund_exceeds_initial", REFUNDS, &["Give back no more than came, earlier refunds taken off."]),
        R::RefundedFeesExceedInitial => {
            text("refunded_fees_exceed_initial", REFUNDS, &["Give back no more fees than were taken, earlier refunds taken off."])
        }
        R::FeeWalletInsufficient => text(
            "fee_wallet_insufficient",
            REFUNDS,
            &[
                "Let the platform earn fees first: those of refunds are taken from its own wallet of fees.",
                "Refund without giving back fees.",
            ],
        ),
        R::RefundPending => text(
            "refund_pending",
            REFUNDS,
            &["Wait for the other refund of this payment to end; POST /sandbox/v1/jobs/run goes on with it."],
        ),
        R::DuplicateRefund => text(
            "duplicate_refund",
            REFUNDS,
            &["Take another amount, or let a day of the platform's clock pass: POST /sandbox/v1/clock/advance {\"days\": 1}."],
        ),
        R::BankAccountNotActive => text(
            "bank_account_not_active",
            PAYOUTS,
            &["Register the bank account anew: one that was deactivated, or sent money back as wrong or closed, stays so."],
        ),
        R::PayerMayNotPayOut => {
            text("payer_may_not_pay_out", USERS, &["Make the author an owner, with what owners have to tell of themselves."])
        }
        R::AuthorNotVerified => text(
            "author_not_verified",
            "Mangopay documentation, \"Verification requirements\"; Florin, docs/guide/sandbox.md, \"Other rules\"",
            &[
                "POST /sandbox/v1/users/{id}/verify has the author's identity found good.",
                "POST /sandbox/v1/policy {\"payout_requires_verification\": false} asks for none, on this platform.",
            ],
        ),
        R::BankAccountTooNew => text(
            "bank_account_too_new",
            "Mangopay changelog, rule 121018",
            &["Pay out to a recipient, or to a bank account that was made before the day."],
        ),
        R::BankRefused => text("bank_refused", PAYOUTS, BANK_DECIDED),
        R::BankNeedsContact => text("bank_needs_contact", PAYOUTS, BANK_DECIDED),
        R::BankSuspectsFraud => text("bank_suspects_fraud", PAYOUTS, BANK_DECIDED),
        R::PayoutExpired => text(
            "payout_expired",
            PAYOUTS,
            &[
                "Make the payout again, and decide for the bank within seven days of the platform's clock: POST /sandbox/v1/payouts/{id}/succeed.",
                "Pay out to another IBAN than FR699999900001WAITS00000172, which never answers by itself.",
            ],
        ),
        R::NeedsAnalysis => text("needs_analysis", PAYOUTS, BANK_DECIDED),
        R::WrongBankAccountType => text("wrong_bank_account_type", PAYOUTS, BANK_DECIDED),
        R::PayeeNameMismatch => text("payee_name_mismatch", PAYOUTS, BANK_DECIDED),
        R::BankFailed => text("bank_failed", PAYOUTS, BANK_DECIDED),
        R::BlockedBankCountry => text("blocked_bank_country", PAYOUTS, BANK_DECIDED),
        R::GenericOperation => text("generic_operation", PAYOUTS, RETRY),
        R::InstantNotEligible => text("instant_not_eligible", INSTANT, NOT_INSTANT),
        R::InstantAmountTooHigh => text("instant_amount_too_high", INSTANT, NOT_INSTANT),
        R::InstantAuthorNotVerified => {
            text("instant_author_not_verified", INSTANT, &["POST /sandbox/v1/users/{id}/verify has the author's identity found good."])
        }
        R::InstantAuthorBlocked => {
            text("instant_author_blocked", INSTANT, &["POST /sandbox/v1/users/{id}/unblock lets the author's money flow again."])
        }
        R::InstantTechnicalError => text("instant_technical_error", INSTANT, NOT_INSTANT),
        R::InstantUnreachable => text(
            "instant_unreachable",
            INSTANT,
            &[
                "Ask for the payout by a standard transfer.",
                "Pay out to another IBAN than FR389999900001UNREACH000112, whose bank takes no instant payments.",
            ],
        ),
        R::InstantDuplicate => text(
            "instant_duplicate",
            INSTANT,
            &[
                "Take another amount, or let a day of the platform's clock pass: POST /sandbox/v1/clock/advance {\"days\": 1}.",
                "Ask for the payout by a standard transfer.",
            ],
        ),
        R::InstantWrongIban => text("instant_wrong_iban", INSTANT, NOT_INSTANT),
        R::InstantGeneric => text("instant_generic", INSTANT, NOT_INSTANT),
        R::InstantNeedsReview => text("instant_needs_review", INSTANT, NOT_INSTANT),
    }
}
