# SPDX-License-Identifier: BSD-2-Clause
"""mailhaul as an admin uses it: installed on `new`, a move.yaml, one verb after the other."""

import json
import os
import subprocess
from pathlib import Path

from . import hosts
from .sealed import File, Host, LabError, program

PROGRAMS = ("mailhaul", "mailhaul-agent", "mailhaul-gate")
MOVE = "/var/lib/mailhaul/house"
FOLDER = "/srv/old-disk"    # where an old host that is a folder lies, on `new`

# Exit codes of mailhaul.
GOOD, NO, USAGE, DATA, UNREACHED, LATER, PERSON = 0, 1, 64, 65, 69, 75, 78


def settings(switch: str = "dns", close: str = "refuse", old: str = "", budget: int = 300,
             canary: bool = True, grace: int = 3, more: str = "") -> str:
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
        lines += ["canary:", "  mailbox: alice@example.org", f"  outside: [{echoes}]", "  wait: 120"]
    return "\n".join(lines) + "\n" + more


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

    def run(self, *words: str, expect: int | None = GOOD, seconds: float = 300,
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
