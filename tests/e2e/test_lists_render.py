# SPDX-License-Identifier: BSD-2-Clause
"""`mailhaul lists archive render`: an mbox becomes static pages, at the addresses that pipermail gave.

The pages are read by Python's own HTML parser. Mail that wants to be a script, a tag or another direction of text is
among it, and an old archive whose numbers no count of the mbox would give.
"""

import base64
import json
import signal
import subprocess
import time
from email.utils import format_datetime
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from lab import sealed

VOID = {"meta", "link", "br", "hr"}
ALLOWED = {"html", "head", "title", "meta", "link", "style", "body", "h1", "p", "b", "i", "bdi", "time", "nav", "a", "ul",
           "li", "hr", "br", "pre"}
START = datetime(2026, 1, 20, tzinfo=timezone.utc)
EVIL = '</pre><script>alert(1)</script><img src=x onerror="alert(2)">'
PNG = b"\x89PNG\r\n\x1a\n\x00not a picture"


def letter(number: int, **more) -> bytes:
    """A message with its From_ line; header fields by name, "_" for "-"; `body`."""
    at = START + timedelta(days=number)
    fields = {"From": f"Poster {number % 3} <poster{number % 3}@example.net>", "Subject": f"Topic {number // 4}",
              "Date": format_datetime(at), "Message-ID": f"<letter{number}@example.org>"}
    body = more.pop("body", f"Text of letter {number}, from me@example.com.\n")
    fields.update({name.replace("_", "-"): value for name, value in more.items()})
    head = "".join(f"{name}: {value}\n" for name, value in fields.items() if value is not None)
    return f"From poster@example.net {at:%a %b %e %H:%M:%S %Y}\n{head}\n{body}\n".encode()


def letters() -> list:
    """Twenty of them, of all kinds."""
    many = "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nGr=FC=DFe\n"
    mixed = (f"--b\n{many}--b\nContent-Type: image/png; name=\"<b>../../evil.png\"\nContent-Transfer-Encoding: base64\n\n"
             f"{base64.b64encode(PNG).decode()}\n--b\nContent-Type: text/html; name=x.html\n\n{EVIL}\n--b--\n")
    made = [letter(number) for number in range(20)]
    made[3] = letter(3, In_Reply_To="<letter2@example.org>", References="<letter0@example.org> <letter2@example.org>")
    made[4] = letter(4, Subject=f"=?utf-8?b?{base64.b64encode(EVIL.encode()).decode()}?=", From=f'"{EVIL}" <x@example.com>',
                     body=f"{EVIL}\n\u202egnp.exe\nhttp://example.org/?q=1&amp=2\n")
    made[5] = letter(5, MIME_Version="1.0", Content_Type="multipart/mixed; boundary=b", body=mixed)
    made[6] = letter(6, Message_ID=None)
    made[7] = letter(7, body="Some text.\n\nFrom here on it is no other message.\nThe end.\n")
    made[8] = letter(8, Message_ID="<letter2@example.org>", Subject="The same id")
    made[9] = letter(9, Date="yesterday", Subject=None)
    made[10] = letter(10, Message_ID="<\"><script>alert(3)</script>@example.org>", In_Reply_To="<letter10@example.org>")
    made[11] = letter(11, Date="Thu, 1 Jan 1903 00:00:00 +0000")
    return made


class Page(HTMLParser):
    """Tags that close, links, text; nothing that is not ours."""

    def __init__(self, path: Path):
        super().__init__(convert_charrefs=True)
        self.open, self.links, self.ids, self.words, self.made = [], [], set(), [], ""
        text = path.read_text(encoding="utf-8")
        assert text.startswith("<!DOCTYPE html>") and 'name="viewport"' in text
        assert not set("\u202e\u202d\u2066\u0000") & set(text)
        self.feed(text)
        self.close()
        assert not self.open, (path, self.open)

    def handle_starttag(self, tag, attrs):
        assert tag in ALLOWED, tag
        given = dict(attrs)
        assert len(given) == len(attrs) and not [name for name in given if name.startswith("on")], attrs
        if tag not in VOID:
            self.open.append(tag)
        if tag == "a":
            self.links.append(given["href"])
        if tag == "link":
            self.made = given["href"]
        if "id" in given:
            self.ids.add(given["id"])

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        """All that is shown."""
        return "".join(self.words)


