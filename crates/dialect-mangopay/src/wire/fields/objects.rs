//! Fields that are objects of their own: sums of money, and addresses.

use domain::user::Address;
use money::{Money, SignedMoney};

use super::forms::{POSTAL_CODE_PATTERN, is_postal_code};
use super::texts::mismatch;
use super::{Field, Fields, Found, MissingText, TEXT_MAX, is_blank};

/// Countries whose addresses need a region.
const WITH_REGION: [&str; 3] = ["US", "CA", "MX"];

impl<'a> Fields<'a> {
    /// `{"Currency", "Amount"}` of zero or more.
    pub fn money(&mut self, name: &'static str) -> Field<'_, 'a, Money> {
        let found = self.money_from(name, 0);
        self.field(name, found)
    }

    /// `{"Currency", "Amount"}` of more than zero.
    pub fn positive_money(&mut self, name: &'static str) -> Field<'_, 'a, Money> {
        let found = self.money_from(name, 1);
        self.field(name, found)
    }

    fn money_from(&mut self, name: &'static str, least: i64) -> Found<Money> {
        let read = |inner: &mut Fields<'_>| {
            let currency = inner.currency("Currency").required();
            let amount = inner.integer_within("Amount", least, i64::MAX).required();
            Money::new(amount?, currency?).ok()
        };
        flatten(self.within(name, MissingText::FieldIsRequired, read))
    }

    /// `{"Currency", "Amount"}` of either sign: the fees of a refund.
    pub fn signed_money(&mut self, name: &'static str) -> Field<'_, 'a, SignedMoney> {
        let read = |inner: &mut Fields<'_>| {
            let currency = inner.currency("Currency").required();
            let amount = inner.integer_within("Amount", -i64::MAX, i64::MAX).required();
            Some(SignedMoney::new(amount?, currency?))
        };
        let found = flatten(self.within(name, MissingText::FieldIsRequired, read));
        self.field(name, found)
    }

    /// A postal address. One whose parts are all absent is absent: SDKs send such objects.
    pub fn address(&mut self, name: &'static str) -> Field<'_, 'a, Address> {
        let found = self.within(name, MissingText::FieldIsRequired, |inner| {
            let parts = ["AddressLine1", "AddressLine2", "City", "Region", "PostalCode", "Country"];
            let is_empty = parts.into_iter().all(|part| inner.raw(part).is_none_or(is_blank));
            (!is_empty).then(|| read_address(inner))
        });
        let found = match found {
            Found::Value(None) => Found::Nothing,
            other => flatten(other),
        };
        self.field(name, found)
    }
}

fn read_address(fields: &mut Fields<'_>) -> Address {
    let line1 = fields.secret("AddressLine1", TEXT_MAX).required();
    let line2 = fields.secret("AddressLine2", TEXT_MAX).optional();
    let city = fields.secret("City", TEXT_MAX).required();
    let region = fields.secret("Region", TEXT_MAX).optional();
    let postal_code = fields.secret("PostalCode", TEXT_MAX).required();
    let country = fields.country("Country").required();
    if postal_code.as_ref().is_some_and(|code| !is_postal_code(code.expose())) {
        fields.note("PostalCode", mismatch("PostalCode", POSTAL_CODE_PATTERN));
    }
    if region.is_none() && country.as_deref().is_some_and(|country| WITH_REGION.contains(&country)) {
        fields.note("Region", "The Region is a required field for this Country");
    }
    Address { line1, line2, city, region, postal_code, country, one_line: None }
}

/// Nothing inside means that something was wrong and noted there.
fn flatten<T>(found: Found<Option<T>>) -> Found<T> {
    match found {
        Found::Value(Some(value)) => Found::Value(value),
        Found::Value(None) | Found::Wrong => Found::Wrong,
        Found::Nothing => Found::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use money::Currency;

    use super::super::tests::check;
    use super::*;

    #[test]
    fn money() {
        let read = |fields: &mut Fields<'_>| fields.money("F").required();
        let eur = |minor| Money::new(minor, Currency::EUR).unwrap();
        check(r#"{"Currency":"EUR","Amount":1050}"#, read, Ok(Some(eur(1050))));
        check(r#"{"Amount":"10","Currency":"EUR","Extra":[{}]}"#, read, Ok(Some(eur(10))));
        check(r#"{"Currency":"JPY","Amount":0}"#, read, Ok(Some(Money::zero(Currency::JPY))));
        check("null", read, Err(("F", "The F field is required.")));
        check("10", read, Err(("F", "The value 10 is not valid")));
        check("{}", read, Err(("F.Currency", "The Currency field is required.")));
        check("{}", read, Err(("F.Amount", "The Amount field is required.")));
        check(r#"{"Currency":"EUR","Amount":-1}"#, read, Err(("F.Amount", "The field Amount must be between 0 and 9223372036854775807.")));
        check(r#"{"Currency":"EUR","Amount":1.5}"#, read, Err(("F.Amount", "The value 1.5 is not valid")));
        check(r#"{"Currency":"EUR","Amount":9223372036854775808}"#, read, Err(("F.Amount", "The value 9223372036854775808 is not valid")));
        check(
            r#"{"Currency":"eur","Amount":1}"#,
            read,
            Err(("F.Currency", "The code eur cannot be found in the standard ISO 4217 : http://en.wikipedia.org/wiki/ISO_4217")),
        );
        for code in ["RUB", "BRL", "INR"] {
            let text = format!("Currency: The currency {code} is not available");
            check(&format!(r#"{{"Currency":"{code}","Amount":1}}"#), read, Err(("F.Currency", &text)));
        }
        let positive = |fields: &mut Fields<'_>| fields.positive_money("F").required();
        check(
            r#"{"Currency":"EUR","Amount":0}"#,
            positive,
            Err(("F.Amount", "The field Amount must be between 1 and 9223372036854775807.")),
        );
        let signed = |fields: &mut Fields<'_>| fields.signed_money("F").required();
        check(r#"{"Currency":"EUR","Amount":-10}"#, signed, Ok(Some(SignedMoney::new(-10, Currency::EUR))));
    }

    #[test]
    fn addresses() {
        let read = |fields: &mut Fields<'_>| fields.address("F").optional();
        let full = r#"{"AddressLine1":"1 rue X","City":"Paris","PostalCode":"75 001-A","Country":"FR","Region":null}"#;
        let mut seen = fields_of_address(full);
        let address = seen.address("F").required().unwrap();
        assert_eq!(address.postal_code.unwrap().expose(), "75 001-A");
        assert!(seen.finish().is_ok());
        check("{}", read, Ok(None));
        check(r#"{"AddressLine1":null,"City":"","Country":null}"#, read, Ok(None));
        check("\"1 rue X\"", read, Err(("F", "The value \"1 rue X\" is not valid")));
        let mut seen = fields_of_address(r#"{"AddressLine1":"1 Main","City":"X","PostalCode":"1;2","Country":"US"}"#);
        assert!(seen.address("F").required().is_some());
        let error = seen.finish().unwrap_err();
        assert_eq!(error.errors().get("F.Region"), Some("The Region is a required field for this Country"));
        assert!(error.errors().get("F.PostalCode").is_some());
    }

    fn fields_of_address(address: &str) -> Fields<'static> {
        Fields::parse(Box::leak(format!("{{\"F\":{address}}}").into_boxed_str()).as_bytes()).unwrap()
    }
}
