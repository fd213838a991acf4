//! A flat that is let, and deposits.

use super::{Filled, Filler};

/// Hugo lets a flat. Ada stays there: she has paid the rent, less the platform's fee, and a deposit that is kept in a wallet of
/// its own. Ben has left: fifty euros of his deposit went to Hugo for a broken lamp, the rest is still in his wallet.
///
/// The deposits are money that was paid in and is kept apart. Deposits that are only reserved on a card are not made
/// here: there are none in the engine yet.
pub fn fill(set: &mut Filler<'_, '_>) -> Filled {
    let host = set.owner("host", "Hugo", "Blanc")?;
    let host_wallet = set.wallet("host_wallet", host, "Hugo's flat")?;
    let host_account = set.bank_account("host_bank_account", host, "Hugo Blanc")?;

    let guest = set.payer("guest", "Ada", "Byron")?;
    let guest_wallet = set.wallet("guest_wallet", guest, "Ada")?;
    let guest_deposit = set.wallet("guest_deposit_wallet", guest, "Ada's deposit")?;
    let former = set.payer("former_guest", "Ben", "Moreau")?;
    let former_deposit = set.wallet("former_guest_deposit_wallet", former, "Ben's deposit")?;
    set.paid_in("rent_pay_in", guest, guest_wallet, 80_000)?;
    set.paid_in("deposit_pay_in", guest, guest_deposit, 30_000)?;
    set.paid_in("former_deposit_pay_in", former, former_deposit, 30_000)?;
    set.moved("rent", guest, (guest_wallet, host_wallet), 80_000, 4_000)?;
    set.moved("deposit_drawn", former, (former_deposit, host_wallet), 5_000, 0)?;
    set.paid_out("payout", host, host_wallet, host_account, 50_000)?;
    Ok(())
}
