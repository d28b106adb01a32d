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
from .sealed import File, Host, LabError, wait_for

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
workers: {workers}

[mta]
incoming: mailman.mta.{incoming}
verp_delimiter: +
configuration: {at}/postfix.cfg
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

_ARCHIVER = """
[archiver.hyperkitty]
class: mailman_hyperkitty.Archiver
enable: yes
configuration: {at}/hyperkitty.cfg
"""

# The more runners, the longer a start takes.
_ALL = ("archive", "bounces", "command", "digest", "in", "lmtp", "nntp", "out", "pipeline", "rest", "retry",
        "task", "virgin")
RUNNERS = ("rest", "pipeline", "out")


def is_here() -> bool:
    """Whether a core can be run on this machine."""
    return (FOLDER / "usr/bin/mailman").exists()


def _files(at: Path, ports: dict[str, int], password: str, runners: tuple[str, ...],
           incoming: str = "null.NullMTA", workers: int = 1) -> dict[str, tuple[str, int]]:
    """Configuration and programs of a core in the folder `at`: path in it, text and mode."""
    config = at / "mailman.cfg"
    made = {
        "mailman.cfg": (_CONFIG.format(at=at, password=password, packages=PACKAGES, incoming=incoming, workers=workers, **ports) + "".join(
            f"\n[runner.{name}]\nstart: no\n" for name in _ALL if name not in runners), 0o644),
        "passlib.cfg": ("[passlib]\nschemes = sha512_crypt, sha256_crypt, hex_sha1\n", 0o644),
        "postfix.cfg": ("[postfix]\npostmap_command: /usr/sbin/postmap\ntransport_file_type: hash\n", 0o644),
    }
    for name in ("master", "runner", "mailman"):
        made[f"bin/{name}"] = (_PROGRAM.format(
            packages=str(PACKAGES), module=name,
            words=["-C", str(config)] if name == "mailman" else []), 0o755)
    return made


class Core:
    """One core; `with Core(smtp_port) as core`."""

    def __init__(self, smtp_port: int, runners: tuple[str, ...] = RUNNERS, workers: int = 1):
        if not is_here():
            raise LabError(f"{FOLDER} has no mailman: run tools/install-packages lab")
        self.at = Path(tempfile.mkdtemp(prefix="mailman3-", dir="/var/tmp"))
        self.port, self.password = free_port(), secrets.token_hex(8)
        self.config = self.at / "mailman.cfg"
        self.mailman = self.at / "bin/mailman"
        self.child = None
        for name in ("bin", "var"):
            (self.at / name).mkdir()
        ports = {"rest": self.port, "smtp": smtp_port, "lmtp": free_port()}
        for name, (text, mode) in _files(self.at, ports, self.password, runners, workers=workers).items():
            (self.at / name).write_text(text, "utf-8")
            (self.at / name).chmod(mode)
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


AT = Path("/var/lib/mailman3-lab")
REST = 8001
_PORTS = {"rest": REST, "smtp": 2525, "lmtp": 8024}
_RECORD = "/run/mailman3-sent"
# whoever all of its mail goes to: a line of JSON each; what is for somebody of this house goes on to its MTA
PASSED_ON = "alice@example.org"
_SINK = """
import json, socketserver, subprocess

class Session(socketserver.StreamRequestHandler):
    def say(self, words):
        self.wfile.write(words.encode() + b"\\r\\n")

    def handle(self):
        self.say("220 sink")
        to, sender = [], ""
        for line in iter(self.rfile.readline, b""):
            verb = line[:4].upper()
            if verb == b"MAIL":
                sender = line.decode().partition("<")[2].partition(">")[0]
            elif verb == b"RCPT":
                to.append(line.decode().partition("<")[2].partition(">")[0])
            elif verb == b"DATA":
                self.say("354 go on")
                text = b"".join(iter(self.rfile.readline, b".\\r\\n")).decode("latin-1")
                with open({record!r}, "a") as record:
                    record.write(json.dumps([to, text]) + "\\n")
                if {passed_on!r} in to:
                    subprocess.run(["/usr/sbin/sendmail", "-f", sender, "--", {passed_on!r}],
                                   input=text.encode("latin-1"), check=False)
                to = []
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            self.say("250 ok")

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True

Server(("127.0.0.1", {port}), Session).serve_forever()
"""
_ASK = """
import json, sys, urllib.parse, urllib.request
method, path, password, values = json.loads(sys.argv[1])
asking = urllib.request.HTTPPasswordMgrWithDefaultRealm()
asking.add_password(None, "http://127.0.0.1:{port}/", "restadmin", password)
opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(asking))
data = urllib.parse.urlencode(values).encode() if values else None
with opener.open(urllib.request.Request(
        "http://127.0.0.1:{port}/3.1/" + path, data=data, method=method)) as answer:
    print(answer.read().decode() or "null")
"""
_SELECT = """
import json, sqlite3, sys
print(json.dumps(sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute(sys.argv[2]).fetchone()))
"""


