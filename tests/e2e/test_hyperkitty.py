# SPDX-License-Identifier: BSD-2-Clause
"""`mailhaul lists archive import` gives the archives of tests/mailman21 to Debian's HyperKitty, as it is.

All is read back over HTTP, from where readers would, and held against what was put into the mboxes; then each address
that `lists redirects` writes for them is asked there.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile
import threading
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from lab import browser, hyperkitty, mailman3, sealed
from lab.sealed import wait_for
from lab.webservers import WebServer
from mailman21 import Site
from mailman21.letters import message_id

MAILHAUL = sealed.program()
pytestmark = pytest.mark.xdist_group("hyperkitty")      # one for all
HOST = "lists.example.org"
BASE = f"https://{HOST}"
FROM = b"From u@example.net Mon Jan  5 10:00:00 2004\n"
MIME = b"MIME-Version: 1.0\nContent-Type: "
MIXED = MIME + b'multipart/mixed; boundary="b"\n'
# Message-ID; what a message is; what of it HyperKitty shall have; what is said of it.
DIRT = (
    ("d1", FROM + b"From: U <u@example.net>\nDate: Mon, 05 Jan 2004 12:00:00 +0200\nSubject: strays\nMessage-ID: <d1>\n\n"
     b"one\n\nFrom the start we knew\nmore\n\n", {"content": "one\n\nFrom the start we knew\nmore\n",
                                                 "date": "2004-01-05T10:00:00Z"}, set()),
    ("d2", b"From j\xf6rg@example.net Mon Jan  5 10:00:00 2004\nFrom: J\xf6rg <j\xf6rg@example.net>\n"
     b"Subject: caf\xe9\nMessage-ID: <d2>\n\nx\n\n",
     {"subject": "caf\xe9", "sender_name": "J\xf6rg <j\xf6rg@example.net>", "date": "2004-01-05T10:00:00Z"},
     {"charset", "sender", "date"}),
    ("d3", FROM + b"From: u@example.net\nDate: Mon, 05 Jan 2099 10:00:00 +0000\nMessage-ID: <d3>\n" + MIME +
     b"text/plain; charset=utf-8\n\ncaf\xe9 \x00.\n\n",
     {"content": "caf\xe9 .\n", "date": "2004-01-05T10:00:00Z"}, {"charset", "date", "NUL"}),
    ("[d4@x]", FROM + b"From: u@example.net\nDate: sometime\nMessage-ID: <[d4@x]>\n\n"
     b"-------------- next part --------------\nis shown, too\n\n",
     {"content": "-------------- next part --------------\nis shown, too\n"}, {"date"}),
    ("d5", FROM + b'From: "no end <u@example.net>\nDate: Mon, 05 Jan 2004 10:00:00\nMessage-ID: d5\n' + MIXED +
     b"\n--b\nContent-Type: text/plain; charset=nope\n\n\xfcber\n--b\nContent-Type: message/delivery-status\n\n"
     b"Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; y\n--b\nContent-Type: text/plain; charset=us-ascii\n"
     b"Content-Disposition: attachment; filename=a.txt\n\n\xff\xfe\n--b--\n\n",
     {"content": "\xfcber\n\n\n\n\n", "files": {2: b"Reporting-MTA: dns; x\n\n\nFinal-Recipient: rfc822; y\n\n", 5: b"\xff\xfe"}},
     {"charset", "sender"}),
    ("d6", FROM + b"From: undisclosed:;\nDate: Mon, 05 Jan 2004 10:00:00\nMessage-ID: <d6> (added by x)\n" + MIME +
     b"text/html\n\n<p>Hi\n\n", {"content": "", "files": {0: b"<p>Hi\n"}}, {"sender"}),
    ("d7", FROM + b"From: u@example.net\nDate: Mon, 05 Jan 2004 10:00:00\nMessage-ID: <d7>\nIn-Reply-To: Your message\n"
     b"References: <none@x> <d1>\n" + MIME + b"text/plain\nContent-Transfer-Encoding: base64\n\naGVsbG8K\n"
     b"___\na footer\n\n", {"content": "hello\n\n___\na footer\n", "parent": "d1"}, {"part"}),
    ("d8", FROM + b"From: u@example.net\nDate: Mon, 05 Jan 2004 10:00:00\nSubject: early\nMessage-ID: <d8>\n"
     b"In-Reply-To: <d9>\n\nanswers what comes later\n\n", {"parent": "d9"}, set()),
    ("d9", (FROM + b"From: u@example.net\nDate: Mon, 05 Jan 2004 09:00:00\nMessage-ID: <d9>\n\nfirst\n\n").replace(
        b"\n", b"\r\n"), {"content": "first\n"}, {"line ends"}),
    ("d9", FROM + b"From: u@example.net\nDate: Mon, 05 Jan 2004 09:00:00\nMessage-ID: <d9>\n\nfirst\n\n", None, set()),
    (None, FROM + b"From: u@example.net\nDate: Mon, 05 Jan 2004 09:00:00\nMessage-ID: <d9>\n\nother\n\n",
     {"content": "other\n"}, set()),
    (None, FROM + b"From: u@example.net\nDate: Mon, 05 Jan 2004 09:00:00\n\nwithout\n\n", {"content": "without\n"},
     set()),
    (None, FROM + b"From: u@example.net\nDate: Mon, 05 Jan 2004 09:00:00\nMessage-ID: <>\n\nempty\n\n",
     {"content": "empty\n"}, set()),
)
REAL = "var-2.1.39"
LONG = 300      # messages of the list whose import is ended


def long_mbox() -> bytes:
    """One thread of many."""
    return b"".join(
        FROM + f"From: u@example.net\nDate: Mon, 05 Jan 2004 10:00:00\nSubject: s\nMessage-ID: <long{n}>\n"
        f"In-Reply-To: <long{n - 1}>\n\ntext {n}\n\n".encode() for n in range(LONG))


class Lab:
    """A site of 2.1, a Mailman 3 that has its lists, a HyperKitty that has nothing."""

    def __init__(self, place: Path, core, web):
        self.site, self.core, self.web = Site(place, "source").make(), core, web
        self.archived = {one.name: one for one in self.site.lists if one.archived}
        self.put("torn", b"".join(octets for _, octets, _, _ in DIRT))
        subprocess.run([MAILHAUL, "-q", "lists", "convert", "--site", self.site.root, "--to", "mailman3", "--mailman",
                        core.mailman, "--all"], capture_output=True, timeout=300, check=False)
        self.cookie = web.session()
        # somebody has opened it by mistake
        assert core.ask("PATCH", f"lists/nihongo.{HOST}/config", archive_policy="public")[0] == 204

    def put(self, name: str, mbox: bytes) -> None:
        """Its archive."""
        self.site.put(self.site.var("archives", "private", f"{name}.mbox", f"{name}.mbox"), mbox)

    def words(self, *names: str) -> list:
        """The verb."""
        return [MAILHAUL, "--json", "lists", "archive", "import", "--to", "hyperkitty", "--mailman-web",
                self.web.program, "--user", "www-data", "--site", self.site.root, *names]

    def bring(self, *names: str, code: int = 0) -> dict:
        """What it says of each list, by name."""
        done = subprocess.run(self.words(*names), capture_output=True, timeout=300, check=False)
        assert done.returncode == code, done.stderr.decode() + done.stdout.decode()
        return {one["list"].partition("@")[0]: one for one in json.loads(done.stdout)}

    def emails(self, name: str, host: str = HOST) -> list:
        """What HyperKitty's REST says of each message of a list."""
        return self.web.get(f"list/{name}@{'example.org' if name == 'news' else host}/emails/", self.cookie)

    def email(self, name: str, own: str) -> dict:
        """The same of one, with text and attachments."""
        return self.web.get(f"list/{name}@{HOST}/email/{hashed(own)}/", self.cookie)


