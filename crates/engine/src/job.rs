//! A command on its way through a batch: with its key, its renderer and whoever waits for it.

use domain::ids::RequestId;
use domain::platform::{NoteFixture, Platform};
use domain::{
    Actor, Answer, AuditLine, Books, Command, Ctx, Desk, DirectoryKey, Freshness, GivenIdRefused, IdempotencyKey, Ids, KeyRow, KeyState,
    Needs, PlatformId, RecordKey, Resource, Timestamp, Wanted,
};
use ledger::Uid;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;

use crate::engine::Refused;

/// The name space of the keys of the owner of the data, who has the lines of a file done once each: no client can use
/// one up, only a success does, and it is remembered for ever ([`NoteFixture`]).
pub const OWNERS_KEYS: u8 = 0;

/// The idempotency key a request came with, and what it was used for.
#[derive(Clone, Debug)]
pub struct Keyed {
    /// The key.
    pub key: IdempotencyKey,
    /// Hash of route and body.
    pub fingerprint: [u8; 16],
    /// Path and query.
    pub path: Arc<str>,
}

/// What a caller gets back once the batch is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The rendered answer.
    Answer(Answer),
    /// The key was used before; nothing was done.
    KeyUsed(Freshness),
}

/// What became of one attempt to decide.
pub(crate) enum Decided {
    /// Rows were missing; ask again.
    Incomplete,
    /// There is an outcome, or a clean refusal to have one.
    Yes,
    /// What it makes does not get the id that was given for it; nothing of it may be stored but its line of the audit trail.
    GivenIdRefused(GivenIdRefused),
    /// Its platform was ended, and it is not for what has ended; nothing of it may be stored.
    Ended,
    /// Florin is at fault; nothing of it may be stored.
    Faulty(&'static str),
}

/// What the engine knows of a queued command, whatever its type.
pub(crate) trait Job: Send {
    fn needs(&self, wanted: &mut Wanted);
    fn decide(&mut self, books: &mut Books, ids: &mut dyn Ids, now: Timestamp, missed: &mut Wanted) -> Decided;
    /// Answers the caller: the batch is durable.
    fn answer(&mut self);
    /// Tells the caller that nothing was done.
    fn refuse(&mut self, why: Refused);
    fn name(&self) -> &'static str;
    fn ctx(&self) -> &Ctx;
}

/// What surrounds a decision: whether it may be made at all, and what becomes of its result.
pub(crate) trait Closing<C: Command>: Send {
    /// What the caller gets.
    type Reply: Send;

    /// The key that has to be loaded beforehand.
    fn key(&self) -> Option<&IdempotencyKey>;

    /// An answer without a decision: the key was used before.
    fn before(&self, desk: &mut Desk<'_>) -> Option<Self::Reply>;

    /// Writes the key's record, and turns the result into the reply.
    fn after(&self, ctx: &Ctx, result: Result<C::Outcome, C::Error>, desk: &mut Desk<'_>) -> Self::Reply;
}

/// A command in the queue.
pub(crate) struct Queued<C: Command, K: Closing<C>> {
    pub ctx: Ctx,
    pub command: C,
    pub closing: K,
    pub reply: Option<oneshot::Sender<Result<K::Reply, Refused>>>,
    pub decided: Option<K::Reply>,
}

impl<C: Command, K: Closing<C>> Queued<C, K> {
    const fn audit_line(&self, object: Option<Uid>, outcome: &'static str, at: Timestamp) -> AuditLine {
        let Ctx { platform, actor, request, origin, .. } = self.ctx;
        AuditLine { platform, actor, request, origin, action: C::NAME, object, outcome, at }
    }
}

impl<C: Command, K: Closing<C>> Job for Queued<C, K> {
    fn needs(&self, wanted: &mut Wanted) {
        wanted.records.push(RecordKey { kind: Platform::KIND, platform: self.ctx.platform, id: self.ctx.platform.0 });
        wanted.keys.extend(self.closing.key().cloned());
        self.command.needs(&mut Needs::new(&self.ctx, wanted));
    }

    fn decide(&mut self, books: &mut Books, ids: &mut dyn Ids, now: Timestamp, missed: &mut Wanted) -> Decided {
        let mark = books.mark();
        let mut desk = Desk::new(&self.ctx, books, ids, now, missed);
        let used_before = self.closing.before(&mut desk);
        // What Florin does by itself goes on: what is old is taken away.
        let is_asked = self.ctx.actor != Actor::System && !C::IS_FOR_ENDED;
        if is_asked && desk.platform().is_some_and(|platform| platform.has_ended()) {
            return Decided::Ended;
        }
        if desk.has_missed() {
            return Decided::Incomplete;
        }
        if used_before.is_some() {
            self.decided = used_before;
            return Decided::Yes;
        }
        let result = self.command.decide(&mut desk);
        let (object, fault, has_missed, has_own_lines) = (desk.object(), desk.fault().cloned(), desk.has_missed(), desk.has_own_lines());
        let given_id_refused = desk.given_id_refused(result.is_ok());
        if has_missed || given_id_refused.is_some() || fault.is_some() || result.is_err() {
            books.roll_back(mark);
        }
        if has_missed {
            return Decided::Incomplete;
        }
        if let Some(why) = given_id_refused {
            books.audit.push(self.audit_line(None, "invalid", now));
            return Decided::GivenIdRefused(why);
        }
        if let Some(fault) = fault {
            return Decided::Faulty(fault.0);
        }
        let outcome = outcome_word::<C>(&result);
        let mut desk = Desk::new(&self.ctx, books, ids, now, missed);
        self.decided = Some(self.closing.after(&self.ctx, result, &mut desk));
        if !has_own_lines {
            books.audit.push(self.audit_line(object, outcome, now));
        }
        Decided::Yes
    }

    fn answer(&mut self) {
        if let (Some(reply), Some(decided)) = (self.reply.take(), self.decided.take()) {
            // The caller may have gone; what was done is done.
            drop(reply.send(Ok(decided)));
        }
    }

    fn refuse(&mut self, why: Refused) {
        if let Some(reply) = self.reply.take() {
            drop(reply.send(Err(why)));
        }
    }

    fn name(&self) -> &'static str {
        C::NAME
    }

    fn ctx(&self) -> &Ctx {
        &self.ctx
    }
}

/// Comes behind all others: it tells when it was its turn, and does nothing.
pub(crate) struct Last {
    ctx: Ctx,
    done: Sender<()>,
}

impl Last {
    /// It, and what hears of its turn.
    pub fn new() -> (Self, Receiver<()>) {
        let (done, is_done) = channel();
        (Self { ctx: Ctx::system(PlatformId(Uid::default()), RequestId(Uid::default())), done }, is_done)
    }
}

impl Job for Last {
    fn needs(&self, _: &mut Wanted) {}

