# SPDX-License-Identifier: BSD-2-Clause
"""A lab of three or four hosts for the gate: who sends, the gate's host, and the new server.

`world1` has Postfix, swaks and Python; `world2` Exim and OpenSMTPD; `old` is where the gate
listens; `new` takes everything for the two domains into one Maildir and says who its client was.
"""

import re
import subprocess
from pathlib import Path
from typing import Self

from . import foreign, hosts, keys, postfix, sealed
from .sealed import File, Host, LabError, wait_for

GATE = "/usr/local/bin/mailhaul-gate"
SPOOL = "/var/spool/mailhaul"
GOAL = "/srv/sink/in"           # on `new`
STANDARD = ("--domain", "example.org", "--domain", "example.net")

_SEND = """myhostname = {name}
mydestination =
maillog_file = /var/log/mail.log
relayhost = [{gate}]
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtp_tls_security_level = {tls}
smtp_tls_loglevel = 1
minimal_backoff_time = 2s
maximal_backoff_time = 4s
queue_run_delay = 2s
"""

_TAKE = """compatibility_level = 3.6
inet_protocols = all
recipient_delimiter = +
alias_maps = hash:/etc/aliases
mynetworks = 127.0.0.0/8 [::1]/128
myhostname = new.example.org
mydestination = localhost
maillog_file = /var/log/mail.log
message_size_limit = 52428800
default_process_limit = 200
smtpd_peername_lookup = no
smtpd_tls_cert_file = /etc/ssl/mail/mail.pem
smtpd_tls_key_file = /etc/ssl/mail/mail.key
smtpd_tls_security_level = may
smtpd_tls_received_header = yes
smtpd_client_connection_count_limit = 0
smtpd_authorized_xclient_hosts = 203.0.113.10 [2001:db8:113::10]
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = check_policy_service unix:private/policy
virtual_mailbox_domains = example.org example.net
virtual_mailbox_base = /srv/sink
virtual_mailbox_maps = static:in/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_mailbox_limit = 0
{more}
"""

# What a receiver that checks SPF, or greylists, is told of the client.
_POLICY = """policy    unix  -       n       n       -       100     spawn
  user=nobody argv=/usr/local/libexec/policy
10025     inet  n       -       n       -       -       smtpd
  -o smtpd_authorized_xclient_hosts= -o smtpd_upstream_proxy_protocol=haproxy
"""

_POLICY_PROGRAM = """#!/usr/bin/python3
import sys
facts = {}
for line in sys.stdin:
    name, equal, value = line.rstrip("\\n").partition("=")
    if equal:
        facts[name] = value
        continue
    with open("/srv/sink/policy.log", "a") as log:
        log.write("client=%(client_address)s helo=%(helo_name)s sender=%(sender)s\\n" % facts)
    # what SPF "-all" says of a client that is not the domain's own
    theirs = facts["client_address"].startswith(("198.51.100.", "2001:db8:51:"))
    if facts["sender"].endswith(".example.com") and not theirs:
        print("action=550 5.7.23 SPF fail\\n", flush=True)
    else:
        print("action=dunno\\n", flush=True)
"""


