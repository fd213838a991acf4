//! One request for every route, as the owner of an estate makes it, and what others see who make the same.

use dialect_mangopay::router::{Verb, Version};
use serde_json::{Value, json};

use crate::estate::{Estate, KEY, iban};
use crate::harness::{address, legal_owner, natural_owner, with};
use crate::scene::eur;

/// What a request shows somebody to whom nothing of what it names belongs.
#[derive(Clone, Copy, Debug)]
pub enum Sees {
    /// What is named is not there.
    NotFound,
    /// What the body names is not valid: each of it is told.
    Invalid,
    /// Something, and nothing of the owner's: an empty list, or what is one's own.
    NothingOfIt,
}

/// A request.
pub struct Ask {
    pub verb: Verb,
    /// As the table of routes has it.
    pub pattern: &'static str,
    /// The captures after the client id, in order.
    pub names: Vec<String>,
    pub body: Value,
    /// What another platform sees.
    pub stranger: Sees,
    /// Who stands in for the first capture, and what is seen then; where it is a user, or one of two ids.
    pub sibling: Option<(String, Sees)>,
}

impl Ask {
    fn new(verb: Verb, pattern: &'static str, names: &[&str], stranger: Sees) -> Self {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Self { verb, pattern, names, body: json!({}), stranger, sibling: None }
    }

    fn body(self, body: Value) -> Self {
        Self { body, ..self }
    }

    fn sibling(self, name: &str, sees: Sees) -> Self {
        Self { sibling: Some((name.to_owned(), sees)), ..self }
    }

    /// Everything that it names: in its path, with these captures, and in its body.
    pub fn named(&self, names: &[String]) -> Vec<String> {
        let in_body = self.body.as_object().into_iter().flatten().filter_map(|(_, value)| value.as_str()).map(str::to_owned);
        names.iter().cloned().chain(in_body).collect()
    }

    /// Its path below the client id.
    pub fn path(&self) -> String {
        self.path_with(&self.names)
    }

    /// Its path with the sibling's name first.
    pub fn siblings_path(&self, sibling: &str) -> String {
        let mut names = self.names.clone();
        sibling.clone_into(&mut names[0]);
        self.path_with(&names)
    }

    fn path_with(&self, names: &[String]) -> String {
        let mut names = names.iter();
        let below = self.pattern.splitn(4, '/').nth(3).unwrap();
        let fill = |segment: &str| if segment.starts_with('{') { names.next().unwrap().clone() } else { segment.to_owned() };
        let segments: Vec<String> = below.split('/').map(fill).collect();
        assert_eq!(names.next(), None, "{} has fewer captures", self.pattern);
        format!("/{}", segments.join("/"))
    }
}

/// One request a route, in an order in which every one of them is done. What ends things comes last.
pub fn asks(e: &Estate, version: Version) -> Vec<Ask> {
    let mut asks = reads(e);
    asks.extend(writes(e, version));
    asks.extend(ends(e));
    asks
}

