# SPDX-License-Identifier: BSD-2-Clause
"""`mailhaul lists archive`: archives as mbox, stray From_ lines, messages added and withdrawn.

What comes out is read by Python's own mailbox, marshal and unpickler, and by nothing of mailhaul's.
A process with the web server's rights looks for the private archive all the while.
"""

import io
import json
import mailbox
import marshal
import os
import pickle
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from lab import sealed
from test_lists_carry import (PRIVATE, PUBLIC, WWW, Installed, Pair, Reader, own, people,
                              pickles)

KILLS = int(os.environ.get("MAILHAUL_ARCHIVE_KILLS", "4"))
STRAYS = (b"From now on there is a line that looks like one.\n",
          b"From alice@example.org Sun Nov 22 15:00:00 2026\nsaid what follows.\n")
NEW = b"""From jane@example.org Sun Nov 22 15:00:00 2026
From: =?utf-8?q?J=C3=A4ne_Doe?= <jane@example.org>
Date: Thu, %s 2026 12:00:00 +0000
Subject: Re: [Talk] found again
Message-ID: <found%d@example.org>
In-Reply-To: <letter12@example.net>

Here it is.

"""

WATCHER = r"""
import os, signal, sys
secret, public, *places = sys.argv[1:]
secret, public = secret.encode(), public.encode()
os.setgroups([]); os.setgid(%d); os.setuid(%d)
ended, rounds, seen = [], 0, set()
signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
print("ready", flush=True)
while not ended or not rounds:
    rounds += 1
    for place in places:
        for above, _, names in os.walk(place, followlinks=True):
            for name in names:
                try:
                    with open(os.path.join(above, name), "rb") as file:
                        data = file.read()
                except OSError:
                    continue
                if secret in data:
                    seen.add("SECRET " + os.path.join(above, name))
                if public in data:
                    seen.add("public")
print(rounds, *sorted(seen), sep="\n")
""" % (WWW, WWW)


class Host:
    """A host with lists, below a folder into which anybody can go."""

    def __init__(self, place: Path):
        self.place = place
        self.site = Installed(place / "host", "debian").make()
        people(self.site.root, "debian")
        own(self.site.root, "debian")
        for lock in self.site.at(self.site.layout.locks).iterdir():
            lock.unlink()
        self.private = self.site.var(PRIVATE)
        self.private.chmod(0o2771)
        self.pages = self.private / "talk"
        for path in self.private.glob("entwickler*/**/*"):
            path.chmod(0o2770 if path.is_dir() else 0o660) if not path.is_symlink() else None
        for path in self.private.glob("entwickler*"):
            path.chmod(0o2770)

    def words(self, verb: str, *words: str) -> list:
        """The command line."""
        return [sealed.program(), "--json", "lists", "archive", verb, "--site",
                str(self.site.root), *words]

    def run(self, *words: str, expect: int = 0):
        """One call; its JSON."""
        done = subprocess.run(self.words(*words), capture_output=True, text=True, timeout=120,
                              check=False)
        assert done.returncode == expect, done.stdout + done.stderr
        return json.loads(done.stdout)

    def mbox(self, name: str) -> Path:
        """A list's mbox."""
        return self.private / f"{name}.mbox" / f"{name}.mbox"

    def files(self) -> dict:
        """Every file of the archive by its octets."""
        return {str(path.relative_to(self.pages)): path.read_bytes()
                for path in self.pages.rglob("*") if path.is_file() and not path.is_symlink()}

    def index(self, volume: str, kind: str) -> dict:
        """What one of pipermail's index files says."""
        return marshal.loads((self.pages / "database" / f"{volume}-{kind}").read_bytes())

    def articles(self, volume: str) -> dict:
        """State by Message-ID."""
        return {key: Reader(io.BytesIO(data), encoding="bytes").load().state
                for key, data in self.index(volume, "article").items()}


def ids(path: Path) -> list:
    """Message-IDs as Python's mailbox sees them."""
    box = mailbox.mbox(path)
    try:
        return [message["Message-ID"] for message in box]
    finally:
        box.close()


