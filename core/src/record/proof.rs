//! Proofs over the tree of a log: that a leaf is in it, and that it grew from a smaller one (RFC 6962 §2.1.1,
//! RFC 6962 §2.1.2).
//!
//! Proofs are made from the leaf hashes; what they cost stands at each. Verifying needs nothing but the proof, never
//! panics, and takes at most one hash a level and root.

use alloc::vec::Vec;

use super::merkle::{Hash, SIZE_MAX, empty_root, node_hash, root};

/// The proof that the leaf at `index` is in the tree over `leaves` (RFC 6962 §2.1.1, PATH), the lowest hash first.
/// Nothing if there is no such leaf. As many hashes to compute as there are leaves, at most 53 in the proof.
pub fn inclusion_proof(leaves: &[Hash], index: u64) -> Option<Vec<Hash>> {
    let mut at = usize::try_from(index).ok().filter(|at| *at < leaves.len())?;
    let (mut subtree, mut proof) = (leaves, Vec::new());
    while subtree.len() > 1 {
        let (left, right) = split(subtree);
        if at < left.len() {
            proof.push(root(right));
            subtree = left;
        } else {
            proof.push(root(left));
            at -= left.len();
            subtree = right;
        }
    }
    proof.reverse();
    Some(proof)
}

/// The proof that the tree over the `first` leaves grew into the tree over all of `leaves` (RFC 6962 §2.1.2, PROOF), the
/// lowest hash first. Empty if `first` is 0 or all of them; nothing if there are fewer. As many hashes to compute as
/// there are leaves, at most 54 in the proof.
pub fn consistency_proof(leaves: &[Hash], first: u64) -> Option<Vec<Hash>> {
    let mut first = usize::try_from(first).ok().filter(|first| *first <= leaves.len())?;
    let (mut subtree, mut proof) = (leaves, Vec::new());
    // A subtree that begins at leaf 0 and ends with the first tree is the first tree: who verifies has its root.
    let mut is_first_tree = true;
    while 0 < first && first < subtree.len() {
        let (left, right) = split(subtree);
        if first <= left.len() {
            proof.push(root(right));
            subtree = left;
        } else {
            proof.push(root(left));
            first -= left.len();
            subtree = right;
            is_first_tree = false;
        }
    }
    if !is_first_tree {
        proof.push(root(subtree));
    }
    proof.reverse();
    Some(proof)
}

/// Splits two leaves or more at the largest power of two below their number (RFC 6962 §2.1).
fn split(leaves: &[Hash]) -> (&[Hash], &[Hash]) {
    leaves.split_at(1 << (leaves.len() - 1).ilog2())
}

/// Whether `proof` shows that the leaf with the hash `leaf` stands at `index` in the tree of this root and size.
///
/// False also if `index` is not below `size`, if `size` is above [`SIZE_MAX`], and if the proof has another length than
/// size and index ask for.
pub fn verify_inclusion(root: &Hash, size: u64, index: u64, leaf: &Hash, proof: &[Hash]) -> bool {
    if index >= size || size > SIZE_MAX {
        return false;
    }
    let climb = Climb::new(index, size - 1, 0);
    proof.len() == climb.length() && climb.to_whole(*leaf, proof) == *root
}

/// Whether `proof` shows that the tree of the first root and size grew into the tree of the second.
///
/// False also if the second is the smaller, if its size is above [`SIZE_MAX`], if sizes are equal and roots are not, if a
/// tree of size 0 has another root than [`empty_root`], and if the proof has another length than the sizes ask for.
pub fn verify_consistency(first_root: &Hash, first: u64, second_root: &Hash, second: u64, proof: &[Hash]) -> bool {
    if first > second || second > SIZE_MAX || [(first, first_root), (second, second_root)].iter().any(is_false_empty) {
        return false;
    }
    if first == second {
        return proof.is_empty() && first_root == second_root;
    }
    if first == 0 {
        return proof.is_empty();
    }
    // The last complete subtree of the first tree is a node of both trees; from there the proof climbs to both roots.
    let complete = first.trailing_zeros();
    let climb = Climb::new(first - 1, second - 1, complete);
    let (node, path) = match proof.split_first() {
        _ if first.is_power_of_two() => (first_root, proof),
        Some(split) => split,
        None => return false,
    };
    path.len() == climb.length()
        && climb.to_past(*node, path) == *first_root
        && climb.to_whole(*node, path) == *second_root
}

