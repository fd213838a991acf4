//! `EventType`: what the wire calls what happened.
//!
//! Source: reference, people part, 10.4. Names of events that Florin does not have yet are known too: a
//! hook or a filter may name them, and nothing comes of it.

use domain::EventType;

use crate::wire::Prefix;

/// The vendor's name of an event.
#[must_use]
pub const fn name(event: EventType) -> &'static str {
    match event {
        EventType::PayInCreated => "PAYIN_NORMAL_CREATED",
        EventType::PayInSucceeded => "PAYIN_NORMAL_SUCCEEDED",
        EventType::PayInFailed => "PAYIN_NORMAL_FAILED",
        EventType::TransferCreated => "TRANSFER_NORMAL_CREATED",
        EventType::TransferSucceeded => "TRANSFER_NORMAL_SUCCEEDED",
        EventType::TransferFailed => "TRANSFER_NORMAL_FAILED",
        EventType::PayoutCreated => "PAYOUT_NORMAL_CREATED",
        EventType::PayoutSucceeded => "PAYOUT_NORMAL_SUCCEEDED",
        EventType::PayoutFailed => "PAYOUT_NORMAL_FAILED",
        EventType::PayInRefundCreated => "PAYIN_REFUND_CREATED",
        EventType::PayInRefundSucceeded => "PAYIN_REFUND_SUCCEEDED",
        EventType::PayInRefundFailed => "PAYIN_REFUND_FAILED",
        EventType::TransferRefundCreated => "TRANSFER_REFUND_CREATED",
        EventType::TransferRefundSucceeded => "TRANSFER_REFUND_SUCCEEDED",
        EventType::TransferRefundFailed => "TRANSFER_REFUND_FAILED",
        EventType::PayoutRefundCreated => "PAYOUT_REFUND_CREATED",
        EventType::PayoutRefundSucceeded => "PAYOUT_REFUND_SUCCEEDED",
        EventType::PayoutRefundFailed => "PAYOUT_REFUND_FAILED",
        EventType::InstantPayoutSucceeded => "INSTANT_PAYOUT_SUCCEEDED",
        EventType::InstantPayoutFellBack => "INSTANT_PAYOUT_FALLBACKED",
        EventType::InstantPayoutFailed => "INSTANT_PAYOUT_FAILED",
        EventType::CardValidationCreated => "CARD_VALIDATION_CREATED",
        EventType::CardValidationSucceeded => "CARD_VALIDATION_SUCCEEDED",
        EventType::CardValidationFailed => "CARD_VALIDATION_FAILED",
        EventType::UserBecameRegular => "USER_KYC_REGULAR",
        EventType::UserBecameLight => "USER_KYC_LIGHT",
        EventType::UserBecameOwner => "USER_CATEGORY_UPDATED_TO_OWNER",
        EventType::UserClosed => "USER_ACCOUNT_CLOSED",
        EventType::UserInflowsBlocked => "USER_INFLOWS_BLOCKED",
        EventType::UserInflowsUnblocked => "USER_INFLOWS_UNBLOCKED",
        EventType::UserOutflowsBlocked => "USER_OUTFLOWS_BLOCKED",
        EventType::UserOutflowsUnblocked => "USER_OUTFLOWS_UNBLOCKED",
        EventType::CompanyNumberValid => "LEGAL_COMPANY_NUMBER_VALIDATION_SUCCEEDED",
        EventType::CompanyNumberInvalid => "LEGAL_COMPANY_NUMBER_VALIDATION_FAILED",
        EventType::UserValidationAsked => "USER_ACCOUNT_VALIDATION_ASKED",
        EventType::UserActivated => "USER_ACCOUNT_ACTIVATED",
        EventType::ScaEnrollmentSucceeded => "SCA_ENROLLMENT_SUCCEEDED",
        EventType::ScaEnrollmentFailed => "SCA_ENROLLMENT_FAILED",
        EventType::ScaEnrollmentExpired => "SCA_ENROLLMENT_EXPIRED",
    }
}