def hashed(own: str) -> str:
    """HyperKitty's name of a Message-ID."""
    return base64.b32encode(hashlib.sha1(own.encode()).digest()).decode()


@pytest.fixture(name="lab", scope="module")
def fixture_lab(tmp_path_factory):
    """All of it."""
    if not hyperkitty.is_here():
        pytest.skip(f"{hyperkitty.FOLDER} has no HyperKitty: tools/install-packages lab unpacks it")
    with mailman3.Sink() as sink, mailman3.Core(sink.port, ("rest",)) as core, hyperkitty.Web(core) as web:
        yield Lab(tmp_path_factory.mktemp("old"), core, web)


def test_a_dry_run_counts_and_a_private_archive_is_never_public(lab):
    """Somebody outside asks all the time, also of the list that Mailman 3 has as public."""
    said = lab.bring("--dry-run", "entwickler", "nihongo", "talk")
    assert [(one["messages"], one["missing"], one["there"]) for one in said.values()] == \
        [(6, 6, 0), (2, 2, 0), (20, 20, 0)]
    assert lab.web.get("lists/", lab.cookie) == []
    seen, stop = set(), threading.Event()

    def ask():
        while not stop.is_set():
            for name in ("entwickler", "nihongo"):
                seen.add((name, lab.web.ask(f"/hyperkitty/api/list/{name}@{HOST}/emails/?format=json")[0]))
            stop.wait(0.02)

    # of a list that is not there yet, HyperKitty's own API ends in a 500
    watcher = threading.Thread(target=ask)
    watcher.start()
    try:
        said = lab.bring("--all")
        wait_for(lambda: {("entwickler", 403), ("nihongo", 403)} <= seen, 60, "the last word of the watcher")
    finally:
        stop.set()
        watcher.join()
    assert 200 not in {status for _, status in seen}
    assert [said[name]["policy"] for name in ("entwickler", "nihongo", "talk")] == ["private", "private", "public"]
    assert "private" in said["nihongo"]["told"][0]
    assert lab.core.get(f"lists/nihongo.{HOST}/config")["archive_policy"] == "private"
    for name in ("entwickler", "nihongo"):
        own = message_id(lab.archived[name].archived[0])[1:-1]
        assert lab.web.ask(f"/hyperkitty/list/{name}@{HOST}/message/{hashed(own)}/")[0] == 403
    lab.said = said


