#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The whole lab: an old server, a new one, name servers and two outside worlds, on one machine.

    lab.py up [--letters N]         start everything, fill the old server's mailboxes
    lab.py down                     end everything; nothing stays
    lab.py status                   which daemon runs where, what is queued
    lab.py facts                    addresses, names, people and passwords as JSON
    lab.py shell HOST               a shell in old, new, ns1, ns2, cache, world1 or world2
    lab.py run HOST CMD...          one command there
    lab.py traffic start [--rate N] [--count N] [--seconds N] | stop | status
    lab.py audit [--final old]      what was sent against what has arrived
    lab.py compare                  every mailbox of old against new, over IMAP

Needs root and a built mailhaul ($MAILHAUL, or build/mailhaul).
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

if __package__ in (None, ""):       # run by hand: the package is found from the folder above
    sys.path[0] = str(Path(__file__).resolve().parents[1])

# pylint: disable=wrong-import-position
from lab import (accounts, audit, daemons, dns, dovecot, hosts, imap, keys, mailboxes, maillog,
                 people, postfix, sealed)
from lab.sealed import File, Host, LabError
from lab.traffic import Traffic

ON_HOST = {
    "old": ("postfix", "dovecot", "sshd"),
    "new": ("postfix", "dovecot"),
    "ns1": ("named",),
    "ns2": ("knotd",),
    "cache": ("unbound",),
    "world1": ("postfix",),
    "world2": ("postfix",),
}

# The exchange that ssh would choose by itself costs both ends a tenth of a second, and each test begins
# dozens of sessions.
_SSHD = f"""ListenAddress {hosts.MANAGEMENT_V4}
ListenAddress {hosts.MANAGEMENT_V6}
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
UsePAM yes
KexAlgorithms curve25519-sha256
PidFile /run/sshd.pid
Subsystem sftp /usr/lib/openssh/sftp-server
"""

# What else an old server has that a survey should find; neither cron nor fetchmail runs.
_OLD_ODDS = {
    "/etc/ssh/sshd_config": File(_SSHD),
    "/etc/cron.d/mail-report": File(
        "30 4 * * * root echo all is well | /usr/sbin/sendmail root\n"),
    "/var/spool/cron/crontabs/erin": File(
        "0 6 * * 1 echo a new week | /usr/sbin/sendmail erin\n", 0o600, "erin", "crontab"),
    "/home/frank/.fetchmailrc": File(
        "poll pop.one.example.com protocol pop3 user frank password \"lab\" is frank here\n",
        0o600, "frank", "frank"),
}


# Mailboxes of `old` as Dovecot has numbered them, by how many letters there are: a process that makes more
# than one lab has that done once, and unpacks them later.
_NUMBERED: dict[int, bytes] = {}
_PACK = ("tar", "--create", "--format=posix", "--numeric-owner", "--directory=/", "home", "srv/vmail", "var/mail")
_UNPACK = ("tar", "--extract", "--file=-", "--numeric-owner", "--same-permissions", "--directory=/")


