# SPDX-License-Identifier: BSD-2-Clause
"""The way back: after the opening, with mail that the new side has taken."""

from conftest import Journey
from lab import audit, daemons, imap, mover
from lab.sealed import wait_for

TAKEN_BY_NEW = 200


def test_what_the_new_side_took_is_on_the_old_side_once(lab):
    journey = Journey(lab, mover.settings("dns", "refuse", canary=False))
    journey.get_ready()
    before = imap.snapshot(lab.old)
    journey.admin.run("cutover")
    # by now the new side serves; after the resolver's TTL all of this goes there
    journey.admin.run("watch", "--until-agree")
    run = lab.traffic.start(rate=40, count=TAKEN_BY_NEW)
    lab.traffic.wait(60)
    audit.wait_until_quiet([*lab.worlds, lab.new], 90)
    assert audit.expect_good(lab.audit("new", run)).sent == TAKEN_BY_NEW
    imap.store(lab.new, "alice", "INBOX", b"Subject: saved by a client\r\n\r\nmine\r\n")

    done = journey.admin.run("rollback")
    assert "brought back" in done.stdout
    assert daemons.pid(lab.old, "postfix") and daemons.pid(lab.old, "dovecot")
    assert not daemons.pid(lab.new, "postfix")
    assert audit.expect_good(lab.audit("old", run)).sent == TAKEN_BY_NEW
    after = imap.snapshot(lab.old)
    assert imap.compare(before, after, later_mail=True) == []
    assert "saved by a client" in lab.old.sh("grep -rl 'saved by a client' /home/alice/Maildir"
                                             " | xargs -r head -1 || true") or True
    assert lab.old.sh("grep -rlc 'Subject: saved by a client' /home/alice/Maildir"
                      " --include='*' --exclude='dovecot*'").count("\n") == 1

    # the old side serves again, and a second rollback has nothing to do
    more = lab.traffic.start(rate=40, count=40)
    lab.traffic.wait(60)
    audit.expect_good(lab.audit("old", more, quiet_seconds=150))
    assert "nothing to take back" in journey.admin.run("rollback").stdout


def test_a_second_cutover_after_a_rollback_carries_everything(lab):
    journey = Journey(lab, mover.settings("dns", "refuse", canary=False))
    journey.traffic(10)
    journey.get_ready()
    journey.admin.run("cutover", "--until", "queue")
    assert journey.admin.json("status")["phase"] == "under way"
    journey.admin.run("rollback")
    wait_for(lambda: daemons.pid(lab.old, "postfix"), 5, "the old MTA")
    journey.admin.run("seed")
    journey.admin.run("cutover")
    journey.admin.run("watch", "--until-agree")
    journey.settle(seconds=20)
    journey.admin.run("verify")
