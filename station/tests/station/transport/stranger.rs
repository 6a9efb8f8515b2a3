//! A peer that is not ours: it speaks TLS and QUIC by the same libraries and keeps none of our rules.

use std::net::SocketAddr;
use std::sync::Arc;

use counterpart::link::Transport;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::AlwaysResolvesClientRawPublicKeys;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs::{default_provider, sign::any_eddsa_type};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

type Groups = Vec<&'static dyn SupportedKxGroup>;

fn provider(groups: Groups) -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { kx_groups: groups, ..default_provider() })
}

/// One link key of the stranger's; it has as many as there are seeds.
fn key(seed: u8) -> Arc<CertifiedKey> {
    let pkcs8 = [b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20".as_slice(), &[seed; 32]];
    let signer = any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8.concat())).unwrap();
    let spki = CertificateDer::from(signer.public_key().unwrap().as_ref().to_vec());
    Arc::new(CertifiedKey::new(vec![spki], signer))
}

/// What the stranger says when it dials.
pub fn client_config(groups: Groups, alpn: &[&[u8]]) -> ClientConfig {
    client_config_with(key(77), groups, alpn)
}

fn client_config_with(key: Arc<CertifiedKey>, groups: Groups, alpn: &[&[u8]]) -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(provider(groups))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone))
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(key)));
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    config
}

/// Answers every call, on UDP and TCP, and speaks another protocol than ours.
pub async fn answer_with_another_protocol() -> SocketAddr {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(key(77))));
    config.alpn_protocols = vec![b"counterpart/999".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let crypto = QuicServerConfig::try_from(config.clone()).unwrap();
    let quic = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    let quic = quinn::Endpoint::server(quic, address).unwrap();
    tokio::spawn(async move {
        while let Some(caller) = quic.accept().await {
            let _ = caller.await;
        }
    });
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((stream, _)) = listener.accept().await {
            let _ = acceptor.accept(stream).await;
        }
    });
    address
}

/// A call that the stranger made.
pub enum Call {
    Quic { connection: quinn::Connection, send: quinn::SendStream, _endpoint: quinn::Endpoint },
    Tcp(Box<TlsStream<TcpStream>>),
}

/// Call a station; the error is in words.
pub async fn call(transport: Transport, address: SocketAddr, config: ClientConfig) -> Result<Call, String> {
    match transport {
        Transport::Quic => call_over_quic(address, config, Arc::default()).await,
        Transport::Tcp => {
            let stream = TcpStream::connect(address).await.unwrap();
            let name = ServerName::try_from("stranger.invalid").unwrap();
            let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
            Ok(Call::Tcp(Box::new(stream.map_err(|error| error.to_string())?)))
        }
    }
}

/// Calls a station for a line, with these windows and the key of this seed.
pub async fn call_within(windows: &Arc<quinn::TransportConfig>, address: SocketAddr, seed: u8) -> Result<Call, String> {
    let config = client_config_with(key(seed), default_provider().kx_groups, &[b"counterpart/1"]);
    call_over_quic(address, config, windows.clone()).await
}

async fn call_over_quic(
    address: SocketAddr,
    config: ClientConfig,
    windows: Arc<quinn::TransportConfig>,
) -> Result<Call, String> {
    let endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let crypto = QuicClientConfig::try_from(config).unwrap();
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    config.transport_config(windows);
    let connecting = endpoint.connect_with(config, address, "stranger.invalid").unwrap();
    let connection = connecting.await.map_err(|error| error.to_string())?;
    let send = connection.open_uni().await.map_err(|error| error.to_string())?;
    Ok(Call::Quic { connection, send, _endpoint: endpoint })
}

impl Call {
    /// Send these bytes, and that nothing more follows.
    pub async fn send(&mut self, bytes: &[u8]) {
        match self {
            Self::Quic { send, .. } => {
                send.write_all(bytes).await.unwrap();
                send.finish().unwrap();
            }
            Self::Tcp(stream) => {
                stream.write_all(bytes).await.unwrap();
                stream.shutdown().await.unwrap();
            }
        }
    }

    /// Wait until the station hangs up, and what it says with that.
    pub async fn hung_up(&mut self) -> String {
        match self {
            Self::Quic { connection, .. } => connection.closed().await.to_string(),
            Self::Tcp(stream) => {
                let mut byte = [0];
                match stream.read(&mut byte).await {
                    Ok(count) => format!("{count} bytes"),
                    Err(error) => error.to_string(),
                }
            }
        }
    }
}

/// Takes any certificate for anything.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
