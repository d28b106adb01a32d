# SPDX-License-Identifier: BSD-2-Clause
"""`mailhaul lists rename`: a list gets other hosts, or another name, and nothing else changes.

What Mailman keeps is read by Python's own unpickler, and by nothing of mailhaul's.
"""

import copy
import gzip
import io
import json
import marshal
import os
import re
import shutil
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from lab import mover, sealed
from mailman21.pickling import marshalled, pickled
from test_lists_carry import (PRIVATE, PUBLIC, Installed, Pair, Reader, never_travels, own, pickles,
                              plain, people)

HOSTS = ("lists.example.org", "www.example.org")
TEMPORARY = ("tmp.example.net", "www.tmp.example.net")


def own_words(address: str) -> dict:
    """Attributes of section 13.2 that hold the list's address, each with that one; in the words of a
    regular expression where it is one."""
    shape = address.replace(".", "\\.")
    texts = ("msg_header", "msg_footer", "digest_header", "digest_footer", "welcome_msg", "goodbye_msg",
             "autoresponse_postings_text", "autoresponse_admin_text", "autoresponse_request_text",
             "member_moderation_notice", "nonmember_rejection_notice", "dmarc_moderation_notice",
             "dmarc_wrapped_message_text", "reply_to_address")
    rows = ("owner", "moderator", "hold_these_nonmembers", "reject_these_nonmembers",
            "discard_these_nonmembers", "subscribe_auto_approval", "ban_list",
            "regular_include_lists")
    return {
        **{name: f"{address} is of {name}, and {address.replace('@', '-owner@')}" for name in texts},
        **{name: ["boss@example.org", address] for name in rows},
        "header_filter_rules": [(f"^to:.*<{shape}>\n^cc:\\s*\\b{shape}", 3, False)],
        "bounce_matching_headers": f"# ours\nto: {address}\nfrom: .*{shape}\n"}


def octets(value):
    """As Python 2 has kept it: texts are octets."""
    if isinstance(value, (list, tuple)):
        return type(value)(octets(one) for one in value)
    return value.encode() if isinstance(value, str) else value


class Host:
    """A site on a host that is a folder."""

    def __init__(self, place: Path, layout: str = "debian"):
        self.place = place
        self.site = Installed(place / "host", layout)
        lists = {one.name: one for one in self.site.lists}
        lists["talk"].config.update(
            subject_prefix="[TALK] ", host_name=HOSTS[0], web_page_url=f"http://{HOSTS[1]}/mailman/",
            info="Write to talk@lists.example.org, see "
                 "http://www.example.org/mailman/listinfo/talk; ask bob@lists.example.org",
            accept_these_nonmembers=["^talk@lists\\.example\\.org$", "@talk", "@announce"],
            equivalent_domains="lists.example.org,example.org",
            **own_words("talk@lists.example.org"))
        lists["announce"].config.update(accept_these_nonmembers=["@talk", "@talkative"],
                                        regular_exclude_lists=["talk@lists.example.org"])
        lists["announce"].damage += [
            ("members", "talk@lists.example.org", "Talk@lists.example.org"),
            ("members", "bob@lists.example.org", 0), ("user_options", "talk@lists.example.org", 8)]
        lists["announce"].config.update(
            info="Write to talk@lists.example.org, see http://www.example.org/mailman/listinfo"
                 "/talk; all lists: http://www.example.org/mailman/listinfo")
        lists["announce"].joining.append(("talk@lists.example.org", "A list", "woexpiad", 0, "en"))
        lists["announce"].pending.append(("U", "talk@lists.example.org"))
        lists["announce"].templates["en/listinfo.html"] = \
            b"<a href=\"http://www.example.org/mailman/listinfo/talk\">more</a>\n"
        self.site.make()
        self.more()
        people(self.site.root, layout)
        for lock in self.site.at(self.site.layout.locks).iterdir():
            lock.unlink()

    def more(self):
        """What one finds on hosts that have run for years."""
        archive, var = self.site.var(PRIVATE, "talk"), self.site.layout.var
        self.site.put(archive / "index.html", (
            "<html><title>The Talk Archives</title><h1>The Talk Archives </h1><a href=\""
            "http://www.example.org/mailman/listinfo/talk\">about Talk</a> <a href=\""
            "../talk.mbox/talk.mbox\">all of it</a></html>\n").encode())
        self.site.put(archive / "2026-October.txt.gz",
                      gzip.compress((archive / "2026-October.txt").read_bytes(), mtime=0))
        # as long as what stands there
        requests = self.site.var("lists/talk/request.pck")
        requests.write_bytes(requests.read_bytes().replace(
            b"Non-members may not post here.", b"by talk@lists.example.org only"))
        for page in ("en/listinfo.html", "de/listinfo.html"):
            self.site.put(self.site.at("/etc/mailman", HOSTS[0], page), (
                "<a href=\"http://www.example.org/mailman/listinfo\">all lists</a> of "
                "lists.example.org\n").encode())
        # an entry of 2.1.4, in its two halves
        base = self.site.at(self.site.layout.queues, "in", "1795360100.5+" + "7" * 40)
        self.site.put(base.with_name(base.name + ".msg"), b"From: a@example.net\n\ntalk\n")
        self.site.put(base.with_name(base.name + ".db"), marshalled(
            {"listname": "talk", "received_time": "1795360100.5", "version": 3, "tolist": 1}))
        self.site.put(self.site.var("data", "pending.pck"), pickled(
            {"1" * 40: ("E", "talk", "a@example.net"), "version": 1}, 0))
        assert b"/talk'" in (archive / "pipermail.pck").read_bytes() and var

    def words(self, *words: str) -> list:
        """The command line."""
        return [sealed.program(), "--json", "-v", "lists", "rename", "--host",
                f"folder:{self.site.root}", "--state", str(self.place / "state"), *words]

    def run(self, *words: str, expect: int = mover.GOOD) -> dict:
        """One call; its JSON."""
        done = subprocess.run(self.words(*words), capture_output=True, text=True, timeout=120,
                              check=False)
        assert done.returncode == expect, done.stdout + done.stderr
        return json.loads(done.stdout) if done.stdout else {}

    def config(self, name: str) -> dict:
        """What a list's configuration says."""
        return pickles(self.site.var("lists", name, "config.pck"))[0][1]

    def values(self) -> dict:
        """Every file by what it says: pickles by their values."""
        found = {}
        for place in sorted(self.site.root.rglob("*")):
            name = str(place.relative_to(self.site.root))
            if place.is_symlink():
                found[name] = os.readlink(place)
            elif place.is_file():
                found[name] = says(place)
        return found


