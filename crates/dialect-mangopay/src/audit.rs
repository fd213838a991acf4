//! Reads in the audit trail: what is noted of one, and whether it is of personal data.

use domain::{AuditLine, Ctx, Timestamp};
use http::StatusCode;
use ledger::Uid;

use crate::router::Route;
use crate::routes::{Access, Endpoint};
use crate::scopes::Scope;
use crate::wire::Prefix;
use crate::wire::ids::parse;

/// Whether reading a route shows who somebody is, how to reach them, or what they pay with and for.
///
/// Stored answers may show anything, so they count.
pub fn is_personal(route: &Route<Endpoint>) -> bool {
    match route.target.access {
        Access::ApiKey => false,
        Access::Token(scope) => match scope {
            Scope::UsersDetails | Scope::UsersVerification | Scope::Bankaccounts | Scope::Payins | Scope::ClientDetails => true,
            Scope::ClientDevelopers => route.pattern.contains("/responses/"),
            Scope::ClientPayIns
            | Scope::ClientReports
            | Scope::ClientWallets
            | Scope::WalletDetails
            | Scope::Conversions
            | Scope::Payouts
            | Scope::Transfers
            | Scope::DisputesGeneral
            | Scope::DisputesSettlement
            | Scope::RefundsGeneral
            | Scope::RefundsPayins
            | Scope::RefundsPayouts
            | Scope::RefundsRepudiations
            | Scope::RefundsTransfers => false,
        },
    }
}

/// The line of a read: the action is the path's pattern, the object the last id in the path.
pub fn line(route: &Route<Endpoint>, ctx: &Ctx, path: &str, status: StatusCode, at: Timestamp) -> AuditLine {
    let outcome = if status.is_success() { "done" } else { "invalid" };
    let Ctx { platform, actor, request, origin, .. } = *ctx;
    AuditLine { platform, actor, request, origin, action: route.pattern, object: object_of(path), outcome, at }
}

fn object_of(path: &str) -> Option<Uid> {
    let mut after = path.rsplit('/');
    let mut before = path.rsplit('/').skip(1);
    std::iter::from_fn(|| Some((after.next()?, before.next()?))).find_map(|(segment, collection)| {
        let kind = Prefix::ALL.iter().find(|prefix| segment.starts_with(prefix.text())).copied();
        parse(&[kind.or_else(|| kind_in(collection))?], segment)
    })
}

/// What a number without a prefix names, by the collection before it.
fn kind_in(collection: &str) -> Option<Prefix> {
    let collections = [
        ("users", Prefix::User),
        ("wallets", Prefix::Wallet),
        ("payins", Prefix::PayIn),
        ("transfers", Prefix::Transfer),
        ("payouts", Prefix::Payout),
        ("refunds", Prefix::Refund),
        ("repudiations", Prefix::Repudiation),
        ("cards", Prefix::Card),
        ("cardregistrations", Prefix::CardRegistration),
        ("bankaccounts", Prefix::BankAccount),
    ];
    collections.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(collection)).map(|(_, prefix)| prefix)
}

#[cfg(test)]
mod tests {
    use money::Currency;

    use super::*;
    use crate::router::Verb;
    use crate::routes::ROUTES;
    use crate::wire::ids::spell;
    use crate::workbench::{World, user_text, wallet_text};

    #[test]
    fn the_object_is_the_last_id_of_the_path() {
        let (user, bank_account) = (Uid::from_bits(1 << 90), Uid::from_bits(2 << 90));
        let path = format!("/v2.01/client_1/users/{}/bankaccounts/{}", spell(Prefix::User, user), spell(Prefix::BankAccount, bank_account));
        assert_eq!(object_of(&path), Some(bank_account));
        assert_eq!(object_of(&format!("/v2.01/me/users/{}/wallets", spell(Prefix::User, user))), Some(user));
        assert_eq!(object_of("/v2.01/me/Users/41631014/wallets"), parse(&[Prefix::User], "41631014"));
        assert_eq!(object_of("/v2.01/me/users"), None);
    }

    const BANK_ACCOUNTS: &str = "/v2.01/{ClientId}/users/{UserId}/bankaccounts";
    const WALLET: &str = "/v2.01/{ClientId}/wallets/{WalletId}";

    #[tokio::test]
    async fn a_read_of_personal_data_is_noted_before_it_is_answered() {
        let world = World::new().await;
        let user = world.user("me");
        let path = format!("/users/{}/bankaccounts", user_text(user));
        world.get(&path).await;
        // Not waited for: it has to be there.
        let lines = world.noted(BANK_ACCOUNTS);
        let [line] = lines[..] else { panic!("{lines:?}") };
        assert_eq!((line.object, line.platform, line.outcome), (Some(user.0), world.platform("me"), "done"));

        world.fill_store();
        let refused = world.get(&path).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refused.text);
        assert!(refused.headers.contains_key("Retry-After"));
    }

    #[tokio::test]
    async fn other_reads_are_answered_and_noted_a_little_later() {
        let world = World::new().await;
        let wallet = world.wallet("me", world.user("me"), Currency::EUR, 5);
        let path = format!("/wallets/{}", wallet_text(wallet));
        world.fill_store();
        for _ in 0..3 {
            assert_eq!(world.get(&path).await.status, StatusCode::OK, "money is shown whether or not the trail can be written");
        }
        assert_eq!(world.get("/wallets/none").await.status, StatusCode::NOT_FOUND);
        world.make_room();
        let lines = world.audited(WALLET, 4).await;
        let seen: Vec<_> = lines.iter().map(|line| (line.object, line.outcome)).collect();
        assert_eq!(seen, [(Some(wallet.0), "done"), (Some(wallet.0), "done"), (Some(wallet.0), "done"), (None, "invalid")]);
    }

    #[test]
    fn people_are_personal_and_wallets_are_not() {
        let of = |pattern: &str| ROUTES.iter().find(|route| route.verb == Verb::Get && route.pattern.ends_with(pattern)).map(is_personal);
        for pattern in ["/users", "/users/{UserId}", "/bankaccounts/{BankAccountId}", "/cards/{CardId}", "/responses/{IdempotencyKey}"] {
            assert_eq!(of(pattern), Some(true), "{pattern}");
        }
        for pattern in ["/wallets/{WalletId}", "/transfers/{TransferId}", "/events"] {
            assert_eq!(of(pattern), Some(false), "{pattern}");
        }
    }
}
