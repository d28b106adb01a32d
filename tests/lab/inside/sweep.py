# SPDX-License-Identifier: BSD-2-Clause
"""Find every copy of the traffic's messages on this host, and print them as JSON lines.

`sweep disk`   mailboxes and the pipe's folder, from the files
`sweep pipe`   the pipe's folder alone
`sweep imap`   mailboxes as a mail client sees them
`sweep sink`   a world: mail to outside addresses, answers, and delivery status notifications

A line: {"token", "place", "folder", "name", "what"}; what = copy, failed, delayed or answer.
"""

import imaplib
import json
import re
import sys
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

from lab import people, postfix
from lab.inside.populate import quote

_TOKEN = re.compile(rb"^X-Haul-Token:[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)
_ANSWER = re.compile(rb"^X-Haul-Token-Answered:[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)
_ACTION = re.compile(rb"^Action:[ \t]*(\w+)", re.MULTILINE | re.IGNORECASE)
_FOR = re.compile(rb"^X-Original-To:[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)
_HEADER = 200_000       # octets that are looked at for the end of a header


def header(content: bytes) -> bytes:
    """The header of a message, with lines that end in a line feed."""
    return content[:_HEADER].replace(b"\r\n", b"\n").partition(b"\n\n")[0] + b"\n"


def token_of(content: bytes) -> str | None:
    """The token in a message's own header, None for other people's mail."""
    found = _TOKEN.search(header(content))
    return found[1].decode("ascii", "replace") if found else None


def _line(token: str, place: str, folder: str, name: str, what: str = "copy") -> dict:
    return {"token": token, "place": place, "folder": folder, "name": name, "what": what}


def disk() -> Iterator[dict]:
    """Every copy in the mailboxes' files, and what the pipe has kept."""
    for person in people.PEOPLE:
        home = Path(_home(person))
        for path in _maildir_files(home / "Maildir"):
            token = token_of(_head(path))
            if token:
                folder = path.parent.parent
                yield _line(token, person.address,
                            "INBOX" if folder.name == "Maildir" else folder.name[1:], path.name)
        if person.mbox:
            yield from _mbox_copies(person, home)
    yield from pipe()


def pipe() -> Iterator[dict]:
    """What the pipe program has kept: a file for each delivery."""
    for path in sorted(Path(people.INTAKE).glob("*")):
        token = token_of(_head(path))
        if token and path.suffix != ".part":
            yield _line(token, f"pipe:{people.INTAKE}", "", path.name)


def _home(person: people.Person) -> str:
    if not person.system:
        return person.home
    with open("/etc/passwd", encoding="utf-8") as accounts:
        for line in accounts:
            if line.startswith(person.login + ":"):
                return line.split(":")[5]
    return person.home


def _maildir_files(root: Path) -> Iterator[Path]:
    if not root.is_dir():
        return
    for folder in [root] + sorted(path for path in root.iterdir()
                                  if path.name.startswith(".") and path.is_dir()):
        for part in ("cur", "new"):
            yield from (folder / part).glob("*")


def _head(path: Path) -> bytes:
    with open(path, "rb") as file:
        start = file.read(8192)
        return start if b"\n\n" in start else start + file.read(_HEADER)


def _mbox_copies(person: people.Person, home: Path) -> Iterator[dict]:
    files = [Path("/var/mail", person.login)]
    files += sorted(path for path in (home / "mail").rglob("*")
                    if path.is_file() and not path.name.startswith((".", "dovecot")))
    for file in files:
        if not file.is_file() or ".imap" in file.parts:
            continue
        if file.parent.name in ("cur", "new"):      # a Maildir by now, in the layout fs
            token = token_of(_head(file))
            if token:
                place = file.parent.parent.relative_to(home / "mail")
                yield _line(token, person.address, "INBOX" if str(place) == "." else str(place),
                            file.name)
            continue
        folder = "INBOX" if file == files[0] else str(file.relative_to(home / "mail"))
        for number, entry in enumerate(re.split(rb"(?:\A|(?<=\n\n))From .*\n", file.read_bytes())):
            token = token_of(entry)
            if token:
                yield _line(token, person.address, folder, str(number))


def select(session: imaplib.IMAP4, name: str) -> list:
    """Select a folder; one that is refused is a failure, with the server's words."""
    status, answer = session.select(name, readonly=True)
    if status != "OK":
        raise SystemExit(f"{name}: {status} {answer}")
    return answer


def imap() -> Iterator[dict]:
    """Every copy in the mailboxes, as a client sees them."""
    for person in people.PEOPLE:
        session = imaplib.IMAP4("127.0.0.1")
        session.login(person.login, person.password)
        for line in session.list()[1]:
            if b"\\Noselect" in line or b"\\NonExistent" in line:
                continue
            name = folder_name(line)
            if select(session, quote(name)) == [b"0"]:
                continue
            _, rows = session.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (X-HAUL-TOKEN)])")
            for row in rows:
                if isinstance(row, tuple) and (token := token_of(row[1])):
                    uid = re.search(rb"UID (\d+)", row[0])[1].decode()
                    yield _line(token, person.address, name, uid)
        session.logout()


def folder_name(line: bytes | tuple) -> str:
    """The name in one line of a LIST or LSUB answer (RFC 3501 section 7.2.2)."""
    if isinstance(line, tuple):         # sent as a literal
        return line[1].decode("ascii", "surrogateescape")
    text = re.match(rb'\([^)]*\) (?:"(?:\\.|[^"])*"|NIL) (.*)', line)[1]
    if text.startswith(b'"'):
        text = re.sub(rb"\\(.)", rb"\1", text[1:-1])
    return text.decode("ascii", "surrogateescape")


def sink() -> Iterator[dict]:
    """What came to this world."""
    for path in _maildir_files(Path(postfix.SINK)):
        content = path.read_bytes()
        top = header(content)
        found = _FOR.search(top)
        place = f"outside:{found[1].decode()}" if found else "outside:?"
        answered = _ANSWER.search(top)
        if answered:
            yield _line(answered[1].decode(), place, "", path.name, "answer")
        elif token := token_of(content):
            yield _line(token, place, "", path.name)
        elif b"multipart/report" in top.lower():
            yield from _notification(content, place, path.name)


def _notification(content: bytes, place: str, name: str) -> Iterator[dict]:
    """A delivery status notification (RFC 3464): the actions, and the token of what it is about."""
    found = _TOKEN.search(content.replace(b"\r\n", b"\n"))
    token = found[1].decode("ascii", "replace") if found else "?"
    report = message_from_bytes(content, policy=policy.compat32)
    for part in report.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        for action in _ACTION.findall(part.as_bytes()):
            yield _line(token, place, "", name, action.decode().lower())


def main() -> None:
    """Print what the named sweep finds."""
    for line in {"disk": disk, "pipe": pipe, "imap": imap, "sink": sink}[sys.argv[1]]():
        print(json.dumps(line))


if __name__ == "__main__":
    main()
