#!/usr/bin/env python3
"""Writes public_keys.json, signatures.json and sign1.json beside itself; the same bytes on every run, in seconds.

Pure Python arithmetic on edwards25519 (RFC 8032), slow and not for secrets: every seed here is public. Each vector
that must be refused breaks one rule only, as far as mathematics allows: with the rule left out, a verifier accepts it.
It cannot be so for an encoding that is not canonical (y >= p) of a point of large order: nobody knows the discrete
logarithm of such a point, so nobody can make a signature in which the equation holds. There public_keys.json tests the
rule for A, and for R the vectors of small order stand in. Of the five vectors of RFC 8032 7.1, the one with a message of
1,023 bytes is left out for its length.
"""
import hashlib
import json
import pathlib

p = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
d = -121665 * pow(121666, -1, p) % p
ROOT_OF_MINUS_1 = pow(2, (p - 1) // 4, p)


def add(a, b):
    t = d * a[0] * b[0] * a[1] * b[1] % p
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + t, -1, p)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - t, -1, p)
    return x % p, y % p


def times(n, a):
    total = (0, 1)
    while n:
        if n & 1:
            total = add(total, a)
        a, n = add(a, a), n >> 1
    return total


def minus(a):
    return -a[0] % p, a[1]


def x_of(y, sign):
    """The x of RFC 8032 5.1.3, without its check of y; None where there is none."""
    square = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
    x = pow(square, (p + 3) // 8, p)
    if (x * x - square) % p:
        x = x * ROOT_OF_MINUS_1 % p
    if (x * x - square) % p:
        return None
    return -x % p if x & 1 != sign else x


def raw(y, sign):
    return (y | sign << 255).to_bytes(32, "little")


def encode(a):
    return raw(a[1], a[0] & 1)


def decode_loosely(b):
    n = int.from_bytes(b, "little")
    y, sign = n & (2**255 - 1), n >> 255
    x = x_of(y % p, sign)
    return None if x is None else (x, y % p)


B_Y = 4 * pow(5, -1, p) % p
B = (x_of(B_Y, 0), B_Y)


def order_8():
    y = 2
    while True:
        x = x_of(y, 0)
        if x is not None:
            t = times(L, (x, y))
            if times(4, t) != (0, 1):
                return t
        y += 1


T = order_8()
TORSION = [times(i, T) for i in range(8)]


def H_whole(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def H(*parts):
    """Reduced modulo L, as everyone does and RFC 8032 does not say: it matters where a part of A is of small order."""
    return H_whole(*parts) % L


def secret(seed):
    h = hashlib.sha512(seed).digest()
    n = int.from_bytes(h[:32], "little")
    return n & (2**254 - 8) | 2**254, h[32:]


def public(seed):
    return encode(times(secret(seed)[0], B))


def scalar(s):
    return s.to_bytes(32, "little")


def sign(seed, message):
    a, prefix = secret(seed)
    A = encode(times(a, B))
    r = H(prefix, message)
    R = encode(times(r, B))
    return R + scalar((r + H(R, A, message) * a) % L)


def equation(A, message, signature, cofactor=1, H=H):
    """[S]B = R + [k]A with loose decoding: what a verifier without the other rules would say."""
    a, r = decode_loosely(A), decode_loosely(signature[:32])
    S = int.from_bytes(signature[32:], "little")
    if a is None or r is None:
        return False
    k = H(signature[:32], A, message)
    return times(cofactor * S, B) == add(times(cofactor, r), times(cofactor * k, a))


def searched(make):
    """The first of the messages 'counterpart 0', 'counterpart 1', ... that suits; make gives None where it does not."""
    for i in range(100_000):
        message = b"counterpart %d" % i
        found = make(message)
        if found is not None:
            return (message,) + found
    raise SystemExit("nothing found")


keys, signatures = [], []


def key(name, encoding, valid, why):
    keys.append({"name": name, "public": encoding.hex(), "valid": valid, "why": why})


def vector(name, A, message, signature, valid, why, holds=None, cofactored=None):
    if holds is not None:
        assert equation(A, message, signature) == holds, name
    if cofactored is not None:
        assert equation(A, message, signature, 8) == cofactored, name
    signatures.append({"name": name, "public": A.hex(), "message": message.hex(), "signature": signature.hex(),
                       "valid": valid, "why": why})


def rfc_8032():
    rows = [
        ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", b"", "e5564300c360ac72"),
        ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", b"\x72", "92a009a9f0d4cab8"),
        ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", b"\xaf\x82", "6291d657deec2402"),
        ("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
         "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf", hashlib.sha512(b"abc").digest(),
         "dc2a4459e7369633"),
    ]
    for number, (seed, expected, message, begins) in zip(("1", "2", "3", "sha-abc"), rows):
        seed = bytes.fromhex(seed)
        signature = sign(seed, message)
        assert public(seed).hex() == expected and signature.hex().startswith(begins)
        vector(f"rfc-8032-test-{number}", public(seed), message, signature, True, "RFC 8032 7.1", True, True)


def small_orders():
    for i, t in enumerate(TORSION):
        A = encode(t)

        def make(message, A=A, t=t):
            R = encode(times(11, B))
            signature = R + scalar(11)
            return (A, signature) if times(H(R, A, message) % 8, t) == (0, 1) else None

        message, A, signature = searched(make)
        key(f"small-order-{i}", A, False, "A is of small order")
        vector(f"small-order-a-{i}", A, message, signature, False, "A is of small order; the equation holds", True, True)

    a = 7
    A = encode(times(a, B))
    R = encode((0, 1))
    k = H(R, A, b"counterpart")
    vector("small-order-r-0", A, b"counterpart", R + scalar(k * a % L), False,
           "R is the neutral element; the equation holds", True, True)
    for i in range(1, 8):
        A = encode(add(times(a, B), T))

        def make(message, A=A, R=encode(TORSION[i]), i=i):
            k = H(R, A, message)
            return (A, R + scalar(k * a % L)) if (k + i) % 8 == 0 else None

        message, A, signature = searched(make)
        vector(f"small-order-r-{i}", A, message, signature, False,
               "R is of small order, A of large; the equation holds", True, True)


def mixed_orders():
    a, r = 7, 11
    A = encode(add(times(a, B), T))
    key("mixed-order", A, True, "A is the sum of points of large and of small order: allowed, since not of small order")

    message = b"counterpart"
    R_point = times(r, B)

    def balanced(message):
        for i in range(8):
            R = encode(add(R_point, TORSION[i]))
            k = H(R, A, message)
            if (k + i) % 8 == 0 and i:
                return (R + scalar((r + k * a) % L),)
        return None

    message, signature = searched(balanced)
    vector("mixed-order-a-and-r", A, message, signature, True,
           "neither A nor R is of small order and the equation holds without the cofactor", True, True)

    def vanishing(this, other):
        def make(message):
            R = encode(R_point)
            k = this(R, A, message)
            return (R + scalar((r + k * a) % L),) if k % 8 == 0 and other(R, A, message) % 8 else None
        return make

    message, signature = searched(vanishing(H, H_whole))
    vector("mixed-order-a", A, message, signature, True,
           "the equation holds if k is reduced modulo the order of the group, which is the rule, and not if it is taken whole",
           True, True)
    message, signature = searched(vanishing(H_whole, H))
    assert equation(A, message, signature, 1, H_whole)
    vector("k-not-reduced", A, message, signature, False,
           "the equation holds only if k is taken whole, not reduced modulo the order of the group", False, True)

    def lost(message):
        R = encode(R_point)
        k = H(R, A, message)
        return (R + scalar((r + k * a) % L),) if k % 8 else None

    message, signature = searched(lost)
    vector("cofactor-only-a", A, message, signature, False,
           "A has a part of small order: the equation holds only multiplied by the cofactor", False, True)
    A_pure = encode(times(a, B))
    R = encode(add(R_point, T))
    signature = R + scalar((r + H(R, A_pure, b"counterpart") * a) % L)
    vector("cofactor-only-r", A_pure, b"counterpart", signature, False,
           "R has a part of small order: the equation holds only multiplied by the cofactor", False, True)


def encodings():
    honest = bytes(range(32))
    good = sign(honest, b"counterpart")
    S = int.from_bytes(good[32:], "little")
    A = public(honest)
    key("honest", A, True, "a key made by RFC 8032 5.1.5")
    vector("honest", A, b"counterpart", good, True, "a signature made by RFC 8032 5.1.6", True, True)
    vector("s-plus-l", A, b"counterpart", good[:32] + scalar(S + L), False,
           "S is not below the order of the group; the equation holds", True, True)
    vector("s-plus-8l", A, b"counterpart", good[:32] + scalar(S + 8 * L), False,
           "S is not below the order of the group and has high bits; the equation holds", True, True)
    vector("s-is-l", A, b"counterpart", good[:32] + scalar(L), False, "S is the order of the group", False, False)
    vector("another-message", A, b"counterparT", good, False, "another message", False, False)
    vector("another-key", public(bytes(32)), b"counterpart", good, False, "another key", False, False)
    negated = minus(decode_loosely(good[:32]))
    vector("r-negated", A, b"counterpart", encode(negated) + good[32:], False, "the sign bit of R is flipped", False, False)
    for y in range(2, 100):
        if x_of(y, 0) is None:
            key("off-curve", raw(y, 0), False, "no point has this y")
            vector("a-off-curve", raw(y, 0), b"counterpart", good, False, "A is no point of the curve", False, False)
            vector("r-off-curve", A, b"counterpart", raw(y, 0) + good[32:], False, "R is no point of the curve", False, False)
            break

    # Small orders in encodings that are not canonical: two rules refuse them, and the equation holds.
    loose = [("y-is-p", raw(p, 0)), ("y-is-p-negative", raw(p, 1)), ("y-is-p-plus-1", raw(p + 1, 0)),
             ("y-is-p-plus-1-negative", raw(p + 1, 1)), ("y-is-1-negative", raw(1, 1)), ("y-is-minus-1-negative", raw(p - 1, 1))]
    for name, encoding in loose:
        key(f"not-canonical-{name}", encoding, False, "not canonical, and of small order")

        def with_a(message, encoding=encoding):
            signature = encode(times(11, B)) + scalar(11)
            return (signature,) if equation(encoding, message, signature) else None

        message, signature = searched(with_a)
        vector(f"not-canonical-a-{name}", encoding, message, signature, False,
               "A is not canonical and of small order; the equation holds", True, True)

        def with_r(message, encoding=encoding):
            mixed = encode(add(times(7, B), T))
            signature = encoding + scalar(H(encoding, mixed, message) * 7 % L)
            return (mixed, signature) if equation(mixed, message, signature) else None

        message, mixed, signature = searched(with_r)
        vector(f"not-canonical-r-{name}", mixed, message, signature, False,
               "R is not canonical and of small order; the equation holds", True, True)

    for y in range(2, 19):
        if x_of(y, 0) is not None:
            for bit in (0, 1):
                encoding = raw(p + y, bit)
                name = f"y-is-p-plus-{y}" + ("-negative" if bit else "")
                key(f"not-canonical-{name}", encoding, False, "y is not below p; a point of large order")
    large = raw(p + 3, 0)
    vector("not-canonical-a-large-order", large, b"counterpart", good, False,
           "A is not canonical and of large order; nobody can make the equation hold", False, False)
    vector("not-canonical-r-large-order", A, b"counterpart", large + good[32:], False,
           "R is not canonical and of large order; nobody can make the equation hold", False, False)
    assert x_of(p - 2, 0) is None and times(4, (x_of(p - 3, 0), p - 3)) != (0, 1)
    key("largest-canonical-y", raw(p - 3, 0), True, "y is below p: no point has y = p - 2, and that of p - 1 is of small order")


def cbor_bytes(b):
    n = len(b)
    if n < 24:
        return bytes([0x40 | n]) + b
    return (b"\x58" + bytes([n]) if n < 256 else b"\x59" + n.to_bytes(2, "big")) + b


def sign1():
    """One tagged COSE_Sign1 for each external_aad and each width of the payload's length."""
    seed = bytes(range(32))
    protected = bytes.fromhex("a10132")  # {1: -19}
    rows = []
    for aad in (b"counterpart/entry/v1", b"counterpart/charter/v1", b"counterpart/key/v1"):
        for length in (0, 1, 23, 24, 255, 256):
            payload = bytes(i % 251 for i in range(length))
            signed = b"\x84\x6aSignature1" + cbor_bytes(protected) + cbor_bytes(aad) + cbor_bytes(payload)
            sealed = b"\xd2\x84" + cbor_bytes(protected) + b"\xa0" + cbor_bytes(payload) + cbor_bytes(sign(seed, signed))
            rows.append({"aad": aad.decode(), "seed": seed.hex(), "payload": payload.hex(),
                         "to_be_signed": signed.hex(), "sealed": sealed.hex()})
    return rows


def write(name, rows):
    """One vector a line, so that a reader without a JSON parser can split at the quotation marks."""
    lines = ",\n".join(json.dumps(row) for row in rows)
    (pathlib.Path(__file__).parent / name).write_text(f"[\n{lines}\n]\n")


rfc_8032()
encodings()
small_orders()
mixed_orders()
write("public_keys.json", keys)
write("signatures.json", signatures)
write("sign1.json", sign1())
