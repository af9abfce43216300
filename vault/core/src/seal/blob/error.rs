//! Why a blob is not sealed or not opened.

use std::io;
use thiserror::Error;

/// Why a blob did not open. It says the class of failure and nothing about key or content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The blob ends early: it is shorter than its fixed parts, or its last chunk is missing.
    #[error("the blob is cut short")]
    Truncated,
    /// Another key or purpose, or bytes that are not as they were sealed.
    #[error("the blob is not authentic")]
    NotAuthentic,
    /// The blob is authentic, but its content length, padded size or padding breaks the framing.
    #[error("the blob's framing is malformed")]
    Framing,
}

/// Why sealing or opening a blob failed.
#[derive(Debug, Error)]
pub enum BlobError {
    /// The blob did not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The content is longer than the cipher's 2^38 chunks (4 PiB) hold.
    #[error("the content is too large for one blob")]
    TooLarge,
    /// The output buffer is not of the size the call asks for.
    #[error("the output buffer has {given} bytes where {expected} are needed")]
    OutputLength {
        /// Bytes needed.
        expected: u64,
        /// Bytes given.
        given: u64,
    },
    /// The input does not have the length that was declared for it.
    #[error("the input does not have the declared length of {declared} bytes")]
    ContentLength {
        /// Bytes declared by the caller.
        declared: u64,
    },
    /// The range asked for lies outside the content.
    #[error("bytes {start} to {end} are outside the content of {content_len} bytes")]
    Range {
        /// First byte asked for.
        start: u64,
        /// End of the range, exclusive.
        end: u64,
        /// Length of the content in bytes.
        content_len: u64,
    },
    /// The input could not be read.
    #[error("the input could not be read")]
    Read {
        /// What the reader answered.
        source: io::Error,
    },
    /// The output could not be written.
    #[error("the output could not be written")]
    Write {
        /// What the writer answered.
        source: io::Error,
    },
}

impl BlobError {
    pub(super) fn read(source: io::Error) -> Self {
        Self::Read { source }
    }

    pub(super) fn write(source: io::Error) -> Self {
        Self::Write { source }
    }
}
