//! Payers on the pages, over a real store, the simulated acquirer and the Mangopay wire.

#[path = "../../dialect-mangopay/tests/harness/mod.rs"]
mod harness;
#[path = "../../dialect-mangopay/tests/cards/scene.rs"]
#[allow(dead_code, reason = "the dialect's own tests use the rest")]
mod scene;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use engine::Voice;
use harness::{Seen, with};
use hosted::Pages;
use http::Request;
use http_body_util::BodyExt;
use scene::{ASKING, Cast, PLAIN, Scene, eur};
use serde_json::json;

struct Browser {
    pages: axum::Router,
}

impl Browser {
    fn new(s: &Scene) -> Self {
        let voices = vec![Arc::clone(&s.world.dialect) as Arc<dyn Voice>];
        let pages = Pages::new(s.checkout(), Arc::clone(&s.world.reads), voices, s.world.more_ids());
        Self { pages: hosted::router(pages) }
    }

    async fn send(&self, method: &str, url: &str, form: &str) -> Seen {
        let path = url.strip_prefix("http://localhost:8080").unwrap_or(url);
        let request = Request::builder().method(method).uri(path).header("Content-Type", "application/x-www-form-urlencoded");
        let mut pages = self.pages.clone();
        let response = tower_service::Service::call(&mut pages, request.body(Body::from(form.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Seen { status: parts.status.as_u16(), headers: parts.headers, text, bytes }
    }

    async fn open(&self, url: &str) -> Seen {
        self.send("GET", url, "").await
    }

    async fn choose(&self, url: &str, choice: &str) -> Seen {
        self.send("POST", url, &format!("choice={choice}")).await
    }

    async fn pay(&self, url: &str, number: &str, expiry: &str, code: &str) -> Seen {
        self.send("POST", url, &format!("number={number}&expiry={expiry}&code={code}&choice=pay")).await
    }
}

async fn web(s: &Scene, c: &Cast) -> (String, String) {
    let me = s.world.me().await;
    let request = with(&c.web(), json!({"ReturnURL": "https://shop.example/done?order=7&x=%C3%A9"}));
    let seen = me.post("/payins/card/web", &request).await;
    (seen.get("Id"), seen.get("RedirectURL"))
}

async fn status(s: &Scene, id: &str) -> (String, String) {
    let seen = s.world.me().await.get(&format!("/payins/{id}")).await;
    (seen.get("Status"), seen.get("ResultCode"))
}

fn is(status: &str, code: &str) -> (String, String) {
    (status.to_owned(), code.to_owned())
}

#[tokio::test]
async fn a_payer_types_a_card_and_goes_back() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let browser = Browser::new(&s);
    let (id, url) = web(&s, &c).await;
    let page = browser.open(&url).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.text.contains("10.00 EUR") && page.text.contains("<dd>me</dd>"), "who is paid, and how much");
    for (name, value) in [
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(page.header(name), value);
    }
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && policy.contains("frame-ancestors 'none'"));
    assert!(!page.text.contains("<script") && !page.text.contains("style=\"") && !page.text.contains(" src="));

    let done = browser.pay(&url, "4970+1071+1111+1119", "12%2F29", "123").await;
    assert_eq!(done.status, 303);
    assert_eq!(done.header("location"), format!("https://shop.example/done?order=7&x=%C3%A9&transactionId={id}"));
    assert_eq!(status(&s, &id).await, is("SUCCEEDED", "000000"));
    assert_eq!(c.balance(&s.world.me().await).await, 1_000);
    for again in [browser.open(&url).await, browser.pay(&url, PLAIN, "1229", "123").await, browser.choose(&url, "cancel").await] {
        assert_eq!(again.status, 410, "once only");
    }
    assert_eq!(c.balance(&s.world.me().await).await, 1_000);
}

