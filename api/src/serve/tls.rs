//! TLS by certificate files, which can be read again while the service runs.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use tokio_rustls::TlsAcceptor;

use super::config::Tls;

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is no PEM of that kind.
    #[error("cannot read {what} in {}", path.display())]
    Read {
        /// What it should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// The certificate and the key do not go together, or cannot be used.
    #[error("the certificate in {} cannot be used with its key", certificate.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// What new connections are accepted with.
#[derive(Debug)]
pub(super) struct Certificates {
    files: Tls,
    now: RwLock<Arc<ServerConfig>>,
}

impl Certificates {
    pub(super) fn read(files: &Tls) -> Result<Self, TlsError> {
        Ok(Self { files: files.clone(), now: RwLock::new(Arc::new(config(files)?)) })
    }

    /// Reads the files again. Where that fails, what was read before stays in use.
    pub(super) fn reload(&self) -> Result<(), TlsError> {
        let new = Arc::new(config(&self.files)?);
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let now = self.now.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&now))
    }
}

fn config(files: &Tls) -> Result<ServerConfig, TlsError> {
    let failed = |what, path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::Read { what, path, source }
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(failed("a certificate", &files.certificate))?;
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(failed("a private key", &files.key))?;
    let unusable = |source| TlsError::Unusable { certificate: files.certificate.clone(), source };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
