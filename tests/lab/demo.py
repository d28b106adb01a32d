#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A whole move, watched: `./demo` runs this.

A real mail server changes house while two outside worlds keep sending to it. The last line is
counted from the worlds' own records against the new mailboxes; mailhaul's ledger has no say in it,
but has to agree.
"""

import argparse
import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

if __package__ in (None, ""):
    sys.path[0] = str(Path(__file__).resolve().parents[1])

# pylint: disable=wrong-import-position
from lab import imap, mover
from lab.lab import Lab
from lab.sealed import LabError

TERMINAL = sys.stdout.isatty()
BOLD, DIM, GREEN, RED, END = (("\033[1m", "\033[2m", "\033[32m", "\033[31m", "\033[0m")
                              if TERMINAL else ("",) * 5)


class Stage:
    """Numbered headings with the time, and how long each took."""

    def __init__(self) -> None:
        self.began = self.at = time.monotonic()
        self.number = 0

    def __call__(self, words: str) -> None:
        """The next heading."""
        now = time.monotonic()
        self.number += 1
        self.at = now
        print(f"\n{BOLD}{self.number:2d}  {words}{END}  {DIM}{now - self.began:.0f} s{END}", flush=True)


class Counter(threading.Thread):
    """Says now and then how much mail the worlds have sent, while something else goes on."""

    def __init__(self, lab: Lab):
        super().__init__(daemon=True)
        self.lab, self.ended = lab, threading.Event()

    def run(self) -> None:
        while not self.ended.wait(5):
            print(f"    {DIM}(mail keeps coming: {len(self.lab.traffic.record())} sent so far){END}",
                  flush=True)


def verb(admin: mover.Mover, *words: str, lines: int = 0) -> str:
    """Give one verb and show what it says; at most `lines` lines of it, 0: all."""
    print(f"    {BOLD}# mailhaul {' '.join(words)}{END}", flush=True)
    child = subprocess.Popen(admin.command(*words), stdin=subprocess.DEVNULL, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
    said = []
    assert child.stdout
    for line in child.stdout:
        said.append(line)
        if not lines or len(said) <= lines:
            print(f"    {DIM}│{END} {line.rstrip()}", flush=True)
    if lines and len(said) > lines:
        print(f"    {DIM}│ ... and {len(said) - lines} lines more{END}")
    if child.wait() != mover.GOOD:
        raise LabError(f"mailhaul {' '.join(words)} ended with {child.returncode}: "
                       + "".join(said[-15:]))
    return "".join(said)


def ledger(admin: mover.Mover) -> dict:
    """The sum of mailhaul's own ledger, from its report."""
    verb(admin, "report")
    report = json.loads(admin.new.read(f"{mover.MOVE}/report.json"))
    return [e["whole"] for e in report["evidence"] if e["topic"] == "account"][-1]


def show(lab: Lab, rate: float, linger: float, stage: Stage) -> tuple[str, bool]:
    """The move; the last line, and whether all is well."""
    stage("The lab: an old mail server, a new one, name servers, two outside worlds")
    lab.up()
    print(f"    up, with {lab.letters} letters in the old mailboxes: {lab.timing}")
    admin = mover.Mover(lab.new, mover.settings("dns", "refuse"))

    stage(f"Mail starts to come, {rate:g} messages a second, and will not stop for us")
    lab.traffic.start(rate)
    counter = Counter(lab)
    counter.start()

    stage("Before: what is there, what would be done")
    verb(admin, "survey", lines=30)
    verb(admin, "prepare", lines=20)
    verb(admin, "seed", "--until-small")
    verb(admin, "plan", lines=24)
    verb(admin, "check")

    stage("During: the cut-over")
    said = verb(admin, "cutover")
    window = re.search(r"^window ([0-9.]+) s", said, re.M)

    stage("After: until the last resolver knows")
    verb(admin, "watch", "--until-agree")
    time.sleep(linger)      # life goes on at the new address
    lab.traffic.stop()
    counter.ended.set()
    verb(admin, "verify")

    stage("The count, from the worlds' own records")
    verdict = lab.audit()
    print(verdict.explain())
    differences = imap_difference(lab)
    print(f"    over IMAP: {differences} differences between old and new mailboxes")
    verb(admin, "cutover")      # finished: closes the ledger once more, over all that has come since
    own = ledger(admin)
    print(f"    mailhaul's ledger: {', '.join(f'{k} {v}' for k, v in own.items() if k != 'names')}")
    for name in own["names"][:10]:
        print(f"    {RED}{name}{END}")
    agree = own["unaccounted"] == 0 and own["bounced"] == 0
    return (f"{verdict.line()}, window {window[1] if window else '?'} s",
            verdict.good and agree and not differences)


def imap_difference(lab: Lab) -> int:
    """How many differences an IMAP client sees; mail that came later is none. The old mailboxes are
    shown by a Dovecot that is started for this question alone, behind the fence."""
    from lab import daemons     # pylint: disable=import-outside-toplevel
    uidnexts = imap.numbered(lab.old)
    daemons.start(lab.old, "dovecot")
    found = imap.compare(imap.as_numbered(imap.snapshot(lab.old), uidnexts), imap.snapshot(lab.new),
                         later_mail=True)
    daemons.stop(lab.old, "dovecot")
    for difference in found[:10]:
        print(f"    {RED}{difference}{END}")
    return len(found)


def main() -> int:
    """Show it; exit 0 when nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--rate", type=float, default=40, help="messages a second (default 40)")
    parser.add_argument("--linger", type=float, default=25,
                        help="seconds that mail goes on after the move (default 25)")
    arguments = parser.parse_args()
    stage = Stage()
    lab = Lab("demo")
    try:
        line, good = show(lab, arguments.rate, arguments.linger, stage)
    finally:
        lab.down()
    print(f"\n{GREEN if good else RED}{'Every message is there, once.' if good else 'NOT GOOD'}{END}"
          f"  {DIM}{time.monotonic() - stage.began:.0f} s{END}")
    print(line)
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        sys.exit(f"demo: {error}")
