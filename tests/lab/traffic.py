# SPDX-License-Identifier: BSD-2-Clause
"""Mail that keeps coming while a server moves: one source in each world, and its record."""

import json
import time
from dataclasses import dataclass

from . import hosts
from .sealed import Host, LabError, wait_for

_FOLDER = "/srv/traffic"
_PID = "/run/traffic.pid"


@dataclass(frozen=True)
class Sent:
    """One transaction that a world's Postfix has accepted from its source."""

    token: str
    sender: str
    recipients: tuple[str, ...]
    octets: int
    accepted: float         # seconds since 1970


class Traffic:
    """Traffic of both worlds.  Several runs may follow one another; each has tokens of its own."""

    def __init__(self, worlds: list[Host]):
        self.worlds = worlds

    def start(self, rate: float = 20, count: int = 0, seconds: float = 0) -> str:
        """Start both sources: `rate` messages a second in all, until `count` messages in all, or
        `seconds`, or stop().  Returns the name of the run, with which all its tokens begin."""
        if self.running():
            raise LabError("traffic runs already")
        run = f"t{time.time_ns() // 1_000_000:x}"
        for number, world in enumerate(self.worlds):
            share = (count + number) // len(self.worlds)
            domain = hosts.WORLD_DOMAINS[world.name]
            command = " ".join(world.python_command(
                "send", run, domain, str(rate / len(self.worlds)), str(share), str(seconds),
                f"{_FOLDER}/{run}", _PID))
            # its own session and no open ends: it outlives whoever started it
            world.sh(f"mkdir -p {_FOLDER}; :>{_FOLDER}/{run}\n"
                     f"setsid {command} </dev/null >>/var/log/traffic.log 2>&1 &\n"
                     # it has begun, or it has failed
                     f"while [ ! -e {_PID} ] && kill -0 $!; do sleep 0.02; done")
        return run

    def running(self) -> bool:
        """True while a source still sends."""
        # unlinked at an orderly end; after a crash the number is no process any more
        return any(world.run("sh", "-c", f"kill -0 $(cat {_PID})", check=False).returncode == 0
                   for world in self.worlds)

    def stop(self, seconds: float = 30) -> None:
        """Have both sources end after the message in hand, and wait for that."""
        for world in self.worlds:
            world.run("sh", "-c", f"kill $(cat {_PID})", check=False)
        self.wait(seconds)

    def wait(self, seconds: float) -> None:
        """Wait until the sources have ended by themselves (count or time)."""
        wait_for(lambda: not self.running(), seconds, "the traffic sources to end")

    def record(self, run: str = "") -> list[Sent]:
        """All that was accepted in this run, or in all runs."""
        sent = []
        for world in self.worlds:
            lines = world.sh(f"cat {_FOLDER}/{run or '*'} 2>/dev/null || true").splitlines()
            for line in lines:
                entry = json.loads(line)
                entry["recipients"] = tuple(entry["recipients"])
                sent.append(Sent(**entry))
        return sorted(sent, key=lambda entry: entry.accepted)
