//! Wallets of users.

use serde_json::json;

use crate::harness::{NOW_S, World, is_list_of};

#[tokio::test]
async fn the_wallets_of_a_user_are_listed_with_their_balances() {
    let world = World::new().await;
    let me = world.me().await;
    let (user, sibling) = (me.owner().await, me.owner().await);
    let path = format!("/users/{user}/wallets");
    assert_eq!(me.get(&path).await.text, "[]");
    let first = me.wallet(&user, "EUR").await;
    world.advance_ms(2_000);
    let second = me.wallet(&user, "JPY").await;
    me.wallet(&sibling, "EUR").await;
    me.fund(&user, &first, 150, 20).await;
    let seen = me.get(&path).await;
    is_list_of(&seen, 2, 1);
    let wallet = |id: &str, currency: &str, amount: i64, at: i64| {
        format!(
            r#"{{"Description":"wallet","Owners":["{user}"],"Id":"{id}","Balance":{{"Currency":"{currency}","Amount":{amount}}},"Currency":"{currency}","FundsType":"DEFAULT","Tag":null,"CreationDate":{at}}}"#
        )
    };
    let expected = format!("[{},{}]", wallet(&first, "EUR", 130, NOW_S), wallet(&second, "JPY", 0, NOW_S + 2));
    assert_eq!(seen.text, expected);
    assert_eq!(me.get(&format!("{path}?Sort=CreationDate:DESC&per_page=1")).await.each("Id"), [&*second]);
    assert_eq!(me.get(&format!("{path}?AfterDate={NOW_S}")).await.each("Id"), [&*second]);
    assert_eq!(me.v2().get(&path).await.text, expected);
}

#[tokio::test]
async fn anothers_user_has_no_wallets_to_be_seen() {
    let world = World::new().await;
    let (me, other) = (world.me().await, world.client("other").await);
    let foreign = other.owner().await;
    other.wallet(&foreign, "EUR").await;
    for id in [&*foreign, "12"] {
        me.get(&format!("/users/{id}/wallets")).await.is_not_found("User", id);
    }
    let user = me.owner().await;
    assert_eq!(me.get(&format!("/users/{user}/wallets?Sort=x")).await.wrong_fields(), ["Sort"]);
}

/// The official SDK's suite sends the whole object, and the new text under a name in lower case.
#[tokio::test]
async fn a_wallet_is_renamed_by_the_last_name_in_any_case() {
    let world = World::new().await;
    let me = world.me().await;
    let wallet = me.wallet(&me.owner().await, "EUR").await;
    let path = format!("/wallets/{wallet}");
    let whole = me.get(&path).await.text;
    let body = whole.replace("\"CreationDate\"", &format!(r#""data":{whole},"description":"New","CreationDate""#));
    let seen = me.call("PUT", &path, &[], &body).await;
    assert_eq!((seen.status, &*seen.text), (200, &*whole.replace("\"wallet\"", "\"New\"")));
    assert_eq!(me.get(&path).await.text, seen.text);
    let seen = me.put(&path, &json!({"Description": "x".repeat(256), "tag": {}})).await;
    assert_eq!(seen.wrong_fields(), ["Description", "Tag"]);
}
