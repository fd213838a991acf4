//! The page on which a user shows who they are: `/sca?token=…&returnUrl=…`. Source: reference, people part, 5.1.
//!
//! The link's secret is the only credential; what is stored is its digest. The same link may be opened again for ten
//! minutes and is completed once. On production platforms the page does not exist: nothing sends codes there yet.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use domain::ids::{RequestId, ScaSessionId};
use domain::platform::{Environment, Platform};
use domain::sca::{CompleteScaSession, CompleteScaSessionError, ScaPurpose, ScaSession, ScaStatus, TRIES_MAX, magic};
use domain::user::{Identity, Person, User};
use domain::{Actor, Ctx, Ids, Named, PlatformId, RecordKey, Resource, Secret};
use engine::{Clock, Engine, PageLink, Reads, SCA_PAGE, session_digest};
use http::{Request, Response, StatusCode, Uri};
use ledger::Uid;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::form::Form;
use crate::page::{Page, escaped, redirect};

/// Characters of the platform's URL at most.
const RETURN_URL_MAX: usize = 2_000;
const CODE_DIGITS: usize = 6;

/// What the pages work with.
pub struct ScaPages {
    engine: Engine,
    reads: Arc<dyn Reads>,
    clock: Arc<dyn Clock>,
    ids: Mutex<Box<dyn Ids>>,
}

impl ScaPages {
    /// Pages over an engine and the reading half of its store; `ids` names their requests.
    #[must_use]
    pub fn new(engine: Engine, reads: Arc<dyn Reads>, clock: Arc<dyn Clock>, ids: Box<dyn Ids>) -> Arc<Self> {
        Arc::new(Self { engine, reads, clock, ids: Mutex::new(ids) })
    }

    fn ctx(&self, opened: &Opened) -> Ctx {
        let platform = opened.link.platform;
        let request = RequestId(self.ids.lock().unwrap_or_else(PoisonError::into_inner).fresh_of(platform, RequestId::SPACE));
        Ctx { platform, actor: Actor::User(opened.session.user), request, origin: [0; 16], given_id: None }
    }

    async fn find<R: Resource>(&self, platform: PlatformId, id: Uid) -> Result<Option<Arc<R>>, NoForm> {
        match self.reads.record(RecordKey { kind: R::KIND, platform, id }).await {
            Ok(record) => Ok(record.and_then(|record| record.body())),
            Err(error) => {
                tracing::error!(%error, "the page of a session could not read");
                Err(NoForm::Broken)
            }
        }
    }
}

/// The page as a service.
pub fn router(pages: Arc<ScaPages>) -> Router {
    Router::new().route(SCA_PAGE, get(show).post(submit)).with_state(pages)
}

/// Why there is no form to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NoForm {
    /// The link names no session, its secret is another's, or the platform is for real money.
    UnknownLink,
    /// Its ten minutes are over, or the user is closed.
    Over,
    /// The platform has not said where to return to.
    NoReturnUrl,
    /// We are at fault, or too busy.
    Broken,
}

/// A session that a link opened.
struct Opened {
    link: PageLink,
    platform: Arc<Platform>,
    session: Arc<ScaSession>,
    return_url: String,
    is_over: bool,
}

async fn show(State(pages): State<Arc<ScaPages>>, uri: Uri) -> Response<Body> {
    shown(&pages, &uri).await.unwrap_or_else(apology)
}

async fn submit(State(pages): State<Arc<ScaPages>>, request: Request<Body>) -> Response<Body> {
    submitted(&pages, request).await.unwrap_or_else(apology)
}

async fn shown(pages: &ScaPages, uri: &Uri) -> Result<Response<Body>, NoForm> {
    let opened = open(pages, uri).await?;
    if opened.is_over {
        return Err(NoForm::Over);
    }
    if opened.session.is_open() { ask(pages, &opened, None).await } else { Ok(send_back(&opened, opened.session.status)) }
}

