# SPDX-License-Identifier: BSD-2-Clause
"""What pipermail makes of an mbox: pages, indexes in marshal, its state in a pickle.

The pages' words are our own: pipermail's belong to its authors, and nobody parses them.
"""

import hashlib
from pathlib import Path
from urllib.parse import quote

from .letters import letter, mbox, message_id
from .pickling import Instance, marshalled, pickled

VOLUMES = ("2026-October", "2026-November")
FIRST = 1790000000      # seconds: the date of message 0; a day later each


def posts(name: str, host: str, count: int) -> list:
    """What was posted to the list."""
    body = "The first line.\n\nFrom here on it is a second one.\n"
    return [letter(number, f"poster{number % 7}@example.net", f"{name}@{host}",
                   f"Re: [{name.capitalize()}] Topic {number // 3}", body)
            for number in range(count)]


def _article(number: int, made: tuple, name: str) -> Instance:
    """One article, as the index holds it."""
    header = dict(made[0])
    sender = header["From"].replace("@", " at ")
    return Instance("Mailman.Archiver.HyperArch", "Article", {
        "msgid": message_id(made)[1:-1], "sequence": number, "subject": header["Subject"],
        "date": "%011i" % (FIRST + 86400 * number), "datestr": header["Date"],
        "fromdate": "Sun Nov 22 15:00:00 2026", "author": sender, "email": sender,
        "in_reply_to": "", "references": [], "_in_reply_to": None, "_references": None,
        "_message_id": message_id(made), "headers": {}, "body": [], "ctype": "text/plain",
        "cenc": None, "decoded": {}, "filename": "%06d.html" % number,
        "threadKey": "%011i.%06d-" % (FIRST + 86400 * number, number), "parentID": None,
        "_lang": "en", "__listname": name, "_last_article_time": FIRST})


def _index(volume: list, name: str) -> dict:
    """The five index files of one volume, which is a list of (number, letter)."""
    out = {"article": {}, "date": {}, "author": {}, "subject": {}, "thread": {}}
    for number, made in volume:
        article = _article(number, made, name)
        state, key = article.state, article.state["msgid"]
        subject = state["subject"].lower().replace(" ", "").replace("re:", "")
        out["article"][key] = pickled(article, 0)
        out["date"][(state["date"], key)] = key
        out["author"][(state["author"], state["date"], key)] = key
        out["subject"][(subject, state["date"], key)] = key
        out["thread"][(state["threadKey"], key)] = key
    return out


def _index_page(volume: str, kind: str, letters: list) -> str:
    """What lists a volume's messages: lines in pipermail's form, around which stand words of ours."""
    rows = "".join(
        (f"<!--0 {FIRST + 86400 * number:011}.{number:06}- -->\n" if kind == "thread" else "")
        + f'<LI><A HREF="{number:06d}.html">{dict(made[0])["Subject"]}\n</A>'
          f'<A NAME="{number}">&nbsp;</A>\n<I>{dict(made[0])["From"].replace("@", " at ")}\n</I>\n\n'
        for number, made in letters)
    return (f"<html>{volume} by {kind}\n<ul>\n<li>other orders\n</ul>\n<p><b>From:</b> <i>then</i>"
            f"<br>\n<b>Until:</b> <i>now</i><br>\n<b>Letters:</b> {len(letters)}<p>\n<ul>\n\n{rows}"
            "</ul>\n<b>Last:</b> <i>now</i>\n<ul>\n</ul>\n</html>\n")


def _write_volume(place: Path, volume: str, letters: list, name: str) -> None:
    (place / volume).mkdir()
    (place / "database").mkdir(exist_ok=True)
    for number, made in letters:
        (place / volume / f"{number:06d}.html").write_text(
            f'<html><LINK REL="made" HREF="mailto:{name}%40lists.example.org?Subject=Re%3A&In-Reply-To={quote(message_id(made))}">\n'
            f'<body><pre>{dict(made[0])["Subject"]}</pre>'
            f'<a href="http://www.example.org/mailman/listinfo/{name}">list</a></body></html>\n')
    for kind in ("thread", "subject", "author", "date"):
        (place / volume / f"{kind}.html").write_text(_index_page(volume, kind, letters))
    (place / volume / "index.html").symlink_to("thread.html")
    (place / f"{volume}.txt").write_bytes(mbox([made for _, made in letters]))
    for kind, rows in _index(letters, name).items():
        file = place / "database" / f"{volume}-{kind}"
        file.write_bytes(marshalled(rows))
        file.chmod(0o660)


def write_archive(root: Path, path: str, name: str, letters: list, pages: bool = True,
                  volumes: tuple = VOLUMES) -> None:
    """NAME and NAME.mbox below `root`, which the host calls `path`; without `pages` only the mbox."""
    place, box = root / name, root / f"{name}.mbox"
    place.mkdir(parents=True)
    box.mkdir()
    if letters:
        (box / f"{name}.mbox").write_bytes(mbox(letters))
        (box / f"{name}.mbox").chmod(0o660)
    (place / "index.html").write_text(f"<html>{name}</html>\n")
    if not pages:
        return
    numbered = list(enumerate(letters))
    half = len(numbered) // 2
    for volume, part in zip(volumes, (numbered[:half], numbered[half:])):
        _write_volume(place, volume, part, name)
    token = hashlib.sha1(name.encode()).hexdigest()
    attachment = place / "attachments" / "20261122" / (token[:4] + token[-4:])
    attachment.mkdir(parents=True)
    (attachment / "attachment.png").write_bytes(b"\x89PNG\r\n\x1a\n\x00not a picture")
    (place / "pipermail.pck").write_bytes(pickled({
        "archives": [volume.encode() for volume in reversed(volumes)], "_dirty_archives": [], "sequence": len(letters),
        "update_TOC": 0, "basedir": f"{path}/{name}", "archive": volumes[-1].encode(), "archivedate": FIRST,
        "firstdate": FIRST, "lastdate": FIRST, "size": 0, "type": "hypermail", "version": 9,
        "lang": "en", "depth": 3}, 0))