#[tokio::test]
async fn what_is_typed_wrong_is_said_and_never_shown_again() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let browser = Browser::new(&s);
    let (id, url) = web(&s, &c).await;
    for (number, expiry, code, field) in [
        ("4970107111111118", "1229", "123", "number"),
        ("12", "1229", "123", "number"),
        ("", "", "", "number"),
        (PLAIN, "1329", "123", "expiry"),
        (PLAIN, "1023", "123", "expiry"),
        (PLAIN, "1229", "12", "code"),
    ] {
        let seen = browser.pay(&url, number, expiry, code).await;
        assert_eq!(seen.status, 422, "{number} {expiry} {code}");
        assert!(seen.text.contains(&format!("id=\"{field}-note\"")) && seen.text.contains("aria-invalid=\"true\""), "{}", seen.text);
        assert!(seen.text.contains("role=\"alert\""));
        assert!(number.len() < 12 || !seen.text.contains(number), "no number is written into a page");
    }
    assert_eq!(status(&s, &id).await, is("CREATED", ""));
    assert_eq!(browser.pay(&url, PLAIN, "1229", "123").await.status, 303);
    assert_eq!(status(&s, &id).await, is("SUCCEEDED", "000000"));
}

#[tokio::test]
async fn a_bank_may_ask_or_refuse_and_a_payer_may_leave() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let browser = Browser::new(&s);
    let (id, url) = web(&s, &c).await;
    let asked = browser.pay(&url, ASKING, "1229", "123").await;
    assert_eq!(asked.status, 303);
    let link = asked.header("location").strip_prefix("../3ds/").expect("the bank's question");
    let challenge = format!("/pay/3ds/{link}");
    assert_eq!(browser.open(&url).await.header("location"), format!("../3ds/{link}"), "a payer who comes back goes on");
    let page = browser.open(&challenge).await;
    assert!(page.status == 200 && page.text.contains("8183") && page.text.contains("10.00 EUR"));
    let back = browser.choose(&challenge, "authenticate").await;
    assert!(back.status == 303 && back.header("location").ends_with(&format!("transactionId={id}")));
    assert_eq!(status(&s, &id).await, is("SUCCEEDED", "000000"));

    let (id, url) = web(&s, &c).await;
    assert_eq!(browser.choose(&url, "cancel").await.status, 303);
    assert_eq!(status(&s, &id).await, is("FAILED", "101002"));

    let (id, url) = web(&s, &c).await;
    assert_eq!(browser.pay(&url, PLAIN, "1229", "999").await.status, 303);
    assert_eq!(status(&s, &id).await, is("FAILED", "101101"));
}

#[tokio::test]
async fn a_payer_of_a_registered_card_authenticates_or_not() {
    let s = Scene::new().await;
    let c = s.cast(ASKING).await;
    let browser = Browser::new(&s);
    for (choice, status_and_code) in
        [("authenticate", is("SUCCEEDED", "000000")), ("fail", is("FAILED", "101301")), ("abandon", is("FAILED", "101002"))]
    {
        let me = s.world.me().await;
        let seen = me.post("/payins/card/direct", &c.direct()).await;
        let (id, url) = (seen.get("Id"), seen.get("SecureModeRedirectURL"));
        assert_eq!(browser.choose(&url, "nothing").await.status, 200, "asked again");
        assert_eq!(browser.open(&url).await.status, 200);
        let back = browser.choose(&url, choice).await;
        assert_eq!((back.status, back.header("location")), (303, &*format!("http://test.com/back?order=7&transactionId={id}")));
        assert_eq!(status(&s, &id).await, status_and_code);
        for again in [browser.open(&url).await, browser.choose(&url, "authenticate").await] {
            assert_eq!(again.status, 410, "once only");
        }
        assert_eq!(status(&s, &id).await, status_and_code);
    }
}

#[tokio::test]
async fn a_payer_validates_a_card() {
    let s = Scene::new().await;
    let c = s.cast(ASKING).await;
    let browser = Browser::new(&s);
    let me = s.world.me().await;
    let request = json!({
        "AuthorId": c.payer, "SecureModeReturnURL": "http://example.com", "IpAddress": "::1", "BrowserInfo": {"Language": "fr"},
    });
    let path = format!("/cards/{}/validation", c.card);
    let seen = me.post(&path, &request).await;
    let (id, url) = (seen.get("Id"), seen.get("SecureModeRedirectURL"));
    assert_eq!(browser.open(&url).await.status, 200);
    let back = browser.choose(&url, "authenticate").await;
    assert_eq!((back.status, back.header("location")), (303, &*format!("http://example.com?cardValidationId={id}")));
    assert_eq!(me.get(&format!("{path}/{id}")).await.get("Status"), "SUCCEEDED");
    assert_eq!(browser.open(&url).await.status, 410);
}

