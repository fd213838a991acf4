//! The list of events.

use crate::harness::{NOW_S, World, is_list_of};

const DAY_MS: i64 = 86_400_000;

#[tokio::test]
async fn what_happened_is_listed_with_what_it_happened_to() {
    let world = World::new().await;
    let me = world.me().await;
    let user = me.owner().await;
    let wallet = me.wallet(&user, "EUR").await;
    let pay_in = me.declare_wire(&user, &wallet, 100, 0).await;
    world.advance_ms(3_000);
    me.receive_wire(&pay_in, 100, money::Currency::EUR).await;
    let seen = me.get("/events").await;
    is_list_of(&seen, 2, 1);
    let expected = format!(
        r#"[{{"ResourceId":"{pay_in}","EventType":"PAYIN_NORMAL_CREATED","Date":{}}},{{"ResourceId":"{pay_in}","EventType":"PAYIN_NORMAL_SUCCEEDED","Date":{}}}]"#,
        NOW_S,
        NOW_S + 3
    );
    assert_eq!(seen.text, expected);
    for (query, types) in [
        ("Sort=Date:DESC", &["PAYIN_NORMAL_SUCCEEDED", "PAYIN_NORMAL_CREATED"][..]),
        ("EventType=payin_normal_succeeded", &["PAYIN_NORMAL_SUCCEEDED"]),
        ("eventtype=PAYIN_NORMAL_FAILED", &[]),
        // The vendor has it, nothing here ever does: nothing is listed, rather than everything.
        ("EventType=KYC_SUCCEEDED", &[]),
        (&format!("BeforeDate={}&AfterDate={}", NOW_S + 1_000, NOW_S - 100), &["PAYIN_NORMAL_CREATED", "PAYIN_NORMAL_SUCCEEDED"]),
        (&format!("AfterDate={NOW_S}&EventType=PAYIN_NORMAL_CREATED,PAYIN_NORMAL_SUCCEEDED"), &["PAYIN_NORMAL_SUCCEEDED"]),
        ("per_page=1&page=2", &["PAYIN_NORMAL_SUCCEEDED"]),
    ] {
        assert_eq!(me.get(&format!("/events?{query}")).await.each("EventType"), types, "{query}");
    }
    assert_eq!(world.client("other").await.get("/events").await.text, "[]", "another platform's events are its own");
}

#[tokio::test]
async fn every_wrong_filter_is_named_at_once() {
    let world = World::new().await;
    let me = world.me().await;
    let seen = me.get("/events?EventType=NOTHING_LIKE_IT&BeforeDate=1&AfterDate=2&Sort=CreationDate:ASC&page=x").await;
    seen.is_error(400, "param_error");
    assert_eq!(seen.wrong_fields(), ["AfterDate", "BeforeDate", "EventType", "Sort", "page"]);
    for name in ["AfterDate", "BeforeDate"] {
        assert_eq!(seen.field_error(name), "Events older than 45 days can not be searched");
    }
    assert_eq!(seen.field_error("EventType"), "The value NOTHING_LIKE_IT is not valid");
}

#[tokio::test]
async fn what_is_older_than_45_days_is_not_listed_any_more() {
    let world = World::new().await;
    let me = world.me().await;
    let user = me.owner().await;
    let wallet = me.wallet(&user, "EUR").await;
    me.declare_wire(&user, &wallet, 100, 0).await;
    world.advance_ms(44 * DAY_MS);
    let me = world.me().await;
    me.declare_wire(&user, &wallet, 200, 0).await;
    is_list_of(&me.get("/events").await, 2, 1);
    world.advance_ms(2 * DAY_MS);
    let me = world.me().await;
    is_list_of(&me.get("/events").await, 1, 1);
}
