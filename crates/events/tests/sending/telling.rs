//! What a listener is told, and how often.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::hook::{Delivery, DeliveryState, Hook, SetSigningKey, Told, UpdateHook, Validity};
use domain::platform::Environment;
use domain::{EventType, RecordKey, Resource, Secret};
use events::{Meddler, Meddling, Reach};

use crate::receiver::{Manner, Receiver};
use crate::scene::{NOW_S, Scene, TEN_MINUTES_MS, is_delivered};

const KYC: EventType = EventType::KycSucceeded;

#[tokio::test]
async fn a_listener_is_told_in_the_vendors_form_over_connections_that_are_kept() {
    let mut scene = Scene::new();
    let receiver = Receiver::new(Manner::Status(200)).await;
    let ctx = scene.platform(1).await;
    scene.hook(ctx, KYC, &format!("{}?token=a%2Fb", receiver.url())).await;
    scene.send().await;
    for subject in 1..=5 {
        scene.happen(ctx, KYC, subject).await;
        receiver.sees(usize::try_from(subject).unwrap()).await;
        scene.until(ctx, is_delivered).await;
    }
    let seen = receiver.seen();
    assert_eq!(seen[0].line, format!("GET /hook?token=a%2Fb&EventType=KycSucceeded&RessourceId=1&Date={NOW_S} HTTP/1.1"));
    assert_eq!(seen[0].header("host"), Some(&*receiver.address.to_string()));
    assert_eq!(seen[0].header("webhook-signature"), None, "nothing is signed that nobody asked for");
    let ids: BTreeSet<&str> = seen.iter().filter_map(|seen| seen.header("webhook-id")).collect();
    let stored: Vec<String> = scene.all(ctx).await.iter().map(|delivery| delivery.id.to_string()).collect();
    assert_eq!(ids, stored.iter().map(|id| &**id).collect());
    assert!(seen.iter().all(|seen| seen.connection == 0), "one connection does for one after the other");
}

#[tokio::test]
async fn what_was_stored_while_nobody_sent_is_sent_once_somebody_does() {
    let mut scene = Scene::new();
    let receiver = Receiver::new(Manner::Status(204)).await;
    let ctx = scene.platform(1).await;
    scene.hook(ctx, KYC, &receiver.url()).await;
    for subject in 0..700 {
        scene.happen(ctx, KYC, subject).await;
    }
    assert!(receiver.seen().is_empty());
    scene.send().await;
    let seen = receiver.sees(700).await;
    let subjects: BTreeSet<String> = seen.iter().map(|seen| seen.query("RessourceId")).collect();
    assert_eq!(subjects.len(), 700, "more than a line holds: all of it, from the store");
    scene.until(ctx, is_delivered).await;
    assert_eq!(receiver.seen().len(), 700, "and none of it twice");
}

#[tokio::test]
async fn what_fails_is_tried_again_by_the_platforms_own_clock_and_redirects_are_failures() {
    let mut scene = Scene::new();
    let receiver = Receiver::new(Manner::Redirect).await;
    let (ctx, other) = (scene.platform(1).await, scene.platform(2).await);
    scene.hook(ctx, KYC, &receiver.url()).await;
    scene.hook(other, KYC, &receiver.url()).await;
    scene.send().await;
    scene.happen(ctx, KYC, 7).await;
    scene.happen(other, KYC, 8).await;
    let failed = scene.until(ctx, |it| it.told == Some(Told::Status(302))).await[0];
    scene.until(other, |it| it.attempts == 1).await;
    assert_eq!(receiver.seen().len(), 2, "nobody follows");
    assert_eq!(scene.couriers.next_due(ctx.platform).await.unwrap(), failed.due_at);
    for (turn, (manner, told)) in
        [(Manner::Status(404), Told::Status(404)), (Manner::Close, Told::Broken), (Manner::Status(500), Told::Status(500))]
            .into_iter()
            .enumerate()
    {
        receiver.behave(manner);
        scene.advance(ctx, TEN_MINUTES_MS).await;
        let attempts = u32::try_from(turn).unwrap() + 2;
        let now = scene.until(ctx, |it| it.attempts == attempts).await[0];
        assert_eq!((now.told, now.state), (Some(told), DeliveryState::Pending));
    }
    receiver.behave(Manner::Status(299));
    scene.advance(ctx, TEN_MINUTES_MS).await;
    scene.until(ctx, is_delivered).await;
    assert_eq!(scene.all(other).await[0].attempts, 1, "another platform's time stands still");
    let ids: BTreeSet<String> =
        receiver.seen().iter().filter(|it| it.query("RessourceId") == "7").map(|it| it.header("webhook-id").unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 1, "the id is the same over every attempt");
}

