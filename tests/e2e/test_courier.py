# SPDX-License-Identifier: BSD-2-Clause
"""Maildirs that Courier served: Dovecot on the new host shows the same UIDs, keywords, UIDLs."""

import json
import re

import pytest

from conftest import Journey
from lab import daemons, imap, mover

USERS = ("alice", "bob", "grace")
INBOX = "/home/bob/Maildir"


def rest(host):
    # in this order: Dovecot's auth process stays as long as an smtpd is connected to it
    daemons.stop(host, "postfix")
    daemons.stop(host, "dovecot")


def shown(lab, *logins):
    """What clients see on new."""
    daemons.start(lab.new, "postfix")
    daemons.start(lab.new, "dovecot")
    picture = imap.snapshot(lab.new, *logins)
    rest(lab.new)
    return picture


def told(found):
    # Courier's list of subscriptions can't tell a dot in a name from the one between two
    return [one for one in found if one.what != "subscription" or "." not in one.folder]


@pytest.fixture(name="journey")
def fixture_journey(lab):
    """Prepared; then Dovecot's files on old give way to Courier's. `before`: what Dovecot showed."""
    journey = Journey(lab, mover.settings(canary=False))
    journey.admin.run("survey")
    journey.admin.run("prepare")
    journey.before = imap.snapshot(lab.old, *USERS)
    rest(lab.old)
    journey.uidls = json.loads(lab.old.python("courier", *USERS))
    assert "dovecot" not in lab.old.sh("ls -a /home/bob/Maildir /home/bob/Maildir/.Sent")
    return journey


@pytest.mark.parametrize("lab", [1500], indirect=True)
def test_dovecot_shows_what_courier_had(lab, journey):
    flags = {flag for box in journey.before.values() for folder in box["folders"].values() if folder
             for message in folder["messages"].values() for flag in message["flags"]}
    assert {"$Forwarded", "todo", "NonJunk"} <= flags
    journey.admin.run("seed", *USERS)
    assert told(imap.compare(journey.before, shown(lab, *USERS))) == []
    journey.admin.run("verify", "--deep", *USERS)
    daemons.start(lab.new, "postfix")
    daemons.start(lab.new, "dovecot")
    for login in USERS:
        said = lab.new.run("doveadm", "fetch", "-u", login, "uid pop3.uidl", "mailbox", "INBOX").stdout
        uidls = dict(re.findall(r"uid: (\d+)\npop3\.uidl: (\S+)", said))
        assert {uid: uidls[uid] for uid in journey.uidls[login]} == journey.uidls[login]
    rest(lab.new)
    again = journey.admin.run("seed", *USERS).stdout
    assert "0 messages copied" in again and " 0 renamed" in again


@pytest.mark.parametrize("lab", [300], indirect=True)
def test_a_later_pass_follows_what_courier_numbered_since(lab, journey):
    lab.old.sh(f"cd {INBOX}/cur && printf 'Subject: a\\n\\na\\n' >1795000001.one:2,S"
               " && printf 'Subject: b\\n\\nb\\n' >1795000002.two:2, && chown bob: *")
    journey.admin.run("seed", "bob")
    # imapd has seen them by now, in its own order, and somebody chose keywords
    lab.old.sh(f"cd {INBOX} && awk 'NR == 1 {{ next_uid = $3; print $1, $2, $3 + 7 }} NR > 1 {{ print }}"
               " END { print next_uid + 5, \"1795000001.one\"; print next_uid + 3, \"1795000002.two\" }'"
               " courierimapuiddb >tmp/u && echo 'no line' >>tmp/u && mv tmp/u courierimapuiddb"
               " && printf 'later\\n$Forwarded\\n' >courierimapkeywords/1795000002.two && chown -R bob: .")
    done = journey.admin.run("seed", "-v", "bob", expect=None)
    assert done.returncode == mover.GOOD, done.stdout
    after = shown(lab, "bob")
    assert told(imap.compare(journey.before | {}, after | {k: v for k, v in journey.before.items()
                                                           if k != "bob"}, later_mail=True)) == []
    inbox = after["bob"]["folders"]["INBOX"]
    following = journey.before["bob"]["folders"]["INBOX"]["uidnext"]
    assert inbox["messages"][str(following + 5)]["flags"] == ["\\Seen"]
    assert inbox["messages"][str(following + 3)]["flags"] == ["$Forwarded", "later"]
    assert inbox["uidnext"] == following + 7
    # removed, a flag set, a keyword taken away
    lab.old.sh(f"cd {INBOX} && rm cur/1795000001.one:2,S && mv cur/1795000002.two:2, cur/1795000002.two:2,FS"
               " && : >courierimapkeywords/1795000002.two")
    journey.admin.run("seed", "bob")
    inbox = shown(lab, "bob")["bob"]["folders"]["INBOX"]
    assert inbox["messages"][str(following + 3)]["flags"] == ["\\Flagged", "\\Seen"]
    assert str(following + 5) not in inbox["messages"]
