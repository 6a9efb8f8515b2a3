//! Certificates that a test makes for itself, with a library that is none of ours; nothing of them outlives the test.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use serde_json::{Value, json};

/// Makes an authority for each that is named, and the certificates of a list: `file`, `by`, `names`, and from which day to which, from today.
const SCRIPT: &str = r"
import sys, json, base64, hashlib, ipaddress, datetime
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization as s
from cryptography.hazmat.primitives.asymmetric import ec
folder, wanted = sys.argv[1], json.loads(sys.argv[2])
now, authorities = datetime.datetime.now(datetime.timezone.utc), {}
def name(text): return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])
def make(subject, key, issuer, signer, first, last, extensions):
    made = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number())
    made = made.not_valid_before(now + datetime.timedelta(days=first)).not_valid_after(now + datetime.timedelta(days=last))
    for extension, critical in extensions: made = made.add_extension(extension, critical)
    return made.sign(signer, hashes.SHA256())
def write(file, data): open(folder + '/' + file, 'wb').write(data)
for one in wanted:
    by = one['by']
    if by not in authorities:
        authorities[by] = ec.generate_private_key(ec.SECP256R1())
        ca = make(by, authorities[by], by, authorities[by], -40, 400, [(x509.BasicConstraints(True, None), True)])
        write(by + '.pem', ca.public_bytes(s.Encoding.PEM))
    def san(text):
        try: return x509.IPAddress(ipaddress.ip_address(text))
        except ValueError: return x509.DNSName(text)
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([san(n) for n in one['names']])
    leaf = make('test', key, by, authorities[by], one['days'][0], one['days'][1], [(names, False), (x509.BasicConstraints(False, None), True)])
    write(one['file'] + '.pem', leaf.public_bytes(s.Encoding.PEM))
    write(one['file'] + '-key.pem', key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()))
    write(one['file'] + '-closed-key.pem', key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(b'x')))
    spki = key.public_key().public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
    write(one['file'] + '.spki', base64.b64encode(hashlib.sha256(spki).digest()))
";

/// A certificate to be made: its file, who signs it, its names.
pub fn wanted(file: &str, by: &str, names: &[&str]) -> Value {
    json!({"file": file, "by": by, "names": names, "days": [-1, 30]})
}

/// The same, but it has expired.
pub fn expired(file: &str, by: &str, names: &[&str]) -> Value {
    json!({"file": file, "by": by, "names": names, "days": [-30, -1]})
}

/// The folder in which these were made.
pub struct Made(PathBuf);

impl Made {
    pub fn new(folder: &Path, wanted: &[Value]) -> Made {
        std::fs::create_dir_all(folder).unwrap();
        let list = json!(wanted).to_string();
        let made = Command::new("python3").args(["-c", SCRIPT]).arg(folder).arg(list).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Made(folder.into())
    }

    /// The certificate and the key of this file.
    pub fn files(&self, file: &str) -> [PathBuf; 2] {
        [self.0.join(format!("{file}.pem")), self.0.join(format!("{file}-key.pem"))]
    }

    /// What a browser knows this key by.
    pub fn spki(&self, file: &str) -> String {
        std::fs::read_to_string(self.0.join(format!("{file}.spki"))).unwrap()
    }

    /// A client that trusts this authority and no other.
    pub fn trusting(&self, by: &str) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.0.join(format!("{by}.pem"))).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        Arc::new(config.with_root_certificates(roots).with_no_client_auth())
    }

    /// A server that shows this certificate.
    pub fn showing(&self, file: &str) -> Arc<ServerConfig> {
        let [certificate, key] = self.files(file);
        let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap())
    }
}
