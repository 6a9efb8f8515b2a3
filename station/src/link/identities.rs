//! All link keys of this station. Callers are shown one of them, the latest that serves; a dial may be made with another, for a
//! line whose peer does not know that one yet (`docs/protocol.md` §8.6).

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::Error;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::tls::Identity;

/// Never empty; the last is shown to callers.
pub(super) struct Identities(RwLock<Vec<Arc<Identity>>>);

impl Identities {
    pub(super) fn new(first: Identity) -> Arc<Identities> {
        Arc::new(Identities(RwLock::new(vec![Arc::new(first)])))
    }

    /// From now on callers are shown the key of this seed.
    pub(super) fn show(&self, seed: &[u8; 32]) -> Result<(), Error> {
        let identity = Identity::from_seed(seed)?;
        let mut list = self.0.write().unwrap_or_else(PoisonError::into_inner);
        list.retain(|known| known.public() != identity.public());
        list.push(Arc::new(identity));
        Ok(())
    }

    /// A dial may be made with the key of this seed.
    pub(super) fn know(&self, seed: &[u8; 32]) -> Result<(), Error> {
        let identity = Identity::from_seed(seed)?;
        let mut list = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if list.iter().all(|known| known.public() != identity.public()) {
            list.insert(0, Arc::new(identity));
        }
        Ok(())
    }

    /// The one with this public key; without one, or if it is unknown, the one that is shown.
    pub(super) fn of(&self, public: Option<[u8; 32]>) -> Option<Arc<Identity>> {
        let list = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = public.and_then(|public| list.iter().find(|known| known.public() == public));
        known.or(list.last()).cloned()
    }
}

impl ResolvesServerCert for Identities {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.of(None).map(|identity| identity.certified())
    }

    fn only_raw_public_keys(&self) -> bool {
        true
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identities")
    }
}
