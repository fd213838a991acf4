//! Reading a query string, and the headers of a list's answer.
//!
//! Names and values match whatever their case; a name may be repeated and a value may hold several,
//! separated by commas. Source: reference, people part, 1.5, and money part, 3.

use std::borrow::Cow;

use domain::payment::{Nature, PaymentKind, Status};
use domain::{EventType, Timestamp};
use engine::{EventFilter, Listing, Page, PaymentFilter};
use http::header::LINK;
use http::{HeaderMap, HeaderName, HeaderValue};
use ledger::Uid;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use smallvec::SmallVec;

use crate::wire::error::{FieldErrors, WireError};
use crate::wire::fields::{invalid_value, out_of_range};
use crate::{events, results};

/// Items of a page when the client does not say.
const PAGE_SIZE: u32 = 10;
/// Items of a page at most.
const PAGE_SIZE_MAX: u32 = 100;
/// Events older than this cannot be searched.
pub(crate) const EVENTS_KEPT_MS: i64 = 45 * 86_400_000;

const NUMBER_OF_PAGES: HeaderName = HeaderName::from_static("x-number-of-pages");
const NUMBER_OF_ITEMS: HeaderName = HeaderName::from_static("x-number-of-items");

/// What stays as it is in a `Link`: no comma, since clients split the header at commas.
const LINKED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b':');

/// What a list is narrowed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Narrowed<F> {
    /// To what this lets through.
    To(F),
    /// To values that nothing here ever has: the list is empty.
    Nothing,
}

/// A query string that was taken apart. What is wrong with its values is collected until [`Query::finish`].
#[derive(Debug, Default)]
pub struct Query<'a> {
    pairs: SmallVec<[(Cow<'a, str>, Cow<'a, str>); 8]>,
    errors: FieldErrors,
}

impl<'a> Query<'a> {
    /// Takes a query string apart; anything is one.
    #[must_use]
    pub fn parse(raw: Option<&'a str>) -> Self {
        let pairs = form_pairs(raw.unwrap_or("")).collect();
        Self { pairs, errors: FieldErrors::default() }
    }

    /// Nothing, or the error that names every wrong value.
    pub fn finish(&mut self) -> Result<(), WireError> {
        std::mem::take(&mut self.errors).finish()
    }

