//! `docs/vectors/proofs.json`: proofs of inclusion and consistency (RFC 6962 §2.1.1, §2.1.2), those that hold and those that do not.
//! To write it again: `COUNTERPART_WRITE_VECTORS=1 cargo test -p counterpart-core --test vectors`.

use std::path::Path;

use counterpart_core::record::merkle::{Hash, SIZE_MAX, empty_root, leaf_hash, root};
use counterpart_core::record::proof::{consistency_proof, inclusion_proof, verify_consistency, verify_inclusion};
use serde_json::{Value, json};

/// The contents of the eight leaves of the reference tree of Certificate Transparency; those after them are their own index.
const REFERENCE: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const LEAVES: usize = 21;
/// Sizes of which the proofs are told: powers of two, their neighbours, and what has a ragged right edge.
const SIZES: [usize; 10] = [1, 2, 3, 4, 5, 7, 8, 11, 13, 21];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn hash(value: &Value) -> Hash {
    unhex(value.as_str().unwrap()).try_into().unwrap()
}

fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(hash).collect()
}

fn contents() -> Vec<String> {
    let after = (REFERENCE.len()..LEAVES).map(|index| hex(&[u8::try_from(index).unwrap()]));
    REFERENCE.map(String::from).into_iter().chain(after).collect()
}

/// A proof, what it is said to show, and what is wrong with it.
struct Case<'a> {
    sizes: [u64; 2],
    hashes: [Hash; 2],
    proof: &'a [Hash],
    wrong: &'a str,
}

impl Case<'_> {
    /// Of a leaf: index and size, leaf and root.
    fn inclusion(&self) -> Value {
        self.told(["index", "size"], ["leaf", "root"])
    }

    /// Of a tree that grew: both sizes, both roots.
    fn consistency(&self) -> Value {
        self.told(["first", "second"], ["first_root", "second_root"])
    }

    fn told(&self, sizes: [&str; 2], hashes: [&str; 2]) -> Value {
        let proof: Vec<String> = self.proof.iter().map(|hash| hex(hash)).collect();
        let mut told = json!({ "proof": proof, "valid": self.wrong.is_empty() });
        for at in 0..2 {
            told[sizes[at]] = json!(self.sizes[at]);
            told[hashes[at]] = json!(hex(&self.hashes[at]));
        }
        if !self.wrong.is_empty() {
            told["wrong"] = json!(self.wrong);
        }
        told
    }

    /// The same, spoilt in every way that a reader could overlook.
    fn spoilt(&self, told: impl Fn(&Case<'_>) -> Value, cases: &mut Vec<Value>) {
        let Case { sizes: [one, other], hashes, proof, .. } = *self;
        let (last, rest) = proof.split_last().unwrap();
        let mut flipped = *last;
        flipped[31] ^= 1;
        let [first, swapped] = [proof[0], proof[1]];
        let turned = [&[swapped, first], &proof[2..]].concat();
        for (sizes, hashes, proof, wrong) in [
            ([one, other], hashes, [rest, &[flipped]].concat(), "one bit of the last hash"),
            ([one, other], hashes, rest.to_vec(), "the last hash is missing"),
            ([one, other], hashes, [proof, &[*last]].concat(), "a hash too many"),
            ([one, other], hashes, turned, "the first two hashes have changed places"),
            ([one - 1, other], hashes, proof.to_vec(), "the first number is one less"),
            ([one, other + 20], hashes, proof.to_vec(), "the second number has one level more"),
            ([one, SIZE_MAX + 1], hashes, proof.to_vec(), "more entries than a log may have"),
            ([one, other], [hashes[1], hashes[0]], proof.to_vec(), "both hashes have changed places"),
        ] {
            cases.push(told(&Case { sizes, hashes, proof: &proof, wrong }));
        }
    }
}

fn inclusions(leaves: &[Hash]) -> Vec<Value> {
    let mut cases = Vec::new();
    for size in SIZES {
        let tree = &leaves[..size];
        for index in 0..size {
            let proof = inclusion_proof(tree, index as u64).unwrap();
            let sizes = [index as u64, size as u64];
            let case = Case { sizes, hashes: [tree[index], root(tree)], proof: &proof, wrong: "" };
            cases.push(case.inclusion());
            if [(5, 8), (12, 21), (20, 21)].contains(&(index, size)) {
                case.spoilt(|case| case.inclusion(), &mut cases);
            }
        }
    }
    let whole = Case { sizes: [1, 1], hashes: [leaves[0], leaves[0]], proof: &[], wrong: "no such index" };
    cases.push(whole.inclusion());
    let nothing = Case { sizes: [0, 0], hashes: [leaves[0], empty_root()], proof: &[], wrong: "a tree without leaves" };
    cases.push(nothing.inclusion());
    cases
}

