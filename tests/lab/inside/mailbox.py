# SPDX-License-Identifier: BSD-2-Clause
"""Mailboxes over IMAP, from inside their host: a picture of all of them, or one small change.

All UIDs and folder names are as a client sees them.

`mailbox snapshot LOGIN...`                   picture of these (none named: everybody) as JSON
`mailbox store LOGIN FOLDER FLAGS DATE`       APPEND stdin; FLAGS "" or "\\Seen $label1", DATE epoch
`mailbox flag LOGIN FOLDER UID +|- FLAG`      set or take away a flag
`mailbox expunge LOGIN FOLDER UID`            remove one message
`mailbox copy LOGIN FOLDER UID`               a second copy in the same folder
`mailbox flip LOGIN FOLDER UID`               change one bit of its file, and neither time nor size
"""

import hashlib
import imaplib
import json
import os
import re
import sys
from datetime import datetime
from pathlib import Path

from lab import people
from lab.inside.populate import quote
from lab.inside.sweep import folder_name
from lab.mailfiles import directory_name

imaplib._MAXLINE = 10_000_000   # SEARCH and FETCH lines of big folders; no public way to say so
_AT_ONCE = 100                  # messages of one FETCH: big ones are held in memory
_ROW = re.compile(rb"UID (\d+) FLAGS \(([^)]*)\) INTERNALDATE \"([^\"]*)\" RFC822.SIZE (\d+)")


def login(name: str) -> imaplib.IMAP4:
    """A session of one person."""
    person = next(person for person in people.PEOPLE if person.login == name)
    session = imaplib.IMAP4("127.0.0.1")
    session.login(person.login, person.password)
    return session


def _done(answer: tuple) -> list:
    if answer[0] != "OK":
        raise SystemExit(f"IMAP said {answer}")
    return answer[1]


def snapshot(name: str) -> dict:
    """All folders of one person: {"folders": {NAME: {...}}, "subscriptions": [NAME...]}."""
    session = login(name)
    folders = {}
    for line in _done(session.list()):
        folder = folder_name(line)
        if b"\\Noselect" in line or b"\\NonExistent" in line:
            folders[folder] = None
            continue
        folders[folder] = _folder(session, folder)
    subscriptions = sorted(folder_name(line) for line in _done(session.lsub()) if line)
    session.logout()
    return {"folders": folders, "subscriptions": subscriptions}


def _folder(session: imaplib.IMAP4, name: str) -> dict:
    status = _done(session.status(quote(name), "(UIDVALIDITY UIDNEXT)"))[0]
    count = int(_done(session.select(quote(name), readonly=True))[0])
    found = dict(re.findall(rb"(UIDVALIDITY|UIDNEXT) (\d+)", status))
    messages = {}
    for first in range(1, count + 1, _AT_ONCE):
        last = min(first + _AT_ONCE - 1, count)
        rows = _done(session.fetch(f"{first}:{last}",
                                   "(UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"))
        for row in rows:
            if isinstance(row, tuple):
                uid, message = _message(row)
                messages[uid] = message
    return {"uidvalidity": int(found[b"UIDVALIDITY"]), "uidnext": int(found[b"UIDNEXT"]),
            "messages": messages}


def _message(row: tuple) -> tuple[str, dict]:
    uid, flags, date, size = _ROW.search(row[0]).groups()
    # \Recent belongs to a session, not to a message
    names = sorted(set(flags.decode("ascii", "surrogateescape").split()) - {"\\Recent"})
    return uid.decode(), {"flags": names, "date": _seconds(date), "size": int(size),
                          "sha256": hashlib.sha256(row[1]).hexdigest()}


def _seconds(date: bytes) -> int:
    """An INTERNALDATE as seconds since 1970, modulo 2^32.

    Dovecot 2.3 keeps it in its cache as 32 bits without a sign: the same message is of 1904 when
    its file is looked at, and of 2040 from then on.
    """
    when = datetime.strptime(date.decode().strip(), "%d-%b-%Y %H:%M:%S %z")
    return int(when.timestamp()) % (1 << 32)


def store(name: str, folder: str, flags: str, date: str, content: bytes) -> str:
    """Append one message, and return its UID (RFC 4315)."""
    session = login(name)
    answer = _done(session.append(quote(folder), f"({flags})", float(date), content))
    session.logout()
    return re.search(rb"APPENDUID \d+ (\d+)", answer[0])[1].decode()


def flag(name: str, folder: str, uid: str, sign: str, word: str) -> None:
    """Set (+) or take away (-) one flag."""
    session = login(name)
    _done(session.select(quote(folder)))
    _done(session.uid("STORE", uid, f"{sign}FLAGS.SILENT", f"({word})"))
    session.logout()


def expunge(name: str, folder: str, uid: str) -> None:
    """Remove one message."""
    session = login(name)
    _done(session.select(quote(folder)))
    _done(session.uid("STORE", uid, "+FLAGS.SILENT", "(\\Deleted)"))
    _done(session.uid("EXPUNGE", uid))
    session.logout()


def copy(name: str, folder: str, uid: str) -> None:
    """Put a second copy of one message into its folder."""
    session = login(name)
    _done(session.select(quote(folder)))
    _done(session.uid("COPY", uid, quote(folder)))
    session.logout()


def flip(name: str, folder: str, uid: str) -> None:
    """Change the lowest bit of a message's last letter, on disk, as a bad cable would."""
    path = _path(name, folder, uid)
    was = path.stat()
    content = bytearray(path.read_bytes())
    last = len(content.rstrip(b"\r\n")) - 1
    content[last] ^= 1
    with open(path, "r+b") as file:
        file.write(content)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))


def _path(name: str, folder: str, uid: str) -> Path:
    """Where a Maildir message lies, as dovecot-uidlist has it: `UID [fields] :NAME`."""
    person = next(person for person in people.PEOPLE if person.login == name)
    root = Path(person.home, "Maildir")
    if folder != "INBOX":
        root /= directory_name(folder)
    with open(root / "dovecot-uidlist", encoding="ascii") as lines:
        for line in lines:
            if line.split(" ")[0] == uid and " :" in line:
                base = line.rstrip("\n").partition(" :")[2]
                return next(path for part in ("cur", "new") for path in (root / part).iterdir()
                            if path.name.partition(":2,")[0] == base)
    raise SystemExit(f"{name} {folder}: no UID {uid} in dovecot-uidlist")


def main() -> None:
    """Run the verb that stands in argv."""
    verb, arguments = sys.argv[1], sys.argv[2:]
    if verb == "snapshot":
        names = arguments or [person.login for person in people.PEOPLE]
        json.dump({name: snapshot(name) for name in names}, sys.stdout)
    elif verb == "store":
        print(store(*arguments, sys.stdin.buffer.read()))
    else:
        {"flag": flag, "expunge": expunge, "copy": copy, "flip": flip}[verb](*arguments)


if __name__ == "__main__":
    main()
