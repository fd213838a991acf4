//! Acting for a platform that one has made: the one door between tenants.

use std::sync::Arc;

use ledger::Uid;

use super::Desk;
use crate::core::{Actor, Ctx, OwnedKey, RecordKey, Resource, Slot};
use crate::ids::PlatformId;
use crate::platform::Platform;

/// Whether a tenant is made by this very batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum IsNew {
    Yes,
    No,
}

impl Desk<'_> {
    /// Does something at the desk of the tenant itself or of a platform that it made: one whose record says so. Done there by
    /// Florin, for the same request. `None` for any other platform, which looks as if it were not there.
    ///
    /// Of a platform that this very batch makes nothing is stored yet: no row of it has to be loaded to be known absent, so
    /// that any number of commands may be decided within one.
    pub fn within<T>(&mut self, platform: PlatformId, act: impl FnOnce(&mut Desk<'_>) -> T) -> Option<T> {
        let key = RecordKey { kind: Platform::KIND, platform, id: platform.0 };
        let Some(slot) = self.books.records.get(&key) else {
            self.missed.records.push(key);
            return None;
        };
        let is_new = if matches!(slot, Slot::New(_)) { IsNew::Yes } else { IsNew::No };
        let body = slot.row().and_then(|record| record.body::<Platform>())?;
        if platform != self.ctx.platform && body.parent != Some(self.ctx.platform) {
            return None;
        }
        Some(self.at(platform, is_new, act))
    }

    fn at<T>(&mut self, platform: PlatformId, is_new: IsNew, act: impl FnOnce(&mut Desk<'_>) -> T) -> T {
        let ctx = Ctx { platform, actor: Actor::System, given_id: None, ..*self.ctx };
        let is_new_tenant = is_new == IsNew::Yes;
        let mut desk = Desk { is_new_tenant, ..Desk::new(&ctx, self.books, self.ids, self.real_now, self.missed) };
        let done = act(&mut desk);
        let (fault, has_own_lines) = (desk.fault.take(), desk.has_own_lines);
        self.fault = self.fault.take().or(fault);
        self.has_own_lines |= has_own_lines;
        done
    }

    /// Does something at the desk of a platform that is not there yet, to make it. `None` where there is one of that id.
    pub fn making<T>(&mut self, platform: PlatformId, act: impl FnOnce(&mut Desk<'_>) -> T) -> Option<T> {
        let key = RecordKey { kind: Platform::KIND, platform, id: platform.0 };
        match self.books.records.get(&key) {
            None => {
                self.missed.records.push(key);
                return None;
            }
            Some(Slot::Absent) => {}
            Some(Slot::Clean(_) | Slot::New(_) | Slot::Changed(_)) => return None,
        }
        Some(self.at(platform, IsNew::No, act))
    }

    /// The records of a kind that this batch made for an owner, in the order in which it made them.
    pub(super) fn made_of(&self, key: &OwnedKey) -> Arc<[Uid]> {
        let made = self.books.records.touched().filter_map(Slot::row).filter(|record| {
            let lead = record.lead;
            record.kind.number == key.owner.kind.number && lead.platform == key.owner.platform && lead.owner == Some(key.owner.id)
        });
        made.map(|record| record.lead.id).collect()
    }
}