#[tokio::test]
async fn a_new_url_is_used_for_the_next_event_and_a_hook_that_is_off_is_told_nothing() {
    let mut scene = Scene::new();
    let (one, two) = (Receiver::new(Manner::Status(200)).await, Receiver::new(Manner::Status(200)).await);
    let ctx = scene.platform(1).await;
    let hook = scene.hook(ctx, KYC, &one.url()).await;
    scene.send().await;
    let change =
        |url: Option<String>, validity| UpdateHook { hook, url: url.map(Secret::new), status: None, validity, email: None, tag: None };
    for turn in 1..=20 {
        let target = if turn % 2 == 0 { &one } else { &two };
        let before = target.seen().len();
        scene.engine.run(ctx, change(Some(target.url()), None)).await.unwrap().unwrap();
        scene.happen(ctx, KYC, turn).await;
        let seen = target.sees(before + 1).await;
        assert_eq!(seen.last().unwrap().query("RessourceId"), format!("{turn:x}"));
    }
    scene.until(ctx, is_delivered).await;
    scene.engine.run(ctx, change(None, Some(Validity::Invalid))).await.unwrap().unwrap();
    scene.happen(ctx, KYC, 99).await;
    assert_eq!(scene.all(ctx).await.len(), 20, "nothing is made for it");
}

#[tokio::test]
async fn what_waits_for_a_hook_that_does_not_listen_any_more_is_stopped() {
    let mut scene = Scene::new();
    let receiver = Receiver::new(Manner::Status(200)).await;
    let ctx = scene.platform(1).await;
    let hook = scene.hook(ctx, KYC, &receiver.url()).await;
    for subject in 0..3 {
        scene.happen(ctx, KYC, subject).await;
    }
    let off = UpdateHook { hook, url: None, status: None, validity: Some(Validity::Invalid), email: None, tag: None };
    scene.engine.run(ctx, off).await.unwrap().unwrap();
    scene.send().await;
    scene.until(ctx, |it| it.state == DeliveryState::Stopped && it.attempts == 0).await;
    assert!(receiver.seen().is_empty());
}

#[tokio::test]
async fn a_hook_that_fails_a_hundred_times_is_left_alone() {
    let mut scene = Scene::new();
    let receiver = Receiver::new(Manner::Status(500)).await;
    let ctx = scene.platform(1).await;
    let hook = scene.hook(ctx, KYC, &receiver.url()).await;
    for subject in 0..130 {
        scene.happen(ctx, KYC, subject).await;
    }
    scene.send().await;
    scene.until(ctx, |it| it.attempts > 0 || it.state == DeliveryState::Stopped).await;
    let key = RecordKey { kind: Hook::KIND, platform: ctx.platform, id: hook.0 };
    let body = scene.reads.record(key).await.unwrap().unwrap().body::<Hook>().unwrap();
    assert_eq!(body.validity, Validity::Invalid);
    let before = receiver.seen().len();
    scene.advance(ctx, TEN_MINUTES_MS).await;
    scene.until(ctx, |it| it.state == DeliveryState::Stopped).await;
    assert_eq!(receiver.seen().len(), before, "nothing more is sent");
}

