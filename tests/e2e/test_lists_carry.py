# SPDX-License-Identifier: BSD-2-Clause
"""`mailhaul lists carry`: a Mailman 2.1 site goes from one layout onto another.

Both hosts are folders. What is on either side is read by Python's own unpickler, with stubs in the
place of all classes, and by nothing of mailhaul's.
"""

import hashlib
import json
import marshal
import os
import pickle
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab import mover, sealed
from mailman21 import Bare, Site
from mailman21.defaults import new_list
from mailman21.pickling import marshalled, pickled

WWW, MAILMAN, LIST = 33, 1041, 38       # numbers: on both, on old, on Debian
PRIVATE, PUBLIC = "archives/private", "archives/public"
GROUPS = {"source": ("mailman", MAILMAN), "debian": ("list", LIST), "redhat": ("mailman", 41),
          "cpanel": ("mailman", 1042)}
TEMPLATES = {"source": "/usr/local/mailman/templates", "debian": "/etc/mailman"}
STRANGE = ("message.pck", "1+2+3.pck", "now+ab.bak")


# ── reading what Python 2 wrote ──────────────────────────────────────────────────────────────────

class Thing:
    """Any instance of any class: what its state is."""

    words, state = (), None     # old-style instances are made without a call

    def __init__(self, *words):
        self.words = words

    def __setstate__(self, state):
        self.state = state


class Reader(pickle._Unpickler):     # pylint: disable=protected-access
    """Gives every class the name that it had, and nothing else of it."""

    def find_class(self, module, name):
        return type(f"{module}.{name}", (Thing,), {})


def plain(value):
    """A value that can be compared: kinds are told apart, floats are equal to the last bit."""
    if isinstance(value, dict):
        rows = [(plain(key), plain(one)) for key, one in value.items()]
        return ("dict", sorted(rows, key=repr))
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, [plain(one) for one in value])
    if isinstance(value, Thing):
        return (type(value).__name__, plain(value.words), plain(value.state))
    if isinstance(value, type):
        return ("class", value.__name__)
    return (type(value).__name__, value.hex() if isinstance(value, (float, bytes)) else value)


def pickles(place: Path) -> list:
    """Every pickle of a file: (its octets, its value)."""
    data, found = place.read_bytes(), []
    with place.open("rb") as file:
        while file.tell() < len(data):
            begin = file.tell()
            value = Reader(file, encoding="bytes").load()
            found.append((data[begin:file.tell()], value))
    return found


# ── hosts ────────────────────────────────────────────────────────────────────────────────────────

class Installed(Site):
    """A site whose Defaults.py sets every path, as the one that Mailman generates does."""

    BELOW = {
        "QUEUE_DIR": {"OUT": "out", "CMD": "commands", "BOUNCE": "bounces", "NEWS": "news",
                      "ARCH": "archive", "SHUNT": "shunt", "VIRGIN": "virgin", "BAD": "bad",
                      "RETRY": "retry"},
        "VAR_PREFIX": {"PUBLIC_ARCHIVE_FILE_DIR": "archives/public", "SPAM_DIR": "spam",
                       "PRIVATE_ARCHIVE_FILE_DIR": "archives/private"},
        "PREFIX": {"TEMPLATE_DIR": "templates"},
    }

    def settings(self):
        super().settings()
        lines = [f"{name + 'QUEUE_DIR' if above == 'QUEUE_DIR' else name} = "
                 f"os.path.join({above}, '{below}')\n"
                 for above, rows in self.BELOW.items() for name, below in rows.items()]
        where = "'/etc/mailman'" if self.layout_name == "redhat" else "DATA_DIR"
        lines += [f"SITE_PW_FILE = os.path.join({where}, 'adm.pw')\n",
                  f"LISTCREATOR_PW_FILE = os.path.join({where}, 'creator.pw')\n"]
        for place in self.root.glob("usr/**/Mailman/Defaults.py"):
            with place.open("a", encoding="ascii") as file:
                file.writelines(lines)

    def password(self, name: str) -> Path:
        """Where adm.pw and its sister lie."""
        return self.at("/etc/mailman", name) if self.layout_name == "redhat" else self.var("data", name)

    def data(self):
        super().data()
        for name in ("adm.pw", "creator.pw"):
            self.var("data", name).rename(self.password(name))

    def release(self, version: str) -> None:
        """Another Mailman than 2.1.39."""
        (place,) = self.root.glob("usr/**/Mailman/Version.py")
        place.write_text(f"VERSION = '{version}'\n", encoding="ascii")


class BareInstalled(Bare, Installed):
    """Both."""


def people(root: Path, layout: str) -> None:
    """passwd(5) and group(5) of a host."""
    name, number = GROUPS[layout]
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/passwd").write_text(
        f"root:x:0:0::/root:/bin/sh\nwww-data:x:{WWW}:{WWW}::/var/www:/bin/false\n"
        f"{name}:x:{number}:{number}::/var:/bin/false\n")
    (root / "etc/group").write_text(
        f"root:x:0:\nwww-data:x:{WWW}:\n{name}:x:{number}:\n")
    mark = {"debian": "debian_version", "redhat": "redhat-release"}.get(layout)
    if mark:
        (root / "etc" / mark).write_text("7\n")


def own(root: Path, layout: str) -> None:
    """All of a site belongs to its Mailman."""
    _, number = GROUPS[layout]
    for path in root.rglob("*"):
        if "etc" not in path.relative_to(root).parts[:1]:
            os.lchown(path, number, number)


