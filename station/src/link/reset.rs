//! Why a station that was killed and starts again does not leave its peers waiting.
//!
//! Who receives a QUIC packet of a connection that it does not know answers with a token that only its former self could
//! have given out, and the sender gives that connection up (RFC 9000 section 10.3). So the secret behind these tokens has
//! to outlive the process. It is derived from the link key's seed and serves nothing else. Without it a peer would hold
//! on to a dead connection until its idle limit, and prefer it to the one that is being dialled anew.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use quinn::crypto::{CryptoError, HmacKey};
use quinn::{ConnectionId, ConnectionIdGenerator, EndpointConfig};
use sha2::Sha256;

use crate::entropy::{self, NoEntropy};

const TOKEN_LABEL: &[u8] = b"counterpart/1 stateless reset token";
const CONNECTION_ID_LABEL: &[u8] = b"counterpart/1 connection id";
const CONNECTION_ID_BYTES: usize = 8;

/// quinn's configuration with tokens that the station with this seed gives out in every life.
pub(super) fn endpoint_config(link_key_seed: &[u8; 32]) -> Result<EndpointConfig, NoEntropy> {
    let life = entropy::bytes()?;
    let key = mac(link_key_seed, &[CONNECTION_ID_LABEL]);
    let mut config = EndpointConfig::new(Arc::new(TokenKey(mac(link_key_seed, &[TOKEN_LABEL]))));
    config.cid_generator(move || Box::new(ConnectionIds { key, life, given: 0 }));
    Ok(config)
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // Same bytes as HMAC's own constructor, which for a key of one block cannot fail but returns a result.
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// Makes a reset token from a connection id.
struct TokenKey([u8; 32]);

impl HmacKey for TokenKey {
    fn sign(&self, connection_id: &[u8], out: &mut [u8]) {
        out.copy_from_slice(&mac(&self.0, &[connection_id]));
    }

    fn signature_len(&self) -> usize {
        32
    }

    fn verify(&self, connection_id: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let mut expected = [0; 32];
        self.sign(connection_id, &mut expected);
        // Not in constant time: quinn only ever makes tokens with this key.
        if expected == *signature { Ok(()) } else { Err(CryptoError) }
    }
}

/// Connection ids that no observer can tell apart from chance.
///
/// quinn's own also carry a check under a key of the process, by which it drops, and so does not answer, packets for its
/// former self. These carry none.
struct ConnectionIds {
    key: [u8; 32],
    /// Chance, so that no life repeats the ids of another.
    life: [u8; 16],
    given: u64,
}

impl ConnectionIdGenerator for ConnectionIds {
    fn generate_cid(&mut self) -> ConnectionId {
        self.given += 1;
        let id = mac(&self.key, &[&self.life, &self.given.to_be_bytes()]);
        ConnectionId::new(&id[..CONNECTION_ID_BYTES])
    }

    fn cid_len(&self) -> usize {
        CONNECTION_ID_BYTES
    }

    fn cid_lifetime(&self) -> Option<std::time::Duration> {
        None
    }
}
