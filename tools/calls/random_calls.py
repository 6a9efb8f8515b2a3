"""Random calls of the API, made from its own document, against two stations of invented organisations on the loopback.

It makes the stations, joins them, asks for a token of an admin, and lets schemathesis call for so many seconds: what the document
allows, and what it does not. The run fails on an answer of 500 or above, on one that is not as the document says, on a station that
ends or panics, and on so few calls that nothing was tried.
"""

import argparse
import json
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# Far below what any machine does: so few mean that nothing was tried.
CALLS_A_SECOND_MIN = 1
# Numbers of a run: the same calls each time, as far as the stations answer alike.
SEED = 20130212


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Station:
    def __init__(self, program, place, sign):
        self.program, self.data = program, place / sign.lower()
        self.desk = f"127.0.0.1:{free_port()}"
        link = f"127.0.0.1:{free_port()}"
        self.run("init", "--name", f"Ministry of {sign}", "--call-sign", sign, "--zone", "UTC", "--listen", link,
                 "--announce", link, "--desk", self.desk)
        self.log = open(place / f"{sign}.log", "w+b")
        self.served = subprocess.Popen([program, "--data", self.data, "serve", "--exercise"], stderr=self.log)

    def run(self, *args):
        command = [self.program, "--data", self.data, "--json", *args]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError(f"{args}: {done.stdout}{done.stderr}")
        return done.stdout

    def until(self, look):
        for _ in range(600):
            try:
                found = look(json.loads(self.run("pairings")), json.loads(self.run("lines")))
                if found:
                    return found
            except (RuntimeError, ValueError):
                pass
            time.sleep(0.1)
        raise RuntimeError(f"{self.data}: not within a minute")

    def said(self):
        self.log.seek(0)
        return self.log.read().decode()


def joined(north, south):
    for station in (north, south):
        station.until(lambda pairings, lines: [True])
    invitation = south.data / "invitation.txt"
    invitation.write_text(json.loads(north.run("invite"))["invitation"])
    south.run("join", invitation)
    digits = [s.until(lambda p, _: p and p[0]["candidates"] and p[0]["candidates"][0]["digits"]) for s in (north, south)]
    if digits[0] != digits[1]:
        raise RuntimeError("the digits differ")
    for station in (south, north):
        station.run("confirm", digits[0])
    for station in (north, south):
        station.until(lambda _, lines: any(line["status"] == "open" for line in lines))
    asked = json.loads(north.run("ask", "Fog at the river mouth", "--from", "minister", "--to", "minister"))
    return asked["entry"]["name"]


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("program", type=pathlib.Path, help="the program counterpart, built")
    words.add_argument("--seconds", type=int, default=60)
    asked = words.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        stations = [Station(asked.program.resolve(), place, sign) for sign in ("Northland", "Southland")]
        try:
            joined(*stations)
            token = json.loads(stations[0].run("token", "add", "Random", "--role", "admin"))["token"]
            calls = random_calls(stations[0], token, asked.seconds, place)
            for station in stations:
                if station.served.poll() is not None:
                    raise RuntimeError(f"a station ended: {station.said()[-2000:]}")
                if "panicked" in station.said():
                    raise RuntimeError(f"a station panicked: {station.said()[-4000:]}")
                station.run("lines")
                station.run("doctor")
        finally:
            for station in stations:
                station.served.send_signal(signal.SIGTERM)
            for station in stations:
                station.served.wait(timeout=20)
    print(f"{calls} random calls, none answered with 500 or above or otherwise than the document says")


def random_calls(station, token, seconds, place):
    report = place / "calls.ndjson"
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", f"http://{station.desk}/api/v1/openapi.json",
            "--header", f"Authorization: Bearer {token}", "--checks", CHECKS, "--max-time", str(seconds),
            "--seed", str(SEED), "--workers", "2", "--request-timeout", "20", "--no-shrink", "--no-color",
            "--generation-database", "none", "--phases", "coverage,fuzzing",
            # Wrong tokens are bounded by the minute, and would end the calls with the right one: the station's own tests send them.
            "--generation-with-security-parameters", "false", "--warnings", "off",
            # Streams end only with their reader, and one that takes a form a line is no JSON: the same tests again.
            "--exclude-path", "/events", "--exclude-path", "/bell", "--exclude-path", "/acts/stream",
            "--report", "ndjson", "--report-ndjson-path", str(report),
        ],
        cwd=place, capture_output=True, text=True, timeout=seconds + 240,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stdout[-12000:].replace(token, "TOKEN") + done.stderr[-2000:].replace(token, "TOKEN"))
    calls = len(re.findall(r'"status_code"', report.read_text())) if report.exists() else 0
    if calls < seconds * CALLS_A_SECOND_MIN:
        raise RuntimeError(f"only {calls} calls: nothing was tried\n{done.stdout[-4000:]}")
    return calls


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, subprocess.TimeoutExpired) as fault:
        sys.exit(f"random calls: {fault}")
