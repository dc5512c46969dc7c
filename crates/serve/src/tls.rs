//! Encrypted connections, by a certificate and its key in PEM files.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use arc_swap::ArcSwap;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
};
use trainyard_core::Problem;

/// What a server shows of itself, and how it encrypts: TLS 1.2 and 1.3.
#[derive(Clone)]
pub struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    shown: Arc<Shown>,
}

/// The certificate that is shown; replaced when its files change.
struct Shown {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<CertifiedKey>,
    /// When the files were written that were read last.
    written: Mutex<[Option<SystemTime>; 2]>,
}

impl fmt::Debug for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shown").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tls").field("shown", &self.shown).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

impl Tls {
    /// Reads a certificate, followed by those that vouch for it, and its key.
    ///
    /// # Errors
    /// `bad-certificate` when a file cannot be read, holds no such thing, or the two do not belong together.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, Problem> {
        let written = [certificate, key].map(written);
        let shown = Arc::new(Shown {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            current: ArcSwap::new(Arc::new(certified(certificate, key)?)),
            written: Mutex::new(written),
        });
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| bad(certificate, &error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&shown) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), shown })
    }

    /// Reads the files again where they have changed; true when new connections are shown another certificate. Each change
    /// is looked at once.
    ///
    /// # Errors
    /// `bad-certificate`; the one from before is shown on.
    pub(crate) fn renew(&self) -> Result<bool, Problem> {
        let shown = &self.shown;
        let now = [&shown.certificate, &shown.key].map(|path| written(path));
        {
            let mut before = shown.written.lock().unwrap_or_else(PoisonError::into_inner);
            if *before == now {
                return Ok(false);
            }
            *before = now;
        }
        shown.current.store(Arc::new(certified(&shown.certificate, &shown.key)?));
        Ok(true)
    }
}

fn written(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

fn certified(certificate: &Path, key: &Path) -> Result<CertifiedKey, Problem> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| bad(certificate, &format!("no certificate can be read: {error}")))?;
    if chain.is_empty() {
        return Err(bad(certificate, "there is no certificate in it"));
    }
    let secret =
        PrivateKeyDer::from_pem_file(key).map_err(|error| bad(key, &format!("no private key can be read: {error}")))?;
    CertifiedKey::from_der(chain, secret, &ring::default_provider())
        .map_err(|error| bad(certificate, &format!("it does not go with the key `{}`: {error}", key.display())))
}

fn bad(path: &Path, what: &str) -> Problem {
    Problem::error("bad-certificate", format!("`{}`: {what}", path.display()))
        .help("`--tls-cert` wants the certificate, then those that vouch for it, `--tls-key` its key, each in PEM")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_hold_something_else_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        let code = || Tls::read(&certificate, &key).unwrap_err();
        assert!(code().message.contains("cert.pem"));
        for text in [
            "",
            "-----BEGIN CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            std::fs::write(&certificate, text).unwrap();
            std::fs::write(&key, text.replace("CERTIFICATE", "PRIVATE KEY")).unwrap();
            assert_eq!(code().code, "bad-certificate", "{text}");
        }
    }
}