def test_each_message_is_there_as_it_was_written(lab):
    """Of the maker's lists: each identity once, and no other; text and files by what was put in."""
    for name, one in lab.archived.items():
        name = "news" if one.name == "news_example.org" else name
        there = {row["message_id"] for row in lab.emails(name)}
        assert there == {message_id(made)[1:-1] for made in one.archived}, name
        said = lab.said[name]
        assert (said["there"], said["messages"], said["refused"], said["missing"]) == (len(there), len(there), 0, 0)
        assert said["text"] == said["text_there"] == sum(
            len(made[1].replace("\nFrom ", "\n>From ")) for made in one.archived)


def test_of_dirt_nothing_is_lost_and_each_change_is_named(lab):
    """13 messages, of which one is there twice; HyperKitty's own import ends at the fourth."""
    said = lab.said["torn"]
    assert (said["messages"], said["there"], said["copies"], said["strays"]) == (len(DIRT), len(DIRT) - 1, 1, 1)
    assert said["octets"] == sum(len(octets) for _, octets, _, _ in DIRT)
    assert said["attachments"] == said["attachments_there"] == sum(
        len(octets) for _, _, want, _ in DIRT for octets in (want or {}).get("files", {}).values())
    assert not {word["what"] for word in said["words"]} & {"refused", "differs"}
    for number, ((own, _, want, changes), row) in enumerate(zip(DIRT, said["accounted"])):
        assert row["id"] == own or (own is None and row["made_id"] and row["id"].endswith("@mailhaul.invalid"))
        words = {word["what"] for word in said["words"] if word["message"] == number + 1}
        if want is None:
            assert row["fate"] == "copy"
            continue
        assert row["fate"] == "there" and words == changes, own
        there = lab.email("torn", row["id"])
        files = want.pop("files", None)
        parent = want.pop("parent", None)
        assert {key: there[key] for key in want} == want, own
        assert (parent is None) == (there["parent"] is None)
        if parent:
            assert f"/{hashed(parent)}/" in there["parent"]
        if files is not None:
            have = {one["counter"]: one for one in there["attachments"]}
            assert set(have) == set(files), own
            for counter, octets in files.items():
                path = "/" + have[counter]["download"].split("/", 3)[3]
                assert lab.web.ask_octets(path, lab.cookie) == (200, octets)


def test_a_second_run_adds_nothing_and_a_live_post_stays(lab):
    """Also where the archive's newest message is newer than all that comes; it is found by its words."""
    before = {name: sorted(row["url"] for row in lab.emails(name)) for name in ("talk", "torn", "entwickler")}
    lab.put("talk", b"".join((lab.site.var("archives", "private", "talk.mbox", "talk.mbox").read_bytes(),
                              FROM, b"From: u@example.net\nMessage-ID: <old@x>\n\nlate, and old\n\n")))
    said = lab.bring("--index", "talk", "torn", "entwickler")
    assert [(one["new"], one["missing"]) for one in said.values()] == [(1, 0), (0, 0), (0, 0)]
    status, found = lab.web.ask(f"/hyperkitty/search?mlist=talk@{HOST}&q=late")
    assert status == 200 and f"/message/{hashed('old@x')}/" in found
    after = {name: sorted(row["url"] for row in lab.emails(name)) for name in before}
    assert {name: len(set(after[name]) - set(before[name])) for name in before} == {"talk": 1, "torn": 0, "entwickler": 0}
    assert lab.email("talk", "old@x")["date"] == "2004-01-05T10:00:00Z"


