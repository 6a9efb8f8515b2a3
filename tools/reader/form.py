"""What bytes have to look like: CBOR (section 1.2), signatures and frames (4.1), headers and args (2, 3), index 0 and the
charter (5). Of reader.py, and like it written from docs/protocol.md alone."""

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Fault(Exception):
    """A misconduct of section 3.6, by its name."""


# ---------------------------------------------------------------- 1.2 CBOR
class Map(list):
    """Pairs in the order of the bytes: a dict would take 1 and true for one key."""

    def at(self, key):
        return next((v for k, v in self if type(k) is int and k == key), None)


class NotCanonical(ValueError):
    """Not in the one form of section 1.2. (Text that is no UTF-8 raises another ValueError.)"""


def encode(value):
    if type(value) not in (Map, list):
        return cbor2.dumps(value)
    major, items = 4, [encode(v) for v in value] if type(value) is list else None
    if items is None:
        major, items = 5, [k + v for k, v in sorted((encode(k), encode(v)) for k, v in value)]
    begin = bytearray(cbor2.dumps(len(items)))
    begin[0] |= major << 5
    return bytes(begin) + b"".join(items)


def read_item(data, at, depth):
    """One item and where it ends. Longer forms of numbers are read; writing them again shows them."""
    if depth > 7 or at >= len(data):
        raise NotCanonical("too deep" if depth > 7 else "cut off")
    major, low, at = data[at] >> 5, data[at] & 31, at + 1
    if major == 7:
        if low not in (20, 21, 22):
            raise NotCanonical("foreign")
        return {20: False, 21: True, 22: None}[low], at
    if low > 27 or major == 6:
        raise NotCanonical("tag or indefinite length")
    size = 0 if low < 24 else 1 << low - 24
    number = low if low < 24 else int.from_bytes(data[at:at + size], "big")
    at += size
    if at > len(data) or major in (2, 3) and at + number > len(data) or major in (4, 5) and number > 1024:
        raise NotCanonical("cut off or too many")
    if major < 2:
        return (number if major == 0 else -1 - number), at
    if major < 4:
        raw = data[at:at + number]
        return (raw if major == 2 else raw.decode()), at + number
    items = []
    for _ in range(number * (major - 3)):
        item, at = read_item(data, at, depth + 1)
        items.append(item)
    if major == 4:
        return items, at
    keys = [encode(k) for k in items[::2]]
    if any(a >= b for a, b in zip(keys, keys[1:])):
        raise NotCanonical("keys")
    return Map(zip(items[::2], items[1::2])), at


def decode(data):
    value, end = read_item(data, 0, 0)
    if end != len(data) or encode(value) != data:
        raise NotCanonical("another form")
    return value


