//! The scenes that make each event happen.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::caller::{Caller, text};
use crate::failure::Failure;

/// What is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    WireDeclared,
    CardPaid,
    CardRefused,
    Transferred,
    TransferRefused,
    PayoutWaits,
    PayoutSent,
    PayoutRefused,
    PayoutReturned,
    PaidOutAtOnce,
    FallsBack,
    AtOnceOrNever,
    PayInGivenBack,
    PayInSpent,
    TransferGivenBack,
    TransferSpent,
    CardValidated,
    CardNotValidated,
    Verified,
    VerifiedNoMore,
    BecomesOwner,
    Closed,
    Blocked { inflows: bool, is_ended: bool },
    CompanyNumber { is_valid: bool },
    Enrols,
    Enrolled,
    NotEnrolled,
    TooLateToEnrol,
}

use Scene::*;

/// Every event that Florin emits and a platform can have happen.
pub const SCENES: &[(&str, Scene)] = &[
    ("PAYIN_NORMAL_CREATED", WireDeclared),
    ("PAYIN_NORMAL_SUCCEEDED", CardPaid),
    ("PAYIN_NORMAL_FAILED", CardRefused),
    ("TRANSFER_NORMAL_CREATED", Transferred),
    ("TRANSFER_NORMAL_SUCCEEDED", Transferred),
    ("TRANSFER_NORMAL_FAILED", TransferRefused),
    ("PAYOUT_NORMAL_CREATED", PayoutWaits),
    ("PAYOUT_NORMAL_SUCCEEDED", PayoutSent),
    ("PAYOUT_NORMAL_FAILED", PayoutRefused),
    ("PAYIN_REFUND_CREATED", PayInGivenBack),
    ("PAYIN_REFUND_SUCCEEDED", PayInGivenBack),
    ("PAYIN_REFUND_FAILED", PayInSpent),
    ("TRANSFER_REFUND_CREATED", TransferGivenBack),
    ("TRANSFER_REFUND_SUCCEEDED", TransferGivenBack),
    ("TRANSFER_REFUND_FAILED", TransferSpent),
    ("PAYOUT_REFUND_CREATED", PayoutReturned),
    ("PAYOUT_REFUND_SUCCEEDED", PayoutReturned),
    ("INSTANT_PAYOUT_SUCCEEDED", PaidOutAtOnce),
    ("INSTANT_PAYOUT_FALLBACKED", FallsBack),
    ("INSTANT_PAYOUT_FAILED", AtOnceOrNever),
    ("CARD_VALIDATION_CREATED", CardValidated),
    ("CARD_VALIDATION_SUCCEEDED", CardValidated),
    ("CARD_VALIDATION_FAILED", CardNotValidated),
    ("USER_KYC_REGULAR", Verified),
    ("USER_KYC_LIGHT", VerifiedNoMore),
    ("USER_CATEGORY_UPDATED_TO_OWNER", BecomesOwner),
    ("USER_ACCOUNT_CLOSED", Closed),
    ("USER_INFLOWS_BLOCKED", Blocked { inflows: true, is_ended: false }),
    ("USER_INFLOWS_UNBLOCKED", Blocked { inflows: true, is_ended: true }),
    ("USER_OUTFLOWS_BLOCKED", Blocked { inflows: false, is_ended: false }),
    ("USER_OUTFLOWS_UNBLOCKED", Blocked { inflows: false, is_ended: true }),
    ("LEGAL_COMPANY_NUMBER_VALIDATION_SUCCEEDED", CompanyNumber { is_valid: true }),
    ("LEGAL_COMPANY_NUMBER_VALIDATION_FAILED", CompanyNumber { is_valid: false }),
    ("USER_ACCOUNT_VALIDATION_ASKED", Enrols),
    ("USER_ACCOUNT_ACTIVATED", Enrolled),
    ("SCA_ENROLLMENT_SUCCEEDED", Enrolled),
    ("SCA_ENROLLMENT_FAILED", NotEnrolled),
    ("SCA_ENROLLMENT_EXPIRED", TooLateToEnrol),
];