def test_what_is_private_in_2_1_and_not_there_is_refused(lab):
    """Nothing is brought, and the owner's word stands; the others come. Nor into a list that Mailman 3 does not have."""
    for name, policy in (("entwickler", "public"), ("nihongo", "never")):
        assert lab.core.ask("PATCH", f"lists/{name}.{HOST}/config", archive_policy=policy)[0] == 204
    try:
        said = lab.bring("entwickler", "nihongo", "talk", code=1)
        assert lab.core.get(f"lists/entwickler.{HOST}/config")["archive_policy"] == "public"
    finally:
        for name in ("entwickler", "nihongo"):
            assert lab.core.ask("PATCH", f"lists/{name}.{HOST}/config", archive_policy="private")[0] == 204
    assert "hides nothing" in said["entwickler"]["error"] and "hides nothing" in said["nihongo"]["error"]
    assert (said["talk"]["error"], said["talk"]["missing"]) == (None, 0)
    said = lab.bring("--dry-run", "--mail-host", "none.example.org", "talk", code=1)
    assert "no such list" in said["talk"]["error"]


def test_one_that_is_killed_is_gone_on_with(lab):
    """At a moment when some are there; each message is there once at the end, in one thread, in its order."""
    lab.put("broken", long_mbox())
    child = subprocess.Popen(lab.words("broken"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: lab.web.ask(f"/hyperkitty/list/broken@{HOST}/message/{hashed('long3')}/")[0] == 200, 120,
                 "the first messages")
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(60)
    said = lab.bring("broken")["broken"]
    assert (said["there"], said["missing"], said["text"]) == (LONG, 0, said["text_there"])
    thread = lab.web.get(f"list/broken@{HOST}/thread/{hashed('long0')}/emails/?limit=1000", lab.cookie)
    assert [row["message_id"] for row in thread] == [f"long{n}" for n in range(LONG)]


def test_each_redirect_leads_to_a_page_that_is_there(lab, tmp_path):
    """Of all lists that have pages; a message's page is of the Message-ID that the old page says."""
    # an archive that is to be none has no page
    names = [one.name for one in lab.site.lists if one.name != "everyone"]
    done = subprocess.run([MAILHAUL, "--json", "lists", "redirects", "--site", lab.site.root, "--target", "hyperkitty",
                           "--base", BASE, "--to", tmp_path / "rules", *names], capture_output=True, timeout=120,
                          check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" ") for line in (tmp_path / "rules/redirects.txt").read_text().splitlines()]
    targets = {new[len(BASE):]: old for old, new in rows if new.startswith((f"{BASE}/hyperkitty/", f"{BASE}/postorius/"))}
    of_messages = {}
    for path, old in sorted(targets.items()):
        status, text = lab.web.ask(path, lab.cookie)
        assert status == 200, (old, path)
        if "/message/" in path:
            there = lab.web.get(path[len("/hyperkitty/"):].replace("/message/", "/email/"), lab.cookie)
            assert there["message_id_hash"] == path.split("/")[-2] and path in text
            of_messages[path] = there["message_id"]
    # by what each old page says, and by nothing that mailhaul has written
    pages = {old: new[len(BASE):] for old, new in rows if re.search(r"/[^/]*/[0-9]{6}\.html$", old)}
    for old, path in pages.items():
        page = lab.site.var("archives", "private", *os.fsdecode(unquote_to_bytes(old)).split("/")[-3:])
        own = unquote_to_bytes(page.read_text().split("In-Reply-To=")[1].split('"')[0]).decode()[1:-1]
        assert of_messages[path] == own, old
    assert len(of_messages) == sum(len(one.archived) for one in lab.archived.values())


