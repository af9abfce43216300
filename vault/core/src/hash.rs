//! SHA-256 (FIPS 180-4).

use crate::id::id;

id! {
    /// A SHA-256 hash, 32 bytes, written as 64 lower-case hexadecimal digits (as `sha256sum` does).
    Sha256, 32
}

impl Sha256 {
    /// `SHA-256(bytes)`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(bytes);
        hasher.finish()
    }
}

/// SHA-256 over a stream.
#[derive(Clone)]
pub struct Hasher(ring::digest::Context);

impl Hasher {
    /// An empty stream.
    pub fn new() -> Self {
        Self(ring::digest::Context::new(&ring::digest::SHA256))
    }

    /// Adds bytes to the stream.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of everything added.
    pub fn finish(self) -> Sha256 {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.finish().as_ref());
        Sha256::from_bytes(bytes)
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}
