# SPDX-License-Identifier: BSD-2-Clause
"""Write mailboxes to disk as the programs of twenty years left them there: Maildir++ and mbox."""

import os
import random
from collections.abc import Callable
from pathlib import Path
from time import gmtime, strftime

from .mailboxes import SEED, Folder, Mailbox
from .messages import Letter


def _stamp(letter: Letter) -> int:
    # a name has the time of delivery, which was after 1990 whatever the Date field says
    return letter.time if letter.time > 631152000 else 1_000_000_000


def _dovecot(letter: Letter, n: int) -> str:
    crlf = len(letter.content) + letter.content.count(b"\n") - letter.content.count(b"\r\n")
    return (f"{_stamp(letter)}.M{n:06d}P1234.old.example.org,"
            f"S={len(letter.content)},W={crlf}")


# How each writer names a file (base name, without the flags); see maildir(5) and their sources.
_NAMES: tuple[Callable[[Letter, int], str], ...] = (
    _dovecot,
    _dovecot,
    # Postfix, qmail, procmail, Courier, OfflineIMAP, mutt; / and : of a host name escaped
    lambda letter, n: f"{_stamp(letter)}.V801I{n:x}M{n:06d}.old.example.org",
    lambda letter, n: f"{_stamp(letter)}.{n}.old.example.org",
    lambda letter, n: f"{_stamp(letter)}.{n}_1.old.example.org",
    lambda letter, n: (f"{_stamp(letter)}.M{n}P77V0000000000000801I{n:016X}_0.old.example.org,"
                       f"S={len(letter.content)}"),
    lambda letter, n: f"{_stamp(letter)}_0.{n}.old.example.org,U={n},FMD5=7e33429f656f1e6e",
    lambda letter, n: f"{_stamp(letter)}.R{n:016x}.old.example.org",
    lambda letter, n: f"{_stamp(letter)}.H{n}P9.old\\057example\\072org",
)


def write_maildir(box: Mailbox, root: Path) -> None:
    """One person's Maildir++ tree below `root`, without anything of Dovecot's."""
    dice = random.Random(f"{SEED}.names.{box.person.login}")
    number = 0
    for folder in box.folders:
        path = root if folder.name == "INBOX" else root / directory_name(folder.name)
        for part in ("", "cur", "new", "tmp"):
            (path / part).mkdir(mode=0o700, exist_ok=True)
        if path != root:
            (path / "maildirfolder").touch()
        for letter in folder.letters:
            number += 1
            name = dice.choice(_NAMES)(letter, number)
            _write(_maildir_path(path, folder, name, dice), letter)
    # what a delivery that was cut off leaves; nobody's mail
    (root / "tmp" / "1500000000.M1P1.old.example.org").write_bytes(b"Received: from")


def directory_name(folder: str) -> str:
    """`Projects/v1.0 release` -> `.Projects.v1\\2e0 release` (Maildir++, Dovecot's listescape)."""
    parts = (part.replace("\\", "\\5c").replace(".", "\\2e") for part in folder.split("/"))
    return "." + ".".join(parts)


def _maildir_path(path: Path, folder: Folder, name: str, dice: random.Random) -> Path:
    if folder.unopened or dice.random() < 0.02:
        return path / "new" / name
    flags = "".join(flag for flag in "FRS" if dice.random() < {"F": 0.03, "R": 0.2, "S": 0.7}[flag])
    return path / "cur" / f"{name}:2,{flags}"


def _write(path: Path, letter: Letter) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, letter.content)
        os.utime(handle, (letter.time, letter.time))
    finally:
        os.close(handle)


def write_mbox(box: Mailbox, inbox: Path) -> None:
    """One person's INBOX as the file `inbox`, and his folders as files below ~/mail."""
    for folder in box.folders:
        path = inbox if folder.name == "INBOX" else Path(box.person.home, "mail", folder.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(_mbox_entry(letter) for letter in folder.letters))
        path.chmod(0o600)
    os.chmod(inbox, 0o660)
    os.chown(inbox, box.person.uid, _group("mail"))


def _mbox_entry(letter: Letter) -> bytes:
    when = strftime("%a %b %d %H:%M:%S %Y", gmtime(letter.time)).encode()
    content = b"\n".join(b">" + line if line.startswith(b"From ") else line
                         for line in letter.content.split(b"\n"))
    end = b"\n" if content.endswith(b"\n") else b"\n\n"
    return b"From sender@one.example.com " + when + b"\n" + content + end


def _group(name: str) -> int:
    with open("/etc/group", encoding="utf-8") as groups:
        return next(int(line.split(":")[2]) for line in groups if line.startswith(name + ":"))
