//! Encrypted connections to targets: whom the system trusts is trusted, under the name that was asked for, and nobody else.

use std::sync::{Arc, OnceLock};

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

/// What makes encrypted connections; made when it is first needed. `None` when the system trusts nobody.
#[derive(Default)]
pub struct Tls(OnceLock<Option<TlsConnector>>);

impl Tls {
    /// Trusts those of `roots` alone.
    #[cfg(test)]
    pub fn trusting(roots: RootCertStore) -> Self {
        Self(OnceLock::from(connector(roots)))
    }

    /// It.
    pub fn connector(&self) -> Option<&TlsConnector> {
        self.0
            .get_or_init(|| {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    tracing::warn!("the system trusts nobody: nothing can be sent over https");
                }
                connector(roots)
            })
            .as_ref()
    }
}

fn connector(roots: RootCertStore) -> Option<TlsConnector> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Some(TlsConnector::from(Arc::new(config)))
}