    /// The first value of a name, unless it is blank.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let pair = self.pairs.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        pair.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Every value of a name: repeated, or separated by commas.
    pub fn values<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        let named = self.pairs.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name));
        named.flat_map(|(_, value)| value.split(',')).map(str::trim).filter(|value| !value.is_empty())
    }

    /// The page of a list that is sorted by `sort_field`: `CreationDate`, or `Date` for events.
    ///
    /// Page 0 is page 1, and the oldest come first unless `Sort` says otherwise.
    pub fn page(&mut self, sort_field: &'static str) -> Page {
        let number = match self.whole("page") {
            None => 1,
            Some(number) => {
                u64::try_from(number).map_or_else(|_| self.note("page", out_of_range("page", 0, i64::MAX), 1), |page| page.max(1))
            }
        };
        let size = match self.whole("per_page").map(u32::try_from) {
            None => PAGE_SIZE,
            Some(Ok(size @ 1..=PAGE_SIZE_MAX)) => size,
            Some(_) => self.note("per_page", out_of_range("per_page", 1, i64::from(PAGE_SIZE_MAX)), PAGE_SIZE),
        };
        Page { number, size, newest_first: self.newest_first(sort_field) }
    }

    fn newest_first(&mut self, sort_field: &'static str) -> bool {
        let mut newest_first = None;
        let mut wrong = None;
        for key in self.values("Sort") {
            let (field, direction) = key.split_once(':').unwrap_or((key, "ASC"));
            let is_descending = direction.eq_ignore_ascii_case("DESC");
            // Later keys order what the first leaves equal: nothing, for lists are ordered by the moment and then by the id.
            let is_field = field.eq_ignore_ascii_case(sort_field) || (newest_first.is_some() && field.eq_ignore_ascii_case("Id"));
            match is_field && (is_descending || direction.eq_ignore_ascii_case("ASC")) {
                true => newest_first = newest_first.or(Some(is_descending)),
                false => wrong = wrong.or_else(|| Some(invalid_value(key))),
            }
        }
        if let Some(text) = wrong {
            self.errors.note("Sort", text);
        }
        newest_first.unwrap_or(false)
    }

    /// `BeforeDate`, in unix seconds, exclusive.
    pub fn before(&mut self) -> Option<Timestamp> {
        self.moment("BeforeDate")
    }

    /// `AfterDate`, in unix seconds, exclusive.
    pub fn after(&mut self) -> Option<Timestamp> {
        self.moment("AfterDate")
    }

    /// What a list of payments is narrowed to: `Status`, `Type`, `Nature`, `ResultCode`, `BeforeDate`, `AfterDate`.
    pub fn payment_filter(&mut self) -> Narrowed<PaymentFilter> {
        let statuses = self.words("Status", STATUSES);
        let kinds = self.words("Type", KINDS);
        let natures = self.words("Nature", NATURES);
        let codes: Vec<&str> = self.values("ResultCode").collect();
        let results: Vec<_> = codes.iter().flat_map(|code| results::of_code(code)).collect();
        let has_unknown_codes_only = !codes.is_empty() && results.is_empty();
        let (before, after) = (self.before(), self.after());
        match (statuses, kinds, natures) {
            (Some(statuses), Some(kinds), Some(natures)) if !has_unknown_codes_only => {
                Narrowed::To(PaymentFilter { statuses, kinds, natures, results, before, after, hidden_until: None })
            }
            _ => Narrowed::Nothing,
        }
    }

    /// What a list of events is narrowed to: `EventType`, `BeforeDate`, `AfterDate`; `now` is the platform's own time.
    pub fn event_filter(&mut self, now: Timestamp) -> Narrowed<EventFilter> {
        let names: Vec<&str> = self.values("EventType").collect();
        let types: Vec<EventType> = names.iter().filter_map(|name| events::of_name(name)).collect();
        let is_empty = !names.is_empty() && types.is_empty();
        let unknown = names.iter().find(|name| events::of_name(name).is_none()).map(|name| invalid_value(name));
        if let Some(text) = unknown {
            self.errors.note("EventType", text);
        }
        let (before, after) = (self.before(), self.after());
        let oldest = now.plus_ms(EVENTS_KEPT_MS.saturating_neg());
        for (name, moment) in [("BeforeDate", before), ("AfterDate", after)] {
            if moment.is_some_and(|moment| moment < oldest) {
                self.errors.note(name, "Events older than 45 days can not be searched");
            }
        }
        if is_empty { Narrowed::Nothing } else { Narrowed::To(EventFilter { types, before, after, hidden_until: None }) }
    }

    /// Notes a wrong value of a filter.
    pub fn note_wrong(&mut self, name: &'static str, text: String) {
        self.errors.note(name, text);
    }

    /// What a list of records is narrowed to, besides its owner: `BeforeDate`, `AfterDate`.
    pub fn listing(&mut self, owner: Option<Uid>) -> Listing {
        Listing { owner, before: self.before(), after: self.after(), ..Listing::default() }
    }

    /// The values of a name as one of a few words each. `None` when there are some and none is one that Florin has.
    ///
    /// `words` gives `None` for words of the vendor that Florin has nothing of.
    pub fn words<T: Copy>(&mut self, name: &'static str, words: &[(&str, Option<T>)]) -> Option<Vec<T>> {
        let mut wanted = Vec::new();
        let mut wrong = None;
        let mut is_given = false;
        for value in self.values(name) {
            is_given = true;
            match words.iter().find(|(word, _)| word.eq_ignore_ascii_case(value)) {
                Some((_, known)) => wanted.extend(*known),
                None => wrong = wrong.or_else(|| Some(invalid_value(value))),
            }
        }
        if let Some(text) = wrong {
            self.errors.note(name, text);
        }
        if is_given && wanted.is_empty() { None } else { Some(wanted) }
    }

    fn moment(&mut self, name: &'static str) -> Option<Timestamp> {
        self.whole(name).map(Timestamp::from_seconds)
    }

    fn whole(&mut self, name: &'static str) -> Option<i64> {
        let text = self.get(name)?;
        let parsed = text.parse().map_err(|_| invalid_value(text));
        parsed.map_err(|wrong| self.errors.note(name, wrong)).ok()
    }

    fn note<T>(&mut self, name: &'static str, text: String, instead: T) -> T {
        self.errors.note(name, text);
        instead
    }

    /// The same query for another page.
    fn with_page(&self, number: u64, size: u32) -> String {
        let mut text = format!("page={number}&per_page={size}");
        let is_paging = |name: &str| ["page", "per_page"].iter().any(|paging| paging.eq_ignore_ascii_case(name));
        for (name, value) in self.pairs.iter().filter(|(name, _)| !is_paging(name)) {
            text.push('&');
            text.extend(utf8_percent_encode(name, LINKED));
            text.push('=');
            text.extend(utf8_percent_encode(value, LINKED));
        }
        text
    }
}

const STATUSES: &[(&str, Option<Status>)] =
    &[("CREATED", Some(Status::Created)), ("SUCCEEDED", Some(Status::Succeeded)), ("FAILED", Some(Status::Failed))];

