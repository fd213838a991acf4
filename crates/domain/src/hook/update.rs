//! Changing a hook.

use super::{Hook, HookStatus, Listeners, Target, TargetError, Validity, forbidden};
use crate::ids::HookId;
use crate::{Command, Desk, Needs, Record, Secret};

/// Changes a hook; what is absent stays. Its type of event never changes.
#[derive(Clone, Debug)]
pub struct UpdateHook {
    /// Which one.
    pub hook: HookId,
    /// Where else.
    pub url: Option<Secret<String>>,
    /// Whether it is switched on.
    pub status: Option<HookStatus>,
    /// `Valid` forgets the failures. Without it, one that is switched on anew is valid again too.
    pub validity: Option<Validity>,
    /// Whom the vendor would write to.
    pub email: Option<Secret<String>>,
    /// The platform's note.
    pub tag: Option<Secret<String>>,
}

/// Why a hook was not changed. The first that applies, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateHookError {
    /// There is no such hook on the platform.
    #[error("there is no such hook")]
    NotFound,
    /// The platform may not have itself told there.
    #[error("the target is not allowed: {0}")]
    Target(#[from] TargetError),
}

impl Command for UpdateHook {
    /// The hook as it is now.
    type Outcome = Record;
    type Error = UpdateHookError;
    const NAME: &'static str = "hook.update";

    fn needs(&self, need: &mut Needs<'_>) {
        need.record::<Hook>(self.hook);
        need.own_record::<Listeners>();
    }

    fn decide(&self, desk: &mut Desk<'_>) -> Result<Record, UpdateHookError> {
        let (platform, found) = (desk.platform(), desk.find_record::<Hook>(self.hook));
        let record = found.ok_or(UpdateHookError::NotFound)?;
        let old = record.body::<Hook>().ok_or(UpdateHookError::NotFound)?;
        desk.note_object(self.hook);
        if let Some(url) = &self.url {
            let target = Target::parse(url.expose())?;
            if let Some(why) = platform.and_then(|platform| forbidden(&platform, &target)) {
                return Err(UpdateHookError::Target(why));
            }
        }
        let mut hook = Hook::clone(&old);
        if let Some(url) = &self.url {
            hook.url = url.clone();
        }
        hook.status = self.status.unwrap_or(old.status);
        let is_switched_on = old.status == HookStatus::Disabled && hook.status == HookStatus::Enabled;
        // Whoever says ENABLED of one that failed, and nothing of its validity, wants it told again.
        let is_meant = self.status == Some(HookStatus::Enabled) && self.validity.is_none();
        match self.validity {
            Some(Validity::Invalid) => hook.validity = Validity::Invalid,
            Some(Validity::Valid) => (hook.validity, hook.failures) = (Validity::Valid, 0),
            None if is_switched_on || (is_meant && old.validity == Validity::Invalid) => {
                (hook.validity, hook.failures) = (Validity::Valid, 0);
            }
            None => {}
        }
        if let Some(email) = &self.email {
            hook.email = Some(email.clone());
        }
        if let Some(tag) = &self.tag {
            hook.tag = Some(tag.clone());
        }
        if hook == *old {
            return Ok(record);
        }
        Listeners::note(desk, self.hook, &hook);
        Ok(desk.update(&record, hook))
    }
}
