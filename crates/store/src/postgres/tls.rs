//! TLS for connections to PostgreSQL: rustls in the driver's terms, and who is trusted.
//!
//! The driver's terms are few, and the crates that fill them bring a second library of ciphers.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

use super::open::OpenError;

/// Whose word is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roots {
    /// That of whoever the system trusts.
    System,
    /// That of the certificates in a file, in PEM.
    File(PathBuf),
}

/// Which server is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Whichever answers: nobody listens in, but nobody knows who it is.
    Anybody,
    /// One that the roots vouch for, under any name.
    AnyName(Roots),
    /// One that the roots vouch for, under the name it was asked for by.
    Named(Roots),
}

/// How a server that is trusted like this is spoken to.
pub fn client(trust: &Trust) -> Result<Arc<ClientConfig>, OpenError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let unusable = |error: &dyn std::fmt::Display| OpenError::Tls(error.to_string());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?;
    let checked = match trust {
        Trust::Named(roots) => return Ok(Arc::new(builder.with_root_certificates(certificates(roots)?).with_no_client_auth())),
        Trust::Anybody => Checked::Nothing,
        Trust::AnyName(roots) => {
            let (roots, provider) = (Arc::new(certificates(roots)?), Arc::clone(&provider));
            let inner = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
            Checked::AllButTheName(inner.map_err(|error| unusable(&error))?)
        }
    };
    let verifier = Arc::new(Lenient { provider, checked });
    Ok(Arc::new(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
}

fn certificates(roots: &Roots) -> Result<RootCertStore, OpenError> {
    let mut store = RootCertStore::empty();
    match roots {
        Roots::System => {
            let found = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(found.certs);
            if store.is_empty() {
                return Err(OpenError::Tls("the system trusts nobody: name a root certificate by sslrootcert".to_owned()));
            }
        }
        Roots::File(path) => {
            let unreadable = |error: &dyn std::fmt::Display| OpenError::Tls(format!("sslrootcert {}: {error}", path.display()));
            for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))? {
                let certificate = certificate.map_err(|error| unreadable(&error))?;
                store.add(certificate).map_err(|error| unreadable(&error))?;
            }
            if store.is_empty() {
                return Err(unreadable(&"there is no certificate in it"));
            }
        }
    }
    Ok(store)
}

/// Checks less than everything; that the server has the key of its certificate is always checked.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    checked: Checked,
}

/// What is checked of a certificate.
#[derive(Debug)]
enum Checked {
    /// Nothing, as `sslmode=require` does.
    Nothing,
    /// Everything but the name, as `sslmode=verify-ca` does.
    AllButTheName(Arc<WebPkiServerVerifier>),
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Checked::AllButTheName(inner) = &self.checked else { return Ok(ServerCertVerified::assertion()) };
        // The name is the last thing that is looked at: whoever fails by it has passed everything else.
        match inner.verify_server_cert(certificate, between, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Makes connectors for the driver.
#[derive(Clone)]
pub struct MakeTls(pub Arc<ClientConfig>);

/// Connects to a server of this name.
pub struct ToServer {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl<S> MakeTlsConnect<S> for MakeTls
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Encrypted<S>;
    type TlsConnect = ToServer;
    type Error = rustls::pki_types::InvalidDnsNameError;

    fn make_tls_connect(&mut self, domain: &str) -> Result<ToServer, Self::Error> {
        Ok(ToServer { config: Arc::clone(&self.0), name: ServerName::try_from(domain.to_owned())? })
    }
}

impl<S> TlsConnect<S> for ToServer
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Encrypted<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move { TlsConnector::from(self.config).connect(self.name, stream).await.map(|stream| Encrypted(Box::new(stream))) })
    }
}

/// An encrypted connection, in the driver's terms.
pub struct Encrypted<S>(Box<tokio_rustls::client::TlsStream<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Encrypted<S> {
    /// None: passwords are then sent as SCRAM without it, which the encryption and the certificate protect.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(cx)
    }
}
