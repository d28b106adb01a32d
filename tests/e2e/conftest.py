# SPDX-License-Identifier: BSD-2-Clause
"""The lab for end-to-end tests: tests/lab is a package here, and a failed test keeps its words."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

# pylint: disable=wrong-import-position
from lab import audit, mover, sealed
from lab.lab import Lab
from lab.sealed import wait_for

FAILED = pytest.StashKey[bool]()
# what a host says of itself: file in build/e2e/TEST/HOST, and the command that prints it
HOST_WORDS = {
    "mail.log": "cat /var/log/mail.log",
    "dovecot.log": "cat /var/log/dovecot.log",
    "queue": "postqueue -p",
    "processes": "ps axfww",
}


# Whole moves take a minute or two each, and come first, the longest before the others: else one worker
# still has two of them to do when the others have nothing left.
LONG = ("test_crash", "test_move_mailman3", "test_move_lists", "test_prepare", "test_rollback",
        "test_dovecot_formats_move", "test_mbox_to_maildir", "test_move_spool", "test_move",
        "test_dovecot_formats", "test_looking", "test_move_relay", "test_refusals", "test_soak",
        "test_check", "test_imap", "test_limits", "test_races", "test_courier")


def pytest_collection_modifyitems(items):
    """Without root or a built program there is no lab; each test says so and counts as skipped."""
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))
    why = ("needs root" if os.geteuid() else
           "" if Path(sealed.program()).exists() else "needs a built mailhaul")
    for item in items:
        if why:
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Let the fixture below know whether the test itself has failed."""
    report = (yield).get_result()
    if call.when == "call":
        item.stash[FAILED] = report.failed


@pytest.fixture(name="lab")
def fixture_lab(request):
    """A fresh lab for one test, with fewer letters than the demo has: nobody watches.

    A failed test leaves in build/e2e/TEST what each host says of itself.
    """
    name = f"e2e-{os.getpid()}-{abs(hash(request.node.nodeid)) % 10000}"
    with Lab(name, letters=getattr(request, "param", 800)) as lab:
        yield lab
        if request.node.stash.get(FAILED, False):
            keep_words(lab, Path(sealed.program()).parent / "e2e" / request.node.name)


def keep_words(lab: Lab, folder: Path) -> None:
    """Leave in `folder` what each host of `lab` says of itself, and show the end of each log."""
    for host in (lab.old, lab.new, *lab.worlds):
        place = folder / host.name
        place.mkdir(parents=True, exist_ok=True)
        for name, command in HOST_WORDS.items():
            done = host.run("sh", "-c", command, check=False)
            (place / name).write_text(done.stdout + done.stderr, errors="surrogateescape")
            lines = done.stdout.encode("utf-8", "replace").decode().splitlines()
            if name in ("mail.log", "queue"):
                print(f"--- {host.name}: {name}", *(line[:200] for line in lines[-15:]), sep="\n")


class Journey:
    """One move from the first mail to the last count."""

    def __init__(self, lab: Lab, yaml: str):
        self.lab = lab
        self.admin = mover.Mover(lab.new, yaml)
        self.seeded_at = 0.0

    def get_ready(self) -> None:
        """All that comes before the downtime."""
        self.admin.until_ready()
        self.seeded_at = time.time()    # by now; mailhaul's ledger begins a little earlier

    def traffic(self, rate: float = 5) -> None:
        """Mail begins to come."""
        self.lab.traffic.start(rate)

    def settle(self, final: str = "new", seconds: float = 5, least: int = 0) -> audit.Verdict:
        """A while longer, until so many messages were sent; then the mail ends, and everything is counted;
        it has to be good."""
        time.sleep(seconds)
        wait_for(lambda: len(self.lab.traffic.record()) >= least, 60, f"{least} messages")
        self.lab.traffic.stop()
        return audit.expect_good(self.lab.audit(final))

    def ledger(self) -> dict:
        """The sum of mailhaul's own ledger."""
        self.admin.run("cutover")       # finished: only closes the ledger once more
        report = self.admin.json("report")
        text = self.lab.new.read(report["json"])
        document = json.loads(text)
        return [entry["whole"] for entry in document["evidence"] if entry["topic"] == "account"][-1]
