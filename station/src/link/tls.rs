//! TLS as the link uses it: version 1.3, X25519MLKEM768, an Ed25519 key on each side and nothing else.
//!
//! Both ends show a raw public key (RFC 7250), so there are no certificates, names, dates or authorities to be wrong.
//! Nothing is resumed and nothing is sent early: every connection proves both keys afresh, and no byte of ours goes to a
//! peer before it has proved its key.

use std::sync::{Arc, OnceLock};

use ed25519_dalek::VerifyingKey;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::aws_lc_rs::{self, kx_group, sign::any_eddsa_type};
use rustls::crypto::{CryptoProvider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error,
    PeerIncompatible, ServerConfig, SignatureScheme,
};
use zeroize::Zeroizing;

use super::Purpose;

/// What stands before the 32 bytes of a seed in PKCS#8: version 0, algorithm 1.3.101.112, an octet string in an octet
/// string (RFC 8410 section 7).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// What stands before the 32 bytes of a public key in a SubjectPublicKeyInfo (RFC 8410 section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The name that rustls wants for a dial. It never leaves the machine: no SNI is sent and no certificate is compared.
pub(super) const NO_NAME: &str = "counterpart.invalid";

/// Our side of every handshake.
pub(super) struct Identity {
    certified: Arc<CertifiedKey>,
    public: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl Identity {
    /// The identity whose Ed25519 private key is `seed` (RFC 8032 section 5.1.5).
    pub(super) fn from_seed(seed: &[u8; 32]) -> Result<Self, Error> {
        let pkcs8 = Zeroizing::new([PKCS8_PREFIX.as_slice(), seed].concat());
        let signer = any_eddsa_type(&PrivatePkcs8KeyDer::from(pkcs8.as_slice()))?;
        let spki = signer.public_key().ok_or(Error::General("no public key".into()))?;
        let spki = CertificateDer::from(spki.as_ref().to_vec());
        let public = key_in_spki(&spki)?;
        let provider = CryptoProvider { kx_groups: vec![kx_group::X25519MLKEM768], ..aws_lc_rs::default_provider() };
        Ok(Self { certified: Arc::new(CertifiedKey::new(vec![spki], signer)), public, provider: Arc::new(provider) })
    }

    /// Our link key as peers see it.
    pub(super) fn public(&self) -> [u8; 32] {
        self.public
    }

    /// Our key as a handshake uses it.
    pub(super) fn certified(&self) -> Arc<CertifiedKey> {
        self.certified.clone()
    }

    /// How we answer: with the key that `shown` gives, to anyone who proves an Ed25519 key and names a purpose that we know.
    pub(super) fn server_config(&self, shown: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, Error> {
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(Arc::new(PeerKey::any(&self.provider)))
            .with_cert_resolver(shown);
        config.alpn_protocols = Purpose::ALL.map(|purpose| purpose.alpn().to_vec()).to_vec();
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.max_early_data_size = 0;
        Ok(config)
    }

    /// How we dial for `purpose`, and the verifier, which knows afterwards whether it met another key than `expected`.
    pub(super) fn client_config(
        &self,
        purpose: Purpose,
        expected: Option<[u8; 32]>,
    ) -> Result<(ClientConfig, Arc<PeerKey>), Error> {
        let verifier = Arc::new(PeerKey { expected, ..PeerKey::any(&self.provider) });
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(self.certified.clone())));
        config.alpn_protocols = vec![purpose.alpn().to_vec()];
        config.resumption = Resumption::disabled();
        config.enable_early_data = false;
        config.enable_sni = false;
        Ok((config, verifier))
    }
}

/// The key in a SubjectPublicKeyInfo, which must be exactly the 44 bytes of an Ed25519 key.
///
/// A point of small order is refused: anyone can sign for it, so it names nobody.
fn key_in_spki(spki: &[u8]) -> Result<[u8; 32], Error> {
    spki.strip_prefix(&SPKI_PREFIX)
        .and_then(|key| <[u8; 32]>::try_from(key).ok())
        .filter(|key| VerifyingKey::from_bytes(key).is_ok_and(|point| !point.is_weak()))
        .ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))
}

