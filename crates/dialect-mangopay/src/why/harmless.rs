//! What of a body may be shown: the names of this wire, each with what its value may be.

use edge::mask::{Harmless, Masker, hidden};
use money::Currency;

use crate::events;
use crate::wire::ids::Prefix;

/// Shows bodies of this wire without what they say of people.
pub const MASKER: Masker = Masker { of, is_id, is_word, without_values };

/// Amounts, times, counts.
const INTEGERS: &[&str] = &[
    "Amount",
    "CreationDate",
    "ExecutionDate",
    "AuthorizationDate",
    "ExpirationDate",
    "Date",
    "ColorDepth",
    "ScreenHeight",
    "ScreenWidth",
    "TermsAndConditionsAcceptedDate",
    "page",
    "per_page",
    "beforedate",
    "afterdate",
];
const FLAGS: &[&str] =
    &["Active", "TermsAndConditionsAccepted", "SecureModeNeeded", "IsReachable", "JavaEnabled", "JavascriptEnabled", "InstantPayout"];
const IDS: &[&str] = &[
    "Id",
    "AuthorId",
    "UserId",
    "WalletId",
    "CreditedUserId",
    "DebitedUserId",
    "DebitedWalletId",
    "CreditedWalletId",
    "BankAccountId",
    "CardId",
    "CardRegistrationId",
    "PayInId",
    "PayoutId",
    "PayOutId",
    "TransferId",
    "RefundId",
    "ValidationId",
    "InitialTransactionId",
    "RecipientId",
    "DepositId",
    "ResourceId",
    "RecurringPayinRegistrationId",
];
const WORDS: &[&str] = &[
    "Currency",
    "Status",
    "Type",
    "Nature",
    "PaymentType",
    "ExecutionType",
    "UserCategory",
    "UserStatus",
    "PersonType",
    "LegalPersonType",
    "KYCLevel",
    "SecureMode",
    "PayoutModeRequested",
    "ModeRequested",
    "ModeApplied",
    "CardType",
    "CardProvider",
    "Validity",
    "ScaContext",
    "FundsType",
    "EventType",
    "RefundReasonType",
    "AVSResult",
    "ChargeBearer",
    "PaymentCategory",
    "PreferredCardNetwork",
    "ValidationUsage",
    "DepositAccountType",
    "InitialTransactionType",
    "InitialTransactionNature",
    "Culture",
    "Requested3DSVersion",
    "Applied3DSVersion",
    "UnreachableReason",
    "Sort",
    "ResultCode",
    "errortype",
];
const INSIDES: &[&str] = &[
    "DebitedFunds",
    "CreditedFunds",
    "Fees",
    "DeclaredDebitedFunds",
    "DeclaredFees",
    "Balance",
    "DebitedEMoney",
    "CreditedEMoney",
    "BrowserInfo",
    "RefundReason",
    "FallbackReason",
    "Billing",
    "Shipping",
    "Address",
    "HeadquartersAddress",
    "OwnerAddress",
    "LegalRepresentative",
    "LegalRepresentativeAddress",
    "PendingUserAction",
    "InstantPayoutReachability",
    "CardInfo",
    "SecurityInfo",
    "TransactionDetails",
];
/// Names whose values are somebody's own, or secret.
const NAMES: &[&str] = &[
    "Tag",
    "FirstName",
    "LastName",
    "Name",
    "Email",
    "Birthday",
    "Nationality",
    "CountryOfResidence",
    "Occupation",
    "IncomeRange",
    "PhoneNumber",
    "PhoneNumberCountry",
    "AddressLine1",
    "AddressLine2",
    "City",
    "Region",
    "PostalCode",
    "Country",
    "Description",
    "OwnerName",
    "IBAN",
    "BIC",
    "AccountNumber",
    "SortCode",
    "ABA",
    "BankName",
    "InstitutionNumber",
    "BranchCode",
    "CompanyNumber",
    "CompanyReference",
    "TaxNumber",
    "LegalRepresentativeFirstName",
    "LegalRepresentativeLastName",
    "LegalRepresentativeEmail",
    "LegalRepresentativeBirthday",
    "LegalRepresentativeNationality",
    "LegalRepresentativeCountryOfResidence",
    "LegalRepresentativeProofOfIdentity",
    "HeadquartersPhoneNumber",
    "HeadquartersPhoneNumberCountry",
    "ProofOfIdentity",
    "ProofOfAddress",
    "ProofOfRegistration",
    "ShareholderDeclaration",
    "Statute",
    "StatementDescriptor",
    "BankWireRef",
    "PaymentRef",
    "WireReference",
    "ReferenceId",
    "CardHolderName",
    "Alias",
    "Fingerprint",
    "BIN",
    "IpAddress",
    "UserAgent",
    "AcceptHeader",
    "Language",
    "TimeZoneOffset",
    "ReturnURL",
    "RedirectURL",
    "RedirectUrl",
    "SecureModeReturnURL",
    "SecureModeRedirectURL",
    "TemplateURL",
    "TemplateURLOptions",
    "CardRegistrationURL",
    "RegistrationData",
    "PreregistrationData",
    "AccessKey",
    "PlatformURL",
    "PlatformDescription",
    "PlatformCategorization",
    "RegisteredName",
    "AdminEmails",
    "BillingEmails",
    "FraudEmails",
    "TechEmails",
    "PrimaryThemeColour",
    "PrimaryButtonColour",
    "MCC",
    "File",
    "Extra",
    "IssuerCountryCode",
    "IssuingBank",
    "ClientId",
    "Idempotency-Key",
    "RessourceNotFound",
    "currency",
    "access_token",
    "token_type",
    "expires_in",
    "error",
];

