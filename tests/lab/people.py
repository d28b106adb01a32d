# SPDX-License-Identifier: BSD-2-Clause
"""The twenty people of the old host, the addresses that lead to them, and where each address ends.

`expand()` is the lab's own knowledge of where mail has to arrive.  It is written down here as a
table and never asked from Postfix: the audit holds the new host against it.
"""

import base64
import hashlib
import warnings
from dataclasses import dataclass

from .hosts import SYSTEM_DOMAIN, VIRTUAL_DOMAIN

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt

VMAIL_UID = 5000
VIRTUAL_ROOT = "/srv/vmail"
INTAKE = "/srv/intake"              # the pipe program leaves each message here as a file of its own
ANNOUNCE = "/etc/mail/announce.list"


@dataclass(frozen=True)
class Person:
    """One mailbox owner.  `login` is typed into a mail client, `address` is on an envelope."""

    login: str
    address: str
    password: str
    home: str
    uid: int            # the account's own, or vmail's
    hash: str           # for /etc/shadow (no scheme) or /etc/dovecot/users ({SCHEME}...)
    mbox: bool = False  # INBOX in /var/mail, folders in ~/mail; else Maildir in ~/Maildir
    sieve: str = ""     # the active script, "" for none

    @property
    def system(self) -> bool:
        """True for an account of /etc/passwd, false for a line of Dovecot's own file."""
        return "@" not in self.login


_SALT = "labLabLabLab"

_SIEVE_BUILDS = """require ["fileinto", "mailbox"];
# builds and list mail out of the way
if header :contains "Subject" "[build]" {
    fileinto :create "Builds";
    stop;
}
if exists "List-Id" {
    fileinto :create "Lists/dev";
}
"""
_SIEVE_FLAGS = """require ["fileinto", "imap4flags", "mailbox"];
if header :contains "Subject" "[build]" {
    addflag "$Build";
    fileinto :create "Automatic/Builds";
}
"""


def _shadow(password: str) -> str:
    # 5000 rounds are crypt(5)'s default; fewer keep twenty logins cheap and are still a real hash
    return crypt.crypt(password, f"$6$rounds=1000${_SALT}$")


def _blowfish(password: str) -> str:
    return "{BLF-CRYPT}" + crypt.crypt(password, "$2y$05$" + "labLabLabLabLabLabLabe")


def _salted_sha256(password: str) -> str:
    salt = b"8octets!"
    return "{SSHA256}" + base64.b64encode(
        hashlib.sha256(password.encode() + salt).digest() + salt).decode()


def _salted_sha1(password: str) -> str:
    salt = b"4oct"
    return "{SSHA}" + base64.b64encode(
        hashlib.sha1(password.encode() + salt).digest() + salt).decode()


_SCHEMES = (
    lambda password: "{SHA512-CRYPT}" + _shadow(password),
    _salted_sha256,
    lambda password: "{PLAIN}" + password,
    _blowfish,
    lambda password: "{SHA256-CRYPT}" + crypt.crypt(password, f"$5$rounds=1000${_SALT}$"),
    _salted_sha1,
    lambda password: "{CRYPT}" + crypt.crypt(password, "$1$labLabLa$"),
)


def _account(name: str, uid: int, **rest) -> Person:
    password = f"{name}'s lab word"
    return Person(name, f"{name}@{SYSTEM_DOMAIN}", password, f"/home/{name}", uid,
                  _shadow(password), **rest)


def _virtual(name: str, number: int, **rest) -> Person:
    password = f"{name} lab #{number}"
    address = f"{name}@{VIRTUAL_DOMAIN}"
    return Person(address, address, password, f"{VIRTUAL_ROOT}/{VIRTUAL_DOMAIN}/{name}", VMAIL_UID,
                  _SCHEMES[number % len(_SCHEMES)](password), **rest)


