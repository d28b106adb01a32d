# SPDX-License-Identifier: BSD-2-Clause
"""Mailboxes that only Dovecot reads (sdbox, mdbox): moved by dsync over mailhaul's agents, checked
by mailhaul, and compared here as mail clients see them. None of the two hosts can reach the other's
Dovecot, and none runs on the new host while mail is copied.
"""

import subprocess

import pytest

from lab import daemons, imap, mover
from lab.sealed import wait_for

FORMATS = {"alice": "mdbox", "grace": "sdbox", "bob": "mdbox"}


def give_formats(lab):
    """Turn some mailboxes of old into other formats, by Dovecot itself; the Maildirs go away."""
    for login, form in FORMATS.items():
        lab.old.sh(f"doveadm backup -u {login} {form}:~/{form} && rm -rf ~{login}/Maildir\n"
                   f"echo '{login}:::::::userdb_mail={form}:~/{form}' >>/etc/dovecot/mbox-users")
    # dovecot's passwd-file looks at whole seconds
    lab.old.sh("touch -d yesterday /etc/dovecot/mbox-users; doveadm reload")
    for login, form in FORMATS.items():
        # a reload ends the auth process under the first who ask
        wait_for(lambda who=login, want=form: want in lab.old.run(
            "doveadm", "user", "-f", "mail", who, check=False).stdout, 20, f"{login} as {form}")


def store(lab, login, folder, subject, flags=""):
    """One more message on old."""
    return imap.store(lab.old, login, folder,
                      f"Subject: {subject}\r\nMessage-ID: <{subject}@example.org>\r\n\r\n"
                      f"words of {subject}\r\n".encode(), flags)


@pytest.fixture(name="admin")
def fixture_admin(lab):
    """Old has the formats, and new is prepared."""
    give_formats(lab)
    for login in FORMATS:
        store(lab, login, "INBOX", "keyworded", "$Important work \\Flagged")
        lab.old.sh(f"doveadm mailbox create -u {login} -s Deep Deep/er Deep/er/still"
                   " 'Entwürfe & mehr'")
        store(lab, login, "Deep/er/still", "nested")
    admin = mover.Mover(lab.new, mover.settings("dns", "refuse"))
    admin.run("survey")
    admin.run("prepare")
    return admin


def differences(lab):
    """What clients see on both sides; new's Dovecot runs for this question only."""
    before = imap.snapshot(lab.old, *FORMATS)
    assert imap.count(before) > 60
    daemons.start(lab.new, "postfix")
    daemons.start(lab.new, "dovecot")
    found = imap.compare(before, imap.snapshot(lab.new, *FORMATS))
    daemons.stop(lab.new, "dovecot")
    daemons.stop(lab.new, "postfix")
    return found


def uids(lab, login):
    """The UIDs of an INBOX on old."""
    said = lab.old.sh(f"doveadm -f tab fetch -u {login} uid mailbox INBOX all")
    return [int(word) for word in said.split() if word.isdigit()]


def mail_on(host):
    """Every message of these people as their own Dovecot lists it: what a copy must not change."""
    return "".join(host.sh(f"doveadm -f tab fetch -u {login} 'mailbox-guid uid guid flags"
                           " size.virtual date.received' all") for login in FORMATS)


def test_boxes_of_dovecots_own_formats_are_carried_and_followed(lab, admin):
    counts = {login: imap.count(imap.snapshot(lab.old, login)) for login in FORMATS}
    before = mail_on(lab.old)
    first = admin.json("seed")
    assert first["passes"][0]["copied"] >= sum(counts.values())
    assert mail_on(lab.old) == before
    assert differences(lab) == []
    admin.run("verify", "--deep")

    for login in FORMATS:
        numbers = uids(lab, login)
        store(lab, login, "INBOX", "later", "more \\Seen")
        imap.expunge(lab.old, login, "INBOX", numbers[0])
        imap.set_flag(lab.old, login, "INBOX", numbers[1], "\\Answered")
        imap.set_flag(lab.old, login, "INBOX", numbers[1], "fresh")
        lab.old.sh(f"doveadm mailbox unsubscribe -u {login} Deep\n"
                   f"doveadm mailbox rename -u {login} Deep/er/still Deep/quiet")
    second = admin.json("seed")["passes"][0]
    assert second["copied"] >= len(FORMATS) and second["removed"] >= len(FORMATS)
    assert second["renamed"] >= len(FORMATS)
    assert differences(lab) == []
    third = admin.json("seed")["passes"][0]
    assert (third["copied"], third["renamed"], third["removed"]) == (0, 0, 0)
    admin.run("verify", "--deep")


