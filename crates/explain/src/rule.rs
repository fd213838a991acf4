//! The table of everything that says no, or not yet, and is no reason of a payment ([`crate::refusal`]).

use domain::payment::Refusal;

use crate::refusal;

/// The vendor's page of errors.
pub(crate) const ERRORS: &str = "Mangopay documentation, \"API errors\"";
/// The vendor's page of result codes.
pub(crate) const CODES: &str = "Mangopay documentation, \"Error codes\"";
/// The vendor's page of users.
pub(crate) const USERS: &str = "Mangopay documentation, \"Users\"";
/// The vendor's page of idempotency.
const IDEMPOTENCY: &str = "Mangopay documentation, \"Idempotency\"";
/// The vendor's page of authentication.
const AUTHENTICATION: &str = "Mangopay documentation, \"Authentication\"";

macro_rules! rules {
    ($($rule:ident $name:literal $says:literal $source:expr, [$($next:literal),* $(,)?];)*) => {
        /// What can say no, or not yet.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Rule {
            /// A reason for which a payment fails.
            Refused(Refusal),
            $(#[doc = $says] $rule,)*
        }

        impl Rule {
            /// Every rule but the reasons of payments.
            pub const ALL: &'static [Rule] = &[$(Rule::$rule,)*];

            /// Its name, for programs.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { Self::Refused(refusal) => refusal::explain(refusal).name, $(Self::$rule => $name,)* }
            }

            /// What it says, a sentence.
            #[must_use]
            pub const fn says(self) -> &'static str {
                match self { Self::Refused(refusal) => refusal.says(), $(Self::$rule => $says,)* }
            }

            /// Where it is from.
            #[must_use]
            pub const fn source(self) -> &'static str {
                match self { Self::Refused(refusal) => refusal::explain(refusal).source, $(Self::$rule => $source,)* }
            }

            /// What makes it pass.
            #[must_use]
            pub const fn next(self) -> &'static [&'static str] {
                match self { Self::Refused(refusal) => refusal::explain(refusal).next, $(Self::$rule => &[$($next),*],)* }
            }
        }
    };
}

