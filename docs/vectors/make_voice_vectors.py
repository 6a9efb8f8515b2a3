"""Writes voice.json: packets of voice, what is told of a call, and the frames that carry both (protocol.md §8.8).

Made from the specification alone, so that reader and writer of the software are held to something that neither has written.
"""

import json
import pathlib


def head(major, value):
    """A CBOR head in its shortest form."""
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 24:
            return bytes([major << 5 | value])
        if value < 1 << 8 * size:
            return bytes([major << 5 | info]) + value.to_bytes(size, "big")
    raise ValueError(value)


def cbor(value):
    if value is None or isinstance(value, bool):
        return bytes([{None: 0xF6, False: 0xF4, True: 0xF5}[value]])
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    return head(4, len(value)) + b"".join(map(cbor, value))


def packet(codec, begins, person, call, sequence, timestamp, payload):
    numbers = b"".join(number.to_bytes(4, "big") for number in (call, sequence, timestamp))
    return bytes([1, codec | begins << 7, person]) + numbers + payload


OPUS = bytes([19 << 3]) + bytes(range(60))
PACKETS = {
    "opus, one frame": (0, True, 0, 7, 0, 0, OPUS),
    "opus, two equal frames": (0, False, 3, 1, 41, 39_360, bytes([19 << 3 | 1]) + bytes(20)),
    "pcma, the worked one": (1, True, 2, 0x01020304, 0xFFFFFFFF, 0x80000000, bytes([0xD5, 0x55])),
    "pcmu, 20 ms": (2, False, 1, 0xFFFFFFFF, 65_536, 160, bytes([0xFF] * 160)),
    "opus, the longest": (0, False, 0, 7, 1, 960, bytes([19 << 3 | 1]) + bytes(1_098)),
}
WRONG_PACKETS = {
    "no payload": packet(1, True, 0, 7, 0, 0, b""),
    "another first byte": b"\2" + packet(1, True, 0, 7, 0, 0, b"\xd5")[1:],
    "a bit without meaning": bytes([1, 0x41]) + packet(1, True, 0, 7, 0, 0, b"\xd5")[2:],
    "no such codec": packet(3, True, 0, 7, 0, 0, b"\xd5"),
    "no such person": packet(1, True, 4, 7, 0, 0, b"\xd5"),
    "opus of two equal frames with an odd byte": packet(0, True, 0, 7, 0, 0, bytes([19 << 3 | 1]) + bytes(21)),
    "more than 100 ms of pcmu": packet(2, True, 0, 7, 0, 0, bytes([0xFF] * 801)),
    "more than 1,100 bytes": packet(0, True, 0, 7, 0, 0, bytes([19 << 3 | 1]) + bytes(1_100)),
}

STATES = {
    "a call that is opened": [7, [0, 1, 2], False, None, [], []],
    "a principal with an interpreter": [
        4_294_967_295, [0, 2], True, None,
        [[0, 0, False, False, True, True], [1, 1, False, True, True, False]],
        [[0, 499, 500, 450, 16_000]],
    ],
    "four who are ended": [
        1, [0], True, 0,
        [[0, 3, False, False, True, True], [1, 0, False, False, False, True], [2, 1, False, True, True, True],
         [3, 2, True, False, True, False]],
        [[0, 4_294_967_295, 1 << 40, 1 << 40, 0], [1, 0, 1, 1, 0], [2, 7, 8, 2, 1_000_000], [3, 1, 2, 0, 5]],
    ],
}
PERSON = [0, 0, False, False, True, True]
WRONG_STATES = {
    "no codec": [7, [], False, None, [], []],
    "codecs out of order": [7, [1, 0], False, None, [], []],
    "no such codec": [7, [3], False, None, [], []],
    "no such reason": [7, [0], False, 3, [], []],
    "a number above 32 bits": [1 << 32, [0], False, None, [], []],
    "a person twice": [7, [0], False, None, [PERSON, PERSON], []],
    "no such part": [7, [0], False, None, [[0, 4, *PERSON[2:]]], []],
    "a fifth person": [7, [0], False, None, [[4, *PERSON[1:]]], []],
    "more came than was sent": [7, [0], False, None, [], [[0, 1, 1, 2, 0]]],
    "a field too many": [7, [0], False, None, [], [], 0],
}

EPOCH, TALK = [0, bytes(8)], [1, 5]


def vectors():
    names = ("codec", "begins", "person", "call", "sequence", "timestamp")
    for name, fields in PACKETS.items():
        said = {**dict(zip(names, fields)), "payload": fields[6].hex()}
        yield {"kind": "packet", "name": name, "bytes": packet(*fields).hex(), **said}
    for name, data in WRONG_PACKETS.items():
        yield {"kind": "packet", "name": name, "bytes": data.hex(), "wrong": name}
    for name, state in STATES.items():
        yield {"kind": "state", "name": name, "bytes": cbor(state).hex(), "state": state}
    for name, state in WRONG_STATES.items():
        yield {"kind": "state", "name": name, "bytes": cbor(state).hex(), "wrong": name}
    for name, state in STATES.items():
        data = cbor([9, EPOCH, TALK, cbor(state)])
        yield {"kind": "call-frame", "name": name, "bytes": data.hex(), "party": 1, "index": 5, "holds": cbor(state).hex()}
    for name, fields in PACKETS.items():
        held = packet(*fields)
        yield {"kind": "voice-frame", "name": name, "bytes": cbor([10, held]).hex(), "holds": held.hex()}
    sizes = {"a packet too short": [10, bytes(15)], "a packet too long": [10, bytes(1_116)],
             "nothing told": [9, EPOCH, TALK, b""], "too much told": [9, EPOCH, TALK, bytes(257)],
             "no such party": [9, EPOCH, [2, 5], b"\x80"]}
    for name, frame in sizes.items():
        kind = "voice-frame" if frame[0] == 10 else "call-frame"
        yield {"kind": kind, "name": name, "bytes": cbor(frame).hex(), "wrong": name}


lines = ",\n".join(json.dumps(vector) for vector in vectors())
pathlib.Path(__file__).with_name("voice.json").write_text(f"[\n{lines}\n]\n")