async fn submitted(pages: &ScaPages, request: Request<Body>) -> Result<Response<Body>, NoForm> {
    let opened = open(pages, request.uri()).await?;
    // Whoever was too slow is sent back like whoever failed; a success of long ago is not told again.
    if opened.is_over && opened.session.status == ScaStatus::Succeeded {
        return Err(NoForm::Over);
    }
    let code = Form::read(request).await.map_err(|_| NoForm::Broken)?.compact("code");
    if opened.session.is_open() && !opened.is_over && !is_code(code.expose()) {
        return ask(pages, &opened, Some(format!("The code has {CODE_DIGITS} digits."))).await;
    }
    let command = CompleteScaSession { session: ScaSessionId(opened.link.subject), code };
    let completed = pages.engine.run(pages.ctx(&opened), command).await.map_err(|_| NoForm::Broken)?;
    let record = completed.map_err(|error| match error {
        CompleteScaSessionError::NotFound | CompleteScaSessionError::NotASandbox => NoForm::UnknownLink,
        CompleteScaSessionError::UserClosed => NoForm::Over,
    })?;
    let session = record.body::<ScaSession>().ok_or(NoForm::Broken)?;
    if !session.is_open() {
        return Ok(send_back(&opened, session.status));
    }
    let left = TRIES_MAX.saturating_sub(session.tries);
    ask(pages, &opened, Some(format!("This code is wrong. {left} {} left.", if left == 1 { "try" } else { "tries" }))).await
}

/// The session of a link. First reason wins: the link, its platform, where to return to.
async fn open(pages: &ScaPages, uri: &Uri) -> Result<Opened, NoForm> {
    let query = Form::parse(uri.query().unwrap_or(""));
    let link = PageLink::parse(query.get("token")).ok_or(NoForm::UnknownLink)?;
    let session = pages.find::<ScaSession>(link.platform, link.subject).await?.ok_or(NoForm::UnknownLink)?;
    let platform = pages.find::<Platform>(link.platform, link.platform.0).await?.ok_or(NoForm::UnknownLink)?;
    if !session.opens_with(&session_digest(&link.session)) || platform.environment != Environment::Sandbox || platform.has_ended() {
        return Err(NoForm::UnknownLink);
    }
    let return_url = query.get("returnUrl").to_owned();
    if !is_return_url(&return_url) {
        return Err(NoForm::NoReturnUrl);
    }
    let is_over = session.is_over(pages.clock.now().plus_ms(platform.clock_offset_ms));
    Ok(Opened { link, platform, session, return_url, is_over })
}

/// Sends the browser back to the platform, which is told how the session ended in the vendor's words.
fn send_back(opened: &Opened, status: ScaStatus) -> Response<Body> {
    let word = if status == ScaStatus::Succeeded { "VALIDATED" } else { "FAILED" };
    redirect(&with_parameter(&opened.return_url, "controlStatus", word))
}

async fn ask(pages: &ScaPages, opened: &Opened, notice: Option<String>) -> Result<Response<Body>, NoForm> {
    let platform = opened.link.platform;
    let user = pages.find::<User>(platform, opened.session.user.0).await?.ok_or(NoForm::UnknownLink)?;
    if user.is_closed() {
        return Err(NoForm::Over);
    }
    let holder = match &user.identity {
        Identity::Legal { name, .. } => name.clone(),
        Identity::Natural { person } => {
            let person = pages.find::<Person>(platform, person.0).await?.ok_or(NoForm::Broken)?;
            Secret::new(format!("{} {}", person.first_name.expose(), person.last_name.expose()))
        }
    };
    Ok(question(opened, holder.expose(), notice.as_deref()).respond())
}

