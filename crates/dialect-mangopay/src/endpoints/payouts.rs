//! Payouts to bank accounts. Source: reference, money part, 10, 14 and 22.1.

use domain::bank_account::BankAccount;
use domain::payment::{
    AppliedMode, ChargeBearer, CheckInstantPayout, CheckInstantPayoutError, InstantReach, Nature, Payment, PaymentKind, Payout, PayoutMode,
    Refusal, RequestPayout, RequestPayoutError, end_to_end_id,
};
use domain::platform::{MagicValues, Platform};
use domain::{BankAccountId, PaymentId, Secret, WalletId};
use engine::rail::in_time;
use money::Money;
use serde::Serialize;

use crate::call::{Call, View, WireResponse, json, json_bytes};
use crate::results::of_refusal;
use crate::wire::address::shown;
use crate::wire::error::{FieldErrors, FundsNames, WireError};
use crate::wire::fields::{MissingText, TEXT_MAX, unknown_id};
use crate::wire::ids::WalletName;
use crate::wire::transaction::TransactionBody;
use crate::wire::{Fields, Funds, IdText, Prefix};

const MODES: &[(&str, PayoutMode)] = &[
    ("STANDARD", PayoutMode::Standard),
    ("INSTANT_PAYMENT", PayoutMode::Instant),
    ("INSTANT_PAYMENT_ONLY", PayoutMode::InstantOnly),
    ("RTGS_PAYMENT", PayoutMode::Rtgs),
];

const CHARGE_BEARERS: &[(&str, ChargeBearer)] = &[("OUR", ChargeBearer::Our), ("SHA", ChargeBearer::Shared)];

const PAYIN_REFUND: &str = "PAYIN_REFUND";

/// A payout without its mode: the plain view. In the vendor's order.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PlainBody<'a> {
    id: IdText,
    tag: Option<&'a str>,
    creation_date: i64,
    author_id: IdText,
    credited_user_id: Option<IdText>,
    debited_funds: Funds,
    credited_funds: Funds,
    fees: Funds,
    status: &'static str,
    result_code: Option<&'static str>,
    result_message: Option<&'static str>,
    execution_date: Option<i64>,
    #[serde(rename = "Type")]
    kind: &'static str,
    nature: &'static str,
    credited_wallet_id: Option<IdText>,
    debited_wallet_id: Option<IdText>,
    payment_type: &'static str,
    bank_account_id: IdText,
    bank_wire_ref: Option<&'a str>,
    /// There are no recipients yet.
    recipient_id: Option<()>,
}

/// A payout with its mode: what creating it and the other view answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PayoutBody<'a> {
    #[serde(flatten)]
    plain: PlainBody<'a>,
    mode_requested: Option<&'static str>,
    mode_applied: &'static str,
    fallback_reason: Option<ReasonBody>,
    end_to_end_id: String,
    payment_ref: Option<PaymentRefBody>,
    charge_bearer: Option<&'static str>,
    /// Payees are verified once there are recipients.
    recipient_verification_of_payee: Option<()>,
}

