//! A connection with its prepared statements.

use engine::StoreError;
use rustc_hash::FxHashMap;
use tokio_postgres::{Client, Error, Statement};

use super::sql::{self, BY_ID, RECORD_WRITTEN};
use super::target::Target;
use crate::KINDS;

/// What every session is set to: plans do not depend on the parameters, and keys are looked up by index, always.
///
/// A server whose machine or network is gone must not leave its transaction's locks behind for hours: nothing of ours
/// waits between two statements of a transaction, but for a scan ([`WITHOUT_HURRY`]).
const SETTINGS: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; \
     SET enable_mergejoin = off; SET jit = off; SET TIME ZONE 'UTC'; SET idle_in_transaction_session_timeout = '15s'; \
     SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; SET tcp_user_timeout = 15000;";

/// For a session whose transaction locks nothing and lasts as long as its reader takes.
pub const WITHOUT_HURRY: &str = "SET idle_in_transaction_session_timeout = 0";

/// Has a session plan its statements anew. Which index is the right one shows only once tables have grown.
pub const FORGET_PLANS: &str = "DISCARD PLANS";

/// Connects, with the settings that look-ups by key want.
pub async fn connect_for_keys(target: &Target) -> Result<Client, Error> {
    let client = target.connect().await?;
    client.batch_execute(SETTINGS).await?;
    Ok(client)
}

/// Declares a set of statements, all prepared in one round trip.
///
/// They are prepared by name, which a pooler that gives each transaction another connection does not
/// support; `Client::query_typed` sends text and types along and would serve there, at the price of
/// parsing each time.
macro_rules! statements {
    ($(#[$doc:meta])* $set:ident { $($name:ident: $text:expr;)* }) => {
        $(#[$doc])*
        pub struct $set { $(pub $name: tokio_postgres::Statement,)* }

        impl $set {
            pub async fn prepare(client: &tokio_postgres::Client) -> Result<Self, tokio_postgres::Error> {
                $(let $name: String = $text.into();)*
                let ($($name,)*) = tokio::try_join!($(client.prepare(&$name),)*)?;
                Ok(Self { $($name,)* })
            }
        }
    };
}
pub(super) use statements;

/// The statements of one kind of record.
pub struct KindStatements {
    pub find: Statement,
    pub owned: Statement,
    pub insert: Statement,
    pub update: Statement,
    /// Holds rows that were read at their version.
    pub share: Statement,
    /// The same for rows of a kind of which some are written.
    pub lock: Statement,
    /// Fails unless owners have the records that were read.
    pub hold_owned: Statement,
    pub delete: Statement,
}

impl KindStatements {
    async fn prepare(client: &Client, kind: &domain::Kind) -> Result<Self, Error> {
        let table = kind.table;
        let find = sql::select_records(kind);
        let owned = format!(
            "SELECT n.platform, n.owner, f.id FROM {} CROSS JOIN LATERAL (SELECT t.id FROM {table} t \
             WHERE t.platform = n.platform AND t.owner = n.owner ORDER BY t.created_at, t.id) AS f",
            sql::set(&[("platform", "UUID"), ("owner", "UUID")])
        );
        let insert = sql::insert(table, RECORD_WRITTEN);
        let changes = ["owner", "status", "version", "form", "body"].map(|column| format!("{column} = excluded.{column}")).join(", ");
        let update = format!("{insert} ON CONFLICT (platform, id) DO UPDATE SET {changes}");
        let share = sql::hold_at_version(table, "SHARE");
        let lock = sql::hold_at_version(table, "UPDATE");
        let hold_owned = sql::hold_owned(table);
        let delete = sql::delete(table, BY_ID, "TRUE");
        let (find, owned, insert, update, share, lock, hold_owned, delete) = tokio::try_join!(
            client.prepare(&find),
            client.prepare(&owned),
            client.prepare(&insert),
            client.prepare(&update),
            client.prepare(&share),
            client.prepare(&lock),
            client.prepare(&hold_owned),
            client.prepare(&delete),
        )?;
        Ok(Self { find, owned, insert, update, share, lock, hold_owned, delete })
    }
}

/// The statements of every kind, by the kind's number.
pub struct Kinds(FxHashMap<u8, KindStatements>);

impl Kinds {
    pub async fn prepare(client: &Client) -> Result<Self, Error> {
        let mut kinds = FxHashMap::default();
        for kind in KINDS {
            kinds.insert(kind.number, KindStatements::prepare(client, kind).await?);
        }
        Ok(Self(kinds))
    }

    /// Those of one kind. Errors: a fault for a kind that is not among [`KINDS`].
    pub fn of(&self, kind: &domain::Kind) -> Result<&KindStatements, StoreError> {
        self.0.get(&kind.number).ok_or_else(|| StoreError::Fault(format!("{} is not among the kinds of the store", kind.table)))
    }
}