fn is_false_empty((size, root): &(u64, &Hash)) -> bool {
    *size == 0 && **root != empty_root()
}

/// The way from a node up to the root of a tree: first past siblings on either side, then, where the node's subtree
/// ends the tree, past subtrees on its left alone.
struct Climb {
    /// Where the node stands among those of its level.
    at: u64,
    /// For how many levels a sibling may stand on the right.
    inner: usize,
    /// How many siblings follow, all on the left.
    border: usize,
}

impl Climb {
    /// From the node `level` levels above the leaf at `index`, in the tree whose last leaf is at `last`.
    fn new(index: u64, last: u64, level: u32) -> Self {
        let at = index >> level;
        let inner = u64::BITS - (at ^ last >> level).leading_zeros();
        Self { at, inner: inner as usize, border: (at >> inner).count_ones() as usize }
    }

    fn length(&self) -> usize {
        self.inner + self.border
    }

    fn is_right(&self, step: usize) -> bool {
        step >= self.inner || self.at >> step & 1 == 1
    }

    /// The root of the whole tree.
    fn to_whole(&self, node: Hash, path: &[Hash]) -> Hash {
        path.iter().enumerate().fold(node, |node, (step, sibling)| {
            if self.is_right(step) { node_hash(sibling, &node) } else { node_hash(&node, sibling) }
        })
    }

