//! Lists of transactions, of whatever they are: one form, one set of filters. Source: reference, money part, 3.

use domain::WalletId;
use domain::payment::{Detail, Payment, Status};
use engine::{Listed, OfPayments};
use serde::Serialize;

use super::users;
use crate::call::{Call, View, WireResponse};
use crate::query::Narrowed;
use crate::wire::error::WireError;
use crate::wire::transaction::TransactionBody;
use crate::wire::{Funds, Prefix};

/// What every transaction shows in a list, whatever its kind.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TransactionItem<'a> {
    #[serde(flatten)]
    base: TransactionBody<'a>,
    /// Of a deposit's capture. There are no deposits yet.
    deposit_id: Option<()>,
}

impl<'a> TransactionItem<'a> {
    /// What a payment shows. A bank wire shows no funds until it has arrived, as its own view does.
    pub(crate) fn of(view: &View, payment: &'a Payment) -> Self {
        let mut base = TransactionBody::of(view, payment);
        if matches!(payment.detail, Detail::BankWire(_)) && payment.status != Status::Succeeded {
            base.debited_funds = Funds::NOT_YET;
            base.credited_funds = Funds::NOT_YET;
            base.fees = Funds::NOT_YET;
        }
        Self { base, deposit_id: None }
    }
}

/// A list of payments with its filters, order and pages; whoever calls has made sure that what it is of is there.
///
/// Filters: `Status`, `Type`, `Nature`, `ResultCode`, `BeforeDate`, `AfterDate`. Oldest first unless `Sort` says otherwise.
pub async fn list(call: &Call, of: OfPayments) -> Result<WireResponse, WireError> {
    let mut query = call.query();
    let page = query.page("CreationDate");
    let filter = query.payment_filter();
    query.finish()?;
    let listed = match filter {
        Narrowed::To(filter) => call.payments(of, filter, page).await?,
        Narrowed::Nothing => Listed { rows: Vec::new(), total: 0 },
    };
    let items: Vec<_> = listed.rows.iter().map(|payment| TransactionItem::of(call.view(), payment)).collect();
    Ok(call.page(&query, page, &items, listed.total))
}

/// `GET /users/{UserId}/transactions`: what a user ordered or was credited by.
pub async fn of_user(call: &Call) -> Result<WireResponse, WireError> {
    let user = users::find(call).await?;
    list(call, OfPayments::User(user.id.0)).await
}

/// `GET /wallets/{WalletId}/transactions`: what debits or credits a wallet, whether it has yet or never will.
pub async fn of_wallet(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("WalletId");
    let not_found = || WireError::not_found("Wallet", &text);
    let id: WalletId = call.spelling().parse(&[Prefix::Wallet], &text).ok_or_else(not_found)?;
    call.record::<domain::wallet::Wallet>(id).await?.ok_or_else(not_found)?;
    list(call, OfPayments::Account(id.account())).await
}
