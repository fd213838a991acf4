//! Nothing of a platform is seen or changed by another one, nor of a user by a sibling: one request for every route,
//! made by a stranger, for a sibling, and then, the very same, by its owner.

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../cards/scene.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod scene;

mod asks;
mod estate;

use dialect_mangopay::router::{Route, Verb, Version};
use dialect_mangopay::routes::{Endpoint, ROUTES};

use asks::{Ask, Sees, asks};
use estate::Estate;
use harness::coverage::Proof;
use harness::{Client, Seen};
use scene::Scene;

#[tokio::test]
async fn nothing_is_anybody_elses() {
    check(Version::V2_01).await;
}

#[tokio::test]
async fn nothing_is_anybody_elses_in_the_oldest_version() {
    check(Version::V2).await;
}

async fn check(version: Version) {
    let scene = Scene::new().await;
    let (me, other) = (scene.world.me().await, scene.world.client("other").await);
    let estate = Estate::new(&scene, &me).await;
    let asks = asks_of(&estate, version);
    let (me, other) = if version == Version::V2 { (me.v2(), other.v2()) } else { (me, other) };

    let before = picture(&me, &asks, |_| true).await;
    for ask in &asks {
        let (path, body) = (ask.path(), ask.body.to_string());
        let see = |seen: &Seen| see(&estate, ask, ask.stranger, &ask.names, seen);
        other.in_vain(Proof::Hidden, (ask.verb.name(), &path, &body), see).await;
    }
    assert_eq!(picture(&me, &asks, |_| true).await, before, "strangers change nothing");

    // Siblings change their own things, so the platform's lists change, and what is named by an id does not.
    let before = picture(&me, &asks, names_something).await;
    for ask in &asks {
        let Some((sibling, sees)) = &ask.sibling else { continue };
        let mut names = ask.names.clone();
        sibling.clone_into(&mut names[0]);
        let (path, body) = (ask.siblings_path(sibling), ask.body.to_string());
        me.in_vain(Proof::Apart, (ask.verb.name(), &path, &body), |seen| see(&estate, ask, *sees, &names, seen)).await;
    }
    assert_eq!(picture(&me, &asks, names_something).await, before, "siblings change nothing of each other");

    for ask in &asks {
        let seen = me.call(ask.verb.name(), &ask.path(), &[], &ask.body.to_string()).await;
        assert!((200..300).contains(&seen.status), "its owner may: {} {}: {}", ask.verb.name(), ask.path(), seen.text);
        assert_ne!(seen.get("Status"), "FAILED", "{}: {}", ask.path(), seen.text);
    }
}

/// The asks of a version: one for every route below a client id, and for nothing else.
fn asks_of(estate: &Estate, version: Version) -> Vec<Ask> {
    let is_under = |route: &&Route<Endpoint>| route.version() == Some(version) || route.also.contains(&version);
    let below_a_client = |route: &&Route<Endpoint>| route.pattern.contains("{ClientId}");
    let mut routes: Vec<_> = ROUTES.iter().filter(is_under).filter(below_a_client).map(|it| (it.verb.name(), it.pattern)).collect();
    let mut asks = asks(estate, version);
    asks.retain(|ask| routes.contains(&(ask.verb.name(), ask.pattern)) || version == Version::V2_01);
    let mut asked: Vec<_> = asks.iter().map(|ask| (ask.verb.name(), ask.pattern)).collect();
    routes.sort_unstable();
    asked.sort_unstable();
    assert_eq!(asked, routes, "tests/isolation/asks.rs has one ask for every route");
    asks
}

/// Whether the path names a thing by an id.
fn names_something(ask: &Ask) -> bool {
    ask.pattern.matches("Id}").count() > "{ClientId}".matches("Id}").count()
}

/// What the owner sees of everything.
async fn picture(me: &Client<'_>, asks: &[Ask], is_wanted: fn(&Ask) -> bool) -> Vec<(String, u16, String)> {
    let mut picture = Vec::new();
    for ask in asks.iter().filter(|ask| ask.verb == Verb::Get && is_wanted(ask)) {
        let path = format!("{}?per_page=100", ask.path());
        let seen = me.get(&path).await;
        picture.push((path, seen.status, seen.text));
    }
    picture
}

/// Asserts that an answer shows what it should to somebody who asked with these names, and nothing of the estate else.
#[track_caller]
fn see(estate: &Estate, ask: &Ask, sees: Sees, names: &[String], seen: &Seen) {
    let asked = format!("{} {}: {} {}", ask.verb.name(), ask.pattern, seen.status, seen.text);
    match sees {
        Sees::NotFound => {
            assert_eq!((seen.status, &*seen.get("Type")), (404, "ressource_not_found"), "{asked}");
            let names = ask.named(names);
            let text = seen.field_error("RessourceNotFound");
            let names_it =
                |name: &String| text.starts_with("Cannot found the ressource ") && text.ends_with(&format!(" with the id={name} "));
            assert!(names.iter().any(names_it) || text.contains("with the id=FEES_EUR "), "{asked}");
        }
        Sees::Invalid => {
            assert_eq!((seen.status, &*seen.get("Type")), (400, "param_error"), "{asked}");
            assert_eq!(seen.wrong_fields(), estate.names_in(&ask.body), "{asked}");
        }
        Sees::NothingOfIt => assert!((200..300).contains(&seen.status), "{asked}"),
    }
    // Whoever named something may be told its name.
    assert_eq!(estate.mark_in(&seen.text, &ask.named(names)), None, "{asked}");
}
