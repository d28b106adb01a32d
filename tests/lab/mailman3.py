# SPDX-License-Identifier: BSD-2-Clause
"""Mailman 3 as a destination: Debian's core as it is, though it is not installed.

`tools/install-packages lab` unpacks it, with the libraries that it needs, into a folder; a core runs from
there, by itself in a directory of its own, on loopback ports that were free, and mails to a port of the test.
"""

import base64
import contextlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socketserver
import subprocess
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

from .ports import free_port
from .sealed import LabError

FOLDER = Path(os.environ.get("MAILHAUL_MAILMAN3", "/var/cache/mailhaul-lab/mailman3"))
PACKAGES = FOLDER / "usr/lib/python3/dist-packages"
USER = 38       # list, of every Debian

# Debian's own three scripts ask for an entry point by name. `zope` and `lazr` lie in two places here, which
# their .pth files put together. The master gives nothing of its environment to what it starts.
_PROGRAM = """#!/usr/bin/python3 -B
import site, sys
site.addsitedir({packages!r})
from mailman.bin.{module} import main
sys.argv[1:1] = {words!r}
sys.exit(main())
"""

_CONFIG = """[mailman]
site_owner: postmaster@example.org
layout: own
listname_chars: [-_.+=0-9a-z]
moderator_request_life: 3650d
pending_request_life: 3650d

[paths.own]
var_dir: {at}/var
bin_dir: {at}/bin
etc_dir: {at}
template_dir: {at}/var/templates
pid_file: {at}/var/master.pid

[database]
class: mailman.database.sqlite.SQLiteDatabase
url: sqlite:///{at}/var/data/mailman.db

[webservice]
hostname: 127.0.0.1
port: {rest}
admin_user: restadmin
admin_pass: {password}
workers: 1

[mta]
incoming: mailman.mta.null.NullMTA
outgoing: mailman.mta.deliver.deliver
smtp_host: 127.0.0.1
smtp_port: {smtp}
lmtp_host: 127.0.0.1
lmtp_port: {lmtp}

[passwords]
configuration: {at}/passlib.cfg

[dmarc]
org_domain_data_url: file://{packages}/mailman/rules/data/public_suffix_list.dat
"""

# The more runners, the longer a start takes.
_ALL = ("archive", "bounces", "command", "digest", "in", "lmtp", "nntp", "out", "pipeline", "rest", "retry",
        "task", "virgin")
RUNNERS = ("rest", "pipeline", "out")


def is_here() -> bool:
    """Whether a core can be run on this machine."""
    return (FOLDER / "usr/bin/mailman").exists()


class Core:
    """One core; `with Core(smtp_port) as core`."""

    def __init__(self, smtp_port: int, runners: tuple[str, ...] = RUNNERS):
        if not is_here():
            raise LabError(f"{FOLDER} has no mailman: run tools/install-packages lab")
        self.at = Path(tempfile.mkdtemp(prefix="mailman3-", dir="/var/tmp"))
        self.port, self.password = free_port(), secrets.token_hex(8)
        self.config = self.at / "mailman.cfg"
        self.mailman = self.at / "bin/mailman"
        self.runners, self.child = runners, None
        for name in ("bin", "var"):
            (self.at / name).mkdir()
        self.config.write_text(_CONFIG.format(
            at=self.at, rest=self.port, password=self.password, smtp=smtp_port, lmtp=free_port(),
            packages=PACKAGES) + "".join(
                f"\n[runner.{name}]\nstart: no\n" for name in _ALL if name not in runners), "utf-8")
        (self.at / "passlib.cfg").write_text("[passlib]\nschemes = sha512_crypt, sha256_crypt, hex_sha1\n",
                                             "utf-8")
        for name in ("master", "runner", "mailman"):
            program = self.at / "bin" / name
            program.write_text(_PROGRAM.format(
                packages=str(PACKAGES), module=name,
                words=["-C", str(self.config)] if name == "mailman" else []), "utf-8")
            program.chmod(0o755)
        self.at.chmod(0o755)
        for path in (self.at, *self.at.rglob("*")):
            os.chown(path, USER, USER)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.at, ignore_errors=True)

    def start(self, deadline_s: int = 300) -> None:
        """Start it, and wait until it answers."""
        words = [str(self.at / "bin/master"), "-C", str(self.config), "--force"]
        with open(self.at / "var/start.log", "wb") as log:
            self.child = subprocess.Popen(
                words, user=USER, group=USER, extra_groups=[], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.at,
                start_new_session=True)
        until = time.monotonic() + deadline_s
        while True:
            with contextlib.suppress(OSError):
                if self.ask("GET", "system/versions")[0] == 200:
                    return
            if self.child.poll() is not None or time.monotonic() > until:
                raise LabError(f"Mailman 3 does not start: {self.log()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it, and all that it has started, at once."""
        child, self.child = self.child, None
        if not child:
            return
        # nothing of it is looked at again
        os.killpg(child.pid, signal.SIGKILL)
        child.wait(60)

    def log(self) -> str:
        """What it has said of errors."""
        return "".join(path.read_text("utf-8", "replace")
                       for path in (self.at / "var/start.log", self.at / "var/logs/mailman.log") if path.exists())

    def ask(self, method: str, path: str, **values) -> tuple[int, object]:
        """One question over REST: status, and what came, if it is JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        word = base64.b64encode(f"restadmin:{self.password}".encode()).decode()
        body = urllib.parse.urlencode(values, doseq=True) if values else None
        try:
            connection.request(method, f"/3.1/{path}", body, {
                "Authorization": f"Basic {word}", "Content-Type": "application/x-www-form-urlencoded"})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text

    def get(self, path: str):
        """What it answers; LabError where it is no 200."""
        status, value = self.ask("GET", path)
        if status != 200:
            raise LabError(f"GET {path}: {status} {value}")
        return value


class _Session(socketserver.StreamRequestHandler):
    """SMTP, as much of it as a sender needs."""

    def say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())

    def text(self) -> bytes:
        self.say("354 go on")
        lines = []
        for line in iter(self.rfile.readline, b""):
            if line == b".\r\n":
                break
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def handle(self):
        sender, recipients = "", []
        self.say("220 sink")
        for line in iter(self.rfile.readline, b""):
            verb, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
            if verb.upper() == "MAIL":
                sender, recipients = rest.partition("<")[2].partition(">")[0], []
            elif verb.upper() == "RCPT":
                recipients.append(rest.partition("<")[2].partition(">")[0])
            elif verb.upper() == "DATA":
                self.server.mails.append((sender, recipients, self.text()))
            elif verb.upper() == "QUIT":
                self.say("221 bye")
                return
            self.say("250 ok")


class Sink(socketserver.ThreadingTCPServer):
    """Whoever all mail goes to; `mails` are (sender, recipients, octets)."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Session)
        self.mails, self.port = [], self.server_address[1]
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