fn of(name: &str) -> Option<Harmless> {
    Some(match name {
        name if INTEGERS.contains(&name) => Harmless::Integer,
        name if FLAGS.contains(&name) => Harmless::Flag,
        name if IDS.contains(&name) => Harmless::Id,
        "Owners" => Harmless::Ids,
        name if WORDS.contains(&name) => Harmless::Word,
        name if INSIDES.contains(&name) => Harmless::Inside,
        "Message" | "ResultMessage" => Harmless::OurText,
        "errors" => Harmless::OurTexts,
        name if NAMES.contains(&name) => Harmless::Name,
        _ => return None,
    })
}

/// Digits of an id that is a number.
const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 1..=12;
const ULID_LENGTH: usize = 26;

/// A prefix with a ULID, a UUID, or a short number. Texts that a fixture chose are not: they may be anything.
fn is_id(text: &str) -> bool {
    let rest = Prefix::ALL.iter().find_map(|prefix| text.strip_prefix(prefix.text()));
    if let Some(rest) = rest {
        return rest.len() == ULID_LENGTH && rest.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    }
    if NUMBER_DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let own = ["FEES_", "CREDIT_"].iter().find_map(|own| text.strip_prefix(own));
    own.is_some_and(|currency| currency.parse::<Currency>().is_ok()) || ledger::Uid::parse(text).is_some()
}

/// Words of the wire that are no event's and no currency's.
const KNOWN_WORDS: &[&str] = &[
    "CREATED",
    "SUCCEEDED",
    "FAILED",
    "ERROR",
    "VALIDATED",
    "ACTIVE",
    "CLOSED",
    "PENDING_USER_ACTION",
    "PAYIN",
    "PAYOUT",
    "TRANSFER",
    "CONVERSION",
    "CARD_VALIDATION",
    "REGULAR",
    "LIGHT",
    "REFUND",
    "REPUDIATION",
    "SETTLEMENT",
    "CARD",
    "BANK_WIRE",
    "DIRECT",
    "WEB",
    "EXTERNAL_INSTRUCTION",
    "PAYER",
    "OWNER",
    "PLATFORM",
    "NATURAL",
    "LEGAL",
    "BUSINESS",
    "PARTNERSHIP",
    "ORGANIZATION",
    "SOLETRADER",
    "DEFAULT",
    "FORCE",
    "NO_CHOICE",
    "STANDARD",
    "INSTANT_PAYMENT",
    "INSTANT_PAYMENT_ONLY",
    "RTGS_PAYMENT",
    "NONE",
    "CB_VISA_MASTERCARD",
    "VISA",
    "MASTERCARD",
    "CB",
    "AMEX",
    "MAESTRO",
    "BCMC",
    "DINERS",
    "DISCOVER",
    "JCB",
    "UNKNOWN",
    "VALID",
    "INVALID",
    "USER_PRESENT",
    "USER_NOT_PRESENT",
    "FEES",
    "CREDIT",
    "INITIALIZED_BY_CLIENT",
    "OTHER",
    "FULL_MATCH",
    "ADDRESS_MATCH_ONLY",
    "POSTAL_CODE_MATCH_ONLY",
    "NO_MATCH",
    "NO_CHECK",
    "OUR",
    "SHA",
    "ECommerce",
    "TelephoneOrder",
    "MIT",
    "CIT",
    "SAVINGS",
    "CHECKING",
    "IBAN",
    "GB",
    "US",
    "CA",
    "V1",
    "V2_1",
    "ASC",
    "DESC",
    "CreationDate",
    "BANKACCOUNT_HAS_BEEN_CLOSED",
    "BANKACCOUNT_INCORRECT",
    "OWNER_DO_NOT_MATCH_BANKACCOUNT",
    "AG01_FORBIDDEN_TRANSACTION",
    "MS03_NOT_SPECIFIED",
    "param_error",
    "ressource_not_found",
    "invalid_credentials",
    "forbidden_ressource",
    "sca_proxy_missing",
    "idempotent_creation_conflict",
    "rate_limit",
    "fraud_policy",
    "user_hasnt_accepted_terms_and_conditions",
    "invalid_action",
    "user_closed",
    "user_closure_not_possible",
    "currency_incompatibility",
    "original_transaction_must_be_succeeded",
    "card_already_not_active",
    "other",
];

fn is_word(text: &str) -> bool {
    // Result codes are six digits, and each is one of the vendor's.
    KNOWN_WORDS.contains(&text) || text.parse::<Currency>().is_ok() || events::of_name(text).is_some() || super::codes::is_known(text)
}

