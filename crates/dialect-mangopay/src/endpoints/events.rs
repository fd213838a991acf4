//! The list of events. Source: reference, people part, 10.3.

use domain::platform::Platform;
use domain::{Event, Timestamp};
use engine::Listed;
use serde::Serialize;

use crate::call::{Call, View, WireResponse};
use crate::events;
use crate::query::{EVENTS_KEPT_MS, Narrowed};
use crate::wire::error::WireError;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EventBody {
    resource_id: String,
    event_type: &'static str,
    date: i64,
}

impl EventBody {
    fn of(view: &View, event: &Event) -> Self {
        Self {
            resource_id: events::spell_subject(&view.spelling, event.event, event.subject),
            event_type: events::name(event.event),
            date: event.at.seconds(),
        }
    }
}

/// `GET /events`: what happened in the last 45 days, oldest first unless `Sort=Date:DESC`.
///
/// Windows may reach into the future; one that begins or ends more than 45 days ago is refused. Days are counted by
/// the platform's own clock.
pub async fn list(call: &Call) -> Result<WireResponse, WireError> {
    let platform = call.record::<Platform>(call.ctx().platform).await?.ok_or_else(WireError::fault)?;
    let offset_ms = platform.body::<Platform>().map_or(0, |platform| platform.clock_offset_ms);
    let now = call.received_at().plus_ms(offset_ms);
    let mut query = call.query();
    let page = query.page("Date");
    let filter = query.event_filter(now);
    query.finish()?;
    let listed = match filter {
        Narrowed::To(mut filter) => {
            let oldest = now.plus_ms(EVENTS_KEPT_MS.saturating_neg());
            filter.hidden_until = reaches_back_beyond(oldest, platform.lead.created_at);
            let events = call.dialect().reads.events(call.ctx().platform, filter, page).await;
            events.map_err(|error| call.read_failed(&error))?
        }
        Narrowed::Nothing => Listed { rows: Vec::new(), total: 0 },
    };
    let rows: Vec<_> = listed.rows.iter().map(|event| EventBody::of(call.view(), event)).collect();
    Ok(call.page(&query, page, &rows, listed.total))
}

/// The bound that keeps older events out, unless the platform is too young to have any: whole lists are faster.
fn reaches_back_beyond(oldest: Timestamp, created_at: Timestamp) -> Option<Timestamp> {
    (created_at < oldest).then_some(oldest)
}