fn question(opened: &Opened, holder: &str, notice: Option<&str>) -> Page {
    let title = "Confirm it is you";
    let purpose = match opened.session.purpose {
        ScaPurpose::Enrollment => "Your account is opened once you have confirmed it with the code you were sent.",
    };
    // Relative, so that it is right behind any path a proxy adds.
    let action = format!(
        "?token={}&amp;returnUrl={}",
        opened.link.text().unwrap_or_default(),
        utf8_percent_encode(&opened.return_url, NON_ALPHANUMERIC)
    );
    let wrong = notice.map(|text| format!("<p class=\"wrong\" id=\"wrong\" role=\"alert\">{}</p>", escaped(text))).unwrap_or_default();
    let about = if wrong.is_empty() { "aria-describedby=\"hint\"" } else { "aria-invalid=\"true\" aria-describedby=\"wrong hint\"" };
    let content = format!(
        "<h1>{title}</h1><dl class=\"summary\"><div><dt>Platform</dt><dd>{platform}</dd></div><div><dt>Account of</dt><dd>{holder}</dd></div></dl>\
         <p>{purpose}</p><form method=\"post\" action=\"{action}\"><div class=\"field\"><label for=\"code\">Code</label>\
         <input id=\"code\" name=\"code\" inputmode=\"numeric\" autocomplete=\"one-time-code\" maxlength=\"{CODE_DIGITS}\" required autofocus \
         {about}>{wrong}<p class=\"hint\" id=\"hint\">{CODE_DIGITS} digits. This is a sandbox, which sends none: type {code}.</p></div>\
         <button>Confirm</button></form>",
        platform = escaped(&opened.platform.client_id),
        holder = escaped(holder),
        code = magic::CODE,
    );
    Page { status: StatusCode::OK, title: title.to_owned(), content }
}

fn apology(why: NoForm) -> Response<Body> {
    let (status, title, text) = match why {
        NoForm::UnknownLink => (StatusCode::NOT_FOUND, "This link leads nowhere", "Go back to where you came from and ask for a new one."),
        NoForm::Over => (StatusCode::GONE, "This link is over", "Go back to where you came from and ask for a new one."),
        NoForm::NoReturnUrl => (StatusCode::BAD_REQUEST, "This link is incomplete", "It does not say where to return to afterwards."),
        NoForm::Broken => (StatusCode::SERVICE_UNAVAILABLE, "Something went wrong", "Please open the link again in a moment."),
    };
    Page::notice(status, title, text).respond()
}

fn is_code(text: &str) -> bool {
    text.len() == CODE_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An address on the web, with a host, that fits a header.
fn is_return_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let is_web = ["http", "https"].iter().any(|web| web.eq_ignore_ascii_case(scheme));
    let has_host = !rest.is_empty() && !rest.starts_with(['/', '?', '#', ':']);
    is_web && has_host && text.len() <= RETURN_URL_MAX && !text.chars().any(|one| one.is_whitespace() || one.is_control())
}

/// A URL with one more parameter, before its fragment.
fn with_parameter(url: &str, name: &str, value: &str) -> String {
    let (address, fragment) = url.split_once('#').map_or((url, String::new()), |(address, rest)| (address, format!("#{rest}")));
    let separator = match address.split_once('?') {
        None => "?",
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{address}{separator}{name}={value}{fragment}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_url_is_on_the_web() {
        for (text, is_one) in [
            ("https://shop.example/back?a=1#x", true),
            ("HTTP://localhost:3000", true),
            ("", false),
            ("javascript:alert(1)", false),
            ("javascript://x", false),
            ("/back", false),
            ("//shop.example", false),
            ("https://", false),
            ("https:///x", false),
            ("https://shop.example/\r\nSet-Cookie: a", false),
        ] {
            assert_eq!(is_return_url(text), is_one, "{text}");
        }
        assert!(!is_return_url(&format!("https://shop.example/{}", "x".repeat(RETURN_URL_MAX))));
    }

    #[test]
    fn the_status_goes_before_the_fragment() {
        for (url, expected) in [
            ("https://a.b", "https://a.b?controlStatus=FAILED"),
            ("https://a.b/c?d=e#f", "https://a.b/c?d=e&controlStatus=FAILED#f"),
            ("https://a.b/?", "https://a.b/?controlStatus=FAILED"),
        ] {
            assert_eq!(with_parameter(url, "controlStatus", "FAILED"), expected);
        }
    }

    #[test]
    fn a_code_is_six_digits() {
        for (text, is_one) in [("702100", true), ("70210", false), ("7021000", false), ("70210x", false), ("", false)] {
            assert_eq!(is_code(text), is_one, "{text}");
        }
    }
}
