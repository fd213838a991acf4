//! What this dialect says when no request is at hand: answers to requests that were cut short, and the way
//! back from a page.

use domain::Answer;
use domain::card::CardValidation;
use domain::payment::{Detail, Payment};
use engine::{Listener, Subject, Voice};

use crate::call::View;
use crate::endpoints::payins::card_terms::{page_return_url, validation_return_url};
use crate::endpoints::{card_validations, payins, refunds};
use crate::outside::version_of;
use crate::service::{DIALECT, Dialect};
use crate::wire::Spelling;

impl Dialect {
    fn view_of(&self, to: &Listener) -> View {
        View {
            spelling: Spelling::new(to.platform),
            platform: to.platform,
            client_id: to.client_id.as_str().into(),
            version: version_of(to.form),
        }
    }

    fn payment_bytes(&self, to: &Listener, payment: &Payment) -> Option<Vec<u8>> {
        let view = self.view_of(to);
        match &payment.detail {
            Detail::Refund(_) => Some(refunds::bytes(&view, payment)),
            _ => payins::bytes(&view, payment, &self.config.public_url),
        }
    }
}

impl Voice for Dialect {
    fn dialect(&self) -> u8 {
        DIALECT
    }

    fn answer(&self, to: &Listener, subject: Subject<'_>) -> Answer {
        let body = match subject {
            Subject::Payment(payment) => self.payment_bytes(to, payment),
            Subject::Record(record) => card_validations::bytes(&self.view_of(to), record, &self.config.public_url),
        };
        match body {
            Some(body) => Answer { status: 200, body: body.into() },
            None => Answer { status: 500, body: Vec::new().into() },
        }
    }

    fn return_url(&self, to: &Listener, subject: Subject<'_>) -> Option<String> {
        let view = self.view_of(to);
        match subject {
            Subject::Payment(payment) => match &payment.detail {
                Detail::Card(card) => page_return_url(&view, payment, card),
                _ => None,
            },
            Subject::Record(record) => {
                let validation = record.body::<CardValidation>()?;
                validation_return_url(&view, record, &validation)
            }
        }
    }
}