/// Events that Florin knows and nobody can have happen, with why.
pub const REFUSED: &[(&str, &str)] =
    &[("PAYOUT_REFUND_FAILED", "what a bank sends back always reaches the wallet that it was paid out of")];

/// A card whose bank does not ask, and one whose bank does.
const PLAIN: &str = "4970107111111119";
const ASKING: &str = "4970105181818183";
/// An amount whose charge is refused, and one that is not.
const REFUSED_CENTS: i64 = 33_333;
const CENTS: i64 = 1_000;
/// A bank that pays, one that does nothing by itself, and one that takes no instant payments.
const PAYS: &str = "FR7630004000031234567890143";
const WAITS: &str = "FR699999900001WAITS00000172";
const NOT_INSTANT: &str = "FR541558929750ZZZZZZAC01915";
/// Codes of the page on which users show who they are, and how many wrong ones end it.
const RIGHT_CODE: &str = "702100";
const WRONG_CODE: &str = "000000";
const TRIES: usize = 5;

type Made = BTreeMap<&'static str, String>;

/// Plays a scene, and gives the ids of what it has made.
pub async fn play(caller: &Caller, scene: Scene) -> Result<Made, Failure> {
    let mut stage = Stage { caller, made: Made::new() };
    stage.play(scene).await?;
    Ok(stage.made)
}

struct Stage<'a> {
    caller: &'a Caller,
    made: Made,
}

