//! What a platform says about itself: the object its payers and its bank are shown.

use ledger::Uid;
use serde::{Deserialize, Serialize};

use crate::user::Address;
use crate::{Command, Desk, Kind, PlatformId, Resource, Sealing, Secret};

/// Which legal entity of the institution serves the platform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Licensor {
    /// The one of the European Union.
    #[default]
    Eu,
    /// The one of the United Kingdom.
    Uk,
}

/// What a platform says about itself. One a platform, under the platform's own id; until somebody says something
/// it is not stored, and reads as [`ClientProfile::default`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientProfile {
    /// Trading name, where it is not the platform's client id.
    pub name: Option<String>,
    /// Registered name, where it is not the platform's client id.
    pub registered_name: Option<String>,
    /// Whom to write to about technical matters.
    pub tech_emails: Vec<Secret<String>>,
    /// Whom to write to about administrative matters.
    pub admin_emails: Vec<Secret<String>>,
    /// Whom to write to about bills.
    pub billing_emails: Vec<Secret<String>>,
    /// Whom to write to about fraud.
    pub fraud_emails: Vec<Secret<String>>,
    /// Where it sits.
    pub headquarters: Address,
    /// Its phone number, as given.
    pub headquarters_phone: Option<Secret<String>>,
    /// Its tax number.
    pub tax_number: Option<String>,
    /// Kind of business, in the institution's words.
    pub business_type: Option<String>,
    /// Sector, in the institution's words.
    pub sector: Option<String>,
    /// Where it is on the web.
    pub url: Option<String>,
    /// What it does.
    pub description: Option<String>,
    /// The institution's own reference of it.
    pub company_reference: Option<String>,
    /// Colour of its pages, `#rrggbb`.
    pub theme_colour: Option<String>,
    /// Colour of the buttons on its pages, `#rrggbb`.
    pub button_colour: Option<String>,
    /// Number in its company register.
    pub company_number: Option<String>,
    /// Four digits: the merchant category.
    pub merchant_category: Option<String>,
    /// Who serves it.
    pub licensor: Licensor,
    /// The format of its logo, where it has one.
    pub logo: Option<ImageFormat>,
}

impl Resource for ClientProfile {
    const KIND: &'static Kind = &Kind::of::<Self>(20, "client_profile", 1, Sealing::Platform);
    type Id = PlatformId;

    fn owner(&self) -> Option<Uid> {
        None
    }

    fn status(&self) -> &'static str {
        "current"
    }
}

/// What a platform may say about itself; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct UpdateClient {
    /// Technical contacts.
    pub tech_emails: Option<Vec<Secret<String>>>,
    /// Administrative contacts.
    pub admin_emails: Option<Vec<Secret<String>>>,
    /// Contacts for bills.
    pub billing_emails: Option<Vec<Secret<String>>>,
    /// Contacts for fraud.
    pub fraud_emails: Option<Vec<Secret<String>>>,
    /// Where it sits.
    pub headquarters: Option<Address>,
    /// Its phone number.
    pub headquarters_phone: Option<Secret<String>>,
    /// Its tax number.
    pub tax_number: Option<String>,
    /// Where it is on the web.
    pub url: Option<String>,
    /// What it does.
    pub description: Option<String>,
    /// Colour of its pages.
    pub theme_colour: Option<String>,
    /// Colour of the buttons on its pages.
    pub button_colour: Option<String>,
}

impl Command for UpdateClient {
    /// The profile as it is now.
    type Outcome = ClientProfile;
    type Error = std::convert::Infallible;
    const NAME: &'static str = "client.update";

    /// Source: reference, people part, 3.1.
    fn decide(&self, desk: &mut Desk<'_>) -> Result<ClientProfile, Self::Error> {
        let changes = self.clone();
        Ok(change(desk, |old| ClientProfile {
            tech_emails: changes.tech_emails.unwrap_or(old.tech_emails),
            admin_emails: changes.admin_emails.unwrap_or(old.admin_emails),
            billing_emails: changes.billing_emails.unwrap_or(old.billing_emails),
            fraud_emails: changes.fraud_emails.unwrap_or(old.fraud_emails),
            headquarters: changes.headquarters.unwrap_or(old.headquarters),
            headquarters_phone: changes.headquarters_phone.or(old.headquarters_phone),
            tax_number: changes.tax_number.or(old.tax_number),
            url: changes.url.or(old.url),
            description: changes.description.or(old.description),
            theme_colour: changes.theme_colour.or(old.theme_colour),
            button_colour: changes.button_colour.or(old.button_colour),
            ..old
        }))
    }
}

fn change(desk: &mut Desk<'_>, change: impl FnOnce(ClientProfile) -> ClientProfile) -> ClientProfile {
    let id = desk.ctx().platform;
    desk.note_object(id);
    let record = desk.find_record::<ClientProfile>(id);
    let old = record.as_ref().and_then(|record| record.body::<ClientProfile>());
    let new = change(old.map_or_else(ClientProfile::default, |old| ClientProfile::clone(&old)));
    match record {
        Some(record) => desk.update(&record, new.clone()),
        None => desk.insert(id, new.clone()),
    };
    new
}

/// A format of images, told by how they begin and not by what they are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageFormat {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// GIF.
    Gif,
}

impl ImageFormat {
    /// The format of an image. `None` for anything else.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        const BEGINNINGS: [(&[u8], ImageFormat); 4] = [
            (b"\x89PNG\r\n\x1a\n", ImageFormat::Png),
            (b"\xff\xd8\xff", ImageFormat::Jpeg),
            (b"GIF87a", ImageFormat::Gif),
            (b"GIF89a", ImageFormat::Gif),
        ];
        BEGINNINGS.into_iter().find(|(beginning, _)| bytes.starts_with(beginning)).map(|(_, format)| format)
    }
}

