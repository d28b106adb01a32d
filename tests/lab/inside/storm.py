# SPDX-License-Identifier: BSD-2-Clause
"""Work in one person's mailbox that goes on and on: what a scan of it has to live with.

`storm LOGIN KIND[:FOLDER]...`  does each KIND, beside the others, until its standard input ends.
Says one line of JSON, how often each was done, once each was; the same for each line that it reads,
and at its end.
"""

import json
import os
import random
import smtplib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path

from lab import people
from lab.inside.mailbox import login
from lab.inside.populate import quote
from lab.mailfiles import directory_name

LEAST = 5           # messages that a client who deletes leaves
PATIENCE = 150      # seconds, for what hangs
LMTP = "/var/spool/postfix/private/dovecot-lmtp"
KEYWORDS = [f"Word{number:02}" for number in range(26)]     # as many as have a letter in a file name


def letter(name: str) -> bytes:
    """A small message like no other."""
    return (f"Subject: {name}\r\nMessage-ID: <{name}.{time.time_ns()}@example.com>\r\n"
            f"Date: {formatdate()}\r\n\r\n" + "more of it\r\n" * random.randrange(200)).encode()


def folder_of(name: str, folder: str) -> Path:
    """Where a folder lies."""
    person = next(person for person in people.PEOPLE if person.login == name)
    root = Path(person.home, "Maildir")
    return root if folder == "INBOX" else root / directory_name(folder)


def _session(name: str, folder: str):
    session = login(name)
    session.select(quote(folder))
    return session


def deliver(name: str, _folder: str) -> Iterator[int]:
    """Dovecot's own delivery, a hundred a second or so; several in one session."""
    while True:
        with smtplib.LMTP(LMTP) as lmtp:
            for number in range(20):
                lmtp.sendmail("storm@example.com", [name], letter(f"delivered-{number}"))
                yield 1
                time.sleep(0.005)


def drop(name: str, folder: str) -> Iterator[int]:
    """What local(8) does: another program than Dovecot delivers, many of them in one second."""
    place = folder_of(name, folder)
    owner = place.stat()
    number = 0
    while True:
        number += 1
        base = f"{int(time.time())}.P{os.getpid()}Q{number}.old.example.org"
        path = place / "tmp" / base
        path.write_bytes(letter(f"dropped-{number}").replace(b"\r", b""))
        os.chown(path, owner.st_uid, owner.st_gid)
        path.chmod(0o600)
        path.rename(place / "new" / base)
        yield 1
        time.sleep(0.005)


def read(name: str, folder: str) -> Iterator[int]:
    """A client that opens the folder: Dovecot numbers what came, and moves it from new/ to cur/."""
    while True:
        session = _session(name, folder)
        session.uid("FETCH", "1:*", "(FLAGS)")
        session.logout()
        yield 1


def flags(name: str, folder: str) -> Iterator[int]:
    """A client that flags all it sees, and takes the flags away again: Dovecot renames each file."""
    session = _session(name, folder)
    while True:
        for sign in "+-":
            session.uid("STORE", "1:*", f"{sign}FLAGS.SILENT", "(\\Flagged \\Answered)")
            yield 1


def keywords(name: str, folder: str) -> Iterator[int]:
    """A client that labels: each label is new to the folder, and gets the next letter. In the end all of
    them are there."""
    session = _session(name, folder)
    while True:
        for word in KEYWORDS:
            session.uid("STORE", f"{random.randrange(1, 20)}:*", "+FLAGS.SILENT", f"({word})")
        yield 1
        for word in KEYWORDS:
            session.uid("STORE", f"{random.randrange(1, 20)}:*", "-FLAGS.SILENT", f"({word})")


def rename(name: str, folder: str) -> Iterator[int]:
    """Another program than Dovecot that sets flags, one file after the other, without a break."""
    cur = folder_of(name, folder) / "cur"
    while True:
        for entry in os.listdir(cur):
            base, _, old = entry.partition(":2,")
            words = "".join(letter for letter in old if letter.islower())
            try:
                os.rename(cur / entry, cur / f"{base}:2,{random.choice(('', 'F', 'S', 'RS'))}{words}")
            except FileNotFoundError:
                continue
            yield 1
        yield 0


def expunge(name: str, folder: str) -> Iterator[int]:
    """A client that deletes what is old, as long as there is enough left."""
    session = _session(name, folder)
    while True:
        numbers = session.uid("SEARCH", "ALL")[1][0].split()
        if len(numbers) > LEAST:
            session.uid("STORE", numbers[random.randrange(3)], "+FLAGS.SILENT", "(\\Deleted)")
            session.expunge()
        yield len(numbers) > LEAST
        time.sleep(0.01)


def append(name: str, folder: str) -> Iterator[int]:
    """A client that saves messages: Dovecot adds a line to its list of UIDs for each."""
    session = login(name)
    while True:
        session.append(quote(folder), "(\\Seen)", time.time() - random.randrange(10 ** 8),
                       letter("saved"))
        yield 1


