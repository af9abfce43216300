//! A hostile service (design, section 1): a [`Proxy`] stands between a client and a service on
//! loopback and answers what its [`Rule`]s say, in place of what the service would have said.
//!
//! Whatever a malicious service may do to an answer can be done here: replay an old one or another
//! account's, change members and arrays ([`every_change`]), withhold, hang up, answer with garbage,
//! without end, slowly, or with another status. Requests go on as they came, so signatures hold. Two
//! histories are two services: [`Proxy::turn_to`] goes from one to the other.
//!
//! HTTP/1.1 (RFC 9112) in clear, one request at a time on a connection, bodies in memory.

mod change;
mod message;
mod proxy;
mod rule;

pub use change::{Change, every_change};
pub use message::{Answer, Request};
pub use proxy::{Exchange, Proxy};
pub use rule::{Act, Rule, matches};
