//! Who is at the other end: the peer, or the client that a trusted proxy names.

use std::{
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::limit::Origin;

/// A network in CIDR notation (RFC 4632), or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

impl Network {
    /// Whether the address is in it. IPv4 addresses written as IPv6 count as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let (mine, other) = (self.address, address.to_canonical());
        match (mine, other) {
            (IpAddr::V4(mine), IpAddr::V4(other)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix_bits)).unwrap_or(0);
                mine.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V6(mine), IpAddr::V6(other)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix_bits)).unwrap_or(0);
                mine.to_bits() & mask == other.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// A text that is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a network such as 10.0.0.7, 10.0.0.0/8 or 2001:db8::/32")]
pub struct NetworkError;

impl FromStr for Network {
    type Err = NetworkError;
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address = address.parse::<IpAddr>().map_err(|_| NetworkError)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            Some(prefix) => prefix.parse().ok().filter(|bits| *bits <= most).ok_or(NetworkError)?,
            None => most,
        };
        Ok(Self { address, prefix_bits })
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_bits)
    }
}

impl Serialize for Network {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Where a proxy names the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProxyField {
    /// `X-Forwarded-For`: addresses, the newest last.
    #[serde(rename = "x-forwarded-for")]
    XForwardedFor,
    /// `Forwarded` (RFC 7239): elements with `for=`, the newest last.
    #[serde(rename = "forwarded")]
    Forwarded,
}

/// What one address is counted as: an IPv4 address, or the /64 of an IPv6 address, which one
/// household has to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressKey(IpAddr);

impl AddressKey {
    /// The same, for who counts what a request holds.
    pub(super) fn origin(self) -> Origin {
        Origin(self.0)
    }

    /// The key of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(IpAddr::V4(address)),
            IpAddr::V6(address) => {
                let network = Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64));
                Self(if address.is_loopback() { address.into() } else { network.into() })
            }
        }
    }
}

/// Who may speak for others.
#[derive(Debug, Clone)]
pub struct Proxies {
    trusted: Vec<Network>,
    field: ProxyField,
}

impl Proxies {
    /// These networks may, in that field.
    pub fn new(trusted: Vec<Network>, field: ProxyField) -> Self {
        Self { trusted, field }
    }

