# SPDX-License-Identifier: BSD-2-Clause
"""Two days of an old server's past in its mail log, so that a survey finds traffic per hour."""

import random
from time import localtime, strftime

from .mailboxes import SEED
from .people import PEOPLE

HOURS = 48
_DAYTIME = (2, 1, 1, 1, 2, 4, 8, 20, 35, 40, 38, 36, 28, 30, 34, 36, 30, 24, 16, 12, 10, 8, 5, 3)


def history(now: int) -> str:
    """The log from HOURS before `now` (seconds since 1970) on, as postlogd(8) writes it."""
    dice = random.Random(f"{SEED}.log")
    lines = []
    for hour in range(HOURS, 0, -1):
        start = now - hour * 3600
        count = _DAYTIME[localtime(start).tm_hour]
        moments = sorted(dice.randrange(3600) for _ in range(count))
        for moment in moments:
            lines += _delivery(dice, start + moment)
    return "".join(line + "\n" for line in lines)


def _delivery(dice: random.Random, when: int) -> list[str]:
    ident = f"{dice.randrange(1 << 40):010X}"
    person = dice.choice(PEOPLE)
    world, address = dice.choice((("one", 11), ("two", 12)))
    client = f"mx.{world}.example.com[198.51.100.{address}]"
    sender = f"s{dice.randrange(7)}@{world}.example.com"
    agent = "local" if person.system else "lmtp"
    relay = "local" if person.system else "old.example.org[private/dovecot-lmtp]"
    stamp = strftime("%b %e %H:%M:%S", localtime(when))
    head = f"{stamp} mail postfix/"
    said = "delivered to maildir" if person.system else "250 2.0.0 Saved"
    return [
        f"{head}smtpd[{when % 30000}]: connect from {client}",
        f"{head}smtpd[{when % 30000}]: {ident}: client={client}",
        f"{head}cleanup[{when % 29000}]: {ident}: message-id=<{ident.lower()}@{world}.example.com>",
        f"{head}qmgr[412]: {ident}: from=<{sender}>, size={dice.randrange(900, 90000)}, nrcpt=1"
        " (queue active)",
        f"{head}{agent}[{when % 28000}]: {ident}: to=<{person.address}>, relay={relay}, delay=0.2,"
        f" delays=0.1/0/0/0.1, dsn=2.0.0, status=sent ({said})",
        f"{head}qmgr[412]: {ident}: removed",
        f"{head}smtpd[{when % 30000}]: disconnect from {client} ehlo=1 mail=1 rcpt=1 data=1 quit=1"
        " commands=5",
    ]
