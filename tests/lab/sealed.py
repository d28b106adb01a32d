# SPDX-License-Identifier: BSD-2-Clause
"""Sealed hosts from Python: the description, the commands, and a host to run things in.

The mechanism itself is the product's own (`mailhaul sealed ...`); nothing here makes a namespace.
"""

import io
import json
import os
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from . import hosts

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE = 150      # seconds; no test waits for less


class LabError(Exception):
    """Something of the lab itself failed; the text says what, and what the program said."""


def program() -> str:
    """The mailhaul that carries the lab: $MAILHAUL, else the one of the build folder."""
    return os.environ.get("MAILHAUL") or str(REPOSITORY / "build" / "mailhaul")


def wait_for(condition: Callable[[], object], seconds: float, what: str, every: float = 0.05):
    """Ask `condition` until it gives something true, and return that; LabError after `seconds`.

    The limit ends what hangs and measures nothing: a machine that is busy gets PATIENCE at least.
    """
    seconds = max(seconds, PATIENCE)
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise LabError(f"waited {seconds:g} s for {what}")
        time.sleep(every)


@dataclass(frozen=True)
class File:
    """A file that a host gets: text or bytes, with its mode and its owner's name (in the host)."""

    content: str | bytes
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"


def _pack(files: dict[str, "File | str | bytes"]) -> bytes:
    packed = io.BytesIO()
    # Postfix's programs wait until a configuration file has not changed for two seconds
    yesterday = int(time.time()) - 86400
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, file in files.items():
            if not isinstance(file, File):
                file = File(file)
            content = file.content.encode() if isinstance(file.content, str) else file.content
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size, entry.mode, entry.mtime = len(content), file.mode, yesterday
            # ids that no one has: tar goes by the name, as long as the host knows it
            entry.uname, entry.gname = file.owner, file.group
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