/// Texts of this wire that repeat a value, as what stands before and behind it.
const REPEATING: &[(&str, &str)] = &[
    ("The value ", " is not valid"),
    ("The code ", " cannot be found in the standard ISO 4217 : http://en.wikipedia.org/wiki/ISO_4217"),
    ("Currency: The currency ", " is not available"),
    ("The requested resource does not support http method '", "'."),
];

fn without_values(text: &str) -> String {
    if let Some((before, id)) = text.strip_suffix(' ').unwrap_or(text).split_once(" with the id=") {
        let id = if is_id(id) { id.to_owned() } else { hidden(id) };
        return format!("{before} with the id={id} ");
    }
    for (before, after) in REPEATING {
        if let Some(value) = text.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)) {
            let is_clear = is_word(value) || ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"].contains(&value);
            return format!("{before}{}{after}", if is_clear { value.to_owned() } else { hidden(value) });
        }
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::workbench::World;

    #[test]
    fn what_is_not_known_to_be_harmless_is_not_shown() {
        let tale = "Telltale-7";
        let names: Vec<&str> = [INTEGERS, FLAGS, IDS, WORDS, INSIDES, NAMES, &["Owners", "errors", "Message", "John"]].concat();
        for name in names {
            for value in [json!(tale), json!([tale]), json!({"Telltale": tale}), json!({"Amount": tale}), json!("user_m_Telltale")] {
                let shown = MASKER.body(json!({name: value, tale: value}).to_string().as_bytes()).to_string();
                assert!(!shown.to_lowercase().contains("telltale"), "{name}: {shown}");
            }
        }
    }

    #[test]
    fn a_transfer_is_shown_but_for_its_tag() {
        let body = json!({
            "AuthorId": "user_m_01JF7FKVP51PS3TYKCN79VZZ8M", "DebitedWalletId": "41631014", "CreditedWalletId": "FEES_EUR", "Tag": "John Doe",
            "DebitedFunds": {"Currency": "EUR", "Amount": 1000}, "Fees": {"Currency": "eur", "Amount": "12"},
        });
        let mut expected = body.clone();
        expected["Tag"] = json!("…(8 characters)");
        expected["Fees"] = json!({"Currency": "…(3 characters)", "Amount": "…(2 characters)"});
        assert_eq!(MASKER.body(body.to_string().as_bytes()), expected);
    }

    #[tokio::test]
    async fn answers_repeat_nothing_of_what_was_sent() {
        let world = World::new().await;
        let tale = "Telltale";
        let bodies = [
            json!({"Owners": [tale], "Description": tale.repeat(40), "Currency": tale}),
            json!({"Owners": tale, "Description": 5, "Currency": {"Telltale": 1}}),
            json!({"FirstName": tale.repeat(40), "Email": tale, "Nationality": tale, "CountryOfResidence": "TE", "Birthday": tale, "UserCategory": tale}),
            json!({"AuthorId": tale, "DebitedFunds": {"Currency": tale, "Amount": tale}, "Fees": tale, "DebitedWalletId": tale}),
            json!({"OwnerName": tale, "IBAN": tale, "OwnerAddress": {"Country": tale, "PostalCode": tale}}),
        ];
        let paths = ["/wallets", "/users/natural", "/transfers", "/users/Telltale/bankaccounts/iban", "/payins/card/direct", "/Telltale"];
        for (path, body) in paths.iter().flat_map(|path| bodies.iter().map(move |body| (path, body))) {
            let sent = body.to_string();
            let seen = world.post(path, body).await;
            assert!(!seen.status.is_success(), "{path} {body}");
            let shown = MASKER.answer(seen.text.as_bytes(), Some(sent.as_bytes()), path).to_string();
            assert!(!shown.to_lowercase().contains("telltale"), "{path} {body}: {shown}");
            let texts = MASKER.answer(seen.text.as_bytes(), None, path);
            assert!(!texts.to_string().to_lowercase().contains("telltale"), "{texts}");
            assert_eq!(texts["Type"], seen.json()["Type"], "{path}");
        }
        let seen = world.call("TELLTALE", "/wallets", &[], "").await;
        assert!(!MASKER.answer(seen.text.as_bytes(), Some(b""), "/wallets").to_string().contains("TELLTALE"));
    }

    #[tokio::test]
    async fn every_name_that_an_answer_has_is_known() {
        let world = World::new().await;
        let user = world.user("me");
        let wallet = world.wallet("me", user, Currency::EUR, 5);
        for path in ["/clients".to_owned(), format!("/wallets/{}", crate::workbench::wallet_text(wallet))] {
            let shown = MASKER.answer(world.get(&path).await.text.as_bytes(), Some(b""), &path);
            let unknown: Vec<String> =
                shown.as_object().into_iter().flat_map(serde_json::Map::keys).filter(|name| name.contains('…')).cloned().collect();
            // Names of the platform itself; the vendor's document is longer than the list.
            assert!(unknown.len() <= 8, "{path}: {unknown:?} of {shown}");
            assert!(shown != Value::Null);
        }
    }
}
