//! Transfers between wallets. Source: reference, money part, 4 and 22.1.

use domain::payment::{Detail, Nature, Payment, PaymentKind, Presence, TransferFunds, TransferFundsError, TransferOutcome};
use serde::Serialize;

use crate::call::{Call, View, WireResponse, json, json_bytes};
use crate::wire::error::{FieldErrors, FundsNames, WireError};
use crate::wire::fields::unknown_id;
use crate::wire::transaction::TransactionBody;
use crate::wire::{Fields, Prefix, Spelling};

const SCA_CONTEXTS: &[(&str, Presence)] = &[("USER_PRESENT", Presence::Present), ("USER_NOT_PRESENT", Presence::NotPresent)];

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TransferBody<'a> {
    #[serde(flatten)]
    base: TransactionBody<'a>,
    /// As sent; null when it was not.
    sca_context: Option<&'static str>,
    pending_user_action: Option<()>,
}

/// `POST /transfers`.
pub async fn create(call: &Call) -> Result<WireResponse, WireError> {
    let transfer = read(call.fields()?, call.spelling())?;
    call.submit(transfer, |view, result| match result {
        Ok(TransferOutcome::Moved(payment) | TransferOutcome::Refused(payment)) => Ok(json_bytes(&body(view, payment))),
        Err(error) => Err(error_of(error)),
    })
    .await
}

/// `GET /transfers/{TransferId}`.
pub async fn view(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("TransferId");
    let found = match call.spelling().parse(&[Prefix::Transfer], &text) {
        Some(id) => call.payment(id).await?,
        None => None,
    };
    let is_transfer = |payment: &Payment| payment.kind == PaymentKind::Transfer && payment.nature == Nature::Regular;
    let payment = found.filter(is_transfer).ok_or_else(|| WireError::not_found("Transfer", &text))?;
    Ok(json(&body(call.view(), &payment)))
}

fn read(mut fields: Fields<'_>, spelling: &Spelling) -> Result<TransferFunds, WireError> {
    let author = fields.id("AuthorId", &[Prefix::User], spelling).required();
    let credited_user = fields.id("CreditedUserId", &[Prefix::User], spelling).optional();
    let debited = fields.positive_money("DebitedFunds").required();
    let fees = fields.money("Fees").required();
    let from = fields.id("DebitedWalletId", &[Prefix::Wallet], spelling).required();
    let to = fields.id("CreditedWalletId", &[Prefix::Wallet], spelling).required();
    let presence = fields.one_of("ScaContext", SCA_CONTEXTS).optional();
    let tag = fields.tag();
    let (Some(author), Some(debited), Some(fees), Some(from), Some(to)) = (author, debited, fees, from, to) else {
        return Err(fields.into_error());
    };
    fields.finish()?;
    Ok(TransferFunds { author, credited_user, from, to, debited, fees, tag, presence })
}

fn body<'a>(view: &View, payment: &'a Payment) -> TransferBody<'a> {
    let presence = if let Detail::Transfer(transfer) = &payment.detail { transfer.presence } else { None };
    let sca_context = SCA_CONTEXTS.iter().find(|(_, known)| Some(*known) == presence).map(|(text, _)| *text);
    TransferBody { base: TransactionBody::of(view, payment), sca_context, pending_user_action: None }
}

fn error_of(error: &TransferFundsError) -> WireError {
    match error {
        TransferFundsError::NotFound { author, credited_user, from, to } => {
            let absent = [("AuthorId", author), ("CreditedUserId", credited_user), ("DebitedWalletId", from), ("CreditedWalletId", to)];
            let mut errors = FieldErrors::default();
            for (name, _) in absent.into_iter().filter(|(_, is_absent)| **is_absent) {
                errors.note(name, unknown_id(name));
            }
            WireError::param_error(errors)
        }
        TransferFundsError::AuthorClosed => WireError::user_closed(),
        TransferFundsError::AuthorIsNotOwner => WireError::param_message("Author should be the Debited wallet owner"),
        TransferFundsError::CreditedUserIsNotOwner => {
            WireError::wrong_field("CreditedUserId", "CreditedUserId should be the Credited wallet owner")
        }
        TransferFundsError::WalletCurrencies { debited, credited } => WireError::currency_incompatibility(format!(
            "The Debited Wallet's currency {debited} and the Credited Wallet's currency {credited} must be the same"
        )),
        TransferFundsError::FundsCurrency(other) => WireError::wallet_and_funds_differ(*other, FundsNames::PLAIN),
        TransferFundsError::FeesExceedFunds => WireError::wrong_field("Fees", "Fees cannot be higher than DebitedFunds"),
        TransferFundsError::ConsentMissing => WireError::sca_proxy_missing(),
        TransferFundsError::Fault => WireError::fault(),
    }
}