# ---------------------------------------------------------------- 4.1 signatures
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
I = pow(2, (P - 1) // 4, P)


def root_of(square):
    root = pow(square, (P + 3) // 8, P)
    return next((r for r in (root, root * I % P) if (r * r - square) % P == 0), None)


# y of the points of order 8: those that double to y = 0 solve d y^4 + 2 y^2 - 1 = 0. Then order 4, 1 and 2.
EIGHT = [root_of((-1 + sign * root_of(1 + D)) * pow(D, -1, P)) for sign in (1, -1)]
SMALL = {0, 1, P - 1} | {y for y in EIGHT if y is not None} | {P - y for y in EIGHT if y is not None}


def is_canonical(point):
    """y below p, and not of small order (which also covers x = 0 with its sign set)."""
    y = int.from_bytes(point, "little") & (1 << 255) - 1
    return y < P and y not in SMALL

def is_key(public):
    if len(public) != 32 or not is_canonical(public):
        return False
    y = int.from_bytes(public, "little") & (1 << 255) - 1
    return root_of((y * y - 1) * pow(D * y * y + 1, -1, P) % P) is not None

def verify(public, message, signature):
    """OpenSSL compares [S]B - [k]A with the bytes of R, k reduced; it takes keys and an R that are refused here."""
    if len(signature) != 64 or int.from_bytes(signature[32:], "little") >= L:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return is_canonical(signature[:32]) and is_key(public)

def to_be_signed(purpose, payload):
    return cbor2.dumps(["Signature1", bytes.fromhex("a10132"), b"counterpart/%s/v1" % purpose, payload])


def open_frame(data):
    """The payload and the signature of an entry: exactly the bytes that section 4.1 allows."""
    begin = bytes.fromhex("d28443a10132a0")
    try:
        payload, at = read_item(data, len(begin), 0)
        signature = data[at + 2:]
    except ValueError:
        raise Fault("bad-signature") from None
    if type(payload) is not bytes or len(signature) != 64 or data != begin + encode(payload) + b"\x58\x40" + signature:
        raise Fault("bad-signature")
    return payload, signature


# ---------------------------------------------------------------- 2, 3.1 to 3.4 header and args
def uint(maximum=2**64 - 1):
    return lambda v: type(v) is int and 0 <= v <= maximum

def raw(size):
    return lambda v: type(v) is bytes and len(v) == size

def text(maximum, minimum=0):
    return lambda v: type(v) is str and minimum <= len(v.encode()) <= maximum

def many(of, maximum, minimum=0):
    return lambda v: type(v) is list and minimum <= len(v) <= maximum and all(map(of, v))

def row(*kinds, last=None):
    """A list of these, and perhaps one more."""
    def check(v):
        kinds_now = kinds + (last,) if last and type(v) is list and len(v) == len(kinds) + 1 else kinds
        return type(v) is list and len(v) == len(kinds_now) and all(k(i) for k, i in zip(kinds_now, v))
    return check

def both(*checks):
    return lambda v: all(check(v) for check in checks)

time, hash32, party, boolean = uint(253_402_300_799_999), raw(32), uint(1), lambda v: type(v) is bool
ascending = lambda v: all(a < b for a, b in zip(v, v[1:]))
post_id = lambda v: text(32, 1)(v) and set(v) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
window = lambda v: v[0] < v[1]
offered = both(row(time, time, text(128)), window, lambda v: v[1] - v[0] <= 604_800_000)
keys3, reference = row(hash32, hash32, hash32), row(party, uint())
TYPES = """charter received amend key post state check check-reply overdue ask alerting seen referred defer renew suspend resume
answer decline withdraw lapse offer ready accept joined ended missed cancel talk sheet text notice read retract memo statement
statement-reply approach approach-reply attempt heard adopt""".split()
code, instrument, ownership = uint(13), uint(4), uint(2)
ARGS = {
    "charter": lambda v: True, "amend": row(uint(), last=lambda v: type(v) is bytes),
    "key": row(uint(), keys3, raw(64), raw(64)), "post": row(post_id, uint(4), time, last=time),
    "state": row(uint(3), last=time), "check": row(uint(1)), "overdue": row(uint(2)), "ask": row(uint(2), boolean),
    "alerting": row(uint(2)), "defer": row(code, last=time), "decline": row(code), "lapse": row(uint(2)),
    "offer": row(many(offered, 8, 1), uint(1), last=code), "accept": both(row(time, time), window), "joined": row(uint(3)),
    "ended": row(party, uint(2)), "cancel": row(code),
    "talk": both(row(time, time, instrument, many(post_id, 32)), window),
    "sheet": both(row(time, time, many(post_id, 32), many(text(128), 32)), window), "notice": row(uint(), uint()),
    "statement": many(row(uint(), party, uint()), 32, 1), "statement-reply": row(uint(2)),
    "approach": row(instrument, post_id), "approach-reply": row(ownership), "attempt": row(instrument, text(128), uint(2)),
    "adopt": row(ownership),
}
# Keys 8, 9 with 10, 11, 12, 13, 15 of each type: - none, ? may, ! must. All other types: "!----?".
FIELDS = {
    "charter": "------", "received": "------", "amend": "?----?", "memo": "-----!", "heard": "-----!", "check": "--!!-?",
    "ask": "?!!!??", "text": "-!!!-!", "notice": "-!!!-!", "renew": "!-?-??", "offer": "!---!?", "ready": "!---!?",
} | dict.fromkeys(("key", "post", "state", "statement", "approach", "attempt"), "-----?")
OPTIONAL = {
    8: reference, 9: post_id, 10: post_id, 11: uint(3), 12: uint(2), 13: time,
    15: lambda v: v == [] or row(hash32)(v), 16: both(many(uint(), 64, 1), ascending), 17: row(uint(), uint()),
}
PLACED = {1: uint(), 2: raw(16), 3: row(uint(), raw(8)), 4: party, 5: row(uint(), hash32), 7: time}


class Header:
    """What places an entry; its type's word, and how it reads: "readable", "malformed" or "unknown"."""

    def __init__(self, payload):
        try:
            pairs = decode(payload)
        except ValueError:
            raise Fault("not-canonical") from None
        if type(pairs) is not Map or not all(check(pairs.at(key)) for key, check in PLACED.items()):
            raise Fault("not-canonical")
        number, self.line, self.epoch, self.party, own, self.time = (pairs.at(k) for k in PLACED)
        held = pairs.at(6)
        if not row(row(party, uint(), hash32))(held) or held[0][0] != 1 - self.party:
            raise Fault("not-canonical")
        self.own, self.held = tuple(own), tuple(held[0][1:])
        self.word = TYPES[number] if number < len(TYPES) else "unknown"
        known = self.word != "unknown" and all(type(k) is int and 1 <= k <= 17 for k, _ in pairs)
        self.body, self.args, self.reads = None, pairs.at(14), "unknown"
        if known:
            self.reads = "readable" if len(payload) <= 12_288 and self.fits(pairs) else "malformed"
            body = pairs.at(15)
            self.body = body if OPTIONAL[15](body) else None
        self.new = self.args if self.reads == "readable" and self.word == "key" else None

    def fits(self, pairs):
        present = {k for k, _ in pairs}
        fields = FIELDS.get(self.word, "!----?")
        of_type = all(need == "?" or (need == "!") == (key in present)
                      for key, need in zip((8, 9, 10, 11, 12, 13, 15), fields[0] + fields[1] + fields[1:]))
        has_args = 14 in present
        args = ARGS[self.word](self.args) if has_args and self.word in ARGS else not has_args
        wanted = has_args or self.word not in ARGS or self.word == "accept"
        return of_type and args and wanted and all(check(pairs.at(k)) for k, check in OPTIONAL.items() if k in present)


# ---------------------------------------------------------------- 5.2, 5.3 index 0 and the charter
epoch_heads = row(row(uint(), raw(8)), row(uint(), hash32), row(uint(), hash32))
exactly = lambda number: lambda v: type(v) is int and v == number
opened = row(exactly(1), keys3, many(epoch_heads, 64))
joined = row(exactly(2), many(epoch_heads, 64), boolean)
span, short = uint(316_224_000), text(128)
post_terms = row(post_id, uint(3), boolean)
party_terms = row(text(200, 1), text(32, 1), row(hash32, hash32, hash32, hash32), many(short, 16), many(short, 16),
                  both(many(post_terms, 64), lambda v: ascending([p[0].encode() for p in v])), short)
checks_at = lambda v: row(uint(0), span)(v) or row(exactly(1), many(uint(1439), 64))(v)
CLAUSES = {
    1: uint(), 2: raw(16), 3: row(party_terms, party_terms), 4: span, 5: many(span, 4, 4), 6: span, 7: many(span, 4, 4),
    8: checks_at, 9: boolean, 10: span, 11: many(uint(), 64), 12: many(short, 16), 13: many(short, 16), 14: span,
}


class Charter:
    def __init__(self, opening):
        """From the args of index 0; ValueError if they are not a charter that both have signed."""
        if not row(uint(0), lambda v: type(v) is bytes, raw(64), raw(64))(opening):
            raise ValueError("no opening")
        self.opening, (_, self.bytes, *signatures) = opening, opening
        clauses = decode(self.bytes)
        if type(clauses) is not Map or not all(check(clauses.at(n)) for n, check in CLAUSES.items()):
            raise ValueError("no charter")
        self.line, self.keys = clauses.at(2), [terms[2] for terms in clauses.at(3)]
        message = to_be_signed(b"charter", self.bytes)
        if not all(verify(keys[1], message, s) for keys, s in zip(self.keys, signatures)):
            raise ValueError("not signed")
