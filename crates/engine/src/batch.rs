//! One batch: load, decide, flush, answer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use domain::{Books, GivenIdRefused, Ids, Timestamp, Wanted};

use crate::answers::{Answers, Flushed};
use crate::engine::Refused;
use crate::job::{Decided, Job};
use crate::{Store, StoreError};

/// A command whose rows are not all there after this many loads is at fault: its needs have no end.
pub const MAX_ROUNDS: u32 = 8;

/// A batch that another server was always faster than is given up after this many attempts.
pub const MAX_ATTEMPTS: u32 = 12;

/// Runs batches over a store; keeps its memory from one to the next.
pub(crate) struct Runner {
    books: Books,
    wanted: Wanted,
    missed: Wanted,
    answers: Answers,
}

/// What has become of a command in its batch.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Rows were missing to the end.
    Open,
    /// It has its outcome.
    Decided,
    /// What it makes did not get the id that was given for it.
    GivenIdRefused(GivenIdRefused),
    /// Its platform was ended.
    Ended,
    /// Florin is at fault.
    Faulty(&'static str),
}

impl Runner {
    /// Commands are answered by `answers`.
    pub fn new(answers: Answers) -> Self {
        Self { books: Books::default(), wanted: Wanted::default(), missed: Wanted::default(), answers }
    }

    /// Runs `jobs` as one batch and has each of them answered once it is durable.
    ///
    /// If the batch faults as a whole, each is run again alone, so that only the guilty one fails.
    pub fn run(&mut self, mut jobs: Vec<Box<dyn Job>>, store: &mut dyn Store, ids: &mut dyn Ids, now: Timestamp) {
        if self.answers.is_broken() {
            return jobs.iter_mut().for_each(|job| job.refuse(Refused::Fault));
        }
        match self.attempt(&mut jobs, store, ids, now) {
            Ok(states) => self.flushed(jobs, states),
            // It may have happened: whoever did it again could do it twice.
            Err(error @ StoreError::Unknown(_)) => jobs.iter_mut().for_each(|job| give_up(job.as_mut(), &error)),
            Err(error) if jobs.len() > 1 => {
                tracing::warn!(%error, jobs = jobs.len(), "a batch failed; its commands are run one by one");
                for mut job in jobs {
                    match self.attempt(std::slice::from_mut(&mut job), store, ids, now) {
                        Ok(states) => self.flushed(vec![job], states),
                        Err(error) => give_up(job.as_mut(), &error),
                    }
                }
            }
            Err(error) => jobs.iter_mut().for_each(|job| give_up(job.as_mut(), &error)),
        }
    }

    /// Has the store do its housekeeping.
    pub fn idle(&self, store: &mut dyn Store) {
        if self.answers.is_broken() {
            return;
        }
        if let Err(error) = store.idle() {
            tracing::error!(%error, "housekeeping failed");
        }
    }

    /// Hands over what was flushed last.
    fn flushed(&self, jobs: Vec<Box<dyn Job>>, states: Vec<State>) {
        let made = self.answers.fresh().gather(&self.books);
        self.answers.put(Flushed { jobs, states, made });
    }

    fn attempt(
        &mut self,
        jobs: &mut [Box<dyn Job>],
        store: &mut dyn Store,
        ids: &mut dyn Ids,
        now: Timestamp,
    ) -> Result<Vec<State>, StoreError> {
        self.wanted.clear();
        for job in jobs.iter() {
            job.needs(&mut self.wanted);
        }
        let mut attempts: u32 = 0;
        loop {
            self.books.clear();
            ids.begin();
            let mut states = vec![State::Open; jobs.len()];
            let decided = self.decide(jobs, &mut states, store, ids, now);
            // It may be the store's memory that is at fault: what nothing is written of, no flush holds against the rows.
            let is_at_fault = decided.is_ok() && states.iter().any(|state| *state != State::Decided);
            if is_at_fault && attempts < MAX_ATTEMPTS && store.doubt() {
                store.abandon();
                ids.take_back(0);
                attempts = attempts.saturating_add(1);
                self.remember_what_was_seen();
                continue;
            }
            match decided.and_then(|()| store.flush(&self.books)) {
                Ok(()) => return Ok(states),
                Err(error) => {
                    store.abandon();
                    // What may have been stored has its ids.
                    if !matches!(error, StoreError::Unknown(_)) {
                        ids.take_back(0);
                    }
                    attempts = attempts.saturating_add(1);
                    match error {
                        StoreError::Retry(reason) if attempts < MAX_ATTEMPTS => {
                            tracing::debug!(reason, attempts, "another server was first; the batch is run again");
                            // Ask at once for everything the failed attempt had come to see.
                            self.remember_what_was_seen();
                        }
                        other => return Err(other),
                    }
                }
            }
        }
    }

    /// Asks every command until each has decided, loading between the rounds what they missed.
    fn decide(
        &mut self,
        jobs: &mut [Box<dyn Job>],
        states: &mut [State],
        store: &mut dyn Store,
        ids: &mut dyn Ids,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for round in 0..MAX_ROUNDS {
            let wanted = if round == 0 { &mut self.wanted } else { &mut self.missed };
            wanted.tidy();
            store.load(wanted, &mut self.books)?;
            self.missed.clear();
            let mut all_missed = Wanted::default();
            for (job, state) in jobs.iter_mut().zip(states.iter_mut()).filter(|(_, state)| **state == State::Open) {
                let (mark, given) = (self.books.mark(), ids.given());
                let (books, missed) = (&mut self.books, &mut self.missed);
                let decided = catch_unwind(AssertUnwindSafe(|| job.decide(books, ids, now, missed)));
                *state = match decided {
                    Ok(Decided::Yes) => State::Decided,
                    Ok(Decided::GivenIdRefused(why)) => State::GivenIdRefused(why),
                    Ok(Decided::Ended) => State::Ended,
                    Ok(Decided::Faulty(why)) => State::Faulty(why),
                    Ok(Decided::Incomplete) => {
                        all_missed.take_from(&mut self.missed);
                        ids.take_back(given);
                        State::Open
                    }
                    Err(_) => {
                        self.books.roll_back(mark);
                        ids.take_back(given);
                        State::Faulty("its decision panicked")
                    }
                };
                self.missed.clear();
            }
            if all_missed.is_empty() {
                return Ok(());
            }
            self.missed = all_missed;
        }
        Ok(())
    }

    fn remember_what_was_seen(&mut self) {
        let books = &self.books;
        self.wanted.take_from(&mut self.missed);
        self.wanted.accounts.extend(books.accounts.keys().copied());
        self.wanted.payments.extend(books.payments.keys().copied());
        self.wanted.jobs.extend(books.jobs.keys().copied());
        self.wanted.deliveries.extend(books.deliveries.untouched().map(|delivery| (delivery.platform, delivery.id)));
        self.wanted.records.extend(books.records.keys().copied());
        self.wanted.holders_of_ids.extend(books.holders_of_ids.keys().copied());
    }
}

fn give_up(job: &mut dyn Job, error: &StoreError) {
    tracing::error!(%error, command = job.name(), request = %job.ctx().request, platform = %job.ctx().platform, "a command failed");
    job.refuse(match error {
        StoreError::Retry(_) | StoreError::Behind => Refused::Overloaded,
        StoreError::TooWide | StoreError::Fault(_) | StoreError::Unknown(_) => Refused::Fault,
    });
}
