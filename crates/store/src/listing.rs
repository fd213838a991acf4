//! What commits mean for the lists, the same for both engines.

use domain::payment::{Payment, Status};
use domain::{Books, Event, EventId, EventType, PlatformId, Slot, Timestamp};
use engine::StoreError;
use ledger::Uid;
use smallvec::SmallVec;

/// The bytes of a packed [`Row`].
pub const ROW_BYTES: usize = 30;

/// Stands for the number of lists where there is no payment.
const NO_PAYMENT: u8 = u8::MAX;

/// A row of a list: the item, and what lists are narrowed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub item: Uid,
    /// A payment's kind, or an event's type.
    pub kind: u16,
    pub nature: u8,
    pub status: u8,
    /// Zero for none.
    pub refusal: u16,
    pub at: i64,
}

impl Row {
    /// Whether this is a payment that may still change.
    pub fn is_open(&self) -> bool {
        self.status == Status::Created.number()
    }

    /// Adds [`ROW_BYTES`] bytes.
    pub fn pack(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.item.to_bytes());
        bytes.extend_from_slice(&self.kind.to_be_bytes());
        bytes.extend_from_slice(&[self.nature, self.status]);
        bytes.extend_from_slice(&self.refusal.to_be_bytes());
        bytes.extend_from_slice(&self.at.to_be_bytes());
    }

    /// The row of [`ROW_BYTES`] bytes; `None` for fewer.
    pub fn unpack(bytes: &[u8]) -> Option<Self> {
        let (item, rest) = bytes.split_first_chunk()?;
        let (kind, rest) = rest.split_first_chunk()?;
        let ([nature, status], rest) = rest.split_first_chunk()?;
        let (refusal, rest) = rest.split_first_chunk()?;
        let at = rest.first_chunk()?;
        Some(Self {
            item: Uid::from_bytes(*item),
            kind: u16::from_be_bytes(*kind),
            nature: *nature,
            status: *status,
            refusal: u16::from_be_bytes(*refusal),
            at: i64::from_be_bytes(*at),
        })
    }
}

/// What an event means for the lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub event: Event,
    /// The payment it is of, and the lists that has joined.
    pub payment: Option<(Row, SmallVec<[Uid; 6]>)>,
}

impl Change {
    /// The change that `event` tells, of `payment` if it is of one.
    pub fn of(event: Event, payment: Option<&Payment>) -> Self {
        let payment = payment.map(|payment| {
            let row = Row {
                item: payment.id.0,
                kind: u16::from(payment.kind.number()),
                nature: payment.nature.number(),
                status: payment.status.number(),
                refusal: payment.refusal.map_or(0, |refusal| refusal.number()),
                at: payment.created_at.ms(),
            };
            (row, payment.lists())
        });
        Self { event, payment }
    }

    /// Adds its bytes. Not among them are the platform, and the lists of a payment that joined them before.
    pub fn pack(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.event.id.0.to_bytes());
        bytes.extend_from_slice(&self.event.event.number().to_be_bytes());
        bytes.extend_from_slice(&self.event.subject.to_bytes());
        bytes.extend_from_slice(&self.event.at.ms().to_be_bytes());
        let Some((row, lists)) = &self.payment else {
            bytes.push(NO_PAYMENT);
            return;
        };
        let joined = if self.event.event.is_creation() { lists.as_slice() } else { &[] };
        bytes.push(u8::try_from(joined.len()).unwrap_or(NO_PAYMENT - 1));
        row.pack(bytes);
        joined.iter().take(usize::from(NO_PAYMENT - 1)).for_each(|list| bytes.extend_from_slice(&list.to_bytes()));
    }

    /// Takes a change of `platform` off the front of `bytes`; `None` when they are no change's.
    pub fn unpack(platform: PlatformId, bytes: &mut &[u8]) -> Option<Self> {
        let event = Event {
            id: EventId(take_uid(bytes)?),
            platform,
            event: EventType::from_number(u16::from_be_bytes(*take(bytes)?))?,
            subject: take_uid(bytes)?,
            at: Timestamp::from_ms(i64::from_be_bytes(*take(bytes)?)),
        };
        let &[lists] = take(bytes)?;
        if lists == NO_PAYMENT {
            return Some(Self { event, payment: None });
        }
        let row = Row::unpack(take::<ROW_BYTES>(bytes)?)?;
        let lists = (0..lists).map(|_| take_uid(bytes)).collect::<Option<_>>()?;
        Some(Self { event, payment: Some((row, lists)) })
    }
}

