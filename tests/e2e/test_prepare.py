# SPDX-License-Identifier: BSD-2-Clause
"""`mailhaul prepare`: the new host answers as the old one does, nothing else is touched, and a second
run has nothing to do.
"""

import json
import uuid

import pytest

import rehearsals
import rehearsed_cutover
from conftest import Journey
from lab import daemons, imap, mover, people, trouble
from lab.sealed import wait_for

# What prepare may change, and what it must not: owner, mode, and bytes of every file.
LOOK = ("find /etc /home /srv /usr/local/bin /var/mail /root -xdev \\( -name '*.mailhaul' -o -name"
        " '*-' \\) -prune -o -printf '%p %M %U:%G %l ' -type f -exec sha256sum {} + -o -printf"
        " '\\n' 2>/dev/null | sort")

SEND = """
import smtplib, ssl, sys
how, user, word, sender, recipient = sys.argv[1:]
context = ssl.create_default_context(cafile="/etc/ssl/mail/ca.pem")
context.check_hostname = False
if how == "smtp":
    session = smtplib.SMTP("127.0.0.1", 25, timeout=120)
elif how == "submission":
    session = smtplib.SMTP("127.0.0.1", 587, timeout=120)
    session.starttls(context=context)
else:
    session = smtplib.SMTP_SSL("127.0.0.1", 465, timeout=120, context=context)
if user:
    session.login(user, word)
session.sendmail(sender, [recipient], sys.stdin.read())
session.quit()
"""


def send(host, recipient, subject, how="smtp", person=None, word=None, check=True):
    """Hand one message to `host`, from inside it; returns what the client said."""
    user = person.login if person else ""
    word = word or (person.password if person else "")
    letter = f"From: visitor@one.example.com\nTo: {recipient}\nSubject: {subject}\n\nhello\n"
    return host.run("/usr/bin/python3", "-c", SEND, how, user, word, "visitor@one.example.com",
                    recipient, stdin=letter, check=check)


def places(host, token):
    """Files of `host` that hold the token, apart from queue and logs."""
    found = host.run("grep", "-rlF", "--exclude=dovecot*", "--exclude=*.log", token, "/home",
                     "/srv", "/var/mail", check=False)
    return sorted(found.stdout.split())


def file_of(place):
    """Where a message for a place of people.expand() is on disk: the beginning of its path."""
    if place == f"pipe:{people.INTAKE}":
        return people.INTAKE + "/"
    person = people.BY_ADDRESS[place]
    return f"/var/mail/{person.login}" if person.mbox else person.home + "/"


def arrives(lab, recipient, subject="a letter", **more):
    """Send to `recipient` on new and wait for one copy in each place that it leads to."""
    token = uuid.uuid4().hex
    send(lab.new, recipient, f"{subject} {token}", **more)
    wanted = people.expand(recipient)
    inside = sorted(file_of(place) for place in wanted if not place.startswith("outside:"))

    def all_there():
        found = places(lab.new, token)
        return len(found) == len(inside) and all(
            any(path.startswith(start) for path in found) for start in inside)

    wait_for(all_there, 30, f"{recipient} to arrive in {inside}: {places(lab.new, token)}")
    outside = [place for place in wanted if place.startswith("outside:")]
    if outside:
        wait_for(lambda: sum(len(places(world, token)) for world in lab.worlds) == len(outside), 30,
                 f"{recipient} to arrive at {outside}")
    return places(lab.new, token)


@pytest.fixture(name="journey")
def fixture_journey(lab):
    journey = Journey(lab, mover.settings(canary=False))
    journey.admin.run("survey")
    return journey


def serve(host):
    daemons.start(host, "postfix")
    daemons.start(host, "dovecot")


def rest(host):
    # in this order: Dovecot's auth process stays as long as an smtpd is connected to it
    daemons.stop(host, "postfix")
    daemons.stop(host, "dovecot")


