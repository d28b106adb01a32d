# SPDX-License-Identifier: BSD-2-Clause
"""What a sender meets at the door, ten times a second, as long as a `with` block lasts."""

import json
import threading
from dataclasses import dataclass
from typing import Self

from .sealed import PATIENCE, Host


@dataclass(frozen=True)
class Knock:
    """One attempt."""

    time: float         # seconds since 1970
    seconds: float      # how long it took
    address: str        # which one was tried
    answer: str         # the greeting, or refused, timeout, closed, ...

    @property
    def open(self) -> bool:
        """True when the server has greeted with 2xx."""
        return self.answer.startswith("2")


class Probe:
    """Knocks on `target`:`port` from `host`; a name is looked up anew each time. Who waits for a greeting
    for `patience` seconds in vain says timeout: two show how long a door was shut, and may be too few for
    a busy machine; who asks whether a sender was kept out has a sender's patience."""

    def __init__(self, host: Host, target: str, port: int = 25, every: float = 0.1, patience: float = 2):
        self.knocks: list[Knock] = []
        self._child = host.spawn(*host.python_command("knock", target, str(port), str(every), str(patience)))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._child.stdout:
            if line.startswith("{"):
                self.knocks.append(Knock(**json.loads(line)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def stop(self) -> None:
        """End the knocking; the knocks stay."""
        self._child.terminate()
        self._child.wait()
        self._reader.join(PATIENCE)
        self._child.stdout.close()

    def gaps(self) -> list[tuple[float, float]]:
        """When the door was not open: (from, seconds), counted from the first failed knock to the
        next good one."""
        gaps, since = [], None
        for knock in self.knocks:
            if not knock.open and since is None:
                since = knock.time
            elif knock.open and since is not None:
                gaps.append((since, knock.time + knock.seconds - since))
                since = None
        if since is not None:
            last = self.knocks[-1]
            gaps.append((since, last.time + last.seconds - since))
        return gaps

    def answers(self) -> dict[str, int]:
        """How often each answer came."""
        tally: dict[str, int] = {}
        for knock in self.knocks:
            tally[knock.answer] = tally.get(knock.answer, 0) + 1
        return tally
