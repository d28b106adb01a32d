# SPDX-License-Identifier: BSD-2-Clause
"""A small internet of name servers on loopback, in a network namespace of its own.

BIND is the primary with TSIG (127.0.0.53), Knot the secondary (127.0.0.54), Unbound a cache that does as
it should (127.0.0.55), and a forwarder of ours one that keeps what it heard for longer than it may
(127.0.0.57).
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from lab import sealed

OLD, NEW, CLOSED = "203.0.113.10", "203.0.113.20", "203.0.113.30"
PRIMARY, SECONDARY, CACHE, STUBBORN = "127.0.0.53", "127.0.0.54", "127.0.0.55", "127.0.0.57"
KEY = ('key "mover" {\n\talgorithm hmac-sha256;\n\tsecret "c2VjcmV0IG9mIHRoZSBtb3Zlcg==";\n};\n')

NAMED = KEY.replace("{", "{{").replace("}", "}}") + """
options {{ directory "{dir}"; listen-on {{ 127.0.0.53; }}; listen-on-v6 {{ none; }};
  pid-file none; session-keyfile none; recursion no; dnssec-validation no; empty-zones-enable no;
  notify-source 127.0.0.53; notify explicit; also-notify {{ 127.0.0.54; }}; notify-delay 0; notify-rate 100;
  allow-transfer {{ 127.0.0.54; key mover; }}; }};
controls {{ }};
zone "example.org" {{ type primary; file "{dir}/org.zone"; update-policy {{ grant mover zonesub ANY; }};
  {signing} }};
"""
SIGNED = 'dnssec-policy default; inline-signing yes; key-directory "{dir}";'
# the zone above, which says whose keys are good
PARENT = """zone "org" {{ type primary; file "{dir}/parent.zone"; update-policy {{ grant mover zonesub ANY; }}; }};
"""
PARENT_ZONE = f"$TTL 60\n@ SOA ns1.example hostmaster 1 60 10 86400 1\n@ NS ns1.example\n" \
              f"ns1.example A {PRIMARY}\nexample NS ns1.example\n"
PARENT_STUB = "stub-zone:\n name: org\n stub-addr: 127.0.0.53\n"

KNOT = """server:
    rundir: {dir}
    listen: 127.0.0.54@53
log:
  - target: {dir}/knot.log
    any: info
database:
    storage: {dir}
remote:
  - id: primary
    address: 127.0.0.53@53
    via: 127.0.0.54
acl:
  - id: notify
    address: 127.0.0.53
    action: notify
zone:
  - domain: example.org.
    storage: {dir}
    file: org.copy
    master: primary
    acl: notify
    dnssec-signing: {knot_signs}
"""

UNBOUND = """server:
 interface: 127.0.0.55
 chroot: ""
 username: ""
 pidfile: ""
 directory: "{dir}"
 use-syslog: no
 access-control: 127.0.0.0/8 allow
 do-not-query-localhost: no
 module-config: "iterator"
stub-zone:
 name: example.org
 stub-addr: 127.0.0.53
 stub-addr: 127.0.0.54
"""

YAML = """name: zones
old: {{host: 'folder:{dir}/old'}}
new: {{host: 'folder:{dir}/new'}}
switch: {switch}
domains: [example.org]
dns:
  server: 127.0.0.53
  key_file: {dir}/mover.key
  ttl: {ttl}
  records:
    - {{name: mail.example.org, old: 203.0.113.10, new: 203.0.113.20{closed}}}
{more}resolvers: [127.0.0.55{stubborn}]
watch_interval: 1
"""

# A forwarder that asks the primary once, and gives that answer out for so many seconds, with the TTL it
# had then. It writes down each question that another than the prober put to it: when it came, as the
# kernel says, and its number, by which one that is sent again is known.
FORWARDER = """
import socket, struct, sys, time
keep = float(sys.argv[1])
asked = open(sys.argv[2], "a", buffering=1)
held = {}
here = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
here.setsockopt(socket.SOL_SOCKET, 35, 1)       # SO_TIMESTAMPNS
here.bind(("127.0.0.57", 53))
while True:
    query, extra, _, client = here.recvmsg(4096, 256)
    seconds, nanoseconds = struct.unpack("qq", extra[0][2][:16])
    end = query.index(b"\\0", 12) + 5
    if client[0] != "127.0.0.99":
        asked.write(f"{seconds + nanoseconds / 1e9:.6f} {query[:2].hex()} {query[12:end].hex()}\\n")
    at, answer = held.get(query[12:end], (0, b""))
    if time.monotonic() - at > keep:
        there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        there.settimeout(2)
        there.sendto(query, ("127.0.0.53", 53))
        try:
            answer = there.recv(4096)
        except OSError:
            continue
        held[query[12:end]] = (time.monotonic(), answer)
    here.sendto(query[:2] + answer[2:], client)