class Copied(Host):
    """The same host once more."""

    def __init__(self, place: Path, of: Host):     # pylint: disable=super-init-not-called
        self.place, self.site = place, copy.copy(of.site)
        self.site.root = place / "host"
        shutil.copytree(of.site.root, self.site.root, symlinks=True)


def says(place: Path):
    """A pickle's values, else the octets."""
    if place.suffix in (".pck", ".last", ".bak"):
        try:
            return [plain(value) for _, value in pickles(place)]
        except Exception:           # pylint: disable=broad-except
            pass
    if place.parent.name == "database" or place.suffix == ".db":
        try:
            rows = marshal.loads(place.read_bytes())
        except ValueError:          # floats as older Pythons wrote them
            return place.read_bytes()
        return plain({key: Reader(io.BytesIO(value), encoding="bytes").load()
                      if place.name.endswith("-article") else value for key, value in rows.items()})
    return place.read_bytes()


@pytest.fixture(name="host")
def fixture_host(tmp_path):
    """A Debian host with twelve lists."""
    return Host(tmp_path)


def test_a_temporary_domain_and_back_leaves_no_trace(host):
    before = host.values()
    there = ("--mail-host", TEMPORARY[0], "--web-host", TEMPORARY[1], "talk")
    shown = host.run("--dry-run", *there)
    assert host.values() == before
    assert "  - http://www.example.org/mailman/" in shown["diff"]
    assert "  + http://www.tmp.example.net/mailman/" in shown["diff"]
    done = host.run(*there)
    assert done["diff"] == shown["diff"] and done["failed"] == []
    config = host.config("talk")
    assert config[b"host_name"] == b"tmp.example.net"
    assert config[b"web_page_url"] == b"http://www.tmp.example.net/mailman/"
    assert config[b"info"] == (b"Write to talk@tmp.example.net, see http://www.tmp.example.net/"
                               b"mailman/listinfo/talk; ask bob@lists.example.org")
    assert config[b"accept_these_nonmembers"][0] == b"^talk@tmp\\.example\\.net$"
    assert any("info: still names an old host" in words for words in done["notes"])
    assert b"talk@tmp.example.net" in host.config("announce")[b"members"]
    assert host.config("announce")[b"members"][b"bob@lists.example.org"] == 0
    pages = list(host.site.var(PRIVATE, "talk").rglob("0*.html"))
    assert pages and all(b"www.tmp.example.net/mailman/listinfo/talk" in page.read_bytes()
                         for page in pages)
    after = host.values()
    other = [name for name in after if after[name] != before.get(name)
             and not re.search(r"lists/(talk|announce|everyone)/|private/talk/|etc/mailman/", name)]
    assert other == []
    pages = host.site.at("/etc/mailman")
    assert sorted(place.name for place in pages.iterdir() if place.is_dir()) == [
        HOSTS[0], TEMPORARY[0]]
    assert (pages / TEMPORARY[0] / "de/listinfo.html").read_text() == (
        "<a href=\"http://www.tmp.example.net/mailman/listinfo\">all lists</a> of "
        "lists.example.org\n")
    assert host.config("announce")[b"info"] == (
        b"Write to talk@tmp.example.net, see http://www.tmp.example.net/mailman/listinfo"
        b"/talk; all lists: http://www.example.org/mailman/listinfo")
    # what is packed is packed anew by a job of Mailman's, which looks which of the two is younger
    text = host.site.var(PRIVATE, "talk", "2026-October.txt")
    assert text.stat().st_mtime > text.with_name(text.name + ".gz").stat().st_mtime
    assert host.run(*there)["changes"] == 0
    host.run("--mail-host", HOSTS[0], "--web-host", HOSTS[1], "talk")
    assert host.values() == before