    /// Whether this peer is a trusted proxy.
    pub fn is_trusted(&self, peer: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(peer))
    }

    /// The client: the peer, unless it is trusted; then the newest address in the field that is not
    /// trusted itself. What cannot be read ends the search where it stands.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let name = match self.field {
            ProxyField::XForwardedFor => "x-forwarded-for",
            ProxyField::Forwarded => "forwarded",
        };
        let lines: Vec<&[u8]> = headers.get_all(name).iter().map(|v| v.as_bytes()).collect();
        self.named(peer, &lines)
    }

    /// The same of the field's lines. Each element is read for itself: what a client wrote in front of
    /// the proxy's word, text or not, does not touch it.
    pub fn named<L: AsRef<[u8]>>(&self, peer: IpAddr, lines: &[L]) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.is_trusted(client) {
            return client;
        }
        let elements =
            lines.iter().rev().flat_map(|line| line.as_ref().rsplit(|byte| *byte == b','));
        for element in elements {
            let element = std::str::from_utf8(element).ok();
            let Some(address) = element.and_then(|text| self.address(text)) else { break };
            client = address.to_canonical();
            if !self.is_trusted(client) {
                break;
            }
        }
        client
    }

    fn address(&self, element: &str) -> Option<IpAddr> {
        let node = match self.field {
            ProxyField::XForwardedFor => element.trim(),
            ProxyField::Forwarded => element.split(';').find_map(|pair| {
                let (name, value) = pair.trim().split_once('=')?;
                name.eq_ignore_ascii_case("for").then(|| value.trim_matches('"'))
            })?,
        };
        let bracketed = node.strip_prefix('[').and_then(|rest| rest.split(']').next());
        let without_port = match node.split_once(':') {
            Some((address, port)) if !port.contains(':') => address,
            _ => node,
        };
        bracketed.unwrap_or(without_port).parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn client<L: AsRef<[u8]>>(field: ProxyField, peer: &str, lines: &[L]) -> IpAddr {
        let trusted = ["10.0.0.0/8", "2001:db8::1"].map(|n| n.parse().expect("a network"));
        let mut headers = HeaderMap::new();
        for line in lines {
            let value = HeaderValue::from_bytes(line.as_ref()).expect("a value");
            headers.append("x-forwarded-for", value.clone());
            headers.append("forwarded", value);
        }
        Proxies::new(trusted.to_vec(), field).client(ip(peer), &headers)
    }

    #[test]
    fn networks_hold_what_they_say() {
        let net = |text: &str| text.parse::<Network>().expect("a network");
        assert!(net("10.0.0.0/8").contains(ip("10.9.8.7")));
        assert!(net("10.0.0.0/8").contains(ip("::ffff:10.9.8.7")));
        assert!(!net("10.0.0.0/8").contains(ip("11.0.0.0")));
        assert!(net("0.0.0.0/0").contains(ip("11.0.0.0")));
        assert!(!net("0.0.0.0/0").contains(ip("2001:db8::1")));
        assert!(net("2001:db8::/32").contains(ip("2001:db8:9::1")));
        assert!(!net("2001:db8::").contains(ip("2001:db8::1")));
        for wrong in ["", "10.0.0.0/33", "::/129", "x/8", "10.0.0.0/", "10.0.0.0/-1"] {
            assert_eq!(wrong.parse::<Network>(), Err(NetworkError), "{wrong}");
        }
    }

    /// Nobody but a trusted proxy says where a request comes from.
    #[test]
    fn a_stranger_cannot_claim_an_address() {
        for field in [ProxyField::XForwardedFor, ProxyField::Forwarded] {
            let told = client(field, "192.0.2.1", &["198.51.100.9", "for=198.51.100.9"]);
            assert_eq!(told, ip("192.0.2.1"));
        }
    }

    #[test]
    fn the_newest_address_that_is_not_a_proxy_counts() {
        let xff = |lines: &[&str]| client(ProxyField::XForwardedFor, "10.0.0.1", lines);
        assert_eq!(xff(&["203.0.113.5, 198.51.100.9, 10.0.0.2"]), ip("198.51.100.9"));
        assert_eq!(xff(&["203.0.113.5", "198.51.100.9"]), ip("198.51.100.9"));
        assert_eq!(xff(&["203.0.113.5, rubbish"]), ip("10.0.0.1"));
        assert_eq!(xff(&["203.0.113.5, rubbish, 10.0.0.2"]), ip("10.0.0.2"));
        assert_eq!(xff(&[]), ip("10.0.0.1"));
        assert_eq!(xff(&["198.51.100.9:1234"]), ip("198.51.100.9"));
        assert_eq!(xff(&["2001:db8::9"]), ip("2001:db8::9"));
        let forwarded = |lines: &[&str]| client(ProxyField::Forwarded, "2001:db8::1", lines);
        assert_eq!(
            forwarded(&["for=203.0.113.5, For=\"[2001:db8::9]:80\";proto=https"]),
            ip("2001:db8::9")
        );
        assert_eq!(forwarded(&["for=203.0.113.5, for=unknown"]), ip("2001:db8::1"));
    }

    /// What is no text hides nothing but itself.
    #[test]
    fn bytes_that_are_no_text_do_not_hide_the_client() {
        let xff = |lines: &[&[u8]]| client(ProxyField::XForwardedFor, "10.0.0.1", lines);
        assert_eq!(xff(&[b"\xff, 198.51.100.9"]), ip("198.51.100.9"));
        assert_eq!(xff(&[b"\xff", b"198.51.100.9, 10.0.0.2"]), ip("198.51.100.9"));
        assert_eq!(xff(&[b"198.51.100.9, \xff"]), ip("10.0.0.1"));
        let lines: &[&[u8]] = &[b"for=\xff, for=198.51.100.9;by=\"_x\""];
        assert_eq!(client(ProxyField::Forwarded, "10.0.0.1", lines), ip("198.51.100.9"));
    }

    #[test]
    fn a_household_is_one_address() {
        assert_eq!(AddressKey::of(ip("2001:db8::1")), AddressKey::of(ip("2001:db8::ffff:1")));
        assert_ne!(AddressKey::of(ip("2001:db8::1")), AddressKey::of(ip("2001:db8:0:1::1")));
        assert_eq!(AddressKey::of(ip("::ffff:192.0.2.1")), AddressKey::of(ip("192.0.2.1")));
        assert_ne!(AddressKey::of(ip("192.0.2.1")), AddressKey::of(ip("192.0.2.2")));
    }
}
