//! TLS by certificate files.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    sync::Arc,
    time::Duration,
};

use hallmark_api::serve::{ServeError, config::Tls};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

use crate::{
    client::Client,
    service::{Service, settings},
};

fn certify(dir: &Path) -> Tls {
    let made = rcgen::generate_simple_self_signed(vec!["vault.example".to_owned()]).unwrap();
    let files = Tls { certificate: dir.join("cert.pem"), key: dir.join("key.pem") };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    files
}

fn secure(
    service: &Service,
    trusted: &[u8],
    version: &'static SupportedProtocolVersion,
) -> Client<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let name = ServerName::try_from("vault.example").unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(service.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    Client::over(StreamOwned::new(session, stream))
}

#[test]
fn both_versions_are_spoken_and_files_are_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(|_| {});
    let files = certify(dir.path());
    settings.tls = Some(files.clone());
    let service = Service::with(&settings);
    let first = std::fs::read(&files.certificate).unwrap();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut client = secure(&service, &first, version);
        assert_eq!(client.get("/v1/things/1").text(), "thing");
        assert_eq!(client.get("/v1/things/1").text(), "thing");
    }

    certify(dir.path());
    let second = std::fs::read(&files.certificate).unwrap();
    assert_ne!(first, second);
    let mut old = secure(&service, &first, &rustls::version::TLS13);
    assert_eq!(old.get("/livez").status, 200, "nothing changes by itself");
    service.running.reload().unwrap();
    let mut new = secure(&service, &second, &rustls::version::TLS13);
    assert_eq!(new.get("/livez").status, 200);
    assert_eq!(old.get("/livez").status, 200, "an open connection goes on");
    assert!(!secure(&service, &first, &rustls::version::TLS13).try_send("GET / HTTP/1.1\r\n\r\n"));

    std::fs::write(&files.certificate, "rubbish").unwrap();
    assert!(service.running.reload().is_err());
    assert_eq!(secure(&service, &second, &rustls::version::TLS13).get("/livez").status, 200);
}

#[test]
fn limits_hold_under_tls() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(|limits| {
        limits.header_timeout_ms = 300;
        limits.tls_handshake_timeout_ms = 300;
    });
    let files = certify(dir.path());
    settings.tls = Some(files.clone());
    let service = Service::with(&settings);
    let mut silent = service.connect();
    assert!(silent.is_closed(), "no handshake");
    let mut plain = TcpStream::connect(service.address()).unwrap();
    plain.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "plain HTTP was answered");
    let trusted = std::fs::read(&files.certificate).unwrap();
    let mut slow = secure(&service, &trusted, &rustls::version::TLS13);
    slow.send("GET /livez HT");
    slow.answer().unwrap().is_problem(hallmark_core::problem::Code::Timeout);
}

#[test]
fn files_that_cannot_be_used_are_told_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    std::fs::create_dir(&one).unwrap();
    std::fs::create_dir(&two).unwrap();
    let (one, two) = (certify(&one), certify(&two));
    let missing = dir.path().join("missing.pem");
    for tls in [
        Tls { certificate: missing.clone(), key: one.key.clone() },
        Tls { certificate: one.certificate.clone(), key: missing },
        Tls { certificate: one.key.clone(), key: one.key.clone() },
        Tls { certificate: one.certificate, key: two.key },
    ] {
        let mut settings = settings(|_| {});
        settings.tls = Some(tls);
        let state = crate::service::State::new();
        let router = state.router();
        let log = hallmark_api::serve::LogTo::Program;
        let refused = hallmark_api::serve::embedded(&settings, router, state.hooks(), log);
        assert!(matches!(refused, Err(ServeError::Tls(_))));
    }
}
