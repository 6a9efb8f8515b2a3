#!/usr/bin/env python3
"""A second reader of Counterpart entries, written from docs/protocol.md alone. It shares no code with the first.

Start it, in any directory, with a Python of at least 3.11 and two public packages:

    python3 -m venv venv && venv/bin/pip install cbor2 cryptography
    venv/bin/python tools/reader/reader.py docs/vectors/line/epochs.jsonl [--fingerprint HEX] [--json]

The input is one JSON object a line: {"epoch": [1, HEX], "party": 0, "index": 3, "bytes": HEX, "body": HEX} (epoch if it is not the
first, body if held), the logs of one line. The order of the logs is free, but for this: what opens an epoch stands before what
opens a later one, and of two that open the same the first is taken. What `counterpart record --entries FILE` writes is such an input: its other objects,
which have no "index", are passed over, but one that is cut short is none. Output: for each log of each epoch its head, how far it counts
(section 4.6) and with --json whether that is settled, how many entries of each type, and its first fault by name (section 3.6), or where it was let go. Exit 0: no fault;
1: a fault; 2: the input is none. It judges form, signatures, trees, heads, bodies and epochs, and what is malformed or unknown; the
rules of section 6 it does not compute. `--fingerprint` is SHA-256 of the charter as two persons compared it; without it the reader
believes the charter that both logs begin with.
"""
import argparse
import collections
import hashlib
import json
import sys

from form import Charter, Fault, Header, encode, joined, open_frame, opened, to_be_signed, verify

FIRST = (0, bytes(8))
NOTHING = hashlib.sha256().digest()
# Whether an index 0 counts by what a charter names of its log.
NOT, OPEN, COUNTS = range(3)


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


class LetGo(Fault):
    """Nobody is accused: the entry comes again when more is known (section 4.6)."""


