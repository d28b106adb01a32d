# SPDX-License-Identifier: BSD-2-Clause
"""A server's mailboxes are copied while mail comes in by Postfix and clients work in Dovecot, and the
copies are killed: mailhaul itself, the agent on old, the agent on new, at any moment."""

import json
import os
import random
import subprocess
import time

from lab import audit, daemons, hosts, imap, mover, people
from lab.sealed import LabError, wait_for
from lab.storm import Storm

LOGINS = [person.login for person in people.PEOPLE if not person.system]
WORDS = ("mailhaul", "--json", "copy", f"root@{hosts.MANAGEMENT_V4}:/srv/vmail", "/srv/vmail")
KILLS = 9       # three of each; in a pass that is under way
# where it runs, and what finds it there; each prints a process id or nothing
VICTIMS = {"mailhaul": ("new", "pgrep -x mailhaul"), "old's agent": ("old", "pgrep -f '[.]mailhaul/agent-'"),
           "new's agent": ("new", "pgrep -x mailhaul-agent")}


def one_kill(lab, victim: str, chance: random.Random) -> int:
    """One pass, and a kill in it; its exit code (GOOD: it came to its end before)."""
    child = subprocess.Popen(lab.new.command(*WORDS), stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    side, find = VICTIMS[victim]
    host = lab.old if side == "old" else lab.new
    wait_for(lambda: child.poll() is not None or host.run("sh", "-c", find, check=False).stdout, 30,
             victim)
    time.sleep(chance.random() / 2)     # any moment is a good one
    host.run("sh", "-c", f"for pid in $({find}); do kill -9 $pid; done", check=False)
    return child.wait(600)


def test_copies_that_are_killed_under_mail_and_clients_end_exact(lab):
    seed = int(os.environ.get("KILL_SEED") or time.time_ns() % 1_000_000)
    print(f"KILL_SEED={seed}")
    chance = random.Random(seed)
    admin = mover.Mover(lab.new, mover.settings())
    admin.run("survey")
    admin.run("prepare")        # accounts and Dovecot's settings; the copies are `mailhaul copy`
    lab.traffic.start(rate=40)
    kills, rounds, began = 0, 0, time.monotonic()
    with Storm(lab.old, "niaj@example.net", "deliver", "flags", "expunge", "append") as storm, \
            Storm(lab.old, "walter@example.net", "move:Trash", "copy", "deliver"):
        while kills < KILLS:
            rounds += 1
            victim = list(VICTIMS)[kills % len(VICTIMS)]
            ended = one_kill(lab, victim, chance)
            # killed itself, or without one of its agents; GOOD: at its end before the kill
            assert ended in (mover.GOOD, mover.UNREACHED, 137, -9), (victim, ended)
            kills += ended != mover.GOOD
            if rounds > 300:
                raise LabError(f"{kills} kills in {rounds} passes")
    lab.traffic.stop()
    print(f"{kills} kills in {rounds} passes, {time.monotonic() - began:.1f} s; {storm.done}")
    audit.wait_until_quiet([*lab.worlds, lab.old], 60)

    before = imap.snapshot(lab.old, *LOGINS)
    for _ in range(5):
        said = json.loads(lab.new.run(*WORDS, seconds=120).stdout)
        assert said["failed"] == 0 and said["extra"] == [], said
        if not said["created"] + said["renamed"] + said["removed"] + said["files"]:
            break
    assert said["unchanged"] == said["messages"] > 100
    daemons.start(lab.new, "dovecot")
    assert imap.compare(before, imap.snapshot(lab.new, *LOGINS)) == []
    assert not lab.new.sh("find /srv/vmail -path '*/tmp/*' -type f")    # nothing half is left