"""

# Asks servers for the address of mail.example.org, all the time, and writes down when each last gave the
# old one, and with what TTL. It shares no code with what it judges.
PROBER = """
import json, os, socket, struct, sys, time
old = socket.inet_aton(sys.argv[1])
servers = sys.argv[3:]
name = b"".join(bytes([len(part)]) + part for part in (b"mail", b"example", b"org")) + b"\\0"
last, said, number = {}, {}, 0
sockets = {}
for server in servers:
    sockets[server] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sockets[server].bind(("127.0.0.99", 0))
    sockets[server].settimeout(20)
while True:
    begun = time.time()
    for server in servers:
        number = (number + 1) % 65536
        query = struct.pack("!6H", number, 0x100, 1, 0, 0, 0) + name + struct.pack("!2H", 1, 1)
        asked = time.time()     # what is answered was said after this
        try:
            sockets[server].sendto(query, (server, 53))
            while (answer := sockets[server].recv(4096))[:2] != query[:2]:
                pass
        except OSError:
            continue
        if answer[3] & 15 or not answer[7]:
            continue
        record = answer[len(query):]
        ttl, = struct.unpack("!I", record[6:10])
        said[server] = socket.inet_ntoa(record[12:16])
        if record[12:16] == old:
            last[server] = [asked, ttl]
    with open(sys.argv[2] + ".part", "w") as out:
        json.dump({"last": last, "said": said, "begun": begun}, out)
    os.rename(sys.argv[2] + ".part", sys.argv[2])
    time.sleep(0.01)