class Pair:
    """An old host with a site on it, and a new one that waits for it."""

    def __init__(self, place: Path, old: str, new: str):
        self.place, self.layout = place, new
        self.old = Installed(place / "old", old).make()
        self.new = BareInstalled(place / "new", new).make()
        people(self.old.root, old)
        people(self.new.root, new)
        own(self.old.root, old)
        own(self.new.root, new)

    def run(self, *words: str, expect: int = mover.GOOD, verb: str = "carry") -> dict:
        """One call; its JSON."""
        done = subprocess.run(self.words(*words, verb=verb), capture_output=True, text=True, timeout=120,
                              check=False)
        assert done.returncode == expect, done.stdout + done.stderr
        return json.loads(done.stdout) if done.stdout else {}

    def words(self, *words: str, verb: str = "carry") -> list:
        """The command line."""
        return [sealed.program(), "--json", "lists", verb, "--from",
                f"folder:{self.old.root}", "--to", f"folder:{self.new.root}", "--state",
                str(self.place / "state"), *words]

    def on_new(self, path: str) -> Path:
        """A path of old's by its place on new."""
        for begin, end in ((self.old.layout.queues, self.new.layout.queues),
                           (self.old.layout.var, self.new.layout.var)):
            if path.startswith(begin + "/"):
                return self.new.at(end + path[len(begin):])
        raise AssertionError(path)

    def files(self, *below: str):
        """Regular files of old below VAR_PREFIX, as (path of the host, place)."""
        for place in sorted(self.old.var(*below).rglob("*")):
            if place.is_file() and not place.is_symlink():
                yield "/" + str(place.relative_to(self.old.root)), place


def never_travels(path: str) -> bool:
    """Locks, and what a save left torn."""
    return bool(re.search(r"\.lock(\.|$)|\.pck\.tmp", path))


def changes(result: dict) -> int:
    """How much a pass did."""
    return result["links"] + sum(part[kind] for part in result["parts"] for kind in
                                 ("created", "updated", "attributes", "removed", "failed"))


def snapshot(root: Path) -> dict:
    """All that a host has: kinds, modes, owners, contents, times."""
    found = {}
    for path in sorted(root.rglob("*")):
        name, known = str(path.relative_to(root)), path.lstat()
        what = [oct(known.st_mode), known.st_uid, known.st_gid]
        if path.is_symlink():
            what.append(os.readlink(path))
        elif path.is_file():
            what += [hashlib.sha256(path.read_bytes()).hexdigest(), known.st_mtime_ns]
        found[name] = what
    return found


def contents(root: Path) -> dict[str, bytes]:
    """Its files, by name."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*"))
            if path.is_file()}


def plant(pair: Pair) -> None:
    """What makes a move go wrong when it is copied blindly."""
    old = pair.old
    private = old.var(PRIVATE)
    for lock in (private / "talk/database/2026-November-article.lock",
                 private / "talk/attachments/20261122/x.lock.old.example.org.7.0",
                 old.var("lists/talk/talk.lock")):
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.write_text("/locks")
    (old.var("lists/talk") / "config.pck.tmp.old.example.org.77").write_bytes(b"torn")
    old.var("data/master-qrunner.pid").write_text("77\n")
    # a crash while pipermail wrote it
    os.truncate(private / "talk/database/2026-October-author", 40)
    os.chown(old.var("lists/announce/config.pck"), WWW, GROUPS[old.layout_name][1])
    os.chown(old.var("lists/talk/digest.mbox"), 0, 0)
    old.var("lists/talk/digest.mbox").chmod(0o640)
    for name in STRANGE:
        old.at(old.layout.queues, "in", name).write_bytes(b"N.")
    # bin/update of an upgrade has taken a text for a message
    old.at(old.layout.queues, "commands", "1795360000.5+" + "b" * 40 + ".pck").write_bytes(
        pickled("From: a@example.org\n\n", 1)
        + pickled({"listname": "talk", "_parsemsg": False, "whichq": "/gone/commands"}, 1))
    # Mailman gives these up at an hour that does not move with the move
    for number, until in enumerate((1.0, 4e9)):
        old.at(old.layout.queues, "retry", f"179536000{number}.5+{'e' * 40}.pck").write_bytes(
            pickled("From: a@example.org\n\n", 0) + pickled(
                {"listname": "talk", "_parsemsg": True, "deliver_until": until}, 0))
    # the same link, made by a tool that follows links
    link = old.var(PUBLIC, "announce")
    link.unlink()
    shutil.copytree(private / "announce", link, symlinks=True)
    # new had been tried once, by such a tool
    stale = pair.new.var(PUBLIC, "entwickler")
    stale.mkdir(parents=True)
    (stale / "index.html").write_text("private words")
    pair.new.var(PUBLIC, "nihongo").symlink_to("/var/lib/mailman/archives/private/nihongo")
    pair.new.var(PUBLIC, "talk").symlink_to("/home/mailman/archives/private/talk")


@pytest.fixture(name="pair", params=[("source", "debian"), ("debian", "redhat")],
                ids=lambda pair: "-to-".join(pair))
def fixture_pair(request, tmp_path):
    """Two layouts, and all that can go wrong."""
    made = Pair(tmp_path, *request.param)
    plant(made)
    return made


# ── what has to be seen ──────────────────────────────────────────────────────────────────────────

def check_lists(pair: Pair) -> None:
    """Each value of each list."""
    seen = 0
    for path, place in pair.files("lists"):
        if never_travels(path):
            assert not pair.on_new(path).exists(), path
            continue
        there = pair.on_new(path)
        assert there.read_bytes() == place.read_bytes(), path
        if place.suffix == ".pck" and not path.endswith("/torn/config.pck"):
            assert plain([v for _, v in pickles(there)]) == plain([v for _, v in pickles(place)])
            seen += 1
    assert seen >= len(pair.old.lists)


def check_data(pair: Pair) -> None:
    """Held messages, events, passwords; and what is new's own."""
    data = pair.new.var("data")
    held = [place.name for _, place in pair.files("data") if place.name.startswith("heldmsg-")]
    assert len(held) > 3
    for name in [*held, "bounce-events-10628.pck"]:
        assert (data / name).read_bytes() == pair.old.var("data", name).read_bytes()
    assert (data / "last_mailman_version").read_bytes() == b"0x20127f1\n"
    assert not (data / "master-qrunner.pid").exists() and not (data / "aliases").exists()
    for name in ("adm.pw", "creator.pw"):
        there = pair.new.password(name)
        assert there.read_bytes() == pair.old.password(name).read_bytes()
        assert stat.S_IMODE(there.stat().st_mode) == 0o640
        assert there.stat().st_gid == GROUPS[pair.layout][1]
    assert pair.new.var("spam/spam-talk-15.msg").exists()


