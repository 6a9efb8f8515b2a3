#!/usr/bin/env python3
"""A second reader of Counterpart entries, written from docs/protocol.md alone. It shares no code with the first.

Start it, in any directory, with a Python of at least 3.11 and two public packages:

    python3 -m venv venv && venv/bin/pip install cbor2 cryptography
    venv/bin/python tools/reader/reader.py docs/vectors/line/line.jsonl [--fingerprint HEX] [--json]

The input is one JSON object a line: {"party": 0, "index": 3, "bytes": HEX, "body": HEX} (body if held), both logs of one line in its
first epoch, in any order of the two. Output: for each log its head, how many entries of each type, and its first fault by name
(section 3.6). Exit 0: no fault; 1: a fault; 2: the input is none. It judges form, signatures, trees, heads and bodies, and what
is malformed or unknown; the rules of section 6 it does not compute. `--fingerprint` is SHA-256 of the charter as two persons
compared it; without it the reader believes the charter that both logs begin with.
"""
import argparse
import collections
import hashlib
import json
import sys

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


# ---------------------------------------------------------------- 5.2, 5.3 the charter
span, short = uint(316_224_000), text(128)
post_terms = row(post_id, uint(3), boolean)
party_terms = row(text(200, 1), text(32, 1), row(hash32, hash32, hash32, hash32), many(short, 16), many(short, 16),
                  both(many(post_terms, 64), lambda v: ascending([p[0].encode() for p in v])), short)
checks_at = lambda v: row(uint(0), span)(v) or row(lambda n: uint()(n) and n == 1, many(uint(1439), 64))(v)
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


# ---------------------------------------------------------------- 4.2, 4.3 the logs
def roots(entries):
    """The root at every size, by the right edge of the tree."""
    edge, found = [], [hashlib.sha256().digest()]
    for count, entry in enumerate(entries):
        node = hashlib.sha256(b"\0" + entry).digest()
        while count & 1:
            node, count = hashlib.sha256(b"\1" + edge.pop() + node).digest(), count >> 1
        edge.append(node)
        whole = edge[-1]
        for left in reversed(edge[:-1]):
            whole = hashlib.sha256(b"\1" + left + whole).digest()
        found.append(whole)
    return found


class Log:
    """One log as it is read: what was taken of it, and the first fault."""

    def __init__(self, number):
        self.party, self.size, self.named, self.keys, self.serial, self.charter = number, 0, 0, [], 0, None
        self.roots, self.counts, self.verdicts, self.fault = roots([]), collections.Counter(), [], None

    def judge(self, data, body, other):
        """What the entry reads as; a Fault if it may not stand next."""
        payload, signature = open_frame(data)
        if self.charter is None:
            raise Fault("wrong-epoch")
        self.keys, size = self.keys or [self.charter.keys[self.party][1]], self.size
        signed = lambda index: verify(self.keys[index], to_be_signed(b"entry", payload), signature)
        try:
            header = Header(payload)
        except Fault as fault:
            # Nobody is accused of the form of what nobody has signed.
            raise fault if signed(size) else Fault("bad-signature") from None
        for holds, name in (
            (header.line == self.charter.line, "wrong-line"),
            (header.party == self.party, "wrong-party"),
            (header.epoch == [0, bytes(8)], "wrong-epoch"),
            (header.own[0] <= size, "wrong-place"),
            (signed(min(header.own[0], size)), "bad-signature"),
            (header.own[0] == size, "fork"),
            (self.granted(header, self.charter.keys[self.party][0]), "bad-signature"),
            (header.own[1] == self.roots[size], "fork"),
            (header.held[0] >= self.named, "head-went-back"),
            (header.held[0] < len(other.roots) and other.roots[header.held[0]] == header.held[1], "head-never-ours"),
            (header.new is None or header.new[0] > self.serial, "stale-grant"),
            (size > 0 or [header.reads, header.word, header.args] == ["readable", "charter", self.charter.opening], "wrong-epoch"),
            (body_fits(header, body), "wrong-body"),
        ):
            if not holds:
                raise Fault(name)
        return header

    def granted(self, header, root):
        if header.new is None:
            return True
        serial, keys, by_root, by_new = header.new
        message = to_be_signed(b"key", encode([self.charter.line, header.epoch, serial, keys]))
        return verify(root, message, by_root) and verify(keys[0], message, by_new)

    def take(self, data, body, other):
        try:
            header = self.judge(data, body, other)
        except Fault as fault:
            self.fault = (self.size, str(fault))
            return self.verdicts.append(str(fault))
        self.size, self.named = self.size + 1, header.held[0]
        self.keys.append(header.new[1][0] if header.new else self.keys[-1])
        self.serial = header.new[0] if header.new else self.serial
        self.verdicts.append(header.reads)
        return self.counts.update([header.word if header.reads == "readable" else header.reads])


def body_fits(header, body):
    if body is None or header.body == [] or header.body is None and header.reads != "readable":
        return True
    return header.body is not None and [hashlib.sha256(b"counterpart/body/v1\0" + body).digest()] == header.body


def find_charter(firsts, fingerprint=None):
    for data in firsts:
        try:
            charter = Charter(Header(open_frame(data)[0]).args)
            if fingerprint in (None, hashlib.sha256(charter.bytes).digest()):
                return charter
        except (Fault, ValueError):
            continue
    return None


def read(lines, fingerprint=None):
    """Both logs of a dump. The roots are those of the bytes as they stand, so the order of the two logs does not matter."""
    held = [[], []]
    for line in lines:
        one = json.loads(line) if isinstance(line, str) else line
        body = bytes.fromhex(one["body"]) if one.get("body") else None
        held[one["party"]].append((one["index"], bytes.fromhex(one["bytes"]), body))
    logs, following = [Log(0), Log(1)], [[], []]
    for log, entries in zip(logs, held):
        for index, data, body in sorted(entries, key=lambda e: e[0]):
            if not following[log.party] or following[log.party][-1][:2] != (index, data):
                following[log.party].append((index, data, body))
        firsts = {index: data for index, data, _ in reversed(following[log.party])}
        log.roots = roots([data for _, data in sorted(firsts.items())])
    charter = find_charter([entries[0][1] for entries in following if entries], fingerprint)
    for log, entries in zip(logs, following):
        log.charter = charter
        for index, data, body in entries:
            if log.fault is None:
                log.take(data, body, logs[1 - log.party])
    return logs


def main():
    arguments = argparse.ArgumentParser(description="Reads a dump of Counterpart entries; see the head of this file.")
    arguments.add_argument("dump")
    arguments.add_argument("--fingerprint", type=bytes.fromhex)
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    try:
        with open(given.dump, encoding="utf-8") as dump:
            logs = read([line for line in dump if line.strip()], given.fingerprint)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        print(f"{given.dump} is no dump of entries: {error!r}", file=sys.stderr)
        return 2
    for log in logs:
        root = log.roots[log.size].hex()
        fault = {"index": log.fault[0], "name": log.fault[1]} if log.fault else None
        types = ", ".join(f"{word} {count}" for word, count in sorted(log.counts.items()))
        found = f"FAULT at {log.fault[0]}: {log.fault[1]}" if fault else "no fault"
        told = {"party": log.party, "size": log.size, "root": root, "types": log.counts, "fault": fault}
        print(json.dumps(told) if given.json else f"party {log.party}: head [{log.size}, {root}]; {types}; {found}")
    return 1 if any(log.fault for log in logs) else 0


if __name__ == "__main__":
    sys.exit(main())
