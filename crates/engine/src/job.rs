//! A command on its way through a batch: with its key, its renderer and whoever waits for it.

use domain::{
    Answer, AuditLine, Books, Command, Ctx, Desk, Freshness, IdempotencyKey, Ids, KeyRow, KeyState, Needs, RecordKey, Resource, Timestamp,
    Wanted, platform::Platform,
};
use std::sync::Arc;
use tokio::sync::oneshot;

use crate::engine::Refused;

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

pub(crate) struct Rendered<C: Command, F> {
    pub ctx: Ctx,
    pub command: C,
    pub keyed: Option<Keyed>,
    pub render: F,
    pub reply: Option<oneshot::Sender<Result<Reply, Refused>>>,
    pub decided: Option<Reply>,
}

impl<C, F> Job for Rendered<C, F>
where
    C: Command,
    F: Fn(&Ctx, Result<&C::Outcome, &C::Error>) -> Answer + Send,
{
    fn needs(&self, wanted: &mut Wanted) {
        want(&self.ctx, &self.command, wanted);
        if let Some(keyed) = &self.keyed {
            wanted.keys.push(keyed.key.clone());
        }
    }

    fn decide(&mut self, books: &mut Books, ids: &mut dyn Ids, now: Timestamp, missed: &mut Wanted) -> Decided {
        let mark = books.mark();
        if let Some(keyed) = &self.keyed {
            let mut desk = Desk::new(&self.ctx, books, ids, now, missed);
            let first_use = desk.key(&keyed.key);
            if !missed.is_empty() {
                return Decided::Incomplete;
            }
            if let Some(first_use) = first_use {
                self.decided = Some(Reply::KeyUsed(first_use.freshness(&keyed.fingerprint)));
                return Decided::Yes;
            }
        }
        let mut desk = Desk::new(&self.ctx, books, ids, now, missed);
        let result = self.command.decide(&mut desk);
        let (object, fault) = (desk.object(), desk.fault().cloned());
        if !missed.is_empty() {
            books.roll_back(mark);
            return Decided::Incomplete;
        }
        if let Some(fault) = fault {
            books.roll_back(mark);
            return Decided::Faulty(fault.0);
        }
        if result.is_err() {
            books.roll_back(mark);
        }
        let answer = (self.render)(&self.ctx, result.as_ref());
        if let Some(keyed) = &self.keyed {
            let state = KeyState::Answered(answer.clone());
            let row = KeyRow { key: keyed.key.clone(), fingerprint: keyed.fingerprint, path: Arc::clone(&keyed.path), state, at: now };
            books.keys.put(row.key.clone(), row);
        }
        books.audit.push(AuditLine {
            platform: self.ctx.platform,
            actor: self.ctx.actor,
            request: self.ctx.request,
            origin: self.ctx.origin,
            action: C::NAME,
            object,
            outcome: outcome_word::<C>(&result),
            at: now,
        });
        self.decided = Some(Reply::Answer(answer));
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

/// A command whose outcome is wanted as it is, by Florin's own workers.
pub(crate) struct Plain<C: Command> {
    pub ctx: Ctx,
    pub command: C,
    pub reply: Option<oneshot::Sender<Result<Result<C::Outcome, C::Error>, Refused>>>,
    pub decided: Option<Result<C::Outcome, C::Error>>,
}

impl<C: Command> Job for Plain<C> {
    fn needs(&self, wanted: &mut Wanted) {
        want(&self.ctx, &self.command, wanted);
    }

    fn decide(&mut self, books: &mut Books, ids: &mut dyn Ids, now: Timestamp, missed: &mut Wanted) -> Decided {
        let mark = books.mark();
        let mut desk = Desk::new(&self.ctx, books, ids, now, missed);
        let result = self.command.decide(&mut desk);
        let (object, fault) = (desk.object(), desk.fault().cloned());
        if !missed.is_empty() {
            books.roll_back(mark);
            return Decided::Incomplete;
        }
        if let Some(fault) = fault {
            books.roll_back(mark);
            return Decided::Faulty(fault.0);
        }
        if result.is_err() {
            books.roll_back(mark);
        }
        books.audit.push(AuditLine {
            platform: self.ctx.platform,
            actor: self.ctx.actor,
            request: self.ctx.request,
            origin: self.ctx.origin,
            action: C::NAME,
            object,
            outcome: outcome_word::<C>(&result),
            at: now,
        });
        self.decided = Some(result);
        Decided::Yes
    }

    fn answer(&mut self) {
        if let (Some(reply), Some(decided)) = (self.reply.take(), self.decided.take()) {
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

fn want<C: Command>(ctx: &Ctx, command: &C, wanted: &mut Wanted) {
    wanted.records.push(RecordKey { kind: Platform::KIND, platform: ctx.platform, id: ctx.platform.0 });
    command.needs(&mut Needs::new(ctx, wanted));
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
