//! How ids are spelled: a kind's prefix and the 128 bits as a ULID (26 Crockford digits).
//!
//! Other spellings lead to ids too: `FEES_EUR` and `CREDIT_EUR` to a platform's own accounts, and short texts
//! behind the prefix, or numbers, to what fixtures and imports brought along under them ([`domain::GivenText`]). A UUID
//! is read as the id of any kind, and shown as that kind's prefix and ULID.
//! Ids are case-sensitive, and a prefix only ever names its own kind.

use std::fmt;
use std::sync::Arc;

use domain::{Given, GivenForm, GivenText, ObjectKind, PlatformId, WalletId};
use ledger::{AccountId, Role, Uid};
use money::Currency;
use serde::{Serialize, Serializer};

/// Digits of a ULID.
const ULID_LENGTH: usize = 26;
/// The longest prefix has ten characters.
const LONGEST: usize = 10 + ULID_LENGTH;
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const NO_DIGIT: u8 = 0xff;
const VALUES: [u8; 256] = values();

macro_rules! prefixes {
    ($($prefix:ident $text:literal $doc:literal;)*) => {
        /// Which kind of thing an id names.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Prefix { $(#[doc = $doc] $prefix,)* }

        impl Prefix {
            /// Every prefix.
            pub const ALL: &'static [Prefix] = &[$(Prefix::$prefix,)*];

            /// The letters before the ULID.
            #[must_use]
            pub const fn text(self) -> &'static str { match self { $(Prefix::$prefix => $text,)* } }
        }
    };
}

prefixes! {
    User "user_m_" "A user, natural or legal.";
    Wallet "wlt_m_" "A user's wallet.";
    PayIn "payin_m_" "A pay-in.";
    Transfer "xfer_m_" "A transfer, or the transfer that settles a dispute.";
    Payout "po_m_" "A payout.";
    Refund "refund_m_" "A refund of a pay-in, a transfer or a payout.";
    Repudiation "repud_m_" "Money a bank took back.";
    Card "card_m_" "A card.";
    CardRegistration "cardreg_m_" "A card registration.";
    CardValidation "cardval_m_" "A card validation.";
    BankAccount "bankacc_m_" "A bank account.";
    Hook "hook_m_" "A hook.";
}

impl Prefix {
    /// What it stands before.
    #[must_use]
    pub const fn names(self) -> ObjectKind {
        match self {
            Self::User => ObjectKind::User,
            Self::Wallet => ObjectKind::Wallet,
            Self::PayIn => ObjectKind::PayIn,
            Self::Transfer => ObjectKind::Transfer,
            Self::Payout => ObjectKind::Payout,
            Self::Refund => ObjectKind::Refund,
            Self::Repudiation => ObjectKind::Repudiation,
            Self::Card => ObjectKind::Card,
            Self::CardRegistration => ObjectKind::CardRegistration,
            Self::CardValidation => ObjectKind::CardValidation,
            Self::BankAccount => ObjectKind::BankAccount,
            Self::Hook => ObjectKind::Hook,
        }
    }

    /// What tells the texts given for this kind's ids from those of others.
    const fn space(self) -> u8 {
        self.names().space()
    }
}

const fn values() -> [u8; 256] {
    let mut values = [NO_DIGIT; 256];
    let mut place = 0;
    while place < DIGITS.len() {
        #[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "evaluated when compiled; both arrays are longer")]
        {
            values[DIGITS[place] as usize] = place as u8;
            place += 1;
        }
    }
    values
}

/// An id as it goes on the wire, kept in place: made without allocating. A platform's name for itself may stand for one.
#[derive(Clone)]
pub struct IdText(Text);

#[derive(Clone)]
enum Text {
    Short { bytes: [u8; LONGEST], length: u8 },
    Shared(Arc<str>),
}

impl IdText {
    /// Pieces put one after the other; what goes beyond the longest id is cut off.
    fn of(pieces: &[&[u8]]) -> Self {
        let mut bytes = [0; LONGEST];
        let mut length = 0_u8;
        for (to, from) in bytes.iter_mut().zip(pieces.iter().copied().flatten()) {
            *to = *from;
            length = length.saturating_add(1);
        }
        Self(Text::Short { bytes, length })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Short { bytes, length } => bytes.get(..usize::from(*length)).and_then(|text| str::from_utf8(text).ok()).unwrap_or(""),
            Text::Shared(text) => text,
        }
    }
}

impl From<Arc<str>> for IdText {
    fn from(text: Arc<str>) -> Self {
        Self(Text::Shared(text))
    }
}

