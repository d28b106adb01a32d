# SPDX-License-Identifier: BSD-2-Clause
"""Work that goes on in a mailbox (inside/storm.py) while a test does something else."""

import json
import subprocess
import time
from collections.abc import Callable
from typing import Self

from .sealed import PATIENCE, Host, LabError

GUARD = 4 * PATIENCE        # seconds in which all that is waited for has come about, or never will


class Storm:
    """`with Storm(host, login, "flags:Big", "deliver"):` each kind of work goes on until the end,
    and has been done at least once before the beginning. `done` says how often, by these words, as
    look() has found it last."""

    def __init__(self, host: Host, login: str, *kinds: str):
        self.words = f"{login} {' '.join(kinds)} on {host.name}"
        self.done: dict[str, int] = {}
        self.child = subprocess.Popen(
            host.command(*host.python_command("storm", login, *kinds)), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        self._hear()
        return self

    def look(self) -> dict[str, int]:
        """How often each kind of work has been done by now; LabError when one can not go on."""
        try:
            self.child.stdin.write("\n")
            self.child.stdin.flush()
        except OSError:
            self.stop()     # which says why
        self._hear()
        return self.done

    def beside(self, work: Callable[[], None], least: int, times: int = 3,
               enough: Callable[[], bool] = lambda: True) -> None:
        """Do `work` again and again: so often at least, and until each kind of work has been done
        `times` times beside it, and until it is `enough`. None of that depends on how fast anything
        is; what never comes about is a LabError."""
        before, end = dict(self.look()), time.monotonic() + GUARD
        while True:
            work()
            least -= 1
            meanwhile = {kind: n - before[kind] for kind, n in self.look().items()}
            if least <= 0 and min(meanwhile.values()) >= times and enough():
                return
            if time.monotonic() > end:
                raise LabError(f"storm of {self.words}: not enough has come about: {meanwhile}")

    def _hear(self) -> None:
        line = self.child.stdout.readline()
        if not line or self.child.poll() is not None:
            self.stop()
            raise LabError(f"storm of {self.words}: it has ended: {line}")
        self.done = json.loads(line)

    def __exit__(self, kind, *_) -> None:
        try:
            self.stop()
        except LabError:
            if kind is None:    # the test's own failure says more
                raise

    def stop(self) -> None:
        """End it, and find out what was done; LabError when some of it could not go on."""
        said, wrong = self.child.communicate(timeout=GUARD)
        if self.child.returncode:
            raise LabError(f"storm of {self.words}: {said}{wrong[-2000:]}")
        self.done = json.loads(said)