def words(*more: str) -> list:
    """The command line."""
    return [sealed.program(), "--json", "lists", "archive", "render", "--name", "Talk", "--address", "talk@example.org",
            *map(str, more)]


def render(*more: str, expect: int = 0) -> dict:
    """One call; what it tells."""
    done = subprocess.run(words(*more), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == expect, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout else {}


def pages_of(folder: Path) -> dict:
    """Every page, read; each link within leads to something."""
    pages = {path: Page(path) for path in sorted(folder.rglob("*.html"))}
    for path, page in pages.items():
        for link in page.links:
            if link.startswith("http"):
                continue
            name, _, anchor = link.partition("#")
            there = (path.parent / unquote(name)).resolve()
            assert there.is_file() and there.is_relative_to(folder.resolve()), (path, link)
            assert not anchor or anchor in pages[path.parent / name].ids, (path, link)
    return pages


def octets_of(folder: Path) -> dict:
    """Every file."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write_mbox(place: Path, made: list) -> Path:
    """The mbox."""
    box = place / "talk.mbox"
    box.write_bytes(b"".join(made))
    return box


def test_every_message_has_its_page_and_none_becomes_part_of_one(tmp_path):
    box, folder = write_mbox(tmp_path, letters()), tmp_path / "talk"
    told = render("--to", folder, box)
    assert (told["from_lines"], told["messages"], told["strays"], told["named"]) == (21, 20, 1, [])
    pages = pages_of(folder)
    numbers = sorted(int(path.stem) for path in pages if path.stem.isdigit())
    assert numbers == list(range(21))
    by_number = {int(path.stem): page for path, page in pages.items() if path.stem.isdigit()}
    for number in (0, 1, 2, 3, 13, 20):
        shown = number if number < 8 else number - 1
        assert f"Text of letter {shown}, from me@example.com." in by_number[number].text
        assert f"In-Reply-To={quote(f'<letter{shown}@example.org>')}" in by_number[number].made
    assert EVIL in by_number[4].text and "<script>" in by_number[4].text and "gnp.exe" in by_number[4].text
    assert "http://example.org/?q=1&amp=2" in by_number[4].links
    assert "Grüße" in by_number[5].text and "evil.png" in by_number[5].text
    assert "From here on it is no other message.\nThe end." in by_number[7].text
    assert by_number[8].links[0].endswith("/000007.html")
    assert [path for path in pages if path.parent.name == "1903-January"] == []
    # a browser runs nothing of what was attached
    attached = [path for path in folder.rglob("attachments/*/*/*")]
    assert {path.suffix for path in attached} == {".png", ".txt"} and told["attachments"] == 2
    assert sorted(path.read_bytes().strip() for path in attached) == sorted([PNG, EVIL.encode()])
    thread = pages[folder / "2026-January" / "thread.html"]
    order = [int(link[:6]) for link in thread.links if link[:6].isdigit()]
    assert order.index(3) == order.index(2) + 1
    assert sorted([*order, 8]) == sorted(int(path.stem) for path in (folder / "2026-January").glob("0*.html"))
    before = octets_of(folder)
    assert render("--to", folder, box) == told and octets_of(folder) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["talk", "talk.mbox"]


def test_addresses_are_veiled_where_that_is_asked_for(tmp_path):
    box, folder = write_mbox(tmp_path, letters()), tmp_path / "talk"
    render("--veil", "--to", folder, box)
    pages = pages_of(folder)
    assert not [path for path, page in pages.items() if "@example" in page.text]
    assert any("me at example.com" in page.text for page in pages.values())


def old_archive(place: Path, rows: list) -> Path:
    """Pages as pipermail's, of (volume, number, id)."""
    for volume, number, message_id in rows:
        (place / volume).mkdir(parents=True, exist_ok=True)
        (place / volume / f"{number:06d}.html").write_text(
            f'<HTML><LINK REL="made" HREF="mailto:x?Subject=a&In-Reply-To={quote(message_id)}">old {number}</HTML>')
    file = place / "attachments" / "20260120" / "0123abcd" / "attachment.png"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"old")
    return place


