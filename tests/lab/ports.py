# SPDX-License-Identifier: BSD-2-Clause
"""Ports of this machine's loopback for programs that a test starts itself.

A port that the kernel has just given out and taken back can be given to any client a moment later. These lie
below those that it gives out, and none is told twice as long as its first holder lives.
"""

import itertools
import os
import socket
from pathlib import Path

_HELD: list[socket.socket] = []     # a name in the abstract namespace ends with its process
_LEAST = 12000


def _first_of_the_kernel() -> int:
    return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])


def free_port() -> int:
    """One that nobody has, and nobody else gets from here while this process lives."""
    most = _first_of_the_kernel()
    start = os.getpid() * 37 % (most - _LEAST)
    for number in itertools.chain(range(start, most - _LEAST), range(start)):
        port = _LEAST + number
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0mailhaul-test-port-{port}")
            with socket.socket() as trial:
                trial.bind(("127.0.0.1", port))
        except OSError:
            name.close()
            continue
        _HELD.append(name)
        return port
    raise OSError("no port is free")