def test_each_attribute_that_holds_the_list_s_address_gets_the_new_one(host):
    host.site.var("lists/talk/config.pck.last").unlink(missing_ok=True)
    before, first = host.values(), host.config("talk")
    requests = host.site.var("lists/talk/request.pck")
    assert {name.encode(): octets(words) for name, words in own_words(
        "talk@lists.example.org").items()}.items() <= first.items()
    assert first[b"equivalent_domains"] == b"lists.example.org,example.org"
    assert b"by talk@lists.example.org" in requests.read_bytes()
    done = host.run("--mail-host", TEMPORARY[0], "talk")
    there = host.config("talk")
    for name, words in own_words("talk@tmp.example.net").items():
        assert there[name.encode()] == octets(words), name
    assert b"by talk@tmp.example.net" in requests.read_bytes()
    assert b"talk@lists.example.org" not in requests.read_bytes()
    # whose addresses are the same is a matter of people's, and those stay
    assert there[b"equivalent_domains"] == first[b"equivalent_domains"]
    assert any("equivalent_domains: names an old host" in note for note in done["notes"])
    host.run("--mail-host", HOSTS[0], "talk")
    assert host.values() == before


def test_another_path_stands_in_each_url_and_back_leaves_no_trace(host):
    page = host.site.var("lists/talk/en/listinfo.html")
    host.site.put(page, b"<form action=\"/mailman/subscribe/talk\"> <a href=\"http://www.example.org"
                        b"/mailman/listinfo\">all</a> <a href=\"http://www.example.org/pipermail"
                        b"/talk/\">said</a> http://www.example.org/mailman/listinfo/talkative\n")
    before = host.values()
    for bad in ("mailman/", "/a b/", "/../", "//x/", "/x\"/"):
        host.run("--url-path", bad, "talk", expect=mover.USAGE)
    shown = host.run("--dry-run", "--url-path", "/cgi-bin/mailman", "talk")
    assert host.values() == before
    done = host.run("--url-path", "/cgi-bin/mailman", "talk")
    assert done["diff"] == shown["diff"] and done["failed"] == []
    config = host.config("talk")
    assert config[b"web_page_url"] == b"http://www.example.org/cgi-bin/mailman/"
    assert b" http://www.example.org/cgi-bin/mailman/listinfo/talk;" in config[b"info"]
    assert page.read_bytes() == (
        b"<form action=\"/cgi-bin/mailman/subscribe/talk\"> <a href=\"http://www.example.org/cgi-bin"
        b"/mailman/listinfo\">all</a> <a href=\"http://www.example.org/pipermail/talk/\">said</a> "
        b"http://www.example.org/mailman/listinfo/talkative\n")
    pages = list(host.site.var(PRIVATE, "talk").rglob("0*.html"))
    assert pages and all(b"org/cgi-bin/mailman/listinfo/talk\"" in one.read_bytes() for one in pages)
    # other lists' words of this one, and not of all lists
    assert host.config("announce")[b"info"].split()[4:] == [
        b"http://www.example.org/cgi-bin/mailman/listinfo/talk;", b"all", b"lists:",
        b"http://www.example.org/mailman/listinfo"]
    assert host.run("--url-path", "/cgi-bin/mailman/", "talk")["changes"] == 0
    host.run("--url-path", "/mailman/", "talk")
    assert host.values() == before
    # all at once
    host.run("--url-path", "/cgi-bin/mailman/", "--url-scheme", "https", "--web-host", TEMPORARY[1],
             "--to", "news", "talk")
    assert host.config("news")[b"web_page_url"] == b"https://www.tmp.example.net/cgi-bin/mailman/"
    assert b"https://www.tmp.example.net/cgi-bin/mailman/listinfo/news;" in (
        host.config("news")[b"info"])


