//! What the log is told at the start, and witnesses over HTTP (C2SP tlog-witness).

use std::{fs, io::Read, path::Path, time::Duration};

use hallmark_consent::log::{
    note::{KeyName, MAX_NOTE_LEN, VerifierKey},
    policy::Policy,
};
use ureq::Agent;

use super::{ServeError, Settings};
use crate::{
    app::log::{Cosigner, LogSettings, NoCosignature},
    store::Store,
};

/// How long a witness may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Why the log cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogSettingsError {
    #[error(
        "the log cannot be called {origin:?}: a name has no spaces, no + and at most 255 bytes"
    )]
    Origin { origin: String },
    #[error("cannot read the witnesses in {}: {source}", path.display())]
    Read { path: std::path::PathBuf, source: std::io::Error },
    #[error("{} does not name witnesses as C2SP tlog-policy says: {why}", path.display())]
    Policy { path: std::path::PathBuf, why: String },
}

impl From<LogSettingsError> for ServeError {
    fn from(error: LogSettingsError) -> Self {
        Self::Service(Box::new(error))
    }
}

/// How the log of this store works.
///
/// # Errors
/// [`ServeError::Service`].
pub(super) fn log_settings(settings: &Settings, store: &Store) -> Result<LogSettings, ServeError> {
    let begun = store.log().map_err(|error| ServeError::Service(error.into()))?;
    let origin = settings.origin.clone().or(begun.map(|begun| begun.origin)).unwrap_or_else(|| {
        let host = settings.authorities.first().map_or("localhost", String::as_str);
        format!("{}/log", host.to_ascii_lowercase())
    });
    let name: Result<KeyName, _> = origin.parse();
    let mut log = LogSettings::new(name.map_err(|_| LogSettingsError::Origin { origin })?);
    log.accepts_another_key = settings.new_key;
    log.goes_on_after_restore = settings.log_goes_on;
    if let Some(path) = &settings.witnesses {
        let policy = policy(path)?;
        for witness in policy.witnesses() {
            if let Some(url) = &witness.url {
                log.cosigners.push(Box::new(HttpWitness::new(witness.key.clone(), url)));
            }
        }
        log.policy = Some(policy);
    }
    Ok(log)
}

pub(super) fn policy(path: &Path) -> Result<Policy, LogSettingsError> {
    let wrong = |why: String| LogSettingsError::Policy { path: path.to_owned(), why };
    let text = fs::read_to_string(path)
        .map_err(|source| LogSettingsError::Read { path: path.to_owned(), source })?;
    let policy: Policy = text
        .parse()
        .map_err(|error: hallmark_consent::log::policy::PolicyError| wrong(error.to_string()))?;
    let asked = policy.witnesses().iter().any(|witness| witness.url.is_some());
    if policy.asks_for_witnesses() && !asked {
        return Err(wrong("it asks for witnesses and says of none where it is".to_owned()));
    }
    Ok(policy)
}

/// A witness at a URL.
struct HttpWitness {
    key: VerifierKey,
    url: String,
    agent: Agent,
}

impl HttpWitness {
    fn new(key: VerifierKey, url: &str) -> Self {
        Self::waiting(key, url, TIMEOUT)
    }

    fn waiting(key: VerifierKey, url: &str, time: Duration) -> Self {
        let agent = Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(time))
            .user_agent("hallmarkd")
            .build()
            .into();
        Self { key, url: format!("{}/add-checkpoint", url.trim_end_matches('/')), agent }
    }
}

impl Cosigner for HttpWitness {
    fn key(&self) -> &VerifierKey {
        &self.key
    }

    fn add_checkpoint(&mut self, request: &str) -> Result<(u16, String), NoCosignature> {
        let failed = |why: String| NoCosignature { why: format!("{}: {why}", self.key.name()) };
        let answer = self.agent.post(&self.url).send(request);
        let mut answer = answer.map_err(|error| failed(error.to_string()))?;
        let mut body = Vec::new();
        // One byte more than there may be: what is longer is no answer.
        let most = MAX_NOTE_LEN as u64 + 1;
        let read = answer.body_mut().as_reader().take(most).read_to_end(&mut body);
        read.map_err(|error| failed(error.to_string()))?;
        let body = String::from_utf8(body).map_err(|_| failed("it answers no text".to_owned()))?;
        Ok((answer.status().as_u16(), body))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        net::{SocketAddr, TcpListener, TcpStream},
    };

    use hallmark_consent::log::{note::Algorithm, witness};
    use hallmark_core::key::SigningKey;

    use super::*;

    /// A witness that reads the head of a request, and does then whatever it does.
    fn answering(answer: impl FnOnce(&mut TcpStream) + Send + 'static) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it listens");
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("the service connects");
            let mut read = [0; 4096];
            let _ = stream.read(&mut read);
            answer(&mut stream);
        });
        address
    }

    fn asked(
        answer: impl FnOnce(&mut TcpStream) + Send + 'static,
    ) -> Result<(u16, String), String> {
        let key = SigningKey::from_seed(&[1; 32]).public();
        let name = "witness.example".parse().expect("a name");
        let key = VerifierKey::new(name, Algorithm::CosignatureV1, key);
        let url = format!("http://{}/", answering(answer));
        let mut asked = HttpWitness::waiting(key, &url, Duration::from_millis(500));
        asked.add_checkpoint("old 0\n\n").map_err(|error| error.why)
    }

    fn says(text: &'static [u8]) -> Result<(u16, String), String> {
        asked(move |stream| stream.write_all(text).expect("the service reads"))
    }

    /// T-46: whatever a witness answers, it is an answer in time and of a length, or none.
    #[test]
    fn answers_of_all_sorts() {
        let bare = says(b"HTTP/1.1 409 Conflict\r\ncontent-length: 0\r\n\r\n").expect("an answer");
        assert_eq!(bare, (409, String::new()));
        assert!(witness::conflicting_size(&bare.1).is_none(), "a size that is not said");
        let nonsense =
            says(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n\xe2\x80\x94 ").expect("text");
        assert_eq!(nonsense.0, 200);
        for none in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n\xff\xfe"[..],
            b"HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\nx",
            b"220 smtp.example ESMTP\r\n",
            b"\x16\x03\x01\x02\x00\x01",
            b"",
        ] {
            assert!(says(none).is_err(), "{none:?}");
        }
        let moved =
            b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
        assert!(says(moved).is_ok_and(|(status, _)| status == 302), "nobody is sent elsewhere");
    }

    /// T-46: an answer without end is read up to the longest there can be.
    #[test]
    fn an_answer_without_end() {
        let endless = asked(|stream| {
            let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            let chunk = [&b"1000\r\n"[..], &[b'x'; 0x1000], b"\r\n"].concat();
            let mut sent = stream.write_all(head);
            while sent.is_ok() {
                sent = stream.write_all(&chunk);
            }
        });
        let (status, body) = endless.expect("its beginning");
        assert_eq!((status, body.len()), (200, MAX_NOTE_LEN + 1));
    }

    /// T-46: a byte now and then buys no more time.
    #[test]
    fn an_answer_that_drips() {
        let slow = asked(|stream| {
            let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n");
            while sent.is_ok() {
                std::thread::sleep(Duration::from_millis(20));
                sent = stream.write_all(b"x");
            }
        });
        assert!(slow.is_err());
    }
}
