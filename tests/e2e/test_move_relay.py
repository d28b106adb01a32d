# SPDX-License-Identifier: BSD-2-Clause
"""A move with a gate that passes everything through, and keeps nothing: senders wait with their
mail while there is no server, and nobody is refused."""

import re

import pytest

from conftest import Journey
from lab import hosts, mover, probe
from lab.sealed import wait_for
from test_move_spool import (ASK, OLD_ADDRESSES, TROUBLE, be_patient, clients_of_new, log_of,
                             straggle)

# the gate's words while the new server is closed; the only ones that a sender may have heard
WAIT = re.compile(r"status=deferred .*said: 451 4\.4\.1 The server behind can't be reached now")


def heard_outside(lab) -> list[str]:
    """What the worlds' Postfix had to complain of; their sessions with us, and with nobody else."""
    return [line for world in lab.worlds for line in log_of(world).splitlines()
            if TROUBLE.search(line)]


# the answers to EHLO and MAIL at the old address, on one line each
BEGIN = """
import smtplib, sys
with smtplib.SMTP(sys.argv[1], 25, timeout=120) as session:
    print(session.ehlo("asker.example.com")[0])
    code, text = session.mail("a@one.example.com")
    print(code, text.decode())
"""


def begin(lab) -> list[str]:
    """What a sender hears at the old address."""
    return lab.worlds[0].run("/usr/bin/python3", "-c", BEGIN, hosts.MAIL_V4).stdout.splitlines()


def send_elsewhere(world) -> int:
    """What is answered when this world wants to send to another one through the old address."""
    return int(world.run("/usr/bin/python3", "-c", ASK, hosts.MAIL_V4,
                         f"echo@{hosts.WORLD_DOMAINS['world1']}").stdout)


def expect_all_arrived(journey):
    """Each message once; whom the new server saw were the senders."""
    lab = journey.lab
    journey.settle(seconds=1)
    own = journey.ledger()
    assert own["unaccounted"] == 0 and own["bounced"] == 0, own["names"][:10]
    assert own["gate_taken"] == 0
    assert not clients_of_new(lab) & set(OLD_ADDRESSES)


def expect_nothing_left(journey):
    """Neither the gate, nor a way to it, nor the new server's trust in it."""
    lab = journey.lab
    assert not journey.admin.json("gate")["runs"]
    assert "redirect" not in lab.old.run("nft", "list", "ruleset").stdout
    assert lab.new.run("postconf", "-h", "smtpd_authorized_xclient_hosts").stdout.strip() == ""


@pytest.mark.parametrize("lab", (100,), indirect=True)
def test_senders_wait_with_their_mail_and_are_passed_through_once_there_is_a_server(lab):
    # a host that sends to everywhere through the old server
    client = f"127.0.0.0/8 [::1]/128 {hosts.main_address('world2')}"
    lab.old.sh(f"postconf -e 'mynetworks = {client}' && postfix reload 2>/dev/null")
    be_patient(lab)
    journey = Journey(lab, mover.settings("dns", "relay", canary=False))
    journey.traffic()
    journey.get_ready()
    with probe.Probe(lab.worlds[0], hosts.MAIL_V4, every=0.05, patience=60) as door:
        journey.admin.run("cutover", "--until", "prove-still-frozen")
        code, answer = begin(lab)
        assert code == "250" and answer.startswith("451 4.4.1 "), answer
        wait_for(lambda: heard_outside(lab), 60, "a sender to be told so")
        journey.admin.run("cutover")
        late = straggle(lab)
        # the new server has the same networks as the old one had, and sees who it is
        assert [send_elsewhere(world) for world in lab.worlds] == [554, 250]
        expect_all_arrived(journey)
        # who came while there was no server has kept its mail, and has heard nothing else than that
        heard = heard_outside(lab)
        assert heard and [line for line in heard if not WAIT.search(line)] == []
        assert journey.admin.json("gate")["relayed"] > 0
        assert re.search(rf"{late}: client=\w[^ ]*\[{hosts.main_address('world1')}\]",
                         log_of(lab.new))
        journey.admin.run("rollback")
        assert begin(lab)[1].startswith("250 "), "the old server is there again"
    assert not {knock.answer for knock in door.knocks if not knock.open}
    expect_nothing_left(journey)