/// The kind of thing that an event is about.
#[must_use]
pub const fn subject(event: EventType) -> Prefix {
    match event {
        EventType::PayInCreated | EventType::PayInSucceeded | EventType::PayInFailed => Prefix::PayIn,
        EventType::TransferCreated | EventType::TransferSucceeded | EventType::TransferFailed => Prefix::Transfer,
        EventType::PayoutCreated
        | EventType::PayoutSucceeded
        | EventType::PayoutFailed
        | EventType::InstantPayoutSucceeded
        | EventType::InstantPayoutFellBack
        | EventType::InstantPayoutFailed => Prefix::Payout,
        EventType::PayInRefundCreated
        | EventType::PayInRefundSucceeded
        | EventType::PayInRefundFailed
        | EventType::TransferRefundCreated
        | EventType::TransferRefundSucceeded
        | EventType::TransferRefundFailed
        | EventType::PayoutRefundCreated
        | EventType::PayoutRefundSucceeded
        | EventType::PayoutRefundFailed => Prefix::Refund,
        EventType::CardValidationCreated | EventType::CardValidationSucceeded | EventType::CardValidationFailed => Prefix::CardValidation,
        EventType::UserBecameRegular
        | EventType::UserBecameLight
        | EventType::UserBecameOwner
        | EventType::UserClosed
        | EventType::UserInflowsBlocked
        | EventType::UserInflowsUnblocked
        | EventType::UserOutflowsBlocked
        | EventType::UserOutflowsUnblocked
        | EventType::CompanyNumberValid
        | EventType::CompanyNumberInvalid
        | EventType::UserValidationAsked
        | EventType::UserActivated
        | EventType::ScaEnrollmentSucceeded
        | EventType::ScaEnrollmentFailed
        | EventType::ScaEnrollmentExpired => Prefix::User,
    }
}

/// The event of a name, whatever its case; `None` also for names of events that Florin does not have.
#[must_use]
pub fn of_name(text: &str) -> Option<EventType> {
    EventType::ALL.iter().copied().find(|event| name(*event).eq_ignore_ascii_case(text))
}

/// Whether the vendor has an event of that name, whatever its case.
#[must_use]
pub fn is_known(text: &str) -> bool {
    of_name(text).is_some() || OTHERS.iter().any(|other| other.eq_ignore_ascii_case(text))
}

