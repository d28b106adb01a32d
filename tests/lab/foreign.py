# SPDX-License-Identifier: BSD-2-Clause
"""Exim and OpenSMTPD as senders: the real programs, though Debian installs neither beside Postfix.

`tools/install-packages lab` unpacks them into a folder; a sealed host gets a copy.
"""

import os
from functools import cache
from pathlib import Path

from .sealed import File, Host, LabError

FOLDER = Path(os.environ.get("MAILHAUL_FOREIGN", "/var/cache/mailhaul-lab/foreign"))

_EXIM = """primary_hostname = {name}
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%slog
pid_file_path = /run/exim4/exim.pid
keep_environment =
host_lookup =
rfc1413_query_timeout = 0s
disable_ipv6 = true
smtputf8_advertise_hosts = *
local_interfaces = 127.0.0.1
daemon_smtp_ports = 26
trusted_users = root
untrusted_set_sender = *
never_users =
begin routers
out:
  driver = manualroute
  transport = out
  route_list = * {gate}
  self = send
begin transports
out:
  driver = smtp
  hosts_try_chunking = {chunking}
  hosts_try_dane =
  dnssec_request_domains =
  tls_verify_hosts =
  tls_try_verify_hosts =
begin retry
* * F,4d,2s
"""

_OPENSMTPD = """listen on socket
table aliases {{ root = root }}
action "out" relay host smtp://{gate} helo {name}
match from any for any action "out"
"""

_USERS = """getent passwd Debian-exim >/dev/null || {
	echo 'Debian-exim:x:5101:5101::/var/spool/exim4:/usr/sbin/nologin' >>/etc/passwd
	echo 'Debian-exim:x:5101:' >>/etc/group
	echo 'opensmtpd:x:5102:5102::/var/lib/opensmtpd/empty:/usr/sbin/nologin' >>/etc/passwd
	echo 'opensmtpq:x:5103:5103::/var/lib/opensmtpd/empty:/usr/sbin/nologin' >>/etc/passwd
	echo 'opensmtpd:x:5102:' >>/etc/group
	echo 'opensmtpq:x:5103:' >>/etc/group
}
mkdir -p /var/spool/exim4 /var/log/exim4 /run/exim4 /var/lib/opensmtpd/empty
chown Debian-exim:Debian-exim /var/spool/exim4 /var/log/exim4 /run/exim4
chmod 711 /var/lib/opensmtpd/empty; mkdir -p -m 711 /var/spool/smtpd
chown root:opensmtpq /opt/foreign/usr/sbin/smtpctl; chmod 2755 /opt/foreign/usr/sbin/smtpctl
ln -sfn /opt/foreign/usr/libexec/opensmtpd /usr/libexec/opensmtpd
ln -sf /opt/foreign/usr/sbin/smtpctl /opt/foreign/usr/sbin/smtpd /usr/sbin/
ln -sf /opt/foreign/usr/lib/*/libidn.so.12* /usr/lib/x86_64-linux-gnu/
install -m 4755 /opt/foreign/usr/sbin/exim4 /usr/sbin/exim4
"""


@cache
def _programs() -> dict[str, File]:
    """The unpacked packages as files below /opt/foreign."""
    if not (FOLDER / "usr/sbin/exim4").exists():
        raise LabError(f"{FOLDER} has no exim4: run tools/install-packages lab")
    return {f"/opt/foreign/{path.relative_to(FOLDER)}": File(path.read_bytes(), 0o755)
            for path in FOLDER.rglob("*")
            if path.is_file() and not {"share", "systemd", "init.d", "web"} & set(path.parts)}


def install(host: Host, gate: str, chunking: bool = True) -> None:
    """Give `host` both programs, set up so that each hands all its mail to `gate` port 25."""
    host.push(_programs() | {
        "/etc/exim4/exim4.conf": _EXIM.format(name=host.place.hostname, gate=gate,
                                              chunking="*" if chunking else ""),
        "/etc/smtpd.conf": File(_OPENSMTPD.format(name=host.place.hostname, gate=gate)),
    })
    host.sh(_USERS)


def start(host: Host) -> None:
    """Start both daemons."""
    for command in ("/usr/sbin/exim4 -bd -q2s", "/usr/sbin/smtpd"):
        host.sh(f"{command} </dev/null >/var/log/start-foreign.log 2>&1 || "
                "{ cat /var/log/start-foreign.log >&2; exit 1; }")


def exim_here(folder: Path) -> list[str]:
    """The words of a command that runs Exim on this machine: where `folder` has its user's row."""
    program = FOLDER / "usr/sbin/exim4"
    if not program.exists():
        raise LabError(f"{program} is not there: run tools/install-packages lab")
    for name, row in (("passwd", "Debian-exim:x:5101:5101::/var/spool/exim4:/usr/sbin/nologin\n"),
                      ("group", "Debian-exim:x:5101:\n")):
        (folder / name).write_text(Path("/etc", name).read_text(encoding="utf-8") + row,
                                   encoding="utf-8")
    (libraries,) = {path.parent for path in FOLDER.glob("usr/lib/*/libidn.so.12")}
    return ["unshare", "--mount", "sh", "-c",
            f"mount --bind {folder}/passwd /etc/passwd && mount --bind {folder}/group /etc/group && "
            f'LD_LIBRARY_PATH={libraries} exec {program} "$@"', "exim"]


def by_exim(host: Host, sender: str, recipients: list[str], message: bytes) -> None:
    """Hand a message to Exim, as its `sendmail` would."""
    host.run("/usr/sbin/exim4", "-odb", "-oi", "-f", sender, *recipients, stdin=message)


def by_opensmtpd(host: Host, sender: str, recipients: list[str], message: bytes) -> None:
    """Hand a message to OpenSMTPD: smtpctl is its sendmail by that name."""
    host.run("bash", "-c", 'exec -a sendmail /usr/sbin/smtpctl "$@"', "sendmail", "-i", "-f",
             sender, *recipients, stdin=message)
