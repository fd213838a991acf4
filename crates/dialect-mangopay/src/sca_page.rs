//! The page on which a user shows who they are: `/sca?token=…&returnUrl=…`. Source: reference, people part, 5.1.
//!
//! The link's secret is the only credential; what is stored is its digest. The same link may be opened again for ten
//! minutes and completed once. On production platforms the page does not exist: nothing sends codes there yet.

use std::sync::Arc;

use axum::body::Body;
use axum::routing::get;
use domain::ids::ScaSessionId;
use domain::platform::{Environment, Platform};
use domain::sca::{CompleteScaSession, CompleteScaSessionError, ScaPurpose, ScaSession, ScaStatus, TRIES_MAX, magic};
use domain::user::{Identity, Person, User};
use domain::{Actor, Ctx, PlatformId, RecordKey, Resource, Secret};
use engine::{PageLink, fresh_session};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use ledger::Uid;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::endpoints::payins::card_terms::with_parameter;
use crate::query::form_pairs;
use crate::service::Dialect;
use crate::wire::fields::is_url;
use crate::digest_of;

/// Its path below the public URL.
pub const PATH: &str = "/sca";

/// A form at most.
const FORM_MAX_BYTES: usize = 4 * 1_024;
/// Characters of the platform's URL at most.
const RETURN_URL_MAX: usize = 2_000;
const CODE_DIGITS: usize = 6;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;background:#f4f5f7;color:#1c2430;margin:0}\
main{max-width:26rem;margin:8vh auto;padding:2rem;background:#fff;border-radius:.75rem;box-shadow:0 1px 4px #0003}\
h1{font-size:1.3rem;margin:0 0 1rem}label{display:block;margin:1.25rem 0 .35rem}\
input{font:inherit;letter-spacing:.35em;width:100%;box-sizing:border-box;padding:.6rem;border:1px solid #8a94a3;border-radius:.4rem}\
button{font:inherit;margin-top:1rem;width:100%;padding:.65rem;border:0;border-radius:.4rem;background:#1f5eff;color:#fff;cursor:pointer}\
.wrong{color:#b3261e}.hint{color:#5b6675;font-size:.9rem}";

/// The page as a service of axum.
pub fn router(dialect: Arc<Dialect>) -> axum::Router {
    let serve = move |request: Request<Body>| {
        let dialect = Arc::clone(&dialect);
        async move { serve(&dialect, request).await }
    };
    axum::Router::new().route(PATH, get(serve.clone()).post(serve))
}

/// Why there is no form to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NoForm {
    /// The link names no session, or its secret is another's.
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
}

/// What is shown in the form.
struct Form<'a> {
    opened: &'a Opened,
    /// Whose account it is, as its owner is called.
    holder: String,
    notice: Option<String>,
}

async fn serve(dialect: &Dialect, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let answered = match open(dialect, &parts).await {
        Ok(opened) if parts.method == Method::POST => submit(dialect, &parts, body, opened).await,
        Ok(opened) => show(dialect, opened).await,
        Err(why) => Err(why),
    };
    answered.unwrap_or_else(apologize)
}

/// The session of a request's link. First reason wins: the link, its environment, where to return to.
async fn open(dialect: &Dialect, parts: &Parts) -> Result<Opened, NoForm> {
    let pairs = || form_pairs(parts.uri.query().unwrap_or(""));
    let value = |name: &str| pairs().find(|(other, _)| other == name).map(|(_, value)| value.into_owned());
    let link = value("token").and_then(|token| PageLink::parse(&token)).ok_or(NoForm::UnknownLink)?;
    let session = find::<ScaSession>(dialect, link.platform, link.subject).await?.ok_or(NoForm::UnknownLink)?;
    let platform = find::<Platform>(dialect, link.platform, link.platform.0).await?.ok_or(NoForm::UnknownLink)?;
    if !session.opens_with(&digest_of(link.session.expose())) || platform.environment != Environment::Sandbox {
        return Err(NoForm::UnknownLink);
    }
    let return_url = value("returnUrl").filter(|url| url.len() <= RETURN_URL_MAX && is_url(url)).ok_or(NoForm::NoReturnUrl)?;
    Ok(Opened { link, platform, session, return_url })
}

async fn show(dialect: &Dialect, opened: Opened) -> Result<Response<Body>, NoForm> {
    if opened.is_over(dialect) {
        return Err(NoForm::Over);
    }
    if !opened.session.is_open() {
        return send_back(&opened, opened.session.status);
    }
    form(dialect, &opened, None).await
}

async fn submit(dialect: &Dialect, parts: &Parts, body: Body, opened: Opened) -> Result<Response<Body>, NoForm> {
    if opened.is_over(dialect) && !opened.session.is_open() {
        return Err(NoForm::Over);
    }
    let body = Limited::new(body, FORM_MAX_BYTES).collect().await.map_err(|_| NoForm::Broken)?.to_bytes();
    let text = str::from_utf8(&body).unwrap_or("");
    let code: String = form_pairs(text.trim())
        .find(|(name, _)| name == "code")
        .map(|(_, code)| code.chars().filter(|one| !one.is_whitespace()).collect())
        .unwrap_or_default();
    if opened.session.is_open() && !is_code(&code) {
        return form(dialect, &opened, Some(format!("The code has {CODE_DIGITS} digits."))).await;
    }
    let ctx = Ctx {
        platform: opened.link.platform,
        actor: Actor::User(opened.session.user),
        request: dialect.fresh_request(),
        origin: dialect.origin(parts),
        given_id: None,
    };
    let command = CompleteScaSession { session: ScaSessionId(opened.link.subject), code: Secret::new(code) };
    let record = dialect.engine.run(ctx, command).await.map_err(|_| NoForm::Broken)?.map_err(|error| match error {
        CompleteScaSessionError::NotFound | CompleteScaSessionError::NotASandbox => NoForm::UnknownLink,
        CompleteScaSessionError::UserClosed => NoForm::Over,
    })?;
    let session = record.body::<ScaSession>().ok_or(NoForm::Broken)?;
    if session.is_open() {
        let left = TRIES_MAX.saturating_sub(session.tries);
        let notice = format!("This code is wrong. {left} {} left.", if left == 1 { "try" } else { "tries" });
        return form(dialect, &opened, Some(notice)).await;
    }
    send_back(&opened, session.status)
}

impl Opened {
    fn is_over(&self, dialect: &Dialect) -> bool {
        self.session.is_over(dialect.now().plus_ms(self.platform.clock_offset_ms))
    }
}

fn is_code(text: &str) -> bool {
    text.len() == CODE_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Sends the browser back to the platform, which is told how the session ended and can ask for nothing here.
fn send_back(opened: &Opened, status: ScaStatus) -> Result<Response<Body>, NoForm> {
    let word = if status == ScaStatus::Succeeded { "VALIDATED" } else { "FAILED" };
    let url = with_parameter(&opened.return_url, "controlStatus", word);
    let location = HeaderValue::try_from(url).map_err(|_| NoForm::NoReturnUrl)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, location);
    harden(&mut response);
    Ok(response)
}

async fn form(dialect: &Dialect, opened: &Opened, notice: Option<String>) -> Result<Response<Body>, NoForm> {
    let platform = opened.link.platform;
    let user = find::<User>(dialect, platform, opened.session.user.0).await?.ok_or(NoForm::UnknownLink)?;
    if user.is_closed() {
        return Err(NoForm::Over);
    }
    let holder = match &user.identity {
        Identity::Legal { name, .. } => name.expose().clone(),
        Identity::Natural { person } => {
            let person = find::<Person>(dialect, platform, person.0).await?.ok_or(NoForm::Broken)?;
            format!("{} {}", person.first_name.expose(), person.last_name.expose())
        }
    };
    page(StatusCode::OK, "Confirm it is you", &Form { opened, holder, notice }.html()).ok_or(NoForm::Broken)
}

impl Form<'_> {
    fn html(&self) -> String {
        let subject = match self.opened.session.purpose {
            ScaPurpose::Enrollment => "opens an account for",
        };
        let platform = escaped(&self.opened.platform.client_id);
        let holder = escaped(&self.holder);
        let notice = self.notice.as_deref().map(|text| format!("<p class=\"wrong\" role=\"alert\">{}</p>", escaped(text))).unwrap_or_default();
        let action = format!(
            "?token={}&amp;returnUrl={}",
            self.opened.link.text().unwrap_or_default(),
            utf8_percent_encode(&self.opened.return_url, NON_ALPHANUMERIC)
        );
        format!(
            "<p><strong>{platform}</strong> {subject} <strong>{holder}</strong>. Type the code you were sent to confirm it.</p>{notice}\
             <form method=\"post\" action=\"{action}\"><label for=\"code\">Code of {CODE_DIGITS} digits</label>\
             <input id=\"code\" name=\"code\" inputmode=\"numeric\" autocomplete=\"one-time-code\" pattern=\"[0-9]{{{CODE_DIGITS}}}\" \
             maxlength=\"{CODE_DIGITS}\" required autofocus><button>Confirm</button></form>\
             <p class=\"hint\">This is a sandbox: no message was sent. The code is {}.</p>",
            magic::CODE
        )
    }
}

fn apologize(why: NoForm) -> Response<Body> {
    let (status, text) = match why {
        NoForm::UnknownLink => (StatusCode::NOT_FOUND, "This link leads nowhere. Go back to where you came from and ask for a new one."),
        NoForm::Over => (StatusCode::GONE, "The time of this link is over. Go back to where you came from and ask for a new one."),
        NoForm::NoReturnUrl => (StatusCode::BAD_REQUEST, "This link does not say where to return to. Go back and try again."),
        NoForm::Broken => (StatusCode::SERVICE_UNAVAILABLE, "Something went wrong on our side. Open the link again in a moment."),
    };
    page(status, "This does not work", &format!("<p>{text}</p>")).unwrap_or_else(|| {
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = status;
        harden(&mut response);
        response
    })
}

/// A whole page. `None` if the system has no randomness for its nonce.
fn page(status: StatusCode, title: &str, inner: &str) -> Option<Response<Body>> {
    let nonce = fresh_session()?.into_inner();
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title><style nonce=\"{nonce}\">{STYLE}</style></head><body><main><h1>{title}</h1>{inner}</main></body></html>"
    );
    // Browsers hold redirects after a form against form-action too, and platforms redirect on: so any web address.
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self' https: http:; base-uri 'none'; frame-ancestors 'none'"
    );
    let mut response = Response::new(Body::from(html));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::try_from(policy).ok()?);
    harden(&mut response);
    Some(response)
}

