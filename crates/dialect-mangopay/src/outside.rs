//! Requests whose work goes on outside: the intent is stored, a rail is called, the result is stored.
//!
//! All of it runs on a task of its own, so that it comes to its end when the client goes away; if the
//! process goes away too, a job ends it and answers the request's key ([`crate::voice`]).

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use domain::{Answer, ClaimedKey, Command, Ctx, Timestamp, Via};
use engine::{Acquirer, Begun, Keyed, Refused, Reply};

use crate::call::{Call, View, WireResponse, refusal, stored};
use crate::router::Version;
use crate::service::{DIALECT, Dialect};
use crate::wire::error::WireError;

/// The result of what went on outside is stored as soon as there is room for it; it is tried this often.
const ATTEMPTS: u32 = 5;
/// How long it waits in between.
const PAUSE: Duration = Duration::from_millis(200);

/// What goes on of a request when its connection may be gone.
pub struct Errand {
    dialect: Arc<Dialect>,
    ctx: Ctx,
    view: View,
    keyed: Option<Keyed>,
    received_at: Timestamp,
}

/// The number by which a version is found again.
#[must_use]
pub const fn form_of(version: Version) -> u8 {
    match version {
        Version::V2 => 1,
        Version::V2_01 => 2,
        Version::V3 => 3,
    }
}

/// The version of a number; of one that is none, the one that everybody speaks.
#[must_use]
pub const fn version_of(form: u8) -> Version {
    match form {
        1 => Version::V2,
        3 => Version::V3,
        _ => Version::V2_01,
    }
}

impl Call {
    /// Does what `errand` says on a task of its own, and waits for it.
    pub async fn outlive<F, S>(&self, errand: S) -> Result<WireResponse, WireError>
    where
        F: Future<Output = Result<WireResponse, WireError>> + Send + 'static,
        S: FnOnce(Errand) -> F,
    {
        let its = Errand {
            dialect: Arc::clone(&self.dialect),
            ctx: self.ctx,
            view: self.view.clone(),
            keyed: self.keyed.clone(),
            received_at: self.received_at,
        };
        tokio::spawn(errand(its)).await.unwrap_or_else(|_| Err(WireError::fault()))
    }

    /// How this request is answered when it is not there any more.
    #[must_use]
    pub fn via(&self) -> Via {
        let key = self.keyed.as_ref().map(|keyed| ClaimedKey { space: keyed.key.dialect, text: keyed.key.key.to_string() });
        Via { dialect: DIALECT, form: form_of(self.view.version), key }
    }
}

impl Errand {
    /// The acquirer.
    #[must_use]
    pub fn acquirer(&self) -> &Acquirer {
        &self.dialect.acquirer
    }

    /// When the request came in, real time.
    #[must_use]
    pub const fn received_at(&self) -> Timestamp {
        self.received_at
    }

    /// Has the intent decided and stored, and its key claimed. `Err` is the answer when there is nothing to go on with.
    pub async fn begin<C, R>(&self, command: C, render_error: R) -> Result<C::Outcome, Result<WireResponse, WireError>>
    where
        C: Command,
        R: Fn(&C::Error) -> WireError + Send + 'static,
    {
        let at = self.received_at;
        let render = move |ctx: &Ctx, error: &C::Error| {
            let error = render_error(error);
            Answer { status: error.status(), body: error.body(ctx.request, at).into() }
        };
        match self.dialect.engine.begin(self.ctx, command, self.keyed.clone(), render).await {
            Ok(Begun::Started(outcome)) => Ok(outcome),
            Ok(Begun::Ended(Reply::Answer(answer))) => Err(Ok(stored(answer))),
            Ok(Begun::Ended(Reply::KeyUsed(_))) => Err(Err(WireError::idempotent_creation_conflict())),
            Err(refused) => Err(Err(refusal(refused))),
        }
    }

    /// Has the result decided and stored, and answers with what `render` makes of it. The key, if there is one, is
    /// answered with the same bytes.
    pub async fn finish<C, R>(&self, command: C, render: R) -> Result<WireResponse, WireError>
    where
        C: Command + Clone,
        R: Fn(&View, Result<&C::Outcome, &C::Error>) -> Result<Vec<u8>, WireError> + Clone + Send + 'static,
    {
        for _ in 1..ATTEMPTS {
            match self.try_to_finish(command.clone(), render.clone()).await {
                Err(Refused::Overloaded) => tokio::time::sleep(PAUSE).await,
                other => return other.map_err(refusal),
            }
        }
        self.try_to_finish(command, render).await.map_err(refusal)
    }

    async fn try_to_finish<C, R>(&self, command: C, render: R) -> Result<WireResponse, Refused>
    where
        C: Command,
        R: Fn(&View, Result<&C::Outcome, &C::Error>) -> Result<Vec<u8>, WireError> + Send + 'static,
    {
        // The intent has taken the id that was given.
        let ctx = Ctx { given_id: None, ..self.ctx };
        let (view, at) = (self.view.clone(), self.received_at);
        let render = move |ctx: &Ctx, result: Result<&C::Outcome, &C::Error>| match render(&view, result) {
            Ok(body) => Answer { status: 200, body: body.into() },
            Err(error) => Answer { status: error.status(), body: error.body(ctx.request, at).into() },
        };
        match self.dialect.engine.finish(ctx, command, self.keyed.clone(), render).await? {
            Reply::Answer(answer) => Ok(stored(answer)),
            // Only a first use is finished.
            Reply::KeyUsed(_) => Err(Refused::Fault),
        }
    }
}
