# SPDX-License-Identifier: BSD-2-Clause
"""A source of which nothing can be had but IMAP: user by user, or with a master user; followed, cut,
killed, and in the end compared as mail clients see both sides, UID by UID.
"""

import json
import subprocess

import pytest

from lab import daemons, imap, mover, people
from lab.caught import Caught
from lab.sealed import File, wait_for

LOGINS = ("alice", "grace", "ute@example.net")
PLACE = {person.login: f"{person.home}/Maildir" for person in people.PEOPLE}
PASSWORD = {person.login: person.password for person in people.PEOPLE}
SERVER = "mail.example.org"
MASTER = ("mover", "a master's secret")

_MASTER_CONF = """auth_master_user_separator = *
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u /etc/dovecot/masters
  master = yes
}
"""


@pytest.fixture(name="admin")
def fixture_admin(lab):
    """New is prepared and has its users; the passwords lie where only root reads them."""
    admin = mover.Mover(lab.new, mover.settings())
    admin.run("survey")
    admin.run("prepare")
    lab.new.push({f"/root/{login}": File(PASSWORD[login] + "\n", 0o600) for login in LOGINS}
                 | {"/root/master": File(MASTER[1] + "\n", 0o600),
                    "/root/ca.pem": File(lab.old.read("/etc/ssl/mail/ca.pem"), 0o644)})
    return admin


def words(*more: str, login: str = "", ca: bool = True, scheme: str = "imap",
          where: str = "") -> list[str]:
    """A command: one mailbox of the server, to the place where new's Dovecot looks for it."""
    said = ["mailhaul", "--json", "copy", "--layout", "listescape"]
    said += ["--ca-file", "/root/ca.pem"] if ca else []
    said += ["--password-file", f"/root/{login}"] if login else []
    user = login.replace("@", "%40") + "@" if login else ""
    return [*said, *more, f"{scheme}://{user}{SERVER}/", where or PLACE[login]]


def copy(lab, *more: str, expect: int = mover.GOOD, **how) -> dict:
    """One pass, and what it says."""
    done = lab.new.run(*words(*more, **how), check=False, seconds=120)
    assert done.returncode == expect, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout else {"error": done.stderr}


def differences(lab, *logins: str) -> list:
    """What clients see on both sides; new's Dovecot runs for this question only."""
    before = imap.snapshot(lab.old, *logins)
    daemons.start(lab.new, "postfix")
    daemons.start(lab.new, "dovecot")
    found = imap.compare(before, imap.snapshot(lab.new, *logins))
    daemons.stop(lab.new, "dovecot")
    daemons.stop(lab.new, "postfix")
    return found


