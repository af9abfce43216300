//! The hostile service does what its rules say, and without a rule nothing.

#![allow(clippy::unwrap_used)] // a control that cannot be set up may say so by panicking

#[path = "../hallmarkd/mod.rs"]
mod daemon;
mod hallmarkd;
mod table;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use hallmark_suites::hostile::{Act, Answer, Proxy, Request, Rule};
use serde_json::{Value, json};

/// A service that answers each request with what it asked and how often it was asked, one to a
/// connection, its body in chunks.
fn service(says: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (asked, connection) in listener.incoming().enumerate() {
            // A client that goes away is no matter.
            let _ = answer(connection.unwrap(), says, asked + 1);
        }
    });
    address
}

fn answer(connection: TcpStream, says: &str, asked: usize) -> std::io::Result<()> {
    let mut lines = BufReader::new(connection);
    let (mut first, mut length, mut host) = (String::new(), 0, String::new());
    lines.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        lines.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "host" => host = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body)?;
    let target = first.split(' ').nth(1).unwrap();
    let value = json!({
        "says": says, "asked": asked, "target": target, "host": host,
        "body": String::from_utf8(body).unwrap(), "list": [1, 2, 3],
    });
    let value = value.to_string();
    let (a, b) = value.split_at(10);
    write!(
        lines.get_mut(),
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-kept: yes\r\n\
         transfer-encoding: chunked\r\n\r\n{:x}\r\n{a}\r\n{:x};x=y\r\n{b}\r\n0\r\n\r\n",
        a.len(),
        b.len()
    )
}

const THING: &str = "/v1/things/{thing}";

fn proxy() -> Proxy {
    Proxy::before(service("first")).unwrap()
}

fn get(proxy: &Proxy, target: &str) -> std::io::Result<Answer> {
    Request::new("GET", target).send(proxy.address())
}

fn value(answer: std::io::Result<Answer>) -> Value {
    answer.unwrap().value().unwrap()
}

#[test]
fn without_a_rule_everything_is_passed_on_and_kept() {
    let proxy = proxy();
    let sent = Request::new("POST", "/v1/things?a=1").json(&json!({"x": "é"}));
    let answer = sent.send(proxy.address()).unwrap();
    assert_eq!((answer.status, answer.header("x-kept")), (200, Some("yes")));
    let value = answer.value().unwrap();
    assert_eq!(value["target"], "/v1/things?a=1");
    assert_eq!(value["body"], json!({"x": "é"}).to_string());
    // What is signed over the authority still holds.
    assert_eq!(value["host"], proxy.address().to_string());
    let exchanges = proxy.exchanges();
    assert_eq!((exchanges.len(), exchanges[0].request.method.as_str()), (1, "POST"));
    assert_eq!(
        (&exchanges[0].service, &exchanges[0].client),
        (&Some(answer.clone()), &Some(answer))
    );
}

#[test]
fn a_connection_serves_one_request_after_the_other() {
    let proxy = proxy();
    let mut connection = BufReader::new(TcpStream::connect(proxy.address()).unwrap());
    for n in 1..=3 {
        let request = "POST /x HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\n\
            transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        connection.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") || length == 0 {
            let mut line = String::new();
            connection.read_line(&mut line).unwrap();
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
            head += &line;
        }
        assert!(head.starts_with("HTTP/1.1 100 Continue\r\n"), "{head}");
        let mut body = vec![0; length];
        connection.read_exact(&mut body).unwrap();
        let value: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&value["asked"], &value["body"]), (&json!(n), &json!("abc")));
    }
}

#[test]
fn an_old_answer_and_anothers_are_replayed() {
    let proxy = proxy();
    let old = get(&proxy, "/v1/things/1").unwrap();
    let other = get(&proxy, "/v1/things/2").unwrap();
    assert_eq!(proxy.last_answer("GET", THING), Some(other.clone()));
    proxy.rule(Rule::on("GET", "/v1/things/1", Act::Answer(other.clone())).times(1));
    proxy.rule(Rule::on("GET", "/v1/things/1", Act::Answer(old.clone())));
    assert_eq!(get(&proxy, "/v1/things/1").unwrap(), other);
    assert_eq!(get(&proxy, "/v1/things/1?new=1").unwrap(), old);
    // The service was not asked; other requests are not touched.
    assert_eq!(value(get(&proxy, "/v1/others/1"))["asked"], 3);
    assert_eq!(value(Request::new("POST", "/v1/things/1").send(proxy.address()))["asked"], 4);
    proxy.honest();
    assert_eq!(value(get(&proxy, "/v1/things/1"))["asked"], 5);
}

#[test]
fn a_rule_can_wait_for_its_turn() {
    let proxy = proxy();
    proxy.rule(Rule::on("*", THING, Act::status(500)).after(1).times(1));
    let statuses = [1, 2, 3].map(|_| get(&proxy, "/v1/things/1").unwrap().status);
    assert_eq!(statuses, [200, 500, 200]);
}

