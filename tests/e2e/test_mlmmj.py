# SPDX-License-Identifier: BSD-2-Clause
"""`mailhaul lists convert` gives the twelve lists of tests/mailman21 to Debian's mlmmj, as it is.

Its own programs say who is a member, deliver posts, ask moderators and make digests.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from lab import mailman3, mlmmj, sealed
from lab.sealed import wait_for
from mailman21 import Site
from mailman21.persons import Person

MAILHAUL = sealed.program()
pytestmark = pytest.mark.xdist_group("mlmmj")       # one spool for all
HOST = "lists.example.org"
NO_ADDRESS = {"7", "nodomain", "latin\\xe9@example.com"}


def convert(site, spool, *words, code=1):
    """What it says of each list, by name; of twelve, some always have something that is refused."""
    done = subprocess.run([MAILHAUL, "--json", "lists", "convert", "--site", site.root, "--to", "mlmmj",
                           "--folder", spool.folder, "--texts", mlmmj.TEXTS, *(words or ("--all",))],
                          capture_output=True, timeout=300, check=False)
    assert done.returncode == code, done.stderr.decode()
    return {one["list"].partition("@")[0]: one for one in json.loads(done.stdout)}


def kind_of(person: Person) -> str:
    """Which of mlmmj's rosters has to have a member."""
    return "-n" if person.status or person.options & 1 else "-d" if person.digest else "-s"


def address_of(person: Person) -> str:
    """As it was typed."""
    return person.shown() or person.key


@pytest.fixture(name="lab", scope="module")
def fixture_lab(tmp_path_factory):
    """A site of 2.1, a spool that was empty, whoever its mail goes to, and what the first run said."""
    if not mlmmj.is_here():
        pytest.skip(f"{mlmmj.FOLDER} has no mlmmj: tools/install-packages check unpacks it")
    site = Site(tmp_path_factory.mktemp("old"), "source").make()
    at = Path(tempfile.mkdtemp(prefix="mlmmj-", dir="/var/tmp"))
    at.chmod(0o755)
    try:
        with mailman3.Sink() as sink:
            spool = mlmmj.Spool(at / "spool", sink.port)
            yield site, spool, sink, convert(site, spool)
    finally:
        shutil.rmtree(at)


@pytest.fixture(name="mails")
def fixture_mails(lab):
    """Whom each mail of this test went to, and its octets."""
    sink = lab[2]
    sink.mails.clear()
    return sink.mails


def expect(mails, expected):
    """Just these get a mail, each one."""
    wait_for(lambda: len(mails) >= len(expected), 120, f"{len(expected)} mails")
    assert sorted(to for _, all_to, _ in mails for to in all_to) == sorted(expected)


def test_the_report_names_every_attribute_once(lab):
    """Set, carried, left or not needed; and those that are left say why. Each member is there, or refused."""
    site, _, _, said = lab
    for one in site.lists:
        report = said[one.name.removesuffix("_example.org")]
        rows = report["attributes"]
        assert sorted(row["attribute"] for row in rows) == sorted(one.config), one.name
        assert not [row for row in rows if row["fate"] in ("left", "not needed") and not row["why"]]
        assert (report["error"], report["differs"]) == (None, []), one.name
        refused = {row["who"] for row in report["refused"] if row["what"] == "member"}
        assert refused == (NO_ADDRESS if one.name == "broken" else set())
        assert report["members"] == report["there"] + len(refused)


def test_its_own_programs_find_every_member(lab):
    """By the kind of delivery that 2.1 knows, with the case that was typed."""
    site, spool, _, _ = lab
    for one in site.lists:
        for kind in ("-s", "-d", "-n"):
            there = spool.members(one.name, kind)
            expected = sorted(address_of(person) for person in one.people if kind_of(person) == kind)
            if one.name == "broken":
                assert set(expected) <= set(there)
            else:
                assert there == expected, (one.name, kind)