def check_queues(pair: Pair) -> None:
    """The same entries, in the same queues, in the same state."""
    old, new = (site.at(site.layout.queues) for site in (pair.old, pair.new))
    names = {str(path.relative_to(old)) for path in old.rglob("*") if path.is_file()}
    carried = {name for name in names
               if not never_travels(name) and Path(name).name not in STRANGE}
    assert {str(p.relative_to(new)) for p in new.rglob("*") if p.is_file()} == carried
    assert any(name.endswith(".bak") for name in carried)
    assert any(name.endswith(".psv") for name in carried)
    pointed = 0
    for name in sorted(carried):
        (text, _), (_, metadata) = pickles(old / name)
        (text_there, _), (_, there) = pickles(new / name)
        assert text == text_there, name
        if b"whichq" in metadata:
            queue = Path(metadata[b"whichq"].decode()).name
            assert there[b"whichq"] == f"{pair.new.layout.queues}/{queue}".encode()
            metadata[b"whichq"] = there[b"whichq"]
            pointed += 1
            # a runner takes it again
            metadata[b"_parsemsg"] = isinstance(pickles(new / name)[0][1], bytes)
        else:
            assert (new / name).read_bytes() == (old / name).read_bytes()
        assert plain(there) == plain(metadata), name
    assert pointed == 2


def check_archives(pair: Pair) -> None:
    """Private ones whole; public ones by links, and none that is not public."""
    for path, place in pair.files(PRIVATE):
        if never_travels(path):
            assert not pair.on_new(path).exists()
        else:
            assert pair.on_new(path).read_bytes() == place.read_bytes()
    public = {name for name, one in pair.old.truth["lists"].items()
              if not one["archive"]["private"]}
    there = {place.name: os.readlink(place) for place in pair.new.var(PUBLIC).iterdir()}
    assert there == {name: f"{pair.new.layout.var}/{PRIVATE}/{name}" for name in public}
    assert not stat.S_IMODE(pair.new.var(PRIVATE).stat().st_mode) & 0o004


def check_rights(pair: Pair) -> None:
    """Mailman's group can do all, by bin/check_perms' rules."""
    _, number = GROUPS[pair.layout]
    for top in (pair.new.var("lists"), pair.new.var(PRIVATE), pair.new.at(pair.new.layout.queues)):
        for path in top.rglob("*"):
            known = path.lstat()
            assert known.st_gid == number, path
            if path.is_dir() and not path.is_symlink():
                assert known.st_mode & 0o2770 == 0o2770, path
            elif not path.is_symlink():
                assert known.st_mode & 0o660 == 0o660, path
    assert pair.new.var("lists/announce/config.pck").stat().st_uid == WWW
    assert pair.new.var("lists/talk/config.pck").stat().st_uid == number
    assert list(pair.new.at(pair.new.layout.locks).glob("*")) == []


@pytest.mark.parametrize("pair", [("source", "debian"), ("debian", "redhat"), ("redhat", "cpanel")],
                         ids="-to-".join, indirect=True)
def test_a_site_goes_onto_another_layout_and_nothing_of_it_is_lost(pair):
    dry = pair.run("--dry-run", expect=mover.NO)
    assert not pair.new.var("lists/talk").exists()
    first = pair.run(expect=mover.NO)
    for name in STRANGE:
        assert any(name in words for words in first["failed"])
    assert len(first["failed"]) == len(STRANGE), first["failed"]
    assert first["lists"] == dry["lists"] == len(pair.old.lists) and first["whichq"] == 2
    assert any("announce: is a copy of the archive" in words for words in first["notes"])
    assert any("entwickler: is no link" in words for words in first["notes"])
    for words in (".pck.tmp: was never whole", "is text, and not marked", "cull_bad_shunt"):
        assert any(words in line for line in first["notes"]), words
    for words in ("/in: what a runner was at when it ended (.bak)",
                  ".pck: Mailman gives it up, and tells nobody, when a try fails behind 1970-01-01T"):
        assert sum(words in line for line in first["notes"]) == 1, words
    assert not any("behind 2096-" in line for line in first["notes"])
    assert [line.partition(": cPanel's script")[0] for line in first["notes"] if "cPanel" in line] == (
        [pair.new.at(pair.new.layout.queues, "out").as_posix()[len(str(pair.new.root)):]]
        if pair.layout == "cpanel" else [])
    check_lists(pair)
    check_data(pair)
    check_queues(pair)
    check_archives(pair)
    check_rights(pair)
    before = snapshot(pair.new.root)
    second = pair.run(expect=mover.NO)
    assert changes(second) == 0, second["parts"]
    assert snapshot(pair.new.root) == before
    compared = pair.run("--verify", expect=mover.NO)
    assert compared["failed"] == first["failed"]
    cut = [words for words in compared["notes"] if "the next post would write over" in words]
    assert len(cut) == 1 and cut[0].startswith("talk/database/2026-October-author: "), cut