class Lab:
    """A lab called `name`.  As a context manager: up at the beginning, down at the end.

    `letters` is how many messages the old server's mailboxes have before the move.
    """

    def __init__(self, name: str = "lab", letters: int = mailboxes.TOTAL):
        self.name = name
        self.letters = letters
        self.host = sealed.attach(name)
        self.old, self.new = self.host["old"], self.host["new"]
        self.worlds = [self.host[world] for world in hosts.WORLDS]
        self.traffic = Traffic(self.worlds)
        self.timing: dict[str, float] = {}      # seconds of each part of up()

    def __enter__(self) -> Self:
        return self.up()

    def __exit__(self, *_) -> None:
        self.down()

    def up(self, keep: bool = False) -> Self:
        """Start all hosts and daemons and fill the mailboxes; some seconds.

        A lab that fails on its way up is ended before the error is raised, unless `keep`.
        """
        with ThreadPoolExecutor() as pool:
            made = pool.submit(keys.make)
            self._timed("hosts", lambda: sealed.start(self.name))
            try:
                made = made.result()
                builders = (self._build_old, self._build_new, self._build_ns1, self._build_ns2,
                            self._build_cache, self._build_world1, self._build_world2)
                for work in [pool.submit(self._timed, build.__name__.removeprefix("_build_"),
                                         lambda build=build: build(made)) for build in builders]:
                    work.result()
            except BaseException:
                if not keep:
                    self.down()
                raise
        return self

    def down(self) -> None:
        """End everything."""
        sealed.end(self.name)

    def _timed(self, part: str, work: Callable[[], object]) -> None:
        started = time.monotonic()
        work()
        self.timing[part] = round(time.monotonic() - started, 2)

    # ---- one host each ---------------------------------------------------------------------

    def _build_old(self, made: keys.Keys) -> None:
        host, now = self.old, int(time.time())
        accounts.on_old(host)
        dovecot.prepare(host)
        host.sh("rm -rf /root/.ssh /etc/ssh/ssh_host_* /etc/ssh/sshd_config.d")
        host.push(sealed.own_code() | keys.on_old(made) | postfix.on_old() | dovecot.on_old()
                  | _OLD_ODDS | {"/var/log/mail.log": maillog.history(now)})
        kept = _NUMBERED.get(self.letters)
        with ThreadPoolExecutor() as pool:
            filled = pool.submit(host.python, "populate", "write", str(now), str(self.letters)) \
                if kept is None else pool.submit(host.run, *_UNPACK, stdin=kept)
            postfix.prepare_old(host)
            daemons.start(host, "postfix")      # makes the folder in which dovecot's sockets lie
            daemons.start(host, "sshd")
            outline = filled.result()
        daemons.start(host, "dovecot")
        if kept is None:
            host.python("populate", "number", stdin=outline)
            _NUMBERED[self.letters] = host.run(*_PACK).stdout.encode("utf-8", "surrogateescape")

    def _build_new(self, made: keys.Keys) -> None:
        host = self.new
        accounts.on_new(host)
        dovecot.prepare(host)
        host.sh("rm -rf /root/.ssh")
        host.push(sealed.own_code() | keys.on_new(made) | postfix.on_new()
                  | {hosts.TSIG_PATH: File(dns.tsig_key(), 0o600)})
        host.sh("chmod 700 /root/.ssh")
        postfix.prepare_new(host)
        daemons.start(host, "postfix")
        daemons.start(host, "dovecot")

    def _build_ns1(self, made: keys.Keys) -> None:
        host = self.host["ns1"]
        dns.prepare_ns1(host)
        host.push(dns.on_ns1(made))
        daemons.start(host, "named")

    def _build_ns2(self, _made: keys.Keys) -> None:
        host = self.host["ns2"]
        dns.prepare_ns2(host)
        host.push(dns.on_ns2())
        daemons.start(host, "knotd")

    def _build_cache(self, _made: keys.Keys) -> None:
        host = self.host["cache"]
        host.push(dns.on_cache())
        dns.prepare_cache(host)
        daemons.start(host, "unbound")

    def _build_world1(self, _made: keys.Keys) -> None:
        self._build_world("world1")

    def _build_world2(self, _made: keys.Keys) -> None:
        self._build_world("world2")

    def _build_world(self, name: str) -> None:
        host = self.host[name]
        host.push(sealed.own_code() | postfix.on_world(name))
        postfix.prepare_world(host)
        daemons.start(host, "postfix")

    # ---- questions -------------------------------------------------------------------------

    def audit(self, final: str = "new", run: str = "", quiet_seconds: float = 90,
              imap_too: bool = True) -> audit.Verdict:
        """Wait until the queues are empty (bounded), then count all copies of all traffic."""
        before = self.old if final == "new" else self.new
        left = audit.wait_until_quiet([*self.worlds, self.host[final]], quiet_seconds)
        verdict = audit.audit(self.host[final], before, self.worlds, self.traffic.record(run),
                              imap_too)
        verdict.queued = left
        return verdict

    def status(self) -> dict[str, dict[str, int | None]]:
        """Process id of each daemon of each host (None: does not run), and messages queued."""
        state: dict[str, dict[str, int | None]] = {}
        for name, running in ON_HOST.items():
            state[name] = {daemon: daemons.pid(self.host[name], daemon) for daemon in running}
            if "postfix" in running:
                state[name]["queued"] = postfix.queued(self.host[name])
        return state

    @staticmethod
    def facts() -> dict:
        """All that a move.yaml or a test may want to know."""
        return {
            "domains": list(hosts.DOMAINS),
            "mail_name": hosts.MAIL_NAME,
            "mail_addresses": [hosts.MAIL_V4, hosts.MAIL_V6],
            "management_addresses": [hosts.MANAGEMENT_V4, hosts.MANAGEMENT_V6],
            "new_addresses": [hosts.NEW_V4, hosts.NEW_V6],
            "primary": hosts.PRIMARY_V4,
            "secondaries": [hosts.SECONDARY_V4],
            "resolvers": [hosts.RESOLVER_V4],
            "ttl": hosts.TTL_MAIL,
            "tsig": {"name": hosts.TSIG_NAME, "algorithm": hosts.TSIG_ALGORITHM,
                     "path": hosts.TSIG_PATH},
            "worlds": {name: {"domain": domain, "address": hosts.main_address(name),
                              "echo": f"echo@{domain}"}
                       for name, domain in hosts.WORLD_DOMAINS.items()},
            "people": [{"login": person.login, "address": person.address,
                        "password": person.password, "uid": person.uid, "home": person.home,
                        "mbox": person.mbox, "sieve": bool(person.sieve)}
                       for person in people.PEOPLE],
            "aliases": list(people.ALIAS_ADDRESSES),
            "pipe_output": people.INTAKE,
            "taken_on_new": people.TAKEN_ON_NEW,
        }