const KINDS: &[(&str, Option<PaymentKind>)] = &[
    ("PAYIN", Some(PaymentKind::PayIn)),
    ("TRANSFER", Some(PaymentKind::Transfer)),
    ("PAYOUT", Some(PaymentKind::Payout)),
    ("CONVERSION", None),
    ("CARD_VALIDATION", None),
];

const NATURES: &[(&str, Option<Nature>)] = &[
    ("REGULAR", Some(Nature::Regular)),
    ("REFUND", Some(Nature::Refund)),
    ("REPUDIATION", Some(Nature::Repudiation)),
    ("SETTLEMENT", Some(Nature::Settlement)),
];

/// The pairs of a form or query, decoded; a `+` is a blank.
pub(crate) fn form_pairs(raw: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (form_decoded(name), form_decoded(value))
    })
}

fn form_decoded(raw: &str) -> Cow<'_, str> {
    if raw.contains('+') {
        let blanks = raw.replace('+', " ");
        return Cow::Owned(percent_decode_str(&blanks).decode_utf8_lossy().into_owned());
    }
    percent_decode_str(raw).decode_utf8_lossy()
}

/// Adds how long a list is and where its other pages are.
///
/// `url` is the list's absolute URL without its query: from the configured public URL, never from the Host header.
pub fn write_list_headers(headers: &mut HeaderMap, url: &str, query: &Query<'_>, page: Page, total: u64) {
    let pages = total.div_ceil(u64::from(page.size.max(1)));
    headers.insert(NUMBER_OF_PAGES, HeaderValue::from(pages));
    headers.insert(NUMBER_OF_ITEMS, HeaderValue::from(total));
    let previous = (page.number > 1).then(|| page.number.saturating_sub(1));
    let next = (page.number < pages).then(|| page.number.saturating_add(1));
    let places = [("first", Some(1)), ("prev", previous), ("next", next), ("last", Some(pages.max(1)))];
    let links =
        places.into_iter().filter_map(|(rel, number)| Some(format!("<{url}?{}>; rel=\"{rel}\"", query.with_page(number?, page.size))));
    if let Ok(link) = HeaderValue::try_from(links.collect::<Vec<_>>().join(", ")) {
        headers.insert(LINK, link);
    }
}

#[cfg(test)]
mod tests {
    use domain::payment::Refusal;

    use super::*;

    fn page(raw: &str) -> Result<Page, WireError> {
        let mut query = Query::parse(Some(raw));
        let page = query.page("CreationDate");
        query.finish().map(|()| page)
    }

    #[test]
    fn pages_have_defaults_and_bounds() {
        let of = |number, size, newest_first| Ok(Page { number, size, newest_first });
        assert_eq!(page(""), of(1, 10, false));
        assert_eq!(page("page=0"), of(1, 10, false));
        assert_eq!(page("Page=3&Per_Page=100"), of(3, 100, false));
        assert_eq!(page("PAGE=&per_page="), of(1, 10, false));
        assert_eq!(page("Sort=CreationDate:desc"), of(1, 10, true));
        assert_eq!(page("sort=creationdate%3AASC,CreationDate:DESC"), of(1, 10, false));
        assert_eq!(page("Sort=CreationDate"), of(1, 10, false));
        assert_eq!(page("Sort=CreationDate:DESC,Id:ASC"), of(1, 10, true));
        for (raw, field, text) in [
            ("page=-1", "page", "The field page must be between 0 and 9223372036854775807."),
            ("page=x", "page", "The value x is not valid"),
            ("per_page=101", "per_page", "The field per_page must be between 1 and 100."),
            ("per_page=0", "per_page", "The field per_page must be between 1 and 100."),
            ("Sort=Amount:ASC", "Sort", "The value Amount:ASC is not valid"),
            ("Sort=Id:ASC", "Sort", "The value Id:ASC is not valid"),
            ("Sort=CreationDate:ASC,Amount:ASC", "Sort", "The value Amount:ASC is not valid"),
            ("Sort=CreationDate:ASC,Id:UP", "Sort", "The value Id:UP is not valid"),
            ("Sort=CreationDate:UP", "Sort", "The value CreationDate:UP is not valid"),
        ] {
            assert_eq!(page(raw).unwrap_err().errors().get(field), Some(text), "{raw}");
        }
    }

    #[test]
    fn every_wrong_value_is_named_at_once() {
        let mut query = Query::parse(Some("page=x&Status=DONE&BeforeDate=soon&TYPE=payin&Nature=&ResultCode=1"));
        query.page("CreationDate");
        query.payment_filter();
        let error = query.finish().unwrap_err();
        for field in ["page", "Status", "BeforeDate"] {
            assert!(error.errors().get(field).is_some(), "{field}");
        }
        assert_eq!(error.errors().get("Type"), None);
    }