    /// The root of the tree as it was when the node ended it: nothing stood on the right.
    fn to_past(&self, node: Hash, path: &[Hash]) -> Hash {
        let on_the_left = path.iter().enumerate().filter(|(step, _)| self.is_right(*step));
        on_the_left.fold(node, |node, (_, sibling)| node_hash(sibling, &node))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::record::merkle::leaf_hash;

    /// Every tree up to a few levels, and a few leaves beyond a power of two.
    const SIZE_TRIED: usize = 70;

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|i| leaf_hash(&[i as u8])).collect()
    }

    /// PROOF and SUBPROOF of RFC 6962 §2.1.2, word for word.
    fn defined_subproof(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
        if m == leaves.len() {
            return if whole { Vec::new() } else { Vec::from([root(leaves)]) };
        }
        let mut k = 1;
        while k * 2 < leaves.len() {
            k *= 2;
        }
        let (mut proof, last) = if m <= k {
            (defined_subproof(m, &leaves[..k], whole), root(&leaves[k..]))
        } else {
            (defined_subproof(m - k, &leaves[k..], false), root(&leaves[..k]))
        };
        proof.push(last);
        proof
    }

    fn bytes(hex: &str) -> Vec<u8> {
        let digits = (0..hex.len()).step_by(2);
        digits.map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    /// Each way to change a proof by one hash: a bit of one, one less, one more.
    fn spoilt(proof: &[Hash]) -> impl Iterator<Item = Vec<Hash>> {
        let flipped = (0..proof.len()).map(|at| {
            let mut proof = proof.to_vec();
            proof[at][at % 32] ^= 1 << (at % 8);
            proof
        });
        let without = (0..proof.len()).map(|at| [&proof[..at], &proof[at + 1..]].concat());
        let with = (0..=proof.len()).map(|at| [&proof[..at], &[[3; 32]], &proof[at..]].concat());
        flipped.chain(without).chain(with)
    }

    #[test]
    fn every_leaf_of_every_tree_is_shown_and_nothing_else_by_its_proof() {
        let all = leaves(SIZE_TRIED);
        for size in 1..=all.len() as u64 {
            let leaves = &all[..size as usize];
            let root = root(leaves);
            for index in 0..size {
                let proof = inclusion_proof(leaves, index).unwrap();
                let leaf = &leaves[index as usize];

                assert!(verify_inclusion(&root, size, index, leaf, &proof));
                assert!(spoilt(&proof).all(|proof| !verify_inclusion(&root, size, index, leaf, &proof)));
                assert!((0..size + 3).filter(|i| *i != index).all(|i| !verify_inclusion(&root, size, i, leaf, &proof)));
                assert!(!verify_inclusion(&root, size, index, &[3; 32], &proof));
                assert!(!verify_inclusion(&[3; 32], size, index, leaf, &proof));
            }
            assert_eq!(inclusion_proof(leaves, size), None);
        }
    }

    #[test]
    fn every_tree_is_shown_to_have_grown_from_every_smaller_one() {
        let all = leaves(SIZE_TRIED);
        for second in 0..=all.len() {
            let leaves = &all[..second];
            let second_root = root(leaves);
            for first in 0..=second {
                let proof = consistency_proof(leaves, first as u64).unwrap();
                let (first_root, sizes) = (root(&leaves[..first]), (first as u64, second as u64));
                let shown =
                    |from: &Hash, to: &Hash, proof: &[Hash]| verify_consistency(from, sizes.0, to, sizes.1, proof);

                if first > 0 {
                    assert_eq!(proof, defined_subproof(first, leaves, true));
                }
                assert!(shown(&first_root, &second_root, &proof));
                assert!(spoilt(&proof).all(|proof| !shown(&first_root, &second_root, &proof)));
                assert!(!shown(&[3; 32], &second_root, &proof));
                assert!(first == 0 && second > 0 || !shown(&first_root, &[3; 32], &proof));
            }
            assert_eq!(consistency_proof(leaves, second as u64 + 1), None);
        }
    }

    #[test]
    fn a_proof_between_two_sizes_shows_no_other_two() {
        let leaves = leaves(24);
        let roots: Vec<Hash> = (0..=24).map(|size| root(&leaves[..size])).collect();
        let proof = consistency_proof(&leaves[..21], 13).unwrap();

        for (first, second) in (1..=24_u64).flat_map(|first| (1..=24).map(move |second| (first, second))) {
            let (from, to) = (&roots[first as usize], &roots[second as usize]);
            assert_eq!(verify_consistency(from, first, to, second, &proof), (first, second) == (13, 21));
        }
    }

    /// A size is bound by the signature over it; a proof only has to have the length that the sizes ask for.
    #[test]
    fn a_proof_that_leads_to_the_roots_is_refused_for_a_size_of_more_levels() {
        let leaves = leaves(21);
        let (first, second) = (root(&leaves[..13]), root(&leaves));
        let grown = consistency_proof(&leaves, 13).unwrap();
        let path = inclusion_proof(&leaves, 12).unwrap();

        assert!(verify_consistency(&first, 13, &second, 21, &grown));
        assert!(!verify_consistency(&first, 13, &second, 40, &grown));
        assert!(verify_inclusion(&second, 21, 12, &leaves[12], &path));
        assert!(!verify_inclusion(&second, 40, 12, &leaves[12], &path));
    }

    #[test]
    fn sizes_and_proofs_beyond_all_bounds_are_refused_without_a_panic() {
        let edges = [0, 1, 2, SIZE_MAX - 1, SIZE_MAX, SIZE_MAX + 1, u64::MAX - 1, u64::MAX];
        for (a, b) in edges.iter().flat_map(|a| edges.iter().map(move |b| (*a, *b))) {
            for length in [1, 52, 53, 54, 55, 64, 65, 200] {
                let proof = Vec::from_iter((0..length).map(|i| [i as u8; 32]));

                assert!(!verify_inclusion(&[1; 32], a, b, &[2; 32], &proof));
                assert!(!verify_consistency(&[1; 32], a, &[2; 32], b, &proof));
            }
        }
    }

    #[test]
    fn the_reference_tree_of_certificate_transparency_has_its_published_path() {
        let contents =
            ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        let leaves = contents.map(|hex| leaf_hash(&bytes(hex)));

        let path = inclusion_proof(&leaves, 5).unwrap();

        let published = [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        assert_eq!(path.as_flattened(), bytes(&published.concat()));
    }
}