impl Serialize for IdText {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl fmt::Display for IdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for IdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The spelling of an id: the text it was given as, else the prefix and the ULID.
#[must_use]
pub fn spell(prefix: Prefix, id: Uid) -> IdText {
    let Some(given) = GivenText::of_id(id, prefix.space()) else {
        return IdText::of(&[prefix.text().as_bytes(), &ulid(id)]);
    };
    let (characters, length) = given.characters();
    let text = characters.get(characters.len().saturating_sub(length)..).unwrap_or_default();
    if given.had_prefix() { IdText::of(&[prefix.text().as_bytes(), text]) } else { IdText::of(&[text]) }
}

/// The 26 digits of an id, most significant first.
fn ulid(id: Uid) -> [u8; ULID_LENGTH] {
    let mut digits = [b'0'; ULID_LENGTH];
    let mut bits = id.bits();
    for digit in digits.iter_mut().rev() {
        let value = usize::try_from(bits & 31).unwrap_or(0);
        *digit = DIGITS.get(value).copied().unwrap_or(b'0');
        bits >>= 5;
    }
    digits
}

/// The id that a text names, if it is of one of the kinds.
#[must_use]
pub fn parse(accepted: &[Prefix], text: &str) -> Option<Uid> {
    accepted.iter().find_map(|prefix| match text.strip_prefix(prefix.text()) {
        Some(rest) => parse_ulid(rest).or_else(|| Some(GivenText::behind_prefix(rest)?.id(prefix.space()))),
        None => parse_uuid(text).or_else(|| Some(GivenText::number(text)?.id(prefix.space()))),
    })
}

/// An id that whoever brings an object along gives it: a ULID or a short text behind a prefix, a UUID, or a number.
#[must_use]
pub fn given(text: &str) -> Option<Given> {
    let known = Prefix::ALL.iter().find_map(|prefix| Some((prefix.names(), text.strip_prefix(prefix.text())?)));
    let (named, rest) = known.map_or((None, text), |(named, rest)| (Some(named), rest));
    if let Some(id) = parse_ulid(rest).or_else(|| Uid::parse(text)) {
        return Some(Given { form: GivenForm::Id(id), named });
    }
    let text = if named.is_some() { GivenText::behind_prefix(rest) } else { GivenText::number(rest) };
    text.map(|text| Given { form: GivenForm::Text(text), named })
}

/// Reads a UUID with its hyphens (8-4-4-4-12), in either case. Without a prefix it names whatever kind is looked for.
fn parse_uuid(text: &str) -> Option<Uid> {
    if text.contains('-') { Uid::parse(text) } else { None }
}

/// Reads 26 digits. The first may be at most 7: more would not fit 128 bits.
fn parse_ulid(digits: &str) -> Option<Uid> {
    if digits.len() != ULID_LENGTH || digits.as_bytes().first().is_none_or(|first| !(b'0'..=b'7').contains(first)) {
        return None;
    }
    let mut bits: u128 = 0;
    for digit in digits.bytes() {
        match VALUES.get(usize::from(digit)).copied() {
            Some(value) if value != NO_DIGIT => bits = (bits << 5) | u128::from(value),
            _ => return None,
        }
    }
    Some(Uid::from_bits(bits))
}

/// What a wallet id names: a user's wallet, or one of the platform's own accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WalletName {
    /// A user's wallet.
    User(WalletId),
    /// `FEES_EUR` or `CREDIT_EUR`: [`Role::Fees`] or [`Role::Credit`] in a currency.
    Own(Role, Currency),
}

impl WalletName {
    /// The ledger account behind it.
    #[must_use]
    pub fn account(self, platform: PlatformId) -> AccountId {
        match self {
            Self::User(id) => id.account(),
            Self::Own(role, currency) => AccountId::of_chart(platform.0, role, currency),
        }
    }

    fn parse_own(text: &str) -> Option<Self> {
        let (funds_type, currency) = text.split_once('_')?;
        let role = OWN_ROLES.into_iter().find(|role| funds_type_of(*role) == Some(funds_type))?;
        Some(Self::Own(role, currency.parse().ok()?))
    }
}

/// The roles of a platform's own accounts that have an id on the wire.
pub const OWN_ROLES: [Role; 2] = [Role::Fees, Role::Credit];

/// The `FundsType` of a platform's own account.
#[must_use]
pub fn funds_type_of(role: Role) -> Option<&'static str> {
    match role {
        Role::Fees => Some("FEES"),
        Role::Credit => Some("CREDIT"),
        _ => None,
    }
}

