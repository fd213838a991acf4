//! A project and those who back it.

use super::{Filled, Filler};

/// An orchard's project has a wallet of its own. Ada and Ben have backed it, the platform keeping five in a hundred; Chloé
/// has declared a wire for it that has not arrived, and Dan has money that he has not pledged yet.
pub fn fill(set: &mut Filler<'_, '_>) -> Filled {
    let carrier = set.company("project_owner", "Le Verger")?;
    let project = set.wallet("project_wallet", carrier, "An orchard for the village")?;
    set.bank_account("project_bank_account", carrier, "Le Verger")?;

    let first = set.payer("backer_1", "Ada", "Byron")?;
    let first_wallet = set.wallet("backer_1_wallet", first, "Ada")?;
    let second = set.payer("backer_2", "Ben", "Moreau")?;
    let second_wallet = set.wallet("backer_2_wallet", second, "Ben")?;
    let third = set.payer("backer_3", "Chloé", "Roux")?;
    let third_wallet = set.wallet("backer_3_wallet", third, "Chloé")?;
    let fourth = set.payer("backer_4", "Dan", "Faure")?;
    let fourth_wallet = set.wallet("backer_4_wallet", fourth, "Dan")?;
    set.paid_in("pay_in_1", first, first_wallet, 10_000)?;
    set.paid_in("pay_in_2", second, second_wallet, 5_000)?;
    set.declared("declared_pay_in", third, third_wallet, 2_500)?;
    set.paid_in("pay_in_4", fourth, fourth_wallet, 4_000)?;
    set.moved("pledge_1", first, (first_wallet, project), 10_000, 500)?;
    set.moved("pledge_2", second, (second_wallet, project), 5_000, 250)?;
    Ok(())
}
