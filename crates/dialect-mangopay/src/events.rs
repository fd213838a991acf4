//! `EventType`: what the wire calls what happened.
//!
//! Source: reference, people part, 10.4, with the names that only the vendor's SDKs have. Some of these events nothing here
//! causes yet: a hook or a filter may name them, and nothing comes of it. The last two are Florin's own, in the place of the
//! vendor's e-mails about hooks that fail.

use domain::{EventType, Timestamp};
use ledger::Uid;

use crate::wire::{Prefix, Spelling, ids};

macro_rules! names {
    ($($event:ident $name:literal;)*) => {
        /// The vendor's name of an event.
        #[must_use]
        pub const fn name(event: EventType) -> &'static str {
            match event { $(EventType::$event => $name,)* }
        }
    };
}

names! {
    PayInCreated "PAYIN_NORMAL_CREATED";
    PayInSucceeded "PAYIN_NORMAL_SUCCEEDED";
    PayInFailed "PAYIN_NORMAL_FAILED";
    TransferCreated "TRANSFER_NORMAL_CREATED";
    TransferSucceeded "TRANSFER_NORMAL_SUCCEEDED";
    TransferFailed "TRANSFER_NORMAL_FAILED";
    PayoutCreated "PAYOUT_NORMAL_CREATED";
    PayoutSucceeded "PAYOUT_NORMAL_SUCCEEDED";
    PayoutFailed "PAYOUT_NORMAL_FAILED";
    PayInRefundCreated "PAYIN_REFUND_CREATED";
    PayInRefundSucceeded "PAYIN_REFUND_SUCCEEDED";
    PayInRefundFailed "PAYIN_REFUND_FAILED";
    TransferRefundCreated "TRANSFER_REFUND_CREATED";
    TransferRefundSucceeded "TRANSFER_REFUND_SUCCEEDED";
    TransferRefundFailed "TRANSFER_REFUND_FAILED";
    PayoutRefundCreated "PAYOUT_REFUND_CREATED";
    PayoutRefundSucceeded "PAYOUT_REFUND_SUCCEEDED";
    PayoutRefundFailed "PAYOUT_REFUND_FAILED";
    InstantPayoutSucceeded "INSTANT_PAYOUT_SUCCEEDED";
    InstantPayoutFellBack "INSTANT_PAYOUT_FALLBACKED";
    InstantPayoutFailed "INSTANT_PAYOUT_FAILED";
    CardValidationCreated "CARD_VALIDATION_CREATED";
    CardValidationSucceeded "CARD_VALIDATION_SUCCEEDED";
    CardValidationFailed "CARD_VALIDATION_FAILED";
    UserBecameRegular "USER_KYC_REGULAR";
    UserBecameLight "USER_KYC_LIGHT";
    UserBecameOwner "USER_CATEGORY_UPDATED_TO_OWNER";
    UserClosed "USER_ACCOUNT_CLOSED";
    UserInflowsBlocked "USER_INFLOWS_BLOCKED";
    UserInflowsUnblocked "USER_INFLOWS_UNBLOCKED";
    UserOutflowsBlocked "USER_OUTFLOWS_BLOCKED";
    UserOutflowsUnblocked "USER_OUTFLOWS_UNBLOCKED";
    CompanyNumberValid "LEGAL_COMPANY_NUMBER_VALIDATION_SUCCEEDED";
    CompanyNumberInvalid "LEGAL_COMPANY_NUMBER_VALIDATION_FAILED";
    UserValidationAsked "USER_ACCOUNT_VALIDATION_ASKED";
    UserActivated "USER_ACCOUNT_ACTIVATED";
    ScaEnrollmentSucceeded "SCA_ENROLLMENT_SUCCEEDED";
    ScaEnrollmentFailed "SCA_ENROLLMENT_FAILED";
    ScaEnrollmentExpired "SCA_ENROLLMENT_EXPIRED";
    CountryAuthorizationUpdated "COUNTRY_AUTHORIZATION_UPDATED";
    DepositPreauthorizationCreated "DEPOSIT_PREAUTHORIZATION_CREATED";
    DepositPreauthorizationFailed "DEPOSIT_PREAUTHORIZATION_FAILED";
    DepositPreauthorizationPaymentCanceled "DEPOSIT_PREAUTHORIZATION_PAYMENT_CANCELED";
    DepositPreauthorizationPaymentCancelRequest "DEPOSIT_PREAUTHORIZATION_PAYMENT_CANCEL_REQUEST";
    DepositPreauthorizationPaymentCancelRequested "DEPOSIT_PREAUTHORIZATION_PAYMENT_CANCEL_REQUESTED";
    DepositPreauthorizationPaymentExpired "DEPOSIT_PREAUTHORIZATION_PAYMENT_EXPIRED";
    DepositPreauthorizationPaymentFailed "DEPOSIT_PREAUTHORIZATION_PAYMENT_FAILED";
    DepositPreauthorizationPaymentValidated "DEPOSIT_PREAUTHORIZATION_PAYMENT_VALIDATED";
    DepositPreauthorizationPaymentWaiting "DEPOSIT_PREAUTHORIZATION_PAYMENT_WAITING";
    DisputeActionRequired "DISPUTE_ACTION_REQUIRED";
    DisputeClosed "DISPUTE_CLOSED";
    DisputeCreated "DISPUTE_CREATED";
    DisputeDocumentCreated "DISPUTE_DOCUMENT_CREATED";
    DisputeDocumentFailed "DISPUTE_DOCUMENT_FAILED";
    DisputeDocumentSucceeded "DISPUTE_DOCUMENT_SUCCEEDED";
    DisputeDocumentValidationAsked "DISPUTE_DOCUMENT_VALIDATION_ASKED";
    DisputeFurtherActionRequired "DISPUTE_FURTHER_ACTION_REQUIRED";
    DisputeSentToBank "DISPUTE_SENT_TO_BANK";
    DisputeSubmitted "DISPUTE_SUBMITTED";
    ExtendedPreauthorizationCreated "EXTENDED_PREAUTHORIZATION_CREATED";
    ExtendedPreauthorizationFailed "EXTENDED_PREAUTHORIZATION_FAILED";
    ExtendedPreauthorizationPaymentCanceled "EXTENDED_PREAUTHORIZATION_PAYMENT_CANCELED";
    ExtendedPreauthorizationPaymentCancelRequested "EXTENDED_PREAUTHORIZATION_PAYMENT_CANCEL_REQUESTED";
    ExtendedPreauthorizationPaymentExpired "EXTENDED_PREAUTHORIZATION_PAYMENT_EXPIRED";
    ExtendedPreauthorizationPaymentFailed "EXTENDED_PREAUTHORIZATION_PAYMENT_FAILED";
    ExtendedPreauthorizationPaymentValidated "EXTENDED_PREAUTHORIZATION_PAYMENT_VALIDATED";
    ExtendedPreauthorizationPaymentWaiting "EXTENDED_PREAUTHORIZATION_PAYMENT_WAITING";
    IdentityVerificationExpired "IDENTITY_VERIFICATION_EXPIRED";
    IdentityVerificationFailed "IDENTITY_VERIFICATION_FAILED";
    IdentityVerificationInconclusive "IDENTITY_VERIFICATION_INCONCLUSIVE";
    IdentityVerificationOutdated "IDENTITY_VERIFICATION_OUTDATED";
    IdentityVerificationPending "IDENTITY_VERIFICATION_PENDING";
    IdentityVerificationPendingPscAction "IDENTITY_VERIFICATION_PENDING_PSC_ACTION";
    IdentityVerificationPscAbandoned "IDENTITY_VERIFICATION_PSC_ABANDONED";
    IdentityVerificationPscPending "IDENTITY_VERIFICATION_PSC_PENDING";
    IdentityVerificationPscRejected "IDENTITY_VERIFICATION_PSC_REJECTED";
    IdentityVerificationPscValidated "IDENTITY_VERIFICATION_PSC_VALIDATED";
    IdentityVerificationTimeout "IDENTITY_VERIFICATION_TIMEOUT";
    IdentityVerificationValidated "IDENTITY_VERIFICATION_VALIDATED";
    InstantConversionCreated "INSTANT_CONVERSION_CREATED";
    InstantConversionFailed "INSTANT_CONVERSION_FAILED";
    InstantConversionSucceeded "INSTANT_CONVERSION_SUCCEEDED";
    IntentAuthorized "INTENT_AUTHORIZED";
    IntentCaptured "INTENT_CAPTURED";
    IntentDisputeCreated "INTENT_DISPUTE_CREATED";
    IntentDisputeDefended "INTENT_DISPUTE_DEFENDED";
    IntentDisputeLost "INTENT_DISPUTE_LOST";
    IntentDisputeWon "INTENT_DISPUTE_WON";
    IntentPaid "INTENT_PAID";
    IntentRefunded "INTENT_REFUNDED";
    IntentRefundReversed "INTENT_REFUND_REVERSED";
    IntentSettledNotPaid "INTENT_SETTLED_NOT_PAID";
    KycCreated "KYC_CREATED";
    KycFailed "KYC_FAILED";
    KycOutdated "KYC_OUTDATED";
    KycSucceeded "KYC_SUCCEEDED";
    KycValidationAsked "KYC_VALIDATION_ASKED";
    MandateActivated "MANDATE_ACTIVATED";
    MandateCreated "MANDATE_CREATED";
    MandateExpired "MANDATE_EXPIRED";
    MandateFailed "MANDATE_FAILED";
    MandateSubmitted "MANDATE_SUBMITTED";
    PayInNormalProcessingStatusPendingSucceeded "PAYIN_NORMAL_PROCESSING_STATUS_PENDING_SUCCEEDED";
    PayInRepudiationCreated "PAYIN_REPUDIATION_CREATED";
    PayInRepudiationFailed "PAYIN_REPUDIATION_FAILED";
    PayInRepudiationSucceeded "PAYIN_REPUDIATION_SUCCEEDED";
    PreauthorizationCreated "PREAUTHORIZATION_CREATED";
    PreauthorizationFailed "PREAUTHORIZATION_FAILED";
    PreauthorizationPaymentCanceled "PREAUTHORIZATION_PAYMENT_CANCELED";
    PreauthorizationPaymentExpired "PREAUTHORIZATION_PAYMENT_EXPIRED";
    PreauthorizationPaymentValidated "PREAUTHORIZATION_PAYMENT_VALIDATED";
    PreauthorizationPaymentWaiting "PREAUTHORIZATION_PAYMENT_WAITING";
    PreauthorizationSucceeded "PREAUTHORIZATION_SUCCEEDED";
    QuotedConversionCreated "QUOTED_CONVERSION_CREATED";
    QuotedConversionFailed "QUOTED_CONVERSION_FAILED";
    QuotedConversionSucceeded "QUOTED_CONVERSION_SUCCEEDED";
    RecipientActive "RECIPIENT_ACTIVE";
    RecipientCanceled "RECIPIENT_CANCELED";
    RecipientDeactivated "RECIPIENT_DEACTIVATED";
    RecurringRegistrationAuthNeeded "RECURRING_REGISTRATION_AUTH_NEEDED";
    RecurringRegistrationCreated "RECURRING_REGISTRATION_CREATED";
    RecurringRegistrationEnded "RECURRING_REGISTRATION_ENDED";
    RecurringRegistrationInProgress "RECURRING_REGISTRATION_IN_PROGRESS";
    ReportFailed "REPORT_FAILED";
    ReportGenerated "REPORT_GENERATED";
    ScaContactInformationUpdateConsentGiven "SCA_CONTACT_INFORMATION_UPDATE_CONSENT_GIVEN";
    ScaContactInformationUpdateConsentRevoked "SCA_CONTACT_INFORMATION_UPDATE_CONSENT_REVOKED";
    ScaEmailVerified "SCA_EMAIL_VERIFIED";
    ScaPhoneNumberVerified "SCA_PHONE_NUMBER_VERIFIED";
    ScaRecipientRegistrationConsentGiven "SCA_RECIPIENT_REGISTRATION_CONSENT_GIVEN";
    ScaRecipientRegistrationConsentRevoked "SCA_RECIPIENT_REGISTRATION_CONSENT_REVOKED";
    ScaTransferConsentGiven "SCA_TRANSFER_CONSENT_GIVEN";
    ScaTransferConsentRevoked "SCA_TRANSFER_CONSENT_REVOKED";
    ScaViewAccountInformationConsentGiven "SCA_VIEW_ACCOUNT_INFORMATION_CONSENT_GIVEN";
    ScaViewAccountInformationConsentRevoked "SCA_VIEW_ACCOUNT_INFORMATION_CONSENT_REVOKED";
    SettlementCancelled "SETTLEMENT_CANCELLED";
    SettlementCreated "SETTLEMENT_CREATED";
    SettlementFailed "SETTLEMENT_FAILED";
    SettlementInsufficientFunds "SETTLEMENT_INSUFFICIENT_FUNDS";
    SettlementPartiallyMatched "SETTLEMENT_PARTIALLY_MATCHED";
    SettlementPendingFundsReception "SETTLEMENT_PENDING_FUNDS_RECEPTION";
    SettlementPendingUpload "SETTLEMENT_PENDING_UPLOAD";
    SettlementReconciled "SETTLEMENT_RECONCILED";
    SettlementUnmatched "SETTLEMENT_UNMATCHED";
    SettlementUploaded "SETTLEMENT_UPLOADED";
    SplitAvailable "SPLIT_AVAILABLE";
    SplitCreated "SPLIT_CREATED";
    SplitPendingFundsReception "SPLIT_PENDING_FUNDS_RECEPTION";
    SplitRejected "SPLIT_REJECTED";
    SplitReversed "SPLIT_REVERSED";
    TransferSettlementCreated "TRANSFER_SETTLEMENT_CREATED";
    TransferSettlementFailed "TRANSFER_SETTLEMENT_FAILED";
    TransferSettlementSucceeded "TRANSFER_SETTLEMENT_SUCCEEDED";
    UboDeclarationCreated "UBO_DECLARATION_CREATED";
    UboDeclarationIncomplete "UBO_DECLARATION_INCOMPLETE";
    UboDeclarationRefused "UBO_DECLARATION_REFUSED";
    UboDeclarationValidated "UBO_DECLARATION_VALIDATED";
    UboDeclarationValidationAsked "UBO_DECLARATION_VALIDATION_ASKED";
    UserCategoryUpdatedToPayer "USER_CATEGORY_UPDATED_TO_PAYER";
    UserCategoryUpdatedToPlatform "USER_CATEGORY_UPDATED_TO_PLATFORM";
    UserKycRenewalRequired "USER_KYC_RENEWAL_REQUIRED";
    UserKycRenewed "USER_KYC_RENEWED";
    VirtualAccountActive "VIRTUAL_ACCOUNT_ACTIVE";
    VirtualAccountBlocked "VIRTUAL_ACCOUNT_BLOCKED";
    VirtualAccountClosed "VIRTUAL_ACCOUNT_CLOSED";
    VirtualAccountFailed "VIRTUAL_ACCOUNT_FAILED";
    HookFailing "HOOK_FAILING";
    HookBecameInvalid "HOOK_INVALID";
}

