# SPDX-License-Identifier: BSD-2-Clause
"""Make of Dovecot's Maildirs what Courier would have left there, with the same UIDs and keywords.

`courier LOGIN...`  rewrites these people's mailboxes; Dovecot must not run.  Prints the POP3 UIDLs of
                    each INBOX as JSON: {LOGIN: {UID: UIDL}}

Formats: courier-imap's imapscanclient.c, maildirkeywords4.c, pop3dserver.c.
"""

import json
import os
import re
import shutil
import sys
import time
from pathlib import Path

from lab import people

_POP3_VALIDITY = 1_100_000_000


def _uids(folder: Path) -> tuple[str, str, dict[str, str]]:
    """UIDVALIDITY, UIDNEXT, and the UID of each base name, as dovecot-uidlist has them."""
    lines = (folder / "dovecot-uidlist").read_text("utf-8", "surrogateescape").splitlines()
    header = dict((word[0], word[1:]) for word in lines[0].split(" ")[1:])
    rows = [line.partition(" :") for line in lines[1:]]
    uids = {base: uid.split(" ")[0] for uid, _, base in rows}
    # the header stays as it is while lines are added
    following = max([int(header["N"])] + [int(uid) + 1 for uid in uids.values()])
    return header["V"], str(following), uids


def _keyword_names(folder: Path) -> list[str]:
    path = folder / "dovecot-keywords"
    if not path.exists():
        return []
    return [line.split(" ", 1)[1] for line in path.read_text().splitlines()]


def _take_letters(folder: Path, names: list[str]) -> dict[str, list[str]]:
    """Rename files to names without keyword letters; the keywords of each base name."""
    found = {}
    for path in (folder / "cur").iterdir():
        base, mark, letters = path.name.partition(":2,")
        words = [names[ord(letter) - ord("a")] for letter in letters if letter.islower()]
        if words:
            found[base] = words
            path.rename(path.with_name(base + mark + "".join(c for c in letters if c.isupper())))
    return found


def _write_keywords(folder: Path, found: dict[str, list[str]]) -> None:
    """Half of it in the list, half as updates since; one update that a later one has made void."""
    place = folder / "courierimapkeywords"
    place.mkdir(mode=0o700)
    slot = int(time.time()) // 300
    names = sorted({word for words in found.values() for word in words}, reverse=True) + ["unused"]
    lines = names + [""]
    for number, (base, words) in enumerate(sorted(found.items())):
        if number % 2:
            (place / f".{slot}.{base}").write_text("".join(f"{word}\n" for word in words))
            (place / f".{slot - 1}.{base}").write_text("unused\n")
        else:
            lines.append(f"{base}:" + " ".join(str(names.index(word)) for word in words))
    lines.append("1.gone.host:0")
    (place / ":list").write_text("\n".join(lines) + "\n")


def _write_sizes(folder: Path, uids: dict[str, str]) -> dict[str, str]:
    """pop3d's list; numbers of its own, so that nothing can take the UID for them."""
    names = {path.name.partition(":2,")[0]: path for path in (folder / "cur").iterdir()}
    lines, uidls = [f"/3 {len(uids) + 1001} {_POP3_VALIDITY}"], {}
    for number, (base, uid) in enumerate(sorted(uids.items())):
        if base not in names:
            continue
        lines.append(f"{names[base].name} {names[base].stat().st_size} "
                     f"{number + 1000}:{_POP3_VALIDITY}:0")
        uidls[uid] = f"UID{number + 1000}-{_POP3_VALIDITY}"
    (folder / "courierpop3dsizelist").write_text("\n".join(lines) + "\n", "utf-8",
                                                 "surrogateescape")
    return uidls


def _folder(folder: Path) -> dict[str, str]:
    if not (folder / "dovecot-uidlist").exists():
        return {}
    validity, following, uids = _uids(folder)
    for path in list((folder / "new").iterdir()):       # as imapd does before it gives UIDs
        path.rename(folder / "cur" / f"{path.name}:2,")
    found = _take_letters(folder, _keyword_names(folder))
    there = {path.name.partition(":2,")[0] for path in (folder / "cur").iterdir()}
    lines = [f"1 {validity} {following}"]
    lines += [f"{uid} {base}" for base, uid in uids.items() if base in there]
    (folder / "courierimapuiddb").write_text("\n".join(lines) + "\n", "utf-8", "surrogateescape")
    _write_keywords(folder, found)
    return _write_sizes(folder, uids) if not folder.name.startswith(".") else {}


def _subscriptions(root: Path) -> None:
    path = root / "subscriptions"
    names = [line for line in path.read_text().splitlines() if line and line != "V\t2"]
    (root / "courierimapsubscribed").write_text("".join(
        ("INBOX" if name == "INBOX" else "INBOX." + name.replace("\t", ".")) + "\n"
        for name in names))
    path.unlink()


def convert(person: people.Person) -> dict[str, str]:
    """One person's Maildir."""
    root = Path(person.home, "Maildir")
    uidls = {}
    for folder in [root] + [path for path in root.iterdir() if re.match(r"\.[^.]", path.name)]:
        uidls |= _folder(folder)
    _subscriptions(root)
    for path in list(root.rglob("dovecot*")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    for place, folders, files in os.walk(root):
        for name in folders + files:
            os.chown(os.path.join(place, name), person.uid, person.uid)
    return uidls


def main() -> None:
    """Convert those who are named."""
    chosen = [person for person in people.PEOPLE if person.login in sys.argv[1:]]
    json.dump({person.login: convert(person) for person in chosen}, sys.stdout)


if __name__ == "__main__":
    main()
