//! Ids that whoever brings an object along chose for it: fixtures and imports.
//!
//! A short text of any form is kept in the id itself, so that it reads back everywhere, in any number and on any
//! server, without a table: sixteen bits that no clock reaches for eight thousand years, five for the kind of thing
//! named, one for whether the text stood behind its kind's prefix, and the text as a number of base 65.

use ledger::Uid;

use super::ObjectKind;
use super::ids::PlatformId;

/// Characters of a text at most, its prefix not counted.
pub const GIVEN_TEXT_MAX: usize = 17;
/// Digits of a number by itself at least.
pub const GIVEN_NUMBER_MIN: usize = 5;

/// The first sixteen bits of an id that is a text. Ids made here begin with their time in milliseconds.
const MARK: u128 = 0xffff;
const MARK_SHIFT: u32 = 112;
const SPACE_SHIFT: u32 = 107;
const PREFIXED_SHIFT: u32 = 106;
const TEXT_BITS: u32 = 103;
const BASE: u128 = 65;

/// A type of id, with the number by which texts given for it are told from those given for others.
pub trait Named: From<Uid> + Into<Uid> {
    /// From 0 to 31; it is stored, and never changes.
    const SPACE: u8;
}

/// What no type says the kind of.
impl Named for Uid {
    const SPACE: u8 = 0;
}

/// An id given by whoever brings the object along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// The id itself.
    pub form: GivenForm,
    /// What its prefix says that it names; `None` for one that has none.
    pub named: Option<ObjectKind>,
}

/// What is given of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenForm {
    /// All its bits.
    Id(Uid),
    /// A text.
    Text(GivenText),
}

impl Given {
    /// The id, for an object of a kind.
    #[must_use]
    pub const fn id_of(self, kind: ObjectKind) -> Uid {
        match self.form {
            GivenForm::Id(id) => id,
            GivenForm::Text(text) => text.id(kind.space()),
        }
    }
}

/// What has an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdHolder {
    /// Whose it is.
    pub platform: PlatformId,
    /// What it is.
    pub kind: ObjectKind,
}

/// Why an object does not get the id that was given for it. The command that would have made it did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GivenIdRefused {
    /// Something has it.
    #[error("the id is taken already")]
    Taken {
        /// What, unless it was only just made.
        by: Option<ObjectKind>,
        /// Whether that is another platform's.
        is_foreign: bool,
    },
    /// Its prefix names another kind of object than the one made.
    #[error("the id names {named}, and {made} was to be made")]
    OtherKind {
        /// What the prefix says.
        named: ObjectKind,
        /// What was to have it.
        made: ObjectKind,
    },
    /// The command makes nothing that could have it.
    #[error("nothing was to be made that could have the id")]
    NothingMade,
    /// The platform is for real money: there ids are made by Florin alone.
    #[error("ids are given on sandbox platforms only")]
    NotASandbox,
}

/// A text that fits an id: behind its kind's prefix 1 to [`GIVEN_TEXT_MAX`] of the letters `A` to `Z`, `a` to `z`, digits,
/// `_` and `-`; by itself [`GIVEN_NUMBER_MIN`] to [`GIVEN_TEXT_MAX`] digits, as ids once were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenText {
    number: u128,
    had_prefix: bool,
}

impl GivenText {
    /// A number by itself. `None` when it does not fit: other words without a prefix are no ids, so that what is mistyped
    /// is told as such, and not as something that is not there.
    #[must_use]
    pub fn number(text: &str) -> Option<Self> {
        let is_number = text.len() >= GIVEN_NUMBER_MIN && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { Self::of(text, false) } else { None }
    }

    /// What stood behind the prefix of its kind. `None` when it does not fit.
    #[must_use]
    pub fn behind_prefix(rest: &str) -> Option<Self> {
        Self::of(rest, true)
    }

    fn of(text: &str, had_prefix: bool) -> Option<Self> {
        if text.is_empty() || text.len() > GIVEN_TEXT_MAX {
            return None;
        }
        let mut number: u128 = 0;
        for byte in text.bytes() {
            // 65 to the 17th is less than 2 to the 103rd.
            number = number.checked_mul(BASE)?.checked_add(digit_of(byte)?)?;
        }
        Some(Self { number, had_prefix })
    }

    /// The id that the text is, in a space.
    #[must_use]
    pub const fn id(self, space: u8) -> Uid {
        let prefixed = if self.had_prefix { 1 << PREFIXED_SHIFT } else { 0 };
        #[expect(clippy::as_conversions, reason = "u8 to u128 in a const function")]
        let space = ((space & 31) as u128) << SPACE_SHIFT;
        Uid::from_bits((MARK << MARK_SHIFT) | space | prefixed | self.number)
    }

    /// The text that an id of the space is, if it is one.
    #[must_use]
    pub fn of_id(id: Uid, space: u8) -> Option<Self> {
        let number = id.bits() & ((1 << TEXT_BITS) - 1);
        let had_prefix = (id.bits() >> PREFIXED_SHIFT) & 1 == 1;
        let text = Self { number, had_prefix };
        (text.id(space) == id && text.is_spelled()).then_some(text)
    }

    /// Whether the number is one that a text gives.
    fn is_spelled(self) -> bool {
        let mut rest = self.number;
        let mut length: usize = 0;
        while rest > 0 {
            if rest.checked_rem(BASE) == Some(0) {
                return false;
            }
            rest = rest.checked_div(BASE).unwrap_or(0);
            length = length.saturating_add(1);
        }
        (1..=GIVEN_TEXT_MAX).contains(&length)
    }