#[cfg(test)]
mod tests {
    use domain::{UserId, WalletId};
    use money::Currency;
    use serde_json::{Value, json};

    use crate::workbench::{NOW_MS, Seen, World, user_text, wallet_text};

    struct Scene {
        world: World,
        payer: UserId,
        payee: UserId,
        from: WalletId,
        to: WalletId,
    }

    async fn scene() -> Scene {
        let world = World::new().await;
        let (payer, payee) = (world.user("me"), world.user("me"));
        let from = world.wallet("me", payer, Currency::EUR, 1_000);
        let to = world.wallet("me", payee, Currency::EUR, 0);
        Scene { world, payer, payee, from, to }
    }

    impl Scene {
        fn request(&self, debited: i64, fees: i64) -> Value {
            json!({
                "AuthorId": user_text(self.payer),
                "DebitedFunds": {"Currency": "EUR", "Amount": debited},
                "Fees": {"Currency": "EUR", "Amount": fees},
                "DebitedWalletId": wallet_text(self.from),
                "CreditedWalletId": wallet_text(self.to),
                "Tag": "na\u{ef}ve \"tag\"",
            })
        }

        async fn post(&self, request: &Value) -> Seen {
            self.world.post("/transfers", request).await
        }

        async fn balances(&self) -> [i64; 2] {
            let mut balances = [0; 2];
            for (balance, wallet) in balances.iter_mut().zip([self.from, self.to]) {
                *balance = self.world.get(&format!("/wallets/{}", wallet_text(wallet))).await.json()["Balance"]["Amount"].as_i64().unwrap();
            }
            balances
        }
    }

    #[tokio::test]
    async fn a_transfer_moves_money_and_shows_every_field_in_order() {
        let s = scene().await;
        let seen = s.post(&s.request(300, 20)).await;
        let id = seen.get("Id");
        let now = NOW_MS / 1_000;
        let expected = format!(
            concat!(
                r#"{{"Id":"{id}","Tag":"naïve \"tag\"","CreationDate":{now},"AuthorId":"{payer}","CreditedUserId":"{payee}","#,
                r#""DebitedFunds":{{"Currency":"EUR","Amount":300}},"CreditedFunds":{{"Currency":"EUR","Amount":280}},"#,
                r#""Fees":{{"Currency":"EUR","Amount":20}},"Status":"SUCCEEDED","ResultCode":"000000","ResultMessage":"Success","#,
                r#""ExecutionDate":{now},"Type":"TRANSFER","Nature":"REGULAR","DebitedWalletId":"{from}","CreditedWalletId":"{to}","#,
                r#""ScaContext":null,"PendingUserAction":null}}"#
            ),
            id = id,
            now = now,
            payer = user_text(s.payer),
            payee = user_text(s.payee),
            from = wallet_text(s.from),
            to = wallet_text(s.to),
        );
        assert_eq!((seen.status.as_u16(), &*seen.text), (200, &*expected));
        assert!(id.starts_with("xfer_m_"));
        assert_eq!(seen.headers["content-type"], "application/json; charset=utf-8");
        assert_eq!(s.balances().await, [700, 280]);
        assert_eq!(s.world.get(&format!("/transfers/{id}")).await.text, seen.text);
        assert_eq!(s.world.get(&format!("/Transfers/{id}/")).await.text, seen.text);
    }

    #[tokio::test]
    async fn the_sca_context_is_kept_as_sent() {
        let s = scene().await;
        let mut request = s.request(1, 0);
        request["ScaContext"] = "USER_NOT_PRESENT".into();
        let seen = s.post(&request).await;
        assert_eq!(seen.get("ScaContext"), "USER_NOT_PRESENT");
        let id = seen.get("Id");
        assert_eq!(s.world.get(&format!("/transfers/{id}")).await.text, seen.text, "and kept");
    }

