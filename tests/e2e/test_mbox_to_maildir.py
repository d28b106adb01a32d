# SPDX-License-Identifier: BSD-2-Clause
"""A user with mbox on the old host has a Maildir on the new one, and no client sees a difference.

The lab's `old` has one such user: INBOX in /var/mail, folders in ~/mail.
"""

import time

import pytest

from conftest import Journey
from lab import audit, daemons, hosts, imap, mover
from lab.sealed import wait_for

USER = "dave"
TO_MAILDIR = "mailboxes: {mbox_to: maildir}\n"
FOLDERS = ("INBOX", "Sent", "Trash", "2023/spring", "2023/autumn", "old mail", "R&APY-mer")


def rest(host):
    # in this order: Dovecot's auth process stays as long as an smtpd is connected to it
    daemons.stop(host, "postfix")
    daemons.stop(host, "dovecot")


def differences(lab, *logins):
    """What an IMAP client sees on both sides: folders, UIDs, flags, dates, octets of each message."""
    old = imap.snapshot(lab.old, *logins)
    daemons.start(lab.new, "postfix")
    daemons.start(lab.new, "dovecot")
    new = imap.snapshot(lab.new, *logins)
    rest(lab.new)
    return told(imap.compare(old, new), old)


def told(found, old):
    """Without what the manual says: the UIDVALIDITY of a folder without a message stands in no
    mbox, so it gets another; no client has anything of it that could be taken for something else."""
    return [one for one in found if one.what not in ("uidvalidity", "uidnext")
            or old[one.login]["folders"][one.folder]["messages"]]


def deliver(lab, count):
    """Mail for the user by old's own Postfix and Dovecot's deliverer."""
    letter = ("From: visitor@one.example.com\nTo: dave@example.org\nSubject: letter {0}\n"
              "Message-ID: <{0}.{1}@one.example.com>\n\nFrom the beginning, a line\n>From quoted\n"
              "\nFrom visitor Mon Mar  2 10:00:00 2026\nstays in the body\n")
    before = lab.old.sh(f"doveadm mailbox status -u {USER} messages INBOX")
    for number in range(count):
        lab.old.run("sendmail", "-f", "visitor@one.example.com", "dave@example.org",
                    stdin=letter.format(number, time.time_ns()))
    wanted = int(before.rpartition("=")[2]) + count
    wait_for(lambda: lab.old.sh(f"doveadm mailbox status -u {USER} messages INBOX").strip()
             .endswith(f"={wanted}"), 30, "delivery on old")


def uids(lab, folder):
    picture = imap.snapshot(lab.old, USER)[USER]["folders"][folder]
    return sorted(int(uid) for uid in picture["messages"])


@pytest.mark.parametrize("lab", [1200], indirect=True)
def test_passes_follow_what_happens_to_the_mbox(lab):
    journey = Journey(lab, mover.settings(canary=False, more=TO_MAILDIR))
    journey.admin.run("survey")
    did = journey.admin.json("prepare")
    assert not did["failed"], did["failed"]
    assert journey.admin.json("prepare")["changes"] == 0
    assert lab.new.sh("ls -d /home/dave/mail/cur /var/mail/dave 2>/dev/null || true").split() == \
        ["/home/dave/mail/cur"]
    journey.admin.run("seed", USER)
    assert differences(lab, USER) == []
    counted = imap.count(imap.snapshot(lab.old, USER))
    assert counted > 40

    # mail, flags, keywords, expunges, new folders and messages that move, between the passes
    deliver(lab, 5)
    imap.set_flag(lab.old, USER, "INBOX", uids(lab, "INBOX")[2], "\\Flagged")
    imap.set_flag(lab.old, USER, "INBOX", uids(lab, "INBOX")[-1], "\\Seen")
    imap.set_flag(lab.old, USER, "Sent", uids(lab, "Sent")[0], "$MDNSent")
    journey.admin.run("seed", USER)
    assert differences(lab, USER) == []

    imap.expunge(lab.old, USER, "INBOX", uids(lab, "INBOX")[1])
    imap.expunge(lab.old, USER, "INBOX", uids(lab, "INBOX")[-1])
    imap.duplicate(lab.old, USER, "Sent", uids(lab, "Sent")[0])
    imap.set_flag(lab.old, USER, "INBOX", uids(lab, "INBOX")[2], "\\Flagged", on=False)
    imap.store(lab.old, USER, "Trash", b"Subject: a\r\n\r\nFrom here\r\n\r\n>From there\r\n",
               "\\Seen \\Answered todo", 1234567890)
    lab.old.run("doveadm", "mailbox", "create", "-u", USER, "2026/spring")
    deliver(lab, 2)
    journey.admin.run("seed", USER)
    assert differences(lab, USER) == []
    lab.old.run("doveadm", "mailbox", "delete", "-u", USER, "-s", "2026/spring")
    journey.admin.run("seed", USER)
    assert differences(lab, USER) == []
    journey.admin.run("verify", "--deep", USER)


def test_such_a_user_is_cut_over_under_traffic_and_comes_back_with_later_mail(lab):
    journey = Journey(lab, mover.settings("dns", "refuse", canary=False, more=TO_MAILDIR))
    before = imap.snapshot(lab.old, USER)
    journey.traffic()
    journey.get_ready()
    journey.admin.run("cutover")
    journey.admin.run("watch", "--until-agree")
    journey.settle(seconds=hosts.TTL_MAIL)
    assert told(imap.compare(before, imap.snapshot(lab.new, USER), later_mail=True), before) == []
    journey.admin.run("verify")

    # by now the new side has taken mail of its own, and a client saved some
    run = lab.traffic.start(rate=40, count=150)
    lab.traffic.wait(60)
    audit.wait_until_quiet([*lab.worlds, lab.new], 90)
    audit.expect_good(lab.audit("new", run))
    imap.store(lab.new, USER, "Sent", b"Subject: saved by a client\r\n\r\nFrom me\r\n", "\\Seen",
               1234567890)
    done = journey.admin.run("rollback")
    assert "brought back" in done.stdout
    audit.expect_good(lab.audit("old", run))
    after = imap.snapshot(lab.old, USER)
    assert imap.compare(before, after, later_mail=True) == []
    saved = [m for m in after[USER]["folders"]["Sent"]["messages"].values()
             if m["date"] == 1234567890 and m["flags"] == ["\\Seen"]]
    assert len(saved) == 1

    # and once more to the new host, where all of it is once
    journey.admin.run("seed", "--until-small")
    journey.admin.run("cutover")
    journey.admin.run("watch", "--until-agree")
    audit.expect_good(lab.audit("new", run))
    journey.admin.run("verify")


@pytest.mark.parametrize("lab", [100], indirect=True)
def test_what_postfix_itself_would_write_to_an_mbox_is_refused(lab):
    lab.old.sh("postconf -e mailbox_command_maps= home_mailbox=")
    journey = Journey(lab, mover.settings(canary=False, more=TO_MAILDIR))
    journey.admin.run("survey")
    did = journey.admin.json("prepare", expect=mover.NO)
    assert any("dave: can't become a Maildir" in line for line in did["failed"]), did["failed"]