@pytest.mark.parametrize("lab", [100], indirect=True)
def test_after_prepare_the_new_host_answers_as_the_old_one_and_again_changes_nothing(lab, journey):
    old_before, new_before = lab.old.sh(LOOK), lab.new.sh(LOOK)
    would = journey.admin.json("prepare", "--dry-run")
    assert would["changes"] > 50 and lab.new.sh(LOOK) == new_before
    assert daemons.pid(lab.new, "postfix") and daemons.pid(lab.new, "dovecot")

    did = journey.admin.json("prepare")
    assert not did["failed"], did["failed"]
    assert lab.old.sh(LOOK) == old_before
    assert not daemons.pid(lab.new, "postfix") and not daemons.pid(lab.new, "dovecot")
    said = json.dumps(did)
    assert not any(person.hash in said or person.password in said for person in people.PEOPLE)
    # what a program is for can't be known: a person is told
    assert any("/usr/local/bin/intake" in line for line in did["left"])

    prepared = lab.new.sh(LOOK)
    again = journey.admin.json("prepare")
    assert again["changes"] == 0 and not again["failed"], again
    assert lab.new.sh(LOOK) == prepared
    assert "\n0 changes" in journey.admin.run("prepare").stdout

    serve(lab.new)
    numbers_are_right(lab)
    people_log_in(lab)
    rest(lab.new)
    # people's own scripts and .forward files travel with their mail
    journey.admin.run("seed", "--until-small")
    rehearsed_cutover.everything(lab, journey.admin)
    serve(lab.new)
    mail_arrives(lab)
    submission_works(lab)

    # mail that has come since is none of prepare's business
    rest(lab.new)
    after = journey.admin.json("prepare")
    assert after["changes"] == 0 and not after["failed"], after
    rehearsals.everything(lab, journey.admin)


def numbers_are_right(lab):
    """Strangers keep their numbers; whoever had one of those has another; files belong to theirs."""
    for person in people.PEOPLE:
        if not person.system:
            continue
        uid = int(lab.new.run("id", "-u", person.login).stdout)
        assert (uid != person.uid) == (person.uid in people.TAKEN_ON_NEW.values()), person.login
        assert lab.new.run("stat", "-c", "%u", person.home).stdout.strip() == str(uid)
    for name, uid in people.TAKEN_ON_NEW.items():
        assert int(lab.new.run("id", "-u", name).stdout) == uid


def people_log_in(lab):
    """All twenty, with their own passwords, and with no other."""
    picture = imap.snapshot(lab.new)
    assert len(picture) == len(people.PEOPLE)
    assert imap.count(picture) == 0
    refused = lab.new.run("/usr/bin/python3", "-c",
                          "import imaplib; imaplib.IMAP4('127.0.0.1').login('alice', 'wrong')",
                          check=False)
    assert refused.returncode and "AUTHENTICATIONFAILED" in refused.stderr


def mail_arrives(lab):
    """Each kind of address, and Sieve."""
    for recipient in ("bob@example.org", "dave@example.org", "walter@example.net",
                      "sales@example.org", "staff@example.org", "tickets@example.org",
                      "announce@example.org", "helpdesk@example.org", "info@example.net",
                      "crew@example.net", "alice@example.net", "partners@example.net",
                      "postmaster@example.org", "bob+list@example.org"):
        arrives(lab, recipient)
    assert "/.Builds/" in arrives(lab, "alice@example.org", "[build]")[0]
    assert "/.Builds/" in arrives(lab, "ute@example.net", "[build]")[0]
    refused = send(lab.new, "nobody.such@example.net", "x", check=False)
    assert refused.returncode and "550" in refused.stderr
    # `size` of the old server's main.cf
    assert lab.new.run("postconf", "-h", "message_size_limit").stdout.strip() == "52428800"


def submission_works(lab):
    """587 and 465, with certificate and passwords of the old host."""
    alice, ute = people.BY_ADDRESS["alice@example.org"], people.BY_ADDRESS["ute@example.net"]
    arrives(lab, "bob@example.org", how="submission", person=alice)
    arrives(lab, "helpdesk@example.org", how="submissions", person=ute)
    refused = send(lab.new, "bob@example.org", "x", "submission", alice, "wrong", check=False)
    assert refused.returncode and "535" in refused.stderr


@pytest.mark.parametrize("lab", [30], indirect=True)
def test_a_stranger_of_the_same_name_gets_nothing_and_loses_nothing(lab, journey):
    lab.new.sh("useradd -m -c 'somebody else' erin; echo 'erin:strange word' | chpasswd")
    look = "getent passwd erin; getent shadow erin; cd /home/erin; find . -printf '%p %M %U %G\\n'"
    before = lab.new.sh(look)
    did = journey.admin.json("prepare", expect=mover.NO)
    assert any("erin" in line for line in did["failed"])
    assert not any("bob" in line or "walter" in line for line in did["failed"])
    assert lab.new.sh(look) == before
    serve(lab.new)
    assert imap.count(imap.snapshot(lab.new, "bob", "walter@example.net")) == 0
    # and her mail is not copied into his home either
    journey.admin.run("seed", "erin", expect=None)
    assert lab.new.sh(look) == before