    #[tokio::test]
    async fn a_refused_transfer_is_a_success_on_the_wire_with_its_code() {
        let s = scene().await;
        let seen = s.post(&s.request(1_001, 0)).await;
        assert_eq!((seen.status.as_u16(), &*seen.get("Status"), &*seen.get("ResultCode")), (200, "FAILED", "001001"));
        assert_eq!(seen.get("ResultMessage"), "Unsufficient wallet balance");
        assert!(seen.json()["ExecutionDate"].is_null());
        assert_eq!(s.balances().await, [1_000, 0]);
        assert_eq!(s.world.get(&format!("/transfers/{}", seen.get("Id"))).await.text, seen.text);
    }

    #[tokio::test]
    async fn every_wrong_field_is_named_at_once() {
        let s = scene().await;
        let seen = s.post(&json!({"Fees": {"Currency": "EUR", "Amount": -1}, "ScaContext": "MAYBE", "CreditedUserId": "12"})).await;
        assert_eq!((seen.status.as_u16(), &*seen.get("Type")), (400, "param_error"));
        for (field, text) in [
            ("AuthorId", "The AuthorId field is required."),
            ("DebitedFunds", "The DebitedFunds field is required."),
            ("DebitedWalletId", "The DebitedWalletId field is required."),
            ("CreditedWalletId", "The CreditedWalletId field is required."),
            ("CreditedUserId", "CreditedUserId is not valid"),
            ("Fees.Amount", "The field Amount must be between 0 and 9223372036854775807."),
            ("ScaContext", "The value MAYBE is not valid"),
        ] {
            assert_eq!(seen.field_error(field), text, "{field}");
        }
        let seen = s.world.call("POST", "/transfers", &[], "[]").await;
        assert_eq!((seen.status.as_u16(), &*seen.get("Type"), seen.json()["errors"].is_null()), (400, "param_error", true));
    }

    #[tokio::test]
    async fn what_is_anothers_looks_unknown() {
        let s = scene().await;
        let stranger = s.world.user("other");
        let wallet = s.world.wallet("other", stranger, Currency::EUR, 5);
        let mut request = s.request(1, 0);
        request["AuthorId"] = user_text(stranger).into();
        request["CreditedWalletId"] = wallet_text(wallet).into();
        let seen = s.post(&request).await;
        assert_eq!(seen.status.as_u16(), 400);
        assert_eq!(seen.field_error("AuthorId"), "AuthorId is not valid");
        assert_eq!(seen.field_error("CreditedWalletId"), "CreditedWalletId is not valid");
        assert_eq!(seen.field_error("DebitedWalletId"), "");
        let transfer = s.post(&s.request(1, 0)).await.get("Id");
        let token = format!("Bearer {}", s.world.issue_token("other").await);
        let request = http::Request::get(format!("/v2.01/other/transfers/{transfer}")).header("Authorization", token);
        let seen = s.world.send(request.body("".into()).unwrap()).await;
        assert_eq!((seen.status.as_u16(), &*seen.get("Type")), (404, "ressource_not_found"));
    }

    #[tokio::test]
    async fn each_error_of_the_use_case_has_its_answer() {
        let s = scene().await;
        let pounds = s.world.wallet("me", s.payee, Currency::GBP, 0);
        for (change, kind, field, text) in [
            (json!({"AuthorId": user_text(s.payee)}), "param_error", "", ""),
            (
                json!({"CreditedUserId": user_text(s.payer)}),
                "param_error",
                "CreditedUserId",
                "CreditedUserId should be the Credited wallet owner",
            ),
            (
                json!({"CreditedWalletId": wallet_text(pounds)}),
                "currency_incompatibility",
                "currency",
                "The Debited Wallet's currency EUR and the Credited Wallet's currency GBP must be the same",
            ),
            (
                json!({"DebitedFunds": {"Currency": "USD", "Amount": 1}}),
                "currency_incompatibility",
                "currency",
                "The Wallet's currency EUR and the DebitedFunds's currency USD must be the same",
            ),
            (
                json!({"Fees": {"Currency": "GBP", "Amount": 1}}),
                "currency_incompatibility",
                "currency",
                "The Wallet's currency EUR and the Fees's currency GBP must be the same",
            ),
            (json!({"Fees": {"Currency": "EUR", "Amount": 301}}), "param_error", "Fees", "Fees cannot be higher than DebitedFunds"),
        ] {
            let mut request = s.request(300, 0);
            for (name, value) in change.as_object().unwrap() {
                request[name] = value.clone();
            }
            let seen = s.post(&request).await;
            assert_eq!((seen.status.as_u16(), &*seen.get("Type"), &*seen.field_error(field)), (400, kind, text), "{change}");
        }
        let mut request = s.request(300, 0);
        request["AuthorId"] = user_text(s.payee).into();
        assert_eq!(s.post(&request).await.get("Message"), "Author should be the Debited wallet owner");
        s.world.close_user("me", s.payer);
        let seen = s.post(&s.request(300, 0)).await;
        assert_eq!((&*seen.get("Type"), &*seen.get("Message")), ("user_closed", "User closed: No action can be performed"));
    }