/// The peer's key after a handshake. `None` cannot follow from a handshake of ours, which demands exactly one.
pub(super) fn peer_key(shown: Option<&[CertificateDer<'_>]>) -> Option<[u8; 32]> {
    match shown {
        Some([spki]) => key_in_spki(spki).ok(),
        _ => None,
    }
}

/// Whether this alert says that the two sides have no version, key exchange or purpose in common, not that one failed.
pub(super) fn is_incompatible(alert: AlertDescription) -> bool {
    use AlertDescription as Alert;
    matches!(
        alert,
        Alert::HandshakeFailure
            | Alert::ProtocolVersion
            | Alert::InsufficientSecurity
            | Alert::UnsupportedCertificate
            | Alert::UnsupportedExtension
            | Alert::MissingExtension
            | Alert::NoApplicationProtocol
    )
}

/// Judges the key that the other side shows; the same for both sides.
#[derive(Debug)]
pub(super) struct PeerKey {
    expected: Option<[u8; 32]>,
    unexpected: OnceLock<[u8; 32]>,
    provider: Arc<CryptoProvider>,
}

impl PeerKey {
    fn any(provider: &Arc<CryptoProvider>) -> Self {
        Self { expected: None, unexpected: OnceLock::new(), provider: provider.clone() }
    }

    /// The key that was shown instead of the expected one. It was shown, not proved.
    pub(super) fn unexpected(&self) -> Option<[u8; 32]> {
        self.unexpected.get().copied()
    }

    fn judge(&self, spki: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Result<(), Error> {
        let key = key_in_spki(spki)?;
        if !others.is_empty() {
            return Err(CertificateError::BadEncoding.into());
        }
        if self.expected.is_some_and(|expected| expected != key) {
            // The first answer stands: a verifier serves one handshake.
            let _ = self.unexpected.set(key);
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(())
    }

    fn verify(
        &self,
        message: &[u8],
        spki: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let spki = SubjectPublicKeyInfoDer::from(spki.as_ref());
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &spki, signature, algorithms)
    }
}

const NO_TLS12: Error = Error::PeerIncompatible(PeerIncompatible::Tls13RequiredForQuic);

impl ServerCertVerifier for PeerKey {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge(end_entity, intermediates)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(NO_TLS12)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        spki: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, spki, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for PeerKey {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.judge(end_entity, intermediates)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(NO_TLS12)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        spki: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, spki, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::quic::Version;
    use rustls::server::AlwaysResolvesServerRawPublicKeys;
    use rustls::{ClientConnection, NamedGroup, ServerConnection, quic};

    const NORTH: [u8; 32] = [1; 32];
    const SOUTH: [u8; 32] = [2; 32];

    fn identity(seed: [u8; 32], groups: &[&'static dyn rustls::crypto::SupportedKxGroup]) -> Identity {
        let mut identity = Identity::from_seed(&seed).unwrap();
        if !groups.is_empty() {
            let provider = CryptoProvider { kx_groups: groups.to_vec(), ..(*identity.provider).clone() };
            identity.provider = Arc::new(provider);
        }
        identity
    }

    /// Shows this identity's key and no other.
    fn alone(identity: &Identity) -> Arc<dyn ResolvesServerCert> {
        Arc::new(AlwaysResolvesServerRawPublicKeys::new(identity.certified()))
    }

    fn no_name() -> ServerName<'static> {
        NO_NAME.try_into().unwrap()
    }

    /// Both ends after as many flights as they want, or how one of them failed.
    fn handshake(config: ClientConfig, server: &Identity) -> Result<(ClientConnection, ServerConnection), Error> {
        let mut client = ClientConnection::new(Arc::new(config), no_name())?;
        let mut server = ServerConnection::new(Arc::new(server.server_config(alone(server))?))?;
        while client.wants_write() || server.wants_write() {
            let mut flight = Vec::new();
            client.write_tls(&mut flight).unwrap();
            server.read_tls(&mut flight.as_slice()).unwrap();
            server.process_new_packets()?;
            let mut flight = Vec::new();
            server.write_tls(&mut flight).unwrap();
            client.read_tls(&mut flight.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok((client, server))
    }

    #[test]
    fn the_public_key_is_that_of_the_seed() {
        // RFC 8032 section 7.1, test 1.
        let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let bytes = |hex: &str| {
            let pairs = (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap());
            <[u8; 32]>::try_from(pairs.collect::<Vec<_>>()).unwrap()
        };

        assert_eq!(Identity::from_seed(&bytes(seed)).unwrap().public(), bytes(public));
    }

    #[test]
    fn both_ends_know_each_other_by_key_and_nothing_is_left_to_resume() {
        let (north, south) = (identity(NORTH, &[]), identity(SOUTH, &[]));
        let (config, _) = north.client_config(Purpose::Line, Some(south.public())).unwrap();

        let (client, server) = handshake(config, &south).unwrap();

        assert_eq!(peer_key(client.peer_certificates()), Some(south.public()));
        assert_eq!(peer_key(server.peer_certificates()), Some(north.public()));
        assert_eq!(server.alpn_protocol(), Some(b"counterpart/1".as_slice()));
        assert_eq!(server.server_name(), None);
        assert_eq!(client.tls13_tickets_received(), 0);
        for tls in [client.protocol_version(), server.protocol_version()] {
            assert_eq!(tls, Some(rustls::ProtocolVersion::TLSv1_3));
        }
    }

    #[test]
    fn the_key_exchange_is_x25519mlkem768_or_there_is_none() {
        let south = identity(SOUTH, &[]);
        let choosy = identity(NORTH, &[kx_group::X25519, kx_group::X25519MLKEM768]);
        let classical = identity(NORTH, &[kx_group::X25519, kx_group::SECP256R1]);
        let config = |of: &Identity| of.client_config(Purpose::Line, None).unwrap().0;

        let (client, server) = handshake(config(&choosy), &south).unwrap();
        let refused = handshake(config(&classical), &south).unwrap_err();

        for group in [client.negotiated_key_exchange_group(), server.negotiated_key_exchange_group()] {
            assert_eq!(group.unwrap().name(), NamedGroup::X25519MLKEM768);
        }
        assert_eq!(refused, Error::PeerIncompatible(PeerIncompatible::NoKxGroupsInCommon));
    }

    #[test]
    fn the_key_exchange_of_quic_is_the_same() {
        let (north, south) = (identity(NORTH, &[]), identity(SOUTH, &[]));
        let config = Arc::new(north.client_config(Purpose::Line, None).unwrap().0);
        let mut client = quic::ClientConnection::new(config, Version::V1, no_name(), vec![]).unwrap();
        let config = Arc::new(south.server_config(alone(&south)).unwrap());
        let mut server = quic::ServerConnection::new(config, Version::V1, vec![]).unwrap();

        while client.is_handshaking() || server.is_handshaking() {
            // One call of `write_hs` gives the bytes of one level of encryption; they are read as such.
            let mut flight = Vec::new();
            let _ = client.write_hs(&mut flight);
            server.read_hs(&flight).unwrap();
            let mut flight = Vec::new();
            let _ = server.write_hs(&mut flight);
            client.read_hs(&flight).unwrap();
        }

        for connection in [&*client as &rustls::CommonState, &*server] {
            let group = connection.negotiated_key_exchange_group().unwrap();
            assert_eq!(group.name(), NamedGroup::X25519MLKEM768);
        }
    }

    #[test]
    fn another_key_than_the_expected_one_is_refused_and_remembered() {
        let (north, south) = (identity(NORTH, &[]), identity(SOUTH, &[]));
        let (config, verifier) = north.client_config(Purpose::Line, Some([9; 32])).unwrap();

        let refused = handshake(config, &south).unwrap_err();

        let unexpected = CertificateError::ApplicationVerificationFailure;
        assert_eq!(refused, Error::InvalidCertificate(unexpected));
        assert_eq!(verifier.unexpected(), Some(south.public()));
    }

    #[test]
    fn a_key_that_was_not_proved_is_refused() {
        // North shows South's key and signs with its own.
        let (mut north, south) = (identity(NORTH, &[]), identity(SOUTH, &[]));
        let shown = south.certified.cert.clone();
        north.certified = Arc::new(CertifiedKey::new(shown, north.certified.key.clone()));
        let (config, _) = north.client_config(Purpose::Line, None).unwrap();

        let refused = handshake(config, &south).unwrap_err();

        assert!(matches!(refused, Error::InvalidCertificate(_)), "{refused}");
    }

    #[test]
    fn only_44_bytes_of_an_ed25519_key_that_names_somebody_are_a_key() {
        let good = [SPKI_PREFIX.as_slice(), &identity(NORTH, &[]).public()].concat();
        let other_algorithm = {
            let mut spki = good.clone();
            spki[8] = 0x6e; // X25519 (RFC 8410 section 3)
            spki
        };
        let neutral_point = {
            let mut point = [0; 32];
            point[0] = 1;
            [SPKI_PREFIX.as_slice(), &point].concat()
        };
        let no_point = [SPKI_PREFIX.as_slice(), &[2; 32]].concat();

        assert!(key_in_spki(&good).is_ok());
        for bad in [&good[..43], &[good.as_slice(), &[0]].concat(), &other_algorithm, &neutral_point, &no_point] {
            assert!(key_in_spki(bad).is_err(), "{bad:02x?}");
        }
    }

    #[test]
    fn a_caller_without_a_key_is_refused() {
        let south = identity(SOUTH, &[]);
        let north = identity(NORTH, &[]);
        let (mut keyless, _) = north.client_config(Purpose::Line, None).unwrap();
        keyless.client_auth_cert_resolver = Arc::new(NoKey);

        let refused = handshake(keyless, &south).unwrap_err();

        assert_eq!(refused, Error::NoCertificatesPresented);
    }

    #[derive(Debug)]
    struct NoKey;

    impl rustls::client::ResolvesClientCert for NoKey {
        fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
            None
        }

        fn only_raw_public_keys(&self) -> bool {
            true
        }

        fn has_certs(&self) -> bool {
            false
        }
    }
}