/// Names of events that Florin does not have, in the order of the alphabet.
const OTHERS: &[&str] = &[
    "COUNTRY_AUTHORIZATION_UPDATED",
    "DEPOSIT_PREAUTHORIZATION_CREATED",
    "DEPOSIT_PREAUTHORIZATION_FAILED",
    "DEPOSIT_PREAUTHORIZATION_PAYMENT_CANCELED",
    "DEPOSIT_PREAUTHORIZATION_PAYMENT_CANCEL_REQUEST",
    "DEPOSIT_PREAUTHORIZATION_PAYMENT_CANCEL_REQUESTED",
    "DEPOSIT_PREAUTHORIZATION_PAYMENT_EXPIRED",
    "DEPOSIT_PREAUTHORIZATION_PAYMENT_FAILED",
    "DEPOSIT_PREAUTHORIZATION_PAYMENT_VALIDATED",
    "DEPOSIT_PREAUTHORIZATION_PAYMENT_WAITING",
    "DISPUTE_ACTION_REQUIRED",
    "DISPUTE_CLOSED",
    "DISPUTE_CREATED",
    "DISPUTE_DOCUMENT_CREATED",
    "DISPUTE_DOCUMENT_FAILED",
    "DISPUTE_DOCUMENT_SUCCEEDED",
    "DISPUTE_DOCUMENT_VALIDATION_ASKED",
    "DISPUTE_FURTHER_ACTION_REQUIRED",
    "DISPUTE_SENT_TO_BANK",
    "DISPUTE_SUBMITTED",
    "EXTENDED_PREAUTHORIZATION_CREATED",
    "EXTENDED_PREAUTHORIZATION_FAILED",
    "EXTENDED_PREAUTHORIZATION_PAYMENT_CANCELED",
    "EXTENDED_PREAUTHORIZATION_PAYMENT_CANCEL_REQUESTED",
    "EXTENDED_PREAUTHORIZATION_PAYMENT_EXPIRED",
    "EXTENDED_PREAUTHORIZATION_PAYMENT_FAILED",
    "EXTENDED_PREAUTHORIZATION_PAYMENT_VALIDATED",
    "EXTENDED_PREAUTHORIZATION_PAYMENT_WAITING",
    "IDENTITY_VERIFICATION_EXPIRED",
    "IDENTITY_VERIFICATION_FAILED",
    "IDENTITY_VERIFICATION_INCONCLUSIVE",
    "IDENTITY_VERIFICATION_OUTDATED",
    "IDENTITY_VERIFICATION_PENDING",
    "IDENTITY_VERIFICATION_PENDING_PSC_ACTION",
    "IDENTITY_VERIFICATION_PSC_ABANDONED",
    "IDENTITY_VERIFICATION_PSC_PENDING",
    "IDENTITY_VERIFICATION_PSC_REJECTED",
    "IDENTITY_VERIFICATION_PSC_VALIDATED",
    "IDENTITY_VERIFICATION_TIMEOUT",
    "IDENTITY_VERIFICATION_VALIDATED",
    "INSTANT_CONVERSION_CREATED",
    "INSTANT_CONVERSION_FAILED",
    "INSTANT_CONVERSION_SUCCEEDED",
    "INTENT_AUTHORIZED",
    "INTENT_CAPTURED",
    "INTENT_DISPUTE_CREATED",
    "INTENT_DISPUTE_DEFENDED",
    "INTENT_DISPUTE_LOST",
    "INTENT_DISPUTE_WON",
    "INTENT_PAID",
    "INTENT_REFUNDED",
    "INTENT_REFUND_REVERSED",
    "INTENT_SETTLED_NOT_PAID",
    "KYC_CREATED",
    "KYC_FAILED",
    "KYC_OUTDATED",
    "KYC_SUCCEEDED",
    "KYC_VALIDATION_ASKED",
    "MANDATE_ACTIVATED",
    "MANDATE_CREATED",
    "MANDATE_EXPIRED",
    "MANDATE_FAILED",
    "MANDATE_SUBMITTED",
    "PAYIN_NORMAL_PROCESSING_STATUS_PENDING_SUCCEEDED",
    "PAYIN_REPUDIATION_CREATED",
    "PAYIN_REPUDIATION_FAILED",
    "PAYIN_REPUDIATION_SUCCEEDED",
    "PREAUTHORIZATION_CREATED",
    "PREAUTHORIZATION_FAILED",
    "PREAUTHORIZATION_PAYMENT_CANCELED",
    "PREAUTHORIZATION_PAYMENT_EXPIRED",
    "PREAUTHORIZATION_PAYMENT_VALIDATED",
    "PREAUTHORIZATION_PAYMENT_WAITING",
    "PREAUTHORIZATION_SUCCEEDED",
    "QUOTED_CONVERSION_CREATED",
    "QUOTED_CONVERSION_FAILED",
    "QUOTED_CONVERSION_SUCCEEDED",
    "RECIPIENT_ACTIVE",
    "RECIPIENT_CANCELED",
    "RECIPIENT_DEACTIVATED",
    "RECURRING_REGISTRATION_AUTH_NEEDED",
    "RECURRING_REGISTRATION_CREATED",
    "RECURRING_REGISTRATION_ENDED",
    "RECURRING_REGISTRATION_IN_PROGRESS",
    "REPORT_FAILED",
    "REPORT_GENERATED",
    "SCA_CONTACT_INFORMATION_UPDATE_CONSENT_GIVEN",
    "SCA_CONTACT_INFORMATION_UPDATE_CONSENT_REVOKED",
    "SCA_EMAIL_VERIFIED",
    "SCA_PHONE_NUMBER_VERIFIED",
    "SCA_RECIPIENT_REGISTRATION_CONSENT_GIVEN",
    "SCA_RECIPIENT_REGISTRATION_CONSENT_REVOKED",
    "SCA_TRANSFER_CONSENT_GIVEN",
    "SCA_TRANSFER_CONSENT_REVOKED",
    "SCA_VIEW_ACCOUNT_INFORMATION_CONSENT_GIVEN",
    "SCA_VIEW_ACCOUNT_INFORMATION_CONSENT_REVOKED",
    "SETTLEMENT_CANCELLED",
    "SETTLEMENT_CREATED",
    "SETTLEMENT_FAILED",
    "SETTLEMENT_INSUFFICIENT_FUNDS",
    "SETTLEMENT_PARTIALLY_MATCHED",
    "SETTLEMENT_PENDING_FUNDS_RECEPTION",
    "SETTLEMENT_PENDING_UPLOAD",
    "SETTLEMENT_RECONCILED",
    "SETTLEMENT_UNMATCHED",
    "SETTLEMENT_UPLOADED",
    "SPLIT_AVAILABLE",
    "SPLIT_CREATED",
    "SPLIT_PENDING_FUNDS_RECEPTION",
    "SPLIT_REJECTED",
    "SPLIT_REVERSED",
    "TRANSFER_SETTLEMENT_CREATED",
    "TRANSFER_SETTLEMENT_FAILED",
    "TRANSFER_SETTLEMENT_SUCCEEDED",
    "UBO_DECLARATION_CREATED",
    "UBO_DECLARATION_INCOMPLETE",
    "UBO_DECLARATION_REFUSED",
    "UBO_DECLARATION_VALIDATED",
    "UBO_DECLARATION_VALIDATION_ASKED",
    "USER_CATEGORY_UPDATED_TO_PAYER",
    "USER_CATEGORY_UPDATED_TO_PLATFORM",
    "USER_KYC_RENEWAL_REQUIRED",
    "USER_KYC_RENEWED",
    "VIRTUAL_ACCOUNT_ACTIVE",
    "VIRTUAL_ACCOUNT_BLOCKED",
    "VIRTUAL_ACCOUNT_CLOSED",
    "VIRTUAL_ACCOUNT_FAILED",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        for event in EventType::ALL {
            assert_eq!(of_name(&name(*event).to_lowercase()), Some(*event));
            assert!(!OTHERS.contains(&name(*event)));
        }
        assert!(OTHERS.is_sorted());
        assert!(is_known("kyc_succeeded") && of_name("KYC_SUCCEEDED").is_none());
        assert!(!is_known("NOT_AN_EVENT"));
    }
}
