#!/usr/bin/env python3
"""The second reader against docs/vectors. Start: venv/bin/python tools/reader/test_reader.py (the venv of reader.py's head)."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import cbor2

import form
import proofs
import reader

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "vectors"
DUMP = VECTORS / "line" / "line.jsonl"
LINES = [json.loads(line) for line in DUMP.read_text().splitlines()]
WHOLE = json.loads((VECTORS / "line" / "line.json").read_text())
EPOCH_LINES = [json.loads(line) for line in (VECTORS / "line" / "epochs.jsonl").read_text().splitlines()]
EPOCHS = json.loads((VECTORS / "line" / "epochs.json").read_text())
CLOSINGS = json.loads((VECTORS / "line" / "closings.json").read_text())
EPOCH_CASES = json.loads((VECTORS / "line" / "epoch_cases.json").read_text())
CASES = json.loads((VECTORS / "line" / "cases.json").read_text())


def judge(logs, one, data, body=None):
    """The verdict on other bytes in the place of an entry; both logs are as they were before it."""
    log, other = logs[one["party"]], logs[1 - one["party"]]
    try:
        return log.judge(data, body, other).reads
    except form.Fault as fault:
        return str(fault)


def stepped():
    """Each entry of the line with the logs as they were before it."""
    whole = reader.read(LINES)
    logs = [reader.Log(0), reader.Log(1)]
    for log, full in zip(logs, whole):
        log.charter, log.roots = full.charter, full.roots
    for one in LINES:
        data, body = bytes.fromhex(one["bytes"]), bytes.fromhex(one.get("body", "")) or None
        yield logs, one, data, body
        logs[one["party"]].take(data, body, logs[1 - one["party"]])
        assert logs[one["party"]].fault is None


class Signatures(unittest.TestCase):
    def test_every_signature_is_judged_as_it_says(self):
        vectors = json.loads((VECTORS / "signatures.json").read_text())
        for v in vectors:
            public, message, signature = (bytes.fromhex(v[k]) for k in ("public", "message", "signature"))
            self.assertEqual(form.verify(public, message, signature), v["valid"], v["name"])
        self.assertEqual(len(vectors), 48)

    def test_every_key_is_judged_as_it_says(self):
        vectors = json.loads((VECTORS / "public_keys.json").read_text())
        for v in vectors:
            self.assertEqual(form.is_key(bytes.fromhex(v["public"])), v["valid"], v["name"])
        self.assertGreater(len(vectors), 10)

    def test_every_frame_is_opened_and_what_was_signed_is_found(self):
        vectors = json.loads((VECTORS / "sign1.json").read_text())
        for v in vectors:
            payload, _ = form.open_frame(bytes.fromhex(v["sealed"]))
            self.assertEqual(payload.hex(), v["payload"])
            purpose = v["aad"].split("/")[1].encode()
            self.assertEqual(form.to_be_signed(purpose, payload).hex(), v["to_be_signed"])
        self.assertGreater(len(vectors), 5)


class Proofs(unittest.TestCase):
    FILE = json.loads((VECTORS / "proofs.json").read_text())
    LEAVES = [proofs.leaf_hash(bytes.fromhex(content)) for content in FILE["leaves"]]

    def test_every_root_and_every_sound_proof_is_made_again_from_the_leaves(self):
        for size, told in enumerate(self.FILE["roots"]):
            self.assertEqual(proofs.root(self.LEAVES[:size]).hex(), told)
        for case in filter(lambda case: case["valid"], self.FILE["inclusion"]):
            made = proofs.path(case["index"], self.LEAVES[:case["size"]])
            self.assertEqual([hash.hex() for hash in made], case["proof"])
        for case in filter(lambda case: case["valid"], self.FILE["consistency"]):
            made = proofs.grown(case["first"], self.LEAVES[:case["second"]])
            self.assertEqual([hash.hex() for hash in made], case["proof"])

    def test_every_proof_shows_what_it_is_said_to_and_no_spoilt_one_does(self):
        valid = 0
        for case in self.FILE["inclusion"]:
            proof = [bytes.fromhex(hash) for hash in case["proof"]]
            leaf, whole = bytes.fromhex(case["leaf"]), bytes.fromhex(case["root"])
            self.assertEqual(proofs.included(case["index"], case["size"], leaf, whole, proof), case["valid"], case)
            valid += case["valid"]
        for case in self.FILE["consistency"]:
            proof = [bytes.fromhex(hash) for hash in case["proof"]]
            first, second = bytes.fromhex(case["first_root"]), bytes.fromhex(case["second_root"])
            shown = proofs.consistent(case["first"], first, case["second"], second, proof)
            self.assertEqual(shown, case["valid"], case)
            valid += case["valid"]
        self.assertEqual((len(self.FILE["inclusion"] + self.FILE["consistency"]), valid), (196, 141))


class Cbor(unittest.TestCase):
    def test_every_kind_is_read_back_and_another_library_reads_the_same(self):
        for value in (0, 23, 24, 255, 256, 2**16, 2**32, 2**64 - 1, -1, -(2**64), b"", b"x" * 300, "день", True, False, None,
                      [[[[[[[0]]]]]]], list(range(1_024))):
            data = form.encode(value)
            self.assertEqual(form.decode(data), value)
            self.assertEqual(cbor2.loads(data), value)
        pairs = form.Map([(24, 0), (1, 0), ("x", 0), (True, 0), (-1, 0), (b"", 0)])
        self.assertEqual([k for k, _ in form.decode(form.encode(pairs))], [1, 24, -1, b"", "x", True])

    def test_other_forms_are_refused(self):
        for data in ("1801", "190001", "5f40ff", "9fff", "bfff", "a202000100", "a201000100", "f93c00", "c100", "f7", "f814", "61",
                     "61ff", "0000", "9affffffff", "", "81" * 8 + "00", "81" * 100, "ff", "1c", "fb7ff0000000000000",
                     "c249010000000000000000"):
            with self.assertRaises(ValueError, msg=data):
                form.decode(bytes.fromhex(data))


class Line(unittest.TestCase):
    def test_the_line_is_read_whole_in_any_order_of_its_logs(self):
        for lines in (LINES, LINES[::-1], LINES + LINES):
            logs = reader.read(lines, bytes.fromhex(WHOLE["charter"]["fingerprint"]))
            self.assertEqual([(log.fault, log.size) for log in logs], [(None, 8), (None, 8)])
        self.assertEqual(logs[0].counts, {"charter": 1, "ask": 1, "received": 5, "accept": 1})
        self.assertEqual(logs[1].counts["offer"], 1)

    def test_leaves_roots_and_notations_are_those_of_the_vectors(self):
        logs = reader.read(LINES)
        for one in WHOLE["entries"]:
            data = bytes.fromhex(one["bytes"])
            self.assertEqual(reader.hashlib.sha256(b"\0" + data).hexdigest(), one["leaf"])
            self.assertEqual(logs[one["party"]].roots[one["index"] + 1].hex(), one["root"])
            payload = form.open_frame(data)[0]
            self.assertEqual(dict(form.decode(payload)), cbor2.loads(payload))
        self.assertEqual(reader.hashlib.sha256(bytes.fromhex(WHOLE["charter"]["bytes"])).hexdigest(), WHOLE["charter"]["fingerprint"])

    def test_another_fingerprint_opens_nothing(self):
        self.assertEqual([log.fault for log in reader.read(LINES, bytes(32))], [(0, "wrong-epoch")] * 2)

    def test_every_case_is_judged_as_it_says(self):
        counted = {"counts": "readable", "void": "readable"}
        for case in CASES:
            party = case["entries"][0]["party"]
            logs = reader.read(LINES[:case["after"]] + case["entries"])
            expected = [counted.get(e["expect"], e["expect"]) for e in case["entries"]]
            self.assertEqual(logs[party].verdicts[-len(expected):], expected, case["name"])
            self.assertIsNone(logs[1 - party].fault, case["name"])
        halting = {"bad-signature", "not-canonical", "wrong-line", "wrong-party", "wrong-epoch", "wrong-place", "head-went-back",
                   "head-never-ours", "fork", "stale-grant"}
        self.assertLessEqual(halting | {"unknown", "void", "malformed", "counts"}, {e["expect"] for c in CASES for e in c["entries"]})

    def test_every_single_bit_changed_is_found(self):
        tried = 0
        for logs, one, data, body in stepped():
            for bit in range(len(data) * 8):
                changed = bytearray(data)
                changed[bit // 8] ^= 1 << bit % 8
                self.assertNotIn(judge(logs, one, bytes(changed), body), ("readable", "malformed", "unknown"), (one["index"], bit))
                tried += 1
            for bit in range(len(body or b"") * 8):
                changed = bytearray(body)
                changed[bit // 8] ^= 1 << bit % 8
                self.assertEqual(judge(logs, one, data, bytes(changed)), "wrong-body")
        self.assertGreater(tried, 30_000)

    def test_a_body_that_nobody_named_is_found(self):
        lines = [dict(LINES[0], body="00")] + LINES[1:]
        self.assertEqual(reader.read(lines)[0].fault, (0, "wrong-body"))

    def test_a_changed_bit_in_a_dump_is_named_where_it_stands(self):
        lines = [dict(line) for line in LINES]
        bytes_ = lines[6]["bytes"]
        lines[6]["bytes"] = bytes_[:-1] + "%x" % (int(bytes_[-1], 16) ^ 1)
        logs = reader.read(lines)
        self.assertEqual(logs[lines[6]["party"]].fault, (lines[6]["index"], "bad-signature"))


class Epochs(unittest.TestCase):
    def test_the_dump_of_several_epochs_is_read_whole_and_its_heads_and_ends_are_those_of_the_vectors(self):
        line = reader.Line(EPOCH_LINES, bytes.fromhex(WHOLE["charter"]["fingerprint"]))
        self.assertEqual(len(line.logs), len(EPOCHS["epochs"]))
        for told in EPOCHS["epochs"]:
            epoch = (told["epoch"][0], bytes.fromhex(told["epoch"][1]))
            logs = line.logs[epoch]
            self.assertEqual([(log.fault, log.left) for log in logs], [(None, None)] * 2)
            self.assertEqual([[log.size, log.roots[log.size].hex()] for log in logs], told["heads"])
            self.assertEqual(line.counted(epoch), told["counts"])

    def test_what_opens_and_what_joins_is_told_apart_and_names_the_heads_before_it(self):
        line = reader.Line(EPOCH_LINES)
        forms = {(tuple(e["epoch"]), e["party"]): e["form"] for e in EPOCHS["entries"] if e["index"] == 0}
        for epoch, logs in line.logs.items():
            for log in logs:
                self.assertEqual(log.opening, forms[(epoch[0], epoch[1].hex()), log.party])
        later = [log for epoch, logs in line.logs.items() for log in logs if epoch != reader.FIRST]
        self.assertEqual(sorted(log.opening for log in later), ["joined", "joined", "opened", "opened"])
        self.assertTrue(all(log.heads(reader.FIRST)[0][0] == 8 for log in later))

    def test_every_case_of_an_epoch_is_judged_as_it_says(self):
        counted = {"counts": "readable", "void": "readable"}
        for case in EPOCH_CASES:
            one, before = case["entry"], EPOCH_LINES[:case["after"]]
            line = reader.Line(before + [one])
            log = line.logs[one["epoch"][0], bytes.fromhex(one["epoch"][1])][one["party"]]
            held = one["expect"] == "held"
            found = None if held and log.fault is None else log.verdicts[-1]
            self.assertEqual(found, None if held else counted.get(one["expect"], one["expect"]), case["name"])
        names = {"bad-signature", "wrong-epoch", "epoch-jump", "fork", "head-never-ours", "let-go", "counts", "void", "held"}
        self.assertEqual(names, {case["entry"]["expect"] for case in EPOCH_CASES})

    def test_an_ended_epoch_counts_as_far_as_the_charters_that_close_it_say(self):
        for case in CLOSINGS:
            line = reader.Line(EPOCH_LINES[:case["after"]] + case["entries"], bytes.fromhex(WHOLE["charter"]["fingerprint"]))
            epoch = (case["epoch"][0], bytes.fromhex(case["epoch"][1]))
            self.assertEqual([log.fault for logs in line.logs.values() for log in logs], [None] * 2 * len(line.logs), case["name"])
            self.assertEqual((line.counted(epoch), line.settled(epoch)), (case["counts"], case["settled"]), case["name"])
            denied = case["denied"] or {"party": None, "counts": case["counts"]}
            for me in (0, 1):
                counts = denied["counts"] if me == denied["party"] else case["counts"]
                self.assertEqual(line.counted(epoch, me), counts, (case["name"], me))
        self.assertEqual({case["settled"] for case in CLOSINGS}, {True, False, None})

    def test_what_joins_under_a_key_that_was_ended_since_is_let_go_until_a_charter_names_it(self):
        case = next(case for case in CLOSINGS if case["name"] == "joined-under-a-key-that-its-author-has-ended-since")
        opened, *closing, joined = case["entries"]
        epoch = (case["epoch"][0], bytes.fromhex(case["epoch"][1]))
        for charters, expected in (([closing[0]], (0, ["let-go"])), (closing, (1, ["readable"]))):
            log = reader.Line(EPOCH_LINES[:case["after"]] + [opened, *charters, joined]).logs[epoch][joined["party"]]
            self.assertEqual((log.size, log.verdicts, log.fault), (*expected, None))

    def test_every_single_bit_changed_in_what_begins_an_epoch_is_found(self):
        tried = 0
        for at, one in enumerate(EPOCH_LINES):
            if one["epoch"][0] == 0 or one["index"] > 0:
                continue
            epoch, data = (one["epoch"][0], bytes.fromhex(one["epoch"][1])), bytes.fromhex(one["bytes"])
            begun = reader.Line(EPOCH_LINES[:at + 1]).logs[epoch]
            full, log = begun[one["party"]], reader.Log(one["party"], epoch)
            log.charter, log.roots, log.joins_with = full.charter, full.roots, full.joins_with
            self.assertEqual(log.judge(data, None, begun[1 - log.party]).reads, "readable")
            for bit in range(len(data) * 8):
                changed = bytearray(data)
                changed[bit // 8] ^= 1 << bit % 8
                with self.assertRaises(form.Fault, msg=(at, bit)):
                    log.judge(bytes(changed), None, begun[1 - log.party])
                tried += 1
        self.assertGreater(tried, 8_000)


# Where `./test` has the crash test leave what its two stations hold.
CRASH = os.environ.get("COUNTERPART_CRASH_ENTRIES")


@unittest.skipUnless(CRASH, "COUNTERPART_CRASH_ENTRIES names no place where a crash test left its entries")
class Crash(unittest.TestCase):
    def test_what_both_stations_hold_after_all_kills_is_whole_and_alike(self):
        lines = [[json.loads(line) for line in open(pathlib.Path(CRASH) / f"{name}.jsonl")] for name in ("north", "south")]
        north, south = ([{**one, "body": one.get("body")} for one in side if "index" in one] for side in lines)
        self.assertEqual(north, south)
        self.assertEqual([(side[0]["me"], side[-1]["end"]["entries"]) for side in lines], [(0, len(north)), (1, len(north))])
        self.assertEqual([one for side in lines for one in side if "misconduct" in one or "changed" in one], [])
        logs = reader.Line(lines[0], bytes.fromhex(lines[1][0]["fingerprint"])).logs[reader.FIRST]
        self.assertEqual([(log.fault, log.left) for log in logs], [(None, None)] * 2)
        self.assertEqual(sum(log.size for log in logs), len(north))
        counts = logs[0].counts + logs[1].counts
        for word in ("text", "ask", "seen", "offer", "answer", "withdraw", "lapse", "alerting"):
            self.assertGreater(counts[word], 0, word)


class Command(unittest.TestCase):
    def run_on(self, *arguments):
        command = [sys.executable, str(pathlib.Path(reader.__file__)), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def test_it_says_what_it_found_and_exits_by_it(self):
        good = self.run_on(DUMP, "--json", "--fingerprint", WHOLE["charter"]["fingerprint"])
        self.assertEqual(good.returncode, 0, good.stderr)
        self.assertEqual([json.loads(line)["size"] for line in good.stdout.splitlines()], [8, 8])
        self.assertEqual(self.run_on(DUMP, "--fingerprint", "00" * 32).returncode, 1)
        epochs = self.run_on(VECTORS / "line" / "epochs.jsonl", "--json")
        self.assertEqual(epochs.returncode, 0, epochs.stderr)
        self.assertEqual([json.loads(line)["epoch"][0] for line in epochs.stdout.splitlines()], [0, 0, 1, 1, 2, 2])
        self.assertEqual(self.run_on(VECTORS / "signatures.json").returncode, 2)
        self.assertEqual(self.run_on(VECTORS / "nowhere").returncode, 2)

    def test_an_export_is_read_and_one_that_is_cut_short_is_none(self):
        head, breach = '{"line":"00","me":0,"charter":"","fingerprint":""}\n', '{"misconduct":"fork","at":"","detail":"","bytes":""}\n'
        for end, exit in (('{"end":{"entries":16,"misconduct":1,"shown":0}}\n', 0), ("", 2)):
            with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as export:
                export.write(head + DUMP.read_text() + breach + end)
                export.flush()
                self.assertEqual(self.run_on(export.name).returncode, exit)


class Specification(unittest.TestCase):
    def test_the_cddl_of_the_text_and_of_the_file_are_the_same(self):
        docs = VECTORS.parent
        blocks = [rest.split("```")[0] for rest in (docs / "protocol.md").read_text().split("```cddl\n")[1:]]
        head, _, rest = (docs / "protocol.cddl").read_text().partition("\n\n")
        self.assertTrue(head.startswith(";"))
        self.assertEqual(rest, "\n".join(blocks))


if __name__ == "__main__":
    unittest.main()