#[test]
fn members_and_bytes_are_changed() {
    let proxy = proxy();
    let swap = Act::json(|value| value["list"].as_array_mut().unwrap().swap(0, 2));
    proxy.rule(Rule::on("GET", THING, swap).times(1));
    proxy.rule(Rule::on("GET", THING, Act::body(|body| body[..body.len() / 2].to_vec())).times(1));
    assert_eq!(value(get(&proxy, "/v1/things/1"))["list"], json!([3, 2, 1]));
    // Cut in the middle, with a length that says so.
    let cut = get(&proxy, "/v1/things/1").unwrap();
    assert!(cut.value().is_none() && cut.header("x-kept") == Some("yes"));
    let [first, ..] = proxy.exchanges().try_into().unwrap_or_else(|_| [(); 2].map(|_| panic!()));
    assert_eq!(first.service.unwrap().value().unwrap()["list"], json!([1, 2, 3]));
    assert_eq!(first.client.unwrap().value().unwrap()["list"], json!([3, 2, 1]));
}

#[test]
fn two_histories_are_told() {
    let proxy = proxy();
    assert_eq!(value(get(&proxy, "/x"))["says"], "first");
    proxy.turn_to(service("second"));
    assert_eq!(value(get(&proxy, "/x"))["says"], "second");
}

fn with_patience(proxy: &Proxy, patience: Duration) -> BufReader<TcpStream> {
    let mut connection = TcpStream::connect(proxy.address()).unwrap();
    connection.set_read_timeout(Some(patience)).unwrap();
    connection.write_all(b"GET /v1/things/1 HTTP/1.1\r\nhost: h\r\n\r\n").unwrap();
    BufReader::new(connection)
}

#[test]
fn an_answer_is_withheld_and_the_service_asked_or_not() {
    let proxy = proxy();
    for (asks, asked) in [(true, 1), (false, 1)] {
        proxy.honest();
        proxy.rule(Rule::on("GET", THING, Act::Withhold { asks }));
        let mut connection = with_patience(&proxy, Duration::from_millis(200));
        let waited = connection.read(&mut [0]).unwrap_err();
        assert_eq!(waited.kind(), std::io::ErrorKind::WouldBlock);
        let of_service = || proxy.exchanges().iter().filter(|one| one.service.is_some()).count();
        let begun = Instant::now();
        while of_service() < asked && begun.elapsed() < Duration::from_secs(20) {
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(of_service(), asked);
    }
}

#[test]
fn what_is_withheld_ends_with_the_proxy() {
    let proxy = proxy();
    proxy.rule(Rule::on("GET", THING, Act::Withhold { asks: false }));
    let mut connection = with_patience(&proxy, Duration::from_secs(20));
    let begun = Instant::now();
    while proxy.exchanges().is_empty() && begun.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(5));
    }
    drop(proxy);
    assert_eq!(connection.read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn an_answer_breaks_off_is_garbage_or_comes_slowly() {
    let proxy = proxy();
    proxy.rule(Rule::on("GET", THING, Act::HangUp { after_bytes: 150 }).times(1));
    proxy.rule(Rule::on("GET", THING, Act::HangUp { after_bytes: 0 }).times(1));
    proxy.rule(Rule::on("GET", THING, Act::Bytes(b"\x00\xff\n\r\n".to_vec())).times(1));
    let pause = Duration::from_millis(20);
    proxy.rule(Rule::on("GET", THING, Act::Slow { piece_bytes: 40, pause }));
    let mut half = String::new();
    with_patience(&proxy, Duration::from_secs(20)).read_to_string(&mut half).unwrap();
    assert_eq!(half.len(), 150);
    assert!(get(&proxy, "/v1/things/1").is_err());
    assert!(get(&proxy, "/v1/things/1").is_err());
    let begun = Instant::now();
    assert_eq!(value(get(&proxy, "/v1/things/1"))["asked"], 3);
    assert!(begun.elapsed() >= 4 * pause);
    assert_eq!(proxy.exchanges()[0].sent_bytes, 150);
}

#[test]
fn gigabytes_are_sent_for_as_long_as_they_are_taken() {
    let proxy = proxy();
    for says_length in [true, false] {
        proxy.honest();
        let begin = b"{\"entries\":[".to_vec();
        proxy.rule(Rule::on("GET", THING, Act::Flood { begin, bytes: 4 << 30, says_length }));
        let mut connection = with_patience(&proxy, Duration::from_secs(20));
        let mut taken = vec![0; 1 << 20];
        connection.read_exact(&mut taken).unwrap();
        let text = String::from_utf8(taken).unwrap();
        assert!(text.contains("{\"entries\":[") && text.contains("application/json"));
        assert_eq!(text.contains("content-length: 4294967296"), says_length);
        drop(connection);
        let begun = Instant::now();
        let flooded = loop {
            let exchanges = proxy.exchanges();
            if let Some(last) = exchanges.last().filter(|last| last.sent_bytes > 0) {
                assert_eq!(exchanges.len(), 1 + usize::from(!says_length));
                break last.sent_bytes;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "the flood goes on");
            thread::sleep(Duration::from_millis(5));
        };
        assert!(((1 << 20)..(1 << 30)).contains(&flooded), "{flooded} bytes");
    }
    // A whole one is an answer.
    proxy.honest();
    let begin = b"[1]".to_vec();
    proxy.rule(Rule::on("GET", THING, Act::Flood { begin, bytes: 70_000, says_length: false }));
    let whole = get(&proxy, "/v1/things/1").unwrap();
    assert_eq!((whole.body.len(), whole.value()), (70_000, Some(json!([1]))));
}
