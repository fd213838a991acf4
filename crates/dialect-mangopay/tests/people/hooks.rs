//! Hooks: made, viewed, changed, listed.

use serde_json::{Value, json};

use crate::harness::{NOW_S, World, is_list_of, with};

fn hook(event: &str) -> Value {
    json!({"EventType": event, "Url": "http://localhost:9000/hooks?token=1"})
}

#[tokio::test]
async fn a_hook_is_made_and_viewed_and_changed() {
    let world = World::new().await;
    let me = world.me().await;
    let seen = me.post("/hooks", &with(&hook("payin_normal_succeeded"), json!({"Tag": "mine"}))).await;
    let id = seen.get("Id");
    let expected = format!(
        r#"{{"Url":"http://localhost:9000/hooks?token=1","Status":"ENABLED","Validity":"VALID","EventType":"PAYIN_NORMAL_SUCCEEDED","Email":null,"Id":"{id}","Tag":"mine","CreationDate":{NOW_S}}}"#
    );
    assert_eq!((seen.status, &*seen.text), (200, &*expected));
    assert!(id.starts_with("hook_m_"), "{id}");
    let path = format!("/hooks/{id}");
    assert_eq!(me.get(&path).await.text, expected);
    // The whole object comes back from SDKs; its type of event stays what it is.
    let change = json!({"Id": id, "Url": "https://example.com/other", "EventType": "PAYIN_NORMAL_FAILED", "Status": "DISABLED",
        "Validity": "VALID", "Email": "ops@example.com", "Tag": null, "CreationDate": 5});
    let seen = me.call("PUT", &path, &[], &change.to_string()).await;
    let changed = expected
        .replace("http://localhost:9000/hooks?token=1", "https://example.com/other")
        .replace("ENABLED", "DISABLED")
        .replace("null", "\"ops@example.com\"");
    assert_eq!((seen.status, &*seen.text), (200, &*changed));
    assert_eq!(me.get(&path).await.text, changed);
}

#[tokio::test]
async fn every_type_of_event_that_the_vendor_has_can_be_listened_for_once() {
    let world = World::new().await;
    let me = world.me().await;
    for event in domain::EventType::ALL.iter().copied().filter(|event| event.is_for_hooks()) {
        let name = dialect_mangopay::events::name(event);
        assert_eq!(me.post("/hooks", &hook(name)).await.status, 200, "{name}");
    }
    let seen = me.post("/hooks", &hook("KYC_SUCCEEDED")).await;
    seen.is_error(400, "param_error");
    assert_eq!(seen.field_error("EventType"), "A hook has already been registered for this EventType");
    assert_eq!(world.client("other").await.post("/hooks", &hook("KYC_SUCCEEDED")).await.status, 200, "another platform has its own");
}

#[tokio::test]
async fn every_wrong_field_is_named_at_once() {
    let world = World::new().await;
    let me = world.me().await;
    let seen = me.post("/hooks", &json!({"Status": "ON", "Email": "nobody", "Tag": "x".repeat(256)})).await;
    seen.is_error(400, "param_error");
    assert_eq!(seen.wrong_fields(), ["Email", "EventType", "Status", "Tag", "Url"]);
    for (change, field, text) in [
        (json!({"EventType": "PAYIN_NORMAL_EATEN"}), "EventType", "The value PAYIN_NORMAL_EATEN is not valid"),
        (json!({"EventType": "HOOK_INVALID"}), "EventType", "The value HOOK_INVALID is not valid"),
        (json!({"EventType": ""}), "EventType", "The EventType field is required."),
        (json!({"Url": null}), "Url", "The Url field is required."),
        (json!({"Url": "ftp://a.b"}), "Url", "The Url field is not a valid fully-qualified http, https, or ftp URL."),
        (json!({"Url": "http://me:secret@a.b/"}), "Url", "The Url field is not a valid fully-qualified http, https, or ftp URL."),
        (json!({"Url": format!("http://a.b/{}", "x".repeat(255))}), "Url", "The field Url must be a string with a maximum length of 255."),
    ] {
        let seen = me.post("/hooks", &with(&hook("KYC_FAILED"), change.clone())).await;
        seen.is_error(400, "param_error");
        assert_eq!(seen.field_error(field), text, "{change}");
    }
    assert_eq!(me.get("/hooks").await.text, "[]", "nothing was made");
}

#[tokio::test]
async fn hooks_are_listed_by_age_and_by_type() {
    let world = World::new().await;
    let me = world.me().await;
    let names = ["KYC_SUCCEEDED", "KYC_FAILED", "USER_KYC_REGULAR"];
    for name in names {
        me.made("/hooks", &hook(name)).await;
        world.advance_ms(1_000);
    }
    let seen = me.get("/hooks").await;
    is_list_of(&seen, 3, 1);
    assert_eq!(seen.each("EventType"), names);
    let newest = me.get("/hooks?Sort=CreationDate:desc&Per_Page=2").await;
    is_list_of(&newest, 3, 2);
    assert_eq!(newest.each("EventType"), ["USER_KYC_REGULAR", "KYC_FAILED"]);
    assert_eq!(me.get("/hooks?EventType=kyc_failed&Page=1&Per_Page=1").await.each("EventType"), ["KYC_FAILED"]);
    assert_eq!(me.get("/hooks?EventType=KYC_OUTDATED").await.text, "[]");
    me.get("/hooks?EventType=NO_SUCH").await.is_error(400, "param_error");
    assert_eq!(world.client("other").await.get("/hooks").await.text, "[]");
}

#[tokio::test]
async fn a_hook_that_failed_too_often_is_valid_again_once_it_is_said_so() {
    let world = World::new().await;
    let me = world.me().await;
    let id = me.made("/hooks", &hook("KYC_FAILED")).await;
    let path = format!("/hooks/{id}");
    for (body, validity) in [
        (json!({"Validity": "INVALID"}), "INVALID"),
        (json!({"Url": "http://localhost/"}), "INVALID"),
        (json!({"Status": "ENABLED", "Validity": "INVALID"}), "INVALID"),
        (json!({"Validity": "VALID"}), "VALID"),
        (json!({"Validity": "INVALID"}), "INVALID"),
        (json!({"Status": "ENABLED"}), "VALID"),
    ] {
        let seen = me.call("PUT", &path, &[], &body.to_string()).await;
        assert_eq!((seen.status, &*seen.get("Validity")), (200, validity), "{body}");
    }
}