/// A logo at most: it is read with every page that shows it.
pub const LOGO_MAX_BYTES: usize = 1_024 * 1_024;

/// Why an image is no logo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogoError {
    /// It has more than [`LOGO_MAX_BYTES`].
    #[error("the image is too large")]
    TooLarge,
    /// It is neither PNG nor JPEG nor GIF.
    #[error("the image is of another format")]
    UnknownFormat,
}

/// A platform's logo, under the platform's own id.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientLogo {
    format: ImageFormat,
    #[serde(with = "in_base64")]
    bytes: Vec<u8>,
}

impl ClientLogo {
    /// The logo that an image is.
    pub fn new(bytes: Vec<u8>) -> Result<Self, LogoError> {
        if bytes.len() > LOGO_MAX_BYTES {
            return Err(LogoError::TooLarge);
        }
        let format = ImageFormat::of(&bytes).ok_or(LogoError::UnknownFormat)?;
        Ok(Self { format, bytes })
    }

    /// Its format.
    #[must_use]
    pub const fn format(&self) -> ImageFormat {
        self.format
    }

    /// The image.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl std::fmt::Debug for ClientLogo {
    /// Its format and size.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientLogo").field("format", &self.format).field("size_bytes", &self.bytes.len()).finish()
    }
}

impl Resource for ClientLogo {
    const KIND: &'static Kind = &Kind::of::<Self>(21, "client_logo", 1, Sealing::Platform);
    type Id = PlatformId;

    fn owner(&self) -> Option<Uid> {
        None
    }

    fn status(&self) -> &'static str {
        "current"
    }
}

/// Makes an image the platform's logo.
#[derive(Clone, Debug)]
pub struct UploadLogo {
    /// The image.
    pub logo: ClientLogo,
}

impl Command for UploadLogo {
    type Outcome = ();
    type Error = std::convert::Infallible;
    const NAME: &'static str = "client.upload_logo";

    fn decide(&self, desk: &mut Desk<'_>) -> Result<(), Self::Error> {
        let id = desk.ctx().platform;
        let logo = desk.find_record::<ClientLogo>(id);
        change(desk, |old| ClientProfile { logo: Some(self.logo.format), ..old });
        match logo {
            Some(record) => desk.update(&record, self.logo.clone()),
            None => desk.insert(id, self.logo.clone()),
        };
        Ok(())
    }
}

mod in_base64 {
    //! Bytes are stored as base64.

    use std::borrow::Cow;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = Cow::<'de, str>::deserialize(from)?;
        STANDARD.decode(text.as_bytes()).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::workbench::World;

    #[test]
    fn what_is_absent_stays() {
        let mut world = World::new();
        let email = vec![Secret::new("a@b.c".to_owned())];
        let first = UpdateClient { tech_emails: Some(email.clone()), theme_colour: Some("#123456".to_owned()), ..UpdateClient::default() };
        world.run(&first).unwrap();
        let second = UpdateClient { button_colour: Some("#654321".to_owned()), ..UpdateClient::default() };
        let profile = world.run(&second).unwrap();
        let expected = ClientProfile {
            tech_emails: email,
            theme_colour: Some("#123456".to_owned()),
            button_colour: Some("#654321".to_owned()),
            ..ClientProfile::default()
        };
        assert_eq!(profile, expected);
        let platform = world.platform();
        assert_eq!(world.find::<ClientProfile>(platform), Some(expected));
    }

    #[test]
    fn a_logo_is_an_image_of_bounded_size() {
        for (bytes, expected) in [
            (b"\x89PNG\r\n\x1a\nrest".to_vec(), Ok(ImageFormat::Png)),
            (b"\xff\xd8\xff\xe0".to_vec(), Ok(ImageFormat::Jpeg)),
            (b"GIF89a".to_vec(), Ok(ImageFormat::Gif)),
            (b"<svg/>".to_vec(), Err(LogoError::UnknownFormat)),
            (Vec::new(), Err(LogoError::UnknownFormat)),
            ([&b"GIF89a"[..], &vec![0; LOGO_MAX_BYTES]].concat(), Err(LogoError::TooLarge)),
        ] {
            assert_eq!(ClientLogo::new(bytes).map(|logo| logo.format()), expected);
        }
    }

    #[test]
    fn a_logo_is_kept_and_told_in_the_profile() {
        let mut world = World::new();
        let platform = world.platform();
        for bytes in [b"GIF89a".to_vec(), b"\xff\xd8\xff".to_vec()] {
            let logo = ClientLogo::new(bytes).unwrap();
            world.run(&UploadLogo { logo: logo.clone() }).unwrap();
            assert_eq!(world.find::<ClientLogo>(platform), Some(logo.clone()));
            assert_eq!(world.find::<ClientProfile>(platform).unwrap().logo, Some(logo.format()));
        }
    }

    /// The stored form: what was written so has to be read for ever.
    #[test]
    fn the_first_form_of_a_logo_is_read() {
        let stored = r#"{"format":"gif","bytes":"R0lGODlh"}"#;
        assert_eq!(serde_json::to_string(&ClientLogo::new(b"GIF89a".to_vec()).unwrap()).unwrap(), stored);
        assert_eq!(ClientLogo::decode(1, stored.as_bytes()).unwrap().bytes(), b"GIF89a");
    }
}
