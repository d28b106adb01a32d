# SPDX-License-Identifier: BSD-2-Clause
"""Work that goes on in a mailbox (inside/storm.py) while a test does something else."""

import json
import subprocess
from typing import Self

from .sealed import Host, LabError


class Storm:
    """`with Storm(host, login, "flags:Big", "deliver"):` each kind of work goes on until the end,
    and has been done at least once before the beginning. Then `done` says how often."""

    def __init__(self, host: Host, login: str, *kinds: str):
        self.words = f"{login} {' '.join(kinds)} on {host.name}"
        self.done: dict[str, int] = {}
        self.child = subprocess.Popen(
            host.command(*host.python_command("storm", login, *kinds)), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        if self.child.stdout.readline() != "working\n":
            self.stop()
        return self

    def __exit__(self, kind, *_) -> None:
        try:
            self.stop()
        except LabError:
            if kind is None:    # the test's own failure says more
                raise

    def stop(self) -> None:
        """End it, and find out what was done; LabError when some of it could not go on."""
        said, wrong = self.child.communicate(timeout=60)
        if self.child.returncode:
            raise LabError(f"storm of {self.words}: {said}{wrong[-2000:]}")
        self.done = json.loads(said)
