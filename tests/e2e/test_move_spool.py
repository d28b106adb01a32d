# SPDX-License-Identifier: BSD-2-Clause
"""Whole moves with a gate that takes the mail: no sender is refused, none has to wait."""

import contextlib
import re
import threading

import pytest

from conftest import Journey
from lab import hosts, mailman, mover, probe
from lab.sealed import wait_for

MOVED = "|".join(map(re.escape, hosts.DOMAINS))
# what a sender writes of a server that refuses, or keeps it waiting
TROUBLE = re.compile(rf"to=<[^>]*@(?:{MOVED})>.*status=(?!sent)|refused|timed out|lost connection")
OLD_ADDRESSES = (hosts.MAIL_V4, hosts.MANAGEMENT_V4, hosts.MAIL_V6, hosts.MANAGEMENT_V6)


def log_of(host) -> str:
    """What its Postfix wrote."""
    return host.read("/var/log/mail.log").decode("utf-8", "replace")


def trouble_outside(lab) -> list[str]:
    """What the worlds' Postfix had to complain of."""
    return [f"{world.name}: {line}" for world in lab.worlds
            for line in log_of(world).splitlines() if TROUBLE.search(line)]


def clients_of_new(lab) -> set[str]:
    """Whom the new Postfix took for its clients."""
    return set(re.findall(r"smtpd\[\d+\]: \w+: client=[^\[]*\[([^\]]+)\]",
                          log_of(lab.new)))


def be_patient(lab):
    """Senders wait for an answer as long as Postfix's own do: on a busy machine seconds pass between the
    move of an address and the opening, and the lab's wait for few."""
    for world in lab.worlds:
        world.sh("postconf -X $(postconf -n | grep -o '^smtp_[a-z_]*_timeout') && postfix reload 2>/dev/null")


# somebody whose resolver has the old answer still; prints what he was answered at the end
STRAGGLE = """
import smtplib, sys
with smtplib.SMTP(sys.argv[1], 25, timeout=120) as session:
    session.ehlo("late.one.example.com")
    session.mail("late@one.example.com")
    session.rcpt("alice@example.org")
    print(session.data("Subject: late\\n\\nby the old address\\n")[1].decode())
"""


# somebody whose session is open when the address moves; prints what he was answered at the end
SLOW = """
import os, smtplib, sys, time
with smtplib.SMTP(sys.argv[1], 25, timeout=120) as session:
    session.ehlo("slow.one.example.com")
    open("/run/slow-is-in", "w").close()
    while not os.path.exists("/run/slow-goes-on"):
        time.sleep(0.05)
    session.mail("slow@one.example.com")
    session.rcpt("alice@example.org")
    print(session.data("Subject: slow\\n\\nin the same session\\n")[0])
"""


@contextlib.contextmanager
def slow_sender(lab):
    """One who is in when the block begins, and goes on when the gate lets nobody new in."""
    world = lab.worlds[0]
    child = world.spawn("/usr/bin/python3", "-c", SLOW, hosts.MAIL_V4)
    wait_for(lambda: not world.run("test", "-e", "/run/slow-is-in", check=False).returncode, 60, "the session")

    def go_on() -> None:
        wait_for(lambda: re.search(r"set hushed \{[^{}]*elements = \{[^}]*\b25025\b",
                                   lab.old.run("nft", "list", "ruleset").stdout), 60, "the gate to be hushed")
        world.sh("touch /run/slow-goes-on")
    thread = threading.Thread(target=go_on)
    thread.start()
    yield
    thread.join()
    assert child.wait(60) == 0 and child.stdout.read().strip() == "250"


def straggle(lab) -> str:
    """Send one message to the old address; the id that it has in the new queue."""
    said = lab.worlds[0].run("/usr/bin/python3", "-c", STRAGGLE, hosts.MAIL_V4).stdout
    return re.search(r"queued as (\w+)", said)[1]


def with_lists(lab, journey) -> mailman.Posts:
    """Mailing lists on both, and somebody who writes to one of them all the time."""
    mailman.install(lab)
    mailman.tell_mta(lab.old, journey.admin)
    mailman.start(lab.old, mailman.OLD)
    return mailman.Posts(lab.worlds[1], f"{mailman.POSTED_TO}@example.org")