class Log:
    """One log of one epoch as it is read: what was taken of it, and the first fault or where it was let go."""

    def __init__(self, number, epoch=FIRST):
        self.party, self.epoch, self.size, self.named, self.keys, self.serial, self.charter = number, epoch, 0, 0, [], 0, None
        self.roots, self.counts, self.verdicts, self.fault, self.left = roots([]), collections.Counter(), [], None, None
        # Beyond the first epoch: the key of one that joins, why it may not be opened, and whether a later one serves.
        self.joins_with, self.may_not_open, self.is_late, self.opening, self.earlier, self.seen = None, None, False, None, [], [0]
        self.waits = False

    def judge(self, data, body, other):
        """What the entry reads as; a Fault if it may not stand next."""
        payload, signature = open_frame(data)
        if self.charter is None:
            raise Fault("wrong-epoch")
        size, begins = self.size, self.size == 0 and self.epoch != FIRST
        station, root = self.charter.keys[self.party][1], self.charter.keys[self.party][0]
        signed = lambda key: verify(key, to_be_signed(b"entry", payload), signature)
        next_key = self.keys[size] if self.keys else station if self.epoch == FIRST else self.joins_with or station
        try:
            header = Header(payload)
        except Fault as fault:
            # Nobody is accused of the form of what nobody has signed.
            raise fault if signed(next_key) else Fault("bad-signature") from None
        for holds, name in (
            (header.line == self.charter.line, "wrong-line"),
            (header.party == self.party, "wrong-party"),
            (tuple(header.epoch) == self.epoch, "wrong-epoch"),
        ):
            if not holds:
                raise Fault(name)
        if begins and self.begin(header, other) == "opened":
            next_key = root
        index = header.own[0]
        key = self.keys[index] if index < size else next_key
        named = not begins and header.held[0] < self.named and "head-went-back"
        # Of what joined an epoch that has ended it is not judged: what it names may be what was lost.
        named = named or not (begins and self.is_late) and not other.had(header.held) and "head-never-ours"
        for holds, name in (
            (index <= size, "wrong-place"),
            (signed(key), "bad-signature"),
            (index == size, "fork"),
            (self.granted(header, root), "bad-signature"),
            (header.own[1] == self.roots[size], "fork" if size else "wrong-epoch"),
            (not named, named),
            (header.new is None or header.new[0] > self.serial, "stale-grant"),
            (size > 0 or begins or [header.reads, header.word, header.args] == ["readable", "charter", self.charter.opening], "wrong-epoch"),
            (body_fits(header, body), "wrong-body"),
        ):
            if not holds:
                raise LetGo(name) if self.is_late and name == named else Fault(name)
        return header

    def begin(self, header, other):
        """How index 0 of a later epoch begins its log: one side opens, the other joins (section 5.2)."""
        form = begins_with(header)
        if form == "joined" and other.opening != "opened":
            raise LetGo("joins what nobody here has opened")
        if form is None or form == "opened" and other.opening == "opened":
            raise Fault("wrong-epoch")
        if form == "opened" and self.may_not_open:
            raise Fault(self.may_not_open)
        if form == "opened" and tuple(header.held) != (0, NOTHING):
            raise Fault("wrong-epoch")
        return form

    def granted(self, header, root):
        if header.new is None:
            return True
        serial, keys, by_root, by_new = header.new
        message = to_be_signed(b"key", encode([self.charter.line, header.epoch, serial, keys]))
        return verify(root, message, by_root) and verify(keys[0], message, by_new)

    def take(self, data, body, other):
        try:
            header = self.judge(data, body, other)
        except LetGo as let_go:
            self.left = (self.size, str(let_go))
            return self.verdicts.append("let-go")
        except Fault as fault:
            self.fault = (self.size, str(fault))
            return self.verdicts.append(str(fault))
        form = begins_with(header) if self.size == 0 and self.epoch != FIRST else None
        if self.size == 0:
            keys = self.charter.keys[self.party]
            self.keys = [keys[0] if form == "opened" else self.joins_with or keys[1]]
            self.opening, self.earlier = form or "paired", header.args[-1 if form == "opened" else 1] if form else []
        # What joined and names what is not held here is not read, nor is what follows it.
        self.waits = self.waits or not other.had(header.held)
        self.size, self.named = self.size + 1, header.held[0]
        self.seen.append(header.held[0])
        fresh = header.new[1][0] if header.new else header.args[1][0] if form == "opened" else self.keys[-1]
        self.keys.append(fresh)
        self.serial = header.new[0] if header.new else self.serial
        self.verdicts.append(header.reads)
        return self.counts.update([header.word if header.reads == "readable" else header.reads])

    def had(self, head):
        return head[0] < len(self.roots) and self.roots[head[0]] == head[1]

    def read_to(self):
        return 0 if self.waits else self.size

    def heads(self, epoch):
        """What its index 0 names of an earlier epoch: the heads of both logs."""
        return next((heads for named, *heads in self.earlier if tuple(named) == epoch), [[0, NOTHING]] * 2)


def begins_with(header):
    if (header.reads, header.word) != ("readable", "charter"):
        return None
    return "opened" if opened(header.args) else "joined" if joined(header.args) else None


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