@pytest.fixture(name="host")
def fixture_host():
    """Not below pytest's own folder, into which only root can go."""
    place = Path(tempfile.mkdtemp(prefix="mailhaul-archive-", dir="/tmp"))
    place.chmod(0o755)
    yield Host(place)
    shutil.rmtree(place)


class Watch:
    """A loop that reads all that the web server can, until it is ended."""

    def __init__(self, *places: Path):
        self.process = subprocess.Popen(    # pylint: disable=consider-using-with
            [sys.executable, "-c", WATCHER, "To: entwickler@", "To: talk@", *map(str, places)],
            stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "ready\n"

    def end(self) -> set:
        """What it has seen."""
        self.process.send_signal(signal.SIGTERM)
        rounds, *seen = self.process.communicate(timeout=60)[0].split("\n")
        assert int(rounds) > 0
        return {word for word in seen if word}


def test_a_private_archive_is_never_public(host):
    out, tree = host.place / "out", host.place / "tree"
    public = host.site.var(PUBLIC)
    (public / "entwickler").unlink(missing_ok=True)
    with host.mbox("entwickler").open("ab") as file:    # so large that writing it takes a while
        file.write((b"x" * 999 + b"\n") * 24000)
    watch = Watch(out, tree, public, host.private / "talk", host.private / "entwickler",
                  host.private / "entwickler.mbox")
    both = (out / "public/talk.mbox", out / "private/entwickler.mbox")
    for _ in range(3):
        rows = {row["list"]: row for row in host.run("mbox", "--to", str(out), "--all")}
        assert rows["talk"]["public"] and not rows["entwickler"]["public"]
        host.run("mbox", "--public", "--to", str(tree), "--all")
        host.run("mbox", "--public", "--to", str(tree), "entwickler", expect=1)
    host.mbox("entwickler").write_bytes(host.mbox("entwickler").read_bytes() + STRAYS[0])
    host.run("clean", "entwickler")
    host.run("rebuild", "--drop", "<letter1@example.net>", "entwickler")
    assert ids(both[0]) == ids(host.mbox("talk")) and both[0].stat().st_mode & 0o77 == 0
    assert len(ids(both[1])) == 6 and both[1].stat().st_mode & 0o77 == 0
    assert (tree / "talk.mbox").read_bytes() == host.mbox("talk").read_bytes()
    assert not list(tree.glob("*entwickler*")) and not list(tree.glob(".*"))
    assert watch.end() == {"public"}
    config = host.site.var("lists/talk/config.pck")
    config.write_bytes(config.read_bytes().replace(b"archive_private", b"archive_privatf"))
    host.run("mbox", "--public", "--to", str(tree), "announce")
    assert not (tree / "talk.mbox").exists()


def test_stray_from_lines_are_escaped(host):
    box = host.mbox("talk")
    begin = box.read_bytes()
    parts = re.split(rb"(?m)^(?=From )", begin)[1:]
    spoiled = b"".join(part + (b"\n".join(STRAYS) + b"\n" if n % 5 == 0 else b"")
                       for n, part in enumerate(parts))
    box.write_bytes(spoiled)
    box.chmod(0o664)
    assert len(ids(box)) == 28
    shown, = host.run("clean", "--dry-run", "talk")
    assert (shown["from_lines"], shown["messages"], shown["strays"]) == (28, 20, 8)
    assert box.read_bytes() == spoiled and shown["diff"][1] == "- " + STRAYS[0].decode().strip()
    done, = host.run("clean", "talk")
    assert done["octets_after"] == len(spoiled) + 8 == box.stat().st_size
    assert ids(box) == [f"<letter{number}@example.net>" for number in range(20)]
    assert re.sub(rb"(?m)^>(?=From (now on there|alice))", b"", box.read_bytes()) == spoiled
    kept = Path(str(host.site.root) + done["kept"])
    assert kept.read_bytes() == spoiled and kept.stat().st_mode & 0o777 == 0o660
    assert host.run("clean", "talk")[0]["strays"] == 0


def changed(before: dict, after: dict) -> set:
    """Pages of messages that are not as they were; none may be gone."""
    assert set(before) <= set(after)
    return {name for name in before if before[name] != after[name]
            and re.fullmatch(r".*/\d{6}\.html", name)}


def check_rebuilt(host: Host, before: dict, numbers: list) -> None:
    """All that was given out leads to what it led to."""
    assert changed(before, host.files()) == {"2026-November/000012.html"}
    page = (host.pages / "2026-November/000012.html").read_text()
    assert "withdrawn" in page and "Topic 4" not in page
    for kind in ("thread", "subject", "author", "date"):
        text = (host.pages / "2026-November" / f"{kind}.html").read_text()
        assert "000012.html" not in text and f"{numbers[1]:06d}.html" in text
        assert len(re.findall("<LI><A HREF", text)) == 10 and "<b>Letters:</b> 10<p>" in text
        assert len(host.index("2026-November", kind)) == 10
    articles = host.articles("2026-November")
    assert b"letter12@example.net" not in articles
    found = articles[b"found1@example.org"]
    assert found[b"sequence"] == numbers[1] and found[b"__listname"] == b"talk"
    assert found[b"decoded"][b"author"] == "J\u00e4ne Doe" and found[b"parentID"] is None
    state = pickles(host.pages / "pipermail.pck")[0][1]
    assert state[b"sequence"] == max(numbers) + 1
    assert [name.decode() for name in state[b"archives"]] == ["2026-November", "2026-October",
                                                              "2026-March"]
    assert os.readlink(host.pages / "2026-March/index.html") == "thread.html"
    assert f"{numbers[0]:06d}.html" in (host.pages / "2026-March/date.html").read_text()
    assert "Message-ID: <letter12@" not in (host.pages / "2026-November.txt").read_text()
    assert sorted(ids(host.mbox("talk"))) == sorted(
        [f"<letter{n}@example.net>" for n in range(20) if n != 12]
        + ["<found0@example.org>", "<found1@example.org>"])


def test_messages_come_and_go_and_no_address_changes(host):
    more, table = host.place / "more.mbox", host.place / "map"
    more.write_bytes(NEW % (b"05 Mar", 0) + NEW % (b"19 Nov", 1))
    words = ("--add", str(more), "--drop", "letter12@example.net", "--map", str(table), "talk")
    before = host.files()
    assert not host.run("check", "talk")[0]["troubles"]
    shown, = host.run("rebuild", "--dry-run", *words)
    assert (shown["added"], shown["withdrawn"]) == (2, 1) and host.files() == before
    for _ in range(KILLS):
        with subprocess.Popen(host.words("rebuild", *words), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            time.sleep(random.uniform(0.01, 0.12))
            process.kill()
    done = subprocess.run(host.words("rebuild", *words), capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode in (0, 1), done.stderr     # 1: all was done before the last kill
    numbers = [host.articles(volume)[f"found{n}@example.org".encode()][b"sequence"]
               for n, volume in enumerate(("2026-March", "2026-November"))]
    assert min(numbers) >= 20 and numbers[0] != numbers[1]
    check_rebuilt(host, before, numbers)
    rows = dict(line.split("\t", 1) for line in table.read_text().splitlines()
                if not line.startswith("-"))
    assert rows["2026-November/000012.html"].endswith("\twithdrawn")
    assert {name for name in before if re.search(r"/\d{6}\.html", name)} <= set(rows)
    host.run("rebuild", "--add", str(more), "talk")
    check_rebuilt(host, before, numbers)
    (host.pages / "2026-October/000003.html").unlink()
    found, = host.run("check", "talk", expect=1)
    assert found["pages"]["2026-October/000003.html"] == "lost"
    with host.mbox("talk").open("ab") as file:
        file.write(NEW % (b"20 Nov", 7))
    assert host.run("check", "talk", expect=1)[0]["no_page"] == ["<found7@example.org>"]
    host.run("rebuild", "--add", str(host.mbox("talk")), "talk")
    assert host.run("check", "talk", expect=1)[0]["no_page"] == []
    # somebody has taken one out of the mbox by hand
    parts = re.split(rb"(?m)^(?=From )", host.mbox("talk").read_bytes())
    host.mbox("talk").write_bytes(b"".join(
        part for part in parts if b"\nMessage-ID: <letter5@" not in part))
    found, = host.run("check", "talk", expect=1)
    assert found["not_in_mbox"] == ["2026-October/000005.html <letter5@example.net>"]
    with pytest.raises((EOFError, ValueError, pickle.UnpicklingError, TypeError)):
        cut = host.pages / "database/2026-November-date"
        cut.write_bytes(cut.read_bytes()[:40])
        host.index("2026-November", "date")
    assert any("2026-November" in words for words in
               host.run("check", "talk", expect=1)[0]["troubles"])


def test_a_message_id_on_the_second_line_of_its_header_is_that_message(host):
    """Some mail programs fold a long one behind its name. pipermail's indexes then have it with a blank and "<" in front,
    as those of the genuine 2.1.20 do."""
    own, key = b"letter13@example.net", b" <letter13@example.net>"
    box = host.mbox("talk")
    box.write_bytes(box.read_bytes().replace(b"Message-ID: <" + own, b"Message-ID:\n <" + own))

    def folded(value):
        if isinstance(value, tuple):
            return tuple(folded(one) for one in value)
        return key if value == own else value

    for kind in ("article", "thread", "subject", "author", "date"):
        index = {folded(name): folded(value) for name, value in host.index("2026-November", kind).items()}
        (host.pages / "database" / f"2026-November-{kind}").write_bytes(marshal.dumps(index, 2))
    found = host.run("check", "talk")[0]
    assert (found["not_in_mbox"], found["no_page"]) == ([], [])
    host.run("rebuild", "--drop", own.decode(), "talk")
    assert host.run("check", "talk")[0]["pages"]["2026-November/000013.html"] == "withdrawn"
    assert key not in host.articles("2026-November") and b"letter13@" not in box.read_bytes()


def test_a_month_that_another_locale_has_named_gets_what_is_added_to_it(host):
    """And one of which there is none yet is called as Mailman calls it where there is no locale."""
    more = host.place / "more.mbox"
    more.write_bytes((NEW % (b"24 Sep", 0) + NEW % (b"19 Nov", 1)))
    assert list(host.run("check", "old-times")[0]["pages"].values()) == ["kept"] * 3
    host.run("rebuild", "--add", str(more), "old-times")
    pages = host.private / "old-times"
    assert sorted(place.name for place in pages.glob("2026-*") if place.is_dir()) == [
        "2026-November", "2026-ao\xfbt", "2026-septembre"]
    number = [index for index in ("2026-septembre", "2026-November")
              if [key for key in marshal.loads((pages / f"database/{index}-article").read_bytes())
                  if key.startswith(b"found")]]
    assert number == ["2026-septembre", "2026-November"]
    assert list(host.run("check", "old-times")[0]["pages"].values()) == ["kept"] * 5


def test_cron_s_jobs_are_told(tmp_path):
    pair = Pair(tmp_path, "debian", "source")
    table = pair.old.at("/etc/cron.d/mailman")
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text("0 8 * * * list [ -x /usr/lib/mailman/cron/checkdbs ] && "
                     "/usr/lib/mailman/cron/checkdbs\n"
                     "# 0 12 * * * list /usr/lib/mailman/cron/senddigests\n")
    notes = pair.run("--dry-run")["notes"]
    assert [note for note in notes if "checkdbs is in force on old" in note]
    code = pair.new.layout.code
    assert (f"crontab that new needs: 0 8 * * * mailman [ -x {code}/cron/checkdbs ] && "
            f"{code}/cron/checkdbs") in notes
    assert f"crontab that new needs: # 0 12 * * * mailman {code}/cron/senddigests" in notes
    move = ["-m", str(tmp_path / "move")]
    subprocess.run([sealed.program(), *move, "init", f"folder:{pair.old.root}",
                    f"folder:{pair.new.root}"], check=True, timeout=60, capture_output=True)
    done = subprocess.run([sealed.program(), *move, "--json", "survey"], timeout=60,
                          capture_output=True, check=True)
    jobs = {item["name"]: item for item in json.loads(done.stdout)["old"]["items"]
            if item["kind"] == "mailman job"}
    assert jobs["/etc/cron.d/mailman:1 checkdbs"]["detail"]["in_force"]
    assert not jobs["/etc/cron.d/mailman:2 senddigests"]["detail"]["in_force"]