    #[tokio::test]
    async fn what_is_no_transfer_is_not_found() {
        let s = scene().await;
        for id in ["10", "payin_m_01JRFJJN9BR864A4KG7MH1WCZG", "xfer_m_01JRFJJN9BR864A4KG7MH1WCZG", "xfer_m_01jrfjjn9br864a4kg7mh1wczg"] {
            let seen = s.world.get(&format!("/transfers/{id}")).await;
            assert_eq!((seen.status.as_u16(), &*seen.get("Message")), (404, "The ressource does not exist"));
            assert_eq!(seen.field_error("RessourceNotFound"), format!("Cannot found the ressource Transfer with the id={id} "));
        }
    }

    #[tokio::test]
    async fn a_key_works_once_and_its_answer_can_be_looked_up() {
        const KEY: &str = "4f2c9a71-aaaa-bbbb-cccc-0123456789ab";
        let s = scene().await;
        let first = s.world.post_keyed("/transfers", KEY, &s.request(300, 0)).await;
        assert_eq!(first.status.as_u16(), 200);
        for request in [s.request(300, 0), s.request(1, 0), json!({})] {
            let again = s.world.post_keyed("/transfers", KEY, &request).await;
            assert_eq!((again.status.as_u16(), &*again.get("Type")), (409, "idempotent_creation_conflict"));
        }
        assert_eq!(s.balances().await, [700, 300]);
        let stored = s.world.get(&format!("/responses/{KEY}")).await;
        assert_eq!((&*stored.get("StatusCode"), stored.json()["Resource"].to_string()), ("200", first.json().to_string()));
        assert!(stored.text.contains(&first.text), "byte for byte");
        assert_eq!(stored.get("ContentLength"), first.text.len().to_string());
        assert_eq!(stored.get("RequestURL"), "http://localhost:8080/v2.01/me/transfers");
        assert_eq!(stored.get("Date"), "Tue, 14 Nov 2023 22:13:20 GMT");
        s.world.advance_ms(86_400_000);
        let token = format!("Bearer {}", s.world.issue_token("me").await);
        let gone = s.world.call("GET", &format!("/responses/{KEY}"), &[("Authorization", &token)], "").await;
        assert_eq!(gone.status.as_u16(), 404);
    }

    #[tokio::test]
    async fn malformed_input_uses_its_key_up_and_the_error_can_be_looked_up() {
        const KEY: &str = "abcdefghijklmnop";
        let s = scene().await;
        let first = s.world.post_keyed("/transfers", KEY, &json!({})).await;
        assert_eq!(first.status.as_u16(), 400);
        assert_eq!(s.world.post_keyed("/transfers", KEY, &s.request(1, 0)).await.status.as_u16(), 409);
        let stored = s.world.get(&format!("/responses/{KEY}")).await;
        assert_eq!(stored.get("StatusCode"), "400");
        assert!(stored.text.contains(&first.text));
    }

    #[tokio::test]
    async fn a_key_of_another_form_is_refused() {
        let s = scene().await;
        for key in ["short", "has a blank in it", "0123456789012345678901234567890123456", "under_score_under"] {
            let seen = s.world.post_keyed("/transfers", key, &s.request(1, 0)).await;
            assert_eq!((seen.status.as_u16(), &*seen.get("Type")), (400, "param_error"), "{key}");
            assert!(!seen.field_error("Idempotency-Key").is_empty());
        }
        assert_eq!(s.balances().await, [1_000, 0]);
    }

    #[tokio::test]
    async fn a_broken_store_is_our_fault_and_tells_nothing() {
        let s = scene().await;
        s.world.break_store();
        let seen = s.post(&s.request(1, 0)).await;
        assert_eq!((seen.status.as_u16(), &*seen.get("Message")), (500, "Internal Server Error"));
    }
}
