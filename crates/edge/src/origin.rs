//! Where a request came from, as the audit trail keeps it.

use std::net::IpAddr;

use http::request::Parts;
use sha2::{Digest, Sha256};

use crate::line::Peer;

/// Keyed hash of the address that a request came from; zeros for one that came through no socket.
#[must_use]
pub fn origin(key: &[u8; 32], parts: &Parts) -> [u8; 16] {
    let Some(peer) = parts.extensions.get::<Peer>() else { return [0; 16] };
    let mut hash = Sha256::new();
    hash.update(key);
    match peer.address.ip() {
        IpAddr::V4(address) => hash.update(address.octets()),
        IpAddr::V6(address) => hash.update(address.octets()),
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest.first_chunk().copied().unwrap_or_default()
}