rules! {
    CredentialsInvalid "credentials_invalid" "Nobody is known by these credentials: they are missing, malformed, wrong, over, or another platform's than the one in the path." AUTHENTICATION, [
        "Ask for a new token with the ClientId and API key of this platform; a token lasts twenty minutes.",
        "Look at the ClientId in the path: it has to be the one that the token was given for, in the same letters.",
        "`florin key create --client-id ID --scopes …` makes another key for a platform whose key is lost.",
    ];
    GrantUnknown "grant_unknown" "The token call asks for a grant that does not exist." AUTHENTICATION, [
        "Send grant_type=client_credentials in the body, as a form or as JSON.",
    ];
    ScopeMissing "scope_missing" "The API key is not allowed this." AUTHENTICATION, [
        "Use a key with the scope, for writing if the call changes something.",
        "`florin key create --client-id ID --scopes SCOPE` makes one.",
    ];
    NoSuchPath "no_such_path" "Nothing answers this path." ERRORS, [
        "Compare the path with the vendor's reference, its version and plural included; docs/compat/mangopay.md tells what Florin has.",
    ];
    NotFound "not_found" "What the path or the body names is not there, or is not this platform's or this user's: nobody is told which." ERRORS, [
        "Look for the id in the list of what it should be in.",
        "See that the id was made by this platform, on this server and in this data folder.",
    ];
    MethodNotAllowed "method_not_allowed" "The path is there, and has other methods." ERRORS, [
        "Use a method that the answer's Allow header names.",
    ];
    KeyUsed "idempotency_key_used" "The idempotency key was used before: the first request counts, and this one did nothing." IDEMPOTENCY, [
        "Look the first answer up: GET /responses/{key}, below the ClientId.",
        "Send a fresh key for what is to be a new request. A key is free again after 24 hours.",
    ];
    KeyMalformed "idempotency_key_malformed" "The idempotency key has not the form that one has, or came twice." IDEMPOTENCY, [
        "Send one key of 16 to 36 letters, digits and dashes; a UUID is one.",
    ];
    BodyTooLarge "body_too_large" "The body is longer than the path takes." "Florin, docs/operate/run.md, \"Limits\"", [
        "Send less: 256 KiB, 64 KiB for the sandbox's own API, 11 MiB where a file is uploaded.",
    ];
    BodyTimedOut "body_timed_out" "The body did not come in time." "Florin, docs/operate/run.md, \"Limits\"", [
        "Send the whole body within 15 seconds, and see that Content-Length is its length.",
    ];
    BodyMalformed "body_malformed" "The body is not a JSON object." "Florin, ADR 5", [
        "Send one JSON object, in UTF-8, with no name twice.",
    ];
    MediaUnsupported "media_unsupported" "The file is of a type that is not taken." ERRORS, [
        "Send a PNG, JPEG or GIF.",
    ];
    RateLimit "rate_limit" "The platform has called more often than a window allows." "Mangopay documentation, \"Rate limiting\"", [
        "Wait until the moment that X-RateLimit-Reset tells for the window that is full.",
        "For load tests: `florin serve --no-rate-limit`, or `--rate-limit 15m=100000`.",
    ];
    Overloaded "overloaded" "The server had no room for the request, or was ending." "Florin, docs/operate/run.md, \"Limits\"", [
        "Ask again after the seconds that Retry-After tells; with the same idempotency key nothing is done twice.",
    ];
    Fault "fault" "Florin is at fault: nothing was changed." "Florin, docs/operate/run.md", [
        "Look for the request's id in the server's log, and report it.",
    ];
    FieldMissing "field_missing" "A field that is needed is not there." ERRORS, [
        "Add the field; the answer names every one that is wrong.",
    ];
    FieldWrong "field_wrong" "A field has a value that it cannot have." ERRORS, [
        "Change the field as the answer's text beside it says; it names every one that is wrong.",
    ];
    FieldUnknown "field_unknown" "A field is not known here." "Florin, docs/guide/sandbox.md", [
        "Leave the field out, or spell it as the answer's text says.",
    ];
    ParameterWrong "parameter_wrong" "The request as a whole cannot be understood." ERRORS, [
        "Compare path, query and body with the vendor's reference of this call.",
    ];
    ConsentMissing "consent_missing" "The platform acts for a user who has not allowed it to." "Mangopay documentation, \"SCA\"", [
        "Say that the user is present, and lead the user to the page of the answer.",
        "Let the user give consent first.",
    ];
    FakeName "fake_name" "A name looks made up, and the platform's policy refuses such names." "Mangopay documentation, \"Fraud policy\"", [
        "Use a name that a person could have.",
        "POST /sandbox/v1/policy {\"refuses_fake_names\": false} takes them again, on this platform.",
    ];
    TermsNotAccepted "terms_not_accepted" "An owner has not accepted the terms." USERS, [
        "Send with the user that the terms are accepted.",
    ];
    WrongState "wrong_state" "What was asked for cannot be done in the present state." ERRORS, [
        "View the object: its status says what it is past.",
        "`florin show ID --timeline` tells how it got there.",
    ];
    UserClosed "user_closed" "The user is closed, for good." USERS, [
        "Make a new user: a closed one is not opened again.",
    ];
    UserNotEmpty "user_not_empty" "The user still has money." USERS, [
        "Pay out or transfer what is in the user's wallets, then close the user.",
    ];
    CurrencyMismatch "currency_mismatch" "Two currencies that have to be one are not." ERRORS, [
        "Use the wallet's currency for every sum, or another wallet.",
    ];
    NotSucceeded "not_succeeded" "Only what has succeeded can be refunded." ERRORS, [
        "Wait until the payment has succeeded; `florin why ID` tells what it waits for.",
    ];
    CardInactiveAlready "card_inactive_already" "The card was deactivated before." ERRORS, [
        "Nothing is to be done: the card is not active.",
    ];
    GivenIdRefused "given_id_refused" "The id that a fixture gives cannot be had." "Florin, ADR 21", [
        "Give another id, with the prefix of what the line makes.",
    ];
    Conflict "conflict" "What the sandbox was to let happen cannot happen any more." "Florin, docs/guide/sandbox.md", [
        "View the object: its status says what it is past.",
    ];
    Refusing "refused" "The request was refused." ERRORS, [
        "Read the answer's text.",
    ];
    InflowsBlocked "inflows_blocked" "The user may receive nothing." "Mangopay documentation, \"User blocks\"", [
        "POST /sandbox/v1/users/{id}/unblock lets the user's money flow again.",
    ];
    OutflowsBlocked "outflows_blocked" "The user may send nothing." "Mangopay documentation, \"User blocks\"", [
        "POST /sandbox/v1/users/{id}/unblock lets the user's money flow again.",
    ];
    NotVerified "not_verified" "The user's identity is only declared, so the user may not be paid out to a bank." "Mangopay documentation, \"Verification requirements\"", [
        "POST /sandbox/v1/users/{id}/verify has the identity found good.",
        "POST /sandbox/v1/policy {\"payout_requires_verification\": false} asks for none, on this platform.",
    ];
    PayerOnly "payer_only" "The user is a payer: it may not be paid out, nor be paid by owners." USERS, [
        "Make the user an owner, with what owners have to tell of themselves.",
    ];
    AwaitsUser "awaits_user" "The user has to authenticate first." "Mangopay documentation, \"SCA\"", [
        "Open the user's redirect URL and type 702100.",
        "Take an e-mail address with `accept` in it: such a user is never asked.",
    ];
    AwaitsWire "awaits_wire" "The payer's bank has not sent the money." "Mangopay documentation, \"Bank wire PayIns\"", [
        "POST /sandbox/v1/payins/{id}/receive lets it arrive.",
    ];
    AwaitsPayer "awaits_payer" "The payer has not finished: a card is to be typed, or the payer is to authenticate." "Mangopay documentation, \"Card PayIns\"", [
        "Open the payment's redirect URL.",
        "POST /sandbox/v1/payins/{id}/3ds/pass plays the payer who authenticates, …/3ds/fail the one who does not.",
    ];
    AwaitsAcquirer "awaits_acquirer" "The acquirer has not said how it ended: a job asks." "Florin, ADR 10", [
        "POST /sandbox/v1/jobs/run asks now, if the job is due.",
        "Move the platform's clock to the moment the job is due.",
    ];
    AwaitsBank "awaits_bank" "The bank has not said how it ended: a job asks." "Florin, ADR 9", [
        "POST /sandbox/v1/payouts/{id}/succeed, …/fail or …/return decides for the bank, at once.",
        "POST /sandbox/v1/jobs/run asks now, if the job is due.",
    ];
    AwaitsSettlement "awaits_settlement" "The platform's policy settles nothing by itself." "Florin, docs/guide/sandbox.md", [
        "POST /sandbox/v1/settle does everything that is due.",
        "POST /sandbox/v1/policy {\"settlement\": \"instant\"} has it done by itself.",
    ];
    JobWaits "job_waits" "A job is to go on with it, and is not due yet." "Florin, docs/guide/sandbox.md", [
        "Move the platform's clock to the moment the job is due: everything due fires in order.",
    ];
    Stuck "stuck" "It is not done, and nothing is left that would go on with it." "Florin, docs/operate/run.md", [
        "Report it with the answer of `florin show ID --timeline --json`.",
    ];
    CardNotActive "card_not_active" "The card cannot be charged: it was deactivated, or not used in time." "Mangopay documentation, \"Cards\"", [
        "Register the card again.",
    ];
    BankAccountNotActive "bank_account_not_active" "The bank account cannot be paid out to: it was deactivated, or a bank sent money back as wrong or closed." "Mangopay documentation, \"Bank accounts\"", [
        "Register the bank account anew.",
    ];
    WalletOfClosedUser "wallet_of_closed_user" "The wallet's owner is closed: nothing goes in or out." USERS, [
        "Use a wallet of another user.",
    ];
    HookNotValid "hook_not_valid" "The hook's URL failed too often in a row: nothing more is sent to it." "Mangopay documentation, \"Webhooks\"", [
        "Mend the receiver, then update the hook with its URL: it is valid again.",
    ];
    HookDisabled "hook_disabled" "The hook is switched off." "Mangopay documentation, \"Webhooks\"", [
        "Update the hook's status to enabled.",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_name_of_its_own_a_sentence_a_source_and_a_next_step() {
        let refusals: Vec<Rule> = Refusal::ALL.iter().map(|refusal| Rule::Refused(*refusal)).collect();
        for rules in [Rule::ALL, &refusals] {
            let mut names = Vec::new();
            for rule in rules {
                assert!(rule.says().ends_with('.') && rule.says().len() > 10, "{rule:?}");
                assert!(rule.source().len() > 5 && !rule.next().is_empty(), "{rule:?}");
                assert!(rule.next().iter().all(|next| next.ends_with(['.', '}'])), "{rule:?}");
                assert!(rule.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{rule:?}");
                assert!(!names.contains(&rule.name()), "{rule:?}");
                names.push(rule.name());
            }
        }
    }
}