fn take<'b, const N: usize>(bytes: &mut &'b [u8]) -> Option<&'b [u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(first)
}

fn take_uid(bytes: &mut &[u8]) -> Option<Uid> {
    take(bytes).map(|bytes| Uid::from_bytes(*bytes))
}

/// What a batch means for the lists, in the order of its events. Errors: an event of a payment that the batch does not have,
/// which would be in no list.
pub fn changes(books: &Books) -> impl Iterator<Item = Result<Change, StoreError>> {
    books.events.iter().map(|event| {
        if !event.event.is_of_payment() {
            return Ok(Change::of(*event, None));
        }
        let payment = books.payments.get(&(event.platform, domain::PaymentId(event.subject))).and_then(Slot::row);
        let payment = payment.ok_or_else(|| StoreError::Fault(format!("event {} is of a payment that is not there", event.id.0)))?;
        Ok(Change::of(*event, Some(payment)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(payment: Option<(Row, SmallVec<[Uid; 6]>)>) -> Change {
        let event = Event {
            id: EventId(Uid::from_bits(1 << 100)),
            platform: PlatformId(Uid::from_bits(7)),
            event: EventType::TransferCreated,
            subject: Uid::from_bits(2 << 100),
            at: Timestamp::from_ms(-1),
        };
        Change { event, payment }
    }

    /// Whoever changes this has rows of the former form to read still: it needs a form number of its own.
    #[test]
    fn the_stored_form_is_as_it_always_was() {
        let row = Row { item: Uid::from_bits(0xab << 120), kind: 0x0102, nature: 3, status: 4, refusal: 0x0506, at: 7 };
        let mut bytes = Vec::new();
        change(Some((row, [Uid::from_bits(0xcd)].into_iter().collect()))).pack(&mut bytes);
        change(None).pack(&mut bytes);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let event = "0000001000000000000000000000000000040000002000000000000000000000\
                     0000ffffffffffffffff";
        let row = "ab00000000000000000000000000000001020304050600000000000000 07".replace(' ', "");
        let list = "000000000000000000000000000000cd";
        assert_eq!(hex, format!("{event}01{row}{list}{event}ff"));
    }

    #[test]
    fn what_is_packed_is_what_is_unpacked() {
        let row = Row { item: Uid::from_bits(7 << 90), kind: 700, nature: 2, status: 3, refusal: 1_000, at: -5 };
        let all = [
            change(None),
            change(Some((row, SmallVec::new()))),
            change(Some((row, (0..9).map(|bits| Uid::from_bits(bits << 80)).collect()))),
        ];
        let mut bytes = Vec::new();
        all.iter().for_each(|change| change.pack(&mut bytes));
        let mut rest = bytes.as_slice();
        for change in &all {
            assert_eq!(Change::unpack(change.event.platform, &mut rest).as_ref(), Some(change));
        }
        assert!(rest.is_empty());
        for length in 0..bytes.len() {
            let mut cut = bytes.get(..length).unwrap();
            while let Some(found) = Change::unpack(all[0].event.platform, &mut cut) {
                assert!(all.contains(&found));
            }
            assert!(Row::unpack(bytes.get(..length.min(ROW_BYTES - 1)).unwrap()).is_none());
        }
    }
}
