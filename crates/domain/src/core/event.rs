//! What happened: events, as the outbox keeps them.

use ledger::Uid;

use super::Timestamp;
use super::ids::{EventId, PlatformId};

macro_rules! events {
    ($($number:literal $event:ident;)*) => {
        /// What an event tells. The numbers are stored: they never change. Each dialect has its own name for it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "each name says what happened to what")]
        pub enum EventType { $($event,)* }

        impl EventType {
            /// Every type, in order of its number.
            pub const ALL: &'static [EventType] = &[$(EventType::$event,)*];

            /// The stored number.
            #[must_use]
            pub const fn number(self) -> u16 { match self { $(EventType::$event => $number,)* } }

            /// The type of a stored number.
            #[must_use]
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(EventType::$event),)* _ => None }
            }
        }
    };
}

events! {
    1 PayInCreated;
    2 PayInSucceeded;
    3 PayInFailed;
    4 TransferCreated;
    5 TransferSucceeded;
    6 TransferFailed;
    7 PayoutCreated;
    8 PayoutSucceeded;
    9 PayoutFailed;
    10 PayInRefundCreated;
    11 PayInRefundSucceeded;
    12 PayInRefundFailed;
    13 TransferRefundCreated;
    14 TransferRefundSucceeded;
    15 TransferRefundFailed;
    16 PayoutRefundCreated;
    17 PayoutRefundSucceeded;
    18 PayoutRefundFailed;
    19 InstantPayoutSucceeded;
    20 InstantPayoutFellBack;
    21 InstantPayoutFailed;
    22 CardValidationCreated;
    23 CardValidationSucceeded;
    24 CardValidationFailed;
    25 UserBecameRegular;
    26 UserBecameLight;
    27 UserBecameOwner;
    28 UserClosed;
    29 UserInflowsBlocked;
    30 UserInflowsUnblocked;
    31 UserOutflowsBlocked;
    32 UserOutflowsUnblocked;
    33 CompanyNumberValid;
    34 CompanyNumberInvalid;
    35 UserValidationAsked;
    36 UserActivated;
    37 ScaEnrollmentSucceeded;
    38 ScaEnrollmentFailed;
    39 ScaEnrollmentExpired;
    40 CountryAuthorizationUpdated;
    41 DepositPreauthorizationCreated;
    42 DepositPreauthorizationFailed;
    43 DepositPreauthorizationPaymentCanceled;
    44 DepositPreauthorizationPaymentCancelRequest;
    45 DepositPreauthorizationPaymentCancelRequested;
    46 DepositPreauthorizationPaymentExpired;
    47 DepositPreauthorizationPaymentFailed;
    48 DepositPreauthorizationPaymentValidated;
    49 DepositPreauthorizationPaymentWaiting;
    50 DisputeActionRequired;
    51 DisputeClosed;
    52 DisputeCreated;
    53 DisputeDocumentCreated;
    54 DisputeDocumentFailed;
    55 DisputeDocumentSucceeded;
    56 DisputeDocumentValidationAsked;
    57 DisputeFurtherActionRequired;
    58 DisputeSentToBank;
    59 DisputeSubmitted;
    60 ExtendedPreauthorizationCreated;
    61 ExtendedPreauthorizationFailed;
    62 ExtendedPreauthorizationPaymentCanceled;
    63 ExtendedPreauthorizationPaymentCancelRequested;
    64 ExtendedPreauthorizationPaymentExpired;
    65 ExtendedPreauthorizationPaymentFailed;
    66 ExtendedPreauthorizationPaymentValidated;
    67 ExtendedPreauthorizationPaymentWaiting;
    68 IdentityVerificationExpired;
    69 IdentityVerificationFailed;
    70 IdentityVerificationInconclusive;
    71 IdentityVerificationOutdated;
    72 IdentityVerificationPending;
    73 IdentityVerificationPendingPscAction;
    74 IdentityVerificationPscAbandoned;
    75 IdentityVerificationPscPending;
    76 IdentityVerificationPscRejected;
    77 IdentityVerificationPscValidated;
    78 IdentityVerificationTimeout;
    79 IdentityVerificationValidated;
    80 InstantConversionCreated;
    81 InstantConversionFailed;
    82 InstantConversionSucceeded;
    83 IntentAuthorized;
    84 IntentCaptured;
    85 IntentDisputeCreated;
    86 IntentDisputeDefended;
    87 IntentDisputeLost;
    88 IntentDisputeWon;
    89 IntentPaid;
    90 IntentRefunded;
    91 IntentRefundReversed;
    92 IntentSettledNotPaid;
    93 KycCreated;
    94 KycFailed;
    95 KycOutdated;
    96 KycSucceeded;
    97 KycValidationAsked;
    98 MandateActivated;
    99 MandateCreated;
    100 MandateExpired;
    101 MandateFailed;
    102 MandateSubmitted;
    103 PayInNormalProcessingStatusPendingSucceeded;
    104 PayInRepudiationCreated;
    105 PayInRepudiationFailed;
    106 PayInRepudiationSucceeded;
    107 PreauthorizationCreated;
    108 PreauthorizationFailed;
    109 PreauthorizationPaymentCanceled;
    110 PreauthorizationPaymentExpired;
    111 PreauthorizationPaymentValidated;
    112 PreauthorizationPaymentWaiting;
    113 PreauthorizationSucceeded;
    114 QuotedConversionCreated;
    115 QuotedConversionFailed;
    116 QuotedConversionSucceeded;
    117 RecipientActive;
    118 RecipientCanceled;
    119 RecipientDeactivated;
    120 RecurringRegistrationAuthNeeded;
    121 RecurringRegistrationCreated;
    122 RecurringRegistrationEnded;
    123 RecurringRegistrationInProgress;
    124 ReportFailed;
    125 ReportGenerated;
    126 ScaContactInformationUpdateConsentGiven;
    127 ScaContactInformationUpdateConsentRevoked;
    128 ScaEmailVerified;
    129 ScaPhoneNumberVerified;
    130 ScaRecipientRegistrationConsentGiven;
    131 ScaRecipientRegistrationConsentRevoked;
    132 ScaTransferConsentGiven;
    133 ScaTransferConsentRevoked;
    134 ScaViewAccountInformationConsentGiven;
    135 ScaViewAccountInformationConsentRevoked;
    136 SettlementCancelled;
    137 SettlementCreated;
    138 SettlementFailed;
    139 SettlementInsufficientFunds;
    140 SettlementPartiallyMatched;
    141 SettlementPendingFundsReception;
    142 SettlementPendingUpload;
    143 SettlementReconciled;
    144 SettlementUnmatched;
    145 SettlementUploaded;
    146 SplitAvailable;
    147 SplitCreated;
    148 SplitPendingFundsReception;
    149 SplitRejected;
    150 SplitReversed;
    151 TransferSettlementCreated;
    152 TransferSettlementFailed;
    153 TransferSettlementSucceeded;
    154 UboDeclarationCreated;
    155 UboDeclarationIncomplete;
    156 UboDeclarationRefused;
    157 UboDeclarationValidated;
    158 UboDeclarationValidationAsked;
    159 UserCategoryUpdatedToPayer;
    160 UserCategoryUpdatedToPlatform;
    161 UserKycRenewalRequired;
    162 UserKycRenewed;
    163 VirtualAccountActive;
    164 VirtualAccountBlocked;
    165 VirtualAccountClosed;
    166 VirtualAccountFailed;
    167 HookFailing;
    168 HookBecameInvalid;
}

impl EventType {
    /// Whether the platform can have itself told of it by a hook: of what becomes of hooks it cannot.
    #[must_use]
    pub const fn is_for_hooks(self) -> bool {
        !matches!(self, Self::HookFailing | Self::HookBecameInvalid)
    }

    /// Whether the event tells of a payment, which is then its subject.
    #[must_use]
    pub const fn is_of_payment(self) -> bool {
        matches!(self.number(), 1..=21)
    }

    /// Whether the event tells that a payment was made; each payment has exactly one such event, its first.
    #[must_use]
    pub const fn is_creation(self) -> bool {
        matches!(
            self,
            Self::PayInCreated
                | Self::TransferCreated
                | Self::PayoutCreated
                | Self::PayInRefundCreated
                | Self::TransferRefundCreated
                | Self::PayoutRefundCreated
        )
    }
}

/// One thing that happened to one object. It is stored with the change that caused it, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id, stable over every delivery.
    pub id: EventId,
    /// The tenant.
    pub platform: PlatformId,
    /// What happened.
    pub event: EventType,
    /// The object it happened to.
    pub subject: Uid,
    /// Business time.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_read_back() {
        for &event in EventType::ALL {
            assert_eq!(EventType::from_number(event.number()), Some(event));
        }
    }
}
