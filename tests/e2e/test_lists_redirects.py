# SPDX-License-Identifier: BSD-2-Clause
"""`mailhaul lists redirects`: each old address is asked of the real Apache and the real nginx.

Names of files that would be words of a configuration, and pages that say no Message-ID, are among them.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from lab import sealed
from lab.webservers import NAME, WebServer
from test_lists_carry import PRIVATE, Installed

DOMAIN = "example.net"
ODD = ['a"; return 200 "x', "$1 ${map:x}", "%{HTTP_HOST}", "100%", "two words", "#x", "A.PNG", "a.png",
       "back\\slash", "umlaut-\udcc3\udca4", "question?", "~.*", "a;b{c}", "'single'"]


class Old:
    """A host with lists, whose public archive has odd names."""

    def __init__(self, place: Path):
        self.place, self.site = place, Installed(place / "host", "debian").make()
        self.private = self.site.var(PRIVATE)
        self.talk = self.private / "talk"
        for name in ODD:
            folder = self.talk / "attachments" / "20261122" / "00000000"
            folder.mkdir(exist_ok=True)
            os.close(os.open(os.fsencode(folder / name), os.O_CREAT | os.O_WRONLY))
        self.pages = sorted(self.talk.glob("*/0*.html"))
        self.ids = dict(zip(self.pages, (self.said(path) for path in self.pages)))
        self.silent = self.pages[3]
        self.silent.write_text(self.silent.read_text().replace("<LINK", "<NOLINK"))
        token = hashlib.sha1(f"<{self.ids[self.pages[5]]}>".encode()).hexdigest()
        self.attachment = self.talk / "attachments" / "20261123" / (token[:4] + token[-4:]) / "x.png"
        self.attachment.parent.mkdir(parents=True)
        self.attachment.write_bytes(b"x")

    @staticmethod
    def said(path: Path) -> str:
        """The Message-ID of a page."""
        value = path.read_text().split("In-Reply-To=")[1].split('"')[0]
        return unquote_to_bytes(value).decode().strip("<>")

    def write(self, target: str, port: int, *words: str, expect: int = 0) -> Path:
        """Calls the verb; the folder with what it has written."""
        folder = self.place / f"rules-{target}-{port}"
        done = subprocess.run(
            [sealed.program(), "--json", "lists", "redirects", "--site", str(self.site.root), "--target", target,
             "--base", f"https://{NAME}:{port}", "--dreamhost", DOMAIN, "--to", str(folder), *words,
             "--all"], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == expect, done.stdout + done.stderr
        self.told = json.loads(done.stdout)
        return folder


@pytest.fixture(name="old", scope="module")
def fixture_old():
    """Servers without any right have to reach it."""
    place = Path(tempfile.mkdtemp(prefix="redirects-"))
    place.chmod(0o755)
    yield Old(place)
    shutil.rmtree(place)


def included(kind: str, folder: Path) -> dict:
    """What a server's configuration needs."""
    for path in folder.iterdir():
        path.chmod(0o644)
    if kind == "nginx":
        return {"before": f"include {folder}/nginx-http.conf;", "rules": f"include {folder}/nginx-server.conf;"}
    return {"rules": f"Include {folder}/apache.conf"}


def ask(asker, path: str, host: str) -> tuple:
    """Status and Location."""
    asker.request("GET", path, headers={"Host": host})
    answer = asker.getresponse()
    answer.read()
    return answer.status, answer.headers["Location"]


def rows_of(folder: Path) -> list:
    """(old path, new address) of each line."""
    return [tuple(line.split(" ")) for line in (folder / "redirects.txt").read_text().splitlines()]


