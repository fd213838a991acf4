//! Payouts that give back the money of a bank wire: to the account it came from, and no more than there is left of it.
//!
//! What refunds and such payouts give back of one pay-in is counted in one row, its [`RefundTally`], which is read and
//! written with each of them. A payout counts from when its money is set aside until it ends without moving it.

use money::Money;

use super::{Detail, Payment, RefundTally, Refusal};
use crate::bank_account::{BankAccount, BankDetails};
use crate::{Desk, PaymentId, Record};

/// Whether the money of a pay-in is known to have come from a bank account. That of a card did not, and of a payer whom
/// the bank did not tell it is not known.
pub(super) fn came_from(pay_in: &Payment, account: &BankAccount) -> bool {
    let (Detail::BankWire(wire), BankDetails::Iban { iban, .. }) = (&pay_in.detail, &account.details) else { return false };
    let debtor = wire.debtor.as_ref().and_then(|debtor| debtor.iban.as_ref());
    debtor.is_some_and(|debtor| debtor.expose() == iban.expose())
}

/// Why `amount` of a pay-in may not be given back, as far as sums tell. First match wins: `AlreadyRefunded`,
/// `RefundExceedsInitial`.
pub(super) fn refusal(desk: &mut Desk<'_>, pay_in: &Payment, amount: Money) -> Option<Refusal> {
    let (_, tally) = find(desk, pay_in.id);
    if tally.is_full(pay_in) {
        return Some(Refusal::AlreadyRefunded);
    }
    let fits = amount.currency() == pay_in.credited.currency() && amount.minor() <= tally.left(pay_in);
    (!fits).then_some(Refusal::RefundExceedsInitial)
}

/// Counts `amount` of a pay-in as given back.
pub(super) fn count(desk: &mut Desk<'_>, pay_in: PaymentId, amount: Money) {
    let (record, tally) = find(desk, pay_in);
    let next = tally.with_reimbursed(amount);
    match &record {
        Some(record) => desk.update(record, next),
        None => desk.insert(pay_in, next),
    };
}

/// Counts `amount` of a pay-in as not given back after all.
pub(super) fn uncount(desk: &mut Desk<'_>, pay_in: PaymentId, amount: Money) {
    let (record, tally) = find(desk, pay_in);
    if let Some(record) = record {
        desk.update(&record, tally.without_reimbursed(amount));
    }
}

fn find(desk: &mut Desk<'_>, pay_in: PaymentId) -> (Option<Record>, RefundTally) {
    let record = desk.find_record::<RefundTally>(pay_in);
    let tally = record.as_ref().and_then(Record::body::<RefundTally>);
    (record, tally.map_or_else(RefundTally::default, |tally| RefundTally::clone(&tally)))
}