def test_what_changed_on_old_travels_and_what_was_done_there_goes(pair):
    pair.run(expect=mover.NO)
    for name in STRANGE:
        pair.old.at(pair.old.layout.queues, "in", name).unlink()
    old, queues = pair.old, pair.old.at(pair.old.layout.queues)
    done = sorted((queues / "in").glob("*.pck"))[0]
    held = sorted(old.var("data").glob("heldmsg-talk-*.pck"))[0]
    done.unlink()
    held.unlink()
    config = old.var("lists/talk/config.pck")
    (_, value), = pickles(config)
    value[b"archive_private"] = 1
    config.write_bytes(pickle.dumps({k: v for k, v in value.items() if k != b"bounce_info"}, 1))
    # Mailman saves it behind config.pck: a pass can come between the two
    requests = old.var("lists/announce/request.pck")
    requests.write_bytes(pickled({"version": (0, 1), 1: (3, "reader1@example.net")}))
    told = pair.run("--verify", expect=mover.NO)["failed"]
    assert [line for line in told if re.search("^announce: .*/announce/request.pck: has other", line)]
    second = pair.run()
    assert sum(part["removed"] for part in second["parts"]) == 2
    assert not (pair.new.at(pair.new.layout.queues, "in") / done.name).exists()
    assert not pair.new.var("data", held.name).exists()
    assert not os.path.lexists(pair.new.var(PUBLIC, "talk"))
    assert pair.new.var(PUBLIC, "announce").is_symlink()
    assert changes(pair.run()) == 0
    assert pair.run("--verify")["failed"] == []


def test_a_comparison_names_what_differs_by_list_and_file(pair):
    pair.run(expect=mover.NO)
    for name in STRANGE:
        pair.old.at(pair.old.layout.queues, "in", name).unlink()
    assert pair.run("--verify")["failed"] == []
    new = pair.new
    config = new.var("lists/talk/config.pck")
    (_, value), = pickles(config)
    value[b"max_message_size"] = 4711
    # as Mailman would save it: another order, the same values but one
    config.write_bytes(pickled({"max_message_size": 4711}))
    new.var("lists/announce/config.pck").chmod(0o600)
    new.var(PUBLIC, "nihongo").symlink_to("../private/nihongo")
    new.var(PUBLIC, "announce").unlink()
    shunted = [path for path in new.at(new.layout.queues, "shunt").iterdir()
               if b"whichq" in path.read_bytes()]
    shunted[0].write_bytes(shunted[0].read_bytes().replace(b"tolist", b"toOLst"))
    sorted(new.var("data").glob("heldmsg-*.pck"))[0].unlink()
    told = pair.run("--verify", expect=mover.NO)["failed"]
    for words in (r"talk: .*/lists/talk/config.pck: has other values",
                  r"announce: .*/lists/announce/config.pck: has another",
                  r"nihongo: .*/public/nihongo: is in public",
                  r"announce: .*/public/announce: is missing",
                  r"shunt/.*: has other values", r"data/heldmsg-.*: is missing"):
        assert sum(bool(re.search(words, line)) for line in told) == 1, (words, told)
    assert len(told) == 6, told


def test_a_wave_goes_alone_and_what_was_opened_is_left_alone(pair):
    for name in STRANGE:
        pair.old.at(pair.old.layout.queues, "in", name).unlink()
    first = pair.run("entwickler", "nihongo")
    assert first["lists"] == 2
    new = pair.new
    assert {place.name for place in new.var("lists").iterdir()} == {
        "mailman", "entwickler", "nihongo"}
    assert {place.name for place in new.var(PRIVATE).iterdir()} == {
        "entwickler", "entwickler.mbox", "nihongo", "nihongo.mbox"}
    entries = [path for path in new.at(new.layout.queues).rglob("*") if path.is_file()]
    assert len(entries) == 3
    for path in entries:
        assert pickles(path)[1][1][b"listname"] in (b"entwickler", b"nihongo"), path
    assert not [words for words in first["notes"] if "goes without the other" in words]
    told = pair.run("--dry-run", "talk")["notes"]
    assert any(words.startswith("talk: accept_these_nonmembers names announce") for words in told)
    held = {path.name.rsplit("-", 1)[0] for path in new.var("data").glob("heldmsg-*")}
    assert held <= {"heldmsg-entwickler", "heldmsg-nihongo"} and held
    assert pair.run("--verify", "entwickler", "nihongo")["failed"] == []
    pair.run("--opened", "never-carried", expect=mover.PERSON)
    pair.run("--opened", "entwickler", "nihongo")
    # they live on new now, and old does not know
    configs = [new.var("lists", name, "config.pck") for name in ("entwickler", "nihongo")]
    for config in configs:
        config.write_bytes(pickled({"members": {"new@example.org": 0}}))
    entries[0].unlink()
    mine = new.at(new.layout.queues, "in", "1900000000.5+" + "a" * 40 + ".pck")
    mine.write_bytes(pickled("x", 0) + pickled({"listname": "entwickler", "_parsemsg": True}, 0))
    shutil.rmtree(pair.old.var("lists/entwickler"))
    pair.run()
    for config in configs:
        assert pickles(config)[0][1] == {b"members": {b"new@example.org": 0}}
    assert not entries[0].exists()
    assert mine.exists() and new.var("lists/talk/config.pck").exists()


def onto_another_disk(pair: Pair, place: Path) -> Path:
    """Moves a directory of old away, and leaves a link to it, as an administrator of a full disk does."""
    disk = pair.old.at("/disk2")
    disk.mkdir(exist_ok=True)
    place.rename(disk / place.name)
    place.symlink_to("/disk2/" + place.name)
    return disk / place.name


