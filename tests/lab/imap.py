# SPDX-License-Identifier: BSD-2-Clause
"""What mail clients see: pictures of mailboxes on a host, compared UID by UID; small changes.

A client must see no difference after a move.  So the comparison knows nothing of files.
"""

import json
import time
from dataclasses import dataclass

from .sealed import Host

Snapshot = dict     # login -> {"folders": {name: {"uidvalidity", "uidnext", "messages"}}, ...}


@dataclass(frozen=True)
class Difference:
    """One thing that a client would notice."""

    login: str
    folder: str
    uid: str        # "" when it is about the folder or the account
    what: str       # missing, extra, flags, date, size, sha256, uidvalidity, uidnext, subscription
    old: object
    new: object

    def __str__(self) -> str:
        where = f"{self.login} {self.folder}" + (f" UID {self.uid}" if self.uid else "")
        return f"{where}: {self.what}: {self.old!r} became {self.new!r}"


def snapshot(host: Host, *logins: str) -> Snapshot:
    """A picture of these people's mailboxes (nobody named: everybody's) as `host` serves them."""
    return json.loads(host.python("mailbox", "snapshot", *logins, seconds=300))


_UIDNEXTS = r"""
find /home /srv/vmail -name dovecot-uidlist -exec head -qn1 {} + |
    sed -nE 's/^3 .*V([0-9]+).* N([0-9]+).*/\1 \2/p'
for file in /var/mail/* $(find /home -path '*/mail/*' -type f); do
    grep -aEm1 '^X-IMAP(base)?: ' "$file" | sed -nE 's/^[^ ]+ +([0-9]+) +([0-9]+).*/\1 \2/p'
done"""


def numbered(host: Host) -> dict[int, int]:
    """How far each folder had given out UIDs, on disk, by its UIDVALIDITY: the next UID. To be asked
    while no Dovecot runs: the next one that does gives UIDs to whatever has none."""
    pairs = [line.split() for line in host.sh(_UIDNEXTS).splitlines()]
    lowest: dict[int, int] = {}
    for validity, following in pairs:
        # two users' folders may share a UIDVALIDITY, and an mbox counts its last UID, not the next
        lowest[int(validity)] = min(int(following), lowest.get(int(validity), 1 << 32))
    return lowest


def as_numbered(picture: Snapshot, uidnexts: dict[int, int]) -> Snapshot:
    """The picture without messages that had no UID yet: a client cannot have known them."""
    for box in picture.values():
        for folder in box["folders"].values():
            following = uidnexts.get(folder["uidvalidity"]) if folder else None
            if following is None:
                continue
            folder["messages"] = {uid: message for uid, message in folder["messages"].items()
                                  if int(uid) < following}
            folder["uidnext"] = min(folder["uidnext"], following)
    return picture


def compare(old: Snapshot, new: Snapshot, later_mail: bool = False) -> list[Difference]:
    """Everything in which `new` differs from `old`.

    later_mail: messages and folders that came after the picture of `old` are no difference; what
    was in it still has to be there.
    """
    found: list[Difference] = []
    for login, before in old.items():
        after = new.get(login)
        if after is None:
            found.append(Difference(login, "", "", "missing", "account", None))
            continue
        found += _subscriptions(login, before, after)
        for name in before["folders"].keys() | after["folders"].keys():
            found += _folder(login, name, before["folders"], after["folders"], later_mail)
    return sorted(found, key=str)


def _subscriptions(login: str, before: dict, after: dict) -> list[Difference]:
    changed = set(before["subscriptions"]) ^ set(after["subscriptions"])
    return [Difference(login, name, "", "subscription", name in before["subscriptions"],
                       name in after["subscriptions"]) for name in changed]


def _folder(login: str, name: str, before: dict, after: dict, later: bool) -> list[Difference]:
    if name not in after:
        return [Difference(login, name, "", "missing", "folder", None)]
    if name not in before:
        return [] if later else [Difference(login, name, "", "extra", None, "folder")]
    old, new = before[name], after[name]
    if old is None or new is None:      # a name without a mailbox
        return [] if old == new or (old is None and later) else [
            Difference(login, name, "", "selectable", old is not None, new is not None)]
    found = []
    if old["uidvalidity"] != new["uidvalidity"]:
        found.append(Difference(login, name, "", "uidvalidity", old["uidvalidity"],
                                new["uidvalidity"]))
    if old["uidnext"] > new["uidnext"] or (old["uidnext"] != new["uidnext"] and not later):
        found.append(Difference(login, name, "", "uidnext", old["uidnext"], new["uidnext"]))
    for uid in old["messages"].keys() | new["messages"].keys():
        found += _message(login, name, uid, old, new, later)
    return found


def _message(login: str, name: str, uid: str, old: dict, new: dict,
             later: bool) -> list[Difference]:
    if uid not in new["messages"]:
        return [Difference(login, name, uid, "missing", "message", None)]
    if uid not in old["messages"]:
        return [] if later and int(uid) >= old["uidnext"] else [
            Difference(login, name, uid, "extra", None, "message")]
    before, after = old["messages"][uid], new["messages"][uid]
    return [Difference(login, name, uid, fact, before[fact], after[fact])
            for fact in ("flags", "date", "size", "sha256") if before[fact] != after[fact]]


def count(picture: Snapshot) -> int:
    """How many messages a picture shows."""
    return sum(len(folder["messages"]) for box in picture.values()
               for folder in box["folders"].values() if folder)


def store(host: Host, login: str, folder: str, content: bytes, flags: str = "",
          date: float | None = None) -> int:
    """Append a message (lines end in CRLF) and return its UID."""
    done = host.run(*host.python_command("mailbox", "store", login, folder, flags,
                                         str(date if date is not None else time.time())),
                    stdin=content)
    return int(done.stdout)


def set_flag(host: Host, login: str, folder: str, uid: int, flag: str, on: bool = True) -> None:
    """Set or take away a flag or keyword of one message."""
    host.python("mailbox", "flag", login, folder, str(uid), "+" if on else "-", flag)


def expunge(host: Host, login: str, folder: str, uid: int) -> None:
    """Remove one message."""
    host.python("mailbox", "expunge", login, folder, str(uid))


def duplicate(host: Host, login: str, folder: str, uid: int) -> None:
    """Put a second copy of one message into its folder."""
    host.python("mailbox", "copy", login, folder, str(uid))


def renumber(host: Host, login: str, folder: str, uid: int) -> None:
    """Give one message another UID: a copy, and the original removed."""
    duplicate(host, login, folder, uid)
    expunge(host, login, folder, uid)


def flip_bit(host: Host, login: str, folder: str, uid: int) -> None:
    """Change one bit of a message's file (Maildir); its size and time stay."""
    host.python("mailbox", "flip", login, folder, str(uid))
