//! Requests of callers who are not known: wrong credentials, none, or a path that leads nowhere.
//!
//! They are few, small and of one ring for all, in which each address has its part: nobody fills it alone.

use std::collections::VecDeque;

use domain::Timestamp;
use domain::ids::RequestId;
use http::Method;

use super::{cards, kept_path};

/// Requests kept in all.
const KEPT: usize = 512;
/// Requests kept of one address.
const KEPT_OF_ONE: usize = 32;
/// A client id that is longer is none of ours.
const CLIENT_ID_MAX_BYTES: usize = 64;

/// What came with a request to show who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// No `Authorization`.
    Nothing,
    /// One that is neither Basic nor Bearer, or malformed.
    Malformed,
    /// A client id and a key.
    Basic,
    /// A token.
    Bearer,
}

/// A request of somebody who is not known. It has no body: that is not read.
#[derive(Clone, Debug)]
pub struct Stranger {
    /// Its id.
    pub request: RequestId,
    /// Real time when it came.
    pub at: Timestamp,
    /// Its method.
    pub method: Method,
    /// The path, or as much of it as is kept. Not masked.
    pub path: Box<str>,
    /// The status it was answered.
    pub status: u16,
    /// What it came with.
    pub shown: Shown,
    /// The client id in its path.
    pub named_by_path: Option<Box<str>>,
    /// The client id in its credentials.
    pub named_by_credentials: Option<Box<str>>,
    /// Keyed hash of the address it came from.
    pub origin: [u8; 16],
}

impl Stranger {
    /// A stranger's request; texts that are too long, or may hold a card's number, are left out.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "a record of what came, made in one place a dialect")]
    pub fn new(
        request: RequestId,
        at: Timestamp,
        method: Method,
        path: &str,
        status: u16,
        shown: Shown,
        named: [Option<&str>; 2],
        origin: [u8; 16],
    ) -> Self {
        let kept = |name: Option<&str>| {
            let name = name.filter(|name| !name.is_empty() && name.len() <= CLIENT_ID_MAX_BYTES && !cards::may_hold(name.as_bytes()));
            name.map(Into::into)
        };
        let [by_path, by_credentials] = named.map(kept);
        Self {
            request,
            at,
            method,
            path: kept_path(path).0.into(),
            status,
            shown,
            named_by_path: by_path,
            named_by_credentials: by_credentials,
            origin,
        }
    }

    fn names(&self, client_id: &str) -> bool {
        let names = |name: &Option<Box<str>>| name.as_deref() == Some(client_id);
        names(&self.named_by_path) || names(&self.named_by_credentials)
    }
}

#[derive(Default)]
pub struct Strangers(VecDeque<Stranger>);

impl Strangers {
    pub fn push(&mut self, stranger: Stranger) {
        let is_of_same = |other: &Stranger| other.origin == stranger.origin;
        if self.0.iter().filter(|other| is_of_same(other)).count() >= KEPT_OF_ONE
            && let Some(oldest) = self.0.iter().position(is_of_same)
        {
            self.0.remove(oldest);
        } else if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back(stranger);
    }

    /// Those who named a platform by this client id, newest first.
    pub fn of<'a>(&'a self, client_id: &'a str) -> impl Iterator<Item = &'a Stranger> {
        self.0.iter().rev().filter(move |stranger| stranger.names(client_id))
    }
}