fn reads(e: &Estate) -> Vec<Ask> {
    use Sees::{NotFound, NothingOfIt};
    let view = |pattern, names: &[&str]| Ask::new(Verb::Get, pattern, names, NotFound);
    // What is found by something else than an id: everybody finds what is their own.
    let own = |pattern, names: &[&str]| Ask::new(Verb::Get, pattern, names, NothingOfIt);
    let of_user = |pattern| view(pattern, &[&e.user]).sibling(&e.sibling, NothingOfIt);
    vec![
        own("/v2.01/{ClientId}/clients", &[]),
        own("/v2.01/{ClientId}/clients/wallets", &[]),
        own("/v2.01/{ClientId}/clients/wallets/{FundsType}", &["fees"]),
        view("/v2.01/{ClientId}/clients/wallets/{FundsType}/{Currency}", &["FEES", "EUR"]),
        view("/v2.01/{ClientId}/clients/wallets/{FundsType}/{Currency}/transactions", &["FEES", "EUR"]),
        own("/v2.01/{ClientId}/clients/transactions", &[]),
        own("/v2.01/{ClientId}/events", &[]),
        own("/v2.01/{ClientId}/hooks", &[]),
        view("/v2.01/{ClientId}/hooks/{HookId}", &[&e.hook]),
        view("/v2.01/{ClientId}/responses/{IdempotencyKey}", &[KEY]),
        own("/v2.01/{ClientId}/users", &[]),
        of_user("/v2.01/{ClientId}/users/{UserId}"),
        of_user("/v2.01/{ClientId}/users/natural/{UserId}"),
        view("/v2.01/{ClientId}/users/legal/{UserId}", &[&e.company]).sibling(&e.sibling_company, NothingOfIt),
        of_user("/v2.01/{ClientId}/sca/users/{UserId}"),
        of_user("/v2.01/{ClientId}/users/{UserId}/wallets"),
        of_user("/v2.01/{ClientId}/users/{UserId}/transactions"),
        of_user("/v2.01/{ClientId}/users/{UserId}/cards"),
        of_user("/v2.01/{ClientId}/users/{UserId}/bankaccounts"),
        of_user("/v2.01/{ClientId}/users/{UserId}/emoney"),
        view("/v2.01/{ClientId}/users/{UserId}/emoney/{Year}", &[&e.user, "2023"]).sibling(&e.sibling, NothingOfIt),
        view("/v2.01/{ClientId}/users/{UserId}/emoney/{Year}/{Month}", &[&e.user, "2023", "11"]).sibling(&e.sibling, NothingOfIt),
        view("/v2.01/{ClientId}/wallets/{WalletId}", &[&e.wallet]),
        view("/v2.01/{ClientId}/wallets/{WalletId}/transactions", &[&e.wallet]),
        view("/v2.01/{ClientId}/users/{UserId}/bankaccounts/{BankAccountId}", &[&e.user, &e.bank_account]).sibling(&e.sibling, NotFound),
        view("/v2.01/{ClientId}/bankaccounts/{BankAccountId}/transactions", &[&e.bank_account]),
        view("/v2.01/{ClientId}/cardregistrations/{CardRegistrationId}", &[&e.registration]),
        view("/v2.01/{ClientId}/cards/{CardId}", &[&e.card]),
        view("/v2.01/{ClientId}/cards/{CardId}/transactions", &[&e.card]),
        view("/v2.01/{ClientId}/cards/{CardId}/validation/{ValidationId}", &[&e.other_card, &e.validation]).sibling(&e.card, NotFound),
        own("/v2.01/{ClientId}/cards/fingerprints/{Fingerprint}", &[&e.fingerprint]),
        own("/v2.01/{ClientId}/cards/fingerprints/{Fingerprint}/users", &[&e.fingerprint]),
        own("/v2.01/{ClientId}/cards/fingerprints/{Fingerprint}/transactions", &[&e.fingerprint]),
        view("/v2.01/{ClientId}/payins/{PayInId}", &[&e.card_pay_in]),
        view("/v2.01/{ClientId}/payins/card/web/{PayInId}/extended", &[&e.web_pay_in]),
        view("/v2.01/{ClientId}/payins/{PayInId}/refunds", &[&e.card_pay_in]),
        view("/v2.01/{ClientId}/transfers/{TransferId}", &[&e.transfer]),
        view("/v2.01/{ClientId}/transfers/{TransferId}/refunds", &[&e.transfer]),
        view("/v2.01/{ClientId}/payouts/{PayoutId}", &[&e.payout]),
        view("/v2.01/{ClientId}/payouts/bankwire/{PayoutId}", &[&e.payout]),
        view("/v2.01/{ClientId}/payouts/{PayOutId}/refunds", &[&e.payout]),
        view("/v2.01/{ClientId}/refunds/{RefundId}", &[&e.refund]),
    ]
}

