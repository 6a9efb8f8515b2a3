//! Certificates and private keys in PEM files that the operator names: those by which the desk is known to browsers, and those by which
//! a webhook's other end is known here. Read again when the files have changed, so that a renewal needs no new start.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, RootCertStore};

use crate::words::{Sentence, Tell, logged};

/// What is wrong with a PEM file. The operator's to mend.
#[derive(Debug)]
pub enum PemFault {
    /// It cannot be read.
    Unread(PathBuf, io::Error),
    /// No certificate stands in it.
    NoCertificate(PathBuf),
    /// No private key stands in it, or only one that needs a password.
    NoKey(PathBuf),
    /// What stands in it cannot be used.
    Broken(PathBuf, String),
    /// The key is another certificate's.
    Differ {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
}

impl Tell for PemFault {
    fn sentence(&self) -> Sentence {
        let of = |id, path: &Path| Sentence::new(id).with("path", path.display());
        match self {
            PemFault::Unread(path, cause) => of("pem-unread", path).with("cause", cause),
            PemFault::NoCertificate(path) => of("pem-no-certificate", path),
            PemFault::NoKey(path) => of("pem-no-key", path),
            PemFault::Broken(path, cause) => of("pem-broken", path).with("cause", cause),
            PemFault::Differ { certificate, key } => of("pem-differ", key).with("certificate", certificate.display()),
        }
    }
}

impl fmt::Display for PemFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&logged(self))
    }
}

impl std::error::Error for PemFault {}

/// What does the cryptography of all TLS that leaves or enters by a certificate.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, PemFault> {
    let text = fs::read(path).map_err(|e| PemFault::Unread(path.into(), e))?;
    let all: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
    let all = all.map_err(|e| PemFault::Broken(path.into(), e.to_string()))?;
    if all.is_empty() { Err(PemFault::NoCertificate(path.into())) } else { Ok(all) }
}

/// The certificate of one file, with those that vouch for it, and its private key of another.
///
/// # Errors
/// [`PemFault`].
pub fn pair([certificate, key]: &[PathBuf; 2]) -> Result<CertifiedKey, PemFault> {
    let broken = |path: &PathBuf, cause: &dyn fmt::Display| PemFault::Broken(path.clone(), cause.to_string());
    let chain = certificates(certificate)?;
    let text = fs::read(key).map_err(|e| PemFault::Unread(key.clone(), e))?;
    let secret = PrivateKeyDer::from_pem_slice(&text).map_err(|e| match e {
        pem::Error::NoItemsFound => PemFault::NoKey(key.clone()),
        other => broken(key, &other),
    })?;
    let secret = provider().key_provider.load_private_key(secret).map_err(|e| broken(key, &e))?;
    let both = CertifiedKey::new(chain, secret);
    match both.keys_match() {
        // A kind of key that does not say its public half is taken at the operator's word.
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(both),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(PemFault::Differ { certificate: certificate.clone(), key: key.clone() })
        }
        Err(cause) => Err(broken(certificate, &cause)),
    }
}

/// The certificates of a file, as those that vouch for the other end.
///
/// # Errors
/// [`PemFault`].
pub fn authorities(path: &Path) -> Result<RootCertStore, PemFault> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|e| PemFault::Broken(path.into(), e.to_string()))?;
    }
    Ok(roots)
}

/// What tells that a file was written anew or put in the place of another; `None` while it is not there.
type Stamp = Option<(u64, u64, u64, i64, i64)>;

fn stamp(path: &PathBuf) -> Stamp {
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino(), found.size(), found.ctime(), found.ctime_nsec()))
}

/// The certificate of two files as they are now.
#[derive(Debug)]
pub struct Renewed {
    files: [PathBuf; 2],
    /// The last that could be used.
    serving: RwLock<Arc<CertifiedKey>>,
    /// Of the files that were looked at last, also of those that could not be used.
    looked: Mutex<[Stamp; 2]>,
}

impl Renewed {
    /// Reads both files.
    ///
    /// # Errors
    /// [`PemFault`].
    pub fn read(files: &[PathBuf; 2]) -> Result<Renewed, PemFault> {
        // Stamped before they are read: what is written meanwhile is read again.
        let stamps = files.each_ref().map(stamp);
        let both = pair(files)?;
        Ok(Renewed { files: files.clone(), serving: RwLock::new(Arc::new(both)), looked: Mutex::new(stamps) })
    }

    /// Reads the files again if they have changed. If they cannot be used the last that could be goes on serving, and the log says why:
    /// one file is often written before the other. It reads from the disk.
    pub fn look(&self) {
        let stamps = self.files.each_ref().map(stamp);
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if *looked == stamps {
            return;
        }
        *looked = stamps;
        match pair(&self.files) {
            Ok(both) => {
                *self.serving.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(both);
                tracing::info!("the desk's certificate was read anew");
            }
            Err(fault) => {
                tracing::warn!(%fault, "the desk's certificate has changed and cannot be used; the last goes on")
            }
        }
    }
}

impl ResolvesServerCert for Renewed {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.serving.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}