impl Stage<'_> {
    async fn play(&mut self, scene: Scene) -> Result<(), Failure> {
        match scene {
            WireDeclared => {
                let (user, wallet) = self.party("user", "wallet", "PAYER").await?;
                self.declare(&user, &wallet).await.map(drop)
            }
            CardPaid => self.pay(CENTS).await.map(drop),
            CardRefused => self.pay(REFUSED_CENTS).await.map(drop),
            Transferred => self.transfer(true).await.map(drop),
            TransferRefused => self.transfer(false).await.map(drop),
            PayoutWaits => self.pay_out(WAITS, None).await.map(drop),
            PayoutSent => self.bank_decides("succeed").await,
            PayoutRefused => self.bank_decides("fail").await,
            PayoutReturned => {
                let payout = self.pay_out(WAITS, None).await?;
                let told = self.caller.sandbox("POST", &format!("/payouts/{payout}/return"), &json!({})).await?;
                let refunds = self.caller.wire("GET", &format!("/payouts/{payout}/refunds"), &Value::Null).await?;
                let spelled = refunds.body.get(0).and_then(|refund| refund.get("Id")).or_else(|| told.body.get("refund"));
                self.made.extend(spelled.and_then(Value::as_str).map(|id| ("refund", id.to_owned())));
                Ok(())
            }
            PaidOutAtOnce => self.pay_out(PAYS, Some("INSTANT_PAYMENT")).await.map(drop),
            FallsBack => self.pay_out(NOT_INSTANT, Some("INSTANT_PAYMENT")).await.map(drop),
            AtOnceOrNever => self.pay_out(NOT_INSTANT, Some("INSTANT_PAYMENT_ONLY")).await.map(drop),
            PayInGivenBack => {
                let (user, _, pay_in) = self.pay(CENTS).await?;
                self.give_back("payins", &pay_in, &user).await
            }
            PayInSpent => {
                let (user, wallet, pay_in) = self.pay(CENTS).await?;
                let (_, other) = self.party("other_user", "other_wallet", "OWNER").await?;
                self.send("transfer", &user, &wallet, &other).await?;
                self.give_back("payins", &pay_in, &user).await
            }
            TransferGivenBack => {
                let (payer, transfer) = self.transfer(true).await?;
                self.give_back("transfers", &transfer, &payer).await
            }
            TransferSpent => {
                let (payer, transfer) = self.transfer(true).await?;
                let (payee, wallet) = (self.known("payee"), self.known("payee_wallet"));
                let (_, other) = self.party("other_user", "other_wallet", "OWNER").await?;
                self.send("second_transfer", &payee, &wallet, &other).await?;
                self.give_back("transfers", &transfer, &payer).await
            }
            CardValidated => self.validate(PLAIN).await,
            CardNotValidated => self.validate(ASKING).await,
            Verified => self.verified().await.map(drop),
            VerifiedNoMore => {
                let user = self.verified().await?;
                let moved = json!({"Nationality": "BE", "UserCategory": "OWNER", "TermsAndConditionsAccepted": true});
                self.caller.wire("PUT", &format!("/users/natural/{user}"), &moved).await.map(drop)
            }
            BecomesOwner => {
                let user = self.user("user", "PAYER").await?;
                let owner = json!({
                    "UserCategory": "OWNER", "TermsAndConditionsAccepted": true,
                    "Birthday": 652_117_514, "Nationality": "FR", "CountryOfResidence": "FR",
                });
                self.caller.wire("PUT", &format!("/users/natural/{user}"), &owner).await.map(drop)
            }
            Closed => {
                let user = self.user("user", "PAYER").await?;
                self.caller.wire("DELETE", &format!("/users/natural/{user}"), &Value::Null).await.map(drop)
            }
            Blocked { inflows, is_ended } => {
                let user = self.user("user", "OWNER").await?;
                let which = if inflows { json!({"inflows": true}) } else { json!({"outflows": true}) };
                self.caller.sandbox("POST", &format!("/users/{user}/block"), &which).await?;
                if is_ended {
                    self.caller.sandbox("POST", &format!("/users/{user}/unblock"), &which).await?;
                }
                Ok(())
            }
            CompanyNumber { is_valid } => self.company(if is_valid { "123456789" } else { "12" }).await,
            Enrols => self.enrol().await.map(drop),
            Enrolled => self.enter(RIGHT_CODE, 1).await,
            NotEnrolled => self.enter(WRONG_CODE, TRIES).await,
            TooLateToEnrol => {
                self.enrol().await?;
                // Ten minutes, of this platform's clock: whoever has things waiting on it sees them pass too.
                self.caller.sandbox("POST", "/clock", &json!({"advance": "11m"})).await.map(drop)
            }
        }
    }

    fn known(&self, what: &str) -> String {
        self.made.get(what).cloned().unwrap_or_default()
    }

    /// Makes something by the wire, and keeps its id.
    async fn make(&mut self, what: &'static str, below: &str, body: &Value) -> Result<Value, Failure> {
        let answer = self.caller.wire("POST", below, body).await?.body;
        self.made.insert(what, text(&answer, "Id")?.to_owned());
        Ok(answer)
    }

    async fn user(&mut self, what: &'static str, category: &str) -> Result<String, Failure> {
        self.make(what, "/users/natural", &person(category)).await?;
        Ok(self.known(what))
    }

    async fn verified(&mut self) -> Result<String, Failure> {
        let user = self.user("user", "OWNER").await?;
        self.caller.sandbox("POST", &format!("/users/{user}/verify"), &json!({})).await?;
        Ok(user)
    }

    async fn party(&mut self, user: &'static str, wallet: &'static str, category: &str) -> Result<(String, String), Failure> {
        let id = self.user(user, category).await?;
        self.make(wallet, "/wallets", &json!({"Owners": [id], "Currency": "EUR", "Description": "made by florin trigger"})).await?;
        Ok((id, self.known(wallet)))
    }

    async fn declare(&mut self, user: &str, wallet: &str) -> Result<String, Failure> {
        let body = json!({
            "AuthorId": user, "CreditedWalletId": wallet, "DeclaredDebitedFunds": eur(CENTS), "DeclaredFees": eur(0),
        });
        self.make("pay_in", "/payins/bankwire/direct", &body).await?;
        Ok(self.known("pay_in"))
    }

    /// A party with money.
    async fn funded(&mut self, user: &'static str, wallet: &'static str, category: &str) -> Result<(String, String), Failure> {
        let (user, wallet) = self.party(user, wallet, category).await?;
        let pay_in = self.declare(&user, &wallet).await?;
        self.caller.sandbox("POST", &format!("/payins/{pay_in}/receive"), &json!({})).await?;
        Ok((user, wallet))
    }

    async fn card(&mut self, user: &str, number: &str) -> Result<String, Failure> {
        let registration = self.caller.wire("POST", "/cardregistrations", &json!({"UserId": user, "Currency": "EUR"})).await?.body;
        let (data, access) = (text(&registration, "PreregistrationData")?, text(&registration, "AccessKey")?);
        let form = format!("data={data}&accessKeyRef={access}&cardNumber={number}&cardExpirationDate=1230&cardCvx=123");
        let token = self.caller.form(text(&registration, "CardRegistrationURL")?, &form).await?;
        let below = format!("/cardregistrations/{}", text(&registration, "Id")?);
        let registered = self.caller.wire("PUT", &below, &json!({"RegistrationData": token})).await?.body;
        let card = text(&registered, "CardId")?.to_owned();
        self.made.insert("card", card.clone());
        Ok(card)
    }

    /// A user pays into a wallet of their own by card: user, wallet and pay-in.
    async fn pay(&mut self, cents: i64) -> Result<(String, String, String), Failure> {
        let (user, wallet) = self.party("user", "wallet", "PAYER").await?;
        let card = self.card(&user, PLAIN).await?;
        let body = json!({
            "AuthorId": user, "CreditedWalletId": wallet, "CardId": card, "DebitedFunds": eur(cents), "Fees": eur(0),
            "SecureModeReturnURL": "https://example.com/paid",
        });
        self.make("pay_in", "/payins/card/direct", &body).await?;
        Ok((user, wallet, self.known("pay_in")))
    }

    async fn send(&mut self, what: &'static str, payer: &str, from: &str, to: &str) -> Result<(), Failure> {
        let body = json!({
            "AuthorId": payer, "DebitedWalletId": from, "CreditedWalletId": to, "DebitedFunds": eur(CENTS), "Fees": eur(0),
        });
        self.make(what, "/transfers", &body).await.map(drop)
    }

    /// A transfer between two parties, the first of which has the money or not: payer and transfer.
    async fn transfer(&mut self, has_money: bool) -> Result<(String, String), Failure> {
        let (payer, from) = match has_money {
            true => self.funded("payer", "payer_wallet", "PAYER").await?,
            false => self.party("payer", "payer_wallet", "PAYER").await?,
        };
        let (_, to) = self.party("payee", "payee_wallet", "OWNER").await?;
        self.send("transfer", &payer, &from, &to).await?;
        Ok((payer, self.known("transfer")))
    }

    async fn give_back(&mut self, what: &str, id: &str, author: &str) -> Result<(), Failure> {
        self.make("refund", &format!("/{what}/{id}/refunds"), &json!({"AuthorId": author})).await.map(drop)
    }

    async fn pay_out(&mut self, iban: &str, mode: Option<&str>) -> Result<String, Failure> {
        let (user, wallet) = self.funded("user", "wallet", "OWNER").await?;
        self.caller.sandbox("POST", &format!("/users/{user}/verify"), &json!({})).await?;
        let account = json!({
            "OwnerName": "Ada Byron", "IBAN": iban,
            "OwnerAddress": {"AddressLine1": "1 rue de la Paix", "City": "Paris", "PostalCode": "75002", "Country": "FR"},
        });
        self.make("bank_account", &format!("/users/{user}/bankaccounts/iban"), &account).await?;
        let mut body = json!({
            "AuthorId": user, "DebitedWalletId": wallet, "BankAccountId": self.known("bank_account"),
            "DebitedFunds": eur(CENTS), "Fees": eur(0),
        });
        if let (Some(mode), Some(fields)) = (mode, body.as_object_mut()) {
            fields.insert("PayoutModeRequested".to_owned(), mode.into());
        }
        self.make("payout", "/payouts/bankwire", &body).await?;
        Ok(self.known("payout"))
    }

    async fn bank_decides(&mut self, how: &str) -> Result<(), Failure> {
        let payout = self.pay_out(WAITS, None).await?;
        self.caller.sandbox("POST", &format!("/payouts/{payout}/{how}"), &json!({})).await.map(drop)
    }

    /// A card is validated; where its bank asks, the payer does not authenticate.
    async fn validate(&mut self, number: &str) -> Result<(), Failure> {
        let user = self.user("user", "PAYER").await?;
        let card = self.card(&user, number).await?;
        let body = json!({
            "AuthorId": user, "SecureModeReturnURL": "https://example.com/back", "IpAddress": "192.0.2.1",
            "BrowserInfo": {
                "AcceptHeader": "*/*", "ColorDepth": 24, "JavaEnabled": false, "JavascriptEnabled": true, "Language": "FR",
                "ScreenHeight": 900, "ScreenWidth": 1600, "TimeZoneOffset": "+60", "UserAgent": "florin trigger",
            },
        });
        let validation = self.make("card_validation", &format!("/cards/{card}/validation"), &body).await?;
        if number == ASKING {
            self.caller.form(text(&validation, "SecureModeRedirectURL")?, "choice=fail").await?;
        }
        Ok(())
    }

    async fn company(&mut self, number: &str) -> Result<(), Failure> {
        let body = json!({
            "Name": "Analytical Engines", "LegalPersonType": "BUSINESS", "Email": "engines@example.com", "CompanyNumber": number,
            "HeadquartersAddress": {"AddressLine1": "1 rue de la Paix", "City": "Paris", "PostalCode": "75002", "Country": "FR"},
            "LegalRepresentativeFirstName": "Ada", "LegalRepresentativeLastName": "Byron", "LegalRepresentativeEmail": "ada@example.com",
            "LegalRepresentativeBirthday": 652_117_514, "LegalRepresentativeNationality": "FR",
            "LegalRepresentativeCountryOfResidence": "FR", "TermsAndConditionsAccepted": true, "UserCategory": "OWNER",
        });
        self.make("user", "/users/legal", &body).await.map(drop)
    }

    /// An owner who has to show who they are: the page's link.
    async fn enrol(&mut self) -> Result<String, Failure> {
        let mut body = person("OWNER");
        if let Some(fields) = body.as_object_mut() {
            fields.insert("PhoneNumber".to_owned(), "+33611111111".into());
            fields.insert("PhoneNumberCountry".to_owned(), "FR".into());
        }
        let user = self.make("user", "/sca/users/natural", &body).await?;
        let link = user.pointer("/PendingUserAction/RedirectUrl").and_then(Value::as_str).unwrap_or_default();
        Ok(format!("{link}&returnUrl=https%3A%2F%2Fexample.com%2Fback"))
    }

    async fn enter(&mut self, code: &str, times: usize) -> Result<(), Failure> {
        let link = self.enrol().await?;
        for _ in 0..times {
            self.caller.form(&link, &format!("code={code}")).await?;
        }
        Ok(())
    }
}

fn person(category: &str) -> Value {
    json!({
        "FirstName": "Ada", "LastName": "Byron", "Email": "ada@example.com", "Birthday": 652_117_514, "Nationality": "FR",
        "CountryOfResidence": "FR", "UserCategory": category, "TermsAndConditionsAccepted": true,
    })
}

fn eur(minor: i64) -> Value {
    json!({"Currency": "EUR", "Amount": minor})
}
