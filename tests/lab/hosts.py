# SPDX-License-Identifier: BSD-2-Clause
"""Who is in the lab, and where: names, addresses, domains, lifetimes of records.

Only data.  Everything else in the lab, and a test that writes a move.yaml, reads it here.
"""

from dataclasses import dataclass

DOMAINS = ("example.org", "example.net")    # the two that move
SYSTEM_DOMAIN, VIRTUAL_DOMAIN = DOMAINS
WORLD_DOMAINS = {"world1": "one.example.com", "world2": "two.example.com"}
MAIL_NAME = "mail.example.org"              # what the MX records of both domains point to

TTL_MAIL = 20       # seconds: MX, A and AAAA of the mail name, short so that a test sees it run out
TTL_REST = 300      # seconds: everything else in the zones that move

MAIL_V4, MAIL_V6 = "203.0.113.10", "2001:db8:113::10"           # the old mail address
MANAGEMENT_V4, MANAGEMENT_V6 = "203.0.113.11", "2001:db8:113::11"   # ssh to the old host
FORGOTTEN_V4 = "203.0.113.12"               # where a forgotten listener sits, when a test wants one
NEW_V4, NEW_V6 = "203.0.113.20", "2001:db8:113::20"
PRIMARY_V4 = "203.0.113.53"                 # BIND, takes updates
SECONDARY_V4 = "198.51.100.54"              # Knot, by NOTIFY and AXFR
ROOT_V4 = "198.51.100.53"                   # the same Knot: the root, the parents, the worlds
RESOLVER_V4 = "198.51.100.55"               # Unbound

TSIG_NAME = "mover"
TSIG_ALGORITHM = "hmac-sha256"
TSIG_SECRET = "bWFpbGhhdWwgbGFiOiBhbiBleGFtcGxlLCBubyBzZWNyZXQ="
TSIG_PATH = "/etc/mailhaul/tsig.key"        # on `new`

DKIM_SELECTOR = "lab2026"
MAIL_PORTS = (25, 465, 587, 143, 993, 110, 995, 4190)   # what `old` listens on, both families


@dataclass(frozen=True)
class Segment:
    """One link: a bridge whose gateways route to the other one."""

    name: str
    gateways: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """One host on its segment; addresses with their prefix length, the first is the main one."""

    name: str
    hostname: str
    segment: str
    addresses: tuple[str, ...]


SEGMENTS = (
    Segment("site", ("203.0.113.1/24", "2001:db8:113::1/64")),
    Segment("world", ("198.51.100.1/24", "2001:db8:51::1/64")),
)


def _site(name: str, hostname: str, *last: int) -> Place:
    return Place(name, hostname, "site", tuple(
        address for n in last for address in (f"203.0.113.{n}/24", f"2001:db8:113::{n}/64")))


def _world(name: str, hostname: str, *last: int) -> Place:
    return Place(name, hostname, "world", tuple(
        address for n in last for address in (f"198.51.100.{n}/24", f"2001:db8:51::{n}/64")))


PLACES = {place.name: place for place in (
    _site("old", "old.example.org", 10, 11),
    _site("new", "new.example.org", 20),
    _site("ns1", "ns1.example.org", 53),
    _world("ns2", "ns2.example.org", 54, 53),
    _world("cache", "cache.example.com", 55),
    _world("world1", "mx.one.example.com", 11),
    _world("world2", "mx.two.example.com", 12),
)}
WORLDS = tuple(WORLD_DOMAINS)


def main_address(name: str) -> str:
    """The main IPv4 address of a host, without its prefix length."""
    return PLACES[name].addresses[0].partition("/")[0]
