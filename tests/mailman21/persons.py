# SPDX-License-Identifier: BSD-2-Clause
"""Members: one dataclass here, nine dictionaries in a list."""

from dataclasses import dataclass

from .charsets import encoded
from .pickling import Instance, Unicode

# bit: word of Mailman's own pages; 1 is of times before 2.1
OPTIONS = {1: "nomail", 2: "notmetoo", 4: "ack", 8: "plain", 16: "hide", 32: "noremind",
           64: "nmtopics", 128: "mod", 256: "nodupes"}
STATUS = {1: "unknown", 2: "user", 3: "admin", 4: "bounces"}


@dataclass
class Bounces:
    """What is counted of one member's bounces."""
    score: float = 1.0
    date: tuple = (2026, 11, 20)
    notices_left: int = 3
    last_notice: tuple = (1970, 1, 2)
    cookie: object = None


@dataclass
class Person:
    """One member of one list. Names are text; `unicode` keeps the name as Python 2 unicode."""
    address: str                # as typed; Mailman keeps the case of what is before the @
    name: object = None         # str, or None: there is no entry
    language: object = "en"     # None: no entry
    options: int = 0
    digest: bool = False
    password: object = "doipnuat"
    status: object = None       # (code, seconds)
    bounces: object = None      # Bounces
    topics: object = None       # list of names
    one_last_digest: bool = False
    unicode: bool = False

    @property
    def key(self) -> str:
        """The address as the dictionaries know it."""
        return self.address.lower()

    def shown(self):
        """The value in members or digest_members: 0, or the address with its case."""
        local, _, domain = self.address.partition("@")
        kept = f"{local}@{domain.lower()}"
        return 0 if kept == self.key else kept

    def add_to(self, config: dict) -> None:
        """Put the member into the dictionaries of a list."""
        language = config["preferred_language"]
        rows = (
            ("digest_members" if self.digest else "members", self.shown()),
            ("passwords", self.password),
            ("language", self.language),
            ("usernames", None if self.name is None else Unicode(self.name) if self.unicode
             else encoded(self.name, language)),
            ("user_options", self.options or None),
            ("delivery_status", self.status),
            ("topics_userinterest", self.topics),
            ("one_last_digest", self.shown() if self.one_last_digest else None),
        )
        for attribute, value in rows:
            if value is not None:
                config[attribute][self.key] = value
        if self.bounces:
            b = self.bounces
            config["bounce_info"][self.key] = Instance("Mailman.Bouncer", "_BounceInfo", {
                "member": self.key, "score": b.score, "date": b.date,
                "noticesleft": b.notices_left, "lastnotice": b.last_notice, "cookie": b.cookie})

    def truth(self) -> dict:
        """What a reader has to find."""
        return {
            "address": self.key,
            "as_typed": self.shown() or self.key,
            "delivery": "digest" if self.digest else "regular",
            "name": self.name,
            "language": self.language,
            "options": [word for bit, word in OPTIONS.items() if self.options & bit],
            "option_bits": self.options,
            "password": self.password,
            "disabled": None if not self.status else {
                "by": STATUS[self.status[0]], "code": self.status[0], "since": self.status[1]},
            "bounces": None if not self.bounces else {
                "score": float(self.bounces.score), "date": _date(self.bounces.date),
                "notices_left": self.bounces.notices_left,
                "last_notice": _date(self.bounces.last_notice), "cookie": self.bounces.cookie},
            "topics": self.topics,
            "one_last_digest": self.one_last_digest,
        }


def _date(date: tuple) -> str:
    return "%04d-%02d-%02d" % date
