//! The platform's own wallets: fees earned, and the one that chargebacks are taken from; one of each a currency, made
//! on first use. Source: reference, people part, 3.2, and money part, 1.1 and 14.

use domain::Timestamp;
use engine::{Listed, OfPayments, Page};
use ledger::{Account, AccountId, Role};
use money::Currency;
use serde::Serialize;

use crate::call::{Call, View, WireResponse, json};
use crate::endpoints::transactions::{self, TransactionItem};
use crate::query::Narrowed;
use crate::wire::error::{FieldErrors, WireError};
use crate::wire::fields::{invalid_value, out_of_range, unknown_currency};
use crate::wire::ids::{OWN_ROLES, funds_type_of, role_of_path};
use crate::wire::{Funds, IdText};

/// How far into the list of all of a platform's own transactions one may turn: it is put together from several.
const DEPTH_MAX: u64 = 10_000;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OwnWalletBody {
    balance: Funds,
    currency: &'static str,
    funds_type: &'static str,
    id: IdText,
    /// Nobody can give it one.
    tag: Option<()>,
    creation_date: i64,
}

/// `GET /clients/wallets`.
pub async fn list(call: &Call) -> Result<WireResponse, WireError> {
    list_of(call, OWN_ROLES.to_vec()).await
}

/// `GET /clients/wallets/{FundsType}`.
pub async fn list_of_type(call: &Call) -> Result<WireResponse, WireError> {
    let text = call.param("FundsType");
    let role = role_of_path(&text).ok_or_else(|| WireError::wrong_field("FundsType", invalid_value(&text)))?;
    list_of(call, vec![role]).await
}

/// `GET /clients/wallets/{FundsType}/{Currency}`.
pub async fn view(call: &Call) -> Result<WireResponse, WireError> {
    let account = find(call).await?;
    Ok(json(&body(call.view(), &account)?))
}

/// `GET /clients/wallets/{FundsType}/{Currency}/transactions`.
pub async fn transactions(call: &Call) -> Result<WireResponse, WireError> {
    let account = find(call).await?;
    transactions::list(call, OfPayments::Account(account.id)).await
}

/// `GET /clients/transactions`: those of all its own wallets. One that concerns two of them is counted for each.
pub async fn all_transactions(call: &Call) -> Result<WireResponse, WireError> {
    let mut query = call.query();
    let page = query.page("CreationDate");
    let filter = query.payment_filter();
    query.finish()?;
    let depth = page.number.saturating_mul(u64::from(page.size));
    if depth > DEPTH_MAX {
        let last = DEPTH_MAX.checked_div(u64::from(page.size)).and_then(|last| i64::try_from(last).ok()).unwrap_or(1);
        return Err(WireError::wrong_field("page", out_of_range("page", 1, last)));
    }
    let mut all = Listed { rows: Vec::new(), total: 0 };
    if let Narrowed::To(filter) = filter {
        for account in accounts(call, OWN_ROLES.to_vec()).await? {
            let first = Page { number: 1, size: u32::try_from(depth).unwrap_or(u32::MAX), ..page };
            let listed = call.payments(OfPayments::Account(account.id), filter.clone(), first).await?;
            all.rows.extend(listed.rows);
            all.total = all.total.saturating_add(listed.total);
        }
    }
    all.rows.sort_by_key(|payment| (payment.created_at, payment.id));
    if page.newest_first {
        all.rows.reverse();
    }
    all.rows.dedup_by_key(|payment| payment.id);
    let items: Vec<_> = part(&all.rows, page).iter().map(|payment| TransactionItem::of(call.view(), payment)).collect();
    Ok(call.page(&query, page, &items, all.total))
}

async fn list_of(call: &Call, roles: Vec<Role>) -> Result<WireResponse, WireError> {
    let mut query = call.query();
    let page = query.page("CreationDate");
    let (before, after) = (query.before(), query.after());
    query.finish()?;
    let is_wanted = |account: &Account| {
        let opened_at = Timestamp::from_ms(account.opened_at_ms);
        before.is_none_or(|before| opened_at < before) && after.is_none_or(|after| opened_at > after)
    };
    let mut accounts = accounts(call, roles).await?;
    accounts.retain(is_wanted);
    if page.newest_first {
        accounts.reverse();
    }
    let bodies: Vec<_> = part(&accounts, page).iter().map(|account| body(call.view(), account)).collect::<Result<_, _>>()?;
    Ok(call.page(&query, page, &bodies, u64::try_from(accounts.len()).unwrap_or(0)))
}

/// The platform's own accounts, those opened first before the others; fees before credit where that is equal.
async fn accounts(call: &Call, roles: Vec<Role>) -> Result<Vec<Account>, WireError> {
    let accounts = call.dialect().reads.accounts(call.ctx().platform, roles).await;
    let mut accounts = accounts.map_err(|error| call.read_failed(&error))?;
    accounts.sort_by_key(|account| (account.opened_at_ms, account.role, account.currency));
    Ok(accounts)
}

/// The account that a path names. Errors: every part that is wrong at once; not found where it was never used.
async fn find(call: &Call) -> Result<Account, WireError> {
    let (funds_type, code) = (call.param("FundsType"), call.param("Currency"));
    let (role, currency) = (role_of_path(&funds_type), code.to_ascii_uppercase().parse::<Currency>().ok());
    let (Some(role), Some(currency)) = (role, currency) else {
        let mut errors = FieldErrors::default();
        if role.is_none() {
            errors.note("FundsType", invalid_value(&funds_type));
        }
        if currency.is_none() {
            errors.note("Currency", unknown_currency(&code));
        }
        return Err(WireError::param_error(errors));
    };
    let id = AccountId::of_chart(call.ctx().platform.0, role, currency);
    let not_found = || WireError::not_found("Wallet", call.spelling().spell_account(id, currency).as_str());
    call.account(id).await?.ok_or_else(not_found)
}

fn body(view: &View, account: &Account) -> Result<OwnWalletBody, WireError> {
    Ok(OwnWalletBody {
        balance: account.available().into(),
        currency: account.currency.code(),
        funds_type: funds_type_of(account.role).ok_or_else(WireError::fault)?,
        id: view.spelling.spell_account(account.id, account.currency),
        tag: None,
        creation_date: Timestamp::from_ms(account.opened_at_ms).seconds(),
    })
}

/// The rows of a page.
fn part<T>(rows: &[T], page: Page) -> &[T] {
    let size = usize::try_from(page.size).unwrap_or(usize::MAX);
    let skipped = usize::try_from(page.number.saturating_sub(1)).unwrap_or(usize::MAX).saturating_mul(size);
    let rest = rows.get(skipped..).unwrap_or(&[]);
    rest.get(..size.min(rest.len())).unwrap_or(&[])
}