def contents(root: Path) -> dict:
    """Every file that travels, by its place below the root."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*"))
            if path.is_file() and not path.is_symlink() and not never_travels(str(path))}


def test_lists_and_archives_on_another_disk_come_along_and_a_lost_one_is_named(tmp_path):
    pair = Pair(tmp_path, "source", "debian")
    old, new = pair.old, pair.new
    for lock in old.var(PRIVATE).rglob("*.lock"):
        lock.unlink()
    assert not old.truth["lists"]["announce"]["archive"]["private"]
    mbox = old.var(PRIVATE, "announce.mbox", "announce.mbox")
    mbox.write_bytes(b"From a\n\nx\n\n")
    os.chown(mbox, MAILMAN, MAILMAN)
    moved = {name: onto_another_disk(pair, old.var(name)) for name in (
        "lists/entwickler", f"{PRIVATE}/announce", f"{PRIVATE}/announce.mbox")}
    # as an earlier mailhaul left it
    new.var(PRIVATE).mkdir(parents=True, exist_ok=True)
    new.var(PRIVATE, "announce").symlink_to("/disk2/announce")
    first = pair.run()
    assert first["lists"] == len(old.lists)
    for name, place in moved.items():
        assert not new.var(name).is_symlink() and new.var(name).is_dir()
        assert contents(new.var(name)) == contents(place) != {}
        assert stat.S_IMODE(new.var(name).stat().st_mode) & 0o2770 == 0o2770
        assert new.var(name).stat().st_gid == LIST
        assert sum(str(place.name) + ":" in note and "is a directory on new" in note
                   for note in first["notes"]) == 1, first["notes"]
    assert os.readlink(new.var(PUBLIC, "announce")) == f"{new.layout.var}/{PRIVATE}/announce"
    assert "entwickler" in {row["list"] for row in pair.run(verb="waves")}
    before = snapshot(new.root)
    again = pair.run()
    assert changes(again) == 0, again["parts"]
    assert snapshot(new.root) == before
    assert pair.run("--verify")["failed"] == []
    # what goes on there travels, and what differs is seen
    (moved[f"{PRIVATE}/announce.mbox"] / "announce.mbox").open("ab").write(b"From b\n\nx\n")
    told = pair.run("--verify", expect=mover.NO)["failed"]
    assert len(told) == 1 and told[0].startswith("announce: "), told
    pair.run("announce")
    assert pair.run("--verify")["failed"] == []

    # a disk that is not mounted; one that Mailman may not write to; a link that new can't follow
    shutil.rmtree(moved[f"{PRIVATE}/announce"])
    secret = old.at("/root/keys")
    secret.mkdir(parents=True)
    (secret / "id").write_text("secret")
    old.var(PRIVATE, "leak").symlink_to("/root/keys")
    old.var("lists/talk/en").mkdir(exist_ok=True)
    old.var("lists/talk/en/listinfo.html").unlink(missing_ok=True)
    old.var("lists/talk/en/listinfo.html").symlink_to("/disk2/listinfo.html")
    for words in ((), ("--verify",), ("--dry-run",)):
        told = sorted(pair.run(*words, expect=mover.NO)["failed"])
        told = [line for line in told if "symbolic link" in line]
        assert [line.partition(":")[0] for line in told] == ["announce", "leak", "talk"], told
        assert "which leads nowhere" in told[0] and "neither of Mailman" in told[1]
    assert not os.path.lexists(new.var(PRIVATE, "leak"))


def test_edited_templates_of_a_language_are_named(tmp_path):
    pair = Pair(tmp_path, "source", "debian")
    for number, site in enumerate((pair.old, pair.new)):
        place = site.at(TEMPLATES[site.layout_name])
        for name, text in (("de/listinfo.html", b"ours" if number == 0 else b"theirs"),
                           ("de/subscribe.txt", b"the same"), ("fr/options.html", b"the same")):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(text)
    told = [note for note in pair.run()["notes"] if "listinfo.html: not carried" in note]
    assert len(told) == 1 and told[0].startswith(f"{TEMPLATES['source']}/de: listinfo.html: "), told
    assert f"copy what was edited to {TEMPLATES['source']}/site/de on old" in told[0]
    assert pair.new.at(TEMPLATES["debian"], "de/listinfo.html").read_bytes() == b"theirs"
    # as the note says
    shutil.copytree(pair.old.at(TEMPLATES["source"], "de"), pair.old.at(TEMPLATES["source"], "site/de"))
    pair.run()
    assert pair.new.at(TEMPLATES["debian"], "site/de/listinfo.html").read_bytes() == b"ours"


def test_owners_go_by_name_and_who_is_not_on_new_gives_way_to_mailman(tmp_path):
    pair = Pair(tmp_path, "source", "debian")
    there = pair.new.at("/etc/passwd")
    # 33 is another's there, and what has no name on old has a number that is somebody's
    there.write_text(there.read_text().replace(f"www-data:x:{WWW}:{WWW}:", "www-data:x:48:48:")
                     + f"games:x:{WWW}:{WWW}::/:/bin/false\nbackup:x:1500:1500::/:/bin/false\n")
    with pair.old.at("/etc/passwd").open("a", encoding="ascii") as file:
        file.write("anna:x:1500:1500::/home/anna:/bin/sh\n")
    owners = {"announce": (WWW, 48), "talk": (1500, LIST), "nihongo": (4242, LIST),
              "entwickler": (0, 0), "old-times": (MAILMAN, LIST)}
    for name, (number, _) in owners.items():
        os.chown(pair.old.var("lists", name, "config.pck"), number, 1500)
    pair.run()
    for name, (_, number) in owners.items():
        known = pair.new.var("lists", name, "config.pck").stat()
        assert (known.st_uid, known.st_gid) == (number, LIST), name
        assert known.st_mode & 0o660 == 0o660
    assert pair.run("--verify")["failed"] == []
    assert changes(pair.run()) == 0


def waiting(site, name: bytes) -> dict:
    """Entries of one list in the queues of a host; what lies beside them does not count."""
    found = {}
    for path in site.at(site.layout.queues).glob("*/*"):
        if path.suffix in (".pck", ".bak", ".psv") and path.parent.suffix != ".moved-by-mailhaul":
            (_, (_, data)) = pickles(path)
            if data.get(b"listname") == name:
                found[f"{path.parent.name}/{path.name}"] = path.read_bytes()
    return found


def test_what_waits_for_a_wave_is_on_one_side_and_can_go_back(tmp_path):
    pair = Pair(tmp_path, "source", "debian")
    rows = pair.run("--waves", "4", verb="waves")
    assert rows[-1]["list"] == "mailman" and {row["wave"] for row in rows} == {1, 2, 3, 4}
    assert [row["members"] for row in rows if row["list"] == "talk"][0] > 5
    wave = [row["wave"] for row in rows if row["list"] == "talk"][0]
    names = {row["list"] for row in rows if row["wave"] == wave}
    pair.run("talk", verb="open", expect=mover.PERSON)      # nobody has brought it
    pair.run("--no-queues", "--wave", str(wave))
    assert {path.name for path in pair.new.var("lists").iterdir()} - {"mailman"} == names - {"mailman"}
    before, others = waiting(pair.old, b"talk"), waiting(pair.old, b"entwickler")
    assert len(before) > 4 and waiting(pair.new, b"talk") == {}

    pair.run("--wave", str(wave), verb="open")
    assert waiting(pair.old, b"talk") == {} and waiting(pair.old, b"entwickler") == others
    there = waiting(pair.new, b"talk")
    assert there.keys() == before.keys()
    kept = pair.old.at(pair.old.layout.queues, "in.moved-by-mailhaul")
    assert {f"in/{path.name}" for path in kept.iterdir()} == {
        name for name in before if name.startswith("in/")}
    # a late one, by old's MTA; and new's runner has done one of the others
    late = pair.old.at(pair.old.layout.queues, "in", "1900000000.5+" + "d" * 40 + ".pck")
    late.write_bytes(pickled("x", 0) + pickled({"listname": "talk", "_parsemsg": True}, 0))
    done = sorted(name for name in there if name.startswith("in/"))[0]
    pair.new.at(pair.new.layout.queues, done).unlink()
    pair.run("talk", verb="open")
    assert waiting(pair.new, b"talk").keys() == before.keys() - {done} | {f"in/{late.name}"}
    assert waiting(pair.old, b"talk") == {}

    config = pair.new.var("lists/talk/config.pck")
    config.write_bytes(pickled({"members": {"joined@example.org": 0}}))
    pair.run("--back", "talk", verb="open")
    back = waiting(pair.old, b"talk")
    assert back.keys() == before.keys() - {done} | {f"in/{late.name}"}
    assert waiting(pair.new, b"talk") == {}
    assert all(back[name] == data for name, data in before.items() if name in back)
    assert b"joined" in pair.old.var("lists/talk/config.pck").read_bytes()
    assert b"joined" not in pair.old.var("lists.before-mailhaul/talk/config.pck").read_bytes()

    # and the same way again
    pair.run("--no-queues", "talk")
    pair.run("talk", verb="open")
    assert waiting(pair.new, b"talk").keys() == back.keys() and waiting(pair.old, b"talk") == {}


def test_killed_while_a_wave_opens_each_entry_is_on_one_side(tmp_path):
    pair = Pair(tmp_path, "source", "redhat")
    names = ("talk", "entwickler")
    pair.run("--no-queues", *names)
    before = {**waiting(pair.old, b"talk"), **waiting(pair.old, b"entwickler")}
    lists = {name: snapshot(pair.old.var("lists", name)) for name in names}
    times = int(os.environ.get("KILL_TIMES", "8"))

    def kill(*words: str) -> None:
        for number in range(times):
            with subprocess.Popen(pair.words(*names, *words, verb="open"),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                time.sleep(0.25 * (number + 0.5) / times)
                process.send_signal(signal.SIGKILL)

    kill()
    pair.run(*names, verb="open")
    for name in names:
        assert waiting(pair.old, name.encode()) == {}
        assert not pair.old.var("lists", name).exists()
        assert snapshot(pair.old.var("lists.moved-by-mailhaul", name)) == lists[name]
    there = {**waiting(pair.new, b"talk"), **waiting(pair.new, b"entwickler")}
    assert there.keys() == before.keys()
    # and back; what they were on old is kept, and what they are there is what they were on new
    kill("--back")
    pair.run(*names, "--back", verb="open")
    assert {**waiting(pair.old, b"talk"), **waiting(pair.old, b"entwickler")} == before
    for name in names:
        assert snapshot(pair.old.var("lists.before-mailhaul", name)) == lists[name]
        assert contents(pair.old.var("lists", name)) == contents(pair.new.var("lists", name))
        assert not pair.old.var("lists.moved-by-mailhaul", name).exists()


_BUSY = """
import os, sys, time
number = 0
while not os.path.exists(sys.argv[2]):
    with open(sys.argv[1] + ".new", "w") as file:
        file.write(str(number))
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    print(number, flush=True)
    number += 1
    time.sleep(0.002)