/// The role that a `{FundsType}` segment of a path names, in either case: clients send `fees` too.
#[must_use]
pub fn role_of_path(segment: &str) -> Option<Role> {
    OWN_ROLES.into_iter().find(|role| funds_type_of(*role).is_some_and(|text| text.eq_ignore_ascii_case(segment)))
}

/// How the ids of one platform are spelled and read.
#[derive(Clone, Copy, Debug)]
pub struct Spelling {
    platform: PlatformId,
}

impl Spelling {
    /// The spelling of a platform.
    #[must_use]
    pub const fn new(platform: PlatformId) -> Self {
        Self { platform }
    }

    /// An id's text.
    #[must_use]
    pub fn spell(&self, prefix: Prefix, id: impl Into<Uid>) -> IdText {
        spell(prefix, id.into())
    }

    /// The text of an account: `FEES_EUR` or `CREDIT_EUR` for the platform's own, else a wallet's id.
    #[must_use]
    pub fn spell_account(&self, account: AccountId, currency: Currency) -> IdText {
        // Ids of the chart are of version 8; a wallet's may be so too where an import gave it.
        if (account.0.bits() >> 76) & 0xf == 8 {
            let is_own = |role: &Role| AccountId::of_chart(self.platform.0, *role, currency) == account;
            if let Some(funds_type) = OWN_ROLES.into_iter().find(is_own).and_then(funds_type_of) {
                return IdText::of(&[funds_type.as_bytes(), b"_", currency.code().as_bytes()]);
            }
        }
        self.spell(Prefix::Wallet, account.0)
    }

    /// The id that a text names, if it is of one of the kinds.
    #[must_use]
    pub fn parse<I: From<Uid>>(&self, accepted: &[Prefix], text: &str) -> Option<I> {
        parse(accepted, text).map(I::from)
    }

