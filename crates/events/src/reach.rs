//! Where a connection may lead.

use std::net::IpAddr;

use domain::hook::is_public;

/// How far a server sends for sandbox platforms. For those of real money only public addresses are ever sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// This machine alone.
    Local,
    /// The public network alone: nothing of the house that the server stands in.
    Public,
    /// Everywhere.
    Any,
}

/// For whom a connection is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Strictness {
    /// A platform for trying things: as far as the server reaches.
    Sandbox,
    /// One of real money, or that is treated like one: public addresses, whatever the server's reach.
    Production,
}

impl Reach {
    /// Whether a connection may lead to an address.
    pub const fn allows(self, address: IpAddr, strictness: Strictness) -> bool {
        let address = address.to_canonical();
        match (strictness, self) {
            (Strictness::Production, Self::Local) => false,
            (Strictness::Production, Self::Public | Self::Any) | (Strictness::Sandbox, Self::Public) => is_public(address),
            (Strictness::Sandbox, Self::Local) => address.is_loopback(),
            (Strictness::Sandbox, Self::Any) => !address.is_multicast() && !address.is_unspecified(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reach_lets_through_what_it_says() {
        use Reach::{Any, Local, Public};
        use Strictness::{Production, Sandbox};
        for (address, allowed) in [
            ("127.0.0.1", &[(Local, Sandbox), (Any, Sandbox)][..]),
            ("::1", &[(Local, Sandbox), (Any, Sandbox)]),
            ("::ffff:127.0.0.1", &[(Local, Sandbox), (Any, Sandbox)]),
            ("192.168.0.7", &[(Any, Sandbox)]),
            ("169.254.169.254", &[(Any, Sandbox)]),
            ("1.1.1.1", &[(Public, Sandbox), (Any, Sandbox), (Public, Production), (Any, Production)]),
            ("0.0.0.0", &[]),
            ("224.0.0.1", &[]),
        ] {
            for reach in [Local, Public, Any] {
                for strictness in [Sandbox, Production] {
                    let is_allowed = reach.allows(address.parse().unwrap(), strictness);
                    assert_eq!(is_allowed, allowed.contains(&(reach, strictness)), "{address} {reach:?} {strictness:?}");
                }
            }
        }
    }
}
