//! TLS by rustls: which authorities are trusted, and how strictly a certificate is looked at.
//!
//! The cryptography (`ring`) is named at every use, so that nothing depends on what another part of the process made the
//! default. The system's authorities are read once: that takes milliseconds, and a pool opens connections in bursts.
//! The file of `sslrootcert` is read for every connection, so that a renewed one counts at once.

use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

/// What a URL wants of TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tls {
    /// Plain text.
    Off,
    /// TLS with a verified certificate.
    On {
        /// Whether plain text will do where the server has no TLS.
        optional: bool,
        /// Whether the certificate may be for another host.
        any_name: bool,
        /// Who is trusted.
        roots: Roots,
    },
}

/// The authorities that are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// Those of the system.
    System,
    /// Those in a PEM file.
    File(PathBuf),
}

impl Tls {
    /// Reads `sslmode` and `sslrootcert`. Only hosts that are reached over the network have TLS.
    pub fn decide(mode: Option<&str>, root_cert: Option<&str>, remote: bool) -> Result<Self, String> {
        let (optional, any_name) = match mode.unwrap_or("prefer") {
            "disable" => return Ok(Self::Off),
            "prefer" => (true, false),
            "require" | "verify-full" => (false, false),
            "verify-ca" => (false, true),
            // The value is not repeated: a misplaced sign can make anything the value.
            _ => return Err("sslmode must be disable, prefer, require, verify-ca or verify-full".to_owned()),
        };
        let roots = match root_cert {
            None | Some("" | "system") => Roots::System,
            Some(file) => Roots::File(PathBuf::from(file)),
        };
        Ok(if remote { Self::On { optional, any_name, roots } } else { Self::Off })
    }
}

/// The configuration for a connection that trusts these authorities.
pub(super) async fn client_config(roots: &Roots, any_name: bool) -> Result<ClientConfig, String> {
    let roots = load(roots).await?;
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    if !any_name {
        return Ok(builder.with_root_certificates(roots).with_no_client_auth());
    }
    let verifier = Arc::new(AnyName::new(roots, provider)?);
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

async fn load(roots: &Roots) -> Result<Arc<RootCertStore>, String> {
    static SYSTEM: OnceCell<Arc<RootCertStore>> = OnceCell::const_new();
    match roots {
        Roots::System => {
            let read = || async { spawn_blocking(of_system).await.map_err(|error| error.to_string()) };
            SYSTEM.get_or_try_init(read).await.cloned()
        }
        Roots::File(path) => {
            let path = path.clone();
            spawn_blocking(move || of_file(&path)).await.map_err(|error| error.to_string())?
        }
    }
}

/// A system without authorities is no error yet: with `prefer` the server may have no TLS.
fn of_system() -> Arc<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "some of the system's certificate authorities cannot be read");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    Arc::new(roots)
}

fn of_file(path: &Path) -> Result<Arc<RootCertStore>, String> {
    let refuse = |reason: &dyn std::fmt::Display| format!("sslrootcert {}: {reason}", path.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| refuse(&error))? {
        let certificate = certificate.map_err(|error| refuse(&error))?;
        roots.add(certificate).map_err(|error| refuse(&error))?;
    }
    if roots.is_empty() {
        return Err(refuse(&"it has no certificate"));
    }
    Ok(Arc::new(roots))
}

/// Whether a connection failed because the server's certificate is not trusted.
pub(super) fn is_mistrust(error: &tokio_postgres::Error) -> bool {
    // An `io::Error` hands out the cause of what it wraps, not what it wraps.
    let wrapped = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()).and_then(io::Error::get_ref);
    let found = wrapped.and_then(|inner| inner.downcast_ref::<Error>());
    matches!(found, Some(Error::InvalidCertificate(_)))
}

/// Verifies all but the host's name: `verify-ca`.
#[derive(Debug)]
struct AnyName {
    /// The verifier that looks at the name too, last of all.
    strict: Arc<WebPkiServerVerifier>,
}

impl AnyName {
    fn new(roots: Arc<RootCertStore>, provider: Arc<CryptoProvider>) -> Result<Self, String> {
        let strict = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
        strict.map(|strict| Self { strict }).map_err(|error| format!("no certificate authority is trusted: {error}"))
    }
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.strict.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is compared when everything else was found good.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.strict.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.strict.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.strict.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modes_mean_what_the_table_says() {
        let on = |optional, any_name| Ok(Tls::On { optional, any_name, roots: Roots::System });
        assert_eq!(Tls::decide(None, None, true), on(true, false));
        assert_eq!(Tls::decide(Some("require"), None, true), on(false, false));
        assert_eq!(Tls::decide(Some("verify-full"), Some("system"), true), on(false, false));
        assert_eq!(Tls::decide(Some("verify-ca"), None, true), on(false, true));
        assert_eq!(Tls::decide(Some("disable"), None, true), Ok(Tls::Off));
        assert_eq!(Tls::decide(Some("verify-full"), None, false), Ok(Tls::Off));
        assert!(Tls::decide(Some("allow"), None, true).is_err());
    }

    #[test]
    fn a_root_file_that_is_missing_or_empty_is_named() {
        let missing = of_file(Path::new("/nonexistent/ca.pem")).unwrap_err();
        assert!(missing.contains("/nonexistent/ca.pem"), "{missing}");
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(of_file(file.path()).unwrap_err().contains("no certificate"));
    }
}
