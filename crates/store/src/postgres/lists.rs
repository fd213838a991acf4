//! The texts of lists, and what they are narrowed to.

use domain::payment::{Refusal, Status};
use domain::{Kind, Timestamp};
use engine::Page;
use ledger::Uid;
use tokio_postgres::types::{ToSql, Type};

use super::rows::Id;
use super::sql;

/// Parameters, each with its type, so that the text needs no preparing.
pub type Typed = Vec<(Box<dyn ToSql + Sync + Send>, Type)>;

/// Conditions on the rows `l` of a list, and their parameters.
pub struct Narrowed {
    conditions: String,
    params: Typed,
    is_whole: bool,
}

impl Narrowed {
    /// The whole of a list of a platform.
    pub fn list(platform: Uid, list: Uid) -> Self {
        let mut narrowed = Self::platform(platform);
        narrowed.and("l.list =", Id(list), Type::UUID);
        narrowed.is_whole = true;
        narrowed
    }

    /// Everything of a platform.
    pub fn platform(platform: Uid) -> Self {
        Self { conditions: "l.platform = $1".to_owned(), params: vec![(Box::new(Id(platform)), Type::UUID)], is_whole: true }
    }

    /// Adds a condition: `left`, and a value on the right.
    pub fn and(&mut self, left: &str, value: impl ToSql + Sync + Send + 'static, kind: Type) {
        let place = self.add(value, kind);
        self.conditions.push_str(&format!(" AND {left} {place}"));
        self.is_whole = false;
    }

    /// Adds a condition that is open at its end: `left`, a value, and the bracket that closes it.
    pub fn and_within(&mut self, left: &str, value: impl ToSql + Sync + Send + 'static, kind: Type) {
        self.and(left, value, kind);
        self.conditions.push(')');
    }

    /// Narrows a column to any of these; none narrows nothing.
    pub fn any(&mut self, column: &str, numbers: impl Iterator<Item = i64>) {
        let numbers: Vec<i64> = numbers.collect();
        if !numbers.is_empty() {
            let place = self.add(numbers, Type::INT8_ARRAY);
            self.conditions.push_str(&format!(" AND {column} = ANY({place})"));
            self.is_whole = false;
        }
    }

    /// Narrows to results. A success shows as no refusal, and so does what is under way: only the state tells them apart.
    pub fn results(&mut self, results: &[Option<Refusal>]) {
        if results.is_empty() {
            return;
        }
        let refusals: Vec<i64> = results.iter().flatten().map(|refusal| i64::from(refusal.number())).collect();
        let place = self.add(refusals, Type::INT8_ARRAY);
        let success = if results.contains(&None) { format!(" OR l.status = {}", Status::Succeeded.number()) } else { String::new() };
        self.conditions.push_str(&format!(" AND (l.refusal = ANY({place}){success})"));
        self.is_whole = false;
    }

    /// Narrows to a window of time; both ends are exclusive.
    pub fn window(&mut self, column: &str, before: Option<Timestamp>, after: Option<Timestamp>) {
        for (bound, operator) in [(before, "<"), (after, ">")] {
            if let Some(bound) = bound {
                self.and(&format!("{column} {operator}"), bound.ms(), Type::INT8);
            }
        }
    }

    fn add(&mut self, value: impl ToSql + Sync + Send + 'static, kind: Type) -> String {
        self.params.push((Box::new(value), kind));
        format!("${}", self.params.len())
    }
}

/// Two texts over the same parameters: the length of a list, and the rows of a page of it.
pub struct PageTexts {
    pub total: String,
    pub rows: String,
    /// For `total`.
    pub params: Typed,
    /// For `rows`: the same, and the page's own.
    pub page_params: Typed,
}

fn offset(page: Page) -> i64 {
    let skipped = page.number.saturating_sub(1).saturating_mul(u64::from(page.size));
    i64::try_from(skipped).unwrap_or(i64::MAX)
}

/// A page of a numbered list: `columns` of its lines `l`, or of what is `joined` to them.
///
/// A page of a whole list is a range of numbers; that of a narrowed one is found by going along it.
pub fn numbered(table: &str, columns: &str, joined: &str, make: impl Fn() -> Narrowed, list: Uid, page: Page) -> PageTexts {
    let (narrowed, mut for_page) = (make(), make());
    let direction = if page.newest_first { "DESC" } else { "ASC" };
    let (skip, size) = (for_page.add(offset(page), Type::INT8), for_page.add(i64::from(page.size), Type::INT8));
    let conditions = narrowed.conditions.clone();
    let select = format!("SELECT {columns} FROM {table} l {joined}");
    if !narrowed.is_whole {
        return PageTexts {
            total: format!("SELECT COUNT(*) FROM {table} l WHERE {conditions}"),
            rows: format!("{select} WHERE {conditions} ORDER BY l.number {direction} LIMIT {size} OFFSET {skip}"),
            params: narrowed.params,
            page_params: for_page.params,
        };
    }
    let total = format!("COALESCE((SELECT total FROM list_total WHERE platform = $1 AND list = '{list}'::UUID), 0)");
    let range = if page.newest_first { format!("l.number <= {total} - {skip}") } else { format!("l.number > {skip}") };
    PageTexts {
        total: format!("SELECT {total} FROM (SELECT {}) AS of", typed_params(&narrowed.params)),
        rows: format!("{select} WHERE {conditions} AND {range} ORDER BY l.number {direction} LIMIT {size}"),
        params: narrowed.params,
        page_params: for_page.params,
    }
}

/// Names every parameter, since the server wants each of them used.
fn typed_params(params: &Typed) -> String {
    (1..=params.len()).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}

/// A page of records `l` of a kind, by when they were made, each with whether it is one that nobody can read any more.
pub fn records(kind: &Kind, make: impl Fn() -> Narrowed, page: Page) -> PageTexts {
    let (narrowed, mut for_page) = (make(), make());
    let direction = if page.newest_first { "DESC" } else { "ASC" };
    let (skip, size) = (for_page.add(offset(page), Type::INT8), for_page.add(i64::from(page.size), Type::INT8));
    let (table, conditions) = (kind.table, &narrowed.conditions);
    PageTexts {
        total: format!("SELECT COUNT(*) FROM {table} l WHERE {conditions}"),
        rows: format!(
            "SELECT {}, {} FROM {table} l WHERE {conditions} ORDER BY l.created_at {direction}, l.id {direction} LIMIT {size} OFFSET {skip}",
            sql::names(sql::RECORD_READ, "l."),
            sql::record_is_erased(kind, "l"),
        ),
        params: narrowed.params,
        page_params: for_page.params,
    }
}