def test_a_message_that_new_loses_or_changes_is_found(lab, admin):
    admin.run("seed")
    number = uids(lab, "bob")[2]
    daemons.start(lab.new, "postfix")
    daemons.start(lab.new, "dovecot")
    lab.new.sh(f"doveadm expunge -u bob mailbox INBOX uid {number}")
    lab.new.sh("set -- ~grace/sdbox/mailboxes/INBOX/dbox-Mails/u.*; sed -i 's/e/E/' $1")
    said = admin.run("verify", expect=mover.NO).stdout
    assert f"bob INBOX/{number:010}" in said and "missing on the new host" in said
    assert "grace INBOX/" in said and "other octets on the new host" in said


def test_a_message_that_old_can_not_give_is_named(lab, admin):
    lab.old.sh("set -- ~grace/sdbox/mailboxes/INBOX/dbox-Mails/u.*; rm $1")
    said = admin.run("seed", expect=None)
    assert said.returncode != mover.GOOD
    assert "copy grace: fetch(" in said.stdout and "box=INBOX uid=" in said.stdout, said.stdout


def test_mail_that_only_new_has_is_never_destroyed(lab, admin):
    daemons.start(lab.new, "postfix")
    daemons.start(lab.new, "dovecot")
    imap.snapshot(lab.new, "bob")       # looking makes an INBOX with a GUID of its own
    imap.store(lab.new, "alice", "INBOX", b"Subject: early\r\n\r\nmail\r\n")
    said = admin.run("seed", expect=None)
    assert said.returncode != mover.GOOD
    assert "never were on the old one" in said.stdout + said.stderr
    assert imap.count(imap.snapshot(lab.new, "alice")) == 1
    # bob's empty INBOX gives way to old's, with its UIDVALIDITY
    assert imap.compare(imap.snapshot(lab.old, "bob"), imap.snapshot(lab.new, "bob")) == []


def size_of(host, path):
    """Octets below a folder; 0 when it is not there."""
    return int(host.sh(f"du -sb {path} 2>/dev/null | cut -f1 || true").strip() or 0)


def kill(lab, victim):
    """End one of those that copy."""
    if victim == "mailhaul":
        lab.new.sh("kill -9 $(pgrep -x mailhaul)")
    elif victim == "old's agent":
        lab.old.run("kill", "-9", *map(str, daemons.agents(lab.old)))
    else:
        lab.new.sh("kill -9 $(pgrep -x doveadm)")


def test_a_copy_that_is_killed_goes_on_later(lab, admin):
    letter = b"Subject: big\r\n\r\n" + b"0123456789abcdef" * 60 * 1024 + b"\r\n"
    for _ in range(40):
        imap.store(lab.old, "bob", "INBOX", letter)
    for victim in ("mailhaul", "old's agent", "new's dsync"):
        before = size_of(lab.new, "/home/bob/mdbox")
        # so slowly that it is under way when the trouble comes, on a slow machine too
        child = subprocess.Popen(admin.command("seed", "--limit", "1M"), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        wait_for(lambda before=before: size_of(lab.new, "/home/bob/mdbox") > before + 1_000_000, 60,
                 "some of it to arrive")
        kill(lab, victim)
        assert child.wait(600) != mover.GOOD, victim
        child.stdout.close()
        # nothing of it is left running on either host
        for host in (lab.old, lab.new):
            wait_for(lambda host=host: not host.run("pgrep", "-x", "doveadm", check=False).stdout,
                     20, f"doveadm to end on {host.name}")
            assert "mailhaul-bridge" not in host.sh("ls /run /tmp")
    admin.run("seed")
    assert differences(lab) == []
    admin.run("verify")
