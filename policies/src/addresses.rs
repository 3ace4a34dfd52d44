//! Which network addresses a rule opens.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::PolicyError;
use crate::section::Entry;

/// Which addresses a matched request may be sent to. Metadata addresses are in neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressScope {
    /// Any address of the public internet.
    Public,
    /// These, private or public, and no other.
    Listed(Vec<IpNet>),
    /// What `within` says, but for the networks that a ceiling denies.
    Except {
        /// What a policy opens.
        within: Box<AddressScope>,
        /// What stays closed all the same.
        nets: Vec<IpNet>,
    },
}

impl fmt::Display for AddressScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |nets: &[IpNet]| {
            nets.iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        };
        match self {
            Self::Public => f.write_str("public addresses"),
            Self::Listed(nets) => f.write_str(&list(nets)),
            Self::Except { within, nets } => write!(f, "{within}, but not {}", list(nets)),
        }
    }
}

impl AddressScope {
    /// What both open; nothing where that can't be said.
    pub(crate) fn common(&self, other: &AddressScope) -> Option<AddressScope> {
        match (self, other) {
            (AddressScope::Public, AddressScope::Public) => Some(AddressScope::Public),
            (AddressScope::Listed(own), AddressScope::Listed(others)) => {
                let nets: Vec<IpNet> = own
                    .iter()
                    .flat_map(|own| {
                        others.iter().filter_map(move |other| {
                            if other.contains(own) {
                                Some(*own)
                            } else {
                                own.contains(other).then_some(*other)
                            }
                        })
                    })
                    .collect();
                (!nets.is_empty()).then_some(AddressScope::Listed(nets))
            }
            _ => None,
        }
    }
}

/// At most this many networks in one rule.
const MAX_NETWORKS: usize = 64;

/// Where clouds hand their machines' credentials to whoever asks.
const METADATA: &[IpAddr] = &[
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// Whether an address serves a cloud's instance metadata, also when it is written as an IPv6
/// address that carries an IPv4 one. No policy can open such an address.
#[must_use]
pub fn is_metadata(address: IpAddr) -> bool {
    METADATA.contains(&address.to_canonical())
}

pub(crate) fn read(entry: &Entry<'_>) -> Result<Vec<IpNet>, PolicyError> {
    entry
        .texts(MAX_NETWORKS)?
        .into_iter()
        .map(|text| read_one(entry, text))
        .collect()
}

/// The networks of a denial, which may hold any address.
pub(crate) fn read_denied(entry: &Entry<'_>) -> Result<Vec<IpNet>, PolicyError> {
    entry
        .texts(MAX_NETWORKS)?
        .into_iter()
        .map(|text| read_net(entry, text))
        .collect()
}

fn read_one(entry: &Entry<'_>, text: &str) -> Result<IpNet, PolicyError> {
    let net = read_net(entry, text)?;
    if let Some(metadata) = METADATA.iter().find(|address| net.contains(*address)) {
        return Err(entry.error(format!(
            "has \"{}\", which contains {metadata}; a cloud's metadata addresses can never \
             be opened, so list narrower networks",
            text.escape_debug()
        )));
    }
    Ok(net)
}

fn read_net(entry: &Entry<'_>, text: &str) -> Result<IpNet, PolicyError> {
    let shown = text.escape_debug();
    let net: IpNet = text
        .parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| {
            entry.error(format!(
                "has \"{shown}\", which is not an address or network such as \"10.0.0.5/32\""
            ))
        })?;
    if net.network() != net.addr() {
        return Err(entry.error(format!(
            "has \"{shown}\", whose address is not the start of its network; write \"{}\"",
            net.trunc()
        )));
    }
    if let IpNet::V6(v6) = net
        && v6.addr().to_ipv4_mapped().is_some()
    {
        return Err(entry.error(format!(
            "has \"{shown}\", an IPv4 address inside an IPv6 one; write it as IPv4"
        )));
    }
    Ok(net)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_metadata_addresses_are_recognised() {
        assert!(is_metadata("169.254.169.254".parse().unwrap()));
        assert!(is_metadata("::ffff:169.254.169.254".parse().unwrap()));
        assert!(!is_metadata("169.254.169.253".parse().unwrap()));
    }
}
