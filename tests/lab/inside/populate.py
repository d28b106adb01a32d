# SPDX-License-Identifier: BSD-2-Clause
"""Fill the mailboxes of `old`.

`populate write NOW TOTAL`  puts the files there (NOW in seconds since 1970), prints an outline
`populate number`           has Dovecot number what the outline on stdin names

The second step goes through IMAP, so that dovecot-uidlist, dovecot-keywords and subscriptions are
Dovecot's own and not what the lab thinks they look like.
"""

import imaplib
import json
import os
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import mailboxes, mailfiles, people
from lab.mailboxes import Mailbox

_EXPUNGED_OF = 23       # every so many letters one goes again, so that the UIDs have gaps


def write(boxes: list[Mailbox]) -> None:
    """Homes, Sieve scripts, forwards, letters."""
    for box in boxes:
        _home(box.person)
        if box.person.mbox:
            mailfiles.write_mbox(box, Path("/var/mail") / box.person.login)
        else:
            mailfiles.write_maildir(box, Path(box.person.home) / "Maildir")
        _own(box.person)


def _home(person: people.Person) -> None:
    home = Path(person.home)
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)
    if person.system:
        (home / "notes.txt").write_text("nothing to do with mail\n")
    if person.sieve:
        (home / "sieve").mkdir()
        (home / "sieve" / "filters.sieve").write_text(person.sieve)
        (home / "sieve" / "on holiday.sieve").write_text('require "vacation";\nkeep;\n')
        (home / ".dovecot.sieve").symlink_to("sieve/filters.sieve")
    if person.login in people.FORWARDS:
        (home / ".forward").write_text(", ".join(people.FORWARDS[person.login]) + "\n")


def _own(person: people.Person) -> None:
    """Give everything below the home, and the mailbox of an mbox user, to its owner."""
    # by handle: 3,000 path look-ups less
    for _, folders, files, handle in os.fwalk(person.home):
        os.fchown(handle, person.uid, person.uid)
        for name in files + [name for name in folders if os.path.islink(name)]:
            os.chown(name, person.uid, person.uid, dir_fd=handle, follow_symlinks=False)


def outline(boxes: list[Mailbox]) -> list[dict]:
    """What the second step has to know of the first: everything but the letters."""
    return [{
        "login": box.person.login,
        "password": box.person.password,
        "folders": [{"name": folder.name, "letters": len(folder.letters),
                     "unopened": folder.unopened} for folder in box.folders],
        "subscriptions": box.subscriptions,
    } for box in boxes]


def number(box: dict) -> None:
    """Have Dovecot open every folder of one person; flags and keywords, gaps, subscriptions."""
    dice = random.Random(f"{mailboxes.SEED}.flags.{box['login']}")
    session = imaplib.IMAP4("127.0.0.1")
    session.login(box["login"], box["password"])
    for folder in box["folders"]:
        _flag(session, folder, dice)
    for name in box["subscriptions"]:
        _done(session.subscribe(quote(name)))
    _done(session.create(quote(mailboxes.GONE)))
    if dice.random() < 0.5:
        _done(session.subscribe(quote(mailboxes.GONE)))
    _done(session.delete(quote(mailboxes.GONE)))      # the subscription stays
    session.logout()


def _flag(session: imaplib.IMAP4, folder: dict, dice: random.Random) -> None:
    answer = _done(session.select(quote(folder["name"]), readonly=folder["unopened"]))
    count = int(answer[0])
    if count != folder["letters"]:
        raise SystemExit(f"{folder['name']}: {folder['letters']} letters written, {count} seen")
    if folder["unopened"] or count == 0:
        return
    # \Seen and \Answered came with the file names
    for flag, part in (("\\Flagged", 0.05), *((word, 0.06) for word in mailboxes.KEYWORDS)):
        _store(session, [n for n in range(1, count + 1) if dice.random() < part], flag)
    if folder["name"] == "Drafts":
        _store(session, list(range(1, count + 1)), "\\Draft")
    # the last one always goes: then UIDNEXT is not the highest UID plus one
    _store(session, [n for n in range(1, count) if n % _EXPUNGED_OF == 0] + [count], "\\Deleted")
    _done(session.expunge())
    _store(session, [1] if count > 8 else [], "\\Deleted")      # marked, but still there


def _store(session: imaplib.IMAP4, numbers: list[int], flag: str) -> None:
    if numbers:
        _done(session.store(",".join(map(str, numbers)), "+FLAGS.SILENT", f"({flag})"))


def quote(name: str) -> str:
    """A mailbox name as IMAP's quoted string."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _done(answer: tuple) -> list:
    if answer[0] != "OK":
        raise SystemExit(f"IMAP said {answer}")
    return answer[1]


def main() -> None:
    """Do the step that argv names."""
    if sys.argv[1] == "write":
        boxes = mailboxes.plan(int(sys.argv[2]), int(sys.argv[3]))
        write(boxes)
        json.dump(outline(boxes), sys.stdout)
    else:
        with ThreadPoolExecutor(max_workers=4) as pool:
            list(pool.map(number, json.load(sys.stdin)))


if __name__ == "__main__":
    main()
