# SPDX-License-Identifier: BSD-2-Clause
"""What lies in each person's mailbox before the move: folders, letters, flags, subscriptions.

A plan, made from a seed; inside/populate.py writes it to disk and has Dovecot number it.
"""

import random
from dataclasses import dataclass, field

from . import messages
from .people import PEOPLE, Person

TOTAL = 3200    # letters that are written; one in fifteen is expunged again before the lab is up
SEED = "mailhaul"

# Folder names as IMAP shows them, in modified UTF-7 (RFC 3501 section 5.1.3): "&" is "&-".
_COMMON = ("Sent", "Drafts", "Trash", "Archive")
_UNCOMMON = (
    "Archive/2023", "Archive/2024", "Archive/2024/Rechnungen M&AOQ-rz",
    "Projects", "Projects/v1.0 release", "Projects/www.example.com",
    "Kunden/M&APw-ller &- S&APY-hne", "Lists/dev", "Lists/users", "Old mail", "&ZeVnLIqe-",
    "Deep/er/and/deep/er",
)
# A folder of an mbox store is a file or a folder of the disk, not both; dots are dots there.
_MBOX_FOLDERS = ("Sent", "Trash", "2023/spring", "2023/autumn", "old mail", "R&APY-mer")

# alice and ute have kept everything, walter has only just got his mailbox
_SHARES = {"alice": 5.0, "ute@example.net": 3.0, "walter@example.net": 0.1}

KEYWORDS = ("$Forwarded", "NonJunk", "$label1", "Rechnung", "todo")
GONE = "Closed project"         # some are subscribed to a folder that is no more


@dataclass
class Folder:
    """One folder; `name` as IMAP has it, with / between its parts."""

    name: str
    letters: list[messages.Letter] = field(default_factory=list)
    unopened: bool = False      # its letters stay in new/


@dataclass
class Mailbox:
    """All of one person's mail."""

    person: Person
    folders: list[Folder]
    subscriptions: list[str]


def plan(now: int, total: int = TOTAL) -> list[Mailbox]:
    """All mailboxes; the same for the same `now` (seconds since 1970)."""
    boxes = []
    for number, person in enumerate(PEOPLE):
        boxes.append((person, number, _SHARES.get(person.login, 1.0)))
    shares = sum(share for _, _, share in boxes)
    return [_mailbox(person, number, round(total * share / shares), now)
            for person, number, share in boxes]


def _mailbox(person: Person, number: int, count: int, now: int) -> Mailbox:
    writer = messages.Writer(f"{SEED}.{number}", now)
    dice = random.Random(f"{SEED}.folders.{number}")
    if person.mbox:
        names = list(_MBOX_FOLDERS)
    else:
        names = list(_COMMON) + dice.sample(_UNCOMMON, 4 if count > 30 else 0)
        if person.login == "alice":
            names = list(_COMMON) + list(_UNCOMMON)
    folders = [Folder("INBOX")] + [Folder(name) for name in names]
    if count > 60:
        _spread(messages.oddities(writer, person.address), folders, dice, person)
    if person.login in ("alice", "ute@example.net"):
        folders[1].letters.append(messages.biggest(writer, person.address))
    missing = count - sum(len(folder.letters) for folder in folders)
    weights = [6] + [dice.choice((0, 1, 1, 2, 4)) for _ in names]
    for _ in range(max(missing, 0)):
        folder = dice.choices(folders, weights)[0]
        folder.letters.append(writer.letter(person.address))
    if not person.mbox and len(folders) > 2:
        folders[-1].unopened = True
    subscribed = ["INBOX"] + [name for name in names if dice.random() < 0.7]
    return Mailbox(person, folders, subscribed)


def _spread(letters: list[messages.Letter], folders: list[Folder], dice: random.Random,
            person: Person) -> None:
    """The odd letters into INBOX and two more folders; the twins side by side and apart."""
    chosen = [folders[0]] + dice.sample(folders[1:], 2)
    for letter in letters:
        if person.mbox and not _fits_mbox(letter):
            continue
        folder = chosen[0] if letter.kind == "identical" else dice.choice(chosen)
        folder.letters.append(letter)
        if letter.kind == "identical":
            chosen[1].letters.append(letter)    # the same octets a second time, in another folder
            chosen[0].letters.append(letter)    # and in the same one


def _fits_mbox(letter: messages.Letter) -> bool:
    """An mbox has one kind of line end, and a message begins with its header."""
    return letter.kind not in ("nul", "crlf", "carriage-return", "no-header", "no-end-of-header")
