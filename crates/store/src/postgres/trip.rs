//! Several statements in one round trip.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use engine::StoreError;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

use super::error;

/// Parameters of one statement.
pub type Params<'a> = Vec<Box<dyn ToSql + Sync + Send + 'a>>;

type Sent<'a> = Pin<Box<dyn Future<Output = Result<Vec<Row>, Error>> + Send + 'a>>;

/// Statements that are sent together, in this order, before the first answer is awaited.
///
/// The driver sends a statement when its future is first polled, so they are polled in order.
pub struct Trip<'a> {
    client: &'a Client,
    sent: Vec<Option<Sent<'a>>>,
}

/// Which of a trip's answers.
#[derive(Clone, Copy)]
pub struct Ticket(usize);

/// What came back of a trip in which nothing failed.
pub struct Answers(Vec<Vec<Row>>);

impl Answers {
    /// The rows of one statement.
    pub fn rows(&mut self, ticket: Ticket) -> Vec<Row> {
        self.0.get_mut(ticket.0).map(std::mem::take).unwrap_or_default()
    }
}

impl<'a> Trip<'a> {
    pub const fn over(client: &'a Client) -> Self {
        Self { client, sent: Vec::new() }
    }

    /// Adds a statement.
    pub fn ask(&mut self, statement: &'a Statement, params: Params<'a>) -> Ticket {
        let client = self.client;
        self.push(Box::pin(async move {
            let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| &**param as _).collect();
            client.query(statement, &params).await
        }))
    }

    /// Adds a statement that is not prepared: its text and the types of its parameters travel with it.
    pub fn ask_once(&mut self, text: &'a str, params: &'a [(Box<dyn ToSql + Sync + Send>, tokio_postgres::types::Type)]) -> Ticket {
        let client = self.client;
        self.push(Box::pin(async move {
            let params: Vec<_> = params.iter().map(|(param, kind)| (&**param as &(dyn ToSql + Sync), kind.clone())).collect();
            client.query_typed(text, &params).await
        }))
    }

    /// Adds a text without parameters: BEGIN, COMMIT.
    pub fn say(&mut self, text: &'a str) {
        let client = self.client;
        self.push(Box::pin(async move { client.batch_execute(text).await.map(|()| Vec::new()) }));
    }

    fn push(&mut self, sent: Sent<'a>) -> Ticket {
        self.sent.push(Some(sent));
        Ticket(self.sent.len() - 1)
    }

    /// Sends all and awaits all. The first failure, in the order of the statements, is the one that counts:
    /// behind it the rest of a transaction fails too, and a COMMIT answers success and rolls back.
    pub async fn run(self) -> Result<Answers, Error> {
        let mut answers = gather(self.sent).await;
        match answers.iter().position(Result::is_err) {
            Some(first) => Err(answers.swap_remove(first).err().unwrap_or_else(|| unreachable!("it is the failed one"))),
            None => Ok(Answers(answers.into_iter().flatten().collect())),
        }
    }

    /// As [`Trip::run`], with the failure as the store's.
    pub async fn done(self) -> Result<Answers, StoreError> {
        self.run().await.map_err(error::of)
    }
}

/// Polls all in order until all are done.
async fn gather(mut sent: Vec<Option<Sent<'_>>>) -> Vec<Result<Vec<Row>, Error>> {
    let mut answers: Vec<Option<Result<Vec<Row>, Error>>> = sent.iter().map(|_| None).collect();
    poll_fn(|cx| {
        let mut waiting = false;
        for (future, answer) in sent.iter_mut().zip(&mut answers) {
            let Some(running) = future else { continue };
            match running.as_mut().poll(cx) {
                Poll::Ready(done) => {
                    *answer = Some(done);
                    *future = None;
                }
                Poll::Pending => waiting = true,
            }
        }
        if waiting { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    answers.into_iter().flatten().collect()
}

/// A set of rows as the arrays of its columns. The arrays live for `'a`, the rows need not.
pub struct Set<'r, 'a, R> {
    rows: &'r [R],
    params: Params<'a>,
}

impl<'r, 'a, R> Set<'r, 'a, R> {
    /// A set of `rows`, without columns yet.
    pub fn of(rows: &'r [R]) -> Self {
        Self { rows, params: Vec::new() }
    }

    /// Adds a column.
    pub fn column<T: ToSql + Sync + Send + 'a>(self, value: impl Fn(&'r R) -> T) -> Self {
        let values = self.rows.iter().map(value).collect();
        self.values(values)
    }

    /// Adds a column whose values were made before, one a row: sealed ones.
    pub fn values<T: ToSql + Sync + Send + 'a>(mut self, values: Vec<T>) -> Self {
        self.params.push(Box::new(values));
        self
    }

    /// Adds the number of rows, for a guard.
    pub fn count(mut self) -> Self {
        self.params.push(Box::new(i64::try_from(self.rows.len()).unwrap_or(i64::MAX)));
        self
    }

    /// The parameters.
    pub fn params(self) -> Params<'a> {
        self.params
    }
}
