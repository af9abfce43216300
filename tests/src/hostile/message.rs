//! Requests and answers of HTTP/1.1, read and written whole (RFC 9112).

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
};

use serde_json::Value;

/// The longest head, and the longest line of a chunk, in bytes.
const MOST_HEAD_BYTES: u64 = 1 << 20;

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Header fields in order, names as they were written.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// An answer, its body whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Header fields in order, without those that say how the body travels.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// How a body travels is decided anew on each connection.
const OF_THE_CONNECTION: [&str; 5] =
    ["connection", "keep-alive", "transfer-encoding", "content-length", "expect"];

impl Request {
    /// A request without header fields and body.
    pub fn new(method: &str, target: &str) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        Self { method, target, headers: Vec::new(), body: Vec::new() }
    }

    /// The same with a body of JSON.
    #[must_use]
    pub fn json(mut self, value: &Value) -> Self {
        self.headers.push(("content-type".to_owned(), "application/json".to_owned()));
        self.body = value.to_string().into_bytes();
        self
    }

    /// Sends it on a connection of its own and reads the answer.
    ///
    /// # Errors
    /// When nobody answers, or with something else than HTTP.
    pub fn send(&self, to: SocketAddr) -> io::Result<Answer> {
        self.send_on(TcpStream::connect(to)?)
    }

    /// The same on a connection that was opened for it.
    ///
    /// # Errors
    /// As of [`Request::send`].
    pub fn send_on(&self, mut connection: TcpStream) -> io::Result<Answer> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if header(&self.headers, "host").is_none() {
            head += &format!("host: {}\r\n", connection.peer_addr()?);
        }
        for (name, value) in travelling(&self.headers) {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("connection: close\r\ncontent-length: {}\r\n\r\n", self.body.len());
        connection.write_all(head.as_bytes())?;
        // A service may refuse a body before it has read it; without an answer, that is the error.
        let _ = connection.write_all(&self.body);
        Answer::read(&mut BufReader::new(connection), &self.method)
    }

    /// Reads the next request; none where the connection ends before it.
    pub(super) fn read(
        from: &mut BufReader<TcpStream>,
        answers: &mut TcpStream,
    ) -> io::Result<Option<Self>> {
        let Some((line, headers)) = head(from)? else { return Ok(None) };
        let mut words = line.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(not_http(&line));
        };
        if header(&headers, "expect").is_some() {
            answers.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let has_body = header(&headers, "content-length").is_some() || is_chunked(&headers);
        let body = if has_body { body(from, &headers)? } else { Vec::new() };
        Ok(Some(Self { method: method.to_owned(), target: target.to_owned(), headers, body }))
    }

    /// The value of a header field, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}

impl Answer {
    /// An answer of JSON.
    pub fn json(status: u16, value: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { status, headers, body: value.to_string().into_bytes() }
    }

    /// The body as JSON, if it is.
    pub fn value(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The value of a header field, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The head as it is sent before a body of that length; in pieces of unknown number for none.
    pub(super) fn head(&self, len: Option<u64>) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Answer\r\n", self.status);
        for (name, value) in travelling(&self.headers) {
            head += &format!("{name}: {value}\r\n");
        }
        head += &match len {
            Some(len) => format!("content-length: {len}\r\n\r\n"),
            None => "transfer-encoding: chunked\r\n\r\n".to_owned(),
        };
        head.into_bytes()
    }

    /// The whole of it as it is sent in answer to that method.
    pub(super) fn bytes(&self, method: &str) -> Vec<u8> {
        let mut bytes = self.head(Some(self.body.len() as u64));
        if method != "HEAD" {
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }

    fn read(from: &mut BufReader<TcpStream>, method: &str) -> io::Result<Self> {
        loop {
            let Some((line, headers)) = head(from)? else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1));
            let status: u16 =
                status.and_then(|status| status.parse().ok()).ok_or_else(|| not_http(&line))?;
            if status < 200 {
                continue;
            }
            let has_body = method != "HEAD" && status != 204 && status != 304;
            let body = if has_body { body(from, &headers)? } else { Vec::new() };
            let headers = travelling(&headers).cloned().collect();
            return Ok(Self { status, headers, body });
        }
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let field = headers.iter().find(|(field, _)| field.eq_ignore_ascii_case(name))?;
    Some(&field.1)
}

fn travelling(headers: &[(String, String)]) -> impl Iterator<Item = &(String, String)> {
    let is_ours = |name: &str| OF_THE_CONNECTION.iter().any(|ours| ours.eq_ignore_ascii_case(name));
    headers.iter().filter(move |(name, _)| !is_ours(name))
}

fn is_chunked(headers: &[(String, String)]) -> bool {
    header(headers, "transfer-encoding").is_some_and(|how| how.eq_ignore_ascii_case("chunked"))
}

type Head = (String, Vec<(String, String)>);

fn head(from: &mut BufReader<TcpStream>) -> io::Result<Option<Head>> {
    let mut from = from.take(MOST_HEAD_BYTES);
    let mut line = |or_end: bool| -> io::Result<Option<String>> {
        let mut line = String::new();
        match from.read_line(&mut line)? {
            0 if or_end => Ok(None),
            _ if !line.ends_with('\n') => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned())),
        }
    };
    let Some(first) = line(true)? else { return Ok(None) };
    let mut headers = Vec::new();
    while let Some(field) = line(false)?.filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once(':').ok_or_else(|| not_http(&field))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    Ok(Some((first, headers)))
}

fn body(from: &mut BufReader<TcpStream>, headers: &[(String, String)]) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if is_chunked(headers) {
        loop {
            let mut size = String::new();
            from.take(MOST_HEAD_BYTES).read_line(&mut size)?;
            let hex = size.split(';').next().unwrap_or_default().trim();
            let len = u64::from_str_radix(hex, 16).map_err(|_| not_http(&size))?;
            let begin = body.len();
            if len > 0 {
                from.take(len).read_to_end(&mut body)?;
                if ((body.len() - begin) as u64) < len {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            let mut end = String::new();
            from.take(MOST_HEAD_BYTES).read_line(&mut end)?;
            if len == 0 {
                return Ok(body);
            }
        }
    }
    match header(headers, "content-length") {
        Some(len) => {
            let len: u64 = len.parse().map_err(|_| not_http(len))?;
            from.take(len).read_to_end(&mut body)?;
            if (body.len() as u64) < len {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        None => drop(from.read_to_end(&mut body)?),
    }
    Ok(body)
}

fn not_http(line: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not HTTP: {line:?}"))
}
