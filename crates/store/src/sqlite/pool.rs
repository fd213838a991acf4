//! A few connections, each used by one caller at a time.

use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::Connection;

/// Connections for reading.
pub struct Pool {
    free: Mutex<Vec<Connection>>,
    returned: Condvar,
}

impl Pool {
    /// A pool of `size` connections.
    pub fn new<E>(size: usize, connect: impl Fn() -> Result<Connection, E>) -> Result<Self, E> {
        let free = (0..size).map(|_| connect()).collect::<Result<Vec<_>, E>>()?;
        Ok(Self { free: Mutex::new(free), returned: Condvar::new() })
    }

    /// Runs `work` on a connection, waiting for one to be free.
    pub fn with<T>(&self, work: impl FnOnce(&Connection) -> T) -> T {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let conn = loop {
            match free.pop() {
                Some(conn) => break conn,
                None => free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner),
            }
        };
        drop(free);
        let guard = Return { pool: self, conn: Some(conn) };
        guard.conn.as_ref().map_or_else(|| unreachable!("the connection is there until the guard is dropped"), work)
    }
}

/// Puts the connection back, also when the work panics.
struct Return<'a> {
    pool: &'a Pool,
    conn: Option<Connection>,
}

impl Drop for Return<'_> {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            self.pool.free.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
            self.pool.returned.notify_one();
        }
    }
}