class Yard:
    """The hosts, up as long as a `with` block lasts."""

    def __init__(self, name: str, strangers: bool = False, tls: str = "may", take: str = "",
                 submit: str = ""):
        self.name, self.strangers, self.tls, self.take = name, strangers, tls, take
        self.submit = submit                # more of the sending Postfix's main.cf
        self.names = ["world1", "old", "new"] + (["world2"] if strangers else [])
        self.host = {place: Host(name, place) for place in self.names}
        self.gate, self.new, self.sender = (self.host[n] for n in ("old", "new", "world1"))
        self.child: subprocess.Popen | None = None

    def __enter__(self) -> Self:
        sealed.start(self.name, self.names, resolver="127.0.0.1")
        try:
            made = keys.make()
            self._build_sender()
            self._build_new(made)
            self.gate.push({GATE: File(program().read_bytes(), 0o755),
                            "/etc/ssl/mail/mail.pem": File(made.mail_certificate),
                            "/etc/ssl/mail/mail.key": File(made.mail_key, 0o600),
                            "/etc/ssl/mail/ca.pem": File(made.ca),
                            "/etc/ssl/mail/stranger.pem": File(made.package_certificate)})
            self.gate.sh("ip link set lo up || true")
            if self.strangers:
                foreign.install(self.host["world2"], hosts.MAIL_V4)
                foreign.start(self.host["world2"])
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        sealed.end(self.name)
        if self.child:
            self.child.wait(60)

    def _build_sender(self) -> None:
        host = self.sender
        host.push(sealed.own_code() | {
            "/etc/postfix/main.cf": postfix.DEBIAN + _SEND.format(
                name=host.place.hostname, gate=hosts.MAIL_V4, tls=self.tls) + self.submit,
            "/etc/postfix/master.cf": postfix.MASTER,
            "/etc/aliases": "postmaster: root\n",
            "/etc/mailname": f"{host.place.hostname}\n",
        })
        host.sh(f"{postfix.SPOOL}postalias /etc/aliases")
        start_postfix(host)

    def _build_new(self, made: keys.Keys) -> None:
        host = self.new
        host.push(sealed.own_code() | {
            "/etc/postfix/main.cf": _TAKE.format(more=self.take),
            "/etc/postfix/master.cf": postfix.MASTER + _POLICY,
            "/usr/local/libexec/policy": File(_POLICY_PROGRAM, 0o755),
            "/etc/ssl/mail/mail.pem": File(made.mail_certificate),
            "/etc/ssl/mail/mail.key": File(made.mail_key, 0o600),
            "/etc/aliases": "postmaster: root\n",
            "/etc/mailname": "new.example.org\n",
        })
        host.sh(f"{postfix.SPOOL}install -d -o nobody -g nogroup /srv/sink\n"
                "postalias /etc/aliases")
        start_postfix(host)

    # ---- the gate -----------------------------------------------------------------------------

    def start_gate(self, mode: str = "spool", *words: str, to: str = f"{hosts.NEW_V4}:25") -> None:
        """The gate of the build on port 25 of its host; comes back once it listens."""
        self.gate.run("rm", "-f", "/run/gate.pid")
        self.gate.sh(f"install -d -m 700 -o nobody {SPOOL}")
        command = [GATE, "--listen", "0.0.0.0:25", "--listen", "[::]:25", "--mode", mode,
                   "--name", hosts.MAIL_NAME, "--spool", SPOOL, "--pid-file", "/run/gate.pid",
                   "--deliver-to", to, *STANDARD, *words]
        # its own process group of one: the shell is gone by exec, and the pid is in the file
        self.child = subprocess.Popen(
            self.gate.command("sh", "-c", 'exec "$0" "$@" 2>>/var/log/gate.log', *command),
            stdin=subprocess.DEVNULL)
        wait_for(self._gate_is_ready, 15, "the gate")

    def _gate_is_ready(self) -> bool:
        if self.child.poll() is not None:
            raise LabError(f"the gate has ended: {self.gate_log()[-2000:]}")
        return self.gate.run("test", "-s", "/run/gate.pid", check=False).returncode == 0

    def end_gate(self, signal: str = "TERM") -> int:
        """Ask it to end, or kill it; returns its exit code."""
        self.gate.sh(f"kill -{signal} $(cat /run/gate.pid)")
        return self.child.wait(60)

    def end_gate_if_it_runs(self) -> None:
        """After a test, whatever became of it."""
        if self.child and self.child.poll() is None:
            self.gate.sh("kill -9 $(cat /run/gate.pid)")
            self.child.wait(60)

    def forget(self) -> None:
        """As if nothing had been sent before: for a yard that several tests share."""
        self.gate.sh(f"rm -rf {SPOOL} /var/log/gate.log")
        self.new.sh("rm -rf /srv/sink/in /srv/sink/policy.log; : >/var/log/mail.log; "
                    "postsuper -d ALL 2>/dev/null")
        self.sender.sh(": >/var/log/mail.log; postsuper -d ALL 2>/dev/null")

    def gate_log(self) -> str:
        """What the gate has said so far."""
        return self.gate.sh("cat /var/log/gate.log || true")

    # ---- what has arrived ---------------------------------------------------------------------

    def arrived(self, goal: str = GOAL) -> list[bytes]:
        """Every message in a folder of the receiver."""
        script = (f"cd {goal}/new 2>/dev/null || exit 0; for f in *; do [ -f \"$f\" ] || continue; "
                  "printf '%s %s\\n' \"$(stat -c %s \"$f\")\" \"$f\"; cat \"$f\"; done")
        data, found = self.new.run("sh", "-c", script).stdout.encode("utf-8", "surrogateescape"), []
        while data:
            line, _, data = data.partition(b"\n")
            size = int(line.split()[0])
            found.append(data[:size])
            data = data[size:]
        return found

    def wait_for_arrivals(self, count: int, seconds: float = 30) -> list[bytes]:
        """Every message there, once at least `count` have come."""
        wait_for(lambda: int(self.new.sh(f"ls {GOAL}/new 2>/dev/null | wc -l")) >= count, seconds,
                 f"{count} messages on new", every=0.2)
        return self.arrived()

    def log(self, host: Host | None = None) -> str:
        """The mail log of a host, the receiver's when none is named."""
        return (host or self.new).read("/var/log/mail.log").decode("utf-8", "replace")

    def clients(self) -> list[str]:
        """Client addresses in the receiver's log, as it names them to policies and in Received."""
        return re.findall(r"client=\S*\[([0-9a-f.:]+)\]", self.log())


def program() -> Path:
    """The gate of the same build as the mailhaul that carries the lab."""
    return Path(sealed.program()).resolve().parent / "mailhaul-gate"


def start_postfix(host: Host) -> None:
    """Quicker than `postfix start`, which looks at every file first."""
    host.sh("mkdir -p /var/lib/postfix; chown postfix /var/lib/postfix\n"
            "install -m 640 -o postfix /dev/null /var/log/mail.log\n"
            "/usr/lib/postfix/sbin/master -w -c /etc/postfix </dev/null >/dev/null 2>&1")
