# SPDX-License-Identifier: BSD-2-Clause
"""`mailhaul copy`: the engine alone, over ssh, while Dovecot and Postfix work in the folders."""

import json
import os
import subprocess

from lab import audit, hosts, mover, sealed
from lab.sealed import wait_for

SOURCE = f"root@{hosts.MANAGEMENT_V4}:/home"
COPY = "/srv/copy"
# each message: name, size, date, mode, owner; its content, and that of what Dovecot keeps beside it
LIST = (r"cd {} && find . \( -path '*/cur/*' -o -path '*/new/*' \) -path '*/Maildir/*' -type f"
        r" -printf '%p %s %T@ %m %U %G\n' | sort && find . \( -path '*/cur/*' -o -path '*/new/*'"
        r" -o -name dovecot-keywords -o -name subscriptions \) -path '*/Maildir/*' -type f -print0"
        r" | sort -z | xargs -0 sha256sum")


def copy(lab, *words: str, expect: int = mover.GOOD) -> dict:
    """One pass from old's homes to a folder on new."""
    done = lab.new.run("mailhaul", "--json", "copy", *words, SOURCE, COPY, check=False, seconds=120)
    assert done.returncode == expect, done.stdout + done.stderr
    return json.loads(done.stdout) if expect in (mover.GOOD, mover.NO) else {}


def test_a_server_s_maildirs_are_followed_and_in_the_end_the_same(lab):
    mover.Mover(lab.new, mover.settings())      # puts mailhaul there; its move.yaml is not used
    before = lab.old.sh(LIST.format("/home"))
    dry = copy(lab, "--dry-run")
    assert dry["created"] == dry["messages"] > 100
    assert not lab.new.sh(f"ls {COPY} 2>/dev/null || true")
    first = copy(lab)
    assert first["created"] == first["messages"] == dry["messages"] and first["failed"] == 0
    assert lab.new.sh(LIST.format(COPY)) == before

    lab.traffic.start(rate=60)
    created = round_ = 0
    while round_ < 8 or (not created and round_ < 60):
        round_ += 1
        lab.old.run("doveadm", "flags", "add" if round_ % 2 else "remove", "-u", "alice",
                    "\\Flagged", "mailbox", "INBOX", "all")
        lab.old.run("doveadm", "expunge", "-u", "bob", "mailbox", "INBOX", str(round_))
        passed = copy(lab)
        assert passed["failed"] == 0, passed["skipped"]
        created += passed["created"]
    assert created > 0, "no mail came while it was copied"
    wait_for(lambda: len(lab.traffic.record()) > 100, 60, "some mail")
    lab.traffic.stop()
    audit.wait_until_quiet([*lab.worlds, lab.old], 60)

    last = copy(lab)
    assert last["failed"] == 0 and last["extra"] == []
    assert lab.new.sh(LIST.format(COPY)) == lab.old.sh(LIST.format("/home"))
    copy(lab)
    again = copy(lab)
    assert again["unchanged"] == again["messages"] and not again["created"] + again["renamed"]
    # a few words for each mailbox, and not a line of their listings
    assert again["bytes_read"] < 10000


def test_groups_of_mailboxes_lose_nothing_between_them(tmp_path):
    # the next group is looked at while one travels: that takes 2,000 messages in it
    mail, there = tmp_path / "mail", tmp_path / "there"
    for box in range(40):
        for part in ("cur", "new", "tmp"):
            (mail / f"u{box:02}" / part).mkdir(parents=True)
        for number in range(200):
            name = f"17000{box:02}{number:03}.M{number}.mail"
            (mail / f"u{box:02}" / "cur" / f"{name}:2,S").write_text(f"Subject: {name}\n\nx\n")
    (mail / "u27" / "dovecot-uidlist").mkdir()
    seen = []
    for _ in range(2):
        done = subprocess.run([sealed.program(), "--json", "copy", "--state", tmp_path / "state",
                               mail, there], check=False, capture_output=True, text=True,
                              env={**os.environ, "MAILHAUL_GROUP": "1000"}, timeout=300)
        assert done.returncode == mover.NO, done.stderr
        seen.append(json.loads(done.stdout))
        # what can't be read beside the mail of one keeps nobody from theirs
        assert seen[-1]["failed"] and all("u27" in words for words in seen[-1]["skipped"]), seen
    assert (seen[0]["created"], seen[1]["created"]) == (40 * 200, 0)
    files = {path.relative_to(there): (path.read_bytes(), path.stat().st_mtime_ns)
             for path in there.glob("*/cur/*")}
    assert files == {path.relative_to(mail): (path.read_bytes(), path.stat().st_mtime_ns)
                     for path in mail.glob("*/cur/*")}


def test_what_only_the_destination_has_stays_until_that_is_asked_for(lab):
    mover.Mover(lab.new, mover.settings())
    copy(lab)
    stray = f"{COPY}/alice/Maildir/new/1.only.here"
    lab.new.run("sh", "-c", f"echo 'Subject: x' >{stray}")
    assert copy(lab)["extra"] == ["INBOX/1.only.here"]
    assert copy(lab, "--delete-extra")["removed"] == 1
    assert lab.new.sh(f"ls {stray} 2>/dev/null || true") == ""


def test_a_place_without_mail_and_wrong_words_are_told(lab):
    mover.Mover(lab.new, mover.settings())
    done = lab.new.run("mailhaul", "copy", "--kind", "maildir", "/etc/postfix", COPY, check=False)
    assert done.returncode == mover.PERSON and "no Maildir in /etc/postfix" in done.stderr
    done = lab.new.run("mailhaul", "copy", "/nowhere", COPY, check=False)
    assert done.returncode != 0 and "/nowhere" in done.stderr
    assert lab.new.run("mailhaul", "copy", "/etc", check=False).returncode == mover.USAGE
    done = lab.new.run("mailhaul", "copy", "root@192.0.2.77:/home", COPY, check=False, seconds=60)
    assert done.returncode == mover.UNREACHED, done.stderr


def test_files_travel_as_they_are(lab):
    mover.Mover(lab.new, mover.settings())
    lab.old.sh("mkdir -p /srv/web/a && cd /srv/web && printf 1 >a/one && ln a/one two && ln -s a/one three"
               " && truncate -s 8M hole && head -c 1500000 /dev/urandom >large && mkfifo pipe"
               " && chown 1001:1001 large && chmod 640 large")
    note = "import os, sys; print(os.{}('/srv/web/a/one', 'user.note'{}))"
    lab.old.run("/usr/bin/python3", "-c", note.format("setxattr", ", b'hello'"))
    source = f"root@{hosts.MANAGEMENT_V4}:/srv/web"
    done = lab.new.run("mailhaul", "--json", "copy", "--limit", "500k", source, "/srv/web", seconds=60)
    said = json.loads(done.stdout)
    assert said["failed"] == 0 and any("pipe" in words for words in said["not_kept"]), said
    listing = r"cd /srv/web && find . ! -type p -printf '%p %y %s %m %U %G %l %n %T@\n' | sort"
    assert lab.new.sh(listing) == lab.old.sh(listing)
    assert "hello" in lab.new.run("/usr/bin/python3", "-c", note.format("getxattr", "")).stdout
    assert int(lab.new.sh("stat -c %b /srv/web/hole")) < 100
    lab.old.sh("echo more >>/srv/web/a/one")
    again = json.loads(lab.new.run("mailhaul", "--json", "copy", source, "/srv/web").stdout)
    assert again["bytes_sent"] == 6 and again["created"] == 0, again     # one file of two names
    assert lab.new.read("/srv/web/two") == b"1more\n"