#[tokio::test]
async fn pages_end_with_their_time() {
    let s = Scene::new().await;
    let c = s.cast(PLAIN).await;
    let browser = Browser::new(&s);
    let (id, url) = web(&s, &c).await;
    s.world.advance_ms(15 * 60_000);
    assert_eq!(browser.open(&url).await.status, 410, "also before the job has run");
    assert_eq!(browser.pay(&url, PLAIN, "1229", "123").await.status, 410);
    s.work().await;
    assert_eq!(status(&s, &id).await, is("FAILED", "101109"));
}

#[tokio::test]
async fn a_link_that_is_not_whole_leads_nowhere() {
    let s = Scene::new().await;
    let c = s.cast(ASKING).await;
    let browser = Browser::new(&s);
    let (_, url) = web(&s, &c).await;
    let me = s.world.me().await;
    let direct = me.post("/payins/card/direct", &c.direct()).await.get("SecureModeRedirectURL");
    let flip = |url: &str, place: usize| {
        let mut bytes = url.as_bytes().to_vec();
        let place = bytes.len() - place;
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    let link = |url: &str| url.rsplit_once('/').unwrap().1.to_owned();
    for wrong in [
        flip(&url, 5),
        flip(&url, 40),
        flip(&url, 60),
        flip(&url, 80),
        "/pay/card/x".to_owned(),
        format!("/pay/validation/{}", link(&url)),
        flip(&direct, 5),
        "/pay/3ds/..%2f..".to_owned(),
        "/pay/card/%ff".to_owned(),
        "/pay/3ds/%ff".to_owned(),
        "/pay/validation/%ff".to_owned(),
    ] {
        for seen in [browser.open(&wrong).await, browser.choose(&wrong, "authenticate").await] {
            assert_eq!(seen.status, 404, "{wrong}");
            assert!(seen.text.contains("There is no such page"));
        }
    }
    let crossed = browser.open(&format!("/pay/card/{}", link(&direct))).await;
    assert_eq!(crossed.header("location"), format!("../3ds/{}", link(&direct)), "its own question, and nothing else");
    assert_eq!(browser.open(&format!("/pay/3ds/{}", link(&url))).await.status, 410, "there is nothing to ask yet");
}

#[tokio::test]
async fn an_acquirer_that_is_not_heard_loses_nothing() {
    let s = Scene::new().await;
    let c = s.cast(ASKING).await;
    let browser = Browser::new(&s);
    let me = s.world.me().await;
    let seen = me.post("/payins/card/direct", &c.direct()).await;
    let (id, url) = (seen.get("Id"), seen.get("SecureModeRedirectURL"));
    s.rail.is_mute.store(true, Ordering::SeqCst);
    assert_eq!(browser.choose(&url, "authenticate").await.status, 503);
    assert_eq!(status(&s, &id).await, is("CREATED", ""));
    s.rail.is_mute.store(false, Ordering::SeqCst);
    assert_eq!(browser.choose(&url, "fail").await.status, 303, "the acquirer has heard the first answer");
    assert_eq!(status(&s, &id).await, is("SUCCEEDED", "000000"));
    let (id, url) = web(&s, &c).await;
    s.rail.is_deaf.store(true, Ordering::SeqCst);
    assert_eq!(browser.pay(&url, PLAIN, "1229", "123").await.status, 503, "not even the token");
    s.rail.is_deaf.store(false, Ordering::SeqCst);
    assert_eq!(browser.pay(&url, PLAIN, "1229", "123").await.status, 303);
    assert_eq!(status(&s, &id).await, is("SUCCEEDED", "000000"));
    let _ = eur(0);
}

#[tokio::test]
async fn who_is_not_looked_at_is_told_to_come_back() {
    let response = hosted::unavailable();
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (503, &http::HeaderValue::from(1)));
}
