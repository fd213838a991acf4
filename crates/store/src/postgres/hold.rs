//! What a flush holds until its commit, so that what its decisions relied on is still so then.

use std::collections::BTreeMap;

use domain::{Kind, OwnedKey, Record, Removal, Slot};
use engine::StoreError;
use ledger::Uid;

use super::erasures;
use super::flush::{Flush, OfKind, Ready};
use super::keys::Whose;
use super::rows::Id;
use super::trip::Set;
use crate::codec;

impl<'a> Flush<'a> {
    /// Takes the advisory locks, all in one order; then holds that nobody was erased since the batch began, and that owners
    /// have what they had.
    pub fn hold_places(&self, kinds: &BTreeMap<u8, OfKind<'a>>, ready: &mut Ready<'a>) -> Result<(), StoreError> {
        let subjects = self.subjects();
        let added = kinds
            .values()
            .flat_map(|of_kind| &of_kind.made)
            .filter_map(|record| record.lead.owner.map(|owner| (place(record.kind, record.lead.platform.0, owner), 0_i64)));
        // Who relies on what an owner has excludes whoever adds to it; those who only add do not exclude each other.
        let mut places: BTreeMap<i64, i64> = added.collect();
        places.extend(self.books.owned.keys().map(|key| (place(key.owner.kind, key.owner.platform.0, key.owner.id), 1)));
        // Who destroys keys excludes whoever uses one.
        if !subjects.is_empty() {
            places.insert(erasures::PLACE, 0);
        }
        if self.books.removals.iter().any(|removal| matches!(removal, Removal::DataKey { .. })) {
            places.insert(erasures::PLACE, 1);
        }
        let places: Vec<(i64, i64)> = places.into_iter().collect();
        let statements = &self.session.statements;
        ready.add(&places, &statements.hold_places, || Set::of(&places).column(|it| it.0).column(|it| it.1).params());
        ready.add(&subjects, &statements.hold_unerased, || {
            let mut params = Set::of(&subjects).column(|it| Id(it.0)).column(|it| Id(it.1)).params();
            params.push(Box::new(self.transaction.erasures));
            params
        });
        self.hold_owned(ready)
    }

    /// Under whose keys is sealed what this batch writes, and what it relied on: all but the platforms' own.
    fn subjects(&self) -> Vec<Whose> {
        let books = self.books;
        let records = books.records.untouched().chain(books.records.touched().filter_map(Slot::row)).filter_map(codec::subject_of);
        let payments =
            books.payments.untouched().chain(books.payments.touched().filter_map(Slot::row)).filter_map(codec::subject_of_payment);
        let mut subjects: Vec<Whose> = records.chain(payments).filter(|(platform, subject)| platform != subject).collect();
        subjects.sort_unstable();
        subjects.dedup();
        subjects
    }

    fn hold_owned(&self, ready: &mut Ready<'a>) -> Result<(), StoreError> {
        let mut by_kind: BTreeMap<u8, Vec<(&OwnedKey, String)>> = BTreeMap::new();
        for key in self.books.owned.keys() {
            let Some(read) = self.transaction.owned.get(key) else { continue };
            by_kind.entry(key.owner.kind.number).or_default().push((key, in_order(read)));
        }
        for keys in by_kind.values() {
            let Some((first, _)) = keys.first() else { continue };
            let statement = &self.statements_of(first.owner.kind)?.hold_owned;
            ready.add(keys, statement, || {
                let set = Set::of(keys).column(|(key, _)| Id(key.owner.platform.0)).column(|(key, _)| Id(key.owner.id));
                set.column(|(_, read)| read.clone()).count().params()
            });
        }
        Ok(())
    }

    /// Holds records at the version that was read until the commit: no other server changes them meanwhile.
    pub fn hold_records(&self, of_kind: &OfKind<'a>, ready: &mut Ready<'a>) -> Result<(), StoreError> {
        let mut relied: Vec<&Record> = of_kind.read.iter().chain(&of_kind.changed).copied().collect();
        // In the order of keys, as every server locks.
        relied.sort_unstable_by_key(|record| record.key());
        let Some(first) = relied.first() else { return Ok(()) };
        let mut held = Vec::with_capacity(relied.len());
        for record in &relied {
            let version = self.transaction.versions.get(&record.key()).copied();
            let version = version.ok_or_else(|| codec::broken(record.kind.table, record.lead.id, "it was written and never read"))?;
            held.push((Id(record.lead.platform.0), Id(record.lead.id), version));
        }
        let statements = self.statements_of(first.kind)?;
        let statement = if of_kind.changed.is_empty() { &statements.share } else { &statements.lock };
        ready.add(&held, statement, || Set::of(&held).column(|it| it.0).column(|it| it.1).column(|it| it.2).count().params());
        Ok(())
    }
}

/// Ids as [`super::sql::hold_owned`] has them.
fn in_order(ids: &[Uid]) -> String {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// The number that stands for what an owner has of a kind, among the server's advisory locks.
fn place(kind: &Kind, platform: Uid, owner: Uid) -> i64 {
    use std::hash::BuildHasher;
    rustc_hash::FxBuildHasher.hash_one((kind.number, platform, owner)).cast_signed()
}