def trickle(name: str, folder: str) -> Iterator[int]:
    """A client behind a slow line: what it saves grows in tmp/ for a while."""
    session = login(name)
    while True:
        text = letter("trickled") + b"slowly\r\n" * 5000
        session.send(b"t APPEND %s {%d}\r\n" % (quote(folder).encode(), len(text)))
        session.readline()
        for at in range(0, len(text), 4000):
            session.send(text[at:at + 4000])
            time.sleep(0.02)
            yield 0
        session.send(b"\r\n")
        while not session.readline().startswith(b"t OK"):
            pass
        yield 1


def copy(name: str, folder: str) -> Iterator[int]:
    """A client that copies in its folder and deletes the original: hard links for a moment."""
    session = _session(name, folder)
    while True:
        some = b",".join(session.uid("SEARCH", "ALL")[1][0].split()[:3]).decode() or "1"
        session.uid("COPY", some, quote(folder))
        session.uid("STORE", some, "+FLAGS.SILENT", "(\\Deleted)")
        session.expunge()
        yield 1


def move(name: str, folder: str) -> Iterator[int]:
    """A client that moves messages from INBOX to the folder, and others back."""
    here, there = _session(name, "INBOX"), _session(name, folder)
    while True:
        for session, to in ((here, folder), (there, "INBOX")):
            session.noop()
            session.uid("MOVE", "1:*" if random.random() < 0.2 else str(_some_uid(session)), quote(to))
            yield 1


def shift(name: str, folder: str) -> Iterator[int]:
    """Another program that moves messages between INBOX and the folder: the files, names and all."""
    here, there = folder_of(name, "INBOX") / "cur", folder_of(name, folder) / "cur"
    while True:
        for source, to in ((here, there), (there, here)):
            entries = os.listdir(source)
            for entry in random.sample(entries, min(3, len(entries))):
                try:
                    os.rename(source / entry, to / entry)
                except FileNotFoundError:
                    continue
                yield 1
        yield 0
        time.sleep(0.005)


def _some_uid(session) -> int:
    numbers = session.uid("SEARCH", "ALL")[1][0].split()
    return int(random.choice(numbers)) if numbers else 1


def rewrite(name: str, folder: str) -> Iterator[int]:
    """An administrator who has Dovecot write its list of UIDs anew."""
    while True:
        subprocess.run(["doveadm", "force-resync", "-u", name, folder], check=True,
                       stdin=subprocess.DEVNULL)
        yield 1


def folders(name: str, folder: str) -> Iterator[int]:
    """A client that makes a folder with mail in it, renames it twice, and deletes it; each time
    under the same name. What it leaves is a folder called FOLDER-kept."""
    session = login(name)
    while True:
        session.create(quote(folder))
        for _ in range(30):
            session.append(quote(folder), None, time.time(), letter("in a folder"))
        for old, new in ((folder, f"{folder}-next"), (f"{folder}-next", f"{folder}-kept")):
            session.delete(quote(new))
            session.rename(quote(old), quote(new))
            yield 1
        session.create(quote(folder))
        session.append(quote(folder), None, time.time(), letter("in a folder of the same name"))
        session.delete(quote(folder))
        yield 1


KINDS = {kind.__name__: kind for kind in (
    append, copy, deliver, drop, expunge, flags, folders, keywords, move, read, rename, rewrite,
    shift, trickle)}


class Work(threading.Thread):
    """One kind of work, as the command line names it."""

    def __init__(self, name: str, words: str):
        super().__init__(daemon=True)
        kind, _, folder = words.partition(":")
        self.words, self.login, self.kind, self.folder = words, name, kind, folder or "INBOX"
        self.done, self.why, self.ends = 0, "", threading.Event()

    def run(self) -> None:
        try:
            for done in KINDS[self.kind](self.login, self.folder):
                self.done += done
                if self.ends.is_set():
                    return
        except Exception as error:      # pylint: disable=broad-exception-caught
            self.why = f"{self.words}: {type(error).__name__}: {error}"


def tell(works: list[Work]) -> None:
    """How often each was done."""
    print(json.dumps({work.words: work.done for work in works}), flush=True)


def main() -> None:
    """Work until the end of standard input."""
    works = [Work(sys.argv[1], words) for words in sys.argv[2:]]
    for work in works:
        work.start()
    end = time.monotonic() + PATIENCE
    while any(not work.done and work.is_alive() for work in works) and time.monotonic() < end:
        time.sleep(0.01)
    tell(works)
    while sys.stdin.readline() and not any(work.why for work in works):
        tell(works)
    for work in works:
        work.ends.set()
    end = time.monotonic() + PATIENCE
    for work in works:
        work.join(max(0, end - time.monotonic()))
    tell(works)
    # a thread that hangs would keep the interpreter
    wrong = [work.why or f"{work.words}: {'hangs' if work.is_alive() else 'did nothing'}"
             for work in works if work.why or work.is_alive() or not work.done]
    print("\n".join(wrong), file=sys.stderr, flush=True)
    os._exit(bool(wrong))


if __name__ == "__main__":
    main()
