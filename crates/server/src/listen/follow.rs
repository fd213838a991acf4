//! Following the list of events without losing one.
//!
//! The list is in the order in which things happened and only grows at its end, so a place in it is a cursor: whatever is away for a
//! while, the server or this program's way to it, what comes after the place is what was not seen yet. Only old events leave
//! it, at its beginning: then the event before the place is not the one that was seen last, and its new place is looked for.

use std::collections::VecDeque;

use axum::http::HeaderMap;
use serde_json::Value;

use crate::caller::{Caller, text};
use crate::failure::{Code, Failure};

/// Events of a page: as many as the wire gives.
const PAGE: u64 = 100;
/// What was seen last, to find the place again: all of one second may look alike.
const REMEMBERED: usize = 8;

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub event: String,
    pub subject: String,
    /// Unix seconds of the platform's clock.
    pub date: i64,
}

/// What has come.
pub struct New {
    pub events: Vec<Told>,
    /// Whether that was all of it.
    pub is_all: bool,
}

/// Why nothing could be seen.
pub enum LookError {
    /// It will not be better later: the credentials are wrong, or what was asked for.
    Refused(Failure),
    /// The server is away, or too busy.
    Away(Failure),
}

/// How far a list was followed.
#[derive(Default)]
pub struct Follower {
    /// Events of the list that were seen.
    place: u64,
    last: VecDeque<Told>,
}

struct Page {
    events: Vec<Told>,
    total: u64,
}

impl Follower {
    /// Passes over what is there already. Errors: the server does not answer, or not with a list.
    pub async fn skip(&mut self, caller: &Caller) -> Result<(), Failure> {
        let total = page(caller, 1).await?.total;
        // What comes meanwhile is behind the total that was told.
        let end = page(caller, total.div_ceil(PAGE).max(1)).await?;
        let within = total.saturating_sub((total.div_ceil(PAGE).max(1) - 1) * PAGE);
        for told in end.events.into_iter().take(usize::try_from(within).unwrap_or(usize::MAX)) {
            self.remember(told);
        }
        self.place = total;
        Ok(())
    }

    /// Notes that an event was dealt with. What was not is given again.
    pub fn seen(&mut self, told: Told) {
        self.place = self.place.saturating_add(1);
        self.remember(told);
    }

    fn remember(&mut self, told: Told) {
        self.last.push_back(told);
        if self.last.len() > REMEMBERED {
            self.last.pop_front();
        }
    }

    /// What came behind the place, at most a page of it.
    pub async fn look(&mut self, caller: &Caller) -> Result<New, LookError> {
        self.look_for(caller).await.map_err(|failure| match failure.code() {
            Code::Invalid | Code::NotFound | Code::Usage => LookError::Refused(failure),
            _ => LookError::Away(failure),
        })
    }

    async fn look_for(&mut self, caller: &Caller) -> Result<New, Failure> {
        // The page that has the event seen last, so that the place is known to be right.
        let number = self.place.saturating_sub(1) / PAGE + 1;
        let first = (number - 1) * PAGE;
        let found = page(caller, number).await?;
        let within = usize::try_from(self.place - first).unwrap_or(usize::MAX);
        if !self.is_right(&found.events, within) {
            return self.find_again(caller).await;
        }
        let mut events: Vec<Told> = found.events.into_iter().skip(within).collect();
        if events.is_empty() && found.total > first.saturating_add(PAGE) {
            events = page(caller, number + 1).await?.events;
        }
        let is_all = self.place.saturating_add(events.len() as u64) >= found.total;
        Ok(New { events, is_all })
    }

    /// Whether what stands before the place is what was seen.
    fn is_right(&self, events: &[Told], within: usize) -> bool {
        let Some(last) = self.last.back() else { return true };
        within.checked_sub(1).and_then(|at| events.get(at)) == Some(last)
    }

    /// Goes back through the list until what was seen last is there, and sets the place behind it. If it is gone, everything
    /// that is left is new.
    async fn find_again(&mut self, caller: &Caller) -> Result<New, Failure> {
        let mut number = page(caller, 1).await?.total.div_ceil(PAGE).max(1);
        let last: Vec<&Told> = self.last.iter().collect();
        loop {
            let found = page(caller, number).await?;
            let matches = |at: usize| {
                let seen = found.events.get(..=at).unwrap_or_default();
                seen.iter().rev().zip(last.iter().rev()).all(|(event, last)| event == *last)
            };
            let place = (0..found.events.len()).rev().find(|at| matches(*at));
            if place.is_some() || number == 1 {
                self.place = (number - 1) * PAGE + place.map_or(0, |at| at as u64 + 1);
                if place.is_none() {
                    self.last.clear();
                }
                return Ok(New { events: Vec::new(), is_all: false });
            }
            number -= 1;
        }
    }
}

/// A page of the list, oldest first.
async fn page(caller: &Caller, number: u64) -> Result<Page, Failure> {
    let answer = caller.wire("GET", &format!("/events?Sort=Date:ASC&Per_Page={PAGE}&Page={number}"), &Value::Null).await?;
    let rows = answer.body.as_array().ok_or_else(|| Failure::new(Code::Failed, "the list of events is none"))?;
    let events = rows.iter().map(read).collect::<Result<Vec<Told>, Failure>>()?;
    Ok(Page { events, total: total(&answer.headers)? })
}

fn read(row: &Value) -> Result<Told, Failure> {
    let date = row.get("Date").and_then(Value::as_i64).unwrap_or_default();
    Ok(Told { event: text(row, "EventType")?.to_owned(), subject: text(row, "ResourceId")?.to_owned(), date })
}

fn total(headers: &HeaderMap) -> Result<u64, Failure> {
    let total = headers.get("x-number-of-items").and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    total.ok_or_else(|| Failure::new(Code::Failed, "the list of events does not say how long it is"))
}