def test_old_addresses_show_the_same_messages(tmp_path):
    """Numbers of an archive that was rebuilt, a month by another time zone, ids that Mailman made."""
    made = letters()
    rows = [("2025-December", 100, "<letter0@example.org>"), ("2026-January", 7, "<letter1@example.org>"),
            ("2026-January", 8, "<letter2@example.org>"), ("2026-January", 9, "<gone@example.org>"),
            ("2026-January", 50, "<letter5@example.org>"), ("2026-January", 51, "<mailman.1.2.3.talk@example.org>"),
            ("2026-January", 52, "<letter7@example.org>"), ("2026-March", 60, "<letter2@example.org>")]
    old, folder = old_archive(tmp_path / "old", rows), tmp_path / "talk"
    told = render("--old", old, "--to", folder, write_mbox(tmp_path, made))
    pages = {path: path.read_text() for path in folder.rglob("0*.html")}
    for volume, number, message_id in rows:
        page = pages[folder / volume / f"{number:06d}.html"]
        if message_id == "<gone@example.org>":
            assert page == f'<HTML><LINK REL="made" HREF="mailto:x?Subject=a&In-Reply-To={quote(message_id)}">old 9</HTML>'
        elif "mailman" in message_id:
            assert "Text of letter 6," in page
        else:
            assert f"In-Reply-To={quote(message_id)}" in page and "old" not in page
    assert "The same id" in pages[folder / "2026-March" / "000060.html"]
    assert told["kept"] == ["2026-January/000009.html"] and told["kept_attachments"] == 1
    assert told["as_before"] == 7 and told["messages"] == 20
    assert (folder / "attachments/20260120/0123abcd/attachment.png").read_bytes() == b"old"
    # all others behind the last number: an address never leads to another message
    assert min(int(path.stem) for path in pages if int(path.stem) not in {row[1] for row in rows}) == 101
    assert len(pages) == 22


def made_at(folder: Path) -> tuple | None:
    """What tells a folder from an earlier one of its name; None when there is none."""
    try:
        return folder.stat().st_ino, folder.stat().st_ctime_ns
    except FileNotFoundError:
        return None


def test_only_its_own_folder_is_replaced_and_a_killed_one_leaves_the_old(tmp_path):
    box, folder, other = write_mbox(tmp_path, letters()), tmp_path / "talk", tmp_path / "other"
    other.mkdir()
    (other / "mine").write_text("x")
    render("--to", other, box, expect=78)
    assert [path.name for path in other.iterdir()] == ["mine"]
    assert render("--dry-run", "--to", folder, box)["messages"] == 20 and not folder.exists()
    render("--to", folder, box)
    before = octets_of(folder)
    more = write_mbox(tmp_path / "other", letters() * 150)
    kills, left = 0, None
    while kills < 2:
        with subprocess.Popen(words("--to", folder, more), stdout=subprocess.DEVNULL) as child:
            while made_at(tmp_path / "talk.mailhaul-new" / "2026-January") in (None, left) and child.poll() is None:
                time.sleep(0.001)
            # it stands still in the middle, however long another one takes to see that
            child.send_signal(signal.SIGSTOP)
            busy = subprocess.run(words("--to", folder, box), capture_output=True, timeout=300, check=False)
            child.send_signal(signal.SIGKILL)
        if child.returncode == -signal.SIGKILL:
            assert octets_of(folder) == before and busy.returncode == 75
            kills += 1
            left = made_at(tmp_path / "talk.mailhaul-new" / "2026-January")
        else:       # at its end before that
            before = octets_of(folder)
    told = render("--to", folder, more)
    assert told["messages"] == 3000 and len(list(folder.rglob("0*.html"))) == told["from_lines"]
    assert not (tmp_path / "talk.mailhaul-new").exists()


@pytest.mark.parametrize("wrong", [["--to", ""], [], ["--info", "javascript:x", "--to", "x"]])
def test_a_call_that_makes_no_sense_is_refused(tmp_path, wrong):
    render(*wrong, write_mbox(tmp_path, letters()), expect=64)