def test_https_is_only_another_scheme(host):
    before = host.values()
    host.run("--url-scheme", "https", "talk")
    assert host.config("talk")[b"web_page_url"] == b"https://www.example.org/mailman/"
    host.run("--url-scheme", "http", "talk")
    assert host.values() == before


def test_a_list_that_is_called_after_its_domain_goes_to_another(host):
    config = host.site.var("lists", "announce", "config.pck")
    other = pickles(config)[0][1]
    other[b"members"][b"news@example.org"] = 0
    config.write_bytes(pickled({key.decode(): value for key, value in other.items()
                                if key != b"bounce_info"}))
    told = host.run("--dry-run", "--mail-host", "example.net", "news_example.org")
    assert any("it has to be called news_example.net" in note for note in told["notes"])
    host.run("--to", "news_example.net", "--mail-host", "example.net", "--web-host", "example.net",
             "news_example.org")
    moved = host.config("news_example.net")
    assert moved[b"acceptable_aliases"].split() == [b"news@example.org"]
    assert moved[b"real_name"] == b"News_example.net"
    assert b"news@example.net" in host.config("announce")[b"members"]


def check_new_name(host: Host) -> None:
    """Nothing of talk's is called talk any more; what is not talk's stays."""
    var = host.site.var
    assert not var("lists/talk").exists() and not os.path.lexists(var(PUBLIC, "talk"))
    assert not var(PRIVATE, "talk").exists() and not var(PRIVATE, "talk.mbox").exists()
    assert var(PRIVATE, "news.mbox/news.mbox").exists()
    assert os.readlink(var(PUBLIC, "news")) == f"{host.site.layout.var}/{PRIVATE}/news"
    assert not list(var("data").glob("heldmsg-talk-*"))
    requests = pickles(var("lists/news/request.pck"))[0][1]
    held = [record for kind, record in (one for key, one in requests.items() if key != b"version")
            if kind == 1]
    assert held
    for record in held:
        assert record[4].startswith(b"heldmsg-news-") and record[5][b"listname"] == b"news"
    assert {record[4].decode() for record in held} >= {
        place.name for place in var("data").glob("heldmsg-news-*")} - {"heldmsg-news-9.pck"}
    for _, value in pickles(var("lists/news/pending.pck")):
        assert all(entry[1] == b"news" for key, entry in value.items()
                   if isinstance(entry, tuple) and entry[0] == b"E")
    named = [value[1][1].get(b"listname") for value in
             (pickles(place) for place in host.site.at(host.site.layout.queues).rglob("*")
              if place.is_file() and place.suffix in (".pck", ".bak", ".psv"))]
    assert named.count(b"talk") == 0 and named.count(b"news") > 3 and b"entwickler" in named
    events = [value[0] for _, value in pickles(var("data/bounce-events-10628.pck"))]
    assert events == [b"news", b"announce"]
    config, other = host.config("news"), host.config("announce")
    assert config[b"subject_prefix"] == b"[News] "
    assert config[b"real_name"] == b"News" and b"talk@lists.example.org" in (
        config[b"acceptable_aliases"].split())
    assert config[b"accept_these_nonmembers"] == [
        b"^news@lists\\.example\\.org$", b"@news", b"@announce"]
    assert other[b"accept_these_nonmembers"] == [b"@news", b"@talkative"]
    assert other[b"members"][b"news@lists.example.org"] == b"News@lists.example.org"
    assert other[b"members"][b"bob@lists.example.org"] == 0
    assert b"talk@lists.example.org" not in other[b"members"]
    assert b"news@lists.example.org" in host.config("everyone")[b"members"]
    assert other[b"user_options"][b"news@lists.example.org"] == 8
    assert other[b"regular_exclude_lists"] == [b"news@lists.example.org"]
    assert var("spam/spam-news-15.msg").exists()


