# SPDX-License-Identifier: BSD-2-Clause
"""One list with all that belongs to it, and the truth about it."""

import hashlib
from dataclasses import dataclass, field

from .archives import VOLUMES
from .charsets import LANGUAGES
from .letters import as_instance, as_multipart, as_text, envelope, letter, multipart_text
from .pickling import Instance, Unicode, octets, pickled, ported

NOW = 1795360500.0              # the site's clock: 2026-11-22 15:15:00 UTC
DAY = 86400
PER_MEMBER = ("members", "digest_members", "passwords", "language", "usernames", "user_options",
              "delivery_status", "bounce_info", "topics_userinterest", "one_last_digest")
SECRET = ("password", "mod_password", "post_password")


def cookie(*what) -> str:
    """40 hex digits, always the same for the same."""
    return hashlib.sha1("/".join(map(str, what)).encode()).hexdigest()


def plain(value, charset: str):
    """A value as `lists show --json` gives it: text decoded, octets that are no text kept."""
    if isinstance(value, Unicode):
        return str(value)
    if isinstance(value, (bytes, str)):
        for name in (charset, "utf-8"):
            try:
                return octets(value).decode(name)
            except UnicodeDecodeError:
                continue
        return {"octets": octets(value).decode("latin-1")}
    if isinstance(value, (tuple, list)):
        return [plain(item, charset) for item in value]
    if isinstance(value, dict):
        return {plain(k, charset): plain(v, charset) for k, v in value.items()}
    if isinstance(value, Instance):
        return {"instance": f"{value.module}.{value.name}", "state": plain(value.state, charset)}
    return value


@dataclass
class HeldPost:
    """A post that waits for a moderator."""
    letter: tuple
    reason: str = "Post by non-member to a members-only list"
    form: str = "pck"           # "txt" too
    lost: bool = False          # the record is there, the file is not
    sender: str = "stranger@example.com"
    parts: tuple = ()           # bodies; then it is a multipart

    def instance(self, unix_from=None) -> Instance:
        """As a pickle holds it."""
        if not self.parts:
            return as_instance(self.letter, unix_from)
        whole = as_multipart(self.letter, list(self.parts))
        whole.state["_unixfrom"] = unix_from
        return whole

    def text(self) -> bytes:
        """As it came; as text it was kept with ">" before body lines that begin with "From "."""
        if self.form == "txt":
            return as_text(self.letter, envelope(0)).partition(b"\n")[2]
        return multipart_text(self.letter, list(self.parts)) if self.parts else as_text(self.letter)


