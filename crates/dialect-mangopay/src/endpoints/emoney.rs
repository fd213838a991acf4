//! How much e-money a user got and spent. Source: reference, people part, 9.2.

use domain::Timestamp;
use jiff::civil::Date;
use money::{Currency, SignedMoney};
use serde::Serialize;

use super::users;
use crate::call::{Call, WireResponse, json};
use crate::wire::error::{FieldErrors, WireError};
use crate::wire::fields::{invalid_value, out_of_range, unknown_currency};
use crate::wire::{Funds, IdText, Prefix};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EMoneyBody {
    user_id: IdText,
    #[serde(rename = "CreditedEMoney")]
    credited: Funds,
    #[serde(rename = "DebitedEMoney")]
    debited: Funds,
}

/// A span of business time: from its first moment to the first one after it.
type Span = (Timestamp, Timestamp);

/// `GET /users/{UserId}/emoney`, `…/{Year}`, `…/{Year}/{Month}`: sums in `Currency` (query or body; euros unless said).
pub async fn view(call: &Call) -> Result<WireResponse, WireError> {
    let user = users::find(call).await?;
    let mut errors = FieldErrors::default();
    let span = span(&call.param("Year"), &call.param("Month"), &mut errors);
    let currency = currency(call, &mut errors)?;
    errors.finish()?;
    let (from, to) = span;
    let sums = call.dialect().reads.turnover(call.ctx().platform, user.id.0, currency, from, to).await;
    let (credited, debited) = sums.map_err(|error| call.read_failed(&error))?;
    let funds = |minor| Funds::from(SignedMoney::new(minor, currency));
    let user_id = call.spelling().spell(Prefix::User, user.id);
    Ok(json(&EMoneyBody { user_id, credited: funds(credited), debited: funds(debited) }))
}

fn currency(call: &Call, errors: &mut FieldErrors) -> Result<Currency, WireError> {
    let query = call.query();
    let sent = match query.get("Currency") {
        Some(code) => Some(code.to_owned()),
        None => call.fields()?.text("Currency", usize::MAX).optional(),
    };
    let Some(code) = sent else { return Ok(Currency::EUR) };
    Ok(code.parse().unwrap_or_else(|_| {
        errors.note("Currency", unknown_currency(&code));
        Currency::EUR
    }))
}

/// The span of a year, or of a month in it; all time where the path names neither.
fn span(year: &str, month: &str, errors: &mut FieldErrors) -> Span {
    const FIRST: i64 = 1;
    const LAST: i64 = 9_998;
    let all_time = (Timestamp::from_ms(i64::MIN), Timestamp::from_ms(i64::MAX));
    if year.is_empty() {
        return all_time;
    }
    let year = bounded("Year", year, FIRST, LAST, errors);
    let month = if month.is_empty() { None } else { Some(bounded("Month", month, 1, 12, errors)) };
    let (first, months) = (month.unwrap_or(1), if month.is_some() { 1 } else { 12 });
    let Some((from, to)) = dates(year, first, months) else { return all_time };
    (start_of(from), start_of(to))
}

fn dates(year: i64, month: i64, months: i64) -> Option<(Date, Date)> {
    let from = Date::new(year.try_into().ok()?, month.try_into().ok()?, 1).ok()?;
    let to = from.checked_add(jiff::Span::new().months(months)).ok()?;
    Some((from, to))
}

fn start_of(date: Date) -> Timestamp {
    Timestamp::from_seconds(date.duration_since(Date::constant(1970, 1, 1)).as_secs())
}

/// A number of a path within bounds; the lower bound where it is none, which is noted.
fn bounded(name: &'static str, text: &str, min: i64, max: i64, errors: &mut FieldErrors) -> i64 {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if is_digits && (min..=max).contains(&number) => return number,
        Ok(_) if is_digits => errors.note(name, out_of_range(name, min, max)),
        _ => errors.note(name, invalid_value(text)),
    }
    min
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(year: &str, month: &str, from_s: i64, to_s: i64) {
        let mut errors = FieldErrors::default();
        let seen = span(year, month, &mut errors);
        assert!(errors.is_empty());
        assert_eq!(seen, (Timestamp::from_seconds(from_s), Timestamp::from_seconds(to_s)), "{year} {month}");
    }

    #[test]
    fn years_and_months_are_those_of_the_calendar_in_utc() {
        check("2019", "", 1_546_300_800, 1_577_836_800);
        check("2019", "4", 1_554_076_800, 1_556_668_800);
        check("2020", "02", 1_580_515_200, 1_583_020_800);
        check("1970", "12", 28_857_600, 31_536_000);
        let all = span("", "", &mut FieldErrors::default());
        assert_eq!(all, (Timestamp::from_ms(i64::MIN), Timestamp::from_ms(i64::MAX)));
    }

    #[test]
    fn every_wrong_part_is_named() {
        let mut errors = FieldErrors::default();
        span("20x9", "13", &mut errors);
        assert_eq!(errors.get("Year"), Some("The value 20x9 is not valid"));
        assert_eq!(errors.get("Month"), Some("The field Month must be between 1 and 12."));
        let mut errors = FieldErrors::default();
        span("+2019", "0", &mut errors);
        assert_eq!(errors.get("Year"), Some("The value +2019 is not valid"));
        assert!(errors.get("Month").is_some());
    }
}
