//! Everything in `docs/vectors` is judged, read and written as it says there.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

mod proofs;

use counterpart_core::record::sign1::{KeyFault, PublicKey, Sign, SoftKey, Strict, Verify, open, seal, to_be_signed};
use ed25519_dalek::VerifyingKey;

const KEYS: &str = include_str!("../../../docs/vectors/public_keys.json");
const SIGNATURES: &str = include_str!("../../../docs/vectors/signatures.json");
const SIGN1: &str = include_str!("../../../docs/vectors/sign1.json");

/// The field of a vector: one vector a line, and no quotation mark inside a string.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let mut parts = line.split('"').skip_while(|part| *part != name);
    let bare = parts.nth(1).unwrap();
    if bare == ": " { parts.next().unwrap() } else { bare.trim_matches([':', ' ', ',']) }
}

fn bytes(line: &str, name: &str) -> Vec<u8> {
    let hex = field(line, name);
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn vectors(file: &str) -> impl Iterator<Item = &str> {
    file.lines().filter(|line| line.starts_with('{'))
}

#[test]
fn every_vector_of_a_signature_is_judged_as_it_says() {
    let mut valid = 0;
    for line in vectors(SIGNATURES) {
        let public = PublicKey::from_bytes(bytes(line, "public").try_into().unwrap());
        let signature = bytes(line, "signature").try_into().unwrap();

        let judged = Strict.verify(&public, &bytes(line, "message"), &signature);

        assert_eq!(format!("{judged}"), field(line, "valid"), "{}", field(line, "name"));
        valid += usize::from(judged);
    }
    assert_eq!((vectors(SIGNATURES).count(), valid), (48, 7));
}

#[test]
fn what_is_of_small_order_is_refused_by_our_rule_and_not_by_the_equation() {
    use ed25519_dalek::Verifier;
    let small =
        |line: &&str| ["small-order", "not-canonical-a-y"].iter().any(|name| field(line, "name").starts_with(name));

    for line in vectors(SIGNATURES).filter(small) {
        let key = VerifyingKey::from_bytes(&bytes(line, "public").try_into().unwrap()).unwrap();
        let signature = ed25519_dalek::Signature::from_bytes(&bytes(line, "signature").try_into().unwrap());

        assert!(key.verify(&bytes(line, "message"), &signature).is_ok(), "{line}");
    }
    assert_eq!(vectors(SIGNATURES).filter(small).count(), 22);
}

#[test]
fn every_vector_of_a_key_is_judged_as_it_says() {
    for line in vectors(KEYS) {
        let judged = PublicKey::parse(&bytes(line, "public"));

        let expected = match field(line, "name") {
            name if name.starts_with("not-canonical-y-is-p") => Some(KeyFault::NotCanonical),
            name if name.starts_with("not-canonical") => Some(KeyFault::SmallOrder),
            name if name.starts_with("small-order") => Some(KeyFault::SmallOrder),
            "off-curve" => Some(KeyFault::NotOnCurve),
            _ => None,
        };
        assert_eq!(judged.err(), expected, "{line}");
        assert_eq!(format!("{}", judged.is_ok()), field(line, "valid"), "{line}");
    }
    assert_eq!(PublicKey::parse(&[1; 31]), Err(KeyFault::Length));
}

#[test]
fn a_key_of_large_order_in_a_second_encoding_is_refused_here_and_not_below() {
    let mut taken_below = 0;
    for line in
        vectors(KEYS).filter(|line| field(line, "why").contains("of large order") && line.contains("not below p"))
    {
        let encoding: [u8; 32] = bytes(line, "public").try_into().unwrap();

        let below = VerifyingKey::from_bytes(&encoding).unwrap();

        assert!(!below.is_weak() && PublicKey::parse(&encoding).is_err());
        taken_below += 1;
    }
    assert_eq!(taken_below, 20);
}

#[test]
fn every_vector_of_a_frame_is_written_and_read_as_it_says() {
    for line in vectors(SIGN1) {
        let (aad, payload) = (field(line, "aad").as_bytes(), bytes(line, "payload"));
        let key = SoftKey::from_seed(bytes(line, "seed").try_into().unwrap());

        let sealed = seal(aad, &payload, &key);

        assert_eq!(to_be_signed(aad, &payload), bytes(line, "to_be_signed"));
        assert_eq!(sealed, bytes(line, "sealed"));
        let opened = open(&sealed).unwrap();
        assert_eq!(opened.payload, payload);
        assert!(opened.verify(aad, &key.public(), &Strict));
        assert!(!opened.verify(b"counterpart/other/v1", &key.public(), &Strict));
    }
    assert_eq!(vectors(SIGN1).count(), 18);
}