def test_the_archives_of_a_real_mailman(lab, tmp_path):
    """What the genuine 2.1.39 wrote, with 394 pages made of 352 messages: each message is there, and each page that says
    a Message-ID leads to it."""
    archive = Path(os.environ.get("MAILHAUL_EXTRA_DATA", "/nowhere")) / f"{REAL}.tar.gz"
    if not archive.exists():
        pytest.skip("MAILHAUL_EXTRA_DATA names no folder with data of a real Mailman")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, members=[one for one in tar if one.name.startswith(REAL + "/")
                                          and (one.isfile() or one.isdir())])
    lab.core.ask("POST", "domains", mail_host="real.example.org")
    lab.core.ask("POST", "lists", fqdn_listname="balug-talk@real.example.org")
    common = ("--site", tmp_path / REAL, "--mail-host", "real.example.org")
    done = subprocess.run([*lab.words("balug-talk"), *common], capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)[0]
    octets = (tmp_path / REAL / "archives/private/balug-talk.mbox/balug-talk.mbox").read_bytes()
    ids = re.findall(rb"(?mi)^Message-ID: <(.*)>$", octets)
    there = {row["message_id"] for row in lab.emails("balug-talk", "real.example.org")}
    assert (said["messages"], said["there"], said["strays"]) == (352, 352, 394 - 352)
    assert there == {one.decode() for one in ids} and said["text"] == said["text_there"]
    subprocess.run([MAILHAUL, "-q", "lists", "redirects", *common, "--target", "hyperkitty", "--base", BASE, "--to",
                    tmp_path / "rules", "balug-talk"], check=True, timeout=120)
    rows = [line.split(" ") for line in (tmp_path / "rules/redirects.txt").read_text().splitlines()]
    targets = [new.split("/")[-2] for _, new in rows if "/message/" in new]
    assert len(targets) >= 350 and set(targets) <= {hashed(one) for one in there}


def test_what_was_brought_can_be_taken_away(lab):
    """And nothing else: what HyperKitty alone has stays, and the page of a list that Mailman 3 has. Then it can come
    again."""
    mbox = lab.site.var("archives", "private", "torn.mbox", "torn.mbox").read_bytes()
    lab.put("torn", b"".join((mbox, FROM, b"From: u@example.net\nMessage-ID: <alone@x>\n\nalone\n\n")))
    assert lab.bring("torn")["torn"]["new"] == 1
    lab.put("torn", mbox)
    done = subprocess.run([*lab.words("torn"), "--remove"], capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)[0]
    assert (said["removed"], said["others"], said["policy"]) == (len(DIRT) - 1, 1, "public")
    assert [row["message_id"] for row in lab.emails("torn")] == ["alone@x"]
    assert lab.bring("torn")["torn"]["new"] == len(DIRT) - 1


def proxied(lab, folder: Path) -> dict:
    """What nginx needs to be the lists' web server: our rules, and HyperKitty and Postorius behind it."""
    for path in folder.iterdir():
        path.chmod(0o644)
    places = "".join(f"location {path} {{ proxy_pass http://127.0.0.1:{lab.web.port}; proxy_set_header Host $http_host; "
                     "proxy_set_header X-Forwarded-Proto https; }\n" for path in ("/hyperkitty/", "/postorius/"))
    return {"before": f"include {folder}/nginx-http.conf;", "rules": f"{places}include {folder}/nginx-server.conf;"}


def test_a_browser_shows_the_list_a_thread_and_where_an_old_link_leads(lab):
    """Through a real nginx with the rules, from the address that somebody has bookmarked ten years ago."""
    place = Path(tempfile.mkdtemp(prefix="browser-", dir="/var/tmp"))
    place.chmod(0o755)
    server = None
    try:
        if why := browser.why_not(place / "try"):
            pytest.skip(why)
        folder = place / "rules"

        def rules(port: int) -> dict:
            subprocess.run([MAILHAUL, "-q", "lists", "redirects", "--site", lab.site.root, "--target", "hyperkitty",
                            "--base", f"{BASE}:{port}", "--to", folder, "talk"], check=True, timeout=120)
            return proxied(lab, folder)

        (place / "pages").mkdir()
        server = WebServer("nginx", place / "nginx", place / "pages", rules)
        window, base = browser.Browser(place / "home"), f"{BASE}:{server.tls}"
        made = lab.archived["talk"].archived[-1]
        own, subject = hashed(message_id(made)[1:-1]), dict(made[0])["Subject"]
        assert f"/list/talk@{HOST}/thread/{own}/" in window.dom(f"{base}/hyperkitty/list/talk@{HOST}/2026/11/")
        text = window.dom(f"{base}/hyperkitty/list/talk@{HOST}/thread/{own}/")
        assert subject in text and "The first line." in text
        old = window.dom(f"http://www.old.example.org:{server.plain}/pipermail/talk/2026-November/000019.html")
        assert subject in old and "The first line." in old and f"/message/{own}/" in old
        assert "listinfo" not in old and "Postorius" in window.dom(f"{base}/postorius/lists/talk.{HOST}/")
    finally:
        if server:
            server.stop()
        shutil.rmtree(place, ignore_errors=True)
