# SPDX-License-Identifier: BSD-2-Clause
"""Killed by SIGKILL at each journal write of a cut-over and of a rollback, and started again.

The points are found by trying: each process is told to die at its next journal write, once before
the write and once after it, until one gets to the end without dying. All of them are in one cut-over,
so each start finds what the one before left.
"""

import re
import signal
import subprocess

from conftest import Journey
from lab import daemons, imap, mailman, mover, sealed
from lab.sealed import wait_for

STEPS_AT_LEAST = 17     # of a cut-over with lists by DNS without gate and canaries
UNDONE_AT_LEAST = 11


def die_everywhere(admin: mover.Mover, verb: str) -> int:
    """Give `verb` until it ends well; how many processes died on the way.

    A process begins with the step that has no `done`: its write 1 is that step's begin, write 2 the
    done. So it dies right after the begin, before the done (the action is complete, and nobody
    knows), and after the done, which is also right before the next begin.
    """
    deaths = stuck = 0
    last = 0
    while True:
        for point in ("after:1", "before:2", "after:2"):
            done = subprocess.run(
                admin.command(verb, environment={"MAILHAUL_DIE_AT": point}),
                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=1200)
            if done.returncode == mover.GOOD:
                return deaths
            assert done.returncode in (137, -signal.SIGKILL), done.stdout + done.stderr
            deaths += 1
        rows = journal_rows(admin)
        stuck = stuck + 1 if rows == last else 0
        last = rows
        assert stuck < 3, "no progress between deaths"


def journal_rows(admin: mover.Mover) -> int:
    """How many marks the journal has."""
    return int(admin.new.run("/usr/bin/python3", "-c",
                             "import sqlite3, sys; print(sqlite3.connect(sys.argv[1])"
                             ".execute('select count(*) from journal').fetchone()[0])",
                             f"{mover.MOVE}/state.db").stdout)


def test_killed_at_each_journal_write_the_end_is_the_same(lab):
    journey = Journey(lab, mover.settings("dns", "refuse", canary=False, budget=3600))
    mailman.install(lab)
    mailman.tell_mta(lab.old, journey.admin)
    mailman.start(lab.old, mailman.OLD)
    posts = mailman.Posts(lab.worlds[0], f"{mailman.POSTED_TO}@example.org", pause=1)
    journey.traffic()
    journey.get_ready()
    mailman.tell_mta(lab.new, journey.admin, "--new")
    deaths = die_everywhere(journey.admin, "cutover")
    print(f"cut-over: {deaths} deaths")
    assert deaths >= 3 * STEPS_AT_LEAST
    assert mailman.running(lab.new) and not mailman.running(lab.old)
    journey.admin.run("watch", "--until-agree")
    journey.settle(seconds=10)
    journey.admin.run("verify")
    assert journey.ledger()["unaccounted"] == 0

    lab.traffic.start(5)
    wait_for(lambda: len(lab.traffic.record()) > 50, 60, "mail for the new side")
    deaths = die_everywhere(journey.admin, "rollback")
    print(f"rollback: {deaths} deaths")
    assert deaths >= 3 * UNDONE_AT_LEAST
    assert daemons.pid(lab.old, "postfix") and not daemons.pid(lab.new, "postfix")
    assert mailman.running(lab.old) and not mailman.running(lab.new)
    accepted = posts.end()
    journey.settle("old", seconds=20)
    mailman.expect_once(lab, accepted)


def sent_by(host: sealed.Host, process: int) -> int:
    """Octets that a process has written until now."""
    return int(re.search(r"wchar: (\d+)", host.sh(f"cat /proc/{process}/io"))[1])


def test_an_agent_that_is_killed_and_a_cable_that_is_pulled_in_mid_transfer(lab):
    journey = Journey(lab, mover.settings())
    journey.admin.run("survey")
    journey.admin.run("prepare")
    for trouble in ("agent", "cable"):
        # so slowly that it is in mid-transfer when the trouble comes
        child = subprocess.Popen(journey.admin.command("seed", "--limit", "200k"),
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                 stdin=subprocess.DEVNULL)
        agent, = wait_for(lambda: daemons.agents(lab.old), 20, "the agent")
        wait_for(lambda: sent_by(lab.old, agent) > 200_000, 20, "it to send")
        if trouble == "agent":
            lab.old.run("kill", "-9", str(agent))
        else:
            sealed.cable(lab.old, False)
        said, _ = child.communicate(timeout=600)
        if trouble == "cable":
            sealed.cable(lab.old, True)
            lab.old.run("ip", "link", "set", "eth0", "up", check=False)
        assert child.returncode == mover.UNREACHED, said
        assert re.search(r"host old|connection", said), said
    journey.admin.run("seed", "--until-small")
    journey.admin.run("verify")
    daemons.start(lab.new, "dovecot")
    assert imap.compare(imap.snapshot(lab.old), imap.snapshot(lab.new)) == []
