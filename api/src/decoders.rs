//! What reads what strangers send before anything of it is verified, for the suites that attack it.
//! No interface: it changes with what is inside.

pub use crate::{
    http::range::{Asked, asked},
    serve::{
        framing::Framed,
        head::{Framing, Head, read as read_head},
        peer::Proxies,
    },
};