"""


def test_what_is_saved_on_old_while_a_list_goes_is_brought_or_refused(tmp_path):
    """Somebody at old's web pages: each save is a rename in the list's directory, or an error."""
    pair = Pair(tmp_path, "source", "debian")
    pair.run("--no-queues", "talk")
    page, enough = pair.old.var("lists/talk/request.pck"), tmp_path / "enough"
    with subprocess.Popen([sys.executable, "-c", _BUSY, str(page), str(enough)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as busy:
        assert busy.stdout.readline() == "0\n"
        went = subprocess.run(pair.words("talk", verb="open"), capture_output=True, check=False)
        assert page.exists() == (went.returncode != 0)      # as it was, and Mailman runs on
        enough.touch()
        saved = ["0", *busy.stdout.read().split()]
    pair.run("talk", verb="open")
    assert pair.new.var("lists/talk/request.pck").read_text() == saved[-1]
    assert pair.old.var("lists.moved-by-mailhaul/talk/request.pck").read_text() == saved[-1]


def test_a_list_that_lives_on_new_is_not_overwritten(pair):
    for name in STRANGE:
        pair.old.at(pair.old.layout.queues, "in", name).unlink()
    place = pair.new.var("lists/announce/config.pck")
    place.write_bytes(pickled({"members": {"somebody@example.org": 0}}))
    refused = pair.run(expect=mover.NO)
    assert [words for words in refused["failed"] if words.startswith("announce: ")]
    assert pickles(place)[0][1] == {b"members": {b"somebody@example.org": 0}}
    pair.run("--replace")
    assert place.read_bytes() == pair.old.var("lists/announce/config.pck").read_bytes()
    aside = pair.new.var("lists.before-mailhaul/announce/config.pck")
    assert pickles(aside)[0][1] == {b"members": {b"somebody@example.org": 0}}


def test_a_list_behind_a_link_of_new_is_not_replaced(tmp_path):
    """Somebody keeps it on another disk of new, and nobody has brought it."""
    pair = Pair(tmp_path, "source", "debian")
    place = pair.new.root / "srv/announce/config.pck"
    place.parent.mkdir(parents=True)
    place.write_bytes(pickled({"members": {"somebody@example.org": 0}}))
    link = pair.new.var("lists/announce")
    link.symlink_to("/srv/announce")
    refused = pair.run("--no-queues", "announce", expect=mover.NO)
    assert "with members, which nobody brought" in " ".join(refused["failed"]), refused["failed"]
    assert link.is_symlink() and [path.name for path in place.parent.iterdir()] == ["config.pck"]
    pair.run("--no-queues", "--replace", "announce")
    assert not link.is_symlink() and (link / "config.pck").exists()
    assert pair.new.var("lists.before-mailhaul/announce").is_symlink()
    assert pickles(place)[0][1] == {b"members": {b"somebody@example.org": 0}}


def test_halves_of_old_entries_stay_where_their_runner_is(tmp_path):
    """A newer Mailman does not read them: a .pck alone it would put into bad."""
    pair = Pair(tmp_path, "source", "debian")
    queue, new = (site.at(site.layout.queues, "in") for site in (pair.old, pair.new))
    halves = [f"1795360100.5+{digit * 40}{end}" for digit, ends in (("7", (".db", ".msg")),
                                                                    ("8", (".db", ".pck")))
              for end in ends]
    for name in halves:
        (queue / name).write_bytes(pickled("From: a@example.net\n\n.") if name.endswith(".pck")
                                   else b"{0" if name.endswith(".db") else b"From: a\n\n.\n")
    told = pair.run(expect=mover.NO)
    assert sorted(name for name in halves if any(name in line for line in told["failed"])) == halves
    assert not [name for name in halves if (new / name).exists()]
    assert sorted(place.name for place in new.iterdir()) == sorted(
        place.name for place in queue.iterdir() if place.name not in halves
        and not never_travels(place.name))


def test_what_another_mailman_does_not_read_is_told(tmp_path):
    """A list of 2.0 and its requests of 2.1.4, a Mailman that is older than the data, and a port."""
    pair = Pair(tmp_path, "source", "debian")
    old, new = (site.var("lists/ancient") for site in (pair.old, pair.new))
    values = new_list("ancient", 88, members=["first@example.org"], digest_members={})
    pair.old.put(old / "config.db", marshalled(values))
    pair.old.put(old / "request.db", marshalled({"version": (0, 1), 1: (3, "first@example.org")}))
    # somebody has made it on new already; Mailman would read that and nothing else
    pair.new.put(new / "config.pck", pickled(new_list("ancient")))
    (told,) = pair.run(expect=mover.NO)["failed"]
    assert told.startswith("ancient: request.db of Mailman 2.1.4 or older is carried as it is"), told
    assert {place.name for place in new.iterdir()} == {"config.db", "request.db"}
    assert marshal.loads((new / "config.db").read_bytes())[b"members"] == [b"first@example.org"]
    assert (pair.new.var("lists.before-mailhaul/ancient") / "config.pck").exists()
    assert pair.run("--verify", expect=mover.NO)["failed"] == [told]
    (old / "request.db").unlink()

    def failed(theirs: str, ours: str) -> list:
        pair.old.release(theirs)
        pair.new.release(ours)
        return sorted(pair.run("--dry-run", expect=mover.NO)["failed"])

    newer = failed("2.1.39", "2.1.12")
    assert [line.partition(":")[0] for line in newer] == sorted(
        set(pair.old.truth["lists"]) - {"old-times"})
    assert all("has data version 112, and new's Mailman 2.1.12 knows 97" in line for line in newer)
    (ported,) = failed("2.2.0", "2.1.39")
    assert ported.startswith("old: Mailman 2.2.0 there is a port to Python 3")
    # what each list has in other octets than UTF-8: a port takes the file for empty
    assert [line.partition(" has ")[0] for line in failed("2.1.39", "2.2.0")] == [
        "entwickler: request.pck", "talk: request.pck"]
    notes = pair.run("--dry-run", expect=mover.NO)["notes"]
    assert [note.partition("/")[0] for note in notes if "a port to Python 3, takes" in note] == ["nihongo"]


def test_another_charset_of_a_language_is_told_with_the_values_it_does_not_fit(tmp_path):
    """As Debian's 2.1.16 made of every language: Mailman ends with UnicodeDecodeError on these."""
    pair = Pair(tmp_path, "source", "debian")
    assert not [note for note in pair.run("--dry-run")["notes"] if "iso-8859-1" in note]
    with pair.new.at(pair.new.layout.settings, "mm_cfg.py").open("a", encoding="ascii") as file:
        file.write("add_language('de', 'German', 'utf-8', 'ltr')\n"
                   "add_language('en', 'English', 'utf-8', 'ltr')\n")
    # Mailman 2.1.19 mends those of an older one by itself
    with pair.old.at(pair.old.layout.settings, "mm_cfg.py").open("a", encoding="ascii") as file:
        file.write("add_language('ru', 'Russian', 'koi8-r', 'ltr')\n")
    for name, version in (("starina", 104), ("vchera", 112)):
        pair.old.put(pair.old.var("lists", name, "config.pck"), pickled(new_list(
            name, version, preferred_language="ru", info="\u0412\u0447\u0435\u0440\u0430".encode("koi8-r"))))
    notes = pair.run("--dry-run")["notes"]
    for name, words in (("starina", "by itself when it first loads"), ("vchera", "fails on them")):
        (told,) = [note for note in notes if note.startswith(f"{name}/config.pck: ")]
        assert told.startswith(f"{name}/config.pck: info are koi8-r") and words in told, told
    notes = [note for note in notes if ("the language has" in note or "no text" in note)
             and not note.startswith("vchera")]
    (told,) = [note for note in notes if note.startswith("entwickler/config.pck: ")
               and "Mailman fails" in note]
    truth = pickles(pair.old.var("lists/entwickler/config.pck"))[0][1]
    for name, value in truth.items():
        latin = repr(value).encode("ascii", "backslashreplace").find(rb"\x") >= 0
        assert (name.decode() in re.split(r"[ ,]+", told.partition(" are ")[0])) == latin, (name, told)
    assert re.search(r"usernames \([1-9]\d*\)", told)
    assert not [note for note in notes if note.startswith(("nihongo", "talk/", "old-times"))]
    assert any(note.startswith("broken/config") and "no text" in note for note in notes)


