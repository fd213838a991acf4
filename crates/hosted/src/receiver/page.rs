//! What the receiver's page looks like.

use std::fmt::Write as _;
use std::sync::Arc;

use ::explain::Explanation;
use ::explain::timeline::Timeline;
use axum::body::Body;
use domain::Timestamp;
use domain::hook::{Delivery, DeliveryState};
use domain::ids::DeliveryId;
use edge::receiver::{Came, RECEIVER, Reply};
use http::{Response, StatusCode};

use crate::explain::content as explained;
use crate::page::{Page, escaped};

/// The page renews itself this often.
const RENEWED_EVERY_S: u32 = 4;

/// Where a hook leads.
pub enum Target {
    /// To this receiver; what its URL says of the answer.
    Here(Option<Reply>),
    /// To another address.
    Elsewhere(String),
    /// It is not there any more.
    Gone,
}

/// A delivery, and what came of it here.
pub struct Row {
    pub delivery: Delivery,
    pub event: &'static str,
    pub subject: String,
    pub target: Target,
    /// Newest first.
    pub came: Vec<Arc<Came>>,
}

/// All that is on the page.
pub struct Shown<'a> {
    pub token: &'a str,
    pub url: String,
    pub client_id: String,
    /// Business time.
    pub now: Option<Timestamp>,
    pub reply: Reply,
    pub rows: Vec<Row>,
    /// What came and is no delivery of the page.
    pub others: Vec<Arc<Came>>,
    pub next: Option<DeliveryId>,
    pub is_first: bool,
    pub is_still: bool,
}

impl Shown<'_> {
    pub fn respond(&self) -> Response<Body> {
        let here = format!("{RECEIVER}{}", self.token);
        let count = |wanted: fn(&Delivery) -> bool| self.rows.iter().filter(|row| wanted(&row.delivery)).count();
        let delivered = count(|one| one.state == DeliveryState::Delivered);
        let waiting = count(|one| one.state == DeliveryState::Pending);
        let ended = self.rows.len().saturating_sub(delivered).saturating_sub(waiting);
        let mut html = format!(
            "<h1>Webhooks of {client}</h1>\
             <p class=\"hint\">A hook whose Url is this page's address is answered here. The page shows every delivery of the platform, wherever it went.</p>\
             <dl class=\"facts\"><div><dt>Address</dt><dd><code>{url}</code></dd></div><div><dt>It answers</dt><dd>{reply}</dd></div>{now}</dl>",
            client = escaped(&self.client_id),
            url = escaped(&self.url),
            reply = escaped(&replied(self.reply)),
            now = self.now.map_or_else(String::new, |now| format!("<div><dt>Platform's time</dt><dd>{}</dd></div>", time(now))),
        );
        html.push_str(&format!("<form class=\"buttons\" method=\"post\" action=\"{here}\">"));
        for (value, label) in [("200", "Answer 200"), ("500", "Answer 500"), ("404", "Answer 404")] {
            html.push_str(&format!("<button class=\"second\" name=\"status\" value=\"{value}\">{label}</button>"));
        }
        html.push_str("</form>");
        html.push_str(&format!(
            "<h2>Deliveries</h2><p class=\"tally\"><span class=\"chip ok\">{delivered} delivered</span> \
             <span class=\"chip wait\">{waiting} waiting</span> <span class=\"chip bad\">{ended} not delivered</span></p>"
        ));
        if self.rows.is_empty() {
            html.push_str("<p>Nothing was to be told yet. Make a hook (<code>POST /hooks</code>) with this page's address as its Url, and have something happen.</p>");
        }
        html.push_str("<ol class=\"rows\">");
        self.rows.iter().for_each(|row| row.write(&here, &mut html));
        html.push_str("</ol><p class=\"ways\">");
        if !self.is_first {
            html.push_str(&format!("<a href=\"{here}\">Newest</a> "));
        }
        if let Some(next) = self.next {
            html.push_str(&format!("<a href=\"{here}?before={next}\">Older</a> "));
        }
        if self.is_first {
            html.push_str(&if self.is_still {
                format!("<a href=\"{here}\">Renew by itself</a>")
            } else {
                format!("<a href=\"{here}?still\">Stand still</a>")
            });
        }
        html.push_str("</p>");
        if !self.others.is_empty() {
            html.push_str("<h2>What else came here</h2><p class=\"hint\">Requests that no delivery above has sent.</p><ol class=\"rows\">");
            for came in &self.others {
                html.push_str(&format!(
                    "<li><p class=\"head\"><span class=\"chip\">came</span> <strong>{}</strong> <span class=\"when\">{}</span></p>{}</li>",
                    escaped(&came.event),
                    time(came.at),
                    arrived(came)
                ));
            }
            html.push_str("</ol>");
        }
        let page = Page { status: StatusCode::OK, title: format!("Webhooks of {}", self.client_id), content: html };
        page.respond_wide((self.is_first && !self.is_still).then_some(RENEWED_EVERY_S))
    }
}

