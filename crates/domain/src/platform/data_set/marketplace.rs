//! Sellers and buyers.

use super::{Filled, Filler};

/// Nina sells and was paid for an order; a payout to her is under way. The Vélos company sells too, and Paul has only just
/// begun: he is not verified. Ada has money to spend, Ben's wallet is empty and his wire is still to come.
pub fn fill(set: &mut Filler<'_, '_>) -> Filled {
    let seller = set.owner("seller", "Nina", "Martin")?;
    let seller_wallet = set.wallet("seller_wallet", seller, "Nina's shop")?;
    let seller_account = set.bank_account("seller_bank_account", seller, "Nina Martin")?;
    let company = set.company("company", "Vélos Durand")?;
    set.wallet("company_wallet", company, "Vélos Durand")?;
    set.bank_account("company_bank_account", company, "Vélos Durand")?;
    let beginner = set.new_owner("unverified_seller", "Paul", "Petit")?;
    set.wallet("unverified_seller_wallet", beginner, "Paul's shop")?;

    let buyer = set.payer("buyer", "Ada", "Byron")?;
    let buyer_wallet = set.wallet("buyer_wallet", buyer, "Ada")?;
    let poor_buyer = set.payer("poor_buyer", "Ben", "Moreau")?;
    let poor_wallet = set.wallet("poor_buyer_wallet", poor_buyer, "Ben")?;
    set.paid_in("pay_in", buyer, buyer_wallet, 20_000)?;
    set.declared("declared_pay_in", poor_buyer, poor_wallet, 5_000)?;
    set.moved("order", buyer, (buyer_wallet, seller_wallet), 10_000, 1_000)?;
    set.paid_out("payout", seller, seller_wallet, seller_account, 4_000)?;
    Ok(())
}