/// The kind of thing that an event is about; `None` for those that nothing causes yet.
#[must_use]
pub const fn subject(event: EventType) -> Option<Prefix> {
    Some(match event {
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
        EventType::HookFailing | EventType::HookBecameInvalid => Prefix::Hook,
        _ => return None,
    })
}

/// How what an event is about is named: by its kind's prefix, or, for what nothing causes yet, as a UUID.
#[must_use]
pub fn spell_subject(spelling: &Spelling, event: EventType, subject: Uid) -> String {
    match self::subject(event) {
        Some(prefix) => spelling.spell(prefix, subject).as_str().to_owned(),
        None => subject.to_string(),
    }
}

/// What a hook is told of an event: the pairs that come behind the query of its URL. Source: reference, people part, 10.2; the second
/// s of `RessourceId` is the vendor's.
#[must_use]
pub fn told(event: EventType, subject: Uid, at: Timestamp) -> [(&'static str, String); 3] {
    let id = match self::subject(event) {
        Some(prefix) => ids::spell(prefix, subject).as_str().to_owned(),
        None => subject.to_string(),
    };
    [("EventType", name(event).to_owned()), ("RessourceId", id), ("Date", at.seconds().to_string())]
}

/// The event of a name, whatever its case.
#[must_use]
pub fn of_name(text: &str) -> Option<EventType> {
    EventType::ALL.iter().copied().find(|event| name(*event).eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        for event in EventType::ALL {
            assert_eq!(of_name(&name(*event).to_lowercase()), Some(*event));
        }
        assert_eq!(of_name("NOT_AN_EVENT"), None);
    }
}