fn writes(e: &Estate, version: Version) -> Vec<Ask> {
    use Sees::{Invalid, NotFound, NothingOfIt};
    let make = |pattern, names: &[&str], sees| Ask::new(Verb::Post, pattern, names, sees);
    let change = |pattern, names: &[&str], sees| Ask::new(Verb::Put, pattern, names, sees).body(json!({"Tag": "changed"}));
    let address = match version {
        Version::V2 => json!("3 rue des Plantes, Paris"),
        Version::V2_01 | Version::V3 => address("FR"),
    };
    let legal = with(&legal_owner(), json!({"HeadquartersAddress": address}));
    let own_payout = json!({"DebitedWalletId": "FEES_EUR", "BankAccountId": e.own_account, "DebitedFunds": eur(10)});
    let instant = with(&e.payout_body(), json!({"PayoutModeRequested": "INSTANT_PAYMENT"}));
    let phone = json!({"PhoneNumber": "+33611111111", "PhoneNumberCountry": "FR"});
    let account_of = |pattern, numbers: Value| {
        let body = with(&json!({"OwnerName": "Sophia Garnier", "OwnerAddress": address}), numbers);
        make(pattern, &[&e.user], NotFound).body(body).sibling(&e.sibling, NothingOfIt)
    };
    vec![
        make("/v2.01/{ClientId}/users/natural", &[], NothingOfIt).body(natural_owner()),
        make("/v2.01/{ClientId}/users/legal", &[], NothingOfIt).body(legal.clone()),
        make("/v2.01/{ClientId}/sca/users/natural", &[], NothingOfIt).body(with(&natural_owner(), phone)),
        make("/v2.01/{ClientId}/sca/users/legal", &[], NothingOfIt).body(sca_company()),
        change("/v2.01/{ClientId}/users/natural/{UserId}", &[&e.user], NotFound)
            .body(with(&natural_owner(), json!({"Tag": "changed"})))
            .sibling(&e.sibling, NothingOfIt),
        change("/v2.01/{ClientId}/users/legal/{UserId}", &[&e.company], NotFound)
            .body(with(&legal, json!({"Tag": "changed"})))
            .sibling(&e.sibling_company, NothingOfIt),
        change("/v2.01/{ClientId}/clients", &[], NothingOfIt).body(json!({"PrimaryThemeColour": "#123456"})),
        change("/v2.01/{ClientId}/clients/logo", &[], NothingOfIt).body(json!({"File": "iVBORw0KGgo="})),
        make("/v2.01/{ClientId}/hooks", &[], NothingOfIt).body(Estate::hook_body("KYC_SUCCEEDED")),
        change("/v2.01/{ClientId}/hooks/{HookId}", &[&e.hook], NotFound),
        make("/v2.01/{ClientId}/wallets", &[], Invalid).body(json!({"Owners": [e.user], "Description": "new", "Currency": "EUR"})),
        change("/v2.01/{ClientId}/wallets/{WalletId}", &[&e.wallet], NotFound),
        make("/v2.01/{ClientId}/transfers", &[], Invalid).body(e.transfer_body()),
        account_of("/v2.01/{ClientId}/users/{UserId}/bankaccounts/iban", json!({"IBAN": "FR7630004000031234567890143"})),
        account_of("/v2.01/{ClientId}/users/{UserId}/bankaccounts/gb", json!({"AccountNumber": "63956474", "SortCode": "200000"})),
        account_of("/v2.01/{ClientId}/users/{UserId}/bankaccounts/us", json!({"AccountNumber": "234234234234", "ABA": "234334789"})),
        account_of(
            "/v2.01/{ClientId}/users/{UserId}/bankaccounts/ca",
            json!({"BankName": "Banque", "BranchCode": "12345", "AccountNumber": "234234234234", "InstitutionNumber": "123"}),
        ),
        account_of(
            "/v2.01/{ClientId}/users/{UserId}/bankaccounts/other",
            json!({"Country": "FR", "AccountNumber": "234234234234", "BIC": "BINAADADXXX"}),
        ),
        make("/v2.01/{ClientId}/clients/bankaccounts/iban", &[], NothingOfIt).body(iban(&address)),
        make("/v2.01/{ClientId}/clients/payouts", &[], Invalid).body(own_payout),
        make("/v2.01/{ClientId}/clients/payins/bankwire/direct", &[], NothingOfIt)
            .body(json!({"CreditedWalletId": "CREDIT_EUR", "DeclaredDebitedFunds": eur(10)})),
        make("/v2.01/{ClientId}/payouts/bankwire", &[], Invalid).body(e.payout_body()),
        make("/v2.01/{ClientId}/payouts/reachability", &[], Invalid).body(instant),
        make("/v2.01/{ClientId}/payins/bankwire/direct", &[], Invalid).body(e.wire_body()),
        make("/v2.01/{ClientId}/payins/card/direct", &[], Invalid).body(e.card_pay_in_body()),
        make("/v2.01/{ClientId}/payins/card/web", &[], Invalid).body(e.web_pay_in_body()),
        make("/v2.01/{ClientId}/payins/{PayInId}/refunds", &[&e.card_pay_in], NotFound).body(e.refund_body(200)),
        make("/v2.01/{ClientId}/transfers/{TransferId}/refunds", &[&e.transfer], NotFound).body(json!({"AuthorId": e.user})),
        // The one id of a body that is missed as those of a path are, as the SDK's suite expects.
        make("/v2.01/{ClientId}/cardregistrations", &[], NotFound).body(json!({"UserId": e.user, "Currency": "EUR"})),
        change("/v2.01/{ClientId}/cardregistrations/{CardRegistrationId}", &[&e.registration], NotFound)
            .body(json!({"RegistrationData": e.registration_data})),
        make("/v2.01/{ClientId}/cards/{CardId}/validation", &[&e.fresh_card], NotFound).body(e.validation_body()),
    ]
}

/// What cannot be asked twice.
fn ends(e: &Estate) -> Vec<Ask> {
    use Sees::{NotFound, NothingOfIt};
    let off = |pattern, names: &[&str]| Ask::new(Verb::Put, pattern, names, NotFound).body(json!({"Active": false}));
    let close = |pattern, name: &str, sibling| Ask::new(Verb::Delete, pattern, &[name], NotFound).sibling(sibling, NothingOfIt);
    vec![
        off("/v2.01/{ClientId}/cards/{CardId}", &[&e.card]),
        off("/v2.01/{ClientId}/users/{UserId}/bankaccounts/{BankAccountId}", &[&e.user, &e.bank_account]).sibling(&e.sibling, NotFound),
        close("/v2.01/{ClientId}/users/natural/{UserId}", &e.leaver, &e.sibling),
        close("/v2.01/{ClientId}/users/legal/{UserId}", &e.leaving_company, &e.sibling_company),
    ]
}

/// A company as the endpoint for strong authentication takes it: its representative apart.
fn sca_company() -> Value {
    let representative = json!({
        "FirstName": "Cedrick", "LastName": "Dickinson", "Email": "cedrick@example.com", "Birthday": 652_117_514,
        "Nationality": "FR", "CountryOfResidence": "FR", "PhoneNumber": "+33611111111", "PhoneNumberCountry": "FR",
    });
    json!({
        "Name": "Best Business", "LegalPersonType": "BUSINESS", "Email": "business@example.com", "CompanyNumber": "123456789",
        "HeadquartersAddress": address("FR"), "LegalRepresentativeAddress": address("FR"), "LegalRepresentative": representative,
        "TermsAndConditionsAccepted": true, "UserCategory": "OWNER",
    })
}
