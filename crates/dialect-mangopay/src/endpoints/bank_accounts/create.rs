//! Taking up bank accounts: a route for each kind, each with its own fields.

use domain::bank_account::{AccountHolder, BankDetails, Bic, DepositAccountType, Iban, RegisterBankAccount, RegisterBankAccountError};
use domain::user::Address;
use domain::{Secret, UserId};

use super::rendered;
use crate::call::{Call, WireResponse};
use crate::router::Version;
use crate::wire::error::WireError;
use crate::wire::fields::{TEXT_MAX, mismatch};
use crate::wire::{Fields, Prefix};

const BIC_TEXT: &str = r"The value is not a valid BIC, or must match '^[a-zA-Z]{6}\w{2}(\w{3})?$'";
const IBAN_TEXT: &str = "The value is not a valid IBAN";
/// The documents say that these countries are refused, and not with which words.
const COUNTRY_TEXT: &str = "Bank accounts in this country are not accepted";

const DEPOSITS: &[(&str, DepositAccountType)] = &[("CHECKING", DepositAccountType::Checking), ("SAVINGS", DepositAccountType::Savings)];

/// What a text has to be made of.
struct Form {
    /// As the vendor tells it.
    pattern: &'static str,
    lengths: std::ops::RangeInclusive<usize>,
    takes: fn(&u8) -> bool,
}

const SORT_CODE: Form = Form { pattern: r"\d{6}", lengths: 6..=6, takes: u8::is_ascii_digit };
const GB_NUMBER: Form = Form { pattern: r"\d{8}", lengths: 8..=8, takes: u8::is_ascii_digit };
const ABA: Form = Form { pattern: r"\d{9}", lengths: 9..=9, takes: u8::is_ascii_digit };
const US_NUMBER: Form = Form { pattern: r"\d+", lengths: 1..=TEXT_MAX, takes: u8::is_ascii_digit };
const BRANCH_CODE: Form = Form { pattern: r"^\d{5}$", lengths: 5..=5, takes: u8::is_ascii_digit };
const INSTITUTION_NUMBER: Form = Form { pattern: r"^\d{3,4}$", lengths: 3..=4, takes: u8::is_ascii_digit };
const CA_NUMBER: Form = Form { pattern: r"^\d{7,35}$", lengths: 7..=35, takes: u8::is_ascii_digit };
const OTHER_NUMBER: Form = Form { pattern: r"^[a-zA-Z0-9]{5,35}$", lengths: 5..=35, takes: u8::is_ascii_alphanumeric };
/// Letters of any language, digits and blanks.
const BANK_NAME_MAX: usize = 50;
const BANK_NAME_PATTERN: &str = r"^[\w\s]{1,50}$";

/// `POST /users/{UserId}/bankaccounts/iban`.
pub async fn create_iban(call: &Call) -> Result<WireResponse, WireError> {
    create(call, iban).await
}

/// `POST /users/{UserId}/bankaccounts/gb`.
pub async fn create_gb(call: &Call) -> Result<WireResponse, WireError> {
    create(call, |fields| {
        let account_number = formed(fields, "AccountNumber", &GB_NUMBER);
        let sort_code = formed(fields, "SortCode", &SORT_CODE);
        Some(BankDetails::Gb { account_number: Secret::new(account_number?), sort_code: sort_code? })
    })
    .await
}

/// `POST /users/{UserId}/bankaccounts/us`. The check digit of an ABA is not looked at.
pub async fn create_us(call: &Call) -> Result<WireResponse, WireError> {
    create(call, |fields| {
        let account_number = formed(fields, "AccountNumber", &US_NUMBER);
        let aba = formed(fields, "ABA", &ABA);
        let deposit_account_type = fields.one_of("DepositAccountType", DEPOSITS).optional().unwrap_or(DepositAccountType::Checking);
        Some(BankDetails::Us { account_number: Secret::new(account_number?), aba: aba?, deposit_account_type })
    })
    .await
}

/// `POST /users/{UserId}/bankaccounts/ca`.
pub async fn create_ca(call: &Call) -> Result<WireResponse, WireError> {
    create(call, |fields| {
        let account_number = formed(fields, "AccountNumber", &CA_NUMBER);
        let institution_number = formed(fields, "InstitutionNumber", &INSTITUTION_NUMBER);
        let branch_code = formed(fields, "BranchCode", &BRANCH_CODE);
        let bank_name = bank_name(fields);
        let account_number = Secret::new(account_number?);
        let (institution_number, branch_code) = (institution_number?, branch_code?);
        Some(BankDetails::Ca { account_number, bank_name: bank_name?, institution_number, branch_code })
    })
    .await
}