# ---- by hand ---------------------------------------------------------------------------------


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--name", default="lab")
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up")
    up.add_argument("--letters", type=int, default=mailboxes.TOTAL)
    up.add_argument("--keep", action="store_true", help="leave what there is when it fails")
    for verb in ("down", "status", "facts", "compare"):
        verbs.add_parser(verb)
    verbs.add_parser("shell").add_argument("host", choices=hosts.PLACES)
    run = verbs.add_parser("run")
    run.add_argument("host", choices=hosts.PLACES)
    run.add_argument("command", nargs=argparse.REMAINDER)
    traffic = verbs.add_parser("traffic")
    traffic.add_argument("what", choices=("start", "stop", "status"))
    traffic.add_argument("--rate", type=float, default=20, help="messages a second, both worlds")
    traffic.add_argument("--count", type=int, default=0, help="messages, both worlds; 0: no limit")
    traffic.add_argument("--seconds", type=float, default=0, help="0: no limit")
    verbs.add_parser("audit").add_argument("--final", choices=("old", "new"), default="new")
    return parser.parse_args()


def _traffic(lab: Lab, arguments: argparse.Namespace) -> int:
    if arguments.what == "start":
        print(lab.traffic.start(arguments.rate, arguments.count, arguments.seconds))
    elif arguments.what == "stop":
        lab.traffic.stop()
    print(f"{len(lab.traffic.record())} accepted so far, "
          f"{'running' if lab.traffic.running() else 'not running'}")
    return 0


def _enter(lab: Lab, arguments: argparse.Namespace) -> int:
    command = ["bash"] if arguments.verb == "shell" else arguments.command
    entering = lab.host[arguments.host].command(*command)
    os.execv(entering[0], entering)


def main() -> int:
    """Do what the words on the command line say."""
    arguments = _arguments()
    lab = Lab(arguments.name, getattr(arguments, "letters", mailboxes.TOTAL))
    if arguments.verb == "up":
        started = time.monotonic()
        lab.up(arguments.keep)
        print(f"up in {time.monotonic() - started:.1f} s: {lab.timing}")
    elif arguments.verb == "down":
        lab.down()
    elif arguments.verb in ("shell", "run"):
        return _enter(lab, arguments)
    elif arguments.verb == "traffic":
        return _traffic(lab, arguments)
    elif arguments.verb == "audit":
        verdict = lab.audit(arguments.final)
        print(verdict.explain())
        return 0 if verdict.good else 1
    elif arguments.verb == "compare":
        found = imap.compare(imap.snapshot(lab.old), imap.snapshot(lab.new))
        print("\n".join(map(str, found)) or "no difference")
        return 1 if found else 0
    else:
        print(json.dumps(lab.status() if arguments.verb == "status" else lab.facts(), indent=2))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as error:
        sys.exit(f"lab: {error}")