class Line:
    """All logs of one line: two an epoch."""

    def __init__(self, lines, fingerprint=None):
        self.logs, entries, order = {FIRST: [Log(0), Log(1)]}, {}, []
        lines = [json.loads(line) if isinstance(line, str) else line for line in lines]
        if "line" in lines[0] and "end" not in lines[-1]:
            raise ValueError("the export is cut short")
        for one in lines:
            if "index" not in one:
                continue  # what an export says beside the entries
            number, name = one.get("epoch", [0, bytes(8).hex()])
            epoch, body = (number, bytes.fromhex(name)), bytes.fromhex(one["body"]) if one.get("body") else None
            self.logs.setdefault(epoch, [Log(0, epoch), Log(1, epoch)])
            entries.setdefault((epoch, one["party"]), []).append((one["index"], bytes.fromhex(one["bytes"]), body))
            order.append((epoch, one["party"], one["index"]))
        following = {place: in_order(held) for place, held in entries.items()}
        firsts = [following[FIRST, party][0][1] for party in (0, 1) if (FIRST, party) in following]
        charter = find_charter(firsts, fingerprint)
        self.open(order, following)
        for epoch, logs in sorted(self.logs.items()):
            for log in logs:
                log.charter = charter
                log.roots = roots(of_first([data for _, data, _ in following.get((epoch, log.party), ())],
                                           [index for index, _, _ in following.get((epoch, log.party), ())]))
                log.is_late = epoch < self.serving
            # Who opened the epoch stands first in the dump.
            begun = [party for e, party, index in order if e == epoch and index == 0] + [0, 1]
            for log in (logs[begun[0]], logs[1 - begun[0]]):
                log.joins_with = self.key_before(epoch, log.party)
                self.take(log, following)
        for log in (log for _, logs in sorted(self.logs.items()) for log in logs):
            self.join_late(log, following)

    def take(self, log, following):
        for _, data, body in following.get((log.epoch, log.party), ()):
            if log.fault is None and log.left is None:
                log.take(data, body, self.logs[log.epoch][1 - log.party])

    def join_late(self, log, following):
        """What joined an epoch that has ended may be signed by the key of the last log that it names itself, which its author may have
        ended since. It is taken if a charter that closed the epoch names something of its log, and let go before (section 4.6)."""
        if log.fault != (0, "bad-signature") or not FIRST < log.epoch < self.serving:
            return
        key, closing = self.key_named(log, following[log.epoch, log.party][0][1]), self.closing(log.epoch)
        if key is None:
            return
        log.fault, log.joins_with, log.verdicts = None, key, []
        if closing and any(charter.heads(log.epoch)[log.party][0] for charter in closing):
            return self.take(log, following)
        log.left, log.verdicts = (0, "joins under a key that was ended since"), ["let-go"]

    def key_named(self, log, data):
        """The key at the end of the last lower log of its author that an index 0 names, if it joins and that key has signed it."""
        try:
            payload, signature = open_frame(data)
            header = Header(payload)
        except Fault:
            return None
        named = header.args[1] if begins_with(header) == "joined" else []
        sizes = {tuple(epoch): heads[log.party][0] for epoch, *heads in named if tuple(epoch) < log.epoch}
        logs = [(self.logs[epoch][log.party], size) for epoch, size in sizes.items() if size and epoch in self.logs]
        keys = [lower.keys[min(size, lower.size)] for lower, size in logs if lower.size]
        return keys[-1] if keys and verify(keys[-1], to_be_signed(b"entry", payload), signature) else None

    def open(self, order, following):
        """Which epoch is the highest, and which are too far above those that were known when they were opened, or too many of
        their party's (section 4.6)."""
        self.serving, known, opened_by = FIRST, {FIRST}, [0, 0]
        for epoch, party, index in order:
            if epoch in known or index > 0 or not opens(following[epoch, party][0][1]):
                continue
            wrong = "epoch-jump" if epoch[0] > self.serving[0] + 1_000 else "wrong-epoch" if opened_by[party] >= 31 else None
            self.logs[epoch][party].may_not_open = wrong
            if wrong is None:
                opened_by[party] += 1
                known.add(epoch)
                self.serving = max(self.serving, epoch)

    def key_before(self, epoch, party):
        """The station key at the end of a party's log of the last lower epoch in which it has one."""
        below = [logs[party].keys[-1] for e, logs in sorted(self.logs.items()) if e < epoch and logs[party].size > 0]
        return below[-1] if below else None

    def closing(self, epoch, me=None):
        """The logs of the epoch that closed this one: the lowest later one that closes any and of which at least one names something of
        it (section 4.6). Charters whose authors knew nothing of an epoch close it not. `me` denies what another life of its own joined
        and its charter above does not name; who is neither party reads the charters as they stand."""
        for later, (now, _) in sorted(self.closes(me).items()):
            if later > epoch and now and any(head[0] for log in self.logs[later] for head in log.heads(epoch)):
                return self.logs[later]
        return None

    def closes(self, me=None):
        """Of each epoch whether it closes others, and whether that stays so for `me`, who will name all that it holds wherever it has
        yet to write its charter: both its index 0s have to count, by the charters of the next one above that closes any."""
        found, candidates = {}, []
        for epoch, logs in sorted(self.logs.items(), reverse=True):
            # Beyond the first that closes for good nothing decides.
            last = candidates[-1] if candidates and found[candidates[-1]] == (True, True) else None
            upto = [later for later in self.logs if last is None or later <= last]
            late = lambda later: min([COUNTS] + [self.passes(epoch, by, me) for by in upto if by >= later])
            says = lambda later: min(late(later), self.says(later, epoch, me, upto))
            above = next((later for later in candidates if found[later][0]), None)
            now = all(log.size for log in logs) and (above is None or says(above) == COUNTS)
            unknown = [name for later in candidates for name in self.unknown(later, epoch, me)]
            if now:
                upheld = all(self.upheld(me, name, epoch, upto) for name in unknown)
                stays = upheld and all(says(later) == COUNTS for later in candidates)
            else:
                closed = any(found[later] == (True, True) for later in candidates)
                stays = closed and not unknown and all(says(later) == NOT for later in candidates)
            found[epoch] = (now, stays)
            # Nor does what closes nothing for good.
            candidates = [epoch] if now and stays else candidates if stays else [epoch] + candidates
        return found

    def passes(self, epoch, by, me):
        """NOT if the charter of `me` in `by` names nothing of its log of this epoch, which another life of its own then wrote, and both
        index 0s of one below that the two charters of this epoch do not name both: then this one undoes nothing for `me`."""
        ours = self.logs[by][me] if me is not None else None
        if not ours or not ours.size or by <= epoch or ours.heads(epoch)[me][0] or not all(log.size for log in self.logs[epoch]):
            return COUNTS
        whole = [tuple(name) for name, *heads in ours.earlier if FIRST < tuple(name) < epoch and all(size for size, _ in heads)]
        return min([COUNTS] + [self.says(epoch, name, me) for name in whole])

    def upheld(self, me, later, epoch, upto):
        """Whether what another life of `me` wrote in `later` could not undo this epoch: `me` has yet to write there, or a charter of its
        own above, up to the first that closes for good, names both index 0s of this epoch and nothing of its log there."""
        above = [(by, logs[me]) for by, logs in self.logs.items() if by > later and logs[me].size]
        uphold = lambda ours: not ours.heads(later)[me][0] and all(size for size, _ in ours.heads(epoch))
        return not above or any((upto is None or by in upto) and uphold(ours) for by, ours in above)

    def unknown(self, later, epoch, me):
        """What the charters of `later` name between it and `epoch` of which nothing is held, and that could close others."""
        named = {tuple(name) for log in self.logs[later] for name, *_ in log.earlier}
        return [name for name in named if epoch < name < later and name not in self.logs and self.says(later, name, me) != NOT]

    def says(self, later, epoch, me, upto=None):
        """Whether both index 0s of an epoch count by the charters of a later one: of two charters the better holds, of two logs the
        worse."""
        logs = self.logs.get(epoch, [None, None])
        return min(max(self.says_of(author, logs[party], party, epoch, me, upto) for author in self.logs[later])
                   for party in (0, 1))

    def says_of(self, author, log, party, epoch, me, upto):
        if author.size == 0:
            return COUNTS if author.party == me and log and log.size and self.upheld(me, author.epoch, epoch, upto) else OPEN
        head = author.heads(epoch)[party]
        if head[0] == 0:
            return NOT
        if log is None or head[0] > log.size:
            return OPEN
        return COUNTS if log.roots[head[0]] == head[1] else NOT if author.party == party else OPEN

    def stays_closed(self, epoch, me):
        """Whether no other epoch can come to close it: none between, nor one that is named and not held."""
        closes, closer = self.closes(me), self.closing(epoch, me)[0].epoch
        between = [later for later in closes if epoch < later <= closer]
        # What closes none, for good, names nothing that could.
        unknown = [name for later in between if closes[later] != (False, True) for name in self.unknown(later, epoch, me)]
        return all(closes[later][1] for later in between) and not unknown

    def counted(self, epoch, me=None):
        """How far both logs of an epoch count: the whole, or what the charters name that closed it (section 4.6)."""
        closing, logs = self.closing(epoch, me), self.logs[epoch]
        if closing is None:
            return [log.read_to() for log in logs]
        counts = [self.reach(log, closing)[0] for log in logs]
        # What an entry that counts names of the other log counts too.
        for one in (0, 1, 0):
            counts[one] = min(max(counts[one], logs[1 - one].seen[counts[1 - one]]), logs[one].read_to())
        return counts

    def settled(self, epoch):
        """Whether all is held that decides how far an epoch counts, for either side; None if nothing has closed it."""
        closing = self.closing(epoch)
        if closing is None:
            return None
        alike = all(self.closing(epoch, me) is closing and self.stays_closed(epoch, me) for me in (0, 1))
        return alike and all(self.reach(log, closing)[1] for log in self.logs[epoch])

    def reach(self, log, closing):
        """How far a log counts, and whether that is settled: what the other side names, and what its author names beyond that if all
        of it is held. A head that a log has grown past without it is not of this log."""
        by_author, by_other = (closing[party].heads(log.epoch)[log.party] for party in (log.party, 1 - log.party))
        held = lambda head: head[0] <= log.read_to() and log.roots[head[0]] == head[1]
        never = lambda head: head[0] <= log.size and log.roots[head[0]] != head[1]
        beyond = by_author[0] > by_other[0]
        if never(by_other):
            return by_author[0] if held(by_author) else 0, False
        if beyond and held(by_author):
            return by_author[0], True
        may_come = beyond and not never(by_author)
        return min(by_other[0], log.read_to()), held(by_other) and not may_come