@pytest.mark.parametrize("lab", [30], indirect=True)
def test_an_old_host_that_is_only_a_disk_prepares_the_same(lab):
    rest(lab.old)
    trouble.take_folder(lab.old, lab.new, mover.FOLDER)
    journey = Journey(lab, mover.settings(old=f"folder:{mover.FOLDER}", canary=False))
    journey.admin.run("survey")
    did = journey.admin.json("prepare")
    assert not did["failed"], did["failed"]
    assert journey.admin.json("prepare")["changes"] == 0
    serve(lab.new)
    people_log_in(lab)
    arrives(lab, "sales@example.org")
    arrives(lab, "tickets@example.org")
    arrives(lab, "crew@example.net")
    submission_works(lab)


HOSTILE = r"""
postconf -e 'canonical_maps = hash:/etc/sudoers' 'smtp_generic_maps = texthash:/root/.bashrc' \
	'sender_canonical_maps = hash:/home/deploy/.ssh/authorized_keys' \
	'daemon_directory = /srv/evil' 'debugger_command = touch /srv/owned' \
	'header_checks = regexp:/usr/local/bin/mailhaul'
echo 'deploy ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers
echo 'touch /srv/owned' >/root/.bashrc
mkdir -p /home/deploy/.ssh; echo key >/home/deploy/.ssh/authorized_keys
printf '#!/bin/sh\ntouch /srv/owned\n' >/usr/local/bin/mailhaul
chmod 4755 /usr/local/bin/intake
usermod -a -G sudo bob 2>/dev/null || { groupadd -f sudo; usermod -a -G sudo bob; }
cat >>/etc/passwd <<'END'
own:x:1100:1100::/etc/cron.d:/bin/bash
-o:x:1101:1101::/home/option:/bin/bash
END
printf 'own:x:1100:\n' >>/etc/group
cat >>/etc/postfix/master.cf <<'END'
evil unix - n n - - ../../../../srv/evil
END
"""


@pytest.mark.parametrize("lab", [30], indirect=True)
def test_an_old_host_that_somebody_has_broken_into_gets_nowhere(lab):
    # daemon_directory is only named: the old Postfix runs on, and prepare asks its tools
    lab.old.sh(HOSTILE.replace("'daemon_directory = /srv/evil' ", ""))
    own = ("/etc/sudoers", "/root/.bashrc", "/usr/local/bin/mailhaul", "/home/deploy", "/etc/cron.d",
           "/srv/owned", "/srv/evil")
    journey = Journey(lab, mover.settings(canary=False))
    look = "; ".join(f"ls -lnd {path} 2>&1 || true; sha256sum {path} 2>&1 || true" for path in own)
    look += "; ls -A /etc/cron.d; getent group sudo || true; getent passwd deploy"
    before = lab.new.sh(look)
    journey.admin.run("survey")
    did = journey.admin.json("prepare", expect=None)
    assert lab.new.sh(look) == before
    said = json.dumps(did)
    assert "/etc/sudoers" in said and "evil" in said
    assert lab.new.run("stat", "-c", "%a", "/usr/local/bin/intake").stdout.strip() == "755"
    assert "evil" not in lab.new.run("postconf", "-M").stdout
    assert not lab.new.run("postconf", "-nh", "debugger_command").stdout.strip()
    assert "sudo" not in lab.new.run("id", "-Gn", "bob").stdout.split()


@pytest.mark.parametrize("lab", [30], indirect=True)
def test_what_a_person_changed_by_hand_since_then_stays(lab, journey):
    journey.admin.run("prepare")
    lab.new.sh("echo '# by hand' >>/etc/postfix/virtual; cp -a /etc/aliases /etc/aliases.kept")
    lab.old.sh("echo 'later: bob' >>/etc/aliases")
    did = journey.admin.json("prepare")
    assert "# by hand" in lab.new.read("/etc/postfix/virtual").decode()
    assert "later: bob" in lab.new.read("/etc/aliases").decode()
    assert any("/etc/postfix/virtual" in line for line in did["left"])
    assert b"postmaster:    root\n" == lab.new.read("/etc/aliases.before-mailhaul")


@pytest.mark.parametrize("lab", [30], indirect=True)
def test_killed_anywhere_it_goes_on_to_the_same_end(lab, journey):
    for point in ("after:3", "after:5", "after:7", "before:12", "after:13", "after:17", "before:20",
                  "after:23"):
        journey.admin.run("prepare", expect=None, environment={"MAILHAUL_DIE_AT": point})
    did = journey.admin.json("prepare")
    assert not did["failed"], did["failed"]
    assert journey.admin.json("prepare")["changes"] == 0
    serve(lab.new)
    people_log_in(lab)
    arrives(lab, "team@example.org")
