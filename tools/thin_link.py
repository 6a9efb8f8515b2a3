#!/usr/bin/env python3
"""A thin link between two network namespaces, for a kernel without netem: thin_link.py NAMESPACE NAMESPACE

Makes a tun device in each, 10.99.0.1 and 10.99.0.2, and carries packets between them as netem's `delay 300ms loss 5% rate 64kbit`
would, each way for itself: a packet is lost with the given chance, else it leaves at
max(now + delay, when the one before it left) + its length / rate. At most 1,000 packets wait. Commands on standard input, one
a line: `thin DELAY_SECONDS LOSS BITS_A_SECOND`, `clean`, `count`, each answered by packets, bytes and lost packets so far, each way; and `echo THERE
BACK`, which sends a UDP packet of so many IP bytes from the first namespace and one back, and answers how many microseconds that
took, or `lost`. The end of standard input ends it. Needs root.
"""

import collections
import ctypes
import fcntl
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN_WITHOUT_HEADER = 0x1001
WAITING_MAX = 1000
HEADERS = 28
ECHO_PORT = 7
ECHO_SECONDS_MAX = 3.0


class Way:
    """One direction: what waits, and what went."""

    def __init__(self):
        self.waiting = collections.deque()
        self.last = 0.0
        self.packets = self.bytes = self.lost = 0


def enter(namespace):
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{namespace}") as file:
        if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def device(namespace, address):
    enter(namespace)
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"thin", IFF_TUN_WITHOUT_HEADER))
    for command in (
        "ip link set lo up",
        f"ip addr add {address}/30 dev thin",
        "ip link set thin mtu 1500 up",
    ):
        subprocess.run(command.split(), check=True)
    echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    echo.bind((address, ECHO_PORT))
    return tun, echo


def main():
    made = [device(name, f"10.99.0.{side + 1}") for side, name in enumerate(sys.argv[1:3])]
    devices, (near, far) = [tun for tun, _ in made], [echo for _, echo in made]
    asked, back = None, 0
    ways = [Way(), Way()]
    delay, loss, rate = 0.0, 0.0, 0.0
    print("up", flush=True)
    while True:
        now = time.monotonic()
        due = min((way.waiting[0][0] for way in ways if way.waiting), default=now + 1)
        ready, _, _ = select.select([*devices, near, far, sys.stdin], [], [], max(0.0, due - now))
        if far in ready:
            far.sendto(bytes(back - HEADERS), far.recvfrom(2048)[1])
        if near in ready:
            near.recv(2048)
            if asked is not None:
                print(int((time.monotonic() - asked) * 1e6), flush=True)
            asked = None
        if asked is not None and time.monotonic() - asked > ECHO_SECONDS_MAX:
            print("lost", flush=True)
            asked = None
        if sys.stdin in ready:
            words = sys.stdin.readline().split()
            if not words:
                return
            if words[0] == "echo":
                asked, back = time.monotonic(), int(words[2])
                near.sendto(bytes(int(words[1]) - HEADERS), ("10.99.0.2", ECHO_PORT))
                continue
            if words[0] == "thin":
                delay, loss, rate = (float(word) for word in words[1:4])
            elif words[0] == "clean":
                delay, loss, rate = 0.0, 0.0, 0.0
            print(*(f"{way.packets} {way.bytes} {way.lost}" for way in ways), flush=True)
        now = time.monotonic()
        for side, way in enumerate(ways):
            while way.waiting and way.waiting[0][0] <= now:
                try:
                    os.write(devices[1 - side], way.waiting.popleft()[1])
                except OSError:
                    pass
            if devices[side] in ready:
                take(devices[side], way, now, delay, loss, rate)


def take(tun, way, now, delay, loss, rate):
    """Reads what has come, and says when each of it is to leave."""
    while True:
        try:
            packet = os.read(tun, 2048)
        except BlockingIOError:
            return
        if packet[0] >> 4 != 4:
            continue
        way.packets += 1
        way.bytes += len(packet)
        if random.random() < loss or len(way.waiting) >= WAITING_MAX:
            way.lost += 1
            continue
        leaves = max(now + delay, way.last) + (len(packet) * 8 / rate if rate else 0.0)
        way.last = leaves
        way.waiting.append((leaves, packet))


main()
