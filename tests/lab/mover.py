# SPDX-License-Identifier: BSD-2-Clause
"""mailhaul as an admin uses it: installed on `new`, a move.yaml, one verb after the other."""

import json
import os
import subprocess
from pathlib import Path

from . import dns, hosts
from .sealed import File, Host, LabError, program

PROGRAMS = ("mailhaul", "mailhaul-agent", "mailhaul-gate", "mailhaul-mailauth", "mailhaul-http")
MOVE = "/var/lib/mailhaul/house"
FOLDER = "/srv/old-disk"    # where an old host that is a folder lies, on `new`

# Exit codes of mailhaul.
GOOD, NO, USAGE, DATA, UNREACHED, LATER, PERSON = 0, 1, 64, 65, 69, 75, 78


def settings(switch: str = "dns", close: str = "refuse", old: str = "", budget: int = 3600,
             canary: bool = True, grace: int = 20, more: str = "") -> str:
    """A move.yaml for the lab; `more` is appended."""
    lines = [
        "name: house",
        f"old: {{host: '{old or f'ssh:root@{hosts.MANAGEMENT_V4}'}'}}",
        "new: {host: local}",
        f"close: {close}",
        f"switch: {switch}",
        f"window: {{budget: {budget}, session_grace: {grace}, flush_wait: 15}}",
        f"resolvers: ['{hosts.RESOLVER_V4}']",
        "watch_interval: 1",
        "dns:",
        f"  server: {hosts.PRIMARY_V4}",
        f"  key_file: {hosts.TSIG_PATH}",
        f"  ttl: {hosts.TTL_MAIL}",
        "  records:",
        f"    - {{name: {hosts.MAIL_NAME}, old: {hosts.MAIL_V4}, new: {hosts.NEW_V4}}}",
        f"    - {{name: {hosts.MAIL_NAME}, old: '{hosts.MAIL_V6}', new: '{hosts.NEW_V6}'}}",
        "address:",
        f"  addresses: [{hosts.MAIL_V4}/24, '{hosts.MAIL_V6}/64']",
        f"  old_keeps: {hosts.MANAGEMENT_V4}",
    ]
    if close == "defer":
        lines.append("close_text: moving house, back within the hour")
    if canary:
        echoes = ", ".join(f"echo@{domain}" for domain in hosts.WORLD_DOMAINS.values())
        lines += ["canary:", "  mailbox: alice@example.org", f"  outside: [{echoes}]", "  wait: 600"]
    return "\n".join(lines) + "\n" + more


# A dns.command: makes a change of zones by nsupdate(1), as a provider's own program would by its API.
# Its words: name server, key file, and a file that gets an x each time.
PANEL = """#!/usr/bin/python3
import json, subprocess, sys
lines = ["server " + sys.argv[1]]
for edit in json.load(sys.stdin)["edits"]:
    lines += ["zone " + edit["zone"], f"del {edit['name']} {edit['type']}"]
    lines += [f"add {edit['name']} {edit['after']['ttl']} {edit['type']} {data}"
              for data in edit["after"]["data"]]
open(sys.argv[3], "a").write("x")
subprocess.run(["nsupdate", "-k", sys.argv[2]], check=True, text=True,
               input="\\n".join([*lines, "send", ""]))
"""
CLOSED_V4, CLOSED_V6 = "203.0.113.30", "2001:db8:113::30"
TTL_STEPS = 2   # seconds, of the mail name where its old answers are waited out


def in_two_steps(new: Host, yaml: str) -> str:
    """The settings `yaml` with a closed address for each name: one more of `new`, which has it from now
    on. The zone gets small TTLs, and no cache knows of other ones for long."""
    yaml = yaml.replace(f"ttl: {hosts.TTL_MAIL}", f"ttl: {TTL_STEPS}")
    for old, new_address, closed, kind, bits in (
            (hosts.MAIL_V4, hosts.NEW_V4, CLOSED_V4, "A", 24),
            (hosts.MAIL_V6, hosts.NEW_V6, CLOSED_V6, "AAAA", 64)):
        new.sh(f"ip address add {closed}/{bits} dev "
               f"$(ip -o address show to {new_address} | cut -d' ' -f2)")
        complaint = dns.update(new, f"update delete {hosts.MAIL_NAME} {kind}",
                               f"update add {hosts.MAIL_NAME} {TTL_STEPS} {kind} {old}")
        if complaint:
            raise LabError(complaint)
        for words in (f"new: {new_address}}}", f"new: '{new_address}'}}"):
            yaml = yaml.replace(words, f"{words[:-1]}, closed: '{closed}'}}")
    return yaml


class Mover:
    """An admin at a shell of the new host."""

    def __init__(self, new: Host, yaml: str):
        self.new = new
        here = Path(program()).resolve().parent
        new.push({f"/usr/local/bin/{name}": File((here / name).read_bytes(), 0o755)
                  for name in PROGRAMS} | {f"{MOVE}/move.yaml": File(yaml, 0o600)})
        new.sh(f"chmod 700 /var/lib/mailhaul {MOVE}")

    def configure(self, yaml: str) -> None:
        """Write another move.yaml."""
        self.new.push({f"{MOVE}/move.yaml": File(yaml, 0o600)})

    def command(self, *words: str, environment: dict[str, str] | None = None) -> list[str]:
        """The argument list of one verb, for a Popen."""
        extra = [f"{name}={value}" for name, value in (environment or {}).items()]
        return self.new.command("env", *extra, "mailhaul", "-m", MOVE, *words)

    def run(self, *words: str, expect: int | None = GOOD, seconds: float = 900,
            environment: dict[str, str] | None = None) -> subprocess.CompletedProcess:
        """Give one verb and wait for its end; LabError when it ends with another code than
        `expect` (None: any)."""
        done = subprocess.run(self.command(*words, environment=environment),
                              stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              timeout=seconds)
        done.stdout = done.stdout.decode("utf-8", "replace")
        done.stderr = done.stderr.decode("utf-8", "replace")
        if os.environ.get("MAILHAUL_LAB_LOUD"):
            print(f"--- mailhaul {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
        if expect is not None and done.returncode != expect:
            raise LabError(f"mailhaul {' '.join(words)}: exit {done.returncode}, not {expect}\n"
                           f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def json(self, *words: str, expect: int | None = GOOD):
        """The document that a verb prints with --json."""
        done = self.run(*words, "--json", expect=expect)
        return json.loads(done.stdout)

    def until_ready(self) -> None:
        """All that comes before the downtime."""
        for words in (("survey",), ("prepare",), ("seed", "--until-small")):
            self.run(*words)