# Messages say what they say, logs what was; other programs' files are theirs.
STAYS = re.compile(r"private/news\.mbox/|digest\.mbox$|heldmsg-news-|spam-news-|log/mailman/|"
                   r"data/aliases$|attachments/|\.msg$|\.tmp$|\.txt\.gz$")
OWN = re.compile(r"lists/news/|private/news/")


def text_of(place: Path) -> str:
    """What a file says of lists and hosts, without the messages in it."""
    said = says(place)
    if isinstance(said, bytes):
        return said.decode("latin-1")
    if "+" in place.name and len(said) == 2:        # an entry of a queue: its metadata
        said = said[1:]
    if place.name.startswith("bounce-events-"):
        said = [event[1][:2] for event in said]
    return re.sub(r"'bytes', '([0-9a-f]*)'",
                  lambda found: repr(bytes.fromhex(found[1]).decode("latin-1")), repr(said))


def leftovers(host: Host) -> list:
    """Where the old name, or an old host in what is the list's own, still stands: file and words."""
    found = []
    for place in sorted(host.site.root.rglob("*")):
        name = str(place.relative_to(host.site.root))
        if re.search(r"\btalk\b", name):
            found.append((name, "its name"))
        if place.is_symlink() or not place.is_file() or STAYS.search(name):
            continue
        text = re.sub(r"\[talk\] ?topic", "", text_of(place), flags=re.I)   # subjects
        old = re.findall(r"(?<![\w@.-])[Tt]alk(?![\w-])(?:@[\w.]+)?", text)
        if OWN.search(name):
            old += re.findall(r"[\w@./:]*(?:lists|www)\.example\.org\S*", text)
        found += [(name.rsplit("mailman/", 1)[-1], words) for words in sorted(set(old))]
    return found


def test_nothing_of_the_old_name_and_hosts_is_left(host):
    before = host.values()
    there = ("--to", "news", "--mail-host", TEMPORARY[0], "--web-host", TEMPORARY[1], "talk")
    assert host.run(*there)["failed"] == []
    said = set(leftovers(host))
    # a person keeps his address; the old one of the list is still taken; a token that probes an
    # address has a message; what the list is about, somebody wrote in his own words; and which domains
    # are the same is a matter of people's
    expected = {(f"lists/news/config.pck{last}", words) for last in ("", ".last")
                for words in ("Talk", "bob@lists.example.org')),", "ntalk@lists.example.org\\n')),",
                              "lists.example.org,example.org')),")}
    assert said == expected | {("lists/news/pending.pck", "bounces@lists.example.org')]),")}
    box = (host.site.var(PRIVATE, "news/index.html")).read_text()
    assert "The News Archives" in box and "about News<" in box and "../news.mbox/news.mbox" in box
    host.run("--to", "talk", "--mail-host", HOSTS[0], "--web-host", HOSTS[1], "news")
    after = host.values()
    assert after.keys() == before.keys()
    changed = [name for name in before if after[name] != before[name]]
    assert sorted(place.rsplit("/", 1)[-1] for place in changed) == ["config.pck", "config.pck.last"]
    config = host.config("talk")
    assert config[b"acceptable_aliases"].split() == [b"talk@lists.example.org",
                                                     b"news@tmp.example.net"]
    assert config[b"subject_prefix"] == b"[Talk] "


