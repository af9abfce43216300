//! The search for what the service must never hold (design, section 1).
//!
//! [`Canaries`] are planted where only their owner may read: plaintexts, private file names, secret
//! keys. [`Search`] looks for each of them in bytes, in a folder with its names, and in the memory
//! of a running process. [`leak()`] writes a folder that leaks each of them in each form, so that a
//! search which finds nothing can be shown to find everything.
//!
//! # What is found
//!
//! Every [`Form`], ASCII letters in either case, at any offset: in the file as it lies, and in what
//! comes out of a deflate stream (RFC 1951) that begins at any byte, with a zlib or gzip header or
//! without. A stream that is cut short counts as far as it goes. A canary that is hexadecimal, as
//! secret keys are, is looked for as the bytes it stands for too.
//!
//! In a test build on two cores a search takes about a second for 10 MB, most of it for the streams
//! that might begin at every byte.
//!
//! # What is not found
//!
//! Anything encrypted; other compressions; one deflate stream inside another, or a text form around
//! one; base64 broken into lines; a canary that is cut in two, such as where SQLite goes on in an
//! overflow page (a search of the values read through SQL sees those); a deflate stream more than
//! [`MOST_INFLATED_BYTES`] after its beginning; extended attributes of files.

mod canaries;
mod deflate;
mod forms;
mod leak;
mod process;
mod search;

pub use canaries::{Canaries, CanaryError};
pub use deflate::{MOST_INFLATED_BYTES, Packing};
pub use forms::{Form, Subject};
pub use leak::{Leak, leak};
pub use search::{Found, Hit, Place, Search, Searched};
