//! The page that the link of an error answer leads to: why it was refused, for a person.
//!
//! The link is the credential: nobody can guess one, and it opens one request's explanation, of a sandbox platform, as long as it
//! is remembered. The page shows no more than the API does, which is nothing of people.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ::explain::{Explanation, Fact};
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::routing::get;
use edge::explain::EXPLAIN_PAGE;
use http::{Response, StatusCode};

use crate::page::{Page, escaped};

/// Something that is given later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The explanations could not be read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable;

/// Knows what a link leads to.
pub trait Explainer: Send + Sync {
    /// The explanation of a link's text. `None` for one that leads nowhere, or to what nobody knows any more.
    fn linked<'a>(&'a self, text: &'a str) -> Later<'a, Result<Option<Explanation>, Unavailable>>;
}

/// The page as a service: `/explain/{link}`.
pub fn router(explainer: Arc<dyn Explainer>) -> Router {
    Router::new().route(&format!("{EXPLAIN_PAGE}{{link}}"), get(show)).with_state(explainer)
}

async fn show(State(explainer): State<Arc<dyn Explainer>>, link: Result<Path<String>, PathRejection>) -> Response<Body> {
    let text = link.map(|Path(text)| text).unwrap_or_default();
    match explainer.linked(&text).await {
        Ok(Some(explanation)) => page(&explanation).respond(),
        Ok(None) => Page::notice(
            StatusCode::NOT_FOUND,
            "Nothing is known here",
            "The link is not one of this server's, or its request is not remembered any more: requests are kept in memory, the newest of each platform.",
        )
        .respond(),
        Err(Unavailable) => Page::notice(StatusCode::SERVICE_UNAVAILABLE, "Try again", "The explanation could not be read just now.").respond(),
    }
}

fn page(explanation: &Explanation) -> Page {
    let title = format!("Why: {} {}", explanation.of, explanation.id);
    Page { status: StatusCode::OK, title, content: content(explanation) }
}

/// An explanation as a part of a page, with its heading.
pub(crate) fn content(explanation: &Explanation) -> String {
    let mut content =
        format!("<h1>{}</h1><p>{}</p>", escaped(&format!("Why: {} {}", explanation.of, explanation.id)), escaped(&explanation.state));
    if explanation.rules.is_empty() {
        content.push_str("<p>Nothing refuses it or holds it up.</p>");
    }
    for met in &explanation.rules {
        let field = met.field.as_ref().map_or_else(String::new, |field| format!(" ({field})"));
        content.push_str(&format!(
            "<h2>{}</h2><p>{}</p>{}<p>From: {}</p>",
            escaped(&format!("{}{field}", met.rule)),
            escaped(&met.says),
            list(&met.facts),
            escaped(&met.source)
        ));
        let next: String = met.next.iter().map(|next| format!("<li>{}</li>", escaped(next))).collect();
        content.push_str(&format!("<p>What makes it pass:</p><ul>{next}</ul>"));
    }
    // What the reader came for is above: the rule, and what to do.
    content.push_str(&list(&explanation.facts));
    content
}

fn list(facts: &[Fact]) -> String {
    if facts.is_empty() {
        return String::new();
    }
    let pairs: String =
        facts.iter().map(|fact| format!("<div><dt>{}</dt><dd>{}</dd></div>", escaped(&fact.name), escaped(&fact.value))).collect();
    format!("<dl class=\"facts\">{pairs}</dl>")
}

#[cfg(test)]
mod tests {
    use ::explain::{Met, Rule};
    use http::Request;
    use http_body_util::BodyExt;
    use tower_service::Service;

    use super::*;

    struct One;

    impl Explainer for One {
        fn linked<'a>(&'a self, text: &'a str) -> Later<'a, Result<Option<Explanation>, Unavailable>> {
            let met = Met::new(Rule::FieldWrong).at("<Tag>").with("answered", "<script>alert(1)</script>");
            let explanation = Explanation::new("request", "1", "It was answered 400.").with("path", "/a?b=\"c\"").met(met);
            Box::pin(async move {
                match text {
                    "good" => Ok(Some(explanation)),
                    "broken" => Err(Unavailable),
                    _ => Ok(None),
                }
            })
        }
    }

    async fn get(path: &str) -> (u16, String, String) {
        let response = router(Arc::new(One)).call(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let policy = parts.headers.get("content-security-policy").and_then(|policy| policy.to_str().ok()).unwrap_or_default().to_owned();
        (parts.status.as_u16(), policy, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn an_explanation_is_a_page_without_script() {
        let (status, policy, html) = get("/explain/good").await;
        assert_eq!(status, 200);
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!html.contains("<script") && html.contains("&lt;script&gt;") && html.contains("field_wrong (&lt;Tag&gt;)"), "{html}");
    }

    #[tokio::test]
    async fn a_link_that_leads_nowhere_says_so() {
        for (path, expected) in [("/explain/other", 404), ("/explain/broken", 503), ("/explain/%FF", 404)] {
            assert_eq!(get(path).await.0, expected, "{path}");
        }
    }
}