class HostCore:
    """One in a host of the lab, which takes posts from its Postfix by LMTP, and whose own mails go to a record."""

    def __init__(self, host: Host, runners: tuple[str, ...] = ("rest", "lmtp", "in", "pipeline", "out")):
        self.host, self.password = host, secrets.token_hex(8)
        self.mailman = str(AT / "bin/mailman")
        made = _files(AT, _PORTS, self.password, runners, "postfix.LMTP")
        host.push({f"{AT}/{name}": File(text, mode, "list", "list") for name, (text, mode) in made.items()})
        host.sh(f"mkdir -p {AT}/var; chown list:list {AT} {AT}/bin {AT}/var; : >{_RECORD}")
        host.spawn("/usr/bin/python3", "-c", _SINK.replace("{record!r}", repr(_RECORD)).replace(
            "{passed_on!r}", repr(PASSED_ON)).replace("{port}", str(_PORTS["smtp"])))

    def archive_to(self, url: str, key: str) -> None:
        """Have it give all posts to that HyperKitty, by Debian's own archiver."""
        self.host.push({f"{AT}/hyperkitty.cfg": File(f"[general]\nbase_url: {url}\napi_key: {key}\n", 0o640, "list", "list")})
        self.host.sh(f"sed -i '/^.runner.archive.$/,+1d' {AT}/mailman.cfg; cat >>{AT}/mailman.cfg",
                     stdin=_ARCHIVER.format(at=AT))

    def configure(self, old: str, new: str) -> None:
        """Change a line of its configuration."""
        self.host.sh(f"sed -i 's/^{old}$/{new}/' {AT}/mailman.cfg; grep -q '^{new}$' {AT}/mailman.cfg")

    def also(self, *names: str) -> None:
        """Have these runners, too, from the next start on."""
        for name in names:
            self.host.sh(f"sed -i '/^\\[runner.{name}\\]$/,+1d' {AT}/mailman.cfg")

    def start(self) -> None:
        """As a person does it; returns when REST answers."""
        self.host.sh(f"setpriv --reuid=list --regid=list --init-groups {self.mailman} start --force "
                     "</dev/null >/dev/null 2>&1")
        wait_for(self.is_up, 120, "Mailman 3 to answer", 0.3)

    def send_digest(self, list_id: str) -> None:
        """Have it send what a list has gathered, whatever its size, by runners that end when nothing waits."""
        words = "setpriv --reuid=list --regid=list --init-groups"
        self.host.sh(f"{words} {self.mailman} digests --send --list {list_id}\n"
                     + "".join(f"{words} {AT}/bin/runner -C {AT}/mailman.cfg --runner={name}:0:1 --once\n"
                               for name in ("digest", "virgin")))

    def is_up(self) -> bool:
        """Whether REST answers."""
        return f":{_PORTS['rest']} " in self.host.run("ss", "-Htln").stdout + " "

    def is_running(self, name: str = "") -> bool:
        """Whether a runner is there, or that one."""
        return f"--runner={name}" in self.host.run("ps", "axww", "-o", "args").stdout

    def end_runner(self, name: str) -> None:
        """One of them, for good."""
        self.host.sh(f"kill $(ps axww -o pid,args | awk '/[-]-runner={name}:/ {{print $1}}')")
        wait_for(lambda: not self.is_running(name), 60, f"the runner {name} to end", 0.2)

    def tell_mta(self) -> None:
        """Have the host's Postfix know of its lists, as Mailman's manual says."""
        table = f"hash:{AT}/var/data/postfix_lmtp"
        self.host.sh(f"postconf -e recipient_delimiter=+ owner_request_special=no transport_maps={table} "
                     f"\"local_recipient_maps=$(postconf -h local_recipient_maps) {table}\"")

    def lead_admins(self, lists: list[str]) -> None:
        """Have Postfix lead LIST-admin of each, which 2.1 had, to its owners."""
        table = "/etc/postfix/mailman3-admin"
        rows = "".join(f"{at[0]}-admin@{at[1]} {at[0]}-owner@{at[1]}\n" for at in (name.split("@") for name in lists))
        self.host.sh(f"cat >{table}; postmap {table}; postconf -e \"virtual_alias_maps=$(postconf -h virtual_alias_maps), "
                     f"hash:{table}\"; postfix reload", stdin=rows)

    def ask(self, method: str, path: str, **values):
        """One question over REST, which comes up later than the port for posts."""
        wait_for(self.is_up, 120, "REST to answer", 0.3)
        return json.loads(self.host.run(
            "/usr/bin/python3", "-c", _ASK.replace("{port}", str(_PORTS["rest"])),
            json.dumps([method, path, self.password, values])).stdout)

    def of_database(self, question: str) -> list:
        """The first row that its database gives."""
        return json.loads(self.host.run("/usr/bin/python3", "-c", _SELECT, f"{AT}/var/data/mailman.db", question).stdout)

    def words(self) -> str:
        """What it says of itself: entries of queues, and the ends of its logs."""
        return self.host.sh(f"cd {AT}/var; find queue -type f; tail -n 60 logs/*.log", check=False)

    def sent(self) -> list[tuple[list[str], str]]:
        """What it has sent: recipients, and the message."""
        return [tuple(json.loads(line)) for line in self.host.sh(f"cat {_RECORD}").splitlines()]


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