    #[test]
    fn payments_are_narrowed() {
        let mut query =
            Query::parse(Some("status=CREATED,failed&STATUS=Succeeded&Type=PAYIN&ResultCode=000000,001001&AfterDate=10&BeforeDate=20"));
        let expected = PaymentFilter {
            statuses: vec![Status::Created, Status::Failed, Status::Succeeded],
            kinds: vec![PaymentKind::PayIn],
            natures: vec![],
            results: vec![None, Some(Refusal::InsufficientFunds)],
            before: Some(Timestamp::from_seconds(20)),
            after: Some(Timestamp::from_seconds(10)),
            hidden_until: None,
        };
        assert_eq!(query.payment_filter(), Narrowed::To(expected));
        assert_eq!(Query::parse(None).payment_filter(), Narrowed::To(PaymentFilter::default()));
    }

    #[test]
    fn values_that_nothing_has_empty_the_list_and_do_not_widen_it() {
        for raw in ["ResultCode=999999", "Type=CONVERSION", "type=card_validation"] {
            let mut query = Query::parse(Some(raw));
            assert_eq!(query.payment_filter(), Narrowed::Nothing, "{raw}");
            assert!(query.finish().is_ok(), "{raw}");
        }
        let mut query = Query::parse(Some("EventType=KYC_SUCCEEDED"));
        let never_yet = EventFilter { types: vec![EventType::KycSucceeded], before: None, after: None, hidden_until: None };
        assert_eq!(query.event_filter(Timestamp::from_seconds(0)), Narrowed::To(never_yet));
        assert!(query.finish().is_ok());
        let mut query = Query::parse(Some("EventType=NO_SUCH_EVENT"));
        assert_eq!(query.event_filter(Timestamp::from_seconds(0)), Narrowed::Nothing);
        assert!(query.finish().is_err(), "no vendor's name");
    }

    #[test]
    fn events_are_narrowed() {
        let now = Timestamp::from_seconds(100 * 86_400);
        let mut query = Query::parse(Some("eventtype=payin_normal_created&AfterDate=8640000"));
        let expected = EventFilter { types: vec![EventType::PayInCreated], before: None, after: Some(now), hidden_until: None };
        assert_eq!(query.event_filter(now), Narrowed::To(expected));
        let mut query = Query::parse(Some("EventType=NOPE&AfterDate=1"));
        query.event_filter(now);
        let error = query.finish().unwrap_err();
        assert_eq!(error.errors().get("EventType"), Some("The value NOPE is not valid"));
        assert_eq!(error.errors().get("AfterDate"), Some("Events older than 45 days can not be searched"));
    }

    #[test]
    fn anything_can_be_taken_apart() {
        for raw in ["&&&", "=", "%", "%zz=%ff", "a=b=c", "a&b", "?", "+=+", "\u{e9}=\u{e9}"] {
            let mut query = Query::parse(Some(raw));
            query.page("CreationDate");
            query.payment_filter();
            assert!(query.finish().is_ok(), "{raw}");
        }
        assert_eq!(Query::parse(Some("a=b+c%2Bd&A=x")).get("A"), Some("b c+d"));
    }

    #[test]
    fn a_list_says_how_long_it_is_and_where_its_pages_are() {
        let query = Query::parse(Some("Page=2&per_page=10&Status=CREATED,FAILED&Sort=CreationDate:DESC"));
        let page = Page { number: 2, size: 10, newest_first: true };
        let mut headers = HeaderMap::new();
        write_list_headers(&mut headers, "http://localhost:1/v2.01/me/users", &query, page, 25);
        assert_eq!((&headers["x-number-of-pages"], &headers["x-number-of-items"]), (&HeaderValue::from(3), &HeaderValue::from(25)));
        let url =
            |page| format!("<http://localhost:1/v2.01/me/users?page={page}&per_page=10&Status=CREATED%2CFAILED&Sort=CreationDate:DESC>");
        let expected = format!("{}; rel=\"first\", {}; rel=\"prev\", {}; rel=\"next\", {}; rel=\"last\"", url(1), url(1), url(3), url(3));
        assert_eq!(headers["link"], *expected);

        let mut headers = HeaderMap::new();
        write_list_headers(&mut headers, "u", &Query::parse(None), Page { number: 1, ..page }, 0);
        assert_eq!(headers["x-number-of-pages"], "0");
        assert_eq!(headers["link"], "<u?page=1&per_page=10>; rel=\"first\", <u?page=1&per_page=10>; rel=\"last\"");
    }
}
