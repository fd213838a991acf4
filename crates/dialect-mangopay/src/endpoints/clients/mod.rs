//! The platform itself: its client object, its logo, its own wallets. Source: reference, people part, 3.

pub mod logo;
pub mod wallets;

use domain::Secret;
use domain::platform::{ClientProfile, Licensor, UpdateClient};
use serde::Serialize;

use crate::call::{Call, View, WireResponse, json, json_bytes};
use crate::wire::Fields;
use crate::wire::address::{AddressBody, shown};
use crate::wire::error::WireError;
use crate::wire::fields::{EMAIL_PATTERN, TEXT_MAX, is_email, mismatch};

/// Characters of an e-mail address of the platform's; longer ones keep some payments from being processed.
const EMAIL_MAX: usize = 40;
/// Characters of a phone number. Its form is not judged: the official SDK's suite sends a few digits.
const PHONE_MAX: usize = 15;
const DESCRIPTION_MAX: usize = 2_000;
const COLOUR_PATTERN: &str = "^#[0-9a-fA-F]{6}$";

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ClientBody<'a> {
    /// Replaced by the categorization.
    platform_type: Option<()>,
    client_id: &'a str,
    name: &'a str,
    registered_name: &'a str,
    tech_emails: Vec<&'a str>,
    admin_emails: Vec<&'a str>,
    billing_emails: Vec<&'a str>,
    fraud_emails: Vec<&'a str>,
    headquarters_address: AddressBody<'a>,
    headquarters_phone_number: Option<&'a str>,
    tax_number: Option<&'a str>,
    platform_categorization: CategorizationBody<'a>,
    #[serde(rename = "PlatformURL")]
    platform_url: Option<&'a str>,
    platform_description: Option<&'a str>,
    company_reference: Option<&'a str>,
    primary_theme_colour: Option<&'a str>,
    primary_button_colour: Option<&'a str>,
    logo: Option<String>,
    company_number: Option<&'a str>,
    #[serde(rename = "MCC")]
    mcc: Option<&'a str>,
    licensor: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CategorizationBody<'a> {
    business_type: Option<&'a str>,
    sector: Option<&'a str>,
}

/// `GET /clients`.
pub async fn view(call: &Call) -> Result<WireResponse, WireError> {
    let record = call.record::<ClientProfile>(call.ctx().platform).await?;
    let profile = record.and_then(|record| record.body::<ClientProfile>()).unwrap_or_default();
    Ok(json(&body(call.view(), &call.dialect().config.public_url, &profile)))
}

/// `PUT /clients`: what is absent stays, and what only the institution may change is ignored.
pub async fn update(call: &Call) -> Result<WireResponse, WireError> {
    let update = read(call.fields()?)?;
    let public_url = call.dialect().config.public_url.clone();
    call.submit(update, move |view, result| match result {
        Ok(profile) => Ok(json_bytes(&body(view, &public_url, profile))),
        Err(never) => match *never {},
    })
    .await
}

fn read(mut fields: Fields<'_>) -> Result<UpdateClient, WireError> {
    let update = UpdateClient {
        tech_emails: emails(&mut fields, "TechEmails"),
        admin_emails: emails(&mut fields, "AdminEmails"),
        billing_emails: emails(&mut fields, "BillingEmails"),
        fraud_emails: emails(&mut fields, "FraudEmails"),
        headquarters: fields.address("HeadquartersAddress").optional(),
        headquarters_phone: fields.secret("HeadquartersPhoneNumber", PHONE_MAX).optional(),
        tax_number: fields.text("TaxNumber", TEXT_MAX).optional(),
        url: fields.text("PlatformURL", TEXT_MAX).optional(),
        description: fields.text("PlatformDescription", DESCRIPTION_MAX).optional(),
        theme_colour: colour(&mut fields, "PrimaryThemeColour"),
        button_colour: colour(&mut fields, "PrimaryButtonColour"),
    };
    fields.finish()?;
    Ok(update)
}

/// E-mail addresses in an array; an empty array takes all away.
fn emails(fields: &mut Fields<'_>, name: &'static str) -> Option<Vec<Secret<String>>> {
    if !fields.has(name) {
        return None;
    }
    let emails = fields.texts(name).optional().unwrap_or_default();
    for email in &emails {
        if email.chars().count() > EMAIL_MAX {
            fields.note(name, format!("The field {name} must be a string with a maximum length of {EMAIL_MAX}."));
        } else if !is_email(email) {
            fields.note(name, mismatch(name, EMAIL_PATTERN));
        }
    }
    Some(emails.into_iter().map(Secret::new).collect())
}

fn colour(fields: &mut Fields<'_>, name: &'static str) -> Option<String> {
    let colour = fields.text(name, TEXT_MAX).optional()?;
    let digits = colour.strip_prefix('#').unwrap_or("");
    if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        fields.note(name, mismatch(name, COLOUR_PATTERN));
    }
    Some(colour)
}

fn body<'a>(view: &'a View, public_url: &str, profile: &'a ClientProfile) -> ClientBody<'a> {
    ClientBody {
        platform_type: None,
        client_id: &view.client_id,
        name: profile.name.as_deref().unwrap_or(&view.client_id),
        registered_name: profile.registered_name.as_deref().unwrap_or(&view.client_id),
        tech_emails: texts(&profile.tech_emails),
        admin_emails: texts(&profile.admin_emails),
        billing_emails: texts(&profile.billing_emails),
        fraud_emails: texts(&profile.fraud_emails),
        headquarters_address: (&profile.headquarters).into(),
        headquarters_phone_number: shown(&profile.headquarters_phone),
        tax_number: profile.tax_number.as_deref(),
        platform_categorization: CategorizationBody { business_type: profile.business_type.as_deref(), sector: profile.sector.as_deref() },
        platform_url: profile.url.as_deref(),
        platform_description: profile.description.as_deref(),
        company_reference: profile.company_reference.as_deref(),
        primary_theme_colour: profile.theme_colour.as_deref(),
        primary_button_colour: profile.button_colour.as_deref(),
        logo: profile.logo.map(|_| logo::url(public_url, view.platform)),
        company_number: profile.company_number.as_deref(),
        mcc: profile.merchant_category.as_deref(),
        licensor: match profile.licensor {
            Licensor::Eu => "EU",
            Licensor::Uk => "UK",
        },
    }
}

fn texts(secrets: &[Secret<String>]) -> Vec<&str> {
    secrets.iter().map(|secret| secret.expose().as_str()).collect()
}