@dataclass
class Host:
    """One sealed host of a running lab."""

    lab: str
    name: str
    background: list[subprocess.Popen] = field(default_factory=list)

    @property
    def place(self) -> hosts.Place:
        """Its hostname and addresses."""
        return hosts.PLACES[self.name]

    @property
    def address(self) -> str:
        """Its main IPv4 address."""
        return hosts.main_address(self.name)

    def command(self, *cmd: str) -> list[str]:
        """The argument list that runs `cmd` in the host, for a caller with a Popen of its own."""
        return [program(), "sealed", "enter", f"{self.lab}/{self.name}", "--", *cmd]

    def run(self, *cmd: str, stdin: str | bytes = b"", check: bool = True,
            seconds: float = PATIENCE) -> subprocess.CompletedProcess:
        """Run `cmd` in the host and wait; output is text.

        Raises LabError with what it wrote when it ends other than 0, unless check=False. `seconds`
        end what hangs; a machine that is busy gets PATIENCE at least.
        """
        seconds = max(seconds, PATIENCE)
        stdin = stdin.encode() if isinstance(stdin, str) else stdin
        try:
            done = subprocess.run(self.command(*cmd), input=stdin, capture_output=True,
                                  timeout=seconds, check=False)
        except subprocess.TimeoutExpired as late:
            raise LabError(f"{self.name}: {cmd[0]} took more than {seconds:g} s") from late
        done.stdout = done.stdout.decode("utf-8", "surrogateescape")
        done.stderr = done.stderr.decode("utf-8", "surrogateescape")
        if check and done.returncode != 0:
            raise LabError(f"{self.name}: {' '.join(cmd)[:200]}: exit {done.returncode}\n"
                           f"{(done.stderr or done.stdout).strip()[-2000:]}")
        return done

    def sh(self, script: str, **more) -> str:
        """Run a shell script (set -e) in the host, and return what it wrote."""
        return self.run("sh", "-ec", script, **more).stdout

    def python(self, module: str, *arguments: str, stdin: str = "", seconds: float = PATIENCE) -> str:
        """Run a module of lab/inside in the host, and return what it wrote."""
        return self.run(*self.python_command(module, *arguments), stdin=stdin,
                        seconds=seconds).stdout

    @staticmethod
    def python_command(module: str, *arguments: str) -> list[str]:
        """What runs a module of lab/inside, inside."""
        return ["env", f"PYTHONPATH={CODE}", "PYTHONDONTWRITEBYTECODE=1", "/usr/bin/python3", "-m",
                f"lab.inside.{module}", *arguments]

    def push(self, files: dict[str, "File | str | bytes"]) -> None:
        """Write all `files` (absolute path to content) in one go, making folders on the way."""
        # one tar, one process: seven hosts come up side by side on two cores
        self.run("tar", "--extract", "--file=-", "--directory=/", "--no-overwrite-dir",
                 stdin=_pack(files))

    def read(self, path: str) -> bytes:
        """The bytes of one file of the host."""
        return self.run("cat", path).stdout.encode("utf-8", "surrogateescape")

    def spawn(self, *cmd: str) -> subprocess.Popen:
        """Start `cmd` in the host and leave it running; its output is a pipe of text."""
        child = subprocess.Popen(self.command(*cmd), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.background.append(child)
        return child


CODE = "/run/mailhaul-lab"      # a host's own copy of this package; /run is no part of its disk


def own_code() -> dict[str, bytes]:
    """This package as files for a host: the hosts need not see the repository."""
    here = Path(__file__).resolve().parent
    return {f"{CODE}/lab/{path.relative_to(here)}": path.read_bytes()
            for path in sorted(here.rglob("*.py"))}


def describe(name: str, places: Iterable[str] = tuple(hosts.PLACES),
             resolver: str = hosts.RESOLVER_V4) -> str:
    """The description that `mailhaul sealed start` reads."""
    lines = [f"name: {name}", "segments:"]
    for segment in hosts.SEGMENTS:
        lines += [f"  - name: {segment.name}", "    gateways:"]
        lines += [f"      - {json.dumps(gateway)}" for gateway in segment.gateways]
    lines.append("hosts:")
    for place in places:
        lines += _describe_place(hosts.PLACES[place], resolver)
    return "\n".join(lines) + "\n"


_DISK = "2G"      # sparse
# What the machine below has there is none of the lab's business; and a queue and mailboxes belong
# on a real file system, where a file keeps its inode number.
_FRESH = ("/home", "/root", "/srv", "/var/log", "/var/mail", "/var/spool/postfix")


def _describe_place(place: hosts.Place, resolver: str) -> list[str]:
    lines = [f"  - name: {place.name}", f"    hostname: {place.hostname}",
             f"    segment: {place.segment}", f"    resolver: {resolver}",
             f"    disk: {_DISK}"]
    for key, values in (("addresses", place.addresses), ("fresh", _FRESH)):
        lines.append(f"    {key}:")
        lines += [f"      - {json.dumps(value)}" for value in values]
    return lines


def start(name: str, places: Iterable[str] = tuple(hosts.PLACES),
          resolver: str = hosts.RESOLVER_V4) -> dict[str, Host]:
    """Start all hosts of the lab called `name`, or those named, without anything in them."""
    description = Path(f"/run/mailhaul-lab-{name}.yaml")
    description.write_text(describe(name, places, resolver), encoding="utf-8")
    _sealed("start", str(description))
    return {place: Host(name, place) for place in places}


def attach(name: str) -> dict[str, Host]:
    """The hosts of a lab that runs already."""
    return {place: Host(name, place) for place in hosts.PLACES}


def end(name: str) -> None:
    """End the lab called `name` and everything in it."""
    _sealed("end", name)
    Path(f"/run/mailhaul-lab-{name}.yaml").unlink(missing_ok=True)


def cable(host: Host, up: bool) -> None:
    """Pull a host's network cable, or put it back."""
    _sealed("cut", f"{host.lab}/{host.name}", "up" if up else "down")


def pull_plug(host: Host) -> None:
    """Cut a host's power: every process dies at once, and its throw-away disk goes as well."""
    _sealed("unplug", f"{host.lab}/{host.name}")


def _sealed(*arguments: str) -> None:
    done = subprocess.run([program(), "sealed", *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False, timeout=PATIENCE)
    if done.returncode != 0:
        raise LabError(f"mailhaul sealed {' '.join(arguments)}: exit {done.returncode}\n"
                       f"{(done.stderr or done.stdout).strip()}")