def test_another_name_stands_in_every_place(host):
    before = host.values()
    host.run("--dry-run", "--to", "news", "talk")
    assert host.values() == before
    assert host.run("--to", "news", "talk")["failed"] == []
    check_new_name(host)
    assert host.values().keys() - before.keys()
    host.run("--to", "announce", "news", expect=mover.PERSON)
    host.run("--to", "No Name", "news", expect=mover.PERSON)
    host.run("--to", "x", "talk", expect=mover.PERSON)
    host.site.put(host.site.var("lists/ancient/config.db"), b"{0")
    done = subprocess.run(host.words("--to", "x", "ancient"), capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == mover.PERSON and "as Mailman 2.0 has saved it" in done.stderr, done
    lock = host.site.at(host.site.layout.locks, "master-qrunner")
    lock.write_text("x")
    os.utime(lock, (time.time() + 3600,) * 2)
    host.run("--to", "other", "news", expect=mover.PERSON)


def test_killed_at_any_moment_a_new_name_is_given_to_the_end(tmp_path):
    words = ("--to", "news", "--web-host", "new.example.org", "talk")
    first = Host(tmp_path / "first")
    whole = Copied(tmp_path / "whole", first)
    begun = time.monotonic()
    whole.run(*words)
    took = time.monotonic() - begun
    wanted = whole.values()
    times = int(os.environ.get("KILL_TIMES", "6"))
    for number in range(times):
        host = Copied(tmp_path / str(number), first)
        with subprocess.Popen(host.words(*words), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            time.sleep(took * (number + 1) / (times + 1))
            process.send_signal(signal.SIGKILL)
        if host.site.var("lists/talk").exists():
            host.run(*words)
        check_new_name(host)
        assert host.values() == wanted


# ── real ones ────────────────────────────────────────────────────────────────────────────────────

# release: the list that is renamed
REAL = {"2.1.39": "entwickler", "2.1.12": "test", "2.1.4": "test"}


@pytest.fixture(name="real", scope="module")
def fixture_real(tmp_path_factory):
    """What genuine Mailmans have written below their VAR_PREFIX, by release; it is other people's, and not in
    the repository."""
    data = Path(os.environ.get("MAILHAUL_EXTRA_DATA", "/nowhere"))
    if not data.exists():
        pytest.skip("MAILHAUL_EXTRA_DATA names no folder with data of a real Mailman")
    folder = tmp_path_factory.mktemp("real")
    for name in ("var-2.1.39", "old-versions"):
        with tarfile.open(data / f"{name}.tar.gz") as tar:
            tar.extractall(folder, [member for member in tar if member.name.startswith(name + "/")])
    return {release: folder / "var-2.1.39" if release == "2.1.39" else folder / "old-versions" / release
            for release in REAL}


class RealPair(Pair):
    """A real Mailman on the old host, as installed from source, and an empty Debian one."""

    def __init__(self, place: Path, var: Path, release: str):
        super().__init__(place, "source", "debian")
        for name in ("lists", "data", "archives", "qfiles", "logs", "locks", "spam"):
            shutil.rmtree(self.old.var(name))
            if (var / name).exists():
                shutil.copytree(var / name, self.old.var(name), symlinks=True)
        self.old.release(release)
        own(self.old.root, "source")


class Renamed(Host):
    """A host that is there already."""

    def __init__(self, place: Path, site):     # pylint: disable=super-init-not-called
        self.place, self.site = place, site


@pytest.mark.parametrize("release", REAL)
def test_a_real_site_is_carried_and_renamed_and_is_what_it_was(real, tmp_path, release):
    pair = RealPair(tmp_path, real[release], release)
    halves = release == "2.1.4"     # and request.db: see test_lists_carry
    for words in ((), ("--verify",)):
        failed = pair.run(*words, expect=mover.NO if halves else mover.GOOD)["failed"]
        assert bool(failed) == halves and all("2.1.4 or older" in line for line in failed), failed
    seen = 0
    for path, place in (*pair.files("lists"), *pair.files(PRIVATE), *pair.files("qfiles")):
        there = pair.on_new(path)
        if never_travels(path) or (halves and "/qfiles/" in path):
            assert not there.exists(), path
        elif "/qfiles/shunt/" not in path:
            assert there.read_bytes() == place.read_bytes(), path
        else:
            (message, _), (known, _) = pickles(place)
            assert pickles(there)[0][0] == message, path
            assert pickles(there)[1][0] == known or b"whichq" in known, path
        seen += there.exists()
    for place in pair.old.var("data").glob("heldmsg-*"):
        assert pair.new.var("data", place.name).read_bytes() == place.read_bytes()
        seen += 1
    assert seen >= 8

    host, name = Renamed(tmp_path / "renamed", pair.new), REAL[release]
    for lock in pair.new.root.rglob("*.lock*"):
        lock.unlink()
    before, config = host.values(), host.config(name)
    was = (config[b"host_name"].decode(), config[b"web_page_url"].split(b"/")[2].decode())
    assert host.run("--mail-host", TEMPORARY[0], "--web-host", TEMPORARY[1], name)["failed"] == []
    assert host.config(name)[b"host_name"] == TEMPORARY[0].encode() and host.values() != before
    assert host.run("--mail-host", was[0], "--web-host", was[1], name)["failed"] == []
    assert host.values() == before
    assert host.run("--to", "another-name", name)["failed"] == []
    assert not pair.new.var("lists", name).exists() and host.config("another-name")