"""


class Zones:
    """The name servers, and mailhaul beside them."""

    def __init__(self, folder: Path, ttl: int = 3, fill: int = 0, signed: str = ""):
        """`signed`: "here", by the primary; "elsewhere", by the secondary; or not at all."""
        self.folder, self.daemons = folder, []
        self.holder = subprocess.Popen(
            ["unshare", "-n", "sh", "-c", "ip link set lo up && for i in 53 54 55 57; do "
             "ip address add 127.0.0.$i dev lo; done; echo; exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        (folder / "old").mkdir()
        (folder / "new").mkdir()
        zone = (f"$TTL 3600\n@ SOA ns1 hostmaster 1 60 10 86400 {ttl}\n@ NS ns1\n@ NS ns2\n"
                f"@ {ttl} MX 10 mail\n@ TXT \"v=spf1 ip4:{OLD} -all\"\n"
                f"ns1 A {PRIMARY}\nns2 A {SECONDARY}\nmail {ttl} A {OLD}\nlists {ttl} A {OLD}\n")
        zone += "".join(f"h{number} A 198.51.100.{number}\n" for number in range(1, fill + 1))
        words = {"dir": folder, "knot_signs": "on" if signed == "elsewhere" else "off",
                 "signing": SIGNED.format(dir=folder) if signed == "here" else ""}
        here = signed == "here"
        for name, text in {"org.zone": zone, "named.conf": NAMED + (PARENT if here else ""),
                           "knot.conf": KNOT, "parent.zone": PARENT_ZONE,
                           "unbound.conf": UNBOUND + (PARENT_STUB if here else ""),
                           "mover.key": KEY}.items():
            whole = text.format(**words) if name.endswith(".conf") else text
            (folder / name).write_text(whole)
        os.chmod(folder, 0o755)

    def __enter__(self):
        where = self.folder
        self.start("/usr/sbin/named", "-g", "-n", "1", "-c", f"{where}/named.conf")
        self.await_name(PRIMARY)
        self.start("/usr/sbin/knotd", "-c", f"{where}/knot.conf")
        self.start("/usr/sbin/unbound", "-d", "-c", f"{where}/unbound.conf")
        self.await_name(SECONDARY)
        self.await_name(CACHE)
        return self

    def __exit__(self, *_):
        for daemon in self.daemons:
            daemon.send_signal(signal.SIGKILL)
            daemon.wait()
        self.holder.stdin.close()
        self.holder.wait()

    def inside(self, *words: str) -> list[str]:
        """The command line that runs `words` in the namespace."""
        return ["nsenter", "-t", str(self.holder.pid), "-n", *words]

    def start(self, *words: str) -> subprocess.Popen:
        """One more daemon, which ends with the test."""
        log = open(self.folder / f"{Path(words[0]).name}-{len(self.daemons)}.log", "wb")
        self.daemons.append(subprocess.Popen(self.inside(*words), stdout=log, stderr=log))
        return self.daemons[-1]

    def start_stubborn(self, seconds: float) -> None:
        """The cache that keeps what it has heard for so long."""
        self.start(sys.executable, "-c", FORWARDER, str(seconds), str(self.folder / "asked-it"))
        self.await_name(STUBBORN)

    def start_prober(self, *servers: str) -> None:
        """One that asks these servers all the time; when it has asked each once, this returns."""
        self.start(sys.executable, "-c", PROBER, OLD, str(self.folder / "probed"), *servers)
        sealed.wait_for((self.folder / "probed").exists, 60, "the prober")
        sealed.wait_for(lambda: len(self.probed()["said"]) == len(servers), 60, "its answers")

    def probed(self) -> dict:
        """What it knows once it has asked all servers after this: server -> what it "said" last, and when
        it gave the old address "last", and with what TTL."""
        now = time.time()

        def known():
            found = json.loads((self.folder / "probed").read_text())
            return found if found["begun"] >= now else None
        return sealed.wait_for(known, 60, "the prober")

    def asked_stubborn(self) -> dict[str, list[float]]:
        """The question -> when it was put to the stubborn cache, by all but the prober."""
        found, numbers = {}, set()
        for line in (self.folder / "asked-it").read_text().splitlines():
            at, number, question = line.split()
            if (number, question) not in numbers:
                found.setdefault(question, []).append(float(at))
            numbers.add((number, question))
        return found

    def ask(self, server: str, name: str = "mail.example.org", kind: str = "A") -> list[tuple]:
        """What one server says: (TTL, data) of each record, sorted."""
        done = subprocess.run(
            self.inside("dig", "+noall", "+answer", "+time=20", "+tries=1", f"@{server}", name,
                        kind), capture_output=True, text=True, check=False, timeout=sealed.PATIENCE)
        rows = [line.split(None, 4) for line in done.stdout.splitlines()
                if line and line[0] != ";"]
        return sorted((int(row[1]), row[4]) for row in rows if row[3] == kind)

    def await_name(self, server: str) -> None:
        """Until a server serves the zone."""
        sealed.wait_for(lambda: self.ask(server, "example.org", "SOA"), 60, f"{server} to serve example.org",
                        every=0.1)

    def settings(self, more: str = "", **change) -> None:
        """Writes move.yaml; `more` are lines below dns."""
        words = {"switch": "dns", "ttl": 2, "stubborn": "", "closed": ""} | change
        if words["closed"]:
            words["closed"] = f", closed: {words['closed']}"
        (self.folder / "move.yaml").write_text(
            YAML.format(dir=self.folder, more=more, **words))

    def command(self, *words: str) -> list[str]:
        """mailhaul with these words."""
        return self.inside(sealed.program(), "-m", str(self.folder), *words)

    def run(self, *words: str, expect: int = 0) -> subprocess.CompletedProcess:
        """mailhaul to its end."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, check=False,
                              timeout=sealed.PATIENCE)
        assert done.returncode == expect, (words, done.returncode, done.stdout, done.stderr)
        return done

    def json(self, *words: str, expect: int = 0) -> dict:
        """The same, as its JSON document."""
        return json.loads(self.run("--json", *words, expect=expect).stdout)
