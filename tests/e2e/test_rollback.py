# SPDX-License-Identifier: BSD-2-Clause
"""The way back: after the opening, with mail that the new side has taken."""

import subprocess

from conftest import Journey
from lab import audit, daemons, dns, hosts, imap, mover, probe
from lab.sealed import File, wait_for

TAKEN_BY_NEW = 200
PANEL = "/usr/local/bin/panel"


def test_what_the_new_side_took_is_on_the_old_side_once(lab):
    # by the command that a person has for their provider
    lab.new.push({PANEL: File(mover.PANEL, 0o755)})
    journey = Journey(lab, mover.settings("dns", "refuse", canary=False).replace(
        "dns:\n", f"dns:\n  command: [{PANEL}, {hosts.PRIMARY_V4}, {hosts.TSIG_PATH}, {PANEL}.x]\n"))
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
    assert lab.old.sh("grep -rlc 'Subject: saved by a client' /home/alice/Maildir"
                      " --include='*' --exclude='dovecot*'").count("\n") == 1

    # the old side serves again, and a second rollback has nothing to do
    more = lab.traffic.start(rate=40, count=40)
    lab.traffic.wait(60)
    audit.expect_good(lab.audit("old", more, quiet_seconds=150))
    assert "nothing to take back" in journey.admin.run("rollback").stdout
    # nor has who takes changes of zones back by hand: it would lead the mail to new again
    assert "nothing to take back" in journey.admin.run("dns", "undo").stdout
    assert lab.new.read(f"{PANEL}.x") == b"xx"

    # and the move can be made again, with what went there and back in its place once
    journey.admin.run("seed", "--until-small")
    journey.admin.run("cutover")
    journey.admin.run("watch", "--until-agree")
    assert audit.expect_good(lab.audit("new", run)).sent == TAKEN_BY_NEW
    journey.admin.run("verify")
    own = journey.ledger()
    assert own["unaccounted"] == 0 and own["accepted_new"] >= TAKEN_BY_NEW, own["names"][:5]


def test_a_rollback_from_any_step_leaves_an_old_side_that_serves(lab):
    journey = Journey(lab, mover.settings("dns", "defer", canary=False))
    journey.get_ready()
    before = imap.snapshot(lab.old)
    for step in ("close-new", "freeze", "drain", "stop-old", "gate", "delta", "queue", "switch",
                 "open-smtp"):
        journey.admin.run("cutover", "--until", step)
        journey.admin.run("rollback")
        assert daemons.pid(lab.old, "postfix") and daemons.pid(lab.old, "dovecot"), step
        assert not daemons.pid(lab.new, "postfix"), step
        with probe.Probe(lab.worlds[0], hosts.MAIL_V4, every=0.05) as door:
            wait_for(lambda: any(knock.open for knock in door.knocks), 10, f"the old door after {step}")
    assert imap.compare(before, imap.snapshot(lab.old)) == []
    run = lab.traffic.start(rate=40, count=40)
    lab.traffic.wait(60)
    audit.expect_good(lab.audit("old", run, quiet_seconds=150))


def test_a_second_cutover_after_a_rollback_carries_everything(lab):
    """In two steps: senders are turned away before the freeze, and nobody comes to old after it."""
    settings = mover.in_two_steps(lab.new, mover.settings("dns", "refuse", canary=False))
    ways = [dns.ask(lab.new, hosts.PRIMARY_V4, hosts.MAIL_NAME, "AAAA")]
    journey = Journey(lab, settings)
    journey.traffic()
    journey.get_ready()
    # killed while it waits for the old TTL, it knows the next time from when that counts
    with subprocess.Popen(journey.admin.command("cutover"), stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL) as child:
        said = next((line for line in child.stdout if "a cache may hold the old answer" in line), "")
        child.kill()
    assert said and daemons.pid(lab.old, "postfix")
    journey.admin.run("cutover", "--until", "queue")
    assert journey.admin.json("status")["phase"] == "under way"
    ways.append(dns.ask(lab.new, hosts.PRIMARY_V4, hosts.MAIL_NAME, "AAAA"))
    journey.admin.run("rollback")
    ways.append(dns.ask(lab.new, hosts.PRIMARY_V4, hosts.MAIL_NAME, "AAAA"))
    assert ways == [[(mover.TTL_STEPS, hosts.MAIL_V6)], [(mover.TTL_STEPS, mover.CLOSED_V6)],
                    ways[0]]
    wait_for(lambda: daemons.pid(lab.old, "postfix"), 20, "the old MTA")
    journey.admin.run("seed")
    journey.admin.run("cutover")
    journey.admin.run("watch", "--until-agree")
    journey.settle()
    journey.admin.run("verify")
