//! The frame of every page: one style sheet of our own, and headers that allow nothing else.

use std::sync::LazyLock;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("page.css");
/// What every page may do. Its one style is named by its hash, so that nothing else is let in and no answer differs from the next
/// by chance. Forms go to us; where they lead then is the platform's own page, which browsers count as the form's too.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{style}'; form-action 'self' http: https:; base-uri 'none'; frame-ancestors 'none'")
});
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");

/// A page to be: its parts are HTML already, so whoever writes them escapes what is not ours.
pub struct Page {
    /// Its HTTP status.
    pub status: StatusCode,
    /// Its title, as text.
    pub title: String,
    /// What is in it, as HTML.
    pub content: String,
}

/// A text as HTML.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

/// Who is paid, and how much: what stands on top of every page.
#[must_use]
pub fn summary(merchant: &str, amount: Option<&str>) -> String {
    let mut html = format!("<dl class=\"summary\"><div><dt>Merchant</dt><dd>{}</dd></div>", escaped(merchant));
    if let Some(amount) = amount {
        html.push_str(&format!("<div><dt>Amount</dt><dd class=\"amount\">{}</dd></div>", escaped(amount)));
    }
    html.push_str("</dl>");
    html
}

impl Page {
    /// A page of a heading and a paragraph.
    #[must_use]
    pub fn notice(status: StatusCode, title: &str, text: &str) -> Self {
        Self { status, title: title.to_owned(), content: format!("<h1>{}</h1><p>{}</p>", escaped(title), escaped(text)) }
    }

    /// The answer.
    #[must_use]
    pub fn respond(&self) -> Response<Body> {
        self.framed("", "")
    }

    /// The answer on a page for tables, which renews itself every so many seconds, if it does.
    #[must_use]
    pub fn respond_wide(&self, renewed_every_s: Option<u32>) -> Response<Body> {
        let renewed = renewed_every_s.map_or_else(String::new, |every_s| format!("<meta http-equiv=\"refresh\" content=\"{every_s}\">"));
        self.framed(&renewed, " class=\"wide\"")
    }

    /// `head` and `class` are ours.
    fn framed(&self, head: &str, class: &str) -> Response<Body> {
        let html = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"robots\" content=\"noindex\">\
             {head}<title>{title}</title><style>{STYLE}</style></head>\
             <body{class}><main>{content}</main><footer><p>Sandbox: no real money moves here.</p></footer></body></html>",
            title = escaped(&self.title),
            content = self.content,
        );
        let mut response = Response::new(Body::from(html));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        if let Ok(policy) = HeaderValue::from_str(&POLICY) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        protect(headers);
        response
    }
}

/// Sends a browser elsewhere, by GET.
#[must_use]
pub fn redirect(url: &str) -> Response<Body> {
    let Ok(location) = HeaderValue::try_from(url) else {
        return Page::notice(StatusCode::OK, "You can close this page", "The payment page has nothing more to do.").respond();
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, location);
    protect(response.headers_mut());
    response
}

fn protect(headers: &mut http::HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(PERMISSIONS, HeaderValue::from_static("camera=(), microphone=(), geolocation=(), payment=()"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ours_is_escaped() {
        assert_eq!(escaped("<script>'&\"é</script>"), "&lt;script&gt;&#39;&amp;&quot;é&lt;/script&gt;");
    }

    #[tokio::test]
    async fn the_one_style_of_a_page_is_let_in_by_its_hash() {
        let response = Page::notice(StatusCode::OK, "a", "b").respond();
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        let html = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
        let html = str::from_utf8(&html).unwrap();
        let style = html.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        let hash = STANDARD.encode(Sha256::digest(style));
        assert!(policy.starts_with(&format!("default-src 'none'; style-src 'sha256-{hash}'; ")), "{policy}");
    }
}
