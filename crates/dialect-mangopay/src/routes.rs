//! The table of routes: every endpoint of this dialect stands here once.

use std::future::Future;
use std::pin::Pin;

use crate::call::{Call, WireResponse};
use crate::endpoints::{
    bank_accounts, card_registrations, card_validations, cards, clients, emoney, events, hooks, oauth, payins, payouts, refunds, responses,
    transactions, transfers, users, wallets,
};
use crate::router::{Route, Verb, Version};
use crate::scopes::Scope;
use crate::service::{BODY_MAX_BYTES, UPLOAD_MAX_BYTES};
use crate::wire::WireError;

/// What a handler gives, later.
pub type HandlerFuture<'a> = Pin<Box<dyn Future<Output = Result<WireResponse, WireError>> + Send + 'a>>;

/// Answers a call. An error it gives is answered too, and uses up the call's idempotency key.
pub type Handler = for<'a> fn(&'a Call) -> HandlerFuture<'a>;

/// Who may call an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Whoever has an API key: the token call. It has its own errors and takes no idempotency key.
    ApiKey,
    /// Whoever has a token of this scope.
    Token(Scope),
}

/// What answers a route.
#[derive(Clone, Copy)]
pub struct Endpoint {
    /// Who may call it.
    pub access: Access,
    /// What answers it.
    pub handler: Handler,
    /// Bytes of a body at most.
    pub body_max: usize,
}

const IN_V2_TOO: &[Version] = &[Version::V2];
const NOT_IN_V2: &[Version] = &[];

macro_rules! routes {
    (@body_max) => { BODY_MAX_BYTES };
    (@body_max takes_file) => { UPLOAD_MAX_BYTES };
    ($($verb:ident $pattern:literal $also:ident $access:expr, $handler:path $(, $takes:ident)?;)*) => {
        /// Every route.
        pub static ROUTES: &[Route<Endpoint>] = &[$(Route {
            verb: Verb::$verb,
            pattern: $pattern,
            also: $also,
            target: Endpoint { access: $access, handler: |call| Box::pin($handler(call)), body_max: routes!(@body_max $($takes)?) },
        },)*];
    };
}