def test_every_setting_is_in_its_file(lab):
    """As the lists' maker says; all files are those of whoever owns the spool."""
    _, spool, _, _ = lab

    def control(name, file):
        path = spool.folder / name / "control" / file
        return path.read_text("utf-8") if path.exists() else None

    assert control("talk", "listaddress") == f"talk@{HOST}\n"
    assert control("talk", "owner") == "owner@example.org\n"
    assert control("talk", "moderators") == "mod@example.net\nowner@example.org\n"
    assert control("talk", "prefix") == "[Talk]\n"
    assert control("talk", "footer") == "-- \nhttp://www.example.org/mailman/listinfo/talk\n"
    assert control("talk", "maxmailsize") == "40960\n" and control("announce", "maxmailsize") is None
    assert control("talk", "modreqlife") == f"{30 * 86400}\n"
    assert control("talk", "modnonsubposts") == "" and control("talk", "subonlypost") is None
    assert control("talk", "moderated") is None and control("c++-users", "moderated") == ""
    assert control("c++-users", "delimiter") == "=\n" and control("talk", "delimiter") is None
    assert control("entwickler", "submod") == "owner@example.org\n"
    assert control("entwickler", "subonlyget") == "" and control("talk", "subonlyget") is None
    assert "Reply-To: office@example.org\n" in control("announce", "customheaders")
    assert f'List-Id: "Talk & \\"quotes\\", 100% of it" <talk.{HOST}>\n' in control("talk", "customheaders")
    rules = control("talk", "access").splitlines()
    assert rules[:3] == ["discard X-Spam-Flag: yes", "discard X-Spam: high", "moderate Subject: buy"]
    assert "send ^From:(.*[ <,])?friend@example\\.com([> ,(].*)?$" in rules
    assert "moderate ^From:(.*[ <,])?(.*@odd\\.example\\.com)([> ,(].*)?$" in rules
    assert rules[-1] == "allow" and len([rule for rule in rules if "option128" in rule]) == 1
    assert "Viele Gr\xfc\xdfe\n" in control("entwickler", "footer")
    text = spool.folder / "entwickler/text/prologue"
    assert text.read_bytes() == (mlmmj.TEXTS / "de/prologue").read_bytes()
    assert (spool.folder / "talk/index").read_text("utf-8") == "350\n"
    for path in spool.folder.rglob("*"):
        if path.name == "smtpport":     # the test's own
            continue
        assert (path.stat().st_uid, path.stat().st_gid) == (mlmmj.USER, mlmmj.USER), path
        assert not path.stat().st_mode & 0o007, path


def test_a_post_goes_to_exactly_the_members_and_then_into_a_digest(lab, mails):
    """With prefix, footer and headers; who wants no mail gets none."""
    site, spool, _, _ = lab
    talk = next(one for one in site.lists if one.name == "talk")
    spool.post("talk", "bob@example.net", f"talk@{HOST}", "hello")
    expect(mails, [address_of(person) for person in talk.people if kind_of(person) == "-s"])
    text = mails[0][2]
    assert b"\r\nSubject: [Talk] hello\r\n" in text and b"\r\nPrecedence: list\r\n" in text
    assert b"\r\nList-Post: <mailto:talk@lists.example.org>\r\n" in text
    assert b"http://www.example.org/mailman/listinfo/talk\r\n" in text
    assert mails[0][0].startswith("talk+bounces-351-")      # it counts on where 2.1 has ended
    mails.clear()
    # mlmmj-maintd looks into control/digestinterval by itself
    subprocess.run([mlmmj.FOLDER / "usr/bin/mlmmj-maintd", "-F", "-L", spool.folder / "talk"], timeout=120,
                   check=True, capture_output=True)
    expect(mails, [address_of(person) for person in talk.people if kind_of(person) == "-d"])
    assert b"[Talk] hello" in mails[0][2]


def test_who_has_to_wait_waits(lab, mails):
    """Who is moderated, and who is no member; but who is let in passes, and who is thrown away is not there."""
    site, spool, _, _ = lab
    waiting = spool.folder / "talk/moderation"
    before = set(os.listdir(waiting))
    moderators = ["mod@example.net", "owner@example.org"]
    for sender in ("option128@example.net", "nobody@example.com"):
        spool.post("talk", sender, f"talk@{HOST}", f"from {sender}")
        expect(mails, [*moderators, sender])        # who posted is told, as in 2.1
        mails.clear()
    assert len(set(os.listdir(waiting)) - before) == 2
    spool.post("talk", "bob@example.net", f"talk@{HOST}", "hello", "X-Spam-Flag: YES\n")
    assert not mails
    talk = next(one for one in site.lists if one.name == "talk")
    spool.post("talk", "friend@example.com", f"talk@{HOST}", "let me in")
    expect(mails, [address_of(person) for person in talk.people if kind_of(person) == "-s"])