def ask_all(server: WebServer, folder: Path) -> int:
    """Each old address at an old host without https, and at the canonical one: one step, and no more."""
    plain, tls, base = server.asker(False), server.asker(True), f"https://{NAME}:{server.tls}"
    stays = 0
    for path, new in rows_of(folder):
        same = unquote_to_bytes(new) == base.encode() + unquote_to_bytes(path)
        status, location = ask(plain, path, "www.old.example.org")
        # a server writes the same path in its own way
        assert status == 301 and (location == new or same and unquote_to_bytes(location) ==
                                  unquote_to_bytes(new)), (path, location, server.log())
        status, location = ask(tls, path, f"{NAME}:{server.tls}")
        if same:
            assert status in (200, 403, 404) and not location, path
            stays += 1
        else:
            assert (status, location) == (301, new), path
    # none of them leads to one that leads on
    targets = {new[len(base):] for _, new in rows_of(folder)}
    for path in sorted(targets)[::7]:
        assert ask(tls, path, f"{NAME}:{server.tls}")[0] != 301, path
    assert ask(plain, "/else/where?x=1", NAME) == (301, f"{base}/else/where?x=1")
    assert ask(plain, "/pipermail/talk/none/000000.html", NAME)[1] == f"{base}/pipermail/talk/none/000000.html"
    return stays


@pytest.mark.parametrize("kind", ["apache", "nginx"])
@pytest.mark.parametrize("target", ["hyperkitty", "render", "keep"])
def test_each_old_address_leads_in_one_step_to_its_page(old, kind, target):
    folders = []

    def rules(port: int) -> dict:
        folders.append(old.write(target, port))
        return included(kind, folders[-1])

    pages = old.place / f"pages-{target}-{kind}"
    (pages / "pipermail").mkdir(parents=True)
    shutil.copytree(old.talk, pages / "pipermail" / "talk", symlinks=True)
    subprocess.run(["chmod", "-R", "a+rX", pages], check=True)
    server = WebServer(kind, old.place / f"{target}-{kind}", pages, rules)
    try:
        stays = ask_all(server, folders[-1])
        told = old.told
        assert stays == told["stay"] and (stays > 50 or target == "hyperkitty")
    finally:
        server.stop()
    assert told["named"] == []
    assert f"talk/{old.silent.relative_to(old.talk)}" in told["without_id"]
    there = dict(rows_of(folders[-1]))
    base = f"https://{NAME}:{server.tls}"
    for path, message_id in old.ids.items():
        below = path.relative_to(old.talk)
        new = there[f"/pipermail/talk/{below}"]
        assert there[f"/pipermail/talk-{DOMAIN}/{below}"] == new
        name = base64.b32encode(hashlib.sha1(message_id.encode()).digest()).decode()
        if target != "hyperkitty":
            assert new == f"{base}/pipermail/talk/{below}"
        elif path != old.silent:
            assert new == f"{base}/hyperkitty/list/talk@lists.example.org/message/{name}/"
        else:
            assert new.startswith(f"{base}/hyperkitty/list/talk@lists.example.org/2026/1")
    if target == "hyperkitty":
        page = there[f"/pipermail/talk/{old.pages[5].relative_to(old.talk)}"]
        assert there[f"/pipermail/talk/{old.attachment.relative_to(old.talk)}"] == page
        assert len(told["kept"]) >= len(ODD)
        assert there["/mailman/listinfo/talk"] == f"{base}/postorius/lists/talk.lists.example.org/"
    else:
        assert there[f"/roster.cgi/talk-{DOMAIN}"] == f"{base}/mailman/roster/talk"
    for program in ("listinfo", "admin", "roster"):
        assert f"/{program}.cgi/talk-{DOMAIN}" in there


def test_what_no_map_can_hold_is_named_and_a_bad_base_is_refused(old):
    folder = old.talk / "attachments" / "20261122" / "00000000"
    line = folder / "two\nlines 200;"
    line.write_bytes(b"")
    try:
        told = old.write("keep", 1, expect=1) and old.told
        assert [named for named in told["named"] if "two" in named] == [
            "talk/attachments/20261122/00000000/two\\x0alines 200;: has octets that are no text"]
        for base in ("http://x", "https://x/y", "https://x\n", "https://$x", "https://"):
            done = subprocess.run([sealed.program(), "lists", "redirects", "--site", str(old.site.root), "--target",
                                   "keep", "--base", base, "--to", str(old.place / "none"), "talk"],
                                  capture_output=True, timeout=60, check=False)
            assert done.returncode == 78 and not (old.place / "none").exists(), base
    finally:
        line.unlink()
