"""Merkle proofs (docs/protocol.md, section 4.2), verified as RFC 9162 2.1.3.2 and 2.1.4.2 say, which take those of RFC 6962, and made
as RFC 6962 2.1.1 and 2.1.2 say: from the definitions, not from core's code."""
import hashlib

NOTHING = hashlib.sha256().digest()
SIZE_MAX = 2**53 - 1


def leaf_hash(content):
    return hashlib.sha256(b"\0" + content).digest()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def split(leaves):
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return half


def root(leaves):
    """MTH."""
    if len(leaves) < 2:
        return leaves[0] if leaves else NOTHING
    half = split(leaves)
    return node(root(leaves[:half]), root(leaves[half:]))


def path(index, leaves):
    """PATH."""
    if len(leaves) == 1:
        return []
    half = split(leaves)
    if index < half:
        return path(index, leaves[:half]) + [root(leaves[half:])]
    return path(index - half, leaves[half:]) + [root(leaves[:half])]


def grown(first, leaves, whole=True):
    """PROOF, and nothing from an empty tree."""
    if first in (0, len(leaves)):
        return [] if whole or first == 0 else [root(leaves)]
    half = split(leaves)
    if first <= half:
        return grown(first, leaves[:half], whole) + [root(leaves[half:])]
    return grown(first - half, leaves[half:], False) + [root(leaves[:half])]


def included(index, size, leaf, whole, proof):
    if not index < size <= SIZE_MAX:
        return False
    at, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node(sibling, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = node(found, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and found == whole


def consistent(first, first_root, second, second_root, proof):
    if not first <= second <= SIZE_MAX:
        return False
    if any(size == 0 and told != NOTHING for size, told in ((first, first_root), (second, second_root))):
        return False
    if first == second:
        return not proof and first_root == second_root
    if first == 0:
        return not proof
    proof = ([first_root] if first & (first - 1) == 0 else []) + proof
    if not proof:
        return False
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = node(sibling, old), node(sibling, new)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new = node(new, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root
