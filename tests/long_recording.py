#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Recordings of any length in which the same things are alive all the time.

Usage: long_recording.py RECORDING KIND ROUNDS: write one, KIND being kmt, perf or umt; 8192 things are alive, and each round
frees and takes again each.
       long_recording.py --memory COMMAND...: run it, and print its exit status and the most KiB that it had in memory.
"""
import os
import struct
import sys

ALIVE = 4096  # objects, and as many pages


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def zigzag(n):
    return varint(n * 2 if n >= 0 else -n * 2 - 1)


def section(tag, payload):
    return tag + struct.pack("<Q", len(payload)) + payload


def block(nr, columns):
    return section(b"EVTS", varint(nr) + b"".join(varint(len(c)) for c in columns) + b"".join(columns))


# Descriptors: kmalloc, kfree, mm_page_alloc, mm_page_free. An event is descriptor, ref, address.
def kmt_block(events):
    return block(len(events), [varint(1000) * len(events), varint(0) * len(events),
                               b"".join(varint(e[0]) for e in events), varint(0) * len(events),
                               b"".join(varint(e[1]) for e in events),
                               b"".join(zigzag(e[2]) for e in events if e[1] == 0)])


def kmt(rounds):
    def once(back):
        return kmt_block([e for i in range(ALIVE) for e in ((1, back(i), 0), (0, 1, 0), (3, back(i), 0), (2, 1, 0))])

    descs = b"".join(bytes([t, 0, 0, 0]) + varint(size) * 2 + varint(3264) + zigzag(-1) + bytes(4)
                     for t, size in ((1, 64), (2, 0), (5, 0), (6, 0)))
    first = [e for i in range(ALIVE) for e in ((0, 0, 8 if i else 0x40000), (2, 0, 1 if i else 0x10000))]
    names = varint(1) + varint(0)
    return (b"KMTRACE1" + section(b"META", b'{"name":"long","cpus":1}') + section(b"SITE", names) + section(b"CACH", names)
            + section(b"TASK", varint(1) + varint(0) * 2) + section(b"DESC", varint(4) + descs) + kmt_block(first)
            + once(lambda i: ALIVE + i) + once(lambda i: 2 * ALIVE - 1) * (rounds - 1) + section(b"END.", b""))


def perf(rounds):
    lines = []

    def add(event):
        lines.append(f"s 1 [000] {len(lines) / 1e6:.6f}: kmem:{event}\n")

    def take(i):
        add(f"kmalloc: call_site=f+0x1 ptr={0xffff888000200000 + 64 * i:#x} bytes_req=64 bytes_alloc=64 gfp_flags=GFP_KERNEL")
        add(f"mm_page_alloc: page={0x10000 + i:#x} pfn={0x10000 + i:#x} order=0 migratetype=1 gfp_flags=GFP_HIGHUSER_MOVABLE")

    for i in range(ALIVE):
        take(i)
    for i in range(ALIVE * rounds):
        add(f"kfree: call_site=f+0x1 ptr={0xffff888000200000 + 64 * (i % ALIVE):#x}")
        add(f"mm_page_free: page={0x10000 + i % ALIVE:#x} pfn={0x10000 + i % ALIVE:#x} order=0")
        take(i % ALIVE)
    return "".join(lines).encode()


# An event is operation, ref, size: 1 malloc, 2 free.
def umt_block(events):
    return block(len(events), [varint(1000) * len(events), b"".join(varint(8 + e[0]) for e in events),
                               b"".join(varint(e[1]) for e in events if e[0] == 2),
                               b"".join(varint(e[2]) for e in events if e[0] == 1), b""])


def umt(rounds):
    alive = 2 * ALIVE
    again = umt_block([e for i in range(alive) for e in ((2, alive + 1, 0), (1, 0, 100 + i % 64))])
    return (b"UMTRACE1" + section(b"META", b'{"name":"long","threads":1}')
            + umt_block([(1, 0, 100 + i % 64) for i in range(alive)]) + again * rounds + section(b"END.", b""))


def memory(command):
    pid = os.fork()
    if pid == 0:
        os.dup2(2, 1)
        os.execvp(command[0], command)
    _, status, usage = os.wait4(pid, 0)
    print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)


if sys.argv[1] == "--memory":
    memory(sys.argv[2:])
else:
    with open(sys.argv[1], "wb") as out:
        out.write({"kmt": kmt, "perf": perf, "umt": umt}[sys.argv[2]](int(sys.argv[3])))