def in_order(entries):
    found = []
    for index, data, body in sorted(entries, key=lambda e: e[0]):
        if not found or found[-1][:2] != (index, data):
            found.append((index, data, body))
    return found


def of_first(datas, indexes):
    """One entry an index: the first that came."""
    firsts = {}
    for index, data in zip(indexes, datas):
        firsts.setdefault(index, data)
    return list(firsts.values())


def opens(data):
    try:
        return begins_with(Header(open_frame(data)[0])) == "opened"
    except Fault:
        return False


def read(lines, fingerprint=None):
    """Both logs of the first epoch of a dump."""
    return Line(lines, fingerprint).logs[FIRST]


def main():
    arguments = argparse.ArgumentParser(description="Reads a dump of Counterpart entries; see the head of this file.")
    arguments.add_argument("dump")
    arguments.add_argument("--fingerprint", type=bytes.fromhex)
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    try:
        with open(given.dump, encoding="utf-8") as dump:
            line = Line([line for line in dump if line.strip()], given.fingerprint)
        logs = [log for _, logs in sorted(line.logs.items()) for log in logs]
        ends = [(line.counted(log.epoch)[log.party], line.settled(log.epoch)) for log in logs]
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        print(f"{given.dump} is no dump of entries: {error!r}", file=sys.stderr)
        return 2
    for log, (counts, settled) in zip(logs, ends):
        root, epoch = log.roots[log.size].hex(), [log.epoch[0], log.epoch[1].hex()]
        fault = {"index": log.fault[0], "name": log.fault[1]} if log.fault else None
        left = {"index": log.left[0], "name": log.left[1]} if log.left else None
        types = ", ".join(f"{word} {count}" for word, count in sorted(log.counts.items()))
        found = f"FAULT at {log.fault[0]}: {log.fault[1]}" if fault else f"let go at {log.left[0]}: {log.left[1]}" if left else "no fault"
        told = {"epoch": epoch, "party": log.party, "size": log.size, "root": root, "counts_to": counts,
                "settled": settled, "types": log.counts, "fault": fault, "let_go": left}
        where = f"epoch {epoch[0]}/{epoch[1]} party {log.party}"
        print(json.dumps(told) if given.json else f"{where}: head [{log.size}, {root}]; counts to {counts}; {types}; {found}")
    return 1 if any(log.fault for log in logs) else 0


if __name__ == "__main__":
    sys.exit(main())