    /// What a wallet id names.
    #[must_use]
    pub fn parse_wallet(&self, text: &str) -> Option<WalletName> {
        WalletName::parse_own(text).or_else(|| self.parse(&[Prefix::Wallet], text).map(WalletName::User))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLATFORM: PlatformId = PlatformId(Uid::from_bits(9));

    fn plain() -> Spelling {
        Spelling::new(PLATFORM)
    }

    #[test]
    fn a_spelling_is_the_prefix_and_the_ulid() {
        let id = Uid::from_bits(0x0192_7a1b_2c3d_7e4f_8a5b_6c7d_8e9f_a0b1);
        assert_eq!(spell(Prefix::User, id).as_str(), "user_m_01J9X1PB1XFS7RMPVCFP79Z85H");
        assert_eq!(spell(Prefix::CardRegistration, Uid::from_bits(u128::MAX)).as_str(), "cardreg_m_7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        assert_eq!(spell(Prefix::Wallet, Uid::from_bits(0)).as_str(), "wlt_m_00000000000000000000000000");
        assert_eq!(
            parse(&[Prefix::User], "user_m_01JRFJJN9BR864A4KG7MH1WCZG").map(|id| spell(Prefix::User, id).to_string()).as_deref(),
            Some("user_m_01JRFJJN9BR864A4KG7MH1WCZG")
        );
    }

    #[test]
    fn what_is_no_id_of_the_kind_is_refused() {
        for text in [
            "",
            "user_m_",
            "01JRFJJN9BR864A4KG7MH1WCZG",
            "wlt_m_01JRFJJN9BR864A4KG7MH1WCZG",
            "user_m_01jrfjjn9br864a4kg7mh1wczg",
            "USER_M_01JRFJJN9BR864A4KG7MH1WCZG",
            "user_m_81JRFJJN9BR864A4KG7MH1WCZG",
            "user_m_01JRFJJN9BR864A4KG7MH1WCZ",
            "user_m_01JRFJJN9BR864A4KG7MH1WCZGG",
            "user_m_01JRFJJN9BR864A4KG7MH1WCZI",
            "user_m_01JRFJJN9BR864A4KG7MH1WCZ\u{e9}",
            "user_m_01JRFJJN9BR864A4KG7MH1WC-G",
        ] {
            assert_eq!(parse(&[Prefix::User], text), None, "{text}");
        }
        assert!(parse(&[Prefix::User, Prefix::Wallet], "wlt_m_01JRFJJN9BR864A4KG7MH1WCZG").is_some());
    }

    #[test]
    fn a_uuid_is_read_as_the_id_of_any_kind() {
        let id = Uid::from_bits(0x0192_7a1b_2c3d_7e4f_8a5b_6c7d_8e9f_a0b1);
        for prefix in Prefix::ALL {
            for text in ["01927a1b-2c3d-7e4f-8a5b-6c7d8e9fa0b1", "01927A1B-2C3D-7E4F-8A5B-6C7D8E9FA0B1"] {
                assert_eq!(parse(&[*prefix], text), Some(id), "{text}");
            }
            for text in ["01927a1b2c3d7e4f8a5b6c7d8e9fa0b1", "01927a1b-2c3d-7e4f-8a5b-6c7d8e9fa0bg", "01927a1b-2c3d-7e4f-8a5b6c7d8e9fa0b1"]
            {
                assert_eq!(parse(&[*prefix], text), None, "{text}");
            }
        }
        assert_eq!(plain().parse_wallet(&id.to_string()), Some(WalletName::User(WalletId(id))));
    }

    #[test]
    fn prefixes_are_unique_and_fit() {
        for prefix in Prefix::ALL {
            assert_eq!(Prefix::ALL.iter().filter(|other| other.text() == prefix.text()).count(), 1);
            assert!(prefix.text().len() + ULID_LENGTH <= LONGEST);
        }
    }

    #[test]
    fn own_accounts_have_names_of_their_own() {
        let spelling = plain();
        for (role, currency, text) in [(Role::Fees, Currency::EUR, "FEES_EUR"), (Role::Credit, Currency::GBP, "CREDIT_GBP")] {
            let name = WalletName::Own(role, currency);
            assert_eq!(spelling.parse_wallet(text), Some(name));
            assert_eq!(spelling.spell_account(name.account(PLATFORM), currency).as_str(), text);
        }
        for text in ["fees_EUR", "FEES_eur", "FEES_XXX", "FEES", "FEES_EUR_", "DEFAULT_EUR", ""] {
            assert_eq!(spelling.parse_wallet(text), None, "{text}");
        }
        assert_eq!(role_of_path("fees"), Some(Role::Fees));
        assert_eq!(role_of_path("Credit"), Some(Role::Credit));
        assert_eq!(role_of_path("DEFAULT"), None);
    }

    #[test]
    fn a_wallet_of_another_version_is_still_a_wallet() {
        let id = Uid::from_bits(8 << 76);
        assert_eq!(plain().spell_account(AccountId(id), Currency::EUR).as_str(), spell(Prefix::Wallet, id).as_str());
        let foreign = AccountId::of_chart(Uid::from_bits(1), Role::Fees, Currency::EUR);
        assert!(plain().spell_account(foreign, Currency::EUR).as_str().starts_with("wlt_m_"));
    }

    #[test]
    fn a_given_text_leads_both_ways_and_for_its_kind() {
        for text in ["41631014", "user_m_seller-1", "user_m_S"] {
            let given = given(text).unwrap();
            assert_eq!(given.named, text.starts_with("user_m_").then_some(ObjectKind::User));
            let id = given.id_of(ObjectKind::User);
            assert_eq!(spell(Prefix::User, id).as_str(), text);
            assert_eq!(parse(&[Prefix::User], text), Some(id));
            assert_ne!(parse(&[Prefix::Wallet], text), Some(id));
            assert!(spell(Prefix::Wallet, id).as_str().starts_with("wlt_m_7Z"), "it is no wallet's text");
        }
        let ulid = "user_m_01JRFJJN9BR864A4KG7MH1WCZG";
        assert_eq!(given(ulid).map(|given| given.form), parse(&[Prefix::User], ulid).map(GivenForm::Id));
        let uuid = "0192e1a9-c4bc-7d2e-8f01-23456789abcd";
        assert_eq!(given(uuid), Uid::parse(uuid).map(|id| Given { form: GivenForm::Id(id), named: None }));
        assert_eq!(parse(&[Prefix::User], "wlt_m_a"), None, "a prefix only ever names its own kind");
        assert_eq!((given(""), given("user_m_"), given("123456789012345678"), given("seller")), (None, None, None, None));
    }

    proptest! {
        #[test]
        fn every_id_reads_back(bits: u128, prefix in prop::sample::select(Prefix::ALL)) {
            let id = Uid::from_bits(bits);
            prop_assert_eq!(parse(&[prefix], spell(prefix, id).as_str()), Some(id));
        }

        #[test]
        fn spelling_keeps_order(a in 0..u128::MAX >> 1, b in 0..u128::MAX >> 1) {
            let (left, right) = (spell(Prefix::User, Uid::from_bits(a)), spell(Prefix::User, Uid::from_bits(b)));
            prop_assert_eq!(a.cmp(&b), left.as_str().cmp(right.as_str()));
        }
    }
}
