//! What the service reads of strangers before anything is verified: heads of requests, the bytes
//! handed on to HTTP, ranges, and what a proxy says of the client.

use std::{
    net::{IpAddr, Ipv4Addr},
    pin::Pin,
    task::{Context, Poll, Waker},
};

use hallmark_api::{
    decoders::{Asked, Framed, Framing, Proxies, asked, read_head},
    serve::peer::{Network, ProxyField},
};
use tokio::io::{AsyncRead, ReadBuf};

/// The most header fields.
const MAX_FIELDS: usize = 20;
/// The longest head, bytes.
const MAX_HEAD_BYTES: usize = 2000;

/// Heads of requests: one end, whatever follows and however little is there, and one framing.
pub fn request_head(bytes: &[u8]) {
    if let Ok(Some(read)) = read_head(bytes, MAX_FIELDS) {
        let whole = &bytes[..read.len];
        assert!(whole.ends_with(b"\n\r\n") || whole.ends_with(b"\n\n"));
        assert_eq!(read_head(whole, MAX_FIELDS), Ok(Some(read)), "what follows matters");
        assert_eq!(read_head(&whole[..read.len - 1], MAX_FIELDS), Ok(None), "it ends before");
        let says = |name: &str| {
            whole.to_ascii_lowercase().windows(name.len()).any(|it| it == name.as_bytes())
        };
        match read.framing {
            Framing::Length(0) => {}
            Framing::Length(_) => assert!(says("content-length:")),
            Framing::Chunked => assert!(says("transfer-encoding:") && says("http/1.1")),
        }
    }
    framed(bytes);
}

/// What is handed on is what came in, up to the first head that is none; however it comes in and
/// is taken.
fn framed(bytes: &[u8]) {
    let whole = handed_on(bytes, usize::MAX, 4096);
    assert!(bytes.starts_with(&whole));
    assert_eq!(handed_on(bytes, 7, 4096), whole, "it matters how it comes in");
    assert_eq!(handed_on(bytes, usize::MAX, 5), whole, "it matters how it is taken");
    // What is left begins with no head that could have been handed on.
    if let Ok(Some(left)) = read_head(&bytes[whole.len()..], MAX_FIELDS) {
        assert!(left.len > MAX_HEAD_BYTES);
    }
}

/// What HTTP is handed of bytes that come in `step` at a time and are taken `room` at a time.
fn handed_on(bytes: &[u8], step: usize, room: usize) -> Vec<u8> {
    let stream = InSteps { rest: bytes, step };
    let mut framed = Framed::new(stream, MAX_HEAD_BYTES, MAX_FIELDS);
    let mut context = Context::from_waker(Waker::noop());
    let (mut all, mut room) = (Vec::new(), vec![0; room]);
    loop {
        let mut some = ReadBuf::new(&mut room);
        match Pin::new(&mut framed).poll_read(&mut context, &mut some) {
            Poll::Ready(Ok(())) if !some.filled().is_empty() => all.extend(some.filled()),
            Poll::Ready(_) => return all,
            Poll::Pending => panic!("it waits for what is there"),
        }
    }
}

/// A stream that has a few bytes at a time.
struct InSteps<'a> {
    rest: &'a [u8],
    step: usize,
}

impl AsyncRead for InSteps<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let (some, rest) = self.rest.split_at(self.rest.len().min(self.step).min(buf.remaining()));
        buf.put_slice(some);
        self.rest = rest;
        Poll::Ready(Ok(()))
    }
}

/// The `Range` field, of a blob as large as the first eight bytes say.
pub fn range(bytes: &[u8]) {
    let Some((size, field)) = bytes.split_first_chunk() else { return };
    let size_bytes = u64::from_be_bytes(*size);
    let Ok(field) = std::str::from_utf8(field) else { return };
    match asked(Some(field), size_bytes) {
        Asked::All => assert!(!field.trim().starts_with("bytes=")),
        Asked::Part(part) => {
            assert!(part.start < part.end && part.end <= size_bytes);
            let plain = format!("bytes={}-{}", part.start, part.end - 1);
            assert_eq!(asked(Some(&plain), size_bytes), Asked::Part(part));
        }
        Asked::Nothing => {}
    }
}

/// The field in which a proxy names the client, line by line: nobody but a trusted proxy is heard,
/// and of what it hands on only what it added itself is believed.
pub fn proxy_field(bytes: &[u8]) {
    super::reads_back::<Network>(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let lines: Vec<&str> = text.lines().collect();
    let [proxy, stranger, client] =
        [[10, 0, 0, 1], [192, 0, 2, 1], [198, 51, 100, 9]].map(|ip| IpAddr::V4(Ipv4Addr::from(ip)));
    for (field, added) in [
        (ProxyField::XForwardedFor, client.to_string()),
        (ProxyField::Forwarded, format!("for={client}")),
    ] {
        let trusted = "10.0.0.0/8".parse().expect("a network");
        let proxies = Proxies::new(vec![trusted], field);
        assert_eq!(proxies.named(stranger, &lines), stranger);
        let named = proxies.named(proxy, &lines);
        assert_eq!(named, named.to_canonical(), "an address has two spellings");
        assert_eq!(proxies.named::<&str>(named, &[]), named);
        let added_line: Vec<&str> = lines.iter().copied().chain([added.as_str()]).collect();
        assert_eq!(proxies.named(proxy, &added_line), client);
        let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        let Some(last) = lines.last_mut() else { continue };
        *last = format!("{last}, {added}");
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(proxies.named(proxy, &lines), client);
    }
}