impl Row {
    fn write(&self, here: &str, html: &mut String) {
        let Delivery { state, attempts, at, due_at, told, took_ms, tried_at, .. } = self.delivery;
        let (class, word) = match state {
            DeliveryState::Delivered => ("ok", "delivered"),
            DeliveryState::Pending if attempts == 0 => ("wait", "waiting"),
            DeliveryState::Pending => ("wait", "to be tried again"),
            DeliveryState::Failed => ("bad", "failed"),
            DeliveryState::Stopped => ("bad", "stopped"),
            DeliveryState::Lost => ("bad", "lost, as ordered"),
        };
        let subject = escaped(&self.subject);
        let target = match &self.target {
            Target::Here(None) => "this page".to_owned(),
            Target::Here(Some(reply)) => format!("this page, which is told to answer {}", replied(*reply)),
            Target::Elsewhere(url) => url.clone(),
            Target::Gone => "a hook that is gone".to_owned(),
        };
        let answer = match told {
            None => "not tried yet".to_owned(),
            Some(told) => {
                let what = told.trouble().map_or_else(|| format!("{}", told.number()), |why| format!("none: {}", why.replace('_', " ")));
                format!("{what}{}", took_ms.map_or_else(String::new, |ms| format!(", after {ms} ms")))
            }
        };
        let mut facts = vec![("To", target), ("Answer", answer), ("Attempts", attempts.to_string())];
        facts.extend(tried_at.filter(|tried| tried.seconds() != at.seconds()).map(|tried| ("Last try", time(tried))));
        facts.extend(due_at.filter(|_| attempts > 0).map(|due| ("Next try", time(due))));
        let facts: String = facts.iter().map(|(name, value)| format!("<div><dt>{name}</dt><dd>{}</dd></div>", escaped(value))).collect();
        // Writing to a text does not fail.
        let _ = write!(
            html,
            "<li><p class=\"head\"><span class=\"chip {class}\">{word}</span> <strong>{event}</strong> <span class=\"when\">{at}</span></p>\
             <p class=\"of\"><a href=\"{here}/{subject}\">{subject}</a></p><dl class=\"facts\">{facts}</dl>",
            event = self.event,
            at = time(at),
        );
        if !self.came.is_empty() {
            let times = if self.came.len() == 1 { "once".to_owned() } else { format!("{} times", self.came.len()) };
            let _ = write!(html, "<details><summary>It came here {times}</summary>");
            self.came.iter().for_each(|came| html.push_str(&arrived(came)));
            html.push_str("</details>");
        }
        html.push_str("</li>");
    }
}

/// What came, and what it was answered.
fn arrived(came: &Came) -> String {
    let mut lines = format!("GET ?{}\n", escaped(&came.query));
    for (name, value) in &came.headers {
        let _ = writeln!(lines, "{name}: {}", escaped(value));
    }
    let _ = write!(lines, "\nanswered {} ({} real time)", escaped(&replied(came.reply)), time(came.at));
    format!("<pre>{lines}</pre>")
}

/// What happened to one object, and why it is as it is.
pub fn object(token: &str, id: &str, why: Option<&Explanation>, timeline: Option<&Timeline>) -> Response<Body> {
    let mut html = match why {
        Some(why) => explained(why),
        None => format!("<h1>{}</h1>", escaped(id)),
    };
    if let Some(timeline) = timeline {
        html.push_str("<h2>Timeline</h2><ol class=\"rows\">");
        for moment in &timeline.moments {
            let of = moment.of.word();
            let facts: String = moment
                .facts
                .iter()
                .map(|fact| format!("<div><dt>{}</dt><dd>{}</dd></div>", escaped(&fact.name), escaped(&fact.value)))
                .collect();
            let facts = if facts.is_empty() { facts } else { format!("<dl class=\"facts\">{facts}</dl>") };
            let to_come = if moment.is_to_come { " (to come)" } else { "" };
            let _ = write!(
                html,
                "<li><p class=\"head\"><span class=\"chip\">{of}</span> <strong>{}{to_come}</strong> <span class=\"when\">{}</span></p>{facts}</li>",
                escaped(&moment.what),
                escaped(&spaced(&moment.at))
            );
        }
        html.push_str("</ol>");
        for gap in &timeline.gaps {
            let _ = write!(html, "<p class=\"hint\">Not looked at: {}</p>", escaped(gap));
        }
    }
    let _ = write!(html, "<p class=\"ways\"><a href=\"{RECEIVER}{}\">All deliveries</a></p>", escaped(token));
    Page { status: StatusCode::OK, title: id.to_owned(), content: html }.respond_wide(None)
}

fn replied(reply: Reply) -> String {
    match reply.delay_ms {
        0 => reply.status.to_string(),
        ms => format!("{} after {ms} ms", reply.status),
    }
}

fn time(at: Timestamp) -> String {
    spaced(&at.to_string())
}

/// A time for people: `2026-11-21 12:00:00 UTC`.
fn spaced(text: &str) -> String {
    let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
    format!("{} UTC", whole.trim_end_matches('Z').replace('T', " "))
}
