//! Requests as they may be shown.

use domain::PlatformId;
use domain::platform::Platform;
use edge::log::{Body, By, Entry, Stranger};
use serde::Serialize;
use serde_json::Value;

use super::{Why, sandbox};

/// A request as it may be shown.
#[derive(Serialize)]
pub struct Shown {
    id: String,
    at: String,
    pub method: String,
    pub path: String,
    /// The path's pattern; empty for one that leads nowhere.
    pattern: &'static str,
    status: u16,
    took_ms: u32,
    /// `basic`, `bearer` or `owner`.
    by: &'static str,
    api_key: String,
    /// The same for the same key, until the server ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency_key_hash: Option<String>,
    /// What was sent, without what it says of people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// Why there is none: `too_long`, `may_hold_a_card`, `not_taken`.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_left_out: Option<&'static str>,
    body_bytes: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// Ids in its path and its answer.
    objects: Vec<String>,
    /// The rules that refused it.
    rules: Vec<String>,
    /// Whether it can be sent again.
    can_be_replayed: bool,
}

/// A request of somebody who is not known, as it may be shown.
#[derive(Serialize)]
pub struct ShownStranger {
    id: String,
    at: String,
    method: String,
    path: String,
    status: u16,
}

impl Why {
    /// A request of the log as it may be shown.
    pub(super) fn shown(&self, entry: &Entry, client_id: &str) -> Shown {
        let is_sandbox = entry.path().starts_with("/sandbox/");
        let masker = if is_sandbox { sandbox::masker() } else { self.words.masker };
        let left_out = match entry.body_is {
            Body::Kept => None,
            Body::TooLong => Some("too_long"),
            Body::MayHoldCard => Some("may_hold_a_card"),
            Body::NotTaken => Some("not_taken"),
        };
        let mut path = masker.path(entry.path(), entry.pattern, client_id);
        if !entry.is_path_whole {
            path.push('…');
        }
        let mut objects: Vec<String> =
            path.split(['/', '?', '&', '=']).filter(|part| !(self.words.named)(part).is_empty()).map(str::to_owned).collect();
        if let Some(made) = self.made(entry).filter(|made| (masker.is_id)(made) && !objects.contains(made)) {
            objects.push(made);
        }
        Shown {
            id: entry.request.to_string(),
            at: entry.at.to_string(),
            method: method(&entry.method),
            path,
            pattern: entry.pattern,
            status: entry.status,
            took_ms: entry.took_ms,
            by: match entry.by {
                By::Basic => "basic",
                By::Bearer => "bearer",
                By::Owner => "owner",
            },
            api_key: entry.key.to_string(),
            idempotency_key_hash: entry.idempotency_hash.map(|hash| format!("{hash:016x}")),
            body: entry.body().map(|body| masker.body(body)),
            body_left_out: left_out,
            body_bytes: entry.body_bytes,
            answer: entry.answer.as_ref().map(|answer| masker.answer(answer, entry.body(), entry.path())),
            objects,
            rules: self.rule_names(entry),
            can_be_replayed: super::replay::can_be(entry),
        }
    }

    /// The request of somebody who is not known.
    pub(super) fn shown_stranger(&self, stranger: &Stranger, client_id: &str) -> ShownStranger {
        ShownStranger {
            id: stranger.request.to_string(),
            at: stranger.at.to_string(),
            method: method(&stranger.method),
            path: self.words.masker.path(&stranger.path, "", client_id),
            status: stranger.status,
        }
    }

    fn rule_names(&self, entry: &Entry) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for met in self.rules(entry) {
            if !names.contains(&met.rule) {
                names.push(met.rule);
            }
        }
        if let Some(code) = self.result_code(entry)
            && let Some(explanation) = (self.words.code)(&code)
        {
            names.extend(explanation.rules.into_iter().map(|met| met.rule));
        }
        names
    }

    /// The result code of a payment that was made and failed.
    fn result_code(&self, entry: &Entry) -> Option<String> {
        if entry.status >= 400 {
            return None;
        }
        let answer: Value = serde_json::from_slice(entry.answer.as_deref()?).ok()?;
        Some(answer.get("ResultCode")?.as_str()?.to_owned())
    }

    /// A page of the requests of a platform.
    pub(super) fn page(&self, id: PlatformId, platform: &Platform, wanted: &Wanted, skipped: usize, limit: usize) -> (Vec<Shown>, usize) {
        let (entries, total) = self.log.list(id, skipped, limit, |entry| wanted.takes(entry));
        (entries.iter().map(|entry| self.shown(entry, &platform.client_id)).collect(), total)
    }
}

/// Which requests are asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub method: Option<String>,
    pub status: Option<u16>,
    pub is_failed: Option<bool>,
    /// Part of the path or of its pattern.
    pub path: Option<String>,
    pub idempotency_hash: Option<u64>,
    /// An id in the path or in what came back.
    pub object: Option<String>,
    pub after_ms: Option<i64>,
    pub before_ms: Option<i64>,
}

impl Wanted {
    fn takes(&self, entry: &Entry) -> bool {
        let holds = |text: &str| {
            let answer = entry.answer.as_deref().unwrap_or_default();
            let body = entry.body().unwrap_or_default();
            entry.path().contains(text) || has(answer, text.as_bytes()) || has(body, text.as_bytes())
        };
        self.method.as_ref().is_none_or(|method| entry.method.as_str().eq_ignore_ascii_case(method))
            && self.status.is_none_or(|status| entry.status == status)
            && self.is_failed.is_none_or(|is_failed| (entry.status >= 400) == is_failed)
            && self.path.as_ref().is_none_or(|path| entry.pattern.contains(path.as_str()) || entry.path().contains(path.as_str()))
            && self.idempotency_hash.is_none_or(|hash| entry.idempotency_hash == Some(hash))
            && self.object.as_deref().is_none_or(holds)
            && self.after_ms.is_none_or(|after| entry.at.ms() > after)
            && self.before_ms.is_none_or(|before| entry.at.ms() < before)
    }
}

pub(super) fn has(text: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && text.windows(part.len()).any(|window| window == part)
}

/// A method by its name, where it is one that HTTP has.
fn method(method: &http::Method) -> String {
    let known = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
    if known.contains(&method.as_str()) { method.to_string() } else { edge::mask::hidden(method.as_str()) }
}