/// A code and its text.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ReasonBody {
    code: &'static str,
    message: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PaymentRefBody {
    reason_type: &'static str,
    reference_id: IdText,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EligibilityBody {
    instant_payout: InstantPayoutBody,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct InstantPayoutBody {
    is_reachable: bool,
    unreachable_reason: Option<ReasonBody>,
}

/// `POST /payouts/bankwire`. The answer is a payout under way; what the business has against it is told by its end.
pub async fn create(call: &Call) -> Result<WireResponse, WireError> {
    let mut request = read(call)?;
    if request.mode == Some(PayoutMode::InstantOnly) {
        request.reach = reach_of(call, request.bank_account).await?;
    }
    submit(call, request).await
}

/// `POST /clients/payouts`: out of one of the platform's own accounts, to one of its own bank accounts.
pub async fn create_for_client(call: &Call) -> Result<WireResponse, WireError> {
    let request = read_for_client(call)?;
    submit(call, request).await
}

/// `GET /payouts/{PayoutId}`: without anything of its mode.
pub async fn view(call: &Call) -> Result<WireResponse, WireError> {
    let payment = find(call).await?;
    let payout = payment.as_payout().ok_or_else(WireError::fault)?;
    Ok(json(&plain(call.view(), &payment, payout)))
}

/// `GET /payouts/bankwire/{PayoutId}`: with its mode.
pub async fn view_with_mode(call: &Call) -> Result<WireResponse, WireError> {
    let payment = find(call).await?;
    let payout = payment.as_payout().ok_or_else(WireError::fault)?;
    Ok(json(&body(call.view(), &payment, payout)))
}

/// `POST /payouts/reachability`: whether a payout could be instant. It makes nothing.
pub async fn check_eligibility(call: &Call) -> Result<WireResponse, WireError> {
    let mut check = read_check(call)?;
    check.reach = reach_of(call, check.bank_account).await?;
    call.submit(check, |_, result| match result {
        Ok(refusal) => Ok(json_bytes(&eligibility(*refusal))),
        Err(CheckInstantPayoutError::NotFound { author, from, bank_account }) => {
            Err(not_there([("AuthorId", *author), ("DebitedWalletId", *from), ("BankAccountId", *bank_account)]))
        }
        Err(CheckInstantPayoutError::AuthorClosed) => Err(WireError::user_closed()),
        Err(CheckInstantPayoutError::FundsCurrency(other)) => Err(WireError::wallet_and_funds_differ(*other, FundsNames::PLAIN)),
    })
    .await
}

async fn find(call: &Call) -> Result<Payment, WireError> {
    let text = call.param("PayoutId");
    let not_found = || WireError::not_found("PayOut", &text);
    let id: PaymentId = call.spelling().parse(&[Prefix::Payout], &text).ok_or_else(not_found)?;
    let is_payout = |payment: &Payment| payment.kind == PaymentKind::Payout && payment.nature == Nature::Regular;
    call.payment(id).await?.filter(|payment| is_payout(payment) && payment.as_payout().is_some()).ok_or_else(not_found)
}

/// What the bank says of a bank account, if both are there. A bank that does not answer has not said no.
async fn reach_of(call: &Call, account: BankAccountId) -> Result<InstantReach, WireError> {
    let Some(bank) = &call.dialect().config.rails.bank else { return Ok(InstantReach::Unknown) };
    let record = call.record::<BankAccount>(account).await?;
    let Some(account) = record.and_then(|record| record.body::<BankAccount>()) else { return Ok(InstantReach::Unknown) };
    let platform = call.record::<Platform>(call.ctx().platform).await?.and_then(|record| record.body::<Platform>());
    let magic = platform.map_or(MagicValues::Heeded, |platform| platform.policy.magic_values());
    match in_time(bank.takes_instant(&account.details, magic)).await {
        Ok(reach) => Ok(reach),
        Err(error) => {
            tracing::warn!(%error, request = %call.ctx().request, "the bank did not say whether an account can be reached");
            Ok(InstantReach::Unknown)
        }
    }
}

async fn submit(call: &Call, request: RequestPayout) -> Result<WireResponse, WireError> {
    call.submit(request, move |view, result| match result {
        Ok(payment) => {
            let payout = payment.as_payout().ok_or_else(WireError::fault)?;
            Ok(json_bytes(&body(view, payment, payout)))
        }
        Err(error) => Err(error_of(error)),
    })
    .await
}

fn read(call: &Call) -> Result<RequestPayout, WireError> {
    let (mut fields, spelling) = (call.fields()?, call.spelling());
    let author = fields.id("AuthorId", &[Prefix::User], spelling).required();
    let debited = fields.positive_money("DebitedFunds").required();
    let fees = fields.money("Fees").required();
    let from = fields.id::<WalletId>("DebitedWalletId", &[Prefix::Wallet], spelling).required();
    let bank_account = fields.id("BankAccountId", &[Prefix::BankAccount], spelling).required();
    let options = Options::read(&mut fields, call);
    let (Some(author), Some(debited), Some(fees), Some(from), Some(bank_account)) = (author, debited, fees, from, bank_account) else {
        return Err(fields.into_error());
    };
    fields.finish()?;
    Ok(options.request(Request { author: Some(author), from: WalletName::User(from), debited, fees, bank_account }, call))
}

fn read_for_client(call: &Call) -> Result<RequestPayout, WireError> {
    let (mut fields, spelling) = (call.fields()?, call.spelling());
    let debited = fields.positive_money("DebitedFunds").required();
    let fees = fields.money("Fees").optional();
    let from = fields.wallet("DebitedWalletId", spelling).required();
    let bank_account = fields.id("BankAccountId", &[Prefix::BankAccount], spelling).required();
    let options = Options::read(&mut fields, call);
    if matches!(from, Some(WalletName::User(_))) {
        fields.note("DebitedWalletId", unknown_id("DebitedWalletId"));
    }
    let (Some(debited), Some(from), Some(bank_account)) = (debited, from, bank_account) else { return Err(fields.into_error()) };
    fields.finish()?;
    let fees = fees.unwrap_or(Money::zero(debited.currency()));
    Ok(options.request(Request { author: None, from, debited, fees, bank_account }, call))
}

/// What every payout has to say.
struct Request {
    author: Option<domain::UserId>,
    from: WalletName,
    debited: Money,
    fees: Money,
    bank_account: BankAccountId,
}

/// What a payout may say.
struct Options {
    mode: Option<PayoutMode>,
    statement_text: Option<Secret<String>>,
    reimburses: Option<PaymentId>,
    charge_bearer: Option<ChargeBearer>,
    tag: Option<Secret<String>>,
}

impl Options {
    fn read(fields: &mut Fields<'_>, call: &Call) -> Self {
        let statement_text = fields.secret("BankWireRef", TEXT_MAX).optional();
        let mode = fields.one_of("PayoutModeRequested", MODES).optional();
        let reimburses = fields
            .nested("PaymentRef", MissingText::FieldIsRequired, |inner| {
                inner.one_of("ReasonType", &[(PAYIN_REFUND, ())]).required();
                inner.id("ReferenceId", &[Prefix::PayIn], call.spelling()).required()
            })
            .optional()
            .flatten();
        let charge_bearer = fields.one_of("ChargeBearer", CHARGE_BEARERS).optional();
        Self { mode, statement_text, reimburses, charge_bearer, tag: fields.tag() }
    }

    fn request(self, request: Request, call: &Call) -> RequestPayout {
        let from_own = match request.from {
            WalletName::User(_) => None,
            WalletName::Own(role, currency) => Some((role, currency)),
        };
        RequestPayout {
            author: request.author,
            from: request.from.account(call.ctx().platform),
            from_own,
            debited: request.debited,
            fees: request.fees,
            bank_account: request.bank_account,
            mode: self.mode,
            reach: InstantReach::Unknown,
            statement_text: self.statement_text,
            reimburses: self.reimburses,
            charge_bearer: self.charge_bearer,
            tag: self.tag,
        }
    }
}

fn read_check(call: &Call) -> Result<CheckInstantPayout, WireError> {
    let (mut fields, spelling) = (call.fields()?, call.spelling());
    let author = fields.id("AuthorId", &[Prefix::User], spelling).required();
    let debited = fields.positive_money("DebitedFunds").required();
    let from = fields.id("DebitedWalletId", &[Prefix::Wallet], spelling).required();
    let bank_account = fields.id("BankAccountId", &[Prefix::BankAccount], spelling).required();
    fields.one_of("PayoutModeRequested", MODES).required();
    let (Some(author), Some(debited), Some(from), Some(bank_account)) = (author, debited, from, bank_account) else {
        return Err(fields.into_error());
    };
    fields.finish()?;
    Ok(CheckInstantPayout { author, from, debited, bank_account, reach: InstantReach::Unknown })
}

fn error_of(error: &RequestPayoutError) -> WireError {
    match error {
        RequestPayoutError::NotFound { author, from, bank_account, reimbursed } => not_there([
            ("AuthorId", *author),
            ("DebitedWalletId", *from),
            ("BankAccountId", *bank_account),
            ("PaymentRef.ReferenceId", *reimbursed),
        ]),
        RequestPayoutError::AuthorClosed => WireError::user_closed(),
        RequestPayoutError::AuthorIsNotOwner => WireError::param_message("Author should be the Debited wallet owner"),
        RequestPayoutError::FundsCurrency(other) => WireError::wallet_and_funds_differ(*other, FundsNames::PLAIN),
        RequestPayoutError::FeesExceedFunds => WireError::wrong_field("Fees", "Fees cannot be higher than DebitedFunds"),
        RequestPayoutError::ReimbursedNotSucceeded => {
            WireError::wrong_field("PaymentRef.ReferenceId", "The PayIn must have a SUCCEEDED Status")
        }
        RequestPayoutError::ReimbursesAnotherAccount => {
            WireError::wrong_field("BankAccountId", "The bank account must be the one debited by the PayIn")
        }
        RequestPayoutError::ReimbursesAnotherCurrency => {
            WireError::wrong_field("DebitedFunds", "The currency of the funds must be the one of the PayIn")
        }
        // The blank at the end is the vendor's.
        RequestPayoutError::InstantUnreachable => {
            WireError::wrong_field("PayoutModeRequested", "The request for instant payment cannot be successful due to ineligibility ")
        }
        RequestPayoutError::Fault => WireError::fault(),
    }
}

/// The error that names every id that names nothing.
fn not_there<const N: usize>(fields: [(&'static str, bool); N]) -> WireError {
    let mut errors = FieldErrors::default();
    for (name, _) in fields.into_iter().filter(|(_, is_absent)| *is_absent) {
        errors.note(name, unknown_id(name.rsplit('.').next().unwrap_or(name)));
    }
    WireError::param_error(errors)
}

fn plain<'a>(view: &View, payment: &'a Payment, payout: &'a Payout) -> PlainBody<'a> {
    let base = TransactionBody::of(view, payment);
    PlainBody {
        id: base.id,
        tag: base.tag,
        creation_date: base.creation_date,
        author_id: base.author_id,
        credited_user_id: base.credited_user_id,
        debited_funds: base.debited_funds,
        credited_funds: base.credited_funds,
        fees: base.fees,
        status: base.status,
        result_code: base.result_code,
        result_message: base.result_message,
        execution_date: base.execution_date,
        kind: base.kind,
        nature: base.nature,
        credited_wallet_id: base.credited_wallet_id,
        debited_wallet_id: base.debited_wallet_id,
        payment_type: "BANK_WIRE",
        bank_account_id: view.spelling.spell(Prefix::BankAccount, payout.bank_account),
        bank_wire_ref: shown(&payout.statement_text),
        recipient_id: None,
    }
}

fn body<'a>(view: &View, payment: &'a Payment, payout: &'a Payout) -> PayoutBody<'a> {
    let reimbursed = |pay_in| PaymentRefBody { reason_type: PAYIN_REFUND, reference_id: view.spelling.spell(Prefix::PayIn, pay_in) };
    PayoutBody {
        plain: plain(view, payment, payout),
        mode_requested: payout.mode.and_then(|mode| word_of(MODES, mode)),
        mode_applied: applied_word(payout.applied),
        fallback_reason: payout.fallback.map(reason),
        end_to_end_id: end_to_end_id(payment.id),
        payment_ref: payout.reimburses.map(reimbursed),
        charge_bearer: payout.charge_bearer.and_then(|bearer| word_of(CHARGE_BEARERS, bearer)),
        recipient_verification_of_payee: None,
    }
}

fn word_of<T: Copy + PartialEq>(words: &[(&'static str, T)], value: T) -> Option<&'static str> {
    words.iter().find(|(_, other)| *other == value).map(|(word, _)| *word)
}

const fn applied_word(applied: Option<AppliedMode>) -> &'static str {
    match applied {
        None => "PENDING_RESPONSE",
        Some(AppliedMode::Standard) => "STANDARD",
        Some(AppliedMode::Instant) => "INSTANT_PAYMENT",
        Some(AppliedMode::Rtgs) => "RTGS_PAYMENT",
        Some(AppliedMode::NotSent) => "NONE",
    }
}

const fn reason(refusal: Refusal) -> ReasonBody {
    let text = of_refusal(refusal);
    ReasonBody { code: text.code, message: text.message }
}

const fn eligibility(refusal: Option<Refusal>) -> EligibilityBody {
    let unreachable_reason = match refusal {
        Some(refusal) => Some(reason(refusal)),
        None => None,
    };
    EligibilityBody { instant_payout: InstantPayoutBody { is_reachable: refusal.is_none(), unreachable_reason } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_and_bearer_has_a_word_of_its_own() {
        for (word, mode) in MODES {
            assert_eq!(word_of(MODES, *mode), Some(*word));
        }
        for (word, bearer) in CHARGE_BEARERS {
            assert_eq!(word_of(CHARGE_BEARERS, *bearer), Some(*word));
        }
    }

    #[test]
    fn eligibility_says_why_not() {
        let shown = |refusal| serde_json::to_string(&eligibility(refusal)).unwrap();
        assert_eq!(shown(None), r#"{"InstantPayout":{"IsReachable":true,"UnreachableReason":null}}"#);
        let expected =
            r#"{"InstantPayout":{"IsReachable":false,"UnreachableReason":{"Code":"001001","Message":"Unsufficient wallet balance"}}}"#;
        assert_eq!(shown(Some(Refusal::InsufficientFunds)), expected);
    }
}
