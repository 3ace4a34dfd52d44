//! Which addresses may be reached.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Which addresses a request may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Globally reachable addresses only.
    Public,
    /// These and no others. Metadata addresses are refused even when they are listed.
    Listed(Vec<IpNet>),
    /// An admin configured this URL: any address but metadata.
    Configured,
    /// What `within` says, but for these networks, which an organisation closes to all.
    Except {
        /// What is open.
        within: Box<Scope>,
        /// What is not.
        nets: Vec<IpNet>,
    },
}

/// Why an address is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It belongs to a cloud's metadata service or to the link: never allowed.
    Metadata,
    /// It is not a public address.
    NotPublic,
    /// It is not among the addresses that the policy lists.
    NotListed,
    /// The organisation's ceiling closes it.
    Closed,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Metadata => "link-local and metadata addresses are never allowed",
            Refusal::NotPublic => "it is not a public address",
            Refusal::NotListed => "it is not among the listed addresses",
            Refusal::Closed => "the organisation's ceiling closes it",
        })
    }
}

/// Whether `address` may be reached in `scope`.
pub(crate) fn check(address: IpAddr, scope: &Scope) -> Result<(), Refusal> {
    let address = embedded(address);
    if is_metadata(address) {
        return Err(Refusal::Metadata);
    }
    match scope {
        Scope::Configured => Ok(()),
        Scope::Public if is_public(address) => Ok(()),
        Scope::Public => Err(Refusal::NotPublic),
        Scope::Listed(nets) if nets.iter().any(|net| net.contains(&address)) => Ok(()),
        Scope::Listed(_) => Err(Refusal::NotListed),
        Scope::Except { nets, .. } if nets.iter().any(|net| net.contains(&address)) => {
            Err(Refusal::Closed)
        }
        Scope::Except { within, .. } => check(address, within),
    }
}

/// The IPv4 address inside a v4-mapped, NAT64, 6to4 or v4-compatible IPv6 address, which is where
/// a packet would end up; any other address as it is.
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    let s = v6.segments();
    let v4 = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        // `::` and `::1` are not v4-compatible addresses.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        _ => address,
    }
}

/// Link-local addresses as a whole, and the metadata services that live elsewhere.
fn is_metadata(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || [
                    Ipv4Addr::new(100, 100, 100, 200),
                    Ipv4Addr::new(168, 63, 129, 16),
                    Ipv4Addr::new(192, 0, 0, 192),
                ]
                .contains(&v4)
        }
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local()
                || [
                    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
                    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
                    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
                ]
                .contains(&v6)
        }
    }
}

/// Not in one of the special-purpose registries of IANA (RFC 6890 and its updates).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(a == 0
                || a == 10
                || (a == 100 && (64..128).contains(&b))
                || a == 127
                || (a == 169 && b == 254)
                || (a == 172 && (16..32).contains(&b))
                || (a == 192 && b == 0 && (c == 0 || c == 2))
                || (a == 192 && b == 31 && c == 196)
                || (a == 192 && b == 52 && c == 193)
                || (a == 192 && b == 88 && c == 99)
                || (a == 192 && b == 168)
                || (a == 192 && b == 175 && c == 48)
                || (a == 198 && (b == 18 || b == 19))
                || (a == 198 && b == 51 && c == 100)
                || (a == 203 && b == 0 && c == 113)
                || a >= 224)
        }
        IpAddr::V6(v6) => {
            let s = v6.segments();
            // Global unicast is 2000::/3; inside it, protocol assignments (with Teredo and ORCHID),
            // documentation and 6to4 are left out.
            (s[0] & 0xe000) == 0x2000
                && !(s[0] == 0x2001 && s[1] < 0x200)
                && !(s[0] == 0x2001 && s[1] == 0xdb8)
                && s[0] != 0x2002
                && !(s[0] == 0x2620 && s[1] == 0x4f && s[2] == 0x8000)
                && !(s[0] == 0x3fff && s[1] < 0x1000)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(address: &str, scope: &Scope) -> Result<(), Refusal> {
        check(address.parse().unwrap(), scope)
    }

    #[test]
    fn only_public_addresses_are_public() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "93.184.216.34",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "198.20.0.1",
            "2606:4700:4700::1111",
            "2a00:1450:4001::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert_eq!(verdict(address, &Scope::Public), Ok(()), "{address}");
        }
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert_eq!(
                verdict(address, &Scope::Public),
                Err(Refusal::NotPublic),
                "{address}"
            );
        }
    }

    #[test]
    fn metadata_addresses_are_never_allowed() {
        let everything = Scope::Listed(vec!["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()]);
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::",
        ] {
            for scope in [&Scope::Public, &everything, &Scope::Configured] {
                assert_eq!(
                    verdict(address, scope),
                    Err(Refusal::Metadata),
                    "{address} {scope:?}"
                );
            }
        }
    }

    #[test]
    fn a_list_opens_what_it_names_and_nothing_else() {
        let scope = Scope::Listed(vec!["10.0.0.5/32".parse().unwrap()]);
        assert_eq!(verdict("10.0.0.5", &scope), Ok(()));
        assert_eq!(verdict("::ffff:10.0.0.5", &scope), Ok(()));
        assert_eq!(verdict("10.0.0.6", &scope), Err(Refusal::NotListed));
        assert_eq!(verdict("8.8.8.8", &scope), Err(Refusal::NotListed));
        assert_eq!(verdict("127.0.0.1", &Scope::Configured), Ok(()));
        let except = Scope::Except {
            within: Box::new(scope),
            nets: vec!["10.0.0.0/8".parse().unwrap()],
        };
        assert_eq!(verdict("10.0.0.5", &except), Err(Refusal::Closed));
        assert_eq!(verdict("::ffff:10.0.0.5", &except), Err(Refusal::Closed));
        assert_eq!(verdict("11.0.0.5", &except), Err(Refusal::NotListed));
    }
}