@pytest.mark.parametrize("switch", ("dns", "address"))
def test_no_sender_is_refused_and_none_has_to_wait(lab, switch):
    be_patient(lab)
    journey = Journey(lab, mover.settings(switch, "spool"))
    posts = with_lists(lab, journey) if switch == "dns" else None
    journey.traffic()
    journey.get_ready()
    if posts:
        mailman.tell_mta(lab.new, journey.admin, "--new")
    with probe.Probe(lab.worlds[0], hosts.MAIL_V4, every=0.05, patience=60) as door:
        journey.admin.run("cutover", "--until", "prove-still-frozen")
        with slow_sender(lab) if switch == "address" else contextlib.nullcontext():
            journey.admin.run("cutover")
    after = journey.admin.json("gate")
    if switch == "dns":
        assert after["mode"] == "relay" and after["waiting"] == 0 and after["held"] == 0
        journey.admin.run("watch", "--until-agree")
        late = straggle(lab)
        accepted = posts.end()
    else:
        assert not after["runs"]
    journey.settle()
    if posts:
        mailman.expect_once(lab, accepted)
    assert trouble_outside(lab) == []
    # while the address has moved and the new server is not there yet, a first packet is lost, and
    # sent again after a second or two
    assert not {knock.answer for knock in door.knocks if not knock.open}

    own = journey.ledger()
    assert own["unaccounted"] == 0 and own["bounced"] == 0, own["names"][:10]
    assert own["gate_taken"] == own["gate_given"] > 0 == own["gate_waiting"] == own["gate_held"]
    # it is the senders whom the new server sees, not the gate
    clients = clients_of_new(lab)
    assert {hosts.main_address(world.name) for world in lab.worlds} & clients
    assert not clients & set(OLD_ADDRESSES), clients

    if switch == "dns":
        assert journey.admin.json("gate")["relayed"] > 0
        assert re.search(rf"{late}: client=\w[^ ]*\[{hosts.main_address('world1')}\]", log_of(lab.new))
        journey.admin.run("gate", "--end")
    assert not journey.admin.json("gate")["runs"]
    assert "redirect" not in lab.old.run("nft", "list", "ruleset").stdout
    assert lab.new.run("postconf", "-h", "smtpd_authorized_xclient_hosts").stdout.strip() == ""


# what the door answers to each recipient, on one line each
ASK = """
import smtplib, sys
with smtplib.SMTP(sys.argv[1], 25, timeout=120) as session:
    session.ehlo("asker.example.com")
    session.mail("a@one.example.com")
    for recipient in sys.argv[2:]:
        print(session.rcpt(recipient)[0])
"""


def answers(lab, *recipients: str) -> list[int]:
    """Codes that a world hears for these recipients at the old address."""
    return [int(line) for line in lab.worlds[0].run(
        "/usr/bin/python3", "-c", ASK, hosts.MAIL_V4, *recipients).stdout.split()]


def test_on_the_way_back_the_old_server_gets_what_the_gate_took(lab):
    journey = Journey(lab, mover.settings("dns", "spool", canary=False))
    journey.traffic()
    journey.get_ready()
    with probe.Probe(lab.worlds[0], hosts.MAIL_V4, every=0.05, patience=60) as door:
        asked = ("alice@example.org", "ALICE+lists@example.org", "postmaster", "info@example.net",
                 "mallory@example.net", "nobody.there@example.org", "nobody.there@example.net",
                 "somebody@two.example.com")
        as_before = answers(lab, *asked)
        journey.admin.run("cutover", "--until", "prove-still-frozen")
        # the gate knows whom the old server knew, and is no relay either
        *ours, foreign = answers(lab, *asked)
        assert ours == as_before[:-1] and set(ours) == {250, 550}
        assert foreign == 554
        wait_for(lambda: journey.admin.json("gate")["waiting"] > 20, 20, "mail for the gate")
        journey.admin.run("rollback")
    assert not {knock.answer for knock in door.knocks if not knock.open}
    assert not journey.admin.json("gate")["runs"]
    journey.settle("old")
    assert trouble_outside(lab) == []
    assert "mailhaul" not in lab.old.run("nft", "list", "ruleset").stdout