PEOPLE = (
    _account("alice", 1001, sieve=_SIEVE_BUILDS),
    _account("bob", 1002),
    _account("carol", 1003),
    _account("dave", 1004, mbox=True),
    _account("erin", 1005),
    _account("frank", 1006),
    _account("grace", 1007, sieve=_SIEVE_FLAGS),
    _account("heidi", 1011),
    _account("ivan", 1012),
    _account("judy", 1020),
    _virtual("mallory", 0),
    _virtual("niaj", 1),
    _virtual("olivia", 2),
    _virtual("peggy", 3),
    _virtual("rupert", 4),
    _virtual("sybil", 5),
    _virtual("trent", 6),
    _virtual("ute", 7, sieve=_SIEVE_BUILDS),
    _virtual("victor", 8),
    _virtual("walter", 9),
)
BY_ADDRESS = {person.address: person for person in PEOPLE}

# Accounts that `new` already has, and that take numbers which people on `old` have.
TAKEN_ON_NEW = {"deploy": 1001, "monitor": 1003, "backups": 1007}

# /etc/aliases: local part -> targets as the file has them.
ALIASES = {
    "postmaster": ["root"],
    "abuse": ["root"],
    "root": ["alice"],
    "sales": ["alice", "bob"],
    "team": ["carol", "dave", "erin", "grace"],
    "staff": ["team", "frank"],                         # an alias in an alias; frank has a .forward
    "helpdesk": ["desk@two.example.com"],               # a forward to the outside
    "info": ["judy", "clippings@one.example.com"],      # one here, one outside
    "tickets": ['"|/usr/local/bin/intake"'],
    "announce": [f":include:{ANNOUNCE}"],
}
INCLUDED = ["bob", "ivan", "ute@example.net"]
# ~/.forward; the backslash keeps a copy here (local(8))
FORWARDS = {"frank": ["\\frank", "frank.away@two.example.com"]}
# /etc/postfix/virtual
VIRTUAL = {
    "info@example.net": ["ute@example.net"],
    "crew@example.net": ["trent@example.net", "walter@example.net"],
    "alice@example.net": ["alice@example.org"],         # across domains
    "sales@example.net": ["sales@example.org"],         # across, to an alias
    "partners@example.net": ["peggy@example.net", "friend@one.example.com"],
}
# Every address that mail may be sent to, people apart.
ALIAS_ADDRESSES = tuple(f"{name}@{SYSTEM_DOMAIN}" for name in ALIASES) + tuple(VIRTUAL)


def expand(address: str) -> frozenset[str]:
    """The final places of mail for `address`: each has to get one copy.

    A place is a person's address, `outside:ADDRESS` for a mailbox of a world, or `pipe:INTAKE`.
    Raises KeyError for an address that the old host would not take.
    """
    local, _, domain = address.partition("@")
    if domain in ("one.example.com", "two.example.com"):
        return frozenset([f"outside:{address}"])
    address = local.partition("+")[0] + "@" + domain
    if address in VIRTUAL:
        return _expand_all(VIRTUAL[address])
    if address in BY_ADDRESS:
        name = address.partition("@")[0]
        if domain == SYSTEM_DOMAIN and name in FORWARDS:
            return _expand_all(FORWARDS[name])
        return frozenset([address])
    if domain == SYSTEM_DOMAIN:
        return _expand_all(ALIASES[address.partition("@")[0]])
    raise KeyError(address)


def _expand_all(targets: list[str]) -> frozenset[str]:
    places: set[str] = set()
    for target in targets:
        if target.startswith(":include:"):
            places |= _expand_all(INCLUDED)
        elif target.startswith('"|'):
            places.add(f"pipe:{INTAKE}")
        elif target.startswith("\\"):
            places.add(f"{target[1:]}@{SYSTEM_DOMAIN}")
        else:
            places |= expand(target if "@" in target else f"{target}@{SYSTEM_DOMAIN}")
    return frozenset(places)
