//! Entries of the log that a service acknowledged, and whether it still has them in one history.

use std::{
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use hallmark_cli::{
    cmd::audit::reading,
    remote::log::{LogService, LogSource},
    session::Bar,
};
use hallmark_consent::log::{
    entry::{ChainKind, Place},
    note::VerifierKey,
    policy::Policy,
    proof::LogProof,
};
use hallmark_core::{chain::ChainSecret, hash::Sha256};
use hallmark_suites::hostile::Request;

/// An entry, and where the service said that it is.
#[derive(Clone)]
pub struct Logged {
    entry: Vec<u8>,
    proof: LogProof,
}

/// An entry of a chain that nobody else has.
pub fn entry(chain: &ChainSecret, n: u64) -> Vec<u8> {
    let commitment = Sha256::of(&n.to_be_bytes());
    Place { kind: ChainKind::Custody, w: chain.opening(n), commitment }.to_bytes()
}

/// Has it logged; what was acknowledged, with the port that it came to.
pub fn submit(service: SocketAddr, entry: Vec<u8>) -> Option<(u16, Logged)> {
    let (port, said) = ask(service, "POST", "/v1/log/entries", &entry)?;
    let proof = said.parse().expect("a service that is there answers with a proof");
    Some((port, Logged { entry, proof }))
}

/// Whether the service has all of them where it said, under a checkpoint that goes on from every one that
/// it showed.
pub fn finds(service: SocketAddr, logged: &[&Logged]) -> Result<(), String> {
    let lost = |what: &str| format!("lost: {what}");
    let Some(first) = logged.first() else { return Ok(()) };
    let (_, vkey) = ask(service, "GET", "/log/vkey", b"").ok_or_else(|| lost("the log's key"))?;
    let vkey: VerifierKey = vkey.trim().parse().map_err(|_| lost("the log's key"))?;
    let policy = Policy::of_log(vkey);
    first.proof.clone().verify(&first.entry, &policy).map_err(|e| format!("lost: {e}"))?;
    // What a service publishes first after its start covers all that it has.
    let mut published = None;
    for _ in 0..2000 {
        published = ask(service, "GET", "/log/checkpoint", b"");
        if published.is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    published.ok_or_else(|| lost("the checkpoint"))?;
    let address = format!("http://{service}");
    let source = LogSource::new(&format!("{address}/log"), None).map_err(|e| e.to_string())?;
    let under = reading::checkpoint(&source, &policy).map_err(|e| format!("lost: {e}"))?;
    let entries = LogService::new(&address, None).map_err(|e| e.to_string())?;
    for Logged { entry, proof } in logged {
        let there = entries.entry(proof.index, under.size());
        if there.map_err(|error| format!("lost: {error}"))? != *entry {
            return Err(lost("an entry: there is another one in its place"));
        }
    }
    let newest = logged.iter().map(|logged| logged.proof.checkpoint.claimed());
    let seen = newest.max_by_key(|seen| seen.size).expect("there is one");
    if seen.size > under.size() {
        return Err(lost("what a checkpoint covered"));
    }
    match reading::read(&source, &under, Some(seen), None, &Bar::hidden()) {
        Ok((_, None)) => Ok(()),
        Ok(_) => Err(lost("the history that a checkpoint showed: there is another one")),
        Err(error) => Err(format!("lost: {error}")),
    }
}

fn ask(service: SocketAddr, method: &str, target: &str, body: &[u8]) -> Option<(u16, String)> {
    let mut request = Request::new(method, target);
    request.headers.push(("content-type".to_owned(), "application/json".to_owned()));
    request.body = body.to_vec();
    let connection = TcpStream::connect(service).ok()?;
    connection.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    let port = connection.local_addr().ok()?.port();
    let answer = request.send_on(connection).ok()?;
    let text = String::from_utf8(answer.body).ok()?;
    (200..300).contains(&answer.status).then_some((port, text))
}