def test_a_held_post_is_let_out_by_its_mail(lab, mails):
    """Once; with the prefix and footer that it would have had. And who waits to join is let in."""
    site, spool, _, said = lab
    talk = next(one for one in site.lists if one.name == "talk")
    told = " ".join(said["talk"]["told"])
    release = re.search(r"held post 5 waits: a mail to (\S+)", told)[1]
    spool.post("talk", "mod@example.net", release)
    expect(mails, [address_of(person) for person in talk.people if kind_of(person) == "-s"])
    text = mails[0][2]
    assert b"\r\nSubject: [Talk] big\r\n" in text and b"x" * 79 in text
    assert b"http://www.example.org/mailman/listinfo/talk\r\n" in text
    mails.clear()
    spool.post("talk", "mod@example.net", release)
    assert not mails
    permit = re.search(r"New.Sub@example.org waits to join: a mail to (\S+)", told)[1]
    spool.post("talk", "mod@example.net", permit)
    expect(mails, ["new.sub@example.org"])
    assert b"Welcome_to_talk=40lists.example.org?=" in mails[0][2]
    assert "new.sub@example.org" in spool.members("talk", "-s")


def test_a_second_run_brings_only_what_is_late(lab):
    """Nothing twice, and nothing that a moderator has dealt with; who joined there stays."""
    site, spool, _, _ = lab
    one = next(one for one in site.lists if one.name == "nihongo")
    late = Person("Late@jp.example.net", "\u9045\u308c", "ja", 16)
    late.add_to(one.config)
    one.people.append(late)
    one.config["user_options"]["taro@jp.example.net"] = 1
    site.put(site.var("lists", one.name, "config.pck"), one.pickled(one.config, one.protocol))
    (spool.folder / "torn/control/footer").write_text("another's\n", "utf-8")
    (spool.folder / "everyone/control/moderated").write_text("", "utf-8")
    said = convert(site, spool)
    assert {name: row["changed"] for name, row in said.items() if row["changed"]} == {
        "nihongo": ["member Late@jp.example.net", "member Taro@jp.example.net: nomailsubs.d"],
        "torn": ["control/footer"], "everyone": ["no control/moderated"]}
    assert "member new.sub@example.org is there, and not in 2.1" in said["talk"]["told"]
    assert spool.members("nihongo", "-n") == ["Taro@jp.example.net"]
    assert not [row for name, row in convert(site, spool).items() if row["changed"]]


def test_postfix_finds_every_address(lab):
    """By its own postmap: a list's, its commands', and 2.1's own; and no other."""
    _, spool, _, _ = lab

    def ask(table, address):
        done = subprocess.run(["/usr/sbin/postmap", "-q", address, f"regexp:{spool.folder}/{table}.regexp"],
                              capture_output=True, timeout=60, check=False)
        return done.stdout.decode().strip()

    assert ask("transport", f"talk@{HOST}") == ask("transport", f"Talk+release-12@{HOST}") == "mlmmj:talk"
    assert ask("transport", "news@example.org") == "mlmmj:news_example.org"
    assert ask("transport", f"c++-users=help@{HOST}") == "mlmmj:c++-users"
    assert ask("virtual", f"talk@{HOST}") == f"talk@{HOST}"
    assert ask("virtual", f"talk-owner@{HOST}") == f"talk+owner@{HOST}"
    assert ask("virtual", f"c++-users-join@{HOST}") == f"c++-users=subscribe@{HOST}"
    assert not ask("virtual", f"talky@{HOST}") and not ask("transport", "talk@example.org")


def test_a_run_that_is_killed_is_gone_on_with(lab):
    """Wherever that was: at the end all is there, each held post once, and nothing beside."""
    site, first, sink, _ = lab
    spool = mlmmj.Spool(first.folder.parent / "killed", sink.port)
    for n in range(12):
        with subprocess.Popen([MAILHAUL, "-q", "lists", "convert", "--site", site.root, "--to", "mlmmj", "--folder",
                               spool.folder, "--texts", mlmmj.TEXTS, "--all"], stderr=subprocess.DEVNULL) as child:
            time.sleep(0.03 * n)
            child.kill()
    said = convert(site, spool)
    assert not [row for row in said.values() if row["error"] or row["differs"]]
    assert not list(spool.folder.glob("*/.mailhaul*"))
    for one in site.lists:
        waiting = [name for name in os.listdir(spool.folder / one.name / "moderation") if "subscribe" not in name]
        assert len(waiting) == len([post for post in one.held if not post.lost]), one.name
    assert not [row for row in convert(site, spool).values() if row["changed"]]


def test_a_folder_that_is_not_there_is_told_of(lab):
    """Nothing was done; and what mlmmj has no place for is no option of it."""
    site, _, _, _ = lab
    for words, code in ((["--folder", "/nonexistent"], 78), ([], 64), (["--folder", "/", "--open"], 64)):
        done = subprocess.run([MAILHAUL, "lists", "convert", "--site", site.root, "--to", "mlmmj", *words, "talk"],
                              capture_output=True, timeout=60, check=False)
        assert done.returncode == code, done.stderr
