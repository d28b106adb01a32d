# SPDX-License-Identifier: BSD-2-Clause
"""Whole moves under traffic: every way to close and to switch. Counted by the outside worlds."""

import re
import subprocess
import threading

import pytest

from conftest import Journey
from lab import daemons, dns, hosts, imap, mover, sealed, trouble
from lab.sealed import wait_for


def imap_differences(lab):
    """What an IMAP client sees on both sides; old's Dovecot runs for this question only."""
    uidnexts = imap.numbered(lab.old)
    daemons.start(lab.old, "dovecot")
    found = imap.compare(imap.as_numbered(imap.snapshot(lab.old), uidnexts), imap.snapshot(lab.new),
                         later_mail=True)
    daemons.stop(lab.old, "dovecot")
    return found


def check_ledger(journey, verdict):
    """mailhaul's own account closes, and says of bounces what the worlds say."""
    own = journey.ledger()
    assert own["unaccounted"] == 0, own["names"][:10]
    assert own["bounced"] == len(verdict.bounced) == 0
    # all that the worlds sent since the first copy began came in on one of the two sides
    since = len([sent for sent in journey.lab.traffic.record() if sent.accepted > journey.seeded_at])
    assert own["accepted_old"] + own["accepted_new"] >= since > 0


@pytest.mark.parametrize("switch, close", [("address", "refuse"), ("dns", "defer")])
def test_a_server_moves_under_traffic_and_nothing_is_lost(lab, switch, close):
    journey = Journey(lab, mover.settings(switch, close))
    queued = trouble.fill_queue(lab.old)
    journey.traffic()
    journey.get_ready()
    done = journey.admin.run("cutover")
    assert float(re.search(r"^window ([0-9.]+) s", done.stdout, re.M)[1]) > 0
    if switch == "dns":
        journey.admin.run("watch", "--until-agree")
    verdict = journey.settle(seconds=5 if switch == "address" else hosts.TTL_MAIL, least=201)
    assert verdict.sent > 200
    assert imap_differences(lab) == []
    journey.admin.run("verify")
    check_ledger(journey, verdict)
    # what waited in the old queue waits in the new one, and what was on hold still is
    waiting = lab.new.run("postqueue", "-p").stdout
    assert "alice@example.org" in waiting and len(queued) == 2


def change_by_hand(lab, old, new):
    """What a person does at the provider's panel, when told to; which offers no TTL below 3 s."""
    for before, after, kind in zip(old, new, ("A", "AAAA")):
        dns.update(lab.new, f"update delete {hosts.MAIL_NAME} {kind} {before}",
                   f"update add {hosts.MAIL_NAME} 3 {kind} {after}")


def test_by_hand_mailhaul_says_what_to_change_and_watches(lab):
    """In two steps: each is asked for, and the second no sooner than nobody can come to old."""
    journey = Journey(lab, mover.in_two_steps(
        lab.new, mover.settings("manual", "refuse", canary=False)))
    journey.traffic()
    journey.get_ready()
    child = subprocess.Popen(journey.admin.command("cutover"), stdout=subprocess.PIPE, text=True,
                             stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    said = []
    reader = threading.Thread(target=lambda: said.extend(child.stdout), daemon=True)
    reader.start()
    places = [(hosts.MAIL_V4, hosts.MAIL_V6), (mover.CLOSED_V4, mover.CLOSED_V6),
              (hosts.NEW_V4, hosts.NEW_V6)]
    for old, new in zip(places, places[1:]):
        told = f"from {old[1]} to {new[1]}"
        wait_for(lambda: child.poll() is not None or told in "".join(said), 300, told)  # pylint: disable=cell-var-from-loop
        assert child.poll() is None, "".join(said)
        change_by_hand(lab, old, new)
    assert child.wait(600) == mover.GOOD, "".join(said)
    reader.join(60)
    words = "".join(said)
    assert words.index("a cache may hold the old answer until") < words.index("freeze  ") < \
        words.index(f"to {hosts.NEW_V6}"), words
    verdict = journey.settle()
    assert imap_differences(lab) == []
    check_ledger(journey, verdict)


def test_an_old_server_that_is_only_a_disk_moves_too(lab):
    journey = Journey(lab, mover.settings("dns", "refuse", old=f"folder:{mover.FOLDER}"))
    before = imap.snapshot(lab.old)
    trouble.fill_queue(lab.old)
    journey.traffic()
    wait_for(lambda: len(lab.traffic.record()) > 60, 30, "some mail to arrive")
    # The old machine goes from the net, comes to rest and is switched off; its disk is what is left.
    # (One that loses its power in the middle of a delivery has that mail in a mailbox and in the queue
    # both, and Postfix itself would deliver it twice.) No session is cut off: a sender that never
    # hears the 250 to its last octet sends again (RFC 1047), and nobody can know that it did.
    lab.old.sh("nft add table inet quiet; nft 'add chain inet quiet in "
               "{ type filter hook input priority 0; }'; nft add rule inet quiet in "
               "tcp dport 25 tcp flags '& (fin|syn|rst|ack) == syn' drop")
    wait_for(lambda: not lab.old.run("ss", "-Htn", "state", "established", "sport", "=",
                                     ":25").stdout.strip(), 60, "the sessions to end")
    sealed.cable(lab.old, False)
    # a file without the x bit is one that never came to its end: its client has a cut cable
    busy = "find /var/spool/postfix/{incoming,active,maildrop} -type f -perm -0100 | wc -l"
    wait_for(lambda: lab.old.run("bash", "-c", busy).stdout.strip() == "0", 60, "rest")
    daemons.stop(lab.old, "postfix")
    daemons.stop(lab.old, "dovecot")
    trouble.take_folder(lab.old, lab.new, mover.FOLDER)
    journey.get_ready()
    journey.admin.run("cutover")
    journey.admin.run("watch", "--until-agree")
    verdict = journey.settle(seconds=hosts.TTL_MAIL, least=101)
    assert verdict.sent > 100
    assert imap.compare(before, imap.snapshot(lab.new), later_mail=True) == []
