//! Postal addresses as they go on the wire.

use domain::Secret;
use domain::user::Address;
use serde::Serialize;

/// An address, present with nulls where nothing is known. One that came as one line is all nulls.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AddressBody<'a> {
    address_line1: Option<&'a str>,
    address_line2: Option<&'a str>,
    city: Option<&'a str>,
    region: Option<&'a str>,
    postal_code: Option<&'a str>,
    country: Option<&'a str>,
}

impl<'a> From<&'a Address> for AddressBody<'a> {
    fn from(address: &'a Address) -> Self {
        Self {
            address_line1: shown(&address.line1),
            address_line2: shown(&address.line2),
            city: shown(&address.city),
            region: shown(&address.region),
            postal_code: shown(&address.postal_code),
            country: address.country.as_deref(),
        }
    }
}

/// A text that the platform itself gave and may see again.
pub(crate) fn shown(text: &Option<Secret<String>>) -> Option<&str> {
    text.as_ref().map(|text| text.expose().as_str())
}

/// An address as one line, as the oldest version has it: as it came, or its parts with commas between them.
#[must_use]
pub fn one_line(address: &Address) -> Option<String> {
    if let Some(line) = shown(&address.one_line) {
        return Some(line.to_owned());
    }
    let parts = [&address.line1, &address.line2, &address.city, &address.region, &address.postal_code].map(shown);
    let parts: Vec<&str> = parts.into_iter().chain([address.country.as_deref()]).flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Option<Secret<String>> {
        Some(Secret::new(text.to_owned()))
    }

    #[test]
    fn an_address_is_shown_in_parts_and_in_one_line() {
        let parts = Address {
            line1: secret("1 rue X"),
            city: secret("Paris"),
            postal_code: secret("75001"),
            country: Some("FR".to_owned()),
            ..Address::default()
        };
        let line = Address { one_line: secret("3 Mangopay Loop, Paris, 777"), ..Address::default() };
        assert_eq!(one_line(&parts).as_deref(), Some("1 rue X, Paris, 75001, FR"));
        assert_eq!(one_line(&line).as_deref(), Some("3 Mangopay Loop, Paris, 777"));
        assert_eq!(one_line(&Address::default()), None);
        let nulls = r#"{"AddressLine1":null,"AddressLine2":null,"City":null,"Region":null,"PostalCode":null,"Country":null}"#;
        for address in [&line, &Address::default()] {
            assert_eq!(serde_json::to_string(&AddressBody::from(address)).unwrap(), nulls);
        }
        let shown = serde_json::to_string(&AddressBody::from(&parts)).unwrap();
        assert!(shown.starts_with(r#"{"AddressLine1":"1 rue X","AddressLine2":null,"City":"Paris""#), "{shown}");
    }
}