#[tokio::test]
async fn deliveries_are_signed_once_the_platform_has_a_key() {
    use base64::Engine as _;
    use hmac::{Hmac, KeyInit, Mac};
    let mut scene = Scene::new();
    let receiver = Receiver::new(Manner::Status(200)).await;
    let ctx = scene.platform(1).await;
    scene.hook(ctx, KYC, &receiver.url()).await;
    scene.send().await;
    let key = [9; 32];
    scene.engine.run(ctx, SetSigningKey { key: Some(Secret::new(key)) }).await.unwrap().unwrap();
    scene.happen(ctx, KYC, 1).await;
    let seen = receiver.sees(1).await.remove(0);
    let (id, at) = (seen.header("webhook-id").unwrap(), seen.header("webhook-timestamp").unwrap());
    let line = seen.line.strip_suffix(" HTTP/1.1").unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{at}.{line}").as_bytes());
    let expected = format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(seen.header("webhook-signature"), Some(&*expected));
    assert_eq!(at, NOW_S.to_string());
}

#[tokio::test]
async fn nothing_is_sent_where_it_may_not_be() {
    for (reach, environment, url, told) in [
        (Reach::Local, Environment::Sandbox, "http://10.255.255.1:9/", Told::NotAllowed),
        (Reach::Public, Environment::Sandbox, "http://localhost:9/", Told::NotAllowed),
        (Reach::Any, Environment::Production, "https://localhost:9/", Told::NotAllowed),
        (Reach::Local, Environment::Sandbox, "http://localhost:1/", Told::Unreachable),
        (Reach::Local, Environment::Sandbox, "http://nowhere.invalid/", Told::Unresolved),
    ] {
        let mut scene = Scene::with(reach, Arc::new(events::Undisturbed));
        let ctx = scene.platform_for(1, environment).await;
        scene.hook(ctx, KYC, url).await;
        scene.send().await;
        scene.happen(ctx, KYC, 1).await;
        let tried = scene.until(ctx, |it| it.attempts == 1).await[0];
        // A system without a network may take its time to say that a name is nowhere.
        let is_so = tried.told == Some(told) || (told == Told::Unresolved && tried.told == Some(Told::TimedOut));
        assert!(is_so, "{url} {:?}", tried.told);
    }
}

/// Does to each delivery what its subject says.
struct BySubject(AtomicUsize);

impl Meddler for BySubject {
    fn meddle(&self, delivery: &Delivery) -> Meddling {
        self.0.fetch_add(1, Ordering::SeqCst);
        match delivery.subject.bits() {
            1 => Meddling::Lose,
            2 => Meddling::Double,
            3 => Meddling::Late(1_000),
            4 => Meddling::Swap,
            _ => Meddling::Leave,
        }
    }
}

#[tokio::test]
async fn what_is_to_go_wrong_goes_wrong() {
    let meddler = Arc::new(BySubject(AtomicUsize::new(0)));
    let mut scene = Scene::with(Reach::Local, Arc::clone(&meddler) as _);
    let receiver = Receiver::new(Manner::Status(200)).await;
    let ctx = scene.platform(1).await;
    scene.hook(ctx, KYC, &receiver.url()).await;
    scene.send().await;
    scene.happen(ctx, KYC, 1).await;
    scene.until(ctx, |it| it.state == DeliveryState::Lost && it.due_at.is_none()).await;
    scene.happen(ctx, KYC, 2).await;
    receiver.sees(2).await;
    scene.happen(ctx, KYC, 3).await;
    scene.until(ctx, |it| it.subject.bits() != 3 || it.due_at != Some(it.at)).await;
    assert_eq!(receiver.seen().len(), 2, "it is late");
    scene.advance(ctx, 1_000).await;
    receiver.sees(3).await;
    scene.happen(ctx, KYC, 4).await;
    scene.happen(ctx, KYC, 5).await;
    let seen = receiver.sees(5).await;
    let subjects: Vec<String> = seen.iter().map(|it| it.query("RessourceId")).collect();
    assert_eq!(subjects, ["2", "2", "3", "5", "4"]);
    scene.until(ctx, |it| is_delivered(it) || it.subject.bits() == 1).await;
    assert_eq!(meddler.0.load(Ordering::SeqCst), 5, "each is asked for once");
}