def test_killed_at_any_moment_and_run_again_it_is_the_same(tmp_path):
    pair = Pair(tmp_path, "source", "redhat")
    whole = Pair(tmp_path / "whole", "source", "redhat")
    begun = time.monotonic()
    whole.run()
    took = time.monotonic() - begun
    times = int(os.environ.get("KILL_TIMES", "8"))
    for number in range(times):
        with subprocess.Popen(pair.words(), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            time.sleep(took * (number + 0.5) / times)
            process.send_signal(signal.SIGKILL)
        public = pair.new.var(PUBLIC)
        assert not public.exists() or not {place.name for place in public.iterdir()} & {
            name for name, one in pair.old.truth["lists"].items() if one["archive"]["private"]}
        if number == times // 2:
            # old goes on meanwhile: its runner has done one
            for site in (pair, whole):
                sorted(site.old.at(site.old.layout.queues, "in").glob("*.pck"))[0].unlink()
    pair.run()
    whole.run()
    mine, other = ({name: [what for what in known if not isinstance(what, int) or what < 1 << 40]
                    for name, known in snapshot(site.new.root).items()} for site in (pair, whole))
    assert mine.keys() == other.keys()
    assert [name for name in mine if mine[name] != other[name]] == []
    assert changes(pair.run()) == 0
    assert pair.run("--verify")["failed"] == []


def test_urls_that_are_dead_on_new_are_told_with_what_mends_them(tmp_path):
    pair = Pair(tmp_path, "source", "debian")
    url, web, mail = "http://www.example.org/mailman/", "www.example.org", "lists.example.org"
    assert not [note for note in pair.run("--dry-run")["notes"] if "web_page_url" in note]
    (defaults,) = pair.new.root.glob("usr/**/Mailman/Defaults.py")
    plain_defaults = defaults.read_text()

    def told(pattern: str, *words: str) -> list:
        defaults.write_text(plain_defaults + f"DEFAULT_URL_PATTERN = '{pattern}'\n")
        return [note for note in pair.run("--dry-run", *words)["notes"] if "web_page_url" in note]

    assert told("http://%s/mailman/") == []
    one, note = sorted(told("https://%s/cgi-bin/mailman/"))
    assert one.startswith("http://example.org/mailman/: is web_page_url of 1 list (news_example.org),")
    assert note.startswith(f"{url}: is web_page_url of ")
    # all others: the torn one's is in what Mailman kept beside it
    names = re.search(r" of (\d+) lists \(announce, \S+, \S+ and (\d+) more\),", note)
    others = len(pair.old.truth["lists"]) - 1
    assert (int(names[1]), int(names[2])) == (others, others - 3)
    assert "`mailhaul lists rename --url-scheme https --url-path /cgi-bin/mailman/ LIST`" in note
    (note,) = told("http://%s/cgi-bin/mailman/", "talk")
    assert "of 1 list (talk)" in note and " rename --url-path /cgi-bin/mailman/ LIST`" in note

    def hosts(line: str) -> list:
        defaults.write_text(plain_defaults.replace("import os\n", (
            "import os\nVIRTUAL_HOSTS = {}\n"), 1))
        with pair.new.at(pair.new.layout.settings, "mm_cfg.py").open("a", encoding="ascii") as file:
            file.write(f"VIRTUAL_HOSTS.clear()\n{line}\n")
        return [note for note in pair.run("--dry-run", "talk")["notes"] if "VIRTUAL_HOSTS" in note]

    assert hosts(f"add_virtualhost('{web}', '{mail.upper()}')") == []
    (note,) = hosts("add_virtualhost('www.example.net', 'example.net')")
    assert f"add_virtualhost('{web}', '{mail}')" in note
    assert "rename --web-host HOST --mail-host HOST LIST" in note
    (note,) = hosts(f"add_virtualhost('{web}', 'example.net')")
    assert "of 1 list (talk)" in note and "rename --mail-host example.net LIST" in note