    /// Whether the prefix of its kind stands before it.
    #[must_use]
    pub const fn had_prefix(self) -> bool {
        self.had_prefix
    }

    /// The characters, in the last places of an array, and how many they are.
    #[must_use]
    pub fn characters(self) -> ([u8; GIVEN_TEXT_MAX], usize) {
        let mut characters = [0; GIVEN_TEXT_MAX];
        let mut rest = self.number;
        let mut length: usize = 0;
        for place in characters.iter_mut().rev() {
            if rest == 0 {
                break;
            }
            *place = character_of(rest.checked_rem(BASE).unwrap_or(0));
            rest = rest.checked_div(BASE).unwrap_or(0);
            length = length.saturating_add(1);
        }
        (characters, length)
    }
}

const CHARACTERS: &[u8; 64] = b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

/// 1 to 64.
fn digit_of(byte: u8) -> Option<u128> {
    let place = CHARACTERS.iter().position(|character| *character == byte)?;
    u128::try_from(place).ok()?.checked_add(1)
}

fn character_of(digit: u128) -> u8 {
    let place = usize::try_from(digit).unwrap_or(0).saturating_sub(1);
    CHARACTERS.get(place).copied().unwrap_or(b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::workbench::World;
    use crate::{PaymentId, UserId};

    const fn given(form: GivenForm) -> Given {
        Given { form, named: None }
    }

    fn text_of(text: GivenText) -> String {
        let (characters, length) = text.characters();
        String::from_utf8(characters[GIVEN_TEXT_MAX - length..].to_vec()).unwrap()
    }

    #[test]
    fn what_does_not_fit_is_no_text() {
        for text in ["", "123456789012345678", "a b", "a/b", "na\u{ef}ve", "a.b"] {
            assert_eq!(GivenText::behind_prefix(text), None, "{text}");
            assert_eq!(GivenText::number(text), None, "{text}");
        }
        assert!(GivenText::behind_prefix("zzzzzzzzzzzzzzzzz").is_some());
        assert!(GivenText::number("1234").is_none() && GivenText::number("seller").is_none() && GivenText::number("12345").is_some());
    }

    #[test]
    fn a_text_is_told_from_the_same_text_of_another_kind_and_from_ids_made_here() {
        let text = given(GivenForm::Text(GivenText::number("41631014").unwrap()));
        assert_ne!(text.id_of(ObjectKind::User), text.id_of(ObjectKind::Payout));
        assert_eq!(text.id_of(ObjectKind::PayIn), text.id_of(ObjectKind::Refund));
        assert_eq!(GivenText::of_id(text.id_of(ObjectKind::User), PaymentId::SPACE), None);
        let made = Uid::from_bits(0x0192_7a1b_2c3d_7e4f_8a5b_6c7d_8e9f_a0b1);
        assert_eq!(given(GivenForm::Id(made)).id_of(ObjectKind::User), made);
        assert_eq!(GivenText::of_id(made, UserId::SPACE), None);
        assert_eq!(GivenText::of_id(Uid::from_bits(0xffff << 112), 0), None, "no text is empty");
    }

    #[test]
    fn an_id_is_given_once_for_what_its_prefix_says_and_in_a_sandbox_only() {
        let mut world = World::new();
        let text = |text, named| Given { form: GivenForm::Text(GivenText::behind_prefix(text).unwrap()), named };
        let taken = |by| Some(GivenIdRefused::Taken { by, is_foreign: false });
        assert_eq!(world.give(text("1", Some(ObjectKind::Wallet)), ObjectKind::Wallet), None);
        assert_eq!(world.give(text("1", None), ObjectKind::Wallet), taken(None));
        assert_eq!(world.give(text("1", None), ObjectKind::User), None, "a text names one thing of each kind");
        assert_eq!(world.give(text("1", None), ObjectKind::PayIn), None);
        assert_eq!(world.give(text("1", None), ObjectKind::Refund), taken(None), "payments are of one kind there");
        let other = GivenIdRefused::OtherKind { named: ObjectKind::PayIn, made: ObjectKind::Payout };
        assert_eq!(world.give(text("2", Some(ObjectKind::PayIn)), ObjectKind::Payout), Some(other));
        world.change_platform(|platform| platform.environment = crate::platform::Environment::Production);
        assert_eq!(world.give(text("3", None), ObjectKind::Wallet), Some(GivenIdRefused::NotASandbox));
    }

    proptest! {
        #[test]
        fn every_text_reads_back(text in "[A-Za-z0-9_-]{1,17}", space in 0_u8..32, had_prefix: bool) {
            let given = GivenText::of(&text, had_prefix).unwrap();
            let found = GivenText::of_id(given.id(space), space).unwrap();
            prop_assert_eq!(found, given);
            prop_assert_eq!(text_of(found), text);
        }

        #[test]
        fn an_id_that_is_a_text_is_that_text_only(bits: u128, space in 0_u8..32) {
            let id = Uid::from_bits(bits | (0xffff << 112));
            if let Some(text) = GivenText::of_id(id, space) {
                prop_assert_eq!(GivenText::of(&text_of(text), text.had_prefix()).unwrap().id(space), id);
            }
        }
    }
}