fn consistencies(leaves: &[Hash]) -> Vec<Value> {
    let mut cases = Vec::new();
    for second in [0].into_iter().chain(SIZES) {
        let tree = &leaves[..second];
        for first in [0].into_iter().chain(SIZES).filter(|first| *first <= second) {
            let proof = consistency_proof(tree, first as u64).unwrap();
            let hashes = [root(&leaves[..first]), root(tree)];
            let case = Case { sizes: [first as u64, second as u64], hashes, proof: &proof, wrong: "" };
            cases.push(case.consistency());
            if [(5, 8), (7, 11), (13, 21)].contains(&(first, second)) {
                case.spoilt(|case| case.consistency(), &mut cases);
            }
        }
    }
    let [small, large] = [root(&leaves[..4]), root(&leaves[..8])];
    let grown = [root(&leaves[4..8])];
    for (sizes, hashes, proof, wrong) in [
        ([8, 4], [large, small], &grown[..], "it has become smaller"),
        ([4, 4], [small, large], &[], "one size and two roots"),
        ([4, 4], [small, small], &grown, "a hash where none is asked for"),
        ([0, 8], [small, large], &[], "not the root of nothing"),
        ([0, 8], [empty_root(), large], &grown, "a hash where none is asked for"),
    ] {
        cases.push(Case { sizes, hashes, proof, wrong }.consistency());
    }
    cases
}

fn file() -> String {
    let contents = contents();
    let leaves: Vec<Hash> = contents.iter().map(|content| leaf_hash(&unhex(content))).collect();
    let roots: Vec<Value> = (0..=LEAVES).map(|size| json!(hex(&root(&leaves[..size])))).collect();
    let contents = contents.iter().map(|content| json!(content)).collect();
    let lists = [
        ("leaves", contents),
        ("roots", roots),
        ("inclusion", inclusions(&leaves)),
        ("consistency", consistencies(&leaves)),
    ];
    let lists = lists.map(|(name, list): (&str, Vec<Value>)| {
        let list: Vec<String> = list.iter().map(Value::to_string).collect();
        format!("\"{name}\": [\n{}\n]", list.join(",\n"))
    });
    let about = json!(
        "Merkle proofs of RFC 6962. Written by core/tests/vectors/proofs.rs; see docs/protocol.md, §4.2 and appendix B."
    );
    format!("{{\n\"about\": {about},\n{}\n}}\n", lists.join(",\n"))
}

#[test]
fn the_file_of_proofs_is_what_core_makes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/vectors/proofs.json");

    let wanted = file();

    if std::env::var_os("COUNTERPART_WRITE_VECTORS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "{} differs; to write it again, see the head of this file", path.display());
}

#[test]
fn every_proof_shows_what_it_is_said_to_and_no_spoilt_one_does() {
    let file: Value = serde_json::from_str(include_str!("../../../docs/vectors/proofs.json")).unwrap();
    let list = |name: &str| file[name].as_array().unwrap();
    let number = |case: &Value, name: &str| case[name].as_u64().unwrap();

    let included = list("inclusion").iter().map(|case| {
        let (root, leaf, proof) = (hash(&case["root"]), hash(&case["leaf"]), hashes(&case["proof"]));
        (case, verify_inclusion(&root, number(case, "size"), number(case, "index"), &leaf, &proof))
    });
    let grown = list("consistency").iter().map(|case| {
        let [first, second] = [hash(&case["first_root"]), hash(&case["second_root"])];
        let (from, to) = (number(case, "first"), number(case, "second"));
        (case, verify_consistency(&first, from, &second, to, &hashes(&case["proof"])))
    });

    let judged: Vec<(&Value, bool)> = included.chain(grown).collect();
    assert!(judged.iter().all(|(case, shown)| case["valid"] == *shown), "{judged:?}");
    let valid = judged.iter().filter(|(_, shown)| *shown).count();
    assert_eq!((judged.len(), valid), (196, 141));
}
