//! The tree over a log: RFC 6962 §2.1 with SHA-256.
//!
//! A log keeps its leaf hashes and an [`Edge`], from which the root of what it holds is a few hashes away. What shows to
//! others that a leaf or an older tree is in a root stands in [`super::proof`].

use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest, Sha256};

/// A SHA-256 of a leaf, of an inner node, or of a whole tree.
pub type Hash = [u8; 32];

/// The most leaves that a tree may have: 2^53 - 1, which every database, and JavaScript, counts exactly.
pub const SIZE_MAX: u64 = (1 << 53) - 1;

/// The hash of a leaf with this content: SHA-256 of 0x00 and the content (RFC 6962 §2.1).
pub fn leaf_hash(content: &[u8]) -> Hash {
    Sha256::new().chain_update([0x00]).chain_update(content).finalize().into()
}

/// The hash of an inner node: SHA-256 of 0x01 and both halves (RFC 6962 §2.1).
pub(super) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([0x01]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of a tree without leaves: SHA-256 of nothing (RFC 6962 §2.1).
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The root of the tree over these leaf hashes. One hash a leaf.
pub fn root(leaves: &[Hash]) -> Hash {
    let mut edge = Edge::new();
    for leaf in leaves {
        edge.push(*leaf);
    }
    edge.root()
}

/// The right edge of a tree: all that is needed to append to it and to name its root.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Edge {
    size: u64,
    /// The roots of the complete subtrees that the leaves fall into, the largest first: one for each bit of `size`.
    subtrees: Vec<Hash>,
}

impl Edge {
    /// The edge of a tree without leaves.
    pub const fn new() -> Self {
        Self { size: 0, subtrees: Vec::new() }
    }

    /// Appends a leaf by its hash. One hash on average, at most one a level.
    pub fn push(&mut self, leaf: Hash) {
        assert!(self.size < SIZE_MAX, "a log is never near 2^53 entries, and a stored edge is checked when it is read");
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            // Each subtree of the size reached so far is completed by what was appended.
            if let Some(left) = self.subtrees.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.subtrees.push(node);
        self.size += 1;
    }

    /// How many leaves the tree has.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree (RFC 6962 §2.1). At most 53 hashes.
    pub fn root(&self) -> Hash {
        match self.subtrees.split_last() {
            None => empty_root(),
            Some((last, others)) => others.iter().rev().fold(*last, |right, left| node_hash(left, &right)),
        }
    }

    /// The edge as it is stored: the size in 8 bytes, the highest first, then the subtrees' hashes, the largest first.
    /// At most 1,704 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + 32 * self.subtrees.len());
        out.extend_from_slice(&self.size.to_be_bytes());
        out.extend_from_slice(self.subtrees.as_flattened());
        out
    }

    /// Reads what [`Edge::to_bytes`] wrote. Whether the hashes are those of the log is not seen here: compare the root.
    ///
    /// # Errors
    /// If the bytes are no edge.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EdgeFault> {
        let (size, hashes) = bytes.split_first_chunk().ok_or(EdgeFault::Short)?;
        let size = u64::from_be_bytes(*size);
        if size > SIZE_MAX {
            return Err(EdgeFault::Size);
        }
        let (subtrees, after) = hashes.as_chunks();
        if !after.is_empty() || subtrees.len() != size.count_ones() as usize {
            return Err(EdgeFault::Hashes);
        }
        Ok(Self { size, subtrees: subtrees.to_vec() })
    }
}

/// Why stored bytes are not the right edge of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeFault {
    /// Shorter than the size, which takes 8 bytes.
    Short,
    /// The size is above [`SIZE_MAX`].
    Size,
    /// Not one hash of 32 bytes for each bit of the size.
    Hashes,
}

impl fmt::Display for EdgeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "the stored edge is shorter than its size field",
            Self::Size => "the stored edge claims more leaves than a log may have",
            Self::Hashes => "the stored edge has not one hash for each bit of its size",
        })
    }
}

impl core::error::Error for EdgeFault {}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    /// Every tree up to a few levels, and a few leaves beyond a power of two.
    const SIZE_TRIED: usize = 70;

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|i| leaf_hash(&[i as u8])).collect()
    }

    /// MTH of RFC 6962 §2.1, word for word.
    fn defined_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [leaf] => *leaf,
            _ => {
                let mut k = 1;
                while k * 2 < leaves.len() {
                    k *= 2;
                }
                node_hash(&defined_root(&leaves[..k]), &defined_root(&leaves[k..]))
            }
        }
    }

    fn hash(hex: &str) -> Hash {
        core::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
    }

    #[test]
    fn the_edge_and_every_prefix_have_the_root_that_the_standard_defines() {
        let (leaves, mut edge) = (leaves(SIZE_TRIED), Edge::new());

        for size in 0..=SIZE_TRIED {
            assert_eq!((edge.size(), edge.root()), (size as u64, defined_root(&leaves[..size])));
            assert_eq!(Edge::from_bytes(&edge.to_bytes()).unwrap(), edge);
            assert_eq!(root(&leaves[..size]), edge.root());
            edge.push(leaf_hash(&[size as u8]));
        }
    }

    #[test]
    fn the_reference_tree_of_certificate_transparency_has_its_published_roots() {
        let contents: [&[u8]; 8] = [
            &[],
            &[0],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let leaves: Vec<Hash> = contents.iter().map(|content| leaf_hash(content)).collect();

        for (size, expected) in roots.iter().enumerate() {
            assert_eq!(root(&leaves[..size]), hash(expected));
        }
    }

    #[test]
    fn stored_bytes_that_are_no_edge_are_refused() {
        let stored = |size: u64, hashes: usize| [&size.to_be_bytes()[..], &[7; 32].repeat(hashes)].concat();

        assert_eq!(Edge::from_bytes(&stored(0, 0)), Ok(Edge::new()));
        assert!(Edge::from_bytes(&stored(SIZE_MAX, 53)).is_ok());
        assert_eq!(Edge::from_bytes(&[0; 7]), Err(EdgeFault::Short));
        assert_eq!(Edge::from_bytes(&stored(SIZE_MAX + 1, 1)), Err(EdgeFault::Size));
        assert_eq!(Edge::from_bytes(&stored(5, 1)), Err(EdgeFault::Hashes));
        assert_eq!(Edge::from_bytes(&stored(5, 3)), Err(EdgeFault::Hashes));
        assert_eq!(Edge::from_bytes(&stored(5, 2)[..71]), Err(EdgeFault::Hashes));
        let longer = [&stored(5, 2)[..], &[7]].concat();
        assert_eq!(Edge::from_bytes(&longer), Err(EdgeFault::Hashes));
    }
}