    fn decide(&mut self, _: &mut Books, _: &mut dyn Ids, _: Timestamp, _: &mut Wanted) -> Decided {
        Decided::Yes
    }

    fn answer(&mut self) {
        let _whoever_waited_may_have_gone = self.done.send(());
    }

    fn refuse(&mut self, _: Refused) {
        self.answer();
    }

    fn name(&self) -> &'static str {
        "engine.close"
    }

    fn ctx(&self) -> &Ctx {
        &self.ctx
    }
}

/// The result is wanted as it is, by Florin's own workers.
pub(crate) struct AsItIs;

impl<C: Command> Closing<C> for AsItIs {
    type Reply = Result<C::Outcome, C::Error>;

    fn key(&self) -> Option<&IdempotencyKey> {
        None
    }

    fn before(&self, _: &mut Desk<'_>) -> Option<Self::Reply> {
        None
    }

    fn after(&self, _: &Ctx, result: Result<C::Outcome, C::Error>, _: &mut Desk<'_>) -> Self::Reply {
        result
    }
}

/// The result is rendered, and stored with the key.
pub(crate) struct Answering<F> {
    pub keyed: Option<Keyed>,
    pub render: F,
}

impl<C, F> Closing<C> for Answering<F>
where
    C: Command,
    F: Fn(&Ctx, Result<&C::Outcome, &C::Error>) -> Answer + Send,
{
    type Reply = Reply;

    fn key(&self) -> Option<&IdempotencyKey> {
        self.keyed.as_ref().map(|keyed| &keyed.key)
    }

    fn before(&self, desk: &mut Desk<'_>) -> Option<Reply> {
        used_before(self.keyed.as_ref(), desk)
    }

    fn after(&self, ctx: &Ctx, result: Result<C::Outcome, C::Error>, desk: &mut Desk<'_>) -> Reply {
        let answer = (self.render)(ctx, result.as_ref());
        if let Some(keyed) = self.keyed.as_ref().filter(|keyed| keyed.is_used_up(answer.status)) {
            keyed.use_up(KeyState::Answered(answer.clone()), desk);
        }
        Reply::Answer(answer)
    }
}

/// An outcome leaves the key claimed, since its work goes on outside; an error is rendered and answers it.
pub(crate) struct Claiming<F> {
    pub keyed: Option<Keyed>,
    pub render: F,
}

impl<C, F> Closing<C> for Claiming<F>
where
    C: Command,
    F: Fn(&Ctx, &C::Error) -> Answer + Send,
{
    type Reply = Begun<C::Outcome>;

    fn key(&self) -> Option<&IdempotencyKey> {
        self.keyed.as_ref().map(|keyed| &keyed.key)
    }

    fn before(&self, desk: &mut Desk<'_>) -> Option<Begun<C::Outcome>> {
        used_before(self.keyed.as_ref(), desk).map(Begun::Ended)
    }

    fn after(&self, ctx: &Ctx, result: Result<C::Outcome, C::Error>, desk: &mut Desk<'_>) -> Begun<C::Outcome> {
        let (state, begun, status) = match result {
            Ok(outcome) => (KeyState::Claimed, Begun::Started(outcome), None),
            Err(error) => {
                let answer = (self.render)(ctx, &error);
                let status = answer.status;
                (KeyState::Answered(answer.clone()), Begun::Ended(Reply::Answer(answer)), Some(status))
            }
        };
        if let Some(keyed) = self.keyed.as_ref().filter(|keyed| status.is_none_or(|status| keyed.is_used_up(status))) {
            keyed.use_up(state, desk);
        }
        begun
    }
}

/// The result answers a key that was claimed before.
pub(crate) struct Settling<F> {
    pub keyed: Option<Keyed>,
    pub render: F,
}

impl<C, F> Closing<C> for Settling<F>
where
    C: Command,
    F: Fn(&Ctx, Result<&C::Outcome, &C::Error>) -> Answer + Send,
{
    type Reply = Reply;

    fn key(&self) -> Option<&IdempotencyKey> {
        self.keyed.as_ref().map(|keyed| &keyed.key)
    }

    fn before(&self, desk: &mut Desk<'_>) -> Option<Reply> {
        // Only to have the row loaded: a claimed key is ours to answer.
        if let Some(keyed) = &self.keyed {
            desk.key(&keyed.key);
        }
        None
    }

    fn after(&self, ctx: &Ctx, result: Result<C::Outcome, C::Error>, desk: &mut Desk<'_>) -> Reply {
        let answer = (self.render)(ctx, result.as_ref());
        if let Some(keyed) = &self.keyed
            && let Some(row) = desk.key(&keyed.key)
            && row.state == KeyState::Claimed
        {
            desk.put_key(KeyRow { state: KeyState::Answered(answer.clone()), ..row });
        }
        Reply::Answer(answer)
    }
}

/// What a command whose work goes on outside gives its caller.
#[derive(Clone, Debug)]
pub enum Begun<O> {
    /// The intent is stored and the key claimed: go on, and call [`crate::Engine::finish`].
    Started(O),
    /// There is nothing to go on with: this is the answer.
    Ended(Reply),
}

impl Keyed {
    /// Writes that the key is used up. The owner's is noted besides, for longer than keys are kept.
    fn use_up(&self, state: KeyState, desk: &mut Desk<'_>) {
        let at = desk.real_now();
        desk.put_key(KeyRow { key: self.key.clone(), fingerprint: self.fingerprint, path: Arc::clone(&self.path), state, at });
        if let Some(note) = self.note() {
            desk.put_directory(note, self.key.platform);
        }
    }