def letter(subject: str, size: int = 0) -> bytes:
    """A message."""
    return (f"Subject: {subject}\r\nMessage-ID: <{subject}@example.org>\r\n\r\n".encode()
            + b"0123456789abcdef" * (size // 16) + b"\r\n")


def deliver(lab, login: str, count: int, size: int) -> None:
    """Many messages at once, as a deliverer leaves them in a Maildir."""
    lab.old.push({f"/home/{login}/Maildir/new/1700000000.M{number}P{size}.old":
                  File(letter(f"{size}-{number}", size).replace(b"\r", b""), 0o600, login, login)
                  for number in range(count)})


def test_mailboxes_are_the_same_to_clients_and_are_followed(lab, admin):
    for login in ("alice", "ute@example.net"):
        dry = copy(lab, "--dry-run", login=login)
        assert dry["created"] == dry["messages"] > 20
        first = copy(lab, login=login)
        assert first["created"] == first["messages"] == dry["messages"]
        assert first["skipped"] == [] and first["breaks"] == 0
    assert differences(lab, "alice", "ute@example.net") == []

    again = copy(lab, login="alice")
    assert again["unchanged"] == again["messages"] and again["folders_asked"] == 0
    assert again["created"] + again["renamed"] + again["removed"] + again["files"] == 0

    uids = sorted(int(uid) for uid in imap.snapshot(lab.old, "alice")["alice"]["folders"]["INBOX"]
                  ["messages"])
    imap.store(lab.old, "alice", "INBOX", letter("later"), "\\Seen more", date=1_500_000_000)
    imap.set_flag(lab.old, "alice", "INBOX", uids[1], "\\Answered")
    imap.set_flag(lab.old, "alice", "INBOX", uids[1], "fresh")
    imap.expunge(lab.old, "alice", "INBOX", uids[2])
    lab.old.sh("doveadm mailbox create -u alice -s 'Deep/er/still more'\n"
               "doveadm mailbox unsubscribe -u alice Sent; doveadm mailbox delete -u alice Drafts")
    imap.store(lab.old, "alice", "Deep/er/still more", letter("nested"))
    second = copy(lab, login="alice")
    assert second["created"] == 2 and second["renamed"] == 1 and second["removed"] >= 1
    assert second["folders_asked"] == 2
    assert differences(lab, "alice") == []
    # a client on new has looked in: nothing of ours is to be done again
    third = copy(lab, "--look-everywhere", login="alice")
    assert (third["created"], third["removed"], third["skipped"]) == (0, 0, [])


def test_a_master_user_brings_many_by_tls(lab, admin):
    lab.old.push({"/etc/dovecot/conf.d/99-master.conf": _MASTER_CONF,
                  "/etc/dovecot/masters": File(f"{MASTER[0]}:{MASTER[1]}\n", 0o644)})
    lab.old.sh("doveadm reload")
    lab.new.push({"/root/users": File("# who moves\n" + "\n".join(LOGINS) + "\n", 0o600)})
    many = ["--users", "/root/users", "--master-user", MASTER[0],
            "--password-file", "/root/master"]
    for login in LOGINS:
        lab.new.sh(f"mkdir -p /srv/boxes && rm -rf {PLACE[login]}"
                   f" && ln -s /srv/boxes/{login} {PLACE[login]}")

    def bring(*more: str) -> dict:
        done = lab.new.run(*words(*many, *more, scheme="imaps", where="/srv/boxes"), check=False,
                           seconds=120)
        return json.loads(done.stdout) if done.returncode == mover.GOOD else {
            "error": done.stdout + done.stderr}

    wait_for(lambda: "error" not in bring("--dry-run"), 20, "the master user to be known")
    first = bring("--owner", "1001:1001")
    assert first.get("mailboxes") == 3 and first["created"] == first["messages"], first
    assert lab.new.sh("stat -c %u:%g /srv/boxes/grace/cur") == "1001:1001\n"
    # the other way to say it finds nothing to do
    again = bring("--owner", "1001:1001", "--master-separator", "*")
    assert again["unchanged"] == first["messages"] and again["folders_asked"] == 0
    for login in LOGINS:
        lab.new.sh(f"rm {PLACE[login]} && mv /srv/boxes/{login} {PLACE[login]}"
                   f" && chown -R --reference=$(dirname {PLACE[login]}) {PLACE[login]}")
    assert differences(lab, *LOGINS) == []


def cut(lab) -> dict:
    """What a copy says whose line is cut three times; once more with other messages, when it was done
    before that."""
    for turn in range(5):
        deliver(lab, "grace", 60, 200_000 + 16 * turn)
        child = subprocess.Popen(lab.new.command(*words("--limit", f"{4000 >> turn}k", login="grace")),
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        for _ in range(3):
            wait_for(lambda child=child: child.poll() is not None or
                     "grace" in lab.old.run("doveadm", "who", "grace", check=False).stdout, 30, "a session")
            lab.old.run("doveadm", "kick", "grace", check=False)
        said = json.loads(child.communicate(timeout=600)[0])
        assert said["skipped"] == [] and said["created"] + said["unchanged"] == said["messages"]
        assert said["created"] >= 60
        if said["breaks"] > 0:
            return said
    raise AssertionError(said)


def test_a_cut_line_and_a_killed_copy_cost_no_message_and_no_second_download(lab, admin):
    said = cut(lab)
    # what was under way on each connection comes twice; what had come does not
    assert said["bytes_read"] < 2 * 60 * 200_000
    assert differences(lab, "grace") == []

    state = ("--state", "/root/copy-state")
    for turn in range(5):
        deliver(lab, "alice", 150, 100_000 + 16 * turn)
        with Caught(lab.new, "count /home/alice/Maildir/tmp/*; [ $n -gt 0 ]",
                    *words("--limit", f"{10 >> turn}M", *state, login="alice")) as copying:
            if copying.caught:
                copying.kill()
                break
    assert copying.caught
    said = copy(lab, *state, login="alice")
    assert said["skipped"] == [] and said["extra"] == []
    assert differences(lab, "alice") == []


def test_what_is_wrong_is_told_and_no_password_is_shown(lab, admin):
    lab.new.push({"/root/wrong": File("not the password\n", 0o600),
                  "/root/open": File(PASSWORD["alice"] + "\n", 0o644)})
    place = ["imap://alice@mail.example.org/", "/srv/x"]

    def fail(*more: str) -> str:
        done = lab.new.run("mailhaul", "copy", *more, *place, check=False, seconds=60)
        assert done.returncode == mover.PERSON, done.stdout + done.stderr
        assert PASSWORD["alice"] not in done.stderr and "not the password" not in done.stderr
        return done.stderr

    certified = ("--ca-file", "/root/ca.pem")
    assert "no password" in fail(*certified)
    assert "others can read it" in fail(*certified, "--password-file", "/root/open")
    assert "AUTHENTICATIONFAILED" in fail(*certified, "--password-file", "/root/wrong")
    assert "allows no password" in fail("--tls", "none", "--password-file", "/root/alice")
    said = fail("--password-file", "/root/alice")
    assert "certificate" in said and "--tls-pin" in said
    pin = said.split("--tls-pin ")[1].split()[0]
    assert "not the one" in fail("--password-file", "/root/alice", "--tls-pin", "0" * 64)
    done = lab.new.run("mailhaul", "copy", "--password-file", "/root/alice", "--tls-pin", pin,
                       "--layout", "maildir++", *place, check=False, seconds=60)
    # names with dots can't be in Maildir++: named, and all else is there
    assert done.returncode == mover.NO and "Projects/v1.0 release: left out" in done.stdout
    assert "phones download everything again" in done.stdout
    done = lab.new.run("mailhaul", "copy", "imap://alice@192.0.2.77/", "/srv/x", "--password-file",
                       "/root/alice", check=False, seconds=60)
    assert done.returncode == mover.UNREACHED, done.stderr