/// `POST /users/{UserId}/bankaccounts/other`. The country of the BIC need not be that of the account.
pub async fn create_other(call: &Call) -> Result<WireResponse, WireError> {
    create(call, |fields| {
        let account_number = formed(fields, "AccountNumber", &OTHER_NUMBER);
        let text = fields.text("BIC", TEXT_MAX).required();
        let bic = text.and_then(|text| parsed(fields, "BIC", BIC_TEXT, Bic::parse(&text)));
        let country = fields.country("Country").required();
        Some(BankDetails::Other { country: country?, bic: bic?, account_number: Secret::new(account_number?) })
    })
    .await
}

/// `POST /clients/bankaccounts/iban`: one of the platform's own.
pub async fn create_client_iban(call: &Call) -> Result<WireResponse, WireError> {
    let register = read(call, AccountHolder::Platform(call.ctx().platform), iban)?;
    submit(call, register, String::new()).await
}

async fn create(call: &Call, details: impl FnOnce(&mut Fields<'_>) -> Option<BankDetails>) -> Result<WireResponse, WireError> {
    let text = call.param("UserId").into_owned();
    let user: UserId = call.spelling().parse(&[Prefix::User], &text).ok_or_else(|| WireError::not_found("User", &text))?;
    let register = read(call, AccountHolder::User(user), details)?;
    submit(call, register, text).await
}

fn read(
    call: &Call,
    owner: AccountHolder,
    details: impl FnOnce(&mut Fields<'_>) -> Option<BankDetails>,
) -> Result<RegisterBankAccount, WireError> {
    let mut fields = call.fields()?;
    let holder_address = address(call.view().version, &mut fields);
    let details = details(&mut fields);
    let holder_name = fields.secret("OwnerName", TEXT_MAX).required();
    let tag = fields.tag();
    let (Some(holder_address), Some(details), Some(holder_name)) = (holder_address, details, holder_name) else {
        return Err(fields.into_error());
    };
    fields.finish()?;
    Ok(RegisterBankAccount { owner, holder_name, holder_address, details, tag })
}

async fn submit(call: &Call, register: RegisterBankAccount, user: String) -> Result<WireResponse, WireError> {
    let country_field = match &register.details {
        BankDetails::Iban { .. } => "IBAN",
        BankDetails::Gb { .. } | BankDetails::Us { .. } | BankDetails::Ca { .. } | BankDetails::Other { .. } => "Country",
    };
    call.submit(register, move |view, result| match result {
        Ok(record) => rendered(view, record),
        Err(RegisterBankAccountError::OwnerNotFound) => Err(WireError::not_found("User", &user)),
        Err(RegisterBankAccountError::OwnerClosed) => Err(WireError::user_closed()),
        Err(RegisterBankAccountError::CountryClosed) => Err(WireError::wrong_field(country_field, COUNTRY_TEXT)),
        Err(RegisterBankAccountError::HolderCountryClosed) => Err(WireError::wrong_field("OwnerAddress.Country", COUNTRY_TEXT)),
    })
    .await
}

fn iban(fields: &mut Fields<'_>) -> Option<BankDetails> {
    let text = fields.secret("IBAN", TEXT_MAX).required();
    let iban = text.and_then(|text| parsed(fields, "IBAN", IBAN_TEXT, Iban::parse(text.expose())));
    let text = fields.text("BIC", TEXT_MAX).optional();
    let bic = text.and_then(|text| parsed(fields, "BIC", BIC_TEXT, Bic::parse(&text)));
    Some(BankDetails::Iban { iban: Secret::new(iban?), bic })
}

/// The oldest version has an address as one line.
fn address(version: Version, fields: &mut Fields<'_>) -> Option<Address> {
    match version {
        Version::V2 => {
            let line = fields.secret("OwnerAddress", TEXT_MAX).required()?;
            Some(Address { one_line: Some(line), ..Address::default() })
        }
        Version::V2_01 | Version::V3 => fields.address("OwnerAddress").required(),
    }
}

/// A required text of a form; one that is not is noted.
fn formed(fields: &mut Fields<'_>, name: &'static str, form: &Form) -> Option<String> {
    let text = fields.text(name, TEXT_MAX).required()?;
    let is_formed = form.lengths.contains(&text.len()) && text.as_bytes().iter().all(form.takes);
    parsed(fields, name, &mismatch(name, form.pattern), is_formed.then_some(text))
}

fn bank_name(fields: &mut Fields<'_>) -> Option<String> {
    let text = fields.text("BankName", TEXT_MAX).required()?;
    let is_name =
        text.chars().count() <= BANK_NAME_MAX && text.chars().all(|one| one.is_alphanumeric() || one.is_whitespace() || one == '_');
    parsed(fields, "BankName", &mismatch("BankName", BANK_NAME_PATTERN), is_name.then_some(text))
}

/// What was read from a field, or a note that it could not be.
fn parsed<T>(fields: &mut Fields<'_>, name: &'static str, text: &str, parsed: Option<T>) -> Option<T> {
    if parsed.is_none() {
        fields.note(name, text.to_owned());
    }
    parsed
}
