# SPDX-License-Identifier: BSD-2-Clause
"""Hold the worlds' record of what they sent against what has arrived.

For each message: where it has to end (people.expand()), and how many copies are there.  Neither
mailhaul's ledger nor any log has a say in it.
"""

import json
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from . import people, postfix
from .sealed import Host, LabError
from .traffic import Sent

QUIET_WITHIN = 300


@dataclass
class Verdict:
    """The account of one audit.  Lists name tokens; a message is in one of the first four."""

    sent: int = 0
    arrived_once: int = 0
    lost: dict[str, list[str]] = field(default_factory=dict)        # token -> places without a copy
    doubled: dict[str, dict[str, int]] = field(default_factory=dict)    # token -> place -> copies
    bounced: list[str] = field(default_factory=list)                # a failure notice came back
    delayed: list[str] = field(default_factory=list)                # a "delayed" notice came back
    astray: dict[str, list[str]] = field(default_factory=dict)      # copies where none belongs
    unrecorded: list[str] = field(default_factory=list)     # arrived, but in no record
    unseen: list[str] = field(default_factory=list)         # "TOKEN PLACE": on disk, not over IMAP
    queued: dict[str, int] = field(default_factory=dict)    # host -> messages still in its queue
    copies: int = 0
    seconds: float = 0

    @property
    def good(self) -> bool:
        """True when there were messages, each has arrived exactly once, and nothing else is odd."""
        return 0 < self.sent == self.arrived_once and not (
            self.lost or self.doubled or self.bounced or self.astray or self.unrecorded
            or self.unseen)

    def line(self) -> str:
        """The figures in the form of the demo's last line."""
        return (f"sent {self.sent}, arrived once {self.arrived_once}, lost {len(self.lost)}, "
                f"doubled {len(self.doubled)}, bounced {len(self.bounced)}")

    def explain(self, limit: int = 10) -> str:
        """Each thing that is wrong by name, at most `limit` of a kind."""
        lines = [self.line()]
        for name in ("lost", "doubled", "bounced", "delayed", "astray", "unrecorded", "unseen",
                     "queued"):
            found = getattr(self, name)
            for token in list(found)[:limit]:
                what = f" {found[token]}" if isinstance(found, dict) else ""
                lines.append(f"  {name}: {token}{what}")
            if len(found) > limit:
                lines.append(f"  {name}: and {len(found) - limit} more")
        return "\n".join(lines)


def wait_until_quiet(hosts: list[Host], seconds: float, flush: bool = True) -> dict[str, int]:
    """Wait until none of `hosts` has anything in its queue; what is left after `seconds`, which end only
    what hangs: a machine that is busy gets QUIET_WITHIN at least.

    flush: have deferred mail tried at once, again and again, where its turn would come later.
    """
    end, flushed = time.monotonic() + max(seconds, QUIET_WITHIN), 0.0
    while True:
        left = {host.name: count for host in hosts if (count := postfix.queued(host))}
        if not left or time.monotonic() > end:
            return left
        if flush and time.monotonic() - flushed > 3:
            flushed = time.monotonic()
            for host in hosts:
                if host.name in left:
                    host.run("postqueue", "-f", check=False)
        time.sleep(0.3)


def sweep(host: Host, how: str) -> list[dict]:
    """All copies on `host`; `how` is a word of inside/sweep.py."""
    return [json.loads(line) for line in host.python("sweep", how, seconds=300).splitlines()]


def audit(final: Host, before: Host, worlds: list[Host], record: list[Sent],
          imap: bool = True) -> Verdict:
    """Count the copies of everything in `record`.

    final   the host whose mailboxes count in the end (`new`; `old` after a rollback)
    before  the other one: the pipe's earlier output is there
    imap    ask Dovecot on `final` as well: a copy that no client sees is no arrival
    """
    started = time.monotonic()
    runs = {entry.token.partition(".")[0] for entry in record}
    found = sweep(final, "disk")
    seen = sweep(final, "imap") if imap else []
    # a delivery of the pipe is a file name; one that was carried along is the same delivery
    found += sweep(before, "pipe")
    for world in worlds:
        found += sweep(world, "sink")
    verdict = judge(record, [copy for copy in found if copy["token"].partition(".")[0] in runs])
    if imap:
        verdict.unseen = _unseen(found, seen, runs)
    verdict.seconds = round(time.monotonic() - started, 1)
    return verdict


def judge(record: list[Sent], found: list[dict]) -> Verdict:
    """The verdict on copies that were found; no host is asked."""
    copies: dict[str, Counter] = defaultdict(Counter)
    notices: dict[str, set[str]] = defaultdict(set)
    pipe_names: set[tuple[str, str]] = set()
    for copy in found:
        if copy["what"] in ("failed", "delayed"):
            notices[copy["what"]].add(copy["token"])
        elif copy["what"] == "copy":
            if copy["place"].startswith("pipe:"):
                if (copy["token"], copy["name"]) in pipe_names:
                    continue
                pipe_names.add((copy["token"], copy["name"]))
            copies[copy["token"]][copy["place"]] += 1
    verdict = Verdict(sent=len(record), copies=sum(sum(c.values()) for c in copies.values()))
    for entry in record:
        _judge_one(verdict, entry, copies.get(entry.token, Counter()),
                   entry.token in notices["failed"])
    known = {entry.token for entry in record}
    verdict.unrecorded = sorted(set(copies) - known)
    verdict.delayed = sorted(notices["delayed"])
    # a notice about a message that nobody can name is a bounce of somebody's
    verdict.bounced += sorted(notices["failed"] - known)
    return verdict


def _judge_one(verdict: Verdict, entry: Sent, copies: Counter, failed: bool) -> None:
    places: set[str] = set()
    for recipient in entry.recipients:
        places |= people.expand(recipient)
    missing = sorted(place for place in places if not copies[place])
    doubled = {place: n for place, n in copies.items() if n > 1 and place in places}
    astray = sorted(place for place in copies if copies[place] and place not in places)
    if astray:
        verdict.astray[entry.token] = astray
    if failed:
        verdict.bounced.append(entry.token)
    elif missing:
        verdict.lost[entry.token] = missing
    elif doubled:
        verdict.doubled[entry.token] = doubled
    else:
        verdict.arrived_once += 1


def _unseen(found: list[dict], seen: list[dict], runs: set[str]) -> list[str]:
    on_disk = Counter((copy["token"], copy["place"]) for copy in found
                      if "@" in copy["place"] and ":" not in copy["place"]
                      and copy["token"].partition(".")[0] in runs)
    by_imap = Counter((copy["token"], copy["place"]) for copy in seen
                      if copy["token"].partition(".")[0] in runs)
    return sorted(" ".join(key) for key in on_disk.keys() | by_imap.keys()
                  if on_disk[key] != by_imap[key])


def expect_good(verdict: Verdict) -> Verdict:
    """The verdict when it is good; LabError with all the names when it is not."""
    if not verdict.good:
        raise LabError(verdict.explain())
    return verdict