    /// Whether an answer of this status uses the key up. A client's is not by what may be asked again as it is (not
    /// allowed now, too often, our fault); the owner's is by a success only.
    const fn is_used_up(&self, status: u16) -> bool {
        match self.key.dialect {
            OWNERS_KEYS => matches!(status, 200..300),
            _ => !matches!(status, 401 | 403 | 429 | 500..),
        }
    }

    /// Where it is noted for ever that it was used, if it is the owner's.
    fn note(&self) -> Option<DirectoryKey> {
        (self.key.dialect == OWNERS_KEYS).then(|| NoteFixture::key(self.key.platform, &self.key.key))
    }
}

fn used_before(keyed: Option<&Keyed>, desk: &mut Desk<'_>) -> Option<Reply> {
    let keyed = keyed?;
    let noted = keyed.note().and_then(|note| desk.directory(&note));
    match (desk.key(&keyed.key), noted) {
        (Some(row), _) => Some(Reply::KeyUsed(row.freshness(&keyed.fingerprint))),
        // Its answer is not kept any more.
        (None, Some(_)) => Some(Reply::KeyUsed(Freshness::Claimed)),
        (None, None) => None,
    }
}

fn outcome_word<C: Command>(result: &Result<C::Outcome, C::Error>) -> &'static str {
    match result {
        Ok(outcome) if C::is_refusal(outcome) => "refused",
        Ok(_) => "done",
        Err(_) => "invalid",
    }
}

/// Stores that a keyed request was malformed, so that its key is used up. It changes nothing else.
#[derive(Clone, Copy, Debug)]
pub struct RejectInput;

impl Command for RejectInput {
    type Outcome = ();
    type Error = ();
    const NAME: &'static str = "request.reject";

    fn decide(&self, _: &mut Desk<'_>) -> Result<(), ()> {
        Err(())
    }
}