/// The link is a secret: nothing of it is kept or passed on.
fn harden(response: &mut Response<Body>) {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            one => escaped.push(one),
        }
    }
    escaped
}

async fn find<R: Resource>(dialect: &Dialect, platform: PlatformId, id: Uid) -> Result<Option<Arc<R>>, NoForm> {
    match dialect.reads.record(RecordKey { kind: R::KIND, platform, id }).await {
        Ok(record) => Ok(record.and_then(|record| record.body())),
        Err(error) => {
            tracing::error!(%error, "the page of a session could not read");
            Err(NoForm::Broken)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_text_and_never_markup() {
        assert_eq!(escaped("<a href=\"x\">'&'</a>"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
    }

    #[test]
    fn a_code_is_six_digits() {
        for (text, is_one) in [("702100", true), ("70210", false), ("7021000", false), ("70210x", false), ("", false)] {
            assert_eq!(is_code(text), is_one, "{text}");
        }
    }

    #[test]
    fn a_page_allows_nothing_but_its_own_style() {
        let first = page(StatusCode::OK, "T", "").unwrap();
        let policy = first.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'; style-src 'nonce-"));
        let second = page(StatusCode::OK, "T", "").unwrap();
        assert_ne!(policy, second.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap(), "a nonce is used once");
    }
}