routes! {
    Post "/v2.01/oauth/token" IN_V2_TOO Access::ApiKey, oauth::issue_token;
    Get "/v2.01/{ClientId}/responses/{IdempotencyKey}" IN_V2_TOO Access::Token(Scope::ClientDevelopers), responses::view;
    Get "/v2.01/{ClientId}/users" IN_V2_TOO Access::Token(Scope::UsersDetails), users::list;
    Post "/v2.01/{ClientId}/users/natural" IN_V2_TOO Access::Token(Scope::UsersDetails), users::create_natural;
    Get "/v2.01/{ClientId}/users/natural/{UserId}" IN_V2_TOO Access::Token(Scope::UsersDetails), users::view_natural;
    Put "/v2.01/{ClientId}/users/natural/{UserId}" IN_V2_TOO Access::Token(Scope::UsersDetails), users::update_natural;
    Delete "/v2.01/{ClientId}/users/natural/{UserId}" IN_V2_TOO Access::Token(Scope::UsersDetails), users::close_natural;
    Post "/v2.01/{ClientId}/users/legal" IN_V2_TOO Access::Token(Scope::UsersDetails), users::create_legal;
    Get "/v2.01/{ClientId}/users/legal/{UserId}" IN_V2_TOO Access::Token(Scope::UsersDetails), users::view_legal;
    Put "/v2.01/{ClientId}/users/legal/{UserId}" IN_V2_TOO Access::Token(Scope::UsersDetails), users::update_legal;
    Delete "/v2.01/{ClientId}/users/legal/{UserId}" IN_V2_TOO Access::Token(Scope::UsersDetails), users::close_legal;
    Get "/v2.01/{ClientId}/users/{UserId}" IN_V2_TOO Access::Token(Scope::UsersDetails), users::view;
    Post "/v2.01/{ClientId}/sca/users/natural" NOT_IN_V2 Access::Token(Scope::UsersDetails), users::sca::create_natural;
    Post "/v2.01/{ClientId}/sca/users/legal" NOT_IN_V2 Access::Token(Scope::UsersDetails), users::sca::create_legal;
    Get "/v2.01/{ClientId}/sca/users/{UserId}" NOT_IN_V2 Access::Token(Scope::UsersDetails), users::sca::view;
    Get "/v2.01/{ClientId}/users/{UserId}/wallets" IN_V2_TOO Access::Token(Scope::WalletDetails), wallets::of_user;
    Get "/v2.01/{ClientId}/users/{UserId}/transactions" IN_V2_TOO Access::Token(Scope::UsersDetails), transactions::of_user;
    Get "/v2.01/{ClientId}/users/{UserId}/emoney" IN_V2_TOO Access::Token(Scope::UsersDetails), emoney::view;
    Get "/v2.01/{ClientId}/users/{UserId}/emoney/{Year}" IN_V2_TOO Access::Token(Scope::UsersDetails), emoney::view;
    Get "/v2.01/{ClientId}/users/{UserId}/emoney/{Year}/{Month}" IN_V2_TOO Access::Token(Scope::UsersDetails), emoney::view;
    Get "/v2.01/{ClientId}/clients" IN_V2_TOO Access::Token(Scope::ClientDetails), clients::view;
    Put "/v2.01/{ClientId}/clients" IN_V2_TOO Access::Token(Scope::ClientDetails), clients::update;
    Put "/v2.01/{ClientId}/clients/logo" IN_V2_TOO Access::Token(Scope::ClientDetails), clients::logo::upload, takes_file;
    Get "/v2.01/{ClientId}/clients/wallets" IN_V2_TOO Access::Token(Scope::ClientWallets), clients::wallets::list;
    Get "/v2.01/{ClientId}/clients/wallets/{FundsType}" IN_V2_TOO Access::Token(Scope::ClientWallets), clients::wallets::list_of_type;
    Get "/v2.01/{ClientId}/clients/wallets/{FundsType}/{Currency}" IN_V2_TOO Access::Token(Scope::ClientWallets), clients::wallets::view;
    Get "/v2.01/{ClientId}/clients/wallets/{FundsType}/{Currency}/transactions" IN_V2_TOO Access::Token(Scope::ClientWallets), clients::wallets::transactions;
    Get "/v2.01/{ClientId}/clients/transactions" IN_V2_TOO Access::Token(Scope::ClientWallets), clients::wallets::all_transactions;
    Get "/v2.01/{ClientId}/events" IN_V2_TOO Access::Token(Scope::ClientDevelopers), events::list;
    Get "/v2.01/{ClientId}/hooks" IN_V2_TOO Access::Token(Scope::ClientDevelopers), hooks::list;
    Post "/v2.01/{ClientId}/hooks" IN_V2_TOO Access::Token(Scope::ClientDevelopers), hooks::create;
    Get "/v2.01/{ClientId}/hooks/{HookId}" IN_V2_TOO Access::Token(Scope::ClientDevelopers), hooks::view;
    Put "/v2.01/{ClientId}/hooks/{HookId}" IN_V2_TOO Access::Token(Scope::ClientDevelopers), hooks::update;
    Post "/v2.01/{ClientId}/wallets" IN_V2_TOO Access::Token(Scope::WalletDetails), wallets::create;
    Get "/v2.01/{ClientId}/wallets/{WalletId}" IN_V2_TOO Access::Token(Scope::WalletDetails), wallets::view;
    Put "/v2.01/{ClientId}/wallets/{WalletId}" IN_V2_TOO Access::Token(Scope::WalletDetails), wallets::update;
    Get "/v2.01/{ClientId}/wallets/{WalletId}/transactions" IN_V2_TOO Access::Token(Scope::WalletDetails), transactions::of_wallet;
    Post "/v2.01/{ClientId}/transfers" IN_V2_TOO Access::Token(Scope::Transfers), transfers::create;
    Get "/v2.01/{ClientId}/transfers/{TransferId}" IN_V2_TOO Access::Token(Scope::Transfers), transfers::view;
    Get "/v2.01/{ClientId}/users/{UserId}/bankaccounts" IN_V2_TOO Access::Token(Scope::Bankaccounts), bank_accounts::list;
    Post "/v2.01/{ClientId}/users/{UserId}/bankaccounts/iban" IN_V2_TOO Access::Token(Scope::Bankaccounts), bank_accounts::create_iban;
    Post "/v2.01/{ClientId}/users/{UserId}/bankaccounts/gb" IN_V2_TOO Access::Token(Scope::Bankaccounts), bank_accounts::create_gb;
    Post "/v2.01/{ClientId}/users/{UserId}/bankaccounts/us" IN_V2_TOO Access::Token(Scope::Bankaccounts), bank_accounts::create_us;
    Post "/v2.01/{ClientId}/users/{UserId}/bankaccounts/ca" IN_V2_TOO Access::Token(Scope::Bankaccounts), bank_accounts::create_ca;
    Post "/v2.01/{ClientId}/users/{UserId}/bankaccounts/other" IN_V2_TOO Access::Token(Scope::Bankaccounts), bank_accounts::create_other;
    Get "/v2.01/{ClientId}/users/{UserId}/bankaccounts/{BankAccountId}" IN_V2_TOO Access::Token(Scope::Bankaccounts), bank_accounts::view;
    Put "/v2.01/{ClientId}/users/{UserId}/bankaccounts/{BankAccountId}" IN_V2_TOO Access::Token(Scope::Bankaccounts), bank_accounts::deactivate;
    Get "/v2.01/{ClientId}/bankaccounts/{BankAccountId}/transactions" IN_V2_TOO Access::Token(Scope::Bankaccounts), bank_accounts::transactions;
    Post "/v2.01/{ClientId}/clients/bankaccounts/iban" IN_V2_TOO Access::Token(Scope::ClientDetails), bank_accounts::create_client_iban;
    Post "/v2.01/{ClientId}/clients/payouts" IN_V2_TOO Access::Token(Scope::ClientWallets), payouts::create_for_client;
    Post "/v2.01/{ClientId}/clients/payins/bankwire/direct" IN_V2_TOO Access::Token(Scope::ClientPayIns), payins::bank_wire::create_for_client;
    Post "/v2.01/{ClientId}/payouts/bankwire" IN_V2_TOO Access::Token(Scope::Payouts), payouts::create;
    Get "/v2.01/{ClientId}/payouts/bankwire/{PayoutId}" IN_V2_TOO Access::Token(Scope::Payouts), payouts::view_with_mode;
    Post "/v2.01/{ClientId}/payouts/reachability" NOT_IN_V2 Access::Token(Scope::Payouts), payouts::check_eligibility;
    Get "/v2.01/{ClientId}/payouts/{PayoutId}" IN_V2_TOO Access::Token(Scope::Payouts), payouts::view;
    Get "/v2.01/{ClientId}/payouts/{PayOutId}/refunds" IN_V2_TOO Access::Token(Scope::RefundsPayouts), refunds::list_of_payout;
    Post "/v2.01/{ClientId}/payins/bankwire/direct" IN_V2_TOO Access::Token(Scope::Payins), payins::bank_wire::create;
    Get "/v2.01/{ClientId}/payins/{PayInId}" IN_V2_TOO Access::Token(Scope::Payins), payins::view;
    Post "/v2.01/{ClientId}/cardregistrations" IN_V2_TOO Access::Token(Scope::Payins), card_registrations::create;
    Get "/v2.01/{ClientId}/cardregistrations/{CardRegistrationId}" IN_V2_TOO Access::Token(Scope::Payins), card_registrations::view;
    Put "/v2.01/{ClientId}/cardregistrations/{CardRegistrationId}" IN_V2_TOO Access::Token(Scope::Payins), card_registrations::update;
    Get "/v2.01/{ClientId}/cards/{CardId}" IN_V2_TOO Access::Token(Scope::Payins), cards::view;
    Put "/v2.01/{ClientId}/cards/{CardId}" IN_V2_TOO Access::Token(Scope::Payins), cards::update;
    Get "/v2.01/{ClientId}/cards/{CardId}/transactions" IN_V2_TOO Access::Token(Scope::Payins), cards::transactions;
    Post "/v2.01/{ClientId}/cards/{CardId}/validation" IN_V2_TOO Access::Token(Scope::Payins), card_validations::create;
    Get "/v2.01/{ClientId}/cards/{CardId}/validation/{ValidationId}" IN_V2_TOO Access::Token(Scope::Payins), card_validations::view;
    Get "/v2.01/{ClientId}/cards/fingerprints/{Fingerprint}" IN_V2_TOO Access::Token(Scope::Payins), cards::of_fingerprint;
    Get "/v2.01/{ClientId}/cards/fingerprints/{Fingerprint}/users" IN_V2_TOO Access::Token(Scope::Payins), cards::users_of_fingerprint;
    Get "/v2.01/{ClientId}/cards/fingerprints/{Fingerprint}/transactions" IN_V2_TOO Access::Token(Scope::Payins), cards::transactions_of_fingerprint;
    Get "/v2.01/{ClientId}/users/{UserId}/cards" IN_V2_TOO Access::Token(Scope::Payins), cards::of_user;
    Post "/v2.01/{ClientId}/payins/card/direct" IN_V2_TOO Access::Token(Scope::Payins), payins::card_direct::create;
    Post "/v2.01/{ClientId}/payins/card/web" IN_V2_TOO Access::Token(Scope::Payins), payins::card_web::create;
    Get "/v2.01/{ClientId}/payins/card/web/{PayInId}/extended" IN_V2_TOO Access::Token(Scope::Payins), payins::card_web::view_extended;
    Post "/v2.01/{ClientId}/payins/{PayInId}/refunds" IN_V2_TOO Access::Token(Scope::RefundsPayins), refunds::of_pay_in;
    Get "/v2.01/{ClientId}/payins/{PayInId}/refunds" IN_V2_TOO Access::Token(Scope::RefundsPayins), refunds::list_of_pay_in;
    Post "/v2.01/{ClientId}/transfers/{TransferId}/refunds" IN_V2_TOO Access::Token(Scope::RefundsTransfers), refunds::of_transfer;
    Get "/v2.01/{ClientId}/transfers/{TransferId}/refunds" IN_V2_TOO Access::Token(Scope::RefundsTransfers), refunds::list_of_transfer;
    Get "/v2.01/{ClientId}/refunds/{RefundId}" IN_V2_TOO Access::Token(Scope::RefundsGeneral), refunds::view;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_well_formed_and_declared_once() {
        for (place, route) in ROUTES.iter().enumerate() {
            assert!(route.version().is_some(), "{}", route.pattern);
            assert!(!route.pattern.ends_with('/'), "{}", route.pattern);
            let is_same = |other: &Route<Endpoint>| {
                other.verb == route.verb
                    && other.pattern.eq_ignore_ascii_case(route.pattern)
                    && (other.version() == route.version() || other.also.iter().any(|version| route.also.contains(version)))
            };
            assert_eq!(ROUTES.iter().position(is_same), Some(place), "{}", route.pattern);
        }
    }

    #[test]
    fn every_route_with_a_token_names_its_client_unless_the_vendor_leaves_it_out() {
        for route in ROUTES.iter().filter(|route| route.target.access != Access::ApiKey) {
            assert!(route.pattern.contains("/{ClientId}/") || route.pattern.contains("/countries/"), "{}", route.pattern);
        }
    }
}
