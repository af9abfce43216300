//! Signed requests: one profile of HTTP Message Signatures (RFC 9421) with Content-Digest
//! (RFC 9530).
//!
//! Design, section 3: a device signs each request over method, authority, path, query and body. The
//! profile leaves nothing to choose, so a request has one signed form and anything else is refused:
//!
//! ```text
//! Content-Digest: sha-256=:<base64 of SHA-256(body)>:
//! Signature-Input: hm=("@method" "@authority" "@path" "@query" "content-digest")
//!     ;created=<Unix seconds>;nonce="<22 characters>";keyid="<key id>";alg="ed25519"
//!     ;tag="hallmark/request/v1"
//! Signature: hm=:<base64 of the Ed25519 signature>:
//! ```
//!
//! (Signature-Input is one line.) The tag keeps these signatures apart from every other use of the
//! key. [`Unverified`] is what a request carries, [`Verified`] what it proves; only the first can be
//! made from bytes.
//!
//! Out of scope: which key a key id names, and remembering nonces. A verified request may still be
//! a replay: the caller refuses a nonce it has seen under the same key within the window.

mod base;
mod digest;
mod error;
mod params;
mod request;

pub use digest::ContentDigest;
pub use error::{Header, HttpSigError};
pub use params::{KeyId, Nonce, Window};
pub use request::{SignedHeaders, Target, Unverified, Verified, sign};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
