//! A client that sends what it is told, byte for byte.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use hallmark_core::problem::{Code, MEDIA_TYPE, Problem};

/// Longer than any limit of these tests: a read that takes this long has hung.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Client<S = TcpStream> {
    stream: S,
    buffer: Vec<u8>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self::over(stream)
    }

    /// Whether something is there to be read.
    pub fn is_answered(&self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).unwrap();
        peeked.is_ok()
    }
}

impl<S: Read + Write> Client<S> {
    pub fn over(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stream.write_all(bytes.as_ref()).unwrap();
        self
    }

    /// Sends what may break off because the other side has closed.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    pub fn get(&mut self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")).answer().unwrap()
    }

    /// The next answer; none when the connection ends before it begins.
    pub fn answer(&mut self) -> Option<Answer> {
        let head_len = loop {
            if let Some(at) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.more() {
                assert!(self.buffer.is_empty(), "half an answer: {:?}", self.text());
                return None;
            }
        };
        let head: Vec<u8> = self.buffer.drain(..head_len).collect();
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        if status == 100 {
            return self.answer();
        }
        let field = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        };
        let fields: Vec<_> = lines.map(field).collect();
        let length = fields.iter().find(|(name, _)| name == "content-length");
        let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
        while self.buffer.len() < length {
            assert!(self.more(), "half a body");
        }
        let body = self.buffer.drain(..length).collect();
        Some(Answer { status, fields, body })
    }

    /// Whether the connection ends here, orderly or not, and without another byte.
    pub fn is_closed(&mut self) -> bool {
        let more = self.more();
        !more && self.buffer.is_empty()
    }

    fn more(&mut self) -> bool {
        let mut some = [0; 4096];
        match self.stream.read(&mut some) {
            Ok(n) => {
                self.buffer.extend_from_slice(&some[..n]);
                n > 0
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("it hangs"),
            Err(_) => false,
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.buffer).into_owned()
    }
}

impl Answer {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Checks that this is a problem document of that code, with the fields that every answer has.
    pub fn is_problem(&self, code: Code) {
        assert_eq!(self.field("content-type"), Some(MEDIA_TYPE), "{self:?}");
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.code, code);
        assert_eq!((self.status, problem.status), (code.status(), code.status()));
        assert!(!problem.detail.is_empty());
        self.is_guarded();
        if matches!(self.status, 429 | 503) {
            let seconds: u32 = self.field("retry-after").unwrap().parse().unwrap();
            assert!(seconds > 0);
        }
    }

    /// Checks the header fields that every answer has.
    pub fn is_guarded(&self) {
        assert_eq!(self.field("x-content-type-options"), Some("nosniff"));
        assert_eq!(self.field("referrer-policy"), Some("no-referrer"));
        assert!(self.field("cache-control").is_some());
        assert!(self.field("content-security-policy").is_some());
        assert_eq!(self.field("server"), None);
    }
}