@dataclass
class Community:    # pylint: disable=too-many-instance-attributes
    """A list."""
    name: str
    config: dict
    people: list = field(default_factory=list)
    held: list = field(default_factory=list)            # HeldPost
    joining: list = field(default_factory=list)         # (address, name, password, digest, lang)
    leaving: list = field(default_factory=list)         # address
    orphans: list = field(default_factory=list)         # ids of held files without a record
    pending: list = field(default_factory=list)         # (op, ...)
    digest: list = field(default_factory=list)          # letters
    archived: list = field(default_factory=list)        # letters
    pages: bool = True
    volumes: tuple = VOLUMES    # what pipermail called the months, by the locale that it ran in
    templates: dict = field(default_factory=dict)       # "en/listinfo.html": octets
    has_last: bool = True
    torn: bool = False          # config.pck was cut off: config.pck.last counts
    locked: bool = False        # somebody died and left the lock
    protocol: int = 1           # of config.pck
    ported: bool = False        # written by a port to Python 3
    damage: list = field(default_factory=list)          # (attribute, key, value) put in at the end
    findings: list = field(default_factory=list)        # (attribute, member) to be told of
    requests: dict = field(default_factory=dict, init=False)

    def build(self) -> None:
        """Fill config and requests from what was said."""
        for person in self.people:
            person.add_to(self.config)
        number = 0
        self.requests = {"version": (0, 1)}
        for number, post in enumerate(self.held, 1):
            self.requests[number] = (1, self._held(number, post))
        for asked in self.joining:
            number += 1
            self.requests[number] = (2, (NOW - 3600 + number, *asked))
        for address in self.leaving:
            number += 1
            self.requests[number] = (3, address)
        self.config["next_request_id"] = number + 1 + len(self.orphans)
        for attribute, key, value in self.damage:
            if key is None:
                self.config[attribute] = value
            else:
                self.config[attribute][key] = value

    def pickled(self, value, protocol: int = 1) -> bytes:
        """As the Mailman of this list writes it."""
        return ported(value) if self.ported else pickled(value, protocol)

    def held_name(self, number: int, post: HeldPost) -> str:
        """Its file in data/."""
        return f"heldmsg-{self.name}-{number}.{post.form}"

    def _held(self, number: int, post: HeldPost) -> tuple:
        at = NOW - DAY + number + 0.25
        subject = dict(post.letter[0])["Subject"]
        return (at, post.sender, subject, post.reason, self.held_name(number, post), {
            "listname": self.name, "received_time": at, "version": 3, "tolist": 1,
            "_parsemsg": True, "lang": self.config["preferred_language"], "from_is_list": 0,
            "rejection_notice": "Non-members may not post here.",
            "pipeline": ["Hold", "MimeDel", "ToArchive", "ToOutgoing"]})

    def held_files(self) -> dict:
        """name in data/: octets."""
        files = {}
        for number, post in enumerate(self.held, 1):
            if post.lost:
                continue
            files[self.held_name(number, post)] = (
                as_text(post.letter, envelope(number)) if post.form == "txt"
                else self.pickled(post.instance(envelope(number))))
        for number in self.orphans:
            lost = letter(number, "orphan@example.com", self.name)
            files[f"heldmsg-{self.name}-{number}.pck"] = pickled(as_instance(lost))
        return files

    def pending_dict(self) -> dict:
        """What pending.pck holds."""
        if not self.pending:
            return {}
        entries = {cookie(self.name, number): entry for number, entry in enumerate(self.pending)}
        return {**entries, "evictions": {key: NOW + 3 * DAY + number for number, key in
                                         enumerate(entries)}, "version": 2}

    # ── what is true ─────────────────────────────────────────────────────────────────────────────

    def truth(self) -> dict:
        """All of it, as JSON."""
        language = self.config["preferred_language"]
        charset = LANGUAGES.get(language, "us-ascii")
        return {
            "charset": charset,
            "data_version": self.config["data_version"],
            "config_file": "config.pck.last" if self.torn else "config.pck",
            "settings": {key: plain(value, charset) for key, value in self.config.items()
                         if key not in PER_MEMBER + SECRET},
            "secrets": {key: plain(self.config.get(key), charset) for key in SECRET},
            "members": sorted((person.truth() for person in self.people),
                              key=lambda person: person["address"]),
            "held": [self._held_truth(n, post) for n, post in enumerate(self.held, 1)],
            "joining": [{"address": a, "name": plain(n, charset), "password": p,
                         "digest": bool(d), "language": l} for a, n, p, d, l in self.joining],
            "leaving": list(self.leaving),
            "orphans": [f"heldmsg-{self.name}-{number}.pck" for number in self.orphans],
            "pending": sorted(self._pending_truth(), key=lambda entry: entry["cookie"]),
            "digest_letters": len(self.digest),
            "archive": {
                "mbox_letters": len(self.archived), "pages": self.pages,
                "private": bool(self.config.get("archive_private", 0))},
            "templates": sorted(self.templates),
            "findings": [{"attribute": attribute, "member": member}
                         for attribute, member in self.findings],
        }

    def _held_truth(self, number: int, post: HeldPost) -> dict:
        return {"id": number, "sender": post.sender, "reason": post.reason,
                "subject": plain(dict(post.letter[0])["Subject"],
                                 LANGUAGES[self.config["preferred_language"]]),
                "file": self.held_name(number, post), "lost": post.lost,
                "text": None if post.lost else post.text().decode("latin-1")}

    def _pending_truth(self):
        for number, entry in enumerate(self.pending):
            key = cookie(self.name, number)
            yield {"cookie": key, "op": entry[0], "until": NOW + 3 * DAY + number}


def invitation(address: str, name: str, listname: str = None) -> Instance:
    """Who is to be asked: a subscription that waits for the person's word."""
    state = {"address": address, "fullname": Unicode(name), "password": "woexpiad",
             "digest": 0, "language": "en"}
    if listname:
        state["invitation"] = listname
    return Instance("Mailman.UserDesc", "UserDesc", state)
